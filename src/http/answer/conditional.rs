//! Conditional requests: RFC 9110, 13. Pure; evaluated for GET and HEAD of what would otherwise be
//! answered 200.

use std::time::{SystemTime, UNIX_EPOCH};

use http::header::{
    HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE,
};
use http::{HeaderMap, HeaderValue};

/// A point in time in whole seconds since 1970, the resolution of HTTP dates.
pub type Seconds = i64;

/// The validators of the current representation (RFC 9110, 8.8).
#[derive(Debug, Clone, Copy)]
pub struct Validators<'a> {
    /// The strong ETags of its codings; each of them names these bytes.
    pub etags: &'a [HeaderValue],
    /// The date of its last modification, if it is known and is not in the future.
    pub modified: Option<Seconds>,
    /// The same as a header value: if a client sends it back, it need not be parsed.
    pub modified_value: Option<&'a HeaderValue>,
    /// The way in which that date changes.
    pub dating: Dating,
}

/// The way in which the date of a representation changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dating {
    /// It only moves forward: a later date that a client sends means the same version.
    Forward,
    /// It may go back, as that of a file that an older one replaces: only the same date means the
    /// same version. RFC 9110 (13.1.3) has a server compare for earlier dates, but does not require
    /// it.
    Any,
}

/// The outcome of the preconditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Answer as without preconditions.
    Proceed,
    /// 304, with the index in [`Validators::etags`] of the tag that the client has, if it sent one.
    NotModified(Option<usize>),
    /// 412: a precondition is false.
    Failed,
}

/// Evaluates the preconditions of a GET or HEAD in the order of RFC 9110, 13.2.2:
///
/// 1. When If-Match is present: true, go to 3; false, 412.
/// 2. When If-Match is not present and If-Unmodified-Since is: true, go to 3; false, 412.
/// 3. When If-None-Match is present: true, go to 5; false, 304.
/// 4. When If-None-Match is not present and If-Modified-Since is: true, go to 5; false, 304.
/// 5. When Range and If-Range are present, see [`range_applies`].
/// 6. Otherwise perform the method.
pub fn evaluate(headers: &HeaderMap, current: &Validators<'_>) -> Verdict {
    if headers.contains_key(IF_MATCH) {
        if matching(headers, &IF_MATCH, current.etags, Comparison::Strong).is_none() {
            return Verdict::Failed;
        }
    } else if modified_since(headers, &IF_UNMODIFIED_SINCE, current) == Some(true) {
        return Verdict::Failed;
    }
    if headers.contains_key(IF_NONE_MATCH) {
        if let Some(tag) = matching(headers, &IF_NONE_MATCH, current.etags, Comparison::Weak) {
            return Verdict::NotModified(tag.place());
        }
    } else if modified_since(headers, &IF_MODIFIED_SINCE, current) == Some(false)
        && (current.dating == Dating::Forward || is_dated(headers, current))
    {
        return Verdict::NotModified(None);
    }
    Verdict::Proceed
}

/// Whether a Range field applies (RFC 9110, 13.1.5). It does without If-Range; with it only if the
/// strong tag or the exact date is that of the current representation. A date counts only when its
/// second is over (8.8.2.2): the file may change again within it.
pub fn range_applies(headers: &HeaderMap, current: &Validators<'_>, now: Seconds) -> bool {
    let mut lines = headers.get_all(IF_RANGE).iter();
    let Some(line) = lines.next() else { return true };
    if lines.next().is_some() {
        return false;
    }
    let text = line.as_bytes().trim_ascii();
    if text.starts_with(b"\"") || text.starts_with(b"W/") {
        return current.etags.iter().any(|tag| tag.as_bytes() == text);
    }
    let dated = current.modified.filter(|modified| *modified < now);
    dated.is_some() && date(text) == dated
}

/// The comparison of entity tags (RFC 9110, 8.8.3.2).
#[derive(Clone, Copy, PartialEq)]
enum Comparison {
    Strong,
    Weak,
}

/// The member of a list that matched.
enum Matched {
    Any,
    Tag(usize),
}

impl Matched {
    fn place(&self) -> Option<usize> {
        match self {
            Matched::Any => None,
            Matched::Tag(place) => Some(*place),
        }
    }
}

/// The first of the listed tags that is one of `etags`; `*` matches any representation.
fn matching(
    headers: &HeaderMap,
    name: &HeaderName,
    etags: &[HeaderValue],
    how: Comparison,
) -> Option<Matched> {
    for line in headers.get_all(name) {
        let mut rest = line.as_bytes();
        // `*` is a field of its own, and not a member of a list (13.1.1).
        if rest.trim_ascii() == b"*" {
            return Some(Matched::Any);
        }
        while let Some((weak, tag, after)) = next_tag(rest) {
            rest = after;
            // A weak tag does not name these bytes, but any that mean the same.
            if weak && how == Comparison::Strong {
                continue;
            }
            if let Some(place) = etags.iter().position(|etag| etag.as_bytes() == tag) {
                return Some(Matched::Tag(place));
            }
        }
    }
    None
}

