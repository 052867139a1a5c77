//! One connection: the socket under hyper, its time-outs, and its end.
//!
//! hyper's own header time-out also ends idle keep-alive connections and sets a timer for each
//! request; the limits here are apart (head, idle, no progress in writing), and a timer is moved
//! only when it goes off. Its invariant: the alarm never lies after the deadline.

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
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};

use super::super::limits::{BUFFER_BYTES_MAX, HEADERS_MAX};
use super::Service;
use super::activity::Activity;
use super::body::Tracked;
use super::worker::Worker;

/// Bytes of a request's body, which no method here wants, that are read so that the connection can
/// be kept; a longer body closes it.
const DRAIN_BYTES_MAX: usize = 64 * 1024;

/// After an answer to a request that was not read to its end, the client has this long to take the
/// answer.
const LINGER: Duration = Duration::from_secs(2);

/// Bytes that are read and thrown away meanwhile.
const LINGER_BYTES_MAX: usize = 1024 * 1024;

/// The end of a connection.
enum End {
    /// Both sides are done.
    Done,
    /// The client broke off, or sent something that is not HTTP.
    Failed(hyper::Error),
    /// The client took too long.
    TimedOut,
    /// It waited for its client, and others needed its place.
    Evicted,
}

/// Serves one connection to its end.
pub(super) async fn serve<S: Service>(
    stream: TcpStream,
    activity: Rc<Activity>,
    worker: Rc<Worker<S>>,
) {
    // Without it a small answer waits for the client's acknowledgement. It fails only on a socket
    // that is gone.
    let _ = stream.set_nodelay(true);
    let stream = Rc::new(RefCell::new(stream));
    let socket = Socket { stream: Rc::clone(&stream), activity: Rc::clone(&activity) };
    match converse(socket, &activity, &worker).await {
        End::TimedOut => worker.metrics().timed_out(),
        End::Evicted => worker.metrics().shed(),
        End::Failed(error) if !error.is_parse() => {}
        End::Done if !activity.has_unread() => {}
        // In a box, so that its buffer does not weigh on every connection.
        End::Failed(_) | End::Done => Box::pin(linger(stream)).await,
    }
}

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
        // The time-outs are ours; see the module.
        .header_read_timeout(None)
        .serve_connection(TokioIo::new(socket), service);
    let mut connection = pin!(connection);
    let mut alarm = pin!(sleep_until(Instant::now() + worker.limits().header_timeout));
    let mut shutting_down = false;
    poll_fn(|cx| {
        // Whoever changes the activity from outside (a stop, an eviction) wakes this task.
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
                    // A first request may be under way: it has until then.
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
            // Without a deadline the server is at work, and the end of the work wakes this task.
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
    let ambiguity = ambiguity(&head, &activity);
    // From here on the client does not keep us waiting: no time-out runs until the answer is sent.
    let busy = activity.begin();
    let read = body.is_end_stream()
        || (ambiguity.is_none()
            && Box::pin(drain(body, &head.headers, worker.limits().header_timeout)).await);
    let mut response = match ambiguity {
        Some(reason) => worker.service().bad_request(reason),
        None => worker.service().answer(&head).await,
    };
    if !read {
        // Closing a socket with unread bytes resets it, and the client would lose the answer.
        activity.leave_unread();
    }
    if !read || ambiguity.is_some() || worker.is_stopping() {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    worker.metrics().answered(response.status());
    Ok(response.map(|body| Tracked::new(body, busy)))
}

/// The reason why it is not certain where the body of this request ends. A proxy in front may read
/// it another way than hyper: what one of them takes for a body, the other takes for the next
/// request (RFC 9112, 6.3 and 11.2).
fn ambiguity(head: &Parts, activity: &Activity) -> Option<&'static str> {
    let mut codings = head.headers.get_all(TRANSFER_ENCODING).iter();
    let coding = codings.next()?;
    // hyper is content with any list whose last member is `chunked`.
    if codings.next().is_some() || !coding.as_bytes().eq_ignore_ascii_case(b"chunked") {
        return Some("The only Transfer-Encoding that is understood is chunked, once.");
    }
    if !activity.saw_no_length(head.method.as_str()) {
        return Some("A request must not have both Content-Length and Transfer-Encoding.");
    }
    None
}

/// Reads a body that no method wants, so that it is never taken for a request. False if it is not
/// read to its end: a client that waits for `100 Continue` gets its final answer instead (RFC 9110,
/// 10.1.1).
async fn drain(body: Incoming, headers: &HeaderMap, limit: Duration) -> bool {
    if headers.contains_key(EXPECT) || body.size_hint().lower() > DRAIN_BYTES_MAX as u64 {
        return false;
    }
    let mut body = Limited::new(body, DRAIN_BYTES_MAX);
    let all = async {
        while let Some(frame) = body.frame().await {
            if frame.is_err() {
                return false;
            }
        }
        true
    };
    timeout(limit, all).await.unwrap_or(false)
}

/// Closes in such a way that the client gets the answer: our side first, then what it still sends
/// is read and thrown away for a while.
async fn linger(stream: Rc<RefCell<TcpStream>>) {
    // hyper and its half are gone by now, so ours is the last.
    let Some(mut stream) = Rc::into_inner(stream).map(RefCell::into_inner) else { return };
    let rest = async {
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
        io::Result::Ok(())
    };
    // Whatever comes of it, the connection is over.
    let _ = timeout(LINGER, rest).await;
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

/// The size of what serves one connection, with the futures of its answers, in bytes.
#[cfg(test)]
pub(in crate::http) fn future_bytes<S: Service>() -> usize {
    fn size_of_future<A, B, C, F>(_: fn(A, B, C) -> F) -> usize {
        size_of::<F>()
    }
    size_of_future(serve::<S>)
}
