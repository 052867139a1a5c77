//! Lists of attributes: kramdown's `{: .class #id key="value"}` and `{::comment}`, and their form
//! without a colon, which Python-Markdown and Hugo read.

use super::LINE_MAX_BYTES;
use super::arguments::{arguments, value};
use super::block_end::End;
use super::counterpart::{Counterpart, Meaning};
use super::reach::within;

/// Keys that are attributes behind a link or a picture. Others may be an author's own braces.
const KEYS: [&str; 14] = [
    "width", "height", "align", "target", "rel", "loading", "class", "id", "style", "title",
    "start", "type", "download", "lang",
];

/// Reads the list at the beginning of `near`, which is at `at` in `text`: its length and its
/// meaning.
pub(crate) fn read(near: &str, text: &str, at: usize) -> Option<(usize, Meaning)> {
    let (inner, _) = near.strip_prefix('{')?.split_once('}')?;
    let len = inner.len() + "{}".len();
    if let Some(extension) = inner.strip_prefix("::") {
        return extension_of(extension).map(|meaning| (len, meaning));
    }
    if inner.contains('\n') {
        return None;
    }
    let before = text[..at].chars().next_back();
    let is_attached = before.is_none_or(|c| {
        matches!(c, '\n' | ')' | '*' | '_' | '`' | ']' | '>' | ' ' | '}' | '~' | '"')
    });
    let is_list = match inner.strip_prefix(':') {
        Some(rest) if rest.starts_with('/') => true,
        Some(rest) => is_attached && is_list(rest, Words::Allowed, Keys::Any),
        // Without the colon a heading's own `{#id}` must stay.
        None => {
            let is_behind = before.is_some_and(|c| matches!(c, ')' | ']' | '`' | '*' | '_'));
            let is_on_its_own = is_attached && is_alone(text, at, len);
            (is_behind || is_on_its_own) && is_list(inner, Words::Refused, Keys::Known)
        }
    };
    if is_list { Some((len, Meaning::Attributes(inner.to_owned()))) } else { None }
}

/// The length of the list at the beginning of a text, directly behind other text in brackets.
pub(super) fn len_behind_text(text: &str, keys: Keys) -> Option<usize> {
    let near = within(text.strip_prefix('{')?, LINE_MAX_BYTES);
    let (inner, _) = near.split_once('}')?;
    let list = inner.strip_prefix(':').unwrap_or(inner);
    let is_one = !list.trim().is_empty() && !list.contains('\n');
    if is_one && is_list(list, Words::Refused, keys) {
        Some(inner.len() + "{}".len())
    } else {
        None
    }
}

/// The id in a list of attributes.
pub(crate) fn id_of(list: &str) -> Option<&str> {
    let word =
        list.trim_start_matches(':').split_whitespace().find(|word| word.starts_with('#'))?;
    if word.len() > 1 { Some(&word[1..]) } else { None }
}

/// The width and height in a list of attributes, as Obsidian writes them: `300x200`, `300`, `x200`.
/// `None` where neither is given in pixels or in percent.
pub(super) fn size_of(list: &str) -> Option<String> {
    let given = arguments(list.trim_start_matches(':'));
    let length = |key| value(&given, key).map_or_else(String::new, |length| pixels(&length));
    let (width, height) = (length("width"), length("height"));
    match (width.as_str(), height.as_str()) {
        ("", "") => None,
        (_, "") => Some(width),
        _ => Some(format!("{width}x{height}")),
    }
}

/// The digits of a length, with the sign of percent; empty for other units.
fn pixels(length: &str) -> String {
    let bare = length.trim().trim_end_matches("px");
    let digits = bare.strip_suffix('%').unwrap_or(bare);
    let is_length = matches!(digits.len(), 1..=5) && digits.bytes().all(|b| b.is_ascii_digit());
    if is_length { bare.to_owned() } else { String::new() }
}

/// kramdown's extensions: `{::comment}`, `{::nomarkdown}`, `{::options key="value" /}`.
fn extension_of(inner: &str) -> Option<Meaning> {
    let is_closed = inner.ends_with('/');
    let name = inner.split(|c: char| c.is_whitespace() || c == '/').next().unwrap_or_default();
    let counterpart = match name {
        "comment" if !is_closed => Counterpart::Nothing(End::KRAMDOWN_COMMENT),
        "nomarkdown" if !is_closed => Counterpart::Verbatim(End::KRAMDOWN_RAW),
        "comment" | "nomarkdown" | "options" => return Some(Meaning::Attributes(String::new())),
        _ => return None,
    };
    Some(Meaning::Converted(name.to_owned(), counterpart))
}

/// Whether nothing else is on the line, as far as one may be long.
fn is_alone(text: &str, at: usize, len: usize) -> bool {
    let near = text.ceil_char_boundary(at.saturating_sub(LINE_MAX_BYTES));
    let before = text[near..at].rsplit('\n').next().unwrap_or_default();
    let after = within(&text[at + len..], LINE_MAX_BYTES).split('\n').next().unwrap_or_default();
    before.trim().is_empty() && after.trim().is_empty()
}

/// Whether a bare word is an attribute: a name that kramdown refers to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Words {
    Allowed,
    Refused,
}

/// The keys that are attributes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Keys {
    Any,
    /// Those in [`KEYS`], and `data-…`.
    Known,
}

fn is_list(text: &str, words: Words, keys: Keys) -> bool {
    let mut rest = text.trim();
    if rest.is_empty() {
        return words == Words::Allowed;
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = match after.strip_prefix('=') {
            Some(value) => {
                let is_known = KEYS.contains(&word) || word.starts_with("data-");
                if !is_name(word) || keys == Keys::Known && !is_known {
                    return false;
                }
                after_value(value)
            }
            None => {
                let name = word.strip_prefix(['.', '#']);
                let is_word = words == Words::Allowed && is_name(word.trim_end_matches(':'));
                if !name.is_some_and(is_name) && !is_word {
                    return false;
                }
                after
            }
        }
        .trim_start();
    }
    true
}

/// The text after the value of an attribute, in quotation marks or not.
fn after_value(value: &str) -> &str {
    for quote in ['"', '\'', '“', '”'] {
        if let Some(quoted) = value.strip_prefix(quote) {
            return quoted.split_once(quote).map_or("", |(_, after)| after);
        }
    }
    value.split_once(char::is_whitespace).map_or("", |(_, after)| after)
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_alphabetic() || c == '_' || c == '-')
        && word.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | ':' | '.'))
}
