//! Moving in: old feeds of every kind, imported before and after the first start, rehearsed, and
//! taken back.

mod fetched;
mod old;

use std::fs;
use std::path::PathBuf;

use crate::fixture::{Site, eventually};

use old::{OLD, Old};

/// The address of the old site, which the new one keeps.
const ADDRESS: &str = "site.url = \"https://blog.example/\"";

/// The result of a command.
struct Run {
    code: i32,
    out: String,
    err: String,
}

fn run(site: &Site, arguments: &[&str]) -> Run {
    let mut command = site.command(arguments);
    for name in ["http_proxy", "https_proxy", "HTTPS_PROXY", "NO_PROXY", "no_proxy"] {
        command.env_remove(name);
    }
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Run { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

fn check(run: &Run, code: i32, out: &str, err: &str) {
    let Run { code: found, out: printed, err: reported } = run;
    assert_eq!(*found, code, "{printed}{reported}");
    assert!(printed.contains(out), "no {out:?} in\n{printed}{reported}");
    assert!(reported.contains(err), "no {err:?} in\n{reported}");
}

fn build(site: &Site) {
    let built = run(site, &["build"]);
    assert_eq!(built.code, 0, "{}", built.err);
}

/// The site's feed in a format, as it was projected.
fn feed(site: &Site, name: &str) -> String {
    fs::read_to_string(site.feeds().join(name)).unwrap()
}

/// The `guid` elements of the RSS feed, in order.
fn guids(site: &Site) -> Vec<String> {
    let text = feed(site, "rss.xml");
    let rest = text.split("<guid").skip(1);
    rest.map(|rest| rest.split(['>', '<']).nth(1).unwrap().to_owned()).collect()
}

fn put(site: &Site, name: &str, text: &str) -> PathBuf {
    let path = site.dir.path().join(name);
    fs::write(&path, text).unwrap();
    path
}

fn article(front_matter: &str) -> String {
    format!("---\n{front_matter}\n---\n\nText of {front_matter}.\n")
}

/// The old site, moved in: two articles that its feed lists, and an older one that it does not.
fn moved_in(old: &Old, settings: &str) -> (Site, Vec<String>) {
    let site = Site::new(settings);
    for (path, front_matter) in
        [old.hello, old.second, ("long-ago.md", "title: Long ago\ndate: 2019-01-01")]
    {
        site.write(path, article(front_matter));
    }
    let mut files = Vec::new();
    for (name, text) in old.feeds {
        files.push(put(&site, &format!("old-{name}"), text).display().to_string());
    }
    (site, files)
}

fn import(site: &Site, files: &[String], options: &[&str]) -> Run {
    let mut arguments = vec!["import"];
    arguments.extend_from_slice(options);
    arguments.extend(files.iter().map(String::as_str));
    run(site, &arguments)
}

#[test]
fn subscribers_of_every_kind_of_site_see_nothing_new() {
    for old in OLD {
        let (site, files) = moved_in(old, ADDRESS);
        let rehearsed = import(&site, &files, &["--dry-run"]);
        println!("{}: {}{}", old.name, rehearsed.out, rehearsed.err);
        check(&rehearsed, 0, old.by_id, "");
        assert!(!site.dir.path().join(".dropfeed").exists(), "a rehearsal leaves no trace");
        assert!(!site.feeds().exists(), "a rehearsal leaves no trace");
        let imported = import(&site, &files, &[]);
        check(&imported, 0, "entries imported", "");
        build(&site);
        for (name, parts) in ["rss.xml", "atom.xml", "feed.json"].into_iter().zip(old.written) {
            let text = feed(&site, name);
            for part in parts {
                assert!(text.contains(part), "{}: no {part} in {name}\n{text}", old.name);
            }
            assert!(!text.contains("Long ago"), "{}: {text}", old.name);
            assert!(text.contains("Second"), "{}: {text}", old.name);
        }
        let written = ["rss.xml", "atom.xml", "feed.json"].map(|name| feed(&site, name));
        let (later, files) = moved_in(old, ADDRESS);
        build(&later);
        check(&import(&later, &files, &[]), 0, "entries imported", "");
        build(&later);
        let imported = ["rss.xml", "atom.xml", "feed.json"].map(|name| feed(&later, name));
        assert_eq!(imported, written, "{}: imported after the first start", old.name);
        // Once more, over the state: the same.
        check(&import(&site, &files, &["--dry-run"]), 0, old.by_id, "");
    }
}

/// The first of the old sites.
fn wordpress(settings: &str) -> (Site, Vec<String>) {
    moved_in(&OLD[0], settings)
}

#[test]
fn an_import_after_the_first_start_overrides_derived_ids() {
    let (site, files) = wordpress(ADDRESS);
    build(&site);
    let before = guids(&site);
    assert!(before.iter().all(|id| id.starts_with("urn:uuid:")) && before.len() == 3, "{before:?}");
    check(&import(&site, &files, &[]), 0, "4 of 4 entries imported", "");
    build(&site);
    let expected = ["https://blog.example/?p=12&#x26;lang=en", "https://blog.example/?p=7"];
    assert_eq!(guids(&site), expected);
    // Nothing of it moves by itself.
    let rss = feed(&site, "rss.xml");
    site.write(
        "_posts/2020-01-02-second.md",
        article("title: Second\ndate: 2020-01-02\ntags: [x]"),
    );
    build(&site);
    assert_eq!(guids(&site), expected);
    assert!(
        rss.contains("Thu, 02 Jan 2020 09:30:00 GMT")
            && feed(&site, "rss.xml").contains("Thu, 02 Jan 2020 09:30:00 GMT")
    );
    // A date that its author corrects counts again.
    site.write(
        "_posts/2020-01-02-second.md",
        article("title: Second\ndate: 2020-01-01\ntags: [x]"),
    );
    build(&site);
    assert!(
        feed(&site, "rss.xml").contains("Wed, 01 Jan 2020 00:00:00 GMT"),
        "{}",
        feed(&site, "rss.xml")
    );
}

#[test]
fn a_new_post_is_new_and_a_later_file_gets_its_old_id() {
    let (mut site, files) = wordpress(ADDRESS);
    let second = site.articles().join(OLD[0].second.0);
    let aside = site.dir.path().join("aside.md");
    fs::rename(&second, &aside).unwrap();
    check(&import(&site, &files, &[]), 0, "2 of 4 entries imported", "");
    site.start();
    site.settles(&["Hello & goodbye"]);
    site.drop_in("fresh.md", "# Fresh\n\ntext\n");
    site.appears("Fresh");
    fs::rename(&aside, &second).unwrap();
    assert_eq!(site.appears("Second").id, "https://blog.example/?p=7");
    // An old post that comes later is the author's act, and reaches subscribers.
    site.drop_in("dug-up.md", article("title: Dug up\ndate: 2018-01-01"));
    site.appears("Dug up");
    site.stop();
    site.start();
    site.settles(&["Dug up", "Fresh", "Hello & goodbye", "Second"]);
}

#[test]
fn an_old_post_that_is_still_open_at_the_first_scan_stays_out_of_the_feed() {
    let (mut site, files) = wordpress(ADDRESS);
    check(&import(&site, &files, &[]), 0, "4 of 4 entries imported", "");
    let path = site.articles().join("long-ago.md");
    let writer = fs::OpenOptions::new().append(true).open(&path).unwrap();
    site.start();
    site.settles(&["Hello & goodbye", "Second"]);
    assert_eq!(site.get("/long-ago").status, 404);
    site.stop();
    site.start();
    drop(writer);
    eventually("its page", || site.get("/long-ago").status == 200);
    site.settles(&["Hello & goodbye", "Second"]);
}

#[test]
fn a_rehearsal_reports_what_would_be_new() {
    let (site, files) = wordpress(ADDRESS);
    site.write("fresh.md", article("title: Fresh\ndate: 2021-01-01"));
    let run = import(&site, &files, &["--dry-run"]);
    check(&run, 1, "new         fresh.md (https://blog.example/fresh)", "");
    check(&run, 1, "1 new, 0 changed, 2 moved for readers that know entries by id", "");
    check(&run, 1, "3 new, 0 changed, 0 moved for readers that know entries by link", "");
    check(
        &run,
        1,
        "moved       _posts/2020-01-03-hello.md: https://blog.example/2020/01/03/hello/ -> ",
        "",
    );
    let run = import(&site, &files, &["--dry-run", "--json"]);
    let lines: Vec<serde_json::Value> =
        run.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let last = lines.last().unwrap();
    assert_eq!((run.code, &last["by_id"]["new"], &last["matched"]), (1, &1.into(), &4.into()));
    assert!(lines.iter().any(|line| line["kind"] == "new" && line["path"] == "fresh.md"));
}

#[test]
fn what_has_no_article_or_several_is_reported_and_not_guessed() {
    let (site, files) = wordpress(ADDRESS);
    fs::remove_file(site.articles().join(OLD[0].hello.0)).unwrap();
    fs::remove_file(site.articles().join(OLD[0].second.0)).unwrap();
    for path in ["a/second.md", "b/second.md"] {
        site.write(path, article("title: Second\ndate: 2020-01-02"));
    }
    let run = import(&site, &files[..1], &["--dry-run"]);
    check(&run, 1, "no article  Hello & goodbye (https://blog.example/2020/01/03/hello/)", "");
    check(
        &run,
        1,
        "fits a/second.md and b/second.md; write `guid: \"https://blog.example/?p=7\"`",
        "",
    );
    check(&run, 1, "0 of 2 entries would be imported", "");
    check(&run, 1, "no entry belongs to an article", "");
    // As it is advised.
    site.write(
        "a/second.md",
        article("title: Second\ndate: 2020-01-02\nguid: https://blog.example/?p=7"),
    );
    check(&import(&site, &files[..1], &["--dry-run"]), 0, "1 of 2 entries would be imported", "");
}

#[test]
fn a_permalink_is_one_while_the_page_has_it() {
    let site = Site::new("site.url = \"https://blog.example/posts/\"");
    for name in ["hello", "second"] {
        site.write(&format!("{name}.md"), article(&format!("title: {name}\ndate: 2020-01-02")));
    }
    let text = "<rss version='2.0'><channel><link>https://blog.example/</link>
        <item><title>hello</title><link>https://blog.example/posts/hello</link><guid>https://blog.example/posts/hello</guid></item>
        <item><title>second</title><link>https://blog.example/posts/second</link><guid>https://other.example/second</guid></item>
        </channel></rss>";
    let file = put(&site, "old.xml", text).display().to_string();
    check(
        &import(&site, &[file], &[]),
        0,
        "0 new, 0 changed, 0 moved",
        "entries without a date, or in 1970: 2",
    );
    build(&site);
    let rss = feed(&site, "rss.xml");
    assert!(rss.contains("<guid>https://blog.example/posts/hello</guid>"), "{rss}");
    assert!(
        rss.contains("<guid isPermaLink=\"false\">https://other.example/second</guid>"),
        "{rss}"
    );
}

#[test]
fn the_last_import_can_be_taken_back_until_it_was_published() {
    let (site, files) = wordpress(ADDRESS);
    check(&run(&site, &["import", "--undo"]), 1, "", "nothing was imported");
    build(&site);
    let before = ["rss.xml", "atom.xml", "feed.json"].map(|name| feed(&site, name));
    check(&import(&site, &files, &[]), 0, "4 of 4 entries imported", "");
    check(&run(&site, &["import", "--undo"]), 0, "taken back", "");
    check(&run(&site, &["import", "--undo"]), 1, "", "nothing was imported");
    build(&site);
    assert_eq!(["rss.xml", "atom.xml", "feed.json"].map(|name| feed(&site, name)), before);
    check(&import(&site, &files, &[]), 0, "4 of 4 entries imported", "");
    build(&site);
    let after = guids(&site);
    check(&run(&site, &["import", "--undo"]), 1, "", "dropfeed was started since the last import");
    build(&site);
    assert_eq!(guids(&site), after);
}

#[test]
fn an_import_before_the_first_start_can_be_taken_back() {
    let (site, files) = wordpress(ADDRESS);
    check(&import(&site, &files, &[]), 0, "4 of 4 entries imported", "");
    check(&run(&site, &["import", "--undo"]), 0, "taken back", "");
    build(&site);
    assert_eq!(guids(&site).len(), 3);
    assert!(guids(&site).iter().all(|id| id.starts_with("urn:uuid:")));
}

#[test]
fn imports_before_the_first_start_are_taken_back_one_by_one() {
    let (site, files) = wordpress(ADDRESS);
    // The second one has entries that the first one had not.
    check(&import(&site, &files[..1], &[]), 0, "entries imported", "");
    check(&import(&site, &files, &[]), 0, "4 of 4 entries imported", "");
    check(&run(&site, &["import", "--undo"]), 0, "taken back", "");
    check(&run(&site, &["import", "--undo"]), 0, "taken back", "");
    check(&run(&site, &["import", "--undo"]), 1, "", "nothing was imported");
    build(&site);
    assert!(guids(&site).iter().all(|id| id.starts_with("urn:uuid:")), "{:?}", guids(&site));
}

#[test]
fn a_template_makes_the_ids_of_posts_that_are_not_listed() {
    let (site, files) = moved_in(&OLD[2], ADDRESS);
    assert_eq!(OLD[2].name, "Hugo");
    check(
        &import(&site, &files, &["--dry-run", "--id-template", "zolla"]),
        2,
        "",
        "neither a preset",
    );
    let wrong = import(&site, &files, &["--id-template", "jekyll-feed"]);
    check(&wrong, 1, "", "--id-template is wrong: for posts/");
    check(&import(&site, &files, &["--id-template", "hugo"]), 0, "2 of 2 entries imported", "");
    build(&site);
    // It is in the feeds of its tags and directories alone.
    site.write("long-ago.md", article("title: Long ago\ndate: 2019-01-01\ntags: [old]"));
    build(&site);
    let tagged = fs::read_to_string(site.feeds().join("tags/old/rss.xml")).unwrap();
    assert!(
        tagged.contains("<guid isPermaLink=\"false\">https://blog.example/long-ago/</guid>"),
        "{tagged}"
    );
    assert_eq!(guids(&site).len(), 2);
}

#[test]
fn older_pages_give_ids_and_stay_out_of_the_feed() {
    let (site, files) = wordpress(ADDRESS);
    let page = "<rss version='2.0'><channel><link>https://blog.example/</link><item><title>Long ago</title>
        <link>https://blog.example/2019/01/01/long-ago/</link><guid isPermaLink='false'>https://blog.example/?p=1</guid>
        <pubDate>Tue, 01 Jan 2019 09:30:00 +0000</pubDate></item></channel></rss>";
    let page = put(&site, "page2.xml", page).display().to_string();
    let all = [files[0].clone(), page];
    site.write("long-ago.md", article("title: Long ago\ndate: 2019-01-01\ntags: [old]"));
    check(&import(&site, &all, &[]), 0, "3 of 3 entries imported", "");
    build(&site);
    assert_eq!(guids(&site).len(), 2);
    let tagged = fs::read_to_string(site.feeds().join("tags/old/rss.xml")).unwrap();
    assert!(tagged.contains("https://blog.example/?p=1<"), "{tagged}");
}

#[test]
fn what_cannot_be_imported_is_one_sentence_and_changes_nothing() {
    let (site, files) = wordpress(ADDRESS);
    build(&site);
    let before = guids(&site);
    let html = put(&site, "page.html", "<!doctype html><html></html>").display().to_string();
    let cut = put(&site, "cut.xml", &old_text(&files[0])[..900]).display().to_string();
    let empty = put(&site, "none.xml", "<rss version='2.0'><channel></channel></rss>");
    let empty = empty.display().to_string();
    let directory = site.feeds().display().to_string();
    for (file, sentence) in [
        (html, "not a feed: it is an HTML page"),
        (cut, "damaged or cut short"),
        (empty, "has no entries"),
        (directory, "is not a file"),
        ("missing.xml".to_owned(), "missing.xml"),
    ] {
        let run = import(&site, &[files[0].clone(), file], &[]);
        check(&run, 1, "", sentence);
        assert_eq!(run.err.lines().count(), 1, "{}", run.err);
    }
    build(&site);
    assert_eq!(guids(&site), before);
}

fn old_text(path: &str) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn ids_that_are_no_iris_are_kept_and_reported() {
    let site = Site::new(ADDRESS);
    site.write("a.md", article("title: A\ndate: 2020-01-02"));
    let text = "<feed xmlns='http://www.w3.org/2005/Atom'><id>my feed</id><entry><id>post 7</id><title>A</title>
        <link href='https://blog.example/a'/><updated>2020-01-02T09:00:00Z</updated></entry></feed>";
    let file = put(&site, "old.xml", text).display().to_string();
    check(&import(&site, &[file], &[]), 0, "1 of 1 entries imported", "ids that are not IRIs: 1");
    build(&site);
    let atom = feed(&site, "atom.xml");
    assert!(atom.contains("<id>post 7</id>") && atom.contains("<id>my feed</id>"), "{atom}");
    assert!(feed(&site, "feed.json").contains("\"id\":\"post 7\""));
}

#[test]
fn imported_ids_survive_the_loss_of_the_state() {
    let old = OLD.iter().find(|old| old.name == "Blogger").unwrap();
    let (site, mut files) = moved_in(old, ADDRESS);
    let rss = "<rss version='2.0'><channel><link>https://blog.example/</link><item><title>Hello &amp; goodbye</title>
        <guid>https://blog.example/hello</guid><pubDate>Fri, 03 Jan 2020 17:30:00 GMT</pubDate></item></channel></rss>";
    files.push(put(&site, "rss-old.xml", rss).display().to_string());
    check(&import(&site, &files, &[]), 0, "3 of 3 entries imported", "");
    build(&site);
    let before = ["rss.xml", "atom.xml", "feed.json"].map(|name| feed(&site, name));
    assert!(before[0].contains("<guid>https://blog.example/hello</guid>"), "{}", before[0]);
    fs::remove_dir_all(site.dir.path().join(".dropfeed")).unwrap();
    fs::remove_file(site.articles().join("long-ago.md")).unwrap();
    build(&site);
    assert_eq!(["rss.xml", "atom.xml", "feed.json"].map(|name| feed(&site, name)), before);
}

#[test]
fn a_running_site_imports_at_once_and_for_good() {
    let (mut site, files) = wordpress(ADDRESS);
    site.start();
    site.settles(&["Hello & goodbye", "Second", "Long ago"]);
    check(&import(&site, &files, &["--dry-run"]), 0, "4 of 4 entries would be imported", "");
    assert_eq!(site.items().len(), 3, "a rehearsal changes nothing");
    check(&import(&site, &files, &[]), 0, "4 of 4 entries imported", "");
    assert_eq!(site.titles(), ["Hello & goodbye", "Second"]);
    assert_eq!(site.item("Second").unwrap().id, "https://blog.example/?p=7");
    let undo = run(&site, &["import", "--undo"]);
    check(&undo, 1, "", "readers may have its ids");
    site.stop();
    site.start();
    site.settles(&["Hello & goodbye", "Second"]);
    assert_eq!(site.item("Second").unwrap().id, "https://blog.example/?p=7");
}
