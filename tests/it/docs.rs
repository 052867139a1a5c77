//! The documentation beside the code: links lead somewhere, and the tables that can be compared are
//! complete.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Events at level debug, which operators are not told to rely on.
const DEBUG_EVENTS: [&str; 3] = ["note", "step", "unheard"];

/// The shortest part of a message that says what is wrong.
const FIXED_MIN: usize = 10;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The Markdown files for people: those in the root and in `docs/`.
fn pages() -> Vec<PathBuf> {
    let mut pages = Vec::new();
    for directory in [root(), root().join("docs")] {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path);
            }
        }
    }
    assert!(pages.len() > 5, "{pages:?}");
    pages
}

/// The text without code blocks, whose brackets are not links.
fn prose(text: &str) -> String {
    let outside = text.split("```").step_by(2);
    outside.collect::<Vec<_>>().join("\n")
}

/// The targets of `[text](target)` in a text.
fn targets(text: &str) -> Vec<&str> {
    let mut targets = Vec::new();
    for after in text.split("](").skip(1) {
        let target = after.split(')').next().unwrap_or_default();
        // In `code`, a link is an example for authors.
        let before = &text[..after.as_ptr() as usize - text.as_ptr() as usize];
        let line = before.rsplit('\n').next().unwrap_or_default();
        if line.matches('`').count().is_multiple_of(2) {
            targets.push(target);
        }
    }
    targets
}

/// The id that a heading has on the web: lower case, spaces as `-`, no punctuation.
fn anchor(heading: &str) -> String {
    let mut anchor = String::new();
    for c in heading.trim().to_lowercase().chars() {
        match c {
            ' ' => anchor.push('-'),
            c if c.is_alphanumeric() || c == '-' || c == '_' => anchor.push(c),
            _ => {}
        }
    }
    anchor
}

fn has_anchor(page: &Path, wanted: &str) -> bool {
    let text = prose(&fs::read_to_string(page).unwrap());
    let mut headings = text.lines().filter_map(|line| line.strip_prefix('#'));
    headings.any(|heading| anchor(heading.trim_start_matches('#')) == wanted)
}

#[test]
fn links_between_pages_lead_somewhere() {
    let mut checked = 0;
    for page in pages() {
        let text = prose(&fs::read_to_string(&page).unwrap());
        for target in targets(&text) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            checked += 1;
            let (file, fragment) = target.split_once('#').unwrap_or((target, ""));
            let file =
                if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            assert!(file.exists(), "{}: {target}", page.display());
            if !fragment.is_empty() {
                assert!(has_anchor(&file, fragment), "{}: {target}", page.display());
            }
        }
    }
    assert!(checked > 20, "{checked}");
}

#[test]
fn a_dead_anchor_is_noticed() {
    assert!(has_anchor(&root().join("docs/operators.md"), "back-up-and-restore"));
    assert!(!has_anchor(&root().join("docs/operators.md"), "back-up-and-lose"));
    assert_eq!(targets("[a](b.md) and `[c](d.md)`"), ["b.md"]);
}

/// The names in the source, and those in the operators' table.
#[test]
fn every_event_of_the_log_is_documented() {
    let mut used = BTreeSet::new();
    visit(&root().join("src"), &mut |text| {
        for after in text.split("event = \"").skip(1) {
            used.insert(after.split('"').next().unwrap_or_default().to_owned());
        }
    });
    for event in DEBUG_EVENTS {
        assert!(used.remove(event), "{event} is not used any more");
    }
    let page = fs::read_to_string(root().join("docs/operators.md")).unwrap();
    let section = page.split("\n## Log\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let mut documented = BTreeSet::new();
    for line in section.lines().filter(|line| line.starts_with("| `")) {
        let names = line.split('|').nth(1).unwrap_or_default();
        documented.extend(names.split(',').map(|name| name.trim().trim_matches('`').to_owned()));
    }
    assert_eq!(documented, used);
}

/// The first text in quotes after `start`, with its line breaks joined.
fn literal(after: &str) -> String {
    let begin = after.find('"').unwrap() + 1;
    let mut text = String::new();
    let mut chars = after[begin..].chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => break,
            // A line that goes on: its break and the indentation of the next are not part of the
            // text.
            '\\' => match chars.next() {
                Some('\n') => chars = chars.as_str().trim_start().chars(),
                Some(other) => text.push(other),
                None => break,
            },
            c => text.push(c),
        }
    }
    text
}

