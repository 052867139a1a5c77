//! Text in, configuration or messages out.

mod pages;
mod redirects;

use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn parse(text: &str, env: &[(&str, &str)]) -> Result<(Config, Vec<Finding>), Errors> {
    let env: Vec<(String, String)> =
        env.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    Config::parse(&Input {
        text,
        file: "config.toml",
        base: Path::new("/srv"),
        env: &env,
        world: &Nowhere,
    })
}

fn check(text: &str, env: &[(&str, &str)], messages: &[&str]) {
    let got = parse(text, env).err().map(|errors| errors.to_string()).unwrap_or_default();
    assert_eq!(got.lines().collect::<Vec<_>>(), messages, "for\n{text}\n{env:?}");
}

fn check_value<T: PartialEq + std::fmt::Debug>(
    text: &str,
    env: &[(&str, &str)],
    value: fn(&Config) -> T,
    wants: T,
) {
    let (config, _) = parse(text, env).unwrap_or_else(|errors| panic!("{text}\n{env:?}\n{errors}"));
    assert_eq!(value(&config), wants, "for\n{text}\n{env:?}");
}

fn default() -> Config {
    Config::of("", Path::new("/srv")).unwrap()
}

/// Every key stands in the repository's file, with an explanation above it, commented out and equal
/// to its default.
#[test]
fn the_repositorys_file_says_the_defaults() {
    let file = include_str!("../../config.toml");
    let key_of = |line: &str| {
        Some(line.strip_prefix('#')?.split_once(" = ")?.0.to_owned()).filter(|key| is_key(key))
    };
    let text = file
        .lines()
        .map(|line| if key_of(line).is_some() { &line[1..] } else { line })
        .collect::<Vec<_>>();
    assert_eq!(Config::of(file, Path::new("/srv")).unwrap(), default());
    assert_eq!(Config::of(&text.join("\n"), Path::new("/srv")).unwrap(), default());

    let (mut section, mut above, mut explained) = ("", "", Vec::new());
    for line in file.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
        } else if let Some(key) = key_of(line) {
            assert!(above.starts_with("# "), "{key} is explained");
            explained.push(format!("{section}.{key}"));
        }
        above = line;
    }
    explained.sort();
    assert_eq!(explained, known_keys());
}

/// The keys that are read, sorted.
fn known_keys() -> Vec<String> {
    let mut reader = raw::Reader::new("config.toml", "", &[]).unwrap();
    let input =
        Input { text: "", file: "config.toml", base: Path::new("/srv"), env: &[], world: &Nowhere };
    resolve::read(&mut reader, &input);
    let mut asked = reader.asked();
    asked.sort();
    asked
}

/// The table of keys in the documentation lists every key, and a default that it quotes is the
/// default.
#[test]
fn the_documentation_lists_the_keys_and_defaults() {
    let page = include_str!("../../docs/configuration.md");
    let mut documented = Vec::new();
    let mut defaults = String::new();
    for line in page.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let ["", key, _, default, _, ""] = cells[..] else { continue };
        let Some(key) = key.strip_prefix('`').and_then(|key| key.strip_suffix('`')) else {
            continue;
        };
        documented.push(key.to_owned());
        if let Some(default) =
            default.strip_prefix('`').and_then(|default| default.strip_suffix('`'))
        {
            defaults += &format!("{key} = {default}\n");
        }
    }
    assert_eq!(Config::of(&defaults, Path::new("/srv")).unwrap(), default());
    documented.sort();
    assert_eq!(documented, known_keys());
}

/// Every configuration that the documentation shows can be used as it is.
#[test]
fn the_examples_of_the_documentation_are_usable() {
    let pages = [
        include_str!("../../README.md"),
        include_str!("../../docs/configuration.md"),
        include_str!("../../docs/operators.md"),
        include_str!("../../docs/authors.md"),
        include_str!("../../docs/urls.md"),
        include_str!("../../docs/pages.md"),
        include_str!("../../docs/push.md"),
    ];
    for page in pages {
        let mut examples = 0;
        for block in page.split("```toml\n").skip(1) {
            let example = block.split("```").next().unwrap_or_default();
            Config::of(example, Path::new("/srv"))
                .unwrap_or_else(|errors| panic!("{example}\n{errors}"));
            examples += 1;
        }
        assert!(examples > 0, "no example in\n{page}");
    }
}

fn is_key(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte == b'_' || byte.is_ascii_lowercase())
}

#[test]
fn the_packages_file_is_usable() {
    let config =
        Config::of(include_str!("../../contrib/config.toml"), Path::new("/etc/dropfeed")).unwrap();
    let dirs = [config.articles.dir, config.feeds.dir, config.state.dir];
    assert_eq!(
        dirs.map(|dir| dir.starts_with("/srv/dropfeed") || dir.starts_with("/var/lib/dropfeed")),
        [true; 3]
    );
}

#[test]
fn a_whole_file_is_usable() {
    let text = r#"[site]
title = "Bench"
url = "http://127.0.0.1:4000"
description = "Bench"
[articles]
dir = "/tmp/b/lib"
grace_s = 0
[feeds]
dir = "/tmp/b/out"
limit = 20
max_bytes = 4000000
[state]
dir = "/tmp/b/state"
[server]
listen = "127.0.0.1:4000"
connections_per_address = 20000
max_connections = 20000
[admin]
listen = "127.0.0.1:0"
"#;
    let (config, warnings) = parse(text, &[]).unwrap();
    assert_eq!(
        (config.articles.grace, config.feeds.limit, config.server.max_connections),
        (Duration::ZERO, 20, 20000)
    );
    assert_eq!(warnings, []);
}

#[test]
fn an_empty_file_is_usable() {
    let config = default();
    assert_eq!(config.site.url.as_str(), "http://127.0.0.1:8080/");
    assert_eq!(config.site.id, "");
    assert_eq!(
        (config.articles.dir, config.state.dir),
        ("/srv/articles".into(), "/srv/.dropfeed".into())
    );
    assert_eq!(config.articles.settle, Duration::from_millis(100));
    assert_eq!(parse("", &[]).unwrap().1, []);
}

