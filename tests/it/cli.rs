//! The command line: what goes in, what comes out, and the exit status.

use std::path::Path;
use std::process::{Command, Output};

/// Runs dropfeed in `dir` with no variables of ours from outside.
fn dropfeed(dir: &Path, args: &[&str], env: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dropfeed"));
    command.current_dir(dir).args(args).env_clear().envs(env.iter().copied());
    command.output().unwrap()
}

/// Asserts the exit status, and what standard output and standard error begin with; nothing is
/// nothing.
fn check(dir: &Path, args: &[&str], env: &[(&str, &str)], status: i32, out: &str, err: &str) {
    let got = dropfeed(dir, args, env);
    let (stdout, stderr) =
        (String::from_utf8_lossy(&got.stdout), String::from_utf8_lossy(&got.stderr));
    let begins = |text: &str, start: &str| {
        if start.is_empty() { text.is_empty() } else { text.starts_with(start) }
    };
    assert!(
        got.status.code() == Some(status) && begins(&stdout, out) && begins(&stderr, err),
        "{args:?}: {:?}\n{stdout}\n{stderr}",
        got.status
    );
}

#[test]
fn help_and_version() {
    let dir = tempfile::tempdir().unwrap();
    check(dir.path(), &["--version"], &[], 0, concat!("dropfeed ", env!("CARGO_PKG_VERSION")), "");
    check(dir.path(), &["--help"], &[], 0, "Drop an article into a directory", "");
    check(dir.path(), &["completions", "bash"], &[], 0, "_dropfeed()", "");
    check(dir.path(), &["man", "new"], &[], 0, ".ie", "");
    for page in [&["man"][..], &["man", "serve"], &["man", "state", "backup"]] {
        let got = dropfeed(dir.path(), page, &[]);
        let text = String::from_utf8(got.stdout).unwrap();
        let title = text.lines().find(|line| line.starts_with(".TH ")).unwrap();
        assert!(title.contains(env!("CARGO_PKG_VERSION")), "{title}");
    }
    check(dir.path(), &["man", "state", "backup"], &[], 0, ".ie", "");
    check(dir.path(), &["state"], &[], 2, "", "Back up, list, check or repair the state");
    check(dir.path(), &["man", "nwe"], &[], 1, "", "dropfeed: unknown command \"nwe\"\n");
    check(dir.path(), &["sevre"], &[], 2, "", "error: unrecognized subcommand 'sevre'");
    check(
        dir.path(),
        &["--log-level", "loud"],
        &[],
        2,
        "",
        "--log-level: \"loud\" is not a level;",
    );
    check(
        dir.path(),
        &["build"],
        &[("DROPFEED_LOG", "loud")],
        2,
        "",
        "DROPFEED_LOG: \"loud\" is not a level;",
    );
}

#[test]
fn without_a_configuration_it_names_the_places() {
    let dir = tempfile::tempdir().unwrap();
    let sentence = "dropfeed: no configuration: neither ./config.toml nor /etc/dropfeed/config.toml exists, and there is no \
                    directory ./articles to publish with the defaults; use --config PATH\n";
    for command in ["serve", "build", "new"] {
        let args = if command == "new" { vec!["new", "a"] } else { vec![command] };
        check(dir.path(), &args, &[], 78, "", sentence);
    }
    check(dir.path(), &["--config", "other.toml"], &[], 78, "", "other.toml: no such file\n");
}

#[test]
fn a_wrong_configuration_is_told_whole() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("config.toml"), "[server]\nlstien = 1\n[feeds]\nlimit = 0\n")
        .unwrap();
    let lines = "config.toml:2: unknown key `lstien` in [server], did you mean `listen`?\nconfig.toml:4: `feeds.limit` \
                 is 0, but must be from 1 to 10000\n";
    check(dir.path(), &[], &[], 78, "", lines);
    check(dir.path(), &["build"], &[], 78, "", lines);
    let first =
        "config.toml:2: error: unknown key `lstien` in [server], did you mean `listen`? [config]\n";
    check(dir.path(), &["check"], &[], 2, first, "");
    check(
        dir.path(),
        &["check", "--json"],
        &[],
        2,
        "{\"code\":\"config\",\"column\":null,\"line\":2,",
        "",
    );
    check(dir.path(), &["build"], &[("DROPFEED_A__B", "1")], 78, "", lines);
}

