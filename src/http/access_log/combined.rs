//! The combined format of Apache's mod_log_config:
//! `%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i"`.
//!
//! Text from clients is escaped as Apache escapes it (`ap_escape_logitem`): quotes and backslashes
//! with a backslash, control characters as in C, and all other bytes that are not printable ASCII
//! as `\xhh`. What is too long is cut, since GoAccess takes the rest of a line that has more than
//! 4,095 bytes for another line.

use std::io::Write as _;
use std::net::IpAddr;

use http::Version;
use http::request::Parts;

use super::super::exchange::{Exchange, Request};

/// The lengths of the request line, Referer and User-Agent, in bytes of the log. With everything
/// else, less than 4,096.
const REQUEST_BYTES_MAX: usize = 2000;
const FIELD_BYTES_MAX: usize = 900;

/// The mark of what is cut.
const CUT: &[u8] = b"...";

/// Appends the line of an exchange. `time` is `%t` without its brackets.
pub(super) fn write(
    line: &mut Vec<u8>,
    exchange: &Exchange<'_>,
    reader: Option<IpAddr>,
    time: &str,
) {
    // Writing to memory does not fail.
    let _ = match reader {
        Some(reader) => write!(line, "{reader} - - [{time}] \""),
        None => write!(line, "- - - [{time}] \""),
    };
    match exchange.request {
        Request::Read(head) => write_request(line, head),
        Request::Plain(plain) => {
            line.extend_from_slice(plain.method().as_str().as_bytes());
            line.push(b' ');
            escape(line, plain.path().as_bytes(), REQUEST_BYTES_MAX);
            line.extend_from_slice(b" HTTP/1.1");
        }
        Request::Refused(bytes) => match first_line(bytes) {
            [] => line.push(b'-'),
            first => escape(line, first, REQUEST_BYTES_MAX),
        },
    }
    let _ = write!(line, "\" {} ", exchange.status.as_u16());
    let _ = match exchange.body_bytes {
        0 => write!(line, "-"),
        bytes => write!(line, "{bytes}"),
    };
    for field in [exchange.referer(), exchange.user_agent()] {
        line.extend_from_slice(b" \"");
        escape(line, field.unwrap_or(b"-"), FIELD_BYTES_MAX);
        line.push(b'"');
    }
    line.push(b'\n');
}

/// Appends the request line as it was sent. Of HTTP/2 and later it is the path alone, as in Apache.
fn write_request(line: &mut Vec<u8>, head: &Parts) {
    // A method has no length of its own: only known ones are short.
    escape(line, head.method.as_str().as_bytes(), 100);
    line.push(b' ');
    match head.uri.path_and_query() {
        Some(target) if head.uri.authority().is_none() || head.version >= Version::HTTP_2 => {
            escape(line, target.as_str().as_bytes(), REQUEST_BYTES_MAX);
        }
        _ => escape(line, head.uri.to_string().as_bytes(), REQUEST_BYTES_MAX),
    }
    let _ = write!(line, " {:?}", head.version);
}

