//! Any header fields are read without a panic, and what is chosen from them is acceptable.

#![no_main]

use dropfeed::testing::http::{encoding, range, request};
use dropfeed::testing::publish::Coding;
use http::header::{ACCEPT, ACCEPT_ENCODING, HOST, HeaderName, RANGE};
use http::{HeaderMap, HeaderValue, Request};
use libfuzzer_sys::fuzz_target;

const FIELDS: [HeaderName; 5] = [ACCEPT_ENCODING, RANGE, HOST, ACCEPT, HeaderName::from_static("a-im")];

// The first line is the method and the target, and the length of a file. Every other line is a field: its first byte
// says which.
fuzz_target!(|input: &[u8]| {
    let mut lines = input.split(|byte| *byte == b'\n');
    let first = lines.next().unwrap_or_default();
    let mut headers = HeaderMap::new();
    for line in lines {
        let Some((which, value)) = line.split_first() else { continue };
        let Ok(value) = HeaderValue::from_bytes(value) else { continue };
        headers.append(FIELDS[usize::from(*which) % FIELDS.len()].clone(), value);
    }
    let len_bytes = first.len() as u64;
    check_encoding(&headers);
    check_range(&headers, len_bytes);
    check_names(&headers);
    check_request(first, headers);
});

/// What is chosen was named, or `*` was; nothing is chosen that was refused alone.
fn check_encoding(headers: &HeaderMap) {
    let chosen = encoding::choose(headers);
    let named = all(headers, &ACCEPT_ENCODING);
    if chosen != Coding::Identity {
        let name = chosen.name();
        assert!(named.contains(name) || named.contains('*'), "{name} was not asked for: {named:?}");
    }
    // A client that accepts everything gets the smallest, whatever it adds that is not valid.
    let mut more = HeaderMap::new();
    more.append(ACCEPT_ENCODING, HeaderValue::from_static("br;q=1, gzip;q=1"));
    for value in headers.get_all(ACCEPT_ENCODING) {
        more.append(ACCEPT_ENCODING, value.clone());
    }
    assert_eq!(encoding::choose(&more), Coding::Br, "the first of a name counts");
    // A coding with a quality of zero is never chosen.
    more.insert(ACCEPT_ENCODING, HeaderValue::from_static("br;q=0, gzip;q=0.000"));
    for value in headers.get_all(ACCEPT_ENCODING) {
        more.append(ACCEPT_ENCODING, value.clone());
    }
    assert_eq!(encoding::choose(&more), Coding::Identity, "{named:?}");
}

/// A range lies inside; without the field, the whole is sent.
fn check_range(headers: &HeaderMap, len_bytes: u64) {
    let ranged = range::ranged(headers, len_bytes);
    match ranged {
        range::Ranged::Part { first, last } => assert!(first <= last && last < len_bytes),
        range::Ranged::Unsatisfiable | range::Ranged::Whole => {}
    }
    assert_eq!(ranged.content_range(len_bytes).is_none(), ranged == range::Ranged::Whole);
    if headers.get_all(RANGE).iter().count() != 1 {
        assert_eq!(ranged, range::Ranged::Whole);
    }
}

/// A token that is found is in the field, in whatever case.
fn check_names(headers: &HeaderMap) {
    for (field, token) in [(&ACCEPT, "text/html"), (&FIELDS[4], "feed")] {
        if encoding::names(headers, field, token) {
            assert!(all(headers, field).contains(token));
        }
    }
}

/// A request is refused with a status of its own, or has exactly one Host.
fn check_request(first: &[u8], headers: HeaderMap) {
    let mut words = first.splitn(2, |byte| *byte == b' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let Ok(request) = Request::builder().method(method).uri(target).body(()) else { return };
    let (mut head, ()) = request.into_parts();
    head.headers = headers;
    match request::check(&head) {
        Ok(_) => {
            assert_eq!(head.headers.get_all(HOST).iter().count(), 1);
            assert!(head.uri.path().starts_with('/') || head.uri.path() == "*");
        }
        Err(problem) => {
            let status = problem.status().as_u16();
            assert!(matches!(status, 400 | 405 | 414 | 431 | 501), "{status}");
        }
    }
}

/// All lines of a field in lower case.
fn all(headers: &HeaderMap, field: &HeaderName) -> String {
    let mut text = String::new();
    for value in headers.get_all(field) {
        text.push_str(&String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase());
        text.push(',');
    }
    text
}
