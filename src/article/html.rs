//! HTML files: whole documents and fragments.
//!
//! Of a document only its `<article>`, else its `<main>`, else its `<body>` is the article, and its
//! head is metadata. An `<article>` in a `<main>` that has text of its own is a comment or a box. A
//! fragment is an article as a whole.

mod region;
mod reviews;

use std::ops::Range;

use crate::base::Diagnostic;
use crate::base::text::line;

use super::feed_html::elements::{Role, find, role};
use super::feed_html::{finished, has_word, repair, repair_source};
use super::findings::Findings;
use super::foreign;
use super::foreign::counterpart::Host;
use super::model::{Outline, TitleFrom};
use super::rendering::Rendering;
use super::sanitize::dropped::without_hidden;
use super::sanitize::tokens::{Token, tokens};
use super::sanitize::{report_unclosed, sanitize};
use super::title;

use region::region;
use reviews::without_reviews;

/// Characters that an opening may have.
const OPENING_CHARS: usize = 400;

/// Headings of level 1 that are looked at.
const HEADINGS_MAX: usize = 20;

/// Tokens among which the first tag of a document is looked for.
const PROLOGUE_TOKENS: usize = 50;

/// Pieces of metadata that are kept. A document of thousands of them says nothing.
const META_MAX: usize = 100;

/// Reads what the text shows before it is rendered, and the metadata of a document.
pub(crate) fn outline(text: &str) -> Outline {
    let text = repair_source(text);
    let text = foreign::convert(&text, Host::Html, &mut Findings::default());
    let page = Page::of(tokens(&text));
    let title = page.title().map(|title| (finished(repair(&title)), TitleFrom::Heading));
    let (opening, has_words) = page.opening();
    let mut meta = page.meta();
    for (_, value) in &mut meta {
        *value = finished(repair(value));
    }
    Outline { title, opening: finished(repair(&opening)), has_words, meta }
}

/// Renders an article's text, with marks for references and the summary's end.
pub(crate) fn render(
    text: &str,
    rendering: &Rendering<'_>,
    findings: &mut Findings,
) -> Result<String, Diagnostic> {
    let converted = foreign::convert(text, Host::Html, findings);
    let mut page = Page::of(tokens(&converted));
    if page.region.end == page.tokens.len() {
        report_unclosed(&converted, text, findings);
    }
    let mut resolver = rendering.resolver.clone();
    if let Some(base) = page.base() {
        resolver = resolver.with_base(base);
    }
    let title = match rendering.head.title_from {
        TitleFrom::Heading => page.heading_of_title(),
        _ => None,
    };
    // From the end to the beginning, so that each range still fits when its turn comes.
    page.tokens.truncate(page.region.end);
    if let Some(title) = title {
        page.tokens.drain(title);
    }
    page.tokens.drain(..page.region.start);
    sanitize(page.tokens, &resolver, rendering.limits, findings)
}

/// The tokens of a file, and the range of them that is the article.
struct Page {
    tokens: Vec<Token>,
    region: Range<usize>,
    is_document: bool,
}

impl Page {
    fn of(tokens: Vec<Token>) -> Self {
        let tokens = without_permalinks(without_reviews(without_hidden(tokens)));
        let is_document = tokens.iter().take(PROLOGUE_TOKENS).any(|token| match token {
            Token::Doctype => true,
            Token::Start(name, _) => matches!(name.as_str(), "html" | "head" | "body"),
            _ => false,
        });
        let region = if is_document { region(&tokens) } else { 0..tokens.len() };
        Self { tokens, region, is_document }
    }

    /// The title: `<h1>` where there is exactly one, because sites put their own name into
    /// `<title>`; else `<title>`; else the first `<h1>`.
    fn title(&self) -> Option<String> {
        let headings = self.headings();
        if let [only] = *headings
            && let Some(title) = self.words_of(only)
        {
            return Some(title);
        }
        if let Some(at) = first_start(&self.tokens, "title")
            && let Some(title) = self.words_of(at)
        {
            return Some(title);
        }
        self.words_of(*headings.first()?)
    }

    /// The range of tokens of the heading that repeats the title.
    fn heading_of_title(&self) -> Option<Range<usize>> {
        let title = line(&self.title()?);
        for start in self.headings() {
            if line(&self.text_of(start)) == title {
                return Some(start..self.end_of(start));
            }
        }
        None
    }

    fn headings(&self) -> Vec<usize> {
        let starts = self.region.clone().filter(|at| is_start(&self.tokens[*at], "h1"));
        starts.take(HEADINGS_MAX).collect()
    }

