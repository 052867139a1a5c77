//! A limit on readers that fetch the same feed whole, again and again, without asking whether it
//! has changed: 429 with Retry-After (RFC 6585, 4).
//!
//! A reader is its address (of IPv6 the /64 network that one subscriber has) with its User-Agent,
//! and each feed is counted for itself: an aggregator that asks for many readers, and many programs
//! behind one address, are not taken for one. Loopback is exempt, since a proxy on this machine
//! connects for all its clients; behind a trusted proxy, the address is the reader's.
//!
//! The table has a fixed size. When it is full, the counts that began first are forgotten: then a
//! reader is let through, never refused for another. Keys are hashes with a random key, so that
//! nobody can choose the row of another reader.

use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use super::limits::subscriber;
use crate::base::{Route, Timestamp};

/// The window in which requests are counted, in seconds.
const HOUR_S: i64 = 3600;

/// The rows of the table: a key has one of these, by its hash.
const ROWS: usize = 2048;

/// The entries of a row.
const ROW_ENTRIES: usize = 8;

/// The counts of unconditional requests.
#[derive(Debug)]
pub struct Politeness {
    per_hour: u32,
    hasher: RandomState,
    rows: Mutex<Vec<[Entry; ROW_ENTRIES]>>,
}

/// The count of one reader and feed.
#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    key: u64,
    /// The first request of the hour, in seconds.
    since: i64,
    /// 0 in an entry that was never used.
    count: u32,
}

impl Politeness {
    /// A limit of `per_hour` requests; `None` for 0, which means no limit.
    pub fn new(per_hour: u32) -> Option<Self> {
        if per_hour == 0 {
            return None;
        }
        let rows = Mutex::new(vec![[Entry::default(); ROW_ENTRIES]; ROWS]);
        Some(Self { per_hour, hasher: RandomState::new(), rows })
    }

    /// Counts an unconditional request for the feed at `route`. An error if there were too many:
    /// the seconds after which it may be asked for again, from 1 to 3600.
    pub(super) fn count(
        &self,
        reader: Option<IpAddr>,
        user_agent: &[u8],
        route: &Route,
        now: Timestamp,
    ) -> Result<(), u16> {
        let Some(network) = reader.and_then(subscriber) else { return Ok(()) };
        let key = self.hasher.hash_one((network, user_agent, route));
        let now = now.as_second();
        // The rows are whole between any two statements.
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let row = &mut rows[usize::try_from(key).unwrap_or(usize::MAX) % ROWS];
        let entry = match row.iter().position(|entry| entry.count > 0 && entry.key == key) {
            Some(n) => &mut row[n],
            None => oldest(row),
        };
        // A clock that was set back begins a new hour, too.
        let is_over = !(entry.since..entry.since.saturating_add(HOUR_S)).contains(&now);
        if entry.count == 0 || entry.key != key || is_over {
            *entry = Entry { key, since: now, count: 1 };
            return Ok(());
        }
        if entry.count < self.per_hour {
            entry.count += 1;
            return Ok(());
        }
        let left = entry.since + HOUR_S - now;
        Err(u16::try_from(left).unwrap_or(u16::MAX))
    }
}

impl Entry {
    /// The beginning of its hour; before all others if it was never used.
    fn began(&self) -> i64 {
        if self.count == 0 { i64::MIN } else { self.since }
    }
}

/// The entry to use for a new key: one that was never used, or the one whose hour began first.
fn oldest(row: &mut [Entry; ROW_ENTRIES]) -> &mut Entry {
    let mut oldest = 0;
    for n in 1..ROW_ENTRIES {
        if row[n].began() < row[oldest].began() {
            oldest = n;
        }
    }
    &mut row[oldest]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn who_asks_too_often_waits_until_the_hour_is_over() {
        let politeness = Politeness::new(2).unwrap();
        for (second, address, agent, path, expected) in [
            (0, "192.0.2.1", "A", "/rss.xml", Ok(())),
            (60, "192.0.2.1", "A", "/rss.xml", Ok(())),
            (61, "192.0.2.1", "A", "/rss.xml", Err(3539)),
            (61, "::ffff:192.0.2.1", "A", "/rss.xml", Err(3539)),
            (62, "192.0.2.1", "A", "/atom.xml", Ok(())),
            (62, "192.0.2.1", "B", "/rss.xml", Ok(())),
            (62, "192.0.2.2", "A", "/rss.xml", Ok(())),
            (3599, "192.0.2.1", "A", "/rss.xml", Err(1)),
            (3600, "192.0.2.1", "A", "/rss.xml", Ok(())),
            (3601, "192.0.2.1", "A", "/rss.xml", Ok(())),
            (3602, "192.0.2.1", "A", "/rss.xml", Err(3598)),
            // The clock is set back: nobody waits longer than an hour.
            (-9999, "192.0.2.1", "A", "/rss.xml", Ok(())),
            (0, "2001:db8:0:1::1", "A", "/rss.xml", Ok(())),
            (0, "2001:db8:0:1::2", "A", "/rss.xml", Ok(())),
            (0, "2001:db8:0:1::3", "A", "/rss.xml", Err(3600)),
            (0, "2001:db8:0:2::1", "A", "/rss.xml", Ok(())),
        ] {
            let route = Route::parse(path).unwrap();
            let reader = Some(address.parse().unwrap());
            let found = politeness.count(reader, agent.as_bytes(), &route, at(second));
            assert_eq!(found, expected, "{second} {address} {agent} {path}");
        }
        let route = Route::parse("/rss.xml").unwrap();
        for reader in [None, Some("127.0.0.1".parse().unwrap()), Some("::1".parse().unwrap())] {
            for _ in 0..9 {
                assert_eq!(politeness.count(reader, b"", &route, at(0)), Ok(()));
            }
        }
    }

    #[test]
    fn a_full_table_forgets_and_never_refuses_another() {
        let politeness = Politeness::new(1).unwrap();
        let route = Route::parse("/rss.xml").unwrap();
        let reader = Some("192.0.2.1".parse().unwrap());
        let readers = i64::try_from(ROWS * ROW_ENTRIES * 4).unwrap();
        for n in 0..readers {
            let agent = n.to_string();
            let found = politeness.count(reader, agent.as_bytes(), &route, at(n / 100));
            assert_eq!(found, Ok(()), "{n}");
        }
        assert_eq!(politeness.rows.lock().unwrap().len(), ROWS);
        // The youngest are remembered.
        let last = (readers - 1).to_string();
        assert!(politeness.count(reader, last.as_bytes(), &route, at(readers / 100)).is_err());
    }

    #[test]
    fn no_limit_is_none() {
        assert!(Politeness::new(0).is_none());
    }
}
