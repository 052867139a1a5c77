//! Admonitions of other generators as callouts: `:::tip Title` up to `:::` (Docusaurus, VitePress,
//! Starlight), `/// note | Title` up to `///` and `!!! note "Title"`, `??? note` and `=== "Tab"`
//! over indented lines (MkDocs).
//!
//! The source is rewritten line by line into quotes that begin with `[!kind] Title`, which
//! [`callouts`](mod@super::callouts) reads. Lines keep their numbers. Code stays as it is, and so
//! does what is not closed.

use std::borrow::Cow;

use crate::article::findings::Findings;
use crate::article::signs::Signs;
use crate::base::Diagnostic;

/// Admonitions inside one another: each costs a sign on every line in it.
const DEPTH_MAX: usize = 6;

/// Columns by which MkDocs indents what an admonition encloses.
const INDENT: usize = 4;

/// Names of containers that only group what is in them.
const GROUPS: [&str; 11] = [
    "code-group",
    "column",
    "columns",
    "tabs",
    "v-pre",
    "raw",
    "caption",
    "figure-caption",
    "table-caption",
    "html",
    "define",
];

/// One of these is in every admonition.
static SIGNS: Signs = Signs::new(&[":::", "///", "!!! ", "??? ", "???+ ", "=== \""]);

/// The text with admonitions as callouts.
pub(crate) fn as_callouts<'t>(text: &'t str, findings: &mut Findings) -> Cow<'t, str> {
    if !SIGNS.are_in(text) {
        return Cow::Borrowed(text);
    }
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let ends = container_ends(&lines, findings);
    let encloses = enclosing(&lines);
    let mut writer = Writer { out: String::new(), open: Vec::new(), fence: None };
    for (number, line) in lines.iter().enumerate() {
        writer.line(line, ends[number], encloses[number]);
    }
    Cow::Owned(writer.out)
}

/// An admonition that is being written.
#[derive(Clone, Copy)]
enum Open {
    /// `:::`, up to its end.
    Container,
    /// `:::code-group`, which becomes nothing.
    Group,
    /// `!!!`: lines that are indented by so many columns more.
    Indented(usize),
}

struct Writer {
    out: String,
    open: Vec<Open>,
    /// The fence of the code that is being read.
    fence: Option<String>,
}

impl Writer {
    /// Writes a line. `encloses`: whether indented lines follow it.
    fn line(&mut self, line: &str, mark: Mark, encloses: bool) {
        let mut rest = line;
        // What is indented less than an admonition of MkDocs needs is behind it.
        let mut kept = 0;
        let mut prefix = String::new();
        for open in &self.open {
            match open {
                Open::Container => prefix.push_str("> "),
                Open::Group => {}
                Open::Indented(columns) => {
                    let width = indent_of(rest);
                    if width < *columns && !rest.trim().is_empty() {
                        break;
                    }
                    rest = &rest[width.min(*columns)..];
                    prefix.push_str("> ");
                }
            }
            kept += 1;
        }
        if kept < self.open.len() {
            self.open.truncate(kept);
            self.fence = None;
            // Without it the line, or the next quote, would go on in this one (CommonMark, 5.1).
            let last = self.out.lines().next_back().unwrap_or_default();
            if is_blank(last) {
                self.out.truncate(self.out.trim_end_matches('\n').len() - last.len());
            }
            self.out.push_str(prefix.trim_end());
            self.out.push('\n');
        }
        if self.is_of_code(rest) {
            self.out.push_str(&prefix);
            self.out.push_str(rest);
            return;
        }
        match mark {
            Mark::Option => {
                self.out.push_str(prefix.trim_end());
                self.out.push('\n');
            }
            Mark::Begin if self.open.len() < DEPTH_MAX => self.begin(rest, &prefix),
            Mark::End if matches!(self.open.last(), Some(Open::Container | Open::Group)) => {
                self.open.pop();
                let outer = prefix.strip_suffix("> ").unwrap_or(&prefix);
                self.out.push_str(outer.trim_end());
                self.out.push('\n');
            }
            _ => {
                let indented = Indented::read(rest)
                    .filter(|admonition| encloses || admonition.title.is_some())
                    .filter(|_| self.open.len() < DEPTH_MAX);
                self.out.push_str(&prefix);
                match indented {
                    Some(indented) => {
                        self.out.push_str(&rest[..indented.columns]);
                        self.push_title(indented.kind, indented.title);
                        self.open.push(Open::Indented(indented.columns + INDENT));
                    }
                    None => self.out.push_str(rest),
                }
            }
        }
    }

