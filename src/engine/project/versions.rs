//! The versions of the documents in `feeds/` that are rendered for it: one that is there in its
//! version is not rendered again, also after a restart.

use std::collections::{HashMap, HashSet};

use super::super::value;
use crate::base::{Digest, Route};

/// The version of each warm document that is in `feeds/`.
///
/// There may be several times as many as articles. Only the beginnings of digests are kept, of a
/// route and of its version: 64 bits each, so that two do not begin alike by accident.
pub(super) struct Versions(HashMap<u64, u64>);

impl Versions {
    /// The versions that the store remembers.
    pub(super) fn of(values: &[(String, String)]) -> Self {
        let mut versions = HashMap::new();
        for (name, version) in values {
            let Some(route) = name.strip_prefix(value::PROJECTED) else { continue };
            let Some(version) = version.get(..16) else { continue };
            if let Ok(version) = u64::from_str_radix(version, 16) {
                versions.insert(Digest::of(route.as_bytes()).prefix(), version);
            }
        }
        Self(versions)
    }

    /// Whether the document of `route` in `feeds/` has this version.
    pub(super) fn is(&self, route: &Route, version: Digest) -> bool {
        self.0.get(&Self::key(route)) == Some(&version.prefix())
    }

    pub(super) fn set(&mut self, route: &Route, version: Digest) {
        self.0.insert(Self::key(route), version.prefix());
    }

    /// Forgets those of all other routes.
    pub(super) fn keep(&mut self, routes: impl Iterator<Item = Route>) {
        let kept: HashSet<u64> = routes.map(|route| Self::key(&route)).collect();
        self.0.retain(|key, _| kept.contains(key));
    }

    fn key(route: &Route) -> u64 {
        Digest::of(route.to_string().as_bytes()).prefix()
    }
}

/// The name of the value that remembers the version of a projected document.
pub(super) fn value_name(route: &Route) -> String {
    format!("{}{route}", value::PROJECTED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Format, Scope};

    #[test]
    fn versions_are_remembered_as_they_were_projected() {
        let route = Route::Feed(Scope::Site, Format::Atom);
        let other = Route::Archive(Scope::Site, 7, Format::Json);
        let version = Digest::of(b"1");
        let value = (value_name(&route), version.to_string());
        let mut versions = Versions::of(&[value, ("root".to_owned(), version.to_string())]);
        assert_eq!(versions.0.len(), 1);
        assert!(versions.is(&route, version) && !versions.is(&route, Digest::of(b"2")));
        versions.set(&other, Digest::of(b"2"));
        versions.keep(std::iter::once(other.clone()));
        assert!(!versions.is(&route, version) && versions.is(&other, Digest::of(b"2")));
    }
}
