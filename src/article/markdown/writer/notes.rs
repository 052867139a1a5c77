//! Footnotes as they are written: their marks in the text, and the notes at its end.

use crate::article::feed_html::push_attribute;
use crate::article::markdown::footnotes::{HELD, Reference};

use super::Writer;

impl Writer<'_, '_> {
    /// A mark of a footnote. Inside of a note it waits for the end, because notes are numbered as
    /// they are read, and a note may stand before the text that refers to it.
    pub(crate) fn footnote(&mut self, label: &str) {
        let is_linked = self.links == 0;
        if self.footnotes.is_inside() {
            let held = self.footnotes.hold(label, is_linked);
            self.out.push_str(&held);
        } else {
            let reference = self.footnotes.refer(label);
            self.write_reference(&reference, is_linked);
        }
    }

    pub(crate) fn write_reference(&mut self, reference: &Reference, is_linked: bool) {
        let (mut id, mut href) = (String::new(), String::new());
        if is_linked {
            push_attribute(&mut id, "id", &reference.id);
            self.push_reference(&mut href, "href", &format!("#{}", reference.target));
        }
        self.open("sup", &id);
        if is_linked {
            self.open("a", &href);
        }
        self.text(&reference.number.to_string());
        if is_linked {
            self.close();
        }
        self.close();
    }

    /// A note's text, with the ways back at the end of its last paragraph.
    pub(crate) fn write_note(&mut self, number: usize, html: &str) {
        let (body, tail) = match html.strip_suffix("</p>\n") {
            Some(body) => (body, "</p>\n"),
            None => (html, ""),
        };
        let mut pieces = body.split(HELD);
        self.out.push_str(pieces.next().unwrap_or_default());
        while let (Some(held), Some(text)) = (pieces.next(), pieces.next()) {
            if let Some((reference, is_linked)) = self.footnotes.release(held) {
                self.write_reference(&reference, is_linked);
            }
            self.out.push_str(text);
        }
        for reference in self.footnotes.back_links(number) {
            let mut href = String::new();
            self.push_reference(&mut href, "href", &format!("#{reference}"));
            self.out.push(' ');
            self.open("a", &href);
            self.text("↩\u{fe0e}");
            self.close();
        }
        self.out.push_str(tail);
    }
}
