//! What the tests of several files here begin with.

use crate::base::RelPath;

use super::model::{Body, Head, TitleFrom};
use super::{Limits, body, feed_html};

/// A head of which only the source of the title is said.
pub(crate) fn head(title_from: TitleFrom) -> Head {
    Head { title: "T".to_owned(), title_from, ..Head::default() }
}

pub(crate) const LIMITS: Limits = Limits { depth: 100, max_bytes: 8 << 20, math: false };

/// The body of `text` in the file of that name beneath `news`, with `^` for U+0001.
pub(crate) fn rendered(name: &str, text: &str, title_from: TitleFrom) -> Body {
    let path = RelPath::new(&format!("news/{name}")).unwrap();
    let (mut body, _) = body(&path, text.as_bytes(), &head(title_from), &LIMITS).unwrap();
    feed_html::invariants::check(&body.html).unwrap();
    body.html = body.html.replace('\u{1}', "^");
    body
}
