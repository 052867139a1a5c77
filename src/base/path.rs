//! Paths of files beneath the article directory.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::special;

/// A path beneath the article directory: UTF-8, `/` between segments, no empty, `.` or `..`
/// segment, no NUL.
///
/// The empty path is the article directory itself.
///
/// ```
/// use dropfeed::base::RelPath;
///
/// let path = RelPath::new("news/2026/a.md").unwrap();
/// assert_eq!((path.name(), path.stem(), path.extension()), ("a.md", "a", Some("md")));
/// assert!(path.is_beneath(&RelPath::new("news").unwrap()));
/// assert_eq!(RelPath::new("../a.md"), None);
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RelPath(Arc<str>);

impl RelPath {
    /// Returns the path of the article directory itself.
    pub fn root() -> Self {
        Self(Arc::from(""))
    }

    /// Parses a path; `None` if `text` is not one.
    pub fn new(text: &str) -> Option<Self> {
        if !text.is_empty() && !text.split('/').all(is_legal_segment) {
            return None;
        }
        Some(Self(Arc::from(text)))
    }

    /// Returns the path of `name` in this directory; `None` if `name` is not a single segment.
    pub fn join(&self, name: &str) -> Option<Self> {
        if name.is_empty() || name.contains('/') {
            return None;
        }
        if self.is_root() { Self::new(name) } else { Self::new(&format!("{self}/{name}")) }
    }

    /// True for the article directory itself.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The path's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last segment: the name of the file.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The last segment without its last extension: `a.b` of `news/a.b.md`; a leading dot starts no
    /// extension.
    pub fn stem(&self) -> &str {
        split_extension(self.name()).0
    }

    /// The last extension as written, without its dot: `md` of `news/a.b.md`.
    pub fn extension(&self) -> Option<&str> {
        split_extension(self.name()).1
    }

    /// The whole path without its last extension.
    pub fn without_extension(&self) -> &str {
        match self.extension() {
            Some(extension) => &self.0[..self.0.len() - extension.len() - 1],
            None => &self.0,
        }
    }

    /// The directory that contains this path; `None` for the root.
    pub fn parent(&self) -> Option<RelPath> {
        if self.is_root() {
            return None;
        }
        let end = self.0.rfind('/').unwrap_or(0);
        Some(Self(Arc::from(&self.0[..end])))
    }

    /// The segments, from the root down.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/').filter(|segment| !segment.is_empty())
    }

    /// True if this path is inside `directory`, at any depth. A path is not inside itself.
    pub fn is_beneath(&self, directory: &RelPath) -> bool {
        match self.0.strip_prefix(&*directory.0) {
            Some(rest) if directory.is_root() => !rest.is_empty(),
            // `newsletter/a` begins with `news`, and is not in it.
            Some(rest) => rest.starts_with('/'),
            None => false,
        }
    }
}

fn is_legal_segment(segment: &str) -> bool {
    !matches!(segment, "" | "." | "..") && !segment.contains('\0')
}

/// Splits a name at its last dot. A leading dot, as in `.profile`, starts no extension.
fn split_extension(name: &str) -> (&str, Option<&str>) {
    match name.rfind('.') {
        Some(0) | None => (name, None),
        Some(dot) => (&name[..dot], Some(&name[dot + 1..])),
    }
}

impl TryFrom<String> for RelPath {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(&text).ok_or_else(|| format!("{text:?} is not a relative path"))
    }
}

impl From<RelPath> for String {
    fn from(path: RelPath) -> Self {
        path.0.as_ref().to_owned()
    }
}

