//! A connection of HTTP/1 (RFC 9112) over any socket.
//!
//! A connection that waits for a request has no buffers, and hyper knows nothing of it: the first
//! bytes are read into a buffer on the stack, and the fast path is asked. hyper's connection with
//! its buffers of 8 KiB is made when they are there, and dropped when the connection has been idle
//! for a while.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::StatusCode;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::super::limits::{BUFFER_BYTES_MAX, HEADERS_MAX};
use super::Service;
use super::activity::Activity;
use super::connection::{End, Finish, drive, linger, respond};
use super::fast::{self, Outcome, Unsent};
use super::role::Role;
use super::socket::Socket;
use super::worker::Worker;

/// The bytes that are read before it is known what they are. Most requests have less than 1 KiB.
const FIRST_BYTES: usize = 4096;

/// Serves HTTP/1 on a connection to its end.
pub(super) async fn serve_http1<S: Service, T: AsyncRead + AsyncWrite + Unpin>(
    stream: T,
    activity: &Rc<Activity>,
    worker: &Rc<Worker<S>>,
) -> End {
    let stream = Rc::new(RefCell::new(stream));
    let end = converse(&stream, activity, worker).await;
    if let End::Failed(error) = &end
        && error.is_parse()
        && let Some(status) = refusal(error)
    {
        let observers = worker.service().observers();
        let reader = activity.peer().address();
        activity.with_head(|head| observers.refused(reader, head, status));
    }
    let lingers = match &end {
        End::Done => activity.has_unread(),
        End::Failed(error) => error.is_parse(),
        _ => false,
    };
    if lingers {
        // In a box, so that not every connection reserves memory for its buffer.
        Box::pin(linger(stream)).await;
    }
    end
}

/// The status with which hyper has answered what it could not parse, if it has: to the preface of
/// HTTP/2 it says nothing.
fn refusal(error: &hyper::Error) -> Option<StatusCode> {
    if error.is_parse_version_h2() {
        None
    } else if error.is_parse_too_large() {
        Some(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE)
    } else {
        Some(StatusCode::BAD_REQUEST)
    }
}

/// The next bytes, or the end, of a connection without buffers.
enum Next {
    /// The first bytes of a request that is hyper's.
    Request(Bytes),
    /// The end: of the client, or of what it wanted.
    End,
    /// An answer that is not sent yet.
    Unsent(Box<Unsent>),
}

/// Waits for requests, and has them answered.
async fn converse<S: Service, T: AsyncRead + AsyncWrite + Unpin>(
    stream: &Rc<RefCell<T>>,
    activity: &Rc<Activity>,
    worker: &Rc<Worker<S>>,
) -> End {
    let end = loop {
        let next = pin!(poll_fn(|cx| poll_next(&mut *stream.borrow_mut(), activity, worker, cx)));
        match drive(next, |_| Finish::Now, activity, worker).await {
            Ok(Ok(Next::Request(read))) => {
                let end = speak(stream, read, activity, worker).await;
                if !matches!(end, End::Quiet) {
                    return end;
                }
            }
            Ok(Ok(Next::Unsent(unsent))) => {
                let closes = unsent.closes;
                if let Err(end) = Box::pin(send(stream, unsent, activity, worker)).await {
                    return end;
                }
                if closes || worker.is_stopping() {
                    break End::Done;
                }
            }
            Ok(Ok(Next::End) | Err(_)) => break End::Done,
            Err(end) => break end,
        }
    };
    if activity.role() == Role::Tls {
        // TLS has a word for the end, which is sent as far as that is possible at once. Any other
        // connection has nothing unread, so that to close its socket is enough.
        poll_fn(|cx| {
            let _ = Pin::new(&mut *stream.borrow_mut()).poll_shutdown(cx);
            Poll::Ready(())
        })
        .await;
    }
    end
}