/// The tags of `If-None-Match` with their quotes, weak ones too; none for `*`.
pub fn tags(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let mut lines = headers.get_all(IF_NONE_MATCH).iter();
    let mut rest: &[u8] = b"";
    std::iter::from_fn(move || {
        loop {
            if let Some((_, tag, after)) = next_tag(rest) {
                rest = after;
                return Some(tag);
            }
            rest = lines.next()?.as_bytes();
        }
    })
}

/// The next `[ "W/" ] DQUOTE *etagc DQUOTE` of a list, with its quotes: (weak, tag, rest). A member
/// that is not a tag is skipped up to the next comma.
fn next_tag(list: &[u8]) -> Option<(bool, &[u8], &[u8])> {
    let mut rest = list;
    loop {
        rest = rest.trim_ascii_start();
        let (weak, tag) = match rest.strip_prefix(b"W/") {
            Some(tag) => (true, tag),
            None => (false, rest),
        };
        if let [b'"', inside @ ..] = tag {
            // Both quotes are part of the tag.
            let end = inside.iter().position(|byte| *byte == b'"')? + 2;
            return Some((weak, &tag[..end], &tag[end..]));
        }
        let comma = rest.iter().position(|byte| *byte == b',')?;
        rest = &rest[comma + 1..];
    }
}

/// Whether the representation was modified after the date in the field. `None` if the field is
/// missing, repeated or not a date, or if no date of modification is known: the field is then
/// ignored (RFC 9110, 13.1.3 and 13.1.4).
fn modified_since(
    headers: &HeaderMap,
    name: &HeaderName,
    current: &Validators<'_>,
) -> Option<bool> {
    let modified = current.modified?;
    let mut lines = headers.get_all(name).iter();
    let line = lines.next()?;
    if lines.next().is_some() {
        return None;
    }
    // Most clients send back the bytes of our `Last-Modified`.
    if Some(line) == current.modified_value {
        return Some(false);
    }
    Some(modified > date(line.as_bytes())?)
}

/// Whether the date in If-Modified-Since is exactly that of the representation.
fn is_dated(headers: &HeaderMap, current: &Validators<'_>) -> bool {
    let line = headers.get(IF_MODIFIED_SINCE);
    line.is_some_and(|line| date(line.as_bytes()) == current.modified)
}

/// Reads a date in any of the three forms of RFC 9110, 5.6.7.
fn date(text: &[u8]) -> Option<Seconds> {
    let time = httpdate::parse_http_date(std::str::from_utf8(text).ok()?).ok()?;
    seconds(time)
}

