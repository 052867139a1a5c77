//! What people do to files, and what subscribers then see: real inotify, a real process, a real
//! client.

use dropfeed::testing::engine::{Clock as _, SystemClock};
use std::fs;
use std::os::unix::fs::symlink;

use super::fixture::{Site, eventually};

const LONG: &str = "one two three four five six seven eight nine ten eleven twelve";

#[test]
fn a_drop_stands_in_every_format_on_its_page_and_in_feeds() {
    let site = Site::started("");
    site.drop_in("hello.md", "# Hello\n\nThe *first* one.\n");
    let item = site.appears("Hello");
    assert_eq!(item.url, "http://test.example/hello");
    assert!(item.id.starts_with("urn:uuid:"), "{}", item.id);
    assert!(item.html.contains("The <em>first</em> one."), "{}", item.html);
    for path in ["/rss.xml", "/atom.xml"] {
        assert!(site.get(path).text().contains(&item.id), "{path}");
    }
    assert!(site.get("/hello").text().contains("The <em>first</em> one."));
    assert!(site.get("/").text().contains("Hello"));
    eventually("feeds/ follows", || {
        fs::read(site.feeds().join("feed.json"))
            .is_ok_and(|bytes| bytes == site.get("/feed.json").body)
    });
}

#[test]
fn an_edit_in_place_keeps_the_id_and_the_date() {
    let site = Site::started("");
    site.write("a.md", format!("# First\n\n{LONG}\n"));
    let before = site.appears("First");
    // Dates are in whole seconds, with a fraction that belongs to the id.
    let next_second =
        before.updated.parse::<jiff::Timestamp>().unwrap() + jiff::SignedDuration::from_secs(1);
    eventually("the clock shows another second", || SystemClock.now() > next_second);
    site.write("a.md", format!("# Second\n\n{LONG}, and so much more than before was said here\n"));
    let after = site.appears("Second");
    assert_eq!(
        (&after.id, &after.published, &after.url),
        (&before.id, &before.published, &before.url)
    );
    assert!(after.updated > before.updated, "{} is not after {}", after.updated, before.updated);
    assert_eq!(site.titles(), ["Second"]);
}

#[test]
fn a_rename_keeps_the_id_and_the_old_address_leads_to_the_new() {
    // Its directory is new: that the old name is gone may be seen before the new one is.
    let site = Site::started("articles.grace_s = 10");
    site.drop_in("old.md", format!("# Moved\n\n{LONG}\n"));
    let before = site.appears("Moved");
    site.rename("old.md", "news/new.md");
    eventually("the URL follows", || {
        site.item("Moved").is_some_and(|item| item.url.ends_with("/news/new"))
    });
    let after = site.appears("Moved");
    assert_eq!(
        (&after.id, &after.published, &after.updated),
        (&before.id, &before.published, &before.updated)
    );
    let old = site.get("/old");
    assert_eq!((old.status, old.header("location")), (301, Some("/news/new")), "{}", old.head);
}

#[test]
fn a_copy_is_a_new_article() {
    let site = Site::started("");
    site.drop_in("a.md", format!("# Twin\n\n{LONG}\n"));
    let first = site.appears("Twin");
    fs::copy(site.articles().join("a.md"), site.articles().join("b.md")).unwrap();
    eventually("both stand", || site.items().len() == 2);
    let ids: Vec<String> = site.items().into_iter().map(|item| item.id).collect();
    assert!(ids.contains(&first.id) && ids[0] != ids[1], "{ids:?}");
}

#[test]
fn a_swap_leaves_each_path_itself() {
    let site = Site::started("");
    site.drop_in("a.md", format!("# Ay\n\nalpha {LONG}\n"));
    site.drop_in("b.md", format!("# Bee\n\nbeta {LONG}\n"));
    let (a, b) = (site.appears("Ay"), site.appears("Bee"));
    let articles = site.articles();
    fs::rename(articles.join("a.md"), articles.join(".swap")).unwrap();
    fs::rename(articles.join("b.md"), articles.join("a.md")).unwrap();
    fs::rename(articles.join(".swap"), articles.join("b.md")).unwrap();
    eventually("the swap is seen", || site.item("Ay").is_some_and(|item| item.url == b.url));
    eventually("both are seen", || site.item("Bee").is_some_and(|item| item.url == a.url));
    assert_eq!((site.appears("Ay").id, site.appears("Bee").id), (b.id, a.id));
}

