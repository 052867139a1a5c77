//! Markdown's events -> HTML in the canonical form.
//!
//! Two ways lead on from here. An article without raw HTML is finished: its URLs are resolved as
//! they are written, and nothing that is written needs a sanitiser. One with raw HTML is written
//! with its URLs as they are, for [`sanitize`](crate::article::sanitize) to read as one text; both
//! give the same bytes wherever both are possible.

mod code;
mod math;
mod notes;
pub(crate) mod pictures;
mod raw;

use std::mem;

use pulldown_cmark::{
    Alignment, BlockQuoteKind, CowStr, Event, HeadingLevel, LinkType, Tag, TagEnd,
};

use crate::article::feed_html::elements::{Fate, fate};
use crate::article::feed_html::heading_ids::Ids;
use crate::article::feed_html::references::Resolver;
use crate::article::feed_html::{ASIDE_END, ASIDE_START, push_attribute, push_text, push_url};
use crate::article::findings::Findings;
use crate::article::sanitize::dropped::{Dropped, is_hidden};
use crate::article::sanitize::tokens::{Token, tokens_of_part};

use super::footnotes::Footnotes;
use super::formulas::Source;

use code::inline_code;
use pictures::Image;
pub(crate) use raw::without_comments;

/// The bounds and addresses of one document.
#[derive(Clone, Copy)]
pub(crate) struct Settings<'a> {
    /// The resolver of links.
    pub(crate) resolver: &'a Resolver,
    /// Elements inside one another.
    pub(crate) depth_max: usize,
    /// Bytes of HTML.
    pub(crate) max_bytes: usize,
    /// A prefix that makes the ids of footnotes unique among articles.
    pub(crate) prefix: &'a str,
    /// A code block of the language `math` is a formula.
    pub(crate) math: bool,
    /// Leave out the heading that is the title.
    pub(crate) without_title: bool,
    /// Keep raw HTML, and URLs as they are, for the sanitiser.
    pub(crate) raw: bool,
}

/// A reason why nothing was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// There is raw HTML, and `raw` was not set.
    Raw,
    /// More than `max_bytes`.
    TooLarge,
}

/// The HTML of a stream of events, with marks in place of formulas, which are added to `formulas`.
pub(crate) fn write<'e>(
    events: impl Iterator<Item = Event<'e>>,
    settings: Settings<'_>,
    formulas: &mut Vec<Source>,
    findings: &mut Findings,
) -> Result<String, Stop> {
    let footnotes = Footnotes::new(settings.prefix);
    let mut writer = Writer {
        settings,
        findings,
        formulas,
        out: String::new(),
        open: Vec::new(),
        depth: 0,
        ids: Ids::default(),
        footnotes,
        title: if settings.without_title { Title::Awaited } else { Title::Past },
        heading: None,
        image: None,
        links: 0,
        table: Table::default(),
        seen_block: false,
        in_indented_code: false,
        math_block: None,
    };
    for event in events {
        writer.event(event)?;
        if writer.out.len() + writer.footnotes.len_bytes() > settings.max_bytes {
            return Err(Stop::TooLarge);
        }
    }
    writer.finish()
}

/// The heading that is the title: the first block, else the first of level 1.
enum Title {
    Awaited,
    /// Being left out.
    Inside(usize),
    Past,
}

/// A heading whose id is known only at its end.
struct Heading {
    /// The end of its start tag in `out`.
    at: usize,
    given: Option<String>,
    text: String,
    /// An element in it that is not shown, and has no part in its id.
    hidden: Dropped,
}

impl Heading {
    /// Follows raw HTML in it.
    fn follow(&mut self, html: &str) {
        for token in tokens_of_part(html) {
            if self.hidden.covers(&token) {
                continue;
            }
            if let Token::Start(name, attributes) = &token
                && (is_hidden(attributes) || matches!(fate(name), Fate::Drop(_)))
            {
                self.hidden.begin(name);
            }
        }
    }
}

#[derive(Default)]
struct Table {
    alignments: Vec<Alignment>,
    column: usize,
    in_head: bool,
    has_body: bool,
}

struct Writer<'a, 'f> {
    settings: Settings<'a>,
    findings: &'f mut Findings,
    /// The formulas so far, which have marks in `out`.
    formulas: &'f mut Vec<Source>,
    out: String,
    /// The open elements; `None` for one that stands too deep to be written.
    open: Vec<Option<&'static str>>,
    /// The number of them that are written.
    depth: usize,
    ids: Ids,
    footnotes: Footnotes,
    title: Title,
    heading: Option<Heading>,
    image: Option<Image>,
    /// Links inside one another: only the outermost is written.
    links: usize,
    table: Table,
    seen_block: bool,
    /// Set at the beginning of indented code.
    in_indented_code: bool,
    /// The formula of the code block that is being read, if it is one.
    math_block: Option<String>,
}

