//! An author's own HTML in Markdown, which waits for the sanitiser, and the marks among it.

use crate::article::feed_html::{MORE, is_mark, repair_char};
use crate::article::sanitize::tokens::is_more;
use crate::article::symbol::DRAFT_MARK;

use super::{Stop, Writer};

impl Writer<'_, '_> {
    /// Writes a piece of HTML.
    pub(crate) fn html(&mut self, html: &str) -> Result<(), Stop> {
        let Some(rest) = without_comments(html) else {
            if !self.settings.raw {
                return Err(Stop::Raw);
            }
            self.seen_block = true;
            if let Some(heading) = &mut self.heading {
                heading.follow(html);
            }
            self.out.push_str(&html.replace(|c| repair_char(c).is_none() && c != DRAFT_MARK, ""));
            return Ok(());
        };
        for c in rest.chars() {
            if is_mark(c) {
                self.mark(c);
            } else {
                self.out.push(c);
            }
        }
        Ok(())
    }

    /// Writes a mark; for the sanitiser, as the comment that it reads as one.
    pub(crate) fn mark(&mut self, mark: char) {
        match mark {
            mark if !self.settings.raw => self.out.push(mark),
            MORE => self.out.push_str("<!--more-->"),
            mark => self.out.push_str(&format!("<!--{mark}-->")),
        }
    }
}

/// The white space of a piece of HTML that holds nothing but comments, with the marks that they
/// hold, and [`MORE`] where one of them ends the summary; `None` where there is more in it.
pub(crate) fn without_comments(html: &str) -> Option<String> {
    let mut rest = html;
    let mut space = String::new();
    loop {
        let trimmed = rest.trim_start();
        space.push_str(&rest[..rest.len() - trimmed.len()]);
        if trimmed.is_empty() {
            return Some(space);
        }
        let (comment, after) = trimmed.strip_prefix("<!--")?.split_once("-->")?;
        // What a browser would end earlier than CommonMark does is left to its rules.
        if comment.starts_with(['>', '-']) || comment.contains("--") {
            return None;
        }
        if is_more(comment) {
            space.push(MORE);
        }
        space.extend(comment.chars().filter(|c| is_mark(*c)));
        rest = after;
    }
}
