//! Facts from the path of a file: the names for its URL, its directories, its date, whether it is a
//! draft.
//!
//! The path alone decides. Other files of the tree make no difference.

use jiff::civil;
use oxilangtag::LanguageTag;

use crate::base::RelPath;
use crate::base::path::{FileKind, Markup};
use crate::base::time::Written;

use super::dates::day_of;

/// The languages of ISO 639-1.
const LANGUAGES: &str = "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch \
    co cr cs cu cv cy da de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he \
    hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv \
    kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny \
    oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su \
    sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu";

/// Facts that the path of a file gives about its article.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The names from which the URL is made, the last one the article's own: without extension,
    /// without the date of `2026-11-22-some-title.md`, without `_posts`, `_drafts` and `drafts`,
    /// without the `index` of `dir/index.md` (then `dir` is the last). Empty only for an `index.md`
    /// in the root. For `_index.md`, the names of its directory.
    pub names: Vec<String>,
    /// The directories whose feeds carry the article, from the root down, without `_posts` and the
    /// like: `names` without its last. For `_index.md`, its own directory and those around it.
    pub directories: Vec<String>,
    /// The date in the file's name, or in directories of the shape `2026/11/22`.
    pub date: Option<Written>,
    /// Set in `_drafts` and `drafts`.
    pub draft: bool,
    /// The language of `name.LANG.md`, a BCP 47 tag.
    pub language: Option<String>,
}

impl Location {
    /// Reads `path`.
    pub(crate) fn of(path: &RelPath) -> Self {
        let (mut names, mut draft) = (Vec::new(), false);
        for directory in path.parent().iter().flat_map(RelPath::segments) {
            if directory == "_posts" {
                continue;
            }
            if directory.eq_ignore_ascii_case("drafts") || directory.eq_ignore_ascii_case("_drafts")
            {
                draft = true;
            } else {
                names.push(directory.to_owned());
            }
        }
        let mut date = date_among(names.iter().map(String::as_str));
        let stem = path.stem();
        let language = language_in(stem);
        if without_language(stem) == "_index" {
            return Self { directories: names.clone(), names, date, draft, language };
        }
        match names.last_mut() {
            _ if !without_language(stem).eq_ignore_ascii_case("index") => {
                names.push(stem.to_owned());
            }
            // `dir/index.fr.md` is the article of `dir`, in French.
            Some(last) => last.push_str(&stem["index".len()..]),
            None if language.is_some() => names.push(stem.to_owned()),
            None => {}
        }
        let days = if is_of_jekyll(path) { Days::Short } else { Days::TwoDigits };
        if let Some(last) = names.last_mut()
            && let Some((day, name)) = dated_name(last, days)
        {
            date = Some(Written::Day(day));
            *last = name.to_owned();
        }
        let directories = names[..names.len().saturating_sub(1)].to_vec();
        Self { names, directories, date, draft, language }
    }
}

/// Whether the article is where Jekyll keeps its articles, so that its author has Jekyll's habits.
pub(crate) fn is_of_jekyll(path: &RelPath) -> bool {
    let Some(directory) = path.parent() else { return false };
    directory.segments().any(|segment| matches!(segment, "_posts" | "_drafts"))
}

/// The day that three segments in a row name, as in `2026/11/22`; the last such, where there are
/// several.
pub(crate) fn date_among<'a>(segments: impl Iterator<Item = &'a str>) -> Option<Written> {
    let segments: Vec<&str> = segments.collect();
    for three in segments.windows(3).rev() {
        let [year, month, day] = three else { continue };
        let fits = year.len() == 4 && matches!(month.len(), 1 | 2) && matches!(day.len(), 1 | 2);
        if fits && let Some(day) = day_named(year, month, day) {
            return Some(Written::Day(day));
        }
    }
    None
}

/// The language at the end of the stem of `name.LANG.md`: a language of ISO 639-1, with a script or
/// a region or without. Other words behind a dot, as in `next.js.md`, are part of the name.
fn language_in(stem: &str) -> Option<String> {
    let (name, tag) = stem.rsplit_once('.')?;
    let primary = tag.split(['-', '_']).next()?;
    let is_language = LANGUAGES.split(' ').any(|known| known == primary);
    if name.is_empty() || !is_language {
        return None;
    }
    let tag = LanguageTag::parse_and_normalize(&tag.replace('_', "-")).ok()?;
    Some(tag.into_inner())
}

/// The name without its language.
pub(crate) fn without_language(stem: &str) -> &str {
    match (language_in(stem), stem.rsplit_once('.')) {
        (Some(_), Some((name, _))) => name,
        _ => stem,
    }
}

/// The digits that months and days of a name have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Days {
    /// Two, so that `2026-1-2-tournament` is a name.
    TwoDigits,
    /// One or two, where Jekyll keeps its articles.
    Short,
}

