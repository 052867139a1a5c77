//! Tokens of an author's HTML -> balanced HTML of allowed elements, in one pass and in linear time.
//!
//! This pass decides what stays; ammonia, after it, proves the result. The result is not nested
//! deeper than the limit and not larger than the budget. Paragraphs, cells and formatting are
//! closed where the standard closes them implicitly, so that the parser has nothing to repair: its
//! repairs can be made to cost the square of the input.

mod replaced;
mod twins;

use std::collections::{HashMap, HashSet};

use crate::article::feed_html::elements::{DROPPED, Element, Fate, Loss, Role, fate, find};
use crate::article::feed_html::references::Resolver;
use crate::article::feed_html::{ASIDE_END, ASIDE_START, FORMULA_START, MORE, is_mark, push_text};
use crate::article::findings::Findings;

use super::attributes::{Attributes, Given, value_of, without_id};
use super::dropped::{Dropped, is_followed, is_hidden};
use super::tokens::{Token, is_more};
use twins::twins;

/// Formatting elements that are opened again after a misplaced end tag (HTML, 13.2.4.3, has no
/// bound of its own).
const REOPENED_MAX: usize = 8;

/// Builds the balanced HTML of `tokens`; `None` if it exceeds `max_bytes`.
pub(crate) fn rebuild(
    tokens: &[Token],
    resolver: &Resolver,
    depth_max: usize,
    max_bytes: usize,
    findings: &mut Findings,
) -> Option<String> {
    let attributes = Attributes::new(resolver);
    let mut rebuild = Rebuild {
        attributes,
        findings,
        depth_max,
        out: String::new(),
        open: Vec::new(),
        reopen: Vec::new(),
        flattened: HashMap::new(),
        dropped: Dropped::default(),
        last_ends: last_ends(tokens),
        closed_buttons: closed_buttons(tokens),
        twins: twins(tokens),
        at: 0,
        at_start_of_pre: false,
    };
    for (at, token) in tokens.iter().enumerate() {
        rebuild.at = at;
        rebuild.token(token);
        if rebuild.out.len() > max_bytes {
            return None;
        }
    }
    rebuild.close_to(0);
    Some(rebuild.out)
}

/// The place of the last end tag of each element that is dropped with its content.
fn last_ends(tokens: &[Token]) -> HashMap<&'static str, usize> {
    let mut ends = HashMap::new();
    for (at, token) in tokens.iter().enumerate() {
        let Token::End(name) = token else { continue };
        if let Some(known) = DROPPED.iter().find(|known| *known == name) {
            ends.insert(*known, at);
        }
    }
    ends
}

/// The places of the start tags of buttons that end before the block around them, and before the
/// next button.
fn closed_buttons(tokens: &[Token]) -> HashSet<usize> {
    let mut closed = HashSet::new();
    // The button that is open, and the number of blocks that are open in it.
    let mut open: Option<(usize, usize)> = None;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Start(name, _) if name == "button" => open = Some((at, 0)),
            Token::End(name) if name == "button" => closed.extend(open.take().map(|(at, _)| at)),
            Token::Start(name, _) if is_followed(name) => {
                open = open.map(|(at, blocks)| (at, blocks + 1));
            }
            Token::End(name) if is_followed(name) => {
                open = open.and_then(|(at, blocks)| Some((at, blocks.checked_sub(1)?)));
            }
            _ => {}
        }
    }
    closed
}

/// An open element, with its attributes as written.
struct Open {
    element: &'static Element,
    attributes: String,
}

struct Rebuild<'a> {
    attributes: Attributes<'a>,
    findings: &'a mut Findings,
    depth_max: usize,
    out: String,
    open: Vec<Open>,
    /// Formatting elements that are opened again before the next text.
    reopen: Vec<Open>,
    /// Elements too deep to be opened, whose end tags are still to come.
    flattened: HashMap<&'static str, usize>,
    dropped: Dropped,
    /// The place of the last end tag of each dropped element among the tokens.
    last_ends: HashMap<&'static str, usize>,
    /// The places of the start tags of buttons that end within the block they are in.
    closed_buttons: HashSet<usize>,
    /// The places of lazy pictures whose twins are shown.
    twins: HashSet<usize>,
    /// The place of the token that is read.
    at: usize,
    at_start_of_pre: bool,
}

