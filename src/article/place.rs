//! What the path of a file says: its names for the URL, its directories, its date, whether it is a draft.

use crate::base::RelPath;
use crate::base::time::Written;

/// What the path of a file says of its article.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// The names from which the URL is made, the last one the article's own: without extension, without the date of
    /// `2026-11-22-some-title.md`, without `_posts`, without the `index` of `dir/index.md` (then `dir` is the last). Empty
    /// only for an `index.md` in the root.
    pub names: Vec<String>,
    /// The directories whose feeds carry it, from the root down, `_posts` and the like left out: `names` without its last.
    pub directories: Vec<String>,
    /// The date in the file's name, or in directories of the shape `2026/11/22`.
    pub date: Option<Written>,
    /// Does it stand in `_drafts` or `drafts`?
    pub draft: bool,
}

/// What `path` says.
pub fn place(path: &RelPath) -> Placed {
    let mut names: Vec<String> = path.segments().map(str::to_owned).collect();
    let directories = names[..names.len().saturating_sub(1)].to_vec();
    if let Some(last) = names.last_mut() {
        path.stem().clone_into(last);
    }
    Placed { names, directories, date: None, draft: false }
}
