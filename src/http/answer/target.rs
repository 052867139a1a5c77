//! The way from the path of a request to a route of the site, and from a route back to a path.

use http::{HeaderValue, Uri};
use url::Url;

use super::problem::Problem;
use crate::base::Route;
use crate::config::{RedirectStatus, Redirected, Site};
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

/// The path on this host of a path relative to `site.url`, which begins with a slash.
pub(super) fn beneath(site: &Site, relative: &str) -> String {
    format!("{}{relative}", base(site))
}

/// The path of `route` on this host.
pub(super) fn path(site: &Site, route: &Route) -> String {
    beneath(site, &site.path(route))
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
    // What begins with `//` would name a host (RFC 3986, 4.2). `/.` before it leads to the same
    // path of this one.
    if location.starts_with("//") {
        location.insert_str(0, "/.");
    }
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

/// The answer of a `[[redirect]]`. Its location is a whole URL, since that of another site has to
/// be one, and a proxy cannot know which of them are on its host.
pub(super) fn configured(answer: Redirected) -> Problem {
    let (url, status) = match answer {
        Redirected::Gone => return Problem::gone(),
        Redirected::To(url, status) => (url, status),
    };
    match HeaderValue::try_from(url) {
        Ok(location) => Problem::redirect(status, location),
        Err(_) => Problem::bad_request("The address contains characters that are not allowed."),
    }
}

/// Whether an answer to a path outside of `site.url` leads to the host of the site, but again
/// outside of the site. It would be asked for here, too, and might never end.
pub(super) fn is_beside(site: &Site, answer: &Redirected) -> bool {
    let Redirected::To(url, _) = answer else { return false };
    let is_here = Url::parse(url).is_ok_and(|url| url.host() == site.url.host());
    is_here && site.path_of(url).is_none()
}

/// The redirect to the same path and query at the host of `site.url`.
pub(super) fn at_site(site: &Site, uri: &Uri, status: RedirectStatus) -> Problem {
    // The path as it was sent: a URL would resolve its dots. `*` is not a path.
    let target = match uri.path_and_query() {
        Some(target) if target.as_str().starts_with('/') => target.as_str(),
        _ => "/",
    };
    let origin = site.url.origin().ascii_serialization();
    match HeaderValue::try_from(format!("{origin}{target}")) {
        Ok(location) => Problem::redirect(status, location),
        Err(_) => Problem::not_found(),
    }
}

#[cfg(test)]
mod tests {
    use http::header::LOCATION;
    use proptest::prelude::*;

    use super::*;
    use crate::config::Config;

    /// The site at a URL.
    fn site(url: &str) -> Site {
        let defaults = Config::of("", std::path::Path::new("/nowhere")).unwrap();
        Site { url: url.parse().unwrap(), ..defaults.site }
    }

    proptest! {
        /// However many slashes there are in `site.url` or in the path that is asked, and in
        /// whatever disguise, a redirect leads to a path of the host that was asked.
        #[test]
        fn a_redirect_stays_on_its_host(
            base in "(/{0,3}(evil\\.example|[.]{1,2}|%2f|%5c)){0,2}/{0,2}",
            asked in "/([/a.]|%2f|%5c|%2e|evil\\.example){0,6}",
            query in proptest::option::of("(//evil\\.example|[a?/]){0,3}"),
        ) {
            let site = site(&format!("https://example.org/{base}"));
            let query = query.map(|query| format!("?{query}")).unwrap_or_default();
            let uri: Uri = format!("http://asked.example{asked}{query}").parse().unwrap();
            let mut routes = vec![Route::Home];
            routes.extend(Route::parse(&asked));
            for to in routes {
                let expected = path(&site, &to);
                let problem = redirect(&site, &Redirect::permanent(to), &uri);
                let response = problem.response(None);
                let location = response.headers()[LOCATION].to_str().unwrap();
                let host = Url::parse("http://asked.example/").unwrap();
                let led = host.join(location).unwrap();
                prop_assert_eq!(led.host_str(), Some("asked.example"), "{}", location);
                prop_assert_eq!(led.path(), expected, "{}", location);
            }
        }
    }
}
