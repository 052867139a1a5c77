//! `dropfeed init`: writes a configuration with every key. It never overwrites a file.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use anyhow::{Context as _, bail};

/// The configuration of the repository: every key with its default, commented out.
const CONFIG: &str = include_str!("../../config.toml");

/// Writes the configuration to `path`.
///
/// # Errors
/// There is a file already, or it cannot be written.
pub(super) fn create(path: &Path) -> anyhow::Result<()> {
    let mut file = match File::create_new(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            bail!("{} already exists", path.display())
        }
        Err(error) => return Err(error).with_context(|| path.display().to_string()),
    };
    let written = file.write_all(CONFIG.as_bytes()).and_then(|()| file.sync_all());
    written.with_context(|| path.display().to_string())
}
