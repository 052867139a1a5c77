//! HTML files: whole documents and fragments.
//!
//! Of a document only its `<article>`, else its `<main>`, else its `<body>` is the article; what its head says is
//! metadata. A fragment is the article as it is.

use crate::base::Diagnostic;
use crate::base::text::line;

use super::feed_html::elements::{Role, find};
use super::feed_html::has_word;
use super::findings::Findings;
use super::foreign;
use super::foreign::template_tag::Host;
use super::model::{Outline, TitleFrom};
use super::rendering::Rendering;
use super::sanitize::dropped::without_hidden;
use super::sanitize::sanitize;
use super::sanitize::tokens::{Token, tokens};

/// How many characters an opening has at most.
const OPENING_CHARS: usize = 400;

/// What the text shows before it is rendered, and what a document's head says.
pub(crate) fn outline(text: &str) -> Outline {
    let text = foreign::convert(text, Host::Html, &mut Findings::default());
    let page = Page::of(tokens(&text));
    let title = page.title().map(|title| (title, TitleFrom::Heading));
    let (opening, has_words) = page.opening();
    Outline { title, opening, has_words, meta: page.meta() }
}

/// The HTML of an article's text, with marks for references and the summary's end.
pub(crate) fn render(text: &str, rendering: &Rendering<'_>, findings: &mut Findings) -> Result<String, Diagnostic> {
    let text = foreign::convert(text, Host::Html, findings);
    let mut page = Page::of(tokens(&text));
    let resolver = match page.base() {
        Some(base) => rendering.resolver.clone().with_base(base),
        None => rendering.resolver.clone(),
    };
    let is_titled = rendering.head.title_from == TitleFrom::Heading;
    let heading = page.heading_of_title().filter(|_| is_titled);
    page.tokens.truncate(page.region.end);
    if let Some(heading) = heading {
        page.tokens.drain(heading);
    }
    page.tokens.drain(..page.region.start);
    sanitize(page.tokens, &resolver, rendering.limits, findings)
}

/// The tokens of a file, and which of them are the article.
struct Page {
    tokens: Vec<Token>,
    region: std::ops::Range<usize>,
    is_document: bool,
}

impl Page {
    fn of(tokens: Vec<Token>) -> Self {
        let tokens = without_hidden(tokens);
        let is_document = tokens.iter().take(50).any(|token| match token {
            Token::Doctype => true,
            Token::Start(name, _) => matches!(name.as_str(), "html" | "head" | "body"),
            _ => false,
        });
        let region = if is_document { region(&tokens) } else { 0..tokens.len() };
        Self { tokens, region, is_document }
    }

    fn article(&self) -> &[Token] {
        &self.tokens[self.region.clone()]
    }

    /// `<h1>` where there is exactly one, because sites put their own name into `<title>`; else `<title>`; else the
    /// first `<h1>`.
    fn title(&self) -> Option<String> {
        let headings = self.headings();
        let of = |at: &usize| Some(self.text_of(*at)).filter(|text| has_word(text));
        let only = match headings.as_slice() {
            [only] => of(only),
            _ => None,
        };
        only.or_else(|| self.head_title()).or_else(|| headings.first().and_then(of))
    }

    /// The heading that says the title, as a range of tokens.
    fn heading_of_title(&self) -> Option<std::ops::Range<usize>> {
        let title = line(&self.title()?);
        let headings = self.headings();
        let start = headings.into_iter().find(|at| line(&self.text_of(*at)) == title)?;
        Some(start..self.end_of(start))
    }

    fn headings(&self) -> Vec<usize> {
        self.region.clone().filter(|at| is_start(&self.tokens[*at], "h1")).take(20).collect()
    }

    fn head_title(&self) -> Option<String> {
        let at = self.tokens.iter().position(|token| is_start(token, "title"))?;
        Some(self.text_of(at)).filter(|text| has_word(text))
    }

    /// One past the end tag of the element that starts at `start`.
    fn end_of(&self, start: usize) -> usize {
        end_of(&self.tokens, start).min(self.region.end.max(start))
    }

    /// The text of the element that starts at `start`, white space folded; `alt` texts where there is no other.
    fn text_of(&self, start: usize) -> String {
        let inside = &self.tokens[start + 1..end_of(&self.tokens, start)];
        let text: String =
            inside.iter().map(|token| if let Token::Text(text) = token { text.as_str() } else { " " }).collect();
        let text = line(&text);
        if has_word(&text) {
            return text;
        }
        let alt = inside.iter().find_map(|token| if is_start(token, "img") { attribute(token, "alt") } else { None });
        line(alt.unwrap_or_default())
    }

    fn base(&self) -> Option<&str> {
        let base = self.tokens.iter().find(|token| is_start(token, "base"))?;
        attribute(base, "href").filter(|_| self.is_document)
    }

    /// The first paragraph's text, and whether there is a word or a picture.
    fn opening(&self) -> (String, bool) {
        let mut opening = String::new();
        let (mut done, mut has_words, mut silent) = (false, false, None);
        let mut opening_has_word = false;
        for token in self.article() {
            match token {
                Token::Start(name, _) if silent.is_none() && is_silent(name) => silent = Some(name),
                Token::End(name) if silent == Some(name) => {
                    silent = None;
                    push_gap(&mut opening);
                }
                Token::Text(text) if silent.is_none() => {
                    has_words |= has_word(text);
                    if !done {
                        opening_has_word |= has_word(text);
                        opening.push_str(text);
                    }
                }
                Token::Text(text) => {
                    has_words |= silent.is_some_and(|name| is_heading(name) || name == "pre") && has_word(text)
                }
                Token::Start(name, _) | Token::End(name) => {
                    has_words |= matches!(name.as_str(), "img" | "video" | "audio" | "iframe" | "picture");
                    let is_break = find(name).is_some_and(|element| element.role == Role::Block);
                    done |= is_break && opening_has_word;
                    let is_part = find(name).is_some_and(|element| element.role == Role::Table);
                    if name == "br" || is_break || is_part {
                        push_gap(&mut opening);
                    }
                }
                Token::Comment(_) | Token::Doctype => {}
            }
            if done && has_words {
                break;
            }
        }
        (line(&opening).chars().take(OPENING_CHARS).collect(), has_words)
    }

