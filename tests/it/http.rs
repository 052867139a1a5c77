//! The HTTP edge over real sockets: text in, text out.

mod assets;
mod audience;
pub(crate) mod authority;
mod http2;
mod limits;
mod observe;
mod proxies;
mod rig;
mod tls;
mod urls;
mod wire;

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use dropfeed::testing::base::{Digest, Timestamp};
use rig::{CAT_BYTES, MODIFIED, NOW, feed_text, pattern, rig, snapshot, unpublished};

#[test]
fn a_browser_that_navigates_to_a_feed_gets_a_page() {
    let rig = rig();
    let page = "200 | content-type: text/html; charset=utf-8 | cache-control: no-store | etag: - | \
                vary: Accept, Accept-Encoding, Sec-Fetch-Dest | content-security-policy: ? | \
                access-control-allow-origin: -";
    let browser = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    rig.check(&[
        (&format!("GET /atom.xml\nSec-Fetch-Dest: document\n{browser}"), page),
        (&format!("HEAD /rss.xml\nSec-Fetch-Dest: document\n{browser}"), page),
        (&format!("GET /news/rss.xml\nSec-Fetch-Dest: document\n{browser}"), page),
        // Not by `Accept` alone, not for scripts and readers, and never for anything but a feed.
        (
            &format!("GET /rss.xml\n{browser}"),
            "200 | content-type: application/rss+xml; charset=utf-8",
        ),
        (
            &format!("GET /rss.xml\nSec-Fetch-Dest: empty\n{browser}"),
            "200 | content-type: application/rss+xml; charset=utf-8 | vary: Accept-Encoding",
        ),
        (
            "GET /rss.xml\nSec-Fetch-Dest: document\nAccept: application/rss+xml, text/html;q=0",
            "200 | content-type: application/rss+xml; charset=utf-8",
        ),
        // What the client names the feed's own type with, HTML must not be below.
        (
            "GET /rss.xml\nSec-Fetch-Dest: document\nAccept: application/rss+xml, text/html;q=0.5",
            "200 | content-type: application/rss+xml; charset=utf-8",
        ),
        (
            "GET /atom.xml\nSec-Fetch-Dest: document\nAccept: text/html;q=0.8, application/ATOM+xml;q=0.9",
            "200 | content-type: application/atom+xml; charset=utf-8",
        ),
        ("GET /rss.xml\nSec-Fetch-Dest: document\nAccept: application/atom+xml, text/html;q=0.5", page),
        ("GET /rss.xml\nSec-Fetch-Dest: document\nAccept: application/rss+xml, text/html", page),
        ("GET /rss.xml\nSec-Fetch-Dest: document\nAccept: application/rss+xml;q=0.4, text/html;q=0.5", page),
        (
            "GET /rss.xml\nSec-Fetch-Dest: document\nAccept: */*",
            "200 | content-type: application/rss+xml; charset=utf-8",
        ),
        (
            &format!("GET /feeds.opml\nSec-Fetch-Dest: document\n{browser}"),
            "200 | content-type: text/x-opml; charset=utf-8",
        ),
        (&format!("GET /\nSec-Fetch-Dest: document\n{browser}"), "200 | cache-control: no-cache"),
    ]);
}

