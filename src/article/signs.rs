//! Short texts by which one sees what a text may hold. They are looked for together, in one pass:
//! most texts hold none of them, and each pass over every text of a tree is time of a start.

use std::sync::OnceLock;

use aho_corasick::packed::Searcher;

/// A set of short texts, none of them empty.
pub(crate) struct Signs {
    texts: &'static [&'static str],
    /// `None` where the processor has no instructions for it.
    searcher: OnceLock<Option<Searcher>>,
}

impl Signs {
    pub(crate) const fn new(texts: &'static [&'static str]) -> Self {
        Self { texts, searcher: OnceLock::new() }
    }

    /// Whether one of them is in `text`.
    pub(crate) fn are_in(&self, text: &str) -> bool {
        match self.searcher.get_or_init(|| Searcher::new(self.texts)) {
            Some(searcher) => searcher.find(text).is_some(),
            None => self.texts.iter().any(|sign| text.contains(sign)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn they_are_found_as_one_by_one(
            text in "[a{:=\\n%]{0,80}",
            places in proptest::collection::vec((0_usize..200, 0_usize..5), 0..3),
        ) {
            const TEXTS: &[&str] = &["{{", "{%:", ":::", "==", "[toc]"];
            static SIGNS: Signs = Signs::new(TEXTS);
            let mut text = text.repeat(3);
            for (place, which) in places {
                text.insert_str(place.min(text.len()), TEXTS[which]);
            }
            let expected = TEXTS.iter().any(|sign| text.contains(sign));
            prop_assert_eq!(SIGNS.are_in(&text), expected);
        }
    }
}
