//! What is said about an input that is not as it should be. Bad input is data, never an `Err`.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Place;

/// How much a diagnostic weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; nothing is lost.
    Note,
    /// Something visible was changed or left out; the rest is published.
    Warning,
    /// The input is not used.
    Error,
}

/// One finding about one input. The file's name is the holder's to add.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Diagnostic {
    /// How much it weighs.
    pub severity: Severity,
    /// A fixed name that tools can match on, in kebab case: `front-matter`, `not-utf-8`, `too-large`.
    pub code: String,
    /// One sentence for a person, without the file's name and without a final stop.
    pub message: String,
    /// Where in the file, when there is a where.
    pub place: Option<Place>,
}

impl Diagnostic {
    /// The input is not used, because of `message`.
    pub fn error(code: &str, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message)
    }

    /// The input is used, with something lost.
    pub fn warning(code: &str, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message)
    }

    /// The input is used, and this is worth knowing.
    pub fn note(code: &str, message: impl Into<String>) -> Self {
        Self::new(Severity::Note, code, message)
    }

    /// The same finding, at a place.
    #[must_use]
    pub fn at(mut self, line: u32, column: u32) -> Self {
        self.place = Some(Place { line, column });
        self
    }

    fn new(severity: Severity, code: &str, message: impl Into<String>) -> Self {
        Self { severity, code: code.to_owned(), message: message.into(), place: None }
    }
}

/// `12:3: message`, or `message` where there is no place.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Place { line, column }) = self.place {
            write!(f, "{line}:{column}: ")?;
        }
        f.write_str(&self.message)
    }
}
