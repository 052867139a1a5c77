//! `dropfeed check` as its users meet it: files in, findings and an exit status out, and nothing
//! else.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::process::Output;
use std::time::{Duration, SystemTime};

use crate::fixture::Site;

/// What was found: exit status, lines, and the last line of standard error.
struct Checked {
    status: i32,
    lines: Vec<String>,
    totals: String,
}

fn run(site: &Site, arguments: &[&str]) -> Output {
    site.command(arguments).output().unwrap()
}

fn check(site: &Site) -> Checked {
    let output = run(site, &["check"]);
    let lines = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    let totals = String::from_utf8(output.stderr).unwrap();
    Checked { status: output.status.code().unwrap(), lines, totals: totals.trim_end().to_owned() }
}

/// A site of these files, written one by one a day apart, so that no two share a date by chance.
fn site(settings: &str, files: &[(&str, &str)]) -> Site {
    let site = Site::new(settings);
    for (n, (path, text)) in files.iter().enumerate() {
        site.write(path, text);
        age(&site, path, 1_000_000_000 + 86_400 * n as u64);
    }
    site
}

/// Makes a file one that was written in this second since 1970.
fn age(site: &Site, path: &str, second: u64) {
    let file = fs::File::options().append(true).open(site.articles().join(path)).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(second)).unwrap();
}

const GOOD: (&str, &str) =
    ("good.md", "---\ntitle: Good\ndate: 2026-01-01\n---\nA good article.\n");

