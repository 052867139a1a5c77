//! Values by URL: by a path alone, or by a path and some parameters of its query.
//!
//! Redirects and other addresses of feeds are kept in such tables. A look-up costs one hash of the
//! path, and one of the query where the path has entries with a query, however large the table is.

use std::collections::{BTreeSet, HashMap};

use percent_encoding::percent_decode_str;
use url::form_urlencoded;

use super::UrlPath;
use super::route::is_legal_segment;

/// The URL of an entry, in the form in which URLs are compared: without a slash at its end,
/// percent-decoded, its parameters sorted.
///
/// ```
/// use dropfeed::base::url_table::UrlKey;
///
/// assert_eq!(UrlKey::parse("/caf%C3%A9/"), UrlKey::parse("/café"));
/// assert_eq!(UrlKey::parse("/?b=2&a=1"), UrlKey::parse("/?a=1&b=2"));
/// assert_eq!(UrlKey::parse("/a//b"), None);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlKey {
    /// The decoded path without slashes at its ends; empty for the home page.
    path: String,
    /// The parameters, sorted; none without a query.
    query: Vec<(String, String)>,
}

impl UrlKey {
    /// Reads a path with or without a query: `/2019/old.html`, `/?p=123`. `None` if it is not a
    /// path that begins with a slash.
    pub fn parse(text: &str) -> Option<Self> {
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        Some(Self { path: path_key(path)?, query: parameters(query, |_| true) })
    }

    /// The decoded path without slashes at its ends; empty for the home page.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// True if it names a query.
    pub fn has_query(&self) -> bool {
        !self.query.is_empty()
    }
}

/// The form in which paths of requests are compared: percent-decoded, without slashes at its ends.
/// `None` for a path that has an empty segment, `.`, `..`, a control character, or that is not
/// UTF-8.
pub fn path_key(path: &str) -> Option<String> {
    let path = path.strip_prefix('/')?;
    if path.is_empty() {
        return Some(String::new());
    }
    let path = path.strip_suffix('/').unwrap_or(path);
    let mut key = String::with_capacity(path.len());
    for segment in path.split('/') {
        let segment = percent_decode_str(segment).decode_utf8().ok()?;
        if !is_legal_segment(&segment) {
            return None;
        }
        if !key.is_empty() {
            key.push('/');
        }
        key.push_str(&segment);
    }
    Some(key)
}

/// The parameters of a query whose names are `wanted`, decoded and sorted.
fn parameters(query: &str, wanted: impl Fn(&str) -> bool) -> Vec<(String, String)> {
    let mut parameters = Vec::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if wanted(&name) {
            parameters.push((name.into_owned(), value.into_owned()));
        }
    }
    parameters.sort();
    parameters
}

/// Values by URL.
///
/// ```
/// use dropfeed::base::url_table::{UrlKey, UrlTable};
///
/// let mut table = UrlTable::default();
/// table.insert(UrlKey::parse("/?p=123").unwrap(), "old post");
/// // Parameters that no entry of the path names are ignored.
/// assert_eq!(table.with_query("", "utm_source=x&p=123"), Some(&"old post"));
/// assert_eq!(table.with_query("", "p=124"), None);
/// assert_eq!(table.get(""), None);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct UrlTable<T> {
    by_path: HashMap<String, Entry<T>>,
}

/// The values of one path.
#[derive(Debug, Clone, PartialEq)]
struct Entry<T> {
    /// The value whatever the query is.
    plain: Option<T>,
    /// The parameters that some entry names; all others of a request are ignored.
    names: BTreeSet<String>,
    /// The values by their parameters.
    by_query: HashMap<Vec<(String, String)>, T>,
}

impl<T> Default for UrlTable<T> {
    fn default() -> Self {
        Self { by_path: HashMap::new() }
    }
}

impl<T> UrlTable<T> {
    /// Adds an entry. False, and nothing is changed, if there is one with this key.
    pub fn insert(&mut self, key: UrlKey, value: T) -> bool {
        let entry = self.by_path.entry(key.path).or_insert_with(|| Entry {
            plain: None,
            names: BTreeSet::new(),
            by_query: HashMap::new(),
        });
        if key.query.is_empty() {
            if entry.plain.is_some() {
                return false;
            }
            entry.plain = Some(value);
            return true;
        }
        if entry.by_query.contains_key(&key.query) {
            return false;
        }
        entry.names.extend(key.query.iter().map(|(name, _)| name.clone()));
        entry.by_query.insert(key.query, value);
        true
    }

