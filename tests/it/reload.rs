//! Starting, stopping, reloading: what an operator meets.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use super::fixture::{Site, eventually};

/// Runs a start that cannot be, and gives its exit status and its last word.
fn refused(site: &Site) -> (i32, String) {
    let output = site.command(&["serve"]).output().unwrap();
    let logged = String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), logged.trim().to_owned())
}

#[test]
fn a_hang_up_reloads_and_a_bad_configuration_changes_nothing() {
    let mut site = Site::started("site.title = \"Before\"");
    site.drop_in("a.md", "# A\n\ntext\n");
    let before = site.appears("A");
    let title = |site: &Site| {
        serde_json::from_slice::<serde_json::Value>(&site.get("/feed.json").body).unwrap()["title"]
            .clone()
    };
    assert_eq!(title(&site), "Before");
    site.configure("site.title = \"After\"\nsite.url = \"https://moved.example/blog/\"");
    site.hang_up();
    eventually("the title is new", || {
        title_under(&site, "/blog/feed.json") == Some("After".to_owned())
    });
    let after = &super::fixture::items(&site.get("/blog/feed.json").body)[0];
    assert_eq!(
        (&after.id, &after.published, &after.updated),
        (&before.id, &before.published, &before.updated)
    );
    assert_eq!(after.url, "https://moved.example/blog/a");
    site.configure("site.titel = \"Wrong\"\nfeeds.limit = 0");
    site.hang_up();
    eventually("every mistake is logged", || {
        let log = site.log().join("\n");
        log.contains("titel") && log.contains("feeds.limit")
    });
    assert_eq!(title_under(&site, "/blog/feed.json"), Some("After".to_owned()));
}

