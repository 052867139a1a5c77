//! The only way of an author's HTML into a body: tokens, [`rebuild`](mod@rebuild), ammonia.
//!
//! Ammonia is the proof. It builds the standard's tree independently of the steps before, and
//! passes only elements and attributes of the allow-list.

pub(crate) mod attributes;
pub(crate) mod dropped;
mod frames;
mod rebuild;
pub(crate) mod tokens;

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use crate::article::feed_html::elements::{ELEMENTS, GLOBAL};
use crate::article::feed_html::has_word;
use crate::article::feed_html::references::{Resolver, SCHEMES};
use crate::article::findings::Findings;
use crate::article::rendering::{Limits, depth, too_large};
use crate::base::Diagnostic;
use crate::base::place::line_breaks;

use rebuild::rebuild;
use tokens::{Token, tokens_of_part, unclosed_comment};

/// Elements of one article: each costs the parser's tree some hundred bytes, so that 4 MiB of them
/// would cost 600 MiB.
const ELEMENTS_MAX: usize = 100_000;

/// Rounds of parsing until HTML does not change any more.
const ROUNDS_MAX: usize = 3;

static AMMONIA: LazyLock<ammonia::Builder<'static>> = LazyLock::new(ammonia);

/// Ammonia with the allow-list of feed HTML.
fn ammonia() -> ammonia::Builder<'static> {
    let mut tags = HashSet::new();
    let mut attributes = HashMap::new();
    for element in &ELEMENTS {
        tags.insert(element.name);
        attributes.insert(element.name, element.attributes.iter().copied().collect());
    }
    let mut builder = ammonia::Builder::empty();
    builder
        .tags(tags)
        .clean_content_tags(HashSet::from(["script", "style", "title", "template", "svg", "math"]))
        .generic_attributes(HashSet::from(GLOBAL))
        .tag_attributes(attributes)
        .url_schemes(HashSet::from(SCHEMES))
        // Symbolic references look like relative ones.
        .url_relative(ammonia::UrlRelative::PassThrough)
        .link_rel(None);
    builder
}

/// Sanitises HTML. The result has [`DRAFT_MARK`](crate::article::symbol::DRAFT_MARK) around
/// symbolic references.
///
/// # Errors
///
/// `too-large` if the result exceeds `max_bytes`, or has too many elements.
pub(crate) fn sanitize(
    tokens: Vec<Token>,
    resolver: &Resolver,
    limits: &Limits,
    findings: &mut Findings,
) -> Result<String, Diagnostic> {
    let rebuilt = rebuild(&tokens, resolver, depth(limits), limits.max_bytes, findings);
    // The tree will need as much memory again, so the tokens' memory is freed first.
    drop(tokens);
    let rebuilt = rebuilt.ok_or_else(|| too_large(limits))?;
    if elements_of(&rebuilt) > ELEMENTS_MAX {
        let message = format!("the article has more than {ELEMENTS_MAX} elements of HTML");
        return Err(Diagnostic::error("too-large", message));
    }
    Ok(prove(rebuilt))
}

/// Reports a comment that is never closed, if it hides words. `html` is the text as a browser reads
/// it, and `source` as its author wrote it.
pub(crate) fn report_unclosed(html: &str, source: &str, findings: &mut Findings) {
    let Some(at) = unclosed_comment(html) else { return };
    let hidden = &html[at..];
    let has_words = tokens_of_part(&hidden["<!--".len()..])
        .iter()
        .any(|token| matches!(token, Token::Text(text) if has_word(text)));
    if !has_words {
        return;
    }
    let begin = hidden.lines().next().unwrap_or_default();
    // An earlier comment that begins in the same way is closed.
    let closed = source.rfind("-->").unwrap_or_default();
    let place = match source[closed..].find(begin) {
        Some(at) => Some(closed + at),
        None => source.rfind(begin),
    };
    let line = place.map(|at| 1 + line_breaks(&source[..at]));
    let message = "`<!--` is never closed: the rest of the text is hidden";
    findings.add(Diagnostic::warning("comment", message), line);
}

/// The number of elements of feed HTML, in which every `<` begins a tag.
fn elements_of(html: &str) -> usize {
    html.matches('<').count() - html.matches("</").count()
}

/// Parses and serialises until nothing changes. HTML that a parser reads as it was written has no
/// parse error that another parser could resolve differently.
fn prove(html: String) -> String {
    let mut veiled = veil(&html);
    for _ in 0..ROUNDS_MAX {
        let proved = AMMONIA.clean(&veiled).to_string();
        if proved == veiled {
            break;
        }
        veiled = proved;
    }
    unveil(&veiled)
}

/// Substitutes for the references of feed HTML while it is parsed. html5ever's serialiser searches
/// the rest of a text at each `&`, and at each character that begins with the byte C2, so that 100
/// KB of `&` would cost ten seconds. It passes these noncharacters through at once.
const VEILS: [(&str, char); 5] = [
    ("&amp;", '\u{fdd2}'),
    ("&lt;", '\u{fdd3}'),
    ("&gt;", '\u{fdd4}'),
    ("&quot;", '\u{fdd5}'),
    ("&nbsp;", '\u{fdd6}'),
];

