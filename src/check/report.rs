//! The findings of `check`, in a fixed order, as lines for people or objects for programs.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::io::{self, Write};

use crate::base::{Diagnostic, Severity};
use crate::publish::report::counted;

/// Maximum number of notes with one code that are shown as lines. Objects are never left out.
const NOTES_MAX: usize = 10;

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Path of the file or directory, as a user would type it.
    pub path: String,
    /// Line, from 1, if there is one.
    pub line: Option<u32>,
    /// Column in characters, from 1, if there is one.
    pub column: Option<u32>,
    /// Weight of the finding.
    pub severity: Severity,
    /// Fixed name in kebab case.
    pub code: String,
    /// One sentence, without a final stop.
    pub message: String,
}

impl Finding {
    pub(super) fn new(path: String, diagnostic: Diagnostic) -> Self {
        let Diagnostic { severity, code, message, place } = diagnostic;
        let (line, column) = match place {
            Some(place) => (Some(place.line), Some(place.column)),
            None => (None, None),
        };
        Self { path, line, column, severity, code, message }
    }

    fn object(&self) -> serde_json::Value {
        serde_json::json!({
            "path": self.path,
            "line": self.line,
            "column": self.column,
            "severity": word(self.severity),
            "code": self.code,
            "message": self.message,
        })
    }

    /// Sorts findings by place, then the gravest first.
    fn key(&self) -> impl Ord + '_ {
        let Self { path, line, column, severity, code, message } = self;
        (path, line.is_none(), line, column, std::cmp::Reverse(severity), code, message)
    }
}

/// `articles/news/x.md:3:1: warning: message [code]`, with control characters escaped, so that a
/// line stays a line and a terminal shows what is there.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escape(&self.path, f)?;
        for number in [self.line, self.column].into_iter().flatten() {
            write!(f, ":{number}")?;
        }
        write!(f, ": {}: ", word(self.severity))?;
        escape(&self.message, f)?;
        write!(f, " [{}]", self.code)
    }
}

/// Everything that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    findings: Vec<Finding>,
    /// Number of articles that were checked; `None` if none could be.
    pub(super) articles: Option<usize>,
}

impl Report {
    pub(super) fn of(findings: Vec<Finding>) -> Self {
        Self { findings, articles: None }
    }

    pub(super) fn push(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Adds errors that are known for certain. Where one is new, those with its code that were found
    /// for other files are mistaken.
    pub(super) fn correct(&mut self, errors: Vec<Finding>) {
        let place = |finding: &Finding| (finding.path.clone(), finding.code.clone());
        let found: HashSet<_> = self.findings.iter().map(place).collect();
        let known: HashSet<_> = errors.iter().map(place).collect();
        let new: Vec<Finding> =
            errors.into_iter().filter(|error| !found.contains(&place(error))).collect();
        self.findings.retain(|finding| {
            let is_mistaken = finding.severity == Severity::Error
                && new.iter().any(|error| error.code == finding.code)
                && !known.contains(&place(finding));
            !is_mistaken
        });
        self.findings.extend(new);
        self.sort();
    }

    /// Sorts the findings, and removes duplicates.
    pub(super) fn sort(&mut self) {
        self.findings.sort_unstable_by(|one, other| one.key().cmp(&other.key()));
        self.findings.dedup();
    }

    /// Returns the findings, by path and line.
    #[cfg(test)]
    pub(super) fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Returns the exit status: 0 clean, 1 warnings, 2 errors. Notes do not count.
    pub fn exit(&self) -> u8 {
        match self.findings.iter().map(|finding| finding.severity).max() {
            None | Some(Severity::Note) => 0,
            Some(Severity::Warning) => 1,
            Some(Severity::Error) => 2,
        }
    }

    /// Writes a line for each finding, or an object for each if `json`.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut dyn Write, json: bool) -> io::Result<()> {
        if json {
            for finding in &self.findings {
                writeln!(out, "{}", finding.object())?;
            }
            return Ok(());
        }
        for finding in self.shown() {
            writeln!(out, "{finding}")?;
        }
        Ok(())
    }

    /// Summarises the numbers of articles and findings in one line; `None` if no article could be
    /// checked.
    pub fn totals(&self, json: bool) -> Option<String> {
        let articles = self.articles?;
        let articles = counted(articles, "article");
        let errors = self.counted(Severity::Error);
        let warnings = self.counted(Severity::Warning);
        let notes = self.counted(Severity::Note);
        let hidden = self.findings.len() - self.shown().len();
        let more = if hidden == 0 || json {
            String::new()
        } else {
            format!(" ({hidden} not shown; --json has them)")
        };
        Some(format!("{articles} checked: {errors}, {warnings}, {notes}{more}"))
    }

