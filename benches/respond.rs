//! From a request to its answer: as hyper asks for it, and by the fast path, with its parser.

use std::path::Path;
use std::sync::Arc;

use divan::Bencher;
use dropfeed::testing::base::{Format, Route, Scope};
use dropfeed::testing::config::Config;
use dropfeed::testing::engine::{Clock, Renderer, SystemClock};
use dropfeed::testing::http::{Direct, Edge};
use dropfeed::testing::publish::{Document, Extent, Kind, Published, Snapshot};

/// A feed of about 40 KB at `/atom.xml`, and its tag.
fn direct() -> (Direct, String) {
    let config = Config::of("site.url = \"https://example.org/\"", Path::new("/srv")).unwrap();
    let server = config.server.clone();
    let text = "<entry>the same words again</entry>".repeat(1200);
    let modified = "2026-11-20T09:30:00Z".parse().unwrap();
    let document = Document::new(Kind::Feed, "application/atom+xml", text.into(), Some(modified));
    let tag = format!("\"{}\"", document.digest.short());
    let feeds = [(Route::Feed(Scope::Site, Format::Atom), Arc::new(document))];
    let published = Arc::new(Published::default());
    let feeds = feeds.into_iter().collect();
    let snapshot = Snapshot::restored(Extent::Feeds, Arc::new(config), feeds);
    published.publish(Arc::new(snapshot));
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let render = Arc::new(Renderer::new(Arc::clone(&clock)));
    (Direct::new(&Edge::new(published, render, server, clock)).unwrap(), tag)
}

/// A request of a usual reader.
fn request(kind: &str, tag: &str) -> String {
    let method = if kind == "HEAD" { "HEAD" } else { "GET" };
    let field = match kind {
        "304" => format!("If-None-Match: {tag}\r\n"),
        "gzip" => "Accept-Encoding: gzip\r\n".to_owned(),
        _ => String::new(),
    };
    format!(
        "{method} /atom.xml HTTP/1.1\r\nHost: example.org\r\nUser-Agent: reader/1.0\r\n\
         Accept: */*\r\n{field}\r\n"
    )
}

const KINDS: [&str; 4] = ["200", "gzip", "304", "HEAD"];

#[divan::bench(args = KINDS)]
fn hyper(bencher: Bencher<'_, '_>, kind: &str) {
    let (direct, tag) = direct();
    let text = request(kind, &tag);
    let mut lines = text.lines();
    let mut first = lines.next().unwrap().split(' ');
    let builder = http::Request::builder().method(first.next().unwrap());
    let mut builder = builder.uri(first.next().unwrap());
    for line in lines.filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(": ").unwrap();
        builder = builder.header(name, value);
    }
    let (head, ()) = builder.body(()).unwrap().into_parts();
    bencher.bench_local(|| direct.answer(&head));
}

#[divan::bench(args = KINDS)]
fn fast(bencher: Bencher<'_, '_>, kind: &str) {
    let (direct, tag) = direct();
    let text = request(kind, &tag);
    if kind == "gzip" {
        // The coding is made on first demand, by the long way.
        let mut head = http::Request::get("/atom.xml").header("host", "h");
        head = head.header("accept-encoding", "gzip");
        direct.answer(&head.body(()).unwrap().into_parts().0);
    }
    let mut head = Vec::with_capacity(1024);
    bencher.bench_local(|| direct.fast(text.as_bytes(), &mut head).unwrap());
}
