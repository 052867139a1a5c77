//! Starts that could cost subscribers their ids: without an address, over another directory, without the state.

use std::fs;
use std::path::PathBuf;

use crate::fixture::{Item, Site, eventually};

/// The settings of a site that was begun without an address.
const NO_ADDRESS: &str = "site.url = \"http://127.0.0.1:8080/\"";

fn warnings(site: &Site) -> usize {
    site.log().iter().filter(|line| line.contains("`site.url` is not set")).count()
}

/// The ids of the articles and of the feed itself.
fn ids(site: &Site) -> Vec<String> {
    let mut ids: Vec<String> = site.items().into_iter().map(|item: Item| item.id).collect();
    let atom = site.get("/atom.xml").text();
    let id = atom.split("<id>").nth(1).and_then(|rest| rest.split("</id>").next());
    ids.extend(id.map(str::to_owned));
    ids.sort();
    assert_eq!(ids.len(), 3, "{ids:?}");
    ids
}

#[test]
fn sites_without_an_address_share_no_id_and_keep_theirs() {
    let begin = || {
        let mut site = Site::new(NO_ADDRESS);
        site.write("a.md", "# A\n\ntext\n");
        site.write("b.md", "# B\n\ntext\n");
        site.start();
        site.settles(&["A", "B"]);
        assert_eq!(warnings(&site), 1);
        site
    };
    let (mut one, other) = (begin(), begin());
    let before = ids(&one);
    let others = ids(&other);
    assert!(before.iter().all(|id| !others.contains(id)), "{before:?} {others:?}");

    one.stop();
    one.start();
    assert_eq!(ids(&one), before, "after a restart");
    one.stop();
    one.configure("site.url = \"https://notes.example/\"");
    one.start();
    assert_eq!((ids(&one), warnings(&one)), (before.clone(), 0), "with an address");
    assert!(!one.log().iter().any(|line| line.contains("site.id stays")));
    one.drop_in("c.md", "# C\n\ntext\n");
    let id = one.appears("C").id;
    assert!(!before.contains(&id));
}

/// A site with ten articles, stopped.
fn ten() -> Site {
    let mut site = Site::new("");
    for n in 0..10 {
        site.write(&format!("{n}.md"), format!("# Article {n}\n\ntext {n}\n"));
    }
    site.start();
    eventually("all are published", || site.items().len() == 10);
    eventually("all are projected", || {
        fs::read_to_string(site.feeds().join("feed.json"))
            .is_ok_and(|json| json.contains("Article 9"))
    });
    site.stop();
    site
}

/// Puts another, empty directory in the place of the article directory, as an unmounted disk leaves one.
fn unmount(site: &Site) -> PathBuf {
    let disk = site.dir.path().join("disk");
    fs::rename(site.articles(), &disk).unwrap();
    fs::create_dir(site.articles()).unwrap();
    disk
}

fn logs(site: &Site, text: &str) -> bool {
    site.log().iter().any(|line| line.contains(text))
}

#[test]
fn a_start_over_an_empty_root_is_held_until_the_files_are_back() {
    let mut site = ten();
    let disk = unmount(&site);
    site.start();
    eventually("it is held", || logs(&site, "degraded: held: 10 -> 0: another directory"));
    assert_eq!(site.items().len(), 10);
    // What is put there meanwhile waits, too; a restart changes nothing.
    site.drop_in("new.md", "# New\n\ntext\n");
    site.stop();
    site.start();
    eventually("it is held", || logs(&site, "degraded: held: 10 -> 0"));
    assert_eq!((site.items().len(), site.item("New")), (10, None));

    fs::remove_dir_all(site.articles()).unwrap();
    fs::rename(disk, site.articles()).unwrap();
    site.drop_in("new.md", "# New\n\ntext\n");
    site.appears("New");
    eventually("it is over", || logs(&site, "recovered: "));
    assert_eq!(site.items().len(), 11);
}

#[test]
fn a_start_over_a_copy_of_the_root_is_not_held() {
    let mut site = ten();
    let disk = unmount(&site);
    for entry in fs::read_dir(&disk).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), site.articles().join(entry.file_name())).unwrap();
    }
    site.remove("0.md");
    site.start();
    eventually("the one that was not copied is gone", || site.items().len() == 9);
    assert!(!logs(&site, "held"));
    // The copy is the root now: that it is emptied later is its owner's decision.
    site.stop();
    for n in 1..10 {
        site.remove(&format!("{n}.md"));
    }
    site.start();
    site.settles(&[]);
}

#[test]
fn a_missing_article_directory_is_waited_for_where_there_is_a_state() {
    let mut site = ten();
    let aside = site.dir.path().join("aside");
    fs::rename(site.articles(), &aside).unwrap();
    site.start();
    eventually("it is reported", || logs(&site, "degraded"));
    assert_eq!(site.items().len(), 10);
    fs::rename(aside, site.articles()).unwrap();
    site.drop_in("new.md", "# New\n\ntext\n");
    site.appears("New");
    assert_eq!(site.items().len(), 11);

    let fresh = Site::new("");
    fs::remove_dir(fresh.articles()).unwrap();
    let refused = fresh.command(&["serve"]).output().unwrap();
    let sentence = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(78), "{sentence}");
    assert!(sentence.contains("create it, or set articles.dir"), "{sentence}");
}
