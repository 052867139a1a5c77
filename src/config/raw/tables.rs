//! Arrays of tables, `[[name]]`: their keys, each with its place.

use toml::de::DeTable;

use crate::base::place::Lines;

use super::super::errors::At;
use super::super::hint;
use super::section::{Section, Value};
use super::{Given, Reader};

/// One `[[name]]` while it is being read.
pub(in crate::config) struct Table {
    name: &'static str,
    /// Place of its header.
    pub(in crate::config) at: At,
    section: Section,
    /// Keys that were asked for so far.
    asked: Vec<&'static str>,
}

impl Table {
    /// Whether the key is written, and was not read yet.
    pub(in crate::config) fn has(&self, key: &str) -> bool {
        self.section.keys.contains_key(key)
    }
}

impl Reader<'_> {
    /// Takes the tables of `[[name]]`, in the order of the file.
    pub(in crate::config) fn tables(&mut self, name: &'static str) -> Vec<Table> {
        self.asked_tables.push(name);
        if let Some(section) = self.sections.remove(name) {
            let at = self.at(section.line);
            self.refuse(&at, format!("`[{name}]` must be written `[[{name}]]`"));
        }
        let mut tables = Vec::new();
        for section in self.tables.remove(name).unwrap_or_default() {
            if !self.broken.contains(&section.line) {
                let at = self.at(section.line);
                tables.push(Table { name, at, section, asked: Vec::new() });
            }
        }
        tables
    }

    /// Takes the tables of a key whose value is a list of them: `menu = [{ ... }]`, or
    /// `[[pages.menu]]`. A variable holds the list as TOML. `name` is what messages call a table.
    pub(in crate::config) fn list_of_tables(
        &mut self,
        section: &'static str,
        key: &'static str,
        name: &'static str,
    ) -> Vec<Table> {
        let Some(given) = self.take(section, key) else { return Vec::new() };
        let parsed = match &given.value {
            Value::Variable(text) => list_in_variable(key, text),
            value => Some(value.clone()),
        };
        let mut tables = Vec::new();
        if let Some(Value::List(values)) = parsed {
            for value in values {
                let Value::Table(inner) = value else {
                    self.refuse_list(section, key, &given);
                    break;
                };
                let at =
                    if given.at.is_variable() { given.at.clone() } else { self.at(inner.line) };
                tables.push(Table { name, at, section: inner, asked: Vec::new() });
            }
        } else {
            self.refuse_list(section, key, &given);
        }
        tables
    }

    fn refuse_list(&mut self, section: &'static str, key: &'static str, given: &Given<Value>) {
        let expected = "a list of tables, such as [{ title = \"About\", url = \"/about\" }]";
        self.refuse_type((section, key), given, expected, "");
    }

    /// Reads a text of a table, without white space at its ends. An empty one is refused.
    pub(in crate::config) fn text_in(
        &mut self,
        table: &mut Table,
        key: &'static str,
    ) -> Option<Given<String>> {
        let given = self.take_in(table, key)?;
        let Value::Text(text) = &given.value else {
            self.refuse_type((table.name, key), &given, "a string in quotes", "");
            return None;
        };
        let text = text.trim();
        if text.is_empty() {
            self.refuse(&given.at, format!("`{}.{key}` is empty", table.name));
            return None;
        }
        Some(Given { value: text.to_owned(), at: given.at })
    }

    /// Reads a whole number of a table.
    pub(in crate::config) fn number_in(
        &mut self,
        table: &mut Table,
        key: &'static str,
    ) -> Option<Given<i64>> {
        let given = self.take_in(table, key)?;
        if let Value::Integer(value) = given.value {
            return Some(Given { value, at: given.at });
        }
        self.refuse_type((table.name, key), &given, "a whole number", "");
        None
    }

    /// Reads one text of a table or a list of them. A list without a text is refused, and so is a
    /// text that is empty.
    pub(in crate::config) fn texts_in(
        &mut self,
        table: &mut Table,
        key: &'static str,
    ) -> Option<Given<Vec<String>>> {
        let given = self.take_in(table, key)?;
        let Some(value) = given.value.texts() else {
            let expected = "a string in quotes or a list of them";
            self.refuse_type((table.name, key), &given, expected, "");
            return None;
        };
        if value.is_empty() || value.iter().any(String::is_empty) {
            self.refuse(&given.at, format!("`{}.{key}` is empty or has an empty text", table.name));
            return None;
        }
        Some(Given { value, at: given.at })
    }

    /// Notes the keys of a table that it was never asked for.
    pub(in crate::config) fn close(&mut self, table: Table) {
        if self.headless {
            return;
        }
        for (key, (line, _)) in table.section.keys {
            if self.broken.contains(&line) {
                continue;
            }
            let near = hint::did_you_mean(hint::nearest(&key, table.asked.iter().copied()));
            let at = if table.at.is_variable() { table.at.clone() } else { self.at(line) };
            self.refuse(&at, format!("unknown key `{key}` in [[{}]]{near}", table.name));
        }
    }

    fn take_in(&self, table: &mut Table, key: &'static str) -> Option<Given<Value>> {
        table.asked.push(key);
        let (line, value) = table.section.keys.remove(key)?;
        // What was recovered from a line with a syntax error is a guess.
        if self.broken.contains(&line) {
            return None;
        }
        let at = if table.at.is_variable() { table.at.clone() } else { self.at(line) };
        Some(Given { value, at })
    }
}

/// The list that a variable holds as TOML; an empty variable is an empty list.
fn list_in_variable(key: &str, text: &str) -> Option<Value> {
    if text.trim().is_empty() {
        return Some(Value::List(Vec::new()));
    }
    let text = format!("{key} = {text}");
    let table = DeTable::parse(&text).ok()?;
    let value = table.get_ref().get(key)?;
    // Anything behind the list would be another key.
    let is_alone = table.get_ref().len() == 1;
    is_alone.then(|| Value::of(&Lines::new(&text), value))
}
