//! Invariants of every body, whatever its article contains. Property tests and fuzz targets check
//! them.

use crate::article::symbol::{self, MARK, Target};
use crate::base::html::unescape;

use super::elements::{Role, URLS, find, may_have};
use super::mathml::{self, MATH};
use super::references::SCHEMES;
use super::{KEPT, Part, attributes, parts, repair_char};

/// The deepest nesting of a body, in elements.
const DEPTH_MAX: usize = 100;

/// The references that text content may have (HTML, 13.3).
const TEXT_REFERENCES: [&str; 4] = ["&amp;", "&lt;", "&gt;", "&nbsp;"];

/// Checks that `html` is a valid body: only allowed elements and attributes, balanced and limited
/// in depth; only characters that a feed can contain; every URL symbolic, or absolute with a scheme
/// that does not run code.
///
/// # Errors
///
/// One sentence about the first violation and its place.
pub fn check(html: &str) -> Result<(), String> {
    for c in html.chars() {
        if (repair_char(c) != Some(c) || c == KEPT) && c != MARK && c != '\u{fffd}' {
            return Err(format!("the character U+{:04X} is not allowed", u32::from(c)));
        }
    }
    let mut open: Vec<&str> = Vec::new();
    for part in parts(html) {
        match part {
            Part::Text(text) => check_text(text)?,
            Part::Start(name, values) if name == MATH || open.contains(&MATH) => {
                check_math(name, values, open.contains(&MATH))?;
                open.push(name);
            }
            Part::Start(name, values) => {
                check_start(name, values)?;
                match find(name) {
                    Some(element) if element.role != Role::Void => open.push(name),
                    _ => {}
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
    if open.is_empty() { Ok(()) } else { Err(format!("{open:?} are not closed")) }
}

fn check_text(text: &str) -> Result<(), String> {
    let mut known = 0;
    for reference in TEXT_REFERENCES {
        known += text.matches(reference).count();
    }
    if text.contains(['>', MARK, '\u{a0}']) || text.matches('&').count() != known {
        return Err(format!("the text {text:?} is not escaped"));
    }
    Ok(())
}

fn check_start(name: &str, values: &str) -> Result<(), String> {
    let Some(element) = find(name) else { return Err(format!("<{name}> is not allowed")) };
    let mut seen: Vec<&str> = Vec::new();
    let mut written = 0;
    for (attribute, value) in attributes(values) {
        if !may_have(element, attribute) {
            return Err(format!("<{name} {attribute}> is not allowed"));
        }
        if seen.contains(&attribute) {
            return Err(format!("<{name}> has {attribute} twice"));
        }
        seen.push(attribute);
        // A space, `="` and `"`.
        written += attribute.len() + value.len() + 4;
        check_value(attribute, &unescape(value))?;
    }
    // If the scan skipped a byte, the tag is not in the form of feed HTML.
    if written == values.len() {
        Ok(())
    } else {
        Err(format!("the attributes {values:?} are not in the form of feed HTML"))
    }
}

/// Checks an element of a formula: only MathML, and nothing in which HTML could go on.
fn check_math(name: &str, values: &str, is_inside: bool) -> Result<(), String> {
    if is_inside && !mathml::is_element(name) {
        return Err(format!("<{name}> is not allowed in a formula"));
    }
    let mut written = 0;
    for (attribute, value) in attributes(values) {
        let plain = unescape(value);
        if plain.contains(MARK) || !mathml::may_have(name, attribute, &plain) {
            return Err(format!("<{name} {attribute}={plain:?}> is not allowed"));
        }
        written += attribute.len() + value.len() + 4;
    }
    if written == values.len() {
        Ok(())
    } else {
        Err(format!("the attributes {values:?} are not in the form of feed HTML"))
    }
}

fn check_value(attribute: &str, value: &str) -> Result<(), String> {
    if attribute == "srcset" {
        return check_srcset(value);
    }
    if URLS.contains(&attribute) {
        return check_url(value);
    }
    if value.contains(MARK) {
        return Err(format!("{attribute}={value:?} contains a mark"));
    }
    Ok(())
}

fn check_url(url: &str) -> Result<(), String> {
    if url.starts_with(MARK) {
        let Some((target, suffix)) = symbol::split(url) else {
            return Err(format!("{url:?} is not closed"));
        };
        let is_valid = is_target(target)
            && (suffix.is_empty() || suffix.starts_with(['?', '#']))
            && is_encoded(suffix);
        return if is_valid { Ok(()) } else { Err(format!("{url:?} is not a valid reference")) };
    }
    let Some((scheme, _)) = url.split_once(':') else {
        return Err(format!("{url:?} is not absolute"));
    };
    if SCHEMES.contains(&scheme) && is_encoded(url) {
        Ok(())
    } else {
        Err(format!("{url:?} has a scheme or a character that is not allowed"))
    }
}

fn is_target(target: &str) -> bool {
    if target.contains(char::is_control) {
        return false;
    }
    let is_step = |segment: &str| matches!(segment, "." | "..");
    match Target::of(target) {
        Target::Own => true,
        // A name is not a path, so its dots have no meaning.
        Target::Name { directory, .. } => !directory.split('/').any(is_step),
        Target::Site(path) => !path.split('/').any(is_step),
        Target::Path { directory, path } => {
            let directory = directory.strip_suffix("/.").unwrap_or(directory);
            !directory.split('/').chain(path.split('/')).any(is_step)
        }
    }
}

/// Whether a URL has only characters that RFC 3986 (2) allows.
fn is_encoded(url: &str) -> bool {
    url.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte))
}

/// Checks the candidates of a `srcset`. They end with `, `, which no URL of a body has outside of a
/// symbolic reference.
fn check_srcset(set: &str) -> Result<(), String> {
    let mut rest = set;
    while !rest.is_empty() {
        let (url, after) = rest.split_at(candidate_url_len(rest));
        check_url(url)?;
        rest = match after.split_once(", ") {
            Some((_, next)) => next,
            None => "",
        };
    }
    Ok(())
}

/// The length of the URL at the beginning of a candidate, in bytes.
fn candidate_url_len(candidate: &str) -> usize {
    if let Some((target, suffix)) = symbol::split(candidate) {
        let suffix_len = suffix.find([' ', ',']).unwrap_or(suffix.len());
        return target.len() + 2 + suffix_len;
    }
    let comma = candidate.find(", ").unwrap_or(candidate.len());
    let space = candidate.find(' ').unwrap_or(candidate.len());
    comma.min(space)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_bodies_pass() {
        for html in [
            "<p>a &lt; b<br>c</p>\n<img src=\"\u{1}img/a b.png\u{1}\" alt=\"x\">",
            "<a href=\"\u{1}n//?a/../b\u{1}\">x</a><a href=\"\u{1}\u{1}#x\">y</a><a href=\"mailto:a@b\">z</a>",
            "<img srcset=\"\u{1}a, b.png\u{1} 2x, https://e.org/a,b.png 1x\" alt=\"\">",
            "<p><math display=\"block\" alttext=\"x\"><mi>x</mi><mspace width=\"1em\"></mspace></math></p>",
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
            "<a href=\"\u{1}n//../b.md\u{1}\">a</a>",
            "<a href=\"\u{1}..//?b\u{1}\">a</a>",
            "<a title=\"\u{1}\">a</a>",
            "a\u{1}b",
            "a & b",
            "a > b",
            "a\u{85}b",
            "<p class=\"x\">a</p>",
            "<a href=x>a</a>",
            "<mi>x</mi>",
            "<math><p>x</p></math>",
            "<math><mtext><b>x</b></mtext></math>",
            "<math><annotation-xml></annotation-xml></math>",
            "<math display=\"inline\"></math>",
            "<math><mi style=\"x\">x</mi></math>",
            "<math><mi alttext=\"x\">x</mi></math>",
            "<math alttext=\"\u{1}\"></math>",
        ] {
            assert!(check(html).is_err(), "{html:?}");
        }
        assert!(check(&format!("{}{}", "<div>".repeat(101), "</div>".repeat(101))).is_err());
    }
}
