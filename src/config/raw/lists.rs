//! Keys with several values, and keys whose value is secret.

use std::ops::RangeInclusive;

use super::section::Value;
use super::{Given, Reader};

impl Reader<'_> {
    /// Reads one text or a list of them. In a variable they are separated by commas.
    pub(in crate::config) fn texts(
        &mut self,
        section: &'static str,
        key: &'static str,
    ) -> Option<Given<Vec<String>>> {
        let given = self.take(section, key)?;
        match given.value.texts() {
            Some(value) => Some(Given { value, at: given.at }),
            None => {
                self.refuse_type(
                    (section, key),
                    &given,
                    "a string in quotes or a list of them",
                    "",
                );
                None
            }
        }
    }

    /// Reads one whole number in `range` or a list of them. In a variable they are separated by
    /// commas.
    pub(in crate::config) fn numbers(
        &mut self,
        section: &'static str,
        key: &'static str,
        range: RangeInclusive<u64>,
    ) -> Option<Given<Vec<u64>>> {
        let given = self.take(section, key)?;
        match integers(&given.value) {
            Some(numbers) if numbers.iter().all(|number| range.contains(number)) => {
                Some(Given { value: numbers, at: given.at })
            }
            _ => {
                let expected =
                    format!("a list of whole numbers from {} to {}", range.start(), range.end());
                self.refuse_type((section, key), &given, &expected, "");
                None
            }
        }
    }

    /// Reads a text that no message may quote. An empty one is none.
    pub(in crate::config) fn secret(
        &mut self,
        section: &'static str,
        key: &'static str,
    ) -> Option<Given<String>> {
        let given = self.take(section, key)?;
        match given.value {
            Value::Text(text) | Value::Variable(text) if text.is_empty() => None,
            Value::Text(text) | Value::Variable(text) => Some(Given { value: text, at: given.at }),
            _ => {
                let message = format!("`{section}.{key}` must be a string in quotes");
                self.refuse(&given.at, message);
                None
            }
        }
    }
}

/// The numbers of one number or a list of them; `None` for other types.
fn integers(value: &Value) -> Option<Vec<u64>> {
    let mut numbers = Vec::new();
    match value {
        Value::Integer(number) => numbers.push(u64::try_from(*number).ok()?),
        Value::Variable(list) => {
            for text in list.split(',').map(str::trim).filter(|text| !text.is_empty()) {
                numbers.push(text.parse().ok()?);
            }
        }
        Value::List(values) => {
            for value in values {
                let Value::Integer(number) = value else { return None };
                numbers.push(u64::try_from(*number).ok()?);
            }
        }
        _ => return None,
    }
    Some(numbers)
}
