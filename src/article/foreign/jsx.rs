//! Attributes of JSX (Docusaurus): `src={require('./a.png').default}` is `src="./a.png"`; what is
//! not a text leaves.

use super::reach::within;

/// Bytes of a tag that is looked at.
const TAG_MAX_BYTES: usize = 1024;

/// Components that are links, by the names that most themes share. HTML has elements of these names,
/// in lower case, which a feed cannot have.
const LINKS: [&str; 2] = ["Link", "Button"];

/// The tag at the beginning of `rest` as HTML: its length, and what takes its place. `None` where
/// it has no attribute of JSX, and is no link. HTML has no components (`has_components`).
pub(super) fn read(rest: &str, has_components: bool) -> Option<(usize, String)> {
    match attributes(rest) {
        Some((len, html)) if has_components => Some((len, link(&html).unwrap_or(html))),
        None if has_components => {
            let tag = within(rest, TAG_MAX_BYTES);
            let tag = &tag[..=tag.find('>')?];
            link(tag).map(|html| (tag.len(), html))
        }
        found => found,
    }
}

/// The start tag of a link with an address, or the end tag of one.
fn link(tag: &str) -> Option<String> {
    let name = LINKS.iter().find_map(|name| {
        let rest = tag.trim_start_matches(['<', '/']).strip_prefix(name)?;
        if rest.starts_with(|c: char| c.is_whitespace() || c == '>') { Some(rest) } else { None }
    })?;
    if tag.starts_with("</") {
        return Some("</a>".to_owned());
    }
    // `<Button />` has no text.
    if tag.ends_with("/>") {
        return None;
    }
    let shown = name.replace(" to=", " href=");
    if shown.contains("href=") { Some(format!("<a{shown}")) } else { None }
}

/// The tag with its attributes as those of HTML. `None` where it has none of JSX.
fn attributes(rest: &str) -> Option<(usize, String)> {
    let near = within(rest, TAG_MAX_BYTES);
    if !near.as_bytes().get(1)?.is_ascii_alphabetic() {
        return None;
    }
    let mut out = String::new();
    let mut has_braces = false;
    let mut at = 0;
    while let Some(c) = near[at..].chars().next() {
        match c {
            '>' => {
                out.push('>');
                return if has_braces { Some((at + 1, out)) } else { None };
            }
            '<' if at > 0 => return None,
            '"' | '\'' => {
                let len = near[at + 1..].find(c)? + 2;
                out.push_str(&near[at..at + len]);
                at += len;
            }
            '{' => {
                let len = braced_len(&near[at..])?;
                let braced = &near[at..at + len];
                // `href={{ url }}` is a tag of a template, `style={{color: 'red'}}` is not.
                if braced.starts_with("{%") || braced.starts_with("{{") && !braced.contains(':') {
                    return None;
                }
                let before = out.strip_suffix('=')?;
                let text = text_in(&braced[1..len - 1]);
                match text {
                    Some(text) => out.push_str(&format!("\"{}\"", text.replace('"', "&quot;"))),
                    // Without its value, the name goes, too.
                    None => {
                        let end = before.rfind(char::is_whitespace)?;
                        out.truncate(end);
                    }
                }
                has_braces = true;
                at += len;
            }
            // The end of a line may be that of the tag in Markdown.
            '\n' => {
                out.push(' ');
                at += 1;
            }
            c => {
                out.push(c);
                at += c.len_utf8();
            }
        }
    }
    None
}

/// The length of what is in braces, with them.
fn braced_len(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), c) if open == c => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'' | '`') => quote = Some(c),
            (None, '{') => depth += 1,
            (None, '}') => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// The text that an expression is: in quotation marks, alone or as the argument of `require` or
/// `useBaseUrl`.
fn text_in(expression: &str) -> Option<&str> {
    let mut inner = expression.trim();
    for call in ["require(", "useBaseUrl("] {
        if let Some(argument) = inner.strip_prefix(call) {
            inner = argument.split_once(')')?.0.trim();
        }
    }
    for quote in ['"', '\'', '`'] {
        if let Some(text) = inner.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
            return if text.contains([quote, '{']) { None } else { Some(text) };
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_those_of_html() {
        for (tag, expected) in [
            (
                "<img src={require('./a.png').default} alt=\"x\" /> b",
                "<img src=\"./a.png\" alt=\"x\" />",
            ),
            ("<a href={useBaseUrl('/b')} target={x}>", "<a href=\"/b\">"),
            ("<p style={{color: 'red'}} id={`a`}>", "<p id=\"a\">"),
            ("<TOC toc={toc} />", "<TOC />"),
            ("<A b={\"c\"}\n  d={e}>", "<A b=\"c\"  >"),
            ("<Button\n  href=\"/x\"\n>", "<a\n  href=\"/x\"\n>"),
            ("<Link to={'/x'} a={b}>c", "<a href=\"/x\">"),
            ("</Button> c", "</a>"),
        ] {
            assert_eq!(read(tag, true).map(|(_, html)| html).as_deref(), Some(expected), "{tag}");
        }
        for text in [
            "<a href=\"{b}\">",
            "<Button>",
            "<Button href=\"x\" />",
            "<LinkCard href=\"x\">",
            "<a>",
            "<a {b}>",
            "< a={b}>",
            "<a b={c",
            "<a <b c={d}>",
            "<1={a}>",
        ] {
            assert_eq!(read(text, true), None, "{text}");
        }
    }
}
