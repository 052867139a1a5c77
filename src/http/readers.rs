//! The counter of readers: an observer of finished requests, and a thread that saves its figures.
//!
//! Owns the figures of the present day and of the days before. A request costs one look into a
//! table under a lock; the disk is used by the thread alone, once a minute if a figure has changed,
//! and at a stop. A crash loses that minute. If the disk fails, counting goes on, and the next
//! minute tries again.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use http::header::{ACCEPT, HeaderName};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use tracing::{error, info, warn};

use super::exchange::{Exchange, Observer};
use crate::base::Timestamp;
use crate::ops::clock::Clock;
use crate::publish::Published;
use crate::readers::report::{Line, Question, When};
use crate::readers::today::Salt;
use crate::readers::{Agent, Day, History, Navigation, Sighting, Today, agent, chart, report};
use crate::store::StoreError;
use crate::store::side::readers::{ReadersFile, set_aside_readers};

/// The time between two writes.
const SAVE_EVERY: Duration = Duration::from_secs(60);

/// The browser's word for what it does with the answer (Fetch Metadata, 2.1).
const FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// The figures, shared by all threads.
pub struct Counter {
    published: Arc<Published>,
    clock: Arc<dyn Clock>,
    salt: fn() -> Salt,
    inner: Mutex<Inner>,
    bell: Condvar,
}

struct Inner {
    /// `site.timezone`, which a reload may change; the thread looks once a minute.
    zone: TimeZone,
    today: Today,
    history: History,
    /// Set where the figures of the present day are not saved.
    is_changed: bool,
    /// Days that are over, and not saved.
    unsaved: BTreeMap<Date, Day>,
    is_stopping: bool,
}

impl Counter {
    /// A counter that goes on from `history`. `salt` gives a new random key for each day.
    pub fn new(
        published: Arc<Published>,
        zone: TimeZone,
        clock: Arc<dyn Clock>,
        salt: fn() -> Salt,
        history: History,
    ) -> Self {
        let date = date(clock.now(), &zone);
        let today = Today::new(date, salt(), history.day(date).cloned().unwrap_or_default());
        // A day on which nobody reads was counted, too.
        let (unsaved, is_changed, is_stopping) = (BTreeMap::new(), true, false);
        let inner = Inner { zone, today, history, is_changed, unsaved, is_stopping };
        Self { published, clock, salt, inner: Mutex::new(inner), bell: Condvar::new() }
    }

    /// The table of readers.
    pub fn text(&self, question: &Question) -> String {
        self.with_history(|history, when| report::text(history, question, when))
    }

    /// The readers as JSON.
    pub fn json(&self, question: &Question) -> serde_json::Value {
        self.with_history(|history, when| report::json(history, question, when))
    }

    /// A chart of the last `days`, if there is anything to draw, and the `count` most read feeds.
    pub fn overview(&self, days: usize, count: usize) -> (Option<String>, Vec<Line>) {
        self.with_history(|history, when| {
            let chart = chart::svg(history, when.today, days);
            (chart, report::top(history, count, when))
        })
    }

