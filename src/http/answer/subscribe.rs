//! The answers of the own hub: POST to `/-/hub` (WebSub, 5.1), and to `/rsscloud/pleaseNotify`.

use std::net::IpAddr;
use std::sync::Arc;

use http::header::{ALLOW, CONNECTION, CONTENT_TYPE, RETRY_AFTER};
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
use crate::push::hub::form::{self, BODY_BYTES_MAX};
use crate::push::hub::{Kind, Mode, Refusal, Request};

/// The path of the hub beneath `site.url`.
const HUB: &str = "/-/hub";

/// A request with a form.
pub(super) struct Asked<'a> {
    pub(super) head: &'a Parts,
    pub(super) form: Form,
    /// The address of who asks; `None` where a connection has none.
    pub(super) client: Option<IpAddr>,
}

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

/// Whether a path is that of the hub.
pub(super) fn is_hub(site: &Site, path: &str) -> bool {
    matches!(Target::of(site, path), Target::Within(HUB))
}

/// The largest form that a POST with this head may send, if it is for the hub.
pub(super) fn form_bytes_max(_door: &Door, site: &Site, head: &Parts) -> Option<usize> {
    is_hub(site, head.uri.path()).then_some(BODY_BYTES_MAX)
}

/// 405 for all other methods.
pub(super) fn only_post() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "Subscribers send their requests here, with POST.")
        .with(ALLOW, HeaderValue::from_static("POST, OPTIONS"))
}

/// The answer to a form: 202, or a refusal in one sentence for the developer of the subscriber.
pub(super) async fn answer(
    door: &Door,
    snapshot: Option<&Snapshot>,
    find: fn(&Snapshot, &Route) -> Found,
    asked: Asked<'_>,
) -> Response<Content> {
    let config = snapshot.map(|snapshot| &*snapshot.config);
    if let Err(problem) = request::check_fields(asked.head) {
        return problem.response(config);
    }
    let is_unread = !matches!(asked.form, Form::Whole(_));
    let mut response = match subscribe(door, snapshot, find, asked).await {
        Ok(()) => {
            let mut response = plain("Accepted; the callback is asked to confirm it.\n".to_owned());
            *response.status_mut() = StatusCode::ACCEPTED;
            response
        }
        Err(refused) => {
            let mut response = plain(format!("{}\n", refused.text));
            *response.status_mut() = refused.status;
            if let Some(seconds) = refused.retry_after_s {
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
            }
            response
        }
    };
    if is_unread {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

async fn subscribe(
    door: &Door,
    snapshot: Option<&Snapshot>,
    find: fn(&Snapshot, &Route) -> Found,
    asked: Asked<'_>,
) -> Result<(), Refused> {
    let body = match asked.form {
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
        let text = "A request has to be of the type application/x-www-form-urlencoded.";
        return Err(Refused::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
    }
    let wrong = |text| Refused::new(StatusCode::BAD_REQUEST, text);
    let form = form::parse(&body, Some(&door.ports)).map_err(wrong)?;
    if !door.may_be_called(&form.callback.host) {
        return Err(wrong("The callback has an address that this hub does not call."));
    }
    let Some(snapshot) = snapshot.filter(|snapshot| !snapshot.is_restored()) else {
        let text = "The site is starting.";
        return Err(Refused::for_now(StatusCode::SERVICE_UNAVAILABLE, text, 5));
    };
    let route = topic(snapshot, &form.topic).filter(|route| {
        // Who is subscribed to a feed that is gone may leave.
        form.mode == Mode::Unsubscribe || is_there(snapshot, find, route)
    });
    let Some(route) = route else {
        let text = "The topic is not a feed of this site; use the URL that the feed names as self.";
        return Err(Refused::new(StatusCode::NOT_FOUND, text));
    };
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
    door.knock(request, asked.client.and_then(subscriber)).await.map_err(unheard)
}

/// Whether the body of a request is a form, as far as the request says.
fn is_form(head: &Parts) -> bool {
    let mut types = head.headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (types.next(), types.next()) else { return false };
    let name = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
    name.trim_ascii().eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
}

/// The feed that a topic names: by its own URL, or by another path that the configuration gives it.
fn topic(snapshot: &Snapshot, text: &str) -> Option<Route> {
    let url = Url::parse(text).ok()?;
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

fn is_there(snapshot: &Snapshot, find: fn(&Snapshot, &Route) -> Found, route: &Route) -> bool {
    matches!(find(snapshot, route), Found::Ready(_) | Found::Render(..))
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