#[test]
fn documents() {
    let rig = rig();
    let rss = Digest::of(feed_text("rss").as_bytes()).short();
    let whole = format!(
        "200 | content-type: application/rss+xml; charset=utf-8 | content-length: {} | etag: \"{rss}\" | \
         last-modified: {MODIFIED} | vary: Accept-Encoding | access-control-allow-origin: * | \
         cache-control: public, max-age=900, stale-if-error=86400 | x-content-type-options: nosniff | \
         content-encoding: - | date: ? | content-security-policy: - | accept-ranges: -",
        feed_text("rss").len()
    );
    rig.check(&[
        ("GET /rss.xml", &whole),
        ("HEAD /rss.xml", &whole),
        ("GET /rss.xml?utm_source=x", &whole),
        ("GET /r%73s.xml", &whole),
        ("GET http://elsewhere.example/rss.xml", &whole),
        ("GET /rss.xml\nRange: bytes=0-9", &whole),
        ("GET /atom.xml", "200 | content-type: application/atom+xml; charset=utf-8"),
        ("GET /feed.json", "200 | content-type: application/feed+json | content-length: 2"),
        ("GET /feed.json\nAccept-Encoding: br", "200 | content-encoding: - | vary: Accept-Encoding"),
        (
            "GET /",
            "200 | content-type: text/html; charset=utf-8 | cache-control: no-cache | last-modified: - | etag: ? | \
             content-security-policy: ? | referrer-policy: ? | access-control-allow-origin: -",
        ),
        ("GET /warm", "200 | content-type: text/html; charset=utf-8 | etag: ? | cache-control: no-cache"),
        ("GET /news/", "200"),
        ("GET /news/rss.xml", "200 | access-control-allow-origin: *"),
        (
            "GET /feeds.opml",
            "200 | content-type: text/x-opml; charset=utf-8 | access-control-allow-origin: * | \
             cache-control: public, max-age=900, stale-if-error=86400",
        ),
        (
            "GET /sitemap.xml",
            "200 | content-type: application/xml; charset=utf-8 | access-control-allow-origin: - | \
             cache-control: no-cache | content-security-policy: - | etag: ?",
        ),
        (
            "GET /robots.txt",
            "200 | content-type: text/plain; charset=utf-8 | etag: ? | cache-control: no-cache | \
             access-control-allow-origin: -",
        ),
        ("GET /-/healthy", "200 | cache-control: no-store"),
        ("GET /-/ready", "200 | cache-control: no-store"),
        // A date ahead of now is not sent, and not honoured.
        ("GET /tags/future/rss.xml", "200 | last-modified: -"),
        ("GET /tags/future/rss.xml\nIf-Modified-Since: Fri, 31 Dec 9999 23:59:59 GMT", "200"),
    ]);
    assert_eq!(rig.ask("GET /rss.xml").body, feed_text("rss").as_bytes());
    assert!(
        String::from_utf8(rig.ask("GET /robots.txt").body)
            .unwrap()
            .contains("Sitemap: https://example.org/s")
    );
}

#[test]
fn absences() {
    let rig = rig();
    rig.check(&[
        (
            "GET /nothing",
            "404 | content-type: text/html; charset=utf-8 | content-security-policy: ? | etag: -",
        ),
        ("GET /../etc/passwd", "404"),
        ("GET /..%2fetc/passwd", "404"),
        ("GET /a%00b", "404"),
        ("GET //a", "404"),
        ("GET /%ff", "404"),
        ("GET /-/other", "404"),
        ("GET /old", "301 | location: /warm"),
        ("GET /for-now?a=b", "302 | location: /warm?a=b | cache-control: no-cache"),
        ("GET /old?a=b&c", "301 | location: /warm?a=b&c"),
        ("GET /warm/", "301 | location: /warm"),
        ("GET /WARM/", "301 | location: /warm"),
        ("GET /warm.html", "301 | location: /warm"),
        ("GET /news", "301 | location: /news/"),
        ("GET /tags/rust", "301 | location: /tags/rust/"),
        ("GET /tags/none", "404"),
        ("GET /rss.xml/", "404"),
        ("GET /gone", "410 | cache-control: public, max-age=60"),
        ("GET /gone/", "410"),
        ("GET /gone/rss.xml", "404"),
        ("GET /changed", "503 | retry-after: 1 | cache-control: no-store"),
        ("GET /broken", "503 | retry-after: 30"),
        ("GET /panics", "503"),
        ("GET /favicon.ico", "200 | content-type: image/png"),
    ]);
    let (got, head) = (rig.ask("GET /nothing"), rig.ask("HEAD /nothing"));
    assert!(got.body.starts_with(b"<!doctype html>"));
    assert_eq!(got.lasting(), head.lasting());
}

