//! Moves, copies and halves, with real inotify: a subscriber never sees an old article as new, and
//! never half of one.

use std::fs::{self, File};
use std::io::Write as _;
use std::time::{Duration, Instant};

use super::fixture::{Site, eventually};

fn words(name: &str) -> String {
    format!("# {name}\n\nThese are the words of {name}, and there are enough of them.\n")
}

#[test]
fn a_move_into_a_directory_that_was_just_made_is_a_rename() {
    for grace in [0, 10] {
        let site = Site::started(&format!("feeds.limit = 100\narticles.grace_s = {grace}"));
        for n in 0..30 {
            site.drop_in(&format!("a{n}.md"), words(&format!("Article {n}")));
        }
        eventually("all are there", || site.items().len() == 30);
        let mut before: Vec<String> = site.items().into_iter().map(|item| item.id).collect();
        for n in 0..30 {
            fs::create_dir(site.articles().join(format!("d{n}"))).unwrap();
            fs::rename(
                site.articles().join(format!("a{n}.md")),
                site.articles().join(format!("d{n}/a{n}.md")),
            )
            .unwrap();
        }
        eventually("all are at their new addresses", || {
            let items = site.items();
            items.len() == 30 && items.iter().all(|item| item.url.contains("/d"))
        });
        let mut after: Vec<String> = site.items().into_iter().map(|item| item.id).collect();
        before.sort();
        after.sort();
        assert_eq!(after, before, "grace_s = {grace}");
    }
}

#[test]
fn a_copy_and_a_deletion_are_a_rename() {
    let site = Site::started("articles.grace_s = 10");
    site.drop_in("a.md", words("Copied"));
    let before = site.appears("Copied");
    fs::create_dir(site.articles().join("d")).unwrap();
    fs::copy(site.articles().join("a.md"), site.articles().join("d/b.md")).unwrap();
    eventually("the copy is noticed", || {
        site.log().iter().any(|line| line.contains("copy of a.md"))
    });
    assert_eq!(site.items().len(), 1);
    site.remove("a.md");
    eventually("it has moved", || site.appears("Copied").url.ends_with("/d/b"));
    assert_eq!(site.appears("Copied").id, before.id);
    assert_eq!(site.items().len(), 1);
}

#[test]
fn a_copy_that_stays_becomes_an_article_of_its_own() {
    let site = Site::started("articles.grace_s = 1");
    site.drop_in("a.md", words("Copied"));
    let before = site.appears("Copied");
    let copied = Instant::now();
    fs::copy(site.articles().join("a.md"), site.articles().join("b.md")).unwrap();
    eventually("both are there", || site.items().len() == 2);
    // The grace begins with the copy's change time, whose clock ticks every few milliseconds.
    assert!(copied.elapsed() >= Duration::from_millis(950));
    let ids: Vec<String> = site.items().into_iter().map(|item| item.id).collect();
    assert!(ids.contains(&before.id) && ids[0] != ids[1], "{ids:?}");
}

#[test]
fn a_file_that_is_half_written_at_the_start_waits_for_its_close() {
    // Fresh, and so old that its age tells nothing: then only the open descriptor speaks for its
    // writer.
    let polling = "articles.poll = true\narticles.poll_s = 1";
    for (age, settings) in [(0, ""), (60, ""), (0, polling), (60, polling)] {
        let mut site = Site::new(settings);
        site.drop_in("whole.md", words("Whole"));
        let mut half = File::create(site.articles().join("half.md")).unwrap();
        half.write_all(b"# Half\n\nThe first half").unwrap();
        half.set_modified(half.metadata().unwrap().modified().unwrap() - Duration::from_secs(age))
            .unwrap();
        site.start();
        site.appears("Whole");
        for n in 0..3 {
            site.drop_in(&format!("m{n}.md"), words(&format!("Marker {n}")));
            site.appears(&format!("Marker {n}"));
            assert!(site.item("Half").is_none(), "half an article is public");
        }
        half.write_all(b", and the second half.\n").unwrap();
        drop(half);
        assert!(site.appears("Half").html.contains("second half"));
    }
}

#[test]
fn what_is_moved_in_is_taken_at_once_under_polling() {
    let site = Site::started("articles.poll = true\narticles.poll_s = 1");
    site.drop_in("first.md", words("First"));
    site.appears("First");
    // Written a while ago, elsewhere.
    let from = site.dir.path().join("elsewhere.md");
    fs::write(&from, words("Moved")).unwrap();
    let written = File::options().write(true).open(&from).unwrap();
    written
        .set_modified(written.metadata().unwrap().modified().unwrap() - Duration::from_secs(1))
        .unwrap();
    drop(written);
    let moved = Instant::now();
    fs::rename(&from, site.articles().join("moved.md")).unwrap();
    site.appears("Moved");
    // One interval, and not the time that a file needs to prove its quiet as well.
    assert!(moved.elapsed() < Duration::from_millis(2_500), "{:?}", moved.elapsed());
}

#[test]
fn an_entry_has_its_body_or_is_not_in_the_feed() {
    let mut site = Site::new("feeds.limit = 5\narticles.grace_s = 0");
    for n in 0..8 {
        let day = n + 1;
        site.drop_in(
            &format!("a{n}.md"),
            format!("---\ndate: 2026-01-{day:02}\n---\n{}", words(&format!("Article {n}"))),
        );
    }
    site.start();
    eventually("the newest are there", || site.items().len() == 5);
    // The older ones move into the window, and their files are gone as well.
    for n in 3..8 {
        site.remove(&format!("a{n}.md"));
    }
    eventually("what is left is there", || {
        let items = site.items();
        assert!(items.iter().all(|item| item.html.contains("These are the words")), "{items:#?}");
        items.len() == 3
    });
}
