//! Articles that are moved and copied about, seen in any order and however late: none of them is
//! ever new again.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use proptest::prelude::*;

use super::{World, check, show};
use crate::base::Route;

#[test]
fn an_exact_copy_waits_for_the_grace() {
    const A: &str = "1 a.md /a \"A\" 03-01T12:00:00 03-01T12:00:00";
    const MOVED: &str = "1 b.md /b \"A\" 03-01T12:00:00 03-01T12:00:00";
    let copied = "write a.md # A||x\n.\ncp a.md b.md\n.";
    check(copied, &[A]);
    check(&format!("{copied}\nwait 9\n.\nrestart\n."), &[A]);
    let twin = "2 b.md /b \"A\" 03-01T12:00:10 03-01T12:00:10";
    check(&format!("{copied}\nwait 10\n."), &[A, twin]);
    check(&format!("{copied}\nrestart\nwait 10\n."), &[A, twin]);
    check(&format!("{copied}\nwait 9\nrm a.md\n. a.md"), &[MOVED]);
    check(&format!("{copied}\nwait 9\n.\nrestart\nrm a.md\n."), &[MOVED]);
    // The original is gone, but nobody said so: it is looked at before the copy gets an id.
    check(&format!("{copied}\nrm a.md\nwait 10\n. none.md"), &[MOVED]);
    // Another text is another article at once, and so is what is no copy any more.
    let edited = "2 b.md /b \"B\" 03-01T12:00:00 03-01T12:00:00";
    check(&format!("{copied}\nwrite b.md # B||x\n."), &[A, edited]);
    let original = "write a.md # A||x\n.\ncp a.md b.md\n.\nwrite a.md # B||x\n.";
    let both = [
        "1 a.md /a \"B\" 03-01T12:00:00 03-01T12:00:00",
        "2 b.md /b \"A\" 03-01T12:00:00 03-01T12:00:00",
    ];
    check(original, &both);
    // Twins that were there before anybody looked do not wait.
    let mut world = World::new();
    "first\nwrite a.md # A||x\ncp a.md b.md\n.".lines().for_each(|line| world.run(line));
    assert_eq!(world.state.library().len(), 2);
}

#[test]
fn an_id_in_the_header_that_is_not_that_of_the_article_does_not_end_the_wait_of_a_copy() {
    const MOVED: &str = "1 b.md /b \"A\" 03-01T12:00:00 03-01T12:00:00";
    let with = |id: &str| format!("write a.md ---|id: urn:x:{id}|---|# A||x\n.");
    // It came into the header, or was changed, when the article was public and its own id fixed.
    for before in ["write a.md # A||x\n.".to_owned(), with("a")] {
        let copied = format!("{before}\n{}\ncp a.md b.md\n.", with("b"));
        check(&copied, &["1 a.md /a \"A\" 03-01T12:00:00 03-01T12:00:00"]);
        check(&format!("{copied}\nwait 9\nrm a.md\n. a.md"), &[MOVED]);
        check(&format!("{copied}\nrestart\nrm a.md\nwait 9\n."), &[MOVED]);
        let both = [
            "1 a.md /a \"A\" 03-01T12:00:00 03-01T12:00:00",
            "2 b.md /b \"A\" 03-01T12:00:10 03-01T12:00:10",
        ];
        check(&format!("{copied}\nwait 10\n."), &both);
    }
}

