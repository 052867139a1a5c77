//! The state from version to version, and over time: an upgrade keeps a copy, the way back works, a
//! downgrade is refused, and what is remembered does not grow with every edit.

use std::fs;
use std::path::{Path, PathBuf};

use dropfeed::testing::engine::{Clock as _, SystemClock};
use dropfeed::testing::source::Look;
use dropfeed::testing::store::{Disk, Store as _};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::crash::begin;
use crate::fixture::{Item, Site, eventually};

/// The present version.
const PRESENT: i64 = 5;

/// Makes the state one of version 2, which is as it is now without the columns that came later.
fn make_old(state: &Path) {
    let database = Connection::open(state).unwrap();
    let columns = ["imported", "last_file"];
    for column in columns {
        database.execute_batch(&format!("ALTER TABLE records DROP COLUMN {column}")).unwrap();
    }
    database.execute_batch("PRAGMA user_version = 2").unwrap();
}

fn version(state: &Path) -> i64 {
    let database = Connection::open(state).unwrap();
    database.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}

fn state(site: &Site) -> PathBuf {
    site.dir.path().join(".dropfeed/state.db")
}

/// A stopped site with two articles whose state is of version 2, and its entries.
fn old_site() -> (Site, Vec<Item>) {
    let mut site = Site::new("");
    site.write("a.md", "# A\n\ntext of a\n");
    site.write("b.md", "# B\n\ntext of b\n");
    site.start();
    site.settles(&["A", "B"]);
    let items = site.items();
    site.stop();
    make_old(&state(&site));
    (site, items)
}

#[test]
fn an_upgrade_keeps_every_id_and_a_copy_and_there_is_a_way_back() {
    let (mut site, before) = old_site();
    site.start();
    assert_eq!(site.items(), before);
    let copy = state(&site).with_file_name("state.v2.db");
    let line =
        format!("upgraded from version 2 to {PRESENT}; the copy from before is {}", copy.display());
    assert!(site.log().iter().any(|found| found.contains(&line)), "{:#?}", site.log());
    site.drop_in("c.md", "# C\n\ntext of c\n");
    let late = site.appears("C");
    site.stop();
    assert_eq!((version(&state(&site)), version(&copy)), (PRESENT, 2));

    // The way back of docs/operators.md, as far as it needs no older program.
    fs::rename(&copy, state(&site)).unwrap();
    assert!(!state(&site).with_extension("db-wal").exists());
    assert_eq!(version(&state(&site)), 2);
    site.start();
    site.settles(&["A", "B", "C"]);
    let known =
        |items: Vec<Item>| items.into_iter().filter(|item| item.title != "C").collect::<Vec<_>>();
    assert_eq!(known(site.items()), before);
    // What was published in between is derived as it was.
    assert_eq!(site.item("C").unwrap().id, late.id);
    site.stop();
    assert!(copy.exists());
}

#[test]
fn a_downgrade_is_refused_and_changes_nothing() {
    let (mut site, before) = old_site();
    site.start();
    site.stop();
    let database = Connection::open(state(&site)).unwrap();
    database.pragma_update(None, "user_version", PRESENT + 1).unwrap();
    drop(database);
    let files = |site: &Site| {
        let feed = fs::read(site.feeds().join("feed.json")).unwrap();
        (fs::read(state(site)).unwrap(), feed)
    };
    let untouched = files(&site);
    for command in [&["serve"][..], &["build"]] {
        let output = site.command(command).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(78), "{said}");
        let sentence = format!(
            "has version {}, and this dropfeed knows versions up to {PRESENT}: use a newer dropfeed, or put the \
             copy from before the upgrade in its place (state.v{PRESENT}.db, or a backup)",
            PRESENT + 1
        );
        assert!(said.contains(&sentence), "{said}");
        assert!(files(&site) == untouched, "{command:?} changed something");
    }
    let database = Connection::open(state(&site)).unwrap();
    database.pragma_update(None, "user_version", PRESENT).unwrap();
    drop(database);
    site.start();
    assert_eq!(site.items(), before);
}

/// Rows of each table of the ledger.
fn rows(disk: &Disk) -> [usize; 7] {
    let found = disk.store().load().unwrap();
    [
        found.files.len(),
        found.records.len(),
        found.urls.len(),
        found.channels.len(),
        found.bodies.len(),
        found.documents.len(),
        found.values.len(),
    ]
}

