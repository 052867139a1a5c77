//! The values of the TOML and the environment, key by key, each with its place.
//!
//! [`Reader`] is asked for every key once; keys of the file that it was never asked for are
//! unknown. So a key is named in one place only, where it is read, with its type, its default and
//! its range. The reader does not stop at the first error: in place of a wrong value the caller
//! gets the default, and the error is noted.

mod lists;
mod section;
mod tables;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use toml::de::{DeTable, DeValue};

use crate::base::Place;
use crate::base::place::Lines;

use super::errors::{At, Errors, Finding, order};
use super::referred::Referred;
use super::{foreign, hint};
use section::{Section, Value, is_array_of_tables};
pub(super) use tables::Table;

/// Maximum number of errors that are reported; a file with more is another program's, or not a
/// configuration.
const MISTAKES_MAX: usize = 50;

/// Maximum size of a configuration, in bytes.
pub(super) const TEXT_MAX_BYTES: usize = 4 << 20;

/// Sections, names of keys in other programs, and our names for them.
const SYNONYMS: [(&str, &str, &str); 14] = [
    ("server", "port", "listen"),
    ("server", "address", "listen"),
    ("server", "bind", "listen"),
    ("server", "host", "listen"),
    ("site", "base_url", "url"),
    ("site", "baseURL", "url"),
    ("site", "name", "title"),
    ("site", "lang", "language"),
    ("site", "tz", "timezone"),
    ("articles", "path", "dir"),
    ("articles", "directory", "dir"),
    ("feeds", "items", "limit"),
    ("feeds", "format", "advertise"),
    ("feeds", "path", "dir"),
];

/// A value with its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Given<T> {
    /// The value.
    pub(super) value: T,
    /// Its place.
    pub(super) at: At,
}

/// The configuration's text and environment while they are being read.
pub(super) struct Reader<'a> {
    file: &'a str,
    sections: BTreeMap<String, Section>,
    /// Arrays of tables, `[[name]]`, by name, in the order of the file.
    tables: BTreeMap<String, Vec<Section>>,
    /// All variables that begin with `DROPFEED_`.
    variables: BTreeMap<String, String>,
    asked: Vec<(&'static str, &'static str)>,
    /// Names of the arrays of tables that were asked for.
    asked_tables: Vec<&'static str>,
    mistakes: Vec<Finding>,
    /// Files that the values name.
    pub(super) referred: Referred,
    /// Lines with a syntax error. What was recovered from them is a guess, and causes no further
    /// errors.
    broken: Vec<u32>,
    /// Set if the header of a section is broken: the section of the keys below it is then unknown.
    headless: bool,
}

impl<'a> Reader<'a> {
    /// Parses `text`, called `file` in messages.
    ///
    /// # Errors
    /// The file is another program's, or too large. Errors in the file are noted, and returned by
    /// `finish`.
    pub(super) fn new(file: &'a str, text: &str, env: &[(String, String)]) -> Result<Self, Errors> {
        if let Some(sentence) = foreign::by_name(file) {
            return Err(Errors::one(file, sentence));
        }
        if text.len() > TEXT_MAX_BYTES {
            return Err(Errors::one(file, format!("is larger than {TEXT_MAX_BYTES} bytes")));
        }
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let (table, errors) = DeTable::parse_recoverable(text);
        if let Some(sentence) = foreign::by_marks(table.get_ref()) {
            return Err(Errors::one(file, sentence));
        }
        let mut reader = Self {
            file,
            sections: BTreeMap::new(),
            tables: BTreeMap::new(),
            variables: env
                .iter()
                .filter(|(name, _)| name.starts_with("DROPFEED_"))
                .cloned()
                .collect(),
            asked: Vec::new(),
            asked_tables: Vec::new(),
            mistakes: Vec::new(),
            referred: Referred::default(),
            broken: Vec::new(),
            headless: false,
        };
        for error in &errors {
            reader.note_syntax(text, error);
        }
        reader.note_sections(text, table.get_ref());
        Ok(reader)
    }

