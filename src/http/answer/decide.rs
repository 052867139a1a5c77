//! The decision what to answer for a document that is there: a pure function of the request's
//! header fields, the document and the moment. `document` writes it down.

use http::{HeaderMap, HeaderValue};

use super::conditional::{Dating, Validators, Verdict, evaluate};
use super::encoding;
use crate::base::Timestamp;
use crate::publish::{Coding, Document};

/// An answer for a document, before any header is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reply<'a> {
    /// 412
    PreconditionFailed,
    /// 304
    NotModified {
        /// The tag of the answer that the client may use again.
        etag: &'a HeaderValue,
        /// `Last-Modified`, where it is known.
        modified: Option<&'a HeaderValue>,
    },
    /// 200
    Whole {
        /// The coding that the client wants; the document may have none that is smaller.
        coding: Coding,
        /// `Last-Modified`, where it is known.
        modified: Option<&'a HeaderValue>,
    },
}

/// The answer to a GET or HEAD of `document` with these header fields.
///
/// A date of modification that lies ahead of `now` (the clock was set back) is not known: neither
/// is it sent, nor is If-Modified-Since compared with it.
pub(super) fn decide<'a>(headers: &HeaderMap, document: &'a Document, now: Timestamp) -> Reply<'a> {
    let coding = encoding::choose(headers);
    let (mut seconds, mut modified) = (None, None);
    if let Some(at) = document.last_modified
        && at.as_second() <= now.as_second()
    {
        (seconds, modified) = (Some(at.as_second()), document.last_modified_value());
    }
    let etags = document.etags();
    match evaluate(
        headers,
        &Validators { etags, modified: seconds, modified_value: modified, dating: Dating::Forward },
    ) {
        Verdict::Failed => Reply::PreconditionFailed,
        Verdict::Proceed => Reply::Whole { coding, modified },
        Verdict::NotModified(known) => {
            let etag = reusable_tag(headers, document, coding, known);
            Reply::NotModified { etag, modified }
        }
    }
}

/// The tag of a 304. It says which of the answers that a cache holds is still good (RFC 9111,
/// 4.3.4): the one in `coding` if the client named it or named none, else the one it did name,
/// which is at `known` among the document's tags.
fn reusable_tag<'a>(
    headers: &HeaderMap,
    document: &'a Document,
    coding: Coding,
    known: Option<usize>,
) -> &'a HeaderValue {
    // Once the bytes are made, it is known whether they are coded at all.
    let coding = document.made(coding).map_or(coding, |coded| coded.coding);
    let wanted = document.etag(coding);
    let Some(known) = known.and_then(|place| document.etags().get(place)) else { return wanted };
    let etags = std::slice::from_ref(wanted);
    match evaluate(
        headers,
        &Validators { etags, modified: None, modified_value: None, dating: Dating::Forward },
    ) {
        Verdict::NotModified(_) => wanted,
        _ => known,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::header::HeaderName;

    use super::*;
    use crate::publish::Kind;

    /// Checks the answers at `now` to requests with these lines of header fields. In both, `@` is
    /// the document's tag without its quotes.
    #[track_caller]
    fn check(now: &str, table: &[(&str, &str)]) {
        let modified = "2026-11-20T09:30:00Z".parse().unwrap();
        let bytes = Bytes::from("the same words again ".repeat(100));
        let document = Document::new(Kind::Feed, "application/xml", bytes, Some(modified));
        let tag = document.digest.short();
        for (lines, expected) in table {
            let mut headers = HeaderMap::new();
            for line in lines.replace('@', &tag).lines() {
                let (name, value) = line.trim().split_once(": ").unwrap();
                headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
            }
            let (text, modified) = match decide(&headers, &document, now.parse().unwrap()) {
                Reply::PreconditionFailed => ("412".to_owned(), None),
                Reply::NotModified { etag, modified } => {
                    (format!("304 {}", etag.to_str().unwrap()), modified)
                }
                Reply::Whole { coding, modified } => (format!("200 {}", coding.name()), modified),
            };
            let dated = if modified.is_some() { " dated" } else { "" };
            assert_eq!(text.replace(&tag, "@") + dated, *expected, "{lines}");
        }
    }

    #[test]
    fn an_answer_is_whole_unless_the_client_has_it() {
        check(
            "2026-11-21T00:00:00Z",
            &[
                ("", "200 identity dated"),
                ("accept-encoding: br", "200 br dated"),
                ("accept-encoding: br\nif-none-match: \"x\"", "200 br dated"),
                ("if-match: \"x\"", "412"),
                ("if-none-match: \"@\"", "304 \"@\" dated"),
                ("if-none-match: *", "304 \"@\" dated"),
            ],
        );
    }

    #[test]
    fn a_304_names_an_answer_that_the_client_has() {
        check(
            "2026-11-21T00:00:00Z",
            &[
                ("accept-encoding: br\nif-none-match: \"@\"", "304 \"@\" dated"),
                ("accept-encoding: br\nif-none-match: \"@\", \"@-br\"", "304 \"@-br\" dated"),
                ("accept-encoding: gzip\nif-none-match: W/\"@-br\"", "304 \"@-br\" dated"),
                ("accept-encoding: gzip\nif-none-match: *", "304 \"@-gzip\" dated"),
            ],
        );
    }

    #[test]
    fn a_date_ahead_of_now_is_not_known() {
        let since = "if-modified-since: Fri, 20 Nov 2026 09:30:00 GMT";
        check("2026-11-20T09:30:00Z", &[(since, "304 \"@\" dated")]);
        check("2026-11-20T09:29:59.9Z", &[(since, "200 identity"), ("", "200 identity")]);
    }
}
