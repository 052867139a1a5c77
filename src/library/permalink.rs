//! Permalinks with a date, as Jekyll, Hugo, Hexo and WordPress make them: `/2026/03/23/slug`,
//! `/2026/03/slug`, `/2026/slug`, behind the directory of the article or not.

use jiff::civil::Date;

use crate::article::Location;
use crate::base::{RelPath, UrlPath};

/// A URL path that names an article by its date and slug.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Permalink {
    /// The segments before the date; empty in the root.
    directory: Vec<String>,
    year: i16,
    month: Option<i8>,
    day: Option<i8>,
    /// The last segment, without `.html`.
    pub(super) slug: String,
}

impl Permalink {
    /// Reads the key of a path, which has no `.html` and is the same for paths that differ in case
    /// alone; `None` where it has no date before its last segment.
    pub(super) fn of(key: &UrlPath) -> Option<Self> {
        let mut segments: Vec<&str> = key.segments().collect();
        let slug = segments.pop()?.to_owned();
        // The longest date comes first: `2026/03/23` is a day, and not the year 2026 in a
        // directory.
        for parts in [3, 2, 1] {
            let Some(start) = segments.len().checked_sub(parts) else { continue };
            let (directory, date) = segments.split_at(start);
            if let Some((year, month, day)) = read_date(date) {
                let directory = directory.iter().map(|name| (*name).to_owned()).collect();
                return Some(Self { directory, year, month, day, slug });
            }
        }
        None
    }

    /// Whether `date` is in the year, the month or on the day that is named.
    pub(super) fn fits(&self, date: Date) -> bool {
        self.year == date.year()
            && self.month.is_none_or(|month| month == date.month())
            && self.day.is_none_or(|day| day == date.day())
    }

    /// Whether the permalink is in the root, or in the directory of the article at `path`.
    pub(super) fn is_in(&self, path: &RelPath) -> bool {
        if self.directory.is_empty() {
            return true;
        }
        let names = Location::of(path).directories;
        let directory = UrlPath::of_names(names.iter().map(String::as_str));
        directory.is_some_and(|directory| directory.segments().eq(&self.directory))
    }
}

/// A year, with a month, with a day: one to three segments, each of them a number.
fn read_date(segments: &[&str]) -> Option<(i16, Option<i8>, Option<i8>)> {
    let (year, rest) = segments.split_first()?;
    if year.len() != 4 {
        return None;
    }
    let mut parts = [None; 2];
    for (part, text) in parts.iter_mut().zip(rest) {
        *part = Some(i8::try_from(number(text)?).ok()?);
    }
    let [month, day] = parts;
    Some((number(year)?, month, day))
}

/// A number of one, two or four digits.
fn number(text: &str) -> Option<i16> {
    let is_number =
        text.bytes().all(|byte| byte.is_ascii_digit()) && matches!(text.len(), 1 | 2 | 4);
    if is_number { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_before_a_slug() {
        for (path, expected) in [
            ("2026/03/23/slug", Some((0, 2026, Some(3), Some(23)))),
            ("2026/3/slug.html", Some((0, 2026, Some(3), None))),
            ("2026/Slug", Some((0, 2026, None, None))),
            ("news/2026/03/slug", Some((1, 2026, Some(3), None))),
            ("a/b/2026/slug", Some((2, 2026, None, None))),
            ("2026/x/slug", None),
            ("slug", None),
            ("123/slug", None),
            ("2026/03/23/a/slug", None),
        ] {
            let permalink = Permalink::of(&UrlPath::new(path).unwrap().key());
            let seen = permalink.map(|link| {
                assert_eq!(link.slug, "slug", "{path}");
                (link.directory.len(), link.year, link.month, link.day)
            });
            assert_eq!(seen, expected, "{path}");
        }
    }
}
