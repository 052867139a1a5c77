//! Lines that say something to another generator's compiler and show nothing themselves: imports
//! and exports of MDX, files to include (VitePress, MkDocs), and the long forms of abbreviations
//! (kramdown, Python-Markdown). They become blank lines, so that lines keep their numbers.

use std::borrow::Cow;

use crate::article::findings::Findings;
use crate::article::signs::Signs;
use crate::base::Diagnostic;

use super::admonitions::follow_fence;

/// One of these is in every directive.
static SIGNS: Signs = Signs::new(&["import ", "export ", "*[", "<<< ", "--8<--"]);

/// Lines of one import.
const IMPORT_MAX_LINES: usize = 50;

/// The text without such lines. Code keeps them.
pub(crate) fn without_directives<'t>(text: &'t str, findings: &mut Findings) -> Cow<'t, str> {
    if !SIGNS.are_in(text) {
        return Cow::Borrowed(text);
    }
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let mut out = String::with_capacity(text.len());
    let mut fence = None;
    let mut follows_blank = true;
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at];
        let is_code = follow_fence(&mut fence, line);
        let found = if is_code { None } else { directive(&lines[at..], follows_blank) };
        let Some((name, len)) = found else {
            out.push_str(line);
            follows_blank = !is_code && line.trim().is_empty();
            at += 1;
            continue;
        };
        if let Some(name) = name {
            let message = format!("the template tag `{name}` was removed");
            let number = u32::try_from(at + 1).unwrap_or(u32::MAX);
            findings.count(Diagnostic::warning("template-tag", message), number, || 1);
        }
        for removed in &lines[at..at + len] {
            out.push_str(if removed.ends_with('\n') { "\n" } else { "" });
        }
        follows_blank = true;
        at += len;
    }
    Cow::Owned(out)
}

/// The name of the directive that begins on the first of `lines`, if it is worth a finding, and the
/// number of its lines.
fn directive(lines: &[&str], follows_blank: bool) -> Option<(Option<&'static str>, usize)> {
    let line = lines[0].trim_end();
    if is_abbreviation(line) {
        return Some((None, 1));
    }
    if let Some(file) = line.strip_prefix("<<< ")
        && file.trim_start().starts_with(['@', '.', '/'])
    {
        return Some((Some("<<<"), 1));
    }
    let snippet = line.trim_start_matches([' ', ';']);
    if let Some(file) = snippet.strip_prefix("--8<--")
        && file.trim().starts_with('"')
        && file.trim_end().ends_with('"')
        && file.trim().len() > 2
    {
        return Some((Some("--8<--"), 1));
    }
    if snippet == "--8<--" {
        return block_len(lines).map(|len| (Some("--8<--"), len));
    }
    if !follows_blank {
        return None;
    }
    if line.starts_with("import ") {
        return import_len(lines).map(|len| (Some("import"), len));
    }
    if is_export(line) {
        let end = lines.iter().position(|line| line.trim().is_empty()).unwrap_or(lines.len());
        return Some((Some("export"), end));
    }
    None
}

/// The number of lines of names of files between two lines of `--8<--`.
fn block_len(lines: &[&str]) -> Option<usize> {
    for (number, line) in lines.iter().enumerate().take(IMPORT_MAX_LINES).skip(1) {
        match line.trim() {
            "" => return None,
            "--8<--" => return Some(number + 1),
            _ => {}
        }
    }
    None
}

/// `*[HTML]: Hyper Text Markup Language`
fn is_abbreviation(line: &str) -> bool {
    let Some((short, long)) = line.strip_prefix("*[").and_then(|rest| rest.split_once("]:")) else {
        return false;
    };
    !short.is_empty() && !short.contains(['[', ']']) && !long.trim().is_empty()
}

