//! Everything that is measured, in the text format of Prometheus (version 0.0.4), which every
//! scraper reads.
//!
//! A scrape reads the present values and names them; nothing is kept for it. Names follow the
//! conventions of Prometheus: base units, and the unit and `_total` at the end of the name.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, prometheus_text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use super::super::hub;
use super::requests::Requests;
use super::{Counts, Metrics};
use crate::base::Timestamp;
use crate::publish::latency::BOUNDS_S;
use crate::publish::{Coding, Part, Receiver, Snapshot, Status};

/// The `Content-Type` of the text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The content of a scrape.
#[derive(Debug, Clone, Copy)]
pub struct Scrape<'a> {
    /// The counters of the server.
    pub metrics: &'a Metrics,
    /// The counters of requests, which have to be among the observers.
    pub requests: &'a Requests,
    /// The state of the service.
    pub status: &'a Status,
    /// The published snapshot, if there is one.
    pub snapshot: Option<&'a Snapshot>,
    /// The size of the state's files, in bytes; `None` where it cannot be found out.
    pub state_bytes: Option<u64>,
    /// The lines that the access log dropped; `None` if there is no access log.
    pub access_log_dropped: Option<u64>,
    /// The counts of the own hub; `None` if there is no hub.
    pub hub: Option<&'a hub::Counters>,
    /// The start of the process.
    pub started: Timestamp,
}

/// The metrics of a scrape as text.
pub fn text(scrape: &Scrape<'_>) -> String {
    let mut families = Families(Vec::new());
    families.http(scrape);
    families.articles(scrape.status);
    families.publishing(scrape.status);
    families.pushes(scrape.status);
    families.process(scrape);
    families.hub(scrape.hub);
    let mut registry = Registry::default();
    registry.register_collector(Box::new(families));
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = prometheus_text::encode(&mut text, &registry);
    text
}

/// A metric with all its samples.
#[derive(Debug)]
struct Family {
    name: &'static str,
    help: &'static str,
    unit: Option<Unit>,
    samples: Samples,
}