#[test]
fn methods() {
    let rig = rig();
    let mut table = vec![
        (
            "OPTIONS /rss.xml",
            "204 | allow: GET, HEAD, OPTIONS | access-control-allow-origin: * | content-length: -",
        ),
        ("OPTIONS /warm", "204 | allow: GET, HEAD, OPTIONS | access-control-allow-origin: -"),
        ("OPTIONS *", "204 | allow: GET, HEAD, OPTIONS"),
        ("GET *", "400"),
        ("PROPFIND /rss.xml", "501"),
        ("get /rss.xml", "501"),
    ];
    for short in [
        "POST /rss.xml",
        "PUT /x",
        "DELETE /rss.xml",
        "PATCH /",
        "TRACE /",
        "CONNECT example.org:80",
    ] {
        table.push((short, "405 | allow: GET, HEAD, OPTIONS"));
    }
    rig.check(&table);
}

#[test]
fn before_the_first_snapshot() {
    let rig = unpublished(rig::limits());
    rig.check(&[
        ("GET /-/healthy", "200"),
        ("GET /-/ready", "503 | retry-after: ?"),
        ("GET /rss.xml", "503 | retry-after: ? | cache-control: no-store | last-modified: -"),
        ("POST /rss.xml", "405"),
        ("OPTIONS /rss.xml", "204"),
    ]);
    rig.published.publish(Arc::new(snapshot(1, "https://example.org/")));
    rig.check(&[("GET /-/ready", "200"), ("GET /rss.xml", "200")]);
}

#[test]
fn each_snapshot_is_served_as_it_comes() {
    let rig = rig();
    let mut client = rig.connect();
    for generation in 1..5 {
        rig.published.publish(Arc::new(snapshot(generation, "https://example.org/")));
        client.send(&rig::request("GET /"));
        assert_eq!(client.answer(false).body, format!("<!doctype html><p>{generation}").as_bytes());
    }
}

#[test]
fn a_site_with_a_path() {
    let rig = rig();
    rig.published.publish(Arc::new(snapshot(2, "http://localhost:8080/my%20blog/")));
    rig.check(&[
        // On the author's own machine nothing is kept.
        ("GET /my%20blog/rss.xml", "200 | cache-control: public, max-age=0, stale-if-error=86400"),
        ("GET /my%20blog/warm", "200"),
        ("GET /my%20blog/", "200"),
        ("GET /my%20blog", "301 | location: /my%20blog/"),
        ("GET /", "301 | location: /my%20blog/"),
        ("GET /my%20blog/old?q", "301 | location: /my%20blog/warm?q"),
        ("GET /my%20blogger/rss.xml", "404"),
        // The site may have been at the root of its host before.
        ("GET /rss.xml", "301 | location: /my%20blog/rss.xml"),
        ("GET /nothing", "404"),
        ("GET /my%20blog/favicon.ico", "404 | cache-control: public, max-age=3600"),
        ("GET /-/ready", "200"),
        ("GET /my%20blog/-/ready", "200"),
        ("GET /-/healthy", "200"),
    ]);
}

#[test]
fn a_feed_is_kept_until_it_changes_by_itself() {
    let rig = rig();
    let now = NOW.parse::<Timestamp>().unwrap().as_second();
    for (generation, (due_in_s, age_s)) in
        [(-5, 0), (0, 0), (1, 1), (100, 100), (900, 900), (100_000, 900)].into_iter().enumerate()
    {
        let mut snapshot = snapshot(generation as u64 + 2, "https://example.org/");
        snapshot.next_due = Some(Timestamp::from_second(now + due_in_s).unwrap());
        rig.published.publish(Arc::new(snapshot));
        let expected =
            format!("200 | cache-control: public, max-age={age_s}, stale-if-error=86400");
        rig.check(&[("GET /rss.xml", &expected)]);
    }
}

