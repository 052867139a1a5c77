//! Ignored paths: temporary names of editors, browsers and sync tools, dotfiles, and the patterns
//! of `articles.ignore`.
//!
//! Pure: only paths are examined. Paths that are ignored for other reasons (`_drafts`, `_layouts`)
//! belong to the article module.

use ::ignore::gitignore::{Gitignore, GitignoreBuilder};
use thiserror::Error;

use crate::base::{RelPath, special};

/// The built-in names and the patterns of `articles.ignore`.
#[derive(Debug, Clone)]
pub struct Ignore {
    patterns: Gitignore,
}

/// A pattern of `articles.ignore` that is not valid by gitignore(5).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{pattern}` is not a valid gitignore pattern: {reason}")]
pub struct BadPattern {
    /// The pattern as written.
    pub pattern: String,
    /// The reason, as the parser gives it.
    pub reason: String,
}

/// The kind of an entry whose name is compared: some patterns match directories alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A file, or a link to one.
    File,
    /// A directory, or a link to one.
    Directory,
}

impl Ignore {
    /// The built-in names and these patterns, in the syntax of gitignore(5), relative to the
    /// article directory.
    ///
    /// # Errors
    ///
    /// The first pattern that is not valid.
    pub fn new(patterns: &[String]) -> Result<Self, BadPattern> {
        let mut builder = GitignoreBuilder::new("");
        for pattern in patterns {
            builder.add_line(None, pattern).map_err(|error| bad(pattern, &error))?;
        }
        let patterns = builder.build().map_err(|error| bad(&patterns.join(", "), &error))?;
        Ok(Self { patterns })
    }

    /// Returns whether the entry at `path` is ignored, given that the directory it is in is not.
    pub fn hides(&self, path: &RelPath, kind: EntryKind) -> bool {
        let is_dir = kind == EntryKind::Directory;
        is_hidden(path.name())
            || (special::is_called_well_known(path.name())
                && !special::is_well_known(path.as_str()))
            || (is_dir && is_of_packages(path))
            || self.patterns.matched(path.as_str(), is_dir).is_ignore()
    }

    /// Returns whether `path` is ignored, itself or by a directory above it.
    pub fn hides_at_any_depth(&self, path: &RelPath, kind: EntryKind) -> bool {
        if self.hides(path, kind) {
            return true;
        }
        for directory in ancestors(path) {
            if self.hides(&directory, EntryKind::Directory) {
                return true;
            }
        }
        false
    }
}

/// Returns whether a file or directory of this name is silently ignored.
///
/// `4913`, the file with which vim probes a directory, is not listed: without an extension it is no
/// article, and a directory of that name is one like any other. `.well-known` is read in two
/// places, which [`Ignore::hides`] knows.
pub fn is_hidden(name: &str) -> bool {
    const ENDINGS: &[&str] = &["~", ".tmp", ".part", ".crdownload", ".swp", ".swx"];
    (name.starts_with('.') && !special::is_called_well_known(name))
        || name.starts_with("~syncthing~")
        // Lock files of Office, and the recycle bin of Synology's shares.
        || name.starts_with("~$")
        || name.eq_ignore_ascii_case("#recycle")
        || ENDINGS.iter().any(|ending| name.ends_with(ending))
        || (name.len() > 1 && name.starts_with('#') && name.ends_with('#'))
}

/// Returns whether this is a directory of a package manager, whose texts are other people's. Jekyll
/// excludes the same directories.
fn is_of_packages(path: &RelPath) -> bool {
    match path.name() {
        "node_modules" => true,
        "bundle" | "cache" | "gems" | "ruby" => match path.parent() {
            Some(parent) => parent.name() == "vendor",
            None => false,
        },
        _ => false,
    }
}

/// The directories above `path`, innermost first, without the article directory itself.
pub(super) fn ancestors(path: &RelPath) -> impl Iterator<Item = RelPath> {
    std::iter::successors(path.parent(), RelPath::parent).filter(|above| !above.is_root())
}

fn bad(pattern: &str, error: &::ignore::Error) -> BadPattern {
    BadPattern { pattern: pattern.to_owned(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RelPath {
        RelPath::new(text).unwrap()
    }

    #[test]
    fn built_in_names() {
        for name in [
            ".git",
            ".a.md.swp",
            "..data",
            ".~lock.a.md#",
            ".syncthing.a.md.tmp",
            "~syncthing~a.md",
            "a.md~",
            "#a.md#",
            ".#a.md",
            "a.tmp",
            "a.md.part",
            "a.md.crdownload",
            "a.swp",
            "a.swx",
            "~",
            "~$note.html",
            "#recycle",
        ] {
            assert!(is_hidden(name), "{name}");
        }
        for name in ["a.md", "#a.md", "a#", "#", "4913", "tmp", "part.md", "_posts", "~a.md"] {
            assert!(!is_hidden(name), "{name}");
        }
    }

    #[test]
    fn patterns_are_those_of_gitignore() {
        use EntryKind::{Directory, File};

        let patterns = ["build/", "*.draft.md", "/only-here.md", "notes/*", "!notes/keep.md"];
        let ignore = Ignore::new(&patterns.map(str::to_owned)).unwrap();
        for (name, kind, hidden) in [
            ("build", Directory, true),
            ("build", File, false),
            ("a/build/b.md", File, true),
            ("a/b.draft.md", File, true),
            ("only-here.md", File, true),
            ("a/only-here.md", File, false),
            ("notes/a.md", File, true),
            ("notes/keep.md", File, false),
            ("a/.git/b.md", File, true),
            ("a/b.tmp/c.md", File, true),
            ("a/b.md", File, false),
            ("a/node_modules/b/README.md", File, true),
            ("vendor/bundle/a.md", File, true),
            ("vendor/a.md", File, false),
            ("bundle/a.md", File, false),
            ("node_modules", File, false),
            (".well-known/security.txt", File, false),
            ("static/.well-known/security.txt", File, false),
            ("static/.well-known/.git/a", File, true),
            ("a/.well-known/security.txt", File, true),
            ("static/.git/a", File, true),
        ] {
            assert_eq!(ignore.hides_at_any_depth(&path(name), kind), hidden, "{name}");
        }
        assert_eq!(Ignore::new(&["a{".to_owned()]).unwrap_err().pattern, "a{");
    }
}