#[test]
fn new_writes_a_file_and_prints_its_path() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("articles")).unwrap();
    let got = dropfeed(dir.path(), &["new", "Hello, world"], &[]);
    let path = String::from_utf8(got.stdout).unwrap();
    assert!(path.ends_with("-hello-world.md\n") && got.status.success(), "{path}");
    let text = std::fs::read_to_string(path.trim_end()).unwrap();
    assert!(
        text.starts_with("---\ntitle: \"Hello, world\"\ndate: 20")
            && text.ends_with("draft: true\n---\n\n")
    );
    check(dir.path(), &["new", "Hello, world"], &[], 1, "", "dropfeed: /");
}

#[test]
fn commands_without_their_articles_or_feeds_end_with_the_usual_status() {
    let dir = tempfile::tempdir().unwrap();
    let articles = [("DROPFEED_ARTICLES__DIR", "none")];
    let missing = "dropfeed: the article directory ";
    check(dir.path(), &["new", "Hello"], &articles, 78, "", missing);
    std::fs::create_dir(dir.path().join("articles")).unwrap();
    check(dir.path(), &["import", "nope.xml"], &[], 1, "", "dropfeed: nope.xml");
    check(dir.path(), &["import", "--dry-run", "nope.xml"], &[], 2, "", "dropfeed: nope.xml");
    check(dir.path(), &["import", "--undo"], &[], 1, "", "dropfeed: ");
    std::fs::write(dir.path().join("feed.xml"), "no feed").unwrap();
    check(dir.path(), &["import", "feed.xml"], &[], 1, "", "dropfeed: ");
    check(dir.path(), &["import", "--dry-run", "feed.xml"], &[], 2, "", "dropfeed: ");
}

#[test]
fn init_writes_every_key_and_overwrites_nothing() {
    let dir = tempfile::tempdir().unwrap();
    check(dir.path(), &["init"], &[], 0, "config.toml\n", "");
    let written = std::fs::read_to_string(dir.path().join("config.toml")).unwrap();
    assert_eq!(written, include_str!("../../config.toml"));
    std::fs::write(dir.path().join("config.toml"), "mine").unwrap();
    check(dir.path(), &["init"], &[], 1, "", "dropfeed: config.toml already exists\n");
    assert_eq!(std::fs::read_to_string(dir.path().join("config.toml")).unwrap(), "mine");
    check(dir.path(), &["init", "--config", "other.toml"], &[], 0, "other.toml\n", "");
    check(dir.path(), &["init", "--config", "a/b.toml"], &[], 1, "", "dropfeed: a/b.toml: No such");
    // What it wrote can be used as it is.
    std::fs::create_dir(dir.path().join("articles")).unwrap();
    std::fs::write(dir.path().join("articles/a.md"), "# A\n\ntext\n").unwrap();
    let checked = dropfeed(dir.path(), &["check", "--config", "other.toml"], &[]);
    let note = String::from_utf8(checked.stdout).unwrap();
    assert!(note.starts_with("other.toml: note: `site.url` is not set"), "{note}");
    assert!(checked.status.success() && note.lines().count() == 1, "{note}");
}

/// As `dropfeed serve DIR`, which reads no configuration.
#[test]
fn commands_use_the_directory_that_is_served_without_a_configuration() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("notes")).unwrap();
    std::fs::write(dir.path().join("config.toml"), "nonsense").unwrap();
    let old = "<rss version=\"2.0\"><channel><title>Old</title><link>https://old.example/</link>\
               <description>Old</description><item><title>Hello</title>\
               <link>https://old.example/hello</link></item></channel></rss>";
    std::fs::write(dir.path().join("old.xml"), old).unwrap();
    let run = |args: &[&str], status: i32| {
        let got = dropfeed(dir.path(), &[args, &["--articles", "notes"]].concat(), &[]);
        assert_eq!(got.status.code(), Some(status), "{args:?}: {got:?}");
        String::from_utf8(got.stdout).unwrap()
    };
    let made = run(&["new", "Hello", "--publish"], 0);
    assert!(made.contains("/notes/") && made.ends_with("-hello.md\n"), "{made}");
    std::fs::write(made.trim_end(), "# Hello\n\nWords of it.\n").unwrap();
    assert!(
        run(&["import", "--dry-run", "old.xml"], 0).contains("1 of 1 entries would be imported")
    );
    run(&["check"], 0);
    run(&["build"], 0);
    let feed = std::fs::read_to_string(dir.path().join("feeds/feed.json")).unwrap();
    assert!(feed.contains("Words of it."));
    assert!(dir.path().join(".dropfeed/state.db").exists());
    check(dir.path(), &["check"], &[], 2, "config.toml:1: error: ", "");
}
