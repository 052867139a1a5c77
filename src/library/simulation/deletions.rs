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

/// A file of twenty words that is deleted, and returns with the first `kept` of them and others in
/// place of the rest.
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
fn an_edited_article_returns_to_its_path_though_another_had_it_meanwhile() {
    let restored = format!("write a.md # A||{TWENTY_WORDS} and more\n.");
    for (other, expected) in [
        ("rm a.md\n.\nwait 60\n.", vec![1]),
        ("mv a.md b.md\n.\nwait 60\n.", vec![1, 2]),
        ("rm a.md\n.\nwait 60\n.\nrestart\n.", vec![1]),
    ] {
        let script = format!(
            "write a.md # A||{TWENTY_WORDS}\n.\nrm a.md\n.\nwait 60\n.\n\
             write a.md # B||x y z\n.\n{other}\n{restored}"
        );
        assert_eq!(public_after(&script), expected, "{script}");
        // From then on, the path is its own.
        let later = format!("{script}\nrestart\n.\nwrite a.md # C||u v w\n.");
        assert_eq!(public_after(&later), expected, "{later}");
    }
    // Another text is another article, and what is there keeps its path.
    let taken = format!(
        "write a.md # A||{TWENTY_WORDS}\n.\nrm a.md\n.\nwait 60\n.\nwrite a.md # B||x y z\n."
    );
    assert_eq!(
        public_after(&format!("{taken}\nrm a.md\n.\nwait 60\n.\nwrite a.md # C||u v w\n.")),
        [3]
    );
    assert_eq!(public_after(&format!("{taken}\n{restored}")), [2]);
}

#[test]
fn a_deleted_article_that_is_restored_elsewhere_is_the_old_one() {
    // Its first path, its last one, another one; at once, long after, and after a restart.
    for moved in ["", "mv a.md q.md\n.\n"] {
        let file = if moved.is_empty() { "a.md" } else { "q.md" };
        for pause in [".", "wait 60\n.", "wait 60\nrestart\n.", "restart\nwait 86400\n."] {
            for path in ["a.md", "q.md", "b/z.md"] {
                let gone =
                    format!("write a.md # A||{TWENTY_WORDS}\n.\n{moved}rm {file}\n.\nwait 10\n.");
                let back = format!("{gone}\n{pause}\nwrite {path} # A||{TWENTY_WORDS}\n.");
                assert_eq!(public_after(&gone), [0; 0], "{gone}");
                assert_eq!(public_after(&back), [1], "{back}");
            }
        }
    }
}

#[test]
fn what_is_restored_is_no_copy_of_an_article_whose_file_has_other_bytes() {
    let gone =
        "write a.md # A||x\n.\ncp a.md b.md\n.\nwait 10\n.\nrm b.md\n.\nwait 10\n.\nwait 60\n.";
    for (change, expected) in [
        ("write a.md ---|title: [|---|x", vec![1, 2]),
        ("write a.md ---|title: [|---|x\n.\nrestart", vec![1, 2]),
        ("write a.md ---|draft: true|---|# A||x", vec![2]),
        // It is a copy, and waits.
        ("write a.md # A||x", vec![1]),
    ] {
        let script = format!("{gone}\n{change}\n.\nwrite c.md # A||x\n.");
        assert_eq!(public_after(&script), expected, "{script}");
    }
}

#[test]
fn a_deleted_article_that_is_restored_as_a_draft_keeps_its_path() {
    let gone = format!("write a.md {TWENTY_WORDS}\n.\nrm a.md\n.\nwait 30\n.");
    for hidden in ["draft: true", "date: 2030-01-01", "expires: 2020-01-01"] {
        let draft = format!("{gone}\nwrite a.md ---|{hidden}|---|{TWENTY_WORDS}\n.");
        assert_eq!(public_after(&draft), [0; 0], "{draft}");
        for then in [".", "restart\n."] {
            let back = format!("{draft}\n{then}\nwrite a.md entirely other words\n.");
            assert_eq!(public_after(&back), [1], "{back}");
        }
    }
}

#[test]
fn a_path_is_that_of_the_article_that_is_there_after_a_restart_too() {
    // The older article is renamed to the path of the newer one, which is gone.
    let moved = format!(
        "write a.md {TWENTY_WORDS}\n.\nwrite b.md entirely other words\n.\nrm b.md\n.\nwait 10\n.\nmv a.md b.md\n."
    );
    for restart in ["", "restart\n"] {
        // Another inode, and other bytes: only the path says which article it is.
        let script = format!("{moved}\n{restart}rm b.md\nwrite b.md {TWENTY_WORDS} more\n.");
        assert_eq!(public_after(&script), [1], "{script}");
        let other = format!("{moved}\n{restart}rm b.md\nwrite b.md entirely other words\n.");
        assert_eq!(public_after(&other), [1], "{other}");
    }
}

#[test]
fn a_draft_that_is_restored_as_it_was_is_the_article_that_went() {
    // Its words are others than those that were published.
    let draft = "write a.md ---|draft: true|---|entirely other words";
    let gone = format!("write a.md {TWENTY_WORDS}\n.\n{draft}\n.\nrm a.md\n.");
    for pause in [".", "wait 60\n.", "wait 60\nrestart\n."] {
        for back in [draft, "write a.md entirely other words"] {
            let script = format!("{gone}\n{pause}\n{back}\n.\nwrite a.md more of those words\n.");
            let is_draft = back == draft;
            assert_eq!(public_after(&script), [if is_draft { 1 } else { 2 }], "{script}");
        }
    }
}

