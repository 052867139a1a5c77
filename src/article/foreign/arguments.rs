//! The arguments of template tags.

/// Arguments in order, each with its key where it has one.
pub(super) type Arguments = Vec<(Option<String>, String)>;

pub(super) fn split_name(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| c.is_whitespace() || c == '(').unwrap_or(text.len());
    text.split_at(end)
}

pub(super) fn value(arguments: &Arguments, wanted: &str) -> Option<String> {
    for (key, value) in arguments {
        if key.as_deref() == Some(wanted) {
            return Some(value.clone());
        }
    }
    None
}

pub(super) fn positional(arguments: &Arguments, at: usize) -> Option<String> {
    let (_, value) = arguments.iter().filter(|(key, _)| key.is_none()).nth(at)?;
    Some(value.clone())
}

/// The first of the keys that is given, else the first argument without a key; `None` where it is
/// empty.
pub(super) fn first_of(arguments: &Arguments, keys: &[&str]) -> Option<String> {
    let named = keys.iter().find_map(|key| value(arguments, key));
    let value = match named {
        Some(value) => value,
        None => positional(arguments, 0)?,
    };
    if value.is_empty() { None } else { Some(value) }
}

/// Reads `"a b" key="c" key=d`, with or without commas and parentheses.
pub(super) fn arguments(text: &str) -> Arguments {
    let mut list = Vec::new();
    let mut rest = skip_gap(text.trim().trim_start_matches('(').trim_end_matches(')'));
    while !rest.is_empty() {
        let key_end = rest.find(|c: char| !is_of_key(c)).unwrap_or(rest.len());
        let (key, after) = rest.split_at(key_end);
        let (key, source) = match after.trim_start().strip_prefix('=') {
            Some(source) if !key.is_empty() => (Some(key.to_owned()), source.trim_start()),
            _ => (None, rest),
        };
        let (value, after) = one_value(source);
        list.push((key, value));
        rest = skip_gap(after);
    }
    list
}

fn skip_gap(text: &str) -> &str {
    text.trim_start_matches(|c: char| c.is_whitespace() || c == ',')
}

fn is_of_key(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-')
}

fn one_value(text: &str) -> (String, &str) {
    for quote in ['"', '\'', '`'] {
        if let Some(quoted) = text.strip_prefix(quote)
            && let Some((value, after)) = quoted.split_once(quote)
        {
            return (value.to_owned(), after);
        }
    }
    let end = text.find(|c: char| c.is_whitespace() || c == ',').unwrap_or(text.len());
    (text[..end].to_owned(), &text[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read() {
        let of = |key: Option<&str>, value: &str| (key.map(str::to_owned), value.to_owned());
        assert_eq!(
            arguments(" src=\"a b.png\" alt='x' 7 (y=1, z) "),
            [
                of(Some("src"), "a b.png"),
                of(Some("alt"), "x"),
                of(None, "7"),
                of(None, "(y=1"),
                of(None, "z")
            ]
        );
        assert_eq!(arguments("(id=\"a\", b=2)"), [of(Some("id"), "a"), of(Some("b"), "2")]);
        assert_eq!(arguments("=a \"b"), [of(None, "=a"), of(None, "\"b")]);
    }
}