impl Writer<'_, '_> {
    fn event(&mut self, event: Event<'_>) -> Result<(), Stop> {
        if self.is_of_title(&event) || self.is_of_image(&event) || self.is_of_math_block(&event) {
            return Ok(());
        }
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) if mem::take(&mut self.in_indented_code) => {
                self.indented_code(&text);
            }
            Event::Text(text) => self.text(&text),
            Event::Code(code) => {
                self.open("code", "");
                self.text(inline_code(&code));
                self.close();
            }
            Event::Html(html) | Event::InlineHtml(html) => return self.html(&html),
            Event::SoftBreak => self.text("\n"),
            Event::HardBreak => self.out.push_str("<br>\n"),
            Event::Rule => self.out.push_str("<hr>\n"),
            Event::TaskListMarker(done) => self.out.push_str(if done { "☑ " } else { "☐ " }),
            Event::FootnoteReference(label) => self.footnote(&label),
            Event::InlineMath(tex) => self.formula(&tex, false),
            Event::DisplayMath(tex) => self.formula(&tex, true),
        }
        Ok(())
    }

    /// Follows the heading that is the title, and leaves it out.
    fn is_of_title(&mut self, event: &Event<'_>) -> bool {
        match (&mut self.title, event) {
            (Title::Awaited, Event::Start(Tag::Heading { level, .. }))
                if self.open.is_empty()
                    && !self.footnotes.is_inside()
                    && (!self.seen_block || *level == HeadingLevel::H1) =>
            {
                self.title = Title::Inside(1);
                true
            }
            (Title::Awaited, Event::Start(Tag::HtmlBlock) | Event::Html(_) | Event::End(_)) => {
                false
            }
            (Title::Awaited, _) => {
                self.seen_block = true;
                false
            }
            (Title::Inside(depth), event) => {
                match event {
                    Event::Start(_) => *depth += 1,
                    Event::End(_) => *depth -= 1,
                    _ => {}
                }
                if *depth == 0 {
                    self.title = Title::Past;
                }
                true
            }
            (Title::Past, _) => false,
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph => self.open("p", ""),
            Tag::Heading { level, id, .. } => self.start_heading(level, id),
            Tag::BlockQuote(kind) => self.start_quote(kind),
            Tag::CodeBlock(kind) => self.start_code(&kind),
            Tag::List(None) => self.open_block("ul", ""),
            Tag::List(Some(1)) => self.open_block("ol", ""),
            Tag::List(Some(start)) => self.open_block("ol", &format!(" start=\"{start}\"")),
            Tag::Item => self.open("li", ""),
            Tag::DefinitionList => self.open_block("dl", ""),
            Tag::DefinitionListTitle => self.open("dt", ""),
            Tag::DefinitionListDefinition => self.open("dd", ""),
            Tag::FootnoteDefinition(label) => {
                let outer = mem::take(&mut self.out);
                self.footnotes.begin(&label, outer);
            }
            Tag::Table(alignments) => {
                self.open_block("table", "");
                self.table = Table { alignments, ..Table::default() };
            }
            Tag::TableHead => {
                self.open_block("thead", "");
                self.open_block("tr", "");
                self.table.in_head = true;
                self.table.column = 0;
            }
            Tag::TableRow => {
                if !mem::replace(&mut self.table.has_body, true) {
                    self.open_block("tbody", "");
                }
                self.open_block("tr", "");
                self.table.column = 0;
            }
            Tag::TableCell => self.start_cell(),
            Tag::Emphasis => self.open("em", ""),
            Tag::Strong => self.open("strong", ""),
            Tag::Strikethrough => self.open("del", ""),
            Tag::Link { link_type, dest_url, title, .. } => {
                self.start_link(link_type, &dest_url, &title)
            }
            Tag::Image { dest_url, title, .. } => {
                self.image = Some(Image {
                    url: dest_url.to_string(),
                    title: title.to_string(),
                    alt: String::new(),
                    depth: 0,
                });
            }
            // The others are not enabled, or have no element of their own.
            _ => self.open.push(None),
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(_) => self.end_heading(),
            TagEnd::CodeBlock => {
                self.close();
                self.close();
                self.out.push('\n');
            }
            TagEnd::FootnoteDefinition => self.footnotes.end(&mut self.out),
            TagEnd::Table => {
                if self.table.has_body {
                    self.close_block();
                }
                self.close_block();
            }
            TagEnd::TableHead => {
                self.close_block();
                self.close_block();
                self.table.in_head = false;
            }
            TagEnd::Link => {
                self.links -= 1;
                self.close();
            }
            TagEnd::Paragraph
            | TagEnd::BlockQuote(_)
            | TagEnd::List(_)
            | TagEnd::Item
            | TagEnd::DefinitionList
            | TagEnd::DefinitionListTitle
            | TagEnd::DefinitionListDefinition
            | TagEnd::TableRow
            | TagEnd::TableCell => {
                self.close_block();
            }
            _ => self.close(),
        }
    }

    fn start_heading(&mut self, level: HeadingLevel, id: Option<CowStr<'_>>) {
        const NAMES: [&str; 6] = ["h1", "h2", "h3", "h4", "h5", "h6"];
        self.open(NAMES[level as usize - 1], "");
        let is_written = matches!(self.open.last(), Some(Some(_)));
        self.heading = is_written.then(|| Heading {
            at: self.out.len() - 1,
            given: id.map(|id| id.to_string()),
            text: String::new(),
            hidden: Dropped::default(),
        });
    }

    fn end_heading(&mut self) {
        if let Some(heading) = self.heading.take() {
            let given = heading.given.and_then(|id| self.ids.given(&id));
            let id = given.unwrap_or_else(|| self.ids.of_text(&heading.text));
            let mut attribute = String::new();
            push_attribute(&mut attribute, "id", &id);
            self.out.insert_str(heading.at, &attribute);
        }
        self.close_block();
    }

    /// A quote, with the label of GitHub's alerts as a line of its own.
    fn start_quote(&mut self, kind: Option<BlockQuoteKind>) {
        self.open_block("blockquote", "");
        let label = match kind {
            None => return,
            Some(BlockQuoteKind::Note) => "Note",
            Some(BlockQuoteKind::Tip) => "Tip",
            Some(BlockQuoteKind::Important) => "Important",
            Some(BlockQuoteKind::Warning) => "Warning",
            Some(BlockQuoteKind::Caution) => "Caution",
        };
        self.open("p", "");
        self.mark(ASIDE_START);
        self.open("strong", "");
        self.text(label);
        self.close();
        self.mark(ASIDE_END);
        self.close_block();
    }

    fn start_cell(&mut self) {
        let name = if self.table.in_head { "th" } else { "td" };
        let alignment = match self.table.alignments.get(self.table.column) {
            Some(Alignment::Left) => " align=\"left\"",
            Some(Alignment::Center) => " align=\"center\"",
            Some(Alignment::Right) => " align=\"right\"",
            Some(Alignment::None) | None => "",
        };
        self.table.column += 1;
        self.open(name, alignment);
    }

    fn start_link(&mut self, kind: LinkType, url: &str, title: &str) {
        self.links += 1;
        let url = match kind {
            LinkType::Email => format!("mailto:{url}"),
            _ => url.to_owned(),
        };
        if self.links > 1 {
            self.open.push(None);
            return;
        }
        let mut attributes = String::new();
        if !self.push_reference(&mut attributes, "href", &url) {
            // A link that leads nowhere is its text.
            self.open.push(None);
            return;
        }
        if !title.is_empty() {
            push_attribute(&mut attributes, "title", title);
        }
        self.open("a", &attributes);
    }

    fn text(&mut self, text: &str) {
        if let Some(heading) = &mut self.heading
            && !heading.hidden.is_open()
        {
            heading.text.push_str(text);
        }
        push_text(&mut self.out, text);
    }

    /// Writes a URL; false where it may not stand in a feed.
    fn push_reference(&mut self, out: &mut String, name: &str, url: &str) -> bool {
        if self.settings.raw {
            push_url(out, name, url);
            return true;
        }
        let resolved = self.settings.resolver.resolve(url);
        match &resolved {
            Some(resolved) => push_url(out, name, resolved),
            None => self.findings.refused_url(url),
        }
        resolved.is_some()
    }

    fn open(&mut self, name: &'static str, attributes: &str) {
        let levels = if name == "table" { 4 } else { 1 };
        let is_part = matches!(name, "thead" | "tbody" | "tr" | "th" | "td");
        let is_outside = is_part && !self.open.contains(&Some("table"));
        if (self.depth + levels > self.settings.depth_max && !is_part) || is_outside {
            self.open.push(None);
            return;
        }
        self.out.push('<');
        self.out.push_str(name);
        self.out.push_str(attributes);
        self.out.push('>');
        self.open.push(Some(name));
        self.depth += 1;
    }

    fn open_block(&mut self, name: &'static str, attributes: &str) {
        self.open(name, attributes);
        self.out.push('\n');
    }

    fn close(&mut self) {
        if let Some(Some(name)) = self.open.pop() {
            self.depth -= 1;
            self.out.push_str("</");
            self.out.push_str(name);
            self.out.push('>');
        }
    }

    fn close_block(&mut self) {
        self.close();
        self.out.push('\n');
    }

    /// Footnotes stand at the end, in the order in which they were first referred to. Writing one
    /// may refer to another.
    fn finish(mut self) -> Result<String, Stop> {
        let mut number = 1;
        while let Some(note) = self.footnotes.take(number) {
            if number == 1 {
                self.out.push_str("<hr>\n");
                self.open_block("ol", "");
            }
            let mut id = String::new();
            push_attribute(&mut id, "id", &self.footnotes.note_id(number));
            self.open("li", &id);
            self.out.push('\n');
            self.write_note(number, &note);
            self.close_block();
            if self.out.len() > self.settings.max_bytes {
                return Err(Stop::TooLarge);
            }
            number += 1;
        }
        if number > 1 {
            self.close_block();
        }
        if self.out.len() > self.settings.max_bytes { Err(Stop::TooLarge) } else { Ok(self.out) }
    }
}
