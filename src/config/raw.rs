//! What the TOML and the environment say, key by key, each with its place.
//!
//! [`Reader`] is asked for every key that there is, once; what it was never asked for and the file still holds is
//! unknown. So a key is named in one place only, where it is read, with its type, its default and its range. It never
//! stops at the first mistake: whoever asks gets the default in place of a wrong value, and the mistake is noted.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use toml::de::{DeTable, DeValue};

use super::errors::{At, Errors, Finding};
use super::{foreign, hint};

/// Mistakes that are told at most; a file with more is another program's, or a picture.
const MISTAKES_MAX: usize = 50;

/// The largest configuration that is read, in bytes.
pub(super) const TEXT_MAX_BYTES: usize = 1 << 20;

/// What other programs call a key of ours, and what we call it.
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

/// A value as it was written, with no meaning yet.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// A string of the file.
    Text(String),
    /// An integer that 64 bits hold.
    Integer(i64),
    /// `true` or `false`.
    Flag(bool),
    /// `[ ... ]`
    List(Vec<Value>),
    /// What an environment variable holds: it has the type that the key wants.
    Variable(String),
    /// Anything that no key of ours is, by the name of its type.
    Other(&'static str),
}

impl Value {
    fn of(value: &DeValue<'_>) -> Self {
        match value {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Integer(digits) => match i64::from_str_radix(digits.as_str(), digits.radix()) {
                Ok(number) => Value::Integer(number),
                Err(_) => Value::Other("a number beyond 64 bits"),
            },
            DeValue::Boolean(flag) => Value::Flag(*flag),
            DeValue::Array(values) => Value::List(values.iter().map(|value| Value::of(value.get_ref())).collect()),
            DeValue::Float(_) => Value::Other("a fraction"),
            DeValue::Datetime(_) => Value::Other("a date"),
            DeValue::Table(_) => Value::Other("a table"),
        }
    }

    /// The value as a sentence about a wrong type names it.
    fn shown(&self) -> String {
        match self {
            Value::Text(text) | Value::Variable(text) => format!("{text:?}"),
            Value::Integer(number) => number.to_string(),
            Value::Flag(flag) => flag.to_string(),
            Value::List(_) => "a list".to_owned(),
            Value::Other(name) => (*name).to_owned(),
        }
    }
}

/// A value with its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Given<T> {
    /// What was given.
    pub(super) value: T,
    /// Where.
    pub(super) at: At,
}

/// The configuration's text and environment while they are being read.
pub(super) struct Reader<'a> {
    file: &'a str,
    sections: BTreeMap<String, Section>,
    /// Every variable that begins as ours do.
    variables: BTreeMap<String, String>,
    asked: Vec<(&'static str, &'static str)>,
    mistakes: Vec<Finding>,
    /// Lines with a mistake of syntax: what was recovered from them is guesswork and not worth a second word.
    broken: Vec<u32>,
    /// Is a section's header broken? Then nobody knows which section the keys below it stand in.
    headless: bool,
}

struct Section {
    line: u32,
    keys: BTreeMap<String, (u32, Value)>,
}