#[test]
fn values() {
    check_value("site.title = \" A\\n b \"", &[], |c| c.site.title.clone(), "A b".to_owned());
    check_value("site.title = \"A\"", &[], |c| c.site.author.clone(), "A".to_owned());
    check_value(
        "site.url = \"https://e.org/b\"",
        &[],
        |c| c.site.url.to_string(),
        "https://e.org/b/".to_owned(),
    );
    for (text, id) in [
        ("site.url = \"https://e.org/b\"", "e.org"),
        ("site.url = \"https://e.org/b\"\nsite.id = \"\"", "e.org"),
        // Every machine has these: two sites must not share them.
        ("site.url = \"http://localhost:8080\"", ""),
        ("site.url = \"http://[::1]/\"", ""),
        ("site.url = \"http://127.0.0.9/\"\nsite.id = \" mine \"", "mine"),
    ] {
        check_value(text, &[], |c| c.site.id.clone(), id.to_owned());
    }
    check_value("server.listen = \"127.0.0.1:9000\"", &[], |c| c.site.url.port(), Some(9000));
    check_value(
        "server.listen = [\"localhost:1\", \"[::1]:2\"]",
        &[],
        |c| c.server.listen.len(),
        2,
    );
    check_value("admin.listen = \"127.0.0.1:0\"", &[], |c| c.admin.listen.is_some(), true);
    check_value("admin.listen = \"unix:/run/a\"", &[], |c| c.admin.listen.is_some(), true);
    check_value("admin.listen = \"\"", &[], |c| c.admin.listen.is_some(), false);
    check_value("feeds.max_bytes = 0x1_0000", &[], |c| c.feeds.max_bytes, 65536);
    check_value("feeds.content = \"summary\"", &[], |c| c.feeds.content, Content::Summary);
    check_value(
        "feeds.advertise = \"json\"",
        &[],
        |c| c.feeds.advertise,
        crate::base::Format::Json,
    );
    check_value("feeds.dir = \"/a/./b/\"", &[], |c| c.feeds.dir.clone(), "/a/b".into());
    check_value("\u{feff}[articles]\r\npoll = true\r\n", &[], |c| c.articles.poll, true);
    check_value("articles.ignore = [\"*.bak\", \"/old/\"]", &[], |c| c.articles.ignore.len(), 2);
}

#[test]
fn the_environment_wins() {
    check_value("feeds.limit = 5", &[("DROPFEED_FEEDS__LIMIT", "7")], |c| c.feeds.limit, 7);
    check_value("", &[("DROPFEED_ARTICLES__POLL", "true")], |c| c.articles.poll, true);
    check_value(
        "",
        &[("DROPFEED_SERVER__LISTEN", "127.0.0.1:1, [::1]:2")],
        |c| c.server.listen.len(),
        2,
    );
    check_value(
        "",
        &[("DROPFEED_SITE__TITLE", "a, b")],
        |c| c.site.title.clone(),
        "a, b".to_owned(),
    );
    check_value("", &[("DROPFEED_ARTICLES__IGNORE", "")], |c| c.articles.ignore.len(), 0);
    check_value(
        "",
        &[("DROPFEED_LOG", "debug"), ("DROPFEED_PORT", "tcp://1")],
        |c| c.feeds.limit,
        30,
    );
    let systemd = [("STATE_DIRECTORY", "/var/lib/dropfeed:/var/lib/other")];
    check_value("", &systemd, |c| c.state.dir.clone(), "/var/lib/dropfeed/state".into());
    check_value("", &systemd, |c| c.feeds.dir.clone(), "/var/lib/dropfeed/feeds".into());
    check_value("feeds.dir = \"out\"", &systemd, |c| c.feeds.dir.clone(), "/srv/out".into());
    check(
        "",
        &[("DROPFEED_FEEDS__LIMIT", "many"), ("DROPFEED_FEEDS__LIMT", "1"), ("DROPFEED_X__Y", "1")],
        &[
            "DROPFEED_FEEDS__LIMIT: `feeds.limit` must be a whole number, not \"many\"",
            "DROPFEED_FEEDS__LIMT: there is no such key, did you mean `DROPFEED_FEEDS__LIMIT`?",
            "DROPFEED_X__Y: there is no such key",
        ],
    );
}

#[test]
fn unknown_names_are_told_with_what_was_meant() {
    check(
        "[server]\nlstien = 1",
        &[],
        &["config.toml:2: unknown key `lstien` in [server], did you mean `listen`?"],
    );
    check(
        "[server]\nport = 1",
        &[],
        &["config.toml:2: unknown key `port` in [server], did you mean `listen`?"],
    );
    check(
        "[site]\nlisten = 1",
        &[],
        &["config.toml:2: unknown key `listen` in [site]; it belongs in [server]"],
    );
    check("[site]\ncolour = 1", &[], &["config.toml:2: unknown key `colour` in [site]"]);
    check(
        "\n[sevrer]\na = 1",
        &[],
        &["config.toml:2: unknown section `[sevrer]`, did you mean `server`?"],
    );
    check(
        "title = \"a\"",
        &[],
        &["config.toml:1: `title` is above the first section, but belongs in [site]"],
    );
    check("wat = \"a\"", &[], &["config.toml:1: unknown key `wat` above the first section"]);
}

#[test]
fn arrays_of_tables_are_named_with_their_lines() {
    check(
        "[[server]]\nlisten = \"a:1\"\n\n[[veiw]]\nname = \"a\"\n[[sites]]\n[[veiw]]\n",
        &[],
        &[
            "config.toml:1: `[[server]]` must be written `[server]`, once",
            "config.toml:4: unknown section `[[veiw]]`, did you mean `view`?",
            "config.toml:6: unknown section `[[sites]]`, did you mean `site`?",
            "config.toml:7: unknown section `[[veiw]]`, did you mean `view`?",
        ],
    );
    check("feeds = []", &[], &["config.toml:1: unknown key `feeds` above the first section"]);
}

