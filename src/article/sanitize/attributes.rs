//! The attributes of an element that stays: only those on the list, with values that mean something, in their order.

use std::collections::HashSet;

use crate::article::feed_html::elements::{Element, URLS, language_name, may_have};
use crate::article::feed_html::references::Resolver;
use crate::article::feed_html::{push_attribute, push_url, repair};
use crate::article::findings::Findings;

/// What an author's attributes are read with.
pub(crate) struct Attributes<'a> {
    /// Where the URLs lead.
    pub(crate) resolver: &'a Resolver,
    /// The ids of the article so far: the first element keeps an id that several claim, as links have it.
    ids: HashSet<String>,
}

impl<'a> Attributes<'a> {
    pub(crate) fn new(resolver: &'a Resolver) -> Self {
        Self { resolver, ids: HashSet::new() }
    }

    /// The attributes of `element` as they are written, each after a space; `None` where the element means nothing
    /// without one that had to go.
    pub(crate) fn write(
        &mut self,
        element: &Element,
        given: &[(String, String)],
        findings: &mut Findings,
    ) -> Option<String> {
        let mut out = String::new();
        let lazy = lazy_source(element, given);
        let mut has_source = false;
        for (name, value) in given {
            match name.as_str() {
                "src" | "srcset" if lazy.is_some_and(|(of, _)| of == name) => {}
                "style" if matches!(element.name, "td" | "th") => write_alignment(&mut out, given, value),
                name => has_source |= self.write_one(&mut out, element, name, value, findings),
            }
        }
        if let Some((name, value)) = lazy {
            has_source |= self.write_one(&mut out, element, name, value, findings);
        }
        if matches!(element.name, "audio" | "video") && !given.iter().any(|(name, _)| name == "controls") {
            // Without controls a reader could not start what here never starts by itself.
            push_attribute(&mut out, "controls", "");
        }
        (has_source || !matches!(element.name, "img" | "source" | "track")).then_some(out)
    }

    /// Writes one attribute if it may stand; says whether it is a source of what the element shows.
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
            // An empty `src` means nothing, an empty `href` the document itself.
            if name != "href" && value.trim().is_empty() {
                return false;
            }
            let resolved = self.resolver.resolve(value);
            match &resolved {
                Some(url) => push_url(out, name, url),
                None => findings.refused_url(value),
            }
            return resolved.is_some() && name == "src";
        }
        if name == "srcset" {
            let resolved = self.resolver.srcset(value);
            if let Some(set) = &resolved {
                push_url(out, name, set);
            }
            return resolved.is_some();
        }
        if let Some(value) = plain_value(name, value).filter(|value| name != "id" || self.ids.insert(value.clone())) {
            push_attribute(out, name, &value);
        }
        false
    }
}

/// Attributes as [`Attributes::write`] wrote them, for an element that is opened once more: an id stands only once.
pub(crate) fn without_id(written: &mut String) {
    // No value holds a quotation mark, so this begins nothing but an attribute.
    let Some(at) = written.find(" id=\"") else { return };
    let value = at + " id=\"".len();
    let end = written[value..].find('"').map_or(written.len(), |quote| value + quote + 1);
    written.replace_range(at..end, "");
}

/// What lazy loaders hide in `data-src`, where `src` is missing or a placeholder.
fn lazy_source<'a>(element: &Element, given: &'a [(String, String)]) -> Option<(&'static str, &'a str)> {
    let value = |wanted: &str| given.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    if !matches!(element.name, "img" | "source" | "video" | "audio") {
        return None;
    }
    let is_real = |source: &str| !source.trim().is_empty() && !source.trim_start().starts_with("data:");
    if value("src").is_some_and(is_real) || value("srcset").is_some_and(is_real) {
        return None;
    }
    value("data-src")
        .or(value("data-original"))
        .map(|source| ("src", source))
        .or(value("data-srcset").map(|set| ("srcset", set)))
}

/// `text-align` of a cell, which is what Markdown converters write, as the attribute that survives.
fn write_alignment(out: &mut String, given: &[(String, String)], style: &str) {
    if given.iter().any(|(name, _)| name == "align") {
        return;
    }
    let of = |declaration: &str| {
        let (property, value) = declaration.split_once(':')?;
        property.trim().eq_ignore_ascii_case("text-align").then(|| value.trim().to_ascii_lowercase())
    };
    if let Some(value) = style.split(';').find_map(of).and_then(|value| plain_value("align", &value)) {
        push_attribute(out, "align", &value);
    }
}

/// The value as it is written; `None` where it means nothing.
fn plain_value(name: &str, value: &str) -> Option<String> {
    let value = repair(value);
    let trimmed = value.trim();
    let is_number = |text: &str| !text.is_empty() && text.len() < 6 && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_word = || !trimmed.is_empty() && !trimmed.contains(char::is_whitespace);
    match name {
        "controls" | "loop" | "muted" | "open" | "reversed" | "default" | "playsinline" => Some(String::new()),
        "width" | "height" => {
            let number = trimmed.strip_suffix("px").or(trimmed.strip_suffix('%')).unwrap_or(trimmed);
            is_number(number).then(|| trimmed.trim_end_matches("px").to_owned())
        }
        "colspan" | "rowspan" | "span" => is_number(trimmed).then(|| trimmed.to_owned()),
        "start" | "value" if trimmed.is_empty() => None,
        "align" => one_of(trimmed, &["left", "center", "right", "justify"]),
        "dir" => one_of(trimmed, &["ltr", "rtl", "auto"]),
        "scope" => one_of(trimmed, &["row", "col", "rowgroup", "colgroup"]),
        "preload" => one_of(trimmed, &["none", "metadata", "auto"]),
        "id" | "name" => is_word().then(|| trimmed.to_owned()),
        "lang" | "hreflang" | "srclang" => oxilangtag::LanguageTag::parse(trimmed).is_ok().then(|| trimmed.to_owned()),
        "class" => language_class(&value),
        _ => Some(value),
    }
}

fn one_of(value: &str, known: &[&str]) -> Option<String> {
    let value = value.to_ascii_lowercase();
    known.contains(&value.as_str()).then_some(value)
}

/// The class that names the language of code; no other says anything to a reader.
fn language_class(classes: &str) -> Option<String> {
    let language =
        classes.split_whitespace().find_map(|class| class.strip_prefix("language-").or(class.strip_prefix("lang-")))?;
    language_name(language).map(|name| format!("language-{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::article::feed_html::elements::find;
    use crate::base::RelPath;

    fn check(element: &str, given: &[(&str, &str)], expected: Option<&str>) {
        let resolver = Resolver::new(&RelPath::new("n/a.md").unwrap());
        let given: Vec<(String, String)> = given.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let seen = Attributes::new(&resolver).write(find(element).unwrap(), &given, &mut Findings::default());
        assert_eq!(seen.map(|text| text.replace('\u{fdd0}', "^")).as_deref(), expected, "{element} {given:?}");
    }

    #[test]
    fn what_stays() {
        check(
            "a",
            &[("onclick", "x"), ("href", "b"), ("style", "c"), ("title", "\"t\"")],
            Some(" href=\"^n/b^\" title=\"&quot;t&quot;\""),
        );
        check("a", &[("href", "javascript:x")], Some(""));
        check("img", &[("alt", "x"), ("src", "data:x")], None);
        check(
            "img",
            &[("src", "data:x"), ("data-src", "a.png"), ("width", "10px"), ("height", "50%")],
            Some(" width=\"10\" height=\"50%\" src=\"^n/a.png^\""),
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
