//! Starts that could cost subscribers their ids: without an address, over another directory,
//! without the state.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::fixture::{Item, Site, eventually, send};

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
    ten_with("")
}

fn ten_with(settings: &str) -> Site {
    let mut site = Site::new(settings);
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

/// Puts another, empty directory in the place of the article directory, as an unmounted disk leaves
/// one.
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
    for path in ["/-/ready", "/-/healthy"] {
        let answer = site.get(path);
        assert!(answer.text().contains("\ndegraded: held: 10 -> 0: "), "{}", answer.text());
    }
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
    eventually("it is ready", || site.get("/-/ready").text() == "ready\n");
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
    // The copy is the root now. That it is emptied while dropfeed does not run is noticed, too.
    site.stop();
    for n in 1..10 {
        site.remove(&format!("{n}.md"));
    }
    site.start();
    eventually("it is held", || logs(&site, "degraded: held: 10 -> 0: the files of most"));
    assert_eq!(site.items().len(), 9);
}

#[test]
fn a_running_site_whose_files_vanish_keeps_its_feeds() {
    let mut site = ten_with("articles.grace_s = 3");
    site.start();
    let vanish: [fn(&Site); 3] = [
        |site| (0..10).for_each(|n| site.remove(&format!("{n}.md"))),
        |site| {
            fs::remove_dir_all(site.articles()).unwrap();
            fs::create_dir(site.articles()).unwrap();
        },
        |site| {
            fs::rename(site.articles(), site.dir.path().join("aside")).unwrap();
            fs::create_dir(site.articles()).unwrap();
        },
    ];
    let status = |site: &Site| site.get("/-/ready").text();
    for vanish in vanish {
        vanish(&site);
        eventually("it is held", || status(&site).contains("degraded: held: 10 -> 0: "));
        assert_eq!(site.items().len(), 10);
        site.stop();
        site.start();
        eventually("it is still held", || status(&site).contains("degraded: held: 10 -> 0: "));
        assert_eq!(site.items().len(), 10);
        for n in 0..10 {
            site.drop_in(&format!("{n}.md"), format!("# Article {n}\n\ntext {n}\n"));
        }
        eventually("it is over", || status(&site) == "ready\n");
        assert_eq!(site.items().len(), 10);
    }
}