#[test]
fn wrong_types_say_what_is_wanted() {
    for (line, message) in [
        ("limit = \"30\"", "`feeds.limit` must be a whole number, not \"30\"; remove the quotes"),
        ("limit = 1.5", "`feeds.limit` must be a whole number, not a fraction"),
        ("limit = [1]", "`feeds.limit` must be a whole number, not a list"),
        ("max_bytes = \"5 MB\"", "`feeds.max_bytes` must be a whole number, not \"5 MB\" (bytes)"),
        ("limit = 0", "`feeds.limit` is 0, but must be from 1 to 10000"),
        ("limit = -1", "`feeds.limit` is -1, but must be from 1 to 10000"),
        (
            "limit = 99999999999999999999",
            "`feeds.limit` must be a whole number, not a number beyond 64 bits",
        ),
        ("content = \"none\"", "`feeds.content` must be \"full\" or \"summary\", not \"none\""),
        ("content = true", "`feeds.content` must be a string in quotes, not true"),
        (
            "advertise = \"xml\"",
            "`feeds.advertise` must be \"atom\", \"rss\" or \"json\", not \"xml\"",
        ),
        ("dir = \" \"", "`feeds.dir` is empty; remove the line to use the default"),
        ("dir = \"~/feeds\"", "`feeds.dir` must be a path; `~` is not expanded: \"~/feeds\""),
        (
            "dir = \"$HOME/feeds\"",
            "`feeds.dir` must be a path; variables such as `$HOME` are not expanded: \"$HOME/feeds\"",
        ),
        ("dir = 2026-01-01", "`feeds.dir` must be a string in quotes, not a date"),
    ] {
        check(&format!("[feeds]\n{line}"), &[], &[&format!("config.toml:2: {message}")]);
    }
    check(
        "[articles]\npoll = \"true\"\nignore = 1\nsettle_ms = 300\nsettle_max_ms = 200",
        &[],
        &[
            "config.toml:2: `articles.poll` must be true or false, not \"true\"; remove the quotes",
            "config.toml:3: `articles.ignore` must be a string in quotes or a list of them, not 1",
            "config.toml:5: `articles.settle_max_ms` (200) must not be less than `articles.settle_ms` (300)",
        ],
    );
    check(
        "articles.ignore = \"a{b\"",
        &[],
        &["config.toml:1: `articles.ignore`: \"a{b\" is not a valid pattern of gitignore(5)"],
    );
    check("feeds = 1", &[], &["config.toml:1: unknown key `feeds` above the first section"]);
}

#[test]
fn broken_toml_is_told_with_its_line_and_once() {
    for (text, start) in [
        ("[site]\ntitle = ", "config.toml:2: not valid TOML: "),
        ("[site\ntitle = \"a\"", "config.toml:1: not valid TOML: "),
        ("[site]\ntitle = \"a", "config.toml:2: not valid TOML: "),
        ("[site]\ntitle = a b", "config.toml:2: not valid TOML: "),
        ("[site]\ntitle = \"a\"\ntitle = \"b\"", "config.toml:3: `title` is set twice"),
        ("[site]\n[feeds]\n[site]", "config.toml:3: `site` is set twice"),
        ("\0", "config.toml:1: not valid TOML: "),
    ] {
        let message = parse(text, &[]).unwrap_err().to_string();
        assert!(message.starts_with(start) && message.lines().count() == 1, "{text}\n{message}");
    }
}

#[test]
fn everything_is_told_at_once_in_the_order_of_the_file() {
    check(
        "[server]\nlisten = \"8080\"\n[feeds]\nlimit = 0\n[site]\nlanguage = \"english\"\ntitel = \"a\"\nurl = \
         \"e.org\"",
        &[("DROPFEED_SITE__TIMEZONE", "Berlin")],
        &[
            "config.toml:2: `server.listen` must be an address and a port such as \"127.0.0.1:8080\", not \"8080\", did \
             you mean \"127.0.0.1:8080\"?",
            "config.toml:4: `feeds.limit` is 0, but must be from 1 to 10000",
            "config.toml:6: `site.language` must be a BCP 47 language tag such as \"en\", \"de\" or \"pt-BR\", not \
             \"english\"",
            "config.toml:7: unknown key `titel` in [site], did you mean `title`?",
            "config.toml:8: `site.url` needs http:// or https:// in front: did you mean \"https://e.org/\"?",
            "DROPFEED_SITE__TIMEZONE: `site.timezone` must be an IANA time zone such as \
             \"Europe/Berlin\" or \"UTC\", not \"Berlin\", did you mean \"Europe/Berlin\"?",
        ],
    );
}

