//! Front matter as one neutral tree, whatever its syntax.
//!
//! Invariants: a scalar is its source text (`no`, `007`, `1.0`, `2026-01-02`), a quoted one its
//! content; every value of front matter knows its place in the file; keys that differ in case, `_`
//! and `-` alone are one key; depth, number of values and bytes are bounded, and an alias counts as
//! what it stands for.

mod json;
mod lines;
mod toml;
mod yaml;

pub(super) use lines::{key_value, tight_key_value};

use std::collections::HashMap;

use crate::base::{Diagnostic, Place};

use super::{FRONT_MATTER_MAX_BYTES, Split, Syntax, fault};

/// Values inside one another.
const DEPTH_MAX: usize = 16;

/// Values in one front matter, aliases counted as what they stand for.
const VALUES_MAX: usize = 10_000;

/// A value and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    /// The place in the file; `None` for an HTML document's `<meta>`.
    pub(crate) place: Option<Place>,
    /// The value.
    pub(crate) value: Value,
}

/// The value of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// Null, or nothing behind the colon, as if the key were not there.
    Absent,
    /// A scalar: its source text, or the content of a quoted one.
    Text(String),
    /// A list.
    List(Vec<Field>),
    /// A table.
    Table(Table),
}

/// Keys and values in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Table {
    entries: Vec<(String, Field)>,
    index: HashMap<String, usize>,
    /// Keys that stand twice with one value, and the place of the second.
    repeated: Vec<(String, Place)>,
}

/// Reads the front matter of a file; an empty table where it has none.
///
/// # Errors
/// `front-matter`: the front matter is malformed, too large, too deep, or has a key twice.
pub(crate) fn read(split: &Split<'_>) -> Result<Table, Diagnostic> {
    let Some((syntax, front_matter)) = split.front_matter else { return Ok(Table::default()) };
    if front_matter.len() > FRONT_MATTER_MAX_BYTES {
        let message = format!("the front matter is larger than {FRONT_MATTER_MAX_BYTES} bytes");
        return Err(fault(split, Place { line: split.front_matter_line, column: 1 }, &message));
    }
    let table = match syntax {
        Syntax::Yaml => yaml::read(front_matter),
        Syntax::Toml => toml::read(front_matter),
        Syntax::Json if front_matter.trim_start().starts_with('"') => {
            json::read(&format!("{{{front_matter}}}"))
        }
        Syntax::Json => json::read(front_matter),
        Syntax::Lines => lines::read(front_matter),
        Syntax::Unclosed => Err(Malformed {
            place: Place::new(1, 1),
            message: "the front matter is never closed".to_owned(),
        }),
        Syntax::Program => Err(Malformed {
            place: Place::new(1, 1),
            message:
                "front matter in a programming language is not read; write it in YAML between \
                      `---` lines"
                    .to_owned(),
        }),
    };
    let first = split.front_matter_line;
    match table {
        Ok(mut table) => {
            table.move_down(first - 1);
            Ok(table)
        }
        Err(Malformed { place, message }) => Err(fault(
            split,
            Place { line: place.line.saturating_add(first - 1), ..place },
            &message,
        )),
    }
}

impl Field {
    fn at(place: Place, value: Value) -> Self {
        Self { place: Some(place), value }
    }

    /// The text of a scalar; `None` for anything else.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The field with everything in it, counted.
    fn weight(&self) -> usize {
        1 + match &self.value {
            Value::Absent | Value::Text(_) => 0,
            Value::List(items) => items.iter().map(Field::weight).sum(),
            Value::Table(table) => table.entries.iter().map(|(_, field)| field.weight()).sum(),
        }
    }

    fn move_down(&mut self, lines: u32) {
        if let Some(place) = &mut self.place {
            place.line = place.line.saturating_add(lines);
        }
        match &mut self.value {
            Value::Absent | Value::Text(_) => {}
            Value::List(items) => items.iter_mut().for_each(|item| item.move_down(lines)),
            Value::Table(table) => table.move_down(lines),
        }
    }
}