/// Each kind of finding: what is in the files, the line that tells it, and the exit status. A good
/// article stands beside them and is not named.
#[test]
fn every_kind_of_finding() {
    type Case = (&'static [(&'static str, &'static str)], &'static str, i32);
    let cases: &[Case] = &[
        (&[], "", 0),
        // Refused.
        (&[("a.md", "---\ntitle: [\n---\nx")], "articles/a.md:2:8: error: unclosed bracket", 2),
        (
            &[("a.md", "---\ndate: 03/01/2026\n---\nx")],
            "articles/a.md:2:7: error: `date: 03/01/2026` ",
            2,
        ),
        (
            &[("a.md", "abc\0")],
            "articles/a.md: error: the file has a NUL byte at offset 3, and is not text [binary]",
            2,
        ),
        (
            &[("a.md", "---\ndraft: perhaps\n---\nx")],
            "articles/a.md:2:8: error: `draft: perhaps` is neither true nor false [",
            2,
        ),
        (
            &[("a.md", "---\ntitle: A\nlang: deutsch!\n---\nx")],
            "articles/a.md:3:7: warning: `lang: deutsch!` is not a language ",
            1,
        ),
        (
            &[("a.md", "---\ntitle: A\n---\nOne stray\0 character.")],
            "articles/a.md:4:10: warning: a NUL character was left out here [control-character]",
            1,
        ),
        // Of one another.
        (
            &[("a.md", "---\ntitle: A\nid: x\n---\nx"), ("b.md", "---\ntitle: B\nid: x\n---\ny")],
            "articles/b.md: error: id \"x\" is already used by a.md [id-taken]",
            2,
        ),
        (
            &[
                ("a.md", "---\ntitle: A\npath: x\n---\nx"),
                ("b.md", "---\ntitle: B\npath: x\n---\ny"),
            ],
            "articles/b.md: error: URL /x is already used by a.md [url-taken]",
            2,
        ),
        (
            &[("My Post.md", "---\ntitle: A\n---\nx"), ("my-post.md", "---\ntitle: B\n---\ny")],
            "articles/my-post.md: warning: has the URL /my-post-2, because /my-post is already used by My Post.md [url-numbered]",
            1,
        ),
        (
            &[("a.md", "---\ntitle: A\n---\nx"), ("b.md", "---\ntitle: A\n---\nx")],
            "articles/b.md: warning: has the same content as a.md; both are published [duplicate]",
            1,
        ),
        (
            &[("a.md", "---\ntitle: A\ndate: 2026-06-01\naliases: [/good]\n---\nx")],
            "articles/a.md: warning: the alias /good already leads to good.md [alias-taken]",
            1,
        ),
        (
            &[("a.md", "---\ntitle: A\naliases: [/tags/x]\n---\nx")],
            "articles/a.md: warning: the alias /tags/x is reserved, and is ignored [alias-taken]",
            1,
        ),
        (
            &[("tags/a.md", "---\ntitle: A\n---\nx")],
            "articles/tags/a.md: error: URL /tags/a is reserved [reserved-url]",
            2,
        ),
        (
            &[("archive/a.png", "x")],
            "articles/archive/a.png: error: URL /archive/a.png is reserved [reserved-url]",
            2,
        ),
        (
            &[("x.png", "x"), ("a.md", "---\ntitle: A\npath: x.png\n---\nx")],
            "articles/a.md: error: cannot appear at /x.png, which is the file x.png [url-taken]",
            2,
        ),
        // Links and pictures.
        (
            &[("news/a.md", "---\ntitle: A\n---\nSee\n[b](../b.md).")],
            "articles/news/a.md:5:5: warning: links to b.md, which is not published [dead-link]",
            1,
        ),
        (
            &[(
                "a.md",
                "---\ntitle: A\n---\n[b](/b/) [good](good.md) [feed](/rss.xml) [home](/) [up](#x)",
            )],
            "articles/a.md:4:5: warning: links to /b/, which is not published [dead-link]",
            1,
        ),
        (
            &[("a.md", "---\ntitle: A\n---\n[[good]] and [[Nobody]]")],
            "articles/a.md:4:16: warning: links to an article called \"Nobody\", which does not exist [dead-link]",
            1,
        ),
        (
            &[("a.md", "---\ntitle: A\n---\n![[gone.png]] and [[good]]")],
            "articles/a.md:4:4: warning: shows gone.png, which does not exist [missing-image]",
            1,
        ),
        (
            &[("a.md", "---\ntitle: A\n---\n[[gone.pdf]]")],
            "articles/a.md:4:3: warning: links to gone.pdf, which does not exist [dead-link]",
            1,
        ),
        (&[("x/b.png", "x"), ("a.md", "---\ntitle: A\n---\n![[b.png]]")], "", 0),
        (
            &[("a.md", "---\ntitle: A\n---\n![b](b.png)")],
            "articles/a.md:4:6: warning: shows b.png, which does not exist [missing-image]",
            1,
        ),
        (
            &[
                ("b.png", "x"),
                ("a.html", "<title>A</title>\n<p><img src=\"b.png\" srcset='c.png 2x'>"),
            ],
            "articles/a.html:2:29: warning: shows c.png, which does not exist [missing-image]",
            1,
        ),
        (
            &[("x/a.md", "---\ntitle: A\nimage: b.png\n---\nx")],
            "articles/x/a.md:3:8: warning: its image x/b.png does not exist [missing-image]",
            1,
        ),
        (&[("b.png", "x"), ("a.md", "---\ntitle: A\nimage: b.png\n---\n![](/b.png)")], "", 0),
        // Titles and text.
        (
            &[(
                "IMG_1.txt",
                "some words that are not a title, and which go on for a while. And so on.",
            )],
            "articles/IMG_1.txt: warning: has no title; the beginning of its text is used: \"some words",
            1,
        ),
        (
            &[("my-post.md", "Some words.")],
            "articles/my-post.md: note: has no title; its file name is used: \"My post\" [title-from-name]",
            0,
        ),
        (&[("a.md", "---\ntitle: \"\"\n---\nA note that wants none.")], "", 0),
        (
            &[("a.md", "---\ntitle: A\n---\nx\n\n{% nonsense %}")],
            "articles/a.md:6:1: warning: the template tag `nonsense` was removed [template-tag]",
            1,
        ),
        (
            &[("a.html", "<title>A</title><p>x</p><svg><circle/></svg>")],
            "articles/a.html:1:25: warning: `<svg>` cannot be in a feed, and was left out [dropped]",
            1,
        ),
        (
            &[("a.md", "---\ntitle: A\n---\n[x](javascript:alert)")],
            "articles/a.md: warning: `javascript:alert` is not a URL that a feed can have, and was left out [dropped]",
            1,
        ),
        (
            &[("a.md", "---\ntitle: A\n---\nab\u{fffd}c")],
            "articles/a.md:4:3: warning: contains U+FFFD: ",
            1,
        ),
        // Not published.
        (
            &[("a.md", "")],
            "articles/a.md: note: has no text yet; published as soon as it has some [empty]",
            0,
        ),
        (
            &[("a.md", "---\ntitle: A\ndraft: true\n---\n[b](b.md)")],
            "articles/a.md: note: is a draft; not published [draft]",
            0,
        ),
        (
            &[("a.md", "---\ntitle: A\nexpires: 2020-01-01\n---\nx")],
            "articles/a.md: note: has expired; no longer ",
            0,
        ),
        (
            &[("a.md", "---\ntitle: A\ndate: 2999-01-01\n---\nx")],
            "articles/a.md: note: held until 2999-01-01T00:00:00Z; site.timezone is UTC [held]",
            0,
        ),
        (
            &[("a.md", "---\ntitle: A\n---\nx %%y%%")],
            "articles/a.md:4:1: note: a comment between `%%` was removed [comment]",
            0,
        ),
        (
            &[("_layouts/a.html", "x"), ("_layouts/b.html", "y")],
            "articles/_layouts: note: _layouts holds no articles [left-out]",
            0,
        ),
        // What validators say, where the writers leave it to the author.
        (
            &[("a.md", "---\ntitle: Use <b>\n---\nx")],
            "articles/a.md: note: the title contains a literal <b>: ",
            0,
        ),
        (
            &[("a.md", "---\ntitle: CafÃ©\n---\nx")],
            "articles/a.md: warning: the title looks like UTF-8 that was decoded ",
            1,
        ),
        (
            &[("a.md", "---\ntitle: A\nauthor: Ada <a@b.org> L\n---\nx")],
            "articles/a.md: warning: the name `Ada <a@b.org> L` ",
            1,
        ),
        (
            &[("a.md", "---\ntitle: A\nid: '1234'\n---\nx")],
            "articles/a.md: note: the id `1234` is so short ",
            0,
        ),
        (
            &[("a.md", "---\ntitle: A\nid: http://EXAMPLE.org/a\n---\nx")],
            "articles/a.md: note: the id `http://EXAMPLE.org/a` ",
            0,
        ),
        (
            &[("a.md", "---\ntitle: A\ndate: 1984-01-01\n---\nx")],
            "articles/a.md: note: its date is before 1990, ",
            0,
        ),
        (
            &[("a.md", "---\ntitle: A\nauthor: {name: Ada, email: a@localhost}\n---\nx")],
            "articles/a.md: warning: `a@localhost` is not a valid e-mail address and is left out [no-address]",
            1,
        ),
        (
            &[("b.png", "x"), ("a.md", "---\ntitle: \"\"\n---\n![](b.png)")],
            "articles/a.md: warning: it has neither a title nor text, ",
            1,
        ),
        (
            &[("a.md", "---\ntitle: A\nlang: x-klingon\n---\nx")],
            "articles/a.md: note: validators do not know the language `x-klingon` [language]",
            0,
        ),
        (
            &[("n/_index.md", "---\ntitle: N <i>\n---\n"), ("n/a.md", "---\ntitle: A\n---\nx")],
            "articles/n/_index.md: note: the feed's title contains a literal <i>: ",
            0,
        ),
    ];
    let mut wrong = Vec::new();
    for (files, line, status) in cases {
        let site = site("", files);
        site.write(GOOD.0, GOOD.1);
        let Checked { status: seen, lines, .. } = check(&site);
        let fits = if line.is_empty() {
            lines.is_empty()
        } else {
            lines.len() == 1 && lines[0].starts_with(line)
        };
        if !fits || seen != *status {
            wrong.push(format!("{files:?}\n  {line}\n{lines:#?}\nexit {seen}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn a_refused_article_has_not_expired_before_its_time() {
    let site = site("", &[GOOD, ("tags/a.md", "---\ntitle: A\nexpires: 2999-01-01\n---\nx")]);
    let Checked { status, lines, .. } = check(&site);
    let refused = "articles/tags/a.md: error: URL /tags/a is reserved [reserved-url]";
    assert_eq!((status, lines), (2, vec![refused.to_owned()]));
}

#[test]
fn a_huge_article_and_one_that_is_too_large() {
    let paragraph = "Many words of an article that has too many of them.\n\n".repeat(6_000);
    let head = "---\ntitle: A\n---\n";
    let site = site(
        "articles.max_html_bytes = 400000\narticles.max_bytes = 500000",
        &[
            ("a.md", &format!("{head}{paragraph}")[..280_000]),
            ("b.md", &format!("{head}{paragraph}{}", "<br>".repeat(30_000))),
            ("c.md", &"x".repeat(500_001)),
        ],
    );
    let Checked { status, lines, .. } = check(&site);
    assert_eq!(status, 2);
    assert!(
        lines[0].starts_with("articles/a.md: warning: is 304 KiB of HTML")
            && lines[0].ends_with(" [huge]"),
        "{lines:#?}"
    );
    assert_eq!(
        lines[1],
        "articles/b.md: error: the rendered article is larger than 400000 bytes [too-large]"
    );
    assert_eq!(
        lines[2],
        "articles/c.md: error: 500001 bytes; `articles.max_bytes` allows 500000 [too-large]"
    );
    assert_eq!(lines.len(), 3);
}

#[test]
fn files_of_one_second() {
    let site = site("", &[GOOD]);
    for (n, name) in ["x.md", "y.md", "z.md", "other.md", "another.md"].into_iter().enumerate() {
        site.write(name, format!("# Title {n}\n\nWords.\n"));
        age(&site, name, if n < 3 { 1_600_000_000 } else { 1_500_000_000 });
    }
    let Checked { status, lines, .. } = check(&site);
    let expected = "articles: warning: 3 articles have no date, and their files were modified in the same second as \
                    others', such as x.md and 2 more (2020-09-13T12:26:40Z); a first start would use that as their date \
                    [same-mtime]";
    assert_eq!((status, lines), (1, vec![expected.to_owned()]));
}

#[test]
fn names_that_are_not_utf_8() {
    let site = site("", &[GOOD]);
    fs::write(site.articles().join(std::ffi::OsStr::from_bytes(b"\xff.md")), "# A\n\nx").unwrap();
    let Checked { status, lines, .. } = check(&site);
    let expected = "articles/\u{fffd}.md: error: its name is not UTF-8; rename it, for instance with convmv [name-not-utf-8]";
    assert_eq!((status, lines), (2, vec![expected.to_owned()]));
}

#[test]
fn links_that_leave_the_directory() {
    let site = site("", &[GOOD]);
    std::os::unix::fs::symlink("/etc/passwd", site.articles().join("a.md")).unwrap();
    let Checked { status, lines, .. } = check(&site);
    assert_eq!((status, lines.len()), (2, 1));
    assert!(
        lines[0].starts_with("articles/a.md: error: a link that is absolute or leaves "),
        "{lines:?}"
    );
}

/// What appears by itself later is checked now; a draft is not, since it is not finished.
#[test]
fn what_waits_is_checked_and_what_is_unfinished_is_not() {
    let waits = "---\ntitle: W\ndate: 2999-01-01\n---\n[x](x.md) [d](drafts/d.md) [good](good.md)";
    let site = site("", &[GOOD, ("w.md", waits), ("drafts/d.md", "[x](x.md) and more words")]);
    let Checked { status, lines, .. } = check(&site);
    let expected = [
        "articles/drafts/d.md: note: is a draft; not published [draft]",
        "articles/w.md:5:5: warning: links to x.md, which is not published [dead-link]",
        "articles/w.md:5:15: warning: refers to drafts/d.md, which is not published [dead-link]",
        "articles/w.md: note: held until 2999-01-01T00:00:00Z; site.timezone is UTC [held]",
    ];
    assert_eq!((status, lines), (1, expected.map(str::to_owned).to_vec()));
}

#[test]
fn an_article_full_of_dead_links_does_not_drown_the_others() {
    let links: String = (0..100).map(|n| format!("[x]({n}.md)\n")).collect();
    let site = site("", &[GOOD, ("a.md", &format!("---\ntitle: A\n---\n{links}"))]);
    let Checked { status, lines, .. } = check(&site);
    assert_eq!((status, lines.len()), (1, 65));
    assert_eq!(lines[64], "articles/a.md: warning: 36 more references do not exist [more]");
}

#[test]
fn a_line_stays_a_line() {
    let site = site("", &[GOOD, ("a\nb\u{1b}.md", "---\nx: [\n---\n")]);
    let Checked { lines, .. } = check(&site);
    assert!(lines.len() == 1 && lines[0].starts_with("articles/a\\nb\\u{1b}.md:"), "{lines:?}");
}

#[test]
fn without_articles() {
    let nowhere = Site::new("");
    fs::remove_dir(nowhere.articles()).unwrap();
    let Checked { status, lines, totals } = check(&nowhere);
    assert_eq!((status, lines.len(), totals.as_str()), (2, 1, ""));
    assert!(
        lines[0].starts_with("articles: error: the article directory cannot be opened: "),
        "{lines:?}"
    );
    let Checked { status, lines, totals } = check(&Site::new(""));
    assert_eq!(
        (status, lines),
        (0, vec!["articles: note: nothing is published [no-articles]".to_owned()])
    );
    assert_eq!(totals, "0 articles checked: 0 errors, 0 warnings, 1 note");
}

#[test]
fn the_configuration_is_checked_too() {
    let site =
        site("site.url = \"http://127.0.0.1:8080/\"\nserver.listen = \"0.0.0.0:80\"", &[GOOD]);
    let Checked { status, lines, totals } = check(&site);
    assert!(status == 1 && lines.len() == 1 && lines[0].contains("config.toml:"), "{lines:?}");
    assert!(
        lines[0].ends_with(" [config]")
            && totals == "1 article checked: 0 errors, 1 warning, 0 notes",
        "{totals}"
    );
    let title = self::site(
        "site.title = \"A <b>bold</b> site\"\nsite.description = \"d\"\nsite.author = \"a\"",
        &[GOOD],
    );
    let lines = check(&title).lines;
    assert!(
        lines.len() == 1
            && lines[0].contains("config.toml: note: the feed's title contains a literal <b>"),
        "{lines:?}"
    );
    let address = self::site("site.url = \"http://[2001:db8::1]/\"", &[GOOD]);
    let lines = check(&address).lines;
    assert!(
        lines.len() == 1
            && lines[0].contains("config.toml: note: validators do not accept an IPv6 "),
        "{lines:?}"
    );
    let pattern = self::site("articles.ignore = [\"a{\"]", &[GOOD]);
    let Checked { status, lines, .. } = check(&pattern);
    assert!(status == 2 && lines.len() == 1 && lines[0].contains("config.toml"), "{lines:?}");
}

#[test]
fn the_sites_feed_has_room_for_what_it_should_carry() {
    let words = "Many words. ".repeat(600);
    let files: Vec<(String, String)> = (10..30)
        .map(|n| {
            (format!("{n}.md"), format!("---\ntitle: T{n}\ndate: 2026-01-{n}\n---\n{words}{n}"))
        })
        .collect();
    let files: Vec<(&str, &str)> =
        files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let Checked { status, lines, .. } = check(&site("feeds.max_bytes = 100000", &files));
    assert_eq!((status, lines.len()), (0, 1), "{lines:#?}");
    assert!(
        lines[0].contains(" note: the site's feed has only 1") && lines[0].ends_with(" [feed-cut]"),
        "{lines:?}"
    );
}

#[test]
fn a_view_without_articles_is_named() {
    let settings = "[[view]]\nname = \"none\"\ntags = \"nowhere\"\n\
        [[view]]\nname = \"all\"\nnot_tags = \"nowhere\"";
    let Checked { status, lines, .. } = check(&site(settings, &[GOOD]));
    assert_eq!((status, lines.len()), (0, 1), "{lines:#?}");
    assert!(
        lines[0].contains(" note: no article is in the view `none`")
            && lines[0].ends_with(" [empty-view]"),
        "{lines:?}"
    );
}

#[test]
fn objects_have_every_field_and_nothing_else_is_printed() {
    let site = site(
        "",
        &[
            GOOD,
            ("a.md", "---\ntitle: A\n---\n[b](b.md) {% x %}"),
            ("c.md", "---\ndate: soon\n---\nx"),
            ("d.md", ""),
        ],
    );
    let output = run(&site, &["check", "--json"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "4 articles checked: 1 error, 2 warnings, 1 note\n"
    );
    let text = String::from_utf8(output.stdout).unwrap();
    let mut seen = BTreeMap::new();
    for line in text.lines() {
        let object: serde_json::Value = serde_json::from_str(line).unwrap();
        let keys: Vec<&str> = object.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["code", "column", "line", "message", "path", "severity"]);
        let place =
            format!("{}:{}:{}", object["path"].as_str().unwrap(), object["line"], object["column"]);
        seen.insert(
            object["code"].as_str().unwrap().to_owned(),
            (place, object["severity"].as_str().unwrap().to_owned()),
        );
    }
    let expected = [
        ("date", "articles/c.md:2:7", "error"),
        ("dead-link", "articles/a.md:4:5", "warning"),
        ("empty", "articles/d.md:null:null", "note"),
        ("template-tag", "articles/a.md:4:11", "warning"),
    ];
    let expected = expected
        .map(|(code, place, severity)| (code.to_owned(), (place.to_owned(), severity.to_owned())));
    assert_eq!(seen, BTreeMap::from(expected));
}

#[test]
fn a_new_article_passes() {
    let site = site("", &[GOOD]);
    for arguments in [
        &["new", "Hello, \"world\" & <all>"][..],
        &["new", "日本", "--dir", "news"],
        &["new", "x", "--publish"],
    ] {
        assert!(run(&site, arguments).status.success());
    }
    let Checked { status, lines, totals } = check(&site);
    assert_eq!(status, 0, "{lines:#?}");
    // Two drafts, and one that waits for its text.
    assert!(totals.ends_with(" articles checked: 0 errors, 0 warnings, 3 notes"), "{totals}");
}

#[test]
fn it_leaves_nothing_behind_and_disturbs_nobody() {
    let mut site = site("", &[GOOD]);
    check(&site);
    let mut names: Vec<_> =
        fs::read_dir(site.dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["articles", "config.toml"]);
    site.start();
    site.appears("Good");
    assert_eq!(check(&site).status, 0);
    site.drop_in("next.md", "---\ntitle: Next\n---\n[gone](gone.md)");
    site.appears("Next");
    assert_eq!(check(&site).status, 1);
    site.stop();
}