impl Rebuild<'_> {
    fn token(&mut self, token: &Token) {
        if self.dropped.covers(token) || self.twins.contains(&self.at) {
            return;
        }
        match token {
            Token::Start(name, attributes) => self.start(name, attributes),
            Token::End(name) => self.end(name),
            Token::Text(text) => self.text(text),
            Token::Comment(text) if is_more(text) => self.out.push(MORE),
            Token::Comment(text) if text.starts_with(FORMULA_START) => self.formula(text),
            Token::Comment(text) => self.marks(text),
            Token::Doctype => {}
        }
    }

    fn start(&mut self, name: &str, given: &Given) {
        if is_hidden(given) {
            self.dropped.begin(name);
            return;
        }
        match fate(name) {
            Fate::Keep(element) | Fate::Become(element) => self.element(element, given),
            Fate::Unwrap(loss) => {
                self.report(name, loss);
                if name == "noscript" {
                    self.mark(ASIDE_START);
                }
            }
            Fate::Drop(loss) => {
                self.report(name, loss);
                if name == "button" && !self.closed_buttons.contains(&self.at) {
                    // A component's name in a sentence: browsers show what follows it.
                    return;
                }
                if self.last_ends.get(name).is_some_and(|end| *end > self.at) {
                    self.dropped.begin(name);
                } else {
                    self.dropped.begin_endless(name);
                }
            }
            Fate::Link => {
                self.link(given);
                self.dropped.begin(name);
            }
            Fate::Input => self.input(given),
        }
    }

    /// Reports that an element is lost, if a reader of the page would have seen it.
    fn report(&mut self, name: &str, loss: Loss) {
        const VISIBLE: [&str; 10] = [
            "svg", "math", "select", "textarea", "button", "form", "canvas", "object", "applet",
            "input",
        ];
        if loss == Loss::Invisible {
            return;
        }
        // Only these names are kept, so that an author's text cannot make the findings grow.
        for known in VISIBLE {
            if known == name {
                self.findings.dropped(known);
            }
        }
    }

    fn element(&mut self, element: &'static Element, given: &Given) {
        self.at_start_of_pre = false;
        let Some(attributes) = self.attributes.write(element, given, self.findings) else {
            // A picture that cannot be shown is replaced by its description.
            if element.name == "img"
                && let Some(alt) = value_of(given, "alt")
            {
                self.text(alt);
            }
            return;
        };
        let is_link = element.name == "a" && value_of(given, "href").is_some();
        let is_target = ["id", "name"].iter().any(|key| value_of(given, key).is_some());
        if is_link && !is_target && !attributes.contains(" href=\"") {
            // A link without a target is replaced by its text.
            self.end("a");
            return;
        }
        if !self.make_room(element) {
            return;
        }
        self.push(Open { element, attributes });
        self.at_start_of_pre = element.name == "pre";
    }

    /// Closes the elements that the standard closes before this one starts. Returns whether the
    /// element is allowed here.
    fn make_room(&mut self, element: &'static Element) -> bool {
        match element.role {
            Role::Table => return self.make_table_room(element.name),
            Role::Void if element.name == "col" => return self.make_table_room("col"),
            Role::Void if element.name == "hr" => self.close_paragraph(),
            Role::Block => {
                self.enter_cell();
                self.make_block_room(element.name);
            }
            Role::Formatting | Role::Inline | Role::Void => {
                self.enter_cell();
                if element.name == "a" {
                    // A link in a link ends it (HTML, 13.2.6.4.7).
                    self.reopen.retain(|open| open.element.name != "a");
                    self.end("a");
                }
                if matches!(element.name, "rt" | "rp") {
                    self.close_while(|name| matches!(name, "rt" | "rp"));
                }
                self.open_again();
            }
        }
        true
    }

    fn make_block_room(&mut self, name: &str) {
        if is_heading(name) {
            self.close_paragraph();
            self.close_while(is_heading);
            return;
        }
        let closes: &[&str] = match name {
            "li" => &["li"],
            "dd" | "dt" => &["dd", "dt"],
            _ => &[],
        };
        if !closes.is_empty()
            && let Some(at) = self.implied_end(closes)
        {
            self.close_and_remember(at);
        }
        self.close_paragraph();
    }

    /// The open item that the start of another one ends. An item of an outer list is beyond the
    /// block that contains the inner one (HTML, 13.2.6.4.7).
    fn implied_end(&self, closes: &[&str]) -> Option<usize> {
        for at in (0..self.open.len()).rev() {
            let element = self.open[at].element;
            if closes.contains(&element.name) {
                return Some(at);
            }
            let is_transparent = matches!(element.name, "address" | "div" | "p");
            if matches!(element.role, Role::Block | Role::Table) && !is_transparent {
                return None;
            }
        }
        None
    }

    /// Ends the nearest open paragraph, unless it is outside of the table's cell.
    fn close_paragraph(&mut self) {
        if let Some(at) = self.nearest("p") {
            self.close_and_remember(at);
        }
    }

    /// Closes and opens elements until a part of a table is allowed (HTML, 13.2.6.4.9 to
    /// 13.2.6.4.14). Returns false outside of tables.
    fn make_table_room(&mut self, name: &str) -> bool {
        let Some(table) = self.open.iter().rposition(|open| open.element.name == "table") else {
            return false;
        };
        let (parents, implied): (&[&str], &[&str]) = match name {
            "td" | "th" => (&["tr"], &["tbody", "tr"]),
            "tr" => (&["tbody", "thead", "tfoot"], &["tbody"]),
            "col" => (&["colgroup"], &["colgroup"]),
            _ => (&[], &[]),
        };
        let inside = &self.open[table + 1..];
        let parent = inside.iter().position(|open| parents.contains(&open.element.name));
        if let Some(at) = parent {
            self.close_to(table + 1 + at + 1);
        } else {
            // A cell directly in a part of the table needs a row alone.
            let part = inside.iter().position(|open| {
                let name = open.element.name;
                implied.contains(&name) || matches!(name, "thead" | "tfoot")
            });
            let missing = match part {
                Some(at) if matches!(name, "td" | "th") => {
                    self.close_to(table + 1 + at + 1);
                    &implied[1..]
                }
                _ => {
                    self.close_to(table + 1);
                    implied
                }
            };
            for name in missing {
                self.open_bare(name);
            }
        }
        self.reopen.clear();
        true
    }

    /// Opens a cell for content directly in a table, where none is allowed.
    fn enter_cell(&mut self) {
        if self.is_between_cells() {
            self.make_table_room("td");
            self.open_bare("td");
        }
    }

    fn is_between_cells(&self) -> bool {
        self.open.last().is_some_and(|last| {
            matches!(last.element.name, "table" | "tbody" | "thead" | "tfoot" | "tr" | "colgroup")
        })
    }

    /// Opens an element that the author left out.
    fn open_bare(&mut self, name: &str) {
        if let Some(element) = find(name) {
            self.push(Open { element, attributes: String::new() });
        }
    }

    fn end(&mut self, name: &str) {
        let name = match fate(name) {
            Fate::Keep(element) | Fate::Become(element) => element.name,
            _ => {
                if name == "noscript" {
                    self.mark(ASIDE_END);
                }
                return;
            }
        };
        if name == "br" {
            // `</br>` is a line break (HTML, 13.2.6.4.7).
            self.start("br", &[]);
            return;
        }
        if let Some(count) = self.flattened.get_mut(name)
            && *count > 0
        {
            *count -= 1;
            return;
        }
        if let Some(at) = self.reopen.iter().rposition(|open| open.element.name == name) {
            self.reopen.remove(at);
            return;
        }
        // Any end tag of a heading ends the open one (HTML, 13.2.6.4.7).
        let nearest = if is_heading(name) {
            self.open.iter().rposition(|open| is_heading(open.element.name))
        } else {
            self.nearest(name)
        };
        if let Some(at) = nearest {
            self.end_at(at);
        }
    }

    /// Ends the element at `at`. Elements inside of a formatting element go on without it.
    fn end_at(&mut self, at: usize) {
        let is_formatting = self.open[at].element.role == Role::Formatting;
        if !is_formatting {
            self.close_and_remember(at);
            return;
        }
        let above = self.close_to(at).split_off(1);
        let has_block =
            above.iter().any(|open| !matches!(open.element.role, Role::Formatting | Role::Inline));
        if has_block {
            for open in above {
                self.push(open);
            }
        } else {
            self.remember(above);
        }
    }

    fn text(&mut self, text: &str) {
        let mut text = text;
        if std::mem::take(&mut self.at_start_of_pre) {
            // A parser drops the first line break of a `pre`, so none is written.
            text = text.trim_start_matches('\n');
        }
        if !text.trim_matches(|c: char| c.is_ascii_whitespace()).is_empty() {
            self.enter_cell();
            self.open_again();
        }
        push_text(&mut self.out, text);
    }

    /// Writes the marks that a comment holds. No author's comment can hold one.
    fn marks(&mut self, comment: &str) {
        for mark in comment.chars().filter(|c| is_mark(*c)) {
            self.mark(mark);
        }
    }

    /// Writes a mark for the summary, which is text: a parser would move it out of a table.
    fn mark(&mut self, mark: char) {
        if !self.is_between_cells() {
            self.out.push(mark);
        }
    }

    /// Writes the mark of a formula, which is text. No author's comment can hold one.
    fn formula(&mut self, mark: &str) {
        self.at_start_of_pre = false;
        self.enter_cell();
        self.open_again();
        self.out.push_str(mark);
    }

    /// The nearest open element of that name in scope (HTML, 13.2.4.2): nothing but a part of the
    /// table sees out of a cell.
    fn nearest(&self, name: &str) -> Option<usize> {
        let is_part =
            name == "table" || find(name).is_some_and(|element| element.role == Role::Table);
        for at in (0..self.open.len()).rev() {
            let open = self.open[at].element.name;
            if open == name {
                return Some(at);
            }
            if open == "table" || !is_part && matches!(open, "td" | "th" | "caption") {
                return None;
            }
        }
        None
    }

    fn close_while(&mut self, closes: impl Fn(&str) -> bool) {
        while self.open.last().is_some_and(|open| closes(open.element.name)) {
            self.close_to(self.open.len() - 1);
        }
    }

    /// Closes down to `at`. The formatting that was open inside goes on at the next text.
    fn close_and_remember(&mut self, at: usize) {
        let is_cell =
            self.open[at].element.role == Role::Table || self.open[at].element.name == "table";
        let mut closed = self.close_to(at).split_off(1);
        if is_cell {
            self.reopen.clear();
        } else {
            closed.retain(|open| open.element.role == Role::Formatting);
            self.remember(closed);
        }
    }

    fn remember(&mut self, closed: Vec<Open>) {
        self.reopen.extend(closed);
        let beyond = self.reopen.len().saturating_sub(REOPENED_MAX);
        self.reopen.drain(..beyond);
    }

    fn open_again(&mut self) {
        for open in std::mem::take(&mut self.reopen) {
            self.push(open);
        }
    }

    /// Closes every element from `at` up. Returns them, outermost first.
    fn close_to(&mut self, at: usize) -> Vec<Open> {
        let closed = self.open.split_off(at);
        for open in closed.iter().rev() {
            self.out.push_str("</");
            self.out.push_str(open.element.name);
            self.out.push('>');
        }
        self.at_start_of_pre = false;
        closed
    }

    fn push(&mut self, mut open: Open) {
        let is_void = open.element.role == Role::Void;
        let is_part = open.element.role == Role::Table;
        // A table is opened only if its cells fit too, so that no text gets between its parts.
        let levels = if open.element.name == "table" { 4 } else { 1 };
        if !is_void && !is_part && self.open.len() + levels > self.depth_max {
            *self.flattened.entry(open.element.name).or_default() += 1;
            return;
        }
        self.out.push('<');
        self.out.push_str(open.element.name);
        self.out.push_str(&open.attributes);
        self.out.push('>');
        if !is_void {
            without_id(&mut open.attributes);
            self.open.push(open);
        }
    }
}