/// Reads the first bytes of a request, and answers plain ones. While nothing comes, nothing is
/// allocated.
fn poll_next<S: Service, T: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut T,
    activity: &Rc<Activity>,
    worker: &Worker<S>,
    cx: &mut Context<'_>,
) -> Poll<io::Result<Next>> {
    loop {
        let mut bytes = [MaybeUninit::uninit(); FIRST_BYTES];
        let mut buffer = ReadBuf::uninit(&mut bytes);
        ready!(Pin::new(&mut *stream).poll_read(cx, &mut buffer))?;
        let read = buffer.filled();
        if read.is_empty() {
            return Poll::Ready(Ok(Next::End));
        }
        return Poll::Ready(Ok(match fast::answer(stream, read, activity, worker, cx) {
            Outcome::Answered => continue,
            Outcome::AnsweredLast => Next::End,
            Outcome::Unsent(unsent) => Next::Unsent(unsent),
            Outcome::NotPlain => Next::Request(Bytes::copy_from_slice(read)),
        }));
    }
}

/// Sends the rest of an answer.
async fn send<S: Service, T: AsyncRead + AsyncWrite + Unpin>(
    stream: &RefCell<T>,
    mut unsent: Box<Unsent>,
    activity: &Rc<Activity>,
    worker: &Rc<Worker<S>>,
) -> Result<(), End> {
    let sent = pin!(poll_fn(|cx| unsent.poll_send(&mut *stream.borrow_mut(), cx)));
    // A stop waits for it.
    let sent = drive(sent, |_| Finish::BySelf, activity, worker).await?;
    drop(unsent);
    activity.flushed();
    if sent.is_err() { Err(End::Done) } else { Ok(()) }
}

