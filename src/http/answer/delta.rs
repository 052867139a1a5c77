//! Delta encoding of feeds (RFC 3229): a reader that sends `A-IM: feed` with the ETag of the
//! version that it has gets the entries that are new or changed since, and not the whole feed.
//!
//! The whole feed is always a correct answer too: it is sent where the version is not remembered,
//! and where there is nothing to send but a removal, which a delta cannot express.

use std::sync::Arc;

use http::header::{CACHE_CONTROL, HeaderName, VARY};
use http::{HeaderMap, HeaderValue};

use super::cache::Warm;
use super::{conditional, encoding};
use crate::base::{Digest, Route};
use crate::feed::delta;
use crate::publish::{Coding, Document};

const A_IM: HeaderName = HeaderName::from_static("a-im");
const IM: HeaderName = HeaderName::from_static("im");

/// The one instance manipulation that is offered (RFC 3229, 10.5.3; registered in RFC 4229).
const FEED: &str = "feed";

/// Tags of `If-None-Match` that are looked at.
const TAGS_MAX: usize = 32;

/// Whether the client names any instance manipulation: hardly one does, so that this is asked
/// first.
pub(super) fn is_wanted(headers: &HeaderMap) -> bool {
    headers.contains_key(A_IM)
}

/// The delta of the feed at `route` for a request with these header fields; `None` for the whole
/// feed.
pub(super) async fn of(
    warm: &Arc<Warm>,
    route: &Route,
    document: &Arc<Document>,
    headers: &HeaderMap,
) -> Option<Arc<Document>> {
    let Route::Feed(_, format) = *route else { return None };
    if !encoding::names(headers, &A_IM, FEED) {
        return None;
    }
    let (tag, known) = conditional::tags(headers).take(TAGS_MAX).find_map(|tag| {
        let tag = without_suffix(tag);
        Some((tag, warm.versions().entries(route, tag)?))
    })?;
    // Many readers have the same old version: its delta is made once.
    let key = Digest::of(format!("delta {tag} {}", document.digest).as_bytes());
    let whole = Arc::clone(document);
    let make = move || {
        let slices = delta::slices(format, &whole.identity)?;
        let bytes = delta::without(&whole.identity, &slices, &known)?;
        Some(Document::new(whole.kind, whole.content_type, bytes.into(), whole.last_modified))
    };
    warm.once(route.clone(), key, make).await
}

/// Turns the header fields of a 200 into those of a 226 (RFC 3229, 10.4.1). Caches that do not know
/// the status must not keep it.
pub(super) fn mark(headers: &mut HeaderMap) {
    headers.insert(IM, HeaderValue::from_static(FEED));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store, im"));
    headers.insert(VARY, HeaderValue::from_static("Accept-Encoding, A-IM, If-None-Match"));
}

/// The tag of a version, from the ETag of any coding of it, with its quotes.
fn without_suffix(tag: &[u8]) -> &str {
    let tag = std::str::from_utf8(tag).unwrap_or_default().trim_matches('"');
    for coding in Coding::ALL {
        let suffix = coding.suffix();
        if !suffix.is_empty()
            && let Some(stem) = tag.strip_suffix(suffix)
        {
            return stem;
        }
    }
    tag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_of_any_coding_names_the_version() {
        for tag in ["\"0a1b\"", "\"0a1b-br\"", "\"0a1b-gzip\"", "0a1b"] {
            assert_eq!(without_suffix(tag.as_bytes()), "0a1b");
        }
        assert_eq!(without_suffix(b"\"\xff\""), "");
    }
}