#[test]
fn a_copy_is_not_taken_for_an_article_whose_file_was_seen_a_moment_ago() {
    // All files were away. The article's own is back, but is being written, and the next look is at
    // the copy alone.
    for looks in [". b.md", ". b.md\n. b.md", ". none.md\n. b.md", "back 3600\n. b.md"] {
        let mut world = World::new();
        let begun = "write a.md # A||x\nwrite c.md # C||z\n.\nwait 60\ncp a.md b.md\n.";
        begun.lines().for_each(|line| world.run(line));
        let files = std::mem::take(&mut world.files);
        world.run(".");
        world.files.extend(files);
        let rest = format!("open a.md\n.\n{looks}\nclose a.md\nwait 2\n.\nwait 60\n.\nwait 60\n.");
        rest.lines().for_each(|line| world.run(line));
        let mut paths = Vec::new();
        for article in world.state.library().articles() {
            paths.push((article.seq, article.path.as_str().to_owned()));
        }
        let expected = [(1, "a.md"), (2, "c.md"), (3, "b.md")];
        assert_eq!(paths, expected.map(|(seq, path)| (seq, path.to_owned())), "{looks}");
    }
}

#[test]
fn a_name_that_no_article_has_takes_an_article_away() {
    let public = "write a.md # A||x\n.\nwait 5";
    for name in [
        "_a.md",
        "_dir/a.md",
        "a/_index.md",
        "a.sync-conflict-20261130-101011-ABCDEFG.md",
        "a (conflicted copy 2026-11-30 101010).md",
        "a.png",
    ] {
        for events in [".".to_owned(), format!(". {name}\n. a.md"), format!(". a.md\n. {name}")] {
            let gone = format!("{public}\nmv a.md {name}\n{events}\nwait 10\n.");
            check(&gone, &[]);
            // Its author, or the synchroniser, puts another version in its place.
            let new = "write a.md # A||x and a bit more";
            check(
                &format!("{public}\nmv a.md {name}\n{events}\n{new}\n."),
                &["1 a.md /a \"A\" 03-01T12:00:00 03-01T12:00:05"],
            );
        }
    }
}

#[test]
fn an_article_in_a_reserved_directory_has_no_feed_of_that() {
    for directory in ["archive", "tags", "authors", "views", "Archive", "archive/2020"] {
        let mut world = World::new();
        let moved = format!("write a.md # A||x\n.\nmv a.md {directory}/a.md\n.");
        let own = format!("write {directory}/b.md ---|path: b|---|# B||y\n.");
        format!("{moved}\n{own}\nrestart\n.").lines().for_each(|line| world.run(line));
        let library = world.state.library();
        assert_eq!(library.len(), 2, "{directory}");
        for scope in library.scopes() {
            let route = Route::parse(&scope.to_string());
            let is_of_scope = matches!(&route, Some(Route::Home))
                || matches!(&route, Some(Route::Index(parsed)) if parsed == scope);
            assert!(is_of_scope, "{directory}: {scope} is at {route:?}");
        }
    }
}

#[test]
fn the_url_follows_a_rename_of_a_file_that_cannot_be_used() {
    let public = "write a.md # A||x\n.";
    let expected = ["1 b.md /b \"A\" 03-01T12:00:00 03-01T12:00:00"];
    for unusable in ["---|title: [|---|x", "", "---|draft: true|---|# A||x"] {
        let renamed = format!("{public}\nwrite a.md {unusable}\n.\nmv a.md b.md\n.");
        check(&format!("{renamed}\nwrite b.md # A||x\n."), &expected);
        check(&format!("{renamed}\nrestart\n.\nwrite b.md # A||x\n."), &expected);
    }
    // One that has a number keeps it, although the URL without it is free by now.
    let numbered = "write a.md # A||x\n.\nwrite a.txt B||y\n.\nrm a.md\n.\nwait 10\n.";
    check(
        &format!("{numbered}\nwrite a.txt B||y y\n."),
        &["2 a.txt /a-2 \"B\" 03-01T12:00:00 03-01T12:00:00"],
    );
}

#[test]
fn a_path_of_two_articles_loses_the_one_that_has_it() {
    // The first one is restored elsewhere in the very step in which the file of the second one goes.
    let second = "write a.md # A||x\n.\nrm a.md\n.\nwait 10\n.\nwrite a.md # B||other words\n.";
    let restored = format!("{second}\nrm a.md\nwrite b.md # A||x\n.\nwait 10\n.");
    check(&restored, &["1 b.md /b \"A\" 03-01T12:00:00 03-01T12:00:00"]);
}

