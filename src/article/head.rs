//! bytes -> `Reading`: what an article says of itself.
//!
//! Nothing here fails and nothing panics: what cannot be used is refused with findings that have
//! places in the file.

use std::sync::Arc;

use crate::base::path::{FileKind, Markup};
use crate::base::{Diagnostic, RelPath, Severity, UrlPath, text};

use super::decode::{decode, stray_nul};
use super::front_matter::bare::withheld;
use super::front_matter::cascade::withheld_below;
use super::front_matter::keys::Keys;
use super::front_matter::tree::{self, Table};
use super::front_matter::{Split, split};
use super::location::{Location, date_among, is_of_jekyll, markup_of, without_language};
use super::model::{Head, Outline, Reading, TitleFrom};
use super::word_sketch::WordSketch;
use super::{html, markdown, plain_text, title};

/// Raised whenever the same bytes would give another head or body, so that heads kept in the ledger
/// are read again.
pub const HEAD_VERSION: u32 = 9;

/// Graphemes of a title.
const TITLE_MAX: usize = 1_000;

/// Graphemes of a summary that the front matter gives.
const SUMMARY_MAX: usize = 2_000;

/// The names of the date of publication.
const PUBLISHED: [&str; 5] = ["date", "published", "publishdate", "pubdate", "created"];

/// Those of them that hold an article back when they stand beside another (Hugo's and Astro's).
const HELD: [&str; 2] = ["publishdate", "pubdate"];

/// The names of the date of the last change.
const UPDATED: [&str; 9] = [
    "updated",
    "lastmod",
    "modified",
    "lastmodifiedat",
    "lastmodified",
    "updateddate",
    "lastupdated",
    "lastupdate",
    "updatedat",
];

/// The names of the date on which an article is withdrawn.
const EXPIRES: [&str; 4] = ["expires", "expirydate", "unpublish", "unpublishdate"];

/// The names of a summary.
const SUMMARY: [&str; 3] = ["summary", "description", "excerpt"];

/// Reads the head of the article, or of the `_index` file, at `path`.
pub fn head(path: &RelPath, bytes: &[u8]) -> Reading {
    let text = match decode(bytes) {
        Ok(text) => text,
        Err(refused) => return Reading::Refused(vec![refused]),
    };
    let markup = markup_of(path);
    let split = split(&text, markup);
    let none = Table::default();
    let reading = match markup {
        Markup::Markdown => {
            read(path, &split, &none, || markdown::outline(split.text), markdown::sketch)
        }
        Markup::Html => {
            let outline = html::outline(split.text);
            let meta = Table::of_meta(&outline.meta);
            read(path, &split, &meta, || outline, WordSketch::of_html)
        }
        Markup::Text => {
            read(path, &split, &none, || plain_text::outline(split.text), WordSketch::of)
        }
    };
    match reading {
        Reading::Article { head, sketch, mut diagnostics } => {
            diagnostics.extend(stray_nul(bytes));
            diagnostics.sort_by_key(|finding| finding.place);
            Reading::Article { head, sketch, diagnostics }
        }
        other => other,
    }
}

