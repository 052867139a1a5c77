//! Compares the redirects, the paths of feeds, and the links of the menu and the footer with the
//! articles: what has no effect, what is hidden, and what leads nowhere.

use crate::base::special::{NOT_FOUND, NOT_FOUND_MAX_BYTES};
use crate::base::url_table::path_key;
use crate::base::{Diagnostic, RelPath, Route, Scope, UrlPath};
use crate::config::{Config, Finding};
use crate::library::{Library, Lookup, State};

use super::Found;

/// Maximum number of redirects that are reported one by one.
const REDIRECTS_SHOWN_MAX: usize = 50;

/// Checks the URLs that the configuration names.
pub(super) fn check(state: &State, config: &Config, found: &mut Found) {
    let library = state.library();
    for (path, redirect) in config.redirects.of_paths() {
        if let Some(what) = at(library, &path) {
            let message = format!("redirect: {:?} has no effect, since {what}", redirect.from);
            found.config.push(Finding { at: redirect.at.clone(), message });
        } else if let Some(to) = redirect.local_path().filter(|to| is_missing(library, config, to))
        {
            let message =
                format!("redirect: {:?} leads to {to}, where there is nothing", redirect.from);
            found.config.push(Finding { at: redirect.at.clone(), message });
        }
    }
    // Redirects are in no order.
    found.config.sort_by_key(|finding| finding.at.line);
    if let Some(at) = found.config.get(REDIRECTS_SHOWN_MAX).map(|finding| finding.at.clone()) {
        let rest = found.config.len() - REDIRECTS_SHOWN_MAX;
        found.config.truncate(REDIRECTS_SHOWN_MAX);
        let message = format!("this redirect and {} more have such problems", rest - 1);
        found.config.push(Finding { at, message });
    }
    if config.site.elsewhere.is_none() {
        links_of_pages(library, config, found);
    }
    if let Some(page) = library.root_file(NOT_FOUND)
        && state.file(&page).is_some_and(|row| row.fingerprint.len_bytes > NOT_FOUND_MAX_BYTES)
    {
        let message = format!("is not used, since it is larger than {NOT_FOUND_MAX_BYTES} bytes");
        found.files.push((page, Diagnostic::warning("too-large", message)));
    }
    for (path, _) in config.feeds.paths.paths() {
        if let Some(directory) = directory(library, &path) {
            let message =
                format!("the page /{path}/ of this directory is hidden by a path of a feed");
            found.files.push((directory, Diagnostic::warning("hidden-page", message)));
        }
    }
}

/// Checks where the menu and the footer lead.
fn links_of_pages(library: &Library, config: &Config, found: &mut Found) {
    for (at, path) in &config.pages.local_links {
        let is_redirected = path_key(path).is_some_and(|key| config.redirects.names(&key));
        if is_missing(library, config, path) && !is_redirected {
            let message = format!("a link leads to {path}, where there is nothing");
            found.config.push(Finding { at: at.clone(), message });
        }
    }
}

/// What answers at `path` before any redirect does.
fn at(library: &Library, path: &UrlPath) -> Option<String> {
    match library.find(path) {
        Lookup::Here(article) => Some(format!("{} has this URL", article.path)),
        Lookup::Moved(article) if library.was_public(path) => {
            Some(format!("it leads to {} already", article.path))
        }
        Lookup::Asset(asset) => Some(format!("{asset} has this URL")),
        _ => directory(library, path).map(|_| "it is the page of a directory".to_owned()),
    }
}

/// Whether nothing is known at a path of the site.
fn is_missing(library: &Library, config: &Config, path: &str) -> bool {
    match config.route(path) {
        None => true,
        Some(Route::Resource(path)) => {
            matches!(library.find(&path), Lookup::Missing | Lookup::Gone)
                && library.channel(&Scope::Directory(path.key())).is_none()
        }
        // `/my-post/` is the article, too.
        Some(Route::Index(Scope::Directory(path))) => {
            library.channel(&Scope::Directory(path.clone())).is_none()
                && matches!(library.find(&path), Lookup::Missing | Lookup::Gone)
        }
        Some(Route::Index(scope) | Route::Feed(scope, _)) => library.channel(&scope).is_none(),
        Some(_) => false,
    }
}

/// The directory that has its page at `path`, if it has articles.
fn directory(library: &Library, path: &UrlPath) -> Option<RelPath> {
    let scope = Scope::Directory(path.key());
    if library.channel(&scope)?.count == 0 {
        return None;
    }
    // The directory whose articles are in the scope: their paths begin with as many names.
    let article = library.listed(&scope, 0, 1).into_iter().next()?;
    let depth = path.segments().count();
    let names: Vec<&str> = article.path.segments().take(depth).collect();
    RelPath::new(&names.join("/"))
}
