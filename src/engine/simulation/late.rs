//! Events that come late: the file that they speak of may be another by then.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;

use super::{RelPath, Sign, World, ms};
use crate::source::settle::Hints;
use crate::source::testing::{Hear, pretend};

/// Makes the watcher report `signs` of `path`, and no sooner than somebody waits for it.
fn on_the_way(world: &World, path: &'static str, signs: &'static [Sign]) {
    let inbox = Arc::clone(&world.inbox);
    let bring = move || {
        for sign in signs {
            inbox.push((RelPath::new(path).unwrap(), *sign).into());
        }
    };
    let root = fs::canonicalize(world.dir.path().join("articles")).unwrap();
    pretend(|all| all.hear.insert(root, Hear(Arc::new(bring))));
}

#[test]
fn a_late_event_does_not_vouch_for_a_file_that_is_written_by_now() {
    use Sign::{Arrived, Closed, Created, Touched, Writing};
    for (heard, on_its_way, is_whole) in [
        (Arrived, &[][..], true),
        // `mv` and then `chmod`.
        (Arrived, &[Touched], true),
        (Arrived, &[Arrived], true),
        (Arrived, &[Writing], false),
        (Arrived, &[Created, Writing], false),
        (Arrived, &[Arrived, Created, Writing], false),
        // The writer was fast, but the file was read before it was done.
        (Arrived, &[Writing, Closed], false),
        (Closed, &[Writing], false),
        (Closed, &[Arrived, Created], false),
        (Closed, &[Closed], false),
    ] {
        let mut world = World::new("articles.settle_ms = 200\narticles.reconcile_s = 3600");
        world.write("articles/b.md", "# B\n\ntext");
        world.arrive("b.md");
        world.run(ms(0));
        on_the_way(&world, "a.md", on_its_way);
        world.write("articles/a.md", "# Half\n\nof a te");
        world.inbox.push((RelPath::new("a.md").unwrap(), heard).into());
        world.run(ms(250));
        let expected: &[&str] = if is_whole { &["B", "Half"] } else { &["B"] };
        assert_eq!(world.titles(), expected, "{heard:?} heard, {on_its_way:?} on the way");

        on_the_way(&world, "a.md", &[]);
        world.write("articles/a.md", "# Whole\n\nof a text");
        world.inbox.push((RelPath::new("a.md").unwrap(), Closed).into());
        world.run(ms(200));
        assert_eq!(world.titles(), ["B", "Whole"], "{heard:?} heard, {on_its_way:?} on the way");
    }
}

#[test]
fn a_reconcile_scan_gives_way_to_an_article_that_comes_meanwhile() {
    let mut world = World::new("articles.reconcile_s = 60");
    let scans = |world: &World| world.published.status().scans.map(|scans| scans.count);
    world.run(ms(59_000));
    assert_eq!(scans(&world), Some(1));
    // Only the scan can find this one.
    world.write("articles/a.md", "# A\n\ntext");
    world.write("articles/b.md", "# B\n\ntext");
    on_the_way(&world, "b.md", &[Sign::Arrived]);
    world.run(ms(1_000));
    assert_eq!(world.titles(), ["B", "A"], "in the order in which they became public");
    assert_eq!(scans(&world), Some(2), "it was made, although something came each time");
}

#[test]
fn a_reconcile_scan_that_finds_no_pause_is_made_all_the_same() {
    let mut world = World::new("articles.reconcile_s = 60");
    world.run(ms(1_000));
    // Only the scan can find this one.
    world.write("articles/a.md", "# A\n\ntext");
    for second in 0..120 {
        let name = format!("{second}.md");
        world.write(&format!("articles/{name}"), &format!("# {second}\n\ntext"));
        world.arrive(&name);
        world.pass(ms(1_000));
        let batch = world.inbox.wait(Some(world.inbox.now()));
        assert!(batch.look.is_some(), "there is always something to look at");
        world.engine.turn(batch);
    }
    let path = RelPath::new("a.md").unwrap();
    assert!(world.published.load().unwrap().library.at_path(&path).is_some());
}

#[test]
fn an_article_stays_while_its_copy_is_not_believed_yet() {
    let mut world = World::new("articles.settle_ms = 200\narticles.reconcile_s = 3600");
    world.write("articles/a.md", "# A\n\ntext");
    world.arrive("a.md");
    world.run(ms(0));
    let id = world.published.load().unwrap().library.articles().next().unwrap().id.clone();
    // `cp a.md b.md; rm a.md`, without a grace, and a scan that finds both before the copy's events.
    on_the_way(&world, "b.md", &[Sign::Created, Sign::Writing, Sign::Closed]);
    world.write("articles/b.md", "# A\n\ntext");
    fs::remove_file(world.dir.path().join("articles/a.md")).unwrap();
    world.inbox.push(Hints { rescan: true, ..Hints::default() });
    world.run(ms(100));
    assert_eq!(world.titles(), ["A"]);
    on_the_way(&world, "b.md", &[]);
    world.run(ms(1_000));
    let snapshot = world.published.load().unwrap();
    let article = snapshot.library.articles().next().unwrap();
    assert_eq!((article.path.as_str(), &article.id), ("b.md", &id));
}

