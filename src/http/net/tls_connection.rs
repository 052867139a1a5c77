//! A connection with TLS: the handshake, and then HTTP/2 or HTTP/1.1, as ALPN has chosen.
//!
//! The handshake and the head of the first request have the time of one head together.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::rc::Rc;

use http::StatusCode;
use http::header::DATE;
use tokio::io::{AsyncWriteExt as _, ReadBuf};

use super::Service;
use super::activity::Activity;
use super::connection::{End, Finish, drive, linger};
use super::http1::serve_http1;
use super::http2::serve_http2;
use super::socket::Wire;
use super::tls::HTTP2;
use super::worker::Worker;

/// The type of the record that a handshake begins with (RFC 8446, 5.1).
const HANDSHAKE: u8 = 22;

/// The text for a request without TLS, which cannot be redirected: its port speaks TLS alone.
const NOT_TLS: &str = "This port speaks https; the request was http.";

/// Serves a connection with TLS to its end.
pub(super) async fn serve_tls<S: Service>(
    wire: Wire,
    activity: &Rc<Activity>,
    worker: &Rc<Worker<S>>,
) -> End {
    // A listener has this role only if TLS is on.
    let Some(tls) = worker.tls() else { return End::Refused };
    let first = match drive(pin!(first_byte(&wire)), |_| Finish::Now, activity, worker).await {
        Ok(Ok(first)) => first,
        Ok(Err(_)) => return End::Refused,
        Err(end) => return end,
    };
    activity.began();
    if first.is_ascii_uppercase() {
        return refuse_plain(wire, activity, worker).await;
    }
    if first != HANDSHAKE {
        return End::Refused;
    }
    let handshake = pin!(tls.acceptor().accept(wire));
    let stream = match drive(handshake, |_| Finish::Now, activity, worker).await {
        Ok(Ok(stream)) => stream,
        // The client got an alert that says why.
        Ok(Err(_)) => return End::Refused,
        Err(end) => return end,
    };
    if stream.get_ref().1.alpn_protocol() == Some(HTTP2) {
        activity.speak_http2();
        serve_http2(stream, activity, worker).await
    } else {
        serve_http1(stream, activity, worker).await
    }
}

/// The first byte, which is not read.
async fn first_byte(wire: &Wire) -> io::Result<u8> {
    let mut byte = [0];
    let mut buffer = ReadBuf::new(&mut byte);
    poll_fn(|cx| wire.stream.poll_peek(cx, &mut buffer)).await?;
    match buffer.filled() {
        [byte] => Ok(*byte),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Answers a request without TLS, so that a person sees what is wrong.
async fn refuse_plain<S: Service>(
    mut wire: Wire,
    activity: &Rc<Activity>,
    worker: &Rc<Worker<S>>,
) -> End {
    // Written here, since no HTTP is spoken on this port. `Date` is that of all other refusals.
    let refusal = worker.service().refuse(StatusCode::BAD_REQUEST, NOT_TLS);
    let mut answer = format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Length: {}\r\nConnection: close\r\n",
        NOT_TLS.len() + 2
    );
    if let Some(date) = refusal.headers().get(DATE).and_then(|date| date.to_str().ok()) {
        answer.push_str(&format!("Date: {date}\r\n"));
    }
    answer.push_str(&format!("\r\n{NOT_TLS}\r\n"));
    match drive(pin!(wire.write_all(answer.as_bytes())), |_| Finish::Now, activity, worker).await {
        Ok(Ok(())) => {}
        Ok(Err(_)) => return End::Refused,
        Err(end) => return end,
    }
    // The request was not read, and closing at once would take the answer back.
    linger(Rc::new(RefCell::new(wire))).await;
    End::Refused
}
