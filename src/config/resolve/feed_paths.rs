//! The paths of the site's feeds: one main path for each format, and others that answer with it.

use std::borrow::Cow;

use crate::base::url_table::{UrlKey, UrlTable};
use crate::base::{Format, Route, Scope, UrlPath};
use crate::config::raw::{Given, Reader};

/// Maximum number of other paths for one format.
const ALIASES_MAX: usize = 100;

/// The keys of a format: its main path, and its other paths.
const KEYS: [(Format, &str, &str); 3] = [
    (Format::Rss, "rss_path", "rss_aliases"),
    (Format::Atom, "atom_path", "atom_aliases"),
    (Format::Json, "json_path", "json_aliases"),
];

/// The main path of the site's feed in each format, percent-encoded and relative to `site.url`:
/// feeds name it as their own, and pages link to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedPaths([String; 3]);

impl Default for FeedPaths {
    fn default() -> Self {
        Self(Format::ALL.map(default_path))
    }
}

impl FeedPaths {
    /// The path of `route` relative to `site.url`: as it is configured, or as it prints.
    pub fn path(&self, route: &Route) -> Cow<'_, str> {
        match route {
            Route::Feed(Scope::Site, format) => Cow::Borrowed(&self.0[*format as usize]),
            _ => Cow::Owned(route.to_string()),
        }
    }
}

/// Reads the paths of all formats. Second, every path and query that answers with a feed, besides
/// the default ones.
pub(super) fn read(reader: &mut Reader<'_>) -> (FeedPaths, UrlTable<Format>) {
    let mut paths = FeedPaths::default();
    let mut table = UrlTable::default();
    for (format, path_key, aliases_key) in KEYS {
        if let Some(given) = reader.text("feeds", path_key) {
            match add(&mut table, &given.value, format) {
                Ok(key) if key.has_query() => {
                    refuse(reader, &given, path_key, "must not have a query; use an alias for it");
                }
                Ok(key) => paths.0[format as usize] = printed(&key, &given.value),
                Err(message) => refuse(reader, &given, path_key, message),
            }
        }
        let Some(given) = reader.texts("feeds", aliases_key) else { continue };
        if given.value.len() > ALIASES_MAX {
            let message = format!("`feeds.{aliases_key}` has more than {ALIASES_MAX} paths");
            reader.refuse(&given.at, message);
            continue;
        }
        for alias in given.value {
            if let Err(message) = add(&mut table, &alias, format) {
                let given = Given { value: alias, at: given.at.clone() };
                refuse(reader, &given, aliases_key, message);
            }
        }
    }
    (paths, table)
}

fn refuse(reader: &mut Reader<'_>, given: &Given<String>, key: &str, message: &str) {
    reader.refuse(&given.at, format!("`feeds.{key}`: {:?} {message}", given.value));
}

/// Adds a path of a feed, and returns its key; or says what is wrong with it.
fn add(table: &mut UrlTable<Format>, text: &str, format: Format) -> Result<UrlKey, &'static str> {
    if text == default_path(format) {
        return UrlKey::parse(text).ok_or("is not a path");
    }
    let Some(key) = UrlKey::parse(text).filter(|_| !text.contains('#')) else {
        return Err("is not a path such as \"/feed.xml\"");
    };
    if key.path().is_empty() && !key.has_query() {
        return Err("is the home page");
    }
    match UrlPath::new(key.path()) {
        Some(path) if path.is_reserved() => return Err("is reserved"),
        _ => {}
    }
    if !table.insert(key.clone(), format) {
        return Err("is listed twice");
    }
    Ok(key)
}

/// The path as it is printed: percent-encoded, with a slash at its end if it was written with one.
fn printed(key: &UrlKey, text: &str) -> String {
    let slash = if text.ends_with('/') { "/" } else { "" };
    match UrlPath::new(key.path()) {
        Some(path) => format!("/{path}{slash}"),
        None => "/".to_owned(),
    }
}

fn default_path(format: Format) -> String {
    Route::Feed(Scope::Site, format).to_string()
}
