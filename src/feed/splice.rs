//! A feed written from the entries of the one before: only its head and its new entries are rendered.
//!
//! A document is a head, its entries with the same separator between any two, and an end. An entry
//! is written from nothing but itself and what the head has, so that its bytes are the same in every
//! document with that head.

use std::ops::Range;

use bytes::Bytes;

use crate::base::Format;

use super::delta;

/// The documents of a feed in all formats, and the places of its entries in them. The bytes are
/// shared with the documents that are served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    documents: [Bytes; 3],
    places: [Vec<Range<usize>>; 3],
}

/// The source of an entry's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece {
    /// From the document before: the place of the entry there.
    Old(usize),
    /// From the document of the new entries: its place there.
    New(usize),
}

impl Written {
    /// Takes `documents`, which our writers made of a feed with `count` entries. `None` where that is
    /// not what they look like.
    pub(super) fn of(documents: &[Bytes; 3], count: usize) -> Option<Self> {
        let mut places = [const { Vec::new() }; 3];
        for (n, format) in Format::ALL.into_iter().enumerate() {
            places[n] = delta::places(format, &documents[n])?;
            if places[n].len() != count {
                return None;
            }
        }
        Some(Self { documents: documents.clone(), places })
    }

    /// Takes the results of [`Written::splice`] in all formats.
    pub(super) fn of_spliced(spliced: [Spliced; 3]) -> Self {
        let [rss, atom, json] = spliced;
        Self {
            documents: [rss.document, atom.document, json.document],
            places: [rss.places, atom.places, json.places],
        }
    }

    pub(super) fn documents(&self) -> &[Bytes; 3] {
        &self.documents
    }

    /// A document of the entries that `pieces` names, with the head and the end of `new`, which the
    /// writer of `format` made of the new entries. `None` where `new` has no entries, or not those.
    pub(super) fn splice(&self, format: Format, new: &[u8], pieces: &[Piece]) -> Option<Spliced> {
        let new_places = delta::places(format, new)?;
        let head = new.get(..new_places.first()?.start)?;
        let end = new.get(new_places.last()?.end..)?;
        let separator = match format {
            Format::Json => &b","[..],
            // The head ends with the white space before its first entry, which is that between any
            // two.
            Format::Rss | Format::Atom => &head[head.trim_ascii_end().len()..],
        };
        let n = format as usize;
        let (old, old_places) = (&self.documents[n], &self.places[n]);
        let mut document = Vec::with_capacity(old.len() + new.len());
        document.extend_from_slice(head);
        let mut places = Vec::with_capacity(pieces.len());
        for piece in pieces {
            if !places.is_empty() {
                document.extend_from_slice(separator);
            }
            let bytes = match *piece {
                Piece::Old(at) => old.get(old_places.get(at)?.clone())?,
                Piece::New(at) => new.get(new_places.get(at)?.clone())?,
            };
            let start = document.len();
            document.extend_from_slice(bytes);
            places.push(start..document.len());
        }
        document.extend_from_slice(end);
        // Exactly as long as what is in it: it is kept.
        Some(Spliced { document: document.into_boxed_slice().into(), places })
    }
}

/// One document, and the places of its entries.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Spliced {
    pub(super) document: Bytes,
    places: Vec<Range<usize>>,
}
