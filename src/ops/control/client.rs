//! The side of the command: asks the daemon, and waits for its whole answer.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::protocol::{Part, line};
use super::{Reply, Request, SOCKET, SocketPath};

/// The longest that sending a request may take. An answer is waited for without a limit: a reload
/// may come during a long first scan.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);

/// The largest answer in bytes.
const ANSWER_MAX_BYTES: u64 = 1 << 30;

/// The answer of the daemon.
#[derive(Debug)]
pub struct Answer {
    /// The parts before the reply, together.
    pub body: String,
    /// The reply.
    pub reply: Reply,
    /// The connection. What the daemon keeps for this answer, it keeps until this is dropped.
    pub connection: UnixStream,
}

/// The reason why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// No daemon listens there.
    #[error("dropfeed is not running: nothing answers at {}", .0.display())]
    NotRunning(PathBuf),
    /// This user may not ask.
    #[error(
        "{}: permission denied; ask as root, or as the user that dropfeed runs as", .0.display()
    )]
    Denied(PathBuf),
    /// The connection failed.
    #[error("{}: {error}", path.display())]
    Failed {
        /// The socket.
        path: PathBuf,
        /// The reason, as the system gives it.
        error: io::Error,
    },
    /// The daemon closed the connection.
    #[error("dropfeed ended, or closed the connection, before it had answered")]
    CutOff,
}

/// Asks the daemon whose state is in `dir`.
///
/// # Errors
/// See [`NoAnswer`].
pub fn ask(dir: &Path, request: &Request) -> Result<Answer, NoAnswer> {
    ask_within(dir, request, None)
}

/// As [`ask`], but gives up where nothing comes for so long.
///
/// # Errors
/// See [`NoAnswer`].
pub fn ask_within(
    dir: &Path,
    request: &Request,
    patience: Option<Duration>,
) -> Result<Answer, NoAnswer> {
    let shown = dir.join(SOCKET);
    let connection = match connect(dir) {
        Ok(connection) => connection,
        Err(error) => {
            return Err(match error.kind() {
                io::ErrorKind::NotFound
                | io::ErrorKind::NotADirectory
                | io::ErrorKind::ConnectionRefused => NoAnswer::NotRunning(shown),
                io::ErrorKind::PermissionDenied => NoAnswer::Denied(shown),
                _ => NoAnswer::Failed { path: shown, error },
            });
        }
    };
    let answered =
        connection.set_read_timeout(patience).and_then(|()| exchange(&connection, request));
    let answered = answered.map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => NoAnswer::CutOff,
        _ => NoAnswer::Failed { path: shown, error },
    })?;
    let (body, reply) = read_answer(&answered).ok_or(NoAnswer::CutOff)?;
    Ok(Answer { body, reply, connection })
}

fn connect(dir: &Path) -> io::Result<UnixStream> {
    let path = SocketPath::new(dir, SOCKET)?;
    let connection = UnixStream::connect(path.as_path())?;
    connection.set_write_timeout(Some(SEND_TIMEOUT))?;
    Ok(connection)
}

/// Sends the request, and reads up to the end of the reply. The daemon keeps the connection open
/// after it, so the end is the last line, not the end of the stream.
fn exchange(mut connection: &UnixStream, request: &Request) -> io::Result<Vec<u8>> {
    connection.write_all(line(request).as_bytes())?;
    let mut answer = Vec::new();
    let mut buffer = vec![0; 64 << 10];
    let mut line_start = 0;
    loop {
        let read = connection.read(&mut buffer)?;
        answer.extend_from_slice(&buffer[..read]);
        if read == 0 || answer.len() as u64 > ANSWER_MAX_BYTES {
            return Ok(answer);
        }
        while let Some(length) = answer[line_start..].iter().position(|byte| *byte == b'\n') {
            let is_last = !answer[line_start..].starts_with(b"{\"part\":");
            line_start += length + 1;
            if is_last {
                answer.truncate(line_start);
                return Ok(answer);
            }
        }
    }
}

/// The parts and the reply of an answer; none where it is not whole.
fn read_answer(bytes: &[u8]) -> Option<(String, Reply)> {
    let text = std::str::from_utf8(bytes).ok()?.strip_suffix('\n')?;
    let (parts, last) = text.rsplit_once('\n').unwrap_or(("", text));
    let mut body = String::new();
    for part in parts.lines() {
        let Part { part } = serde_json::from_str(part).ok()?;
        body.push_str(&part);
    }
    Some((body, serde_json::from_str(last).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_or_none() {
        let reply = "{\"ok\":true,\"exit\":0,\"text\":\"t\"}\n";
        let (body, read) =
            read_answer(format!("{{\"part\":\"a\\n\"}}\n{{\"part\":\"b\"}}\n{reply}").as_bytes())
                .unwrap();
        assert_eq!((body.as_str(), read), ("a\nb", Reply::done("t")));
        for broken in ["", "\n", &reply[..9], "{\"part\":\"a\"}\n", "x\n{\"ok\":1}\n"] {
            assert!(read_answer(broken.as_bytes()).is_none(), "{broken:?}");
        }
    }

    #[test]
    fn without_a_daemon_it_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let ask = |dir: &Path| ask(dir, &Request::Status).unwrap_err();
        for dir in [dir.path().to_owned(), dir.path().join("missing")] {
            let error = ask(&dir);
            assert!(matches!(&error, NoAnswer::NotRunning(path) if path.starts_with(&dir)));
        }
        // The socket of a process that died.
        drop(std::os::unix::net::UnixListener::bind(dir.path().join(SOCKET)).unwrap());
        assert!(matches!(ask(dir.path()), NoAnswer::NotRunning(_)));
    }
}
