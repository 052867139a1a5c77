//! The access log of a running dropfeed: its lines, its file, its rotation.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use crate::fixture::{Site, eventually};

const COMBINED: &str = "access_log.format = \"combined\"\naccess_log.path = \"access.log\"\naccess_log.anonymize = false";

/// A started site with one article, and a log of this configuration.
fn site(settings: &str) -> Site {
    let site = Site::started(settings);
    site.drop_in("a.md", "# First\n\nText");
    site.appears("First");
    site
}

/// The lines of the log that name this, once there are `count` of them.
fn lines(site: &Site, file: &str, name: &str, count: usize) -> Vec<String> {
    let mut found = Vec::new();
    eventually(&format!("{count} lines of {file} name {name}"), || {
        let text = fs::read_to_string(site.dir.path().join(file)).unwrap_or_default();
        found = text.lines().filter(|line| line.contains(name)).map(str::to_owned).collect();
        found.len() >= count
    });
    assert_eq!(found.len(), count, "{found:?}");
    found
}

/// Sends bytes as they are, and reads the answer to its end.
fn send(site: &Site, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(site.address()).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// The line without its time.
fn without_time(line: &str) -> String {
    let (start, rest) = line.split_once(" [").unwrap();
    let (time, end) = rest.split_once("] ").unwrap();
    assert!(time.ends_with(" +0000") && time.len() == 26, "{line}");
    format!("{start} {end}")
}

#[test]
fn each_request_has_a_line_that_apache_could_have_written() {
    let mut site = site(COMBINED);
    let whole = site.get_with("/rss.xml?one", "User-Agent: Reader/1.0 (2 subscribers)\r\n");
    let etag = whole.header("etag").unwrap().to_owned();
    site.get_with("/rss.xml?two", &format!("If-None-Match: {etag}\r\nReferer: http://b/\r\n"));
    site.head("/rss.xml?three");
    site.get_with("/none?four", "User-Agent: a\"\\\t\u{e9}\r\n");
    send(&site, b"GET /five HTTP/1.1\r\nHost: h\r\nBad Field: x\r\n\r\n");
    send(&site, b"\x16\x03\x01six\r\n\r\n");
    let missing = site.get("/none?seven").body.len();
    for (name, expected) in [
        (
            "?one",
            format!(
                "127.0.0.1 - - \"GET /rss.xml?one HTTP/1.1\" 200 {} \"-\" \"Reader/1.0 (2 subscribers)\"",
                whole.body.len()
            ),
        ),
        (
            "?two",
            "127.0.0.1 - - \"GET /rss.xml?two HTTP/1.1\" 304 - \"http://b/\" \"-\"".to_owned(),
        ),
        ("?three", "127.0.0.1 - - \"HEAD /rss.xml?three HTTP/1.1\" 200 - \"-\" \"-\"".to_owned()),
        (
            "?four",
            format!(
                "127.0.0.1 - - \"GET /none?four HTTP/1.1\" 404 {missing} \"-\" \"a\\\"\\\\\\t\\xc3\\xa9\""
            ),
        ),
        ("/five", "127.0.0.1 - - \"GET /five HTTP/1.1\" 400 - \"-\" \"-\"".to_owned()),
        ("six", "127.0.0.1 - - \"\\x16\\x03\\x01six\" 400 - \"-\" \"-\"".to_owned()),
    ] {
        assert_eq!(without_time(&lines(&site, "access.log", name, 1)[0]), expected);
    }
    let mode = fs::metadata(site.dir.path().join("access.log")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777 & !0o640, 0, "{mode:o}");
    // What is answered last is written before the end.
    site.get("/last");
    site.stop();
    lines(&site, "access.log", "/last", 1);
}

#[test]
fn logrotate_by_rename_create_and_copytruncate() {
    let site = site(COMBINED);
    let log = site.dir.path().join("access.log");
    site.get("/one");
    lines(&site, "access.log", "/one", 1);
    fs::rename(&log, site.dir.path().join("access.log.1")).unwrap();
    site.get("/two");
    let reloaded = site.command(&["reload"]).output().unwrap();
    assert!(reloaded.status.success(), "{reloaded:?}");
    // Written to the old file until the reload, and to the new one when it has returned.
    lines(&site, "access.log.1", "/two", 1);
    assert_eq!(fs::read_to_string(&log).unwrap(), "");
    site.get("/three");
    lines(&site, "access.log", "/three", 1);
    // `create`: logrotate makes the new file itself.
    fs::rename(&log, site.dir.path().join("access.log.2")).unwrap();
    File::create(&log).unwrap();
    site.hang_up();
    let mut n = 0;
    eventually("a line is in the new file", || {
        n += 1;
        site.get(&format!("/four{n}"));
        !fs::read_to_string(&log).unwrap().is_empty()
    });
    // `copytruncate`: the same file is empty again, and no hole is left before the next line.
    lines(&site, "access.log", &format!("/four{n} "), 1);
    File::create(&log).unwrap();
    site.get("/five");
    lines(&site, "access.log", "/five", 1);
    let text = fs::read_to_string(&log).unwrap();
    assert!(text.starts_with("127.0.0.1 ") && text.ends_with("\"-\"\n"), "{text:?}");
}

#[test]
fn json_to_standard_output_with_addresses_that_name_nobody() {
    let site = Site::new("access_log.format = \"json\"");
    let file = site.dir.path().join("out");
    let mut command = site.command(&["serve"]);
    command.stdout(File::create(&file).unwrap()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    let address = loop {
        let line = log.next().unwrap().unwrap();
        if let Some((_, rest)) = line.split_once("listening on http://") {
            break rest.split(',').next().unwrap().to_owned();
        }
    };
    // What it says afterwards is not read, and does not fill the pipe.
    std::thread::spawn(move || log.for_each(drop));
    crate::fixture::get(&address, "/-/healthy?x", "User-Agent: \u{e9}\r\n");
    eventually("the line is written", || fs::read_to_string(&file).unwrap().ends_with('\n'));
    child.kill().unwrap();
    child.wait().unwrap();
    let text = fs::read_to_string(&file).unwrap();
    let line: serde_json::Value = serde_json::from_str(text.trim_end()).unwrap();
    for (field, value) in [
        ("address", "127.0.0.0".into()),
        ("method", "GET".into()),
        ("target", "/-/healthy?x".into()),
        ("protocol", "HTTP/1.1".into()),
        ("status", 200.into()),
        ("body_bytes", serde_json::Value::from(8)),
        ("whole", true.into()),
        ("coding", "identity".into()),
        ("referer", serde_json::Value::Null),
        ("user_agent", "\u{e9}".into()),
        ("refused", serde_json::Value::Null),
    ] {
        assert_eq!(line[field], value, "{field}: {text}");
    }
}

#[test]
fn a_log_that_cannot_be_written_is_an_error_at_the_start() {
    for path in ["no/such/directory/a.log", "articles"] {
        let site =
            Site::new(&format!("access_log.format = \"combined\"\naccess_log.path = \"{path}\""));
        let output = site.command(&["serve"]).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(78), "{said}");
        assert!(
            said.contains("cannot write to access_log.path, ") && said.lines().count() == 1,
            "{said}"
        );
        let output = site.command(&["check"]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("cannot write to access_log.path, "), "{said}");
    }
}