#[test]
fn listeners_are_told_apart() {
    for (text, message) in [
        (
            "server.listen = [\"unix:/run/a\", \"unix:///run/./a\"]",
            "`server.listen` lists unix:/run/a twice",
        ),
        (
            "server.listen = \"unix:\"",
            "`server.listen` must name the file of a Unix socket such as",
        ),
        ("server.listen = \"unix:/run/a/\"", "`server.listen` must name the file of a Unix socket"),
        ("admin.listen = \"unix:\"", "`admin.listen` must name the file of a Unix socket"),
        (
            "admin.listen = \"unix:/a\"\nserver.listen = \"unix:/a\"",
            "`admin.listen` is unix:/a, which is already in `server.listen`",
        ),
        ("server.unix_mode = \"rw\"", "`server.unix_mode` must be the mode of a file in octal"),
        (
            "server.trusted_proxies = \"10.0.0.1/8\"",
            "`server.trusted_proxies` lists \"10.0.0.1/8\", whose address has bits after its prefix",
        ),
        (
            "server.trusted_proxies = [\"unix\", \"proxy\"]",
            "`server.trusted_proxies` must list addresses, networks",
        ),
        ("tls.listen = \"0.0.0.0:443\"", "`tls.listen` needs `tls.certificate`"),
        (
            "tls = { listen = \"127.0.0.1:1\", certificate = \"a\", key = \"~/b\" }",
            "`tls.key` must be a path; `~` is not expanded",
        ),
        ("tls.redirect_listen = \"0.0.0.0:80\"", "`tls.redirect_listen` needs `tls.listen`"),
        ("tls.listen = [\"127.0.0.1:1\", \"127.0.0.1:1\"]", "`tls.listen` lists 127.0.0.1:1 twice"),
        ("server.listen = []", "`server.listen` must have from 1 to 1000 addresses"),
        (
            "server.listen = [\"localhost:1\", \"127.0.0.1:1\"]",
            "`server.listen` lists 127.0.0.1:1 twice",
        ),
        (
            "server.listen = [\"0.0.0.0:80\", \"127.0.0.1:80\", \"[::1]:80\"]",
            "`server.listen` lists 0.0.0.0:80 and 127.0.0.1:80, which overlap",
        ),
        (
            "tls.listen = [\"[2001:db8::1]:443\", \"[::]:443\"]",
            "`tls.listen` lists [2001:db8::1]:443 and [::]:443, which overlap",
        ),
        (
            "admin.listen = \"127.0.0.1:8080\"",
            "`admin.listen` is 127.0.0.1:8080, which is already in `server.listen`",
        ),
        ("admin.listen = [\"a:1\", \"b:1\"]", "`admin.listen` must be one address"),
        (
            "admin.listen = \"0.0.0.0:9180\"",
            "`admin.listen` is 0.0.0.0:9180, but must be a loopback address such as \"127.0.0.1:9180\"",
        ),
        (
            "admin.listen = \"[2001:db8::1]:1\"",
            "`admin.listen` is [2001:db8::1]:1, but must be a loopback address such as \"127.0.0.1:1\"",
        ),
        ("admin.max_connections = 0", "`admin.max_connections` is 0, but must be from 1 to 1024"),
        (
            "server.listen = 8080",
            "`server.listen` must be a string in quotes or a list of them, not 8080",
        ),
    ] {
        let got = parse(text, &[]).unwrap_err().to_string();
        assert!(got.starts_with(&format!("config.toml:1: {message}")), "{text}\n{got}");
    }
}

#[test]
fn tls_and_proxies_need_what_they_use() {
    let tls =
        "tls.listen = [\"127.0.0.1:443\"]\ntls.certificate = \"a.pem\"\ntls.key = \"b.pem\"\n";
    for (text, message) in [
        (
            "server.proxy_protocol = true".to_owned(),
            "config.toml: `server.proxy_protocol` needs `server.trusted_proxies`: its header is read from them alone",
        ),
        (
            format!("{tls}tls.redirect_listen = \"127.0.0.1:80\""),
            "config.toml: `tls.redirect_listen` redirects to `site.url` (http://127.0.0.1:8080/), which must be an \
             https address",
        ),
        (
            format!("{tls}server.listen = \"127.0.0.1:443\""),
            "config.toml: `tls.listen` lists 127.0.0.1:443, which is another listener already",
        ),
    ] {
        check(&text, &[], &[message]);
    }
    let file = |config: &Config| config.tls.certificate.clone();
    check_value(tls, &[], file, Some("/srv/a.pem".into()));
    let tls_of = |name: &str| tls.replace("a.pem", &format!("credential:{name}"));
    let passed = [("CREDENTIALS_DIRECTORY", "/run/credentials/dropfeed.service")];
    let path = "/run/credentials/dropfeed.service/site.pem";
    check_value(&tls_of("site.pem"), &passed, file, Some(path.into()));
    check_value(&tls_of("site.pem"), &[], file, Some("credential:site.pem".into()));
    for name in ["", ".", "..", "../key", "/etc/key"] {
        let message = format!(
            "config.toml:2: `tls.certificate` must name a credential such as \"credential:tls.key\", not \
             \"credential:{name}\""
        );
        let needs = "config.toml:1: `tls.listen` needs `tls.certificate`, a file in PEM format";
        check(&tls_of(name), &passed, &[needs, &message]);
    }
    // Nothing is left without TLS, and the site is at the address that has it.
    check_value(
        &format!("{tls}server.listen = []"),
        &[],
        |c| (c.server.listen.len(), c.site.url.to_string()),
        (0, "https://127.0.0.1/".to_owned()),
    );
    let warnings = parse(&format!("{tls}site.url = \"http://e.org\""), &[]).unwrap().1;
    assert!(warnings[0].message.starts_with("`tls.listen` is set, but every link"), "{warnings:?}");
    let warnings = parse(&tls.replace("127.0.0.1", "0.0.0.0"), &[]).unwrap().1;
    assert!(warnings[0].message.starts_with("`tls.listen` (0.0.0.0:443) accepts"), "{warnings:?}");
}

#[test]
fn a_unix_socket_is_a_place_to_listen_on() {
    let listen = |config: &Config| {
        config.server.listen.iter().map(ToString::to_string).collect::<Vec<String>>()
    };
    check_value(
        "server.listen = [\"unix:run/a.sock\", \"unix:///run/b.sock\", \"127.0.0.1:1\"]",
        &[],
        listen,
        ["unix:/srv/run/a.sock", "unix:/run/b.sock", "127.0.0.1:1"].map(str::to_owned).to_vec(),
    );
    for (text, url) in [
        ("server.listen = [\"unix:/run/a\", \"127.0.0.1:1\"]", "http://127.0.0.1:1/"),
        ("server.listen = \"unix:/run/a\"", "http://localhost/"),
    ] {
        check_value(text, &[], |c| c.site.url.to_string(), url.to_owned());
    }
    check_value("server.unix_mode = \"0666\"", &[], |c| c.server.unix_mode, 0o666);
}