    /// The end of the element that starts at `start`, one past its end tag, within the article.
    fn end_of(&self, start: usize) -> usize {
        end_of(&self.tokens, start).min(self.region.end.max(start))
    }

    /// The text of the element that starts at `start`, if it has a word.
    fn words_of(&self, start: usize) -> Option<String> {
        let text = self.text_of(start);
        if has_word(&text) { Some(text) } else { None }
    }

    /// The text of the element that starts at `start`, white space folded; the first `alt` where
    /// there is no other.
    fn text_of(&self, start: usize) -> String {
        let end = end_of(&self.tokens, start);
        let inside = &self.tokens[start + 1..end];
        let mut text = String::new();
        let mut at = start + 1;
        while at < end {
            match &self.tokens[at] {
                Token::Text(piece) => text.push_str(piece),
                Token::Start(name, _) if name == "sup" && self.is_note(at) => {
                    at = end_of(&self.tokens, at);
                    continue;
                }
                // Tags separate words: a title may have a `<br>`.
                _ => text.push(' '),
            }
            at += 1;
        }
        let text = line(&text);
        if has_word(&text) {
            return text;
        }
        for token in inside {
            if is_start(token, "img")
                && let Some(alt) = attribute(token, "alt")
            {
                return line(alt);
            }
        }
        String::new()
    }

    /// Whether the `<sup>` at `start` is the mark of a footnote: it holds a link into the page.
    fn is_note(&self, start: usize) -> bool {
        self.tokens[start..end_of(&self.tokens, start)].iter().any(is_link_into_page)
    }

    fn base(&self) -> Option<&str> {
        if !self.is_document {
            return None;
        }
        attribute(&self.tokens[first_start(&self.tokens, "base")?], "href")
    }

    /// The first paragraph's text, and whether there is a word or a picture.
    fn opening(&self) -> (String, bool) {
        let mut reader = OpeningReader::default();
        for token in &self.tokens[self.region.clone()] {
            reader.token(token);
            if reader.is_done && reader.has_words {
                break;
            }
        }
        (line(&reader.opening).chars().take(OPENING_CHARS).collect(), reader.has_words)
    }

    /// The metadata of the document, under the names of front matter.
    fn meta(&self) -> Vec<(String, String)> {
        let mut meta = Vec::new();
        for (at, token) in self.tokens.iter().enumerate() {
            let is_in_article = self.region.contains(&at);
            if let Some((key, value)) = metadata(token, is_in_article)
                && !value.trim().is_empty()
            {
                meta.push((key.to_owned(), value.trim().to_owned()));
            }
        }
        meta.truncate(META_MAX);
        meta
    }
}

/// The tokens without the links of headings to themselves: their signs (`¶`, `#`, U+200B) are for
/// the page that they stood on.
fn without_permalinks(mut tokens: Vec<Token>) -> Vec<Token> {
    let mut links: Vec<Range<usize>> = Vec::new();
    let mut heading_end = 0;
    for at in 0..tokens.len() {
        if matches!(&tokens[at], Token::Start(name, _) if is_heading(name)) {
            heading_end = end_of(&tokens, at);
        }
        if at < heading_end && is_link_into_page(&tokens[at]) {
            let link = at..end_of(&tokens, at).min(heading_end);
            if is_permalink(&tokens[link.clone()]) {
                links.push(link);
            }
        }
    }
    for link in links.into_iter().rev() {
        tokens.drain(link);
    }
    tokens
}

fn is_link_into_page(token: &Token) -> bool {
    is_start(token, "a") && attribute(token, "href").is_some_and(|href| href.starts_with('#'))
}

/// Whether a link is for the heading that it is in: it has the class of Sphinx's or Docusaurus'
/// links, or shows nothing but a sign.
fn is_permalink(link: &[Token]) -> bool {
    let class = attribute(&link[0], "class").unwrap_or_default();
    if class.split_whitespace().any(|class| matches!(class, "headerlink" | "hash-link")) {
        return true;
    }
    let mut text = String::new();
    for token in link {
        match token {
            Token::Text(piece) => text.push_str(piece),
            Token::Start(name, _) if name == "img" => return false,
            _ => {}
        }
    }
    title::is_permalink(&text)
}

/// Follows the tokens of an article for its first paragraph and a first word.
#[derive(Default)]
struct OpeningReader<'t> {
    opening: String,
    opening_has_word: bool,
    is_done: bool,
    has_words: bool,
    /// The open element whose text begins no article.
    silent: Option<&'t str>,
}