#[test]
fn every_worker_follows_the_clock_at_once() {
    let rig = rig();
    // Connections stay with their worker, and among so many each worker has one.
    let mut clients: Vec<_> = (0..16).map(|_| rig.connect()).collect();
    for (now, date) in [
        (NOW, "Fri, 20 Nov 2026 09:30:00 GMT"),
        ("2036-11-20T09:30:00Z", "Thu, 20 Nov 2036 09:30:00 GMT"),
        ("1970-01-01T00:00:07Z", "Thu, 01 Jan 1970 00:00:07 GMT"),
    ] {
        rig.clock.set(now.parse().unwrap());
        for client in &mut clients {
            for (short, status) in [("GET /rss.xml", 200), ("GET /nothing", 404), ("HEAD /", 200)] {
                client.send(&rig::request(short));
                let answer = client.answer(short.starts_with("HEAD"));
                answer.check(short, &format!("{status} | date: {date}"));
                let dates = answer.fields.iter().filter(|(name, _)| name == "date");
                assert_eq!(dates.count(), 1);
            }
        }
    }
}

#[test]
fn a_date_of_modification_ahead_of_now_proves_nothing() {
    let rig = rig();
    let since = format!("GET /rss.xml\nIf-Modified-Since: {MODIFIED}");
    let picture = format!("GET /img/cat.png\nIf-Modified-Since: {MODIFIED}");
    let dated = format!("304 | last-modified: {MODIFIED}");
    rig.check(&[(&since, &dated), (&picture, &dated)]);
    // The clock was set back to a second before they were modified.
    rig.clock.set("2020-11-20T09:29:59Z".parse().unwrap());
    for short in [&since, &picture] {
        rig.check(&[(short, "200 | last-modified: - | etag: ?")]);
        let later = short.replace(MODIFIED, "Fri, 20 Nov 2099 09:30:00 GMT");
        rig.check(&[(&later, "200 | last-modified: -")]);
    }
    rig.clock.set("2020-11-20T09:30:00Z".parse().unwrap());
    rig.check(&[(&since, &dated), (&picture, &dated)]);
}

#[test]
fn slashes_lead_nowhere_else() {
    let rig = rig();
    rig.check(&[
        ("GET //evil.example/", "404 | location: -"),
        ("GET //evil.example", "404 | location: -"),
        ("GET //news", "404 | location: -"),
        ("GET /%2fevil.example/", "404 | location: -"),
        ("GET /%5cevil.example/", "404 | location: -"),
        ("GET /.//evil.example/", "404 | location: -"),
    ]);
    rig.published.publish(Arc::new(snapshot(2, "https://example.org//evil.example/")));
    rig.check(&[
        ("GET //evil.example/rss.xml", "200"),
        ("GET //evil.example/old", "301 | location: /.//evil.example/warm"),
        ("GET //evil.example", "301 | location: /.//evil.example/"),
        ("GET /", "301 | location: /.//evil.example/"),
    ]);
}

#[test]
fn codings() {
    let rig = rig();
    let text = feed_text("rss");
    for (accept, coding) in [("br, gzip", "br"), ("gzip", "gzip"), ("GZIP;q=0.3, br;q=0.2", "gzip")]
    {
        let answer = rig.ask(&format!("GET /rss.xml\nAccept-Encoding: {accept}"));
        assert_eq!(answer.field("content-encoding"), Some(coding));
        let mut decoded = String::new();
        match coding {
            "br" => brotli::Decompressor::new(&answer.body[..], 4096)
                .read_to_string(&mut decoded)
                .unwrap(),
            _ => {
                flate2::read::GzDecoder::new(&answer.body[..]).read_to_string(&mut decoded).unwrap()
            }
        };
        assert_eq!(decoded, text);
        let head = rig.ask(&format!("HEAD /rss.xml\nAccept-Encoding: {accept}"));
        assert_eq!(head.lasting(), answer.lasting());
        let tag = answer.field("etag").unwrap();
        assert!(tag.ends_with(&format!("-{coding}\"")), "{tag}");
    }
    rig.check(&[
        ("GET /rss.xml\nAccept-Encoding: identity;q=0", "200 | content-encoding: -"),
        ("GET /rss.xml\nAccept-Encoding: br;q=0, gzip;q=0, *;q=0", "200 | content-encoding: -"),
        ("GET /rss.xml\nAccept-Encoding: *", "200 | content-encoding: br"),
    ]);
}

