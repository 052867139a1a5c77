//! One connection: the socket under hyper, its time-outs, and its end.
//!
//! hyper's own header time-out also ends idle keep-alive connections, and sets a timer for each
//! request. Here each limit has its own key (head, idle, no progress in writing), and the timer is
//! moved only when it goes off. Invariant: the alarm is never later than the deadline.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::{CONNECTION, EXPECT, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};

use super::super::exchange::{Record, RequestContext};
use super::super::limits::{BUFFER_BYTES_MAX, HEADERS_MAX};
use super::Service;
use super::activity::Activity;
use super::body::Tracked;
use super::worker::Worker;

/// The largest body of a request that is read, in bytes, so that the connection can be kept. No
/// method here uses a body; a longer one closes the connection.
const DRAIN_BYTES_MAX: usize = 64 * 1024;

/// The time that a client has to take the answer to a request that was not read to its end.
const LINGER: Duration = Duration::from_secs(2);

/// The bytes that are read and discarded during that time.
const LINGER_BYTES_MAX: usize = 1024 * 1024;

/// The end of a connection.
enum End {
    /// Both sides are done.
    Done,
    /// The client broke off, or sent something that is not HTTP.
    Failed(hyper::Error),
    /// The client took too long.
    TimedOut,
    /// It waited for its client, and another connection needed its place.
    Evicted,
}