/// Reads a head from the front matter and the metadata of the text, and from the text's outline
/// where those have no title.
fn read(
    path: &RelPath,
    split: &Split<'_>,
    meta: &Table,
    outline: impl FnOnce() -> Outline,
    sketch: fn(&str) -> WordSketch,
) -> Reading {
    let front_matter = match tree::read(split) {
        Ok(front_matter) => front_matter,
        Err(refused) => return Reading::Refused(vec![refused]),
    };
    let syntax = split.front_matter.map(|(syntax, _)| syntax);
    let mut keys = Keys { front_matter: &front_matter, meta, syntax, findings: Vec::new() };
    let given_title = keys.title(TITLE_MAX);
    let has_title = given_title.as_deref().is_some_and(|title| !title.is_empty());
    // A section needs no text: its description alone is worth having, and what it keeps back.
    let is_section = matches!(FileKind::of(path), FileKind::Section(_));
    let withheld_below = if is_section { withheld_below(&front_matter) } else { Vec::new() };
    let describes =
        is_section && (front_matter.get(&SUMMARY).is_some() || !withheld_below.is_empty());
    // `dropfeed new --publish` writes this: the title alone is not worth publishing.
    let awaits_words = keys.status().as_deref() == Some("when-written");
    // An article with a title needs nothing of the outline, for which the text is parsed.
    let outline = if has_title && !awaits_words { Outline::default() } else { outline() };
    if !outline.has_words && (!has_title || awaits_words) && !describes {
        return Reading::Empty;
    }
    let mut head = assemble(path, &mut keys, given_title, &outline).shrunk();
    head.withheld_below = withheld_below;
    keys.review();
    if syntax.is_none()
        && let Some(line) = withheld(split.text)
    {
        head.draft = true;
        let message = "the lines at the beginning are not front matter, and are text; since one \
                       says that this is not to be published, it is kept as a draft";
        keys.findings.push(Diagnostic::warning("front-matter", message).at(line, 1));
    }
    let mut diagnostics = keys.findings;
    diagnostics.sort_by_key(|finding| finding.place);
    if diagnostics.iter().any(|finding| finding.severity == Severity::Error) {
        return Reading::Refused(diagnostics);
    }
    Reading::Article { head: Arc::new(head), sketch: Arc::new(sketch(split.text)), diagnostics }
}

fn assemble(
    path: &RelPath,
    keys: &mut Keys<'_>,
    given_title: Option<String>,
    outline: &Outline,
) -> Head {
    let location = Location::of(path);
    let (title, title_from) = choose_title(given_title, outline, &location, path);
    let own_path = keys.path();
    let directory = url_directory(own_path.as_deref(), &location);
    let dated_path = own_path.as_deref().and_then(|path| date_among(path.split('/')));
    Head {
        title,
        title_from,
        published: keys.date(&PUBLISHED, location.date.or(dated_path)),
        not_before: keys.other_date(&HELD, &PUBLISHED),
        updated: keys.date(&UPDATED, None),
        expires: keys.date(&EXPIRES, None),
        authors: keys.authors(),
        tags: keys.tags(is_of_jekyll(path)),
        summary: keys.prose(&SUMMARY, SUMMARY_MAX).filter(|summary| !summary.is_empty()),
        slug: keys.slug(),
        path: own_path,
        id: keys.id(),
        aliases: keys.aliases(&directory),
        external_url: keys.url(&["link", "externalurl"]),
        canonical: keys.url(&["canonical", "canonicalurl"]),
        language: keys.language().or(location.language),
        image: keys.image(),
        private_files: Vec::new(),
        math: keys.math(),
        draft: location.draft | keys.is_withheld(),
        unlisted: keys.is_unlisted(),
        no_feed: keys.is_kept_from_feeds(),
        feed_only: keys.flag(&["feedonly"]).unwrap_or(false),
        withheld_below: Vec::new(),
    }
}

/// The directory of the article's page, to which its aliases may be relative.
fn url_directory(own_path: Option<&str>, location: &Location) -> RelPath {
    let directory = match own_path {
        Some(path) => {
            let path = path.trim_end_matches('/');
            path.rsplit_once('/').map(|(directory, _)| directory.to_owned())
        }
        None => UrlPath::of_names(location.directories.iter().map(String::as_str))
            .map(|directory| directory.as_str().to_owned()),
    };
    directory.and_then(|directory| RelPath::new(&directory)).unwrap_or_else(RelPath::root)
}

