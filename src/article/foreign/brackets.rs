//! What begins with a bracket: shortcodes of WordPress, wiki links, places for a table of contents,
//! and bracketed spans. The files beside this one read them.

use crate::article::findings::Findings;
use crate::base::Diagnostic;

use super::reach::within;
use super::{Converter, LINE_MAX_BYTES, TAG_MAX_BYTES, first_line, shortcode, spans, wiki_link};

impl Converter<'_> {
    /// Converts or removes the shortcode that begins here. Returns false where none does.
    pub(super) fn shortcode(&mut self, findings: &mut Findings) -> bool {
        let near = within(self.rest(), TAG_MAX_BYTES);
        let is_first = self.before().trim().is_empty();
        let Some(shortcode) = shortcode::read(near, is_first) else { return false };
        if let Some(counterpart) = shortcode.counterpart {
            self.converted(shortcode.name, &counterpart, shortcode.len, findings);
            return true;
        }
        let message = format!("the template tag `{}` was removed", shortcode.name);
        self.report(Diagnostic::warning("template-tag", message), findings);
        self.out.lose();
        self.skip(shortcode.len);
        true
    }

    /// Converts the wiki link that begins here. Returns false where none does.
    pub(super) fn wiki_link(&mut self) -> bool {
        let rest = self.rest();
        if !rest.starts_with(['[', '$']) && !rest.starts_with("![[") {
            return false;
        }
        if let Some(len) = table_of_contents(rest)
            && self.before().trim().is_empty()
        {
            self.out.lose();
            self.skip(len);
            return true;
        }
        if !rest.starts_with("[[") && !rest.starts_with("![[") {
            return false;
        }
        let labels = self.labels.get_or_insert_with(|| wiki_link::labels(self.text));
        let Some((len, link)) = wiki_link::read(rest, labels) else { return false };
        self.out.push(&link);
        self.skip(len);
        true
    }

    /// Leaves out the bracket that begins a span here. Returns false where none does.
    pub(super) fn span_begin(&mut self) -> bool {
        let rest = self.rest();
        if !rest.starts_with('[') {
            return false;
        }
        let before = self.before().chars().next_back();
        let labels = self.labels.get_or_insert_with(|| wiki_link::labels(self.text));
        let Some((inner_len, list_len)) = spans::read(rest, before, labels) else { return false };
        // Without its bracket, the text would begin a block here, and no longer be a span's.
        let is_first = !self.before().contains(char::is_alphanumeric);
        if is_first && begins_block(&rest[1..]) {
            return false;
        }
        self.span_ends.push((self.at + 1 + inner_len, 1 + list_len));
        if inner_len == 0 {
            self.out.lose();
        }
        self.skip(1);
        true
    }

    /// Leaves out the end of the innermost span, if it is here. Returns false where it is not.
    pub(super) fn span_end(&mut self) -> bool {
        // A tag may have taken the end of a span with it.
        while self.span_ends.last().is_some_and(|(end, _)| *end < self.at) {
            self.span_ends.pop();
        }
        match self.span_ends.last() {
            Some((end, len)) if *end == self.at => {
                let len = *len;
                self.span_ends.pop();
                self.skip(len);
                true
            }
            _ => false,
        }
    }
}

/// Whether a line that begins so may be a list, a quotation, a heading, a rule, a fence, a table, a
/// task or the label of a callout.
fn begins_block(line: &str) -> bool {
    let mut chars = line.chars();
    let Some(first) = chars.next() else { return false };
    let next = chars.next();
    match first {
        '#' | '>' | '=' | '~' | '|' | ':' => true,
        // `- item` and `---`, but not `**bold**`.
        '-' | '+' | '*' | '_' => {
            let is_rule = ["---", "***", "___"].iter().any(|rule| line.starts_with(rule));
            is_rule || next.is_none_or(char::is_whitespace)
        }
        '`' => line.starts_with("```"),
        '!' => next.is_some_and(char::is_alphabetic),
        _ => first.is_whitespace() || first.is_ascii_digit(),
    }
}

/// The length of `[TOC]`, `[[toc]]`, `[[_TOC_]]` or `${toc}`, alone on its line from here: a place
/// for a table of contents, which a feed has none of.
fn table_of_contents(rest: &str) -> Option<usize> {
    let line = first_line(within(rest, LINE_MAX_BYTES)).trim_end();
    let is_mark = ["[toc]", "[[toc]]", "[[_toc_]]", "${toc}"]
        .iter()
        .any(|mark| line.eq_ignore_ascii_case(mark));
    if is_mark { Some(line.len()) } else { None }
}
