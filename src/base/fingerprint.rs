//! The fingerprint of a file: facts that change with the file, and that are known without reading
//! it.

/// Facts of a file, from `statx` alone, that differ from those of any earlier content.
///
/// ```
/// use dropfeed::base::Fingerprint;
///
/// let file = Fingerprint { dev: 1, ino: 7, btime_ns: 5, ..Fingerprint::default() };
/// let edited = Fingerprint { len_bytes: 9, mtime_ns: 8, ctime_ns: 8, ..file };
/// assert!(file != edited && file.is_same_file(&edited));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Fingerprint {
    /// Device number.
    pub dev: u64,
    /// Inode number; reused at once after a deletion, so it proves nothing alone.
    pub ino: u64,
    /// Birth time in nanoseconds since 1970; 0 if the file system has none.
    pub btime_ns: i64,
    /// Size in bytes.
    pub len_bytes: u64,
    /// Modification time in nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Change time in nanoseconds since 1970.
    pub ctime_ns: i64,
}

impl Fingerprint {
    /// Whether this is the same file, perhaps under another name and with other content.
    pub fn is_same_file(&self, other: &Fingerprint) -> bool {
        // An inode number alone proves nothing, because it is reused at once; a birth time of 0
        // means that the file system keeps none.
        let has_birth = self.btime_ns != 0;
        has_birth && (self.dev, self.ino, self.btime_ns) == (other.dev, other.ino, other.btime_ns)
    }
}
