//! JSON front matter. Each value is taken as the piece of the front matter that it is, so that
//! numbers keep their text.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::article::front_matter::offset_in;
use crate::base::place::{Lines, Place};

use super::{Budget, Field, Malformed, Table, Value};

pub(crate) fn read(front_matter: &str) -> Result<Table, Malformed> {
    // The whole is checked first: what is read piece by piece below is well-formed.
    if let Err(error) = serde_json::from_str::<&RawValue>(front_matter) {
        let place = Place::new(error.line().max(1), error.column().max(1));
        return Err(Malformed { place, message: said(&error) });
    }
    let mut reader =
        Reader { front_matter, lines: Lines::new(front_matter), budget: Budget::new() };
    reader.table(front_matter, 0)
}

struct Reader<'a> {
    front_matter: &'a str,
    lines: Lines<'a>,
    budget: Budget,
}

impl<'a> Reader<'a> {
    fn table(&mut self, source: &'a str, depth: usize) -> Result<Table, Malformed> {
        let place = self.place(source);
        let Entries(entries) =
            serde_json::from_str(source).map_err(|error| malformed(place, &error))?;
        let mut table = Table::default();
        for (key, raw) in entries {
            let field = self.field(raw.get(), depth + 1)?;
            table.add_new(key, field, self.place(raw.get()))?;
        }
        Ok(table)
    }

    fn field(&mut self, source: &'a str, depth: usize) -> Result<Field, Malformed> {
        let place = self.place(source);
        self.budget.spend(1, depth, place)?;
        let value = match source.as_bytes().first() {
            Some(b'{') => Value::Table(self.table(source, depth)?),
            Some(b'[') => {
                let items: Vec<&RawValue> =
                    serde_json::from_str(source).map_err(|error| malformed(place, &error))?;
                let items = items.into_iter().map(|item| self.field(item.get(), depth + 1));
                Value::List(items.collect::<Result<_, _>>()?)
            }
            Some(b'"') => {
                Value::Text(serde_json::from_str(source).map_err(|error| malformed(place, &error))?)
            }
            Some(b'n') => Value::Absent,
            _ => Value::Text(source.to_owned()),
        };
        Ok(Field::at(place, value))
    }

    fn place(&self, source: &str) -> Place {
        self.lines.place(offset_in(self.front_matter, source))
    }
}

fn malformed(place: Place, error: &serde_json::Error) -> Malformed {
    Malformed { place, message: said(error) }
}

/// The error without its own mention of a place, which counts from somewhere else.
fn said(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rfind(" at line ").map_or(text.clone(), |at| text[..at].to_owned())
}

/// An object's entries in their order, doubles included.
struct Entries<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntriesVisitor(std::marker::PhantomData))
    }
}

struct EntriesVisitor<'a>(std::marker::PhantomData<&'a ()>);

impl<'de: 'a, 'a> Visitor<'de> for EntriesVisitor<'a> {
    type Value = Entries<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry::<String, &'de RawValue>()? {
            entries.push(entry);
        }
        Ok(Entries(entries))
    }
}
