//! Markdown: CommonMark with tables, strikethrough, task lists, footnotes, ids of headings, alerts and wiki links.

use std::borrow::Cow;

use pulldown_cmark::{Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd};

use crate::base::Diagnostic;

use super::body::Rendering;
use super::canonical::{clean, legal};
use super::findings::Findings;
use super::nesting::flatten;
use super::sanitize::{depth, sanitize, too_large};
use super::tokens::tokens;
use super::writer::{Settings, Stop, without_comments, write};
use super::{Outline, TitleFrom, templates};

/// How much of a text is enough for a title and an opening, in bytes.
const GLANCE_BYTES: usize = 4096;

/// How many characters an opening has at most.
const OPENING_CHARS: usize = 400;

/// What the text shows before it is rendered: the first heading if it is the first block, else the first heading of
/// level 1. Reads the whole text only where its beginning does not tell.
pub fn outline(text: &str) -> Outline {
    let text = legal_text(text);
    let glance = glance(&text);
    let mut seen = survey(glance);
    let is_partial = glance.len() < text.len();
    if is_partial && (!seen.has_words || seen.title.is_none() && may_have_title(&text)) {
        seen = survey(&text);
    }
    Outline {
        title: seen.title.map(|title| (title, TitleFrom::Heading)),
        opening: seen.opening,
        has_words: seen.has_words,
        meta: Vec::new(),
    }
}

/// The HTML of an article's text, with marks for references and the summary's end.
pub(super) fn render(text: &str, rendering: &Rendering<'_>, findings: &mut Findings) -> Result<String, Diagnostic> {
    let text = templates::convert(text, templates::Host::Markdown, findings);
    let text = flatten(&text, depth(rendering.limits));
    let written = write(parse(&text), settings(rendering, false), findings);
    match written {
        Ok(html) => Ok(html),
        Err(Stop::TooLarge) => Err(too_large(rendering.limits)),
        Err(Stop::Raw) => sanitized(&text, rendering, findings),
    }
}

/// The HTML of text that holds raw HTML.
fn sanitized(text: &str, rendering: &Rendering<'_>, findings: &mut Findings) -> Result<String, Diagnostic> {
    // What is written here is read once more, so what the first reading found is not lost.
    let raw = write(parse(text), settings(rendering, true), &mut Findings::default());
    let raw = raw.map_err(|_| too_large(rendering.limits))?;
    sanitize(&tokens(&raw), &rendering.resolver, rendering.limits, findings)
}

fn settings<'a>(rendering: &'a Rendering<'_>, raw: bool) -> Settings<'a> {
    Settings {
        resolver: &rendering.resolver,
        depth_max: depth(rendering.limits),
        max_bytes: rendering.limits.max_bytes,
        prefix: &rendering.prefix,
        without_title: rendering.head.title_from == TitleFrom::Heading,
        raw,
    }
}

fn parse(text: &str) -> Parser<'_> {
    Parser::new_ext(
        text,
        Options::ENABLE_TABLES
            | Options::ENABLE_FOOTNOTES
            | Options::ENABLE_STRIKETHROUGH
            | Options::ENABLE_TASKLISTS
            | Options::ENABLE_HEADING_ATTRIBUTES
            | Options::ENABLE_GFM
            | Options::ENABLE_WIKILINKS,
    )
}

fn legal_text(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| legal(c) == Some(c)) { Cow::Borrowed(text) } else { Cow::Owned(clean(text)) }
}

/// The beginning of a text, up to a blank line.
fn glance(text: &str) -> &str {
    let from = text.floor_char_boundary(GLANCE_BYTES);
    text[from..].find("\n\n").map_or(text, |at| &text[..from + at + 1])
}

/// May a heading of level 1 stand anywhere? Asked of lines, because parsing costs more.
fn may_have_title(text: &str) -> bool {
    text.lines().any(|line| {
        let line = line.trim();
        line.starts_with("# ") || line.starts_with("#\t") || !line.is_empty() && line.bytes().all(|byte| byte == b'=')
    })
}

