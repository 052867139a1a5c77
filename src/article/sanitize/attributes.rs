//! Attributes of an element that is kept: only those on the list, with meaningful values, in the
//! author's order.

use std::collections::HashSet;

use crate::article::feed_html::elements::{Element, URLS, language_name, may_have};
use crate::article::feed_html::references::Resolver;
use crate::article::feed_html::{push_attribute, push_url, repair};
use crate::article::findings::Findings;

/// The attributes of a start tag: names and values as the tokenizer gives them.
pub(crate) type Given = [(String, String)];

/// Writes the attributes of one article's elements.
pub(crate) struct Attributes<'a> {
    /// The resolver of its references.
    pub(crate) resolver: &'a Resolver,
    /// The ids of the article so far. Of several elements with the same id the first keeps it,
    /// since browsers follow a link to the first.
    ids: HashSet<String>,
}

impl<'a> Attributes<'a> {
    pub(crate) fn new(resolver: &'a Resolver) -> Self {
        Self { resolver, ids: HashSet::new() }
    }

    /// The attributes of `element` in feed HTML, each after a space; `None` if the element has
    /// no meaning without one that was removed.
    pub(crate) fn write(
        &mut self,
        element: &Element,
        given: &Given,
        findings: &mut Findings,
    ) -> Option<String> {
        let mut out = String::new();
        let lazy = lazy_source(element, given);
        let mut has_source = false;
        for (name, value) in given {
            match name.as_str() {
                // A placeholder, which the lazy source below replaces.
                "src" | "srcset" if lazy.is_some_and(|(replaced, _)| replaced == name) => {}
                "style" if matches!(element.name, "td" | "th") => {
                    write_alignment(&mut out, given, value);
                }
                name => has_source |= self.write_one(&mut out, element, name, value, findings),
            }
        }
        if let Some((name, value)) = lazy {
            has_source |= self.write_one(&mut out, element, name, value, findings);
        }
        if matches!(element.name, "audio" | "video") && value_of(given, "controls").is_none() {
            // Feed readers do not run scripts: without controls, the recording could not be played.
            push_attribute(&mut out, "controls", "");
        }
        let needs_source = matches!(element.name, "img" | "source" | "track");
        if needs_source && !has_source { None } else { Some(out) }
    }

    /// Writes one attribute if it is allowed. Returns whether it is a source of the element's
    /// content.
    fn write_one(
        &mut self,
        out: &mut String,
        element: &Element,
        name: &str,
        value: &str,
        findings: &mut Findings,
    ) -> bool {
        if !may_have(element, name) {
            return false;
        }
        if URLS.contains(&name) {
            return self.write_url(out, name, value, findings) && name == "src";
        }
        if name == "srcset" {
            let Some(set) = self.resolver.srcset(value) else { return false };
            push_url(out, name, &set);
            return true;
        }
        let Some(value) = plain_value(name, value) else { return false };
        if name != "id" || self.ids.insert(value.clone()) {
            push_attribute(out, name, &value);
        }
        false
    }

    /// Writes a URL if it may be in a feed.
    fn write_url(
        &self,
        out: &mut String,
        name: &str,
        value: &str,
        findings: &mut Findings,
    ) -> bool {
        // An empty `src` has no meaning, and an empty `href` means the document itself.
        if name != "href" && value.trim().is_empty() {
            return false;
        }
        let Some(url) = self.resolver.resolve(value) else {
            findings.refused_url(value);
            return false;
        };
        push_url(out, name, &url);
        true
    }
}

/// Removes the id from attributes that [`Attributes::write`] wrote, for an element that is opened
/// once more: an id is unique.
pub(crate) fn without_id(written: &mut String) {
    // Values contain no quotation mark, so this text can only be the beginning of the attribute.
    let Some(at) = written.find(" id=\"") else { return };
    let value = at + " id=\"".len();
    let end = written[value..].find('"').map_or(written.len(), |quote| value + quote + 1);
    written.replace_range(at..end, "");
}

/// The value of an attribute as the author wrote it.
pub(crate) fn value_of<'a>(given: &'a Given, wanted: &str) -> Option<&'a str> {
    let (_, value) = given.iter().find(|(name, _)| name == wanted)?;
    Some(value)
}

/// The source that a lazy loader hides in `data-src` if `src` is missing or a placeholder, and the
/// attribute that it belongs in.
fn lazy_source<'a>(element: &Element, given: &'a Given) -> Option<(&'static str, &'a str)> {
    if !matches!(element.name, "img" | "source" | "video" | "audio") {
        return None;
    }
    for name in ["src", "srcset"] {
        if value_of(given, name).is_some_and(is_real_source) {
            return None;
        }
    }
    for (name, replaced) in
        [("data-src", "src"), ("data-original", "src"), ("data-srcset", "srcset")]
    {
        if let Some(value) = value_of(given, name) {
            return Some((replaced, value));
        }
    }
    None
}