    /// Begins a `:::` container.
    fn begin(&mut self, line: &str, prefix: &str) {
        self.out.push_str(prefix);
        let name = container(line).map_or("", |(_, name)| name);
        let (kind, title) = name.split_at(
            name.find(|c: char| !c.is_alphanumeric() && !matches!(c, '-' | '_'))
                .unwrap_or(name.len()),
        );
        let title = title.trim();
        if GROUPS.contains(&kind) {
            self.out.push('\n');
            self.open.push(Open::Group);
            return;
        }
        let title = title.strip_prefix('|').map_or(title, str::trim);
        let title = match title.strip_prefix('[').and_then(|title| title.split_once(']')) {
            Some((title, _)) => title,
            None if title.starts_with('{') => "",
            None => title,
        };
        self.push_title(kind, Some(title).filter(|title| !title.is_empty()));
        self.open.push(Open::Container);
    }

    fn push_title(&mut self, kind: &str, title: Option<&str>) {
        match title {
            Some("") => self.out.push('>'),
            Some(title) => self.out.push_str(&format!("> [!{kind}] {title}")),
            None => self.out.push_str(&format!("> [!{kind}]")),
        }
        self.out.push('\n');
    }

    /// Follows fenced code (CommonMark, 4.5).
    fn is_of_code(&mut self, line: &str) -> bool {
        follow_fence(&mut self.fence, line)
    }
}

/// Follows fenced code from line to line. Returns whether this line is of it.
pub(super) fn follow_fence(fence: &mut Option<String>, line: &str) -> bool {
    let bare = line.trim_start_matches([' ', '\t', '>']).trim_end();
    let sign = if bare.starts_with('~') { '~' } else { '`' };
    let run = &bare[..bare.len() - bare.trim_start_matches(sign).len()];
    match fence {
        Some(open) => {
            if run.len() >= open.len() && bare.len() == run.len() && open.starts_with(sign) {
                *fence = None;
            }
            true
        }
        None if run.len() >= 3 && !(sign == '`' && bare[run.len()..].contains('`')) => {
            *fence = Some(run.to_owned());
            true
        }
        None => false,
    }
}

/// The role of a line in a `:::` container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    None,
    Begin,
    /// `    type: note` below the beginning of a `///` block.
    Option,
    End,
}

/// Finds the lines that begin and end closed containers. One that is not closed is reported.
fn container_ends(lines: &[&str], findings: &mut Findings) -> Vec<Mark> {
    let mut marks = vec![Mark::None; lines.len()];
    let mut open: Vec<(usize, Sign)> = Vec::new();
    let mut fence = None;
    for (number, line) in lines.iter().enumerate() {
        if follow_fence(&mut fence, line) || is_language(lines, number) {
            continue;
        }
        match container(line) {
            Some((sign, "")) => {
                if let Some((begin, _)) = open.pop_if(|(_, begun)| *begun == sign) {
                    marks[begin] = Mark::Begin;
                    marks[number] = Mark::End;
                    if sign == Sign::Slashes {
                        mark_options(lines, begin, &mut marks);
                    }
                }
            }
            Some((sign, _)) => open.push((number, sign)),
            None => {}
        }
    }
    for (number, sign) in open {
        // A comment of a program may begin with slashes.
        if sign == Sign::Slashes {
            continue;
        }
        let message = "a block `:::` is never closed, and stays as typed";
        let line = u32::try_from(number + 1).unwrap_or(u32::MAX);
        findings.count(Diagnostic::warning("template-tag", message), line, || 1);
    }
    marks
}

/// The signs around a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    /// `:::`
    Colons,
    /// `///`, of MkDocs.
    Slashes,
}

