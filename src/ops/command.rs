//! Runs a program of the operator: no shell, a time limit, and nothing that outlives it.
//!
//! The program is in a process group of its own. At its time limit the whole group gets SIGTERM,
//! and two seconds later SIGKILL; if the run is dropped, SIGKILL. The program has the environment
//! of dropfeed, but not what is dropfeed's own there, since that may hold secrets.

use std::ffi::OsString;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use bytes::Bytes;
use rustix::process::{Pid, Signal, kill_process_group};
use thiserror::Error;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::{sleep, timeout};

/// The time between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(2);

/// Variables that a service manager sets for dropfeed alone.
const OWN_VARIABLES: [&str; 8] = [
    "NOTIFY_SOCKET",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
    "LISTEN_PID",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
    "CREDENTIALS_DIRECTORY",
    "MEMORY_PRESSURE_WATCH",
];

/// The reason why a program did not do its work. One clause.
#[derive(Debug, Error)]
pub enum CommandError {
    /// There is no such program, or it cannot be run.
    #[error("{program} cannot be run: {why}")]
    Start {
        /// The program.
        program: String,
        /// The error.
        why: io::Error,
    },
    /// It failed.
    #[error("{program} ended with {status}")]
    Failed {
        /// The program.
        program: String,
        /// Its exit status, or the signal.
        status: ExitStatus,
    },
    /// It took too long.
    #[error("{program} was ended after {} s", limit.as_secs())]
    TimedOut {
        /// The program.
        program: String,
        /// The limit.
        limit: Duration,
    },
}

/// Runs a program with these arguments and this input, and waits until it ends. Its standard output
/// is discarded; its standard error is dropfeed's. Needs a Tokio runtime with I/O and time.
///
/// # Errors
/// It cannot be run, it fails, or it takes longer than `limit`.
pub async fn run(
    program: &str,
    arguments: &[String],
    input: Bytes,
    limit: Duration,
) -> Result<(), CommandError> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).process_group(0);
    for name in own_variables() {
        command.env_remove(name);
    }
    let program = program.to_owned();
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(why) => return Err(CommandError::Start { program, why }),
    };
    let group = Group::of(&child);
    let stdin = child.stdin.take();
    match timeout(limit, finish(&mut child, stdin, &input)).await {
        Ok(Ok(status)) => {
            group.release();
            if status.success() { Ok(()) } else { Err(CommandError::Failed { program, status }) }
        }
        Ok(Err(why)) => Err(CommandError::Start { program, why }),
        Err(_) => {
            group.signal(Signal::TERM);
            // The program is not waited for meanwhile, so that its process group cannot become
            // another's.
            sleep(GRACE).await;
            group.signal(Signal::KILL);
            group.release();
            // Killed, it ends at once; that it cannot be waited for changes nothing.
            let _ = child.wait().await;
            Err(CommandError::TimedOut { program, limit })
        }
    }
}

/// Writes the input, and waits for the end. A program need not read its input.
async fn finish(
    child: &mut Child,
    stdin: Option<ChildStdin>,
    input: &[u8],
) -> io::Result<ExitStatus> {
    let write = async {
        if let Some(mut stdin) = stdin {
            // Fails where the program has closed it.
            let _ = stdin.write_all(input).await;
        }
    };
    tokio::pin!(write);
    tokio::select! {
        biased;
        status = child.wait() => return status,
        () = &mut write => {}
    }
    child.wait().await
}

/// The variables of dropfeed, which the program does not get.
fn own_variables() -> Vec<OsString> {
    let is_own = |name: &OsString| {
        let Some(name) = name.to_str() else { return false };
        name.starts_with("DROPFEED_") || OWN_VARIABLES.contains(&name)
    };
    std::env::vars_os().map(|(name, _)| name).filter(is_own).collect()
}

/// A process group, which is killed when this is dropped.
struct Group(Option<Pid>);