#[test]
fn revalidation() {
    let rig = rig();
    let tag = Digest::of(feed_text("rss").as_bytes()).short();
    for name in ["", "-gzip", "-br"] {
        for (given, accept) in [("\"T\"", "gzip"), ("W/\"T\"", "br"), ("\"a\", \"T\"", "identity")]
        {
            let own = format!("\"{tag}{name}\"");
            let given = given.replace("\"T\"", &own);
            let expected = format!(
                "304 | etag: {own} | last-modified: {MODIFIED} | vary: Accept-Encoding | content-length: - | \
                 cache-control: public, max-age=900, stale-if-error=86400 | access-control-allow-origin: * | \
                 content-type: -"
            );
            for method in ["GET", "HEAD"] {
                let short =
                    format!("{method} /rss.xml\nAccept-Encoding: {accept}\nIf-None-Match: {given}");
                rig.ask(&short).check(&short, &expected);
            }
        }
    }
    let all = format!("GET /rss.xml\nAccept-Encoding: br\nIf-None-Match: \"{tag}\", \"{tag}-br\"");
    rig.ask(&all).check(&all, &format!("304 | etag: \"{tag}-br\""));
    let since = format!("GET /rss.xml\nIf-Modified-Since: {MODIFIED}");
    rig.ask(&since).check(&since, &format!("304 | etag: \"{tag}\""));
    rig.check(&[
        ("GET /rss.xml\nIf-None-Match: *", "304"),
        (
            "GET /rss.xml\nIf-None-Match: \"x\"\nIf-Modified-Since: Fri, 20 Nov 2020 09:30:00 GMT",
            "200",
        ),
        ("GET /rss.xml\nIf-Modified-Since: Thu, 19 Nov 2020 09:30:00 GMT", "200"),
        ("GET /rss.xml\nIf-Modified-Since: nonsense", "200"),
        ("GET /rss.xml\nIf-Match: \"x\"", "412"),
        ("GET /rss.xml\nIf-Unmodified-Since: Thu, 19 Nov 2020 09:30:00 GMT", "412"),
        ("GET /nothing\nIf-None-Match: *", "404"),
    ]);
}

#[test]
fn a_warm_document_is_made_once() {
    let rig = rig();
    std::thread::scope(|scope| {
        let asking: Vec<_> = (0..16).map(|_| scope.spawn(|| rig.ask("GET /slow"))).collect();
        rig::wait_for("all ask", || rig.metrics.counts().open == 16);
        rig.renderer.open();
        for asked in asking {
            assert_eq!(asked.join().unwrap().body, b"<!doctype html><p>/slow");
        }
    });
    assert_eq!(rig.ask("GET /slow").status, 200);
    assert_eq!(rig.renderer.rendered.load(Ordering::SeqCst), 1);
}

#[test]
fn a_client_that_leaves_stops_nothing() {
    let rig = rig();
    let mut first = rig.connect();
    first.send(&rig::request("GET /slow"));
    rig::wait_for("it is being rendered", || rig.renderer.rendered.load(Ordering::SeqCst) == 1);
    drop(first);
    rig.renderer.open();
    assert_eq!(rig.ask("GET /slow").status, 200);
    assert_eq!(rig.renderer.rendered.load(Ordering::SeqCst), 1);
}

