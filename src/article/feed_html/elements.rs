//! The elements and attributes that a feed may have, and the fate of all others.
//!
//! An element is allowed if feed readers show it and the W3C's feed validator accepts it without a
//! warning.

/// The fate of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Keeps it.
    Keep(&'static Element),
    /// Keeps it under another name: a block that would otherwise run into its neighbours.
    Become(&'static Element),
    /// Removes its tags and keeps its content.
    Unwrap(Loss),
    /// Removes it with its content.
    Drop(Loss),
    /// Replaces a frame or plug-in by a link to what it shows.
    Link,
    /// Replaces an `<input>`, if it is a check box, by a character.
    Input,
}

/// Whether a reader of the author's page would have seen what is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// A drawing, a button: worth reporting.
    Visible,
    /// A script, a wrapper.
    Invisible,
}

/// The role of an element in the structure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// An element without content and end tag.
    Void,
    /// Formatting, which the standard opens again after a misplaced end (HTML, 13.2.4.3).
    Formatting,
    /// Other inline content.
    Inline,
    /// Closes an open paragraph.
    Block,
    /// A part of a table.
    Table,
}

/// An element that a feed may have.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Element {
    /// Its name.
    pub(crate) name: &'static str,
    /// Its role in the structure.
    pub(crate) role: Role,
    /// Its attributes, besides [`GLOBAL`].
    pub(crate) attributes: &'static [&'static str],
}

/// Attributes of every element.
pub(crate) const GLOBAL: [&str; 4] = ["id", "lang", "dir", "title"];

/// Attributes whose value is a URL.
pub(crate) const URLS: [&str; 4] = ["href", "src", "poster", "cite"];

const fn element(name: &'static str, role: Role, attributes: &'static [&'static str]) -> Element {
    Element { name, role, attributes }
}

/// Every element that may be in a feed, by name.
pub(crate) static ELEMENTS: [Element; 83] = [
    element("a", Role::Formatting, &["href", "hreflang", "name", "type"]),
    element("abbr", Role::Inline, &[]),
    element("acronym", Role::Inline, &[]),
    element("address", Role::Block, &[]),
    element("article", Role::Block, &[]),
    element("aside", Role::Block, &[]),
    element("audio", Role::Inline, &["controls", "loop", "muted", "preload", "src"]),
    element("b", Role::Formatting, &[]),
    element("bdi", Role::Inline, &[]),
    element("big", Role::Formatting, &[]),
    element("blockquote", Role::Block, &["cite"]),
    element("br", Role::Void, &[]),
    element("caption", Role::Table, &[]),
    element("cite", Role::Inline, &[]),
    element("code", Role::Formatting, &["class"]),
    element("col", Role::Void, &["span"]),
    element("colgroup", Role::Table, &["span"]),
    element("data", Role::Inline, &["value"]),
    element("dd", Role::Block, &[]),
    element("del", Role::Inline, &["cite", "datetime"]),
    element("details", Role::Block, &["open"]),
    element("dfn", Role::Inline, &[]),
    element("div", Role::Block, &[]),
    element("dl", Role::Block, &[]),
    element("dt", Role::Block, &[]),
    element("em", Role::Formatting, &[]),
    element("figcaption", Role::Block, &[]),
    element("figure", Role::Block, &[]),
    element("footer", Role::Block, &[]),
    element("h1", Role::Block, &[]),
    element("h2", Role::Block, &[]),
    element("h3", Role::Block, &[]),
    element("h4", Role::Block, &[]),
    element("h5", Role::Block, &[]),
    element("h6", Role::Block, &[]),
    element("header", Role::Block, &[]),
    element("hgroup", Role::Block, &[]),
    element("hr", Role::Void, &[]),
    element("i", Role::Formatting, &[]),
    element("img", Role::Void, &["alt", "height", "sizes", "src", "srcset", "width"]),
    element("ins", Role::Inline, &["cite", "datetime"]),
    element("kbd", Role::Inline, &[]),
    element("li", Role::Block, &["value"]),
    element("main", Role::Block, &[]),
    element("mark", Role::Inline, &[]),
    element("menu", Role::Block, &[]),
    element("meter", Role::Inline, &["high", "low", "max", "min", "optimum", "value"]),
    element("nav", Role::Block, &[]),
    element("ol", Role::Block, &["reversed", "start", "type"]),
    element("p", Role::Block, &[]),
    element("picture", Role::Inline, &[]),
    element("pre", Role::Block, &["class"]),
    element("progress", Role::Inline, &["max", "value"]),
    element("q", Role::Inline, &["cite"]),
    element("rp", Role::Inline, &[]),
    element("rt", Role::Inline, &[]),
    element("ruby", Role::Inline, &[]),
    element("s", Role::Formatting, &[]),
    element("samp", Role::Inline, &[]),
    element("section", Role::Block, &[]),
    element("small", Role::Formatting, &[]),
    element("source", Role::Void, &["height", "media", "sizes", "src", "srcset", "type", "width"]),
    element("span", Role::Inline, &[]),
    element("strike", Role::Formatting, &[]),
    element("strong", Role::Formatting, &[]),
    element("sub", Role::Inline, &[]),
    element("summary", Role::Block, &[]),
    element("sup", Role::Inline, &[]),
    element("table", Role::Block, &[]),
    element("tbody", Role::Table, &[]),
    element("td", Role::Table, &["align", "colspan", "headers", "rowspan"]),
    element("tfoot", Role::Table, &[]),
    element("th", Role::Table, &["abbr", "align", "colspan", "headers", "rowspan", "scope"]),
    element("thead", Role::Table, &[]),
    element("time", Role::Inline, &["datetime"]),
    element("tr", Role::Table, &[]),
    element("track", Role::Void, &["default", "kind", "label", "src", "srclang"]),
    element("tt", Role::Formatting, &[]),
    element("u", Role::Formatting, &[]),
    element("ul", Role::Block, &[]),
    element("var", Role::Inline, &[]),
    element(
        "video",
        Role::Inline,
        &[
            "controls",
            "height",
            "loop",
            "muted",
            "playsinline",
            "poster",
            "preload",
            "src",
            "width",
        ],
    ),
    element("wbr", Role::Void, &[]),
];

/// The element of that name, in lower case, if it may be in a feed.
pub(crate) fn find(name: &str) -> Option<&'static Element> {
    ELEMENTS.binary_search_by(|element| element.name.cmp(name)).ok().map(|at| &ELEMENTS[at])
}

