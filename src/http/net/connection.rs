//! What all connections have in common: their time-outs, their answers, and their end.
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
use std::task::Poll;
use std::time::Duration;

use http::header::{CONNECTION, EXPECT, RETRY_AFTER, STRICT_TRANSPORT_SECURITY, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, sleep_until, timeout};

use super::super::exchange::{Form, Record, RequestContext};
use super::super::limits::HEADERS_MAX;
use super::Service;
use super::activity::{Activity, Busy};
use super::body::Tracked;
use super::forwarded;
use super::peer::Client;
use super::role::Role;
use super::tls::Tls;
use super::worker::Worker;

/// The largest body of a request that is read, in bytes, so that the connection can be kept. No
/// method here uses a body; a longer one closes the connection.
const DRAIN_BYTES_MAX: usize = 64 * 1024;

/// The time that a client has to take the answer to a request that was not read to its end.
const LINGER: Duration = Duration::from_secs(2);

/// The time after which a reader with too many requests may try again, in seconds.
const RETRY_AFTER_S: HeaderValue = HeaderValue::from_static("5");

/// The bytes that are read and discarded during that time.
const LINGER_BYTES_MAX: usize = 1024 * 1024;

/// The end of a connection.
pub(super) enum End {
    /// Both sides are done.
    Done,
    /// The client broke off, or sent something that is not HTTP.
    Failed(hyper::Error),
    /// It was closed before a request, because its first bytes were not understood.
    Refused,
    /// Its reader has too many connections.
    Rejected,
    /// The client took too long.
    TimedOut,
    /// It waited for its client, and another connection needed its place.
    Evicted,
    /// It was closed by a stop of the server before a request.
    Stopped,
    /// Not the end: it has been idle for a while, and needs no buffers until the next request.
    Quiet,
}

/// The reaction of a connection to a stop of the server.
pub(super) enum Finish {
    /// It ends by itself, and has to be polled for that.
    BySelf,
    /// It can be closed at once.
    Now,
}

