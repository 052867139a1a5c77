//! The content coding that a request wants: `Accept-Encoding` of RFC 9110, 12.5.3.
//!
//! Never fails: parts that are not valid are ignored. If no coding that we have is acceptable
//! (`identity;q=0` alone), identity is sent nevertheless, as the section allows and as other
//! servers do: unexpected bytes are more useful to a reader than 406 for ever.

use http::HeaderMap;
use http::header::{ACCEPT_ENCODING, HeaderName};

use crate::publish::Coding;

/// The number of parts of the field that are read. Real clients send fewer than ten.
const PARTS_MAX: usize = 64;

/// A quality in thousandths.
type Quality = u16;

/// The coding with the highest quality; among equals the preferred one. A coding that is not named
/// takes the quality of `*`, or is not acceptable; identity, if not named, is the last resort.
pub fn choose(headers: &HeaderMap) -> Coding {
    choose_of(parts(headers, &ACCEPT_ENCODING))
}

/// The same for a request with at most one line of the field.
pub(super) fn choose_in(line: Option<&[u8]>) -> Coding {
    match line {
        Some(line) => choose_of(line.split(|byte| *byte == b',').take(PARTS_MAX)),
        None => Coding::Identity,
    }
}

fn choose_of<'a>(parts: impl Iterator<Item = &'a [u8]>) -> Coding {
    let mut named: [Option<Quality>; 3] = [None; 3];
    let mut any = None;
    for part in parts {
        let Some((name, quality)) = parse(part) else { continue };
        // Of several parts with one name, the first counts.
        if name == b"*" {
            any = any.or(Some(quality));
        } else if let Some(coding) = coding(name) {
            let slot = &mut named[coding as usize];
            *slot = slot.or(Some(quality));
        }
    }
    best(named, any)
}

/// The parts of a list. Several lines of a field are one list (RFC 9110, 5.3).
fn parts<'a>(headers: &'a HeaderMap, field: &HeaderName) -> impl Iterator<Item = &'a [u8]> {
    let lines = headers.get_all(field).into_iter();
    lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b',')).take(PARTS_MAX)
}

/// Whether a list of `field` names `token` with a quality other than zero: `text/html` in `Accept`,
/// `feed` in `A-IM`. The first member of that name counts.
pub fn names(headers: &HeaderMap, field: &HeaderName, token: &str) -> bool {
    quality(headers, field, token).is_some_and(|quality| quality > 0)
}

/// The quality that a list of `field` gives to `token`, if it names it. The first member of that
/// name counts.
pub(super) fn quality(headers: &HeaderMap, field: &HeaderName, token: &str) -> Option<Quality> {
    for part in parts(headers, field) {
        if let Some((name, quality)) = parse(part)
            && name.eq_ignore_ascii_case(token.as_bytes())
        {
            return Some(quality);
        }
    }
    None
}

/// The coding with the highest quality. `any` is the quality of `*`.
fn best(named: [Option<Quality>; 3], any: Option<Quality>) -> Coding {
    // Identity first, then the codings in the order of the size of their results: among equals, the
    // last one counts.
    let mut best = (Coding::Identity, named[Coding::Identity as usize].unwrap_or(0));
    for coding in [Coding::Gzip, Coding::Br] {
        let quality = named[coding as usize].or(any).unwrap_or(0);
        if quality > 0 && quality >= best.1 {
            best = (coding, quality);
        }
    }
    best.0
}

/// The coding of this name. `x-gzip` is an old name of gzip (RFC 9110, 8.4.1.3).
fn coding(name: &[u8]) -> Option<Coding> {
    if name.eq_ignore_ascii_case(b"x-gzip") {
        return Some(Coding::Gzip);
    }
    Coding::ALL.into_iter().find(|coding| name.eq_ignore_ascii_case(coding.name().as_bytes()))
}

/// Reads `codings [ weight ]`. A part whose weight is not valid is ignored, because without a
/// weight it would have the highest one.
fn parse(part: &[u8]) -> Option<(&[u8], Quality)> {
    let mut pieces = part.split(|byte| *byte == b';');
    let name = pieces.next()?.trim_ascii();
    let mut quality = 1000;
    for parameter in pieces {
        let parameter = parameter.trim_ascii();
        if let [b'q' | b'Q', rest @ ..] = parameter {
            quality = weight(rest.trim_ascii_start().strip_prefix(b"=")?.trim_ascii())?;
        }
    }
    if name.is_empty() {
        return None;
    }
    Some((name, quality))
}

