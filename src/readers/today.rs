//! The readers of the present day, while it lasts.
//!
//! Owns the key that distinguishes direct readers: it is made for one day, never written to
//! disk, and gone with this value. So a count that was begun before a restart cannot be continued:
//! the figure of a day is the largest that any process of that day counted, which is too low after
//! a restart and never too high.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use jiff::civil::Date;

use super::agent::Agent;
use super::distinct::Distinct;
use super::history::{Day, OTHER, Tally};
use crate::base::{Format, Scope};

/// The direct readers of one feed that are counted exactly on one day; above it, the count is an
/// estimate with a standard error of less than 3 %.
pub const EXACT_MAX: usize = 2048;

/// The feeds of directories, tags and authors that are counted one by one on a day. The readers of
/// further ones are counted together.
const FEEDS_MAX: usize = 500;

/// The most read of those that are kept.
const KEPT_MAX: usize = 200;

/// The key of the digests of one day.
pub type Salt = [u8; 32];

/// A feed that was fetched: by whom, and from where.
#[derive(Debug, Clone, Copy)]
pub struct Sighting<'a> {
    /// The scope of the feed.
    pub scope: &'a Scope,
    /// Its format.
    pub format: Format,
    /// The client that fetched it.
    pub agent: Agent,
    /// The address of the client.
    pub address: IpAddr,
    /// The User-Agent as it was sent.
    pub user_agent: &'a str,
}

/// The readers of one day.
pub struct Today {
    date: Date,
    salt: Salt,
    /// The figures of an earlier process of the same day.
    floor: Day,
    feeds: HashMap<Scope, Live>,
    others: usize,
    /// The readers of feeds above [`FEEDS_MAX`].
    rest: Live,
}

/// The readers of one feed.
struct Live {
    direct: Distinct,
    /// The largest number that each aggregator named.
    subscribers: BTreeMap<(&'static str, Format), u64>,
}

impl Today {
    /// The day `date`, of which an earlier process has counted `floor`. `salt` must be random.
    pub fn new(date: Date, salt: Salt, floor: Day) -> Self {
        let (feeds, rest) = (HashMap::new(), Live::new());
        Self { date, salt, floor, feeds, others: 0, rest }
    }

    /// The day.
    pub fn date(&self) -> Date {
        self.date
    }

    /// Counts a feed that was fetched. Returns false if that can change no figure.
    pub fn note(&mut self, seen: &Sighting<'_>) -> bool {
        let digest = digest(&self.salt, seen);
        let live = match self.feeds.get_mut(seen.scope) {
            Some(live) => live,
            None if is_kept(seen.scope) => {
                self.feeds.entry(seen.scope.clone()).or_insert_with(Live::new)
            }
            None if self.others < FEEDS_MAX => {
                self.others += 1;
                self.feeds.entry(seen.scope.clone()).or_insert_with(Live::new)
            }
            None => &mut self.rest,
        };
        live.note(seen.agent, seen.format, digest)
    }

    /// The figures of the day so far: of the site and of views, of the [`KEPT_MAX`] most read other
    /// feeds, and of the rest together.
    pub fn figures(&self) -> Day {
        let mut day = Day::new();
        let mut others = Vec::new();
        for (scope, live) in &self.feeds {
            let tally = live.tally();
            if is_kept(scope) {
                day.insert(scope.to_string(), tally);
            } else {
                others.push((scope.to_string(), tally));
            }
        }
        // By name where as many read them, so that the same feeds stay from one minute to the next.
        others.sort_by(|a, b| b.1.readers().cmp(&a.1.readers()).then_with(|| a.0.cmp(&b.0)));
        let mut rest = self.rest.tally();
        for (n, (feed, tally)) in others.into_iter().enumerate() {
            if n < KEPT_MAX {
                day.insert(feed, tally);
            } else {
                rest.add(&tally);
            }
        }
        if rest.readers() > 0 {
            day.insert(OTHER.to_owned(), rest);
        }
        for (feed, tally) in &self.floor {
            day.entry(feed.clone()).or_default().raise(tally);
        }
        day.retain(|_, tally| tally.readers() > 0);
        day
    }
}

impl Live {
    fn new() -> Self {
        Self { direct: Distinct::new(EXACT_MAX), subscribers: BTreeMap::new() }
    }