/// Runs a connection, or a part of it, until it is done or has to end: then the error says why. A
/// plain loop in one poll function, because the connection, the alarm, a stop and an eviction have
/// to be looked at together each time the task is woken.
pub(super) async fn drive<F: Future, S: Service>(
    mut future: Pin<&mut F>,
    finish: impl Fn(Pin<&mut F>) -> Finish,
    activity: &Rc<Activity>,
    worker: &Rc<Worker<S>>,
) -> Result<F::Output, End> {
    let first = activity.deadline(worker.limits());
    let first = first.unwrap_or_else(|| Instant::now() + worker.limits().header_timeout);
    let mut alarm = pin!(sleep_until(first));
    let mut shutting_down = false;
    poll_fn(|cx| {
        // A stop or an eviction wakes this task through the activity.
        activity.register(cx.waker());
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                return Poll::Ready(Ok(output));
            }
            // They are counted before the client can see the end.
            if activity.is_evicted() {
                worker.metrics().shed();
                return Poll::Ready(Err(End::Evicted));
            }
            let mut wake = activity.deadline(worker.limits());
            let quiet = activity.quiet_at();
            // The alarm may go off early, at a deadline that has moved since; that is not the end.
            if alarm.is_elapsed() {
                let now = Instant::now();
                if wake.is_some_and(|deadline| deadline <= now) {
                    worker.metrics().timed_out();
                    return Poll::Ready(Err(End::TimedOut));
                }
                if quiet.is_some_and(|quiet| quiet <= now) {
                    return Poll::Ready(Err(End::Quiet));
                }
            }
            if let (Some(deadline), Some(quiet)) = (wake, quiet) {
                wake = Some(deadline.min(quiet));
            }
            if worker.is_stopping() && !shutting_down {
                match activity.grace() {
                    // The first request may still arrive.
                    Some(grace) if grace > Instant::now() => {
                        wake = Some(wake.map_or(grace, |deadline| deadline.min(grace)));
                    }
                    _ => {
                        shutting_down = true;
                        match finish(future.as_mut()) {
                            Finish::Now => return Poll::Ready(Err(End::Stopped)),
                            // It has to be polled once more to act on it.
                            Finish::BySelf => continue,
                        }
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
pub(super) async fn respond<S: Service>(
    request: Request<Incoming>,
    activity: Rc<Activity>,
    worker: Rc<Worker<S>>,
) -> Result<Response<Tracked<S::Body>>, Infallible> {
    let (head, body) = request.into_parts();
    let begun = worker.service().observers().begin();
    let ambiguity = ambiguity(&head, &activity);
    // From here on the server is working, not the client: no time-out of the client runs until the
    // answer is ready.
    let mut busy = activity.begin();
    let is_redirect = activity.role() == Role::Redirect;
    let form_bytes_max = match ambiguity {
        None if !is_redirect => worker.service().form_bytes_max(&head),
        _ => None,
    };
    let mut form = None;
    let read = if let Some(bytes_max) = form_bytes_max {
        let received = Box::pin(receive(body, bytes_max, worker.limits().header_timeout)).await;
        matches!(**form.insert(received), Form::Whole(_))
    } else if body.is_end_stream() {
        true
    } else if ambiguity.is_some() {
        false
    } else {
        Box::pin(drain(body, &head.headers, worker.limits().header_timeout)).await
    };
    let client = client(&head, &activity, &worker);
    let mut context = RequestContext { reader: client.address, route: None, form };
    let mut response = if let Some(reason) = ambiguity {
        worker.service().refuse(StatusCode::BAD_REQUEST, reason)
    } else if head.headers.len() > HEADERS_MAX {
        // Only in HTTP/2: hyper counts those of HTTP/1.
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        worker.service().refuse(status, "The request has too many header fields.")
    } else if !has_place(client, &activity, &worker, &mut busy) {
        too_many_requests(worker.service())
    } else if is_redirect {
        worker.service().redirect(&head)
    } else {
        worker.service().answer(&head, &mut context).await
    };
    if activity.is_http2() {
        // It has no such field, and no way in which bytes of a body could be taken for a request.
        response.headers_mut().remove(CONNECTION);
    } else {
        if !read {
            // Closing a socket with unread bytes resets it, and the client would lose the answer.
            activity.leave_unread();
        }
        if !read || ambiguity.is_some() || worker.is_stopping() {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
    }
    if activity.role() == Role::Tls
        && let Some(hsts) = worker.tls().and_then(Tls::hsts)
    {
        response.headers_mut().insert(STRICT_TRANSPORT_SECURITY, hsts.clone());
    }
    worker.metrics().answered(response.status());
    let record = begun.map(|begun| {
        let (status, headers) = (response.status(), response.headers());
        Record::new(worker.service().observers(), begun, context, head, status, headers)
    });
    Ok(response.map(|body| Tracked::new(body, record, busy)))
}

/// The client of a request. What a trusted proxy reports is believed, and nobody else is.
fn client<S: Service>(head: &Parts, activity: &Activity, worker: &Worker<S>) -> Client {
    let peer = activity.peer().address();
    if !activity.is_trusted() {
        return Client { address: peer };
    }
    Client { address: forwarded::reader(&head.headers, &worker.limits().trusted_proxies).or(peer) }
}

/// Takes a place for a request of a trusted proxy among those of its reader. All other requests are
/// counted by their connection, and what a proxy asks for itself is not counted.
fn has_place<S: Service>(
    client: Client,
    activity: &Activity,
    worker: &Worker<S>,
    busy: &mut Busy,
) -> bool {
    let Some(reader) = client.address.filter(|_| activity.is_trusted()) else { return true };
    if worker.limits().trusted_proxies.has(reader) {
        return true;
    }
    match worker.per_address().enter(reader) {
        Some(place) => {
            busy.keep(place);
            true
        }
        None => {
            worker.metrics().rejected();
            false
        }
    }
}

/// The answer to a reader who has too many requests in progress.
fn too_many_requests<S: Service>(service: &S) -> Response<S::Body> {
    let mut response = service.refuse(
        StatusCode::TOO_MANY_REQUESTS,
        "There are too many requests from this address at once.",
    );
    response.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_S);
    response
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

/// Reads a body that is wanted. One that is too long is left.
async fn receive(body: Incoming, bytes_max: usize, limit: Duration) -> Box<Form> {
    if body.size_hint().lower() > bytes_max as u64 {
        return Box::new(Form::TooLong);
    }
    Box::new(match timeout(limit, Limited::new(body, bytes_max).collect()).await {
        Ok(Ok(whole)) => Form::Whole(whole.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Form::TooLong,
        Ok(Err(_)) | Err(_) => Form::Unfinished,
    })
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
pub(super) async fn linger<T: AsyncRead + AsyncWrite + Unpin>(stream: Rc<RefCell<T>>) {
    // hyper has dropped its half by now, so this is the last.
    let Some(stream) = Rc::into_inner(stream) else { return };
    // With or without an error, the connection ends here.
    let _ = timeout(LINGER, shut_down(stream.into_inner())).await;
}

async fn shut_down(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
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
