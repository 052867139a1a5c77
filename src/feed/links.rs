//! Routes and references as absolute, percent-encoded URLs below `site.url`.
//!
//! [`absolute`] is the one place where the two are joined. A body's symbolic references (see
//! `article::symbol`) become URLs in [`resolve`]; nothing here ever reads the Host of a request.

use std::borrow::Cow;
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use url::Url;

use crate::article::Location;
use crate::article::symbol::{self, Target};
use crate::base::html::unescape;
use crate::base::path::FileKind;
use crate::base::reference::{encode, has_scheme, walk};
use crate::base::{RelPath, Route, Scope, UrlPath};
use crate::config::Site;
use crate::library::{Article, Library, Lookup};

use super::unlinked::Unlinked;

/// Schemes that run or carry something instead of pointing at it.
const DANGEROUS: [&str; 6] = ["javascript", "vbscript", "data", "file", "blob", "about"];

/// Attributes that lead to a page or a file.
const URL_ATTRIBUTES: [&str; 4] = [" href", " src", " poster", " cite"];

/// The way from a reference to a route, and from a URL to an article. Implemented by the library,
/// and by closures that know routes alone.
pub trait Locate {
    /// The route that a symbolic reference means.
    fn locate(&self, reference: &str) -> Option<Route>;

    /// The article whose URL this is.
    fn article_at(&self, _: &UrlPath) -> Option<Arc<Article>> {
        None
    }
}

impl<F: Fn(&str) -> Option<Route>> Locate for F {
    fn locate(&self, reference: &str) -> Option<Route> {
        self(reference)
    }
}

impl Locate for Library {
    fn locate(&self, reference: &str) -> Option<Route> {
        Library::locate(self, reference)
    }

    fn article_at(&self, url: &UrlPath) -> Option<Arc<Article>> {
        match self.find(url) {
            Lookup::Here(article) | Lookup::Moved(article) => Some(article),
            Lookup::Asset(_) | Lookup::Gone | Lookup::Missing => None,
        }
    }
}

/// The URL of an article's page: here, or on the site that has the pages.
pub fn page(site: &Site, article: &Article) -> String {
    let Some(elsewhere) = &site.elsewhere else {
        return absolute(site, &Route::Resource(article.url.clone()));
    };
    let date = article.published.to_zoned(site.timezone.clone()).date();
    let path = article.url.to_string();
    let last = path.rsplit('/').next().unwrap_or_default().to_owned();
    let slug = match &article.head.slug {
        Some(slug) => UrlPath::new(slug).map_or(last, |slug| slug.to_string()),
        None => last,
    };
    let mut url = elsewhere.link_template.clone();
    // An author who names the whole path means the page elsewhere, too.
    if let Some(written) = &article.head.path {
        url = if written.ends_with('/') { "{path}/" } else { "{path}" }.to_owned();
    }
    for (name, value) in [
        ("{path}", path),
        ("{slug}", slug),
        ("{year}", format!("{:04}", date.year())),
        ("{month}", format!("{:02}", date.month())),
        ("{day}", format!("{:02}", date.day())),
    ] {
        url = url.replace(name, &value);
    }
    match elsewhere.home.join(url.trim_start_matches('/')) {
        Ok(url) => encode(url.as_str()).into_owned(),
        Err(_) => elsewhere.home.to_string(),
    }
}

/// The page that shows what the feed of `scope` carries.
pub fn home(site: &Site, scope: &Scope) -> String {
    match (&site.elsewhere, scope) {
        (Some(elsewhere), _) => encode(elsewhere.home.as_str()).into_owned(),
        (None, Scope::Site) => absolute(site, &Route::Home),
        (None, scope) => absolute(site, &Route::Index(scope.clone())),
    }
}

/// The HTML of an article with every symbolic reference replaced by an absolute URL, as [`resolve`]
/// does; where the pages are elsewhere, as a browser on the article's page there would resolve it.
pub fn resolve_for(html: &str, article: &Article, site: &Site, places: &dyn Locate) -> String {
    let own_url = page(site, article);
    if site.elsewhere.is_none() {
        return resolve(html, &own_url, site, &|reference: &str| places.locate(reference));
    }
    replace(html, |reference| beside_page(reference, &own_url, article, site, places))
}