#[test]
fn a_draft_that_moved_is_known_by_its_bytes_whatever_is_seen_first() {
    let draft = "---|draft: true|---|entirely other words";
    let withdrawn = format!("write a.md {TWENTY_WORDS}\n.\nwrite a.md {draft}\n.");
    // Saved under another inode, and renamed: its new path is seen first, and alone.
    let moved = format!("{withdrawn}\nrm a.md\nwrite b.md {draft}\n. b.md\n.");
    assert_eq!(public_after(&format!("{moved}\nwrite b.md more of those words\n.")), [1]);
}

#[test]
fn what_is_restored_elsewhere_needs_the_same_bytes_and_its_own_id() {
    let gone = format!("write a.md {TWENTY_WORDS}\n.\nrm a.md\n.\nwait 30\n.");
    let after = |then: &str| public_after(&format!("{gone}\n{then}"));
    assert_eq!(after(&format!("write b.md {TWENTY_WORDS} more\n.")), [2]);
    assert_eq!(after(&format!("write b.md ---|id: tag:x|---|{TWENTY_WORDS}\n.")), [2]);
    // Of two files with its bytes, one is the old article.
    assert_eq!(
        after(&format!("write b.md {TWENTY_WORDS}\nwrite c.md {TWENTY_WORDS}\n.\nwait 30\n.")),
        [1, 2]
    );
    // A copy that became a draft has these bytes no more, so that they are the deleted article.
    let drafted = format!(
        "write a.md {TWENTY_WORDS}\nwrite c.md {TWENTY_WORDS}\n.\nwait 30\n.\nwrite c.md ---|draft: true|---|other\n.\nrm a.md\n.\nwait 30\n.\nwait 30\n."
    );
    assert_eq!(public_after(&format!("{drafted}\nwrite b.md {TWENTY_WORDS}\n.")), [1]);
    // Of two deleted articles with these bytes, it is the one of the same name.
    let two = format!(
        "write a.md {TWENTY_WORDS}\nwrite n/b.md {TWENTY_WORDS}\n.\nwait 30\n.\nrm a.md\nrm n/b.md\n.\nwait 30\n."
    );
    assert_eq!(public_after(&format!("{two}\nwrite m/b.md {TWENTY_WORDS}\n.")), [2]);
    assert_eq!(public_after(&format!("{two}\nwrite m/c.md {TWENTY_WORDS}\n.")), [1]);
}

#[test]
fn a_clock_that_is_stepped_back_begins_the_grace_again() {
    const PUBLIC: &[&str] = &["1 a.md /a \"A\" 03-01T12:00:00 03-01T12:00:00"];
    let missing = "write a.md # A||x\n.\nrm a.md\n.";
    check(&format!("{missing}\nwait 5\n."), PUBLIC);
    let back = format!("{missing}\nwait 5\nback 3600\n.");
    check(&format!("{back}\nwait 9\n."), PUBLIC);
    check(&format!("{back}\nrestart\nwait 9\n."), PUBLIC);
    check(&format!("{back}\nwait 10\n."), &[]);
    // What the file was is still known: it is found edited, by its inode.
    let moved =
        "write a.md # A||x\n.\nmv a.md b.md\n. a.md\nback 3600\n. c.md\nwrite b.md # A||y\n. b.md";
    check(moved, &["1 b.md /b \"A\" 03-01T12:00:00 03-01T12:00:00"]);
}

#[test]
fn a_clock_that_is_stepped_back_begins_the_wait_of_a_copy_again() {
    const A: &str = "1 a.md /a \"A\" 03-01T12:00:00 03-01T12:00:00";
    let back = "write a.md # A||x\n.\ncp a.md b.md\n.\nback 3600\n.";
    check(back, &[A]);
    check(&format!("{back}\nwait 9\n."), &[A]);
    check(
        &format!("{back}\nwait 9\nrm a.md\n."),
        &["1 b.md /b \"A\" 03-01T12:00:00 03-01T12:00:00"],
    );
    check(&format!("{back}\nwait 10\n."), &[A, "2 b.md /b \"A\" 03-01T11:00:10 03-01T11:00:10"]);
}

#[test]
fn an_article_whose_file_is_being_written_again_is_not_deleted() {
    let back =
        "write a.md one two three\n.\nrm a.md\n.\nwait 9\nwrite a.md one two four\nopen a.md\n.";
    let busy = format!("{back}\nwait 9\n.\nwait 9\n.\nwait 10\n.");
    assert_eq!(public_after(&busy), [1]);
    assert_eq!(public_after(&format!("{busy}\nclose a.md\n.\nwait 60\n.")), [1]);
    // Gone again, it has a grace of its own.
    assert_eq!(public_after(&format!("{busy}\nrm a.md\nwait 9\n.")), [1]);
    assert_eq!(public_after(&format!("{busy}\nrm a.md\nwait 10\n.")), [0; 0]);
}
