//! Two readers that see the old feed, and then dropfeed's: one knows entries by their id, the other
//! by their link.
//!
//! Pure. Both readers ignore white space, markup and quotes in titles, fractions of seconds, and
//! the text of entries, which another renderer never writes alike.

use std::collections::HashMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::base::time::whole_second;
use crate::base::{Format, Timestamp};
use crate::library::old_feed::OldEntry;
use crate::library::title_key;

/// The verdict of a reader on an entry of the new feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// Known, and the same.
    Same,
    /// Known, with another title or date: some readers show it again.
    Changed(Vec<String>),
    /// Known by its id, with another link.
    Moved(String),
    /// Not known: it is shown as new.
    New,
}

/// An entry of the new feed, and what both readers make of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// The entry as dropfeed writes it.
    pub entry: OldEntry,
    /// The verdict of the reader that knows entries by id.
    pub by_id: Verdict,
    /// The verdict of the reader that knows entries by link.
    pub by_link: Verdict,
}

/// The number of entries that a reader takes for new, changed and moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Totals {
    /// New to it.
    pub new: usize,
    /// With another title or date.
    pub changed: usize,
    /// With another link.
    pub moved: usize,
}

impl Totals {
    /// Counts verdicts.
    pub fn of<'a>(verdicts: impl Iterator<Item = &'a Verdict>) -> Self {
        let mut totals = Self::default();
        for verdict in verdicts {
            match verdict {
                Verdict::Same => {}
                Verdict::Changed(_) => totals.changed += 1,
                Verdict::Moved(_) => totals.moved += 1,
                Verdict::New => totals.new += 1,
            }
        }
        totals
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} new, {} changed, {} moved", self.new, self.changed, self.moved)
    }
}

impl Verdict {
    /// The weight of a verdict: the more a reader notices, the more it weighs.
    fn weight(&self) -> u8 {
        match self {
            Verdict::Same => 0,
            Verdict::Moved(_) => 1,
            Verdict::Changed(_) => 2,
            Verdict::New => 3,
        }
    }
}

/// Each entry once, as the reader of the format sees it for which most is different.
pub fn worst(seen: Vec<Seen>) -> Vec<Seen> {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut all: Vec<Seen> = Vec::new();
    for seen in seen {
        let Some(place) = places.get(&seen.entry.link) else {
            places.insert(seen.entry.link.clone(), all.len());
            all.push(seen);
            continue;
        };
        let known = &mut all[*place];
        if seen.by_link.weight() > known.by_link.weight() {
            known.by_link = seen.by_link;
        }
        if seen.by_id.weight() > known.by_id.weight() {
            known.by_id = seen.by_id;
            known.entry = seen.entry;
        }
    }
    all
}

/// Plays subscribers of the old feed in `format` through the switch to `new`, the feed that
/// dropfeed writes in that format. Nothing where the old feed had no such document.
pub fn replay(format: Format, old: &[OldEntry], new: &[OldEntry]) -> Vec<Seen> {
    let known: Vec<&OldEntry> =
        old.iter().filter(|entry| entry.format == format && entry.is_listed).collect();
    if known.is_empty() {
        return Vec::new();
    }
    let by_id: HashMap<&str, &OldEntry> =
        known.iter().map(|entry| (entry.id.as_str(), *entry)).collect();
    let by_link: HashMap<&str, &OldEntry> =
        known.iter().map(|entry| (entry.link.as_str(), *entry)).collect();
    let mut seen = Vec::with_capacity(new.len());
    for entry in new {
        let id_knows = by_id.get(entry.id.as_str());
        let link_knows = by_link.get(entry.link.as_str()).filter(|_| !entry.link.is_empty());
        seen.push(Seen {
            entry: entry.clone(),
            by_id: match id_knows {
                Some(old) if old.link != entry.link => Verdict::Moved(old.link.clone()),
                Some(old) => compared(old, entry),
                None => Verdict::New,
            },
            by_link: match link_knows {
                Some(old) => compared(old, entry),
                None => Verdict::New,
            },
        });
    }
    seen
}

fn compared(old: &OldEntry, new: &OldEntry) -> Verdict {
    let mut changes = Vec::new();
    if title_key(&old.title) != title_key(&new.title) {
        changes.push(format!("title {:?} -> {:?}", old.title, new.title));
    }
    let dates =
        [("published", old.published, new.published), ("updated", old.updated, new.updated)];
    for (name, before, after) in dates {
        if let (Some(before), Some(after)) = (before.map(whole_second), after.map(whole_second))
            && is_other(name, before, after)
        {
            changes.push(format!("{name} {before} -> {after}"));
        }
    }
    if changes.is_empty() { Verdict::Same } else { Verdict::Changed(changes) }
}

/// A reader looks at a later date of change alone.
fn is_other(name: &str, before: Timestamp, after: Timestamp) -> bool {
    if name == "updated" { after > before } else { after != before }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: &str, link: &str, title: &str, day: u8) -> OldEntry {
        let at = format!("2020-01-{day:02}T00:00:00Z").parse().ok();
        OldEntry {
            format: Format::Atom,
            id: id.to_owned(),
            is_permalink: false,
            link: link.to_owned(),
            title: title.to_owned(),
            published: at,
            updated: at,
            is_listed: true,
        }
    }

    fn check(new: OldEntry, by_id: &str, by_link: &str) {
        let old = [
            entry("1", "/a", "A &amp; B", 2),
            OldEntry { is_listed: false, ..entry("2", "/b", "C", 1) },
        ];
        let seen = replay(Format::Atom, &old, &[new]);
        let name = |verdict: &Verdict| match verdict {
            Verdict::Same => "same".to_owned(),
            Verdict::Changed(changes) => changes.join(", "),
            Verdict::Moved(from) => format!("moved from {from}"),
            Verdict::New => "new".to_owned(),
        };
        let found = (name(&seen[0].by_id), name(&seen[0].by_link));
        assert_eq!((found.0.as_str(), found.1.as_str()), (by_id, by_link));
    }

    #[test]
    fn two_readers() {
        check(entry("1", "/a", "A & B", 2), "same", "same");
        check(entry("1", "/x", "A & B", 2), "moved from /a", "new");
        check(entry("9", "/a", "A & B", 2), "new", "same");
        check(entry("9", "/x", "A & B", 2), "new", "new");
        // An older page of the old feed is not what readers polled.
        check(entry("2", "/b", "C", 1), "new", "new");
        let title = "title \"A &amp; B\" -> \"Z\"";
        check(entry("1", "/a", "Z", 2), title, title);
        let dates = "published 2020-01-02T00:00:00Z -> 2020-01-03T00:00:00Z, \
                     updated 2020-01-02T00:00:00Z -> 2020-01-03T00:00:00Z";
        check(entry("1", "/a", "A & B", 3), dates, dates);
        let mut silent = entry("1", "/a", "A & B", 2);
        silent.updated = "2020-01-02T00:00:00.5Z".parse().ok();
        check(silent, "same", "same");
    }

    #[test]
    fn a_format_that_the_old_site_did_not_have_is_not_played() {
        assert!(replay(Format::Rss, &[entry("1", "/a", "A", 1)], &[]).is_empty());
    }
}
