//! A key with its field, and what single fields have inside.

use super::tree::{Field, Table, Value};

/// One value, with its key as written.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) key: &'a str,
    pub(super) field: &'a Field,
}

impl<'a> Entry<'a> {
    /// The text of a scalar; all texts of a document's `<meta>` of this kind, the first of which
    /// that can be used counts; nothing for any other value.
    pub(super) fn texts(&self) -> Vec<&'a str> {
        match &self.field.value {
            Value::Text(text) => vec![text],
            Value::List(items) if self.field.place.is_none() => {
                items.iter().filter_map(Field::text).collect()
            }
            _ => Vec::new(),
        }
    }
}

pub(super) fn picture(field: &Field) -> Option<&str> {
    match &field.value {
        Value::Absent => None,
        Value::Text(text) => Some(text),
        // Without quotes, Obsidian's `[[cat.png]]` is a list in a list.
        Value::List(items) => items.first().and_then(picture),
        Value::Table(table) => table.text(&["image", "url", "src", "path", "file"]),
    }
}

/// The first of the names in a table of dates.
pub(super) fn within<'a>(dates: &'a Table, names: &[&str]) -> Option<Entry<'a>> {
    dates.get(names).map(|(key, field)| Entry { key, field })
}