#[test]
fn directories_stand_apart() {
    for (text, message) in [
        (
            "feeds.dir = \"articles/out\"",
            "`feeds.dir` (/srv/articles/out) and `articles.dir` (/srv/articles) must not be inside each other",
        ),
        (
            "articles.dir = \"feeds\"",
            "`feeds.dir` (/srv/feeds) and `articles.dir` (/srv/feeds) must not be inside each other",
        ),
        (
            "state.dir = \"articles/.state\"",
            "`state.dir` (/srv/articles/.state) must not be inside `articles.dir` (/srv/articles)",
        ),
        (
            "state.dir = \"feeds\"",
            "`state.dir` (/srv/feeds) must not be inside `feeds.dir` (/srv/feeds)",
        ),
    ] {
        check(text, &[], &[&format!("config.toml:1: {message}")]);
    }
    check_value(
        "state.dir = \"s\"\nfeeds.dir = \"s/feeds\"",
        &[],
        |c| c.feeds.dir.clone(),
        "/srv/s/feeds".into(),
    );
}

#[test]
fn other_programs_are_recognised() {
    for (text, program) in [
        (
            "base_url = \"https://e.org\"\ntitle = \"a\"\n[markdown]\nhighlight_code = true\n[extra]\na = 1",
            "Zola",
        ),
        (
            "baseURL = \"https://e.org/\"\nlanguageCode = \"en-us\"\ntheme = \"a\"\n[params]\na = 1",
            "Hugo",
        ),
    ] {
        let message = parse(text, &[]).unwrap_err().to_string();
        assert!(
            message.starts_with(&format!("config.toml: this is the configuration of {program}, ")),
            "{message}"
        );
        assert_eq!(message.lines().count(), 1);
    }
    for (file, word) in
        [("a/hugo.toml", "Hugo"), ("_config.yml", "Jekyll"), ("/etc/config.yaml", "TOML")]
    {
        let input = Input { text: "a: b", file, base: Path::new("/"), env: &[], world: &Nowhere };
        let message = Config::parse(&input).unwrap_err().to_string();
        assert!(message.starts_with(file) && message.contains(word), "{message}");
    }
}

#[test]
fn what_is_probably_not_meant_is_warned_about() {
    let warnings = |text: &str, env: &[(&str, &str)]| -> Vec<String> {
        parse(text, env).unwrap().1.iter().map(Finding::to_string).collect()
    };
    let open = warnings("[server]\nlisten = \"0.0.0.0:80\"", &[]);
    assert!(
        open[0].starts_with(
            "config.toml:2: `server.listen` (0.0.0.0:80) accepts connections from other machines"
        ),
        "{open:?}"
    );
    assert_eq!(
        warnings("server.listen = \"0.0.0.0:80\"\nsite.url = \"https://e.org\"", &[]),
        Vec::<String>::new()
    );
    assert_eq!(
        warnings("", &[("DROPFEED_SITE_URL", "https://e.org")]),
        ["DROPFEED_SITE_URL: is not used, did you mean `DROPFEED_SITE__URL`?"]
    );
    assert_eq!(
        warnings("", &[("DROPFEED_PORT", "1"), ("DROPFEED_SERVICE_HOST", "1")]),
        Vec::<String>::new()
    );
}

#[test]
fn what_needs_a_restart_is_named() {
    let old = default();
    let new = |text: &str| Config::of(text, Path::new("/srv")).unwrap();
    let changes = |text: &str| old.changes(&new(text));
    let Changes { applied, restart } = changes("site.language = \"de\"\narticles.dir = \"c\"");
    assert_eq!((applied, restart), (vec!["site.language", "articles.dir"], vec![]));
    let Changes { applied, restart } = changes("state.dir = \"a\"\nfeeds.dir = \"b\"");
    assert_eq!((applied, restart), (vec![], vec!["feeds.dir", "state.dir"]));
    assert_eq!(old.changes(&old), Changes::default());
    // All of `[server]`: the server is started once, with the limits of that moment.
    let server = known_keys().into_iter().filter(|key| key.starts_with("server."));
    for key in server {
        let value = match key.as_str() {
            "server.listen" => "\"127.0.0.1:1\"",
            "server.unix_mode" => "\"0600\"",
            "server.trusted_proxies" => "\"192.0.2.1\"",
            // Needs the key before it on both sides.
            "server.proxy_protocol" => continue,
            "server.fast_path" => "false",
            _ => "7",
        };
        let old = new("site.url = \"http://a.example\"");
        let changes =
            old.changes(&new(&format!("{key} = {value}\nsite.url = \"http://a.example\"")));
        assert_eq!((changes.applied, changes.restart), (vec![], vec![&*key]));
    }
}

