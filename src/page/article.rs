//! The page of one article: an h-entry.

use std::borrow::Cow;

use askama::Template;

use crate::article::Person;
use crate::base::direction::Direction;
use crate::base::{Route, Scope, text};
use crate::config::{self, Config};
use crate::library::{Article, audience};

use super::format::{self, Moment};
use super::frame::{Frame, Kind};
use super::structured::{self, Posting};
use super::{Link, Named, advertised, render, scope_url, scroll, url, web};

/// Characters of a note's text that are used as its name.
const NOTE_NAME_CHARACTERS: usize = 60;

/// The content of the page of one article.
#[derive(Debug, Clone, Copy)]
pub struct ArticlePage<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// The article.
    pub article: &'a Article,
    /// Its body: sanitised, with absolute references. The only text that is not escaped.
    pub html: &'a str,
    /// Its summary: plain text, perhaps empty.
    pub summary: &'a str,
    /// Its picture, an absolute URL.
    pub image: Option<&'a str>,
    /// The section it is in.
    pub section: Option<&'a Named<'a>>,
    /// Its authors, in order; empty if the site's author wrote it.
    pub authors: &'a [Byline<'a>],
    /// Its tags, in order.
    pub tags: &'a [Named<'a>],
    /// The public article before it by number.
    pub older: Option<&'a Article>,
    /// The public article after it by number.
    pub newer: Option<&'a Article>,
}

/// An author, and the scope of their articles if it has a page.
#[derive(Debug, Clone, PartialEq)]
pub struct Byline<'a> {
    /// The author.
    pub person: &'a Person,
    /// The scope of their articles; `None` if the site has a single author.
    pub scope: Option<Scope>,
}

#[derive(Template)]
#[template(path = "article.html", whitespace = "minimize")]
struct View<'a> {
    frame: Frame<'a>,
    site: &'a config::Site,
    url: String,
    /// JSON-LD.
    structured: String,
    /// Empty for a note.
    title: &'a str,
    published: Moment,
    updated: Option<Moment>,
    section: Option<Link>,
    authors: Vec<Author<'a>>,
    tags: Vec<Tag<'a>>,
    external: Option<Link>,
    image: Option<&'a str>,
    html: String,
    /// Empty for a note, which is all there is to it.
    summary: &'a str,
    direction: Direction,
    older: Option<Neighbour<'a>>,
    newer: Option<Neighbour<'a>>,
}

struct Neighbour<'a> {
    url: String,
    name: String,
    language: &'a str,
}

struct Author<'a> {
    name: &'a str,
    /// The target of the name: more of their articles here, else their own site.
    url: Option<String>,
    /// Their own site, if the name does not link to it.
    website: Option<Link>,
}

struct Tag<'a> {
    name: &'a str,
    url: Option<String>,
}

/// The page of one article.
pub fn article(page: &ArticlePage<'_>) -> String {
    let (site, article, head) = (&page.config.site, page.article, &page.article.head);
    let url = article_url(site, article);
    let published = format::day(site, article.published);
    let name = name(&head.title, page.summary, &published);
    let updated = format::change(site, article.published, article.updated);
    let authors = authors(page);
    let structured = structured(
        page,
        &name,
        &url,
        &authors,
        [&published, updated.as_ref().unwrap_or(&published)],
    );
    render(&View {
        frame: frame(page, &name, &url),
        site,
        structured,
        title: &head.title,
        direction: Direction::of(head.language.as_deref(), page.html),
        updated,
        section: section(page),
        authors,
        tags: tags(page),
        external: web_link(head.external_url.as_deref()),
        image: page.image.and_then(web),
        html: scroll::reachable(page.html),
        summary: if head.title.is_empty() { "" } else { page.summary },
        older: page.older.map(|older| neighbour(site, older)),
        newer: page.newer.map(|newer| neighbour(site, newer)),
        url,
        published,
    })
}

