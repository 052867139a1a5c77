//! Requests by what they asked for and how they were answered: an observer with a fixed number of
//! counters, however many articles, tags and authors a site has.
//!
//! A counter is found by arithmetic; names are compared only for the feeds of views. Only what has
//! a small number of values has a label of its own: the feed of the site and those of up to 32
//! views by name, all others by their kind.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::StatusCode;

use super::super::exchange::{Exchange, Observer};
use crate::base::{Format, Route, Scope, UrlPath};
use crate::publish::Coding;
use crate::publish::latency::{BOUNDS_S, bucket};

/// Views that are counted by name: the most that a configuration has.
const VIEWS_MAX: usize = 32;

/// The scopes of a feed: site, directory, tag, author, another view; then the views by name.
const SCOPES: usize = 5 + VIEWS_MAX;

/// The statuses with a counter; the last is for all others.
const STATUSES: [u16; 22] = [
    200, 204, 206, 226, 301, 302, 304, 307, 308, 400, 404, 405, 410, 412, 414, 416, 429, 431, 500,
    501, 503, 0,
];

const FORMATS: usize = Format::ALL.len();
const CODINGS: usize = Coding::ALL.len();

/// The kind of document that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resource {
    /// A feed.
    Feed,
    /// A page of a feed's archive.
    Archive,
    /// A page for people: an article, a list, or the page about a feed.
    Page,
    /// A file: a path with an extension.
    Asset,
    /// The documents that programs ask for: health, `robots.txt`, the sitemap, the list of feeds.
    Service,
    /// Nothing that has an address here.
    Other,
}

impl Resource {
    const ALL: [Resource; 6] = [
        Resource::Feed,
        Resource::Archive,
        Resource::Page,
        Resource::Asset,
        Resource::Service,
        Resource::Other,
    ];

    /// The value of the label.
    pub(super) fn name(self) -> &'static str {
        match self {
            Resource::Feed => "feed",
            Resource::Archive => "archive",
            Resource::Page => "page",
            Resource::Asset => "asset",
            Resource::Service => "service",
            Resource::Other => "other",
        }
    }

    fn of(exchange: &Exchange<'_>) -> Self {
        match exchange.route {
            None => Resource::Other,
            Some(Route::Feed(..)) if exchange.is_page() => Resource::Page,
            Some(Route::Feed(..)) => Resource::Feed,
            Some(Route::Archive(..)) => Resource::Archive,
            Some(Route::Home | Route::Index(_) | Route::List(..) | Route::Month(..)) => {
                Resource::Page
            }
            Some(Route::Stylesheet(_)) => Resource::Asset,
            Some(Route::Resource(path)) => {
                let name = path.segments().next_back().unwrap_or_default();
                if name.contains('.') { Resource::Asset } else { Resource::Page }
            }
            Some(
                Route::Opml
                | Route::Healthy
                | Route::Ready
                | Route::Robots
                | Route::Favicon
                | Route::Sitemap,
            ) => Resource::Service,
        }
    }
}

/// A counter for each format of each scope, and one for each format of archives; then one for each
/// other resource.
const TARGETS: usize = SCOPES * FORMATS + FORMATS + (Resource::ALL.len() - 2);

/// The counters of requests, from 0 at the start.
#[derive(Debug)]
pub struct Requests {
    /// By target, status and coding.
    counts: Vec<AtomicU64>,
    /// Bytes of bodies, by resource.
    bytes: [AtomicU64; Resource::ALL.len()],
    durations: [Durations; Resource::ALL.len()],
    /// The names of views, in the order in which they were first asked for.
    views: [OnceLock<UrlPath>; VIEWS_MAX],
}

/// A histogram of durations.
#[derive(Debug, Default)]
struct Durations {
    /// The last is for what is longer than all bounds.
    counts: [AtomicU64; BOUNDS_S.len() + 1],
    sum_ns: AtomicU64,
}

/// One counter with its labels.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) resource: Resource,
    /// The feed's scope; empty for anything but a feed.
    pub(super) scope: String,
    pub(super) format: &'static str,
    /// `other` for one without a counter.
    pub(super) status: String,
    pub(super) coding: &'static str,
    pub(super) count: u64,
}

impl Default for Requests {
    fn default() -> Self {
        let mut counts = Vec::new();
        counts.resize_with(TARGETS * STATUSES.len() * CODINGS, AtomicU64::default);
        Self {
            counts,
            bytes: Default::default(),
            durations: Default::default(),
            views: Default::default(),
        }
    }
}

