//! What is known of the files of a projection. There may be as many as articles, or several times
//! that, so it is kept as few bytes.

use crate::base::Digest;
use crate::base::shelf::{Filling, Shelf};

use super::target::Stamp;
use crate::store::Projected;

/// The place of the digests in a value: behind the place and the stamp.
const DIGESTS_AT: usize = 1 + 8;

/// The bytes of a digest.
const DIGEST_BYTES: usize = 32;

/// The files, by name.
///
/// The value of a name is the place in `recorded` of the digest that the file has, from 1, or 0; the
/// file's stamp; then the digests of `recorded`.
#[derive(Debug, Default)]
pub(super) struct Manifest(Shelf);

/// The knowledge about a name.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Known {
    /// Its row in the manifest. It contains the digest of `on_disk`.
    pub(super) recorded: Vec<Digest>,
    /// The file; `None` if it is not known for certain.
    pub(super) on_disk: Option<OnDisk>,
}

/// The knowledge about a file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct OnDisk {
    /// The digest of its bytes.
    pub(super) digest: Digest,
    /// Its stamp when it had them.
    pub(super) stamp: Stamp,
}

impl Manifest {
    /// A manifest of what was recorded, by ascending name; of no file it is known which of its
    /// digests it has.
    pub(super) fn of(rows: Vec<Projected>) -> Self {
        let mut filling = Filling::default();
        for (name, recorded) in rows {
            let known = Known { recorded, on_disk: None };
            filling.push(name.as_bytes(), &known.to_bytes());
        }
        Self(filling.finish())
    }

    /// The knowledge about a name.
    pub(super) fn get(&self, name: &str) -> Option<Known> {
        Some(Known::from_bytes(self.0.get(name.as_bytes())?))
    }

    /// The file, if it is certain.
    pub(super) fn on_disk(&self, name: &str) -> Option<OnDisk> {
        let (place, stamp, digests) = parts(self.0.get(name.as_bytes())?)?;
        let digest = digests.chunks_exact(DIGEST_BYTES).nth(place?).map(digest)?;
        Some(OnDisk { digest, stamp })
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

    /// Notes a file, whose digest is in its row; `None` if it is not certain.
    pub(super) fn set_on_disk(&mut self, name: &str, on_disk: Option<OnDisk>) {
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
            Some(file) => vec![file.digest],
            None => self.recorded,
        }
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(DIGESTS_AT + self.recorded.len() * DIGEST_BYTES);
        let digest = self.on_disk.map(|file| file.digest);
        let place = self.recorded.iter().position(|recorded| Some(*recorded) == digest);
        // There are never so many that a place does not fit; it would not be certain then.
        bytes.push(place.and_then(|place| u8::try_from(place + 1).ok()).unwrap_or(0));
        let stamp = self.on_disk.map(|file| file.stamp).unwrap_or_default();
        bytes.extend_from_slice(&stamp.0.to_le_bytes());
        for digest in &self.recorded {
            bytes.extend_from_slice(digest.as_bytes());
        }
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Self {
        let Some((place, stamp, digests)) = parts(bytes) else { return Self::default() };
        let recorded: Vec<Digest> = digests.chunks_exact(DIGEST_BYTES).map(digest).collect();
        let digest = place.and_then(|place| recorded.get(place).copied());
        Self { on_disk: digest.map(|digest| OnDisk { digest, stamp }), recorded }
    }
}

/// The parts of a value: the place of the file's digest, its stamp, and the digests.
fn parts(bytes: &[u8]) -> Option<(Option<usize>, Stamp, &[u8])> {
    let (place, rest) = bytes.split_first()?;
    let (stamp, digests) = rest.split_first_chunk()?;
    Some((usize::from(*place).checked_sub(1), Stamp(u64::from_le_bytes(*stamp)), digests))
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
        let file = |place: usize| OnDisk { digest: digests[place], stamp: Stamp(7) };
        for on_disk in [None, Some(file(0)), Some(file(2)), None] {
            manifest.set_on_disk("x", on_disk);
            let known = Known { recorded: digests.to_vec(), on_disk };
            assert_eq!((manifest.get("x"), manifest.on_disk("x")), (Some(known), on_disk));
        }
        manifest.put("a", &Known { recorded: Vec::new(), on_disk: None });
        assert_eq!(manifest.get("a"), Some(Known::default()));
        // Of a name that is not known, nothing is noted.
        manifest.set_on_disk("b", Some(file(0)));
        assert_eq!(manifest.names().collect::<Vec<_>>(), ["a", "x"]);
        manifest.remove("x");
        assert_eq!((manifest.get("x"), manifest.names().count()), (None, 1));
    }
}