impl<'t> OpeningReader<'t> {
    fn token(&mut self, token: &'t Token) {
        match token {
            Token::Text(text) => self.text(text),
            Token::Start(name, _) if self.silent.is_none() && is_silent(name) => {
                self.silent = Some(name);
            }
            Token::End(name) if self.silent == Some(name) => {
                self.silent = None;
                self.push_gap();
            }
            Token::Start(name, _) | Token::End(name) => self.tag(name),
            Token::Comment(_) | Token::Doctype => {}
        }
    }

    fn text(&mut self, text: &str) {
        match self.silent {
            // A heading and code have words, although they open nothing.
            Some(name) => self.has_words |= (is_heading(name) || name == "pre") && has_word(text),
            None => {
                self.has_words |= has_word(text);
                if !self.is_done {
                    self.opening_has_word |= has_word(text);
                    self.opening.push_str(text);
                }
            }
        }
    }

    fn tag(&mut self, name: &str) {
        self.has_words |= matches!(name, "img" | "video" | "audio" | "iframe" | "picture");
        let role = role(name);
        if role == Some(Role::Block) && self.opening_has_word {
            self.is_done = true;
        }
        if name == "br" || matches!(role, Some(Role::Block | Role::Table)) {
            self.push_gap();
        }
    }

    fn push_gap(&mut self) {
        if !self.opening.is_empty() && !self.opening.ends_with(' ') {
            self.opening.push(' ');
        }
    }
}

/// The metadata that a tag holds: the key of front matter, and the value.
fn metadata(token: &Token, is_in_article: bool) -> Option<(&'static str, &str)> {
    let Token::Start(name, _) = token else { return None };
    match name.as_str() {
        "html" => Some(("lang", attribute(token, "lang").or(attribute(token, "xml:lang"))?)),
        "meta" => {
            // Dublin Core and most others use `name`, Open Graph `property`, schema.org `itemprop`.
            let name = attribute(token, "name")
                .or(attribute(token, "property"))
                .or(attribute(token, "itemprop"))?;
            // Pelican reads `contents` as well.
            let value = attribute(token, "content").or(attribute(token, "contents"))?;
            Some((key_of(name)?, value))
        }
        "link" if attribute(token, "rel")?.eq_ignore_ascii_case("canonical") => {
            Some(("canonical", attribute(token, "href")?))
        }
        _ if is_in_article => date_of_microdata(token),
        _ => None,
    }
}

/// The date of a tag that says whose date it is: schema.org's `datePublished`, `pubdate` of HTML's
/// drafts, and `dt-published` of microformats. Any other `<time>` is what the text tells of.
fn date_of_microdata(token: &Token) -> Option<(&'static str, &str)> {
    let date = attribute(token, "datetime").or(attribute(token, "content"))?;
    let has_class = |wanted: &str| {
        attribute(token, "class").is_some_and(|all| all.split_whitespace().any(|one| one == wanted))
    };
    let property = attribute(token, "itemprop").unwrap_or_default();
    if property == "datePublished" || attribute(token, "pubdate").is_some() {
        return Some(("date", date));
    }
    if has_class("dt-published") {
        return Some(("date", date));
    }
    if property == "dateModified" || has_class("dt-updated") {
        return Some(("updated", date));
    }
    None
}

/// The key of front matter that a `<meta>` of this name stands for.
fn key_of(name: &str) -> Option<&'static str> {
    Some(match name.to_ascii_lowercase().as_str() {
        "date"
        | "dc.date"
        | "dc.date.issued"
        | "dc.date.created"
        | "dcterms.date"
        | "dcterms.created"
        | "dcterms.issued"
        | "article:published_time"
        | "pubdate"
        | "publish-date"
        | "publish_date"
        | "datepublished"
        | "created" => "date",
        "modified"
        | "updated"
        | "last-modified"
        | "dcterms.modified"
        | "dc.date.modified"
        | "article:modified_time"
        | "og:updated_time"
        | "datemodified" => "updated",
        "author" | "dc.creator" | "dcterms.creator" => "author",
        // Pelican's, which names several in one.
        "authors" => "authors",
        "description" | "summary" | "og:description" | "dc.description" | "dcterms.description" => {
            "description"
        }
        "tags" | "article:tag" => "tags",
        "category" => "categories",
        "slug" => "slug",
        "lang" | "language" => "lang",
        "expires" => "expires",
        "draft" => "draft",
        // Pelican's, which withholds.
        "status" => "status",
        _ => return None,
    })
}

/// The end of the element that starts at `start`, one past its end tag, nested elements of its name
/// counted; the end of the tokens where it has none.
fn end_of(tokens: &[Token], start: usize) -> usize {
    let Some(Token::Start(name, _)) = tokens.get(start) else { return start };
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(start) {
        match token {
            Token::Start(other, _) if other == name => depth += 1,
            Token::End(other) if other == name => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            // Headings and titles are not nested: the next block ends one that was left open.
            Token::Start(other, _) if is_heading(name) && ends_heading(other) => return at,
            _ => {}
        }
    }
    tokens.len()
}