    fn note_syntax(&mut self, text: &str, error: &toml::de::Error) {
        let span = error.span().unwrap_or(text.len()..text.len());
        let line = Place::at(text, span.start).line;
        if self.broken.contains(&line) {
            return;
        }
        self.broken.push(line);
        self.headless |= text
            .lines()
            .nth(line as usize - 1)
            .is_some_and(|line| line.trim_start().starts_with('['));
        let message = match error.message() {
            "duplicate key" => format!("`{}` is set twice", text.get(span).unwrap_or_default()),
            other => format!("not valid TOML: {}", other.replace('\n', "; ")),
        };
        self.refuse(&self.at(line), message);
    }

    fn note_sections(&mut self, text: &str, table: &DeTable<'_>) {
        let lines = Lines::new(text);
        for (name, value) in table {
            let line = lines.place(name.span().start).line;
            let name = name.get_ref().to_string();
            match value.get_ref() {
                DeValue::Table(table) => {
                    self.sections.insert(name, Section::of(&lines, line, table));
                }
                DeValue::Array(values) if is_array_of_tables(values) => {
                    let tables = values.iter().filter_map(|value| match value.get_ref() {
                        DeValue::Table(table) => {
                            Some(Section::of(&lines, lines.place(value.span().start).line, table))
                        }
                        _ => None,
                    });
                    self.tables.insert(name, tables.collect());
                }
                // A key above the first section is in the section without a name, which has no keys
                // of ours.
                _ => {
                    let nameless = self.sections.entry(String::new()).or_default();
                    nameless.keys.insert(name, (line, Value::of(&lines, value)));
                }
            }
        }
    }

    /// Returns the place of errors about a key that is not set.
    pub(super) fn nowhere(&self) -> At {
        At { name: self.file.to_owned(), line: None }
    }

    /// Notes an error. Control characters in its message are escaped, so that it stays on one line.
    pub(super) fn refuse(&mut self, at: &At, message: impl Into<String>) {
        let mut message: String = message.into();
        if message.contains(char::is_control) {
            message = escaped(&message);
        }
        self.mistakes.push(Finding { at: at.clone(), message });
    }

