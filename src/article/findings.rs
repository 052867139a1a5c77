//! The diagnostics of one rendering: limited in number, with lines of the file.

use std::collections::BTreeMap;

use crate::article::symbol::LOST;
use crate::base::{Diagnostic, Place, Severity, text};

/// The number of findings of one rendering that are reported one by one.
const LIMIT: usize = 64;

/// The findings of a rendering.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// Lines of the file before the text that is rendered.
    lines_before: u32,
    /// The first finding of each kind, and the number of them.
    list: Vec<(Diagnostic, usize)>,
    /// The number of findings beyond those in `list`, and the highest severity among them.
    beyond: Option<(usize, Severity)>,
    /// Elements that were left out, and how often.
    dropped: BTreeMap<&'static str, usize>,
    /// The place of the first of each.
    places: BTreeMap<&'static str, Place>,
}

impl Findings {
    /// No findings yet, for a text that begins on `first_line` of its file, from 1.
    pub(crate) fn from_line(first_line: u32) -> Self {
        Self { lines_before: first_line.saturating_sub(1), ..Self::default() }
    }

    /// Adds a finding, with a line of the rendered text (from 1) if it has one.
    pub(crate) fn add(&mut self, finding: Diagnostic, line: Option<u32>) {
        let finding = match line {
            Some(line) => finding.at(line.saturating_add(self.lines_before), 1),
            None => finding,
        };
        if !self.list.iter().any(|(known, _)| *known == finding) {
            self.push(finding);
        }
    }

    /// Adds a finding on a line of the rendered text. The first of its kind is reported with its
    /// place, and the others are counted. `column` is a function because computing it takes time.
    pub(crate) fn count(&mut self, finding: Diagnostic, line: u32, column: impl FnOnce() -> u32) {
        for (known, count) in &mut self.list {
            if known.code == finding.code && known.message == finding.message {
                *count += 1;
                return;
            }
        }
        let is_kept = self.list.len() < LIMIT;
        let column = if is_kept { column() } else { 1 };
        self.push(finding.at(line.saturating_add(self.lines_before), column));
    }

    fn push(&mut self, finding: Diagnostic) {
        if self.list.len() < LIMIT {
            self.list.push((finding, 1));
            return;
        }
        let (count, gravest) = self.beyond.unwrap_or((0, Severity::Note));
        self.beyond = Some((count + 1, gravest.max(finding.severity)));
    }

    /// Counts a visible element that was left out.
    pub(crate) fn dropped(&mut self, element: &'static str) {
        *self.dropped.entry(element).or_default() += 1;
    }

    /// Adds a URL that was left out because of its scheme or shape.
    pub(crate) fn refused_url(&mut self, url: &str) {
        if url.contains(LOST) {
            // The removed template tag was already reported.
            return;
        }
        let shown = text::line(&text::excerpt(url, 60));
        let message = format!("`{shown}` is not a URL that a feed can have, and was left out");
        self.add(Diagnostic::warning("dropped", message), None);
    }

    /// Finds the places of elements that were left out: their first tag in `text`, the source,
    /// outside of fenced code.
    pub(crate) fn place_dropped(&mut self, text: &str) {
        if self.dropped.is_empty() {
            return;
        }
        let mut in_code = false;
        for (number, line) in text.lines().enumerate() {
            in_code ^= line.trim_start().starts_with("```");
            if in_code {
                continue;
            }
            for (at, _) in line.match_indices('<') {
                let name = line[at + 1..].split(|c: char| !c.is_ascii_alphanumeric()).next();
                let name = name.unwrap_or_default();
                let mut dropped = self.dropped.keys();
                let Some(known) = dropped.find(|known| known.eq_ignore_ascii_case(name)) else {
                    continue;
                };
                // Counting characters for each of many on one line would cost its square.
                if !self.places.contains_key(known) {
                    let column = line[..at].chars().count() + 1;
                    self.places.insert(known, Place::new(number + 1, column));
                }
            }
            if self.places.len() == self.dropped.len() {
                return;
            }
        }
    }

    /// Sorts the findings in the order of the file.
    pub(crate) fn into_diagnostics(mut self) -> Vec<Diagnostic> {
        for (element, count) in std::mem::take(&mut self.dropped) {
            let message = format!("`<{element}>` cannot be in a feed, and was left out");
            let mut finding = Diagnostic::warning("dropped", message);
            if let Some(place) = self.places.get(element) {
                finding = finding.at(place.line.saturating_add(self.lines_before), place.column);
            }
            self.list.push((finding, count));
        }
        let mut list = Vec::new();
        for (mut finding, count) in self.list {
            if count > 1 {
                finding.message.push_str(&format!(" ({count} times)"));
            }
            list.push(finding);
        }
        list.sort_by_key(|finding| finding.place.map_or(u32::MAX, |place| place.line));
        if let Some((count, severity)) = self.beyond {
            let mut more = Diagnostic::note("more", format!("and {count} more findings"));
            more.severity = severity;
            list.push(more);
        }
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_bounded_and_stand_on_lines_of_the_file() {
        let mut findings = Findings::from_line(4);
        for line in 1..=100 {
            findings.add(Diagnostic::warning("template-tag", format!("tag {line}")), Some(line));
        }
        findings.dropped("svg");
        findings.dropped("svg");
        let list = findings.into_diagnostics();
        assert_eq!(list.len(), LIMIT + 2);
        assert_eq!(list[0].to_string(), "4:1: tag 1");
        assert_eq!(list[LIMIT].message, "`<svg>` cannot be in a feed, and was left out (2 times)");
        assert_eq!(
            (list[LIMIT + 1].message.as_str(), list[LIMIT + 1].severity),
            ("and 36 more findings", Severity::Warning)
        );
    }
}