type Labels = Vec<(&'static str, String)>;

#[derive(Debug)]
enum Samples {
    Counters(Vec<(Labels, u64)>),
    Gauges(Vec<(Labels, f64)>),
    /// Counts by bucket, and the sum in seconds.
    Histograms(Vec<(Labels, Vec<u64>, f64)>),
}

/// The metrics of one scrape.
#[derive(Debug)]
struct Families(Vec<Family>);

impl Families {
    fn push(
        &mut self,
        name: &'static str,
        unit: Option<Unit>,
        help: &'static str,
        samples: Samples,
    ) {
        self.0.push(Family { name, help, unit, samples });
    }

    fn counter(&mut self, name: &'static str, help: &'static str, value: u64) {
        self.push(name, None, help, Samples::Counters(vec![(Labels::new(), value)]));
    }

    #[expect(clippy::cast_precision_loss, reason = "exact far beyond what is counted here")]
    fn gauge(&mut self, name: &'static str, unit: Option<Unit>, help: &'static str, value: u64) {
        self.push(name, unit, help, Samples::Gauges(vec![(Labels::new(), value as f64)]));
    }

    /// A time as seconds since 1970, with the fraction that a clock has.
    fn time(&mut self, name: &'static str, help: &'static str, time: Timestamp) {
        let seconds = time.as_duration().as_secs_f64();
        self.push(name, Some(Unit::Seconds), help, Samples::Gauges(vec![(Labels::new(), seconds)]));
    }

    #[expect(clippy::cast_precision_loss, reason = "exact far beyond what is counted here")]
    fn hub(&mut self, counters: Option<&hub::Counters>) {
        let Some(counters) = counters else { return };
        let labels = |name, value: &str| vec![(name, value.to_owned())];
        let mut subscriptions = Vec::new();
        for (state, count) in counters.subscriptions() {
            subscriptions.push((labels("state", state), count as f64));
        }
        let help = "Subscriptions of the own hub by their state";
        self.push("dropfeed_hub_subscriptions", None, help, Samples::Gauges(subscriptions));
        let mut deliveries = Vec::new();
        for (outcome, count) in counters.deliveries() {
            deliveries.push((labels("outcome", outcome), count));
        }
        let help = "Deliveries of the own hub by their outcome";
        self.push("dropfeed_hub_deliveries", None, help, Samples::Counters(deliveries));
        let mut verifications = Vec::new();
        for (result, count) in counters.verifications() {
            verifications.push((labels("result", result), count));
        }
        let help = "Requests for subscriptions by whether the callback confirmed them";
        self.push("dropfeed_hub_verifications", None, help, Samples::Counters(verifications));
    }

    fn http(&mut self, scrape: &Scrape<'_>) {
        let requests = scrape.requests;
        let mut counters = Vec::new();
        for counted in requests.counted() {
            let labels = vec![
                ("resource", counted.resource.name().to_owned()),
                ("scope", counted.scope),
                ("format", counted.format.to_owned()),
                ("status", counted.status),
                ("coding", counted.coding.to_owned()),
            ];
            counters.push((labels, counted.count));
        }
        let help = "Requests by what they asked for and how they were answered";
        self.push("dropfeed_http_requests", None, help, Samples::Counters(counters));
        let mut bytes = Vec::new();
        for (resource, count) in requests.bytes() {
            bytes.push((vec![("resource", resource.name().to_owned())], count));
        }
        let help = "Bytes of bodies that were sent";
        self.push("dropfeed_http_sent", Some(Unit::Bytes), help, Samples::Counters(bytes));
        let mut durations = Vec::new();
        for (resource, counts, sum) in requests.durations() {
            let labels = vec![("resource", resource.name().to_owned())];
            durations.push((labels, counts, sum.as_secs_f64()));
        }
        let help = "Time from the head of a request to the end of its answer";
        let unit = Some(Unit::Seconds);
        self.push("dropfeed_http_request_duration", unit, help, Samples::Histograms(durations));
        let Counts { open, accepted, rejected, timed_out, shed, accept_errors, .. } =
            scrape.metrics.counts();
        self.gauge("dropfeed_http_connections", None, "Connections open now", open);
        for (name, help, value) in [
            ("dropfeed_http_connections_accepted", "Connections accepted", accepted),
            (
                "dropfeed_http_connections_rejected",
                "Connections closed at once, as their address had too many",
                rejected,
            ),
            (
                "dropfeed_http_connections_timed_out",
                "Connections closed since their client took too long",
                timed_out,
            ),
            (
                "dropfeed_http_connections_shed",
                "Idle connections closed early, as all places were taken",
                shed,
            ),
            (
                "dropfeed_http_accept_errors",
                "Pauses of accepting connections: no file descriptors, no memory",
                accept_errors,
            ),
        ] {
            self.counter(name, help, value);
        }
        if let Some(dropped) = scrape.access_log_dropped {
            let help = "Lines of the access log that were dropped";
            self.counter("dropfeed_access_log_dropped_lines", help, dropped);
        }
    }

    fn articles(&mut self, status: &Status) {
        let contents = &status.contents;
        let held = status.held.as_ref().map_or(0, |held| held.before.saturating_sub(held.after));
        for (name, help, value) in [
            ("dropfeed_articles", "Public articles", contents.entries),
            ("dropfeed_drafts", "Drafts", contents.drafts),
            ("dropfeed_scheduled", "Articles that wait for their date", contents.scheduled.len()),
            (
                "dropfeed_refused_files",
                "Files that are not published, or not as they are",
                contents.refused_count(),
            ),
            ("dropfeed_unreadable_files", "Files that cannot be read", status.unreadable.len()),
            (
                "dropfeed_held_deletions",
                "Deletions that wait for `dropfeed accept`; 0 if none do",
                held,
            ),
        ] {
            self.gauge(name, None, help, value as u64);
        }
    }

    fn publishing(&mut self, status: &Status) {
        let latency = &status.latency;
        let samples = vec![(Labels::new(), latency.counts.to_vec(), latency.sum.as_secs_f64())];
        let help = "Time of the steps that published something";
        let unit = Some(Unit::Seconds);
        self.push("dropfeed_publish_duration", unit, help, Samples::Histograms(samples));
        if let Some(published) = status.published {
            let help = "The number of the published snapshot";
            self.gauge("dropfeed_generation", None, help, published.generation);
            let help = "The time of the last publish";
            self.time("dropfeed_last_publish_timestamp", help, published.at);
        }
        if let Some(projection) = status.projection {
            let help = "The number of the snapshot that the files in feeds/ show";
            self.gauge("dropfeed_projected_generation", None, help, projection.generation);
            let help = "The time at which the files in feeds/ were last compared with the feeds";
            self.time("dropfeed_last_projection_timestamp", help, projection.at);
        }
        let scans = status.scans.map_or(0, |scans| scans.count);
        self.counter("dropfeed_scans", "Full scans of the article directory", scans);
        if let Some(scans) = status.scans {
            let help = "The end of the last full scan";
            self.time("dropfeed_last_scan_timestamp", help, scans.last);
        }
        let is_polling = status.watching.is_polling();
        let help = "Whether changes are found by polling instead of inotify";
        self.gauge("dropfeed_polling", None, help, u64::from(is_polling));
        let mut parts = Vec::new();
        for part in Part::ALL {
            let is_degraded = status.degraded.contains_key(&part);
            let labels = vec![("part", part.name().to_owned())];
            parts.push((labels, f64::from(u8::from(is_degraded))));
        }
        let help = "Whether a part of the service does not work";
        self.push("dropfeed_degraded", None, help, Samples::Gauges(parts));
    }

    fn pushes(&mut self, status: &Status) {
        let Some(pushed) = status.pushed else { return };
        let mut counters = Vec::new();
        for receiver in Receiver::ALL {
            let (accepted, failed) = pushed.counts(receiver);
            for (outcome, count) in [("accepted", accepted), ("failed", failed)] {
                let receiver = receiver.name().to_owned();
                let labels = vec![("receiver", receiver), ("outcome", outcome.to_owned())];
                counters.push((labels, count));
            }
        }
        let help = "Pings to hubs, requests to the webhook and runs of the command, each try";
        self.push("dropfeed_pushes", None, help, Samples::Counters(counters));
    }

    fn process(&mut self, scrape: &Scrape<'_>) {
        let unit = Some(Unit::Bytes);
        let snapshot = scrape.snapshot.map_or(0, snapshot_bytes);
        let help = "Feeds that are kept in memory, in every coding, and the articles in them";
        self.gauge("dropfeed_snapshot", unit.clone(), help, snapshot);
        let help = "Cached feeds, archives and pages";
        self.gauge("dropfeed_cache", unit.clone(), help, scrape.metrics.cache_bytes());
        if let Some(bytes) = scrape.state_bytes {
            self.gauge("dropfeed_state", unit, "The database of the state", bytes);
        }
        let version = vec![("version", env!("CARGO_PKG_VERSION").to_owned())];
        let help = "The version of dropfeed";
        self.push("dropfeed_build_info", None, help, Samples::Gauges(vec![(version, 1.0)]));
        self.time("process_start_time", "The start of the process", scrape.started);
    }
}

/// The memory that a snapshot takes for feeds and for the bodies of the articles in them.
fn snapshot_bytes(snapshot: &Snapshot) -> u64 {
    let mut bytes = 0;
    for document in snapshot.hot.values() {
        for coding in Coding::ALL {
            // A coding that does not make a document smaller is the document itself.
            if let Some(coded) = document.made(coding)
                && coded.coding == coding
            {
                bytes += coded.bytes.len();
            }
        }
    }
    for body in snapshot.bodies.values() {
        bytes += body.html.len() + body.summary.len();
    }
    bytes as u64
}

impl Collector for Families {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for Family { name, help, unit, samples } in &self.0 {
            let kind = match samples {
                Samples::Counters(_) => MetricType::Counter,
                Samples::Gauges(_) => MetricType::Gauge,
                Samples::Histograms(_) => MetricType::Histogram,
            };
            let mut metric = encoder.encode_descriptor(name, help, unit.as_ref(), kind)?;
            samples.encode(&mut metric)?;
        }
        Ok(())
    }
}

