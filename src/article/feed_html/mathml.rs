//! The MathML that a body may have: elements and attributes of MathML Core that do nothing but show
//! a formula.
//!
//! Only formulas that were made here are MathML. An author's `<math>` is dropped by the sanitiser,
//! because parsers disagree about where HTML ends and MathML begins. For the same reason no element
//! is allowed in which HTML could go on (`annotation-xml`, and HTML in `mtext`).

use crate::base::html::unescape;

use super::{Part, attributes, parts, push_attribute, push_text};

/// The root of a formula.
pub(crate) const MATH: &str = "math";

/// The elements within a formula, by name.
const ELEMENTS: [&str; 25] = [
    "menclose",
    "mfrac",
    "mi",
    "mmultiscripts",
    "mn",
    "mo",
    "mover",
    "mpadded",
    "mphantom",
    "mprescripts",
    "mroot",
    "mrow",
    "mspace",
    "msqrt",
    "mstyle",
    "msub",
    "msubsup",
    "msup",
    "mtable",
    "mtd",
    "mtext",
    "mtr",
    "munder",
    "munderover",
    "none",
];

/// The attributes of the root.
const ROOT_ATTRIBUTES: [&str; 2] = ["alttext", "display"];

/// The attributes of elements within a formula, by name.
const ATTRIBUTES: [&str; 18] = [
    "accent",
    "accentunder",
    "columnalign",
    "columnspan",
    "displaystyle",
    "form",
    "linethickness",
    "lspace",
    "mathvariant",
    "maxsize",
    "minsize",
    "movablelimits",
    "notation",
    "rowspan",
    "rspace",
    "scriptlevel",
    "stretchy",
    "width",
];

/// Whether a formula may have this element beneath its root.
pub(crate) fn is_element(name: &str) -> bool {
    ELEMENTS.binary_search(&name).is_ok()
}

/// Whether an element of a formula may have this attribute with this value, unescaped.
pub(crate) fn may_have(element: &str, attribute: &str, value: &str) -> bool {
    match attribute {
        _ if element == MATH && !ROOT_ATTRIBUTES.contains(&attribute) => false,
        "alttext" => element == MATH,
        "display" => element == MATH && value == "block",
        _ => ATTRIBUTES.binary_search(&attribute).is_ok() && is_plain(value),
    }
}

/// Whether a value is a word or a length.
fn is_plain(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" .%+-".contains(&byte))
}

/// A formula in the form of feed HTML, and the deepest nesting in it, its root included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Formula {
    pub(crate) html: String,
    pub(crate) depth: usize,
}

/// Rewrites MathML whose tags and texts are well-formed. Other elements leave and their content
/// stays; other attributes leave. `None` if it is not balanced.
pub(crate) fn formula(mathml: &str, is_block: bool, alttext: &str) -> Option<Formula> {
    let mut html = String::with_capacity(mathml.len() + alttext.len());
    // The open elements, and whether each is written.
    let mut open: Vec<(&str, bool)> = Vec::new();
    let (mut depth, mut depth_max) = (0_usize, 0);
    for part in parts(mathml) {
        match part {
            Part::Text(text) => push_text(&mut html, &unescape(text)),
            Part::Start(name, values) => {
                let (name, is_empty) = match name.strip_suffix('/') {
                    Some(name) => (name, true),
                    None => (name, values.ends_with('/')),
                };
                let is_root = open.is_empty();
                let is_written = if is_root { name == MATH } else { is_element(name) };
                if is_root && !is_written {
                    return None;
                }
                if is_written {
                    html.push('<');
                    html.push_str(name);
                    if is_root {
                        write_root_attributes(&mut html, is_block, alttext);
                    } else {
                        write_attributes(&mut html, name, values);
                    }
                    html.push('>');
                    depth += 1;
                    depth_max = depth_max.max(depth);
                }
                open.push((name, is_written));
                if is_empty {
                    depth -= end(&mut html, &mut open, name)?;
                }
            }
            Part::End(name) => depth -= end(&mut html, &mut open, name)?,
        }
    }
    if open.is_empty() { Some(Formula { html, depth: depth_max }) } else { None }
}

/// Ends the innermost element, if this is its name. Returns the number of levels that are left.
fn end(html: &mut String, open: &mut Vec<(&str, bool)>, name: &str) -> Option<usize> {
    let (opened, is_written) = open.pop()?;
    if opened != name {
        return None;
    }
    if is_written {
        html.push_str("</");
        html.push_str(name);
        html.push('>');
    }
    Some(usize::from(is_written))
}

fn write_root_attributes(html: &mut String, is_block: bool, alttext: &str) {
    if is_block {
        push_attribute(html, "display", "block");
    }
    push_attribute(html, "alttext", alttext);
}

fn write_attributes(html: &mut String, name: &str, values: &str) {
    for (attribute, value) in attributes(values) {
        let value = unescape(value);
        if attribute == "style" {
            // A style is dropped; what a cell's says of its alignment has an attribute of its own,
            // which Firefox knows and the pages' stylesheet explains to other browsers.
            if let Some(side) = alignment(&value).filter(|_| name == "mtd") {
                push_attribute(html, "columnalign", side);
            }
        } else if may_have(name, attribute, &value) {
            push_attribute(html, attribute, &value);
        }
    }
}

fn alignment(style: &str) -> Option<&'static str> {
    let (_, value) = style.split_once("text-align:")?;
    match value.split(';').next()?.trim() {
        "left" => Some("left"),
        "right" => Some("right"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted_so_that_they_can_be_searched() {
        assert!(ELEMENTS.is_sorted() && ATTRIBUTES.is_sorted());
    }

    #[test]
    fn only_what_is_allowed_stays() {
        for (mathml, expected) in [
            (
                "<math class=\"x\"><mi>a</mi><mspace width=\"1em\"/><mo/></math>",
                Some(
                    "<math alttext=\"t\"><mi>a</mi><mspace width=\"1em\"></mspace><mo></mo></math>",
                ),
            ),
            (
                "<math><mtext>a<span style=\"x\">&lt;b&#x3e;</span><a href=\"javascript:x\">c</a></mtext></math>",
                Some("<math alttext=\"t\"><mtext>a&lt;b&gt;c</mtext></math>"),
            ),
            (
                "<math><mtd style=\"width: 1%;text-align: right;x\" onclick=\"x\" width=\"a(b)\"></mtd></math>",
                Some("<math alttext=\"t\"><mtd columnalign=\"right\"></mtd></math>"),
            ),
            ("<math><annotation-xml><script></annotation-xml></math>", None),
            ("<math><mi>a</math>", None),
            ("<math>", None),
            ("</math>", None),
            ("<mi>a</mi>", None),
        ] {
            let seen = formula(mathml, false, "t").map(|formula| formula.html);
            assert_eq!(seen.as_deref(), expected, "{mathml}");
        }
        let block = formula("<math><mrow><mi>a</mi></mrow></math>", true, "\"<").unwrap();
        assert_eq!(
            block.html,
            "<math display=\"block\" alttext=\"&quot;&lt;\"><mrow><mi>a</mi></mrow></math>"
        );
        assert_eq!(block.depth, 3);
    }
}