fn is_heading(name: &str) -> bool {
    matches!(name.as_bytes(), [b'h', b'1'..=b'6'])
}

#[cfg(test)]
mod tests {
    use super::super::tokens::tokens;
    use super::*;
    use crate::base::RelPath;

    fn rebuilt(html: &str) -> String {
        let resolver = Resolver::new(&RelPath::new("n/a.html").unwrap());
        rebuild(&tokens(html), &resolver, 100, 16 << 20, &mut Findings::default())
            .unwrap()
            .replace('\u{fdd0}', "^")
            .replace(MORE, "|")
            .replace([ASIDE_START, ASIDE_END], "")
    }

    fn check(cases: &[(&str, &str)]) {
        for (html, expected) in cases {
            assert_eq!(rebuilt(html), *expected, "{html}");
        }
    }

    #[test]
    fn implied_ends_are_written() {
        check(&[
            ("<p>a<p>b", "<p>a</p><p>b</p>"),
            ("<ul><li>a<li>b</ul>c", "<ul><li>a</li><li>b</li></ul>c"),
            (
                "<ul><li><p>a<ul><li>b</ul><li>c</ul>",
                "<ul><li><p>a</p><ul><li>b</li></ul></li><li>c</li></ul>",
            ),
            ("<dl><dt>a<dd>b<dt>c</dl>", "<dl><dt>a</dt><dd>b</dd><dt>c</dt></dl>"),
            ("<p>a<h2>b<h3>c</h3>", "<p>a</p><h2>b</h2><h3>c</h3>"),
            ("<p>a<hr>b</p>c", "<p>a</p><hr>bc"),
            ("a</br>b", "a<br>b"),
            ("</div>a</p>", "a"),
            ("<p>a<div>b", "<p>a</p><div>b</div>"),
        ]);
    }