/// The whole seconds since 1970.
fn seconds(time: SystemTime) -> Option<Seconds> {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => Seconds::try_from(after.as_secs()).ok(),
        Err(before) => Some(-Seconds::try_from(before.duration().as_secs()).ok()?),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Fri, 20 Nov 2026 09:30:00 GMT
    const MODIFIED: Seconds = 1_795_167_000;

    fn headers(lines: &str) -> HeaderMap {
        let pairs = lines.lines().map(|line| line.trim().split_once(": ").unwrap());
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers
                .append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    fn with_current<T>(check: impl FnOnce(&Validators<'_>) -> T) -> T {
        let etags = ["\"a-br\"", "\"a-gzip\"", "\"a\""].map(HeaderValue::from_static);
        let value = HeaderValue::from_static("Fri, 20 Nov 2026 09:30:00 GMT");
        check(&Validators {
            etags: &etags,
            modified: Some(MODIFIED),
            modified_value: Some(&value),
            dating: Dating::Forward,
        })
    }

    #[test]
    fn a_date_that_may_go_back_has_to_be_the_same() {
        use Verdict::{Failed, NotModified, Proceed};
        for (lines, verdict) in [
            ("if-modified-since: Fri, 20 Nov 2026 09:30:00 GMT", NotModified(None)),
            ("if-modified-since: Friday, 20-Nov-26 09:30:00 GMT", NotModified(None)),
            ("if-modified-since: Fri, 20 Nov 2026 09:30:01 GMT", Proceed),
            ("if-modified-since: Fri, 20 Nov 2027 09:30:00 GMT", Proceed),
            ("if-modified-since: Fri, 20 Nov 2026 09:29:59 GMT", Proceed),
            ("if-modified-since: yesterday", Proceed),
            ("if-none-match: \"a\"\nif-modified-since: yesterday", NotModified(Some(2))),
            ("if-unmodified-since: Fri, 20 Nov 2026 09:30:01 GMT", Proceed),
            ("if-unmodified-since: Fri, 20 Nov 2026 09:29:59 GMT", Failed),
        ] {
            let verdict_of = |current: &Validators<'_>| {
                evaluate(&headers(lines), &Validators { dating: Dating::Any, ..*current })
            };
            assert_eq!(with_current(verdict_of), verdict, "{lines}");
        }
    }

    #[test]
    fn the_order_of_evaluation() {
        use Verdict::{Failed, NotModified, Proceed};
        for (lines, verdict) in [
            ("", Proceed),
            ("if-none-match: \"a\"", NotModified(Some(2))),
            ("if-none-match: W/\"a-gzip\"", NotModified(Some(1))),
            ("if-none-match: \"x\", W/\"y\" , \"a-br\"", NotModified(Some(0))),
            ("if-none-match: \"x\"\nif-none-match: \"a\"", NotModified(Some(2))),
            ("if-none-match: \"x,\"a\"", Proceed),
            ("if-none-match: garbage, \"a\"", NotModified(Some(2))),
            ("if-none-match: \"x\"\"a\"", NotModified(Some(2))),
            ("if-none-match: *", NotModified(None)),
            ("if-none-match: a", Proceed),
            ("if-none-match: \"a", Proceed),
            ("if-none-match: \"A\"", Proceed),
            // If-None-Match wins over If-Modified-Since.
            ("if-none-match: \"x\"\nif-modified-since: Fri, 20 Nov 2026 09:30:00 GMT", Proceed),
            (
                "if-none-match: \"a\"\nif-modified-since: Fri, 20 Nov 2020 09:30:00 GMT",
                NotModified(Some(2)),
            ),
            ("if-modified-since: Fri, 20 Nov 2026 09:30:00 GMT", NotModified(None)),
            ("if-modified-since: Friday, 20-Nov-26 09:30:00 GMT", NotModified(None)),
            ("if-modified-since: Fri Nov 20 09:30:00 2026", NotModified(None)),
            ("if-modified-since: Fri, 20 Nov 2026 09:30:01 GMT", NotModified(None)),
            ("if-modified-since: Fri, 20 Nov 2026 09:29:59 GMT", Proceed),
            ("if-modified-since: yesterday", Proceed),
            ("if-modified-since: 0", Proceed),
            ("if-modified-since: Fri, 20 Nov 2026 09:30:00 GMT\nif-modified-since: x", Proceed),
            ("if-match: \"a\"", Proceed),
            ("if-match: *", Proceed),
            ("if-match: W/\"a\"", Failed),
            ("if-match: \"x\"", Failed),
            ("if-match: \"x\"\nif-none-match: \"a\"", Failed),
            ("if-match: \"a\"\nif-none-match: \"a\"", NotModified(Some(2))),
            ("if-unmodified-since: Fri, 20 Nov 2026 09:30:00 GMT", Proceed),
            ("if-unmodified-since: Fri, 20 Nov 2026 09:29:59 GMT", Failed),
            ("if-unmodified-since: garbage", Proceed),
            // If-Match wins over If-Unmodified-Since.
            ("if-match: \"a\"\nif-unmodified-since: Fri, 20 Nov 2020 09:30:00 GMT", Proceed),
        ] {
            assert_eq!(
                with_current(|current| evaluate(&headers(lines), current)),
                verdict,
                "{lines}"
            );
        }
    }

    #[test]
    fn no_date_vouches_for_what_has_none() {
        let etags = [HeaderValue::from_static("\"a\"")];
        let current = Validators {
            etags: &etags,
            modified: None,
            modified_value: None,
            dating: Dating::Forward,
        };
        for line in ["if-modified-since", "if-unmodified-since"] {
            let headers = headers(&format!("{line}: Fri, 20 Nov 2026 09:30:00 GMT"));
            assert_eq!(evaluate(&headers, &current), Verdict::Proceed);
        }
    }

    #[test]
    fn if_range() {
        for (lines, now, applies) in [
            ("", MODIFIED, true),
            ("if-range: \"a\"", MODIFIED, true),
            ("if-range: W/\"a\"", MODIFIED, false),
            ("if-range: \"x\"", MODIFIED, false),
            ("if-range: Fri, 20 Nov 2026 09:30:00 GMT", MODIFIED + 1, true),
            ("if-range: Fri, 20 Nov 2026 09:30:00 GMT", MODIFIED, false),
            ("if-range: Fri, 20 Nov 2026 09:30:01 GMT", MODIFIED + 9, false),
            ("if-range: garbage", MODIFIED + 9, false),
            ("if-range: \"a\"\nif-range: \"a\"", MODIFIED, false),
        ] {
            assert_eq!(
                with_current(|current| range_applies(&headers(lines), current, now)),
                applies,
                "{lines}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(32u8..=255, 0..64)) {
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                for name in [IF_NONE_MATCH, IF_MATCH, IF_RANGE, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE] {
                    let headers = HeaderMap::from_iter([(name, value.clone())]);
                    with_current(|current| {
                        evaluate(&headers, current);
                        range_applies(&headers, current, MODIFIED);
                    });
                }
            }
        }
    }
}