#[test]
fn an_operator_accepts_and_forgets() {
    let mut site = ten();
    site.start();
    let ask = |arguments: &[&str]| {
        let output = site.command(arguments).output().unwrap();
        let text = if output.status.success() { output.stdout } else { output.stderr };
        (output.status.code(), String::from_utf8(text).unwrap())
    };
    let (status, text) = ask(&["forget", "3.md"]);
    assert!(status == Some(0) && text.starts_with("forgot 3.md: /3 answers 410"), "{text}");
    assert_eq!((site.get("/3").status, site.items().len()), (410, 9));
    // As the shell completes it, from the directory above.
    let (status, text) = ask(&["forget", "articles/4.md"]);
    assert!(status == Some(0) && text.starts_with("forgot 4.md: /4 answers 410"), "{text}");
    let (status, text) = ask(&["forget", "http://test.example/none"]);
    assert!(status == Some(1) && text.contains("no article and no list is or was at"), "{text}");
    assert_eq!(ask(&["accept"]), (Some(0), "nothing is held\n".to_owned()));
    for n in 0..10 {
        site.remove(&format!("{n}.md"));
    }
    eventually("it is held", || site.get("/-/ready").text().contains("held: 8 -> 0"));
    let (_, text) = ask(&["status"]);
    assert!(text.contains("held: 8 -> 0"), "{text}");
    // Without a grace, the first of them may have gone by itself.
    let (status, text) = ask(&["accept"]);
    assert!(status == Some(0) && text.starts_with("accepted: "), "{text}");
    assert_eq!(site.items().len(), 0);
    eventually("it is over", || site.get("/-/ready").text() == "ready\n");
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

/// `serve DIR` needs no configuration, and does not read the one that is there.
#[test]
fn a_directory_is_served_without_a_configuration() {
    for argument in ["notes", "./notes/", "."] {
        let dir = tempfile::tempdir().unwrap();
        let notes = dir.path().join("site/notes");
        fs::create_dir_all(&notes).unwrap();
        fs::write(notes.join("a.md"), "# A\n\ntext\n").unwrap();
        let here = if argument == "." { notes.clone() } else { dir.path().join("site") };
        fs::write(here.join("config.toml"), "nonsense").unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_dropfeed"));
        command.args(["serve", argument]).current_dir(&here).env_clear();
        command.env("DROPFEED_SERVER__LISTEN", "127.0.0.1:0").stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let feed = dir.path().join("site/feeds/feed.json");
        eventually("it publishes beside the directory", || {
            fs::read_to_string(&feed).is_ok_and(|json| json.contains("text"))
        });
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(dir.path().join("site/.dropfeed/state.db").exists());
    }
}

#[test]
fn a_new_article_waits_for_its_author() {
    let mut site = Site::new("");
    let create = |arguments: &[&str]| {
        let output = site.command(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        PathBuf::from(String::from_utf8(output.stdout).unwrap().trim_end())
    };
    let (draft, eager) = (create(&["new", "Draft"]), create(&["new", "Eager", "--publish"]));
    site.write("other.md", "# Other\n\ntext\n");
    site.start();
    site.settles(&["Other"]);
    let append = |path: &PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        fs::write(path, format!("{text}words\n")).unwrap();
    };
    append(&draft);
    append(&eager);
    site.settles(&["Other", "Eager"]);
    let text = fs::read_to_string(&draft).unwrap();
    fs::write(&draft, text.replace("draft: true\n", "")).unwrap();
    site.settles(&["Other", "Eager", "Draft"]);
}

/// Every entry without its body, by title.
fn entries(site: &Site) -> Vec<Item> {
    let mut items = site.items();
    items.sort_by(|a, b| a.title.cmp(&b.title));
    for item in &mut items {
        item.html.clear();
    }
    items
}

/// A site of which nothing can be derived: dates are of the moment, two articles were renamed, one
/// was edited later, and some are only in the feed of a directory. Stopped, with its entries and
/// the id of its feed.
fn lived_in(settings: &str) -> (Site, Vec<Item>, Vec<Item>, String) {
    let mut site = Site::started(&format!("{settings}\nfeeds.limit = 10"));
    for n in 0..8 {
        site.drop_in(&format!("old/{n}.md"), format!("# Old {n}\n\ntext {n}\n"));
        site.appears(&format!("Old {n}"));
    }
    for n in 0..8 {
        site.drop_in(&format!("new/{n}.md"), format!("# New {n}\n\ntext {n}\n"));
        site.appears(&format!("New {n}"));
    }
    site.rename("new/3.md", "new/moved.md");
    site.rename("old/1.md", "old/moved.md");
    site.drop_in("dated.md", "---\ntitle: Dated\ndate: 2020-01-01\nid: my-id\n---\ntext\n");
    site.appears("Dated");
    site.drop_in("new/7.md", "# New 7\n\nother words altogether, and many more of them\n");
    let projected = |path: &str| fs::read(site.feeds().join(path)).unwrap_or_default();
    eventually("all is projected", || {
        let rows = [("/feed.json", "feed.json"), ("/old/feed.json", "old/feed.json")];
        site.item("New 7").is_some_and(|item| item.html.contains("altogether"))
            && site.get("/new/moved").status == 200
            && site.get("/old/moved").status == 200
            && rows.iter().all(|(url, path)| site.get(url).body == projected(path))
    });
    let (entries, old, atom) = (entries(&site), site.items_of("/old/feed.json"), feed_id(&site));
    site.stop();
    (site, entries, old, atom)
}

fn feed_id(site: &Site) -> String {
    let atom = site.get("/atom.xml").text();
    atom.split("<id>").nth(1).unwrap().split("</id>").next().unwrap().to_owned()
}

fn check_recovered(settings: &str, harm: impl Fn(&Site)) -> Site {
    let (mut site, before, old, id) = lived_in(settings);
    harm(&site);
    site.start();
    eventually("it is published", || !site.items().is_empty());
    assert!(logs(&site, "recovered from the feeds"), "{:#?}", site.log());
    let items = entries(&site);
    assert_eq!(items, before);
    assert_eq!(feed_id(&site), id);
    let now = site.items_of("/old/feed.json");
    assert_eq!(now, old, "of a directory");
    // A new article is new, and the others stay as they are.
    site.drop_in("later.md", "# Later\n\ntext\n");
    site.appears("Later");
    site
}

fn state(site: &Site) -> PathBuf {
    site.dir.path().join(".dropfeed")
}

#[test]
fn a_lost_state_is_recovered_from_the_feeds() {
    check_recovered("", |site| fs::remove_dir_all(state(site)).unwrap());
}

#[test]
fn a_lost_state_of_a_site_without_an_address_is_recovered_too() {
    check_recovered(NO_ADDRESS, |site| fs::remove_dir_all(state(site)).unwrap());
}

/// Every file beneath `feeds/` with its bytes.
fn projected(site: &Site) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    let mut directories = vec![site.feeds()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else {
                files.push((path.clone(), fs::read(path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

#[test]
fn a_lost_state_and_an_unmounted_disk_empty_no_feed() {
    let (mut site, before, old, _) = lived_in("");
    let files = projected(&site);
    fs::remove_dir_all(state(&site)).unwrap();
    let disk = unmount(&site);
    site.start();
    let held = || site.get("/-/ready").text().contains("degraded: held: ");
    eventually("it is held", held);
    // The feeds are served as they are, and pages are not said to be gone.
    assert_eq!(entries(&site), before);
    assert_eq!(site.items_of("/old/feed.json"), old);
    assert_eq!(site.get("/rss.xml").status, 200);
    for path in ["/", "/dated", "/old/", "/none"] {
        assert_eq!(site.get(path).status, 503, "{path}");
    }
    site.stop();
    assert_eq!(projected(&site), files);
    site.start();
    let held = || site.get("/-/ready").text().contains("degraded: held: ");
    eventually("it is held", held);

    fs::remove_dir(site.articles()).unwrap();
    fs::rename(disk, site.articles()).unwrap();
    eventually("it is over", || site.get("/-/ready").text() == "ready\n");
    assert_eq!(entries(&site), before);
    assert_eq!(site.items_of("/old/feed.json"), old);
    assert_eq!(site.get("/dated").status, 200);
}

#[test]
fn feeds_that_cannot_be_read_are_kept_where_the_state_is_lost() {
    let mut site = ten();
    fs::remove_dir_all(state(&site)).unwrap();
    let rss = fs::read(site.feeds().join("rss.xml")).unwrap();
    for name in ["feed.json", "atom.xml"] {
        fs::write(site.feeds().join(name), "").unwrap();
    }
    site.start();
    eventually("it is reported", || site.get("/-/ready").text().contains("there is no state"));
    assert_eq!(site.get("/rss.xml").body, rss);
    assert_eq!(site.get("/0").status, 503);
    site.stop();
    assert_eq!(fs::read(site.feeds().join("rss.xml")).unwrap(), rss);
}

#[test]
fn a_damaged_state_is_moved_aside_and_recovered() {
    let harms: [fn(&Site); 2] = [
        |site| fs::write(state(site).join("state.db"), "").unwrap(),
        |site| fs::write(state(site).join("state.db"), "no database".repeat(1000)).unwrap(),
    ];
    for harm in harms {
        let site = check_recovered("", harm);
        assert!(logs(&site, "degraded: "), "{:#?}", site.log());
        let names = fs::read_dir(state(&site)).unwrap().map(|entry| entry.unwrap().file_name());
        let aside = names.filter(|name| name.to_string_lossy().starts_with("state.db.damaged-"));
        assert_eq!(aside.count(), 1);
    }
}

#[test]
fn drafts_are_previewed_on_this_machine_and_published_nowhere() {
    let mut site = Site::new("");
    site.write("a.md", "---\ntitle: Public\n---\nWords.\n");
    site.write("b.md", "---\ntitle: Unfinished\ndraft: true\n---\nWords.\n");
    site.write("drafts/c.md", "# Hidden away\n\nWords.\n");
    site.start_with(&["serve", "--drafts"]);
    site.settles(&["Public", "Unfinished", "Hidden away"]);
    assert!(site.address().starts_with("127.0.0.1:"));
    let base = format!("http://{}/", site.address());
    assert!(site.items().iter().all(|item| item.url.starts_with(&base)), "{:?}", site.items());
    site.write("b.md", "---\ntitle: Finished\ndraft: true\n---\nWords.\n");
    site.appears("Finished");
    site.stop();
    assert!(!site.feeds().exists(), "the preview writes elsewhere");
    site.start();
    site.settles(&["Public"]);
}

/// Pages of other sites are open in the author's browser, which can ask this machine for anything.
#[test]
fn no_page_of_another_site_reads_a_preview() {
    let mut site = Site::new("");
    site.write("b.md", "---\ntitle: Unfinished\ndraft: true\n---\nWords.\n");
    site.start_with(&["serve", "--drafts"]);
    site.settles(&["Unfinished"]);
    let ask = |method: &str, path: &str, host: &str| {
        let fields =
            format!("Host: {host}\r\nOrigin: https://evil.example\r\nConnection: close\r\n");
        send(site.address(), &format!("{method} {path} HTTP/1.1\r\n{fields}\r\n"))
    };
    let allowed = "access-control-allow-origin";
    for path in ["/feed.json", "/atom.xml", "/b", "/"] {
        for host in [site.address(), "localhost", "LOCALHOST:1", "[::1]:8081"] {
            let answer = ask("GET", path, host);
            assert_eq!((answer.status, answer.header(allowed)), (200, None), "{host}{path}");
            assert!(answer.text().contains("Unfinished"), "{host}{path}");
        }
        assert_eq!(ask("OPTIONS", path, site.address()).header(allowed), None, "{path}");
        for host in ["evil.example", "127.0.0.1.evil.example", "192.0.2.1"] {
            let answer = ask("GET", path, host);
            assert_eq!((answer.status, answer.header(allowed)), (421, None), "{host}{path}");
            assert!(!answer.text().contains("Unfinished"), "{host}{path}");
        }
        let other = format!("http://evil.example{path}");
        assert_eq!(ask("GET", &other, site.address()).status, 421, "{path}");
    }
    // Everybody may read what is published.
    site.stop();
    site.write("b.md", "---\ntitle: Finished\n---\nWords.\n");
    site.start();
    site.settles(&["Finished"]);
    let fields = "Host: any.example\r\nConnection: close\r\n";
    let answer = send(site.address(), &format!("GET /feed.json HTTP/1.1\r\n{fields}\r\n"));
    assert_eq!((answer.status, answer.header(allowed)), (200, Some("*")));
}

#[test]
fn a_database_that_does_not_fit_waits_for_an_operator() {
    let mut site = ten();
    let database = site.dir.path().join(".dropfeed/state.db");
    let older = fs::read(&database).unwrap();
    site.start();
    site.drop_in("new.md", "# New\n\ntext\n");
    site.appears("New");
    site.stop();
    let last = fs::read(&database).unwrap();
    // Bytes 60 to 63 of an SQLite database are its `user_version`.
    let mut newer = last.clone();
    newer[60..64].copy_from_slice(&99u32.to_be_bytes());
    for (bytes, why) in [(newer, "use a newer dropfeed"), (older, "lost its last commits")] {
        fs::write(&database, &bytes).unwrap();
        // systemd does not try again after 78.
        for command in ["serve", "build"] {
            let output = site.command(&[command]).output().unwrap();
            let text = String::from_utf8(output.stderr).unwrap();
            assert!(output.status.code() == Some(78) && text.contains(why), "{command}: {text}");
        }
        assert_eq!(fs::read(&database).unwrap(), bytes);
    }
    fs::write(&database, last).unwrap();
    site.start();
    assert_eq!(site.items().len(), 11);
}

#[test]
fn the_feed_of_a_directory_outlives_its_files() {
    // The newest articles of the site are kept in memory, and these in `d` are not.
    let mut site = Site::new("feeds.limit = 2");
    let old =
        |n: usize, text: &str| format!("---\ndate: 2026-01-0{}\n---\n# Old {n}\n\n{text}\n", n + 1);
    for n in 0..4 {
        site.write(&format!("d/old{n}.md"), old(n, "first text"));
        site.write(
            &format!("new{n}.md"),
            format!("---\ndate: 2026-02-0{}\n---\n# New {n}\n\ntext\n", n + 1),
        );
    }
    let titles = |site: &Site| -> Vec<String> {
        site.items_of("/d/feed.json").into_iter().map(|item| item.title).collect()
    };
    let projected = |site: &Site, text: &str| {
        fs::read_to_string(site.feeds().join("d/feed.json")).is_ok_and(|json| json.contains(text))
    };
    site.start();
    let all = ["Old 3", "Old 2"];
    eventually("all are published", || titles(&site) == all);
    eventually("all are projected", || projected(&site, "Old 3"));

    site.drop_in("d/old3.md", "---\ntags: [\n---\nbroken\n");
    eventually("it is refused", || logs(&site, "refused: d/old3.md"));
    site.drop_in("d/old2.md", old(2, "another text"));
    eventually("the other one is published", || projected(&site, "another text"));
    assert_eq!(titles(&site), all);

    site.stop();
    let disk = site.dir.path().join("disk");
    fs::rename(site.articles(), &disk).unwrap();
    let before = fs::read(site.feeds().join("d/feed.json")).unwrap();
    site.start();
    eventually("it is degraded", || logs(&site, "degraded: the article directory"));
    let answer = site.get("/d/feed.json");
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert_eq!(fs::read(site.feeds().join("d/feed.json")).unwrap(), before);
    fs::rename(disk, site.articles()).unwrap();
    eventually("it is back", || titles(&site) == all);
}

/// Starts a site whose configuration is a FIFO, sends a signal as soon as it is being read, and then
/// lets it be read.
fn signalled_while_it_reads(site: &Site, signal: &str) -> Child {
    let mut command = site.command(&["serve"]);
    let text = fs::read(site.config()).unwrap();
    let (fifo, aside) = (site.config(), site.dir.path().join("aside.toml"));
    fs::remove_file(&fifo).unwrap();
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut writer = None;
    eventually("the configuration is being read", || {
        // It fails while nobody reads, and a blocking one would wait for ever if nobody ever did.
        let opened = rustix::fs::open(
            &fifo,
            rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::NONBLOCK,
            rustix::fs::Mode::empty(),
        );
        writer = opened.ok().map(fs::File::from);
        writer.is_some()
    });
    let (signal, process) = (format!("-{signal}"), child.id().to_string());
    assert!(Command::new("kill").args([signal, process]).status().unwrap().success());
    // A reload finds a file there.
    fs::write(&aside, &text).unwrap();
    fs::rename(&aside, &fifo).unwrap();
    // If the signal has killed it, nobody reads any more.
    let _ = writer.unwrap().write_all(&text);
    child
}

#[test]
fn a_signal_during_the_start_does_not_kill_it() {
    for signal in ["TERM", "INT"] {
        let site = Site::new("");
        site.write("a.md", "# A\n\ntext\n");
        let ended = signalled_while_it_reads(&site, signal).wait_with_output().unwrap();
        let log = String::from_utf8(ended.stderr).unwrap();
        assert!(ended.status.success() && log.ends_with("stopped\n"), "{signal}: {log}");
    }
    let site = Site::new("");
    site.write("a.md", "# A\n\ntext\n");
    let child = signalled_while_it_reads(&site, "HUP");
    eventually("it publishes", || {
        fs::read_to_string(site.feeds().join("feed.json")).is_ok_and(|json| json.contains("text"))
    });
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    let ended = child.wait_with_output().unwrap();
    let log = String::from_utf8(ended.stderr).unwrap();
    assert!(ended.status.success() && log.contains("the configuration was reloaded"), "{log}");
}