    /// The entry with this key.
    pub fn find(&self, key: &UrlKey) -> Option<&T> {
        let entry = self.by_path.get(&key.path)?;
        if key.query.is_empty() { entry.plain.as_ref() } else { entry.by_query.get(&key.query) }
    }

    /// The entry for a path (see [`path_key`]) that names no query.
    pub fn get(&self, path: &str) -> Option<&T> {
        self.by_path.get(path)?.plain.as_ref()
    }

    /// The entry for a path (see [`path_key`]) and the query of a request. Parameters of the query
    /// that no entry of this path names are ignored: links are often sent with more.
    pub fn with_query(&self, path: &str, query: &str) -> Option<&T> {
        let entry = self.by_path.get(path)?;
        if entry.by_query.is_empty() {
            return None;
        }
        entry.by_query.get(&parameters(query, |name| entry.names.contains(name)))
    }

    /// The path and the parameters of each entry with this value.
    pub fn keys_of(&self, value: &T) -> BTreeSet<(&str, &[(String, String)])>
    where
        T: PartialEq,
    {
        let mut keys = BTreeSet::new();
        for (path, entry) in &self.by_path {
            if entry.plain.as_ref() == Some(value) {
                keys.insert((path.as_str(), &[][..]));
            }
            for (query, of_query) in &entry.by_query {
                if of_query == value {
                    keys.insert((path.as_str(), query.as_slice()));
                }
            }
        }
        keys
    }

    /// The paths of the entries that name no query, in no order. The home page is not among them.
    pub fn paths(&self) -> impl Iterator<Item = (UrlPath, &T)> {
        self.by_path
            .iter()
            .filter_map(|(path, entry)| Some((UrlPath::new(path)?, entry.plain.as_ref()?)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys() {
        for (text, expected) in [
            ("/", Some("")),
            ("/a", Some("a")),
            ("/a/", Some("a")),
            ("/A/b.html", Some("A/b.html")),
            ("/gr%C3%BC%C3%9Fe", Some("grüße")),
            ("/?p=1", Some("")),
            ("", None),
            ("a", None),
            ("//", None),
            ("/a//b", None),
            ("/a//", None),
            ("/../a", None),
            ("/%2e%2E/a", None),
            ("/a%2fb", None),
            ("/a%00", None),
            ("/%ff", None),
        ] {
            let key = UrlKey::parse(text);
            assert_eq!(key.as_ref().map(UrlKey::path), expected, "{text}");
        }
        assert!(UrlKey::parse("/?p").unwrap().has_query());
        assert!(!UrlKey::parse("/?").unwrap().has_query());
    }

    #[test]
    fn queries_match_by_the_parameters_that_are_named() {
        let mut table = UrlTable::default();
        for text in ["/?p=1", "/?p=2&lang=de", "/index.php?id=7", "/index.php", "/?q=a+b%26"] {
            assert!(table.insert(UrlKey::parse(text).unwrap(), text), "{text}");
        }
        assert!(!table.insert(UrlKey::parse("/?lang=de&p=2").unwrap(), "twice"));
        assert!(!table.insert(UrlKey::parse("/index.php/").unwrap(), "twice"));
        for (path, query, expected) in [
            ("", "p=1", Some("/?p=1")),
            ("", "utm_source=x&p=1&y", Some("/?p=1")),
            ("", "p=%31", Some("/?p=1")),
            ("", "p=1&lang=de", None),
            ("", "lang=de&p=2", Some("/?p=2&lang=de")),
            ("", "p=2", None),
            ("", "p=1&p=1", None),
            ("", "P=1", None),
            ("", "q=a%20b%26", Some("/?q=a+b%26")),
            ("", "", None),
            ("index.php", "id=7", Some("/index.php?id=7")),
            ("index.php", "id=8", None),
            ("other", "p=1", None),
        ] {
            assert_eq!(table.with_query(path, query).copied(), expected, "{path}?{query}");
        }
        assert_eq!(table.get("index.php"), Some(&"/index.php"));
        let paths: Vec<String> = table.paths().map(|(path, _)| path.to_string()).collect();
        assert_eq!(paths, ["index.php"]);
    }

    proptest! {
        #[test]
        fn what_is_inserted_is_found(path in "(/[a-c%ü]{0,3}){1,3}/?", query in "[a-c=&+%]{0,8}") {
            let text = format!("{path}?{query}");
            if let Some(key) = UrlKey::parse(&text) {
                let mut table = UrlTable::default();
                table.insert(key.clone(), ());
                prop_assert_eq!(table.find(&key), Some(&()));
                let found = if key.has_query() {
                    table.with_query(key.path(), &query)
                } else {
                    table.get(key.path())
                };
                prop_assert_eq!(found, Some(&()));
            }
        }
    }
}
