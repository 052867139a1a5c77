//! Elements that something else replaces: frames, plug-ins and check boxes.

use crate::article::feed_html::elements::{Loss, Role};
use crate::article::feed_html::{ASIDE_END, ASIDE_START, push_text, push_url, repair};
use crate::article::sanitize::attributes::{Given, value_of};
use crate::article::sanitize::frames::watch_url;

use super::{Rebuild, is_heading};

impl Rebuild<'_> {
    /// Writes a link to what a frame or plug-in showed.
    pub(super) fn link(&mut self, given: &Given) {
        // A frame of one pixel counts visitors.
        for side in ["width", "height"] {
            if matches!(value_of(given, side).map(str::trim), Some("0" | "1")) {
                return;
            }
        }
        let mut source = value_of(given, "src").unwrap_or_default().trim();
        if source.is_empty() {
            let Some(lazy) = value_of(given, "data-src") else { return };
            source = lazy.trim();
        }
        let page = watch_url(source);
        let url = match self.attributes.resolver.resolve(&page) {
            Some(url) if !url.starts_with("mailto:") => url,
            _ => return self.findings.refused_url(source),
        };
        let mut label = repair(value_of(given, "title").unwrap_or_default().trim());
        if label.trim().is_empty() {
            label = page.split_once("//").map_or(page.as_str(), |(_, rest)| rest).to_owned();
        }
        let is_block = self.expects_block();
        if is_block {
            self.start("p", &[]);
        }
        self.enter_cell();
        self.end("a");
        self.out.push_str("<a");
        push_url(&mut self.out, "href", &url);
        self.out.push('>');
        self.mark(ASIDE_START);
        push_text(&mut self.out, &label);
        self.mark(ASIDE_END);
        self.out.push_str("</a>");
        if is_block {
            self.end("p");
        }
    }

    /// Whether text here would be outside of paragraphs and headings.
    fn expects_block(&self) -> bool {
        let Some(open) = self.open.last() else { return true };
        let name = open.element.name;
        matches!(open.element.role, Role::Block | Role::Table) && name != "p" && !is_heading(name)
    }

    pub(super) fn input(&mut self, given: &Given) {
        let kind = value_of(given, "type").unwrap_or_default().to_ascii_lowercase();
        match kind.as_str() {
            "checkbox" if value_of(given, "checked").is_some() => self.text("☑"),
            "checkbox" => self.text("☐"),
            "hidden" => {}
            _ => self.report("input", Loss::Visible),
        }
    }
}
