//! Views as scopes: which articles they have, and what becomes of one that is changed or removed.

use std::path::Path;
use std::sync::Arc;

use crate::base::{Scope, UrlPath};
use crate::config::Config;
use crate::library::Views;

use super::World;

/// The titles in the feed of the view `v` after `script`, and its own title; `None` where there
/// never was one.
fn titles(world: &World) -> Option<(Vec<String>, String)> {
    let library = world.state.library();
    let scope = Scope::View(UrlPath::new("v").unwrap());
    let channel = library.channel(&scope)?;
    let entries = library.entries(&scope, 9);
    let titles = entries.iter().map(|article| article.head.title.clone()).collect();
    Some((titles, channel.title.unwrap_or(channel.name)))
}

#[track_caller]
fn check(world: &World, expected: &[&str], title: &str) {
    let (mut titles, named) = titles(world).unwrap();
    titles.sort();
    assert_eq!(
        (&titles[..], &*named),
        (&expected.iter().map(ToString::to_string).collect::<Vec<_>>()[..], title)
    );
}

const TREE: &str = "write n/a.md ---|tags: [t]|---|# A||x
write b.md ---|tags: [T, u]|---|# B||y
write c.md # C||z
.";

const BY_TAG: &str = "views [[view]]|name = \"v\"|tags = \"t\"";

fn world(script: &str) -> World {
    let mut world = World::new();
    TREE.lines().chain(script.lines()).for_each(|line| world.run(line));
    world
}

#[test]
fn a_view_has_what_it_selects_from_the_moment_it_is_configured() {
    assert_eq!(titles(&world("")), None);
    check(&world(BY_TAG), &["A", "B"], "v");
    check(
        &world(&format!("{BY_TAG}\nwrite c.md ---|tags: [t]|---|# C||z\n.")),
        &["A", "B", "C"],
        "v",
    );
    check(&world(&format!("{BY_TAG}\nwrite b.md ---|tags: [u]|---|# B||y\n.")), &["A"], "v");
    check(&world(&format!("{BY_TAG}\nrm n/a.md\n.\nwait 20\n.")), &["B"], "v");
    check(&world(&format!("{BY_TAG}\nmv n/a.md a.md\n.")), &["A", "B"], "v");
}

#[test]
fn a_changed_view_weighs_every_article_again() {
    let other = "views [[view]]|name = \"v\"|title = \"All but B\"|not_tags = \"u\"";
    let changed = world(&format!("{BY_TAG}\n{other}"));
    check(&changed, &["A", "C"], "All but B");
    check(&world(&format!("{BY_TAG}\nrestart\n{other}\nrestart")), &["A", "C"], "All but B");
}

#[test]
fn a_removed_view_stays_and_is_empty() {
    check(&world(&format!("{BY_TAG}\nviews ")), &[], "v");
    check(&world(&format!("{BY_TAG}\nviews \nrestart\n.")), &[], "v");
    check(&world(&format!("{BY_TAG}\nviews \n{BY_TAG}")), &["A", "B"], "v");
}

#[test]
fn a_view_that_a_start_opens_is_as_old_as_the_start() {
    // Its only article is in no feed, so that no entry gives the feed its date.
    let mut world = world("write d.md ---|tags: [v]|feed: false|---|# D||x\n.");
    let config = Config::of("[[view]]\nname = \"v\"\ntags = \"v\"", Path::new("/srv")).unwrap();
    world.policy.views = Arc::new(Views::of(&config.views));
    for line in ["wait 60", "restart", "reweigh", "restart"] {
        world.run(line);
        if line != "wait 60" {
            let scope = Scope::View(UrlPath::new("v").unwrap());
            let channel = world.state.library().channel(&scope).unwrap();
            assert_eq!(
                (channel.count, channel.watermark.to_string()),
                (1, "2026-03-01T12:01:00Z".into()),
                "{line}"
            );
        }
    }
}

#[test]
fn a_change_of_a_view_gives_its_feed_a_later_date_and_another_version() {
    let scope = Scope::View(UrlPath::new("v").unwrap());
    let mut world = world(BY_TAG);
    let before = world.state.library().channel(&scope).unwrap();
    let site = world.state.library().channel(&Scope::Site).unwrap();
    world.run("views [[view]]|name = \"v\"|title = \"V\"|tags = \"t\"");
    let after = world.state.library().channel(&scope).unwrap();
    assert!(after.modified > before.modified && after.version != before.version);
    // Other feeds do not show it.
    assert_eq!(world.state.library().channel(&Scope::Site).unwrap(), site);
}
