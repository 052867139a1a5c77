//! The address that an article asks for: its URL, and the directories and tags whose feeds carry
//! it.
//!
//! Pure functions of its path and head. Who gets which URL is the ledger's decision.

use percent_encoding::percent_decode_str;

use crate::article::{Head, Location};
use crate::base::route::slug;
use crate::base::{Diagnostic, RelPath, Scope, UrlPath};

/// The URL an article asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// The wanted path.
    pub(super) url: UrlPath,
    /// The origin of the path.
    pub(super) origin: Origin,
}

/// The origin of a URL that an article asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// Its author named the whole path: it is given or refused, never numbered.
    Explicit,
    /// It follows from the path of the file: where it is another's, it gets a number.
    Derived,
}

/// The URL that the article at `path` asks for, or why it cannot have one.
pub(super) fn address(path: &RelPath, head: &Head) -> Result<Address, Diagnostic> {
    match &head.path {
        Some(written) => Ok(Address {
            url: written_url(UrlPath::new(written), written)?,
            origin: Origin::Explicit,
        }),
        None => from_location(path, head),
    }
}

fn from_location(path: &RelPath, head: &Head) -> Result<Address, Diagnostic> {
    let location = Location::of(path);
    let names = location.names.iter().map(String::as_str);
    // An `index.md` in the root has no directory to be named after, and the home page is not an
    // article's.
    let derived = UrlPath::of_names(names).or_else(|| UrlPath::new("index"));
    let Some(derived) = derived else {
        return Err(Diagnostic::error(
            "no-url",
            "its name has no letter or digit to make a URL of",
        ));
    };
    let url = match &head.slug {
        Some(slug) => written_url(derived.with_last(slug.trim_matches('/')), slug)?,
        None => derived,
    };
    // A slug is numbered too: under dated permalinks, one slug may name an article of each year.
    Ok(Address { url, origin: Origin::Derived })
}

/// The URL that an author wrote, or a diagnostic that it is not valid.
fn written_url(url: Option<UrlPath>, written: &str) -> Result<UrlPath, Diagnostic> {
    match url {
        Some(url) => Ok(url),
        None => Err(Diagnostic::error("no-url", format!("{written:?} is not a valid URL path"))),
    }
}

/// The URL that an alias of a [`Head`] means; `None` for one that is not a path. `site_path` is the
/// path of `site.url`.
pub(super) fn alias(alias: &str, site_path: &str) -> Option<UrlPath> {
    let base = percent_decode_str(site_path).decode_utf8_lossy();
    // The path of a whole URL may begin with that of the site.
    let within = match alias.strip_prefix(base.trim_end_matches('/')) {
        Some(rest) if alias.starts_with('/') && rest.starts_with('/') => rest,
        _ => alias,
    };
    UrlPath::new(within)
}

/// The directories whose feeds carry the article at `path`, with their names as they are, from the
/// root down. A directory whose URL is reserved has no feeds: an article gets there by a `path` of its
/// own, or had its URL before it was moved.
pub(super) fn directories(path: &RelPath) -> Vec<(Scope, String)> {
    let names = Location::of(path).directories;
    let mut directories = Vec::new();
    for (n, name) in names.iter().enumerate() {
        // There always is one: it is missing only where there is no name at all.
        if let Some(url) = UrlPath::of_names(names[..=n].iter().map(String::as_str))
            && !url.is_reserved()
        {
            directories.push((Scope::Directory(url), name.clone()));
        }
    }
    directories
}

/// The slug of a tag: `+` reads plus, `#` sharp, a leading `.` dot; so `C++` and `C#` and `C` are
/// three.
pub(super) fn tag_slug(tag: &str) -> String {
    let tag = tag.trim_start_matches('#');
    let mut spoken = String::with_capacity(tag.len());
    for (n, c) in tag.chars().enumerate() {
        match c {
            '+' => spoken.push_str(" plus "),
            '#' => spoken.push_str(" sharp "),
            '.' if n == 0 => spoken.push_str("dot "),
            other => spoken.push(other),
        }
    }
    slug(&spoken)
}

/// The form in which names of tags and authors are compared: case and surrounding white space do
/// not matter.
pub(super) fn folded(name: &str) -> String {
    crate::base::text::line(name).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_spoken() {
        for (tag, slug) in [
            ("C++", "c-plus-plus"),
            ("C#", "c-sharp"),
            (".NET", "dot-net"),
            ("#rust", "rust"),
            ("Node.js", "node-js"),
        ] {
            assert_eq!(tag_slug(tag), slug, "{tag}");
        }
    }

    #[test]
    fn aliases_are_relative_to_the_site() {
        for (written, site_path, expected) in [
            ("old", "/", Some("old")),
            ("blog/old", "/blog/", Some("blog/old")),
            ("/blog/old", "/blog/", Some("old")),
            ("/blog/old", "/", Some("blog/old")),
            ("/blogs/old", "/blog/", Some("blogs/old")),
            ("/b c/old", "/b%20c/", Some("old")),
            ("/blog", "/blog/", Some("blog")),
        ] {
            let url = alias(written, site_path);
            assert_eq!(url.as_ref().map(UrlPath::as_str), expected, "{written} {site_path}");
        }
    }

    #[test]
    fn every_directory_above_carries_it() {
        let scopes = directories(&RelPath::new("My News/2026 x/a.md").unwrap());
        let shown: Vec<String> =
            scopes.iter().map(|(scope, name)| format!("{scope} {name}")).collect();
        assert_eq!(shown, ["/my-news/ My News", "/my-news/2026-x/ 2026 x"]);
    }
}