impl Samples {
    fn encode(&self, metric: &mut MetricEncoder<'_>) -> fmt::Result {
        match self {
            Samples::Counters(samples) => {
                for (labels, value) in samples {
                    let labels = labels.as_slice();
                    metric
                        .encode_family(&labels)?
                        .encode_counter::<NoLabelSet, _, u64>(value, None)?;
                }
            }
            Samples::Gauges(samples) => {
                for (labels, value) in samples {
                    metric.encode_family(&labels.as_slice())?.encode_gauge(value)?;
                }
            }
            Samples::Histograms(samples) => {
                for (labels, counts, sum) in samples {
                    let bounds = BOUNDS_S.into_iter().chain([f64::INFINITY]);
                    let buckets: Vec<(f64, u64)> = bounds.zip(counts.iter().copied()).collect();
                    let count = counts.iter().sum();
                    let labels = labels.as_slice();
                    let mut metric = metric.encode_family(&labels)?;
                    metric.encode_histogram::<NoLabelSet>(*sum, count, &buckets, None)?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::publish::PushEnd;

    /// The samples of a text, each checked against the rules of the format.
    fn parse(text: &str) -> BTreeMap<String, f64> {
        let (mut kinds, mut samples) = (BTreeMap::new(), BTreeMap::new());
        let mut helped = BTreeSet::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').unwrap();
                assert!(helped.insert(name.to_owned()) && help.len() > 3, "{line}");
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                assert!(helped.contains(name), "{line}");
                assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
                assert!(kinds.insert(name.to_owned(), kind.to_owned()).is_none(), "{line}");
            } else {
                let (series, value) = line.rsplit_once(' ').unwrap();
                let name = series.split('{').next().unwrap();
                let family = ["_bucket", "_sum", "_count"]
                    .iter()
                    .filter_map(|suffix| name.strip_suffix(suffix))
                    .find(|family| kinds.get(*family).is_some_and(|kind| kind == "histogram"));
                assert!(kinds.contains_key(family.unwrap_or(name)), "{line}");
                let value = if value == "+Inf" { f64::INFINITY } else { value.parse().unwrap() };
                assert!(samples.insert(series.to_owned(), value).is_none(), "twice: {line}");
            }
        }
        samples
    }

    #[test]
    fn a_scrape_has_every_metric_that_is_documented() {
        let (metrics, requests) = (Metrics::default(), Requests::default());
        metrics.accepted();
        let mut status = Status::default();
        let now: Timestamp = "2026-11-29T07:46:43.5Z".parse().unwrap();
        status.contents.entries = 3;
        status.latency.observe(std::time::Duration::from_millis(4));
        status.set_degraded(Part::Projection, Some("full"), now);
        status.set_scanned(&[], now);
        let published = crate::publish::LastPublish { at: now, generation: 7, took: None };
        status.published = Some(published);
        status.projection = Some(crate::publish::LastProjection { generation: 6, at: now });
        let mut pushed = crate::publish::Pushed::default();
        pushed.count(Receiver::Webhook, PushEnd::Accepted);
        status.pushed = Some(pushed);
        let text = text(&Scrape {
            metrics: &metrics,
            requests: &requests,
            status: &status,
            snapshot: None,
            state_bytes: Some(4096),
            access_log_dropped: Some(2),
            hub: Some(&hub::Counters::default()),
            started: now,
        });
        let samples = parse(&text);
        for (series, value) in [
            ("dropfeed_articles", 3.0),
            ("dropfeed_generation", 7.0),
            ("dropfeed_projected_generation", 6.0),
            ("dropfeed_last_publish_timestamp_seconds", 1_795_938_403.5),
            ("dropfeed_http_connections", 1.0),
            ("dropfeed_scans_total", 1.0),
            ("dropfeed_state_bytes", 4096.0),
            ("dropfeed_access_log_dropped_lines_total", 2.0),
            ("dropfeed_hub_subscriptions{state=\"suspended\"}", 0.0),
            ("dropfeed_hub_deliveries_total{outcome=\"taken\"}", 0.0),
            ("dropfeed_hub_verifications_total{result=\"unconfirmed\"}", 0.0),
            ("dropfeed_pushes_total{receiver=\"webhook\",outcome=\"accepted\"}", 1.0),
            ("dropfeed_degraded{part=\"projection\"}", 1.0),
            ("dropfeed_degraded{part=\"engine\"}", 0.0),
            ("dropfeed_publish_duration_seconds_bucket{le=\"0.0025\"}", 0.0),
            ("dropfeed_publish_duration_seconds_bucket{le=\"0.005\"}", 1.0),
            ("dropfeed_publish_duration_seconds_bucket{le=\"+Inf\"}", 1.0),
            ("dropfeed_publish_duration_seconds_sum", 0.004),
            (
                "dropfeed_http_requests_total{resource=\"feed\",scope=\"site\",format=\"rss\",status=\"304\",coding=\"identity\"}",
                0.0,
            ),
        ] {
            assert_eq!(samples.get(series), Some(&value), "{series}\n{text}");
        }
        let mut names = BTreeSet::new();
        for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
            let (name, kind) = line.split_once(' ').unwrap();
            names.insert((name.to_owned(), kind.to_owned()));
        }
        let page = include_str!("../../../docs/operators.md");
        let mut documented = BTreeSet::new();
        for line in page
            .lines()
            .filter(|line| line.starts_with("| `dropfeed_") || line.starts_with("| `process_"))
        {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            documented.insert((cells[1].trim_matches('`').to_owned(), cells[2].to_owned()));
        }
        assert_eq!(names, documented);
    }
}