/// Serves one connection to its end.
pub(super) async fn serve<S: Service>(
    stream: TcpStream,
    activity: Rc<Activity>,
    worker: Rc<Worker<S>>,
) {
    // Otherwise a small answer would wait for the client's acknowledgement. The call fails only on
    // a socket that is closed.
    let _ = stream.set_nodelay(true);
    let stream = Rc::new(RefCell::new(stream));
    let socket = Socket { stream: Rc::clone(&stream), activity: Rc::clone(&activity) };
    match converse(socket, &activity, &worker).await {
        End::TimedOut => worker.metrics().timed_out(),
        End::Evicted => worker.metrics().shed(),
        End::Failed(error) if !error.is_parse() => {}
        End::Done if !activity.has_unread() => {}
        // In a box, so that not every connection reserves memory for its buffer.
        End::Done => Box::pin(linger(stream)).await,
        End::Failed(error) => {
            if let Some(status) = refusal(&error) {
                let observers = worker.service().observers();
                activity.with_head(|head| observers.refused(activity.reader(), head, status));
            }
            Box::pin(linger(stream)).await;
        }
    }
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

/// Runs HTTP on a connection until it ends. A plain loop in one poll function, because hyper, the
/// alarm, a stop and an eviction have to be looked at together each time the task is woken.
async fn converse<S: Service>(
    socket: Socket,
    activity: &Rc<Activity>,
    worker: &Rc<Worker<S>>,
) -> End {
    let service = service_fn(|request| respond(request, Rc::clone(activity), Rc::clone(worker)));
    let connection = http1::Builder::new()
        // A client that has sent its request and closed its side still gets its answer.
        .half_close(true)
        .max_headers(HEADERS_MAX)
        .max_buf_size(BUFFER_BYTES_MAX)
        // The time-outs here replace it.
        .header_read_timeout(None)
        .serve_connection(TokioIo::new(socket), service);
    let mut connection = pin!(connection);
    let mut alarm = pin!(sleep_until(Instant::now() + worker.limits().header_timeout));
    let mut shutting_down = false;
    poll_fn(|cx| {
        // A stop or an eviction wakes this task through the activity.
        activity.register(cx.waker());
        loop {
            match connection.as_mut().poll(cx) {
                Poll::Ready(Ok(())) => return Poll::Ready(End::Done),
                Poll::Ready(Err(error)) => return Poll::Ready(End::Failed(error)),
                Poll::Pending => {}
            }
            if activity.is_evicted() {
                return Poll::Ready(End::Evicted);
            }
            let mut wake = activity.deadline(worker.limits());
            // The alarm may go off early, at a deadline that has moved since; that is not the end.
            if alarm.is_elapsed() && wake.is_some_and(|deadline| deadline <= Instant::now()) {
                return Poll::Ready(End::TimedOut);
            }
            if worker.is_stopping() && !shutting_down {
                match activity.grace() {
                    // The first request may still arrive.
                    Some(grace) if grace > Instant::now() => {
                        wake = Some(wake.map_or(grace, |deadline| deadline.min(grace)));
                    }
                    _ => {
                        shutting_down = true;
                        connection.as_mut().graceful_shutdown();
                        // hyper has to be polled once more to act on it.
                        continue;
                    }
                }
            }
            // Without a deadline the server is working, and the end of its work wakes this task.
            let Some(wake) = wake else { return Poll::Pending };
            // A later deadline leaves the alarm where it is: moving a timer for each request costs
            // more than one that goes off early now and then.
            if alarm.is_elapsed() || wake < alarm.deadline() {
                alarm.as_mut().reset(wake);
            }
            if alarm.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    })
    .await
}

/// Answers one request. Never fails: every refusal is an answer.
async fn respond<S: Service>(
    request: Request<Incoming>,
    activity: Rc<Activity>,
    worker: Rc<Worker<S>>,
) -> Result<Response<Tracked<S::Body>>, Infallible> {
    let (head, body) = request.into_parts();
    let begun = worker.service().observers().begin();
    let ambiguity = ambiguity(&head, &activity);
    // From here on the server is working, not the client: no time-out runs until the answer is
    // ready.
    let busy = activity.begin();
    let read = if body.is_end_stream() {
        true
    } else if ambiguity.is_some() {
        false
    } else {
        Box::pin(drain(body, &head.headers, worker.limits().header_timeout)).await
    };
    let mut context = RequestContext { reader: activity.reader(), route: None };
    let mut response = match ambiguity {
        Some(reason) => worker.service().bad_request(reason),
        None => worker.service().answer(&head, &mut context).await,
    };
    if !read {
        // Closing a socket with unread bytes resets it, and the client would lose the answer.
        activity.leave_unread();
    }
    if !read || ambiguity.is_some() || worker.is_stopping() {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    worker.metrics().answered(response.status());
    let record = begun.map(|begun| {
        let (status, headers) = (response.status(), response.headers());
        Record::new(worker.service().observers(), begun, context, head, status, headers)
    });
    Ok(response.map(|body| Tracked::new(body, record, busy)))
}

/// The reason why the end of this request's body is not certain, if it is not. A proxy in front may
/// read it differently from hyper: one takes for a body what the other takes for the next request
/// (RFC 9112, 6.3 and 11.2).
fn ambiguity(head: &Parts, activity: &Activity) -> Option<&'static str> {
    let mut codings = head.headers.get_all(TRANSFER_ENCODING).iter();
    let coding = codings.next()?;
    // hyper accepts any list whose last member is `chunked`.
    if codings.next().is_some() || !coding.as_bytes().eq_ignore_ascii_case(b"chunked") {
        return Some("The only Transfer-Encoding that is understood is chunked, once.");
    }
    if !activity.saw_no_length(head.method.as_str()) {
        return Some("A request must not have both Content-Length and Transfer-Encoding.");
    }
    None
}

/// Reads and discards a body, so that it is never taken for a request. Returns false if it is not
/// read to its end: a client that waits for `100 Continue` gets its final answer instead (RFC 9110,
/// 10.1.1).
async fn drain(body: Incoming, headers: &HeaderMap, limit: Duration) -> bool {
    if headers.contains_key(EXPECT) || body.size_hint().lower() > DRAIN_BYTES_MAX as u64 {
        return false;
    }
    let body = Limited::new(body, DRAIN_BYTES_MAX);
    timeout(limit, read_to_end(body)).await.unwrap_or(false)
}

/// Reads a body, and returns whether it came to its end.
async fn read_to_end(mut body: Limited<Incoming>) -> bool {
    while let Some(frame) = body.frame().await {
        if frame.is_err() {
            return false;
        }
    }
    true
}

/// Closes a connection so that the client gets the answer: our side first; then bytes that the
/// client still sends are read and discarded for a while.
async fn linger(stream: Rc<RefCell<TcpStream>>) {
    // hyper has dropped its half by now, so this is the last.
    let Some(stream) = Rc::into_inner(stream) else { return };
    // With or without an error, the connection ends here.
    let _ = timeout(LINGER, shut_down(stream.into_inner())).await;
}

async fn shut_down(mut stream: TcpStream) -> io::Result<()> {
    poll_fn(|cx| Pin::new(&mut stream).poll_shutdown(cx)).await?;
    let mut bytes = [0; 2048];
    let mut left = LINGER_BYTES_MAX;
    while left > 0 {
        let mut buffer = ReadBuf::new(&mut bytes);
        poll_fn(|cx| Pin::new(&mut stream).poll_read(cx, &mut buffer)).await?;
        match buffer.filled().len() {
            // The client has closed its side as well.
            0 => break,
            read => left = left.saturating_sub(read),
        }
    }
    Ok(())
}

/// The socket as hyper sees it: every byte is recorded in the activity.
struct Socket {
    stream: Rc<RefCell<TcpStream>>,
    activity: Rc<Activity>,
}

impl Socket {
    fn wrote(&self, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match polled {
            Poll::Ready(_) => self.activity.wrote(),
            Poll::Pending => self.activity.could_not_write(),
        }
        polled
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut *self.stream.borrow_mut()).poll_read(cx, buffer);
        if let Some(new) = buffer.filled().get(before..).filter(|new| !new.is_empty()) {
            self.activity.received(new);
        }
        polled
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut *self.stream.borrow_mut()).poll_write(cx, bytes);
        self.wrote(polled)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut *self.stream.borrow_mut()).poll_write_vectored(cx, parts);
        self.wrote(polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.borrow().is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream.borrow_mut()).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream.borrow_mut()).poll_shutdown(cx)
    }
}

/// The memory that one connection takes, with the futures of its answers, in bytes.
#[cfg(test)]
pub(in crate::http) fn future_bytes<S: Service>() -> usize {
    fn size_of_future<A, B, C, F>(_: fn(A, B, C) -> F) -> usize {
        size_of::<F>()
    }
    size_of_future(serve::<S>)
}
