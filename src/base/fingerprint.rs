//! The fingerprint of a file: facts that change with the file, and need no reading of it.

/// Facts of a file, from its directory entry alone, that tell it from its earlier self.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Fingerprint {
    /// Device number.
    pub dev: u64,
    /// Inode number; reused at once after a deletion, so it proves nothing alone.
    pub ino: u64,
    /// Birth time in nanoseconds since 1970; 0 where the file system has none.
    pub btime_ns: i64,
    /// Size in bytes.
    pub len_bytes: u64,
    /// Modification time in nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Change time in nanoseconds since 1970.
    pub ctime_ns: i64,
}

impl Fingerprint {
    /// Whether this is the same file, perhaps under another name and with other content. An inode number alone proves
    /// nothing, because it is reused at once; a birth time of 0 means that the file system keeps none.
    pub fn is_same_file(&self, other: &Fingerprint) -> bool {
        let of = |file: &Fingerprint| (file.dev, file.ino, file.btime_ns);
        self.btime_ns != 0 && of(self) == of(other)
    }
}