    fn with_history<T>(&self, show: impl FnOnce(&History, When<'_>) -> T) -> T {
        let mut inner = self.lock();
        let today = date(self.clock.now(), &inner.zone);
        inner.turn_to(today, self.salt);
        inner.note_today();
        let (history, zone) = (inner.history.clone(), inner.zone.clone());
        // A report of a large site takes a while, in which requests must not wait.
        drop(inner);
        show(&history, When { today, zone: zone.iana_name().unwrap_or("UTC") })
    }

    /// Counts a feed that was fetched.
    fn note(&self, seen: &Sighting<'_>, at: Timestamp) {
        let mut inner = self.lock();
        let date = date(at, &inner.zone);
        inner.turn_to(date, self.salt);
        inner.is_changed |= inner.today.note(seen);
    }

    /// The days that have to be saved, with their figures. They count as saved.
    fn take_unsaved(&self) -> BTreeMap<Date, Day> {
        let zone = self.published.load().map(|current| current.config.site.timezone.clone());
        let now = self.clock.now();
        let mut inner = self.lock();
        if let Some(zone) = zone {
            inner.zone = zone;
        }
        let today = date(now, &inner.zone);
        inner.turn_to(today, self.salt);
        let mut unsaved = std::mem::take(&mut inner.unsaved);
        if std::mem::take(&mut inner.is_changed) {
            inner.note_today();
            unsaved.insert(inner.today.date(), inner.today.figures());
        }
        unsaved
    }

    /// Takes back days that could not be saved, unless there are newer figures.
    fn put_back(&self, days: BTreeMap<Date, Day>) {
        let mut inner = self.lock();
        for (date, day) in days {
            if date == inner.today.date() {
                inner.is_changed = true;
            } else {
                inner.unsaved.entry(date).or_insert(day);
            }
        }
    }

    /// Every change under this lock is whole, so a panic elsewhere leaves nothing half done.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Begins the day `date`, if it is another one: midnight, or a clock or a zone that was set.
    fn turn_to(&mut self, date: Date, salt: fn() -> Salt) {
        if self.today.date() == date {
            return;
        }
        if std::mem::take(&mut self.is_changed) {
            self.note_today();
            self.unsaved.insert(self.today.date(), self.today.figures());
        }
        // The key of the day that is over goes with it.
        let floor = self.history.day(date).cloned().unwrap_or_default();
        self.today = Today::new(date, salt(), floor);
        self.is_changed = true;
    }

    /// Brings the history up to date. A day without a reader is one that was counted, too.
    fn note_today(&mut self) {
        self.history.set(self.today.date(), self.today.figures());
    }
}

impl Observer for Counter {
    fn finished(&self, exchange: &Exchange<'_>) {
        let Some((scope, format)) = exchange.feed() else { return };
        if exchange.method() == Some(http::Method::HEAD) {
            return;
        }
        // A User-Agent that is not text is none.
        let user_agent = std::str::from_utf8(exchange.user_agent().unwrap_or_default());
        let user_agent = user_agent.unwrap_or_default();
        let agent = agent::classify(user_agent, navigation(exchange));
        if agent == Agent::NoReader {
            return;
        }
        // Behind a proxy on a Unix socket that names no address, readers differ by program alone.
        let address = exchange.reader.unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED));
        self.note(&Sighting { scope, format, agent, address, user_agent }, exchange.begun);
    }
}

/// Whether a browser went to the address. Over plain HTTP it does not say so, but it then wants
/// HTML first of all.
fn navigation(exchange: &Exchange<'_>) -> Navigation {
    let goes =
        exchange.field(&FETCH_DEST).is_some_and(|dest| dest == b"document" || dest == b"iframe");
    let wants = exchange.field(&ACCEPT).is_some_and(|accept| accept.starts_with(b"text/html"));
    if goes || wants { Navigation::Browser } else { Navigation::Program }
}

fn date(at: Timestamp, zone: &TimeZone) -> Date {
    at.to_zoned(zone.clone()).date()
}

/// A random key.
pub fn random_salt() -> Salt {
    // Of version 4: 122 random bits each.
    let (first, second) = (uuid::Uuid::new_v4(), uuid::Uuid::new_v4());
    let mut hasher = blake3::Hasher::new();
    hasher.update(first.as_bytes()).update(second.as_bytes());
    *hasher.finalize().as_bytes()
}

/// The thread that saves the figures of a counter, and their file. Dropping it saves them a last
/// time.
pub struct Saving {
    counter: Arc<Counter>,
    thread: Option<JoinHandle<()>>,
}

impl Saving {
    /// Saves the figures of `counter` to `file` once a minute.
    ///
    /// # Errors
    /// No thread is left.
    pub fn start(counter: Arc<Counter>, file: ReadersFile) -> io::Result<Self> {
        let shared = Arc::clone(&counter);
        let work = move || save_until_stopped(&shared, file);
        let thread = std::thread::Builder::new().name("readers".to_owned()).spawn(work)?;
        Ok(Self { counter, thread: Some(thread) })
    }
}

impl Drop for Saving {
    fn drop(&mut self) {
        self.counter.lock().is_stopping = true;
        self.counter.bell.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic was logged when it happened.
            let _ = thread.join();
        }
    }
}

fn save_until_stopped(counter: &Counter, mut file: ReadersFile) {
    let mut failed = false;
    loop {
        let waiting = |inner: &mut Inner| !inner.is_stopping;
        let waited = counter.bell.wait_timeout_while(counter.lock(), SAVE_EVERY, waiting);
        let is_stopping = waited.unwrap_or_else(PoisonError::into_inner).0.is_stopping;
        let unsaved = counter.take_unsaved();
        let is_idle = unsaved.is_empty();
        match save(&mut file, &unsaved) {
            Err(error) => {
                if !failed {
                    warn!(
                        event = "degraded",
                        "degraded: the readers' statistics are not saved: {error}"
                    );
                }
                failed = true;
                counter.put_back(unsaved);
            }
            Ok(()) if failed && !is_idle => {
                failed = false;
                info!(event = "recovered", "recovered: the readers' statistics are saved again");
            }
            Ok(()) => {}
        }
        if is_stopping {
            return;
        }
    }
}

