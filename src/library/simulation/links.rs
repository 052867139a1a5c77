//! Links and URLs: what a slug, a permalink of another generator, a relative link and a wiki link
//! lead to.

use std::sync::Arc;

use crate::base::UrlPath;
use crate::library::Lookup;

use super::{World, check_urls};

const POSTS: &str = "write news/2025-01-23-s.md ---|slug: s|---|# First||one
write news/2026-01-23-s.md ---|slug: s|---|# Second||two
write a/Note.md ---|date: 2026-02-01|---|# N||three
write b/c/Note.md ---|date: 2026-02-02|---|# N||four
write top.md ---|date: 2026-02-03T23:30:00|---|# T||five
.";

fn world(script: &str) -> World {
    let mut world = World::new();
    script.lines().for_each(|line| world.run(line));
    world
}

#[test]
fn one_slug_twice_is_numbered_for_ever() {
    assert_eq!(check_urls(POSTS)[..2], ["news/s", "news/s-2"]);
    let first_gone = format!("{POSTS}\nrm news/2025-01-23-s.md\n.\nwait 20\n.\nrestart\nreweigh");
    assert_eq!(check_urls(&first_gone)[0], "news/s-2");
}

#[test]
fn dated_permalinks_lead_to_the_article_of_that_date() {
    let script = format!("{POSTS}\nwrite 2026/01/23/other.md # Other||six\nrestart\n.");
    let world = world(&script);
    for (path, expected) in [
        ("2025/01/23/s", Some("news/s")),
        ("2026/01/23/s", Some("news/s-2")),
        ("2026/01/23/s.html", Some("news/s-2")),
        ("2026/1/s", Some("news/s-2")),
        ("2026/s", Some("news/s-2")),
        ("2025/S", Some("news/s")),
        ("news/2026/01/23/s", Some("news/s-2")),
        ("news/2025/s.html", Some("news/s")),
        ("2026/01/23/2026-01-23-s", Some("news/s-2")),
        // Another day, another year, another directory, no slug.
        ("2026/01/25/s", None),
        ("2024/s", None),
        ("other/2026/01/23/s", None),
        ("2026/01/23/none", None),
        ("2026/01/23", None),
        // A day may be another in the author's zone.
        ("2026/02/04/top", Some("top")),
        ("2026/02/03/top", Some("top")),
    ] {
        let found = match world.state.library().find(&UrlPath::new(path).unwrap()) {
            Lookup::Moved(article) => Some(article.url.to_string()),
            Lookup::Missing => None,
            other => panic!("{path}: {other:?}"),
        };
        assert_eq!(found.as_deref(), expected, "{path}");
    }
    let own = UrlPath::new("2026/01/23/other").unwrap();
    assert!(matches!(world.state.library().find(&own), Lookup::Here(_)));
}

#[test]
fn an_alias_never_takes_the_url_of_an_article() {
    let alias = "---|aliases: [/b, c/, 'https://x.example/d/']|---|# A||one";
    for script in [
        // In one look, whichever comes first.
        format!("write a.md {alias}\nwrite b.md # B||two\n."),
        format!("first\nwrite a.md {alias}\nwrite b.md ---|date: 2026-02-01|---|# B||two\n."),
        format!("write z.md {alias}\nwrite b.md # B||two\n."),
    ] {
        let world = world(&script);
        let library = world.state.library();
        let found = |path: &str| match library.find(&UrlPath::new(path).unwrap()) {
            Lookup::Here(article) => format!("here {}", article.head.title),
            Lookup::Moved(article) => format!("moved {}", article.head.title),
            other => format!("{other:?}"),
        };
        let paths = ["b", "c", "d", "D.html"];
        assert_eq!(paths.map(found), ["here B", "moved A", "moved A", "moved A"], "{script}");
    }
    // What is an alias already stays one, also without its line in the file.
    let later =
        format!("write a.md {alias}\n.\nwrite a.md # A||one\n.\nrestart\nwrite c.md # C||three\n.");
    assert_eq!(check_urls(&later), ["a", "c-2"]);
}