/// Has hyper answer requests, of which `read` is the beginning, until the end or until no more
/// come.
async fn speak<S: Service, T: AsyncRead + AsyncWrite + Unpin>(
    stream: &Rc<RefCell<T>>,
    read: Bytes,
    activity: &Rc<Activity>,
    worker: &Rc<Worker<S>>,
) -> End {
    let finish = |mut connection: Pin<&mut Box<http1::Connection<_, _>>>| {
        Pin::new(&mut **connection).graceful_shutdown();
        Finish::BySelf
    };
    let mut read = read;
    activity.hold_buffers();
    loop {
        let service =
            service_fn(|request| respond(request, Rc::clone(activity), Rc::clone(worker)));
        let socket = Socket::new(Rc::clone(stream), Rc::clone(activity), read);
        let connection = http1::Builder::new()
            // A client that has sent its request and closed its side still gets its answer.
            .half_close(true)
            .max_headers(HEADERS_MAX)
            .max_buf_size(BUFFER_BYTES_MAX)
            // The time-outs here replace it.
            .header_read_timeout(None)
            .serve_connection(TokioIo::new(socket), service);
        // In a box, so that it takes no memory while the connection waits.
        let mut connection = Box::new(connection);
        match drive(Pin::new(&mut connection), finish, activity, worker).await {
            Ok(Ok(())) => return End::Done,
            Ok(Err(error)) => return End::Failed(error),
            Err(End::Quiet) => read = connection.into_parts().read_buf,
            Err(end) => return end,
        }
        // The beginning of a request that came together with the one before.
        if read.is_empty() {
            activity.release_buffers();
            return End::Quiet;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use http::request::Parts;
    use http::{HeaderMap, Response};
    use http_body_util::Full;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
    use tokio::sync::Semaphore;

    use super::super::super::exchange::{Exchange, Observer, Observers, RequestContext};
    use super::super::super::plain::{Plain, Ready};
    use super::super::peer::Peer;
    use super::super::per_address::PerAddress;
    use super::super::worker::Shared;
    use super::*;
    use crate::base::Route;
    use crate::config;
    use crate::ops::clock::SystemClock;
    use crate::publish::Coding;

    const BODY_BYTES: usize = 100_000;

    /// Has an answer ready for `/`, and 404 for the rest.
    struct Fixed(Observers);

    impl Service for Fixed {
        type Body = Full<Bytes>;

        async fn answer(&self, _: &Parts, _: &mut RequestContext) -> Response<Full<Bytes>> {
            self.refuse(StatusCode::NOT_FOUND, "none")
        }

        fn ready(&self, plain: &Plain<'_>, head: &mut Vec<u8>) -> Option<Arc<Ready>> {
            if plain.path() != "/" {
                return None;
            }
            let body = Bytes::from(vec![b'x'; BODY_BYTES]);
            let (headers, coding) = (HeaderMap::new(), Coding::Identity);
            let ready = Ready::new(StatusCode::OK, &headers, body, Route::Home, coding);
            head.extend_from_slice(&ready.head);
            head.extend_from_slice(b"\r\n");
            Some(ready)
        }

        fn refuse(&self, status: StatusCode, reason: &'static str) -> Response<Full<Bytes>> {
            let mut response = Response::new(Full::from(reason));
            *response.status_mut() = status;
            response
        }

        fn redirect(&self, _: &Parts) -> Response<Full<Bytes>> {
            self.refuse(StatusCode::FOUND, "there")
        }

        fn observers(&self) -> &Observers {
            &self.0
        }
    }

    /// The status, the bytes and the end of each exchange.
    #[derive(Default)]
    struct Seen(Mutex<Vec<(u16, u64, bool)>>);

    impl Observer for Seen {
        fn finished(&self, exchange: &Exchange<'_>) {
            let seen = (exchange.status.as_u16(), exchange.body_bytes, exchange.is_whole);
            self.0.lock().unwrap().push(seen);
        }
    }

    /// Sends `requests` to a connection that takes `buffer_bytes` at once, reads at most `read_max`
    /// bytes of the answers, and hangs up. Returns what was read, and what was seen.
    fn converse(
        requests: &str,
        buffer_bytes: usize,
        read_max: u64,
    ) -> (Vec<u8>, Vec<(u16, u64, bool)>) {
        let seen = Arc::new(Seen::default());
        let observers = Observers::new(&[Arc::clone(&seen) as _], Arc::new(SystemClock));
        let shared = Shared {
            limits: Arc::new(config::Server::defaults()),
            tls: None,
            metrics: Arc::default(),
            places: Arc::new(Semaphore::new(1)),
            per_address: PerAddress::new(1),
        };
        let worker = Worker::new(Fixed(observers), shared, Arc::default());
        let activity = Activity::new(Peer::Unix, Role::Plain, false);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let read = runtime.block_on(async {
            let (mut client, server) = duplex(buffer_bytes);
            let serving = serve_http1(server, &activity, &worker);
            let asking = async {
                client.write_all(requests.as_bytes()).await.unwrap();
                let mut read = Vec::new();
                client.take(read_max).read_to_end(&mut read).await.unwrap();
                read
            };
            tokio::join!(serving, asking).1
        });
        let seen = std::mem::take(&mut *seen.0.lock().unwrap());
        (read, seen)
    }

    #[test]
    fn an_answer_that_is_not_taken_at_once_is_sent_whole() {
        let request = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
        for buffer_bytes in [100, 4096, 2 * BODY_BYTES] {
            let (read, seen) = converse(request, buffer_bytes, u64::MAX);
            let body = read.strip_prefix(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            assert_eq!(body, [b'x'; BODY_BYTES], "{buffer_bytes}");
            assert_eq!(seen, [(200, BODY_BYTES as u64, true)], "{buffer_bytes}");
        }
    }

    #[test]
    fn a_client_that_goes_away_is_seen() {
        let request = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
        let (read, seen) = converse(request, 512, 1000);
        assert_eq!(read.len(), 1000);
        let [(200, bytes, false)] = seen[..] else { panic!("{seen:?}") };
        assert!(bytes < BODY_BYTES as u64, "{bytes}");
    }

    #[test]
    fn what_is_not_ready_goes_on_with_hyper() {
        let request = "GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
        let (read, seen) = converse(request, 4096, u64::MAX);
        assert!(read.starts_with(b"HTTP/1.1 404 Not Found\r\n"));
        assert_eq!(seen, [(404, 4, true)]);
    }
}
