//! The answers of the own hub: POST to `/-/hub` (WebSub, 5.1), and to `/rsscloud/pleaseNotify`.

use std::net::IpAddr;
use std::sync::Arc;

use http::header::{ALLOW, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};
use url::Url;

use super::super::exchange::Form;
use super::super::hub::{Door, Unheard};
use super::super::limits::subscriber;
use super::content::Content;
use super::problem::Problem;
use super::request;
use super::service::plain;
use super::target::Target;
use crate::base::Route;
use crate::config::Site;
use crate::publish::{Found, Snapshot};
use crate::push::cloud;
use crate::push::hub::callback::{Callback, is_url_text};
use crate::push::hub::form::{self, BODY_BYTES_MAX};
use crate::push::hub::{Kind, Mode, Refusal, Request};

/// The path of the hub beneath `site.url`.
const HUB: &str = "/-/hub";

/// The methods that the hub allows.
pub(super) const ALLOWED: HeaderValue = HeaderValue::from_static("POST, OPTIONS");

/// The path of rssCloud.
const CLOUD: &str = "/rsscloud/pleaseNotify";

/// A request with a form.
pub(super) struct Asked<'a> {
    pub(super) head: &'a Parts,
    pub(super) form: Form,
    /// The address of who asks; `None` where a connection has none.
    pub(super) client: Option<IpAddr>,
}

/// The sentence for a request that is accepted.
const ACCEPTED: &str = "Accepted; the callback is asked to confirm it.";

/// A refusal: a status, one sentence, and the seconds after which another try makes sense.
struct Refused {
    status: StatusCode,
    text: &'static str,
    retry_after_s: Option<u16>,
}

impl Refused {
    fn new(status: StatusCode, text: &'static str) -> Self {
        Self { status, text, retry_after_s: None }
    }

    fn for_now(status: StatusCode, text: &'static str, retry_after_s: u16) -> Self {
        Self { status, text, retry_after_s: Some(retry_after_s) }
    }
}

/// Whether a path is one at which subscribers ask: that of the hub, or of rssCloud. There is none
/// without a hub or a site.
pub(super) fn is_for_subscribers(door: Option<&Door>, site: Option<&Site>, path: &str) -> bool {
    let (Some(door), Some(site)) = (door, site) else { return false };
    matches!(Target::of(site, path), Target::Within(HUB)) || (door.cloud && is_cloud(site, path))
}

fn is_cloud(site: &Site, path: &str) -> bool {
    matches!(Target::of(site, path), Target::Within(CLOUD))
}

/// The largest form that a POST with this head may send, if it is for the hub.
pub(super) fn form_bytes_max(door: &Door, site: &Site, head: &Parts) -> Option<usize> {
    is_for_subscribers(Some(door), Some(site), head.uri.path()).then_some(BODY_BYTES_MAX)
}

/// 405 for all other methods.
pub(super) fn only_post() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "Subscribers send their requests here, with POST.")
        .with(ALLOW, ALLOWED)
}

/// The parts that a request is answered from.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) door: &'a Door,
    pub(super) snapshot: Option<&'a Snapshot>,
    pub(super) find: fn(&Snapshot, &Route) -> Found,
}