#[test]
fn the_paths_of_feeds_are_no_articles() {
    let mut world = world("write feed.md # A||one\nwrite b.md # B||two\n.");
    world.policy.reserved = Arc::new([UrlPath::new("feed").unwrap()].into());
    world.run("reweigh");
    assert_eq!(world.log, ["feed.md: URL /feed is reserved"]);
    world.run("write Feed.txt Another article that would have the path of the feed.");
    world.run("write c.md ---|slug: feed|aliases: [/feed/, /old/]|---|# C||three");
    world.run(".");
    assert_eq!(world.state.library().len(), 2, "{:#?}", world.log);
    assert_eq!(world.log.len(), 3, "{:#?}", world.log);
}

#[test]
fn links_find_what_their_author_meant() {
    let script = "write img/p.png x\nwrite y/index.md ---|date: 2026-01-01|---|# I||six
write own/post/1.png x
write own/other/1.png x
write own/both/2.png x
write own/2.png x
write z/README.md ---|date: 2026-01-01|---|# R||seven";
    let world = world(&format!("{script}\n{POSTS}"));
    for (reference, expected) in [
        // From the file, else from the directories above it.
        ("b/c/Note.md", Some("/b/c/note")),
        ("news//a/Note.md", Some("/a/note")),
        ("news//top", Some("/top")),
        ("news//top.md", Some("/top")),
        ("a//Note", Some("/a/note")),
        ("b/x//c/Note.md", Some("/b/c/note")),
        ("news//2026/01/23/s.html", Some("/news/s-2")),
        ("b//", Some("/b/")),
        ("/2025/01/23/s/", Some("/news/s")),
        ("/news/top", None),
        ("news//none.md", None),
        ("news//none", None),
        // Else the file of that name, the nearest first, in the directories that are written.
        ("top//Note.md", Some("/a/note")),
        ("b//Note.md", Some("/b/c/note")),
        ("b/c/d//Note.md", Some("/b/c/note")),
        ("news//c/Note.md", Some("/b/c/note")),
        ("news//vault/b/c/Note.md", Some("/b/c/note")),
        ("news//x/top.md", Some("/top")),
        ("news//x/Note.md", None),
        ("news//note.html", Some("/a/note")),
        // A word alone is no file.
        ("news//Note", None),
        ("news//x/Note", None),
        ("a//s.md", Some("/news/s")),
        ("a//2026-01-23-s.md", Some("/news/s-2")),
        // Every directory may have an index.
        ("a//index.md", None),
        ("a//README.md", None),
        // Pictures.
        ("news//p.png", Some("/img/p.png")),
        ("news//img/p.png", Some("/img/p.png")),
        ("news//static/img/p.png", Some("/img/p.png")),
        ("news//other/p.png", None),
        ("news//q.png", None),
        // A picture in the directory of its article, as Hexo has it.
        ("img/x/.//p.png", Some("/img/p.png")),
        ("own/post/.//1.png", Some("/own/post/1.png")),
        ("own/other/.//1.png", Some("/own/other/1.png")),
        ("own/both/.//2.png", Some("/own/2.png")),
        ("own/post/.//none.png", None),
        // Wiki links: the vault path, its end, the nearest, the shortest path.
        ("?b/c/Note", Some("/b/c/note")),
        ("?c/Note", Some("/b/c/note")),
        ("?Note", Some("/a/note")),
        ("b//?Note", Some("/b/c/note")),
        ("b/c//?Note", Some("/b/c/note")),
        ("a//?c/Note", Some("/b/c/note")),
        ("news//?Note", Some("/a/note")),
        ("news//?Note.md", Some("/a/note")),
        ("?elsewhere/Note", Some("/a/note")),
        ("?Nothing", None),
        ("news//?p.png", Some("/img/p.png")),
        ("news//?q.png", Some("/news/q.png")),
        ("", None),
        ("/", Some("/")),
    ] {
        let route = world.state.library().locate(reference).map(|route| route.to_string());
        assert_eq!(route.as_deref(), expected, "{reference}");
    }
}
