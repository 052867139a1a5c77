//! An accepted connection from its first byte to its end: the header of the PROXY protocol, TLS,
//! and then HTTP. Everything but HTTP/1 without TLS is in a box, so that idle connections are
//! small.

use std::pin::pin;
use std::rc::Rc;

use tokio::time::timeout;

use super::activity::Activity;
use super::connection::{End, Finish, drive};
use super::http1::serve_http1;
use super::peer::Peer;
use super::per_address::Place;
use super::role::Role;
use super::socket::{Stream, Wire};
use super::tls_connection::serve_tls;
use super::worker::Worker;
use super::{Service, proxy};

/// Serves a connection to its end.
pub(super) async fn serve<S: Service>(
    stream: Stream,
    activity: Rc<Activity>,
    worker: Rc<Worker<S>>,
) {
    let mut wire = Wire::new(stream, Rc::clone(&activity));
    let mut place = None;
    if worker.limits().proxy_protocol && activity.is_trusted() {
        match Box::pin(read_proxy_header(&mut wire, &activity, &worker)).await {
            Ok(counted) => place = counted,
            Err(end) => return count(&end, &worker),
        }
    }
    let end = match activity.role() {
        Role::Tls => Box::pin(serve_tls(wire, &activity, &worker)).await,
        Role::Plain | Role::Redirect => serve_http1(wire, &activity, &worker).await,
    };
    drop(place);
    count(&end, &worker);
}

/// Counts the end of a connection.
fn count<S: Service>(end: &End, worker: &Worker<S>) {
    match end {
        End::Rejected => worker.metrics().rejected(),
        // Counted where they happened.
        End::TimedOut | End::Evicted => {}
        End::Done | End::Failed(_) | End::Refused | End::Stopped | End::Quiet => {}
    }
}

/// Reads the header of the PROXY protocol. The connection then belongs to the client that it names,
/// and is counted as one of its connections.
async fn read_proxy_header<S: Service>(
    wire: &mut Wire,
    activity: &Rc<Activity>,
    worker: &Rc<Worker<S>>,
) -> Result<Option<Place>, End> {
    let header = pin!(timeout(proxy::HEADER_TIMEOUT, proxy::read(wire)));
    let address = match drive(header, |_| Finish::Now, activity, worker).await? {
        Ok(Ok(Some(address))) => address,
        Ok(Ok(None)) => return Ok(None),
        Ok(Err(_)) => return Err(End::Refused),
        Err(_) => {
            worker.metrics().timed_out();
            return Err(End::TimedOut);
        }
    };
    let peer = Peer::of(address);
    let is_trusted = peer.is_trusted(&worker.limits().trusted_proxies);
    activity.set_peer(peer, is_trusted);
    if is_trusted {
        return Ok(None);
    }
    match worker.per_address().enter(address) {
        Some(place) => Ok(Some(place)),
        None => Err(End::Rejected),
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