#[test]
fn what_is_remembered_grows_with_articles_and_not_with_edits() {
    let dir = TempDir::new().unwrap();
    let articles = dir.path().join("articles");
    fs::create_dir(&articles).unwrap();
    let disk = Disk::new();
    let mut life = begin(dir.path(), &disk).unwrap();
    let mut sizes = Vec::new();
    for round in 0..30 {
        for name in ["a.md", "b.md", "c.png", "draft.md"] {
            let head = if name == "draft.md" { "draft: true" } else { "tags: [one, two]" };
            let text = format!("---\n{head}\n---\n# {name}\n\nThe words of round {round}.\n");
            fs::write(articles.join(name), text).unwrap();
        }
        let look = |life: &mut crate::crash::Life| {
            life.engine.step(&Look::Everything, &Default::default()).unwrap();
        };
        look(&mut life);
        // Renames, drafts and deletions leave traces that are used again.
        fs::rename(articles.join("b.md"), articles.join("moved.md")).unwrap();
        fs::remove_file(articles.join("a.md")).unwrap();
        look(&mut life);
        fs::rename(articles.join("moved.md"), articles.join("b.md")).unwrap();
        fs::remove_file(articles.join("c.png")).unwrap();
        look(&mut life);
        sizes.push(rows(&disk));
    }
    assert_eq!(sizes[29], sizes[9], "{sizes:?}");
    assert!(sizes[29].iter().sum::<usize>() < 100, "{:?}", sizes[29]);
}

/// The restore drill of docs/operators.md: a copy that was made while articles were published takes
/// the place of the state.
#[test]
fn a_backup_that_was_made_under_load_restores_what_was_public() {
    let mut site = Site::started("");
    for n in 0..20 {
        site.drop_in(&format!("{n}.md"), format!("# Article {n}\n\ntext {n}\n"));
    }
    site.appears("Article 3");
    let public = site.items();
    let to = site.dir.path().join("backup.db");
    let output = site.command(&["state", "backup", to.to_str().unwrap()]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    eventually("all are published", || site.items().len() == 20);
    site.stop();
    fs::remove_dir_all(site.dir.path().join(".dropfeed")).unwrap();
    fs::remove_dir_all(site.feeds()).unwrap();
    fs::create_dir(site.dir.path().join(".dropfeed")).unwrap();
    fs::copy(&to, state(&site)).unwrap();
    let output = site.command(&["state", "check"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    site.start();
    eventually("all are published again", || site.items().len() == 20);
    let after = site.items();
    for item in public {
        assert!(after.contains(&item), "{item:?} became {:?}", site.item(&item.title));
    }
}

/// What was published after a backup is in the feeds on disk, and nowhere else.
#[test]
fn a_backup_that_is_restored_makes_no_later_article_new() {
    let mut site = Site::started("");
    site.drop_in("a.md", "# A\n\ntext of a\n");
    site.appears("A");
    let to = site.dir.path().join("backup.db");
    let output = site.command(&["state", "backup", to.to_str().unwrap()]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    for name in ["B", "C", "D"] {
        site.drop_in(&format!("{name}.md"), format!("# {name}\n\ntext of {name}\n"));
        site.appears(name);
    }
    site.rename("C.md", "moved/C.md");
    site.rename("a.md", "moved/a.md");
    let all_moved = || {
        let all = site.items();
        all.iter().filter(|item| item.url.contains("/moved/")).count() == 2
    };
    eventually("the renames are seen", all_moved);
    let before = site.items();
    let feed = site.feeds().join("feed.json");
    eventually("the feeds are written", || {
        let written = fs::read_to_string(&feed).unwrap_or_default();
        written.contains("/moved/a\"") && written.contains("/moved/c\"")
    });
    // So that a date of now would be another one.
    let newest = seconds_now();
    eventually("the clock is at another second", || seconds_now() > newest);
    site.stop();
    fs::remove_dir_all(site.dir.path().join(".dropfeed")).unwrap();
    fs::create_dir(site.dir.path().join(".dropfeed")).unwrap();
    fs::copy(&to, state(&site)).unwrap();
    site.start();
    eventually("all are published again", || site.items().len() == 4);
    let key = |items: Vec<Item>| {
        let mut keys = Vec::new();
        for Item { title, id, published, .. } in items {
            keys.push((title, id, published));
        }
        keys.sort();
        keys
    };
    assert_eq!(key(site.items()), key(before));
    let line = "the state was restored: ids and dates of what was published after the backup";
    assert!(site.log().iter().any(|found| found.contains(line)), "{:#?}", site.log());
}

fn seconds_now() -> i64 {
    SystemClock.now().as_second()
}