impl<'a> Reader<'a> {
    /// Parses `text`, called `file` in messages. Fails at once only where the file is not ours at all.
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
            variables: env.iter().filter(|(name, _)| name.starts_with("DROPFEED_")).cloned().collect(),
            asked: Vec::new(),
            mistakes: Vec::new(),
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
        let line = line_of(text, span.start);
        if self.broken.contains(&line) {
            return;
        }
        self.broken.push(line);
        self.headless |= text.lines().nth(line as usize - 1).is_some_and(|line| line.trim_start().starts_with('['));
        let message = match error.message() {
            "duplicate key" => format!("`{}` is set twice", text.get(span).unwrap_or_default()),
            other => format!("not valid TOML: {}", other.replace('\n', "; ")),
        };
        self.refuse(&At { name: self.file.to_owned(), line: Some(line) }, message);
    }

    fn note_sections(&mut self, text: &str, table: &DeTable<'_>) {
        for (name, value) in table {
            let line = line_of(text, name.span().start);
            let mut keys = BTreeMap::new();
            let section = match value.get_ref() {
                DeValue::Table(table) => {
                    for (key, value) in table {
                        let at = line_of(text, key.span().start);
                        keys.insert(key.get_ref().to_string(), (at, Value::of(value.get_ref())));
                    }
                    name.get_ref().to_string()
                }
                // A key above every section stands in the section without a name, which no key of ours is in.
                other => {
                    keys.insert(name.get_ref().to_string(), (line, Value::of(other)));
                    String::new()
                }
            };
            self.sections.entry(section).or_insert(Section { line, keys: BTreeMap::new() }).keys.append(&mut keys);
        }
    }

    /// Where a mistake is noted that concerns a key that nobody gave.
    pub(super) fn nowhere(&self) -> At {
        At { name: self.file.to_owned(), line: None }
    }

    /// Notes a mistake. Its message stays on one line, whatever it quotes.
    pub(super) fn refuse(&mut self, at: &At, message: impl Into<String>) {
        let mut message: String = message.into();
        if message.contains(char::is_control) {
            let escape = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
            message = message.chars().map(escape).collect();
        }
        self.mistakes.push(Finding { at: at.clone(), message });
    }

    /// Every key that was asked for so far.
    #[cfg(test)]
    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.iter().map(|(section, key)| format!("{section}.{key}")).collect()
    }

    /// What was given for a key. The environment wins over the file.
    fn take(&mut self, section: &'static str, key: &'static str) -> Option<Given<Value>> {
        self.asked.push((section, key));
        let from_file = self.sections.get_mut(section).and_then(|section| section.keys.remove(key));
        let variable = variable_name(section, key);
        if let Some(text) = self.variables.remove(&variable) {
            return Some(Given { value: Value::Variable(text), at: At { name: variable, line: None } });
        }
        let (line, value) = from_file?;
        let at = At { name: self.file.to_owned(), line: Some(line) };
        (!self.broken.contains(&line)).then_some(Given { value, at })
    }

    fn refuse_type(&mut self, name: (&str, &str), given: &Given<Value>, expected: &str, hint: &str) {
        let message = format!("`{}.{}` must be {expected}, not {}{hint}", name.0, name.1, given.value.shown());
        self.refuse(&given.at, message);
    }

    /// A text that is not empty, without white space at its ends.
    pub(super) fn text(&mut self, section: &'static str, key: &'static str) -> Option<Given<String>> {
        let given = self.take(section, key)?;
        match &given.value {
            Value::Text(text) | Value::Variable(text) if text.trim().is_empty() => {
                self.refuse(&given.at, format!("`{section}.{key}` is empty; remove the line to use the default"));
                None
            }
            Value::Text(text) | Value::Variable(text) => {
                Some(Given { value: text.trim().to_owned(), at: given.at.clone() })
            }
            _ => {
                self.refuse_type((section, key), &given, "a string in quotes", "");
                None
            }
        }
    }

    /// One text, or a list of them; a variable holds them with commas between.
    pub(super) fn texts(&mut self, section: &'static str, key: &'static str) -> Option<Given<Vec<String>>> {
        let given = self.take(section, key)?;
        let texts = match &given.value {
            Value::Text(text) => Some(vec![text.trim().to_owned()]),
            Value::Variable(text) => {
                Some(text.split(',').map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()).collect())
            }
            Value::List(values) => values
                .iter()
                .map(|value| match value {
                    Value::Text(text) => Some(text.trim().to_owned()),
                    _ => None,
                })
                .collect(),
            _ => None,
        };
        if texts.is_none() {
            self.refuse_type((section, key), &given, "a string in quotes or a list of them", "");
        }
        Some(Given { value: texts?, at: given.at })
    }

    /// A whole number in `range`.
    pub(super) fn number(
        &mut self,
        section: &'static str,
        key: &'static str,
        default: u64,
        range: RangeInclusive<u64>,
    ) -> Given<u64> {
        let Some(given) = self.take(section, key) else { return Given { value: default, at: self.nowhere() } };
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
                self.refuse(&given.at, format!("`{section}.{key}` is {shown}, but must be from {low} to {high}"));
                default
            }
            None => {
                let bare = matches!(&given.value, Value::Text(text) if text.trim().parse::<u64>().is_ok());
                let hint = if bare { "; remove the quotes" } else { unit_hint(key) };
                self.refuse_type((section, key), &given, "a whole number", hint);
                default
            }
        };
        Given { value, at: given.at }
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, section: &'static str, key: &'static str, default: bool) -> bool {
        let Some(given) = self.take(section, key) else { return default };
        match &given.value {
            Value::Flag(flag) => return *flag,
            Value::Variable(text) => match text.trim().to_lowercase().as_str() {
                "true" | "1" | "yes" | "on" => return true,
                "false" | "0" | "no" | "off" => return false,
                _ => {}
            },
            _ => {}
        }
        let bare = matches!(&given.value, Value::Text(text) if matches!(text.trim(), "true" | "false"));
        self.refuse_type((section, key), &given, "true or false", if bare { "; remove the quotes" } else { "" });
        default
    }

    /// One of a few words; the first is the default.
    pub(super) fn choice<T: Copy>(
        &mut self,
        section: &'static str,
        key: &'static str,
        default: T,
        choices: &[(&'static str, T)],
    ) -> T {
        let Some(given) = self.text(section, key) else { return default };
        if let Some((_, value)) = choices.iter().find(|(word, _)| *word == given.value) {
            return *value;
        }
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        let expected = hint::any_of(&words);
        self.refuse(&given.at, format!("`{section}.{key}` must be {expected}, not {:?}", given.value));
        default
    }

    /// Every mistake, in the order of the file, then the variables: those noted, and what nobody asked for. And what
    /// is worth a warning.
    pub(super) fn finish(mut self) -> (Vec<Finding>, Vec<Finding>) {
        let sections = std::mem::take(&mut self.sections);
        if !self.headless {
            sections.iter().for_each(|(name, section)| self.note_unknown(name, section));
        }
        let known: Vec<String> = self.asked.iter().map(|(section, key)| variable_name(section, key)).collect();
        let mut warnings = Vec::new();
        for name in std::mem::take(&mut self.variables).into_keys() {
            if name["DROPFEED_".len()..].contains("__") {
                let near = hint::did_you_mean(hint::nearest(&name, known.iter().map(String::as_str)));
                self.refuse(&At { name, line: None }, format!("there is no such key{near}"));
            } else if let Some(meant) = known.iter().find(|known| known.replacen("__", "_", 1) == name) {
                let message = format!("is not used, did you mean `{meant}`?");
                warnings.push(Finding { at: At { name, line: None }, message });
            }
        }
        self.mistakes.sort_by_key(order);
        self.mistakes.truncate(MISTAKES_MAX);
        (self.mistakes, warnings)
    }

    fn note_unknown(&mut self, name: &str, section: &Section) {
        let known: Vec<&str> = self.asked.iter().map(|(section, _)| *section).collect();
        if name.is_empty() || known.contains(&name) {
            for (key, (line, _)) in &section.keys {
                self.note_unknown_key(name, key, *line);
            }
        } else if !self.broken.contains(&section.line) {
            let near = hint::did_you_mean(hint::nearest(name, known));
            let at = At { name: self.file.to_owned(), line: Some(section.line) };
            self.refuse(&at, format!("unknown section `[{name}]`{near}"));
        }
    }

    fn note_unknown_key(&mut self, section: &str, key: &str, line: u32) {
        if self.broken.contains(&line) {
            return;
        }
        let at = At { name: self.file.to_owned(), line: Some(line) };
        let home = self.asked.iter().find(|(_, known)| *known == key).map(|(home, _)| *home);
        let message = match (section, home) {
            ("", Some(home)) => format!("`{key}` is above the first section, but belongs in [{home}]"),
            ("", None) => format!("unknown key `{key}` above the first section"),
            (_, Some(home)) if hint_within(&self.asked, section, key).is_none() => {
                format!("unknown key `{key}` in [{section}]; it belongs in [{home}]")
            }
            _ => {
                let near = hint::did_you_mean(hint_within(&self.asked, section, key));
                format!("unknown key `{key}` in [{section}]{near}")
            }
        };
        self.refuse(&at, message);
    }
}

/// The variable that overrides a key. A name with one underscore, or of no key at all, is not ours to judge: an
/// orchestrator that runs a service called dropfeed sets `DROPFEED_PORT` and its kin.
fn variable_name(section: &str, key: &str) -> String {
    format!("DROPFEED_{}__{}", section.to_uppercase(), key.to_uppercase())
}

fn hint_within<'k>(asked: &[(&'static str, &'k str)], section: &str, key: &str) -> Option<&'k str> {
    let synonym = SYNONYMS.iter().find(|(home, word, _)| *home == section && *word == key);
    match synonym {
        Some((_, _, ours)) => Some(*ours),
        None => hint::nearest(key, asked.iter().filter(|(home, _)| *home == section).map(|(_, key)| *key)),
    }
}

/// The unit that a key's name ends in, as a reminder.
fn unit_hint(key: &str) -> &'static str {
    match key.rsplit('_').next() {
        Some("ms") => " (milliseconds)",
        Some("s") => " (seconds)",
        Some("bytes") => " (bytes)",
        _ => "",
    }
}

fn line_of(text: &str, offset: usize) -> u32 {
    let before = &text.as_bytes()[..offset.min(text.len())];
    let breaks = before.iter().filter(|byte| **byte == b'\n').count();
    u32::try_from(breaks).unwrap_or(u32::MAX - 1) + 1
}

/// The file before the variables, lines in order, the file as a whole after its lines.
fn order(mistake: &Finding) -> (bool, u32) {
    (mistake.at.is_variable(), mistake.at.line.unwrap_or(u32::MAX))
}