#[test]
fn every_key_has_a_place_among_the_changes() {
    let url = "site.url = \"http://a.example\"";
    let old = Config::of(url, Path::new("/srv")).unwrap();
    for key in known_keys() {
        let value = match key.as_str() {
            // Those two need `pages.enabled = false` on both sides.
            "site.url" | "site.home" | "site.link_template" => continue,
            // Those need another key on both sides.
            "server.proxy_protocol" | "tls.listen" | "tls.redirect_listen" => continue,
            "server.unix_mode" => "\"0600\"",
            "server.fast_path" => "false",
            "server.trusted_proxies" => "\"192.0.2.1\"",
            "tls.certificate" | "tls.key" => "\"a.pem\"",
            "pages.enabled" => "false",
            "pages.browser_page" => "\"off\"",
            "pages.menu" => "[{ title = \"A\", url = \"/a\" }]",
            "pages.footer" => "\"x\"",
            "pages.stylesheet" => "\"site.css\"",
            "pages.intro" => "false",
            "pages.home" => "\"list\"",
            "articles.ignore" => "[\"x\"]",
            key if key.ends_with("_path") => "\"/x.xml\"",
            key if key.ends_with("_aliases") => "[\"/x.xml\"]",
            "articles.poll" | "articles.math" | "readers.enabled" => "true",
            "access_log.format" => "\"json\"",
            "access_log.anonymize" => "false",
            "articles.settle_ms" => "1",
            "articles.settle_max_ms" => "9000",
            "articles.max_bytes" | "articles.max_html_bytes" | "feeds.max_bytes" => "2048",
            "feeds.content" => "\"summary\"",
            "feeds.advertise" => "\"rss\"",
            "site.language" => "\"de\"",
            "site.timezone" => "\"Europe/Berlin\"",
            "server.listen" | "admin.listen" => "\"127.0.0.1:1\"",
            "access_log.path" => "\"x\"",
            "websub.hubs" => "[\"https://hub.example/\"]",
            "websub.own_hub" | "websub.rsscloud" | "websub.loopback_callbacks" => "true",
            "websub.signature" => "\"sha384\"",
            "websub.callback_ports" => "[8443]",
            "websub.roots" => "\"system\"",
            "notify.webhook" => "\"https://hook.example/\"",
            "notify.webhook_secret" | "notify.webhook_secret_file" => "\"x\"",
            "notify.on_publish" => "[\"/bin/true\"]",
            key if key.starts_with("site.") || key.ends_with(".dir") => "\"x\"",
            _ => "7",
        };
        let new = Config::of(&format!("{url}\n{key} = {value}"), Path::new("/srv")).unwrap();
        let Changes { applied, restart } = old.changes(&new);
        assert!(applied.iter().chain(&restart).any(|changed| *changed == key), "{key}");
    }
    let off = format!("{url}\npages.enabled = false");
    let old = Config::of(&off, Path::new("/srv")).unwrap();
    for (key, value) in [("site.home", "http://b.example"), ("site.link_template", "hugo")] {
        let new = Config::of(&format!("{off}\n{key} = \"{value}\""), Path::new("/srv")).unwrap();
        assert_eq!(old.changes(&new).applied, [key]);
    }
    let tls = "site.url = \"https://a.example\"\nserver.trusted_proxies = \"unix\"\ntls.certificate = \"a\"\n\
               tls.key = \"b\"\ntls.listen = \"127.0.0.1:1\"";
    let old = Config::of(tls, Path::new("/srv")).unwrap();
    for (key, text) in [
        ("server.proxy_protocol", format!("{tls}\nserver.proxy_protocol = true")),
        ("tls.redirect_listen", format!("{tls}\ntls.redirect_listen = \"127.0.0.1:2\"")),
        ("tls.listen", tls.replace("127.0.0.1:1", "127.0.0.1:3")),
    ] {
        let new = Config::of(&text, Path::new("/srv")).unwrap();
        assert_eq!(old.changes(&new), Changes { applied: vec![], restart: vec![key] });
    }
}

#[test]
fn the_state_directory_is_known_whatever_else_is_wrong() {
    for (text, env, dir) in [
        ("", None, "/srv/.dropfeed"),
        ("state.dir = \"a\"\nsite.titel = \"x\"\nfeeds.limit = \"many\"", None, "/srv/a"),
        ("[state]\ndir = \"/b\"\n[site\ntitle = [", None, "/b"),
        ("[server]\nlisten = \"nowhere:1\"\n[state]\ndir = \"/b\"", None, "/b"),
        ("state.dir = \"a\"", Some(("DROPFEED_STATE__DIR", "/c")), "/c"),
        ("x = ", Some(("STATE_DIRECTORY", "/var/lib/x")), "/var/lib/x/state"),
    ] {
        let env: Vec<_> =
            env.iter().map(|(k, v): &(&str, &str)| (k.to_string(), v.to_string())).collect();
        let (file, base) = ("config.toml", Path::new("/srv"));
        let input = Input { text, file, base, env: &env, world: &Nowhere };
        assert_eq!(Config::state_dir(&input).unwrap(), Path::new(dir), "{text}");
    }
}

#[test]
fn views_are_read() {
    let text = "[[view]]\nname = \"best-of\"\ntags = \"best\"\n\
        [[view]]\nname = \"news-für-alle\"\ntitle = \"News\"\ndescription = \"All of it\"\n\
        directories = [\"/news/\", \"blog/2026\"]\nnot_tags = [\"C++\", \"a\"]\nnot_authors = [\"Ada\"]\n";
    let views = Config::of(text, Path::new("/srv")).unwrap().views;
    let [best, news] = &views[..] else { panic!("{views:?}") };
    assert_eq!((best.name.as_str(), best.title.as_str()), ("best-of", "best-of"));
    assert_eq!(
        (best.description.as_deref(), &best.with.tags[..]),
        (None, &["best".to_owned()][..])
    );
    assert_eq!(best.without, Selection::default());
    assert_eq!((news.title.as_str(), news.description.as_deref()), ("News", Some("All of it")));
    let directories: Vec<&str> = news.with.directories.iter().map(RelPath::as_str).collect();
    assert_eq!(directories, ["news", "blog/2026"]);
    assert_eq!(news.without.tags, ["C++", "a"]);
    assert_eq!(news.without.authors, ["Ada"]);
    // An inline array is the same.
    let inline = "view = [{name = \"best-of\", tags = [\"best\"]}]";
    assert_eq!(Config::of(inline, Path::new("/srv")).unwrap().views, views[..1]);
}

