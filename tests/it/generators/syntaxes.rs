//! The syntaxes of other generators, one by one: what comes of each is in the tables beside this
//! file, and what authors are told of each is in docs/authors.md.
//!
//! A table has blocks of three lines: `topic | fate | syntax`, `path: text`, and `gives: ` with the
//! HTML and the metadata. In a text, `\n` is a line end; in HTML, `^` is around what a link leads
//! to.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use dropfeed::testing::article::{Head, Limits, Reading, body, check_invariants, head};
use dropfeed::testing::base::RelPath;

const LIMITS: Limits = Limits { depth: 100, max_bytes: 8 << 20, math: false };

/// The generators, by their headings in docs/authors.md, and their tables.
const TABLES: [(&str, &str); 11] = [
    ("Hugo", include_str!("syntaxes/hugo.txt")),
    ("Zola", include_str!("syntaxes/zola.txt")),
    ("Jekyll", include_str!("syntaxes/jekyll.txt")),
    ("Eleventy", include_str!("syntaxes/eleventy.txt")),
    ("Pelican", include_str!("syntaxes/pelican.txt")),
    ("Hexo", include_str!("syntaxes/hexo.txt")),
    ("Astro", include_str!("syntaxes/astro.txt")),
    ("Docusaurus", include_str!("syntaxes/docusaurus.txt")),
    ("VitePress", include_str!("syntaxes/vitepress.txt")),
    ("MkDocs Material", include_str!("syntaxes/mkdocs.txt")),
    ("Obsidian", include_str!("syntaxes/obsidian.txt")),
];

/// What each generator has a syntax for.
const TOPICS: [&str; 11] = [
    "hidden text",
    "withheld pages",
    "summary",
    "dates",
    "links",
    "pictures",
    "code",
    "formulas",
    "admonitions",
    "table of contents",
    "languages",
];

/// The columns of the tables in docs/authors.md.
const FATES: [&str; 3] = ["understood", "removed", "refused"];

/// One syntax, an article that has it, and what comes of it.
struct Row<'t> {
    topic: &'t str,
    fate: &'t str,
    syntax: &'t str,
    path: &'t str,
    text: String,
    gives: &'t str,
}

fn rows(table: &str) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    for block in table.trim().split("\n\n") {
        let lines: Vec<&str> = block.lines().collect();
        let [first, second, third] = lines[..] else { panic!("{block}") };
        let columns: Vec<&str> = first.splitn(3, " | ").collect();
        let [topic, fate, syntax] = columns[..] else { panic!("{block}") };
        assert!(TOPICS.contains(&topic) && FATES.contains(&fate), "{block}");
        let (path, text) = second.split_once(": ").unwrap();
        let gives = third.strip_prefix("gives:").unwrap().trim();
        rows.push(Row { topic, fate, syntax, path, text: text.replace("\\n", "\n"), gives });
    }
    rows
}

/// What comes of an article: its HTML, and what its head says.
fn outcome(row: &Row<'_>) -> String {
    let path = RelPath::new(row.path).unwrap();
    let head = match head(&path, row.text.as_bytes()) {
        Reading::Article { head, .. } => head,
        Reading::Empty => return "nothing".to_owned(),
        Reading::Refused(findings) => return format!("[refused: {}]", findings[0]),
    };
    let (body, _) = body(&path, row.text.as_bytes(), &head, &LIMITS).unwrap();
    check_invariants(&body.html).unwrap();
    let html = body.html.replace('\u{1}', "^").replace('\n', "\\n");
    let mut said = metadata(&head);
    if row.topic == "summary" {
        said.push(format!("summary: {}", body.summary));
    }
    let said: String = said.iter().map(|said| format!(" [{said}]")).collect();
    format!("{html}{said}").trim().to_owned()
}

fn metadata(head: &Head) -> Vec<String> {
    let mut said = Vec::new();
    for (is_set, name) in [(head.draft, "withheld"), (head.unlisted, "unlisted")] {
        if is_set {
            said.push(name.to_owned());
        }
    }
    for (date, name) in [
        (head.published, "published"),
        (head.not_before, "not before"),
        (head.updated, "updated"),
        (head.expires, "expires"),
    ] {
        if let Some(date) = date {
            // `{"Day":"2026-01-02"}`
            let date = serde_json::to_string(&date).unwrap();
            said.push(format!("{name} {}", date.split('"').nth(3).unwrap_or(&date)));
        }
    }
    said.extend(head.language.iter().map(|language| format!("in {language}")));
    if !head.withheld_below.is_empty() {
        said.push("withholds what is beneath".to_owned());
    }
    said
}

#[test]
fn each_syntax_is_read_as_its_table_says() {
    let mut wrong = Vec::new();
    for (generator, table) in TABLES {
        for row in rows(table) {
            let outcome = outcome(&row);
            if outcome != row.gives {
                wrong.push(format!("{generator}: {}\n{outcome}\n{}", row.syntax, row.gives));
            }
            let is_hidden = !outcome.contains("SECRET");
            assert!(is_hidden, "{generator}: {} shows what is hidden: {outcome}", row.syntax);
            let is_refused = outcome.starts_with("[refused");
            assert_eq!(is_refused, row.fate == "refused", "{generator}: {}", row.syntax);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// The code spans of a cell. A bar in one is escaped.
fn spans(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(|span| span.replace("\\|", "|")).collect()
}

/// The cells of a line of a table.
fn cells(line: &str) -> Vec<String> {
    let line = line.trim().trim_start_matches('|').trim_end_matches('|');
    line.replace("\\|", "\u{1}").split('|').map(|cell| cell.replace('\u{1}', "\\|")).collect()
}

#[test]
fn authors_are_told_of_each_syntax() {
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/authors.md");
    let docs = fs::read_to_string(docs).unwrap();
    for (generator, table) in TABLES {
        let mut wanted: BTreeMap<(&str, &str), BTreeSet<String>> = BTreeMap::new();
        for row in rows(table) {
            wanted.entry((row.topic, row.fate)).or_default().insert(row.syntax.to_owned());
        }
        let heading = format!("\n## {generator}\n");
        let (_, section) = docs.split_once(&heading).unwrap_or_else(|| panic!("{generator}"));
        let section = section.split("\n## ").next().unwrap_or_default();
        let mut told: BTreeMap<(&str, &str), BTreeSet<String>> = BTreeMap::new();
        for topic in TOPICS {
            let mut lines = section.lines();
            let line = lines.find(|line| line.starts_with(&format!("| {topic} |")));
            let cells =
                cells(line.unwrap_or_else(|| panic!("{generator} says nothing of {topic}")));
            for (fate, cell) in FATES.into_iter().zip(&cells[1..]) {
                let spans: BTreeSet<String> = spans(cell).into_iter().collect();
                if !spans.is_empty() {
                    told.insert((topic, fate), spans);
                }
            }
            let is_said = FATES.iter().any(|fate| told.contains_key(&(topic, *fate)));
            assert!(is_said, "{generator}: nothing is understood, removed or refused for {topic}");
        }
        assert_eq!(told, wanted, "{generator}");
    }
}