    fn counted(&self, severity: Severity) -> String {
        let count = self.findings.iter().filter(|finding| finding.severity == severity).count();
        counted(count, word(severity))
    }

    /// Selects the findings that are shown as lines.
    fn shown(&self) -> Vec<&Finding> {
        let mut notes: HashMap<&str, usize> = HashMap::new();
        let mut shown = Vec::new();
        for finding in &self.findings {
            let count = notes.entry(&finding.code).or_default();
            *count += usize::from(finding.severity == Severity::Note);
            if finding.severity != Severity::Note || *count <= NOTES_MAX {
                shown.push(finding);
            }
        }
        shown
    }
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Note => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

fn escape(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for c in text.chars() {
        // Marks that change the direction of writing make a line read as something else.
        if c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') {
            write!(f, "{}", c.escape_default())?;
        } else {
            write!(f, "{c}")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(findings: Vec<(&str, Diagnostic)>) -> Report {
        let findings = findings
            .into_iter()
            .map(|(path, reported)| Finding::new(path.to_owned(), reported))
            .collect();
        let mut report = Report { findings, articles: Some(1) };
        report.sort();
        report
    }

    fn text(report: &Report, json: bool) -> String {
        let mut out = Vec::new();
        report.write(&mut out, json).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn lines_stand_by_path_then_line_and_each_once() {
        let found = report(vec![
            ("b.md", Diagnostic::note("n", "whole")),
            ("b.md", Diagnostic::error("e", "late").at(10, 1)),
            ("b.md", Diagnostic::warning("w", "early\n\u{1b}[31m\u{202e}").at(9, 2)),
            ("b.md", Diagnostic::note("n", "whole")),
            ("a\nb.md", Diagnostic::warning("w", "ü")),
        ]);
        let expected = "a\\nb.md: warning: ü [w]\nb.md:9:2: warning: early\\n\\u{1b}[31m\\u{202e} [w]\nb.md:10:1: error: late \
                        [e]\nb.md: note: whole [n]\n";
        assert_eq!(text(&found, false), expected);
        assert_eq!(found.totals(false).unwrap(), "1 article checked: 1 error, 2 warnings, 1 note");
    }

    #[test]
    fn the_gravest_finding_is_the_exit_status() {
        let of = |reported: Diagnostic| {
            report(vec![("a", Diagnostic::note("n", "x")), ("a", reported)]).exit()
        };
        assert_eq!(report(vec![]).exit(), 0);
        assert_eq!(of(Diagnostic::note("n", "y")), 0);
        assert_eq!(of(Diagnostic::warning("w", "y")), 1);
        assert_eq!(of(Diagnostic::error("e", "y")), 2);
    }

    #[test]
    fn many_notes_of_a_kind_are_counted_and_objects_are_not_left_out() {
        let note = |n: usize| (["a", "b"][n % 2], Diagnostic::note("n", format!("{n:02}")));
        let mut all: Vec<_> = (0..30).map(note).collect();
        all.push(("z", Diagnostic::warning("w", "seen")));
        let found = report(all);
        assert_eq!(text(&found, false).lines().count(), NOTES_MAX + 1);
        assert!(text(&found, false).ends_with("z: warning: seen [w]\n"));
        assert_eq!(text(&found, true).lines().count(), 31);
        let totals = "1 article checked: 0 errors, 1 warning, 30 notes";
        assert_eq!(
            found.totals(false).unwrap(),
            format!("{totals} (20 not shown; --json has them)")
        );
        assert_eq!(found.totals(true).unwrap(), totals);
    }

    #[test]
    fn an_object_holds_everything_as_it_is() {
        let found = report(vec![
            ("a\nb.md", Diagnostic::error("e", "x\"y").at(3, 4)),
            ("c", Diagnostic::note("n", "z")),
        ]);
        let lines: Vec<serde_json::Value> =
            text(&found, true).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let expected = serde_json::json!({
            "path": "a\nb.md", "line": 3, "column": 4, "severity": "error", "code": "e", "message": "x\"y"
        });
        assert_eq!(lines[0], expected);
        assert!(lines[1]["line"].is_null() && lines[1]["column"].is_null());
    }
}
