//! `[[Name]]`, `[[Name|text]]`, `[[Name#Heading]]`, `![[image.png]]` as Markdown's own links.
//!
//! CommonMark comes first: `[[1]](url)` and `[[x]]` with a definition of `[x]` are what they always
//! were.

use std::collections::HashSet;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::article::feed_html::heading_ids::slug;
use crate::article::feed_html::references::media_of;
use crate::article::symbol::by_name;

use super::counterpart::escaped;

/// Percent-encoding that makes a path one word of Markdown.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'/');

/// A longer name is none.
const NAME_MAX_BYTES: usize = 500;

/// The labels that a text's link reference definitions give.
pub(crate) fn labels(text: &str) -> HashSet<&str> {
    let label = |line: &'_ str| -> Option<(usize, usize)> {
        let bare = line.trim_start_matches([' ', '>']);
        let end = bare.strip_prefix('[')?.find("]:")?;
        let start = line.len() - bare.len() + 1;
        Some((start, start + end))
    };
    text.lines().filter_map(|line| label(line).map(|(start, end)| &line[start..end])).collect()
}

/// The wiki link at the beginning of `text`: its length, and the link in its place.
pub(crate) fn read(text: &str, labels: &HashSet<&str>) -> Option<(usize, String)> {
    let (bang, open) = if text.starts_with('!') { ("!", 3) } else { ("", 2) };
    let near = super::reach::within(&text[open..], NAME_MAX_BYTES);
    let inner = &near[..near.find("]]")?];
    let len = open + inner.len() + 2;
    let (target, shown) = match inner.split_once('|') {
        Some((target, shown)) => (target.trim_end_matches('\\'), Some(shown)),
        None => (inner, None),
    };
    // Obsidian trims both; in a shell, `[[ -f x ]]` is a test.
    let (target, shown) = (target.trim(), shown.map(str::trim));
    let is_name = !target.is_empty()
        && !target.starts_with(['^', '-', '$', '"'])
        && !inner.contains(['[', ']', '\n']);
    if !is_name || is_other(&text[len..], inner, labels) {
        return None;
    }
    // `![[cat.png#center]]` says where a theme places the picture.
    let (file, fragment) = target.split_once('#').unwrap_or((target, ""));
    let embeds = !bang.is_empty() && media_of(file).is_some();
    let shown = match (shown, embeds) {
        // `![[cat.png|300]]` gives a width, as `![|300](cat.png)` does. In a table the bar would
        // end the cell.
        (Some(size), true) if size.bytes().all(|byte| byte.is_ascii_digit() || byte == b'x') => {
            format!("\\|{size}")
        }
        (None, true) => String::new(),
        (Some(shown), _) => shown.to_owned(),
        (None, false) => escaped(target),
    };
    Some((
        len,
        if embeds {
            format!("![{shown}]({})", by_name(file, ""))
        } else if !fragment.is_empty() && fragment.contains('=') {
            // A page of a PDF: `a.pdf#page=3`.
            format!("[{shown}]({})", by_name(file, fragment))
        } else {
            format!("[{shown}]({})", reference(target))
        },
    ))
}

/// Whether CommonMark reads the brackets: as a link, or as the label of a definition.
fn is_other(after: &str, inner: &str, labels: &HashSet<&str>) -> bool {
    let is_footnote = after.starts_with("[^");
    after.starts_with('(')
        || after.starts_with('[') && !is_footnote && !after.starts_with("[[")
        || labels.contains(inner)
}

/// `Name`, `Name#Heading`, `#Heading`, `directory/name`.
fn reference(target: &str) -> String {
    let (name, heading) = target.split_once('#').unwrap_or((target, ""));
    let fragment = slug(heading.rsplit('#').next().unwrap_or_default());
    let hash = if fragment.is_empty() { "" } else { "#" };
    if name.is_empty() {
        return format!("#{fragment}");
    }
    if name.starts_with("./") || name.starts_with("../") {
        return format!("{}{hash}{fragment}", utf8_percent_encode(name, PATH));
    }
    by_name(name.trim_start_matches('/'), &fragment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wiki_links_become_links() {
        let text = "[x]: /y\n> [z]: /y";
        for (link, expected) in [
            ("[[Other Note]] a", Some("[Other Note](^?Other%20Note^)")),
            ("[[A#B c|*d*]]", Some("[*d*](^?A^#b-c)")),
            ("[[A\\|d]]", Some("[d](^?A^)")),
            ("[[#E f]]", Some("[\\#E f](#e-f)")),
            ("![[cat.png|300]]", Some("![\\|300](^?cat.png^)")),
            ("![[a b.png|a cat]]", Some("![a cat](^?a%20b.png^)")),
            ("![[Note]]", Some("[Note](^?Note^)")),
            ("[[a b/c#D]]", Some("[a b\\/c\\#D](^?a%20b%2Fc^#d)")),
            ("[[/a/b|x]]", Some("[x](^?a%2Fb^)")),
            ("[[../a b|x]]", Some("[x](../a%20b)")),
            ("[[./a#B|x]]", Some("[x](./a#b)")),
            ("[[Note]]: a", Some("[Note](^?Note^)")),
            ("[[Note]][^1]", Some("[Note](^?Note^)")),
            ("[[A]][[B]]", Some("[A](^?A^)")),
            ("[[ Note | text ]]", Some("[text](^?Note^)")),
            ("[[Note |more]]", Some("[more](^?Note^)")),
            ("![[cat.png | 300]]", Some("![\\|300](^?cat.png^)")),
            ("![[a.png#center]]", Some("![](^?a.png^)")),
            ("![[a.png#center|100x50]]", Some("![\\|100x50](^?a.png^)")),
            ("![[a.pdf#page=3]]", Some("[a\\.pdf\\#page\\=3](^?a.pdf^#page=3)")),
            ("[[x]][y]", None),
            ("[[1]](https://e.org)", None),
            ("[[x]]", None),
            ("[[z]]", None),
            ("[[ -f x ]]", None),
            ("[[]]", None),
            ("[[a\nb]]", None),
            ("[[^1]]", None),
            ("[[a", None),
        ] {
            let seen = read(link, &labels(text))
                .map(|(_, link)| link.replace('\u{fdd0}', "^").replace("%3F", "?"));
            assert_eq!(seen.as_deref(), expected, "{link}");
        }
    }
}
