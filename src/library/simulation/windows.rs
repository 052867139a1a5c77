//! Which articles a feed has and which a page lists: a feed goes by publication numbers, a page by
//! dates.

use crate::base::Scope;

use super::World;

/// The numbers in the feed and on the page of the site, at most two of each, after `script`.
fn check(script: &str, in_feed: &[u64], on_page: &[u64]) {
    let mut world = World::new();
    script.lines().for_each(|line| world.run(line));
    let library = world.state.library();
    let numbers = |articles: Vec<std::sync::Arc<crate::library::Article>>| -> Vec<u64> {
        articles.iter().map(|article| article.seq).collect()
    };
    assert_eq!(numbers(library.entries(&Scope::Site, 2)), in_feed, "in the feed: {script}");
    assert_eq!(numbers(library.listed(&Scope::Site, 0, 2)), on_page, "on the page: {script}");
}

const THREE: &str = "write a.md ---|date: 2026-02-20|---|# A||x\n.
write b.md ---|date: 2026-02-25|---|# B||y\n.
write c.md ---|date: 2026-02-01|---|# C||z\n.";

#[test]
fn a_back_dated_drop_is_in_the_feed_and_far_down_on_the_page() {
    check(THREE, &[2, 3], &[2, 1]);
}

#[test]
fn what_is_kept_from_feeds_or_from_lists_takes_no_place_there() {
    check(
        &format!("{THREE}\nwrite d.md ---|date: 2026-02-28|feed: false|---|# D||w\n."),
        &[2, 3],
        &[4, 2],
    );
    check(
        &format!("{THREE}\nwrite d.md ---|date: 2026-02-28|feedonly: true|---|# D||w\n."),
        &[4, 3],
        &[2, 1],
    );
    check(
        &format!("{THREE}\nwrite d.md ---|date: 2026-02-28|unlisted: true|---|# D||w\n."),
        &[2, 3],
        &[2, 1],
    );
}
