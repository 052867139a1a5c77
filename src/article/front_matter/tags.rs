//! Tags and categories, in every form that generators have.

use unicode_segmentation::UnicodeSegmentation;

use crate::base::text;

use super::tree::{Field, Value};
use super::wiki_links::without_wiki_link;

/// Tags of one article.
pub(crate) const TAGS_MAX: usize = 100;

/// Graphemes of one tag.
const TAG_MAX: usize = 100;

/// Splitting of a text without a comma that names several tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Splitting {
    /// One tag: Eleventy, Hexo, Pelican.
    Never,
    /// A tag at each space: Jekyll.
    AtSpaces,
}

/// Adds what `field` names to `tags`: as written, in order, without a leading `#`, none twice.
/// Answers whether all of them could be taken.
///
/// A text with a semicolon or a comma is several tags; one without is split as `splitting` says. An
/// entry of a list is one tag.
pub(crate) fn gather(field: &Field, splitting: Splitting, tags: &mut Vec<String>) -> bool {
    match &field.value {
        Value::Absent => true,
        // Docusaurus has `{label: Rust, permalink: /rust}`.
        Value::Table(table) => match table.text(&["label", "name"]) {
            Some(tag) => add(tags, tag),
            None => false,
        },
        Value::List(items) => {
            let mut all = true;
            for item in items {
                all &= match &item.value {
                    Value::Text(text) => add(tags, text),
                    _ => gather(item, Splitting::Never, tags),
                };
            }
            all
        }
        Value::Text(text) => {
            // Pelican prefers semicolons. One may also end a character reference (`R&amp;D`).
            let has_semicolon = text.contains(';') && !text.contains('&');
            let separators: &[char] = match (text.contains([',', '\n']), splitting) {
                _ if has_semicolon => &[';', '\n'],
                (true, _) => &[',', '\n'],
                (false, _) if are_signed(text) => &[' ', '\t'],
                (false, Splitting::AtSpaces) => &[' ', '\t'],
                (false, Splitting::Never) => &[],
            };
            text.split(separators).fold(true, |all, tag| all & add(tags, tag))
        }
    }
}

/// Whether each word has the sign of a tag: `#rust #web`, of Obsidian.
fn are_signed(text: &str) -> bool {
    text.split_whitespace().all(|word| word.len() > 1 && word.starts_with('#'))
}

fn add(tags: &mut Vec<String>, tag: &str) -> bool {
    let tag = text::line(without_wiki_link(tag).trim().trim_start_matches('#'));
    if tag.is_empty() || tags.contains(&tag) {
        return true;
    }
    if tags.len() >= TAGS_MAX || tag.graphemes(true).count() > TAG_MAX {
        return false;
    }
    tags.push(tag);
    true
}

#[cfg(test)]
mod tests {
    use super::super::split;
    use super::super::tree::read;
    use super::*;
    use crate::base::path::Markup;

    #[test]
    fn forms() {
        for (front_matter, splitting, expected) in [
            ("rust", Splitting::Never, "rust"),
            ("rust, web dev ,  rust,", Splitting::Never, "rust|web dev"),
            ("my tag", Splitting::Never, "my tag"),
            ("one; two; a, b;", Splitting::Never, "one|two|a, b"),
            ("one;two three", Splitting::AtSpaces, "one|two three"),
            ("R&amp;D, web", Splitting::Never, "R&amp;D|web"),
            ("jekyll update", Splitting::AtSpaces, "jekyll|update"),
            ("a b, c", Splitting::AtSpaces, "a b|c"),
            ("[C#, '#rust', no, 007, 1.0, 'a, b']", Splitting::Never, "C#|rust|no|007|1.0|a, b"),
            ("[a b, [c]]", Splitting::AtSpaces, "a b|c"),
            ("[Rust, rust]", Splitting::Never, "Rust|rust"),
            ("'#rust #web/dev'", Splitting::Never, "rust|web/dev"),
            ("'#1 in #web'", Splitting::Never, "1 in #web"),
            ("[{label: Rust, permalink: /r}, {name: b}, c]", Splitting::Never, "Rust|b|c"),
            ("\"a\\x00b\"", Splitting::Never, "ab"),
            ("['[[Rust]]', '[[topics/Web|the web]]', [[c]]]", Splitting::Never, "Rust|the web|c"),
        ] {
            let table =
                read(&split(&format!("---\nt: {front_matter}\n---\n"), Markup::Markdown)).unwrap();
            let mut tags = Vec::new();
            assert!(gather(table.get(&["t"]).unwrap().1, splitting, &mut tags));
            assert_eq!(tags.join("|"), expected, "{front_matter}");
        }
    }

    #[test]
    fn bounded() {
        let many = (0..200).map(|n| n.to_string()).collect::<Vec<_>>().join(", ");
        for (front_matter, count) in
            [(many, TAGS_MAX), ("x".repeat(TAG_MAX + 1), 0), ("{a: b}".to_owned(), 0)]
        {
            let table =
                read(&split(&format!("---\nt: {front_matter}\n---\n"), Markup::Markdown)).unwrap();
            let mut tags = Vec::new();
            assert!(!gather(table.get(&["t"]).unwrap().1, Splitting::Never, &mut tags));
            assert_eq!(tags.len(), count);
        }
    }
}
