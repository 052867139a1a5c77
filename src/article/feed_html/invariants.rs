//! What holds for the HTML of every body, whatever its article says. Property tests and fuzzers ask it.

use crate::article::symbol::{self, MARK};
use crate::base::html::unescape;

use super::elements::{Role, URLS, find, may_have};
use super::{Part, attributes, parts, repair_char};

/// The deepest nesting of a body, in elements.
const DEPTH_MAX: usize = 100;

/// Checks that `html` is a body's: only elements and attributes that may stand in a feed, balanced and bounded in depth;
/// only characters that may stand in a feed; every URL absolute and of a scheme that runs nothing, or symbolic.
///
/// # Errors
///
/// One sentence that names what does not hold.
pub fn check(html: &str) -> Result<(), String> {
    if let Some(c) = html.chars().find(|c| repair_char(*c) != Some(*c) && *c != MARK) {
        return Err(format!("the character U+{:04X} stands in it", u32::from(c)));
    }
    let mut open: Vec<&str> = Vec::new();
    for part in parts(html) {
        match part {
            Part::Text(text) => check_text(text)?,
            Part::Start(name, values) => {
                check_start(name, values)?;
                if find(name).is_some_and(|element| element.role != Role::Void) {
                    open.push(name);
                }
            }
            Part::End(name) => {
                if open.pop() != Some(name) {
                    return Err(format!("</{name}> ends nothing"));
                }
            }
        }
        if open.len() > DEPTH_MAX {
            return Err(format!("more than {DEPTH_MAX} elements are open"));
        }
    }
    if open.is_empty() { Ok(()) } else { Err(format!("{open:?} stay open")) }
}

fn check_text(text: &str) -> Result<(), String> {
    let is_escaped = |c: char| !matches!(c, '>' | MARK | '\u{a0}');
    let references = text.matches('&').count();
    let known: usize = ["&amp;", "&lt;", "&gt;", "&nbsp;"].iter().map(|name| text.matches(name).count()).sum();
    if text.chars().all(is_escaped) && references == known {
        Ok(())
    } else {
        Err(format!("the text {text:?} is not escaped"))
    }
}

fn check_start(name: &str, values: &str) -> Result<(), String> {
    let element = find(name).ok_or_else(|| format!("<{name}> may not stand in a feed"))?;
    let mut seen: Vec<&str> = Vec::new();
    for (attribute, value) in attributes(values) {
        if !may_have(element, attribute) || seen.contains(&attribute) {
            return Err(format!("<{name} {attribute}> may not stand in a feed"));
        }
        seen.push(attribute);
        let value = unescape(value);
        match attribute {
            "srcset" => check_srcset(&value)?,
            _ if URLS.contains(&attribute) => check_url(&value)?,
            _ if value.contains(MARK) => return Err(format!("{attribute}={value:?} holds a mark")),
            _ => {}
        }
    }
    let written: usize = attributes(values).map(|(name, value)| name.len() + value.len() + 4).sum();
    if written == values.len() { Ok(()) } else { Err(format!("the attributes {values:?} are not well written")) }
}

fn check_url(url: &str) -> Result<(), String> {
    let is_uri = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte));
    if url.starts_with(MARK) {
        let (target, suffix) = symbol::split(url).ok_or_else(|| format!("{url:?} is not closed"))?;
        let is_path = target.starts_with('?') || !target.split('/').any(|segment| matches!(segment, "." | ".."));
        let is_suffix = suffix.is_empty() || suffix.starts_with(['?', '#']);
        let is_legal = is_path && is_suffix && is_uri(suffix) && !target.contains(char::is_control);
        return if is_legal { Ok(()) } else { Err(format!("{url:?} is no reference")) };
    }
    let scheme = url.split_once(':').map(|(scheme, _)| scheme);
    let is_known = scheme.is_some_and(|scheme| super::references::SCHEMES.contains(&scheme));
    if is_known && is_uri(url) { Ok(()) } else { Err(format!("{url:?} is not absolute, or runs something")) }
}

/// Candidates end with `, `, which no URL in a body holds but inside of a symbolic reference.
fn check_srcset(set: &str) -> Result<(), String> {
    let mut rest = set;
    while !rest.is_empty() {
        let url_end = match rest.strip_prefix(MARK).and_then(|inner| inner.find(MARK)) {
            Some(target) => rest[target + 2..].find([' ', ',']).map_or(rest.len(), |end| target + 2 + end),
            None => rest.find(", ").into_iter().chain(rest.find(' ')).min().unwrap_or(rest.len()),
        };
        check_url(&rest[..url_end])?;
        let after = &rest[url_end..];
        rest = after.split_once(", ").map_or("", |(_, next)| next);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_bodies_pass() {
        for html in [
            "<p>a &lt; b<br>c</p>\n<img src=\"\u{1}img/a b.png\u{1}\" alt=\"x\">",
            "<a href=\"\u{1}\u{1}#x\">y</a><a href=\"mailto:a@b\">z</a>",
            "<img srcset=\"\u{1}a, b.png\u{1} 2x, https://e.org/a,b.png 1x\" alt=\"\">",
            "",
        ] {
            assert_eq!(check(html), Ok(()), "{html:?}");
        }
    }

    #[test]
    fn bad_bodies_are_named() {
        for html in [
            "<script>",
            "<p onclick=\"x\">a</p>",
            "<p>a",
            "</p>",
            "<b><i>a</b></i>",
            "<a href=\"javascript:x\">a</a>",
            "<a href=\"b.md\">a</a>",
            "<a href=\"\u{1}../b.md\u{1}\">a</a>",
            "<a title=\"\u{1}\">a</a>",
            "a\u{1}b",
            "a & b",
            "a > b",
            "a\u{85}b",
            "<p class=\"x\">a</p>",
            "<a href=x>a</a>",
        ] {
            assert!(check(html).is_err(), "{html:?}");
        }
        assert!(check(&format!("{}{}", "<div>".repeat(101), "</div>".repeat(101))).is_err());
    }
}
