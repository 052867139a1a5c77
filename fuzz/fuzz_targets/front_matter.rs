//! Any text can be split, and the parts are pieces of it.

#![no_main]

use dropfeed::testing::article::split;
use dropfeed::testing::base::Markup;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for markup in [Markup::Markdown, Markup::Html, Markup::Text] {
        check(text, markup);
    }
});

fn check(text: &str, markup: Markup) {
    let parts = split(text, markup);
    assert!(text.ends_with(parts.text), "the text is the end of the file");
    let before = text.len() - parts.text.len();
    assert_eq!(parts.line as usize, text[..before].matches('\n').count() + 1, "the line is that of the text");
    if let Some((_, front_matter)) = parts.front_matter {
        assert!(text[..before].contains(front_matter), "the front matter is before the text");
    }
}