impl Group {
    /// The group of a child that leads it.
    fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self(id.and_then(Pid::from_raw))
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.0 {
            // Fails where all of it has ended.
            let _ = kill_process_group(group, signal);
        }
    }

    /// Leaves what is left of the group alone.
    fn release(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use tokio::runtime::{Builder, Runtime};

    use super::*;

    fn runtime() -> Runtime {
        Builder::new_current_thread().enable_all().build().unwrap()
    }

    fn shell(script: &str, input: &str, limit: Duration) -> Result<(), CommandError> {
        let arguments = ["-c".to_owned(), script.to_owned()];
        runtime().block_on(run("/bin/sh", &arguments, input.to_owned().into(), limit))
    }

    #[test]
    fn a_program_gets_its_arguments_and_its_input() {
        let minute = Duration::from_secs(60);
        shell("test \"$(cat)\" = 'a  $HOME'", "a  $HOME", minute).unwrap();
        // Nothing is expanded, since there is no shell but this test's.
        let arguments = ["-c", "test \"$1\" = 'x; $(y) *'", "sh", "x; $(y) *"].map(str::to_owned);
        runtime().block_on(run("/bin/sh", &arguments, Bytes::new(), minute)).unwrap();
        // One that reads nothing is not waited for, however long its input is.
        shell("exit 0", &"x".repeat(1 << 20), minute).unwrap();
    }

    #[test]
    fn failures_are_named() {
        let minute = Duration::from_secs(60);
        let error = shell("exit 3", "", minute).unwrap_err().to_string();
        assert_eq!(error, "/bin/sh ended with exit status: 3");
        let run = run("/nowhere/x", &[], Bytes::new(), minute);
        let error = runtime().block_on(run).unwrap_err().to_string();
        assert!(error.starts_with("/nowhere/x cannot be run: No such file"), "{error}");
    }

    /// A child that ignores SIGTERM, and a program that waits for it.
    #[test]
    fn the_whole_group_ends_at_the_time_limit() {
        let temp = tempfile::tempdir().unwrap();
        let list = temp.path().join("list");
        let script = format!(
            "(trap '' TERM; exec sleep 1000) & echo $$ $! > '{0}.new'; mv '{0}.new' '{0}'; wait",
            list.display()
        );
        // Where the machine is too slow for the first limits, the program has not begun by then.
        for limit_s in [1, 2, 4, 8, 16, 32] {
            let error = shell(&script, "", Duration::from_secs(limit_s)).unwrap_err();
            assert!(matches!(error, CommandError::TimedOut { .. }), "{error}");
            if list.exists() {
                break;
            }
        }
        let processes = std::fs::read_to_string(list).unwrap();
        assert_eq!(processes.split_whitespace().count(), 2, "{processes}");
        for process in processes.split_whitespace() {
            let start = Instant::now();
            while !has_ended(process) {
                assert!(start.elapsed() < Duration::from_secs(30), "{process} lives on");
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }

    /// One that nobody has waited for yet has ended, too.
    fn has_ended(process: &str) -> bool {
        match std::fs::read_to_string(format!("/proc/{process}/stat")) {
            Ok(stat) => stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z')),
            Err(_) => true,
        }
    }

    #[test]
    fn a_dropped_run_ends_its_group() {
        let temp = tempfile::tempdir().unwrap();
        let fifo = temp.path().join("fifo");
        rustix::fs::mkfifoat(
            rustix::fs::CWD,
            &fifo,
            rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        )
        .unwrap();
        let script = format!("exec > '{}'; echo begun; sleep 1000 & wait", fifo.display());
        let (begun, mut is_begun) = tokio::sync::mpsc::channel(1);
        let path = fifo.clone();
        let reader = std::thread::spawn(move || {
            use std::io::Read as _;
            let mut file = std::fs::File::open(path).unwrap();
            let mut line = [0; 6];
            file.read_exact(&mut line).unwrap();
            begun.blocking_send(()).unwrap();
            file.read_to_end(&mut Vec::new()).unwrap()
        });
        runtime().block_on(async {
            let arguments = ["-c".to_owned(), script];
            let run = run("/bin/sh", &arguments, Bytes::new(), Duration::from_secs(1000));
            tokio::select! {
                ended = run => panic!("{ended:?}"),
                _ = is_begun.recv() => {}
            }
        });
        assert_eq!(reader.join().unwrap(), 0);
    }
}
