//! Byte ranges: RFC 9110, 14. Pure: from the `Range` field and a length to the bytes to send.

use http::header::RANGE;
use http::{HeaderMap, HeaderValue};

/// The answer to a `Range` field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ranged {
    /// The whole: there is no Range field, or it is ignored.
    Whole,
    /// 206: the bytes from `first` to `last`, both included.
    Part {
        /// The first byte, from 0.
        first: u64,
        /// The last byte; less than the length.
        last: u64,
    },
    /// 416: no byte of the range is within the representation.
    Unsatisfiable,
}

impl Ranged {
    /// `Content-Range` (RFC 9110, 14.4) for a representation of `len_bytes`.
    pub fn content_range(self, len_bytes: u64) -> Option<HeaderValue> {
        let text = match self {
            Ranged::Whole => return None,
            Ranged::Part { first, last } => format!("bytes {first}-{last}/{len_bytes}"),
            Ranged::Unsatisfiable => format!("bytes */{len_bytes}"),
        };
        HeaderValue::try_from(text).ok()
    }
}

/// The bytes to send of `len_bytes`. Another unit, bad syntax and several fields are ignored
/// (14.2). Several ranges are answered with the whole, as a server always may: no media player asks
/// for several, and answering them costs more than the whole (14.2, 17.15).
pub fn ranged(headers: &HeaderMap, len_bytes: u64) -> Ranged {
    let mut lines = headers.get_all(RANGE).iter();
    match (lines.next(), lines.next()) {
        (Some(line), None) => parse(line.as_bytes(), len_bytes).unwrap_or(Ranged::Whole),
        _ => Ranged::Whole,
    }
}

/// Reads the field; `None` if it is ignored.
fn parse(field: &[u8], len_bytes: u64) -> Option<Ranged> {
    let equals = field.iter().position(|byte| *byte == b'=')?;
    if !field[..equals].trim_ascii().eq_ignore_ascii_case(b"bytes") {
        return None;
    }
    let range = only_member(&field[equals + 1..])?;
    let dash = range.iter().position(|byte| *byte == b'-')?;
    let (first, last) = (&range[..dash], &range[dash + 1..]);
    match (first.is_empty(), last.is_empty()) {
        (true, true) => None,
        (true, false) => Some(suffix(number(last)?, len_bytes)),
        (false, true) => Some(part(number(first)?, u64::MAX, len_bytes)),
        (false, false) => {
            let (first, last) = (number(first)?, number(last)?);
            // A range that ends before it begins is not valid (14.1.1).
            if first > last {
                return None;
            }
            Some(part(first, last, len_bytes))
        }
    }
}

/// The one member of a list; `None` if it has several or none. Empty members do not count (5.6.1).
fn only_member(list: &[u8]) -> Option<&[u8]> {
    let mut only = None;
    for member in list.split(|byte| *byte == b',') {
        let member = member.trim_ascii();
        if member.is_empty() {
            continue;
        }
        if only.is_some() {
            return None;
        }
        only = Some(member);
    }
    only
}

/// The range from `first` to `last`.
fn part(first: u64, last: u64, len_bytes: u64) -> Ranged {
    match len_bytes.checked_sub(1) {
        // A last byte past the end is the end (14.1.2).
        Some(end) if first <= end => Ranged::Part { first, last: last.min(end) },
        _ => Ranged::Unsatisfiable,
    }
}

/// The range of the last `wanted` bytes (14.1.2); all of them, if there are fewer.
fn suffix(wanted: u64, len_bytes: u64) -> Ranged {
    if wanted == 0 || len_bytes == 0 {
        return Ranged::Unsatisfiable;
    }
    Ranged::Part { first: len_bytes.saturating_sub(wanted), last: len_bytes - 1 }
}

/// Reads `1*DIGIT`. A number that is too large for 64 bits becomes the largest one, which is past
/// the end of every file.
fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let mut number: u64 = 0;
    for digit in text {
        number = number.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(field: &str, len_bytes: u64) -> Ranged {
        ranged(&HeaderMap::from_iter([(RANGE, HeaderValue::from_str(field).unwrap())]), len_bytes)
    }

    #[test]
    fn ranges() {
        use Ranged::{Part, Unsatisfiable, Whole};
        for (field, ranged) in [
            ("bytes=0-0", Part { first: 0, last: 0 }),
            ("bytes=0-", Part { first: 0, last: 99 }),
            ("bytes=10-19", Part { first: 10, last: 19 }),
            ("bytes=90-1000", Part { first: 90, last: 99 }),
            ("bytes=99-", Part { first: 99, last: 99 }),
            ("bytes=99-99", Part { first: 99, last: 99 }),
            ("bytes=-1", Part { first: 99, last: 99 }),
            ("bytes=7-7", Part { first: 7, last: 7 }),
            ("bytes=-10", Part { first: 90, last: 99 }),
            ("bytes=-1000", Part { first: 0, last: 99 }),
            ("Bytes = 1-2", Part { first: 1, last: 2 }),
            ("bytes=,, 1-2 ,", Part { first: 1, last: 2 }),
            ("bytes=0-99999999999999999999999", Part { first: 0, last: 99 }),
            ("bytes=100-", Unsatisfiable),
            ("bytes=99999999999999999999999-", Unsatisfiable),
            ("bytes=-0", Unsatisfiable),
            ("bytes=5-4", Whole),
            ("bytes=-", Whole),
            ("bytes=", Whole),
            ("bytes", Whole),
            ("bytes=a-b", Whole),
            ("bytes=1-2x", Whole),
            ("bytes=+1-2", Whole),
            ("bytes=0-1,5-6", Whole),
            ("lines=1-2", Whole),
        ] {
            assert_eq!(of(field, 100), ranged, "{field}");
        }
        assert_eq!(of("bytes=0-", 0), Unsatisfiable);
        assert_eq!(of("bytes=-5", 0), Unsatisfiable);
        assert_eq!(ranged(&HeaderMap::new(), 5), Whole);
    }

    #[test]
    fn content_ranges() {
        assert_eq!(Ranged::Part { first: 1, last: 2 }.content_range(9).unwrap(), "bytes 1-2/9");
        assert_eq!(Ranged::Unsatisfiable.content_range(9).unwrap(), "bytes */9");
        assert_eq!(Ranged::Whole.content_range(9), None);
    }

    proptest! {
        #[test]
        fn a_part_lies_within(field in "bytes=[0-9]{0,3}-[0-9]{0,3}(,[0-9]-)?", len_bytes in 0u64..300) {
            if let Ranged::Part { first, last } = of(&field, len_bytes) {
                prop_assert!(first <= last && last < len_bytes);
            }
        }
    }
}