impl Borrow<str> for RelPath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// The path with control characters escaped, so that a line of log stays a line.
impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.contains(char::is_control) {
            return f.write_str(&self.0);
        }
        for c in self.0.chars() {
            if c.is_control() {
                write!(f, "{}", c.escape_default())?;
            } else {
                write!(f, "{c}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

/// The kind of a file, by its name alone.
///
/// ```
/// use dropfeed::base::RelPath;
/// use dropfeed::base::path::{FileKind, Markup};
///
/// let kind = |path| FileKind::of(&RelPath::new(path).unwrap());
/// assert_eq!(kind("news/a.md"), FileKind::Article(Markup::Markdown));
/// assert_eq!(kind("news/_index.md"), FileKind::Section(Markup::Markdown));
/// assert_eq!(kind("news/cat.png"), FileKind::Other);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// An article in this markup.
    Article(Markup),
    /// `_index.md`: the title and description of its directory; `_index.fr.md`: the same in another
    /// language.
    Section(Markup),
    /// Anything else, and whatever is served as it is: see [`special::is_verbatim`].
    Other,
}

/// The markup of an article, by its file's extension.
///
/// ```
/// use dropfeed::base::RelPath;
/// use dropfeed::base::path::{FileKind, Markup};
///
/// let path = RelPath::new("A.TXT").unwrap();
/// assert_eq!(FileKind::of(&path), FileKind::Article(Markup::Text));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Markup {
    /// `.md`, `.markdown`
    Markdown,
    /// `.html`, `.htm`
    Html,
    /// `.txt`
    Text,
}

impl FileKind {
    /// Determines the kind of the file at `path`. The case of the extension does not matter.
    pub fn of(path: &RelPath) -> Self {
        let markup = match path.extension().map(str::to_ascii_lowercase).as_deref() {
            Some("md" | "markdown") => Markup::Markdown,
            Some("html" | "htm") => Markup::Html,
            Some("txt") => Markup::Text,
            _ => return Self::Other,
        };
        if special::is_verbatim(path.as_str()) {
            return Self::Other;
        }
        let stem = path.stem();
        if stem == "_index" || stem.starts_with("_index.") {
            Self::Section(markup)
        } else {
            Self::Article(markup)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RelPath {
        RelPath::new(text).unwrap()
    }

    #[test]
    fn only_relative_paths_are_paths() {
        for bad in ["/a", "a/", "a//b", ".", "..", "a/../b", "./a", "a\0b"] {
            assert_eq!(RelPath::new(bad), None, "{bad:?}");
        }
        assert!(RelPath::new("").unwrap().is_root());
    }

    #[test]
    fn parts() {
        let p = path("news/2026/a.b.MD");
        assert_eq!((p.name(), p.stem(), p.extension()), ("a.b.MD", "a.b", Some("MD")));
        assert_eq!(p.without_extension(), "news/2026/a.b");
        assert_eq!(p.parent(), Some(path("news/2026")));
        assert_eq!(path("a").parent(), Some(RelPath::root()));
        assert_eq!(RelPath::root().parent(), None);
        assert_eq!(path(".md").extension(), None);
        assert!(p.is_beneath(&path("news")) && p.is_beneath(&RelPath::root()));
        assert!(
            !path("newsletter/a").is_beneath(&path("news"))
                && !path("news").is_beneath(&path("news"))
        );
    }

    #[test]
    fn a_name_with_a_newline_stays_on_one_line() {
        assert_eq!(path("a\nb.md").to_string(), "a\\nb.md");
    }

    #[test]
    fn kinds() {
        assert_eq!(FileKind::of(&path("a/B.Markdown")), FileKind::Article(Markup::Markdown));
        assert_eq!(FileKind::of(&path("a/_index.md")), FileKind::Section(Markup::Markdown));
        assert_eq!(FileKind::of(&path("a/_index.fr.md")), FileKind::Section(Markup::Markdown));
        assert_eq!(FileKind::of(&path("a/_index-fr.md")), FileKind::Article(Markup::Markdown));
        assert_eq!(FileKind::of(&path("a/b.png")), FileKind::Other);
        assert_eq!(FileKind::of(&path("robots.txt")), FileKind::Other);
        assert_eq!(FileKind::of(&path("static/a.md")), FileKind::Other);
    }
}
