//! What is known of the files of a projection. There may be as many as articles, or several times
//! that, so it is kept as few bytes.

use crate::base::Digest;
use crate::base::shelf::{Filling, Shelf};

use crate::store::Projected;

/// The bytes of a digest.
const DIGEST_BYTES: usize = 32;

/// The files, by name.
///
/// The value of a name is its place in `recorded` that `on_disk` has, from 1, or 0; then the digests
/// of `recorded`.
#[derive(Debug, Default)]
pub(super) struct Manifest(Shelf);

/// The knowledge about a name.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Known {
    /// Its row in the manifest. It contains `on_disk`.
    pub(super) recorded: Vec<Digest>,
    /// The digest of the file; `None` if it is not known for certain.
    pub(super) on_disk: Option<Digest>,
}

impl Manifest {
    /// What was recorded, by ascending name; of no file it is known which of its digests it has.
    pub(super) fn of(rows: Vec<Projected>) -> Self {
        let mut filling = Filling::default();
        for (name, recorded) in rows {
            let known = Known { recorded, on_disk: None };
            filling.push(name.as_bytes(), &known.to_bytes());
        }
        Self(filling.finish())
    }

    /// What is known of a name.
    pub(super) fn get(&self, name: &str) -> Option<Known> {
        Some(Known::from_bytes(self.0.get(name.as_bytes())?))
    }

    /// The digest of a file, if it is certain.
    pub(super) fn on_disk(&self, name: &str) -> Option<Digest> {
        let bytes = self.0.get(name.as_bytes())?;
        let place = usize::from(*bytes.first()?).checked_sub(1)?;
        bytes[1..].chunks_exact(DIGEST_BYTES).nth(place).map(digest)
    }

    /// Every name, in order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        // A key was the bytes of a name.
        self.0.iter().filter_map(|(name, _)| std::str::from_utf8(name).ok())
    }

    /// Takes up what is known of a name now.
    pub(super) fn put(&mut self, name: &str, known: &Known) {
        self.0.put(name.as_bytes(), &known.to_bytes());
    }

    /// Notes the digest that a file has, which is in its row; `None` if that is not certain.
    pub(super) fn set_on_disk(&mut self, name: &str, on_disk: Option<Digest>) {
        if let Some(known) = self.get(name) {
            self.put(name, &Known { on_disk, ..known });
        }
    }

    /// Forgets a name.
    pub(super) fn remove(&mut self, name: &str) {
        self.0.remove(name.as_bytes());
    }
}

impl Known {
    /// The digests that the file may have, oldest first.
    pub(super) fn possible(self) -> Vec<Digest> {
        match self.on_disk {
            Some(digest) => vec![digest],
            None => self.recorded,
        }
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(1 + self.recorded.len() * DIGEST_BYTES);
        let place = self.recorded.iter().position(|digest| Some(*digest) == self.on_disk);
        // There are never so many that a place does not fit; it would not be certain then.
        bytes.push(place.and_then(|place| u8::try_from(place + 1).ok()).unwrap_or(0));
        for digest in &self.recorded {
            bytes.extend_from_slice(digest.as_bytes());
        }
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Self {
        let Some((place, digests)) = bytes.split_first() else { return Self::default() };
        let recorded: Vec<Digest> = digests.chunks_exact(DIGEST_BYTES).map(digest).collect();
        let place = usize::from(*place).checked_sub(1);
        Self { on_disk: place.and_then(|place| recorded.get(place).copied()), recorded }
    }
}

fn digest(bytes: &[u8]) -> Digest {
    let mut array = [0; DIGEST_BYTES];
    array.copy_from_slice(bytes);
    Digest::from_bytes(array)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_read_as_it_was() {
        let digests = ["a", "b", "c"].map(|text| Digest::of(text.as_bytes()));
        let mut manifest = Manifest::of(vec![("x".to_owned(), digests.to_vec())]);
        assert_eq!(manifest.on_disk("x"), None);
        for on_disk in [None, Some(digests[0]), Some(digests[2]), None] {
            manifest.set_on_disk("x", on_disk);
            let known = Known { recorded: digests.to_vec(), on_disk };
            assert_eq!((manifest.get("x"), manifest.on_disk("x")), (Some(known), on_disk));
        }
        manifest.put("a", &Known { recorded: Vec::new(), on_disk: None });
        assert_eq!(manifest.get("a"), Some(Known::default()));
        // Of a name that is not known, nothing is noted.
        manifest.set_on_disk("b", Some(digests[0]));
        assert_eq!(manifest.names().collect::<Vec<_>>(), ["a", "x"]);
        manifest.remove("x");
        assert_eq!((manifest.get("x"), manifest.names().count()), (None, 1));
    }
}