/// The target of a reference on the site that has the pages.
fn beside_page(
    reference: &str,
    own_url: &str,
    article: &Article,
    site: &Site,
    places: &dyn Locate,
) -> Option<String> {
    if let Some(Route::Resource(url)) = places.locate(reference)
        && let Some(other) = places.article_at(&url)
    {
        return Some(page(site, &other));
    }
    let from = article.path.parent().unwrap_or_else(RelPath::root);
    let relative = match Target::of(reference) {
        Target::Own => return Some(own_url.to_owned()),
        Target::Name { .. } => return None,
        Target::Site(_) => reference.to_owned(),
        Target::Path { .. } => relative(&from, &symbol::path_of(reference)?),
    };
    let own = Url::parse(own_url).ok()?;
    let url = own.join(&encode(&relative)).ok()?;
    Some(encode(url.as_str()).into_owned())
}

/// The path of a file as it is written in `from`: `x/a.png` in `x` is `a.png`, and `a.png` is
/// `../a.png`.
fn relative(from: &RelPath, file: &str) -> String {
    let mut above: Vec<&str> = from.segments().collect();
    let mut rest = file;
    above.reverse();
    while let Some(first) = above.last()
        && let Some((segment, after)) = rest.split_once('/')
        && *first == segment
    {
        above.pop();
        rest = after;
    }
    format!("{}{rest}", "../".repeat(above.len()))
}

/// The URL of `route`, absolute: `site.url` without its last slash, and the route's path.
pub fn absolute(site: &Site, route: &Route) -> String {
    format!("{}{}", base(site), site.path(route))
}

/// The HTML with every symbolic reference replaced by an absolute URL; `own_url` is the article's
/// own. Absolute URLs of the site itself become the present URLs of what they lead to.
///
/// A file of which `locate` knows nothing gets the URL that it would have. An unknown name (a wiki
/// link to nothing) has none: what it was the address of leaves, and its text stays.
pub fn resolve(
    html: &str,
    own_url: &str,
    site: &Site,
    locate: &dyn Fn(&str) -> Option<Route>,
) -> String {
    let html = followed(html, site, locate);
    replace(&html, |reference| target(reference, own_url, site, locate))
}

fn replace(html: &str, target: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(html.len() + html.len() / 8);
    let mut unlinked = Unlinked::default();
    let mut rest = html;
    while let Some(symbol) = symbol::find(rest) {
        unlinked.push(&mut out, symbol.before);
        rest = match target(&symbol.target) {
            Some(url) => {
                escape_into(&url, &mut out);
                symbol.after
            }
            None => unlinked.leave(&mut out, symbol.after),
        };
    }
    // A mark without a second one means nothing, and no feed can hold it.
    for part in rest.split(symbol::MARK) {
        unlinked.push(&mut out, part);
    }
    out
}

/// The picture that an article's front matter names, as [`image`] finds it; where the pages are
/// elsewhere, beside the article's page there.
pub fn image_for(
    written: &str,
    article: &Article,
    site: &Site,
    places: &dyn Locate,
) -> Option<String> {
    if site.elsewhere.is_none() || written.trim().starts_with("//") || has_scheme(written.trim()) {
        return image(written, article, site, &|reference: &str| places.locate(reference));
    }
    let own = Url::parse(&page(site, article)).ok()?;
    let url = own.join(&encode(written.trim())).ok()?;
    (!written.trim().is_empty()).then(|| encode(url.as_str()).into_owned())
}

