//! The calls of the hub: what is sent, and how.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, LINK};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use url::Url;

use crate::base::{Digest, Route};
use crate::config::Signature;
use crate::feed::links;
use crate::ops::outgoing::{Answer, Call, CallError, Client};
use crate::publish::{Found, Render, Snapshot};
use crate::push::hub::Subscription;
use crate::push::hub::signature;

const SIGNATURE: HeaderName = HeaderName::from_static("x-hub-signature");

/// A feed as it is delivered: the same bytes for all.
pub(super) struct Delivery {
    pub(super) version: Digest,
    content_type: &'static str,
    link: HeaderValue,
    body: Bytes,
}

impl Delivery {
    /// Makes the delivery of a feed; `None` if it cannot be read now.
    pub(super) fn make(render: &dyn Render, snapshot: &Snapshot, route: &Route) -> Option<Self> {
        let (version, document) = match snapshot.find(route) {
            Found::Ready(document) => (document.digest, document),
            Found::Render(route, version) => {
                (version, Arc::new(render.render(snapshot, &route).ok()?))
            }
            _ => return None,
        };
        let site = &snapshot.config.site;
        let mut link = String::new();
        for hub in site.hub_urls() {
            link.push_str(&format!("<{hub}>; rel=\"hub\", "));
        }
        link.push_str(&format!("<{}>; rel=\"self\"", links::absolute(site, route)));
        let link = HeaderValue::try_from(link).ok()?;
        let body = document.identity.clone();
        Some(Self { version, content_type: document.content_type, link, body })
    }
}

/// The version of a feed in a snapshot; `None` if it is not there.
pub(super) fn version(snapshot: &Snapshot, route: &Route) -> Option<Digest> {
    match snapshot.find(route) {
        Found::Ready(document) => Some(document.digest),
        Found::Render(_, version) => Some(version),
        _ => None,
    }
}

/// A text that cannot be guessed: of version 4 are 122 random bits each.
pub(super) fn challenge() -> String {
    let (first, second) = (uuid::Uuid::new_v4(), uuid::Uuid::new_v4());
    format!("{}{}", first.simple(), second.simple())
}

/// Delivers a feed (section 7).
///
/// # Errors
/// There is no answer.
pub(super) async fn post(
    client: &Client,
    subscription: &Subscription,
    delivery: &Delivery,
    method: Signature,
) -> Result<Answer, CallError> {
    let mut headers = HeaderMap::with_capacity(4);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(delivery.content_type));
    headers.insert(LINK, delivery.link.clone());
    if let Some(secret) = &subscription.secret {
        let signature = signature::sign(method, secret, &delivery.body);
        let signature = HeaderValue::try_from(signature);
        headers.insert(SIGNATURE, signature.map_err(|_| CallError::Url("cannot be signed"))?);
    }
    let url = parsed(&subscription.callback)?;
    let body = delivery.body.clone();
    client.call(Call { method: Method::POST, url, headers, body }).await
}

/// A call without a feed: GET, or POST of a form.
///
/// # Errors
/// There is no answer.
pub(super) async fn call(
    client: &Client,
    url: &str,
    form: Option<String>,
) -> Result<Answer, CallError> {
    let url = parsed(url)?;
    let mut headers = HeaderMap::new();
    let (method, body) = match form {
        None => (Method::GET, Bytes::new()),
        Some(form) => {
            let value = HeaderValue::from_static("application/x-www-form-urlencoded");
            headers.insert(CONTENT_TYPE, value);
            (Method::POST, Bytes::from(form))
        }
    };
    client.call(Call { method, url, headers, body }).await
}

fn parsed(url: &str) -> Result<Url, CallError> {
    Url::parse(url).map_err(|_| CallError::Url("cannot be read"))
}
