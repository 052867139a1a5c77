//! Findings of validators and readers in a feed that is well-formed, for `dropfeed check`.
//!
//! The writers prevent most mistakes by themselves; `tests::rules_that_cannot_be_broken` lists
//! those. The others are in the authors' own text, ids and dates, which are published as they are.
//! Never changes a feed.

use std::collections::HashMap;

use crate::article::Person;
use crate::base::{Diagnostic, Timestamp, time};

use super::{Entry, Feed, mailbox};

/// The time in seconds that a date may be in the future before validators consider it implausible.
const AHEAD_S_MAX: i64 = 600;

/// 1990-01-01T00:00:00Z: dates before it are taken for mistakes.
const PLAUSIBLE_FROM_S: i64 = 631_152_000;

/// Elements whose tags in plain text are taken for markup.
const TAGS: [&str; 46] = [
    "a",
    "abbr",
    "article",
    "aside",
    "audio",
    "b",
    "blockquote",
    "body",
    "br",
    "button",
    "cite",
    "code",
    "del",
    "div",
    "em",
    "figure",
    "font",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "head",
    "header",
    "html",
    "i",
    "iframe",
    "img",
    "li",
    "main",
    "nav",
    "ol",
    "option",
    "p",
    "pre",
    "s",
    "script",
    "section",
    "select",
    "span",
    "strong",
    "style",
    "sub",
    "table",
    "title",
    "ul",
];

/// Elements that readers remove and validators name.
const RISKY: [&str; 11] = [
    "script", "style", "iframe", "object", "embed", "applet", "link", "meta", "base", "frame",
    "frameset",
];

/// Schemes of links that run code.
const RUNNING: [&str; 3] = ["javascript:", "vbscript:", "data:text/"];

/// Schemes with a registration, as far as feeds' ids use them.
const REGISTERED: [&str; 11] =
    ["http", "https", "urn", "tag", "info", "cid", "mid", "data", "mailto", "ftp", "dns"];

/// The findings, each with the id of its entry; `None` if one concerns the whole feed. `now` is
/// compared with the dates.
pub fn lint(feed: &Feed, now: Timestamp) -> Vec<(Option<String>, Diagnostic)> {
    let mut all = Vec::new();
    let mut found = Vec::new();
    whole(feed, &mut found);
    for diagnostic in found.drain(..) {
        all.push((None, diagnostic));
    }
    // The W3C validator reports entries with the same date of change.
    let mut updated = HashMap::new();
    for entry in &feed.entries {
        one(entry, now, &mut found);
        if let Some(twin) = updated.insert(time::rfc3339(entry.updated), &entry.url) {
            let message = format!("it has the same date of change as {twin}");
            found.push(Diagnostic::note("same-updated", message));
        }
        for diagnostic in found.drain(..) {
            all.push((Some(entry.id.clone()), diagnostic));
        }
    }
    all
}

fn whole(feed: &Feed, found: &mut Vec<Diagnostic>) {
    plain("the feed's title", &feed.title, found);
    plain("the feed's description", &feed.description, found);
    person(&feed.author, found);
    language(&feed.language, found);
    if feed.home_url.contains('[') {
        let message = "validators do not accept an IPv6 address in a URL; use a host name";
        found.push(Diagnostic::note("ipv6-url", message));
    }
}

fn one(entry: &Entry, now: Timestamp, found: &mut Vec<Diagnostic>) {
    if entry.title.trim().is_empty() && entry.summary.trim().is_empty() {
        let message = "it has neither a title nor text, so that readers show an empty line";
        found.push(Diagnostic::warning("wordless", message));
    }
    plain("the title", &entry.title, found);
    plain("the summary", &entry.summary, found);
    for tag in &entry.tags {
        plain("a tag", tag, found);
    }
    for author in &entry.authors {
        person(author, found);
    }
    if let Some(tag) = &entry.language {
        language(tag, found);
    }
    id(entry, found);
    date("date", entry.published, now, found);
    // `updated` differs by microseconds even if nothing changed.
    if entry.updated.as_second() != entry.published.as_second() {
        date("date of change", entry.updated, now, found);
    }
    html(&entry.html, found);
}

/// Checks a plain text for signs that a reader may misunderstand.
fn plain(what: &str, text: &str, found: &mut Vec<Diagnostic>) {
    if let Some(tag) = literal_tag(text) {
        let message = format!(
            "{what} contains a literal <{tag}>: it is published as text, but some readers take it \
             for markup"
        );
        found.push(Diagnostic::note("literal-markup", message));
    }
    if text.contains('\u{fffd}') {
        let message = format!("{what} contains U+FFFD, which validators take for a wrong encoding");
        found.push(Diagnostic::warning("replacement-character", message));
    }
    if looks_encoded_twice(text) {
        let message = format!("{what} looks like UTF-8 that was decoded as something else");
        found.push(Diagnostic::warning("encoded-twice", message));
    }
}