    #[test]
    fn misplaced_formatting_goes_on() {
        check(&[
            ("<b><i>a</b>b</i>c", "<b><i>a</i></b><i>b</i>c"),
            ("<p><b>a<p>b</b>c", "<p><b>a</b></p><p><b>b</b>c</p>"),
            ("<b><div>a</b>b</div>", "<b><div>a</div></b><div>b</div>"),
            ("<p><b id=x>a<p>b", "<p><b id=\"x\">a</b></p><p><b>b</b></p>"),
            ("<p id=x>a</p><p id=x>b", "<p id=\"x\">a</p><p>b</p>"),
            ("<a href=x>a<a href=y>b</a>", "<a href=\"^n//x^\">a</a><a href=\"^n//y^\">b</a>"),
        ]);
    }

    #[test]
    fn tables_have_all_their_parts() {
        check(&[
            (
                "<table><tr><td>a<td>b<tr><th>c</table>",
                "<table><tbody><tr><td>a</td><td>b</td></tr><tr><th>c</th></tr></tbody></table>",
            ),
            (
                "<table><thead><th>a<tbody><td>b</table>",
                "<table><thead><tr><th>a</th></tr></thead><tbody><tr><td>b</td></tr></tbody></table>",
            ),
            (
                "<table>a<tr>b</table>",
                "<table><tbody><tr><td>a</td></tr><tr><td>b</td></tr></tbody></table>",
            ),
            (
                "<table><col><tr><td><table><td>x</table>y</table>",
                "<table><colgroup><col></colgroup><tbody><tr><td><table><tbody><tr><td>x</td></tr></tbody></table>y</td></tr></tbody></table>",
            ),
            ("<td>a</td>", "a"),
            (
                "<table><td><p>a</table><p>b",
                "<table><tbody><tr><td><p>a</p></td></tr></tbody></table><p>b</p>",
            ),
        ]);
    }

