//! What is wrong with a configuration: all of it at once, each with its place.

use std::fmt;

/// Where a value was given: a line of the file, the file as a whole, or an environment variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct At {
    /// The file as it was named, or the variable.
    pub name: String,
    /// The line of the file, from 1.
    pub line: Option<u32>,
}

impl At {
    /// Was a key given here, by a line or a variable?
    pub(super) fn is_of_a_key(&self) -> bool {
        self.line.is_some() || self.is_variable()
    }

    pub(super) fn is_variable(&self) -> bool {
        self.name.starts_with("DROPFEED_")
    }
}

/// `config.toml:12`, `config.toml` or `DROPFEED_FEEDS__LIMIT`.
impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// One mistake, or one thing that is probably not meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Where it stands.
    pub at: At,
    /// What is wrong and what was meant, on one line, without a final stop.
    pub message: String,
}

/// `config.toml:12: unknown key ...`
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.message)
    }
}

/// Every mistake of a configuration, in the order of the file; at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Errors(pub Vec<Finding>);

impl Errors {
    /// A single mistake that concerns `name` as a whole.
    pub fn one(name: impl Into<String>, message: impl Into<String>) -> Self {
        Self(vec![Finding { at: At { name: name.into(), line: None }, message: message.into() }])
    }
}

/// One line for each mistake, without a final line break.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_for_each_mistake() {
        let line = Finding { at: At { name: "a.toml".into(), line: Some(3) }, message: "is wrong".into() };
        let mut errors = Errors::one("b.toml", "is missing");
        errors.0.push(line);
        assert_eq!(errors.to_string(), "b.toml: is missing\na.toml:3: is wrong");
    }
}