fn save(file: &mut ReadersFile, days: &BTreeMap<Date, Day>) -> Result<(), StoreError> {
    for (date, day) in days {
        file.save(*date, day)?;
    }
    Ok(())
}

/// Opens the readers' statistics in the state directory `dir`, which this process has locked. A
/// damaged file is moved aside.
///
/// # Errors
/// Those of the disk, or a later version wrote the file.
pub fn open_readers(dir: &Path) -> Result<(ReadersFile, History), StoreError> {
    let opened = ReadersFile::open(dir).and_then(|file| file.load().map(|history| (file, history)));
    match opened {
        Err(damage @ StoreError::Corrupt { .. }) => {
            let aside = set_aside_readers(dir)?;
            error!(event = "degraded", "degraded: {damage}; it was moved to {}", aside.display());
            Ok((ReadersFile::open(dir)?, History::default()))
        }
        opened => opened,
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, StatusCode};

    use super::super::exchange::Request;
    use super::*;
    use crate::base::{Format, Route, Scope};
    use crate::ops::clock::ManualClock;
    use crate::publish::Coding;

    const READER: &str = "NetNewsWire (RSS Reader; https://netnewswire.com/)";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn counter(now: &str, history: History) -> (Arc<Counter>, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::at(at(now)));
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let shared: Arc<dyn Clock> = Arc::clone(&clock) as Arc<dyn Clock>;
        let counter = Counter::new(Arc::default(), zone, shared, random_salt, history);
        (Arc::new(counter), clock)
    }

    /// A direct reader fetches the site's feed.
    fn fetch(counter: &Counter, address: &str, time: &str) {
        let address = address.parse().unwrap();
        let (scope, format, agent) = (&Scope::Site, Format::Atom, Agent::Direct);
        counter.note(&Sighting { scope, format, agent, address, user_agent: READER }, at(time));
    }

    fn readers(days: &BTreeMap<Date, Day>) -> Vec<(String, u64)> {
        let mut readers = Vec::new();
        for (date, day) in days {
            readers.push((date.to_string(), day.get("/").map_or(0, |tally| tally.readers())));
        }
        readers
    }

    #[test]
    fn a_day_ends_at_midnight_of_the_site() {
        let (counter, clock) = counter("2026-11-28T22:00:00Z", History::default());
        fetch(&counter, "192.0.2.1", "2026-11-28T22:59:59Z");
        fetch(&counter, "192.0.2.2", "2026-11-28T22:59:59Z");
        fetch(&counter, "192.0.2.1", "2026-11-28T23:00:00Z");
        clock.set(at("2026-11-28T23:00:30Z"));
        let unsaved = counter.take_unsaved();
        let expected = [("2026-11-28".to_owned(), 2), ("2026-11-29".to_owned(), 1)];
        assert_eq!(readers(&unsaved), expected);
        assert!(counter.take_unsaved().is_empty());
        // Nobody reads on the next day, and it is a day that was counted.
        clock.set(at("2026-11-30T12:00:00Z"));
        let json = counter.json(&Question { days: Some(3), feed: None });
        let days = json["feeds"][0]["days"].as_array().unwrap();
        let readers: Vec<_> = days.iter().map(|day| day["readers"].as_u64().unwrap()).collect();
        assert_eq!((readers, json["today"].as_str()), (vec![2, 1, 0], Some("2026-11-30")));
    }

    #[test]
    fn a_clock_that_goes_back_takes_no_reader_away() {
        let (counter, clock) = counter("2026-11-29T12:00:00Z", History::default());
        for n in 1..=3 {
            fetch(&counter, &format!("192.0.2.{n}"), "2026-11-29T12:00:00Z");
        }
        fetch(&counter, "192.0.2.1", "2026-11-20T12:00:00Z");
        fetch(&counter, "192.0.2.1", "2026-11-29T12:00:01Z");
        clock.set(at("2026-11-29T12:00:01Z"));
        let expected = [("2026-11-20".to_owned(), 1), ("2026-11-29".to_owned(), 3)];
        assert_eq!(readers(&counter.take_unsaved()), expected);
    }

    #[test]
    fn what_cannot_be_saved_is_tried_again_with_the_newest_figures() {
        let (counter, clock) = counter("2026-11-28T12:00:00Z", History::default());
        fetch(&counter, "192.0.2.1", "2026-11-28T12:00:00Z");
        let unsaved = counter.take_unsaved();
        counter.put_back(unsaved);
        fetch(&counter, "192.0.2.2", "2026-11-28T12:00:00Z");
        clock.set(at("2026-11-29T12:00:00Z"));
        let unsaved = counter.take_unsaved();
        let expected = [("2026-11-28".to_owned(), 2), ("2026-11-29".to_owned(), 0)];
        assert_eq!(readers(&unsaved), expected);
        counter.put_back(unsaved);
        assert_eq!(readers(&counter.take_unsaved()), expected);
    }

    #[test]
    fn a_stop_saves_and_a_start_goes_on() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().to_owned();
        for expected in [1, 2, 2] {
            let (file, history) = open_readers(&dir).unwrap();
            let (counter, _) = counter("2026-11-29T12:00:00Z", history);
            let saving = Saving::start(Arc::clone(&counter), file).unwrap();
            // Each process knows only its own: the larger figure counts.
            for n in 0..expected {
                fetch(&counter, &format!("192.0.2.{n}"), "2026-11-29T12:00:00Z");
            }
            drop(saving);
            let (_, history) = open_readers(&dir).unwrap();
            let date = "2026-11-29".parse().unwrap();
            assert_eq!(history.readers(Some("/"), date), Some(expected));
        }
    }

    #[test]
    fn a_damaged_file_is_moved_aside() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().to_owned();
        std::fs::write(dir.join("readers.db"), "no database".repeat(99)).unwrap();
        assert_eq!(open_readers(&dir).unwrap().1, History::default());
        assert!(dir.join("readers.db.damaged").exists());
    }

    /// The facts that tell a reader: a method, header fields, the status and the type of the
    /// answer.
    fn counts(method: &str, fields: &[(&str, &str)], status: u16, media_type: &str) -> bool {
        let (counter, _) = counter("2026-11-29T12:00:00Z", History::default());
        let mut request = http::Request::builder().method(method).uri("/atom.xml");
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let head = request.body(()).unwrap().into_parts().0;
        let media_type = HeaderValue::from_str(media_type).unwrap();
        counter.finished(&Exchange {
            reader: None,
            request: Request::Read(&head),
            begun: at("2026-11-29T12:00:00Z"),
            took: Duration::ZERO,
            status: StatusCode::from_u16(status).unwrap(),
            content_type: Some(&media_type),
            coding: Coding::Identity,
            body_bytes: 0,
            is_whole: true,
            route: Some(&Route::Feed(Scope::Site, Format::Atom)),
        });
        readers(&counter.take_unsaved())[0].1 > 0
    }

    #[test]
    fn requests_that_are_counted() {
        const ATOM: &str = "application/atom+xml";
        let reader = ("user-agent", READER);
        let html = ("accept", "text/html,application/xhtml+xml");
        let xml = ("accept", "application/atom+xml, text/html;q=0.5");
        for (method, fields, status, media_type, is_counted) in [
            ("GET", &[reader][..], 200, ATOM, true),
            ("GET", &[reader], 304, ATOM, true),
            ("GET", &[reader], 226, ATOM, true),
            ("GET", &[reader, xml], 200, ATOM, true),
            ("GET", &[reader, ("sec-fetch-dest", "empty")], 200, ATOM, true),
            ("HEAD", &[reader], 200, ATOM, false),
            ("GET", &[reader], 404, ATOM, false),
            ("GET", &[reader], 301, ATOM, false),
            ("GET", &[reader], 503, ATOM, false),
            ("GET", &[reader], 200, "text/html; charset=utf-8", false),
            ("GET", &[reader, ("sec-fetch-dest", "document")], 200, ATOM, false),
            ("GET", &[reader, html], 304, ATOM, false),
            ("GET", &[], 200, ATOM, false),
            ("GET", &[("user-agent", "\u{fc}")], 200, ATOM, true),
            ("GET", &[("user-agent", "curl/8.9.1")], 200, ATOM, false),
        ] {
            let counted = counts(method, fields, status, media_type);
            assert_eq!(counted, is_counted, "{method} {fields:?} {status} {media_type}");
        }
    }
}