#[derive(Default)]
struct Survey {
    title: Option<String>,
    opening: String,
    has_words: bool,
}

fn survey(text: &str) -> Survey {
    let text = templates::convert(text, templates::Host::Markdown, &mut Findings::default());
    let text = flatten(&text, 100);
    let wants_title = may_have_title(&text);
    let mut surveyor = Surveyor::default();
    for event in parse(&text) {
        surveyor.event(&event);
        let seen = &surveyor.seen;
        let title_is_known = seen.title.is_some() || surveyor.seen_block && !surveyor.in_heading && !wants_title;
        if title_is_known && seen.has_words && surveyor.opening_is_done {
            break;
        }
    }
    surveyor.seen.opening = surveyor.seen.opening.trim().to_owned();
    surveyor.seen
}

/// Follows events for a title, an opening and a first word.
#[derive(Default)]
struct Surveyor {
    seen: Survey,
    depth: usize,
    seen_block: bool,
    in_heading: bool,
    /// The heading that is being read is the title.
    in_title: bool,
    heading: String,
    in_code: bool,
    images: usize,
    opening_is_done: bool,
}

impl Surveyor {
    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) | Event::Code(text) => self.text(text),
            Event::SoftBreak | Event::HardBreak => self.text(" "),
            Event::Html(html) | Event::InlineHtml(html) if without_comments(html).is_none() => {
                self.seen_block = true;
                // A picture counts as a word; so does what only a browser would show.
                self.seen.has_words |=
                    ["<img", "<video", "<audio", "<iframe", "<picture"].iter().any(|tag| html.contains(tag));
                self.seen.has_words |=
                    html.split('<').any(|piece| piece.split_once('>').is_some_and(|(_, text)| has_word(text)));
            }
            Event::Rule => self.seen_block = true,
            _ => {}
        }
    }

    fn start(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::Heading { level, .. } => {
                self.in_heading = true;
                self.in_title =
                    self.seen.title.is_none() && self.depth == 0 && (!self.seen_block || *level == HeadingLevel::H1);
                self.heading.clear();
            }
            Tag::CodeBlock(_) => self.in_code = true,
            Tag::Image { link_type, .. } => {
                self.images += 1;
                self.seen.has_words |= !matches!(link_type, LinkType::WikiLink { .. }) || self.depth > 0;
            }
            _ => {}
        }
        if !matches!(tag, Tag::HtmlBlock) {
            self.seen_block = true;
        }
        self.depth += 1;
    }

    fn end(&mut self, tag: &TagEnd) {
        self.depth = self.depth.saturating_sub(1);
        match tag {
            TagEnd::Heading(_) => {
                self.in_heading = false;
                if std::mem::take(&mut self.in_title) && has_word(&self.heading) {
                    self.seen.title = Some(self.heading.trim().to_owned());
                }
            }
            TagEnd::CodeBlock => self.in_code = false,
            TagEnd::Image => self.images -= 1,
            TagEnd::Paragraph | TagEnd::Item | TagEnd::TableCell => {
                self.opening_is_done |= !self.seen.opening.trim().is_empty();
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        self.seen.has_words |= has_word(text);
        if self.in_heading {
            if self.images == 0 || self.heading.trim().is_empty() {
                self.heading.push_str(text);
            }
        } else if !self.in_code && self.images == 0 && !self.opening_is_done {
            self.seen.opening.push_str(text);
            if let Some((end, _)) = self.seen.opening.char_indices().nth(OPENING_CHARS) {
                self.seen.opening.truncate(end);
                self.opening_is_done = true;
            }
        }
    }
}

/// Is there anything to read?
pub(super) fn has_word(text: &str) -> bool {
    text.chars().any(|c| !c.is_whitespace() && (c.is_alphanumeric() || !c.is_ascii() && legal(c).is_some()))
}
