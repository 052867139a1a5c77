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
