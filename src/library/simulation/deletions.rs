//! When an article whose file is gone is deleted, and which file is that article again.

use super::{World, check};

const TWENTY_WORDS: &str = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen \
     seventeen eighteen nineteen twenty";

/// The numbers of the articles that are public after `script`.
fn public_after(script: &str) -> Vec<u64> {
    let mut world = World::new();
    script.lines().for_each(|line| world.run(line));
    world.state.library().articles().map(|article| article.seq).collect()
}

/// A file of twenty words that is deleted, and returns with the first `kept` of them and others in place of the rest.
fn returns_with(kept: usize) -> String {
    let mut words: Vec<String> =
        TWENTY_WORDS.split_whitespace().take(kept).map(str::to_owned).collect();
    words.extend((kept..20).map(|n| format!("other{n}")));
    format!(
        "write a.md {TWENTY_WORDS}\n.\nrm a.md\n.\nwait 10\n.\nwrite a.md {}\n.",
        words.join(" ")
    )
}

#[test]
fn a_file_that_returns_is_the_old_article_with_half_of_its_words() {
    assert_eq!(public_after(&returns_with(12)), [1]);
    assert_eq!(public_after(&returns_with(8)), [2]);
}

#[test]
fn a_clock_that_is_stepped_back_does_not_prolong_the_grace() {
    let missing = "write a.md # A||x\n.\nrm a.md\n.";
    check(&format!("{missing}\nwait 5\n."), &["1 a.md /a \"A\" 03-01T12:00:00 03-01T12:00:00"]);
    check(&format!("{missing}\nwait -3600\n."), &[]);
}
