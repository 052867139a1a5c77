//! The side of the daemon: accepts connections, reads one request from each, and writes the answer.
//!
//! Runs on the runtime that calls it. At most [`CONNECTIONS_MAX`] connections are open; further
//! ones wait in the backlog. What is not a request is answered with the reason.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::protocol::{self, IMPORT_MAX_BYTES, IMPORT_PREFIX, Part, REQUEST_MAX_BYTES, line};
use super::{Reply, Request};

/// Connections that are open at once.
pub const CONNECTIONS_MAX: usize = 16;

/// The longest that a client may take to send its request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest that a client may read nothing of its answer.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// The longest that a client may keep the connection open after its answer.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// The wait after a failed accept: no descriptors are left, for example.
const ACCEPT_AGAIN: Duration = Duration::from_millis(200);

/// The exit status of a command whose request was not understood.
const EX_USAGE: u8 = 2;

/// An answer to a request.
pub struct Answer {
    /// Text that comes before the reply; empty for most.
    pub body: String,
    /// The reply.
    pub reply: Reply,
    /// A value that has to live until the client closes the connection.
    pub kept: Option<Box<dyn Send>>,
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Self {
        Self { body: String::new(), reply, kept: None }
    }
}

/// Serves the connections of `listener` with `answer`. Never returns; dropping the future stops
/// accepting.
pub async fn serve<A, F>(listener: UnixListener, answer: A)
where
    A: Fn(Request) -> F + Clone + Send + 'static,
    F: Future<Output = Answer> + Send,
{
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        // Never closed, so this waits for a slot and cannot fail.
        let slot = Arc::clone(&slots).acquire_owned().await;
        match listener.accept().await {
            Ok((stream, _)) => {
                let answer = answer.clone();
                tokio::spawn(async move {
                    let _slot = slot;
                    if let Err(error) = converse(&stream, answer).await {
                        tracing::debug!(%error, "a control connection failed");
                    }
                });
            }
            Err(error) => {
                tracing::debug!(%error, "the control socket cannot accept");
                sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

async fn converse<A, F>(stream: &UnixStream, answer: A) -> io::Result<()>
where
    A: Fn(Request) -> F,
    F: Future<Output = Answer>,
{
    let own = rustix::process::geteuid().as_raw();
    if !may_ask(stream.peer_cred()?.uid(), own) {
        let text = "permission denied; ask as root, or as the user that dropfeed runs as";
        return write(stream, &line(&Reply::failed(1, text))).await;
    }
    let read = match timeout(REQUEST_TIMEOUT, read_line(stream)).await {
        Ok(read) => read?,
        Err(_) => Err("no request came in time".to_owned()),
    };
    let request = read.and_then(|bytes| protocol::parse(&bytes));
    let Answer { body, reply, kept } = match request {
        Ok(request) => answer(request).await,
        Err(reason) => Reply::failed(EX_USAGE, reason).into(),
    };
    for part in protocol::parts(&body) {
        write(stream, &line(&Part { part: part.to_owned() })).await?;
    }
    write(stream, &line(&reply)).await?;
    if kept.is_some() {
        // However it ends, what was kept goes.
        let _ = timeout(CLOSE_TIMEOUT, closed(stream)).await;
    }
    Ok(())
}

/// Whether a process of user `peer` may ask the daemon of user `own`.
fn may_ask(peer: u32, own: u32) -> bool {
    peer == own || peer == 0
}

/// Reads up to a line break, or the end. A line that is too long is a sentence for the client.
async fn read_line(stream: &UnixStream) -> io::Result<Result<Vec<u8>, String>> {
    let mut line = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        stream.readable().await?;
        let read = match stream.try_read(&mut buffer) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        };
        let new = &buffer[..read];
        if let Some(end) = new.iter().position(|byte| *byte == b'\n') {
            line.extend_from_slice(&new[..end]);
            return Ok(Ok(line));
        }
        if read == 0 {
            return Ok(Ok(line));
        }
        line.extend_from_slice(new);
        let is_import = line.starts_with(IMPORT_PREFIX);
        let max = if is_import { IMPORT_MAX_BYTES } else { REQUEST_MAX_BYTES };
        if line.len() > max {
            return Ok(Err(format!("the request is larger than {max} bytes")));
        }
    }
}

async fn write(stream: &UnixStream, text: &str) -> io::Result<()> {
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        let ready = timeout(WRITE_TIMEOUT, stream.writable()).await;
        ready.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        match stream.try_write(rest) {
            Ok(written) => rest = &rest[written..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Waits until the client closes the connection. What it sends is ignored.
async fn closed(stream: &UnixStream) -> io::Result<()> {
    let mut buffer = [0; 64];
    loop {
        stream.readable().await?;
        match stream.try_read(&mut buffer) {
            Ok(0) => return Ok(()),
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::control::client::ask;
    use crate::ops::control::{SOCKET, protocol::PART_BYTES};
    use std::io::{Read as _, Write as _};
    use std::path::Path;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// A server in `dir` that answers `request` for as long as `act` runs.
    fn serving(answer: fn(Request) -> Answer, act: impl FnOnce(&Path) + Send) {
        let dir = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let listener = std::os::unix::net::UnixListener::bind(dir.path().join(SOCKET)).unwrap();
        listener.set_nonblocking(true).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                runtime.block_on(async {
                    let listener = UnixListener::from_std(listener).unwrap();
                    let answer = move |request| async move { answer(request) };
                    tokio::select! { _ = stopped => {}, () = serve(listener, answer) => {} }
                });
            });
            act(dir.path());
            drop(stop);
        });
    }

    /// The bytes that come back for bytes.
    fn raw(dir: &Path, bytes: &[u8]) -> String {
        let mut stream = std::os::unix::net::UnixStream::connect(dir.join(SOCKET)).unwrap();
        // A server that has heard enough may answer before all was sent.
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8(answer).unwrap()
    }

    #[test]
    fn a_request_gets_its_answer_and_a_long_one_is_whole() {
        let answer = |request| match request {
            Request::StateExport => {
                Answer { body: "é\n".repeat(PART_BYTES), ..Reply::done("all").into() }
            }
            _ => Reply::failed(78, "no").into(),
        };
        serving(answer, |dir| {
            let reload = ask(dir, &Request::Reload).unwrap();
            assert_eq!((reload.reply, reload.body), (Reply::failed(78, "no"), String::new()));
            let export = ask(dir, &Request::StateExport).unwrap();
            assert_eq!(export.reply, Reply::done("all"));
            assert_eq!(export.body, "é\n".repeat(PART_BYTES));
        });
    }

    #[test]
    fn what_is_no_request_is_answered_with_the_reason_and_hurts_nobody() {
        serving(
            |_| Reply::done("fine").into(),
            |dir| {
                for (bytes, reason) in [
                    (&b""[..], "not a request: EOF"),
                    (b"\n", "not a request: EOF"),
                    (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "not a request: expected value"),
                    (b"{\"command\":\"stop\"}\n", "unknown variant `stop`"),
                    (b"\0\xff\n", "the request is not UTF-8"),
                    (&[b' '; REQUEST_MAX_BYTES + 8192], "larger than 65536 bytes"),
                ] {
                    let answer = raw(dir, bytes);
                    assert!(answer.contains(reason), "{answer}");
                    assert!(answer.starts_with("{\"ok\":false,\"exit\":2,"), "{answer}");
                }
                // A second request on a connection is not read.
                let answer = raw(dir, b"{\"command\":\"status\"}\n{\"command\":\"status\"}\n");
                assert_eq!(answer, "{\"ok\":true,\"exit\":0,\"text\":\"fine\"}\n");
                // Without a line break, the end of the stream ends the line.
                assert!(raw(dir, b"{\"command\":\"status\"}").contains("fine"));
            },
        );
    }

    #[test]
    fn silent_clients_do_not_keep_others_out() {
        serving(
            |_| Reply::done("fine").into(),
            |dir| {
                let connect = || std::os::unix::net::UnixStream::connect(dir.join(SOCKET)).unwrap();
                let mut idle: Vec<_> = (0..CONNECTIONS_MAX).map(|_| connect()).collect();
                // The seventeenth waits until one of them goes.
                std::thread::scope(|scope| {
                    let asked = scope.spawn(|| ask(dir, &Request::Status).unwrap().reply);
                    idle.pop();
                    assert_eq!(asked.join().unwrap(), Reply::done("fine"));
                });
            },
        );
    }

    #[test]
    fn what_is_kept_lives_until_the_client_is_done() {
        static KEPT: AtomicUsize = AtomicUsize::new(0);
        struct Guard;
        impl Drop for Guard {
            fn drop(&mut self) {
                KEPT.fetch_sub(1, Ordering::SeqCst);
            }
        }
        let answer = |_| {
            KEPT.fetch_add(1, Ordering::SeqCst);
            Answer { kept: Some(Box::new(Guard)), ..Reply::done("kept").into() }
        };
        serving(answer, |dir| {
            let answer = ask(dir, &Request::StateBackup).unwrap();
            assert_eq!(KEPT.load(Ordering::SeqCst), 1);
            drop(answer.connection);
            while KEPT.load(Ordering::SeqCst) > 0 {
                std::thread::yield_now();
            }
        });
    }

    #[test]
    fn only_the_same_user_and_root_may_ask() {
        for (peer, own, may) in [(7, 7, true), (0, 7, true), (7, 0, false), (8, 7, false)] {
            assert_eq!(may_ask(peer, own), may, "{peer} asks {own}");
        }
    }
}