/// The first part of a message that is always the same, without its explanation; empty if there is
/// none.
fn fixed_part(message: &str) -> String {
    let message = message.strip_prefix("degraded: ").unwrap_or(message);
    for piece in message.split('{') {
        let piece = piece.split_once('}').map_or(piece, |(_, rest)| rest);
        for part in piece.split([':', ';']) {
            if part.trim().len() >= FIXED_MIN {
                return part.trim().to_owned();
            }
        }
    }
    String::new()
}

/// The reasons that the status and the log can give, as far as they are texts in the source.
#[test]
fn everything_that_can_be_degraded_is_documented() {
    let mut reasons = BTreeSet::new();
    for file in [
        "engine/project.rs",
        "engine/step.rs",
        "source/root.rs",
        "source/tree.rs",
        "source/watch.rs",
        "store/mod.rs",
    ] {
        let text = fs::read_to_string(root().join("src").join(file)).unwrap();
        for after in text.split("#[error(").skip(1) {
            if !after.starts_with("transparent") {
                reasons.insert(fixed_part(&literal(after)));
            }
        }
    }
    for (file, constants) in [
        ("engine/recovery.rs", &["HELD"][..]),
        ("engine/run.rs", &["VANISHED"]),
        ("engine/step.rs", &["HELD"]),
        ("source/root.rs", &["UNMOUNTED"]),
    ] {
        let text = fs::read_to_string(root().join("src").join(file)).unwrap();
        for constant in constants {
            let (_, after) = text.split_once(&format!("const {constant}: &str =")).unwrap();
            reasons.insert(fixed_part(&literal(after)));
        }
    }
    visit(&root().join("src"), &mut |text| {
        for after in text.split("event = \"degraded\",").skip(1) {
            reasons.insert(fixed_part(&literal(after)));
        }
    });
    let status = fs::read_to_string(root().join("src/publish/status.rs")).unwrap();
    let effects = status.split("pub fn effect").nth(1).unwrap().split("\n    }\n").next().unwrap();
    for after in effects.split("=>").skip(1) {
        reasons.insert(fixed_part(&literal(after)));
    }
    // What prevents a start, or ends one, is no state of a service that runs.
    for other in [
        "",
        "the state in",
        "cannot write to the state directory",
        "has version",
        "the look at the article directory was interrupted",
    ] {
        assert!(reasons.remove(other), "{other:?} is not there any more");
    }
    assert!(reasons.len() > 18, "{reasons:#?}");
    let page = fs::read_to_string(root().join("docs/operators.md")).unwrap();
    let section = page.split("\n## What is degraded\n").nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    reasons.retain(|reason| !section.contains(reason.as_str()));
    assert!(reasons.is_empty(), "not in docs/operators.md: {reasons:#?}");
}

#[test]
fn the_fixed_part_of_a_message_is_found() {
    for (message, expected) in [
        ("degraded: the {name} cannot be written: {error}; its lines", "cannot be written"),
        ("{0} cannot be written: {1}", "cannot be written"),
        ("the files are gone; put them back", "the files are gone"),
        ("{}: {source}", ""),
    ] {
        assert_eq!(fixed_part(message), expected);
    }
    assert_eq!(literal("(\n  \"one \\\n     two\")"), "one two");
}

fn visit(directory: &Path, see: &mut dyn FnMut(&str)) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            visit(&path, see);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            see(&fs::read_to_string(&path).unwrap());
        }
    }
}

/// A first visitor reads this far, and no further.
#[test]
fn the_readme_is_short() {
    let lines = fs::read_to_string(root().join("README.md")).unwrap().lines().count();
    assert!(lines <= 120, "{lines}");
}

/// Every test that THREATS.md names is one.
#[test]
fn the_tests_of_threats_exist() {
    let mut code = String::new();
    for directory in ["src", "tests"] {
        visit(&root().join(directory), &mut |text| code.push_str(text));
    }
    let text = fs::read_to_string(root().join("THREATS.md")).unwrap();
    let mut named = 0;
    for row in text.lines().filter(|line| line.starts_with("| ")) {
        let tests = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        if ["held by", "---"].contains(&tests) {
            continue;
        }
        for test in tests.split(", ") {
            let name = test.strip_prefix('`').and_then(|test| test.strip_suffix('`'));
            let name = name.unwrap_or_else(|| panic!("THREATS.md: no test in {row}"));
            assert!(
                code.contains(&format!("fn {name}(")),
                "THREATS.md names {name}, which is no test"
            );
            named += 1;
        }
    }
    assert!(named > 30, "{named}");
}