#[test]
fn assets() {
    let rig = rig();
    let tag = format!("\"{}\"", Digest::of(&CAT_BYTES.to_be_bytes()).short());
    let whole = format!(
        "200 | content-type: image/png | content-length: 1000 | accept-ranges: bytes | etag: {tag} | \
         last-modified: {MODIFIED} | cache-control: public, max-age=3600 | content-range: - | vary: - | \
         content-encoding: - | x-content-type-options: nosniff"
    );
    let part = format!("206 | content-range: bytes 10-19/1000 | content-length: 10 | etag: {tag}");
    let if_range = |value: &str| format!("GET /img/cat.png\nRange: bytes=10-19\nIf-Range: {value}");
    let matched = format!("GET /img/cat.png\nIf-None-Match: {tag}");
    rig.check(&[
        ("GET /img/cat.png", &whole),
        ("HEAD /img/cat.png", &whole),
        ("HEAD /img/cat.png\nRange: bytes=10-19", &whole),
        ("GET /img/cat.png\nAccept-Encoding: gzip", &whole),
        ("GET /img/cat.png\nRange: bytes=10-19", &part),
        (
            "GET /img/cat.png\nRange: bytes=990-",
            "206 | content-range: bytes 990-999/1000 | content-length: 10",
        ),
        (
            "GET /img/cat.png\nRange: bytes=-1",
            "206 | content-range: bytes 999-999/1000 | content-length: 1",
        ),
        ("GET /img/cat.png\nRange: bytes=0-5000", "206 | content-range: bytes 0-999/1000"),
        ("GET /img/cat.png\nRange: bytes=1000-", "416 | content-range: bytes */1000"),
        ("GET /img/cat.png\nRange: bytes=1-2,5-6", &whole),
        ("GET /img/cat.png\nRange: lines=1-2", &whole),
        (&if_range(&tag), &part),
        (&if_range(MODIFIED), &part),
        (&if_range("\"x\""), &whole),
        (&if_range("Fri, 20 Nov 2020 09:30:01 GMT"), &whole),
        (&matched, "304 | cache-control: public, max-age=3600 | content-length: -"),
        ("GET /img/cat.png\nIf-Match: \"x\"", "412"),
        ("GET /img/cat.png\nIf-Match: \"x\"\nRange: bytes=5000-", "412"),
        ("GET /empty.gif", "200 | content-length: 0"),
        ("GET /empty.gif\nRange: bytes=0-", "416 | content-range: bytes */0"),
        ("GET /img/a.svg", "200 | content-type: image/svg+xml | content-security-policy: ?"),
        ("GET /img/cat.png/", "404"),
    ]);
    assert_eq!(rig.ask("GET /img/cat.png").body, pattern(0, 1000));
    assert_eq!(rig.ask("GET /img/cat.png\nRange: bytes=-10").body, pattern(990, 10));
    let big = rig.ask("GET /big.mp4\nRange: bytes=1000-300999");
    assert_eq!(big.body, pattern(1000, 300_000), "in several pieces");
}

#[test]
fn every_kind_of_asset_has_a_media_type_of_its_own() {
    let rig = rig();
    for media in dropfeed::base::media::TABLE {
        let short = format!("HEAD /media/a.{}", media.extension.to_uppercase());
        rig.ask(&short).check(&short, &format!("200 | content-type: {}", media.media_type));
    }
    rig.check(&[("HEAD /media/a.bin", "200 | content-type: application/octet-stream")]);
}

#[test]
fn a_file_that_shrinks_breaks_the_answer_off() {
    let rig = rig();
    let mut client = rig.connect();
    client.send(&rig::request("GET /shrinks.pdf"));
    // How much of it comes is chance; that it is not the promised whole is not.
    assert!((client.rest().len() as u64) < CAT_BYTES);
}
