//! The metrics of a running dropfeed, as a scraper gets them.

use std::collections::{BTreeMap, BTreeSet};

use crate::admin;
use crate::fixture::{Site, eventually};

/// The samples of a scrape by series.
fn scrape(site: &Site) -> BTreeMap<String, f64> {
    let mut samples = BTreeMap::new();
    for line in admin::get(site, "/metrics").text().lines() {
        if !line.starts_with('#') {
            let (series, value) = line.rsplit_once(' ').unwrap();
            samples.insert(series.to_owned(), value.parse().unwrap());
        }
    }
    samples
}

fn requests(resource: &str, scope: &str, format: &str, status: u16, coding: &str) -> String {
    format!(
        "dropfeed_http_requests_total{{resource=\"{resource}\",scope=\"{scope}\",format=\"{format}\",status=\"{status}\",coding=\"{coding}\"}}"
    )
}

/// The names of metrics in a text: of dropfeed's own, and of the process.
fn names_in(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    for word in text.split(|c| !is_part(c)) {
        if word.starts_with("dropfeed_") || word.starts_with("process_") {
            names.insert(word.to_owned());
        }
    }
    names
}

/// Alerts and panels over metrics that do not exist never fire and stay empty.
#[test]
fn the_alert_rules_and_the_dashboard_use_metrics_that_exist() {
    let site = Site::started(
        "admin.listen = \"127.0.0.1:0\"\naccess_log.format = \"json\"\naccess_log.path = \"a.log\"",
    );
    site.drop_in("a.md", "# A\n\ntext\n");
    site.appears("A");
    let mut exist = BTreeSet::new();
    // Times are there after the first event.
    eventually("all metrics are there", || {
        exist = names_in(&admin::get(&site, "/metrics").text());
        exist.contains("dropfeed_last_projection_timestamp_seconds")
            && exist.contains("dropfeed_last_scan_timestamp_seconds")
            && exist.contains("dropfeed_http_request_duration_seconds_bucket")
    });
    let contrib = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("contrib");
    for (file, least) in [("prometheus-rules.yml", 10), ("grafana-dashboard.json", 20)] {
        let text = std::fs::read_to_string(contrib.join(file)).unwrap();
        let used = names_in(&text);
        let unknown: Vec<&String> = used.difference(&exist).collect();
        assert!(unknown.is_empty(), "{file} uses {unknown:?}");
        assert!(used.len() >= least, "{file}: {used:?}");
        if file.ends_with(".json") {
            serde_json::from_str::<serde_json::Value>(&text).unwrap();
        }
    }
}

#[test]
fn what_readers_and_files_do_is_counted() {
    let site = Site::started(
        "admin.listen = \"127.0.0.1:0\"\naccess_log.format = \"json\"\naccess_log.path = \"a.log\"\n\
         [[view]]\nname = \"books\"\ntags = [\"book\"]",
    );
    site.drop_in("a.md", "---\ntitle: A\ntags: [book]\n---\n\nText");
    site.drop_in("b.md", "---\ntitle: B\ndraft: true\n---\n\nText");
    site.drop_in("c.md", "---\ntitle: [\n---\n\nText");
    site.appears("A");
    let before = scrape(&site);
    let whole = site.get("/rss.xml");
    let etag = whole.header("etag").unwrap().to_owned();
    for _ in 0..3 {
        site.get_with("/rss.xml", &format!("If-None-Match: {etag}\r\n"));
    }
    site.get("/views/books/atom.xml");
    site.get("/tags/book/feed.json");
    site.get("/a");
    site.get("/nothing");
    let mut after = BTreeMap::new();
    // An exchange is counted when its body is done, which its client may see first.
    eventually("all is counted", || {
        after = scrape(&site);
        let files = ["dropfeed_drafts", "dropfeed_refused_files", "dropfeed_scans_total"];
        after.contains_key(&requests("page", "", "", 404, "identity"))
            && files.iter().all(|name| after[*name] > 0.0)
    });
    let grown = |series: &str| after[series] - before.get(series).copied().unwrap_or(0.0);
    for (series, growth) in [
        (requests("feed", "site", "rss", 200, "identity"), 1.0),
        (requests("feed", "site", "rss", 304, "identity"), 3.0),
        (requests("feed", "view/books", "atom", 200, "identity"), 1.0),
        (requests("feed", "tag", "json", 200, "identity"), 1.0),
        (requests("page", "", "", 200, "identity"), 1.0),
        (requests("page", "", "", 404, "identity"), 1.0),
        ("dropfeed_http_connections_accepted_total".to_owned(), 8.0),
        ("dropfeed_http_request_duration_seconds_count{resource=\"feed\"}".to_owned(), 6.0),
    ] {
        assert_eq!(grown(&series), growth, "{series}: {after:#?}");
    }
    for (series, least) in [
        ("dropfeed_articles", 1.0),
        ("dropfeed_drafts", 1.0),
        ("dropfeed_refused_files", 1.0),
        ("dropfeed_generation", 1.0),
        ("dropfeed_scans_total", 1.0),
        ("dropfeed_publish_duration_seconds_count", 1.0),
        ("dropfeed_snapshot_bytes", 1000.0),
        ("dropfeed_cache_bytes", 1000.0),
        ("dropfeed_state_bytes", 4096.0),
        ("process_start_time_seconds", 1.0e9),
        (&format!("dropfeed_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION")), 1.0),
    ] {
        assert!(after[series] >= least, "{series}: {after:#?}");
    }
    assert_eq!(after["dropfeed_access_log_dropped_lines_total"], 0.0);
    assert_eq!(after["dropfeed_held_deletions"], 0.0);
}
