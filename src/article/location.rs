//! Facts from the path of a file: the names for its URL, its directories, its date, whether it is a
//! draft.
//!
//! The path alone decides. Other files of the tree make no difference.

use jiff::civil;

use crate::base::RelPath;
use crate::base::time::Written;

use super::dates::day_of;

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
}

impl Location {
    /// Reads `path`.
    pub(crate) fn of(path: &RelPath) -> Self {
        let (mut names, mut draft) = (Vec::new(), false);
        for directory in path.parent().iter().flat_map(RelPath::segments) {
            match directory {
                "_posts" => {}
                "_drafts" | "drafts" => draft = true,
                _ => names.push(directory.to_owned()),
            }
        }
        let mut date = date_among(names.iter().map(String::as_str));
        let stem = path.stem();
        if stem == "_index" {
            return Self { directories: names.clone(), names, date, draft };
        }
        if !stem.eq_ignore_ascii_case("index") {
            names.push(stem.to_owned());
        }
        if let Some(last) = names.last_mut()
            && let Some((day, name)) = dated_name(last)
        {
            date = Some(Written::Day(day));
            *last = name.to_owned();
        }
        let directories = names[..names.len().saturating_sub(1)].to_vec();
        Self { names, directories, date, draft }
    }
}

/// The directory (or file) that keeps `path` from being an article or an asset, as the part of
/// `path` up to it: Jekyll's `_site`, `_layouts`, `_includes`, `_data` and all others whose name
/// begins with `_`, except `_posts`, `_drafts` and `_index.*`.
pub(crate) fn excluded_by(path: &RelPath) -> Option<&str> {
    let mut end = 0;
    for segment in path.segments() {
        end += segment.len();
        let is_allowed = matches!(segment, "_posts" | "_drafts") || segment.starts_with("_index.");
        if segment.starts_with('_') && !is_allowed {
            return path.as_str().get(..end);
        }
        // The slash.
        end += 1;
    }
    None
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

/// Splits `2026-11-22-some-title` into its day and `some-title`. A bare `2026-11-22` is a name as
/// well as a day.
fn dated_name(name: &str) -> Option<(civil::Date, &str)> {
    let (date, rest) = name.split_at_checked(10)?;
    let (year, month_day) = date.split_once('-')?;
    let (month, day) = month_day.split_once('-')?;
    if (year.len(), month.len()) != (4, 2) {
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
        format!("{} in {}{date}{draft}", location.names.join("/"), location.directories.join("/"))
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
            ("drafts.md", "drafts in "),
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

    #[test]
    fn what_excluded_by() {
        for (path, left_out) in [
            ("_site/index.html", Some("_site")),
            ("blog/_layouts/a/b.html", Some("blog/_layouts")),
            ("blog/_note.md", Some("blog/_note.md")),
            ("_index.md", None),
            ("a/_index.html", None),
            ("_posts/a.md", None),
            ("a/_drafts/a.md", None),
            ("_posts/_a/b.md", Some("_posts/_a")),
            ("a_b/c_.md", None),
            ("", None),
        ] {
            assert_eq!(excluded_by(&RelPath::new(path).unwrap()), left_out, "{path}");
        }
    }
}
