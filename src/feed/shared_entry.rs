//! An entry that the feeds of many steps share: most of them have all entries of the feed before.

use std::hash::{Hash, Hasher};
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, OnceLock};

use crate::base::Digest;

use super::Entry;

/// An entry, with its digest once that was asked for. It is cheap to copy; to change a copy changes
/// no other.
#[derive(Debug, Clone)]
pub struct SharedEntry(Arc<Digested>);

#[derive(Debug, Clone)]
struct Digested {
    entry: Entry,
    digest: OnceLock<Digest>,
}

impl SharedEntry {
    /// The digest of all that is in the entry.
    pub fn digest(&self) -> Digest {
        *self.0.digest.get_or_init(|| Digest::of_value(&self.0.entry))
    }
}

impl From<Entry> for SharedEntry {
    fn from(entry: Entry) -> Self {
        Self(Arc::new(Digested { entry, digest: OnceLock::new() }))
    }
}

impl Deref for SharedEntry {
    type Target = Entry;

    fn deref(&self) -> &Entry {
        &self.0.entry
    }
}

impl DerefMut for SharedEntry {
    fn deref_mut(&mut self) -> &mut Entry {
        let own = Arc::make_mut(&mut self.0);
        own.digest.take();
        &mut own.entry
    }
}

impl PartialEq for SharedEntry {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.entry == other.0.entry
    }
}

impl Hash for SharedEntry {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.entry.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn a_copy_that_is_changed_changes_no_other_and_has_its_own_digest() {
        let one = sample::feed().entries.remove(0);
        let digest = one.digest();
        let mut other = one.clone();
        assert_eq!((other.digest(), &other), (digest, &one));
        other.title.push('!');
        assert_ne!(other, one);
        assert_ne!(other.digest(), digest);
        assert_eq!(one.digest(), digest);
        assert_eq!(other.digest(), Digest::of_value(&*other));
        other.title.pop();
        assert_eq!((other.digest(), &other), (digest, &one));
    }
}
