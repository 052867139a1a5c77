//! The tables and values of a TOML file as they are written, with their lines, not yet interpreted.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::base::place::Lines;

/// A value as it was written, not yet interpreted.
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
    /// `{ ... }` or `[name.key]`
    Table(Section),
    /// The text of an environment variable, which has the type of its key.
    Variable(String),
    /// A value of a type that no key has, by the name of its type.
    Other(&'static str),
}

impl Value {
    /// Takes a value of the parser, out of the text with these lines.
    pub(super) fn of(lines: &Lines<'_>, value: &Spanned<DeValue<'_>>) -> Self {
        match value.get_ref() {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Integer(digits) => {
                match i64::from_str_radix(digits.as_str(), digits.radix()) {
                    Ok(number) => Value::Integer(number),
                    Err(_) => Value::Other("a number beyond 64 bits"),
                }
            }
            DeValue::Boolean(flag) => Value::Flag(*flag),
            DeValue::Array(values) => {
                Value::List(values.iter().map(|value| Value::of(lines, value)).collect())
            }
            DeValue::Float(_) => Value::Other("a fraction"),
            DeValue::Datetime(_) => Value::Other("a date"),
            DeValue::Table(table) => {
                let line = lines.place(value.span().start).line;
                Value::Table(Section::of(lines, line, table))
            }
        }
    }

    /// Names the value in an error about its type.
    pub(super) fn shown(&self) -> String {
        match self {
            Value::Text(text) | Value::Variable(text) => format!("{text:?}"),
            Value::Integer(number) => number.to_string(),
            Value::Flag(flag) => flag.to_string(),
            Value::List(_) => "a list".to_owned(),
            Value::Table(_) => "a table".to_owned(),
            Value::Other(name) => (*name).to_owned(),
        }
    }

    /// Reads a text or a list of texts; `None` for other types.
    pub(super) fn texts(&self) -> Option<Vec<String>> {
        let mut texts = Vec::new();
        match self {
            Value::Text(text) => texts.push(text.trim().to_owned()),
            Value::Variable(list) => {
                for text in list.split(',') {
                    // `a,` and an empty variable have an empty text, which is none.
                    if !text.trim().is_empty() {
                        texts.push(text.trim().to_owned());
                    }
                }
            }
            Value::List(values) => {
                for value in values {
                    let Value::Text(text) = value else { return None };
                    texts.push(text.trim().to_owned());
                }
            }
            _ => return None,
        }
        Some(texts)
    }
}

/// The keys of one `[name]`, one `[[name]]` or one `{ ... }`.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Section {
    /// Line of the header, from 1.
    pub(super) line: u32,
    /// Keys with their lines and values.
    pub(super) keys: BTreeMap<String, (u32, Value)>,
}

impl Section {
    /// Takes the keys of a table of the text with these lines.
    pub(super) fn of(lines: &Lines<'_>, line: u32, table: &DeTable<'_>) -> Self {
        let mut keys = BTreeMap::new();
        for (key, value) in table {
            let line = lines.place(key.span().start).line;
            keys.insert(key.get_ref().to_string(), (line, Value::of(lines, value)));
        }
        Self { line, keys }
    }
}

/// True for the value of `[[name]]`. An empty array is a list.
pub(super) fn is_array_of_tables(values: &[Spanned<DeValue<'_>>]) -> bool {
    !values.is_empty() && values.iter().all(|value| matches!(value.get_ref(), DeValue::Table(_)))
}
