//! Files of kinds that are not read, such as `.rst`: an author who wrote one looks for its article.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use crate::base::{Diagnostic, RelPath, special};

use super::Diagnostics;

/// Files of one kind that are named. A directory of a thousand documents of an office needs one
/// line, not a thousand.
const NAMED_MAX: usize = 10;

/// A kind of document that authors write, and that is not read.
#[derive(Debug)]
struct Kind {
    name: &'static str,
    extensions: &'static [&'static str],
    /// The program that makes Markdown or HTML of it.
    converter: Option<&'static str>,
}

/// Every such kind.
const KINDS: [Kind; 20] = [
    Kind { name: "AsciiDoc", extensions: &["adoc", "asciidoc"], converter: Some("asciidoctor") },
    Kind { name: "Creole", extensions: &["creole"], converter: Some("pandoc") },
    Kind { name: "Djot", extensions: &["dj", "djot"], converter: Some("pandoc") },
    Kind { name: "LaTeX", extensions: &["latex", "tex"], converter: Some("pandoc") },
    Kind {
        name: "Markdown under another extension",
        extensions: &["mdown", "mdtext", "mdwn", "mkd", "mkdn", "mkdown", "mmd", "ronn", "text"],
        converter: None,
    },
    Kind { name: "MDX", extensions: &["mdx"], converter: None },
    Kind { name: "MediaWiki", extensions: &["mediawiki", "wiki"], converter: Some("pandoc") },
    Kind { name: "OpenDocument", extensions: &["fodt", "odt"], converter: Some("pandoc") },
    Kind { name: "Org", extensions: &["org"], converter: Some("pandoc") },
    Kind { name: "Pages", extensions: &["pages"], converter: None },
    Kind { name: "POD", extensions: &["pod"], converter: Some("pod2markdown") },
    Kind {
        name: "R Markdown",
        extensions: &["qmd", "rmarkdown", "rmd"],
        converter: Some("quarto"),
    },
    Kind { name: "RDoc", extensions: &["rdoc"], converter: Some("rdoc") },
    Kind { name: "reStructuredText", extensions: &["rest", "rst"], converter: Some("pandoc") },
    Kind { name: "Rich Text", extensions: &["rtf"], converter: Some("pandoc") },
    Kind { name: "Textile", extensions: &["textile"], converter: Some("pandoc") },
    Kind { name: "Typst", extensions: &["typ"], converter: Some("pandoc") },
    Kind { name: "Word", extensions: &["doc", "docm", "docx"], converter: Some("pandoc") },
    Kind { name: "XHTML", extensions: &["mht", "mhtml", "shtml", "xht", "xhtml"], converter: None },
    Kind { name: "a notebook of Jupyter", extensions: &["ipynb"], converter: Some("nbconvert") },
];

/// The files of such kinds, as a scan visits them, in any order.
#[derive(Debug, Default)]
pub(super) struct Unread(Mutex<BTreeMap<&'static str, Files>>);

/// The files of one kind.
#[derive(Debug)]
struct Files {
    kind: &'static Kind,
    count: usize,
    /// The first by path, at most [`NAMED_MAX`].
    named: BTreeSet<RelPath>,
}

impl Unread {
    /// Takes note of `path` if it is of such a kind, and where articles are.
    pub(super) fn visit(&self, path: &RelPath) {
        let Some(kind) = kind_of(path) else { return };
        if special::excluded_by(path.as_str()).is_some() {
            return;
        }
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let files =
            all.entry(kind.name).or_insert(Files { kind, count: 0, named: BTreeSet::new() });
        files.count += 1;
        files.named.insert(path.clone());
        if files.named.len() > NAMED_MAX {
            files.named.pop_last();
        }
    }

    /// A note for each file; for more than a few of one kind, one note for the rest.
    pub(super) fn into_notes(self) -> Diagnostics {
        let all = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut notes = Diagnostics::new();
        for Files { kind, count, named } in all.into_values() {
            let rest = count - named.len();
            for path in named {
                notes.push((path, note(format!("is {}", kind.name), kind)));
            }
            if rest > 0 {
                let subject = format!("{rest} more files are {}", kind.name);
                notes.push((RelPath::root(), note(subject, kind)));
            }
        }
        notes
    }
}

fn note(subject: String, kind: &Kind) -> Diagnostic {
    let advice = match kind.converter {
        Some(converter) => format!("convert with {converter}"),
        None => "save as .md, .html or .txt".to_owned(),
    };
    Diagnostic::note("kind-not-read", format!("{subject}, which is not read; {advice}"))
}

fn kind_of(path: &RelPath) -> Option<&'static Kind> {
    let extension = path.extension()?;
    let is_of =
        |kind: &&Kind| kind.extensions.iter().any(|known| known.eq_ignore_ascii_case(extension));
    KINDS.iter().find(is_of)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::media::is_asset;
    use crate::base::path::FileKind;

    #[test]
    fn each_kind_is_one_that_is_not_read() {
        let mut seen = BTreeSet::new();
        for kind in &KINDS {
            for extension in kind.extensions {
                let path = RelPath::new(&format!("a.{extension}")).unwrap();
                assert_eq!(FileKind::of(&path), FileKind::Other, "{path}");
                assert!(!is_asset(&path) && seen.insert(*extension), "{path}");
            }
        }
    }

    #[test]
    fn a_few_are_named_and_the_rest_are_counted() {
        let unread = Unread::default();
        for n in (0..13).rev() {
            unread.visit(&RelPath::new(&format!("office/{n:02}.DOCX")).unwrap());
        }
        for path in ["post.rst", "_includes/a.rst", "a.md", "a.png", "rst", "n.sync-conflict-1.rst"]
        {
            unread.visit(&RelPath::new(path).unwrap());
        }
        let notes: Vec<String> = unread
            .into_notes()
            .into_iter()
            .map(|(path, found)| format!("{path}: {}", found.message))
            .collect();
        assert_eq!(notes.len(), NAMED_MAX + 2);
        assert_eq!(notes[0], "office/00.DOCX: is Word, which is not read; convert with pandoc");
        assert_eq!(
            notes[NAMED_MAX],
            ": 3 more files are Word, which is not read; convert with pandoc"
        );
        assert_eq!(
            notes[NAMED_MAX + 1],
            "post.rst: is reStructuredText, which is not read; convert with pandoc"
        );
    }
}