/// The signs of a line that begins or ends a container, and what follows them.
fn container(line: &str) -> Option<(Sign, &str)> {
    let bare = line.trim();
    let (sign, c) = if bare.starts_with('/') { (Sign::Slashes, '/') } else { (Sign::Colons, ':') };
    let rest = bare.trim_start_matches(c);
    let name = rest.trim_start();
    // Of Pandoc's attributes, the first class is the kind.
    let name = name.strip_prefix("{.").map_or(name, |name| {
        let class = name.split([' ', '}']).next().unwrap_or_default();
        class.strip_prefix("callout-").unwrap_or(class)
    });
    let is_named = match sign {
        Sign::Colons => name.starts_with(|c: char| c.is_alphabetic()),
        // One word, and a title behind a bar: comments of programs begin with slashes, too.
        Sign::Slashes => {
            let word = name.split_once('|').map_or(name, |(word, _)| word).trim_end();
            word.starts_with(|c: char| c.is_alphabetic())
                && word.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
        }
    };
    let is_mark = bare.len() - rest.len() >= 3 && (name.is_empty() || is_named);
    if is_mark { Some((sign, name)) } else { None }
}

/// Whether a line names the language of indented code, as Pelican's does: `    :::python`.
fn is_language(lines: &[&str], number: usize) -> bool {
    let line = lines[number].trim_end();
    let Some(name) = line.trim_start().strip_prefix(":::") else { return false };
    let is_code = |line: &str| line.starts_with("    ") || line.starts_with('\t');
    let follows_blank = number == 0 || lines[number - 1].trim().is_empty();
    let goes_on = lines.get(number + 1).is_some_and(|next| is_code(next));
    is_code(line) && follows_blank && goes_on && !name.is_empty() && !name.contains(' ')
}

/// For each line, whether the next one that is not blank is indented as what an admonition of MkDocs
/// encloses.
fn enclosing(lines: &[&str]) -> Vec<bool> {
    let mut enclosing = vec![false; lines.len()];
    let mut next_indent = 0;
    for (number, line) in lines.iter().enumerate().rev() {
        enclosing[number] = next_indent >= indent_of(line) + INDENT;
        if !line.trim().is_empty() {
            next_indent = indent_of(line);
        }
    }
    enclosing
}

/// Marks the options below the line that begins a `///` block.
fn mark_options(lines: &[&str], begin: usize, marks: &mut [Mark]) {
    for number in begin + 1..lines.len() {
        let line = lines[number];
        let is_option = line.starts_with("    ")
            && line.trim().split_once(':').is_some_and(|(key, _)| !key.contains(' '));
        if !is_option {
            break;
        }
        marks[number] = Mark::Option;
    }
}

/// `!!! note "Title"`, `??? note`, `???+ note`, `=== "Tab"`.
struct Indented<'t> {
    columns: usize,
    kind: &'t str,
    title: Option<&'t str>,
}

impl<'t> Indented<'t> {
    fn read(line: &'t str) -> Option<Self> {
        let columns = indent_of(line);
        let bare = line.trim();
        let sign = ["!!! ", "???+ ", "??? ", "=== "].into_iter().find(|s| bare.starts_with(s))?;
        let rest = bare[sign.len()..].trim();
        let (kinds, title) = match rest.split_once('"') {
            Some((kinds, title)) => (kinds, Some(title.strip_suffix('"')?)),
            None => (rest, None),
        };
        let kind =
            kinds.split_whitespace().next().unwrap_or(if sign == "=== " { "tab" } else { "" });
        let is_tab = sign == "=== ";
        let is_kind = kind.starts_with(|c: char| c.is_alphabetic())
            && kinds.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | ' '));
        let is_read =
            columns < INDENT && is_kind && (!is_tab || kinds.is_empty() && title.is_some());
        if is_read { Some(Self { columns, kind, title }) } else { None }
    }
}

/// The bytes of spaces at a line's beginning.
fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

