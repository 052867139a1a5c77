//! When deletions are held, what goes on meanwhile, and what ends it.

use std::collections::BTreeSet;

use super::World;

/// A world of `count` public articles, `p0.md` and so on.
fn world(count: usize) -> World {
    let mut world = World::new();
    for n in 0..count {
        world.run(&format!("write p{n}.md # A{n}||words of article {n}"));
    }
    world.run(".");
    assert_eq!(world.state.library().len(), count);
    world
}

/// A line of a script stands for several: `rm 3..7` removes `p3.md` to `p6.md`, and `slowly 3..7 60`
/// does so one by one, with as many seconds after each.
fn run(world: &mut World, script: &str) {
    for line in script.lines().map(str::trim) {
        let words: Vec<&str> = line.split(' ').collect();
        match (words[0], words.get(1).and_then(|range| range.split_once(".."))) {
            (
                verb @ ("rm" | "draft" | "expire" | "ignore" | "back" | "forget"),
                Some((from, to)),
            ) => {
                for n in from.parse::<usize>().unwrap()..to.parse().unwrap() {
                    match verb {
                        "draft" => {
                            world.run(&format!("write p{n}.md ---|draft: true|---|# A{n}||x"))
                        }
                        "expire" => {
                            world.run(&format!("write p{n}.md ---|expires: 2026-01-01|---|x"))
                        }
                        "back" => world.run(&format!("write p{n}.md # A{n}||words of article {n}")),
                        verb => world.run(&format!("{verb} p{n}.md")),
                    }
                }
            }
            ("slowly", Some((from, to))) => {
                for n in from.parse::<usize>().unwrap()..to.parse().unwrap() {
                    world.run(&format!("rm p{n}.md"));
                    world.run(".");
                    world.run(&format!("wait {}", words[2]));
                    world.run(".");
                }
            }
            _ => world.run(line),
        }
    }
}

/// The number of public articles after a script over `count` of them, and what is held. A restart
/// at the end changes neither.
#[track_caller]
fn check(count: usize, script: &str, public: usize, held: Option<&str>) -> World {
    let mut world = world(count);
    run(&mut world, script);
    let state = |world: &World| {
        let held = world.state.held().map(|shrink| shrink.to_string());
        (world.state.library().len(), held)
    };
    assert_eq!(state(&world), (public, held.map(str::to_owned)), "{script}");
    let mut restarted = world.clone();
    run(&mut restarted, "restart\n.\nwait 1\n.");
    assert_eq!(state(&restarted), state(&world), "{script}, after a restart");
    world
}

#[test]
fn most_files_do_not_vanish_by_themselves() {
    check(20, "rm 0..7\n.\nwait 10\n.", 20, Some("20 -> 13"));
    check(20, "rm 0..20\n.\nwait 10\n.", 20, Some("20 -> 0"));
    check(3, "rm 0..3\n.\nwait 10\n.", 3, Some("3 -> 0"));
    check(1000, "rm 0..301\n.\nwait 10\n.", 1000, Some("1000 -> 699"));
    // Up to the limit, deletions go through.
    check(20, "rm 0..6\n.\nwait 10\n.", 14, None);
    check(2, "rm 0..2\n.\nwait 10\n.", 0, None);
    check(1000, "rm 0..300\n.\nwait 10\n.", 700, None);
    // Nothing is held, or logged, for what is back within the grace.
    check(20, "rm 0..20\n.\nwait 9\n.\nback 0..20\nwait 60\n.", 20, None);
    check(20, "rm 0..20\n.\nwait 8\n.", 20, None);
}

#[test]
fn many_small_losses_are_one_large_one() {
    // Within the grace of the first.
    check(20, "slowly 0..20 1\nwait 10\n.", 20, Some("20 -> 0"));
    // One a minute: five are taken away before it is seen.
    check(20, "slowly 0..20 60", 14, Some("20 -> 0"));
    check(20, "slowly 0..6 60\nrestart\nslowly 6..20 60", 14, Some("20 -> 0"));
    // All of four, one by one.
    check(4, "slowly 0..4 60", 1, Some("4 -> 0"));
    // The same over days is somebody tidying up.
    check(20, "slowly 0..20 3600", 0, None);
    check(20, "rm 0..6\n.\nwait 10\n.\nwait 3700\nrm 6..10\n.\nwait 10\n.", 10, None);
    // What came back is not lost.
    check(20, "rm 0..5\n.\nwait 10\n.\nback 0..5\n.\nrm 5..10\n.\nwait 10\n.", 15, None);
}

