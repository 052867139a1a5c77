//! Secrets in files, such as credentials of systemd.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// The longest secret, in bytes.
const BYTES_MAX: u64 = 4096;

/// Reads a secret. White space at its end is not part of it.
///
/// # Errors
/// The file cannot be read, or is empty.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(BYTES_MAX).read_to_end(&mut bytes)?;
    let secret = bytes.trim_ascii_end();
    if secret.is_empty() {
        return Err(io::Error::other("it is empty"));
    }
    Ok(secret.to_vec())
}
