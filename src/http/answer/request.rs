//! The rules for requests that need no look-up: RFC 9112, 3 and RFC 9110, 7.
//!
//! hyper has already refused everything that is not HTTP (bad lines, NUL, bad lengths, too many
//! fields). This module refuses requests that are well-formed and cannot be answered. It does not
//! know the site.

use http::header::HOST;
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode, Version};

use super::super::authority::is_host;
use super::super::limits::{HEAD_BYTES_MAX, TARGET_BYTES_MAX};
use super::problem::Problem;

/// The kind of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// GET or HEAD of the target's path.
    Get,
    /// OPTIONS of the target's path, or of the server (`*`).
    Options,
}

/// Checks the head of a request, and returns its kind.
///
/// # Errors
///
/// The answer to a refused request.
pub fn check(head: &Parts) -> Result<Ask, Problem> {
    check_fields(head)?;
    let ask = method(&head.method)?;
    match head.uri.path() {
        "*" if ask == Ask::Options => Ok(ask),
        path if path.starts_with('/') => Ok(ask),
        _ => Err(Problem::bad_request("The request target is not a path.")),
    }
}

/// Checks the lengths and the host of a request of any method.
///
/// # Errors
///
/// The answer to a refused request.
pub(super) fn check_fields(head: &Parts) -> Result<(), Problem> {
    let target_bytes = match head.uri.path_and_query() {
        Some(target) => target.as_str().len(),
        None => 0,
    };
    if target_bytes > TARGET_BYTES_MAX {
        let status = StatusCode::URI_TOO_LONG;
        return Err(Problem::new(status, "The request target is too long.").closing());
    }
    if target_bytes + fields_bytes(&head.headers) > HEAD_BYTES_MAX {
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        return Err(Problem::new(status, "The header fields are too large.").closing());
    }
    // Before the method, since RFC 9112 (3.2) requires 400 for a wrong Host in any request.
    check_host(head)
}

/// The length of the header fields as HTTP/1.1 writes them, without the request line.
fn fields_bytes(headers: &HeaderMap) -> usize {
    let mut bytes = 0;
    for (name, value) in headers {
        // `: ` and the line break.
        bytes += name.as_str().len() + value.len() + 4;
    }
    bytes
}

/// The kind of a method. A method that RFC 9110 (9.3) knows is refused with 405, and others with
/// 501 (15.6.2).
fn method(method: &Method) -> Result<Ask, Problem> {
    match *method {
        Method::GET | Method::HEAD => Ok(Ask::Get),
        Method::OPTIONS => Ok(Ask::Options),
        Method::POST
        | Method::PUT
        | Method::DELETE
        | Method::PATCH
        | Method::CONNECT
        | Method::TRACE => Err(Problem::not_allowed()),
        _ => Err(Problem::new(StatusCode::NOT_IMPLEMENTED, "This method is not supported.")),
    }
}

/// Checks for exactly one valid Host in HTTP/1.1, and at most one in HTTP/1.0 (RFC 9112, 3.2) and
/// in HTTP/2, whose requests have an authority instead (RFC 9113, 8.3.1). The authority of an
/// absolute target has to be valid too. Neither is used: every URL comes from `site.url`.
///
/// # Errors
///
/// 400
pub fn check_host(head: &Parts) -> Result<(), Problem> {
    let mut hosts = head.headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if is_host(host.as_bytes()) => {}
        (None, _) if head.version < Version::HTTP_11 => {}
        (None, _) if head.version >= Version::HTTP_2 && head.uri.authority().is_some() => {}
        (None, _) => return Err(Problem::bad_request("The request has no Host header.")),
        (Some(_), None) => return Err(Problem::bad_request("The Host header is not valid.")),
        (Some(_), Some(_)) => {
            return Err(Problem::bad_request("The request has more than one Host header."));
        }
    }
    if let Some(authority) = head.uri.authority()
        && head.method != Method::CONNECT
        && !is_host(authority.as_str().as_bytes())
    {
        return Err(Problem::bad_request("The host in the request target is not valid."));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    #[test]
    fn fields_are_counted_with_their_separators() {
        // `/`, `host: h` and `x: ` with their line breaks.
        let others = 1 + ("host".len() + "h".len() + 4) + ("x".len() + 4);
        for (extra, fits) in [(0, true), (1, false)] {
            let value = "a".repeat(HEAD_BYTES_MAX - others + extra);
            let request = Request::builder().uri("/").header(HOST, "h").header("x", value);
            let (head, ()) = request.body(()).unwrap().into_parts();
            assert_eq!(check(&head).is_ok(), fits, "{extra}");
        }
    }

    #[test]
    fn requests() {
        let long = format!("/{}", "a".repeat(TARGET_BYTES_MAX));
        let fits = format!("/{}", "a".repeat(TARGET_BYTES_MAX - 1));
        for (method, target, version, status) in [
            ("GET", "/", Version::HTTP_11, 200),
            ("HEAD", fits.as_str(), Version::HTTP_10, 200),
            ("GET", "http://other.example/a", Version::HTTP_11, 200),
            ("GET", "http://user@other.example/a", Version::HTTP_11, 400),
            ("OPTIONS", "*", Version::HTTP_11, 200),
            ("OPTIONS", "/a", Version::HTTP_11, 200),
            ("GET", "*", Version::HTTP_11, 400),
            ("GET", "h:80", Version::HTTP_11, 400),
            ("GET", long.as_str(), Version::HTTP_11, 414),
            ("CONNECT", "h:80", Version::HTTP_11, 405),
            ("TRACE", "/", Version::HTTP_11, 405),
            ("POST", "/", Version::HTTP_11, 405),
            ("PROPFIND", "/", Version::HTTP_11, 501),
            ("get", "/", Version::HTTP_11, 501),
        ] {
            let request =
                Request::builder().method(method).uri(target).version(version).header(HOST, "h");
            let (head, ()) = request.body(()).unwrap().into_parts();
            let answer = check(&head).map_or_else(|problem| problem.status().as_u16(), |_| 200);
            assert_eq!(answer, status, "{method} {target}");
        }
    }
}
