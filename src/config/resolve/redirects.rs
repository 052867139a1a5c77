//! Reads `[[redirect]]`: what `from`, `to` and `status` mean, and that no redirect leads to
//! another.

use url::Url;

use crate::base::reference::{encode, has_scheme};
use crate::base::url_table::{UrlKey, UrlTable, path_key};
use crate::base::{Format, Route, Scope, UrlPath};
use crate::config::raw::{Given, Reader, Table};
use crate::config::redirects::{Answer, Destination, Part, RedirectStatus, Redirects, Rule};
use crate::config::{At, Site};

/// Maximum number of redirects.
const REDIRECTS_MAX: usize = 10_000;

/// Maximum length of `from` and `to`, in bytes.
const URL_MAX_BYTES: usize = 2_000;

/// Redirects that are followed from one. More are a circle.
const HOPS_MAX: usize = 16;

/// The meaning of `from`.
enum From {
    /// One URL.
    Url(UrlKey),
    /// Everything beneath a directory, by its key.
    Beneath(String),
}

/// Reads every `[[redirect]]`. `feeds`: the paths that answer with a feed.
pub(super) fn read(reader: &mut Reader<'_>, site: &Site, feeds: &UrlTable<Format>) -> Redirects {
    let tables = reader.tables("redirect");
    if tables.len() > REDIRECTS_MAX {
        let message =
            format!("there are {} redirects, but the maximum is {REDIRECTS_MAX}", tables.len());
        reader.refuse(&tables[REDIRECTS_MAX].at, message);
        return Redirects::default();
    }
    let mut redirects = Redirects::default();
    let mut read = Vec::new();
    for mut table in tables {
        let one = one(reader, &mut table, site, feeds);
        reader.close(table);
        let Some((from, redirect)) = one else { continue };
        let (at, shown) = (redirect.at.clone(), redirect.from.clone());
        read.push(redirect.clone());
        let is_new = match from {
            From::Url(key) => redirects.insert(key, redirect),
            From::Beneath(directory) => redirects.insert_beneath(&directory, redirect),
        };
        if !is_new {
            reader.refuse(&at, format!("`redirect.from` {shown:?} is redirected twice"));
        }
    }
    for redirect in &read {
        if let Some(message) = follow(&redirects, redirect, feeds) {
            reader.refuse(&redirect.at, message);
        }
    }
    redirects
}

/// Reads one table; `None` if there is a mistake in it.
fn one(
    reader: &mut Reader<'_>,
    table: &mut Table,
    site: &Site,
    feeds: &UrlTable<Format>,
) -> Option<(From, Rule)> {
    let is_missing = |key: &str| format!("`redirect.{key}` is missing");
    let (has_from, has_to) = (table.has("from"), table.has("to"));
    let from = reader.text_in(table, "from");
    let to = reader.text_in(table, "to");
    let status = reader.number_in(table, "status");
    if !has_from {
        reader.refuse(&table.at, is_missing("from"));
    }
    let from = from?;
    let meant = refused(reader, &from, parse_from(&from.value, site, feeds))?;
    let at = from.at.clone();
    let code = status.as_ref().map_or(301, |status| status.value);
    if code == 410 {
        if let Some(to) = to {
            reader.refuse(&to.at, "`redirect.to` must not be set with status 410");
            return None;
        }
        return Some((meant, Rule { from: from.value, at, answer: Answer::Gone }));
    }
    let Some(status) = status_of(code) else {
        let status_at = status.map_or(at, |status| status.at);
        let message = format!("`redirect.status` must be 301, 302, 307, 308 or 410, not {code}");
        reader.refuse(&status_at, message);
        return None;
    };
    if !has_to {
        reader.refuse(&at, is_missing("to"));
    }
    let to = to?;
    let target = refused(reader, &to, parse_to(&to.value, &meant, site))?;
    Some((meant, Rule { from: from.value, at, answer: Answer::To(target, status) }))
}

/// Notes the rest of a sentence about a value.
fn refused<T>(
    reader: &mut Reader<'_>,
    given: &Given<String>,
    parsed: Result<T, String>,
) -> Option<T> {
    match parsed {
        Ok(value) => Some(value),
        Err(message) => {
            reader.refuse(&given.at, format!("redirect: {:?} {message}", given.value));
            None
        }
    }
}

fn status_of(code: i64) -> Option<RedirectStatus> {
    match code {
        301 => Some(RedirectStatus::MovedPermanently),
        302 => Some(RedirectStatus::Found),
        307 => Some(RedirectStatus::TemporaryRedirect),
        308 => Some(RedirectStatus::PermanentRedirect),
        _ => None,
    }
}

fn parse_from(text: &str, site: &Site, feeds: &UrlTable<Format>) -> Result<From, String> {
    let path = local_path(text, site)?;
    if path.contains('#') {
        return Err("has a fragment, which browsers do not send; remove it".to_owned());
    }
    let not_a_path = || "is not a URL path: it has an empty segment, `.` or `..`".to_owned();
    if let Some(directory) = path.strip_suffix("/*") {
        if directory.contains(['*', '?']) {
            return Err("may have one `*`, at its end, and no query with it".to_owned());
        }
        let key = path_key(&format!("{directory}/")).ok_or_else(not_a_path)?;
        return Ok(From::Beneath(key));
    }
    if path.split('?').next().is_some_and(|path| path.contains('*')) {
        return Err("may have a `*` only as its last segment, such as \"/old/*\"".to_owned());
    }
    let key = UrlKey::parse(path).ok_or_else(not_a_path)?;
    if feeds.find(&key).is_some() || feeds.get(key.path()).is_some() {
        return Err("is the address of a feed, which cannot be redirected".to_owned());
    }
    match always(&key) {
        None => Ok(From::Url(key)),
        Some(Route::Home) if key.has_query() => Ok(From::Url(key)),
        Some(Route::Home) => Err("is the home page, which cannot be redirected".to_owned()),
        Some(Route::Feed(..)) => {
            Err("is the address of a feed, which cannot be redirected".to_owned())
        }
        Some(_) => Err("is reserved, and cannot be redirected".to_owned()),
    }
}

