//! Section files that keep the articles beneath them back.

use super::{World, load, seen};

const TREE: &str = "write s/_index.md ---|cascade: {draft: true}|---
write s/a.md ---|date: 2026-01-01|---|# A||one
write s/t/b.md ---|date: 2026-01-02|---|# B||two
write o/c.md ---|date: 2026-01-03|---|# C||three
.";

/// The titles that are public at the end of the script.
fn titles(script: &str) -> Vec<String> {
    let mut world = World::new();
    script.lines().for_each(|line| world.run(line));
    let library = world.state.library();
    let mut titles: Vec<String> =
        library.articles().map(|article| article.head.title.clone()).collect();
    titles.sort();
    titles
}

#[test]
fn what_a_section_keeps_back_is_not_public() {
    assert_eq!(titles(TREE), ["C"]);
    assert_eq!(titles(&format!("{TREE}\nrestart\nreweigh")), ["C"]);
    for (script, expected) in [
        // It goes, or says so no more.
        ("rm s/_index.md\n.", &["A", "B", "C"][..]),
        ("restart\nrm s/_index.md\n.", &["A", "B", "C"]),
        ("write s/_index.md ---|title: S|---\n.", &["A", "B", "C"]),
        ("write s/_index.md ---|title: S|---\n. s/_index.md", &["A", "B", "C"]),
        // It cannot be read, and keeps its word.
        ("write s/_index.md ---|cascade: [|---\n.\nwrite s/d.md # D||four\n.", &["C"]),
        // And keeps it over a restart, before the first look and after it, until it can be read
        // again.
        ("write s/_index.md ---|cascade: [|---\n.\nrestart\nreweigh", &["C"]),
        ("write s/_index.md ---|cascade: [|---\n.\nrestart\nwrite s/d.md # D||four\n.", &["C"]),
        (
            "write s/_index.md ---|cascade: [|---\n.\nwrite s/_index.md ---|title: [|---\n.\nrestart\n.\nrestart\n.",
            &["C"],
        ),
        (
            "write s/_index.md ---|cascade: [|---\n.\nrestart\n.\nwrite s/_index.md ---|title: S|---\n.",
            &["A", "B", "C"],
        ),
        (
            "write s/_index.md ---|cascade: [|---\n.\nrestart\nwrite s/_index.md ---|title: S|---\n.",
            &["A", "B", "C"],
        ),
        ("write s/_index.md ---|cascade: [|---\n.\nrestart\nrm s/_index.md\n.", &["A", "B", "C"]),
        // It comes to articles that are public.
        ("write o/_index.md +++|draft = true|+++\n. o/_index.md", &[]),
        ("write o/_index.md +++|draft = true|+++\n.\nrestart\nrm o/_index.md\n.", &["C"]),
        ("write o/_index.md +++|draft = true|+++\n.\nrm o/_index.md\n. o/_index.md", &["C"]),
        ("write _index.md ---|cascade: {private: true}|---\n.", &[]),
        ("write _index.fr.md ---|cascade: {draft: true}|---\n.", &[]),
        // A path beneath it alone.
        (
            "write s/_index.md ---|cascade: [{target: {path: /s/T/**}, draft: true}]|---\n.",
            &["A", "C"],
        ),
        (
            "write s/_index.md ---|cascade: {target: {path: /o/**}, draft: true}|---\n.",
            &["A", "B", "C"],
        ),
        ("mv o/c.md s/c.md\n.", &[]),
        ("mv s/a.md o/a.md\n.", &["A", "C"]),
    ] {
        assert_eq!(titles(&format!("{TREE}\n{script}")), expected, "{script}");
    }
}

#[test]
fn an_article_that_was_kept_back_is_itself_again() {
    let script = format!("{TREE}\nwrite o/_index.md +++|draft = true|+++\n.\nwait 60\n.");
    let mut world = World::new();
    script.lines().for_each(|line| world.run(line));
    world.run("rm o/_index.md");
    world.run(".");
    let article = world.state.library().articles().find(|article| article.head.title == "C");
    assert_eq!(article.map(|article| article.seq), Some(1));
}

#[test]
fn a_section_that_keeps_articles_back_and_cannot_be_read_keeps_its_texts_too() {
    let mut world = World::new();
    for line in [
        "write n/a.md # One||alpha",
        ".",
        "write n/_index.md ---|draft: true|---|# Draft||draft words",
        ".",
        "write n/_index.md ---|title: [|---|x",
        ".",
    ] {
        world.run(line);
    }
    let rebuilt = load(&world.remembered, &world.policy, world.now);
    assert_eq!(seen(world.state.library()), seen(rebuilt.library()));
}
