//! Front matter of `Key: value` lines, as Pelican and MultiMarkdown have them. An indented line
//! continues the value before it. In Nikola's comment each line begins with `.. `.

use crate::base::Place;

use crate::article::front_matter::KEY_MAX_BYTES;

use super::{Budget, Field, Malformed, Table, Value};

pub(crate) fn read(front_matter: &str) -> Result<Table, Malformed> {
    let mut table = Table::default();
    let mut budget = Budget::new();
    let mut open: Option<(String, String, Place)> = None;
    for (n, line) in front_matter.lines().enumerate() {
        let place = Place::new(n + 1, 1);
        let said = line.trim_start().strip_prefix(".. ").unwrap_or(line);
        match tight_key_value(said).filter(|_| !said.starts_with([' ', '\t'])) {
            Some((key, value)) => {
                budget.spend(1, 1, place)?;
                close(&mut table, open.take())?;
                // Keys are ASCII: what stands before the value has as many characters as bytes.
                let column = line.trim_end().len() - value.len();
                open = Some((key.to_owned(), value.to_owned(), Place::new(n + 1, column + 1)));
            }
            None => {
                if let Some((_, value, _)) = &mut open {
                    if !value.is_empty() {
                        value.push('\n');
                    }
                    value.push_str(line.trim());
                }
            }
        }
    }
    close(&mut table, open)?;
    Ok(table)
}

/// Ends an entry; one without a value says nothing.
fn close(table: &mut Table, open: Option<(String, String, Place)>) -> Result<(), Malformed> {
    let Some((key, value, place)) = open else { return Ok(()) };
    let value = if value.is_empty() { Value::Absent } else { Value::Text(value) };
    table.add_new(key, Field::at(place, value), Place { column: 1, ..place })
}

/// The key and the value of a line of a front matter of lines: a short name of letters, a colon,
/// and then a space or nothing.
pub(crate) fn key_value(line: &str) -> Option<(&str, &str)> {
    let (_, value) = line.trim_end().split_once(':')?;
    if value.is_empty() || value.starts_with([' ', '\t']) { tight_key_value(line) } else { None }
}

/// As [`key_value`], also without the space, which Pelican does not need: `Status:draft`. A URL is
/// none.
pub(crate) fn tight_key_value(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.trim_end().split_once(':')?;
    let key = key.trim_end();
    if key.len() > KEY_MAX_BYTES || !key.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    if !key.chars().all(may_be_in_key) || value.starts_with("//") {
        return None;
    }
    Some((key, value.trim()))
}

fn may_be_in_key(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ' ')
}
