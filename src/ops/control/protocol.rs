//! Requests and replies of the control socket as JSON lines.
//!
//! In: `{"command":"status"}`. Out: any number of lines `{"part":"text"}`, which are the beginning
//! of a long answer, and one line `{"ok":true,"exit":0,"text":"..."}`, which ends it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The largest request in bytes.
pub const REQUEST_MAX_BYTES: usize = 64 << 10;

/// The largest import in bytes: an old feed of 100,000 entries.
pub(super) const IMPORT_MAX_BYTES: usize = 64 << 20;

/// The beginning of a request for an import.
pub(super) const IMPORT_PREFIX: &[u8] = b"{\"command\":\"import\"";

/// The size of a part of a long answer, in bytes.
pub(super) const PART_BYTES: usize = 64 << 10;

/// A request to the daemon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case")]
pub enum Request {
    /// Report the state of the service.
    Status,
    /// Report the readers of feeds.
    Readers {
        /// The days to list one by one.
        days: Option<usize>,
        /// The path of one feed's directory; all feeds if `None`.
        feed: Option<String>,
    },
    /// Read the configuration again.
    Reload,
    /// Import an old feed, rehearse that, or take it back. `data` is what it comes to.
    Import {
        /// The request, as the engine understands it.
        import: Value,
    },
    /// Unpublish the articles whose deletion is held.
    Accept,
    /// Take an article down, or forget an empty list.
    Forget {
        /// A path, or a URL.
        what: String,
    },
    /// Copy the state to a file in the state directory. `data.file` is its name; it is deleted when
    /// the connection is closed.
    StateBackup,
    /// Verify the state.
    StateCheck,
    /// List every article that ever was public.
    StateExport,
}

/// The end of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// Whether the request was fulfilled.
    pub ok: bool,
    /// The exit status for the command that asked.
    pub exit: u8,
    /// The answer for people, of one line or more, without a final line break.
    pub text: String,
    /// The same for programs, where there is more to it than the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}

impl Reply {
    /// The reply to a request that was fulfilled.
    pub fn done(text: impl Into<String>) -> Self {
        Self { ok: true, exit: 0, text: text.into(), data: None }
    }

    /// The reply to a request that was not.
    pub fn failed(exit: u8, text: impl Into<String>) -> Self {
        Self { ok: false, exit, text: text.into(), data: None }
    }

    /// Adds the answer for programs.
    #[must_use]
    pub fn with(mut self, data: Value) -> Self {
        self.data = Some(data);
        self
    }
}

/// A line before the last one.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Part {
    /// Text, of which there is more.
    pub(super) part: String,
}

/// Reads the line of a request.
///
/// # Errors
/// One sentence.
pub(super) fn parse(line: &[u8]) -> Result<Request, String> {
    let text = std::str::from_utf8(line).map_err(|_| "the request is not UTF-8".to_owned())?;
    serde_json::from_str(text).map_err(|error| format!("not a request: {error}"))
}

/// A value as a line. Serialising these types cannot fail: their keys are strings.
pub(super) fn line<T: Serialize>(value: &T) -> String {
    let mut line = serde_json::to_string(value).unwrap_or_default();
    line.push('\n');
    line
}

/// Splits a long text into parts, at the ends of characters.
pub(super) fn parts(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (part, after) = rest.split_at(rest.floor_char_boundary(PART_BYTES));
        parts.push(part);
        rest = after;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_one_line_and_read_back() {
        for (request, text) in [
            (Request::Status, r#"{"command":"status"}"#),
            (
                Request::Readers { days: Some(7), feed: None },
                r#"{"command":"readers","days":7,"feed":null}"#,
            ),
            (Request::Reload, r#"{"command":"reload"}"#),
            (Request::Import { import: Value::from(1) }, r#"{"command":"import","import":1}"#),
            (Request::Accept, r#"{"command":"accept"}"#),
            (Request::Forget { what: "/a".into() }, r#"{"command":"forget","what":"/a"}"#),
            (Request::StateBackup, r#"{"command":"state-backup"}"#),
            (Request::StateCheck, r#"{"command":"state-check"}"#),
            (Request::StateExport, r#"{"command":"state-export"}"#),
        ] {
            assert_eq!(line(&request), format!("{text}\n"));
            assert_eq!(parse(text.as_bytes()), Ok(request));
        }
    }

    #[test]
    fn what_is_no_request_is_named() {
        for (text, reason) in [
            (&b""[..], "not a request: EOF while parsing"),
            (b"GET / HTTP/1.1\r", "not a request: expected value at line 1 column 1"),
            (b"{\"command\":\"stop\"}", "not a request: unknown variant `stop`, expected one of"),
            (b"{\"comand\":\"status\"}", "not a request: missing field `command`"),
            (b"[1]", "not a request: "),
            (b"\xff\xfe", "the request is not UTF-8"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.starts_with(reason), "{error}");
        }
    }

    #[test]
    fn a_reply_is_one_line_whatever_it_says() {
        let reply = Reply::failed(78, "a.toml:1: \"x\"\nb\u{2028}").with(Value::from(3));
        let text = line(&reply);
        assert_eq!(text.matches('\n').count(), 1);
        assert_eq!(serde_json::from_str::<Reply>(&text).unwrap(), reply);
    }

    #[test]
    fn parts_are_the_text() {
        let text = "é".repeat(PART_BYTES);
        let parts = parts(&text);
        assert!(parts.len() == 2 && parts.iter().all(|part| part.len() <= PART_BYTES));
        assert_eq!(parts.concat(), text);
        assert!(super::parts("").is_empty());
    }
}
