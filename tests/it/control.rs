//! The control socket and the commands that use it, against the real binary.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::fixture::{Item, Site, eventually};

/// What a command came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) exit: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

pub(crate) fn run(site: &Site, arguments: &[&str]) -> Ran {
    let output = site.command(arguments).output().unwrap();
    Ran {
        exit: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn state(site: &Site) -> PathBuf {
    site.dir.path().join(".dropfeed")
}

fn socket(site: &Site) -> PathBuf {
    state(site).join("control.sock")
}

/// The status as JSON, once `is_there`.
fn status(site: &Site, what: &str, is_there: impl Fn(&Value) -> bool) -> Value {
    let mut found = Value::Null;
    eventually(what, || {
        let ran = run(site, &["status", "--json"]);
        assert_eq!(ran.exit, 0, "{ran:?}");
        found = serde_json::from_str(&ran.out).unwrap();
        is_there(&found)
    });
    found
}

fn ids(site: &Site) -> Vec<(String, String, String)> {
    let of = |item: Item| (item.title, item.id, item.published);
    let mut ids: Vec<_> = site.items().into_iter().map(of).collect();
    ids.sort();
    ids
}

#[test]
fn the_status_of_a_site_that_is_served() {
    let site = Site::started("articles.reconcile_s = 1");
    site.drop_in("a.md", "# A\n\ntext\n");
    site.appears("A");
    let found = status(&site, "a scan ended", |status| status["scans"]["count"] != Value::Null);
    assert_eq!(found["state"], "serving");
    assert_eq!(found["articles"]["public"], 1);
    assert_eq!(found["process"], site.process());
    assert_eq!(found["watching"]["mode"], "inotify");
    assert!(found["published"]["took_ms"].as_f64().unwrap() >= 0.0);
    assert_eq!(found["site"]["url"], "http://test.example/");
    assert_eq!(found["config"], site.config().to_str().unwrap());
    status(&site, "the projection follows", |status| {
        status["projection"]["generation"] == status["published"]["generation"]
    });
    let text = run(&site, &["status"]);
    assert!(text.out.starts_with("state      serving\nsite       http://test.example/ (Test)\n"));
    assert!(text.out.contains("1 public, 0 drafts, 0 scheduled, 0 refused"), "{}", text.out);
    assert_eq!(run(&site, &["status", "--exit-code"]).exit, 0);
}

#[test]
fn the_status_names_refused_scheduled_and_drafted_files_until_they_are_not() {
    let mut site = Site::started("");
    let bad = "---\ntitle: [\n---\ntext\n";
    site.drop_in("bad.md", bad);
    site.drop_in("later.md", "---\ndate: 2999-01-01T00:00:00Z\n---\n# Later\n\ntext\n");
    site.drop_in("draft.md", "---\ndraft: true\n---\n# Draft\n\ntext\n");
    site.drop_in("x.md", "---\npath: /same\n---\n# X\n\ntext\n");
    site.appears("X");
    site.drop_in("y.md", "---\npath: /same\n---\n# Y\n\ntext\n");
    let all = |status: &Value| {
        let articles = &status["articles"];
        (articles["refused"].as_u64(), articles["scheduled"].as_u64(), articles["drafts"].as_u64())
            == (Some(2), Some(1), Some(1))
    };
    let found = status(&site, "all are found", all);
    let bad = &found["refused"][0];
    assert_eq!((bad["path"].as_str(), bad["line"].as_u64()), (Some("bad.md"), Some(2)));
    assert_eq!((bad["code"].as_str(), bad["column"].as_u64()), (Some("front-matter"), Some(8)));
    assert_eq!(found["refused"][1]["code"], "url-taken");
    assert_eq!(found["scheduled"][0]["path"], "later.md");
    assert_eq!(found["scheduled"][0]["date"], "2999-01-01T00:00:00Z");
    assert_eq!(run(&site, &["status", "--exit-code"]).exit, 1);
    assert_eq!(run(&site, &["status"]).exit, 0);
    let text = run(&site, &["status"]).out;
    assert!(text.contains("refused files: 2\n  bad.md:2:8: "), "{text}");
    assert!(
        text.contains("scheduled articles (site.timezone is UTC): 1\n  later.md: 2999-01-01"),
        "{text}"
    );
    // The same after a restart, which reads none of them again.
    site.stop();
    site.start();
    status(&site, "all are known", all);
    site.drop_in("bad.md", "# Good\n\ntext\n");
    site.remove("y.md");
    site.remove("later.md");
    site.drop_in("draft.md", "# Draft\n\ntext\n");
    status(&site, "nothing is left of them", |status| {
        let articles = &status["articles"];
        articles["refused"] == 0 && articles["scheduled"] == 0 && articles["drafts"] == 0
    });
    assert_eq!(run(&site, &["status", "--exit-code"]).exit, 0);
}

#[test]
fn the_status_names_a_lost_article_directory_and_since_when() {
    let site = Site::started("articles.reconcile_s = 1");
    site.drop_in("a.md", "# A\n\ntext\n");
    site.appears("A");
    let aside = site.dir.path().join("aside");
    fs::rename(site.articles(), &aside).unwrap();
    let found = status(&site, "it is degraded", |status| status["state"] == "degraded");
    assert_eq!(found["degraded"][0]["part"], "engine");
    let since = found["degraded"][0]["since"].clone();
    let ran = run(&site, &["status", "--exit-code"]);
    assert_eq!(ran.exit, 1);
    assert!(ran.out.contains("\ndegraded: the article directory cannot be reached"), "{ran:?}");
    let ready = site.get("/-/ready").text();
    assert!(ready.contains("\ndegraded: the article directory cannot be reached"), "{ready}");
    let again = status(&site, "it still is", |status| status["state"] == "degraded");
    assert_eq!(again["degraded"][0]["since"], since);
    fs::rename(&aside, site.articles()).unwrap();
    status(&site, "it is over", |status| status["state"] == "serving");
}

#[test]
fn the_status_names_what_is_held() {
    let mut site = Site::new("");
    for n in 0..10 {
        site.write(&format!("{n}.md"), format!("# Article {n}\n\ntext {n}\n"));
    }
    site.start();
    eventually("all are published", || site.items().len() == 10);
    site.stop();
    let disk = site.dir.path().join("disk");
    fs::rename(site.articles(), &disk).unwrap();
    fs::create_dir(site.articles()).unwrap();
    site.start();
    let found = status(&site, "it is held", |status| status["state"] == "held");
    assert_eq!(
        (found["held"]["before"].as_u64(), found["held"]["after"].as_u64()),
        (Some(10), Some(0))
    );
    assert!(run(&site, &["status"]).out.contains("\ndegraded: held: 10 -> 0: "));
    fs::remove_dir(site.articles()).unwrap();
    fs::rename(disk, site.articles()).unwrap();
    status(&site, "it is over", |status| status["state"] == "serving");
}

#[test]
fn without_a_daemon_every_command_says_so() {
    let site = Site::new("");
    for (arguments, exit, text) in [
        (&["status"][..], 2, "dropfeed is not running: nothing answers at "),
        (&["status", "--exit-code", "--json"], 2, "dropfeed is not running"),
        (&["reload"], 1, "dropfeed: dropfeed is not running"),
        (&["state", "check"], 1, "dropfeed: there is no state in "),
        (&["state", "export"], 1, "dropfeed: there is no state in "),
        (&["state", "backup", "copy.db"], 1, "dropfeed: there is no state in "),
        (&["state", "repair"], 1, "there is no state in "),
    ] {
        let ran = run(&site, arguments);
        assert_eq!((ran.exit, &*ran.out), (exit, ""), "{arguments:?} {ran:?}");
        assert!(ran.err.starts_with(text) && ran.err.lines().count() == 1, "{ran:?}");
    }
    assert!(!state(&site).exists(), "no command makes a state");
}

#[test]
fn a_reload_waits_and_names_what_changed() {
    let mut site = Site::started("");
    site.drop_in("a.md", "# A\n\ntext\n");
    site.appears("A");
    let ran = run(&site, &["reload"]);
    assert_eq!((ran.exit, &*ran.out), (0, "the configuration was reloaded; nothing changed\n"));
    site.configure("site.language = \"de\"\nfeeds.limit = 12\nserver.idle_timeout_s = 7");
    let ran = run(&site, &["reload"]);
    let expected = "the configuration was reloaded: site.language, feeds.limit\n\
                    after a restart only: server.idle_timeout_s\n";
    assert_eq!((ran.exit, &*ran.out), (0, expected));
    // It is published when the command returns.
    assert!(site.get("/rss.xml").text().contains("<language>de</language>"));
    site.configure("articles.dir = \"missing\"");
    let ran = run(&site, &["reload"]);
    assert_eq!((ran.exit, &*ran.out), (1, ""));
    assert!(ran.err.contains("missing") && ran.err.contains("the last feeds stay"), "{ran:?}");
    assert_eq!(site.titles(), ["A"]);
    site.configure("state.dir = \"elsewhere\"");
    let ran = run(&site, &["reload"]);
    assert_eq!((ran.exit, &*ran.out), (1, ""));
    assert!(ran.err.contains("/elsewhere/control.sock; if `state.dir` was changed"), "{ran:?}");
}

#[test]
fn a_bad_configuration_is_refused_with_every_error_and_changes_nothing() {
    let mut site = Site::started("site.title = \"Before\"");
    site.drop_in("a.md", "# A\n\ntext\n");
    site.appears("A");
    for settings in [
        "site.titel = \"Wrong\"\nfeeds.limit = 0",
        // The place of the state is known although nothing else is.
        "site.titel = \"Wrong\"\nfeeds.limit = 0\nx = [",
    ] {
        site.configure(settings);
        let ran = run(&site, &["reload"]);
        assert_eq!((ran.exit, &*ran.out), (78, ""), "{ran:?}");
        let config = site.config().display().to_string();
        for part in [
            &format!("{config}:5: unknown key `titel` in [site], did you mean `title`?\n"),
            &format!("{config}:6: `feeds.limit` is 0, but must be from 1 to 10000\n"),
            "the previous one stays in use",
        ] {
            assert!(ran.err.contains(part), "{part}: {}", ran.err);
        }
        assert!(site.get("/rss.xml").text().contains("<title>Before</title>"));
    }
    // The next good one is taken.
    site.configure("site.title = \"After\"");
    assert_eq!(run(&site, &["reload"]).exit, 0);
    assert!(site.get("/rss.xml").text().contains("<title>After</title>"));
}

#[test]
fn a_backup_made_while_articles_are_published_is_the_state_of_one_moment() {
    let mut site = Site::started("");
    for n in 0..20 {
        site.drop_in(&format!("{n}.md"), format!("# Article {n}\n\ntext {n}\n"));
    }
    eventually("all are published", || site.items().len() == 20);
    site.rename("3.md", "moved/3.md");
    eventually("it has moved", || {
        site.item("Article 3").is_some_and(|item| item.url.ends_with("/moved/3"))
    });
    let before = ids(&site);
    let kept = site.dir.path().join("kept");
    fs::create_dir(&kept).unwrap();
    let mut copies = Vec::new();
    for n in 20..24 {
        site.drop_in(&format!("{n}.md"), format!("# Article {n}\n\ntext {n}\n"));
        let ran = run(&site, &["state", "backup", &format!("kept/{n}.db")]);
        assert_eq!(ran.exit, 0, "{ran:?}");
        copies.push(ran.out.trim_end().to_owned());
    }
    let ran = run(&site, &["state", "backup", "kept"]);
    assert!(ran.out.starts_with("kept/dropfeed-2") && ran.out.ends_with("Z.db\n"), "{ran:?}");
    let again = run(&site, &["state", "backup", "kept/20.db"]);
    assert!(again.exit == 1 && again.err.contains("kept/20.db already exists"), "{again:?}");
    eventually("the copies in the state directory are gone", || {
        let entries = fs::read_dir(state(&site)).unwrap();
        !entries.flatten().any(|entry| entry.file_name().to_string_lossy().contains("backup"))
    });
    let mode = fs::metadata(kept.join("20.db")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    site.stop();
    // A fresh state directory, and no feeds to recover from.
    for copy in [&copies[0], &copies[3]] {
        fs::remove_dir_all(state(&site)).unwrap();
        fs::remove_dir_all(site.feeds()).unwrap();
        fs::create_dir(state(&site)).unwrap();
        fs::copy(site.dir.path().join(copy), state(&site).join("state.db")).unwrap();
        assert_eq!(run(&site, &["state", "check"]).exit, 0);
        site.start();
        eventually("all are published", || site.items().len() == 24);
        let after = ids(&site);
        assert!(before.iter().all(|article| after.contains(article)), "{before:?} {after:?}");
        assert_eq!(site.get("/3").status, 301, "the old URL");
        site.stop();
    }
}

#[test]
fn an_export_lists_every_article_whether_dropfeed_runs_or_not() {
    let mut site = Site::started("");
    for name in ["b", "a", "c"] {
        site.drop_in(&format!("{name}.md"), format!("# {name}\n\ntext of {name}\n"));
        site.appears(name);
    }
    site.remove("c.md");
    site.settles(&["a", "b"]);
    let running = run(&site, &["state", "export"]);
    assert_eq!(running.exit, 0, "{running:?}");
    let rows: Vec<Vec<&str>> = running.out.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(rows[0][..4], ["#number", "id", "path", "url"]);
    assert!(rows.iter().all(|row| row.len() == rows[0].len()));
    let column = |n: usize| rows[1..].iter().map(|row| row[n]).collect::<Vec<_>>();
    assert_eq!(column(0), ["1", "2", "3"]);
    assert_eq!(column(2), ["b.md", "a.md", "c.md"]);
    assert_eq!(column(3), ["/b", "/a", "/c"]);
    assert_eq!(column(7), ["public", "public", "deleted"]);
    assert_eq!(column(1)[0], site.item("b").unwrap().id);
    site.stop();
    assert_eq!(run(&site, &["state", "export"]).out, running.out);
}

/// A stopped site with articles, one of them renamed, so that its id is not the derived one.
fn lived_in() -> (Site, Vec<(String, String, String)>) {
    let mut site = Site::started("");
    for name in ["a", "b", "c"] {
        site.drop_in(&format!("{name}.md"), format!("# {name}\n\ntext of {name}\n"));
        site.appears(name);
    }
    site.rename("a.md", "renamed.md");
    eventually("it has moved", || site.item("a").is_some_and(|a| a.url.ends_with("/renamed")));
    let before = ids(&site);
    eventually("it is projected", || {
        fs::read_to_string(site.feeds().join("feed.json"))
            .is_ok_and(|text| text.contains("/renamed"))
    });
    site.stop();
    (site, before)
}

/// Changes bytes in the middle of the database.
fn damage(site: &Site) {
    let path = state(site).join("state.db");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 4096].fill(0xa5);
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_damaged_state_is_found_by_the_check_and_made_again_by_the_repair() {
    let (mut site, before) = lived_in();
    let ran = run(&site, &["state", "check"]);
    assert_eq!((ran.exit, ran.out.starts_with("the state is whole: 3 articles, ")), (0, true));
    let ran = run(&site, &["state", "repair"]);
    assert!(ran.exit == 0 && ran.out.ends_with("; nothing was changed\n"), "{ran:?}");
    damage(&site);
    let ran = run(&site, &["state", "check"]);
    assert_eq!((ran.exit, &*ran.out), (1, ""), "{ran:?}");
    assert!(ran.err.contains("state.db is damaged: "), "{ran:?}");
    let ran = run(&site, &["state", "repair"]);
    assert_eq!(ran.exit, 0, "{ran:?}");
    for part in [
        "state.db is damaged: ",
        "state.db.damaged-",
        "3 entries found in the feeds in ",
        "published 3 articles from ",
        ": 3 with the id and the date that they had, 0 with derived ones",
    ] {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
    assert_eq!(run(&site, &["state", "check"]).exit, 0);
    site.start();
    eventually("all are published", || site.items().len() == 3);
    assert_eq!(ids(&site), before);
}

#[test]
fn a_state_that_another_process_uses_is_left_alone() {
    let (site, _) = lived_in();
    let lock = fs::File::open(state(&site).join("lock")).unwrap();
    lock.lock().unwrap();
    for command in [&["state", "check"][..], &["state", "export"], &["state", "repair"]] {
        let ran = run(&site, command);
        assert_eq!((ran.exit, &*ran.out), (75, ""), "{ran:?}");
        assert!(ran.err.contains("is in use by another process"), "{ran:?}");
    }
}

#[test]
fn a_state_that_is_older_than_its_mark_is_not_repaired_away() {
    let (mut site, _) = lived_in();
    let path = state(&site).join("state.db");
    let old = fs::read(&path).unwrap();
    site.start();
    site.drop_in("new.md", "# New\n\ntext\n");
    site.appears("New");
    site.stop();
    fs::write(&path, &old).unwrap();
    // A repair is refused as a start is.
    for (command, exit) in [("check", 1), ("repair", 78)] {
        let ran = run(&site, &["state", command]);
        assert!(ran.exit == exit && ran.err.contains("it has lost its last commits"), "{ran:?}");
    }
    assert_eq!(fs::read(&path).unwrap(), old, "only an operator knows which is meant");
}

#[test]
fn a_repair_from_an_export_needs_no_feeds() {
    let (mut site, before) = lived_in();
    let list = run(&site, &["state", "export"]).out;
    fs::write(site.dir.path().join("list.tsv"), &list).unwrap();
    fs::write(site.dir.path().join("broken.tsv"), list.replace("/renamed", "nonsense")).unwrap();
    damage(&site);
    fs::remove_dir_all(site.feeds()).unwrap();
    let ran = run(&site, &["state", "repair", "--from", "broken.tsv"]);
    assert!(ran.exit == 1 && ran.err.contains("broken.tsv: line 2 "), "{ran:?}");
    let ran = run(&site, &["state", "repair", "--from", "list.tsv"]);
    assert_eq!(ran.exit, 0, "{ran:?}");
    assert!(ran.out.contains("3 articles found in the export"), "{ran:?}");
    site.start();
    eventually("all are published", || site.items().len() == 3);
    assert_eq!(ids(&site), before);
}

#[test]
fn a_start_over_a_damaged_state_uses_the_export_beside_it() {
    let (mut site, before) = lived_in();
    let list = run(&site, &["state", "export"]).out;
    let kept = state(&site).join("export.tsv");
    fs::write(&kept, &list).unwrap();
    damage(&site);
    fs::remove_dir_all(site.feeds()).unwrap();
    site.start();
    eventually("all are published", || site.items().len() == 3);
    assert_eq!(ids(&site), before);
    assert!(site.log().iter().any(|line| line.contains("recovered from export.tsv and the feeds")));
    // A repair finds it, too.
    site.stop();
    damage(&site);
    fs::remove_dir_all(site.feeds()).unwrap();
    let ran = run(&site, &["state", "repair"]);
    assert!(ran.out.contains("3 articles found in the export"), "{ran:?}");
    assert!(ran.out.contains(": 3 with the id and the date that they had"), "{ran:?}");
    // One that cannot be read stops no start.
    damage(&site);
    fs::write(&kept, "nonsense").unwrap();
    site.start();
    eventually("all are published", || site.items().len() == 3);
    assert_eq!(ids(&site), before, "from the feeds");
    assert!(site.log().iter().any(|line| line.contains("export.tsv: line 1 is not")));
}

#[test]
fn a_check_of_a_running_dropfeed_disturbs_nothing_and_a_repair_asks_for_a_stop() {
    let site = Site::started("");
    site.drop_in("a.md", "# A\n\ntext\n");
    site.appears("A");
    for command in ["check", "repair"] {
        let ran = run(&site, &["state", command]);
        assert!(ran.exit == 0 && ran.out.starts_with("the state is whole: 1 articles"), "{ran:?}");
    }
    fs::remove_file(state(&site).join("state.db")).unwrap();
    let ran = run(&site, &["state", "repair"]);
    assert!(ran.exit == 1 && ran.err.contains("state.db is damaged: it was taken away"), "{ran:?}");
    assert!(ran.err.contains("dropfeed is running; stop it, then repair"), "{ran:?}");
    assert_eq!(site.titles(), ["A"]);
}

#[test]
fn the_socket_is_for_its_owner_alone_and_goes_with_its_daemon() {
    let mut site = Site::started("");
    let found = fs::metadata(socket(&site)).unwrap();
    assert_eq!(found.permissions().mode() & 0o777, 0o600);
    site.stop();
    assert!(!socket(&site).exists());
    // One that a killed daemon left is replaced.
    site.start();
    site.kill();
    assert!(socket(&site).exists());
    let ran = run(&site, &["status"]);
    assert!(ran.exit == 2 && ran.err.contains("is not running"), "{ran:?}");
    site.start();
    assert_eq!(run(&site, &["status"]).exit, 0);
}

#[test]
fn a_second_daemon_leaves_the_socket_of_the_first_alone() {
    let site = Site::started("");
    assert_eq!(run(&site, &["serve"]).exit, 75);
    let found = status(&site, "the first answers", |_| true);
    assert_eq!(found["process"], site.process());
}

#[test]
fn a_state_directory_of_any_length_has_a_socket() {
    let dir = "d".repeat(200);
    let site = Site::started(&format!("state.dir = \"{dir}/{dir}\""));
    let ran = run(&site, &["status"]);
    assert!(ran.exit == 0 && ran.out.starts_with("state "), "{ran:?}");
}

/// Sends bytes to the socket, and returns what comes back.
fn send(socket: &Path, bytes: &[u8]) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    // A server that has heard enough may answer before all was sent.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer
}

#[test]
fn nonsense_is_answered_and_changes_nothing() {
    let site = Site::started("");
    site.drop_in("a.md", "# A\n\ntext\n");
    site.appears("A");
    for bytes in [
        &b"\n"[..],
        b"{\"command\":\"stop\"}\n",
        b"{\"command\":[\"status\"]}\n",
        b"\0\0\0\0",
        b"GET / HTTP/1.1\r\n\r\n",
        &[b'['; 100_000],
    ] {
        let answer = send(&socket(&site), bytes);
        assert!(answer.starts_with("{\"ok\":false,\"exit\":2,\"text\":\""), "{answer}");
    }
    let answer = send(&socket(&site), b"{\"command\":\"status\",\"more\":1}\n");
    assert!(answer.starts_with("{\"ok\":true,"), "{answer}");
    // Sixteen that say nothing make others wait, until one of them goes.
    let mut idle: Vec<UnixStream> =
        (0..16).map(|_| UnixStream::connect(socket(&site)).unwrap()).collect();
    idle.truncate(10);
    assert_eq!(run(&site, &["status"]).exit, 0);
    assert_eq!(site.titles(), ["A"]);
}

#[test]
fn what_root_makes_in_the_state_of_a_service_is_the_services() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let (site, _) = lived_in();
    for name in ["", "state.db"] {
        std::os::unix::fs::chown(state(&site).join(name), Some(65534), Some(65534)).unwrap();
    }
    for name in ["lock", "state.mark"] {
        fs::remove_file(state(&site).join(name)).unwrap();
    }
    fs::remove_dir_all(state(&site).join("watch")).unwrap();
    assert_eq!(run(&site, &["state", "check"]).exit, 0);
    assert_eq!(run(&site, &["state", "backup", "copy.db"]).exit, 0);
    for entry in fs::read_dir(state(&site)).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().uid(), 65534, "{:?}", entry.file_name());
    }
    let ran = run(&site, &["state", "repair"]);
    assert!(ran.exit == 1 && ran.err.contains("sudo -u '#65534' dropfeed state repair"), "{ran:?}");
}