/// The first tag of HTML in `text`, as it would be written: `b`, `/b`.
fn literal_tag(text: &str) -> Option<String> {
    for after in text.split('<').skip(1) {
        // `a < b` has no end of a tag, and no reader takes it for markup.
        let Some((tag, _)) = after.split_once('>') else { continue };
        let tag = tag.to_ascii_lowercase();
        if TAGS.contains(&name_of(tag.trim_start_matches('/'))) {
            return Some(tag);
        }
    }
    None
}

/// The name at the beginning of a tag.
fn name_of(tag: &str) -> &str {
    let end = tag.find(|c: char| c.is_ascii_whitespace() || c == '/');
    &tag[..end.unwrap_or(tag.len())]
}

/// Whether there is a run of Latin-1 characters that are the bytes of UTF-8, such as `Ã©` for `é`.
fn looks_encoded_twice(text: &str) -> bool {
    let mut after_lead = false;
    for c in text.chars() {
        if after_lead && matches!(c, '\u{80}'..='\u{bf}') {
            return true;
        }
        after_lead = matches!(c, '\u{c2}' | '\u{c3}');
    }
    false
}

fn person(person: &Person, found: &mut Vec<Diagnostic>) {
    plain("an author's name", &person.name, found);
    if in_brackets(&person.name).is_some_and(mailbox::is_address) {
        let name = &person.name;
        let message = format!("the name `{name}` contains an address; write it in `email` instead");
        found.push(Diagnostic::warning("address-in-name", message));
    }
    if let Some(address) = &person.email
        && !mailbox::is_address(address)
    {
        let message = format!("`{address}` is not a valid e-mail address and is left out");
        found.push(Diagnostic::warning("no-address", message));
    }
}

fn in_brackets(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once('<')?;
    let (inside, _) = rest.split_once('>')?;
    Some(inside)
}

/// Checks a language: validators know only those of ISO 639.
fn language(tag: &str, found: &mut Vec<Diagnostic>) {
    let primary = tag.split('-').next().unwrap_or_default();
    if !(2..=3).contains(&primary.len()) || !primary.chars().all(|c| c.is_ascii_alphabetic()) {
        found.push(Diagnostic::note(
            "language",
            format!("validators do not know the language `{tag}`"),
        ));
    }
}

fn id(entry: &Entry, found: &mut Vec<Diagnostic>) {
    let id = entry.id.as_str();
    if id.len() < 9 && !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()) {
        let message =
            format!("the id `{id}` is so short that validators do not consider it unique");
        found.push(Diagnostic::note("id", message));
    }
    if let Some(message) = problem_of_uri(id, &entry.atom_id) {
        found.push(Diagnostic::note("id", message));
    }
}

/// The problem of an id as a URI, if it is one. `id` is the id as its author wrote it.
fn problem_of_uri(id: &str, uri: &str) -> Option<String> {
    let (scheme, rest) = uri.split_once(':')?;
    let scheme = scheme.to_ascii_lowercase();
    if !uri.is_ascii() {
        return Some(format!("the id `{id}` is an IRI; validators require a URI"));
    }
    if matches!(scheme.as_str(), "http" | "https") && !is_canonical(uri) {
        return Some(format!("the id `{id}` is not in the canonical form of a URL"));
    }
    if !is_well_formed(&scheme, rest) {
        return Some(format!("the id `{id}` is not a valid `{scheme}:` URI"));
    }
    let is_letters = scheme.bytes().all(|byte| byte.is_ascii_alphabetic());
    if is_letters && !REGISTERED.contains(&scheme.as_str()) {
        return Some(format!("the scheme of the id `{id}` is not registered"));
    }
    None
}

/// Whether normalising it (RFC 3986, 6.2.2 and 6.2.3) would change nothing.
fn is_canonical(url: &str) -> bool {
    for after in url.split('%').skip(1) {
        let Some(hex) = after.get(..2) else { return false };
        let Ok(byte) = u8::from_str_radix(hex, 16) else { return false };
        // A character that needs no escape is not escaped, and digits are in upper case.
        let is_unreserved = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if is_unreserved || hex != hex.to_ascii_uppercase() {
            return false;
        }
    }
    url::Url::parse(url).is_ok_and(|parsed| parsed.as_str() == url)
}

