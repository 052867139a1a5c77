//! The converted text, line by line: what its last lines are decides what a tag gives way to.
//!
//! A line that held nothing but tags becomes blank between paragraphs. In a table, in a list and in
//! a block of HTML it leaves as a whole, because a blank line would end them.

use super::{LINE_MAX_BYTES, attribute_list};

/// Lines of a list that kramdown's `{:toc}` replaces.
const TOC_MAX_LINES: usize = 20;

/// The kind of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Kind {
    #[default]
    Blank,
    Text,
    /// A row of a table.
    Row,
    Item,
    /// A line of a block of HTML, which ends with a blank line (CommonMark, 4.6).
    Html,
}

/// The converted text.
pub(super) struct Lines {
    out: String,
    /// The place where the last line begins.
    start: usize,
    /// The kind of the line before it.
    before: Kind,
    /// Set where the last line lost a tag.
    has_lost: bool,
    /// Set where the line before it lost a tag, and held nothing else.
    follows_lost: bool,
    /// Set where the last line has a picture that a tag gave way to, in a block of HTML.
    has_figure: bool,
}

impl Lines {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self {
            out: String::with_capacity(bytes),
            start: 0,
            before: Kind::default(),
            has_lost: false,
            follows_lost: false,
            has_figure: false,
        }
    }

    pub(super) fn finish(mut self) -> String {
        self.clear_heading();
        self.out
    }

    /// Adds what has nothing of a tag in it.
    pub(super) fn push(&mut self, text: &str) {
        self.out.push_str(text);
        if let Some(line_end) = text.rfind('\n') {
            self.start = self.out.len() - text.len() + line_end + 1;
            self.before = Kind::Text;
            self.has_lost = false;
            self.follows_lost = false;
            self.has_figure = false;
        }
    }

    /// Adds what stands for a tag; blank lines within it end what was before.
    pub(super) fn push_counterpart(&mut self, text: &str) {
        if text.is_empty() {
            self.lose();
        }
        self.has_figure |= text.starts_with("<figure>");
        let mut lines = text.split('\n').peekable();
        while let Some(line) = lines.next() {
            self.out.push_str(line);
            if lines.peek().is_some() {
                self.end_line();
            }
        }
    }

    /// A tag was left out here.
    pub(super) fn lose(&mut self) {
        self.has_lost = true;
    }

    /// Ends the last line.
    pub(super) fn end_line(&mut self) {
        self.clear_heading();
        let kind = self.kind_of_last();
        let goes_on = matches!(self.before, Kind::Row | Kind::Item | Kind::Html);
        if kind == Kind::Blank && self.has_lost && goes_on {
            self.out.truncate(self.start);
        } else {
            self.out.push('\n');
            if self.has_figure && self.before != Kind::Html {
                // What follows is none of the picture's block of HTML.
                self.out.push('\n');
                self.before = Kind::Blank;
            } else {
                self.before = kind;
            }
        }
        self.follows_lost = kind == Kind::Blank && self.has_lost;
        self.start = self.out.len();
        self.has_lost = false;
        self.has_figure = false;
    }

    /// Empties the last line if it made a heading of a tag that was left out: `# {{ page.title }}`,
    /// or a bar beneath it. The bar would be text, and the heading an empty one.
    fn clear_heading(&mut self) {
        let bare = self.last_bare();
        let consists_of = |sign| !bare.trim().is_empty() && bare.trim().bytes().all(|b| b == sign);
        let is_bar = self.follows_lost && consists_of(b'=');
        if is_bar || self.has_lost && consists_of(b'#') {
            self.out.truncate(self.out.len() - bare.len());
            self.has_lost = true;
        }
    }

    /// Whether the last line is of a block of HTML.
    pub(super) fn is_html(&self) -> bool {
        self.before == Kind::Html || begins_html(self.last_bare())
    }

    /// Leaves a list of attributes out, but for the id that it gives a heading and the size that it
    /// gives a picture. `is_last`: nothing
    /// follows on its line.
    pub(super) fn attributes(&mut self, list: &str, is_last: bool) {
        let is_alone = is_last && self.last_bare().trim().is_empty();
        let name = list.trim_start_matches(':').trim();
        if is_alone && matches!(name.split([' ', '.']).next(), Some("toc")) {
            self.leave_list();
        }
        if let Some(id) = attribute_list::id_of(list) {
            if is_alone {
                self.give_heading(id);
            } else if is_last && self.last_bare().starts_with('#') {
                self.out.push_str(&format!("{{#{id}}}"));
                return;
            }
        }
        if let Some(size) = attribute_list::size_of(list) {
            self.give_picture(&size);
        }
        self.lose();
    }

    /// Gives the picture with which the last line ends a size, in the form of Obsidian:
    /// `![a cat\|300](cat.png)`.
    fn give_picture(&mut self, size: &str) {
        let line = &self.out[self.start..];
        let Some(alt_end) = line.rfind("](").filter(|_| line.ends_with(')')) else { return };
        let Some(begin) = line[..alt_end].rfind("![") else { return };
        let alt = &line[begin + "![".len()..alt_end];
        // With a bracket between them, both are of two links.
        if !alt.contains(['[', ']']) {
            self.out.insert_str(self.start + alt_end, &format!("\\|{size}"));
        }
    }

    /// Takes the list that ends with the line before the last one out.
    fn leave_list(&mut self) {
        let mut start = self.start;
        for _ in 0..TOC_MAX_LINES {
            let before = &self.out[..start];
            let line = before.strip_suffix('\n').unwrap_or(before);
            let line_start = line.rfind('\n').map_or(0, |at| at + 1);
            if start == 0 || line[line_start..].trim().is_empty() {
                break;
            }
            start = line_start;
        }
        if is_item(self.out[start..self.start].trim_start()) {
            self.out.truncate(start);
            self.start = start;
            self.before = Kind::Blank;
        }
    }

    /// Gives the heading in the lines before an id.
    fn give_heading(&mut self, id: &str) {
        let Some(before) = self.out[..self.start].strip_suffix('\n') else { return };
        let mut end = before.len();
        let mut line = &before[before.rfind('\n').map_or(0, |at| at + 1)..];
        let bar = line.trim();
        let is_underline = !bar.is_empty()
            && (bar.bytes().all(|byte| byte == b'=') || bar.bytes().all(|byte| byte == b'-'));
        if is_underline {
            let Some(text) = before[..before.len() - line.len()].strip_suffix('\n') else { return };
            end = text.len();
            line = &text[text.rfind('\n').map_or(0, |at| at + 1)..];
        } else if !line.trim_start().starts_with('#') {
            return;
        }
        if line.trim().is_empty() || line.trim_end().ends_with('}') {
            return;
        }
        let attribute = format!(" {{#{id}}}");
        self.out.insert_str(end, &attribute);
        self.start += attribute.len();
    }

    /// Whether this is within the destination of a link (CommonMark, 6.3), a link reference
    /// definition, or the value of an attribute.
    pub(super) fn is_in_address(&self) -> bool {
        let near = self.out.len().saturating_sub(LINE_MAX_BYTES);
        let line = &self.out[self.out.ceil_char_boundary(near).max(self.start)..];
        if let Some((_, destination)) = line.rsplit_once("](") {
            let destination = destination.trim_start();
            let is_open = match destination.strip_prefix('<') {
                Some(bracketed) => !bracketed.contains('>'),
                None => !destination.contains(char::is_whitespace) && !is_closed(destination),
            };
            if is_open {
                return true;
            }
        }
        if is_in_autolink(line) {
            return true;
        }
        if let Some((label, destination)) = line.rsplit_once("]:") {
            let is_definition = label.trim_start().starts_with('[') && !label.contains("](");
            if is_definition && !destination.trim_start().contains(char::is_whitespace) {
                return true;
            }
        }
        let Some((name, value)) = line.rsplit_once('=') else { return false };
        let is_name = name.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '-');
        is_name
            && match value.chars().next() {
                None => name.contains('<'),
                Some(quote @ ('"' | '\'')) => value.matches(quote).count() == 1,
                Some(_) => name.contains('<') && !value.contains([' ', '>']),
            }
    }

    fn last_bare(&self) -> &str {
        self.out[self.start..].trim_start_matches([' ', '\t', '>'])
    }

    fn kind_of_last(&self) -> Kind {
        let bare = self.last_bare().trim_end();
        if bare.is_empty() {
            Kind::Blank
        } else if self.before == Kind::Html || begins_html(bare) {
            Kind::Html
        } else if bare.contains('|') {
            Kind::Row
        } else if is_item(bare) || self.before == Kind::Item {
            Kind::Item
        } else {
            Kind::Text
        }
    }
}