#[test]
fn neither_time_nor_new_articles_end_a_hold() {
    let held = "rm 0..7\n.\nwait 10\n.";
    check(20, &format!("{held}\nwait 86400\n."), 20, Some("20 -> 13"));
    let days = "slowly 0..7 60\nwait 86400\n.\nwait 86400\n.\nrestart\nwait 86400\n.";
    check(20, days, 14, Some("20 -> 13"));
    let many: String = (100..200).map(|n| format!("write p{n}.md # N{n}||new {n}\n")).collect();
    check(20, &format!("{held}\n{many}."), 120, Some("20 -> 13"));
    for clock in ["back 172800", "ahead 315360000", "clock 1970-01-01T00:00:05Z"] {
        check(20, &format!("{held}\n{clock}\n.\nwait 60\n."), 20, Some("20 -> 13"));
        check(20, &format!("{held}\n{clock}\nrestart\n.\nwait 60\n."), 20, Some("20 -> 13"));
    }
}

#[test]
fn the_files_or_an_operator_end_it() {
    let held = "rm 0..20\n.\nwait 10\n.";
    check(20, &format!("{held}\nback 0..20\n."), 20, None);
    check(20, &format!("{held}\nrestart\nback 0..20\n."), 20, None);
    // Enough of them: the others are deleted, if they do not follow within a grace.
    check(20, &format!("{held}\nback 0..14\n.\n."), 20, None);
    check(20, &format!("{held}\nback 0..14\n.\nwait 10\n."), 14, None);
    check(20, &format!("{held}\nback 0..14\n.\nwait 8\nback 14..20\n.\nwait 60\n."), 20, None);
    check(20, &format!("{held}\nback 0..13\n.\n."), 20, Some("20 -> 13"));
    check(20, &format!("{held}\naccept"), 0, None);
    check(20, &format!("{held}\nrestart\naccept"), 0, None);
    check(20, &format!("{held}\nback 0..3\naccept"), 3, None);
    // What was accepted is what later deletions are measured against.
    let accepted = "rm 0..10\n.\nwait 10\n.\naccept";
    check(20, &format!("{accepted}\nrm 10..13\n.\nwait 10\n."), 7, None);
    check(20, &format!("{accepted}\nrm 10..16\n.\nwait 10\n."), 10, Some("10 -> 4"));
    check(20, "slowly 0..5 60\naccept\nrm 5..9\n.\nwait 10\n.", 11, None);
    // An operator who knows in advance does not wait for the grace.
    check(20, "rm 0..20\n.\naccept", 0, None);
    check(20, "accept", 20, None);
}

#[test]
fn what_is_held_keeps_its_identity() {
    let held = "rm 0..20\n.\nwait 10\n.\nwait 5000\n.";
    let ids = |world: &World| -> BTreeSet<(u64, String)> {
        let articles = world.state.library().articles();
        articles.map(|article| (article.seq, article.id.clone())).collect()
    };
    let before = ids(&world(20));
    for end in ["back 0..20\n.", "restart\nback 0..20\n.", "accept\nwait 60\nback 0..20\n."] {
        let world = check(20, &format!("{held}\n{end}"), 20, None);
        assert_eq!(ids(&world), before, "{end}");
    }
    // The tree is put back under another name.
    let mut moved = world(20);
    run(&mut moved, held);
    for n in 0..20 {
        moved.run(&format!("write new/p{n}.md # A{n}||words of article {n}"));
    }
    moved.run(".");
    assert_eq!((ids(&moved), moved.state.held()), (before, None));
}

#[test]
fn only_deletions_are_held() {
    let held = "rm 0..10\n.\nwait 10\n.";
    let world = check(
        20,
        &format!(
            "{held}\nwrite new.md # New||x\nwrite p10.md # Edited||x\nmv p11.md moved.md\ndraft 12..13\n."
        ),
        20,
        Some("20 -> 10"),
    );
    let shown = super::show(world.state.library());
    for text in ["new.md", "\"Edited\"", "moved.md"] {
        assert!(shown.iter().any(|line| line.contains(text)), "{text}: {shown:#?}");
    }
    assert!(!shown.iter().any(|line| line.contains(" p12.md ")), "{shown:#?}");
}

#[test]
fn an_authors_acts_are_not_counted() {
    for act in ["draft 0..20", "expire 0..20", "ignore 0..20"] {
        check(20, &format!("{act}\n.\nwait 10\n.\nwait 10\n."), 0, None);
        // Nor do they use up what may vanish.
        check(20, &format!("{act}\n.").replace("20", "10").replacen("10..", "0..", 1), 10, None);
    }
    check(20, "draft 0..14\n.\nrm 0..14\n.\nwait 10\n.\nrm 14..19\n.\nwait 10\n.", 1, None);
    check(20, "ignore 0..10\n.\nrm 10..13\n.\nwait 10\n.", 7, None);
    check(20, "forget 0..10\nrm 0..13\n.\nwait 10\n.", 7, None);
    check(20, "rm 0..7\n.\nwait 10\n.\nforget 0..1\n.\n.", 19, Some("19 -> 13"));
    check(20, "rm 0..7\n.\nwait 10\n.\nforget 0..2\n.\nwait 10\n.", 13, None);
}
