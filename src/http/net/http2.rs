//! A connection of HTTP/2 (RFC 9113).
//!
//! Its limits: hyper's on floods of resets and on what a client may leave unread, and those here.
//! An answer that takes too long is reset, and the others go on; a connection without progress of
//! any answer is closed.

use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::spawn_local;
use tokio::time::timeout;

use super::super::limits::HEAD_BYTES_MAX;
use super::super::metrics::Metrics;
use super::Service;
use super::activity::Activity;
use super::connection::{End, Finish, drive, respond};
use super::worker::Worker;

/// The requests that one connection may have in progress. A browser has a handful.
const STREAMS_MAX: u32 = 100;

/// The bytes of a request's body that a client may send before they are read, in a stream and in
/// all of them: no method here uses a body.
const RECEIVE_BYTES: u32 = 64 * 1024;

/// The bytes of an answer that wait to be written, at most.
const SEND_BYTES: usize = 64 * 1024;

/// Serves HTTP/2 on a connection to its end.
pub(super) async fn serve_http2<S: Service, T: AsyncRead + AsyncWrite + Unpin>(
    stream: T,
    activity: &Rc<Activity>,
    worker: &Rc<Worker<S>>,
) -> End {
    let answers = Answers {
        timeout: worker.limits().response_timeout,
        metrics: Arc::clone(worker.metrics()),
    };
    let service = service_fn(|request| respond(request, Rc::clone(activity), Rc::clone(worker)));
    let connection = http2::Builder::new(answers)
        .max_concurrent_streams(STREAMS_MAX)
        // h2 counts 32 bytes more for each field than we do.
        .max_header_list_size(2 * HEAD_BYTES_MAX as u32)
        .initial_stream_window_size(RECEIVE_BYTES)
        .initial_connection_window_size(RECEIVE_BYTES)
        .max_send_buf_size(SEND_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let finish = |connection: Pin<&mut http2::Connection<_, _, _>>| {
        connection.graceful_shutdown();
        Finish::BySelf
    };
    match drive(pin!(connection), finish, activity, worker).await {
        Ok(Ok(())) => End::Done,
        Ok(Err(error)) => End::Failed(error),
        Err(end) => end,
    }
}

/// Runs the answers of a connection, each in a task of its own and within the time for a whole
/// response. Dropping an answer resets its stream.
#[derive(Clone)]
struct Answers {
    timeout: Duration,
    metrics: Arc<Metrics>,
}

impl<F: Future + 'static> Executor<F> for Answers {
    fn execute(&self, answer: F) {
        let Answers { timeout: limit, metrics } = self.clone();
        spawn_local(async move {
            if timeout(limit, answer).await.is_err() {
                metrics.timed_out();
            }
        });
    }
}