#[test]
fn a_dropfeed_without_a_configuration_is_found_by_its_directory() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("notes")).unwrap();
    let dropfeed = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dropfeed"));
        command.args(arguments).current_dir(dir.path()).env_clear();
        command.env("DROPFEED_SERVER__LISTEN", "127.0.0.1:0").stderr(Stdio::null());
        command
    };
    let mut child = dropfeed(&["serve", "notes"]).spawn().unwrap();
    eventually("it answers", || {
        let output = dropfeed(&["status", "--articles", "notes"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().contains("/notes\n")
    });
    for arguments in [
        &["reload", "--articles", "notes"][..],
        &["state", "check", "--articles", "notes"],
        &["state", "--articles", "notes", "export"],
    ] {
        let output = dropfeed(arguments).output().unwrap();
        assert!(output.status.success() && !output.stdout.is_empty(), "{arguments:?}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

/// A service manager that listens for messages (sd_notify(3)).
struct Manager {
    dir: tempfile::TempDir,
    socket: UnixDatagram,
}

impl Manager {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(dir.path().join("notify")).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Self { dir, socket }
    }

    /// Waits for a message that begins with `start`.
    fn waits_for(&self, start: &str) -> String {
        let mut buffer = [0; 4096];
        let mut seen = Vec::new();
        loop {
            let length = self.socket.recv(&mut buffer).unwrap_or_else(|_| panic!("{seen:?}"));
            let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if message.starts_with(start) {
                return message;
            }
            seen.push(message);
        }
    }
}

#[test]
fn the_service_manager_hears_of_a_reload_before_the_command_and_of_what_is_degraded() {
    let manager = Manager::new();
    let site = Site::new("articles.reconcile_s = 1");
    site.write("a.md", "# A\n\ntext\n");
    let mut command = site.command(&["serve"]);
    command.env("NOTIFY_SOCKET", manager.dir.path().join("notify")).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    manager.waits_for("READY=1");
    manager.waits_for("STATUS=serving 1 article");
    assert_eq!(run(&site, &["reload"]).exit, 0);
    manager.socket.set_nonblocking(true).unwrap();
    assert!(manager.waits_for("RELOADING=1").contains("MONOTONIC_USEC="));
    assert!(manager.waits_for("READY=1").contains("STATUS=serving 1 article"));
    manager.socket.set_nonblocking(false).unwrap();
    fs::rename(site.articles(), site.dir.path().join("aside")).unwrap();
    manager.waits_for("STATUS=degraded: the article directory cannot be reached");
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Which of two files has a URL, and what was forgotten, only the state knows.
#[test]
fn a_check_names_what_a_running_dropfeed_refuses() {
    let mut site = Site::new("");
    site.write("b.md", "---\npath: x\ndate: 2025-01-02\n---\n# B\n\nText of b.");
    site.start();
    site.settles(&["B"]);
    // A first start would refuse the other one, because it has the later date.
    site.drop_in("a.md", "---\npath: x\ndate: 2025-01-01\n---\n# A\n\nText of a.");
    let refused = |name: &str| run(&site, &["status"]).out.contains(name);
    eventually("a.md is refused", || refused("a.md"));
    let ran = run(&site, &["check"]);
    let errors: Vec<&str> = ran.out.lines().filter(|line| line.contains(": error: ")).collect();
    assert_eq!((errors.len(), ran.exit), (1, 2), "{}", ran.out);
    assert!(errors[0].contains("a.md") && errors[0].contains("already used by b.md"), "{errors:?}");
    // What was forgotten, under another name.
    assert_eq!(run(&site, &["forget", "b.md"]).exit, 0);
    site.remove("a.md");
    site.rename("b.md", "c.md");
    eventually("c.md is refused", || refused("c.md"));
    let ran = run(&site, &["check"]);
    assert!(ran.out.contains("c.md: error: ") && ran.out.contains("[forgotten]"), "{}", ran.out);
    // One that does not answer, or is not there, keeps nobody from checking the files.
    site.signal("STOP");
    assert_eq!(run(&site, &["check"]).exit, 0);
    site.signal("CONT");
    site.stop();
    assert_eq!(run(&site, &["check"]).exit, 0);
}
