//! `dropfeed state`: copies, lists, verifies and repairs the state. A running dropfeed is asked for
//! it; the state of a stopped one is locked and read.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Subcommand;

use super::print;
use super::running::{Which, ask_if_running, show};
use crate::config::Config;
use crate::daemon;
use crate::ops::clock::{Clock as _, SystemClock};
use crate::ops::control::Request;
use crate::ops::logging;
use crate::store::{self, Database, Lock, Store as _, backup, export};

const BACKUP_EXAMPLES: &str = "\
Examples:
  dropfeed state backup /var/backups          Write /var/backups/dropfeed-DATE.db
  dropfeed state backup dropfeed.db           Write dropfeed.db, which must not exist

To restore, stop dropfeed, put the copy in the place of state.db in the state directory, and delete state.db-wal there.";

const EXPORT_EXAMPLES: &str = "\
Examples:
  dropfeed state export > articles.tsv
  dropfeed state export | cut -f 2,4          List ids and URLs

One article a line, sorted by number, in columns separated by tabs: number, id, path, url, first_seen, published, updated, \
standing (public, withdrawn, missing or deleted), missing_since. The first line begins with # and names them. In a \
field, \\t, \\n, \\r and \\\\ stand for tab, line break, carriage return and backslash.";

const REPAIR_EXAMPLES: &str = "\
Examples:
  sudo systemctl stop dropfeed
  sudo -u dropfeed dropfeed state repair --config /etc/dropfeed/config.toml
  dropfeed state repair --from articles.tsv   Also use what `dropfeed state export` listed

If you have a backup, restore it instead: it also has the URLs that articles had before.";

/// A command for the state.
#[derive(Debug, Subcommand)]
pub(super) enum StateCommand {
    /// Write a consistent copy of the state to a file or directory, and print its path; dropfeed
    /// may be running
    #[command(after_help = BACKUP_EXAMPLES)]
    Backup {
        /// File to write, or directory to write dropfeed-DATE.db in
        #[arg(value_name = "FILE|DIR")]
        to: PathBuf,
    },
    /// List every article that ever was public, with its id, path, URL and dates
    #[command(after_help = EXPORT_EXAMPLES)]
    Export,
    /// Verify the state: the database, the checksum of each row, and their number
    Check,
    /// Move a damaged state aside, recover ids and dates from the feeds in feeds.dir, and publish;
    /// a state that is whole is not changed. dropfeed must be stopped
    #[command(after_help = REPAIR_EXAMPLES)]
    Repair {
        /// Recover ids and dates from a list of `dropfeed state export` first; by default, from
        /// export.tsv in the state directory, if it is there
        #[arg(long, value_name = "FILE")]
        from: Option<PathBuf>,
    },
}

/// Runs a command for the state of the dropfeed that `config` and `which` mean.
pub(super) fn run(
    command: StateCommand,
    config: Option<&Path>,
    which: &Which,
) -> anyhow::Result<ExitCode> {
    match command {
        StateCommand::Backup { to } => back_up(&which.state_dir(config)?, &to),
        StateCommand::Export => export(&which.state_dir(config)?),
        StateCommand::Check => check(&which.state_dir(config)?),
        StateCommand::Repair { from } => repair(which.load(config)?, from.as_deref()),
    }
}

fn back_up(state: &Path, to: &Path) -> anyhow::Result<ExitCode> {
    let to = backup::file_name(to, SystemClock.now());
    if to.exists() {
        bail!("{} already exists", to.display());
    }
    let written = match ask_if_running(state, &Request::StateBackup)? {
        Some(answer) => {
            let Some(name) = answer.reply.data.as_ref().and_then(|data| data["file"].as_str())
            else {
                return show(&answer.reply);
            };
            let mut copy = backup::open(state, name)?;
            // It is open, so the daemon may delete it.
            drop(answer.connection);
            backup::put(&mut copy, &to)
        }
        None => {
            let mut database = open(state)?;
            let copy = backup::Copy::make(&mut database, state)?;
            let mut file = backup::open(state, copy.name())?;
            backup::put(&mut file, &to)
        }
    };
    written.with_context(|| to.display().to_string())?;
    print(|out| writeln!(out, "{}", to.display()))
}

fn export(state: &Path) -> anyhow::Result<ExitCode> {
    let list = match ask_if_running(state, &Request::StateExport)? {
        Some(answer) if answer.reply.ok => answer.body,
        Some(answer) => return show(&answer.reply),
        None => export::write(&open(state)?.records()?),
    };
    print(|out| out.write_all(list.as_bytes()))
}

fn check(state: &Path) -> anyhow::Result<ExitCode> {
    if let Some(answer) = ask_if_running(state, &Request::StateCheck)? {
        return show(&answer.reply);
    }
    let checked = open(state)?.check()?;
    print(|out| writeln!(out, "{checked}"))
}

/// Opens the state of a stopped dropfeed. One that is not there is not made.
fn open(state: &Path) -> anyhow::Result<Database> {
    if !store::has_state(state) {
        bail!("there is no state in {}", state.display());
    }
    let lock = Lock::acquire(state)?;
    backup::remove_left_over(&lock);
    Ok(Database::open(lock)?)
}

/// Repairs the state of a stopped dropfeed.
fn repair(config: Config, from: Option<&Path>) -> anyhow::Result<ExitCode> {
    let state = config.state.dir.clone();
    if let Some(answer) = ask_if_running(&state, &Request::StateCheck)? {
        show(&answer.reply)?;
        if !answer.reply.ok {
            logging::report("dropfeed is running; stop it, then repair");
        }
        return Ok(ExitCode::from(answer.reply.exit));
    }
    refuse_foreign(&state)?;
    let exported = match from {
        Some(path) => export::read_file(path),
        None => export::read_kept(&state),
    };
    let exported = exported.map_err(anyhow::Error::msg)?;
    let repaired = daemon::repair(config, exported)?;
    print(|out| {
        for line in &repaired.lines {
            writeln!(out, "{line}")?;
        }
        Ok(())
    })?;
    Ok(repaired.exit)
}

/// Refuses to write as root for another user, who could not change the files afterwards.
fn refuse_foreign(state: &Path) -> anyhow::Result<()> {
    let Ok(found) = std::fs::metadata(state) else { return Ok(()) };
    let own = rustix::process::geteuid();
    if own.is_root() && found.uid() != own.as_raw() {
        let (dir, uid) = (state.display(), found.uid());
        bail!(
            "{dir} belongs to the user with the id {uid}; repair it as that user: sudo -u '#{uid}' dropfeed state repair"
        );
    }
    Ok(())
}
