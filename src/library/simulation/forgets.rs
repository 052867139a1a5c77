//! What an operator has forgotten, and what may come back of it.

use crate::base::{Scope, UrlPath};
use crate::library::Lookup;

use super::{World, check};

const A: &str = "write a.md # A||one two three four five six\n.";

/// The last line of the log after a script.
fn last(script: &str) -> String {
    let mut world = World::new();
    script.lines().for_each(|line| world.run(line));
    world.log.pop().unwrap_or_default()
}

#[test]
fn a_forgotten_article_is_gone_at_once_and_for_ever() {
    for (before, after) in [
        ("", ""),
        ("", "restart\n.\nreweigh"),
        ("", "rm a.md\n.\nwait 20\n.\nwrite a.md # A||one two three four five six\n."),
        ("", "mv a.md b.md\n."),
        ("", "mv a.md b.md\nrestart\n."),
        ("", "cp a.md b.md\nwait 60\n."),
        ("rm a.md\n.", ""),
        ("rm a.md\n.\nwait 20\n.", "write a.md # A||one two three four five six\n."),
        ("rm a.md\n.\nwait 2\n.", "write b.md # A||one two three four five six\n.\nwait 20\n."),
        ("write a.md ---|draft: true|---|# A||one two three four five six\n.", ""),
        ("write a.md ---|title: [|---|x\n.", "reweigh"),
        ("write a.md \n.", ""),
    ] {
        // What its file says when it is forgotten is not published; what it said before may be
        // another article.
        let world = check(&format!("{A}\n{before}\nforget a.md\n{after}\nwait 20\n."), &[]);
        assert!(
            matches!(world.state.library().find(&UrlPath::new("a").unwrap()), Lookup::Gone),
            "{before} {after}"
        );
    }
    assert_eq!(
        last(&format!("{A}\nforget a.md")),
        "forgot a.md: /a answers 410; its file is not published again until it is changed"
    );
    assert_eq!(last(&format!("{A}\nrm a.md\n.\nforget a.md")), "forgot a.md: /a answers 410");
    assert_eq!(last(&format!("{A}\nforget a.md\nforget a.md")), "a.md was forgotten before");
    assert_eq!(last(&format!("{A}\nforget b.md")), "b.md: nothing");
    assert_eq!(
        last(&format!("{A}\nforget a.md\nmv a.md b.md\n.")),
        "b.md: not published: a.md was forgotten with this content"
    );
}

/// An editor may save a file with other line ends, and nobody sees that anything has changed.
#[test]
fn the_same_words_in_other_bytes_are_not_published_again() {
    let refused = "a.md: not published: a.md was forgotten with this content";
    for same in [
        "# A\r|\r|one two three four five six\r|",
        "\u{feff}# A||one two three four five six",
        "# A||one two three four five six||",
        "A|=||one two three|four five six",
    ] {
        let script = format!("{A}\nforget a.md\nwrite a.md {same}\n.");
        check(&script, &[]);
        assert_eq!(last(&script), refused, "{same:?}");
        check(&format!("{script}\nrestart\n.\nreweigh\nwait 20\n."), &[]);
        check(&format!("{A}\nforget a.md\nrestart\nwrite a.md {same}\n."), &[]);
    }
    // What its author has changed is another article, be it only in its header.
    for other in
        ["# B||one two three four five six", "---|tags: [t]|---|# A||one two three four five six"]
    {
        let mut world = World::new();
        format!("{A}\nforget a.md\nwrite a.md {other}\n.").lines().for_each(|line| world.run(line));
        assert_eq!(world.state.library().articles().count(), 1, "{other:?}");
    }
}

#[test]
fn other_words_at_its_path_are_another_article() {
    let other = ["2 a.md /a-2 \"A\" 03-01T12:00:00 03-01T12:00:00"];
    check(&format!("{A}\nforget a.md\nwrite a.md # A||one two three four five seven\n."), &other);
    check(
        &format!("{A}\nforget a.md\nrestart\nwrite a.md # A||one two seven\n.\nrestart\n."),
        &other,
    );
    // Its author says that it is the old one.
    let id = "write a.md ---|id: tag:x|---|# A||one two three\n.";
    check(
        &format!("{id}\nforget a.md\nwrite a.md ---|id: tag:x|---|# A||other words\n."),
        &["1 a.md /a \"A\" 03-01T12:00:00 03-01T12:00:00"],
    );
    check(&format!("{id}\nforget a.md\n."), &[]);
}

#[test]
fn an_article_with_an_id_returns_after_its_deletion() {
    let id = "write a.md ---|id: tag:x|---|# A||one two three\n.";
    let gone = format!("{id}\nrm a.md\n.\nwait 10\n.");
    check(&gone, &[]);
    check(
        &format!("{gone}\nwrite a.md ---|id: tag:x|---|# A||one two three\n."),
        &["1 a.md /a \"A\" 03-01T12:00:00 03-01T12:00:00"],
    );
}

#[test]
fn an_empty_scope_can_be_forgotten() {
    let tagged = "write n/a.md ---|tags: [t]|---|# A||one two three\n.";
    let empty = format!("{tagged}\nwrite n/a.md # A||one two three\n.");
    let tag = Scope::Tag(UrlPath::new("t").unwrap());
    let has = |script: &str| {
        let mut world = World::new();
        script.lines().for_each(|line| world.run(line));
        world.state.library().channel(&tag).map(|channel| channel.count)
    };
    assert_eq!(has(tagged), Some(1));
    assert_eq!(has(&empty), Some(0));
    assert_eq!(has(&format!("{empty}\nforget /tags/t/")), None);
    assert_eq!(has(&format!("{empty}\nforget /tags/t/\nrestart\n.")), None);
    assert_eq!(has(&format!("{empty}\nforget /tags/t/\n{tagged}")), Some(1));
    assert_eq!(has(&format!("{empty}\nforget /tags/t/\n{tagged}\nrestart\n.")), Some(1));
    let refused = "/tags/t/ still has articles; only an empty list can be forgotten";
    assert_eq!(last(&format!("{tagged}\nforget /tags/t/")), refused);
    assert_eq!(last(&format!("{tagged}\nforget /tags/u/")), "there is nothing at /tags/u/");
}