impl Observer for Requests {
    fn finished(&self, exchange: &Exchange<'_>) {
        let resource = Resource::of(exchange);
        let target = self.target(resource, exchange);
        let index = (target * STATUSES.len() + status(exchange.status)) * CODINGS
            + exchange.coding as usize;
        add(&self.counts[index], 1);
        add(&self.bytes[resource as usize], exchange.body_bytes);
        self.durations[resource as usize].observe(exchange.took);
    }
}

impl Requests {
    fn target(&self, resource: Resource, exchange: &Exchange<'_>) -> usize {
        match (resource, exchange.route) {
            (Resource::Feed, Some(Route::Feed(scope, format))) => {
                // Anybody can ask for the feed of a view that does not exist.
                let is_known = exchange.status.as_u16() < 400;
                self.scope(scope, is_known) * FORMATS + *format as usize
            }
            (Resource::Archive, Some(Route::Archive(_, _, format))) => {
                SCOPES * FORMATS + *format as usize
            }
            (resource, _) => SCOPES * FORMATS + FORMATS + resource as usize - 2,
        }
    }

    fn scope(&self, scope: &Scope, is_known: bool) -> usize {
        match scope {
            Scope::Site => 0,
            Scope::Directory(_) => 1,
            Scope::Tag(_) => 2,
            Scope::Author(_) => 3,
            Scope::View(name) => match self.view(name, is_known) {
                Some(n) => 5 + n,
                None => 4,
            },
        }
    }

    /// The number of a view. A view that is asked for the first time gets the next one.
    fn view(&self, name: &UrlPath, is_known: bool) -> Option<usize> {
        for (n, slot) in self.views.iter().enumerate() {
            match slot.get() {
                Some(known) if known == name => return Some(n),
                Some(_) => {}
                None if !is_known => return None,
                None if slot.get_or_init(|| name.clone()) == name => return Some(n),
                // Another thread took this number for another view.
                None => {}
            }
        }
        None
    }

    /// The requests for feeds, and those of them that were answered with 304.
    pub(in crate::http) fn polls(&self) -> (u64, u64) {
        let (mut polls, mut unchanged) = (0, 0);
        for counted in self.counted() {
            if counted.resource == Resource::Feed {
                polls += counted.count;
                if counted.status == "304" {
                    unchanged += counted.count;
                }
            }
        }
        (polls, unchanged)
    }

    /// The counters that are not zero, and those of the site's feeds for 200 and 304 from the
    /// start, so that a rate has a beginning.
    pub(super) fn counted(&self) -> Vec<Counted> {
        let mut counted = Vec::new();
        for target in 0..TARGETS {
            let (resource, scope, format) = self.named(target);
            for (n, code) in STATUSES.into_iter().enumerate() {
                for (m, coding) in Coding::ALL.into_iter().enumerate() {
                    let count = read(&self.counts[(target * STATUSES.len() + n) * CODINGS + m]);
                    let is_usual =
                        target < FORMATS && matches!(code, 200 | 304) && coding == Coding::Identity;
                    if count > 0 || is_usual {
                        counted.push(Counted {
                            resource,
                            scope: scope.clone(),
                            format,
                            status: if code == 0 { "other".to_owned() } else { code.to_string() },
                            coding: coding.name(),
                            count,
                        });
                    }
                }
            }
        }
        counted
    }

    /// The labels of a target.
    fn named(&self, target: usize) -> (Resource, String, &'static str) {
        let format = Format::ALL[target % FORMATS].name();
        if target >= SCOPES * FORMATS + FORMATS {
            let n = target - (SCOPES * FORMATS + FORMATS) + 2;
            return (Resource::ALL[n], String::new(), "");
        }
        if target >= SCOPES * FORMATS {
            return (Resource::Archive, String::new(), format);
        }
        let scope = match target / FORMATS {
            0 => "site".to_owned(),
            1 => "directory".to_owned(),
            2 => "tag".to_owned(),
            3 => "author".to_owned(),
            4 => "view".to_owned(),
            n => {
                let name = self.views[n - 5].get().map_or("", |name| name.as_str());
                format!("view/{name}")
            }
        };
        (Resource::Feed, scope, format)
    }

