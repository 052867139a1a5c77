//! The files of the library that are not articles: where each is served, and whether.

use crate::base::{RelPath, Route, UrlPath, special};

use super::{FAVICONS, ICON, Library, Lookup, channel};

impl Library {
    /// Whether there is a picture of the site, which every feed shows.
    pub(super) fn has_icon(&self) -> bool {
        self.root_file(ICON).is_some()
    }

    /// The file that browsers get as the site's icon, where there is one.
    pub fn favicon(&self) -> Option<RelPath> {
        FAVICONS.into_iter().find_map(|name| self.root_file(name))
    }

    /// The file of this name at the site's root: the author's `robots.txt`, and `404.html`.
    pub fn root_file(&self, name: &str) -> Option<RelPath> {
        self.asset(name).or_else(|| self.asset(&special::in_static(name)))
    }

    /// The file at `path` in a private directory.
    pub(super) fn private_file(&self, path: &str) -> Option<RelPath> {
        self.private.spelled(&RelPath::new(path)?).cloned()
    }

    /// Every file in a private directory.
    pub fn private_files(&self) -> impl Iterator<Item = &RelPath> {
        self.private.paths()
    }

    /// Whether a public article refers to this file in a private directory.
    pub fn shows(&self, file: &RelPath) -> bool {
        let url = UrlPath::new(file.as_str()).map(Route::Resource);
        self.references.with_name_of(file).any(|target| match self.locate(target) {
            Some(found) => Some(found) == url,
            // A site at `/blog/`, whose author writes `/blog/_img/a.png`.
            None => ends_in(target, file),
        })
    }

    /// Remembers that `path` is a link to a text, or (`None`) that it is none; false where that is
    /// known.
    pub(super) fn set_link(&mut self, path: &RelPath, target: Option<&RelPath>) -> bool {
        let number = |target: &RelPath| channel::number(&format!("{path} leads to {target}"));
        let old = match target {
            Some(target) => self.linked.insert(path.clone(), target.clone()),
            None => self.linked.remove(path),
        };
        if let Some(target) = target {
            self.shown = self.shown.wrapping_add(number(target));
        }
        if let Some(old) = &old {
            self.shown = self.shown.wrapping_sub(number(old));
        }
        old.as_ref() != target
    }

    /// Adds a file that is served as it is; false where it was known.
    pub(super) fn add_file(&mut self, path: &RelPath) -> bool {
        if special::is_private(path.as_str()) {
            self.private.insert(path)
        } else {
            self.assets.insert(path)
        }
    }

    /// Takes one out; false where it was not there.
    pub(super) fn remove_file(&mut self, path: &RelPath) -> bool {
        self.private.remove(path) || self.assets.remove(path)
    }

    /// Whether the file at `path` is served as it is.
    pub fn is_asset(&self, path: &RelPath) -> bool {
        self.assets.contains(path)
    }

    /// The URL of an asset: at the site's root for a file of `static/`, unless something else is
    /// there; else its own path.
    pub fn asset_url(&self, asset: &RelPath) -> Option<UrlPath> {
        if let Some(short) = special::beneath_static(asset.as_str()).and_then(UrlPath::new)
            && self.find(&short) == Lookup::Asset(asset.clone())
        {
            return Some(short);
        }
        UrlPath::new(asset.as_str())
    }

    pub(super) fn asset(&self, path: &str) -> Option<RelPath> {
        self.assets.spelled(&RelPath::new(path)?).cloned()
    }
}

/// Whether a path of the site ends in the path of a file.
fn ends_in(target: &str, file: &RelPath) -> bool {
    let before = target.strip_prefix('/').and_then(|path| path.strip_suffix(file.as_str()));
    before.is_some_and(|before| before.ends_with('/'))
}