fn is_well_formed(scheme: &str, rest: &str) -> bool {
    match scheme {
        "tag" => is_tag(rest),
        "urn" => is_urn(rest),
        _ => true,
    }
}

/// The text of a `tag:` URI after its scheme (RFC 4151): `example.org,2026-11:name`.
fn is_tag(rest: &str) -> bool {
    let Some((entity, _)) = rest.split_once(':') else { return false };
    let Some((authority, date)) = entity.split_once(',') else { return false };
    !authority.is_empty()
        && authority.bytes().all(is_of_authority)
        && matches!(date.len(), 4 | 7 | 10)
        && date.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
}

fn is_of_authority(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._@".contains(&byte)
}

/// The text of a `urn:` URI after its scheme (RFC 8141; RFC 9562 for `urn:uuid:`).
fn is_urn(rest: &str) -> bool {
    let Some((space, name)) = rest.split_once(':') else { return false };
    if space.eq_ignore_ascii_case("uuid") {
        return name.len() == 36 && uuid::Uuid::try_parse(name).is_ok();
    }
    (2..=32).contains(&space.len()) && !name.is_empty() && !name.contains(['/', '?', '#', '~', '&'])
}

fn date(what: &str, at: Timestamp, now: Timestamp, found: &mut Vec<Diagnostic>) {
    if at.as_second() > now.as_second() + AHEAD_S_MAX {
        found.push(Diagnostic::warning(
            "date-ahead",
            format!("its {what} is in the future: {}", time::rfc3339(at)),
        ));
    } else if at.as_second() < PLAUSIBLE_FROM_S {
        let message = format!(
            "its {what} is before 1990, which validators consider implausible: {}",
            time::rfc3339(at)
        );
        found.push(Diagnostic::note("date-before-1990", message));
    }
}

/// Checks tags, and attributes with links, for markup that sanitising should have removed.
fn html(html: &str, found: &mut Vec<Diagnostic>) {
    if html.contains('\u{fffd}') {
        let message = "the text contains U+FFFD, which validators take for a wrong encoding";
        found.push(Diagnostic::warning("replacement-character", message));
    }
    if looks_encoded_twice(html) {
        let message = "the text looks like UTF-8 that was decoded as something else";
        found.push(Diagnostic::warning("encoded-twice", message));
    }
    // In sanitised HTML every `<` begins a tag.
    for tag in html.split('<').skip(1) {
        let tag = &tag[..tag.find('>').unwrap_or(tag.len())];
        let name = name_of(tag).to_ascii_lowercase();
        if RISKY.contains(&name.as_str()) {
            found.push(Diagnostic::error(
                "risky-element",
                format!("<{name}> is left in the content"),
            ));
        }
        attributes(tag, found);
    }
}

