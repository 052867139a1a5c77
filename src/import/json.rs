//! JSON Feed 1.0 and 1.1 (jsonfeed.org/version/1.1) as a document of an old feed.

use serde_json::Value;

use crate::base::Format;
use crate::library::old_feed::OldEntry;

use super::date;
use super::document::{Document, ENTRIES_MAX, Unreadable};

pub(super) fn read(bytes: &[u8]) -> Result<Document, Unreadable> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let feed: Value =
        serde_json::from_slice(bytes).map_err(|error| Unreadable::Damaged(error.to_string()))?;
    let is_feed =
        text(&feed, "version").is_some_and(|version| version.contains("jsonfeed.org/version/"));
    let Some(items) = feed.get("items").and_then(Value::as_array).filter(|_| is_feed) else {
        return Err(Unreadable::NoFeed(
            "it is JSON, but without the `version` and the `items` of JSON Feed".to_owned(),
        ));
    };
    if items.len() > ENTRIES_MAX {
        return Err(Unreadable::TooLong);
    }
    Ok(Document {
        format: Format::Json,
        name: "JSON Feed",
        feed_id: None,
        home: text(&feed, "home_page_url"),
        next: text(&feed, "next_url"),
        is_wordpress: false,
        entries: items.iter().map(item).collect(),
        notes: Vec::new(),
    })
}

fn item(item: &Value) -> OldEntry {
    let link = text(item, "url").or_else(|| text(item, "external_url")).unwrap_or_default();
    let dated = |name: &str| text(item, name).and_then(|text| date::parse(&text));
    OldEntry {
        format: Format::Json,
        id: text(item, "id").unwrap_or_else(|| link.clone()),
        is_permalink: false,
        link,
        title: text(item, "title").unwrap_or_default(),
        published: dated("date_published"),
        updated: dated("date_modified"),
        is_listed: true,
    }
}

/// A member as text. A number in the place of an id is the id (version 1.1: coerce to a string).
fn text(object: &Value, name: &str) -> Option<String> {
    match object.get(name)? {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
