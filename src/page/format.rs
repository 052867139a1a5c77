//! The texts that pages add: dates, months, names of formats, counts.

use jiff::civil;

use crate::base::{Format, Timestamp, time};
use crate::config;

/// A moment for machines and for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Moment {
    /// RFC 3339, UTC, whole seconds: `datetime` of `<time>`.
    pub(super) machine: String,
    /// In the zone of the site.
    pub(super) human: String,
}

/// The day of `at`: `24 November 2026`, or `2026-11-24` if the site is not in English.
pub(super) fn day(site: &config::Site, at: Timestamp) -> Moment {
    moment(site, at, if is_english(site) { "%-d %B %Y" } else { "%Y-%m-%d" })
}

/// The day and the minute of `at`.
pub(super) fn minute(site: &config::Site, at: Timestamp) -> Moment {
    moment(site, at, if is_english(site) { "%-d %B %Y, %H:%M" } else { "%Y-%m-%d %H:%M" })
}

/// The moment of an article's last change, if it is later than `published` by a second. On the same
/// day it has the minute too, since the same date twice would not help.
pub(super) fn change(
    site: &config::Site,
    published: Timestamp,
    updated: Timestamp,
) -> Option<Moment> {
    // The microseconds of `updated` are derived from the article's id, and are not a change.
    if time::whole_second(updated) <= time::whole_second(published) {
        return None;
    }
    let first_day = published.to_zoned(site.timezone.clone()).date();
    let last_day = updated.to_zoned(site.timezone.clone()).date();
    Some(if first_day == last_day { minute(site, updated) } else { day(site, updated) })
}

/// The day without its year: `24 November`, or `11-24` if the site is not in English.
pub(super) fn day_of_year(site: &config::Site, date: civil::Date) -> String {
    date.strftime(if is_english(site) { "%-d %B" } else { "%m-%d" }).to_string()
}

/// The month: `November 2026`, or `2026-11` if the site is not in English.
pub(super) fn month(site: &config::Site, year: i16, month: i8) -> String {
    match civil::Date::new(year, month, 1) {
        Ok(first) if is_english(site) => first.strftime("%B %Y").to_string(),
        _ => format!("{year:04}-{month:02}"),
    }
}

/// The month without its year: `November`, or `11` if the site is not in English.
pub(super) fn month_of_year(site: &config::Site, year: i16, month: i8) -> String {
    match civil::Date::new(year, month, 1) {
        Ok(first) if is_english(site) => first.strftime("%B").to_string(),
        _ => format!("{month:02}"),
    }
}

/// The common name of a format.
pub(super) fn format_name(format: Format) -> &'static str {
    match format {
        Format::Rss => "RSS",
        Format::Atom => "Atom",
        Format::Json => "JSON Feed",
    }
}

/// The number of articles: `12 articles`.
pub(super) fn counted(count: usize) -> String {
    match count {
        0 => "No articles at the moment. Subscribe to get the next one.".to_owned(),
        1 => "1 article".to_owned(),
        all => format!("{all} articles"),
    }
}

/// A URL as a text for people: without its scheme and without a final slash.
pub(super) fn readable(url: &str) -> &str {
    let (_, rest) = url.split_once("://").unwrap_or(("", url));
    rest.trim_end_matches('/')
}

fn is_english(site: &config::Site) -> bool {
    let primary = site.language.split('-').next().unwrap_or_default();
    primary.eq_ignore_ascii_case("en")
}

fn moment(site: &config::Site, at: Timestamp, form: &str) -> Moment {
    let human = at.to_zoned(site.timezone.clone()).strftime(form).to_string();
    Moment { machine: time::rfc3339(time::whole_second(at)), human }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn in_language(language: &str) -> config::Site {
        config::Site { language: language.into(), ..sample::site() }
    }

    #[test]
    fn dates_are_the_zones_and_the_languages() {
        let at = sample::at("2026-11-23T23:30:00.5Z");
        for (language, expected) in
            [("en", "24 November 2026"), ("EN-GB", "24 November 2026"), ("de", "2026-11-24")]
        {
            let moment = day(&in_language(language), at);
            assert_eq!(
                (moment.human.as_str(), moment.machine.as_str()),
                (expected, "2026-11-23T23:30:00Z")
            );
        }
        assert_eq!(minute(&in_language("de"), at).human, "2026-11-24 00:30");
    }

    #[test]
    fn a_change_is_shown_once_it_can_be_seen() {
        let site = sample::site();
        let published = sample::at("2026-11-24T09:00:00Z");
        for (updated, in_words) in [
            ("2026-11-24T09:00:00Z", None),
            ("2026-11-24T09:00:00.123456Z", None),
            ("2026-11-24T11:05:00Z", Some("24 November 2026, 12:05")),
            ("2026-11-24T23:05:00Z", Some("25 November 2026")),
        ] {
            let change = change(&site, published, sample::at(updated));
            assert_eq!(change.as_ref().map(|moment| moment.human.as_str()), in_words, "{updated}");
        }
    }

    #[test]
    fn months() {
        assert_eq!(month(&in_language("en"), 2026, 11), "November 2026");
        assert_eq!(month(&in_language("fr"), 2026, 3), "2026-03");
        assert_eq!(month(&in_language("en"), 2026, 13), "2026-13");
        assert_eq!(month_of_year(&in_language("en"), 2026, 3), "March");
        assert_eq!(month_of_year(&in_language("ja"), 2026, 3), "03");
    }

    #[test]
    fn counts() {
        assert_eq!(counted(1), "1 article");
        assert_eq!(counted(2), "2 articles");
        assert!(counted(0).starts_with("No articles"));
    }

    #[test]
    fn readable_urls() {
        assert_eq!(readable("https://example.org/a/"), "example.org/a");
        assert_eq!(readable("example.org"), "example.org");
    }
}