/// The number of lines of `import x from 'y';`, `import 'y';` or `import {` over lines up to `}
/// from 'y'`.
fn import_len(lines: &[&str]) -> Option<usize> {
    let first = lines[0].trim_end().trim_end_matches(';');
    let what = first.strip_prefix("import ")?.trim();
    if is_quoted(what) || ends_in_source(what) {
        return Some(1);
    }
    if !what.starts_with('{') || what.contains('}') {
        return None;
    }
    for (number, line) in lines.iter().enumerate().take(IMPORT_MAX_LINES).skip(1) {
        let line = line.trim().trim_end_matches(';');
        if line.is_empty() {
            return None;
        }
        if line.contains('}') {
            return if ends_in_source(line) { Some(number + 1) } else { None };
        }
    }
    None
}

fn ends_in_source(what: &str) -> bool {
    what.rsplit_once(" from ").is_some_and(|(names, source)| {
        let is_names = !names.trim().is_empty() && !names.contains(". ");
        is_names && is_quoted(source.trim())
    })
}

fn is_quoted(text: &str) -> bool {
    let inner = ['"', '\'']
        .iter()
        .find_map(|quote| text.strip_prefix(*quote).and_then(|rest| rest.strip_suffix(*quote)));
    inner.is_some_and(|inner| !inner.is_empty() && !inner.contains(['"', '\'']))
}

/// `export const x = …`, `export default …`, `export function x() …`
fn is_export(line: &str) -> bool {
    let Some(rest) = line.strip_prefix("export ") else { return false };
    let is_value = ["const ", "let ", "var "].iter().any(|word| rest.starts_with(word));
    is_value && rest.contains('=')
        || rest.starts_with("default ") && rest.ends_with([';', '{', ')', '}'])
        || rest.starts_with("function ") && rest.contains('(')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_leave() {
        for (text, expected) in [
            ("import A from '@theme/A';\nimport {b} from \"./b\"\n\na", "\n\n\na"),
            ("import './a.css';\n\na", "\n\na"),
            ("import {\n  a,\n} from './b';\n\na", "\n\n\n\na"),
            ("a\n\nexport const b = {\n  c: 1\n};\n\nd", "a\n\n\n\n\n\nd"),
            ("export default function A() {\n  return 1;\n}\n", "\n\n\n"),
            ("a\n\n<<< @/b.js{1,3}\n\nc", "a\n\n\n\nc"),
            ("--8<-- \"a.md\"\n\n;--8<-- \"b.md\"\n", "\n\n\n"),
            ("a\n\n--8<--\nb.md\nc.md\n--8<--\n\nd", "a\n\n\n\n\n\n\nd"),
            ("The HTML.\n\n*[HTML]: Hyper Text\n*[W3C]: World Wide\n", "The HTML.\n\n\n\n"),
        ] {
            assert_eq!(without_directives(text, &mut Findings::default()), expected, "{text:?}");
        }
    }

    #[test]
    fn other_lines_stay() {
        for text in [
            "```js\nimport a from 'b';\nexport const c = 1;\n```\n",
            "import a from b\n",
            "import taxes rose. They came from 'a'\n",
            "a\nimport b from 'c';\n",
            "export taxes = 1\n",
            "    import a from 'b'\n",
            "*[a](b): c\n",
            "*[]: c\n",
            "<<< a\n",
            "--8<-- a\n",
            "--8<--\na\n\n--8<--\n",
            "import {\n\n} from 'b'\n",
        ] {
            assert_eq!(without_directives(text, &mut Findings::default()), text);
        }
    }

    #[test]
    fn each_is_named_with_its_line() {
        let mut findings = Findings::default();
        without_directives("a\n\nimport b from 'c';\n\n<<< @/d\n\n*[E]: f\n", &mut findings);
        let named: Vec<String> =
            findings.into_diagnostics().iter().map(ToString::to_string).collect();
        assert_eq!(
            named,
            [
                "3:1: the template tag `import` was removed",
                "5:1: the template tag `<<<` was removed"
            ]
        );
    }
}
