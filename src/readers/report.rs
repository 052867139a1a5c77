//! The readers for people, as `dropfeed readers` prints them, and for programs, as JSON.
//!
//! The present day is not over, so its figures still grow; an average is that of whole days.

use std::fmt::Write as _;

use jiff::civil::Date;
use serde_json::{Value, json};

use super::history::{DAYS_MAX, Day, History, OTHER, Tally};
use crate::base::{Route, Scope};

/// Feeds in the table.
const SHOWN_MAX: usize = 50;

/// The whole days of an average.
const AVERAGE_DAYS: usize = 7;

/// The days of the JSON, unless another number is asked for.
pub const JSON_DAYS: usize = 30;

/// The request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Question {
    /// The days to list one by one, up to the present one.
    pub days: Option<usize>,
    /// The path of one feed's directory; all feeds if `None`.
    pub feed: Option<String>,
}

/// The path under which a feed is counted, which is that of its directory: `/tags/rust/` for that,
/// for `tags/rust` and for `/tags/rust/atom.xml`. `None` if `text` is not the path of a feed.
pub fn feed_of(text: &str) -> Option<String> {
    if text == OTHER {
        return Some(OTHER.to_owned());
    }
    let path = format!("/{}", text.strip_prefix('/').unwrap_or(text));
    let scope = match Route::parse(&path) {
        Some(Route::Home) => Scope::Site,
        Some(Route::Feed(scope, _) | Route::Index(scope)) => scope,
        Some(Route::Resource(_)) | None => match Route::parse(&format!("{path}/"))? {
            Route::Index(scope) => scope,
            _ => return None,
        },
        Some(_) => return None,
    };
    Some(scope.to_string())
}

/// The moment of a report.
#[derive(Debug, Clone, Copy)]
pub struct When<'a> {
    /// The present day.
    pub today: Date,
    /// The name of `site.timezone`.
    pub zone: &'a str,
}

/// The figures of one feed in a report.
#[derive(Debug, PartialEq)]
struct Row<'a> {
    feed: &'a str,
    today: Option<u64>,
    yesterday: Option<u64>,
    average: Option<f64>,
    /// The readers of the day of the details.
    tally: Option<&'a Tally>,
}

/// The table of readers, without a final line break.
pub fn text(history: &History, question: &Question, when: When<'_>) -> String {
    let rows = rows(history, question, when);
    let Some(first) = history.first() else {
        return "no reader was counted yet".to_owned();
    };
    if rows.is_empty() {
        return match &question.feed {
            Some(feed) => format!("no reader of {feed} was counted since {first}"),
            None => format!("no reader was counted in the last {} days", days(question)),
        };
    }
    let mut out = String::new();
    let detailed = detailed(history, when.today);
    line(&mut out, &format!("counted since {first}; days are those of {}", when.zone));
    line(&mut out, &format!("direct readers and aggregators are those of {detailed}\n"));
    let width = rows.iter().take(SHOWN_MAX).map(|row| row.feed.chars().count()).max();
    let width = width.unwrap_or_default().max("feed".len());
    let head = ["today", "yesterday", "7-day average", "direct", "aggregators"];
    let [today, yesterday, average, direct, aggregators] = head;
    line(
        &mut out,
        &format!("{:<width$}  {today}  {yesterday}  {average}  {direct}  {aggregators}", "feed"),
    );
    for row in rows.iter().take(SHOWN_MAX) {
        let direct = row.tally.map_or("-".to_owned(), |tally| tally.direct.to_string());
        let average = one_decimal(row.average);
        let cells = format!(
            "{:<width$}  {:>5}  {:>9}  {average:>13}  {direct:>6}  {}",
            row.feed,
            number(row.today),
            number(row.yesterday),
            row.tally.map_or(String::new(), aggregators_of),
        );
        line(&mut out, cells.trim_end());
    }
    if rows.len() > SHOWN_MAX {
        line(&mut out, &format!("and {} more; --json lists all", rows.len() - SHOWN_MAX));
    }
    if let Some(days) = question.days {
        list_days(&mut out, history, &rows, days, when.today);
    }
    out.trim_end().to_owned()
}

/// The figures of a feed as they are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The path of the feed's directory.
    pub feed: String,
    /// The readers of the present day so far.
    pub today: String,
    /// Those of the day before; `-` where nothing was counted.
    pub yesterday: String,
    /// The average of seven whole days.
    pub average: String,
}

/// The figures of the `count` most read feeds.
pub fn top(history: &History, count: usize, when: When<'_>) -> Vec<Line> {
    let mut lines = Vec::new();
    for row in rows(history, &Question::default(), when).into_iter().take(count) {
        lines.push(Line {
            feed: row.feed.to_owned(),
            today: number(row.today),
            yesterday: number(row.yesterday),
            average: one_decimal(row.average),
        });
    }
    lines
}