/// A file that is written anew may be missing for a moment, and what would be found instead is the
/// configuration of another site.
#[test]
fn a_reload_reads_the_file_of_the_start_and_no_other() {
    let mut site = Site::new("");
    site.configure("site.title = \"Before\"");
    let command = site.command_here(&["serve"]);
    site.start_command(command);
    site.drop_in("a.md", "# A\n\ntext\n");
    let before = site.appears("A");
    fs::remove_file(site.config()).unwrap();
    let output = site.command_here(&["reload"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(78), "{said}");
    assert!(said.contains("config.toml: no such file"), "{said}");
    assert_eq!(site.items()[0].url, before.url);
    assert_eq!(title_under(&site, "/feed.json").as_deref(), Some("Before"));
    site.configure("site.title = \"After\"");
    let output = site.command_here(&["reload"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(title_under(&site, "/feed.json").as_deref(), Some("After"));
}

fn title_under(site: &Site, path: &str) -> Option<String> {
    let response = site.get(path);
    let feed: serde_json::Value = serde_json::from_slice(&response.body).ok()?;
    Some(feed["title"].as_str()?.to_owned())
}

#[test]
fn a_second_instance_exits_75_and_leaves_the_first_alone() {
    let site = Site::started("");
    let (status, logged) = refused(&site);
    assert_eq!(status, 75, "{logged}");
    assert!(
        logged.contains("in use")
            && logged.lines().filter(|line| !line.contains("INFO")).count() == 1,
        "{logged}"
    );
    site.drop_in("a.md", "# Still here\n\ntext\n");
    site.appears("Still here");
}

#[test]
fn what_cannot_start_says_why_in_one_sentence() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let (status, logged) = refused(&Site::new(&format!("server.listen = \"{address}\"")));
    assert_eq!(status, 78, "{logged}");
    assert!(
        logged.contains("server.listen") && logged.contains("DROPFEED_SERVER__LISTEN"),
        "{logged}"
    );

    let site = Site::new("");
    fs::remove_dir(site.articles()).unwrap();
    let (status, logged) = refused(&site);
    assert_eq!(status, 78, "{logged}");
    assert!(logged.contains("articles"), "{logged}");

    let site = Site::new("state.dir = \"/proc/nowhere\"");
    let (status, logged) = refused(&site);
    assert_eq!(status, 78, "{logged}");
    assert!(logged.contains("/proc/nowhere"), "{logged}");

    let site = Site::new("feeds.dir = \"articles/feeds\"");
    let (status, logged) = refused(&site);
    assert_eq!(status, 78, "{logged}");
    assert!(logged.contains("feeds.dir"), "{logged}");
}

#[test]
fn with_state_a_missing_directory_serves_the_last_feeds() {
    let mut site = Site::started("articles.reconcile_s = 1");
    site.drop_in("a.md", "# Kept\n\ntext\n");
    site.appears("Kept");
    site.stop();
    let aside = site.dir.path().join("aside");
    fs::rename(site.articles(), &aside).unwrap();
    site.start();
    assert_eq!(site.titles(), ["Kept"]);
    fs::rename(&aside, site.articles()).unwrap();
    site.drop_in("b.md", "# New\n\ntext\n");
    site.settles(&["Kept", "New"]);
}

#[test]
fn an_empty_site_becomes_ready_and_has_every_feed() {
    let site = Site::started("");
    eventually("it is ready", || site.get("/-/ready").status == 200);
    assert_eq!(site.get("/-/healthy").status, 200);
    for path in ["/rss.xml", "/atom.xml", "/feed.json", "/"] {
        assert_eq!(site.get(path).status, 200, "{path} of an empty site");
    }
}

#[test]
fn build_publishes_once_and_ends() {
    let site = Site::new("");
    site.write("news/a.md", "---\ntags: [t]\n---\n# A\n\ntext\n");
    assert!(site.command(&["build"]).status().unwrap().success());
    for file in ["rss.xml", "atom.xml", "feed.json", "news/atom.xml", "tags/t/feed.json"] {
        assert!(site.feeds().join(file).is_file(), "{file}");
    }
    let first = fs::read(site.feeds().join("atom.xml")).unwrap();
    assert!(site.command(&["build"]).status().unwrap().success());
    assert_eq!(fs::read(site.feeds().join("atom.xml")).unwrap(), first);
}

#[test]
fn feeds_of_directories_and_tags_hold_their_own() {
    let site = Site::started("");
    site.write("_index.md", "---\ntitle: Root\n---\n");
    site.write("news/_index.md", "---\ntitle: The News\ndescription: What is new\n---\n");
    site.drop_in(
        "news/deep/a.md",
        "---\ntags: [Rust, C++]\n---\n# Deep\n\ntext [b](../b.md) and [[Elsewhere]]\n",
    );
    site.drop_in("news/b.md", "# Shallow\n\ntext\n");
    site.drop_in("c.md", "---\ntags: [rust]\n---\n# Elsewhere\n\ntext\n");
    site.settles(&["Deep", "Shallow", "Elsewhere"]);
    let titles = |path: &str| {
        let mut titles: Vec<String> =
            site.items_of(path).into_iter().map(|item| item.title).collect();
        titles.sort();
        titles
    };
    assert_eq!(titles("/news/feed.json"), ["Deep", "Shallow"]);
    assert_eq!(titles("/news/deep/feed.json"), ["Deep"]);
    assert_eq!(titles("/tags/rust/feed.json"), ["Deep", "Elsewhere"]);
    assert_eq!(titles("/tags/c-plus-plus/feed.json"), ["Deep"]);
    assert!(site.get("/news/rss.xml").text().contains("The News"));
    let deep = site.appears("Deep");
    assert!(deep.html.contains("href=\"http://test.example/news/b\""), "{}", deep.html);
    assert!(deep.html.contains("href=\"http://test.example/c\""), "{}", deep.html);
    for path in ["/news/", "/tags/rust/", "/feeds.opml", "/sitemap.xml", "/robots.txt"] {
        assert_eq!(site.get(path).status, 200, "{path}");
    }
    assert_eq!(site.get("/news").header("location"), Some("/news/"));
    assert_eq!(site.get("/nothing/rss.xml").status, 404);
    eventually("they are projected", || {
        fs::read(site.feeds().join("tags/rust/atom.xml"))
            .is_ok_and(|bytes| bytes == site.get("/tags/rust/atom.xml").body)
    });
}

#[test]
fn assets_are_served_from_beside_the_articles() {
    let site = Site::started("");
    site.write("img/a b.png", b"\x89PNG\r\n\x1a\nrest of the picture");
    site.drop_in("a.md", "---\nimage: img/a b.png\n---\n# Picture\n\n![alt](<img/a b.png>)\n");
    let item = site.appears("Picture");
    assert!(item.html.contains("src=\"http://test.example/img/a%20b.png\""), "{}", item.html);
    eventually("the picture is served", || site.get("/img/a%20b.png").status == 200);
    let whole = site.get("/img/a%20b.png");
    assert_eq!(whole.header("content-type"), Some("image/png"));
    let part = site.get_with("/img/a%20b.png", "Range: bytes=1-3\r\n");
    assert_eq!(
        (part.status, &*part.body, part.header("content-range")),
        (206, &b"PNG"[..], Some("bytes 1-3/27"))
    );
    let etag = whole.header("etag").unwrap();
    assert_eq!(site.get_with("/img/a%20b.png", &format!("If-None-Match: {etag}\r\n")).status, 304);
}

#[test]
fn the_sites_picture_stands_in_every_feed() {
    let site = Site::started("");
    site.drop_in("news/a.md", "# A\n\ntext\n");
    site.appears("A");
    assert_eq!(site.get("/favicon.ico").status, 404);
    site.write("icon.png", b"\x89PNG\r\n\x1a\n");
    let feeds = ["/rss.xml", "/atom.xml", "/feed.json", "/news/atom.xml"];
    eventually("every feed shows it", || {
        feeds.iter().all(|feed| site.get(feed).text().contains("http://test.example/icon.png"))
    });
    assert_eq!(site.get("/favicon.ico").header("content-type"), Some("image/png"));
    eventually("it is projected", || {
        fs::read(site.feeds().join("news/rss.xml"))
            .is_ok_and(|bytes| bytes == site.get("/news/rss.xml").body)
    });
}

#[test]
fn another_configuration_moves_every_date_forward_once() {
    let mut site = Site::started("site.title = \"One\"");
    site.drop_in("news/a.md", "# A\n\ntext\n");
    site.appears("A");
    let paths = ["/rss.xml", "/news/rss.xml", "/news/feed.json"];
    let said = |site: &Site, path: &str| {
        let response = site.get(path);
        (
            response.header("etag").unwrap().to_owned(),
            response.header("last-modified").map(str::to_owned),
        )
    };
    // A date that lies ahead is not logged; a moment later it is.
    let dated = |site: &Site| {
        let mut all = Vec::new();
        eventually("every feed tells its date", || {
            all = paths.map(|path| said(site, path)).to_vec();
            all.iter().all(|(_, date)| date.is_some())
        });
        all
    };
    let newer = |before: &[(String, Option<String>)], after: &[(String, Option<String>)]| {
        before.iter().zip(after).all(|(before, after)| before.0 != after.0 && before.1 != after.1)
    };
    let first = dated(&site);
    site.configure("site.title = \"Two\"");
    site.hang_up();
    let mut second = Vec::new();
    eventually("a reload dates every feed anew", || {
        second = dated(&site);
        newer(&first, &second)
    });
    site.stop();
    site.configure("site.title = \"Three\"");
    site.start();
    let mut third = Vec::new();
    eventually("so does a start", || {
        third = dated(&site);
        newer(&second, &third)
    });
    site.stop();
    let passed = std::time::Instant::now() + std::time::Duration::from_millis(1100);
    eventually("the clock shows another second", || std::time::Instant::now() > passed);
    site.start();
    assert_eq!(dated(&site), third, "the same again");
}

#[test]
fn connections_leave_descriptors_to_the_engine() {
    let site = Site::started("server.connections_per_address = 1000");
    site.drop_in("a.md", "# A\n\ntext\n");
    site.appears("A");
    let process = rustix::process::Pid::from_raw(i32::try_from(site.process()).unwrap());
    let few = rustix::process::Rlimit { current: Some(64), maximum: Some(4096) };
    rustix::process::prlimit(process, rustix::process::Resource::Nofile, few).unwrap();
    let idle: Vec<_> =
        (0..300).map(|_| std::net::TcpStream::connect(site.address()).unwrap()).collect();
    for connection in &idle {
        connection.set_nonblocking(true).unwrap();
    }
    eventually("it is logged", || {
        site.log().iter().any(|line| line.contains("connections cannot be accepted"))
    });
    // Each evicted connection lets in another one, and must not let in two.
    eventually("connections are evicted", || {
        let is_evicted =
            |mut connection: &std::net::TcpStream| matches!(connection.read(&mut [0]), Ok(0));
        idle.iter().filter(|connection| is_evicted(connection)).count() >= 24
    });
    let used = fs::read_dir(format!("/proc/{}/fd", site.process())).unwrap().count();
    assert!(used <= 64 - 12, "{used} of 64 descriptors are in use");
    site.drop_in("b.md", "# B\n\ntext\n");
    let file = site.feeds().join("feed.json");
    eventually("publishing goes on", || {
        fs::read_to_string(&file).is_ok_and(|text| text.contains("\"B\""))
    });
    drop(idle);
    site.settles(&["A", "B"]);
    eventually("its end is logged", || {
        site.get("/-/healthy");
        site.log().iter().any(|line| line.contains("connections are accepted again"))
    });
}

#[test]
fn a_file_that_is_no_asset_is_none_after_a_restart_either() {
    let mut site = Site::new("");
    for path in
        ["tags/x.png", "archive/y.png", "-/z.png", "_layouts/logo.png", "good.png", "favicon.ico"]
    {
        site.write(path, "picture");
    }
    for _ in 0..2 {
        site.start();
        eventually("assets are served", || site.get("/good.png").status == 200);
        let statuses =
            ["/tags/x.png", "/archive/y.png", "/-/z.png", "/_layouts/logo.png", "/favicon.ico"]
                .map(|path| site.get(path).status);
        assert_eq!(statuses, [404, 404, 404, 404, 200]);
        site.stop();
    }
    site.start();
    site.remove("good.png");
    std::os::unix::fs::symlink("/etc/passwd", site.articles().join("good.png")).unwrap();
    eventually("a link that leads out is no asset any more", || {
        site.get("/good.png").status == 404
    });
    eventually("and is logged", || {
        site.log().iter().any(|line| line.contains("refused: good.png"))
    });
}

#[test]
fn a_reload_names_a_directory_that_is_not_there_and_takes_it_up_when_it_is() {
    let mut site = Site::started("");
    site.drop_in("a.md", "# Old\n\ntext\n");
    site.appears("Old");
    site.configure("articles.dir = \"new\"");
    site.hang_up();
    eventually("it is logged", || {
        site.log().iter().any(|line| line.contains("degraded") && line.contains("/new"))
    });
    assert_eq!(site.titles(), ["Old"]);
    let made = site.dir.path().join("made");
    fs::create_dir(&made).unwrap();
    fs::write(made.join("b.md"), "# New\n\nother\n").unwrap();
    fs::rename(&made, site.dir.path().join("new")).unwrap();
    site.settles(&["New"]);
}

#[test]
fn nothing_is_published_that_a_state_taken_away_would_not_remember() {
    let site = Site::started("");
    site.drop_in("a.md", "# A\n\ntext\n");
    site.appears("A");
    let (state, aside) = (site.dir.path().join(".dropfeed"), site.dir.path().join("aside"));
    fs::rename(&state, &aside).unwrap();
    site.drop_in("b.md", "# B\n\ntext\n");
    eventually("it is logged", || {
        site.log().iter().any(|line| line.contains("degraded") && line.contains("taken away"))
    });
    assert_eq!(site.titles(), ["A"]);
    fs::rename(&aside, &state).unwrap();
    site.settles(&["A", "B"]);
    eventually("the recovery is logged", || {
        site.log().iter().any(|line| line.contains("recovered"))
    });
}

#[test]
fn the_sites_id_is_frozen_and_only_who_asks_for_another_is_warned() {
    let mut site = Site::started("");
    site.drop_in("a.md", "# A\n\ntext\n");
    let before = site.appears("A");
    let logged =
        |site: &Site| site.log().iter().filter(|line| line.contains("site.id stays")).count();
    site.stop();
    site.configure("site.url = \"https://moved.example/\"");
    site.start();
    assert_eq!((site.appears("A").id, logged(&site)), (before.id.clone(), 0));
    site.configure("site.url = \"https://moved.example/\"\nsite.id = \"mine\"");
    site.hang_up();
    eventually("it is logged", || logged(&site) == 1);
    site.drop_in("b.md", "# B\n\ntext\n");
    site.appears("B");
    assert_eq!(site.appears("A").id, before.id);
}

#[test]
fn a_stop_that_comes_during_the_start_is_a_stop() {
    let mut site = Site::new("");
    for _ in 0..20 {
        site.start();
        // Fails unless the exit status is 0.
        site.stop();
    }
}

#[test]
fn an_address_that_is_not_there_yet_is_tried_again_and_a_busy_port_is_not() {
    let busy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let busy = busy.local_addr().unwrap();
    // 192.0.2.1 is for documentation (RFC 5737), so that no machine has it.
    for (address, expected) in [("192.0.2.1:80".to_owned(), 1), (busy.to_string(), 78)] {
        let site = Site::new(&format!("server.listen = \"{address}\""));
        let (status, message) = refused(&site);
        assert_eq!(status, expected, "{message}");
        assert!(message.contains(&address), "{message}");
    }
}

#[test]
fn a_second_signal_ends_the_drain() {
    let mut site = Site::started("server.stop_timeout_s = 3600");
    // A response that is never read to its end keeps the drain waiting.
    let large = fs::File::create(site.articles().join("large.mp4")).unwrap();
    large.set_len(64 << 20).unwrap();
    drop(large);
    eventually("the file is served", || site.head("/large.mp4") == 200);
    let mut reader = std::net::TcpStream::connect(site.address()).unwrap();
    write!(reader, "GET /large.mp4 HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
    reader.read_exact(&mut [0; 1000]).unwrap();
    site.signal("INT");
    eventually("the drain is logged", || {
        site.log().iter().any(|line| line.contains("stopping; open responses"))
    });
    // Fails unless the exit status is 0.
    site.stop();
}

#[test]
fn refused_files_are_named_again_after_a_restart_in_one_line_each() {
    let mut site = Site::started("");
    site.drop_in("bad.md", "---\ntitle: [\n---\ntext\n");
    let named =
        |site: &Site| site.log().iter().filter(|line| line.contains("refused: bad.md")).count();
    eventually("it is refused", || named(&site) == 1);
    site.stop();
    site.start();
    eventually("it is named again", || named(&site) == 1);
    site.drop_in("good.md", "# Good\n\ntext\n");
    site.appears("Good");
    assert_eq!(named(&site), 1);
}

#[test]
fn urls_have_the_port_that_the_system_chose() {
    let site = Site::started("site.url = \"http://127.0.0.1:0/\"");
    site.drop_in("a.md", "# A\n\ntext\n");
    assert_eq!(site.appears("A").url, format!("http://{}/a", site.address()));
}