fn ends_heading(name: &str) -> bool {
    let is_block = find(name).is_some_and(|element| element.role == Role::Block);
    is_block && !matches!(name, "div" | "p")
}

fn is_heading(name: &str) -> bool {
    matches!(name.as_bytes(), [b'h', b'1'..=b'6'])
}

/// Whether the text in this element is not the beginning of an article.
fn is_silent(name: &str) -> bool {
    is_heading(name)
        || matches!(
            name,
            "script"
                | "style"
                | "title"
                | "head"
                | "template"
                | "svg"
                | "math"
                | "nav"
                | "pre"
                | "button"
                | "select"
                | "textarea"
                | "noscript"
                | "iframe"
        )
}

fn first_start(tokens: &[Token], wanted: &str) -> Option<usize> {
    tokens.iter().position(|token| is_start(token, wanted))
}

fn is_start(token: &Token, wanted: &str) -> bool {
    matches!(token, Token::Start(name, _) if name == wanted)
}

fn attribute<'t>(token: &'t Token, wanted: &str) -> Option<&'t str> {
    let Token::Start(_, attributes) = token else { return None };
    let (_, value) = attributes.iter().find(|(name, _)| name == wanted)?;
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::article::testing::rendered;

    #[test]
    fn titles() {
        for (html, expected) in [
            ("<h1>A <em>b</em></h1><p>c", Some("A b")),
            ("<title>A | Site</title><h1>A</h1>", Some("A")),
            ("<title>A</title><h1>B</h1><h1>C</h1>", Some("A")),
            ("<h1>B</h1><h1>C</h1>", Some("B")),
            ("<h2>B</h2>", None),
            ("<h1 hidden>X</h1><h1>A<span hidden>x</span></h1>", Some("A")),
            ("<h1><img src=x alt='A cat'></h1>", Some("A cat")),
            ("<h1>A<p>b</h1>c", Some("A b")),
            ("<h1>A<h2>b</h2>c", Some("A")),
            ("<h1>A<a class=headerlink href=#a>Link</a></h1>", Some("A")),
            ("<h1>A <a href=#a>#</a></h1>", Some("A")),
            ("<h1><a href=#a>¶</a>A</h1>", Some("A")),
            ("<h1>A<a href=#a>&#8203;</a></h1>", Some("A")),
            ("<h1><a href=#a>A</a></h1>", Some("A")),
            ("<h1>C<a href=/x>#</a></h1>", Some("C #")),
            ("<h1>A<sup><a href=#fn1>1</a></sup></h1>", Some("A")),
            ("<h1>E = mc<sup>2</sup></h1>", Some("E = mc 2")),
            ("<html><body><header><h1>Site</h1></header><article><h1>A</h1></article>", Some("A")),
        ] {
            assert_eq!(outline(html).title.map(|(title, _)| title).as_deref(), expected, "{html}");
        }
    }

    #[test]
    fn openings_and_words() {
        let seen = |html: &str| {
            let outline = outline(html);
            (outline.opening, outline.has_words)
        };
        assert_eq!(seen("<h1>A</h1><nav>x</nav><p>b <b>c</b><p>d"), ("b c".to_owned(), true));
        assert_eq!(
            seen("<div hidden>x</div><p>a<i hidden>x</i><br>b<table><tr><td>c"),
            ("a b".to_owned(), true)
        );
        assert_eq!(seen("<b>a</b><table><tr><td>b<td>c"), ("a".to_owned(), true));
        assert_eq!(seen("<table><tr><td>b<td>c"), ("b c".to_owned(), true));
        assert_eq!(seen("<p hidden>x"), (String::new(), false));
        assert_eq!(seen("<p> </p><!-- x --><script>y</script>"), (String::new(), false));
        assert_eq!(seen("<img src=x>"), (String::new(), true));
        assert_eq!(seen("<h1>A</h1>"), (String::new(), true));
    }

    #[test]
    fn summaries() {
        for (html, expected) in [
            ("<h1>T</h1><div>a.</div><div>b</div><blockquote><p>c</p></blockquote>", "a."),
            ("<title>T</title>a b.<br /><br />c<br /><table><tr><td><p>d</p></table>", "a b."),
            ("<div class=lead>a.</div><figure><figcaption><p>b</p></figcaption></figure>c", "a."),
            ("<nav><p>a</p></nav><p>b</p>", "b"),
            ("<noscript><p>a</p></noscript><p>b</p>", "b"),
            ("<noscript>a</noscript>", "a"),
            ("<table><tr><noscript>a</noscript><td>b</table><p>c", "c"),
            ("<iframe src=https://e.org/ title=a></iframe><p>b", "b"),
            ("<iframe src=https://e.org/ title=a></iframe>", "a"),
        ] {
            assert_eq!(rendered("a.html", html, TitleFrom::Heading).summary, expected, "{html}");
        }
    }

    #[test]
    fn the_article_of_a_document() {
        for (html, expected) in [
            ("<html><body>a<article>b</article>c", "b"),
            ("<html><body>a<main>b</main>c", "b"),
            ("<html><body>a<main>b", "b"),
            ("<html><body>a<main>", ""),
            ("<html><body><main><article>b</article><article>c</article></main>", "b c"),
            ("<html><article>a<article class=comment>b</article></article>c", "a b"),
            // Comments are articles, too.
            ("<html><main><p>a</p><section><article class=comment>b</article></section>", "a b"),
            ("<html><main><h1>T</h1><p>a</p><article><h3>b</h3></article></main>", "a b"),
            ("<html><main><h1>T</h1>a<article>b</article><article>c</article></main>", "a b c"),
            ("<html><main><h1>T</h1><article>b</article></main>", "b"),
            ("<html><body>a<article itemprop=comment>b</article>", "a b"),
            ("<html><body><article>a</article><article class='x comment'>b</article>", "a"),
            ("<html><main><article>a</article><h1>T</h1><p>b</p></main>", "a b"),
            // What is around the only article is the page's.
            ("<html><main><h1>Site</h1><article><h1>T</h1>a</article></main>", "a"),
            ("<html><main><nav>x</nav><header><h1>x</h1></header><article>a</article></main>", "a"),
            ("<html><main><article>a</article><h2>Related</h2><p>x</p></main>", "a"),
            ("<html><main><article>a</article></main><aside>x</aside>", "a"),
        ] {
            assert_eq!(shown(html), expected, "{html}");
        }
    }

    #[test]
    fn text_before_a_late_body_stays() {
        for (html, expected) in [
            (
                "<html><head><title>T</title></head>\n<center>a</center>\n<body>b</body></html>",
                "a b",
            ),
            ("<p>a</p><body><p>b", "a b"),
            ("<!doctype html><title>T</title><p>a", "a"),
            ("<!doctype html><title>T</title>a<body>b", "ab"),
            ("<head><meta name=x><script>x</script><noscript>x</noscript></head> <body>a", "a"),
            ("<head><noscript><title>T</title></head><body>a", "a"),
            ("<html><head></head><!-- x --></p><body><p>a</body><p>b", "a b"),
            ("<html><head><p>a</head><body>b", "ab"),
        ] {
            assert_eq!(shown(html), expected, "{html}");
        }
    }

    /// The text of the body of a document whose title is its heading.
    fn shown(html: &str) -> String {
        let body = rendered("a.html", html, TitleFrom::Heading).html;
        let mut text = String::new();
        for token in tokens(&body) {
            text.push_str(if let Token::Text(piece) = &token { piece } else { " " });
        }
        line(&text)
    }

    #[test]
    fn documents_say_what_they_are() {
        let html = "<!doctype html><html lang=de><head><meta name=DATE content=2026-01-02><meta property='article:tag' content=x>\
                    <meta name=keywords content=y><link rel=canonical href=https://e.org/a><meta name=author content=' '><meta name=authors contents='A, B'></head>\
                    <body><time datetime=2020-01-01>then</time><article><time datetime=2097-01-03>x</time>\
                    <time class='u dt-published' datetime=2026-01-04>x</time><time class=dt-updated datetime=2026-01-05>y</time></article></body>";
        let meta = outline(html).meta;
        let expected = [
            ("lang", "de"),
            ("date", "2026-01-02"),
            ("tags", "x"),
            ("canonical", "https://e.org/a"),
            ("authors", "A, B"),
            ("date", "2026-01-04"),
            ("updated", "2026-01-05"),
        ];
        assert_eq!(meta, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
        for (html, date) in [
            ("<p><time datetime=2097-01-01>x</time>", None),
            ("<time pubdate datetime=2026-01-01>x</time>", Some("2026-01-01")),
            ("<span itemprop=datePublished content=2026-01-01>x</span>", Some("2026-01-01")),
            ("<meta itemprop=datePublished content=2026-01-01>", Some("2026-01-01")),
        ] {
            let meta = outline(html).meta;
            assert_eq!(meta.first().map(|(_, value)| value.as_str()), date, "{html}");
        }
    }
}