#[test]
fn a_deletion_takes_the_entry_and_the_page_says_gone() {
    let site = Site::started("");
    site.drop_in("a.md", "# Stays\n\nhere\n");
    site.drop_in("b.md", "# Goes\n\naway\n");
    site.settles(&["Stays", "Goes"]);
    site.remove("b.md");
    site.settles(&["Stays"]);
    assert_eq!(site.get("/b").status, 410);
}

#[test]
fn a_file_that_returns_is_the_article_it_was() {
    let site = Site::started("");
    let text = format!("# Back\n\n{LONG}\n");
    site.drop_in("a.md", &text);
    let before = site.appears("Back");
    site.remove("a.md");
    site.settles(&[]);
    site.drop_in("a.md", text);
    let after = site.appears("Back");
    assert_eq!((after.id, after.published), (before.id, before.published));
}

#[test]
fn a_touch_and_a_checkout_of_the_same_content_change_nothing() {
    let site = Site::started("");
    let text = format!("# Same\n\n{LONG}\n");
    site.drop_in("a.md", &text);
    let before = site.appears("Same");
    let etag = site.get("/atom.xml").header("etag").unwrap().to_owned();
    // git removes and makes anew.
    site.remove("a.md");
    site.write("a.md", &text);
    site.drop_in("b.md", "# Marker\n\nseen\n");
    site.appears("Marker");
    site.remove("b.md");
    site.settles(&["Same"]);
    assert_eq!(site.appears("Same"), before);
    assert_eq!(site.get("/atom.xml").header("etag"), Some(&*etag));
}

#[test]
fn new_directories_lose_nothing() {
    let site = Site::started("feeds.limit = 1000");
    for n in 0..100 {
        site.write(&format!("d{n}/deep/er/a{n}.md"), format!("# Number {n}\n\ntext {n}\n"));
    }
    eventually("all are there", || site.items().len() == 100);
    let outside = site.dir.path().join("outside");
    fs::create_dir(&outside).unwrap();
    for n in 100..140 {
        fs::write(outside.join(format!("b{n}.md")), format!("# Number {n}\n\ntext {n}\n")).unwrap();
    }
    fs::rename(&outside, site.articles().join("moved-in")).unwrap();
    eventually("what was moved in is there", || site.items().len() == 140);
    fs::rename(site.articles().join("moved-in"), &outside).unwrap();
    eventually("what was moved out is gone", || site.items().len() == 100);
}

#[test]
fn editors_and_tools_never_show_half_an_article() {
    let site = Site::started("");
    let articles = site.articles();
    site.drop_in("a.md", format!("# Whole\n\n{LONG}\n"));
    let before = site.appears("Whole");
    // As vim saves: a backup by rename, a new file, the backup gone.
    fs::rename(articles.join("a.md"), articles.join("a.md~")).unwrap();
    site.write("a.md", format!("# Whole\n\n{LONG} by vim, with quite a few more words\n"));
    fs::remove_file(articles.join("a.md~")).unwrap();
    eventually("vim's save is seen", || site.appears("Whole").html.contains("by vim"));
    // As sed -i does: a temporary file renamed over.
    fs::write(
        articles.join("sedQq1x"),
        format!("# Whole\n\n{LONG} by sed, with quite a few more words\n"),
    )
    .unwrap();
    fs::rename(articles.join("sedQq1x"), articles.join("a.md")).unwrap();
    eventually("sed's save is seen", || site.appears("Whole").html.contains("by sed"));
    // Truncated first, as a shell's redirection does: an empty file is no article, and no deletion.
    fs::File::create(articles.join("a.md")).unwrap();
    site.drop_in("marker.md", "# Marker\n\nseen\n");
    site.appears("Marker");
    assert!(site.appears("Whole").html.contains("by sed"));
    assert_eq!(site.appears("Whole").id, before.id);
}

