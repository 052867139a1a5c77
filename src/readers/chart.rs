//! A chart of the readers of the last days, as SVG: bars on a scale, without a script.
//!
//! It has no colours of its own: the classes `s` (subscribers through aggregators), `d` (direct)
//! and `g` (lines of the grid) are those of the stylesheet.

use std::fmt::Write as _;

use jiff::civil::Date;

use super::history::{Day, History};
use super::report::last_days;

/// The size of the drawing, in its own units. Small, so that its text can be read on a phone.
const WIDTH: f64 = 400.0;
const HEIGHT: f64 = 170.0;

/// The part of it that has the bars.
const LEFT: f64 = 38.0;
const RIGHT: f64 = 396.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 148.0;

/// The readers of one day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Bar {
    direct: u64,
    subscribers: u64,
}

impl Bar {
    fn of(day: &Day) -> Self {
        let mut bar = Self::default();
        for tally in day.values() {
            bar.direct = bar.direct.saturating_add(tally.direct);
            let subscribers = tally.readers().saturating_sub(tally.direct);
            bar.subscribers = bar.subscribers.saturating_add(subscribers);
        }
        bar
    }

    fn readers(self) -> u64 {
        self.direct.saturating_add(self.subscribers)
    }
}

/// Draws the readers of all feeds on each of the last `days` days. Days on which nothing was
/// counted have no bar. `None` if there is no day to draw.
pub fn svg(history: &History, today: Date, days: usize) -> Option<String> {
    let mut bars = Vec::new();
    for date in last_days(today, days) {
        bars.push((date, history.day(date).map(Bar::of)));
    }
    let (first, last) = (bars.first()?.0, bars.last()?.0);
    let mut most: Option<(Date, u64)> = None;
    for (date, bar) in &bars {
        let Some(bar) = bar else { continue };
        if most.is_none_or(|(_, readers)| bar.readers() > readers) {
            most = Some((*date, bar.readers()));
        }
    }
    let (most_at, most) = most?;
    let top = scale(most);
    let mut out = String::new();
    // Writing to a string cannot fail, here and below.
    let _ = write!(
        out,
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-labelledby=\"chart-title chart-desc\">\
         <title id=\"chart-title\">Readers a day, {first} to {last}</title>\
         <desc id=\"chart-desc\">The largest number is {most}, on {most_at}.</desc>"
    );
    for value in [0, top / 2, top] {
        let y = height(value, top);
        let (line, text) = (LEFT - 4.0, y + 4.0);
        let _ = write!(
            out,
            "<path class=\"g\" d=\"M{line} {y:.1}H{RIGHT}\"/>\
             <text x=\"{:.1}\" y=\"{text:.1}\" text-anchor=\"end\">{}</text>",
            line - 4.0,
            short(value)
        );
    }
    let step = (RIGHT - LEFT) / bars.len() as f64;
    for (n, (date, bar)) in bars.iter().enumerate() {
        if let Some(bar) = bar {
            draw(&mut out, *date, *bar, LEFT + step * n as f64, step, top);
        }
    }
    let y = HEIGHT - 6.0;
    let _ = write!(
        out,
        "<text x=\"{LEFT}\" y=\"{y}\">{first}</text>\
         <text x=\"{RIGHT}\" y=\"{y}\" text-anchor=\"end\">{last}</text></svg>"
    );
    Some(out)
}

/// Draws the bar of a day: subscribers below, direct readers above them. Its title is shown where
/// the pointer is.
fn draw(out: &mut String, date: Date, bar: Bar, x: f64, step: f64, top: u64) {
    let width = (step * 0.8).min(12.0);
    let below = height(bar.subscribers, top);
    let above = height(bar.readers(), top);
    let _ = write!(
        out,
        "<g><title>{date}: {} ({} through aggregators, {} direct)</title>\
         <path class=\"s\" d=\"M{x:.1} {BOTTOM}V{below:.1}h{width:.1}V{BOTTOM}z\"/>\
         <path class=\"d\" d=\"M{x:.1} {below:.1}V{above:.1}h{width:.1}V{below:.1}z\"/></g>",
        bar.readers(),
        bar.subscribers,
        bar.direct
    );
}

/// The vertical position of a value on a scale that ends at `top`.
fn height(value: u64, top: u64) -> f64 {
    BOTTOM - (BOTTOM - TOP) * value as f64 / top as f64
}

/// The end of a scale for values up to `most`: an even number with one digit that is not zero, or a
/// power of ten, so that the middle is whole.
fn scale(most: u64) -> u64 {
    let mut unit = 1_u64;
    loop {
        for digit in [2, 4, 6, 8, 10] {
            let top = unit.saturating_mul(digit);
            if top >= most {
                return top;
            }
        }
        unit = unit.saturating_mul(10);
    }
}

/// A number for the axis, of at most five characters up to 999 millions: `1500`, `20k`, `1.5M`.
fn short(value: u64) -> String {
    let (unit, sign) = match value {
        0..10_000 => return value.to_string(),
        10_000..1_000_000 => (1_000, 'k'),
        _ => (1_000_000, 'M'),
    };
    match value % unit {
        0 => format!("{}{sign}", value / unit),
        _ => format!("{:.1}{sign}", value as f64 / unit as f64),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::history::{date, day};
    use super::*;

    #[test]
    fn scales_end_above_and_have_a_whole_middle() {
        for (most, top) in [
            (0, 2),
            (1, 2),
            (2, 2),
            (3, 4),
            (9, 10),
            (10, 10),
            (11, 20),
            (41, 60),
            (1001, 2000),
            (u64::MAX, u64::MAX),
        ] {
            assert_eq!(scale(most), top, "{most}");
        }
    }

    #[test]
    fn numbers_of_the_axis_are_short() {
        for (value, text) in [
            (0, "0"),
            (9999, "9999"),
            (10_000, "10k"),
            (25_500, "25.5k"),
            (1_000_000, "1M"),
            (1_500_000, "1.5M"),
        ] {
            assert_eq!(short(value), text);
        }
    }

    #[test]
    fn the_chart_has_a_bar_for_each_day_that_was_counted() {
        let mut history = History::default();
        assert_eq!(svg(&history, date("2026-11-29"), 90), None);
        history.set(date("2026-11-27"), day(&[("/", 4, 0), ("/b/", 1, 5)]));
        history.set(date("2026-11-29"), day(&[("/", 2, 5)]));
        assert_eq!(svg(&history, date("2027-11-29"), 90), None);
        let svg = svg(&history, date("2026-11-29"), 3).unwrap();
        for part in [
            "<title id=\"chart-title\">Readers a day, 2026-11-27 to 2026-11-29</title>",
            "<desc id=\"chart-desc\">The largest number is 10, on 2026-11-27.</desc>",
            "<title>2026-11-27: 10 (5 through aggregators, 5 direct)</title>",
            // Half of the scale of 10, and the other half on top of it.
            "<path class=\"s\" d=\"M38.0 148V79.0h12.0V148z\"/>",
            "<path class=\"d\" d=\"M38.0 79.0V10.0h12.0V79.0z\"/>",
            "text-anchor=\"end\">10</text>",
        ] {
            assert!(svg.contains(part), "no {part} in\n{svg}");
        }
        assert_eq!(svg.matches("<g>").count(), 2);
    }

    proptest! {
        #[test]
        fn every_bar_is_inside(direct in any::<u64>(), subscribers in any::<u64>()) {
            let top = scale(direct.saturating_add(subscribers));
            let y = height(direct, top);
            prop_assert!((TOP..=BOTTOM).contains(&y));
        }
    }
}
