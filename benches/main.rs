//! `cargo bench`: the pure parts on the way of an article to its reader, with their allocations.
//!
//! One module for each part; `cargo bench -- respond` runs one. Each bench takes about a second.
//! Compare figures of one run: the machine is never as quiet as it seems.

#![allow(clippy::unwrap_used, reason = "a bench that cannot begin has nothing to measure")]

mod article;
mod feed;
mod respond;
mod step;

#[path = "../fuzz/fuzz_targets/common/mod.rs"]
mod common;

/// Counts the allocations of each bench.
#[global_allocator]
static ALLOCATOR: divan::AllocProfiler = divan::AllocProfiler::system();

fn main() {
    divan::main();
}

/// About five thousand characters of Markdown, as authors write it.
fn markdown() -> String {
    let mut text =
        "---\ntitle: An article\ndate: 2026-11-20\ntags: [rust, feeds]\n---\n\n".to_owned();
    for n in 0..12 {
        text.push_str(&format!("## Part {n}\n\n"));
        text.push_str("Some *words* with a [link](https://example.org/a?b=c) and `code`, and\n");
        text.push_str(
            "a second line, which ends in a stop. It is followed by another sentence.\n\n",
        );
        text.push_str("- one item\n- another item with **strong** words\n\n> A quotation.\n\n");
        text.push_str("```rust\nfn main() {\n    println!(\"hello\");\n}\n```\n\n");
    }
    text
}
