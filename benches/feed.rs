//! Writing a feed of 30 entries of 5 KB, and checking it as it is checked before it is published.

use divan::{Bencher, black_box};
use dropfeed::testing::base::Format;
use dropfeed::testing::feed::{Feed, write_checked};

use crate::common::{entry, feed};

fn sample() -> Feed {
    let html = "<p>Tom &amp; Jerry say <em>1 &lt; 2</em> to everybody who asks.</p>\n".repeat(75);
    let texts = ["A title of some words", "A summary of one sentence, with its end.", &html];
    feed("A site".to_owned(), (0..30).map(|n| entry(n, &texts)).collect())
}

#[divan::bench(args = Format::ALL)]
fn write(bencher: Bencher<'_, '_>, format: Format) {
    let feed = sample();
    bencher.bench_local(|| black_box(&feed).write(format));
}

#[divan::bench]
fn write_and_check_all(bencher: Bencher<'_, '_>) {
    bencher.with_inputs(sample).bench_local_values(write_checked);
}
