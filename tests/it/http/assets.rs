//! What assets cost: counted in bytes that the process reads.

use std::fs::{self, File};

use super::rig::{Answer, Client, request};
use crate::fixture::{Site, eventually};

/// The bytes that a site's process has read so far: proc(5), `rchar`.
fn read_bytes(site: &Site) -> u64 {
    let io = fs::read_to_string(format!("/proc/{}/io", site.process())).unwrap();
    io.lines().find_map(|line| line.strip_prefix("rchar: ")).unwrap().parse().unwrap()
}

fn ask(site: &Site, short: &str) -> Answer {
    let mut client = Client::connect(site.address().parse().unwrap());
    client.send(&request(short));
    client.answer(short.starts_with("HEAD"))
}

/// Waits until the file is there, with a tag: it is not named as long as it is very young.
fn tag(site: &Site, path: &str) -> String {
    let mut tag = None;
    eventually("the file is served with a tag", || {
        let answer = ask(site, &format!("HEAD {path}"));
        tag = answer.field("etag").map(str::to_owned);
        answer.status == 200 && tag.is_some()
    });
    tag.unwrap()
}

/// A file of `len_bytes`, most of which takes up no place on the disk.
fn sparse(site: &Site, name: &str, len_bytes: u64) {
    let to = site.articles().join(name);
    File::create(&to).unwrap().set_len(len_bytes).unwrap();
}

#[test]
fn a_large_file_is_read_only_where_it_is_sent() {
    const LEN_BYTES: u64 = 8 << 30;
    let site = Site::started("");
    sparse(&site, "film.mp4", LEN_BYTES);
    let first = tag(&site, "/film.mp4");
    let ranged = "GET /film.mp4\nRange: bytes=5000000000-5000000000";
    for (short, expected) in [
        ("HEAD /film.mp4", format!("200 | content-length: {LEN_BYTES} | etag: {first}")),
        (&format!("GET /film.mp4\nIf-None-Match: {first}"), format!("304 | etag: {first}")),
        (ranged, format!("206 | content-length: 1 | etag: {first}")),
        (&format!("{ranged}\nIf-Range: {first}"), "206 | content-length: 1".to_owned()),
    ] {
        ask(&site, short).check(short, &expected);
    }
    // The scans and the requests themselves take some; the file would be thousands of times that.
    let read = read_bytes(&site);
    assert!(read < 16 << 20, "{read} bytes were read");

    // Another version of the same length has another tag.
    File::options().write(true).open(site.articles().join("film.mp4")).unwrap().set_len(1).unwrap();
    sparse(&site, "film.mp4", LEN_BYTES);
    assert_ne!(tag(&site, "/film.mp4"), first);
}

#[test]
fn a_small_file_is_digested_once_for_each_version() {
    const LEN_BYTES: u64 = 8 << 20;
    let site = Site::started("");
    sparse(&site, "cat.png", LEN_BYTES);
    let first = tag(&site, "/cat.png");
    eventually("it is old enough for its digest to be remembered", || {
        let before = read_bytes(&site);
        ask(&site, "HEAD /cat.png");
        read_bytes(&site) - before < LEN_BYTES
    });
    let before = read_bytes(&site);
    for _ in 0..50 {
        assert_eq!(ask(&site, "HEAD /cat.png").field("etag"), Some(first.as_str()));
    }
    let read = read_bytes(&site) - before;
    assert!(read < LEN_BYTES, "{read} bytes were read");

    // A copy has the same bytes, and so the same tag, on every machine.
    sparse(&site, "copy.png", LEN_BYTES);
    assert_eq!(tag(&site, "/copy.png"), first);
}