fn frame<'a>(page: &ArticlePage<'a>, name: &str, own_url: &str) -> Frame<'a> {
    let (site, head) = (&page.config.site, &page.article.head);
    // An article may name the page on which it was first published.
    let canonical = head.canonical.as_deref().and_then(web).unwrap_or(own_url);
    Frame {
        language: head.language.as_deref().unwrap_or(&site.language),
        description: if page.summary.is_empty() { None } else { Some(page.summary) },
        canonical: Some(canonical.to_owned()),
        image: page.image.and_then(web),
        kind: Kind::Article,
        hidden: !audience(page.article).search,
        feed: Some(advertised(page.config, &Scope::Site, &site.title)),
        ..Frame::of(page.config, name, own_url)
    }
}

/// The article as JSON-LD. `dates`: published, and last changed.
fn structured(
    page: &ArticlePage<'_>,
    name: &str,
    own_url: &str,
    authors: &[Author<'_>],
    [published, modified]: [&Moment; 2],
) -> String {
    let (site, head) = (&page.config.site, &page.article.head);
    let mut people = Vec::with_capacity(authors.len());
    for author in authors {
        people.push((author.name, author.url.as_deref()));
    }
    let tags: Vec<&str> = page.tags.iter().map(|tag| tag.name).collect();
    structured::posting(&Posting {
        url: own_url,
        headline: name,
        description: page.summary,
        language: head.language.as_deref().unwrap_or(&site.language),
        published: &published.machine,
        modified: &modified.machine,
        image: page.image.and_then(web),
        authors: &people,
        tags: &tags,
        site: (&site.title, &url(site, &Route::Home)),
    })
}

/// The name of an article, never empty: its title, else its first words, else its day.
fn name<'a>(title: &'a str, summary: &'a str, published: &Moment) -> Cow<'a, str> {
    match (title, summary) {
        ("", "") => Cow::Owned(published.human.clone()),
        ("", summary) => text::excerpt(summary, NOTE_NAME_CHARACTERS),
        (title, _) => Cow::Borrowed(title),
    }
}

fn authors<'a>(page: &ArticlePage<'a>) -> Vec<Author<'a>> {
    // An article without authors is by the site's author, whose page is the home page.
    if page.authors.is_empty() {
        let site = &page.config.site;
        let home = url(site, &Route::Home);
        return vec![Author { name: &site.author, url: Some(home), website: None }];
    }
    page.authors.iter().map(|byline| author(&page.config.site, byline)).collect()
}

fn author<'a>(site: &config::Site, byline: &Byline<'a>) -> Author<'a> {
    let name = &byline.person.name;
    let website = byline.person.url.as_deref();
    match &byline.scope {
        Some(scope) => {
            Author { name, url: Some(scope_url(site, scope)), website: web_link(website) }
        }
        // Without a page of their articles, the name links to their own site.
        None => Author { name, url: website.and_then(web).map(str::to_owned), website: None },
    }
}

fn tags<'a>(page: &ArticlePage<'a>) -> Vec<Tag<'a>> {
    let mut tags = Vec::with_capacity(page.tags.len());
    for Named { name, scope } in page.tags {
        let url = scope.as_ref().map(|scope| scope_url(&page.config.site, scope));
        tags.push(Tag { name, url });
    }
    tags
}

fn section(page: &ArticlePage<'_>) -> Option<Link> {
    let Named { name, scope } = page.section?;
    Some(Link { url: scope_url(&page.config.site, scope.as_ref()?), name: (*name).to_owned() })
}

fn neighbour<'a>(site: &'a config::Site, article: &'a Article) -> Neighbour<'a> {
    let head = &article.head;
    let summary = head.summary.as_deref().unwrap_or_default();
    Neighbour {
        url: article_url(site, article),
        name: name(&head.title, summary, &format::day(site, article.published)).into_owned(),
        language: head.language.as_deref().unwrap_or(&site.language),
    }
}