#[test]
fn a_writer_who_takes_his_time_is_waited_for() {
    use std::io::Write as _;
    let site = Site::started("articles.settle_ms = 20");
    let mut file = fs::File::create(site.articles().join("slow.md")).unwrap();
    writeln!(file, "# Slow\n\nhalf of it").unwrap();
    file.flush().unwrap();
    // What comes later and is whole goes first: a sign that the engine has looked, and did not take
    // the half.
    for n in 0..5 {
        site.drop_in(&format!("m{n}.md"), format!("# Marker {n}\n\nx\n"));
        site.appears(&format!("Marker {n}"));
        assert!(site.item("Slow").is_none());
    }
    writeln!(file, "and the rest").unwrap();
    drop(file);
    let item = site.appears("Slow");
    assert!(item.html.contains("and the rest"), "{}", item.html);
}

#[test]
fn an_article_that_is_deleted_and_slowly_written_again_stays() {
    use std::io::Write as _;
    let site = Site::started("articles.grace_s = 1");
    for name in ["slow", "clock1", "clock2", "other"] {
        site.drop_in(&format!("{name}.md"), format!("# {name}\n\nfirst words of {name}\n"));
    }
    site.settles(&["slow", "clock1", "clock2", "other"]);
    let id = site.item("slow").unwrap().id;
    // Events come in their order: once this one is heard, those of the files above are, too, and none
    // of them says of the next file that it is whole.
    site.drop_in("later.md", "# later\n\nwords\n");
    site.appears("later");
    site.remove("slow.md");
    let mut writer = fs::File::create(site.articles().join("slow.md")).unwrap();
    writer.write_all(b"# slow\n\nfirst ").unwrap();
    // Each of these has a grace that begins later, and is over when it is gone.
    for clock in ["clock1", "clock2"] {
        site.remove(&format!("{clock}.md"));
        eventually("a grace is over", || site.item(clock).is_none());
        let html = site.item("slow").map(|item| item.html);
        let is_whole = html.as_ref().is_some_and(|html| html.contains("first words"));
        assert!(is_whole, "{html:?} {:#?}", site.log());
    }
    writer.write_all(b"words of the second version\n").unwrap();
    drop(writer);
    eventually("it is whole", || site.item("slow").unwrap().html.contains("second version"));
    assert_eq!(site.item("slow").unwrap().id, id);
}

#[test]
fn bad_files_are_refused_by_name_and_hurt_nobody() {
    let site = Site::started("");
    site.drop_in("good.md", "# Good\n\ntext\n");
    site.drop_in("malformed.md", "---\ntitle: [unclosed\n---\ntext\n");
    site.drop_in("binary.md", [0u8, 159, 146, 150, 0, 1, 2]);
    site.drop_in("latin.txt", b"caf\xe9 au lait\n");
    site.drop_in("controls.md", "# Con\u{1}trol\u{8}s\n\na\u{b}b &#1; &#x85;\n");
    site.drop_in("deep.md", ">".repeat(100_000));
    site.drop_in("large.md", "x".repeat(20 * 1024 * 1024));
    site.drop_in("empty.md", "");
    symlink("/etc/passwd", site.articles().join("secret.md")).unwrap();
    assert!(
        std::process::Command::new("mkfifo")
            .arg(site.articles().join("pipe.md"))
            .status()
            .unwrap()
            .success()
    );
    site.drop_in("after.md", "# After\n\ntext\n");
    site.appears("After");
    site.appears("Controls");
    eventually("each refusal is logged", || {
        let log = site.log().join("\n");
        ["malformed.md", "binary.md", "latin.txt", "large.md", "secret.md", "pipe.md"]
            .iter()
            .all(|name| log.contains(name))
    });
    for path in ["/rss.xml", "/atom.xml", "/feed.json", "/", "/secret"] {
        assert!(!site.get(path).text().contains("root:"), "{path}");
    }
    let logged = site.log().into_iter().filter(|line| line.contains("malformed.md")).count();
    assert_eq!(logged, 1, "a refusal is logged once");
}