    /// Returns the keys that were asked for so far.
    #[cfg(test)]
    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.iter().map(|(section, key)| format!("{section}.{key}")).collect()
    }

    /// Takes the value of a key. The environment overrides the file.
    fn take(&mut self, section: &'static str, key: &'static str) -> Option<Given<Value>> {
        self.asked.push((section, key));
        // Taken from the file in any case, so that it does not count as unknown.
        let from_file = match self.sections.get_mut(section) {
            Some(section) => section.keys.remove(key),
            None => None,
        };
        let variable = variable_name(section, key);
        if let Some(text) = self.variables.remove(&variable) {
            return Some(Given {
                value: Value::Variable(text),
                at: At { name: variable, line: None },
            });
        }
        let (line, value) = from_file?;
        if self.broken.contains(&line) {
            return None;
        }
        Some(Given { value, at: self.at(line) })
    }

    fn refuse_type(
        &mut self,
        name: (&str, &str),
        given: &Given<Value>,
        expected: &str,
        hint: &str,
    ) {
        let message = format!(
            "`{}.{}` must be {expected}, not {}{hint}",
            name.0,
            name.1,
            given.value.shown()
        );
        self.refuse(&given.at, message);
    }

    /// Reads a text that is not empty, without white space at its ends.
    pub(super) fn text(
        &mut self,
        section: &'static str,
        key: &'static str,
    ) -> Option<Given<String>> {
        let given = self.text_or_empty(section, key)?;
        if given.value.is_empty() {
            self.refuse(
                &given.at,
                format!("`{section}.{key}` is empty; remove the line to use the default"),
            );
            return None;
        }
        Some(given)
    }

    /// Reads a text without white space at its ends.
    pub(super) fn text_or_empty(
        &mut self,
        section: &'static str,
        key: &'static str,
    ) -> Option<Given<String>> {
        let given = self.take(section, key)?;
        match &given.value {
            Value::Text(text) | Value::Variable(text) => {
                Some(Given { value: text.trim().to_owned(), at: given.at })
            }
            _ => {
                self.refuse_type((section, key), &given, "a string in quotes", "");
                None
            }
        }
    }

    /// Reads a whole number in `range`, in the unit that the name of the key ends in.
    pub(super) fn number(
        &mut self,
        section: &'static str,
        key: &'static str,
        default: u64,
        range: RangeInclusive<u64>,
    ) -> Given<u64> {
        let Some(given) = self.take(section, key) else {
            return Given { value: default, at: self.nowhere() };
        };
        let number = match &given.value {
            Value::Integer(number) => Some(*number),
            Value::Variable(text) => text.trim().replace('_', "").parse().ok(),
            _ => None,
        };
        let value = match number.map(u64::try_from) {
            Some(Ok(number)) if range.contains(&number) => number,
            Some(_) => {
                let (low, high) = (range.start(), range.end());
                let shown = given.value.shown();
                self.refuse(
                    &given.at,
                    format!("`{section}.{key}` is {shown}, but must be from {low} to {high}"),
                );
                default
            }
            None => {
                let bare =
                    matches!(&given.value, Value::Text(text) if text.trim().parse::<u64>().is_ok());
                let hint = if bare { "; remove the quotes" } else { unit_hint(key) };
                self.refuse_type((section, key), &given, "a whole number", hint);
                default
            }
        };
        Given { value, at: given.at }
    }

    /// Reads `true` or `false`.
    pub(super) fn flag(&mut self, section: &'static str, key: &'static str, default: bool) -> bool {
        match self.given_flag(section, key) {
            Some(given) => given.value,
            None => default,
        }
    }

    /// Reads `true` or `false`, with its place.
    pub(super) fn given_flag(
        &mut self,
        section: &'static str,
        key: &'static str,
    ) -> Option<Given<bool>> {
        let given = self.take(section, key)?;
        let flag = |value: bool| Some(Given { value, at: given.at.clone() });
        match &given.value {
            Value::Flag(value) => return flag(*value),
            Value::Variable(text) => match text.trim().to_lowercase().as_str() {
                "true" | "1" | "yes" | "on" => return flag(true),
                "false" | "0" | "no" | "off" => return flag(false),
                _ => {}
            },
            _ => {}
        }
        let bare =
            matches!(&given.value, Value::Text(text) if matches!(text.trim(), "true" | "false"));
        self.refuse_type(
            (section, key),
            &given,
            "true or false",
            if bare { "; remove the quotes" } else { "" },
        );
        None
    }

    /// Reads one of a few words.
    pub(super) fn choice<T: Copy>(
        &mut self,
        section: &'static str,
        key: &'static str,
        default: T,
        choices: &[(&'static str, T)],
    ) -> T {
        let Some(given) = self.text(section, key) else { return default };
        let mut words = Vec::new();
        for (word, value) in choices {
            if *word == given.value {
                return *value;
            }
            words.push(*word);
        }
        let expected = hint::any_of(&words);
        self.refuse(
            &given.at,
            format!("`{section}.{key}` must be {expected}, not {:?}", given.value),
        );
        default
    }

    /// Returns the errors, in the order of the file, then of the variables: those noted, and
    /// unknown keys. Second, the warnings.
    pub(super) fn finish(mut self) -> (Vec<Finding>, Vec<Finding>) {
        let sections = std::mem::take(&mut self.sections);
        if !self.headless {
            for (name, section) in &sections {
                self.note_unknown(name, section);
            }
            self.note_unknown_tables();
        }
        let warnings = self.note_unknown_variables();
        self.mistakes.sort_by_key(order);
        self.mistakes.truncate(MISTAKES_MAX);
        (self.mistakes, warnings)
    }

    /// Notes the variables that set no key. Returns warnings about those that were probably meant
    /// to.
    fn note_unknown_variables(&mut self) -> Vec<Finding> {
        let known: Vec<String> =
            self.asked.iter().map(|(section, key)| variable_name(section, key)).collect();
        let mut warnings = Vec::new();
        for name in std::mem::take(&mut self.variables).into_keys() {
            if name["DROPFEED_".len()..].contains("__") {
                let near =
                    hint::did_you_mean(hint::nearest(&name, known.iter().map(String::as_str)));
                self.refuse(&At { name, line: None }, format!("there is no such key{near}"));
                continue;
            }
            // Other names with one underscore may be an orchestrator's: see `variable_name`.
            for meant in &known {
                if meant.replacen("__", "_", 1) == name {
                    let message = format!("is not used, did you mean `{meant}`?");
                    warnings.push(Finding { at: At { name: name.clone(), line: None }, message });
                }
            }
        }
        warnings
    }

    /// Notes the arrays of tables that were never asked for.
    fn note_unknown_tables(&mut self) {
        let known: Vec<&str> = self.asked.iter().map(|(section, _)| *section).collect();
        for (name, tables) in std::mem::take(&mut self.tables) {
            let message = if known.contains(&name.as_str()) {
                format!("`[[{name}]]` must be written `[{name}]`, once")
            } else {
                let names = known.iter().chain(&self.asked_tables).copied();
                let near = hint::did_you_mean(hint::nearest(&name, names));
                format!("unknown section `[[{name}]]`{near}")
            };
            for table in tables {
                if !self.broken.contains(&table.line) {
                    self.refuse(&self.at(table.line), message.clone());
                }
            }
        }
    }

    fn note_unknown(&mut self, name: &str, section: &Section) {
        let mut known: Vec<&str> = self.asked.iter().map(|(section, _)| *section).collect();
        if name.is_empty() || known.contains(&name) {
            for (key, (line, _)) in &section.keys {
                self.note_unknown_key(name, key, *line);
            }
        } else if !self.broken.contains(&section.line) {
            known.extend(&self.asked_tables);
            let near = hint::did_you_mean(hint::nearest(name, known));
            self.refuse(&self.at(section.line), format!("unknown section `[{name}]`{near}"));
        }
    }

    fn note_unknown_key(&mut self, section: &str, key: &str, line: u32) {
        if self.broken.contains(&line) {
            return;
        }
        let home = self.home_of(key);
        let message = match (section, home) {
            ("", Some(home)) => {
                format!("`{key}` is above the first section, but belongs in [{home}]")
            }
            ("", None) => format!("unknown key `{key}` above the first section"),
            (_, Some(home)) if hint_within(&self.asked, section, key).is_none() => {
                format!("unknown key `{key}` in [{section}]; it belongs in [{home}]")
            }
            _ => {
                let near = hint::did_you_mean(hint_within(&self.asked, section, key));
                format!("unknown key `{key}` in [{section}]{near}")
            }
        };
        self.refuse(&self.at(line), message);
    }

    /// The section that a key belongs in.
    fn home_of(&self, key: &str) -> Option<&'static str> {
        for (section, known) in &self.asked {
            if *known == key {
                return Some(section);
            }
        }
        None
    }

    /// The place of a line of the file.
    fn at(&self, line: u32) -> At {
        At { name: self.file.to_owned(), line: Some(line) }
    }
}

/// Escapes control characters.
fn escaped(message: &str) -> String {
    let mut escaped = String::with_capacity(message.len());
    for c in message.chars() {
        if c.is_control() {
            escaped.extend(c.escape_default());
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// Name of the variable that overrides a key. Names without two underscores are ignored: an
/// orchestrator that runs a service called dropfeed sets `DROPFEED_PORT` and similar variables.
fn variable_name(section: &str, key: &str) -> String {
    format!("DROPFEED_{}__{}", section.to_uppercase(), key.to_uppercase())
}

/// Suggests a key of the section for an unknown one.
fn hint_within<'k>(asked: &[(&'static str, &'k str)], section: &str, key: &str) -> Option<&'k str> {
    for (home, word, ours) in SYNONYMS {
        if home == section && word == key {
            return Some(ours);
        }
    }
    let mut known = Vec::new();
    for (home, key) in asked {
        if *home == section {
            known.push(*key);
        }
    }
    hint::nearest(key, known)
}

/// Names the unit that the key's name ends in.
fn unit_hint(key: &str) -> &'static str {
    match key.rsplit('_').next() {
        Some("ms") => " (milliseconds)",
        Some("s") => " (seconds)",
        Some("bytes") => " (bytes)",
        _ => "",
    }
}
