//! Looking ahead in a text, never further than a limit: what is unclosed must not be searched for
//! in the whole file, again and again.

/// The beginning of `text`, at most `len_max` bytes.
pub(crate) fn within(text: &str, len_max: usize) -> &str {
    &text[..text.floor_char_boundary(len_max)]
}

/// The inside of the delimiters, without white space and the `-` that trims it, and the length of
/// the whole.
pub(super) fn delimited<'t>(near: &'t str, open: &str, close: &str) -> Option<(&'t str, usize)> {
    let inner = near.strip_prefix(open)?;
    let end = inner.find(close)?;
    Some((inner[..end].trim_matches(['-', '~', '+']).trim(), open.len() + end + close.len()))
}

/// The same for delimiters that a text in Hugo's quotation marks, anywhere in it, may hold: `{{< x
/// title="a >}} b" >}}`. Where a mark has no partner, it is text.
pub(super) fn delimited_outside_quotes<'t>(
    near: &'t str,
    open: &str,
    close: &str,
) -> Option<(&'t str, usize)> {
    let inner = near.strip_prefix(open)?;
    let sign = *close.as_bytes().first()?;
    let mut at = 0;
    loop {
        at += memchr::memchr3(b'"', b'`', sign, &inner.as_bytes()[at..])?;
        if inner[at..].starts_with(close) {
            break;
        }
        // Within a word a mark is no beginning: `5"` is five inches.
        let begins_word = inner[..at].ends_with(|c: char| c.is_whitespace() || c == '=');
        let first = inner.as_bytes()[at];
        at += 1;
        if first != sign && begins_word {
            at += closing(&inner[at..], first).map_or(0, |len| len + 1);
        }
    }
    Some((inner[..at].trim_matches(['-', '~', '+']).trim(), open.len() + at + close.len()))
}

/// The place of the closing quotation mark on the line, past those that are escaped.
fn closing(text: &str, quote: u8) -> Option<usize> {
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'\n' => return None,
            byte if byte == quote && !is_escaped => return Some(at),
            _ => is_escaped = byte == b'\\' && quote == b'"' && !is_escaped,
        }
    }
    None
}

/// The same for delimiters that a text in quotation marks at the beginning may hold: `{{ '{{ x }}'
/// }}`.
pub(super) fn delimited_behind_quotes<'t>(
    near: &'t str,
    open: &str,
    close: &str,
) -> Option<(&'t str, usize)> {
    let inner = near.strip_prefix(open)?;
    let start = inner.len() - inner.trim_start_matches(['-', ' ']).len();
    let quoted = inner[start..].strip_prefix(['"', '\''])?;
    let quote = inner[start..].chars().next()?;
    let quoted_end = start + 1 + quoted.find(quote)? + 1;
    let end = quoted_end + inner[quoted_end..].find(close)?;
    Some((inner[..end].trim_matches(['-', '~', '+']).trim(), open.len() + end + close.len()))
}
