//! The outline of a text before it is rendered: a title and an opening.

use std::borrow::Cow;
use std::iter;

use memchr::memchr_iter;
use pulldown_cmark::{Event, HeadingLevel, Tag, TagEnd};

use crate::article::feed_html::elements::{Fate, Role, fate, role};
use crate::article::feed_html::{finished, has_word, repair_char, repair_source};
use crate::article::findings::Findings;
use crate::article::foreign;
use crate::article::model::{Outline, TitleFrom};
use crate::article::sanitize::dropped::{Dropped, is_hidden};
use crate::article::sanitize::tokens::{Token, tokens_of_part};
use crate::base::text::all;

use super::callouts::events;
use super::comments;
use super::converted;
use super::definitions::defined;
use super::flanks::{flanked, without_joints};
use super::writer::without_comments;

/// Bytes of a text that are enough for a title and an opening.
const GLANCE_BYTES: usize = 4096;

/// Characters that an opening may have.
const OPENING_CHARS: usize = 400;

/// Reads what the text shows before it is rendered: the first heading if it is the first block,
/// else the first heading of level 1. Reads the whole text only where its beginning does not tell.
pub(crate) fn outline(text: &str) -> Outline {
    let text = legal_text(text);
    let mut glance = glance(&text);
    // The end of a comment may stand anywhere.
    if comments::may_stand_in(&text) || foreign::may_hide_beyond(glance) {
        glance = &text;
    }
    let mut seen = survey(glance);
    let is_partial = glance.len() < text.len();
    if is_partial && (!seen.has_words || seen.title.is_none() && may_have_title(&text)) {
        seen = survey(&text);
    }
    Outline {
        title: seen.title.map(|title| (finished(title), TitleFrom::Heading)),
        opening: finished(seen.opening),
        has_words: seen.has_words,
        meta: Vec::new(),
    }
}

fn legal_text(text: &str) -> Cow<'_, str> {
    if all(text, |c| repair_char(c) == Some(c)) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(repair_source(text))
    }
}

/// The beginning of a text, up to a blank line.
fn glance(text: &str) -> &str {
    let from = text.floor_char_boundary(GLANCE_BYTES);
    text[from..].find("\n\n").map_or(text, |at| &text[..from + at + 1])
}

/// Whether there may be a heading of level 1. Looks at lines, because parsing costs more.
fn may_have_title(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut starts = iter::once(0).chain(memchr_iter(b'\n', bytes).map(|end| end + 1));
    starts.any(|start| {
        let first = bytes[start..].iter().find(|byte| !matches!(byte, b' ' | b'\t'));
        // Most lines are told by their first byte. Others may begin with a space of Unicode.
        match first {
            Some(b'#' | b'=' | b'\x0b'..=b'\r' | 0x80..) => is_of_title(line_at(text, start)),
            _ => false,
        }
    })
}

/// The line that begins at `start`.
fn line_at(text: &str, start: usize) -> &str {
    text[start..].split('\n').next().unwrap_or_default()
}

/// Whether the line may be one of a heading of level 1, in either syntax.
fn is_of_title(line: &str) -> bool {
    let line = line.trim();
    line.starts_with("# ")
        || line.starts_with("#\t")
        || !line.is_empty() && line.bytes().all(|byte| byte == b'=')
}

#[derive(Default)]
struct Survey {
    title: Option<String>,
    opening: String,
    has_words: bool,
}

fn survey(text: &str) -> Survey {
    let text = converted(text, 100, &mut Findings::default());
    let text = flanked(&text);
    let text = defined(&text);
    let wants_title = may_have_title(&text);
    let mut surveyor = Surveyor::default();
    for event in events(&text, false) {
        surveyor.event(&event);
        let seen = &surveyor.seen;
        let title_is_known =
            seen.title.is_some() || surveyor.seen_block && !surveyor.in_heading && !wants_title;
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
    /// The block of HTML that is being read.
    html: String,
    dropped: Dropped,
}

impl Surveyor {
    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) | Event::Code(text) => self.text(text),
            Event::SoftBreak | Event::HardBreak => self.text(" "),
            // A block of HTML comes line by line, and a tag may take several.
            Event::Html(html) => self.html.push_str(html),
            Event::InlineHtml(html) => self.html(html),
            Event::Rule => self.seen_block = true,
            _ => {}
        }
    }

    fn start(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::Heading { level, .. } => {
                self.in_heading = true;
                self.in_title = self.seen.title.is_none()
                    && self.depth == 0
                    && (!self.seen_block || *level == HeadingLevel::H1);
                self.heading.clear();
            }
            Tag::CodeBlock(_) => self.in_code = true,
            Tag::Image { .. } => {
                self.images += 1;
                self.seen.has_words |= !self.dropped.is_open();
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
            TagEnd::HtmlBlock => {
                let html = std::mem::take(&mut self.html);
                self.html(&html);
            }
            TagEnd::Image => self.images -= 1,
            TagEnd::Paragraph
            | TagEnd::Item
            | TagEnd::TableCell
            | TagEnd::DefinitionListTitle
            | TagEnd::DefinitionListDefinition => {
                self.opening_is_done |= !self.seen.opening.trim().is_empty();
            }
            _ => {}
        }
    }

    /// Follows raw HTML: what it hides, and where it separates words.
    fn html(&mut self, html: &str) {
        if without_comments(html).is_some() {
            return;
        }
        self.seen_block = true;
        for token in tokens_of_part(html) {
            if self.dropped.covers(&token) {
                continue;
            }
            match &token {
                Token::Start(name, attributes) => {
                    // A button may be the name of a component in a sentence; see the sanitiser.
                    let is_dropped = matches!(fate(name), Fate::Drop(_)) && name != "button";
                    if is_dropped || is_hidden(attributes) {
                        self.dropped.begin(name);
                    } else {
                        // A picture counts as a word; so does what only a browser would show.
                        self.seen.has_words |= matches!(
                            name.as_str(),
                            "img" | "video" | "audio" | "iframe" | "picture"
                        );
                        self.gap(name);
                    }
                }
                Token::End(name) => self.gap(name),
                Token::Text(text) => self.seen.has_words |= has_word(text),
                Token::Comment(_) | Token::Doctype => {}
            }
        }
    }

    /// Separates the words before a tag of this name from those behind it, where a page would.
    fn gap(&mut self, name: &str) {
        if name == "br" || matches!(role(name), Some(Role::Block | Role::Table)) {
            self.text(" ");
        }
    }

    fn text(&mut self, text: &str) {
        if self.dropped.is_open() {
            return;
        }
        let text = &*without_joints(text);
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_title_is_looked_for_as_line_by_line(text in "[#=a \\t\\r\\n\u{b}\u{a0}\u{2003}]{0,30}") {
            prop_assert_eq!(may_have_title(&text), text.lines().any(is_of_title));
        }
    }
}