/// The fate of the element of that name, in lower case.
pub(crate) fn fate(name: &str) -> Fate {
    if let Some(element) = find(name) {
        return Fate::Keep(element);
    }
    match name {
        "center" | "dialog" | "fieldset" | "legend" | "search" => renamed("div"),
        // The validator of feeds takes `bdo` for a risk. Its direction stays.
        "bdo" => renamed("bdi"),
        "dir" => renamed("ul"),
        "listing" | "xmp" | "plaintext" => renamed("pre"),
        "image" => renamed("img"),
        "form" | "canvas" | "object" | "applet" => Fate::Unwrap(Loss::Visible),
        "iframe" | "embed" => Fate::Link,
        "input" => Fate::Input,
        "svg" | "math" | "select" | "textarea" | "button" => Fate::Drop(Loss::Visible),
        "script" | "style" | "title" | "head" | "template" | "noembed" | "noframes"
        | "datalist" | "frameset" => Fate::Drop(Loss::Invisible),
        _ => Fate::Unwrap(Loss::Invisible),
    }
}

/// The role of the element of that name, in lower case, under the name that it has in a feed.
pub(crate) fn role(name: &str) -> Option<Role> {
    match fate(name) {
        Fate::Keep(element) | Fate::Become(element) => Some(element.role),
        _ => None,
    }
}

/// Elements that are removed with their content: those of [`Fate::Drop`].
pub(crate) const DROPPED: [&str; 14] = [
    "svg", "math", "select", "textarea", "button", "script", "style", "title", "head", "template",
    "noembed", "noframes", "datalist", "frameset",
];

/// Whether the element may have this attribute.
pub(crate) fn may_have(element: &Element, attribute: &str) -> bool {
    GLOBAL.contains(&attribute) || element.attributes.contains(&attribute)
}

/// Elements without content, that are not in [`ELEMENTS`] but whose end must not be waited for.
pub(crate) fn is_void(name: &str) -> bool {
    matches!(
        name,
        "area"
            | "base"
            | "basefont"
            | "bgsound"
            | "embed"
            | "frame"
            | "image"
            | "input"
            | "keygen"
            | "link"
            | "meta"
            | "param"
    ) || find(name).is_some_and(|element| element.role == Role::Void)
}

fn renamed(name: &str) -> Fate {
    match find(name) {
        Some(element) => Fate::Become(element),
        None => Fate::Unwrap(Loss::Invisible),
    }
}

/// The name of a programming language; `None` where `text` cannot be one.
pub(crate) fn language_name(text: &str) -> Option<&str> {
    if text.is_empty() || text.len() > 40 {
        return None;
    }
    if text.chars().all(may_be_in_language_name) { Some(text) } else { None }
}

/// Whether `c` is a letter, a digit, or a sign as in `c++`, `c#`, `objective-c` and `asp.net`.
fn may_be_in_language_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '+' | '#' | '.' | '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_so_that_it_can_be_searched() {
        assert!(ELEMENTS.is_sorted_by(|a, b| a.name < b.name));
        assert!(ELEMENTS.iter().all(|element| fate(element.name) == Fate::Keep(element)));
    }

    #[test]
    fn dropped_elements_are_listed() {
        for name in DROPPED {
            assert!(matches!(fate(name), Fate::Drop(_)), "{name}");
        }
    }

    #[test]
    fn nothing_that_runs_or_frames_stays() {
        for name in [
            "script", "style", "iframe", "object", "embed", "form", "svg", "math", "link", "meta",
            "base", "x-y",
        ] {
            assert!(!matches!(fate(name), Fate::Keep(_)), "{name}");
        }
    }
}
