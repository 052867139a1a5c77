//! The destination of a projection: where its files are, and how they are written.

use std::io;

use crate::base::Digest;

/// The destination of a projection. Two implementations: [`super::directory::Directory`], and
/// [`crate::store::model::ModelTarget`]; an object store would be a third.
///
/// Names are relative, with `/` between segments, in decoded text: `news/rss.xml`,
/// `tags/日本/feed.json`.
pub trait Target: Send + Sync {
    /// Writes the file `name`, and replaces it if it exists, so that no reader ever sees a part of
    /// `bytes`. Returns the stamp of what was written. Durable after [`Target::settle`].
    ///
    /// # Errors
    /// Those of writing. The file is then either as it was or replaced.
    fn put(&mut self, name: &str, bytes: &[u8]) -> io::Result<Stamp>;

    /// Removes the file `name`, if it exists. Durable after [`Target::settle`].
    ///
    /// # Errors
    /// Those of deleting.
    fn remove(&mut self, name: &str) -> io::Result<()>;

    /// The digest of the file `name`; `None` if it does not exist or is not a file.
    ///
    /// # Errors
    /// Those of reading.
    fn digest(&self, name: &str) -> io::Result<Option<Digest>>;

    /// The stamp of the file `name`; `None` if it does not exist or is not a file.
    ///
    /// # Errors
    /// Those of stat(2).
    fn stamp(&self, name: &str) -> io::Result<Option<Stamp>>;

    /// Makes everything durable that was put and removed before.
    ///
    /// # Errors
    /// Those of syncing. Each file that was put or removed since the last success may then be in
    /// either state.
    fn settle(&mut self) -> io::Result<()>;

    /// Removes the temporary files that an earlier process left beside `names`.
    ///
    /// # Errors
    /// Those of deleting.
    fn clean(&mut self, names: &[&str]) -> io::Result<()>;
}

/// Forwards to the target behind the pointer.
impl Target for Box<dyn Target> {
    fn put(&mut self, name: &str, bytes: &[u8]) -> io::Result<Stamp> {
        (**self).put(name, bytes)
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        (**self).remove(name)
    }

    fn digest(&self, name: &str) -> io::Result<Option<Digest>> {
        (**self).digest(name)
    }

    fn stamp(&self, name: &str) -> io::Result<Option<Stamp>> {
        (**self).stamp(name)
    }

    fn settle(&mut self) -> io::Result<()> {
        (**self).settle()
    }

    fn clean(&mut self, names: &[&str]) -> io::Result<()> {
        (**self).clean(names)
    }
}

/// A sign that a file is still the one that was written: it is another after any change, and for
/// another file in its place. Much faster than to read the file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stamp(pub u64);
