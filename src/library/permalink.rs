//! Permalinks with a date, as Jekyll, Hugo, Hexo and WordPress make them: `/2026/03/23/slug`, `/2026/03/slug`,
//! `/2026/slug`, behind the directory of the article or not.

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
    /// Reads `path`; `None` where it has no date before its last segment.
    pub(super) fn of(path: &UrlPath) -> Option<Self> {
        // The key has no `.html`, and what differs in case alone is one.
        let key = path.key();
        let mut segments: Vec<&str> = key.segments().collect();
        let slug = segments.pop()?.to_owned();
        // The longest date: `2026/03/23` is a day, and no year 2026 in a directory 2026/03.
        for parts in [3, 2, 1] {
            let Some(start) = segments.len().checked_sub(parts) else { continue };
            let (directory, date) = segments.split_at(start);
            let year = date.first().filter(|year| year.len() == 4).and_then(|year| number(year));
            let month = date.get(1).map(|month| number(month).and_then(|n| i8::try_from(n).ok()));
            let day = date.get(2).map(|day| number(day).and_then(|n| i8::try_from(n).ok()));
            if let Some(year) = year
                && month != Some(None)
                && day != Some(None)
            {
                let directory = directory.iter().map(|name| (*name).to_owned()).collect();
                let (month, day) = (month.flatten(), day.flatten());
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
            let permalink = Permalink::of(&UrlPath::new(path).unwrap());
            let seen = permalink.map(|link| {
                assert_eq!(link.slug, "slug", "{path}");
                (link.directory.len(), link.year, link.month, link.day)
            });
            assert_eq!(seen, expected, "{path}");
        }
    }
}