#[test]
fn a_copy_is_not_taken_for_a_missing_article_whose_file_is_back() {
    const A: &str = "1 a.md /a \"A\" 03-01T12:00:00 03-01T12:00:00";
    let copied =
        "write a.md # A||x\n.\nrm a.md\n.\nwait 5\nwrite a.md # A||x\ncp a.md b.md\n. b.md";
    check(copied, &[A]);
    check(&format!("{copied}\n. a.md"), &[A]);
    let twin = "2 b.md /b \"A\" 03-01T12:00:15 03-01T12:00:15";
    check(&format!("{copied}\n. a.md\nwait 10\n."), &[A, twin]);
}

#[test]
fn a_withdrawn_article_whose_file_is_away_for_a_moment_is_itself() {
    // A withdrawn article goes with its file at once. Of what its author wrote into it as a draft,
    // no word was public, so the file alone shows that it is the same article.
    let drafted = "write a.md # A||x\n.\nwrite a.md ---|draft: true|---|# Z||y\n.";
    for (wait, expected) in [
        ("wait 9\n.", 1),
        ("restart", 1),
        ("wait 9\n.\nrestart\nwait 9\n.", 1),
        // Nobody moves a file for as long as that.
        ("wait 11\n.", 2),
    ] {
        let mut world = World::new();
        drafted.lines().for_each(|line| world.run(line));
        let files = std::mem::take(&mut world.files);
        format!(".\n{wait}").lines().for_each(|line| world.run(line));
        world.files.extend(files);
        "write a.md # Z||quite other words\n.".lines().for_each(|line| world.run(line));
        let found: Vec<u64> = world.state.library().articles().map(|article| article.seq).collect();
        assert_eq!(found, [expected], "{wait}");
    }
}

#[test]
fn a_rename_is_followed_in_whichever_order_it_is_seen() {
    let expected = ["1 d/a.md /d/a \"A\" 03-01T12:00:00 03-01T12:00:00"];
    for events in [
        ". d/a.md\n. a.md",
        ". a.md\n. d/a.md",
        ". a.md d/a.md",
        ". d/a.md\nwait 60\n.",
        ". d/a.md\nrestart\n.",
        ". a.md\nwait 9\n. d/a.md",
        ". a.md\nrestart\n. d/a.md",
        ". a.md\nrestart\nwait 9\n.",
    ] {
        check(&format!("write a.md # A||x\n.\nmv a.md d/a.md\n{events}"), &expected);
        // Edited on the way: only the file itself tells.
        let edited = format!("write a.md # A||x\n.\nmv a.md d/a.md\nwrite d/a.md # A||y\n{events}");
        check(&edited, &expected);
        let chain = format!("write a.md # A||x\n.\nmv a.md b.md\nmv b.md d/a.md\n{events}\n. b.md");
        check(&chain, &expected);
    }
}

#[test]
fn without_a_grace_a_rename_in_two_halves_is_a_rename() {
    let mut world = World::new();
    world.policy.grace = SignedDuration::ZERO;
    "write a.md # A||x\n.\nmv a.md d/a.md\n. a.md".lines().for_each(|line| world.run(line));
    assert!(world.state.library().is_empty());
    world.run("wait 5");
    world.run(".");
    assert_eq!(show(world.state.library()), ["1 d/a.md /d/a \"A\" 03-01T12:00:00 03-01T12:00:00"]);
}

#[test]
fn a_draft_that_became_another_text_is_followed_by_its_file() {
    // Its new path cannot be taken at once, so that it is deleted before it is found.
    for (draft, public) in [("# B||x y z", "# B||x y z w"), ("# A||x", "# C||u v w")] {
        let script = format!(
            "write a.md # A||x\n.\nwrite a.md ---|draft: true|---|{draft}\n.\n\
             mv a.md d/a.md\nwrite d/a.md {public}\nopen d/a.md\n.\nclose d/a.md\nwait 2\n."
        );
        let mut world = World::new();
        script.lines().for_each(|line| world.run(line));
        let shown = show(world.state.library());
        assert!(shown[0].starts_with("1 d/a.md /d/a "), "{script}\n{shown:?}");
    }
}

