//! The way from the path of a request to a route of the site, and from a route back to a path.

use http::{HeaderValue, Uri};

use super::problem::Problem;
use crate::base::Route;
use crate::config::Site;
use crate::publish::Redirect;

/// A path of a request, as the site sees it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target<'a> {
    /// A path beneath `site.url`, with its first slash.
    Within(&'a str),
    /// The site's home, without its last slash or from above it.
    AlmostHome,
    /// A path outside of `site.url`.
    Outside,
}

impl<'a> Target<'a> {
    /// Reads `path` as a path of `site`.
    pub(super) fn of(site: &Site, path: &'a str) -> Self {
        match path.strip_prefix(base(site)) {
            Some(rest) if rest.starts_with('/') => Target::Within(rest),
            Some("") => Target::AlmostHome,
            // A site at `/blog/` alone on its host: its visitors begin at `/`.
            _ if path == "/" => Target::AlmostHome,
            _ => Target::Outside,
        }
    }
}

/// The path of `route` on this host.
pub(super) fn path(site: &Site, route: &Route) -> String {
    format!("{}{route}", base(site))
}

/// The path of `site.url` without its last slash, which comes before every route.
fn base(site: &Site) -> &str {
    let path = site.url.path();
    path.strip_suffix('/').unwrap_or(path)
}

/// 301 or 302 to another route, with the query of the request. The location is a path, not a URL:
/// behind whatever proxy, it leads to the host that the client asked.
pub(super) fn redirect(site: &Site, redirect: &Redirect, uri: &Uri) -> Problem {
    let mut location = path(site, &redirect.to);
    if let Some(query) = uri.query() {
        location.push('?');
        location.push_str(query);
    }
    match HeaderValue::try_from(location) {
        Ok(location) if redirect.permanent => Problem::moved(location),
        Ok(location) => Problem::found(location),
        Err(_) => Problem::bad_request("The address contains characters that are not allowed."),
    }
}