/// The title: the front matter's; else the text's heading; else a file name made of words; else the
/// first sentence; else the file name, whatever it is made of.
fn choose_title(
    given: Option<String>,
    outline: &Outline,
    location: &Location,
    path: &RelPath,
) -> (String, TitleFrom) {
    if let Some(title) = given {
        return (title, TitleFrom::FrontMatter);
    }
    if let Some((heading, from)) = &outline.title {
        let heading = text::line(heading);
        let heading = title::without_permalink(&heading);
        if !heading.is_empty() {
            return (text::excerpt(heading, TITLE_MAX).into_owned(), *from);
        }
    }
    let name = location.names.last().map_or(path.stem(), String::as_str);
    let name = without_language(name);
    if let Some(title) = title::of_words(name) {
        return (text::excerpt(&title, TITLE_MAX).into_owned(), TitleFrom::FileName);
    }
    if let Some(title) = title::of_sentence(&outline.opening) {
        return (title, TitleFrom::Text);
    }
    (title::plain(name), TitleFrom::FileName)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::time::Written;

    const WORDS: &str = "Some words.";

    fn outline(text: &str) -> Outline {
        Outline {
            opening: text.trim().to_owned(),
            has_words: !text.trim().is_empty(),
            ..Outline::default()
        }
    }

    fn read_at(path: &str, text: &str) -> Reading {
        let path_of = RelPath::new(path).unwrap();
        let split = split(text, markup_of(&path_of));
        read(&path_of, &split, &Table::default(), || outline(split.text), WordSketch::of)
    }

    fn article(path: &str, text: &str) -> (Head, Vec<String>) {
        match read_at(path, text) {
            Reading::Article { head, diagnostics, .. } => {
                ((*head).clone(), diagnostics.iter().map(ToString::to_string).collect())
            }
            other => panic!("{text:?}: {other:?}"),
        }
    }

    /// The head of an article with front matter in YAML, which has no findings.
    fn yaml(front_matter: &str) -> Head {
        let (head, findings) = article("a.md", &format!("---\n{front_matter}\n---\n{WORDS}"));
        assert!(findings.is_empty(), "{front_matter}: {findings:?}");
        head
    }

    /// The date as it stands in a head.
    fn show(date: Option<Written>) -> String {
        match date {
            None => "none".to_owned(),
            Some(Written::Day(day)) => day.to_string(),
            Some(Written::Local(local)) => local.to_string(),
            Some(Written::Instant(instant)) => instant.to_string(),
        }
    }

    #[test]
    fn titles() {
        for (path, text, title, from) in [
            ("a.md", "---\ntitle: 123\n---\n", "123", TitleFrom::FrontMatter),
            ("a.md", "---\ntitle: no\n---\n", "no", TitleFrom::FrontMatter),
            ("a.md", "---\ntitle: 2026-01-02\n---\n", "2026-01-02", TitleFrom::FrontMatter),
            ("a.md", "+++\ntitle = 2026-01-02\n+++\n", "2026-01-02", TitleFrom::FrontMatter),
            ("a.md", "{\"title\": 1.0}\n", "1.0", TitleFrom::FrontMatter),
            ("a.md", "---\ntitle: \"a\\n  b\\x01\"\n---\n", "a b", TitleFrom::FrontMatter),
            ("a.md", "---\ntitle: \"\"\n---\nWords", "", TitleFrom::FrontMatter),
            ("my-first-post.md", "---\ntitle:\n---\nWords", "My first post", TitleFrom::FileName),
            ("2026-11-22-my-post.md", "Words", "My post", TitleFrom::FileName),
            ("trip-to-rome/index.md", "Words", "Trip to rome", TitleFrom::FileName),
            ("IMG_1234.txt", "Short text. More.", "Short text", TitleFrom::Text),
            ("index.md", "---\nlang: de\n---\nWords of it", "Words of it", TitleFrom::Text),
        ] {
            let (head, _) = article(path, text);
            assert_eq!((head.title.as_str(), head.title_from), (title, from), "{text:?}");
        }
        let heading = Outline {
            title: Some((" The\nheading ".to_owned(), TitleFrom::Heading)),
            ..Outline::default()
        };
        let path = RelPath::new("a.md").unwrap();
        let chosen = choose_title(None, &heading, &Location::of(&path), &path);
        assert_eq!(chosen, ("The heading".to_owned(), TitleFrom::Heading));
        let no_opening = RelPath::new("IMG_1.md").unwrap();
        let chosen =
            choose_title(None, &Outline::default(), &Location::of(&no_opening), &no_opening);
        assert_eq!(chosen, ("IMG 1".to_owned(), TitleFrom::FileName));
    }

    #[test]
    fn comments_are_in_no_part_of_a_head() {
        let seen = |text: &str| head(&RelPath::new("IMG_1.md").unwrap(), text.as_bytes());
        let Reading::Article { head: commented, sketch, .. } =
            seen("%%hid%%\n\na %%hid%% b\n\n%%\nhid\n\nhid\n%%\n")
        else {
            panic!()
        };
        assert_eq!((commented.title.as_str(), commented.title_from), ("a b", TitleFrom::Text));
        assert_eq!(*sketch, WordSketch::of("a b"));
        assert_eq!(seen("%%hid%%\n"), Reading::Empty);
        // The end of a comment may be far from its beginning.
        let far = "hid\n\n".repeat(2000);
        for (begin, end) in [
            ("<!-- {% comment %} -->", "<!-- {% endcomment %} -->"),
            ("{#", "#}"),
            ("{{/*", "*/}}"),
            ("{/*", "*/}"),
        ] {
            let Reading::Article { head, .. } = seen(&format!("{begin}\n{far}{end}\n\na b\n"))
            else {
                panic!()
            };
            assert_eq!(head.title, "a b", "{begin}");
        }
    }

    #[test]
    fn nothing_yet() {
        for text in [
            "",
            "\n",
            "---\n---\n",
            "---\ntitle: \"\"\n---\n",
            "---\ndate: 2026-11-22\n---\n\n",
            "---\ntitle: Hello\nstatus: when-written\n---\n\n",
        ] {
            assert_eq!(read_at("my-post.md", text), Reading::Empty, "{text:?}");
        }
    }

    #[test]
    fn sections() {
        let (head, _) = article("news/_index.md", "---\ndescription: What is new\n---\n");
        assert_eq!((head.title.as_str(), head.title_from), ("News", TitleFrom::FileName));
        assert_eq!(head.summary.as_deref(), Some("What is new"));
        assert_eq!(read_at("news/_index.md", "---\nsort_by: date\n---\n"), Reading::Empty);
    }

    #[test]
    fn findings_stand_in_the_order_of_the_file() {
        let (_, findings) =
            article("a.md", "---\nimage: 'data:x'\nlang: deutsch!\nlink: x\n---\nw");
        assert_eq!(
            findings.iter().map(|finding| &finding[..2]).collect::<Vec<_>>(),
            ["2:", "3:", "4:"]
        );
    }

    #[test]
    fn dates() {
        for (path, front_matter, published) in [
            ("a.md", "date: 2026-11-22", "2026-11-22"),
            ("a.md", "published: 2026-11-22 10:00", "2026-11-22T10:00:00"),
            ("a.md", "publishDate: 2026-11-22T10:00:00+01:00", "2026-11-22T09:00:00Z"),
            ("a.md", "pubDate: Nov 22 2026", "2026-11-22"),
            ("a.md", "created: 2026-11-21\ndate: 2026-11-22", "2026-11-22"),
            ("a.md", "published: true\ncreated: 2026-11-22", "2026-11-22"),
            ("a.md", "date: ''\ncreated: 2026-11-22", "2026-11-22"),
            ("2026-11-22-a.md", "title: x", "2026-11-22"),
            ("2026-11-22-a.md", "date: 2026-11-23", "2026-11-23"),
            ("a.md", "path: blog/2014/12/12/1.0-Timeline", "2014-12-12"),
            ("2026/11/22/a.md", "path: 2014/12/12/b", "2026-11-22"),
            ("a.md", "title: x", "none"),
        ] {
            let (head, _) = article(path, &format!("---\n{front_matter}\n---\n{WORDS}"));
            assert_eq!(show(head.published), published, "{front_matter}");
        }
        for (front_matter, published, not_before) in [
            ("date: 2026-11-20\npublishDate: 2026-11-22", "2026-11-20", "2026-11-22"),
            (
                "publishdate: 2026-11-22 10:00\ndate: 2026-11-20",
                "2026-11-20",
                "2026-11-22T10:00:00",
            ),
            ("pubDate: 2026-11-22\npublished: 2026-11-20", "2026-11-20", "2026-11-22"),
            ("date: 2026-11-20\npublishDate:", "2026-11-20", "none"),
            ("publishDate: 2026-11-22\ncreated: 2026-11-20", "2026-11-22", "none"),
            ("published: true\npublishDate: 2026-11-22", "2026-11-22", "none"),
        ] {
            let head = yaml(front_matter);
            assert_eq!(
                (show(head.published).as_str(), show(head.not_before).as_str()),
                (published, not_before),
                "{front_matter}"
            );
        }
        let head = yaml("lastmod: 2026-11-22\nexpiryDate: 2026-12-01 10:00 UTC");
        assert_eq!(
            (show(head.updated), show(head.expires)),
            ("2026-11-22".into(), "2026-12-01T10:00:00Z".into())
        );
        for key in ["updated", "modified", "last_modified_at", "Last-Modified-At"] {
            assert_eq!(show(yaml(&format!("{key}: 2026-11-22")).updated), "2026-11-22");
        }
        for key in ["expires", "unpublish"] {
            assert_eq!(show(yaml(&format!("{key}: 2026-11-22")).expires), "2026-11-22");
        }
    }

    #[test]
    fn refused() {
        for (text, code, shown) in [
            (
                "---\ntitle: x\ndate: 2026-02-30\n---\nw",
                "date",
                "3:7: `date: 2026-02-30` is not a day of the calendar",
            ),
            (
                "---\ndate: 03/01/2026\n---\nw",
                "date",
                "2:7: `date: 03/01/2026` may mean 2026-01-03 or 2026-03-01",
            ),
            (
                "---\ndate: 2026-11-22\npublishDate: soon\n---\nw",
                "date",
                "3:14: `publishDate: soon` is not a recognised date",
            ),
            ("---\nexpires: [x]\n---\nw", "date", "2:10: `expires` is not a date"),
            ("---\ntitle: a: b\n---\nw", "front-matter", "2:"),
            (
                "---\ndraft: maybe\n---\nw",
                "front-matter",
                "2:8: `draft: maybe` is neither true nor false",
            ),
            ("+++\ndraft = [1]\n+++\nw", "front-matter", "2:9: `draft` is neither true nor false"),
        ] {
            let Reading::Refused(findings) = read_at("a.md", text) else { panic!("{text:?}") };
            let last = findings.last().unwrap();
            assert_eq!((last.severity, last.code.as_str()), (Severity::Error, code));
            assert!(last.to_string().starts_with(shown), "{last}");
        }
        let path = RelPath::new("a.md").unwrap();
        assert!(
            matches!(head(&path, b"\xff"), Reading::Refused(findings) if findings[0].code == "not-utf-8")
        );
    }

    #[test]
    fn flags() {
        let flags = |head: Head| {
            let all = [
                (head.draft, "draft"),
                (head.unlisted, "unlisted"),
                (head.no_feed, "no_feed"),
                (head.feed_only, "feed_only"),
            ];
            all.into_iter()
                .filter_map(|(set, name)| set.then_some(name))
                .collect::<Vec<_>>()
                .join(" ")
        };
        for (front_matter, expected) in [
            ("draft: true", "draft"),
            ("draft: Yes", "draft"),
            ("draft: false", ""),
            ("draft:", ""),
            ("published: false", "draft"),
            ("published: true", ""),
            ("render: false", "draft"),
            ("render: true", ""),
            ("status: Draft", "draft"),
            ("status: hidden", "unlisted"),
            ("status: unlisted", "unlisted"),
            ("status: published", ""),
            ("unlisted: true", "unlisted"),
            ("eleventyExcludeFromCollections: true", "unlisted"),
            ("feed: false", "no_feed"),
            ("feed: {excerpt_only: true}", ""),
            ("feed_only: true", "feed_only"),
            ("feedOnly: true", "feed_only"),
        ] {
            assert_eq!(flags(yaml(front_matter)), expected, "{front_matter}");
        }
        assert!(article("_drafts/a.md", WORDS).0.draft);
    }

    #[test]
    fn people_and_tags() {
        let authors = |text: &str| {
            article("a.md", text)
                .0
                .authors
                .into_iter()
                .map(|person| person.name)
                .collect::<Vec<_>>()
                .join("|")
        };
        for (text, expected) in [
            ("---\nauthor: Ada, Countess\n---\nw", "Ada, Countess"),
            ("---\nauthors: [Ada, Charles]\n---\nw", "Ada|Charles"),
            ("+++\n[taxonomies]\nauthors = [\"Ada\"]\n+++\nw", "Ada"),
            ("Title: x\nAuthors: Ada, Charles\n\nw", "Ada|Charles"),
            ("Title: x\nAuthors: Lovelace, Ada; Babbage, C\n\nw", "Lovelace, Ada|Babbage, C"),
            ("Title: x\nAuthor: Lovelace, Ada\n\nw", "Lovelace, Ada"),
        ] {
            assert_eq!(authors(text), expected, "{text:?}");
        }
        let tags = |path: &str, text: &str| article(path, text).0.tags.join("|");
        for (path, text, expected) in [
            ("a.md", "---\ntags: [a, b]\ncategories: [c, a]\n---\nw", "a|b|c"),
            ("a.md", "---\ntags: [a]\ncategory: d e\n---\nw", "a|d e"),
            ("a.md", "---\ncategories: jekyll update\n---\nw", "jekyll update"),
            (
                "_posts/2026-11-22-a.md",
                "---\ncategories: jekyll update\ncategory: x y\n---\nw",
                "jekyll|update|x y",
            ),
            ("a.md", "+++\n[taxonomies]\ntags = [\"a b\"]\ncategories = [\"c\"]\n+++\nw", "a b|c"),
            ("a.md", "Title: x\nTags: a, b c\nCategory: d\n\nw", "a|b c|d"),
            ("a.md", "---\nkeywords: [seo]\n---\nw", ""),
            ("a.md", "---\ntags: []\n---\nw", ""),
        ] {
            assert_eq!(tags(path, text), expected, "{text:?}");
        }
    }

    #[test]
    fn other_fields() {
        let head = yaml(
            "summary: >\n  a\n  b\nslug: /x-y/\nurl: /a/b/\nid: 7\nguid: 007\naliases: [/old/, Other name, o.html]\n\
             external_url: https://example.org/ü\ncanonicalUrl: https://example.com\nlang: de_at\ncover: {image: img/a b.png, alt: x}",
        );
        assert_eq!(head.summary.as_deref(), Some("a b"));
        assert_eq!(head.slug.as_deref(), Some("x-y"));
        assert_eq!(head.path.as_deref(), Some("a/b/"));
        assert_eq!(head.id.as_deref(), Some("007"));
        assert_eq!(head.aliases, ["old", "a/o.html", "o.html"]);
        assert_eq!(head.external_url.as_deref(), Some("https://example.org/%C3%BC"));
        assert_eq!(head.canonical.as_deref(), Some("https://example.com/"));
        assert_eq!(head.language.as_deref(), Some("de-AT"));
        assert_eq!(head.image.as_deref(), Some("img/a b.png"));
        assert_eq!(yaml("redirect_from: /old").aliases, ["old"]);
        assert_eq!(
            yaml("redirect_from: [o.html]\naliases: /b\nurl: /c/d").aliases,
            ["b", "o.html"]
        );
        assert_eq!(yaml("images: [a.png, b.png]").image.as_deref(), Some("a.png"));
        assert_eq!(yaml("uuid: x y").id.as_deref(), Some("x y"));
        assert_eq!(yaml("description: ''\nunknown: {a: [b]}").summary, None);
    }

    #[test]
    fn findings_that_keep_nothing_back() {
        for (front_matter, finding) in [
            ("title: [a]", "2:8: `title` is not text, and is ignored"),
            (
                "link: /relative",
                "2:7: `link: /relative` is not an absolute http or https URL, and is ignored",
            ),
            ("canonical: ftp://x", "is not an absolute"),
            (
                "lang: deutsch!",
                "2:7: `lang: deutsch!` is not a language tag (BCP 47), and is ignored",
            ),
            (
                "permalink: /:year/:title/",
                "2:12: `permalink: /:year/:title/` is a pattern, and is ignored",
            ),
            ("permalink: false", "is a pattern"),
            ("permalink: /../x", "is not a URL path"),
            ("url: /", "is the home page"),
            ("image: 'data:image/png;base64,x'", "is neither a path nor"),
            ("date: 2026-11-22 10:00 XYZ", "has an unknown time zone, XYZ"),
            ("date: git Created", "is not used"),
            ("date: 0001-01-01T00:00:00Z", "is Go's zero time"),
            ("author: {email: x@y.z}", "names no author"),
            ("tags: {a: b}", "holds something that is not a tag"),
        ] {
            let (_, findings) = article("a.md", &format!("---\n{front_matter}\n---\n{WORDS}"));
            assert!(
                findings.len() == 1 && findings[0].contains(finding),
                "{front_matter}: {findings:?}"
            );
        }
        let (head, findings) =
            article("a.md", &format!("---\ntitle: {}\n---\n", "x".repeat(2_000)));
        assert_eq!((head.title.chars().count(), findings.len()), (TITLE_MAX + 1, 1));
    }

    #[test]
    fn an_html_document_speaks_where_no_header_does() {
        let meta = [
            ("date", "2026-11-22"),
            ("modified", "no date"),
            ("author", "Ada"),
            ("author", "Charles"),
            ("tags", "a, b"),
            ("description", "From the head"),
            ("lang", "de"),
        ];
        let meta = meta.map(|(name, text)| (name.to_owned(), text.to_owned())).to_vec();
        let meta = Table::of_meta(&meta);
        let text = "---\nlang: fr\n---\n<p>w</p>";
        let path = RelPath::new("a.html").unwrap();
        let Reading::Article { head, diagnostics, .. } =
            read(&path, &split(text, Markup::Html), &meta, || outline("w"), WordSketch::of_html)
        else {
            panic!()
        };
        assert_eq!(show(head.published), "2026-11-22");
        assert_eq!(head.updated, None);
        assert_eq!(head.authors.len(), 2);
        assert_eq!(head.tags, ["a", "b"]);
        assert_eq!(head.summary.as_deref(), Some("From the head"));
        assert_eq!(head.language.as_deref(), Some("fr"));
        assert_eq!((diagnostics.len(), diagnostics[0].severity), (1, Severity::Warning));
    }

    proptest! {
        #[test]
        fn every_text_of_a_head_is_safe(
            key in "(title|date|author|tags|summary|slug|url|id|aliases|link|lang|image|draft|status)",
            value in "(\"\\PC{0,20}\"|\\[?\\PC{0,20}|\"(\\\\x0[1-8]|\\\\u0080|\\\\uFFFE|a/b| |:){0,6}\")",
        ) {
            let text = format!("---\n{key}: {value}\n---\nSome words.");
            if let Reading::Article { head, .. } = read_at("a.md", &text) {
                let head = (*head).clone();
                let texts = [Some(head.title), head.summary, head.slug, head.path, head.id, head.external_url, head.language, head.image];
                let names = head.authors.into_iter().map(|person| person.name);
                for text in texts.into_iter().flatten().chain(head.tags).chain(head.aliases).chain(names) {
                    prop_assert!(text.chars().all(|c| text::is_safe(c) && !matches!(c, '\n' | '\t' | '\r')), "{:?}", text);
                }
            }
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60), fence in "(---\n|\\+\\+\\+\n|\\{\"a\":|)") {
            let mut all = fence.clone().into_bytes();
            all.extend(bytes);
            all.extend(fence.trim().as_bytes());
            for name in ["a.md", "b.html", "2026-11-22-c.txt"] {
                head(&RelPath::new(name).unwrap(), &all);
            }
        }
    }
}