/// The picture that an article's front matter names, absolute; `None` where the text names none
/// that could be shown.
///
/// It is a URL, a path of the site (`/img/a.png`), or a path relative to the article's file, as
/// written or percent-encoded, with a query or without.
pub fn image(
    image: &str,
    article: &Article,
    site: &Site,
    locate: &dyn Fn(&str) -> Option<Route>,
) -> Option<String> {
    let image = image.trim();
    if image.is_empty() {
        return None;
    }
    if image.starts_with("//") {
        return site.url.join(image).ok().map(|url| encode(url.as_str()).into_owned());
    }
    if has_scheme(image) {
        return web(image);
    }
    let (path, suffix) = image.split_at(image.find(['?', '#']).unwrap_or(image.len()));
    let readings = [
        (Cow::Borrowed(image), ""),
        (Cow::Borrowed(path), suffix),
        (percent_decode_str(path).decode_utf8().ok()?, suffix),
    ];
    let from = article.path.parent().unwrap_or_else(RelPath::root);
    for (path, suffix) in &readings {
        if let Some(route) = locate(&beneath(&from, path)) {
            return Some(format!("{}{}", absolute(site, &route), encode(suffix)));
        }
    }
    let decoded = &readings[2].0;
    if !decoded.starts_with('/') {
        // Like a picture of the text, it may be in another directory.
        let elsewhere = symbol::seen_from(from.as_str(), &walk(&RelPath::root(), decoded));
        if let Some(route) = locate(&elsewhere) {
            return Some(format!("{}{}", absolute(site, &route), encode(suffix)));
        }
    }
    // Nothing is known to be there: the URL that it would have.
    Some(format!("{}{}", fallback(&beneath(&from, decoded), site), encode(suffix)))
}

/// The http(s) URL that `text` is, normalised and percent-encoded.
pub fn web(text: &str) -> Option<String> {
    let url =
        Url::parse(text.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    Some(encode(url.as_str()).into_owned())
}

/// The absolute URL that `text` is, of any scheme that only points at something.
pub fn external(text: &str) -> Option<String> {
    let url = Url::parse(text.trim()).ok().filter(|url| !DANGEROUS.contains(&url.scheme()))?;
    Some(encode(url.as_str()).into_owned())
}

/// `site.url` without the slash at its end.
fn base(site: &Site) -> String {
    encode(site.url.as_str()).trim_end_matches('/').to_owned()
}

/// The target of a reference, unescaped and without its query and fragment; `None` for a name that
/// nobody has.
fn target(
    reference: &str,
    own_url: &str,
    site: &Site,
    locate: &dyn Fn(&str) -> Option<Route>,
) -> Option<String> {
    if let Some(route) = locate(reference) {
        return Some(absolute(site, &route));
    }
    match Target::of(reference) {
        Target::Own => Some(own_url.to_owned()),
        Target::Name { .. } => None,
        Target::Path { .. } => Some(fallback(&symbol::path_of(reference)?, site)),
        Target::Site(_) => match within_site(reference, site) {
            Some(path) => Some(match locate(path) {
                Some(route) => absolute(site, &route),
                None => fallback(path, site),
            }),
            None => Some(fallback(reference, site)),
        },
    }
}

/// The HTML with the present URL in place of each absolute URL of the site: an author may have
/// copied the address of a page that has moved since, or that another generator made.
fn followed<'h>(
    html: &'h str,
    site: &Site,
    locate: &dyn Fn(&str) -> Option<Route>,
) -> Cow<'h, str> {
    let base = base(site);
    let Some((_, place)) = base.split_once("://") else { return Cow::Borrowed(html) };
    let place = format!("://{place}/");
    if !html.contains(&place) {
        return Cow::Borrowed(html);
    }
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    // A tag of feed HTML ends at the first `>`, which is escaped everywhere else.
    while let Some((text, after)) = rest.split_once('<') {
        out.push_str(text);
        out.push('<');
        let (tag, after) = after.split_at(after.find('>').unwrap_or(after.len()));
        follow_in_tag(tag, &place, site, locate, &mut out);
        rest = after;
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Writes a tag with the present URL in place of each URL of the site, which holds `place`.
fn follow_in_tag(
    tag: &str,
    place: &str,
    site: &Site,
    locate: &dyn Fn(&str) -> Option<Route>,
    out: &mut String,
) {
    let mut kept = 0;
    for (at, _) in tag.match_indices(place) {
        let Some((attribute, "http" | "https")) = tag[..at].rsplit_once("=\"") else { continue };
        if !URL_ATTRIBUTES.iter().any(|name| attribute.ends_with(name)) {
            continue;
        }
        let start = attribute.len() + "=\"".len();
        let end = tag[start..].find('"').map_or(tag.len(), |len| start + len);
        let url = unescape(&tag[at + place.len()..end]);
        let (path, suffix) = url.split_at(url.find(['?', '#']).unwrap_or(url.len()));
        let Ok(path) = percent_decode_str(path).decode_utf8() else { continue };
        let Some(route) = locate(&format!("/{path}")) else { continue };
        out.push_str(&tag[kept..start]);
        escape_into(&format!("{}{}", absolute(site, &route), encode(suffix)), out);
        kept = end;
    }
    out.push_str(&tag[kept..]);
}

/// The rest after the path of `site.url` in a path of the host: authors of a site at `/blog/` may
/// well write `/blog/about`, as their pages need it.
fn within_site<'a>(path: &'a str, site: &Site) -> Option<&'a str> {
    let base = percent_decode_str(site.url.path()).decode_utf8().ok()?;
    let base = base.trim_end_matches('/');
    let rest = path.strip_prefix(base).filter(|_| !base.is_empty())?;
    if rest.is_empty() { Some("/") } else { rest.starts_with('/').then_some(rest) }
}