/// A prefix of a letter that substitutes a character from U+00A1 to U+00BF.
const LATIN_VEIL: char = '\u{fdd7}';

/// Puts the substitutes into feed HTML.
fn veil(html: &str) -> String {
    let mut veiled = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(c) = rest.chars().next() {
        if let Some((name, veil)) = reference_at(rest) {
            veiled.push(veil);
            rest = &rest[name.len()..];
            continue;
        }
        if let '\u{a1}'..='\u{bf}' = c {
            veiled.push(LATIN_VEIL);
            // From `@` to `^`: no letter that a parser would fold, no white space, no mark-up.
            veiled.push(char::from(b'@' + (u32::from(c) - 0xa1) as u8));
        } else {
            veiled.push(c);
        }
        rest = &rest[c.len_utf8()..];
    }
    veiled
}

/// The reference at the beginning of a text, and its substitute.
fn reference_at(text: &str) -> Option<(&'static str, char)> {
    if !text.starts_with('&') {
        return None;
    }
    VEILS.into_iter().find(|(name, _)| text.starts_with(name))
}

/// Removes the substitutes again.
fn unveil(veiled: &str) -> String {
    let mut html = String::with_capacity(veiled.len());
    let mut chars = veiled.chars();
    while let Some(c) = chars.next() {
        if let Some((name, _)) = VEILS.into_iter().find(|(_, veil)| *veil == c) {
            html.push_str(name);
        } else if c == LATIN_VEIL {
            if let Some(letter) = chars.next() {
                html.extend(char::from_u32(u32::from(letter) - u32::from('@') + 0xa1));
            }
        } else {
            html.push(c);
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::RelPath;
    use tokens::tokens;

    fn sanitized(html: &str) -> String {
        let resolver = Resolver::new(&RelPath::new("n/a.html").unwrap());
        let limits = Limits { depth: 100, max_bytes: 1 << 20, math: false };
        sanitize(tokens(html), &resolver, &limits, &mut Findings::default())
            .unwrap()
            .replace('\u{fdd0}', "^")
    }

    /// HTML of known attacks, and of shapes that parsers repair: none of it needs a second round.
    #[test]
    fn the_pass_before_leaves_nothing_to_do() {
        let cases = [
            "<p>a<p>b<table><tr><td>x</table>",
            "<table><caption>c<p>x</caption><tr><td>x",
            "<b><p>a</b>b</p>",
            "<ruby>漢<rp>(<rt>kan<rp>)</ruby>",
            "<dl><div><dt>a<dd>b</div></dl>",
            "<h1>a<b>c<h2>b</h2></b></h1>",
            "<details open><summary>a</summary><p>b</details>",
            "<figure><img src=a.png><figcaption>x</figure>",
            "<video controls><source src=a.mp4><track src=a.vtt>no video</video>",
            "<ul>a<li>b</ul><ol start=3><li>c</ol>",
            "<a href=x><div>a</div></a><a href=y>b</a>",
            "<p><a href=Re:x.md>mail</a> <a href='./Re: x.md'>x</a>",
            "<svg><style><img src=x onerror=alert(1)></style></svg>",
            "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
            "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
            "<pre>\n\n  x</pre>",
            "<p><b><b><b><b><b>x</p><p>y",
        ];
        for html in cases {
            let resolver = Resolver::new(&RelPath::root());
            let rebuilt =
                rebuild(&tokens(html), &resolver, 100, 1 << 20, &mut Findings::default()).unwrap();
            assert_eq!(AMMONIA.clean(&rebuilt).to_string(), rebuilt, "{html}");
        }
    }

    #[test]
    fn elements_are_counted() {
        for (html, count) in [("", 0), ("a &lt; b", 0), ("<p>a<br>b</p>\n<img src=\"&lt;\">", 3)] {
            assert_eq!(elements_of(html), count, "{html}");
        }
        let (many, resolver) = ("<br>".repeat(ELEMENTS_MAX + 1), Resolver::new(&RelPath::root()));
        let limits = Limits { depth: 100, max_bytes: 16 << 20, math: false };
        let refused =
            sanitize(tokens(&many), &resolver, &limits, &mut Findings::default()).unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!("the article has more than {ELEMENTS_MAX} elements of HTML")
        );
    }

    #[test]
    fn veils_are_lifted() {
        let all: String = ('\u{a1}'..='\u{ff}').collect();
        let html = format!("<p title=\"&quot;&amp;&nbsp;{all}\">&lt;&gt;&amp;amp;{all}</p>");
        assert_eq!(unveil(&veil(&html)), html);
        assert_eq!(sanitized(&html), html);
        assert!(!veil(&html).contains(['&', '\u{b7}']));
    }

    #[test]
    fn a_colon_in_a_file_name_is_no_scheme() {
        assert_eq!(sanitized("<a href='./Re: x.md'>x</a>"), "<a href=\"^n//Re: x.md^\">x</a>");
    }
}
