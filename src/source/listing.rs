//! What a directory lists: names, kinds and inode numbers, without a look at any file.

use std::collections::HashSet;
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd as _, OwnedFd};

use rustix::fs::{FileType, RawDir};
use rustix::io::Errno;

/// A name in a directory, with what the directory says of its file.
pub(super) struct Entry {
    pub(super) name: CString,
    pub(super) kind: FileType,
    pub(super) inode: u64,
}

/// Every entry but those that are silently left out by their name. Of names that are not UTF-8 and
/// read the same, one.
pub(super) fn list(open: &OwnedFd) -> Result<Vec<Entry>, Errno> {
    let mut buffer = Vec::with_capacity(32 * 1024);
    let mut entries = Vec::new();
    let mut misread = HashSet::new();
    let mut dir = RawDir::new(open.as_fd(), buffer.spare_capacity_mut());
    while let Some(entry) = dir.next() {
        let entry = match entry {
            Err(Errno::INTR) => continue,
            entry => entry?,
        };
        let name = entry.file_name();
        if is_wanted(name, &mut misread) {
            let (name, kind, inode) = (name.to_owned(), entry.file_type(), entry.ino());
            entries.push(Entry { name, kind, inode });
        }
    }
    Ok(entries)
}

fn is_wanted(name: &CStr, misread: &mut HashSet<String>) -> bool {
    let text = name.to_string_lossy();
    !super::ignore::is_hidden(&text)
        && match text {
            std::borrow::Cow::Borrowed(_) => true,
            std::borrow::Cow::Owned(text) => misread.insert(text),
        }
}
