//! The rules of the house that a compiler does not keep: who may import whom, and who may name what.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The folders of `src/`, in the order in which they may import: each names only those before it (or beside it).
const LAYERS: [&[&str]; 12] = [
    &["base"],
    &["ops"],
    &["config"],
    &["source"],
    &["article"],
    &["library"],
    &["feed"],
    &["page"],
    &["publish"],
    &["store"],
    &["engine"],
    &["http"],
];

/// The core: no I/O, no clock, no randomness, no printing, no async.
const CORE: [&str; 8] = [
    "base/",
    "article/",
    "library/",
    "feed/",
    "page/",
    "publish/document.rs",
    "publish/snapshot.rs",
    "publish/render.rs",
];

/// What the core may not name.
const EFFECTS: [&str; 13] = [
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::io::std",
    "tokio",
    "SystemTime::now",
    "Instant::now",
    "Timestamp::now",
    "println!",
    "eprintln!",
    "tracing::",
    "rand::",
];

/// Crates with one home.
const HOMES: [(&str, &[&str]); 6] = [
    ("rss::", &["feed/rss.rs"]),
    ("atom_syndication", &["feed/atom.rs", "feed/rss.rs"]),
    ("notify::", &["source/watch.rs"]),
    ("hyper", &["http/", "ops/"]),
    ("rusqlite", &["store/"]),
    ("chrono", &["feed/"]),
];

#[test]
fn imports_go_downward() {
    let mut wrong = Vec::new();
    for (path, code) in sources() {
        let Some(layer) = layer_of(&path) else { continue };
        for line in code.lines() {
            for name in imported(line) {
                let there = LAYERS.iter().position(|names| names.contains(&name.as_str()));
                let own = path.starts_with(&format!("{name}/")) || path == format!("{name}.rs");
                if there.is_some_and(|there| there >= layer) && !own {
                    wrong.push(format!("{path}: {}", line.trim()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "imports that go up or sideways:\n{}", wrong.join("\n"));
}

#[test]
fn the_core_is_pure() {
    let mut wrong = Vec::new();
    for (path, code) in sources() {
        if !CORE.iter().any(|core| path.starts_with(core)) {
            continue;
        }
        for line in code.lines().filter(|line| EFFECTS.iter().any(|effect| line.contains(effect))) {
            wrong.push(format!("{path}: {}", line.trim()));
        }
    }
    assert!(wrong.is_empty(), "effects in the core:\n{}", wrong.join("\n"));
}

#[test]
fn each_foreign_word_has_one_home() {
    let mut wrong = Vec::new();
    for (path, code) in sources() {
        for (word, homes) in HOMES {
            let at_home = homes.iter().any(|home| path.starts_with(home));
            let names = |line: &&str| line.split(word).count() > 1 && starts_a_word(line, word);
            if let Some(line) = code.lines().find(names).filter(|_| !at_home) {
                wrong.push(format!("{path}: {}", line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "named outside of its home:\n{}", wrong.join("\n"));
}

#[test]
fn only_source_reads_the_tree_and_only_store_writes() {
    let mut wrong = Vec::new();
    for (path, code) in sources() {
        let reads = ["source/", "store/", "config/load.rs", "cli", "daemon.rs", "main.rs", "ops/"];
        if code.contains("std::fs") && !reads.iter().any(|home| path.starts_with(home)) {
            wrong.push(path);
        }
    }
    assert!(wrong.is_empty(), "files that touch the disk: {wrong:?}");
}

#[test]
fn files_and_functions_stay_readable() {
    let mut long = Vec::new();
    for (path, _) in sources() {
        let text = fs::read_to_string(root().join("src").join(&path)).unwrap();
        let lines = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).count();
        if lines > 520 {
            long.push(format!("{path}: {lines} lines"));
        }
        for (name, lines) in functions(&text) {
            if lines > 70 {
                long.push(format!("{path}: fn {name}: {lines} lines"));
            }
        }
    }
    assert!(long.is_empty(), "too long:\n{}", long.join("\n"));
}

#[test]
fn every_file_says_what_it_is() {
    let silent: Vec<String> = sources()
        .into_iter()
        .filter(|(path, _)| {
            let text = fs::read_to_string(root().join("src").join(path)).unwrap();
            !text.starts_with("//! ")
        })
        .map(|(path, _)| path)
        .collect();
    assert!(silent.is_empty(), "files without a head: {silent:?}");
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every file under `src/`, by its path there, without comments and without its unit tests.
fn sources() -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    collect(&root().join("src"), &mut files);
    assert!(files.len() > 30, "the sources were not found");
    files
}

fn collect(directory: &Path, files: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let name = path.strip_prefix(root().join("src")).unwrap().to_str().unwrap().to_owned();
            let code = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]"));
            let code: Vec<&str> = code.map(|line| line.split("//").next().unwrap_or_default()).collect();
            files.insert(name, code.join("\n"));
        }
    }
}

fn layer_of(path: &str) -> Option<usize> {
    let first = path.split(['/', '.']).next()?;
    LAYERS.iter().position(|names| names.contains(&first))
}

/// The top-level modules that a line names through `crate::`.
fn imported(line: &str) -> Vec<String> {
    let after = line.split("crate::").skip(1);
    after.map(|rest| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()).collect()
}

/// Does `word` stand in `line` as the beginning of a path, and not at the end of another word?
fn starts_a_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':' || c == '"' || c == '/')
    })
}

/// The functions of a file with their lengths, by the indentation of their braces.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let Some((before, after)) = line.split_once("fn ") else { continue };
        let indent = line.len() - line.trim_start().len();
        if !before
            .trim()
            .split(' ')
            .all(|word| word.is_empty() || word.starts_with("pub") || ["const", "async"].contains(&word))
        {
            continue;
        }
        // A signature of a trait has no body.
        let end = lines[start..].iter().find(|line| line.ends_with('{') || line.ends_with(';'));
        if end.is_none_or(|line| line.ends_with(';')) {
            continue;
        }
        let close = format!("{}}}", " ".repeat(indent));
        let length = lines[start..].iter().position(|line| *line == close).unwrap_or(0);
        let name = after.split(['(', '<']).next().unwrap_or_default();
        found.push((name.to_owned(), length + 1));
    }
    found
}