/// The answer to a form: 202, or a refusal in one sentence for the developer of the subscriber.
pub(super) async fn answer(place: Place<'_>, asked: Asked<'_>) -> Response<Content> {
    let config = place.snapshot.map(|snapshot| &*snapshot.config);
    if let Err(problem) = request::check_fields(asked.head) {
        return problem.response(config);
    }
    let is_unread = !matches!(asked.form, Form::Whole(_));
    let is_cloud = config.is_some_and(|config| is_cloud(&config.site, asked.head.uri.path()));
    let answered = match whole(&asked) {
        Ok(body) if is_cloud => register(place, body, asked.client).await,
        Ok(body) => subscribe(place, body, asked.client).await,
        Err(refused) => Err(refused),
    };
    let (status, text) = match &answered {
        Ok(()) if is_cloud => (StatusCode::OK, ACCEPTED),
        Ok(()) => (StatusCode::ACCEPTED, ACCEPTED),
        Err(refused) => (refused.status, refused.text),
    };
    let mut response = if is_cloud {
        xml(cloud::answer(answered.is_ok(), text))
    } else {
        plain(format!("{text}\n"))
    };
    *response.status_mut() = status;
    if let Err(Refused { retry_after_s: Some(seconds), .. }) = answered {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    // The rest of the body would be read as the next request.
    if is_unread {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn xml(text: String) -> Response<Content> {
    let mut response = plain(text);
    let value = HeaderValue::from_static("application/xml; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, value);
    response
}

/// The body of a request that is a form.
fn whole<'a>(asked: &'a Asked<'_>) -> Result<&'a [u8], Refused> {
    let body = match &asked.form {
        Form::Whole(body) => body,
        Form::TooLong => {
            return Err(Refused::new(StatusCode::PAYLOAD_TOO_LARGE, "The form is too long."));
        }
        Form::Unfinished => {
            let text = "The form did not come to its end.";
            return Err(Refused::new(StatusCode::REQUEST_TIMEOUT, text));
        }
    };
    if !is_form(asked.head) {
        let text = "A request has to be of the type application/x-www-form-urlencoded, in UTF-8.";
        return Err(Refused::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
    }
    Ok(body)
}

fn wrong(text: &'static str) -> Refused {
    Refused::new(StatusCode::BAD_REQUEST, text)
}

async fn subscribe(place: Place<'_>, body: &[u8], client: Option<IpAddr>) -> Result<(), Refused> {
    let form = form::parse(body, Some(&place.door.ports)).map_err(wrong)?;
    let route = place.route(form.mode, &form.callback, &form.topic)?;
    let request = Request {
        mode: form.mode,
        kind: Kind::WebSub,
        topic: Arc::from(form.topic),
        route,
        callback: form.callback.url,
        host: form.callback.host,
        secret: form.secret,
        lease_s: form.lease_s,
    };
    place.door.knock(request, client.and_then(subscriber)).await.map_err(unheard)
}

/// A request of rssCloud: one of the hub for each feed.
async fn register(place: Place<'_>, body: &[u8], client: Option<IpAddr>) -> Result<(), Refused> {
    let found = cloud::parse(body, client, Some(&place.door.ports)).map_err(wrong)?;
    let mut requests = Vec::new();
    for topic in found.topics {
        let route = place.route(Mode::Subscribe, &found.callback, &topic)?;
        requests.push(Request {
            mode: Mode::Subscribe,
            kind: found.kind,
            topic: Arc::from(topic),
            route,
            callback: Arc::clone(&found.callback.url),
            host: Arc::clone(&found.callback.host),
            secret: None,
            lease_s: cloud::LEASE_S,
        });
    }
    for request in requests {
        place.door.knock(request, client.and_then(subscriber)).await.map_err(unheard)?;
    }
    Ok(())
}

impl Place<'_> {
    /// The feed that a topic names, if it is there and the callback may be called. Who is
    /// subscribed to a feed that is gone may leave.
    fn route(&self, mode: Mode, callback: &Callback, topic: &str) -> Result<Route, Refused> {
        if !self.door.may_be_called(&callback.host) {
            return Err(wrong("The callback has an address that this hub does not call."));
        }
        let Some(snapshot) = self.snapshot.filter(|snapshot| !snapshot.is_restored()) else {
            let text = "The site is starting.";
            return Err(Refused::for_now(StatusCode::SERVICE_UNAVAILABLE, text, 5));
        };
        if let Some(route) = named(snapshot, topic) {
            let found = (self.find)(snapshot, &route);
            let is_there = matches!(found, Found::Ready(_) | Found::Render(..));
            if is_there || mode == Mode::Unsubscribe {
                return Ok(route);
            }
        }
        let text = "The topic is not a feed of this site; use the URL that it names as self.";
        Err(Refused::new(StatusCode::NOT_FOUND, text))
    }
}

/// Whether the body of a request is a form in UTF-8, as far as the request says.
fn is_form(head: &Parts) -> bool {
    let mut types = head.headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (types.next(), types.next()) else { return false };
    let Ok(value) = value.to_str() else { return false };
    let (media_type, parameters) = value.split_once(';').unwrap_or((value, ""));
    if !media_type.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
        || head.headers.contains_key(CONTENT_ENCODING)
    {
        return false;
    }
    for parameter in parameters.split(';') {
        if let Some((name, charset)) = parameter.trim().split_once('=')
            && name.eq_ignore_ascii_case("charset")
            && !charset.trim_matches('"').eq_ignore_ascii_case("utf-8")
        {
            return false;
        }
    }
    true
}

/// The feed that a topic names: by its own URL, or by another path that the configuration gives it.
fn named(snapshot: &Snapshot, text: &str) -> Option<Route> {
    let url = Url::parse(text).ok().filter(|_| is_url_text(text))?;
    let site = &snapshot.config.site;
    let is_plain = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if !is_plain || url.origin() != site.url.origin() {
        return None;
    }
    let Target::Within(relative) = Target::of(site, url.path()) else { return None };
    let route = snapshot.config.route(relative)?;
    matches!(route, Route::Feed(..)).then_some(route)
}

fn unheard(why: Unheard) -> Refused {
    let (many, full) = (StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE);
    match why {
        Unheard::Busy => Refused::for_now(full, "The hub is busy.", 30),
        Unheard::Refused(Refusal::Client) => {
            Refused::for_now(many, "There are too many requests from this address.", 60)
        }
        Unheard::Refused(Refusal::Unconfirmed) => {
            let text = "Too many requests for callbacks at this host were not confirmed.";
            Refused::for_now(many, text, 600)
        }
        Unheard::Refused(Refusal::Host) => {
            let text = "The host of the callback has as many subscriptions as it may have.";
            Refused::for_now(many, text, 3600)
        }
        Unheard::Refused(Refusal::Full) => {
            let text = "The hub has as many subscriptions as it may have.";
            Refused::for_now(full, text, 3600)
        }
    }
}