fn is_blank(line: &str) -> bool {
    line.trim_matches([' ', '>', '\t']).is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(cases: &[(&str, &str)]) {
        for (text, expected) in cases {
            assert_eq!(as_callouts(text, &mut Findings::default()), *expected, "{text:?}");
        }
    }

    #[test]
    fn containers_are_callouts() {
        check(&[
            (":::tip A title\na *x*\n:::\n\nb", "> [!tip] A title\n> a *x*\n\n\nb"),
            ("::: warning\na\n\nb\n:::\nc", "> [!warning]\n> a\n> \n> b\n\nc"),
            (":::note[A title]{.x}\na\n:::", "> [!note] A title\n> a\n\n"),
            (":::info{title=\"x\"}\na\n:::", "> [!info]\n> a\n\n"),
            ("::: {.note}\na\n:::", "> [!note]\n> a\n\n"),
            ("::: {.callout-tip collapse=\"true\"}\na\n:::", "> [!tip]\n> a\n\n"),
            (":::: {.columns}\n::: {.column width=\"9%\"}\na\n:::\n::::", "\n\na\n\n\n"),
            ("::::a\n:::b\nc\n:::\nd\n::::\n", "> [!a]\n> > [!b]\n> > c\n>\n> d\n\n"),
            (":::tip\n```\n:::\n```\n:::\n", "> [!tip]\n> ```\n> :::\n> ```\n\n"),
            ("/// note | A title\na *x*\n///\n\nb", "> [!note] A title\n> a *x*\n\n\nb"),
            ("/// details\n    type: tip\n    open: true\na\n///\n", "> [!details]\n>\n>\n> a\n\n"),
            ("//// a\n/// b\nc\n///\nd\n////\n", "> [!a]\n> > [!b]\n> > c\n>\n> d\n\n"),
            ("![](a)\n/// caption\nb\n///\n", "![](a)\n\nb\n\n"),
            (
                "    :::python\n    a\n\n:::tip\nb\n:::\n",
                "    :::python\n    a\n\n> [!tip]\n> b\n\n",
            ),
            ("::: code-group\n```a\nb\n```\n:::\n", "\n```a\nb\n```\n\n"),
        ]);
        for text in [
            "```\n:::tip\na\n:::\n```\n",
            "a ::: b",
            ":::\na\n:::",
            ":::tip\na\n",
            "/// a comment\n///\n",
            "/// a\n",
            "///\n",
        ] {
            check(&[(text, text)]);
        }
    }

    #[test]
    fn indented_admonitions_are_callouts() {
        check(&[
            ("!!! note \"A title\"\n\n    a *x*\n\nb", "> [!note] A title\n> \n> a *x*\n\nb"),
            ("??? warning\n    a\nb", "> [!warning]\n> a\n\nb"),
            ("???+ tip inline end \"T\"\n    a\n", "> [!tip] T\n> a\n"),
            ("!!! note \"\"\n    a\n", ">\n> a\n"),
            ("=== \"Tab\"\n\n    ```\n    a\n    ```\n", "> [!tab] Tab\n> \n> ```\n> a\n> ```\n"),
            ("!!! a\n    !!! b\n        c\n    d\n", "> [!a]\n> > [!b]\n> > c\n>\n> d\n"),
        ]);
        check(&[("!!! note \"Alone\"\n\nb", "> [!note] Alone\n\nb")]);
        check(&[
            ("!!! a\n    b\n\n!!! c\n    d\n", "> [!a]\n> b\n\n> [!c]\n> d\n"),
            (
                "!!! a\n    !!! b\n        c\n\n    !!! d\n        e\n\n\n> f\n",
                "> [!a]\n> > [!b]\n> > c\n>\n> > [!d]\n> > e\n> > \n\n> f\n",
            ),
        ]);
        for text in ["!!! Big news for everyone\n\nb", "??? what now\n", "!!! a\n  b\n"] {
            check(&[(text, text)]);
        }
        for text in ["!!! what?\n", "=== a\n", "a\n===\n", "    !!! note\n", "!!! !!!\n"] {
            check(&[(text, text)]);
        }
    }

    #[test]
    fn many_cost_little() {
        for piece in
            [":::a\n", ":::a\n:::\n", "/// a\n", "/// a\n///\n", "!!! a\n", ":::", "::: \n"]
        {
            let text = piece.repeat(20_000);
            let out = as_callouts(&text, &mut Findings::default());
            assert!(out.len() <= 20 * text.len(), "{piece:?}");
        }
    }
}