/// The first line of what is not HTTP, without its end.
pub(super) fn first_line(bytes: &[u8]) -> &[u8] {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Appends bytes escaped, at most `bytes_max` and a mark of what is cut.
fn escape(line: &mut Vec<u8>, bytes: &[u8], bytes_max: usize) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    // The longest escape has four bytes.
    let end = line.len() + bytes_max - 4;
    for byte in bytes {
        if line.len() > end {
            return line.extend_from_slice(CUT);
        }
        match *byte {
            b'"' | b'\\' => line.extend_from_slice(&[b'\\', *byte]),
            b' '..=b'~' => line.push(*byte),
            0x08 => line.extend_from_slice(b"\\b"),
            b'\n' => line.extend_from_slice(b"\\n"),
            b'\r' => line.extend_from_slice(b"\\r"),
            b'\t' => line.extend_from_slice(b"\\t"),
            0x0b => line.extend_from_slice(b"\\v"),
            byte => {
                let (high, low) = (HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]);
                line.extend_from_slice(&[b'\\', b'x', high, low]);
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::tests::{exchange, head, line};
    use super::*;
    use crate::config::LogFormat;

    /// The last two quoted fields of a line, without escapes.
    pub(in super::super) fn fields(line: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let mut fields = Vec::new();
        let mut bytes = line.iter().copied();
        while let Some(byte) = bytes.next() {
            if byte == b'"' {
                fields.push(unescaped(&mut bytes));
            }
        }
        assert_eq!(fields.len(), 3, "{:?}", String::from_utf8_lossy(line));
        (fields.remove(1), fields.remove(1))
    }

    /// Reads to the closing quote.
    fn unescaped(bytes: &mut impl Iterator<Item = u8>) -> Vec<u8> {
        let mut field = Vec::new();
        loop {
            match bytes.next().unwrap() {
                b'"' => return field,
                b'\\' => field.push(match bytes.next().unwrap() {
                    b'b' => 0x08,
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'v' => 0x0b,
                    b'x' => {
                        let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                        u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                    }
                    byte => byte,
                }),
                byte => field.push(byte),
            }
        }
    }

    #[test]
    fn the_line_is_that_of_apache() {
        let start = "192.0.2.77 - - [29/Nov/2026:07:46:43 +0000] ";
        let head_of = head("GET", "/a?b=%22c", b"Reader/1.0 (x; 3 subscribers)", b"http://a/");
        let found = line(&exchange(Request::Read(&head_of)), LogFormat::Combined);
        assert_eq!(
            String::from_utf8(found).unwrap(),
            format!(
                "{start}\"GET /a?b=%22c HTTP/1.1\" 200 1234 \"http://a/\" \"Reader/1.0 (x; 3 subscribers)\"\n"
            )
        );
        let head_of = head("HEAD", "http://other.example/a", b"", b"");
        let mut bare = exchange(Request::Read(&head_of));
        bare.body_bytes = 0;
        bare.reader = None;
        assert_eq!(
            String::from_utf8(line(&bare, LogFormat::Combined)).unwrap(),
            "- - - [29/Nov/2026:07:46:43 +0000] \"HEAD http://other.example/a HTTP/1.1\" 200 - \"-\" \"-\"\n"
        );
    }

    #[test]
    fn nothing_that_a_client_sends_breaks_a_line() {
        let long = [b"\xff".repeat(16 * 1024), b"\r\n\r\n".to_vec()].concat();
        for (sent, logged) in [
            (&b"GET / HTTP/1.1\r\nX: y\r\n\r\n"[..], "GET / HTTP/1.1"),
            (b"\x16\x03\x01\x00\"\\", "\\x16\\x03\\x01\\x00\\\"\\\\"),
            (b"a\rb\tc\x0b\x08\x1b[31m\x7f\n", "a\\rb\\tc\\v\\b\\x1b[31m\\x7f"),
            ("é\u{2028}".as_bytes(), "\\xc3\\xa9\\xe2\\x80\\xa8"),
            (b"", "-"),
            (b"\r\n", "-"),
            (&long, &("\\xff".repeat(REQUEST_BYTES_MAX / 4) + "...")),
        ] {
            let line = line(&exchange(Request::Refused(sent)), LogFormat::Combined);
            let text = String::from_utf8(line).unwrap();
            let request = text.split_once('"').unwrap().1.rsplit_once("\" 200 1234 \"-\" \"-\"\n");
            assert_eq!(request.unwrap().0, logged);
        }
        let agent = b"\"\\\x80\t".repeat(16);
        let head_of = head("GET", "/", &agent, b"\xe9");
        let found = line(&exchange(Request::Read(&head_of)), LogFormat::Combined);
        assert_eq!(fields(&found), (b"\xe9".to_vec(), agent));
        let long = b"\x80".repeat(16 * 1024);
        let target = format!("http://a/{}", "b".repeat(8 * 1024));
        let head_of = head(&"M".repeat(4000), &target, &long, &long);
        let mut longest = exchange(Request::Read(&head_of));
        longest.body_bytes = u64::MAX;
        longest.reader = Some("2001:db8:1111:2222:3333:4444:5555:6666".parse().unwrap());
        let found = line(&longest, LogFormat::Combined);
        assert!(found.len() < 4096, "{}", found.len());
        assert!(fields(&found).1.ends_with(CUT));
    }
}