impl Value {
    /// Whether both say the same, wherever they stand.
    fn is_same(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::List(one), Value::List(other)) => {
                one.len() == other.len()
                    && one.iter().zip(other).all(|(one, other)| one.value.is_same(&other.value))
            }
            (Value::Table(one), Value::Table(other)) => {
                one.entries.len() == other.entries.len()
                    && one
                        .entries
                        .iter()
                        .zip(&other.entries)
                        .all(|(one, other)| one.0 == other.0 && one.1.value.is_same(&other.1.value))
            }
            (one, other) => one == other,
        }
    }
}

impl Table {
    /// The first of `names` (folded: lower case, letters and digits alone) that is there and says
    /// something, with its key as written.
    pub(crate) fn get(&self, names: &[&str]) -> Option<(&str, &Field)> {
        for name in names {
            let Some(at) = self.index.get(*name) else { continue };
            let (key, field) = &self.entries[*at];
            if field.value != Value::Absent {
                return Some((key, field));
            }
        }
        None
    }

    /// Every key with its value, in the order of the file.
    pub(crate) fn entries(&self) -> &[(String, Field)] {
        &self.entries
    }

    /// The keys that stand twice with one value, and the place of the second.
    pub(crate) fn repeated(&self) -> &[(String, Place)] {
        &self.repeated
    }

    /// The text under the first of `names` that says something; `None` where that is not a scalar.
    pub(crate) fn text(&self, names: &[&str]) -> Option<&str> {
        let (_, field) = self.get(names)?;
        field.text()
    }

    /// The metadata of an HTML document: names with texts, a repeated one as a list.
    pub(crate) fn of_meta(meta: &[(String, String)]) -> Self {
        let mut table = Self::default();
        for (name, text) in meta.iter().filter(|(_, text)| !text.trim().is_empty()).take(VALUES_MAX)
        {
            let field = Field { place: None, value: Value::Text(text.trim().to_owned()) };
            match table.index.get(&fold(name)) {
                None => table.add(name.clone(), field),
                Some(at) => match &mut table.entries[*at].1.value {
                    Value::List(items) => items.push(field),
                    value => {
                        let first = std::mem::replace(value, Value::Absent);
                        *value = Value::List(vec![Field { place: None, value: first }, field]);
                    }
                },
            }
        }
        table
    }

    /// Adds an entry; of keys that differ in spelling alone, the first is found.
    fn add(&mut self, key: String, field: Field) {
        self.index.entry(fold(&key)).or_insert(self.entries.len());
        self.entries.push((key, field));
    }

    /// Adds an entry. The very same key may be there already only with the same value.
    fn add_new(&mut self, key: String, field: Field, place: Place) -> Result<(), Malformed> {
        let known = match self.index.get(&fold(&key)) {
            Some(_) => self.entries.iter().find(|(other, _)| *other == key),
            None => None,
        };
        match known {
            None => self.add(key, field),
            Some((_, first)) if first.value.is_same(&field.value) => {
                self.repeated.push((key, place));
            }
            Some(_) => {
                let message = format!("the key `{key}` is given twice, with two values");
                return Err(Malformed { place, message });
            }
        }
        Ok(())
    }

    fn move_down(&mut self, lines: u32) {
        self.entries.iter_mut().for_each(|(_, field)| field.move_down(lines));
        for (_, place) in &mut self.repeated {
            place.line = place.line.saturating_add(lines);
        }
    }
}

/// A key without what generators differ in: `lastModifiedAt`, `last_modified_at` and
/// `Last-Modified-At` are one.
pub(crate) fn fold(key: &str) -> String {
    key.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).flat_map(char::to_lowercase).collect()
}

/// A reason why front matter cannot be read; the place counts from the front matter's own
/// beginning.
#[derive(Debug)]
struct Malformed {
    place: Place,
    message: String,
}

/// The number of values that front matter may still have.
struct Budget(usize);

impl Budget {
    fn new() -> Self {
        Self(VALUES_MAX)
    }

    /// Takes `values` off, at a depth of nesting that is also bounded.
    fn spend(&mut self, values: usize, depth: usize, place: Place) -> Result<(), Malformed> {
        let Some(left) = self.0.checked_sub(values) else {
            let message = format!("there are more than {VALUES_MAX} values");
            return Err(Malformed { place, message });
        };
        if depth > DEPTH_MAX {
            let message = format!("values are nested more than {DEPTH_MAX} deep");
            return Err(Malformed { place, message });
        }
        self.0 = left;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::path::Markup;

    fn split(text: &str) -> Split<'_> {
        super::super::split(text, Markup::Markdown)
    }

