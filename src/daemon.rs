//! Starts everything, owns shutdown, joins everything.

use std::process::ExitCode;

use crate::config::{Config, Errors};

/// Serves until asked to stop. `load` gives the configuration: at start, and again for every reload.
pub fn serve(load: &dyn Fn() -> Result<Config, Errors>) -> anyhow::Result<ExitCode> {
    let _config = load()?;
    anyhow::bail!("serving is not there yet")
}

/// Publishes once, writes every feed, and ends.
pub fn build(_config: Config) -> anyhow::Result<ExitCode> {
    anyhow::bail!("building is not there yet")
}