#[test]
fn mistakes_in_views_are_named_with_their_lines() {
    let name = "`view.name` must be letters in lower case, digits and single hyphens, at most 100, such as";
    let selects = "`[[view]]` selects nothing; set at least one of `directories`, `tags`, `authors`, \
        `not_directories`, `not_tags`, `not_authors`";
    let directory =
        "must name directories in the article directory, such as \"news\" or \"news/2026\", not";
    for (text, message) in [
        ("tags = \"a\"", "config.toml:1: `[[view]]` has no `name`".to_owned()),
        ("name = \"\"\ntags = \"a\"", "config.toml:2: `view.name` is empty".to_owned()),
        (
            "name = 1\ntags = \"a\"",
            "config.toml:2: `view.name` must be a string in quotes, not 1".to_owned(),
        ),
        (
            "name = \"My View\"\ntags = \"a\"",
            format!("config.toml:2: {name} \"my-view\", not \"My View\""),
        ),
        ("name = \"a/b\"\ntags = \"a\"", format!("config.toml:2: {name} \"a-b\", not \"a/b\"")),
        (
            "name = \"rss.xml\"\ntags = \"a\"",
            format!("config.toml:2: {name} \"rss-xml\", not \"rss.xml\""),
        ),
        (
            "name = \"archive\"\ntags = \"a\"",
            "config.toml:2: `view.name` \"archive\" is reserved; choose another".to_owned(),
        ),
        ("name = \"a\"", format!("config.toml:1: {selects}")),
        ("name = \"a\"\ntitle = \"A\"", format!("config.toml:1: {selects}")),
        (
            "name = \"a\"\ntags = []",
            "config.toml:3: `view.tags` is empty or has an empty text".to_owned(),
        ),
        (
            "name = \"a\"\nnot_tags = [\"\"]",
            "config.toml:3: `view.not_tags` is empty or has an empty text".to_owned(),
        ),
        (
            "name = \"a\"\ntags = 1",
            "config.toml:3: `view.tags` must be a string in quotes or a list of them, not 1"
                .to_owned(),
        ),
        (
            "name = \"a\"\ntags = \"a\"\ntitle = \"\"",
            "config.toml:4: `view.title` is empty".to_owned(),
        ),
        (
            "name = \"a\"\ntag = \"a\"\ntags = \"b\"",
            "config.toml:3: unknown key `tag` in [[view]], did you mean `tags`?".to_owned(),
        ),
        (
            "name = \"a\"\ndirectories = \"../b\"",
            format!("config.toml:3: `view.directories` {directory} \"../b\""),
        ),
        (
            "name = \"a\"\nnot_directories = [\"/\"]",
            format!("config.toml:3: `view.not_directories` {directory} \"/\""),
        ),
        (
            "name = \"a\"\ntags = \"a\"\n[[view]]\nname = \"a\"\ntags = \"b\"",
            "config.toml:5: `view.name` \"a\" is already used at config.toml:1".to_owned(),
        ),
    ] {
        check(&format!("[[view]]\n{text}"), &[], &[&message]);
    }
    check("[view]\nname = \"a\"", &[], &["config.toml:1: `[view]` must be written `[[view]]`"]);
    let mut many = String::new();
    for n in 0..34 {
        many += &format!("[[view]]\nname = \"v{n}\"\ntags = \"a\"\n");
    }
    check(&many, &[], &["config.toml:97: there are more than 32 `[[view]]`"]);
    let names = vec!["\"a\""; 101].join(",");
    check(
        &format!("[[view]]\nname = \"a\"\ntags = [{names}]"),
        &[],
        &["config.toml:3: `view.tags` has more than 100 names"],
    );
    // A variable cannot set a key of one of several.
    check(
        "[[view]]\nname = \"a\"\ntags = \"b\"",
        &[("DROPFEED_VIEW__NAME", "c")],
        &["DROPFEED_VIEW__NAME: there is no such key, did you mean `DROPFEED_SITE__HOME`?"],
    );
}

/// A header or a key, with or without a mistake of syntax.
const NEARLY_TOML: &str = concat!(
    r"(\[{0,2}(site|feeds|server|view|x)\]{0,2}|(dir|limit|listen|title|name|tags|not_directories) ?=? ?",
    r#"([0-9]{0,3}|"[a-z:/.0-9]{0,9}"?|\[.{0,4}\]?|\{.{0,4}\}?))"#
);

proptest! {
    #[test]
    fn no_text_panics(text in any::<String>(), value in any::<String>()) {
        let _ = parse(&text, &[("DROPFEED_FEEDS__LIMIT", &value), ("STATE_DIRECTORY", &value)]);
    }

    #[test]
    fn no_value_panics(value in any::<String>(), key in 0..8usize) {
        let key = ["site.url", "site.language", "site.timezone", "site.title", "server.listen", "articles.ignore",
            "articles.dir", "feeds.content"][key];
        let _ = parse(&format!("{key} = {}", serde_json::to_string(&value).unwrap()), &[]);
    }

    #[test]
    fn no_toml_panics(lines in proptest::collection::vec(NEARLY_TOML, 0..8)) {
        let _ = parse(&lines.join("\n"), &[]);
    }

    #[test]
    fn a_message_is_a_line(value in any::<String>()) {
        let toml = serde_json::to_string(&value).unwrap();
        if let Err(errors) = parse(&format!("site.language = {toml}\n{toml} = 1\n[{toml}]"), &[]) {
            for mistake in &errors.0 {
                prop_assert!(!mistake.message.contains(['\n', '\r', '\u{1b}']), "{:?}", mistake.message);
            }
        }
    }
}

