//! Formulas: a mark for each, in place of which MathML is written when nothing else is to be done.

use pulldown_cmark::{CodeBlockKind, Event, Tag, TagEnd};

use crate::article::markdown::formulas::{Source, push_mark};

use super::Writer;

impl Writer<'_, '_> {
    /// Writes the mark of a formula.
    pub(crate) fn formula(&mut self, tex: &str, is_block: bool) {
        if let Some(heading) = &mut self.heading
            && !heading.hidden.is_open()
        {
            heading.text.push_str(tex);
        }
        let number = self.formulas.len();
        self.formulas.push(Source::new(tex, is_block));
        // The sanitiser knows a mark in a comment, and removes one in a text.
        if self.settings.raw {
            self.out.push_str("<!--");
        }
        push_mark(&mut self.out, number);
        if self.settings.raw {
            self.out.push_str("-->");
        }
    }

    /// Gathers a code block of the language `math`, which is a formula of its own.
    pub(crate) fn is_of_math_block(&mut self, event: &Event<'_>) -> bool {
        match (event, &mut self.math_block) {
            (Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))), _)
                if self.settings.math && info.trim() == "math" =>
            {
                self.math_block = Some(String::new());
                true
            }
            (Event::Text(text), Some(tex)) => {
                tex.push_str(text);
                true
            }
            (Event::End(TagEnd::CodeBlock), Some(tex)) => {
                let tex = std::mem::take(tex);
                self.math_block = None;
                self.open("p", "");
                self.formula(tex.trim(), true);
                self.close_block();
                true
            }
            _ => false,
        }
    }
}
