//! Any header fields have a verdict: what is named is there, and without preconditions there is nothing to fail.

#![no_main]

use dropfeed::testing::http::conditional::{Dating, Validators, Verdict, evaluate, range_applies, tags};
use http::header::{HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE};
use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;

const FIELDS: [HeaderName; 5] = [IF_MATCH, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE, IF_RANGE];

// A line of the input is a field: its first byte says which.
fuzz_target!(|input: &[u8]| {
    let mut headers = HeaderMap::new();
    for line in input.split(|byte| *byte == b'\n') {
        let Some((which, value)) = line.split_first() else { continue };
        let Ok(value) = HeaderValue::from_bytes(value) else { continue };
        headers.append(FIELDS[usize::from(*which) % FIELDS.len()].clone(), value);
    }
    let etags = [HeaderValue::from_static("\"a\""), HeaderValue::from_static("\"a-gzip\"")];
    let date = HeaderValue::from_static("Sat, 28 Nov 2026 12:00:00 GMT");
    let current = Validators { etags: &etags, modified: Some(1_795_867_200), modified_value: Some(&date), dating: Dating::Forward };
    match evaluate(&headers, &current) {
        Verdict::NotModified(place) => {
            assert!(headers.contains_key(IF_NONE_MATCH) || headers.contains_key(IF_MODIFIED_SINCE));
            assert!(place.is_none_or(|place| place < etags.len()));
        }
        Verdict::Failed => {
            assert!(headers.contains_key(IF_MATCH) || headers.contains_key(IF_UNMODIFIED_SINCE));
        }
        Verdict::Proceed => {}
    }
    if !headers.contains_key(IF_RANGE) {
        assert!(range_applies(&headers, &current, 1_795_867_300), "a Range without a condition applies");
    }
    assert!(tags(&headers).all(|tag| tag.len() >= 2 && tag.starts_with(b"\"") && tag.ends_with(b"\"")));
    headers.remove(IF_MATCH);
    headers.remove(IF_UNMODIFIED_SINCE);
    headers.insert(IF_NONE_MATCH, etags[1].clone());
    assert_eq!(evaluate(&headers, &current), Verdict::NotModified(Some(1)));
});