#[test]
fn a_second_claim_of_an_id_is_refused_by_name_and_heard_when_the_first_goes() {
    let site = Site::started("");
    site.drop_in("first.md", "---\ntitle: First\nid: tag:x,2026:1\n---\ntext of the first\n");
    let first = site.appears("First");
    assert_eq!(first.id, "tag:x,2026:1");
    site.drop_in("second.md", "---\ntitle: Second\nid: tag:x,2026:1\n---\nother words entirely\n");
    eventually("the second is refused", || {
        site.log().iter().any(|line| line.contains("second.md") && line.contains("tag:x,2026:1"))
    });
    assert_eq!(site.titles(), ["First"]);
    site.remove("first.md");
    let second = site.appears("Second");
    assert_eq!((second.id, second.published), (first.id, first.published));
}

#[test]
fn a_deleted_root_freezes_the_feeds_and_its_return_goes_on() {
    let site = Site::started("articles.reconcile_s = 1");
    site.drop_in("a.md", "# Kept\n\ntext\n");
    site.appears("Kept");
    let aside = site.dir.path().join("aside");
    fs::rename(site.articles(), &aside).unwrap();
    eventually("the loss is logged", || site.log().iter().any(|line| line.contains("degraded")));
    assert_eq!(site.titles(), ["Kept"]);
    fs::rename(&aside, site.articles()).unwrap();
    site.drop_in("b.md", "# Later\n\ntext\n");
    site.settles(&["Kept", "Later"]);
    eventually("the recovery is logged", || {
        site.log().iter().any(|line| line.contains("recovered"))
    });
}

#[test]
fn it_works_without_events_only_later() {
    let site = Site::started("articles.poll = true\narticles.poll_s = 1");
    fs::write(site.articles().join("a.md"), "# Polled\n\ntext\n").unwrap();
    let old = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
    fs::File::options()
        .append(true)
        .open(site.articles().join("a.md"))
        .unwrap()
        .set_modified(old)
        .unwrap();
    site.appears("Polled");
    site.remove("a.md");
    site.settles(&[]);
}

#[test]
fn a_root_that_was_away_for_a_moment_is_heard_again() {
    let site = Site::started("articles.reconcile_s = 3600");
    site.drop_in("d/a.md", "# Before\n\ntext\n");
    site.appears("Before");
    let aside = site.dir.path().join("aside");
    for n in 0..3 {
        fs::rename(site.articles(), &aside).unwrap();
        fs::rename(&aside, site.articles()).unwrap();
        site.drop_in(&format!("d/{n}.md"), format!("# Again {n}\n\ntext\n"));
        site.appears(&format!("Again {n}"));
        // The events of the move have all been heard by now; from here on only its directories can
        // tell.
        site.drop_in(&format!("d/later-{n}.md"), format!("# Later {n}\n\ntext\n"));
        site.appears(&format!("Later {n}"));
    }
}

#[test]
fn what_is_due_while_the_root_is_away_waits_without_turning_in_circles() {
    let site = Site::started("articles.reconcile_s = 3600");
    // The first scan waits for young files, for as long as this one is held.
    eventually("the first scan is over", || site.get("/-/ready").status == 200);
    let due = SystemClock.now() + jiff::SignedDuration::from_secs(2);
    site.drop_in("a.md", format!("---\ntitle: Due\ndate: {due}\n---\ntext\n"));
    eventually("it is held", || site.log().iter().any(|line| line.contains("held until")));
    let aside = site.dir.path().join("aside");
    fs::rename(site.articles(), &aside).unwrap();
    eventually("it is due", || SystemClock.now() > due);
    let before = site.processor_ticks();
    let end = due + jiff::SignedDuration::from_secs(1);
    eventually("a second is over", || SystemClock.now() > end);
    assert!(
        site.processor_ticks() - before < 30,
        "{} ticks in a second",
        site.processor_ticks() - before
    );
    fs::rename(&aside, site.articles()).unwrap();
    site.appears("Due");
}

