//! The pages that a section file keeps back: Hugo's `cascade`, and a draft section of Zola's.

use super::known::{NEVER, flag, withholds_in_header};
use super::tree::{Field, Table, Value, fold};

/// Targets of one cascade.
const TARGETS_MAX: usize = 100;

/// The beginnings of paths, in lower case, whose articles are kept back where they are beneath the
/// section. An empty one means all of them.
pub(crate) fn withheld_below(front_matter: &Table) -> Vec<String> {
    let mut below = Vec::new();
    // Zola leaves out the directory of a draft section. Hugo leaves out its list alone, and writes
    // a date into each new one, which Zola does not allow.
    let is_draft = front_matter.text(&["draft"]).and_then(flag) == Some(true);
    if is_draft && front_matter.get(&["date"]).is_none() {
        below.push(String::new());
    }
    if let Some((_, field)) = front_matter.get(&["cascade"]) {
        match &field.value {
            Value::Table(table) => below.extend(target_of(table)),
            Value::List(items) => {
                for item in items.iter().take(TARGETS_MAX) {
                    if let Value::Table(table) = &item.value {
                        below.extend(target_of(table));
                    }
                }
            }
            Value::Text(_) | Value::Absent => {}
        }
    }
    below
}

/// The beginning of the paths that a cascade keeps back; `None` where it keeps none back.
fn target_of(cascade: &Table) -> Option<String> {
    if !keeps_back(cascade) {
        return None;
    }
    let Some((_, Field { value: Value::Table(target), .. })) = cascade.get(&["target"]) else {
        return Some(String::new());
    };
    let kind = target.text(&["kind"]).unwrap_or("page");
    if matches!(kind, "home" | "section" | "taxonomy" | "term") {
        return None;
    }
    // A pattern is a path up to its first sign; more than it means is kept back rather than less.
    let pattern = target.text(&["path"]).unwrap_or_default();
    if pattern.starts_with('{') && pattern.contains(',') {
        return Some(String::new());
    }
    let pattern = pattern.trim_start_matches(['/', '{']);
    let end = pattern.find(['*', '?', '[', '{', ',', '}']).unwrap_or(pattern.len());
    Some(pattern[..end].to_lowercase())
}

/// Whether these values would keep a page back in its own front matter.
fn keeps_back(values: &Table) -> bool {
    for (key, field) in values.entries() {
        let key = fold(key);
        let keeps_back = match &field.value {
            Value::Text(text) if key == "build" => flag(text) == Some(false),
            Value::Text(text) => withholds_in_header(&key, text),
            Value::Table(build) if key == "build" => build
                .text(&["render"])
                .is_some_and(|word| NEVER.contains(&word.trim()) || flag(word) == Some(false)),
            _ => false,
        };
        if keeps_back {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::super::{Syntax, split, tree};
    use super::*;
    use crate::base::path::Markup;

    fn below(text: &str) -> Vec<String> {
        let split = split(text, Markup::Markdown);
        assert!(!matches!(split.front_matter, None | Some((Syntax::Lines, _))), "{text}");
        withheld_below(&tree::read(&split).unwrap())
    }

    #[test]
    fn what_is_kept_back_below_a_section() {
        for (text, expected) in [
            ("---\ncascade:\n  draft: true\n---\n", &[""][..]),
            ("+++\n[cascade]\ndraft = true\n+++\n", &[""]),
            ("{\"cascade\": {\"build\": {\"render\": \"never\"}}}\n", &[""]),
            ("---\ncascade:\n  _build:\n    render: false\n---\n", &[""]),
            ("---\ncascade:\n  build:\n    render: link\n---\n", &[""]),
            ("---\ncascade:\n- draft: true\n- headless: true\n---\n", &["", ""]),
            ("---\ncascade:\n- target:\n    path: /Posts/**\n  draft: true\n---\n", &["posts/"]),
            (
                "+++\n[[cascade]]\ndraft = true\n[cascade._target]\npath = \"{/a/b,/c}\"\n+++\n",
                &[""],
            ),
            ("---\ncascade:\n  private: true\n  target: {path: '**/x'}\n---\n", &[""]),
            ("---\ncascade:\n  draft: true\n  target: {environment: production}\n---\n", &[""]),
            ("---\ncascade:\n  draft: true\n  target: {kind: page}\n---\n", &[""]),
            ("---\ncascade:\n  draft: true\n  target: {kind: section}\n---\n", &[]),
            ("---\ncascade:\n  draft: false\n---\n", &[]),
            ("---\ncascade:\n  build: {list: never}\n---\n", &[]),
            ("---\ncascade:\n  author: Ada\n---\n", &[]),
            ("---\ncascade: true\n---\n", &[]),
            ("+++\ndraft = true\n+++\n", &[""]),
            ("---\ndraft: true\ndate: 2026-01-02\n---\n", &[]),
            ("---\ntitle: a\n---\n", &[]),
        ] {
            assert_eq!(below(text), expected, "{text}");
        }
    }
}
