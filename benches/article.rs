//! Reading an article: its head, which every file needs, and its body.

use divan::{Bencher, black_box};
use dropfeed::testing::article::{Limits, Reading, body, head};
use dropfeed::testing::base::RelPath;

use crate::markdown;

const LIMITS: Limits = Limits { depth: 100, max_bytes: 1 << 20, math: false };

fn path(name: &str) -> RelPath {
    RelPath::new(name).unwrap()
}

#[divan::bench(args = ["news/a.md", "news/a.html", "news/a.txt"])]
fn read_head(bencher: Bencher<'_, '_>, name: &str) {
    let (path, text) = (path(name), markdown());
    bencher.bench_local(|| head(black_box(&path), black_box(text.as_bytes())));
}

#[divan::bench(args = ["news/a.md", "news/a.html", "news/a.txt"])]
fn render_body(bencher: Bencher<'_, '_>, name: &str) {
    let (path, text) = (path(name), markdown());
    let Reading::Article { head, .. } = head(&path, text.as_bytes()) else {
        panic!("it is an article");
    };
    bencher.bench_local(|| body(&path, black_box(text.as_bytes()), &head, &LIMITS));
}