/// The path of the site, with its query, that `text` writes as a path or as a whole URL.
fn local_path<'t>(text: &'t str, site: &Site) -> Result<&'t str, String> {
    if text.len() > URL_MAX_BYTES {
        return Err(format!("is longer than {URL_MAX_BYTES} bytes"));
    }
    if text.starts_with("//") {
        return Err("begins with two slashes; a path has one".to_owned());
    }
    if text.starts_with('/') {
        return Ok(text);
    }
    if !has_scheme(text) {
        return Err(format!("must begin with a slash: did you mean \"/{text}\"?"));
    }
    match site.path_of(text) {
        Some(path) if !path.is_empty() => Ok(path),
        _ => Err(format!("does not begin with `site.url` ({})", site.url)),
    }
}

fn parse_to(text: &str, from: &From, site: &Site) -> Result<Destination, String> {
    if text.len() > URL_MAX_BYTES {
        return Err(format!("is longer than {URL_MAX_BYTES} bytes"));
    }
    if !text.starts_with('/') && !has_scheme(text) {
        return Err(format!(
            "must begin with a slash, or with https://: did you mean \"/{text}\"?"
        ));
    }
    let local = match site.path_of(text) {
        Some(path) if !path.is_empty() => path,
        _ => text,
    };
    // Every path is resolved on a host that does not exist, so that it cannot lead to another.
    let nowhere = Url::parse("https://site.invalid/").map_err(|error| error.to_string())?;
    let url = nowhere.join(local).map_err(|error| format!("is not a URL: {error}"))?;
    let is_local = local.starts_with('/');
    if is_local && url.host_str() != nowhere.host_str() {
        return Err("names a host without https://".to_owned());
    }
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("must be http or https, not {}", url.scheme()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not contain a user name or password".to_owned());
    }
    if url.host_str().is_some_and(|host| host.contains('*')) {
        return Err("has a `*` in its host; write it after a slash".to_owned());
    }
    let is_beneath = matches!(from, From::Beneath(_));
    if !is_beneath && url.path().ends_with("/*") {
        return Err("ends with `*`, but `from` does not".to_owned());
    }
    let query = url.query().map_or_else(String::new, |query| format!("?{query}"));
    let fragment = url.fragment().map_or_else(String::new, |fragment| format!("#{fragment}"));
    let names_query = matches!(from, From::Url(key) if key.has_query());
    Ok(Destination {
        origin: (!is_local).then(|| url.origin().ascii_serialization()),
        path: part(url.path(), is_beneath),
        passes_query: query.is_empty() && !names_query,
        query: part(&query, is_beneath),
        fragment: part(&fragment, is_beneath),
    })
}

/// Reads a part of a destination. Beneath a directory, a `*` at its end stands for the rest.
fn part(text: &str, is_beneath: bool) -> Part {
    match text.strip_suffix('*') {
        Some(text) if is_beneath => Part { text: encode(text).into_owned(), appends_rest: true },
        _ => Part { text: encode(text).into_owned(), appends_rest: false },
    }
}

/// The route of a URL that always answers, so that a redirect from there would do nothing.
fn always(key: &UrlKey) -> Option<Route> {
    let route = if key.path().is_empty() {
        Some(Route::Home)
    } else {
        Route::parse(&format!("/{}", UrlPath::new(key.path())?))
    };
    route.filter(|route| {
        matches!(
            route,
            Route::Home
                | Route::Feed(Scope::Site, _)
                | Route::Opml
                | Route::Robots
                | Route::Sitemap
                | Route::Healthy
                | Route::Ready
        )
    })
}

/// Follows a redirect as a reader would if nothing else answered, and explains what is wrong with
/// its way. A redirect to a path that the `*` of another covers is not wrong: there may be an
/// article at that path.
fn follow(redirects: &Redirects, first: &Rule, feeds: &UrlTable<Format>) -> Option<String> {
    // Anything may be beneath a directory; `*` is a segment like others.
    let mut target = first.local_target("*")?;
    let mut way = vec![first.from.clone()];
    let mut chain = None;
    while way.len() <= HOPS_MAX {
        if always(&target).is_some_and(|route| route != Route::Home || !target.has_query())
            || feeds.get(target.path()).is_some()
        {
            return chain;
        }
        let Some((next, rest)) = redirects.at(&target) else { return chain };
        way.push(next.from.clone());
        if next.from == first.from {
            break;
        }
        if way.len() == 2 && rest.is_empty() && !next.from.ends_with("/*") {
            chain = Some(chained(first, next));
        }
        match next.local_target(&rest) {
            Some(further) => target = further,
            None => return chain,
        }
    }
    way.truncate(4);
    Some(format!("redirect: {:?} leads in a circle: {}", first.from, way.join(", ")))
}

fn chained(first: &Rule, next: &Rule) -> String {
    let line = line_of(&next.at);
    let (first, second) = (&first.from, &next.from);
    match &next.answer {
        Answer::Gone => {
            format!("redirect: {first:?} leads to {second:?}, which {line} removes")
        }
        Answer::To(target, _) => format!(
            "redirect: {first:?} leads to {second:?}, which {line} redirects; write `to = {:?}`",
            target.shown()
        ),
    }
}

fn line_of(at: &At) -> String {
    at.line.map_or_else(|| "another redirect".to_owned(), |line| format!("line {line}"))
}
