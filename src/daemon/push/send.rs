//! One push: a ping, a request to the webhook, a run of the command.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use url::Url;
use url::form_urlencoded::Serializer;

use crate::ops::command;
use crate::ops::outgoing::{Call, Client};

/// A hub as the log shows it: without path and query, which may be secret.
pub(super) fn shown(hub: &Url) -> String {
    hub.origin().ascii_serialization()
}

/// Pings a hub (PubSubHubbub 0.4, 7; WebSub leaves this to the hubs). Some of them read `hub.url`,
/// others `hub.topic`.
///
/// # Errors
/// The hub did not accept it: one sentence.
pub(super) async fn send(client: &Client, hub: Url, topic: &str) -> Result<(), String> {
    let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, form_type)]);
    post(client, hub, headers, form(topic).into()).await
}

fn form(topic: &str) -> String {
    let mut form = Serializer::new(String::new());
    form.append_pair("hub.mode", "publish");
    form.append_pair("hub.topic", topic);
    form.append_pair("hub.url", topic);
    form.finish()
}

/// Makes a POST request, which has to succeed.
///
/// # Errors
/// It did not: one sentence.
pub(super) async fn post(
    client: &Client,
    url: Url,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(), String> {
    let host = shown(&url);
    let answer = client.call(Call { method: Method::POST, url, headers, body }).await;
    let status = answer.map_err(|error| error.to_string())?.status;
    if status.is_success() { Ok(()) } else { Err(format!("{host} answers {status}")) }
}

/// Runs the command, in whose arguments `{url}` is the place of the URL of the article.
///
/// # Errors
/// It did not succeed: one clause.
pub(super) async fn run(
    words: &[String],
    url: &str,
    input: Bytes,
    limit: Duration,
) -> Result<(), String> {
    let words: Vec<String> = words.iter().map(|word| word.replace("{url}", url)).collect();
    let Some((program, arguments)) = words.split_first() else { return Ok(()) };
    command::run(program, arguments, input, limit).await.map_err(|error| error.to_string())
}
