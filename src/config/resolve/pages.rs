//! `[pages]`: what every page shows around its text, and how the home page looks.
//!
//! A footer is text with links as in Markdown, `[text](url)`, and nothing else: it is read here, so
//! that a mistake is reported with its line, and a page has no more to do than to print it.

use std::sync::Arc;

use url::Url;

use crate::base::reference::encode;
use crate::base::{Digest, Route, text};

use crate::config::errors::{At, Finding};
use crate::config::raw::{Given, Reader, Table};
use crate::config::{Input, Site};

/// Maximum number of entries of the menu.
const MENU_MAX: usize = 20;

/// Maximum length of the title of an entry, in characters.
const TITLE_MAX_CHARS: usize = 100;

/// Maximum length of a URL, in bytes.
const URL_MAX_BYTES: usize = 2_000;

/// Maximum length of the footer, in characters.
const FOOTER_MAX_CHARS: usize = 2_000;

/// Maximum size of the stylesheet, in bytes.
const STYLESHEET_MAX_BYTES: usize = 256 << 10;

/// Schemes of links: those that open a page, or write to somebody.
const SCHEMES: [&str; 8] = ["https", "http", "mailto", "tel", "sms", "xmpp", "matrix", "gemini"];

/// `[pages]`, except `enabled`, which decides where the pages are.
#[derive(Debug, Clone, PartialEq)]
pub struct Pages {
    /// `browser_page`
    pub browser_page: BrowserPage,
    /// `home`
    pub home: HomeStyle,
    /// `intro`: whether the text of the root's `_index.md` (or `index.md`) is at the head of the
    /// home page.
    pub intro: bool,
    /// `menu`, in its order.
    pub menu: Vec<Link>,
    /// `footer`: its lines. No line if there is none.
    pub footer: Vec<Vec<Piece>>,
    /// `stylesheet`
    pub stylesheet: Option<Stylesheet>,
    /// The paths of the site that `menu` and `footer` link, each with its place.
    pub local_links: Vec<(At, String)>,
    /// A digest of everything that pages show of this.
    pub digest: Digest,
}

/// The answer to a browser that navigates to the address of a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BrowserPage {
    /// A page that explains the feed.
    On,
    /// The feed.
    Off,
}

/// The form in which the home page shows the articles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HomeStyle {
    /// The newest ones, with their summaries.
    Newest,
    /// Titles and dates, by year.
    List,
}

/// A link of the menu or of the footer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its text. Not empty.
    pub title: String,
    /// Its target.
    pub target: LinkTarget,
    /// The value of its `rel`: words of ASCII letters, separated by spaces. Perhaps empty.
    pub rel: String,
}

/// The target of a link of the menu or of the footer. Percent-encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkTarget {
    /// A path beneath `site.url`, beginning with a slash; perhaps with a query and a fragment.
    Local(String),
    /// An absolute URL of one of a few schemes.
    Absolute(String),
}

/// A part of a line of the footer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Plain text.
    Text(String),
    /// A link, without `rel`.
    Link(Link),
}

/// The author's stylesheet, as it was when the configuration was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stylesheet {
    /// Its text.
    pub css: Arc<str>,
    /// The digest of its bytes, which is in its URL.
    pub digest: Digest,
}

impl Stylesheet {
    /// The route at which it is served.
    pub fn route(&self) -> Route {
        Route::Stylesheet(self.digest.wide_prefix())
    }
}

/// Reads `[pages]`. A warning about the stylesheet goes to `warnings`.
pub(super) fn read(
    reader: &mut Reader<'_>,
    input: &Input<'_>,
    site: &Site,
    warnings: &mut Vec<Finding>,
) -> Pages {
    let switch = [("on", BrowserPage::On), ("off", BrowserPage::Off)];
    let styles = [("newest", HomeStyle::Newest), ("list", HomeStyle::List)];
    let mut local_links = Vec::new();
    let mut pages = Pages {
        browser_page: reader.choice("pages", "browser_page", BrowserPage::On, &switch),
        home: reader.choice("pages", "home", HomeStyle::Newest, &styles),
        intro: reader.flag("pages", "intro", true),
        menu: menu(reader, site, &mut local_links),
        footer: footer(reader, site, &mut local_links),
        stylesheet: stylesheet(reader, input, warnings),
        local_links: Vec::new(),
        digest: Digest::of(b""),
    };
    let Pages { browser_page: _, home, intro, menu, footer, stylesheet, local_links: _, digest: _ } =
        &pages;
    let style = stylesheet.as_ref().map(|stylesheet| stylesheet.digest);
    let shown = format!("{home:?} {intro} {menu:?} {footer:?} {style:?}");
    pages.digest = Digest::of(shown.as_bytes());
    pages.local_links = local_links;
    pages
}