/// The URL that `path` would have if something were there: a path of the site, or of a file
/// beneath the article directory.
fn fallback(path: &str, site: &Site) -> String {
    match RelPath::new(path).and_then(|file| file_route(&file)) {
        Some(route) => absolute(site, &route),
        None => path_url(path, site),
    }
}

/// The route that an article or section at `file` would have. Other files are at their own path.
fn file_route(file: &RelPath) -> Option<Route> {
    let slugs = |names: &[String]| UrlPath::of_names(names.iter().map(String::as_str));
    match FileKind::of(file) {
        FileKind::Article(_) => {
            Some(slugs(&Location::of(file).names).map_or(Route::Home, Route::Resource))
        }
        FileKind::Section(_) => {
            let directories = Location::of(file).directories;
            Some(
                slugs(&directories)
                    .map_or(Route::Home, |path| Route::Index(Scope::Directory(path))),
            )
        }
        FileKind::Other => None,
    }
}

/// A decoded path as a URL, which cannot leave `site.url`.
fn path_url(path: &str, site: &Site) -> String {
    match UrlPath::new(&walk(&RelPath::root(), path)) {
        Some(legal) => {
            format!("{}/{legal}{}", base(site), if path.ends_with('/') { "/" } else { "" })
        }
        None => format!("{}/", base(site)),
    }
}

/// `path` as seen from `directory`; what starts with a slash is a path of the site and stays.
fn beneath(directory: &RelPath, path: &str) -> String {
    if path.starts_with('/') { path.to_owned() } else { walk(directory, path) }
}

