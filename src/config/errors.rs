//! Errors and warnings of a configuration: all of them together, each with its place.

use std::fmt;

/// The place of a value: a line of the file, the file as a whole, or an environment variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct At {
    /// Name of the file as it was given, or of the variable.
    pub name: String,
    /// Line of the file, from 1.
    pub line: Option<u32>,
}

impl At {
    /// True for the place of a key: a line or a variable.
    pub(super) fn is_of_a_key(&self) -> bool {
        self.line.is_some() || self.is_variable()
    }

    /// True for an environment variable.
    pub(super) fn is_variable(&self) -> bool {
        self.name.starts_with("DROPFEED_")
    }
}

/// Writes `config.toml:12`, `config.toml` or `DROPFEED_FEEDS__LIMIT`.
impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// One error, or one warning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Place of the value.
    pub at: At,
    /// One sentence on one line, without a final stop.
    pub message: String,
}

/// Writes `config.toml:12: unknown key ...`.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.message)
    }
}

/// All errors of a configuration, in the order of the file; at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Errors(pub Vec<Finding>);

impl Errors {
    /// Makes a single error about `name` as a whole.
    pub fn one(name: impl Into<String>, message: impl Into<String>) -> Self {
        Self(vec![Finding { at: At { name: name.into(), line: None }, message: message.into() }])
    }
}

/// Writes one line for each error, without a final line break.
impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, mistake) in self.0.iter().enumerate() {
            let end = if n == 0 { "" } else { "\n" };
            write!(f, "{end}{mistake}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Errors {}

/// Sorts the file before the variables, lines in order, the file as a whole after its lines.
pub(super) fn order(mistake: &Finding) -> (bool, u32) {
    (mistake.at.is_variable(), mistake.at.line.unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_for_each_mistake() {
        let line =
            Finding { at: At { name: "a.toml".into(), line: Some(3) }, message: "is wrong".into() };
        let mut errors = Errors::one("b.toml", "is missing");
        errors.0.push(line);
        assert_eq!(errors.to_string(), "b.toml: is missing\na.toml:3: is wrong");
    }
}