fn menu(reader: &mut Reader<'_>, site: &Site, local: &mut Vec<(At, String)>) -> Vec<Link> {
    let mut menu = Vec::new();
    for (n, mut table) in
        reader.list_of_tables("pages", "menu", "pages.menu").into_iter().enumerate()
    {
        let at = table.at.clone();
        let entry = entry(reader, &mut table, site);
        reader.close(table);
        if n == MENU_MAX {
            reader.refuse(&at, format!("`pages.menu` has more than {MENU_MAX} entries"));
        }
        if n >= MENU_MAX {
            continue;
        }
        if let Some(link) = entry {
            note_local(&link, at, local);
            menu.push(link);
        }
    }
    menu
}

/// Reads an entry of the menu; `None` if there is a mistake in it.
fn entry(reader: &mut Reader<'_>, table: &mut Table, site: &Site) -> Option<Link> {
    for key in ["title", "url"] {
        if !table.has(key) {
            reader.refuse(&table.at, format!("an entry of `pages.menu` has no `{key}`"));
        }
    }
    let title = reader.text_in(table, "title");
    let url = reader.text_in(table, "url");
    let rel = match reader.text_in(table, "rel") {
        Some(given) => refused(reader, &given, "menu.rel", rel(&given.value))?,
        None => String::new(),
    };
    let (title, url) = (title?, url?);
    let shown = refused(reader, &title, "menu.title", menu_title(&title.value));
    let target = refused(reader, &url, "menu.url", target(&url.value, site));
    Some(Link { title: shown?, target: target?, rel })
}

fn menu_title(written: &str) -> Result<String, String> {
    let title = text::line(written);
    match title.chars().count() {
        0 => Err("has no visible character".to_owned()),
        n if n > TITLE_MAX_CHARS => Err(format!("is longer than {TITLE_MAX_CHARS} characters")),
        _ => Ok(title),
    }
}

/// The words of a `rel`, in lower case.
fn rel(written: &str) -> Result<String, String> {
    let words: Vec<String> = written.split_whitespace().map(str::to_ascii_lowercase).collect();
    let is_word = |word: &String| word.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-');
    if words.len() > 10 || !words.iter().all(is_word) {
        return Err("must be words such as \"me\" or \"license\", separated by spaces".to_owned());
    }
    Ok(words.join(" "))
}

/// Notes the rest of a sentence about a value of a key of `[pages]`.
fn refused<T, V>(
    reader: &mut Reader<'_>,
    given: &Given<V>,
    key: &str,
    parsed: Result<T, String>,
) -> Option<T> {
    match parsed {
        Ok(value) => Some(value),
        Err(message) => {
            reader.refuse(&given.at, format!("`pages.{key}` {message}"));
            None
        }
    }
}

fn note_local(link: &Link, at: At, local: &mut Vec<(At, String)>) {
    if let LinkTarget::Local(path) = &link.target {
        let end = path.find(['?', '#']).unwrap_or(path.len());
        local.push((at, path[..end].to_owned()));
    }
}

/// Parses the target of a link: a path of the site, a URL of the site, or one that is elsewhere.
fn target(written: &str, site: &Site) -> Result<LinkTarget, String> {
    if written.len() > URL_MAX_BYTES {
        return Err(format!("is longer than {URL_MAX_BYTES} bytes"));
    }
    let local = match site.path_of(written) {
        Some("") => "/",
        Some(path) => path,
        None => written,
    };
    if local.starts_with('/') && !local.starts_with("//") {
        // Resolved on a host that does not exist, so that it cannot lead to another.
        let nowhere = Url::parse("https://site.invalid/").map_err(|error| error.to_string())?;
        return match nowhere.join(local) {
            Ok(url) if url.host_str() == nowhere.host_str() => {
                let path = &url.as_str()[nowhere.as_str().len() - 1..];
                Ok(LinkTarget::Local(encode(path).into_owned()))
            }
            _ => Err(format!("is not a path of the site: {written:?}")),
        };
    }
    match Url::parse(written) {
        Ok(url) if SCHEMES.contains(&url.scheme()) => {
            if !url.username().is_empty() && url.host().is_some() || url.password().is_some() {
                return Err("must not contain a user name or password".to_owned());
            }
            Ok(LinkTarget::Absolute(encode(url.as_str()).into_owned()))
        }
        Ok(url) => Err(format!(
            "must not be a link with the scheme `{}`; known are {}",
            url.scheme(),
            SCHEMES.join(", ")
        )),
        Err(_) if written.contains(['/', ':', '#']) || written.contains(char::is_whitespace) => {
            Err(format!("must begin with a slash or with https://, not {written:?}"))
        }
        Err(_) => {
            Err(format!("must begin with a slash or with https://: did you mean \"/{written}\"?"))
        }
    }
}