fn attributes(tag: &str, found: &mut Vec<Diagnostic>) {
    for attribute in tag.split_ascii_whitespace().skip(1) {
        let Some((name, value)) = attribute.split_once("=\"") else { continue };
        let name = name.to_ascii_lowercase();
        let value = value.trim_end_matches('"');
        if name.starts_with("on") {
            found.push(Diagnostic::error(
                "risky-attribute",
                format!("{name}= is left in the content"),
            ));
        }
        if !matches!(name.as_str(), "href" | "src" | "poster" | "cite") {
            continue;
        }
        if RUNNING.iter().any(|scheme| value.to_ascii_lowercase().starts_with(scheme)) {
            found.push(Diagnostic::error("running-link", format!("{name}=\"{value}\" runs code")));
        } else if !value.split(['/', '?', '#']).next().unwrap_or_default().contains(':') {
            found.push(Diagnostic::warning(
                "relative-link",
                format!("{name}=\"{value}\" is not absolute"),
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{self, at};
    use super::*;
    use crate::base::Format;

    const NOW: &str = "2026-11-24T00:00:00Z";

    /// The codes that a change to the sample's plain entry brings.
    fn codes(change: impl Fn(&mut Entry)) -> Vec<String> {
        let mut feed = sample::feed();
        feed.entries.remove(0);
        change(&mut feed.entries[0]);
        lint(&feed, at(NOW)).into_iter().map(|(_, diagnostic)| diagnostic.code).collect()
    }

    #[test]
    fn a_good_feed_is_clean() {
        assert_eq!(codes(|_| ()), [""; 0]);
    }

    /// A feed whose entries lack whatever an entry can lack.
    fn bare() -> Feed {
        let mut feed = sample::feed();
        let mut nothing = feed.entries[1].clone();
        (nothing.title, nothing.summary, nothing.html) =
            (" ".to_owned(), String::new(), " \u{1}".to_owned());
        (nothing.id, nothing.atom_id) = ("3".to_owned(), "urn:x:3".to_owned());
        nothing.tags = vec![" ".to_owned(), String::new()];
        nothing.authors = vec![named("Ada", Some("nowhere"))];
        feed.entries[1].title.clear();
        feed.entries.push(nothing);
        feed.icon = Some("https://example.org/blog/icon.png".to_owned());
        feed
    }

    /// The rules that the writers make impossible to break, by the validator's names for it.
    #[test]
    fn rules_that_cannot_be_broken() {
        type Kept = fn(&Feed, &str, &str) -> bool;
        let rules: [(&str, Kept); 15] = [
            ("MissingGuid", |feed, rss, _| {
                rss.matches("<guid isPermaLink=\"false\">").count() == feed.entries.len()
            }),
            ("MissingAtomSelfLink, SelfNotAtom", |feed, rss, _| {
                let url = feed.self_url(Format::Rss);
                rss.contains(&format!(
                    "<atom:link href=\"{url}\" rel=\"self\" type=\"application/rss+xml\"/>"
                ))
            }),
            ("MissingSelf, RelativeSelf", |feed, _, atom| {
                let url = feed.self_url(Format::Atom);
                atom.contains(&format!(
                    "<link href=\"{url}\" rel=\"self\" type=\"application/atom+xml\"/>"
                ))
            }),
            ("NeedDescriptionBeforeContent", |_, rss, _| {
                parts(rss, "<item>").all(|item| {
                    !item.contains("<content:") || item.find("<desc") < item.find("<content:")
                })
            }),
            ("ItemMustContainTitleOrDescription", |_, rss, _| {
                parts(rss, "<item>")
                    .all(|item| item.contains("<title>") || item.contains("<description>"))
            }),
            ("NotBlank, AttrNotBlank", |_, rss, atom| {
                ["title", "category", "name"]
                    .iter()
                    .all(|name| !format!("{rss}{atom}").contains(&format!("<{name}></")))
                    && !atom.contains("\"\"")
            }),
            ("ContainsHTML, CharacterData", |_, rss, atom| {
                parts(rss, "<title>").chain(parts(atom, "<title>")).all(|title| {
                    let text = &title[..title.find("</title>").unwrap()];
                    !text.contains("&lt;") && !text.contains("&amp;")
                })
            }),
            ("NotHtml", |_, rss, _| {
                parts(rss, "<description><![CDATA[")
                    .all(|text| !text[..text.find("]]>").unwrap()].contains('<'))
            }),
            ("MissingTextualContent", |_, _, atom| {
                parts(atom, "<entry>")
                    .all(|entry| entry.contains("<summary") || entry.contains("<content"))
            }),
            ("InvalidAddrSpec", |_, _, atom| !atom.contains("nowhere")),
            ("MissingElement: author", |_, _, atom| {
                atom[..atom.find("<entry>").unwrap()].contains("<author>")
            }),
            ("DuplicateAtomLink, MissingContentOrAlternate", |_, _, atom| {
                parts(atom, "<entry>").all(|entry| entry.matches("rel=\"alternate\"").count() == 1)
            }),
            ("ImageTitleDoesntMatch, ImageLinkDoesntMatch", |feed, rss, _| {
                let image = parts(rss, "<image>").next().unwrap();
                image.contains(&feed.home_url)
                    && image.contains(&format!("<title>{}</title>", feed.title))
            }),
            ("MissingNamespace, MediaRssNamespace", |_, rss, atom| {
                [rss, atom]
                    .iter()
                    .all(|xml| xml.contains("xmlns:media=\"http://search.yahoo.com/mrss/\""))
            }),
            ("DuplicateSemantics", |_, rss, _| {
                !rss[..rss.find("<item>").unwrap()].contains("<dc:")
            }),
        ];
        let feed = bare();
        let [rss, atom] = [Format::Rss, Format::Atom]
            .map(|format| String::from_utf8(feed.write(format)).unwrap());
        for (rule, kept) in rules {
            assert!(kept(&feed, &rss, &atom), "{rule}:\n{rss}\n{atom}");
        }
    }

    /// The texts that follow each `start`.
    fn parts<'a>(xml: &'a str, start: &'a str) -> impl Iterator<Item = &'a str> {
        xml.split(start).skip(1)
    }

    /// Rules that an author's own text, ids and dates can break: the code under which `lint` names
    /// each.
    #[test]
    fn rules_that_are_named() {
        type Change = fn(&mut Entry);
        let named: [(&str, Change, &str); 29] = [
            (
                "ContainsHTML, ContainsUndeclaredHTML",
                |e| e.title = "Use </B>".to_owned(),
                "literal-markup",
            ),
            ("ContainsUndeclaredHTML", |e| e.summary = "a <p>b</p>".to_owned(), "literal-markup"),
            ("(unseen)", |e| e.title = "The <br clear=all> element".to_owned(), "literal-markup"),
            ("ContainsHTML", |e| e.tags = vec!["</i>".to_owned()], "literal-markup"),
            ("BadCharacters", |e| e.title = "a\u{fffd}".to_owned(), "replacement-character"),
            ("BadCharacters", |e| e.html = "a\u{fffd}".to_owned(), "replacement-character"),
            ("BadCharacters", |e| e.title = "CafÃ©".to_owned(), "encoded-twice"),
            ("BadCharacters", |e| e.html = "CafÃ©".to_owned(), "encoded-twice"),
            (
                "ContainsEmail",
                |e| e.authors = vec![named("Ada <a@b.org>", None)],
                "address-in-name",
            ),
            (
                "InvalidAddrSpec",
                |e| e.authors = vec![named("Ada", Some("a@localhost"))],
                "no-address",
            ),
            ("InvalidLanguage", |e| e.language = Some("x-klingon".to_owned()), "language"),
            ("NotSufficientlyUnique", |e| e.id = "1234".to_owned(), "id"),
            ("UriNotIri", |e| e.atom_id = "tag:a.b,2026:ü".to_owned(), "id"),
            ("NonCanonicalURI", |e| e.atom_id = "http://EXAMPLE.org/a".to_owned(), "id"),
            ("NonCanonicalURI", |e| e.atom_id = "http://example.org/%7ea".to_owned(), "id"),
            ("NonCanonicalURI", |e| e.atom_id = "http://example.org:80/".to_owned(), "id"),
            ("InvalidTAG", |e| e.atom_id = "tag:Example.org:x".to_owned(), "id"),
            ("InvalidUUID", |e| e.atom_id = "urn:uuid:1234".to_owned(), "id"),
            ("InvalidURN", |e| e.atom_id = "urn:a".to_owned(), "id"),
            ("SchemeNotIANARegistered", |e| e.atom_id = "post:12".to_owned(), "id"),
            ("ImplausibleDate", |e| e.updated = at("2026-11-24T01:00:00Z"), "date-ahead"),
            ("ImplausibleDate", |e| e.published = at("1984-01-01T00:00:00Z"), "date-before-1990"),
            (
                "SecurityRisk",
                |e| e.html = "<p><SCRIPT src=\"https://a/\">".to_owned(),
                "risky-element",
            ),
            ("SecurityRisk", |e| e.html = "<iframe>".to_owned(), "risky-element"),
            ("SecurityRiskAttr", |e| e.html = "<p onclick=\"x\">".to_owned(), "risky-attribute"),
            ("(unseen)", |e| e.html = "<a href=\"JavaScript:x\">".to_owned(), "running-link"),
            ("ContainsRelRef", |e| e.html = "<img src=\"a/b:c.png\">".to_owned(), "relative-link"),
            (
                "ContainsRelRef",
                |e| e.html = "<a class=\"x\" href=\"//h/p\">".to_owned(),
                "relative-link",
            ),
            ("(unseen)", |e| (e.title, e.summary) = (String::new(), String::new()), "wordless"),
        ];
        for (rule, change, code) in named {
            assert_eq!(codes(change), [code], "{rule}");
        }
    }

    #[test]
    fn good_ids_are_not_named() {
        for id in [
            "urn:uuid:6ba7b810-9dad-51d1-80b4-00c04fd430c8",
            "tag:example.org,2026-11-20:a/b",
            "https://example.org/a?b=c%2F#d",
            "urn:isbn:0451450523",
        ] {
            assert_eq!(codes(|entry| entry.atom_id = id.to_owned()), [""; 0], "{id}");
        }
    }

    #[test]
    fn two_entries_of_one_instant() {
        let mut feed = sample::feed();
        feed.entries[1].updated = feed.entries[0].updated;
        let found = lint(&feed, at(NOW));
        assert!(found.iter().any(|(id, diagnostic)| id.as_deref() == Some("not an IRI")
            && diagnostic.code == "same-updated"));
    }

    fn named(name: &str, email: Option<&str>) -> Person {
        Person { name: name.to_owned(), email: email.map(str::to_owned), url: None }
    }
}