    /// What the document says of itself, under the names of front matter.
    fn meta(&self) -> Vec<(String, String)> {
        let mut meta = Vec::new();
        let mut add = |key: &str, value: Option<&str>| {
            if let Some(value) = value.map(str::trim).filter(|value| !value.is_empty()) {
                meta.push((key.to_owned(), value.to_owned()));
            }
        };
        for (at, token) in self.tokens.iter().enumerate() {
            let Token::Start(name, _) = token else { continue };
            match name.as_str() {
                "html" => add("lang", attribute(token, "lang").or(attribute(token, "xml:lang"))),
                "meta" => {
                    let name = ["name", "property", "itemprop"].iter().find_map(|key| attribute(token, key));
                    if let Some(key) = name.and_then(key_of) {
                        add(key, attribute(token, "content"));
                    }
                }
                "link" if attribute(token, "rel").is_some_and(|rel| rel.eq_ignore_ascii_case("canonical")) => {
                    add("canonical", attribute(token, "href"));
                }
                "time" if self.is_document && self.region.contains(&at) => add("date", attribute(token, "datetime")),
                _ => {}
            }
        }
        // The first of a kind counts, and a document of thousands of them says nothing.
        meta.truncate(100);
        meta
    }
}

fn push_gap(text: &mut String) {
    if !text.is_empty() && !text.ends_with(' ') {
        text.push(' ');
    }
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
        "description" | "summary" | "og:description" | "dc.description" | "dcterms.description" => "description",
        "tags" | "article:tag" => "tags",
        "category" => "categories",
        "slug" => "slug",
        "lang" | "language" => "lang",
        "expires" => "expires",
        "draft" => "draft",
        _ => return None,
    })
}

/// The article among a document's tokens.
fn region(tokens: &[Token]) -> std::ops::Range<usize> {
    let starts = |name: &'static str| (0..tokens.len()).filter(move |at| is_start(&tokens[*at], name));
    let body = starts("body").next().map_or_else(|| after_head(tokens), |at| at + 1);
    let mut articles = starts("article");
    let only_article = articles.next().filter(|_| articles.next().is_none());
    match only_article.or_else(|| starts("main").next()) {
        Some(start) => start + 1..end_of(tokens, start).saturating_sub(1).max(start + 1),
        None => body..tokens.len(),
    }
}

/// Where the body of a document without a `<body>` tag begins.
fn after_head(tokens: &[Token]) -> usize {
    let is_end = |token: &Token| matches!(token, Token::End(name) if name == "head");
    tokens.iter().position(is_end).map_or(0, |at| at + 1)
}

/// One past the end tag of the element that starts at `start`, nested ones of its name counted; the end of the tokens
/// where there is none.
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
            Token::Start(other, _)
                if is_heading(name)
                    && find(other).is_some_and(|e| e.role == Role::Block)
                    && !matches!(other.as_str(), "div" | "p") =>
            {
                return at;
            }
            _ => {}
        }
    }
    tokens.len()
}

fn is_heading(name: &str) -> bool {
    matches!(name.as_bytes(), [b'h', b'1'..=b'6'])
}

/// Is the text in this element no beginning of an article?
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

fn is_start(token: &Token, wanted: &str) -> bool {
    matches!(token, Token::Start(name, _) if name == wanted)
}

fn attribute<'t>(token: &'t Token, wanted: &str) -> Option<&'t str> {
    let Token::Start(_, attributes) = token else { return None };
    attributes.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(seen("<div hidden>x</div><p>a<i hidden>x</i><br>b<table><tr><td>c"), ("a b".to_owned(), true));
        assert_eq!(seen("<b>a</b><table><tr><td>b<td>c"), ("a".to_owned(), true));
        assert_eq!(seen("<table><tr><td>b<td>c"), ("b c".to_owned(), true));
        assert_eq!(seen("<p hidden>x"), (String::new(), false));
        assert_eq!(seen("<p> </p><!-- x --><script>y</script>"), (String::new(), false));
        assert_eq!(seen("<img src=x>"), (String::new(), true));
        assert_eq!(seen("<h1>A</h1>"), (String::new(), true));
    }

    #[test]
    fn documents_say_what_they_are() {
        let html = "<!doctype html><html lang=de><head><meta name=DATE content=2026-01-02><meta property='article:tag' content=x>\
                    <meta name=keywords content=y><link rel=canonical href=https://e.org/a><meta name=author content=' '><meta name=authors content='A, B'></head>\
                    <body><time datetime=2020-01-01>then</time><article><time datetime=2026-01-03>x</time></article></body>";
        let meta = outline(html).meta;
        let expected = [
            ("lang", "de"),
            ("date", "2026-01-02"),
            ("tags", "x"),
            ("canonical", "https://e.org/a"),
            ("authors", "A, B"),
            ("date", "2026-01-03"),
        ];
        assert_eq!(meta, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
    }
}