#[test]
fn a_withdrawn_article_is_followed_to_a_file_that_cannot_be_used_yet() {
    // It is deleted before its new file can be looked at, which cannot be parsed then, or is empty.
    // Later, the file is whole again, with other words: there, or where it went by then.
    let withdrawn = ["draft: true", "date: 2026-03-02", "expires: 2026-02-01"];
    let pauses = ["wait 1", "wait 60\n.\nwait 60", "wait 60\n.\nrestart\n.\nwait 60"];
    for front_matter in withdrawn {
        for unusable in ["---|title: [|---|x", ""] {
            for pause in pauses {
                for (moved, path) in [("", "d/a.md"), ("mv d/a.md b.md\n.\nwait 60\n.", "b.md")] {
                    let script = format!(
                        "write a.md # A||x\n.\nwrite a.md ---|{front_matter}|---|# A||x\n.\n\
                         mv a.md d/a.md\nwrite d/a.md {unusable}\nopen d/a.md\n.\nclose d/a.md\nwait 2\n.\n\
                         {pause}\n{moved}\nwrite {path} # C||u v w\n."
                    );
                    let mut world = World::new();
                    for line in script.lines().filter(|line| !line.is_empty()) {
                        world.run(line);
                    }
                    let shown = show(world.state.library());
                    let expected = format!("1 {path} ");
                    assert!(
                        shown.len() == 1 && shown[0].starts_with(&expected),
                        "{script}\n{shown:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_rename_may_begin_before_a_restart_and_end_after_it() {
    // The file is edited on the way, so that only the file itself tells which article it is.
    for (grace, stopped) in [(0, 1), (0, 100_000), (10, 1), (10, 100_000)] {
        let mut world = World::new();
        world.policy.grace = SignedDuration::from_secs(grace);
        let begun = "write a.md # A||x\n.\nmv a.md d/a.md\nwrite d/a.md # A||y\n. a.md";
        begun.lines().for_each(|line| world.run(line));
        let stopped = format!("wait {stopped}");
        // At the start, it is too young to be taken at once.
        for line in ["restart", &stopped, ". a.md", "wait 9", "."] {
            world.run(line);
        }
        let expected = ["1 d/a.md /d/a \"A\" 03-01T12:00:00 03-01T12:00:00"];
        assert_eq!(show(world.state.library()), expected, "{grace} {stopped}");
        // Later, it is as any other: it may go and come back.
        for line in ["rm d/a.md", ".", "wait 60", ".", "restart", "wait 60", ".", "wait 60", "."] {
            world.run(line);
        }
        assert!(world.state.library().is_empty(), "{grace} {stopped}");
        world.run("write e.md # A||z");
        world.run(".");
        assert_eq!(world.state.library().len(), 1, "another file is another article");
        assert!(show(world.state.library())[0].starts_with("2 "), "{grace} {stopped}");
    }
}

#[test]
fn what_was_withdrawn_may_be_away_for_as_long_as_what_is_missing() {
    // A directory goes and comes back while a scheduled article of it was moved and edited: only
    // the file itself tells which one it is.
    for away in [5, 11, 59] {
        let mut world = World::new();
        let begun = "grace 60\nwrite a.md # A||x\nwrite b.md # B||y\n.\n\
                     write a.md ---|date: 2026-03-02|---|# A||x\n.";
        begun.lines().for_each(|line| world.run(line));
        let files = std::mem::take(&mut world.files);
        for line in [".", &format!("wait {away}"), "write c.md # C||z", "."] {
            world.run(line);
        }
        world.files.extend(files);
        for line in ["mv a.md d/a.md", "write d/a.md # A||another", "."] {
            world.run(line);
        }
        let public: Vec<u64> = world.state.library().articles().map(|found| found.seq).collect();
        assert_eq!(public, [1, 2, 3], "{away}");
        assert_eq!(show(world.state.library())[0].split(' ').nth(1), Some("d/a.md"), "{away}");
    }
}

#[test]
fn a_link_to_an_article_is_no_second_one() {
    const A: &str = "1 a.md /a \"A\" 03-01T12:00:00 03-01T12:00:00";
    const MOVED: &str = "1 b.md /b \"A\" 03-01T12:00:00 03-01T12:00:00";
    // Target and link, seen in any order.
    for events in [".", ". a.md\n. z.md", ". z.md\n. a.md", ". z.md a.md", ". z.md\nrestart\n."] {
        check(&format!("write a.md # A||x\nln a.md z.md\n{events}\nwait 30\n."), &[A]);
    }
    // Moved, with a link left in its place, seen in any order.
    for events in [
        ".",
        ". a.md\n. b.md",
        ". b.md\n. a.md",
        ". b.md\nwait 60\n.",
        ". a.md\nwait 9\n. b.md",
        ". a.md\nrestart\n. b.md",
        ". b.md\nrestart\nreweigh\n.",
    ] {
        let moved = format!("write a.md # A||x\n.\nmv a.md b.md\nln b.md a.md\n{events}");
        check(&moved, &[MOVED]);
        check(&format!("{moved}\nwait 60\n.\nreweigh"), &[MOVED]);
        // And back: the target takes the place of the link.
        check(&format!("{moved}\nmv b.md a.md\n."), &[A]);
        check(&format!("{moved}\nmv b.md a.md\n. a.md\n. b.md"), &[A]);
        check(&format!("{moved}\nmv b.md a.md\n. b.md\nwait 9\n. a.md"), &[A]);
        // The target is deleted: the link dangles, and both are gone.
        check(&format!("{moved}\nrm b.md\n.\nwait 10\n."), &[]);
    }
    // An article is replaced by a link to another one: it is gone, with its grace.
    let other = "2 b.md /b \"B\" 03-01T12:00:00 03-01T12:00:00";
    let replaced = "write a.md # A||x\nwrite b.md # B||y\n.\nrm a.md\nln b.md a.md\n.";
    check(&format!("{replaced}\nwait 9\n.\nreweigh"), &[A, other]);
    check(&format!("{replaced}\nwait 10\n."), &[other]);
    check(&format!("{replaced}\nwait 5\nwrite a.md # A||x\n."), &[A, other]);
}

/// What happens to a shelf of articles whose texts are all different, seen in any order and however
/// late.
#[derive(Debug, Clone)]
enum Move {
    /// A new article appears.
    Drop,
    /// One of them is renamed to a path that nothing had.
    Rename(prop::sample::Index),
    /// The same, and its old path is a link to the new one.
    LeaveLink(prop::sample::Index),
    /// The same by a copy that is there for so many seconds beside the original, and looks at both
    /// meanwhile.
    CopyAndDelete(prop::sample::Index, u32, Vec<prop::sample::Index>),
    /// One of them is edited.
    Edit(prop::sample::Index),
    /// Events of some paths, past or present, arrive.
    See(Vec<prop::sample::Index>),
    Wait(u32),
    Restart,
}

fn any_move() -> impl Strategy<Value = Move> {
    let any = any::<prop::sample::Index>;
    let some = || prop::collection::vec(any(), 1..4);
    prop_oneof![
        2 => Just(Move::Drop),
        4 => any().prop_map(Move::Rename),
        2 => any().prop_map(Move::LeaveLink),
        2 => (any(), 0_u32..9, some()).prop_map(|(which, seconds, seen)| Move::CopyAndDelete(which, seconds, seen)),
        1 => any().prop_map(Move::Edit),
        6 => some().prop_map(Move::See),
        2 => (0_u32..30).prop_map(Move::Wait),
        1 => Just(Move::Restart),
    ]
}

/// A world of articles that are moved about, and every path that ever was.
struct Shelf {
    world: World,
    /// The present path of each article; its number is in its title.
    articles: Vec<String>,
    paths: Vec<String>,
    edits: usize,
}

impl Shelf {
    fn path(&mut self) -> String {
        let number = self.paths.len();
        let path = format!("{}{number}.md", ["", "d/", "d/e/"][number % 3]);
        self.paths.push(path.clone());
        path
    }

    fn see(&mut self, which: &[prop::sample::Index]) {
        if !self.paths.is_empty() {
            let paths: Vec<&str> =
                which.iter().map(|index| index.get(&self.paths).as_str()).collect();
            self.world.run(&format!(". {}", paths.join(" ")));
        }
    }

    fn happen(&mut self, what: &Move) {
        match what {
            Move::Drop => {
                let (number, path) = (self.articles.len(), self.path());
                self.world.run(&format!("write {path} # T{number}||the words of {number}"));
                self.articles.push(path);
            }
            Move::Rename(which) if !self.articles.is_empty() => {
                let (at, path) = (which.index(self.articles.len()), self.path());
                self.world.run(&format!("mv {} {path}", self.articles[at]));
                self.articles[at] = path;
            }
            Move::LeaveLink(which) if !self.articles.is_empty() => {
                let (at, path) = (which.index(self.articles.len()), self.path());
                let old = std::mem::replace(&mut self.articles[at], path.clone());
                self.world.run(&format!("mv {old} {path}"));
                self.world.run(&format!("ln {path} {old}"));
            }
            Move::CopyAndDelete(which, seconds, seen) if !self.articles.is_empty() => {
                let (at, path) = (which.index(self.articles.len()), self.path());
                self.world.run(&format!("cp {} {path}", self.articles[at]));
                self.see(seen);
                self.world.run(&format!("wait {seconds}"));
                self.see(seen);
                self.world.run(&format!("rm {}", self.articles[at]));
                self.articles[at] = path;
            }
            Move::Edit(which) if !self.articles.is_empty() => {
                let at = which.index(self.articles.len());
                // An edit and a move by copying that nobody looked between leave nothing to know
                // the article by.
                self.world.run(".");
                self.edits += 1;
                self.world.run(&format!(
                    "write {} # T{at}||the words of {at}, edit {}",
                    self.articles[at], self.edits
                ));
                self.world.run(".");
            }
            Move::See(which) => self.see(which),
            Move::Wait(seconds) => self.world.run(&format!("wait {seconds}")),
            Move::Restart => self.world.run("restart"),
            Move::Rename(_) | Move::LeaveLink(_) | Move::CopyAndDelete(..) | Move::Edit(_) => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    /// Whatever is moved about, and in whichever order and however late it is seen: no article ever
    /// has a second id, and in the end all are there.
    #[test]
    fn a_moved_article_is_never_new(moves in prop::collection::vec(any_move(), 1..40)) {
        let mut shelf = Shelf { world: World::new(), articles: Vec::new(), paths: Vec::new(), edits: 0 };
        let mut ids: BTreeMap<String, String> = BTreeMap::new();
        for what in &moves {
            shelf.happen(what);
            for article in shelf.world.state.library().articles() {
                let id = ids.entry(article.head.title.clone()).or_insert(article.id.clone());
                prop_assert_eq!(&*id, &article.id, "{} is new to a subscriber:\n{}", article.head.title, shelf.world.script.join("\n"));
            }
        }
        shelf.world.run(".");
        let titles: BTreeMap<_, _> =
            shelf.world.state.library().articles().map(|article| (article.head.title.clone(), article.id.clone())).collect();
        prop_assert_eq!(titles.len(), shelf.articles.len());
        for (title, id) in &ids {
            prop_assert_eq!(titles.get(title), Some(id), "{}:\n{}", title, shelf.world.script.join("\n"));
        }
    }
}