/// Whether the parenthesis before a link's destination is closed in it (CommonMark, 6.3).
fn is_closed(destination: &str) -> bool {
    let mut depth = 0_usize;
    for c in destination.chars() {
        match c {
            '(' => depth += 1,
            ')' if depth == 0 => return true,
            ')' => depth -= 1,
            _ => {}
        }
    }
    false
}

/// Whether a line ends within `<https://…>`.
fn is_in_autolink(line: &str) -> bool {
    let Some((_, address)) = line.rsplit_once('<') else { return false };
    let is_web = address.starts_with("http://") || address.starts_with("https://");
    is_web && !address.contains(|c: char| c == '>' || c.is_whitespace())
}

/// Whether a line begins a block of HTML, as far as an autolink is none.
fn begins_html(bare: &str) -> bool {
    let Some(rest) = bare.strip_prefix('<') else { return false };
    let name = rest.strip_prefix('/').unwrap_or(rest);
    let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(name.len());
    end > 0 && !name[end..].starts_with([':', '@', '.', '+'])
}

fn is_item(bare: &str) -> bool {
    let unnumbered = bare.trim_start_matches(|c: char| c.is_ascii_digit());
    let markers: &[char] =
        if unnumbered.len() < bare.len() { &['.', ')'] } else { &['-', '*', '+'] };
    unnumbered.strip_prefix(markers).is_some_and(|rest| rest.starts_with([' ', '\t']))
}