fn footer(reader: &mut Reader<'_>, site: &Site, local: &mut Vec<(At, String)>) -> Vec<Vec<Piece>> {
    let Some(given) = reader.text_or_empty("pages", "footer") else { return Vec::new() };
    if given.value.chars().count() > FOOTER_MAX_CHARS {
        let message = format!("`pages.footer` has more than {FOOTER_MAX_CHARS} characters");
        reader.refuse(&given.at, message);
        return Vec::new();
    }
    let mut lines = Vec::new();
    for line in given.value.lines().filter(|line| !line.trim().is_empty()) {
        let Some(line) = refused(reader, &given, "footer", footer_line(line.trim(), site)) else {
            continue;
        };
        for piece in &line {
            if let Piece::Link(link) = piece {
                note_local(link, given.at.clone(), local);
            }
        }
        lines.push(line);
    }
    lines
}

/// Splits a line of the footer into text and links: `[text](url)`.
fn footer_line(line: &str, site: &Site) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut rest = line;
    while let Some(open) = rest.find('[') {
        let (before, after) = rest.split_at(open);
        plain.push_str(before);
        // Brackets without an address behind them are text.
        let linked = after[1..].split_once("](").and_then(|(title, rest)| {
            let (url, rest) = rest.split_once(')')?;
            (!title.contains(['[', ']'])).then_some((title, url, rest))
        });
        let Some((title, url, after)) = linked else {
            plain.push('[');
            rest = &after[1..];
            continue;
        };
        let title =
            menu_title(title).map_err(|message| format!("has a link whose text {message}"))?;
        let target = target(url.trim(), site)
            .map_err(|message| format!("has the link {title:?}, whose address {message}"))?;
        push_text(&mut pieces, &plain);
        plain.clear();
        pieces.push(Piece::Link(Link { title, target, rel: String::new() }));
        rest = after;
    }
    plain.push_str(rest);
    push_text(&mut pieces, &plain);
    Ok(pieces)
}

/// Adds a text, without the characters that no page can have. White space at its ends stays: it
/// separates the text from a link.
fn push_text(pieces: &mut Vec<Piece>, plain: &str) {
    let clean: String = plain.chars().filter(|c| !c.is_control() || *c == '\t').collect();
    if !clean.is_empty() {
        pieces.push(Piece::Text(clean));
    }
}

fn stylesheet(
    reader: &mut Reader<'_>,
    input: &Input<'_>,
    warnings: &mut Vec<Finding>,
) -> Option<Stylesheet> {
    let given = reader.text_or_empty("pages", "stylesheet")?;
    if given.value.is_empty() {
        return None;
    }
    let css = refused(reader, &given, "stylesheet", read_stylesheet(input, &given.value))?;
    for sign in ["@import", "url(http", "url(\"http", "url('http", "url(//"] {
        if css.contains(sign) {
            let message = format!(
                "`pages.stylesheet` has {sign:?}: browsers load nothing from other hosts for it; \
                 put the file into `static/` and name its path"
            );
            warnings.push(Finding { at: given.at, message });
            break;
        }
    }
    Some(Stylesheet { digest: Digest::of(css.as_bytes()), css: css.into() })
}

fn read_stylesheet(input: &Input<'_>, name: &str) -> Result<String, String> {
    let path = input.base.join(name);
    let shown = path.display();
    let bytes = match input.world.read(&path, STYLESHEET_MAX_BYTES + 1) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(format!("names {shown}, which does not exist"));
        }
        Err(error) => return Err(format!("names {shown}, which cannot be read: {error}")),
    };
    if bytes.len() > STYLESHEET_MAX_BYTES {
        return Err(format!("names {shown}, which is larger than {STYLESHEET_MAX_BYTES} bytes"));
    }
    match String::from_utf8(bytes) {
        Ok(css) => Ok(css),
        Err(_) => Err(format!("names {shown}, which is not UTF-8")),
    }
}