#[test]
fn pages_may_be_elsewhere() {
    let off = "pages.enabled = false\nsite.url = \"https://f.example/\"\n";
    let shown = |config: &Config| {
        let elsewhere = config.site.elsewhere.as_ref();
        elsewhere.map(|elsewhere| format!("{} {}", elsewhere.home, elsewhere.link_template))
    };
    let elsewhere = |text: &str, expected: &str| {
        check_value(&format!("{off}{text}"), &[], shown, Some(expected.to_owned()));
    };
    check_value("site.home = \"\"", &[], shown, None);
    elsewhere("", "https://f.example/ {path}");
    elsewhere("site.home = \"https://b.example/x\"", "https://b.example/x/ {path}");
    elsewhere("site.link_template = \"hugo\"", "https://f.example/ {path}/");
    elsewhere("site.link_template = \"p/{slug}.html\"", "https://f.example/ p/{slug}.html");
    check(
        "[site]\nhome = \"https://b.example/\"\nlink_template = \"hugo\"",
        &[],
        &[
            "config.toml:2: `site.home` is for pages elsewhere, and needs `pages.enabled = false`",
            "config.toml:3: `site.link_template` is for pages elsewhere, and needs `pages.enabled = false`",
        ],
    );
    check(
        &format!("{off}site.link_template = \"/{{slag}}/\""),
        &[],
        &[
            "config.toml:3: `site.link_template` has an unknown placeholder in \"/{slag}/\"; known are {path}, \
           {slug}, {year}, {month}, {day}",
        ],
    );
    check(
        &format!("{off}site.link_template = \"javascript:{{slug}}\""),
        &[],
        &[
            "config.toml:3: `site.link_template` must be a path or begin with https://, not \"javascript:{slug}\"",
        ],
    );
    check(
        &format!("{off}site.link_template = \"hexo\""),
        &[],
        &[
            "config.toml:3: `site.link_template` must contain {path} or {slug}, or be one of jekyll, hugo, zola, \
           eleventy, wordpress, not \"hexo\"",
        ],
    );
}

#[test]
fn what_is_pushed_is_read() {
    let text = "site.url = \"https://e.org/blog\"\n[websub]\nhubs = [\"https://hub.example\", \"http://127.0.0.1:81/x?y\"]\n\
        own_hub = true\npush_delay_s = 60\ncallback_ports = [443, 8443]\nroots = \"system\"\n\
        [notify]\nwebhook = \"http://localhost:9/hook\"\nwebhook_secret_file = \"secret\"\n\
        on_publish = [\"/usr/bin/env\", \"x\", \"{url}\"]\n";
    let config = Config::of(text, Path::new("/srv")).unwrap();
    let Websub { hubs, callback_ports, push_delay, .. } = &config.websub;
    assert_eq!((hubs.len(), &callback_ports[..], push_delay.as_secs()), (2, &[443, 8443][..], 60));
    assert_eq!(
        config.site.hub_urls(),
        ["https://hub.example/", "http://127.0.0.1:81/x?y", "https://e.org/blog/-/hub"]
    );
    assert_eq!(config.notify.webhook_secret, Some(Secret::File("/srv/secret".into())));
    assert_eq!(config.notify.on_publish, ["/usr/bin/env", "x", "{url}"]);
    let ports = parse("", &[("DROPFEED_WEBSUB__CALLBACK_PORTS", "80, 8080")]).unwrap().0;
    assert_eq!(ports.websub.callback_ports, [80, 8080]);
    assert!(!default().websub.is_on() && !default().notify.is_on());
}

#[test]
fn what_cannot_be_pushed_is_refused() {
    for (text, expected) in [
        ("websub.hubs = [\"hub.example\"]", "must be a URL that begins with http"),
        ("websub.hubs = [\"https://u:p@hub.example/\"]", "must not contain a user name"),
        ("websub.hubs = [\"https://hub.example/#x\"]", "must not have a fragment"),
        ("websub.hubs = [\"https://a.example\", \"https://a.example/\"]", "twice"),
        ("websub.callback_ports = []", "from 1 to 64 ports"),
        ("websub.callback_ports = [0]", "a list of whole numbers from 1 to 65535"),
        ("websub.callback_ports = [\"80\"]", "a list of whole numbers"),
        ("websub.roots = \"mine\"", "must be"),
        ("websub.push_delay_s = 3601", "from 0 to 3600"),
        ("notify.webhook = \"ftp://x\"", "must be a URL"),
        ("notify.on_publish = [\"touch\", \"/x\"]", "absolute path"),
        ("notify.on_publish = [\"/bin/x\\u0000\"]", "U+0000"),
        ("[notify]\nwebhook_secret = \"a\"\nwebhook_secret_file = \"b\"", "must not both be set"),
        (
            "websub.loopback_callbacks = true\nserver.listen = [\"127.0.0.1:1\", \"0.0.0.0:2\"]",
            "`websub.loopback_callbacks` is for tests",
        ),
        (
            "websub.loopback_callbacks = true\nserver.listen = \"unix:/run/x\"",
            "`websub.loopback_callbacks` is for tests",
        ),
    ] {
        let message = Config::of(text, Path::new("/srv")).unwrap_err().to_string();
        assert!(message.contains(expected), "{text}: {message}");
    }
    assert!(Config::of("websub.loopback_callbacks = true", Path::new("/srv")).is_ok());
}

#[test]
fn a_secret_is_never_shown() {
    let config = Config::of("notify.webhook_secret = \"hush\"", Path::new("/srv")).unwrap();
    assert_eq!(config.notify.webhook_secret, Some(Secret::Text("hush".to_owned())));
    assert!(!format!("{config:?}").contains("hush"));
    for text in ["notify.webhook_secret = 4711", "notify.webhook = \"x4711\""] {
        let message = Config::of(text, Path::new("/srv")).unwrap_err().to_string();
        assert!(!message.contains("4711"), "{message}");
    }
}

/// A reload never makes feeds name a hub that is not told of changes.
#[test]
fn hubs_stay_as_they_were_at_the_start() {
    let started = Config::of("websub.hubs = [\"https://a.example\"]", Path::new("/srv")).unwrap();
    let text = "site.title = \"New\"\n[websub]\nhubs = [\"https://b.example\"]\nown_hub = true";
    let mut new = Config::of(text, Path::new("/srv")).unwrap();
    let Changes { applied, restart } = started.changes(&new);
    assert_eq!(restart, ["websub.hubs", "websub.own_hub"]);
    assert!(applied.contains(&"site.title"));
    new.keep_started(&started);
    assert_eq!(new.site.hub_urls(), ["https://a.example/"]);
    assert_eq!((new.websub, new.site.title.as_str()), (started.websub, "New"));
}
