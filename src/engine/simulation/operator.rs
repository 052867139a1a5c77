//! Deletions that are held, and the commands of an operator.

use std::fs;

use tokio::sync::oneshot;

use super::{HOUR, World, ms};
use crate::base::{Route, UrlPath};
use crate::engine::{Answer, Command};
use crate::publish::snapshot::Found;

const ALL: [&str; 4] = ["A", "B", "C", "D"];

/// Four articles, public.
fn four() -> World {
    let mut world = World::new(HOUR);
    for title in ALL {
        world.write(&format!("articles/{title}.md"), &format!("# {title}\n\ntext {title}"));
        world.arrive(&format!("{title}.md"));
    }
    world.run(ms(1_000));
    assert_eq!(world.titles(), ALL);
    world
}

impl World {
    fn remove(&mut self, path: &str) {
        fs::remove_file(self.dir.path().join("articles").join(path)).unwrap();
        self.arrive(path);
    }

    fn remove_all(&mut self) {
        for title in ALL {
            self.remove(&format!("{title}.md"));
        }
        self.run(ms(1_000));
    }

    /// Gives a command, and returns the reply.
    fn command(&mut self, command: impl FnOnce(Answer) -> Command) -> Result<String, String> {
        let (reply, mut replied) = oneshot::channel();
        self.inbox.command(command(reply)).unwrap();
        self.run(ms(0));
        replied.try_recv().unwrap()
    }

    fn accept(&mut self) -> Result<String, String> {
        self.command(|reply| Command::Accept { reply })
    }

    fn forget(&mut self, what: &str) -> Result<String, String> {
        self.command(|reply| Command::Forget { what: what.to_owned(), reply })
    }

    fn status(&self) -> Vec<String> {
        self.published.status().lines().collect()
    }

    fn feed(&self) -> String {
        let snapshot = self.published.load().unwrap();
        let Found::Ready(document) = snapshot.find(&Route::parse("/rss.xml").unwrap()) else {
            panic!("the feed is not resident");
        };
        String::from_utf8(document.identity.to_vec()).unwrap()
    }

    fn is_gone(&self, url: &str) -> bool {
        let snapshot = self.published.load().unwrap();
        matches!(snapshot.find(&Route::Resource(UrlPath::new(url).unwrap())), Found::Gone)
    }
}

#[test]
fn the_last_feeds_stay_until_the_files_are_back() {
    let mut world = four();
    let before = world.feed();
    world.remove_all();
    assert_eq!(world.titles(), ALL);
    assert_eq!(world.feed(), before);
    let status = world.status();
    assert!(status[0].starts_with("degraded: held: 4 -> 0: "), "{status:?}");
    world.tries_ms();
    world.run(ms(600_000));
    assert_eq!(world.tries_ms(), [0; 0], "it has nothing to do meanwhile");
    // What is new is published.
    world.write("articles/new.md", "# New\n\ntext");
    world.arrive("new.md");
    world.run(ms(1_000));
    assert_eq!(world.titles(), ["A", "B", "C", "D", "New"]);
    // The files are back, but one.
    for title in &ALL[1..] {
        world.write(&format!("articles/{title}.md"), &format!("# {title}\n\ntext {title}"));
        world.arrive(&format!("{title}.md"));
    }
    world.run(ms(1_000));
    assert_eq!(world.titles(), ["B", "C", "D", "New"]);
    assert_eq!(world.status(), [""; 0]);
}

#[test]
fn accept_publishes_without_the_files() {
    let mut world = four();
    assert_eq!(world.accept().as_deref(), Ok("nothing is held"));
    world.remove_all();
    assert_eq!(world.titles(), ALL);
    // One of them is back before anybody noticed.
    world.write("articles/A.md", "# A\n\ntext A");
    assert_eq!(world.accept().as_deref(), Ok("accepted: 3 articles were unpublished"));
    assert_eq!(world.titles(), ["A"]);
    assert_eq!(world.status(), [""; 0]);
    assert!(world.is_gone("b"));
    assert_eq!(world.accept().as_deref(), Ok("nothing is held"));
}