    #[test]
    fn what_cannot_stand_leaves() {
        check(&[
            ("a<script>b</script><style>c</style>d", "ad"),
            ("a<svg><path/><svg></svg><text>b</text></svg>c", "ac"),
            ("<svg><path><p>x</p>", "<p>x</p>"),
            (
                "<p>A <svg onload=x> IN <b>bold</b> rest.</p><p>c",
                "<p>A <b>bold</b> rest.</p><p>c</p>",
            ),
            ("<p>A <svg> IN</p> after <p>c", "<p>A </p> after <p>c</p>"),
            ("<div>a<math><mi>x</div>b", "<div>a</div>b"),
            ("<svg><foreignObject><div>x</div></foreignObject></svg>c", "c"),
            ("<p>a<button>b</p><p>c", "<p>ab</p><p>c</p>"),
            ("<p>a<button>b</p><p>c</p><button>d</button>e", "<p>ab</p><p>c</p>e"),
            ("<p>a<button>b</button>c</p>", "<p>ac</p>"),
            ("<li>a<select><option>b<li>c", "<li>a</li><li>c</li>"),
            ("<div>a<template>b<div>c</div></template>d</div>e", "<div>ad</div>e"),
            ("<div>a<template>b</div>e<p>f", "<div>a</div>e<p>f</p>"),
            ("<p>a<script>b</p><p>c", "<p>a</p><p>c</p>"),
            ("<div hidden>a</b>b</section>c", ""),
            (
                "<a href='javascript:x' title=t>a <i>b</i></a> <a name=x href='data:y'>c</a>",
                "a <i>b</i> <a name=\"x\">c</a>",
            ),
            ("<center><font color=red>x</font></center>", "<div>x</div>"),
            ("<fieldset><legend>a</legend>b</fieldset>", "<div><div>a</div>b</div>"),
            ("a <bdo dir=RTL class=x>b</bdo> c", "a <bdi dir=\"rtl\">b</bdi> c"),
            ("<form><input type=checkbox checked> a<input type=text></form>", "☑ a"),
            ("<div hidden>x</div>y<p style='display : none'>z</p>", "y"),
            ("<p hidden>x<p>y", "<p>y</p>"),
            ("<img src='data:x' alt='a cat'>", "a cat"),
            ("a<!-- more -->b<!-- c -->", "a|b"),
            ("x&#0;&#1;y&#xFDD0;&#x85;", "xy…"),
            ("<pre>\n\n a</pre>", "<pre> a</pre>"),
        ]);
    }