/// Lists the last `days` of each feed, the present day first.
fn list_days(out: &mut String, history: &History, rows: &[Row<'_>], days: usize, today: Date) {
    for row in rows.iter().take(SHOWN_MAX) {
        line(out, &format!("\n{}", row.feed));
        for date in last_days(today, days).rev() {
            let Some(day) = history.day(date) else {
                line(out, &format!("  {date}      -"));
                continue;
            };
            let none = Tally::default();
            let tally = day.get(row.feed).unwrap_or(&none);
            let mut parts = vec![format!("direct {}", tally.direct)];
            if !tally.subscribers.is_empty() {
                parts.push(aggregators_of(tally));
            }
            let parts = parts.join(", ");
            line(out, &format!("  {date}  {:>5}  {parts}", tally.readers()));
        }
    }
}

/// The readers as one JSON object. A number is null where nothing was counted on that day.
pub fn json(history: &History, question: &Question, when: When<'_>) -> Value {
    let days = days(question);
    let mut feeds = Vec::new();
    for row in rows(history, question, when) {
        let mut listed = Vec::new();
        for date in last_days(when.today, days) {
            if let Some(day) = history.day(date) {
                listed.push(day_json(date, day, row.feed));
            }
        }
        feeds.push(json!({
            "feed": row.feed,
            "today": row.today,
            "yesterday": row.yesterday,
            "average_7_days": row.average,
            "days": listed,
        }));
    }
    json!({
        "today": when.today.to_string(),
        "timezone": when.zone,
        "since": history.first().map(|date| date.to_string()),
        "feeds": feeds,
    })
}

fn day_json(date: Date, day: &Day, feed: &str) -> Value {
    let none = Tally::default();
    let tally = day.get(feed).unwrap_or(&none);
    let mut aggregators = Vec::new();
    for ((name, format), number) in &tally.subscribers {
        aggregators.push(json!({ "name": name, "format": format, "subscribers": number }));
    }
    json!({
        "day": date.to_string(),
        "readers": tally.readers(),
        "direct": tally.direct,
        "aggregators": aggregators,
    })
}

/// The feeds that are reported: those with a reader in the days that are, or the one that is asked
/// for.
fn rows<'a>(history: &'a History, question: &Question, when: When<'_>) -> Vec<Row<'a>> {
    let span = days(question).max(AVERAGE_DAYS + 1);
    let from = last_days(when.today, span).next().unwrap_or(when.today);
    let mut rows = Vec::new();
    for feed in history.feeds(from, when.today) {
        if question.feed.as_deref().is_none_or(|asked| asked == feed) {
            rows.push(row(history, feed, when.today));
        }
    }
    rows
}

fn row<'a>(history: &'a History, feed: &'a str, today: Date) -> Row<'a> {
    let yesterday = today.yesterday().unwrap_or(today);
    let detailed = history.day(detailed(history, today));
    Row {
        feed,
        today: history.readers(Some(feed), today),
        yesterday: history.readers(Some(feed), yesterday),
        average: average(history, feed, yesterday),
        tally: detailed.and_then(|day| day.get(feed)),
    }
}

/// The day whose direct readers and aggregators are shown: the last whole one, or the present one
/// where that was not counted.
fn detailed(history: &History, today: Date) -> Date {
    match today.yesterday() {
        Ok(yesterday) if history.day(yesterday).is_some() => yesterday,
        _ => today,
    }
}

/// The average of the days up to `to` that were counted.
fn average(history: &History, feed: &str, to: Date) -> Option<f64> {
    let (mut sum, mut count) = (0_u64, 0_u32);
    for date in last_days(to, AVERAGE_DAYS) {
        if let Some(readers) = history.readers(Some(feed), date) {
            sum = sum.saturating_add(readers);
            count += 1;
        }
    }
    if count == 0 { None } else { Some(sum as f64 / f64::from(count)) }
}

/// The last `count` days up to `today`, in their order.
pub(super) fn last_days(
    today: Date,
    count: usize,
) -> impl DoubleEndedIterator<Item = Date> + use<> {
    let count = i64::try_from(count.min(DAYS_MAX)).unwrap_or_default();
    let days: Vec<Date> = (0..count)
        .rev()
        .map_while(|back| today.checked_sub(jiff::Span::new().days(back)).ok())
        .collect();
    days.into_iter()
}

fn days(question: &Question) -> usize {
    question.days.unwrap_or(JSON_DAYS).min(DAYS_MAX)
}

/// `Feedly 20, Inoreader 10`
fn aggregators_of(tally: &Tally) -> String {
    let mut parts = Vec::new();
    for (name, number) in tally.aggregators() {
        parts.push(format!("{name} {number}"));
    }
    parts.join(", ")
}

fn number(number: Option<u64>) -> String {
    number.map_or("-".to_owned(), |number| number.to_string())
}

fn one_decimal(number: Option<f64>) -> String {
    number.map_or("-".to_owned(), |number| format!("{number:.1}"))
}

/// Adds a line. Writing to a string cannot fail.
fn line(out: &mut String, text: &str) {
    let _ = writeln!(out, "{text}");
}

#[cfg(test)]
mod tests {
    use super::super::history::{date, day};
    use super::*;

    const TODAY: When<'_> = When { today: Date::constant(2026, 11, 29), zone: "Europe/Berlin" };

    fn history() -> History {
        let mut history = History::default();
        history.set(date("2026-11-26"), day(&[("/", 3, 6)]));
        history.set(date("2026-11-28"), day(&[("/", 4, 6), ("/tags/rust/", 0, 2), (OTHER, 1, 0)]));
        history.set(date("2026-11-29"), day(&[("/", 1, 6), ("/tags/new/", 1, 0)]));
        history
    }

    fn check(history: &History, question: &Question, expected: &str) {
        assert_eq!(text(history, question, TODAY), expected.trim_start());
    }

    #[test]
    fn the_table() {
        let expected = "
counted since 2026-11-26; days are those of Europe/Berlin
direct readers and aggregators are those of 2026-11-28

feed         today  yesterday  7-day average  direct  aggregators
/                7         10            9.5       4  Feedly 6
/tags/rust/      0          2            1.0       0  Feedly 2
/tags/new/       1          0            0.0       -
other            0          1            0.5       1";
        check(&history(), &Question::default(), expected);
    }

    #[test]
    fn a_feed_day_by_day() {
        let question = Question { days: Some(4), feed: Some("/".to_owned()) };
        let expected = "
counted since 2026-11-26; days are those of Europe/Berlin
direct readers and aggregators are those of 2026-11-28

feed  today  yesterday  7-day average  direct  aggregators
/         7         10            9.5       4  Feedly 6

/
  2026-11-29      7  direct 1, Feedly 6
  2026-11-28     10  direct 4, Feedly 6
  2026-11-27      -
  2026-11-26      9  direct 3, Feedly 6";
        check(&history(), &question, expected);
    }

    #[test]
    fn feeds_are_named_by_their_directory() {
        for (text, feed) in [
            ("/", Some("/")),
            ("", Some("/")),
            ("/atom.xml", Some("/")),
            ("rss.xml", Some("/")),
            ("/tags/rust/", Some("/tags/rust/")),
            ("tags/rust/feed.json", Some("/tags/rust/")),
            ("/tags/rust", Some("/tags/rust/")),
            ("/news", Some("/news/")),
            ("/gr\u{fc}n/", Some("/gr%C3%BCn/")),
            ("other", Some("other")),
            ("/archive/2026-11/", None),
            ("/feeds.opml", None),
            ("//", None),
        ] {
            assert_eq!(feed_of(text).as_deref(), feed, "{text}");
        }
    }

    #[test]
    fn the_first_day_has_no_whole_day_before_it() {
        let mut history = History::default();
        history.set(TODAY.today, day(&[("/", 2, 0)]));
        let expected = "
counted since 2026-11-29; days are those of Europe/Berlin
direct readers and aggregators are those of 2026-11-29

feed  today  yesterday  7-day average  direct  aggregators
/         2          -              -       2";
        check(&history, &Question::default(), expected);
    }

    #[test]
    fn what_has_no_reader_is_said() {
        check(&History::default(), &Question::default(), "no reader was counted yet");
        let question = Question { days: None, feed: Some("/x/".to_owned()) };
        check(&history(), &question, "no reader of /x/ was counted since 2026-11-26");
        let mut old = History::default();
        old.set(date("2026-01-01"), day(&[("/", 2, 0)]));
        check(&old, &Question::default(), "no reader was counted in the last 30 days");
    }

    #[test]
    fn the_json_says_what_was_not_counted() {
        let question = Question { days: Some(3), feed: None };
        let json = json(&history(), &question, TODAY);
        assert_eq!(json["feeds"][0]["feed"], "/");
        assert_eq!(json["feeds"][0]["average_7_days"], 9.5);
        let days = json["feeds"][0]["days"].as_array().unwrap();
        assert_eq!(days.len(), 2, "{days:?}");
        assert_eq!(days[0]["day"], "2026-11-28");
        assert_eq!(days[0]["aggregators"][0]["format"], "atom");
        assert_eq!(days[1]["readers"], 7);
        assert_eq!(json["since"], "2026-11-26");
    }
}