/// A link whose text is its own URL, if that is http(s).
fn web_link(url: Option<&str>) -> Option<Link> {
    let url = web(url?)?;
    Some(Link { url: url.to_owned(), name: format::readable(url).to_owned() })
}

fn article_url(site: &config::Site, article: &Article) -> String {
    url(site, &Route::Resource(article.url.clone()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::sample;
    use super::*;
    use crate::article::Head;
    use crate::base::{Format, UrlPath};

    /// The page of an article with this head, with everything that a page can have, or nothing of
    /// it.
    fn page(head: Head, everything: bool) -> String {
        let mut article = sample::article("news/my-post", head);
        let person = article.head.authors.clone();
        let tags = article.head.tags.clone();
        let tag = |name| Scope::Tag(UrlPath::of_names([name].into_iter()).unwrap());
        let tags: Vec<_> = tags.iter().map(|name| Named { name, scope: Some(tag(name)) }).collect();
        let scope = everything.then(|| Scope::Author(UrlPath::new("ada").unwrap()));
        let authors: Vec<_> =
            person.iter().map(|person| Byline { person, scope: scope.clone() }).collect();
        let summary = article.head.summary.clone().unwrap_or_default();
        let neighbour = sample::article("other", article.head.as_ref().clone());
        let section =
            Named { name: &summary, scope: Some(Scope::Directory(UrlPath::new("news").unwrap())) };
        if everything {
            article.updated = sample::at("2026-11-25T10:00:00Z");
        }
        super::article(&ArticlePage {
            config: &sample::config(""),
            article: &article,
            html: "<p>Body &amp; soul.</p>",
            summary: &summary,
            image: everything.then_some("https://example.org/a.png"),
            section: everything.then_some(&section),
            authors: &authors,
            tags: &tags,
            older: everything.then_some(&neighbour),
            newer: everything.then_some(&neighbour),
        })
    }

    fn full(text: &str) -> Head {
        Head {
            authors: vec![Person {
                name: text.into(),
                email: None,
                url: Some(format!("https://a.example/{text}")),
            }],
            tags: vec![text.into()],
            summary: Some(text.into()),
            external_url: Some(format!("https://example.com/{text}")),
            canonical: Some(format!("https://example.net/{text}")),
            language: Some("de".into()),
            unlisted: true,
            ..sample::head(text)
        }
    }

    #[track_caller]
    fn check(page: &str, parts: &[&str]) {
        for part in parts {
            assert!(page.contains(part), "no {part} in\n{page}");
        }
    }

    #[test]
    fn a_plain_article() {
        let page = page(sample::head("My Post"), false);
        check(
            &page,
            &[
                "<html lang=\"en\">",
                "<title>My Post – Field Notes</title>",
                "<link rel=\"canonical\" href=\"https://example.org/news/my-post\">",
                "<link rel=\"alternate\" type=\"application/atom+xml\" title=\"Field Notes\" \
                 href=\"https://example.org/atom.xml\">",
                "<meta property=\"og:title\" content=\"My Post\">",
                "<meta property=\"article:published_time\" content=\"2026-11-23T23:30:00Z\">",
                "<meta name=\"twitter:card\" content=\"summary\">",
                "<article class=\"h-entry\" dir=\"ltr\">",
                "<h1 class=\"p-name\">My Post</h1>",
                "<a class=\"u-url u-uid\" href=\"https://example.org/news/my-post\"><time class=\"dt-published\" \
                 datetime=\"2026-11-23T23:30:00Z\">24 November 2026</time></a>, by <span class=\"p-author h-card\" \
                 lang=\"en\"><a class=\"p-name u-url\" dir=\"auto\" href=\"https://example.org/\">Ada Lovelace</a></span></p>",
                "<div class=\"e-content\">\n<p>Body &amp; soul.</p>\n</div>",
            ],
        );
        for absent in [
            "dt-updated",
            "p-category",
            "og:image",
            "og:description",
            "noindex",
            "rel=\"prev\"",
            "<data",
        ] {
            assert!(!page.contains(absent), "{absent} in\n{page}");
        }
        assert_eq!(page.matches("rel=\"alternate\"").count(), 1);
    }

    #[test]
    fn an_article_with_everything() {
        check(
            &page(full("Tee"), true),
            &[
                "<html lang=\"de\">",
                "<meta name=\"description\" content=\"Tee\">",
                "<meta name=\"robots\" content=\"noindex\">",
                "<link rel=\"canonical\" href=\"https://example.net/Tee\">",
                "<meta property=\"og:image\" content=\"https://example.org/a.png\">",
                "<meta property=\"article:modified_time\" content=\"2026-11-25T10:00:00Z\">",
                "<meta property=\"article:tag\" content=\"Tee\">",
                "content=\"summary_large_image\"",
                "<a dir=\"auto\" lang=\"en\" href=\"https://example.org/news/\">Tee</a></nav>",
                "<data class=\"p-summary\" value=\"Tee\"></data>",
                "<data class=\"u-featured\" value=\"https://example.org/a.png\"></data>",
                "\"dateModified\":\"2026-11-25T10:00:00Z\"",
                ", updated <time class=\"dt-updated\" datetime=\"2026-11-25T10:00:00Z\">25 November 2026</time>, by",
                "<a class=\"p-name\" dir=\"auto\" href=\"https://example.org/authors/ada/\">Tee</a> \
                 (<a class=\"u-url\" href=\"https://a.example/Tee\">a.example/Tee</a>)",
                "Link: <a class=\"u-bookmark-of\" href=\"https://example.com/Tee\">example.com/Tee</a>",
                "<a class=\"p-category\" dir=\"auto\" rel=\"tag\" href=\"https://example.org/tags/tee/\">Tee</a>",
                "<a rel=\"prev\" href=\"https://example.org/other\">",
                "<a rel=\"next\" href=\"https://example.org/other\">",
            ],
        );
    }

    #[test]
    fn a_note_has_no_heading_and_is_called_by_its_words() {
        let note = Head { summary: Some("Saw a heron.".into()), ..sample::head("") };
        let page = page(note, false);
        check(
            &page,
            &[
                "<title>Saw a heron. – Field Notes</title>",
                "<h1 class=\"quiet\" lang=\"en\">Note of 24 November 2026</h1>",
                "u-url u-uid",
            ],
        );
        assert_eq!(page.matches("<h1").count(), 1);
        assert!(!page.contains("<h1 class=\"p-name\""));
        check(
            &super::tests::page(sample::head(""), false),
            &["<title>24 November 2026 – Field Notes</title>"],
        );
    }

    #[test]
    fn urls_that_are_not_the_webs_are_left_out() {
        let evil = Some("javascript:alert(1)".to_owned());
        let person = Person { name: "Eve".into(), email: None, url: evil.clone() };
        let head = Head {
            external_url: evil.clone(),
            canonical: evil,
            authors: vec![person],
            ..sample::head("A")
        };
        for everything in [false, true] {
            assert!(!page(head.clone(), everything).contains("javascript:"));
        }
    }

    #[test]
    fn the_advertised_format_is_the_operators() {
        for format in Format::ALL {
            let mut config = sample::config("");
            config.feeds.advertise = format;
            let link = advertised(&config, &Scope::Site, "x");
            assert_eq!(
                (link.media_type, link.url.ends_with(format.file_name())),
                (format.media_type(), true)
            );
        }
    }

    proptest! {
        /// The structure of a page does not depend on what its texts say: as many tags and quotes
        /// as with plain ones.
        #[test]
        fn texts_stay_texts(text in "x([<>\"'&]|</?script>|-->|\\{\\{|\\PC){0,20}x") {
            let (hostile, plain) = (page(full(&text), true), page(full("xx"), true));
            for mark in ['<', '>', '"', '\''] {
                prop_assert_eq!(hostile.matches(mark).count(), plain.matches(mark).count(), "{} in {}", mark, &hostile);
            }
        }
    }
}