/// Splits `2026-11-22-some-title` into its day and `some-title`. A bare `2026-11-22` is a name as
/// well as a day.
fn dated_name(name: &str, days: Days) -> Option<(civil::Date, &str)> {
    let (year, rest) = name.split_once('-')?;
    let (month, rest) = rest.split_once('-')?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (day, rest) = rest.split_at(digits);
    let has_length = |number: &str| match days {
        Days::TwoDigits => number.len() == 2,
        Days::Short => matches!(number.len(), 1 | 2),
    };
    if year.len() != 4 || !has_length(month) || !has_length(day) {
        return None;
    }
    let day = day_named(year, month, day)?;
    if rest.is_empty() {
        return Some((day, name));
    }
    let title = rest.strip_prefix(['-', '_', ' '])?.trim_start_matches(['-', '_', ' ']);
    // Without a title behind the date, the date is the only name there is.
    Some((day, if title.is_empty() { name } else { title }))
}

fn day_named(year: &str, month: &str, day: &str) -> Option<civil::Date> {
    for number in [year, month, day] {
        // `parse` alone would accept a sign.
        if !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
    }
    day_of(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

/// The markup of the file at `path`, by its name.
pub(crate) fn markup_of(path: &RelPath) -> Markup {
    match FileKind::of(path) {
        FileKind::Article(markup) | FileKind::Section(markup) => markup,
        FileKind::Other => Markup::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(text: &str) -> String {
        let location = Location::of(&RelPath::new(text).unwrap());
        let date = match location.date {
            Some(Written::Day(day)) => format!(" {day}"),
            None => String::new(),
            other => panic!("{other:?}"),
        };
        let draft = if location.draft { " draft" } else { "" };
        let language = location.language.map(|tag| format!(" {tag}")).unwrap_or_default();
        let (names, directories) = (location.names.join("/"), location.directories.join("/"));
        format!("{names} in {directories}{date}{draft}{language}")
    }

    #[test]
    fn paths() {
        for (path, expected) in [
            ("hello.md", "hello in "),
            ("news/My Post.v2.md", "news/My Post.v2 in news"),
            ("index.md", " in "),
            ("news/index.md", "news in "),
            ("a/b/Index.HTML", "a/b in a"),
            ("_index.md", " in "),
            ("a/b/_index.md", "a/b in a/b"),
            ("_posts/2026-11-22-some-title.md", "some-title in  2026-11-22"),
            ("blog/_posts/2026-11-22_some_title.markdown", "blog/some_title in blog 2026-11-22"),
            ("2026-11-22 Some title.md", "Some title in  2026-11-22"),
            ("2026-11-22.md", "2026-11-22 in  2026-11-22"),
            ("2026-11-22-.md", "2026-11-22- in  2026-11-22"),
            ("2026-11-22title.md", "2026-11-22title in "),
            ("2026-02-30-title.md", "2026-02-30-title in "),
            ("2026-1-2-title.md", "2026-1-2-title in "),
            ("0000-01-01-title.md", "0000-01-01-title in "),
            ("_drafts/idea.md", "idea in  draft"),
            ("blog/drafts/a/idea.md", "blog/a/idea in blog/a draft"),
            ("blog/Drafts/idea.md", "blog/idea in blog draft"),
            ("_DRAFTS/idea.md", "idea in  draft"),
            ("drafts.md", "drafts in "),
            ("_posts/2026-1-5-title.md", "title in  2026-01-05"),
            ("_posts/2026-11-5.md", "2026-11-5 in  2026-11-05"),
            ("_posts/2026-1-123-title.md", "2026-1-123-title in "),
            ("post/index.fr.md", "post.fr in  fr"),
            ("index.fr.md", "index.fr in  fr"),
            ("a/_index.zh-CN.md", "a in a zh-CN"),
            ("n.pt_br.md", "n.pt_br in  pt-BR"),
            ("n.sr-Latn.md", "n.sr-Latn in  sr-Latn"),
            ("2026-11-22-n.fr.md", "n.fr in  2026-11-22 fr"),
            ("next.js.md", "next.js in "),
            ("v1.2.md", "v1.2 in "),
            ("n.FR.md", "n.FR in "),
            (".fr.md", ".fr in "),
            ("2026/11/22/title.md", "2026/11/22/title in 2026/11/22 2026-11-22"),
            ("blog/2026/1/2/index.md", "blog/2026/1/2 in blog/2026/1 2026-01-02"),
            ("2026/11/title.md", "2026/11/title in 2026/11"),
            ("2025/01/01/2026-11-22-title.md", "2025/01/01/title in 2025/01/01 2026-11-22"),
            ("blog/2026-11-22-title/index.md", "blog/title in blog 2026-11-22"),
            ("2026-11-22-trip/day-one.md", "2026-11-22-trip/day-one in 2026-11-22-trip"),
            ("日本語-の-記事.md", "日本語-の-記事 in "),
        ] {
            assert_eq!(show(path), expected, "{path}");
        }
    }
}
