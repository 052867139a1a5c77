//! Looking ahead in a text, never further than a limit: what is unclosed must not be searched for in
//! the whole file, again and again.

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