    /// A tree on one line, with the place of every text: `title@2:8=x`.
    fn show(table: &Table) -> String {
        let one = |(key, field): &(String, Field)| format!("{key}{}", show_field(field));
        table.entries.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    fn show_field(field: &Field) -> String {
        let Place { line, column } = field.place.unwrap();
        match &field.value {
            Value::Absent => "=-".to_owned(),
            Value::Text(text) => format!("@{line}:{column}={text}"),
            Value::List(items) => {
                format!("[{}]", items.iter().map(show_field).collect::<Vec<_>>().join(","))
            }
            Value::Table(table) => format!("({})", show(table)),
        }
    }

    #[test]
    fn trees() {
        for (text, tree) in [
            ("---\ntitle: no\ndraft: true\n---\n", "title@2:8=no draft@3:8=true"),
            (
                "---\na: 007\nb: 1.0\nc: 2026-01-02\nd: 'x: y'\ne: ~\nf:\ng: null\n---\n",
                "a@2:4=007 b@3:4=1.0 c@4:4=2026-01-02 d@5:4=x: y e=- f=- g=-",
            ),
            ("---\na: [x, \"y\"]\nb:\n  - z\n---\n", "a[@2:5=x,@2:8=y] b[@4:5=z]"),
            ("---\na: {b: c}\n? [x]\n: y\nd: >\n  one\n  two\n---\n", "a(b@2:8=c) d@6:3=one two\n"),
            ("---\na: &x [1]\nb: *x\n---\n", "a[@2:8=1] b[@2:8=1]"),
            ("---\ntitle: 日本 # note\n---\n", "title@2:8=日本"),
            (
                "\n+++\nb = 2026-01-02\na = \"x\"\nc = 1_000\n+++\n",
                "b@3:5=2026-01-02 a@4:5=x c@5:5=1_000",
            ),
            (
                "+++\nd = 1979-05-27 07:32:00Z\n[taxonomies]\ntags = [\"é\", \"b\"]\n[[p]]\nq = true\n+++\n",
                "d@2:5=1979-05-27 07:32:00Z taxonomies(tags[@4:9=é,@4:14=b]) p[(q@6:5=true)]",
            ),
            (
                "{\"a\": 1.0, \"b\":\n [\"x\\u00e9\", null], \"c\": {\"d\": false}}",
                "a@1:7=1.0 b[@2:3=xé,=-] c(d@2:32=false)",
            ),
            ("---json\n{\"a\":\n 1}\n---\n", "a@3:2=1"),
            (
                "Title: A: b\nTags:\nAuthors: A\n    B\n\n",
                "Title@1:8=A: b Tags=- Authors@3:10=A\nB",
            ),
            ("<!--\n.. title: x\n.. tags: y\n-->", "title@2:11=x tags@3:10=y"),
            ("a: b\ntitle: x\n---\n", "a@1:4=b title@2:8=x"),
            ("---\na: 1\na: 1\nb: [x]\nb: [x]\n---\n", "a@2:4=1 b[@4:5=x]"),
            (
                "---\na: !binary |-\n  SGVsbG8gd8O2cmxk\nb: !!binary YmxvZw==\nc: !!binary '?'\nd: !binary /w==\n---\n",
                "a@3:3=Hello wörld b@4:13=blog c@5:13=? d@6:12=/w==",
            ),
        ] {
            assert_eq!(
                show(&read(&split(text)).unwrap_or_else(|e| panic!("{text:?}: {e}"))),
                tree,
                "{text:?}"
            );
        }
    }

    #[test]
    fn malformed() {
        for (text, start, part) in [
            ("---\ntitle: a: b\n---\n", "2:", "the line is `title: a: b`"),
            ("---\na: b\n\tc: d\n---\n", "3:", "tab"),
            ("---\na: [x\n---\n", "2:", "the line is"),
            (
                "---\na: 1\nb: 2\na: 3\n---\n",
                "4:1: ",
                "the key `a` is given twice, with two values; the line is `a: 3`",
            ),
            ("---\na: *b\n---\n", "2:", "the line is `a: *b`"),
            ("---\ntitle = \"a\"\n---\n", "2:1: ", "TOML"),
            ("\n+++\na = 1\nb = = 2\n+++\n", "4:", "the line is `b = = 2`"),
            ("+++\na = 1\na = 2\n+++\n", "3:1: ", "duplicate key"),
            ("+++\nd = 2026-02-30\n+++\n", "2:5: ", "the line is `d = 2026-02-30`"),
            ("{\"a\": 1,\n \"b\" 2}\n", "2:6: ", "the line is `\"b\" 2}`"),
            ("{\"a\": 1,\n \"a\": 2}\n", "2:7: ", "the key `a` is given twice, with two values"),
            ("{\"a\": 1", "1:7: ", "EOF"),
        ] {
            let refused = read(&split(text)).map(|table| show(&table)).unwrap_err();
            assert_eq!(refused.code, "front-matter");
            let shown = refused.to_string();
            assert!(shown.starts_with(start) && shown.contains(part), "{text:?}: {shown}");
        }
    }

    #[test]
    fn bombs_are_refused() {
        let mut laughs = "---\na: &a [x,x,x,x,x,x,x,x,x]\n".to_owned();
        for (name, before) in
            ["b", "c", "d", "e", "f", "g"].iter().zip(["a", "b", "c", "d", "e", "f"])
        {
            laughs += &format!("{name}: &{name} [{}]\n", vec![format!("*{before}"); 9].join(","));
        }
        laughs += "---\n";
        let deep = |open: &str, close: &str| format!("{}{}", open.repeat(100), close.repeat(100));
        for text in [
            laughs,
            format!("---\na: {}\n---\n", deep("[", "]")),
            format!("+++\na = {}\n+++\n", deep("[", "]")),
            format!("{{\"a\": {}}}\n", deep("[", "]")),
            format!("---\na: [{}]\n---\n", "1,".repeat(VALUES_MAX + 1)),
            format!("---\na: {}\n---\n", "x".repeat(FRONT_MATTER_MAX_BYTES)),
            "---\na: &a [*a]\n---\n".to_owned(),
            format!("+++\n{}b = 1\n+++\n", "a.".repeat(20_000)),
            format!("+++\n[{}b]\n+++\n", "a.".repeat(20_000)),
            format!("+++\na = {}\n+++\n", deep("[", "]").repeat(300)),
            format!("+++\na = {}\n+++\n", "[".repeat(60_000)),
            format!("{{\"a\": {}", "[".repeat(60_000)),
            format!("---\na: {}\n---\n", "[".repeat(60_000)),
        ] {
            assert!(read(&split(&text)).is_err(), "{}", &text[..60.min(text.len())]);
        }
    }

    #[test]
    fn keys_fold() {
        let table = read(&split("---\nLast_Modified-At: a\nlastModifiedAt: b\nexpiryDate:\n---\n"))
            .unwrap();
        assert_eq!(table.get(&["expirydate", "lastmodifiedat"]).unwrap().0, "Last_Modified-At");
    }

    #[test]
    fn repeated_meta_is_a_list() {
        let meta = [("author", "A"), ("lang", " "), ("author", "B"), ("Author", "C")];
        let table = Table::of_meta(&meta.map(|(name, text)| (name.to_owned(), text.to_owned())));
        let Value::List(items) = &table.get(&["author"]).unwrap().1.value else { panic!() };
        assert_eq!(items.len(), 3);
        assert_eq!(table.get(&["lang"]), None);
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "(---\n|\\+\\+\\+\n|\\{\"a\":)([\\PC\n\t]|[\\[\\]{}:,\"'&*!|>%@=?#-]| |\n|a: |a = ){0,40}(\n---\n|\n\\+\\+\\+\n|\\})") {
            let split = split(&text);
            if let Err(refused) = read(&split) {
                let place = refused.place.unwrap();
                prop_assert!(place.line >= 1 && place.column >= 1);
                prop_assert!(place.line as usize <= text.matches('\n').count() + 1);
            }
        }
    }
}
