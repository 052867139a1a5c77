//! The access log as JSON: one object a line, with the same fields in the same order on every line.
//!
//! Bytes from clients that are not UTF-8 are taken for Latin-1, as header fields used to be.
//! Control characters and line separators are escaped, so that a line is one line everywhere.

use std::io::Write as _;
use std::net::IpAddr;

use super::super::exchange::{Exchange, Request};
use super::combined::first_line;

/// The bytes of a text that are logged: programs that read lines have buffers of a fixed size.
const TEXT_BYTES_MAX: usize = 2000;

/// Appends the line of an exchange. `time` is the beginning of its time, to the second.
pub(super) fn write(
    line: &mut Vec<u8>,
    exchange: &Exchange<'_>,
    reader: Option<IpAddr>,
    time: &str,
) {
    let milliseconds = exchange.begun.subsec_millisecond().unsigned_abs();
    // Writing to memory does not fail.
    let _ = write!(line, "{{\"time\":\"{time}.{milliseconds:03}Z\",\"address\":");
    let _ = match reader {
        Some(reader) => write!(line, "\"{reader}\""),
        None => write!(line, "null"),
    };
    match exchange.request {
        Request::Read(head) => {
            line.extend_from_slice(b",\"method\":");
            write_text(line, Some(head.method.as_str().as_bytes()));
            line.extend_from_slice(b",\"target\":");
            match head.uri.path_and_query() {
                Some(target) if head.uri.authority().is_none() => {
                    write_text(line, Some(target.as_str().as_bytes()));
                }
                _ => write_text(line, Some(head.uri.to_string().as_bytes())),
            }
            let _ = write!(line, ",\"protocol\":\"{:?}\",\"refused\":null", head.version);
        }
        Request::Plain(plain) => {
            line.extend_from_slice(b",\"method\":");
            write_text(line, Some(plain.method().as_str().as_bytes()));
            line.extend_from_slice(b",\"target\":");
            write_text(line, Some(plain.path().as_bytes()));
            line.extend_from_slice(b",\"protocol\":\"HTTP/1.1\",\"refused\":null");
        }
        Request::Refused(bytes) => {
            line.extend_from_slice(
                b",\"method\":null,\"target\":null,\"protocol\":null,\"refused\":",
            );
            write_text(line, Some(first_line(bytes)));
        }
    }
    let _ = write!(
        line,
        ",\"status\":{},\"body_bytes\":{},\"whole\":{},\"coding\":\"{}\",\"duration_s\":{:.6}",
        exchange.status.as_u16(),
        exchange.body_bytes,
        exchange.is_whole,
        exchange.coding.name(),
        exchange.took.as_secs_f64(),
    );
    line.extend_from_slice(b",\"referer\":");
    write_text(line, exchange.referer());
    line.extend_from_slice(b",\"user_agent\":");
    write_text(line, exchange.user_agent());
    line.extend_from_slice(b"}\n");
}

/// Appends a string, or `null`. A string that is too long is cut.
fn write_text(line: &mut Vec<u8>, bytes: Option<&[u8]>) {
    let Some(bytes) = bytes else { return line.extend_from_slice(b"null") };
    line.push(b'"');
    let is_cut = match std::str::from_utf8(bytes) {
        Ok(text) => {
            let end = text.floor_char_boundary(TEXT_BYTES_MAX);
            text[..end].chars().for_each(|c| write_char(line, c));
            end < text.len()
        }
        Err(_) => {
            let end = bytes.len().min(TEXT_BYTES_MAX);
            bytes[..end].iter().for_each(|byte| write_char(line, char::from(*byte)));
            end < bytes.len()
        }
    };
    if is_cut {
        line.extend_from_slice(b"...");
    }
    line.push(b'"');
}

fn write_char(line: &mut Vec<u8>, c: char) {
    match c {
        '"' | '\\' => line.extend_from_slice(&[b'\\', c as u8]),
        ' '..='~' => line.push(c as u8),
        c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => {
            // All of these are in the first plane, so that four digits suffice.
            let _ = write!(line, "\\u{:04x}", u32::from(c));
        }
        c => line.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::tests::{exchange, head, line};
    use super::*;
    use crate::config::LogFormat;

    /// The text that stands for these bytes.
    pub(in super::super) fn text(bytes: &[u8]) -> String {
        match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
        }
    }

    #[test]
    fn each_line_is_an_object() {
        let head_of = head("GET", "/a?b", "Leser \"é\" \u{2028}".as_bytes(), b"\xe9");
        let found = line(&exchange(Request::Read(&head_of)), LogFormat::Json);
        assert_eq!(
            String::from_utf8(found).unwrap(),
            "{\"time\":\"2026-11-29T07:46:43.250Z\",\"address\":\"192.0.2.77\",\"method\":\"GET\",\
             \"target\":\"/a?b\",\"protocol\":\"HTTP/1.1\",\"refused\":null,\"status\":200,\
             \"body_bytes\":1234,\"whole\":true,\"coding\":\"gzip\",\"duration_s\":0.001250,\
             \"referer\":\"é\",\"user_agent\":\"Leser \\\"é\\\" \\u2028\"}\n"
        );
        let found = line(&exchange(Request::Refused(b"\x16\x1b\n")), LogFormat::Json);
        let object: serde_json::Value = serde_json::from_slice(&found).unwrap();
        assert_eq!(object["refused"], "\x16\x1b");
        assert_eq!(object["method"], serde_json::Value::Null);
        let long = format!("{}é", "a".repeat(TEXT_BYTES_MAX - 1)).repeat(2);
        let head_of = head("GET", "/", long.as_bytes(), b"");
        let found = line(&exchange(Request::Read(&head_of)), LogFormat::Json);
        let object: serde_json::Value = serde_json::from_slice(&found).unwrap();
        assert_eq!(object["user_agent"], format!("{}...", "a".repeat(TEXT_BYTES_MAX - 1)));
    }
}
