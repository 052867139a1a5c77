//! TOML 1.1 front matter. Numbers, booleans and dates are kept as they are written, by their spans.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::base::place::{Lines, Place};

use super::{Budget, Field, Malformed, Table, Value};

pub(crate) fn read(front_matter: &str) -> Result<Table, Malformed> {
    let lines = Lines::new(front_matter);
    match DeTable::parse(front_matter) {
        Ok(root) => {
            Reader { front_matter, lines, budget: Budget::new() }.table(root.into_inner(), 0)
        }
        Err(error) => {
            let offset =
                error.span().map_or(0, |span| span.start.min(front_matter.trim_end().len()));
            Err(Malformed {
                place: lines.place(offset),
                message: error.message().replace('\n', ", "),
            })
        }
    }
}

struct Reader<'a> {
    front_matter: &'a str,
    lines: Lines<'a>,
    budget: Budget,
}

impl Reader<'_> {
    fn table(&mut self, table: DeTable<'_>, depth: usize) -> Result<Table, Malformed> {
        // The parser sorts keys by name; the file's order decides which of two spellings counts.
        let mut entries: Vec<_> = table.into_iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        let mut read = Table::default();
        for (key, value) in entries {
            let field = self.field(value, depth + 1)?;
            read.add(key.into_inner().into_owned(), field);
        }
        Ok(read)
    }

    fn field(&mut self, value: Spanned<DeValue<'_>>, depth: usize) -> Result<Field, Malformed> {
        let span = value.span();
        let place: Place = self.lines.place(span.start);
        self.budget.spend(1, depth, place)?;
        let source = self.front_matter.get(span).unwrap_or_default();
        let value = match value.into_inner() {
            DeValue::String(text) => Value::Text(text.into_owned()),
            DeValue::Array(items) => {
                let items = items.into_iter().map(|item| self.field(item, depth + 1));
                Value::List(items.collect::<Result<_, _>>()?)
            }
            DeValue::Table(table) => Value::Table(self.table(table, depth)?),
            DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_) => Value::Text(source.to_owned()),
        };
        Ok(Field::at(place, value))
    }
}
