//! The one way by which an author's HTML gets into a body: tokens, [`scrub`](super::scrub), ammonia.
//!
//! Ammonia is the proof: it knows nothing of what was decided before, builds the standard's tree, and lets through what
//! is on the list and nothing else.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use crate::base::Diagnostic;

use super::body::Limits;
use super::elements::{ELEMENTS, GLOBAL};
use super::findings::Findings;
use super::references::Resolver;
use super::scrub::scrub;
use super::tokens::Token;

/// Nothing in a feed is nested deeper, whatever the limits say: readers' own parsers give up soon after.
const DEPTH_MAX: usize = 100;

/// How often HTML is parsed again until it stays as it is.
const ROUNDS_MAX: usize = 3;

static AMMONIA: LazyLock<ammonia::Builder<'static>> = LazyLock::new(|| {
    let mut builder = ammonia::Builder::empty();
    let attributes: HashMap<&str, HashSet<&str>> =
        ELEMENTS.iter().map(|element| (element.name, element.attributes.iter().copied().collect())).collect();
    builder
        .tags(ELEMENTS.iter().map(|element| element.name).collect())
        .clean_content_tags(HashSet::from(["script", "style", "title", "template", "svg", "math"]))
        .generic_attributes(HashSet::from(GLOBAL))
        .tag_attributes(attributes)
        .url_schemes(super::references::SCHEMES.into_iter().collect())
        .url_relative(ammonia::UrlRelative::PassThrough)
        .link_rel(None);
    builder
});

/// The deepest nesting of a rendering.
pub(super) fn depth(limits: &Limits) -> usize {
    limits.depth.clamp(1, DEPTH_MAX)
}

/// Sanitised HTML with [`MARK`](super::canonical::MARK) around symbolic references; an error of the code `too-large`
/// where it outgrows the limit.
pub(super) fn sanitize(
    tokens: &[Token],
    resolver: &Resolver,
    limits: &Limits,
    findings: &mut Findings,
) -> Result<String, Diagnostic> {
    let scrubbed = scrub(tokens, resolver, depth(limits), limits.max_bytes, findings);
    scrubbed.map(prove).ok_or_else(|| too_large(limits))
}

/// The finding for a body that outgrows its limit.
pub(super) fn too_large(limits: &Limits) -> Diagnostic {
    Diagnostic::error("too-large", format!("the rendered article is larger than {} bytes", limits.max_bytes))
}

/// Parses and serialises until nothing changes: HTML that a parser reads as it was written holds no parse error that
/// a reader could resolve differently.
fn prove(mut html: String) -> String {
    for _ in 0..ROUNDS_MAX {
        let proved = AMMONIA.clean(&html).to_string();
        if proved == html {
            break;
        }
        html = proved;
    }
    html
}

#[cfg(test)]
mod tests {
    use super::super::tokens::tokens;
    use super::*;
    use crate::base::RelPath;

    fn sanitized(html: &str) -> String {
        let resolver = Resolver::new(&RelPath::new("n/a.html").unwrap());
        let limits = Limits { depth: 100, max_bytes: 1 << 20 };
        sanitize(&tokens(html), &resolver, &limits, &mut Findings::default()).unwrap().replace('\u{fdd0}', "^")
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
            let scrubbed = scrub(&tokens(html), &resolver, 100, 1 << 20, &mut Findings::default()).unwrap();
            assert_eq!(AMMONIA.clean(&scrubbed).to_string(), scrubbed, "{html}");
        }
    }

    #[test]
    fn a_colon_in_a_file_name_is_no_scheme() {
        assert_eq!(sanitized("<a href='./Re: x.md'>x</a>"), "<a href=\"^n/Re: x.md^\">x</a>");
    }
}
