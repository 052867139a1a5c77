//! Findings about inputs. Bad input is data, never an `Err`.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::{Deserialize, Serialize};

use super::Place;

/// The weight of a diagnostic, from the lightest.
///
/// ```
/// use dropfeed::base::Severity;
///
/// assert!(Severity::Note < Severity::Warning && Severity::Warning < Severity::Error);
/// ```
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

/// One finding about one input. Its holder knows the name of the file.
///
/// ```
/// use dropfeed::base::{Diagnostic, Severity};
///
/// let found = Diagnostic::error("binary", "the file contains a NUL byte").at(2, 9);
/// assert_eq!(found.severity, Severity::Error);
/// assert_eq!(found.to_string(), "2:9: the file contains a NUL byte");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Diagnostic {
    /// Weight of the finding.
    pub severity: Severity,
    /// Fixed name that tools can match on, in kebab case: `front-matter`, `not-utf-8`, `too-large`.
    pub code: String,
    /// One sentence for a person, without the file's name and without a final stop.
    pub message: String,
    /// Place in the file, if the finding has one.
    pub place: Option<Place>,
}

impl Diagnostic {
    /// Makes an error: the input is not used.
    pub fn error(code: &str, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message)
    }

    /// Makes a warning: the input is used, with something lost.
    pub fn warning(code: &str, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message)
    }

    /// Makes a note: the input is used, and nothing is lost.
    pub fn note(code: &str, message: impl Into<String>) -> Self {
        Self::new(Severity::Note, code, message)
    }

    /// Sets the place of the finding.
    #[must_use]
    pub fn at(mut self, line: u32, column: u32) -> Self {
        self.place = Some(Place { line, column });
        self
    }

    fn new(severity: Severity, code: &str, message: impl Into<String>) -> Self {
        Self { severity, code: code.to_owned(), message: message.into(), place: None }
    }
}

/// Runs `work` on one input, so that a panic in a parser costs this input and not the others.
///
/// Nothing that `work` changed may be used after an error: it may be half done.
///
/// ```
/// use dropfeed::base::catch_panic;
///
/// assert_eq!(catch_panic(|| 1 + 1), Ok(2));
/// assert_eq!(catch_panic::<()>(|| panic!("a bug")).unwrap_err().code, "panic");
/// ```
///
/// # Errors
///
/// An error with the code `panic`, if `work` panicked.
pub fn catch_panic<T>(work: impl FnOnce() -> T) -> Result<T, Diagnostic> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(value) => Ok(value),
        // The panic hook has already logged the message and the place in the code.
        Err(_) => {
            let message = "dropfeed failed on this file; please report it";
            Err(Diagnostic::error("panic", message))
        }
    }
}

/// Writes `12:3: message`, or `message` if it has no place.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Place { line, column }) = self.place {
            write!(f, "{line}:{column}: ")?;
        }
        f.write_str(&self.message)
    }
}