    /// The bytes of bodies, by resource.
    pub(super) fn bytes(&self) -> impl Iterator<Item = (Resource, u64)> + '_ {
        Resource::ALL.into_iter().map(|resource| (resource, read(&self.bytes[resource as usize])))
    }

    /// The durations by resource: counts by bucket, and their sum.
    pub(super) fn durations(&self) -> impl Iterator<Item = (Resource, Vec<u64>, Duration)> + '_ {
        Resource::ALL.into_iter().map(|resource| {
            let durations = &self.durations[resource as usize];
            let counts = durations.counts.iter().map(read).collect();
            (resource, counts, Duration::from_nanos(read(&durations.sum_ns)))
        })
    }
}

impl Durations {
    fn observe(&self, took: Duration) {
        add(&self.counts[bucket(took)], 1);
        add(&self.sum_ns, u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }
}

/// The index of a status in [`STATUSES`].
fn status(status: StatusCode) -> usize {
    let code = status.as_u16();
    STATUSES.iter().position(|known| *known == code).unwrap_or(STATUSES.len() - 1)
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::super::super::exchange::Request;
    use super::*;

    fn ask(requests: &Requests, path: &str, status: u16, coding: Coding) {
        let route = Route::parse(path);
        requests.finished(&Exchange {
            reader: None,
            request: Request::Refused(b""),
            begun: "2026-11-29T07:46:43Z".parse().unwrap(),
            took: Duration::from_millis(3),
            status: StatusCode::from_u16(status).unwrap(),
            content_type: None,
            coding,
            body_bytes: 10,
            is_whole: true,
            route: route.as_ref(),
        });
    }

    /// The counters that were used, as lines.
    fn lines(requests: &Requests) -> Vec<String> {
        let mut lines = Vec::new();
        for counted in requests.counted() {
            if counted.count > 0 {
                let Counted { resource, scope, format, status, coding, count } = counted;
                let name = resource.name();
                lines.push(format!("{name} {scope} {format} {status} {coding} {count}"));
            }
        }
        lines
    }

    #[test]
    fn requests_are_counted_by_what_they_asked_for() {
        for (path, status, expected) in [
            ("/rss.xml", 200, "feed site rss 200 gzip 1"),
            ("/atom.xml", 304, "feed site atom 304 gzip 1"),
            ("/news/feed.json", 226, "feed directory json 226 gzip 1"),
            ("/tags/rust/rss.xml", 404, "feed tag rss 404 gzip 1"),
            ("/authors/ada/rss.xml", 200, "feed author rss 200 gzip 1"),
            ("/views/books/atom.xml", 200, "feed view/books atom 200 gzip 1"),
            ("/views/books/atom.xml", 404, "feed view atom 404 gzip 1"),
            ("/archive/1/atom.xml", 200, "archive  atom 200 gzip 1"),
            ("/", 200, "page   200 gzip 1"),
            ("/tags/rust/", 200, "page   200 gzip 1"),
            ("/my-post", 301, "page   301 gzip 1"),
            ("/img/cat.png", 206, "asset   206 gzip 1"),
            ("/-/ready", 503, "service   503 gzip 1"),
            ("/sitemap.xml", 200, "service   200 gzip 1"),
            ("//", 418, "other   other gzip 1"),
        ] {
            let requests = Requests::default();
            ask(&requests, path, status, Coding::Gzip);
            assert_eq!(lines(&requests), [expected], "{path}");
        }
    }

    #[test]
    fn the_number_of_counters_does_not_grow_with_the_site() {
        let requests = Requests::default();
        for n in 0..1000 {
            for path in ["tags", "authors", "views", "news"] {
                ask(&requests, &format!("/{path}/{n}/rss.xml"), 200, Coding::Identity);
                ask(&requests, &format!("/{path}/{n}/rss.xml"), 404, Coding::Identity);
            }
        }
        // Two statuses of the feeds of directories, tags, authors and other views, and of each view
        // that has a name.
        assert_eq!(lines(&requests).len(), 2 * (4 + VIEWS_MAX));
        let counted: u64 = requests.counted().iter().map(|counted| counted.count).sum();
        assert_eq!(counted, 8000);
        let (_, counts, sum) = requests.durations().next().unwrap();
        assert_eq!((counts.iter().sum::<u64>(), sum.as_secs()), (8000, 24));
        assert_eq!(requests.bytes().next(), Some((Resource::Feed, 80_000)));
    }
}