#[test]
fn a_file_that_cannot_be_rendered_is_refused_while_another_is_put_off() {
    let mut world = World::new(
        "articles.settle_ms = 200\narticles.reconcile_s = 3600\narticles.max_html_bytes = 1024",
    );
    world.write("articles/a.md", "# A\n\ntext");
    world.arrive("a.md");
    world.run(ms(0));
    // As above, the copy is not believed yet; and what cannot be rendered comes in the same step.
    on_the_way(&world, "b.md", &[Sign::Created, Sign::Writing, Sign::Closed]);
    world.write("articles/b.md", "# A\n\ntext");
    fs::remove_file(world.dir.path().join("articles/a.md")).unwrap();
    world.write("articles/c.md", &format!("# C\n\n{}", "more than may be rendered ".repeat(100)));
    world.inbox.push(Hints { rescan: true, ..Hints::default() });
    world.run(ms(100));
    assert_eq!((world.titles(), world.contents().3), (vec!["A".to_owned()], 1));
}

#[test]
fn of_two_copies_the_one_that_is_believed_first_waits_for_the_other() {
    let mut world = World::new("articles.settle_ms = 200\narticles.reconcile_s = 3600");
    for name in ["a.md", "b.md"] {
        world.write(&format!("articles/{name}"), "# A\n\ntext");
        world.arrive(name);
        world.run(ms(2_500));
    }
    let ids = |world: &World| -> BTreeSet<String> {
        let snapshot = world.published.load().unwrap();
        snapshot.library.articles().map(|article| article.id.clone()).collect()
    };
    let before = ids(&world);
    assert_eq!(before.len(), 2);
    // `cp a.md c.md; rm a.md; cp b.md d.md; rm b.md`, without a grace.
    for (copy, original) in [("c.md", "a.md"), ("d.md", "b.md")] {
        world.write(&format!("articles/{copy}"), "# A\n\ntext");
        fs::remove_file(world.dir.path().join("articles").join(original)).unwrap();
    }
    on_the_way(&world, "d.md", &[Sign::Created, Sign::Writing, Sign::Closed]);
    world.inbox.push((RelPath::new("c.md").unwrap(), Sign::Closed).into());
    world.run(ms(250));
    assert_eq!(ids(&world), before);
    on_the_way(&world, "d.md", &[]);
    world.run(ms(1_000));
    assert_eq!(ids(&world), before);
    let snapshot = world.published.load().unwrap();
    for path in ["c.md", "d.md"] {
        assert!(snapshot.library.at_path(&RelPath::new(path).unwrap()).is_some(), "{path}");
    }
}

#[test]
fn a_file_that_is_written_while_its_directory_moves_stays_itself() {
    // In the first case, the file is written again as soon as its directory is seen.
    for pause in [0, 50] {
        let mut world = World::new("articles.reconcile_s = 3600");
        for name in ["a", "b"] {
            world.write(&format!("articles/d/{name}.md"), &format!("# {name}\n\ntext of {name}"));
            world.arrive(&format!("d/{name}.md"));
        }
        world.run(ms(3_000));
        let id = |world: &World, path: &str| {
            let snapshot = world.published.load().unwrap();
            let article = snapshot.library.at_path(&RelPath::new(path).unwrap());
            article.map(|article| article.id.clone())
        };
        let before = id(&world, "d/a.md");
        assert!(before.is_some());
        // `mv d e`, and a program that saves `e/a.md` in place at once. As long as the kernel's
        // watch has the old name, what happens in the directory is reported under that.
        let articles = world.dir.path().join("articles");
        fs::rename(articles.join("d"), articles.join("e")).unwrap();
        for path in ["d", "e"] {
            world.inbox.push((RelPath::new(path).unwrap(), Sign::Arrived).into());
        }
        world.inbox.push((RelPath::new("d/a.md").unwrap(), Sign::Writing).into());
        world.run(ms(pause));
        world.write("articles/e/a.md", "# a\n\ntext of a, which is another by now");
        world.inbox.push((RelPath::new("e/a.md").unwrap(), Sign::Closed).into());
        world.run(ms(30_000));
        assert_eq!(id(&world, "e/a.md"), before, "{pause} ms");
        assert_eq!(world.titles().len(), 2, "{pause} ms");
    }
}

#[test]
fn an_article_whose_directory_left_while_it_was_written_is_gone() {
    let mut world = World::new("articles.reconcile_s = 3600");
    for name in ["a.md", "d/b.md"] {
        world.write(&format!("articles/{name}"), &format!("# {name}\n\ntext of {name}"));
        world.arrive(name);
    }
    world.run(ms(3_000));
    assert_eq!(world.titles().len(), 2);
    fs::rename(world.dir.path().join("articles/d"), world.dir.path().join("away")).unwrap();
    world.inbox.push((RelPath::new("d").unwrap(), Sign::Arrived).into());
    world.inbox.push((RelPath::new("d/b.md").unwrap(), Sign::Writing).into());
    world.run(ms(30_000));
    assert_eq!(world.titles(), ["a.md"], "no event will ever say that it is closed");
}