#[test]
fn what_cannot_be_accepted_is_not_accepted_later() {
    let mut world = four();
    world.remove_all();
    world.set_broken(true);
    let reply = world.accept();
    assert!(matches!(&reply, Err(why) if why.starts_with("not accepted: ")), "{reply:?}");
    world.set_broken(false);
    world.run(ms(60_000));
    assert_eq!(world.titles(), ALL);
    fs::remove_dir_all(world.dir.path().join("articles")).unwrap();
    let reply = world.accept();
    assert!(matches!(&reply, Err(why) if why.contains("cannot be reached")), "{reply:?}");
    assert_eq!(world.titles(), ALL);
}

#[test]
fn an_article_is_forgotten_by_its_file_or_its_url() {
    for what in [
        "A.md",
        "./A.md",
        "/a",
        "a",
        "/a/",
        "/a.html",
        " /a ",
        "http://127.0.0.1:8080/a",
        "DIR/articles/A.md",
    ] {
        let mut world = four();
        let what = what.replace("DIR", world.dir.path().to_str().unwrap());
        let reply = world.forget(&what);
        let done =
            "forgot A.md: /a answers 410; its file is not published again until it is changed";
        assert_eq!(reply.as_deref(), Ok(done), "{what}");
        assert_eq!(world.titles(), ["B", "C", "D"], "{what}");
        assert!(world.is_gone("a") && !world.feed().contains("text A"), "{what}");
        world.run(ms(7_200_000));
        assert_eq!(world.titles(), ["B", "C", "D"], "{what}");
    }
}

#[test]
fn what_cannot_be_forgotten_is_named() {
    let mut world = four();
    world.write("articles/n/p.png", "x");
    world.arrive("n/p.png");
    world.run(ms(1_000));
    for (what, why) in [
        ("none.md", "no article and no list is or was at /none.md"),
        ("n/p.png", "no article and no list is or was at /n/p.png"),
        ("/tags/t/", "no article and no list is or was at /tags/t/"),
        ("https://elsewhere.example/a", "is not a URL of this site"),
        ("/", "the site itself cannot be forgotten"),
        ("/rss.xml", "the site itself cannot be forgotten"),
        ("", "the site itself cannot be forgotten"),
    ] {
        let reply = world.forget(what);
        assert!(matches!(&reply, Err(text) if text.contains(why)), "{what}: {reply:?}");
    }
    world.set_broken(true);
    let reply = world.forget("A.md");
    assert!(matches!(&reply, Err(why) if why.starts_with("nothing was forgotten: ")), "{reply:?}");
    assert_eq!(world.titles(), ALL);
}

#[test]
fn an_article_is_forgotten_while_the_directory_is_not_there() {
    let mut world = four();
    fs::remove_dir_all(world.dir.path().join("articles")).unwrap();
    assert!(world.forget("A.md").is_ok());
    assert_eq!(world.titles(), ["B", "C", "D"]);
}

#[test]
fn a_scope_is_empty_until_it_is_forgotten() {
    let mut world = four();
    world.write("articles/n/x.md", "---\ntags: [t]\n---\n# X\n\ntext");
    world.arrive("n/x.md");
    world.run(ms(1_000));
    let is_there = |world: &World, path: &str| {
        let found = world.published.load().unwrap().find(&Route::parse(path).unwrap());
        !matches!(found, Found::Missing)
    };
    assert!(world.forget("/tags/t/").is_err());
    world.remove("n/x.md");
    world.run(ms(1_000));
    for (what, path) in [("/tags/t/", "/tags/t/atom.xml"), ("n", "/n/atom.xml")] {
        assert!(is_there(&world, path), "{path}");
        assert!(world.forget(what).is_ok(), "{what}");
        assert!(!is_there(&world, path), "{path}");
    }
}