    fn note(&mut self, agent: Agent, format: Format, digest: u64) -> bool {
        match agent {
            Agent::NoReader => false,
            Agent::Direct => {
                let before = self.direct.count();
                self.direct.insert(digest);
                self.direct.count() != before
            }
            Agent::Aggregator { name, subscribers } => {
                let most = self.subscribers.entry((name, format)).or_default();
                let is_more = subscribers > *most;
                *most = subscribers.max(*most);
                is_more
            }
        }
    }

    fn tally(&self) -> Tally {
        let mut subscribers = BTreeMap::new();
        for ((name, format), most) in &self.subscribers {
            if *most > 0 {
                subscribers.insert(((*name).to_owned(), *format), *most);
            }
        }
        Tally { direct: self.direct.count(), subscribers }
    }
}

/// Whether a feed is counted however many there are: there are few of these.
fn is_kept(scope: &Scope) -> bool {
    matches!(scope, Scope::Site | Scope::View(_))
}

/// The name of a direct reader on one day: its address (of IPv6 the network of one subscriber,
/// a /64, since the rest changes by itself) and its User-Agent, under a key that no one knows.
fn digest(salt: &Salt, seen: &Sighting<'_>) -> u64 {
    let mut hasher = blake3::Hasher::new_keyed(salt);
    match seen.address.to_canonical() {
        IpAddr::V4(address) => hasher.update(&address.octets()),
        IpAddr::V6(address) => hasher.update(&address.octets()[..8]),
    };
    hasher.update(seen.user_agent.as_bytes());
    let mut bytes = [0; 8];
    hasher.finalize_xof().fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::UrlPath;

    const READER: &str = "NetNewsWire (RSS Reader; https://netnewswire.com/)";

    fn day() -> Today {
        Today::new("2026-11-29".parse().unwrap(), [7; 32], Day::new())
    }

    fn tag(name: &str) -> Scope {
        Scope::Tag(UrlPath::new(name).unwrap())
    }

    fn fetch(day: &mut Today, scope: &Scope, address: &str, user_agent: &str) {
        fetch_as(day, scope, Format::Atom, address, user_agent);
    }

    fn fetch_as(day: &mut Today, scope: &Scope, format: Format, address: &str, user_agent: &str) {
        let agent = super::super::agent::classify(user_agent, super::super::Navigation::Program);
        let address = address.parse().unwrap();
        day.note(&Sighting { scope, format, agent, address, user_agent });
    }

    fn direct(day: &Today, feed: &str) -> u64 {
        day.figures().get(feed).map_or(0, |tally| tally.direct)
    }

    #[test]
    fn direct_readers_are_distinct_addresses_and_programs() {
        let mut day = day();
        for (address, user_agent, readers) in [
            ("192.0.2.1", READER, 1),
            ("192.0.2.1", READER, 1),
            ("::ffff:192.0.2.1", READER, 1),
            ("192.0.2.2", READER, 2),
            ("192.0.2.1", "Newsboat/2.32 (Linux x86_64)", 3),
            ("2001:db8::1", READER, 4),
            ("2001:db8::ffff:2", READER, 4),
            ("2001:db8:0:1::1", READER, 5),
            ("192.0.2.9", "curl/8.9.1", 5),
        ] {
            fetch(&mut day, &Scope::Site, address, user_agent);
            assert_eq!(direct(&day, "/"), readers, "{address} {user_agent}");
        }
        // One person who polls two formats is one.
        fetch_as(&mut day, &Scope::Site, Format::Rss, "192.0.2.1", READER);
        assert_eq!(direct(&day, "/"), 5);
        assert_eq!(direct(&day, "/tags/rust/"), 0);
    }

    #[test]
    fn an_aggregator_counts_by_its_largest_number_in_each_format() {
        let mut day = day();
        for (format, subscribers) in
            [(Format::Atom, 4), (Format::Atom, 9), (Format::Atom, 2), (Format::Rss, 3)]
        {
            let user_agent = format!("Feedbin feed-id:1 - {subscribers} subscribers");
            for address in ["192.0.2.1", "192.0.2.2"] {
                fetch_as(&mut day, &Scope::Site, format, address, &user_agent);
            }
        }
        let figures = day.figures();
        let tally = &figures["/"];
        assert_eq!((tally.readers(), tally.direct), (12, 0));
        assert_eq!(tally.subscribers[&("Feedbin".to_owned(), Format::Atom)], 9);
    }

    #[test]
    fn only_a_change_of_a_figure_is_one() {
        let mut day = day();
        let note = |day: &mut Today, agent| {
            let address = "192.0.2.1".parse().unwrap();
            let (scope, format) = (&Scope::Site, Format::Atom);
            day.note(&Sighting { scope, format, agent, address, user_agent: READER })
        };
        let feedly = |subscribers| Agent::Aggregator { name: "Feedly", subscribers };
        for (agent, changes) in [
            (Agent::NoReader, false),
            (Agent::Direct, true),
            (Agent::Direct, false),
            (feedly(0), false),
            (feedly(2), true),
            (feedly(2), false),
            (feedly(1), false),
        ] {
            assert_eq!(note(&mut day, agent), changes, "{agent:?}");
        }
    }

    #[test]
    fn another_days_digests_are_others() {
        let seen = Sighting {
            scope: &Scope::Site,
            format: Format::Atom,
            agent: Agent::Direct,
            address: "192.0.2.1".parse().unwrap(),
            user_agent: READER,
        };
        assert_ne!(digest(&[1; 32], &seen), digest(&[2; 32], &seen));
    }

    #[test]
    fn after_a_restart_the_larger_figure_counts() {
        let mut first = day();
        for n in 1..=5 {
            fetch(&mut first, &Scope::Site, &format!("192.0.2.{n}"), READER);
        }
        fetch(&mut first, &tag("a"), "192.0.2.1", READER);
        let mut second = Today::new(first.date(), [8; 32], first.figures());
        for n in 1..=3 {
            fetch(&mut second, &Scope::Site, &format!("192.0.2.{n}"), READER);
        }
        assert_eq!((direct(&second, "/"), direct(&second, "/tags/a/")), (5, 1));
        for n in 4..=7 {
            fetch(&mut second, &Scope::Site, &format!("192.0.2.{n}"), READER);
        }
        assert_eq!(direct(&second, "/"), 7);
    }

    #[test]
    fn the_number_of_feeds_is_bounded_and_the_rest_is_counted_together() {
        let mut day = day();
        // The last of those that are counted one by one is read the most.
        for n in 0..FEEDS_MAX + 20 {
            fetch(&mut day, &tag(&format!("t{n}")), "192.0.2.1", READER);
        }
        let popular = tag(&format!("t{}", FEEDS_MAX - 1));
        fetch(&mut day, &popular, "192.0.2.2", READER);
        fetch(&mut day, &Scope::Site, "192.0.2.1", READER);
        fetch(&mut day, &Scope::View(UrlPath::new("v").unwrap()), "192.0.2.1", READER);
        let figures = day.figures();
        assert_eq!(day.feeds.len(), FEEDS_MAX + 2);
        assert_eq!(figures.len(), KEPT_MAX + 3);
        assert_eq!(figures[&popular.to_string()].direct, 2);
        assert_eq!((figures["/"].direct, figures["/views/v/"].direct), (1, 1));
        // One reader of 20 feeds is one there, since they are counted together.
        assert_eq!(figures[OTHER].direct, (FEEDS_MAX - KEPT_MAX) as u64 + 1);
    }
}