/// A URL as an attribute's value. It holds no quotation mark and no angle bracket any more.
fn escape_into(url: &str, out: &mut String) {
    debug_assert!(!url.contains(['"', '<', '>']));
    for (n, part) in url.split('&').enumerate() {
        if n > 0 {
            out.push_str("&amp;");
        }
        out.push_str(part);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::sample;
    use super::*;

    const OWN: &str = "https://example.org/blog/own";

    /// A site that knows two articles, one of them by name too, and an asset.
    fn locate(reference: &str) -> Option<Route> {
        let path = match reference {
            "news/other.md" | "?Other Note" | "news//far.png" => "news/another-slug",
            "a & b.md" => "a-b",
            "img/cat \"x\".png" => "img/cat \"x\".png",
            "/about/" => "about",
            _ => return None,
        };
        UrlPath::new(path).map(Route::Resource)
    }

    #[test]
    fn references() {
        for (html, expected) in [
            ("no reference", "no reference"),
            (
                "<a href=\"\u{1}news/other.md\u{1}#x\">",
                "<a href=\"https://example.org/blog/news/another-slug#x\">",
            ),
            (
                "<a href=\"\u{1}?Other Note\u{1}\">",
                "<a href=\"https://example.org/blog/news/another-slug\">",
            ),
            (
                "<a href=\"\u{1}a &amp; b.md\u{1}?x=1&amp;y=2\">",
                "<a href=\"https://example.org/blog/a-b?x=1&amp;y=2\">",
            ),
            (
                "<img src=\"\u{1}img/cat &quot;x&quot;.png\u{1}\">",
                "<img src=\"https://example.org/blog/img/cat%20%22x%22.png\">",
            ),
            ("<a href=\"\u{1}/about/\u{1}\">", "<a href=\"https://example.org/blog/about\">"),
            ("<a href=\"\u{1}\u{1}#fn1\">", "<a href=\"https://example.org/blog/own#fn1\">"),
            // Nothing is known there.
            (
                "<a href=\"\u{1}dir/My File.md\u{1}\">",
                "<a href=\"https://example.org/blog/dir/my-file\">",
            ),
            ("<a href=\"\u{1}dir/_index.md\u{1}\">", "<a href=\"https://example.org/blog/dir/\">"),
            ("<a href=\"\u{1}_index.md\u{1}\">", "<a href=\"https://example.org/blog/\">"),
            (
                "<a href=\"\u{1}dir/My File.pdf\u{1}\">",
                "<a href=\"https://example.org/blog/dir/My%20File.pdf\">",
            ),
            (
                "<a href=\"\u{1}/nowhere/grün/\u{1}?q\">",
                "<a href=\"https://example.org/blog/nowhere/gr%C3%BCn/?q\">",
            ),
            ("<a href=\"\u{1}/../../etc\u{1}\">", "<a href=\"https://example.org/blog/etc\">"),
            // The author repeats the path of the site.
            ("<a href=\"\u{1}/blog/about/\u{1}\">", "<a href=\"https://example.org/blog/about\">"),
            ("<img src=\"\u{1}/blog/a.png\u{1}\">", "<img src=\"https://example.org/blog/a.png\">"),
            ("<a href=\"\u{1}/blog/\u{1}\">", "<a href=\"https://example.org/blog/\">"),
            ("<a href=\"\u{1}/blogs\u{1}\">", "<a href=\"https://example.org/blog/blogs\">"),
            ("<a href=\"\u{1}/\u{1}\">", "<a href=\"https://example.org/blog/\">"),
            ("<a href=\"\u{1}dir/\u{1}\">", "<a href=\"https://example.org/blog/dir/\">"),
            (
                "<a href=\"\u{1}n/m//dir/My File.md\u{1}\">",
                "<a href=\"https://example.org/blog/n/m/dir/my-file\">",
            ),
            ("<a href=\"\u{1}n//\u{1}\">", "<a href=\"https://example.org/blog/n/\">"),
            ("\u{1}?Nobody\u{1} in text", " in text"),
            // Lists of references.
            (
                "<img srcset=\"\u{1}a.png\u{1} 1x, \u{1}b c.png\u{1} 2x\" src=\"\u{1}a.png\u{1}\">",
                "<img srcset=\"https://example.org/blog/a.png 1x, https://example.org/blog/b%20c.png 2x\" \
                 src=\"https://example.org/blog/a.png\">",
            ),
            (
                "<img srcset=\"\u{1}a.png\u{1} 1x, \u{1}?No\u{1} 2x, \u{1}c\u{1}\" alt=\"\">",
                "<img srcset=\"https://example.org/blog/a.png 1x, https://example.org/blog/c\" alt=\"\">",
            ),
            (
                "<img src=\"\u{1}a.png\u{1}\" srcset=\"\u{1}a.png\u{1} 1x, \u{1}?No\u{1} 2x\">",
                "<img src=\"https://example.org/blog/a.png\" srcset=\"https://example.org/blog/a.png 1x\">",
            ),
            (
                "<img src=\"\u{1}a.png\u{1}\" srcset=\"\u{1}?No\u{1} 2x\" alt=\"b\">",
                "<img src=\"https://example.org/blog/a.png\" alt=\"b\">",
            ),
            // A mark alone.
            ("a\u{1}b", "ab"),
        ] {
            assert_eq!(resolve(html, OWN, &sample::site(), &locate), expected, "{html:?}");
        }
    }

    #[test]
    fn urls_of_the_site_follow_what_they_lead_to() {
        let moved = |reference: &str| match reference {
            "/2020/01/02/post.html" | "/2020/01/02/post/" | "/old & new" => locate("news/other.md"),
            "/" => Some(Route::Home),
            _ => None,
        };
        for (html, expected) in [
            (
                "<a href=\"https://example.org/blog/2020/01/02/post.html?a=1&amp;b=2#c\">x</a>",
                "<a href=\"https://example.org/blog/news/another-slug?a=1&amp;b=2#c\">x</a>",
            ),
            (
                "<a title=\"https://example.org/blog/2020/01/02/post/\" href=\"http://example.org/blog/2020/01/02/post/\">x</a>",
                "<a title=\"https://example.org/blog/2020/01/02/post/\" href=\"https://example.org/blog/news/another-slug\">x</a>",
            ),
            (
                "<q cite=\"https://example.org/blog/old%20&amp;%20new\">x</q>",
                "<q cite=\"https://example.org/blog/news/another-slug\">x</q>",
            ),
            ("<a href=\"https://example.org/blog/\">", "<a href=\"https://example.org/blog/\">"),
        ] {
            assert_eq!(resolve(html, OWN, &sample::site(), &moved), expected, "{html:?}");
        }
        for html in [
            "<a href=\"https://example.org/blog/none\">x</a>",
            "<a href=\"https://example.org/2020/01/02/post/\">x</a>",
            "<a href=\"https://other.example.org/blog/2020/01/02/post/\">x</a>",
            "<a href=\"https://e.org/?u=https://example.org/blog/2020/01/02/post/\">x</a>",
            "<a href=\"ftp://example.org/blog/2020/01/02/post/\">x</a>",
            "a href=\"https://example.org/blog/2020/01/02/post/\"",
            "<code>https://example.org/blog/2020/01/02/post/</code> https://example.org/blog/",
        ] {
            assert_eq!(resolve(html, OWN, &sample::site(), &moved), html);
        }
    }

    #[test]
    fn routes_stand_below_the_sites_path() {
        let mut site = sample::site();
        assert_eq!(absolute(&site, &Route::Home), "https://example.org/blog/");
        assert_eq!(absolute(&site, &Route::Opml), "https://example.org/blog/feeds.opml");
        site.url = Url::parse("http://127.0.0.1:8080/").unwrap();
        assert_eq!(absolute(&site, &Route::Home), "http://127.0.0.1:8080/");
        site.url = Url::parse("http://[::1]:8080/a|b/").unwrap();
        assert_eq!(absolute(&site, &Route::Opml), "http://[::1]:8080/a%7Cb/feeds.opml");
    }

    #[test]
    fn images() {
        let article = sample::article(1, "news/Hello.md");
        for (written, expected) in [
            ("cat.png", Some("https://example.org/blog/news/cat.png")),
            ("./../cat one.png", Some("https://example.org/blog/cat%20one.png")),
            ("cat%20one.png?v=2", Some("https://example.org/blog/news/cat%20one.png?v=2")),
            ("../../../cat.png", Some("https://example.org/blog/cat.png")),
            ("/img/cat.png", Some("https://example.org/blog/img/cat.png")),
            ("other.md", Some("https://example.org/blog/news/another-slug")),
            ("far.png", Some("https://example.org/blog/news/another-slug")),
            ("../far.png", Some("https://example.org/blog/news/another-slug")),
            ("//cdn.example.com/a b.png", Some("https://cdn.example.com/a%20b.png")),
            ("HTTPS://Example.com/a.png?x=[1]", Some("https://example.com/a.png?x=%5B1%5D")),
            ("../img/cat \"x\".png", Some("https://example.org/blog/img/cat%20%22x%22.png")),
            ("data:image/png;base64,AAAA", None),
            ("javascript:alert(1)", None),
            (" ", None),
        ] {
            assert_eq!(
                image(written, &article, &sample::site(), &locate).as_deref(),
                expected,
                "{written:?}"
            );
        }
    }

    #[test]
    fn external_links_only_point() {
        assert_eq!(external(" gemini://example.org/a ").as_deref(), Some("gemini://example.org/a"));
        assert_eq!(
            external("https://example.org/ü|?q=%zz").as_deref(),
            Some("https://example.org/%C3%BC%7C?q=%25zz")
        );
        for none in ["javascript:alert(1)", "data:text/html,x", "relative", "FILE:///etc/passwd"] {
            assert_eq!(external(none), None, "{none}");
        }
        assert_eq!(web("mailto:a@b.c"), None);
    }

    proptest! {
        #[test]
        fn no_mark_is_left(html in "(\\PC|\u{1}|\"|&amp;|=|<a href=\"| ){0,40}") {
            let resolved = resolve(&html, OWN, &sample::site(), &locate);
            prop_assert!(!resolved.contains(symbol::MARK));
        }
    }
}