/// Reads a `qvalue` (RFC 9110, 12.4.2) in thousandths: `0`, `0.5`, `0.123`, `1`, `1.000`.
fn weight(text: &[u8]) -> Option<Quality> {
    let (whole, fraction) = match text {
        [whole, b'.', fraction @ ..] if fraction.len() <= 3 => (*whole, fraction),
        [whole] => (*whole, &[][..]),
        _ => return None,
    };
    if !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let mut thousandths = 0;
    for n in 0..3 {
        // Digits that are left out are zeros: `0.5` is 500 thousandths.
        let digit = fraction.get(n).map_or(0, |digit| digit - b'0');
        thousandths = thousandths * 10 + Quality::from(digit);
    }
    match (whole, thousandths) {
        (b'0', _) => Some(thousandths),
        (b'1', 0) => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn chosen(lines: &[&str]) -> Coding {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(ACCEPT_ENCODING, HeaderValue::from_str(line).unwrap());
        }
        let chosen = choose(&headers);
        if let [line] = lines {
            assert_eq!(choose_in(Some(line.as_bytes())), chosen, "{line}");
        }
        chosen
    }

    #[test]
    fn a_list_names_a_token() {
        for (lines, named) in [
            (&[][..], false),
            (&["feed"], true),
            (&["FEED"], true),
            (&["vcdiff, feed"], true),
            (&["vcdiff", "gzip, feed;q=0.3"], true),
            (&["feed; q=0"], false),
            (&["feed;Q=0.000"], false),
            (&["feed;q=0.001"], true),
            (&["feeds"], false),
            (&["vcdiff"], false),
            (&[""], false),
            (&[",,;q=0,"], false),
        ] {
            let field = HeaderName::from_static("a-im");
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(&field, HeaderValue::from_static(line));
            }
            assert_eq!(names(&headers, &field, "feed"), named, "{lines:?}");
        }
    }

    #[test]
    fn by_quality() {
        use Coding::{Br, Gzip, Identity};
        for (line, coding) in [
            ("gzip, deflate, br", Br),
            ("gzip, deflate", Gzip),
            ("GZip", Gzip),
            ("x-gzip", Gzip),
            ("br;q=0.5, gzip", Gzip),
            ("br ; Q = 0.5 , gzip ; q=0.501", Gzip),
            ("gzip;q=0.5", Gzip),
            ("gzip;q=0.5, identity", Identity),
            ("gzip;q=0.5, identity;q=0.5", Gzip),
            ("*", Br),
            ("*;q=0", Identity),
            ("br;q=0, *", Gzip),
            ("br;q=0, gzip;q=0.000, *", Identity),
            ("identity;q=0", Identity),
            ("identity;q=0, gzip", Gzip),
            ("zstd, deflate", Identity),
            ("gzip;q=2", Identity),
            ("gzip;q=", Identity),
            ("gzip;q", Identity),
            ("gzip;q=1.001", Identity),
            ("gzip;q=0.0001", Identity),
            ("gzip;level=9", Gzip),
            (",,, ,", Identity),
            ("", Identity),
        ] {
            assert_eq!(chosen(&[line]), coding, "{line}");
        }
        assert_eq!(chosen(&[]), Identity);
        assert_eq!(chosen(&["gzip", "br;q=0"]), Gzip);
    }

    #[test]
    fn parts_are_read_up_to_their_limit() {
        let others = |count: usize| vec!["zstd"; count];
        let last = [others(PARTS_MAX - 1), vec!["br"]].concat();
        assert_eq!(chosen(&[&last.join(",")]), Coding::Br);
        assert_eq!(chosen(&last), Coding::Br, "on many lines");
        let beyond = [others(PARTS_MAX), vec!["br"]].concat();
        assert_eq!(chosen(&[&beyond.join(",")]), Coding::Identity);
        assert_eq!(chosen(&beyond), Coding::Identity, "on many lines");
    }

    proptest! {
        #[test]
        fn what_is_refused_is_never_chosen(
            parts in proptest::collection::vec(("(br|gzip|identity|\\*|zstd|BR|)", "(0|0\\.0|1|0\\.[0-9]{1,3}|1\\.0|x|)"), 0..8),
        ) {
            let line: Vec<String> = parts.iter().map(|(name, q)| format!("{name};q={q}")).collect();
            let choice = chosen(&[&line.join(", ")]);
            // The first mention counts; whatever is not identity must have been asked for, by name
            // or by `*`.
            let first = |wanted: &str| parts.iter().find(|(name, q)| {
                name.eq_ignore_ascii_case(wanted) && weight(q.as_bytes()).is_some()
            });
            if choice != Coding::Identity {
                let (_, q) = first(choice.name()).or_else(|| first("*")).unwrap();
                prop_assert!(weight(q.as_bytes()).unwrap() > 0);
            }
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(32u8..=255, 0..64)) {
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                choose(&HeaderMap::from_iter([(ACCEPT_ENCODING, value)]));
            }
        }
    }
}