#[test]
fn pages_follow_what_is_not_in_their_feeds() {
    let site = Site::started("");
    let page = |path: &str| site.get(path).text();
    site.drop_in("note.md", "---\ntitle: Note\nunlisted: true\n---\nfirst version\n");
    site.drop_in("news/a.md", "# News\n\nsee ![[cat.png]]\n");
    site.drop_in("one/cat.png", "picture");
    site.appears("News");
    eventually("the note has its page", || page("/note").contains("first version"));
    eventually("the picture is found by its name", || page("/news/a").contains("/one/cat.png"));
    assert!(page("/news/").contains("news") && page("/").contains("News"));
    let link = "<http://test.example/atom.xml>; rel=\"alternate\"; type=\"application/atom+xml\"";
    assert_eq!(site.get("/").header("link"), Some(link));
    site.drop_in("note.md", "---\ntitle: Note\nunlisted: true\n---\nsecond version\n");
    eventually("the edit is on the page", || page("/note").contains("second version"));
    site.drop_in("news/_index.md", "---\ntitle: Fresh from here\n---\n");
    eventually("the section's title is on its page", || page("/news/").contains("Fresh from here"));
    eventually("and on the home page", || page("/").contains("Fresh from here"));
    site.rename("one/cat.png", "two/cat.png");
    eventually("the picture is where it went", || page("/news/a").contains("/two/cat.png"));
}

#[test]
fn what_had_to_be_left_out_of_an_article_is_told_once_a_change() {
    let site = Site::started("");
    site.drop_in("drawn.md", "# Drawn\n\ntext <canvas>drawn</canvas>\n");
    site.appears("Drawn");
    for n in 0..3 {
        site.drop_in(&format!("m{n}.md"), format!("# Marker {n}\n\nx\n"));
        site.appears(&format!("Marker {n}"));
    }
    // The process tells before it answers; the log is read behind it.
    eventually("it is logged", || {
        site.log().iter().any(|line| line.contains("drawn.md:") && line.contains("<canvas>"))
    });
    let logged = site
        .log()
        .into_iter()
        .filter(|line| line.contains("drawn.md:") && line.contains("<canvas>"))
        .count();
    assert_eq!(logged, 1, "{:#?}", site.log());
}

#[test]
fn an_entry_has_its_text_again_once_its_file_can_be_used_again() {
    let site = Site::started("feeds.limit = 2");
    let old = "---\ntitle: Old\ntags: [x]\n---\nthe old text\n";
    site.drop_in("old.md", old);
    site.appears("Old");
    site.drop_in("other.md", "---\ntitle: Other\ntags: [x]\n---\nother text\n");
    site.appears("Other");
    // The two newest are in the site's feed, which keeps its texts. That of the tag reads files.
    for title in ["New", "Newer"] {
        site.drop_in(&format!("{title}.md"), format!("# {title}\n\ntext\n"));
        site.appears(title);
    }
    site.drop_in("old.md", "---\ntitle: [\n---\nrefused\n");
    eventually("the edit is refused", || site.log().join("\n").contains("old.md"));
    site.drop_in("other.md", "---\ntitle: Other\ntags: [x]\n---\nan edit\n");
    let shows =
        |text: &str| site.items_of("/tags/x/feed.json").iter().any(|item| item.html.contains(text));
    let file = site.feeds().join("tags/x/feed.json");
    let written = |text: &str| fs::read_to_string(&file).unwrap_or_default().contains(text);
    eventually("the feed has the edit", || shows("an edit") && written("an edit"));
    assert!(!shows("the old text") && !written("the old text"));
    let response = site.get("/tags/x/feed.json");
    assert_eq!(response.header("last-modified"), None);
    assert_eq!(response.header("cache-control"), Some("no-cache"));
    assert_eq!(site.items_of("/tags/x/feed.json").len(), 2, "no entry is missing");
    site.drop_in("old.md", old);
    eventually("the text is back", || shows("the old text") && written("the old text"));
    assert!(site.get("/tags/x/feed.json").header("last-modified").is_some());
}