    #[test]
    fn frames_become_links() {
        check(&[
            (
                "<iframe src='//www.youtube.com/embed/abc?x=1'></iframe>",
                "<p><a href=\"https://www.youtube.com/watch?v=abc\">www.youtube.com/watch?v=abc</a></p>",
            ),
            (
                "<p>a <iframe src=/x title='A map'>no frames</iframe> b",
                "<p>a <a href=\"^/x^\">A map</a> b</p>",
            ),
            ("<iframe src=https://t.example/ width=1 height=1></iframe>", ""),
        ]);
    }

    #[test]
    fn depth_and_size_are_bounded() {
        let deep = rebuilt(&format!("{}x{}y", "<div>".repeat(20_000), "</div>".repeat(20_000)));
        assert_eq!(deep, format!("{}x{}y", "<div>".repeat(100), "</div>".repeat(100)));
        let formatting: String = (0..20_000).map(|n| format!("<b id=b{n}>x<p>")).collect();
        assert!(rebuilt(&formatting).len() < 20 * formatting.len());
        let resolver = Resolver::new(&RelPath::root());
        assert_eq!(
            rebuild(
                &tokens(&"<p>&amp;".repeat(100)),
                &resolver,
                100,
                300,
                &mut Findings::default()
            ),
            None
        );
    }
}