/// Whether a source is more than a placeholder, which is empty or a tiny picture in a `data:` URL.
fn is_real_source(source: &str) -> bool {
    let source = source.trim_start();
    !source.is_empty() && !source.starts_with("data:")
}

/// Writes the `text-align` of a cell, which Markdown converters put into `style`, as the attribute
/// that feed readers support.
fn write_alignment(out: &mut String, given: &Given, style: &str) {
    if value_of(given, "align").is_some() {
        return;
    }
    for declaration in style.split(';') {
        let Some((property, value)) = declaration.split_once(':') else { continue };
        if property.trim().eq_ignore_ascii_case("text-align") {
            if let Some(value) = plain_value("align", value) {
                push_attribute(out, "align", &value);
            }
            return;
        }
    }
}

/// The value of an attribute that is not a URL; `None` if it is not valid.
fn plain_value(name: &str, value: &str) -> Option<String> {
    let value = repair(value);
    let trimmed = value.trim();
    let is_valid = match name {
        // A boolean attribute is true if it is present (HTML, 2.3.2).
        "controls" | "loop" | "muted" | "open" | "reversed" | "default" | "playsinline" => {
            return Some(String::new());
        }
        "width" | "height" => return length(trimmed),
        "align" => return one_of(trimmed, &["left", "center", "right", "justify"]),
        "dir" => return one_of(trimmed, &["ltr", "rtl", "auto"]),
        "scope" => return one_of(trimmed, &["row", "col", "rowgroup", "colgroup"]),
        "preload" => return one_of(trimmed, &["none", "metadata", "auto"]),
        "class" => return language_class(&value),
        "start" | "value" if trimmed.is_empty() => false,
        "colspan" | "rowspan" | "span" => is_number(trimmed),
        "id" | "name" => !trimmed.is_empty() && !trimmed.contains(char::is_whitespace),
        "lang" | "hreflang" | "srclang" => oxilangtag::LanguageTag::parse(trimmed).is_ok(),
        _ => return Some(value),
    };
    if is_valid { Some(trimmed.to_owned()) } else { None }
}

/// A length in pixels, whose unit is left out, or in percent.
fn length(text: &str) -> Option<String> {
    if let Some(percent) = text.strip_suffix('%') {
        return if is_number(percent) { Some(text.to_owned()) } else { None };
    }
    let pixels = text.strip_suffix("px").unwrap_or(text);
    if is_number(pixels) { Some(pixels.to_owned()) } else { None }
}

fn is_number(text: &str) -> bool {
    matches!(text.len(), 1..=5) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn one_of(value: &str, known: &[&str]) -> Option<String> {
    let value = value.to_ascii_lowercase();
    if known.contains(&value.as_str()) { Some(value) } else { None }
}

/// The class that names the language of code, for highlighters. Other classes mean nothing outside
/// of the author's site.
fn language_class(classes: &str) -> Option<String> {
    for class in classes.split_whitespace() {
        let language = class.strip_prefix("language-").or(class.strip_prefix("lang-"));
        if let Some(language) = language {
            return Some(format!("language-{}", language_name(language)?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::article::feed_html::elements::find;
    use crate::base::RelPath;

    fn check(element: &str, given: &[(&str, &str)], expected: Option<&str>) {
        let resolver = Resolver::new(&RelPath::new("n/a.md").unwrap());
        let given: Vec<(String, String)> =
            given.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let seen = Attributes::new(&resolver).write(
            find(element).unwrap(),
            &given,
            &mut Findings::default(),
        );
        assert_eq!(
            seen.map(|text| text.replace('\u{fdd0}', "^")).as_deref(),
            expected,
            "{element} {given:?}"
        );
    }

    #[test]
    fn what_stays() {
        check(
            "a",
            &[("onclick", "x"), ("href", "b"), ("style", "c"), ("title", "\"t\"")],
            Some(" href=\"^n//b^\" title=\"&quot;t&quot;\""),
        );
        check("a", &[("href", "javascript:x")], Some(""));
        check("img", &[("alt", "x"), ("src", "data:x")], None);
        check(
            "img",
            &[("src", "data:x"), ("data-src", "a.png"), ("width", "10px"), ("height", "50%")],
            Some(" width=\"10\" height=\"50%\" src=\"^n/a/.//a.png^\""),
        );
        check("img", &[("src", "")], None);
        check(
            "td",
            &[("style", "color: red; text-align: Right"), ("colspan", "2"), ("rowspan", "x")],
            Some(" align=\"right\" colspan=\"2\""),
        );
        check("code", &[("class", "hljs lang-rust x")], Some(" class=\"language-rust\""));
        check("code", &[("class", "hljs")], Some(""));
        check(
            "video",
            &[("autoplay", ""), ("loop", "loop"), ("src", "/v.mp4")],
            Some(" loop=\"\" src=\"^/v.mp4^\" controls=\"\""),
        );
        check(
            "p",
            &[("id", "a b"), ("lang", "de-DE"), ("dir", "RTL"), ("data-x", "y")],
            Some(" lang=\"de-DE\" dir=\"rtl\""),
        );
    }
}
