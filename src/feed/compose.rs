//! From a channel of the library to a [`Feed`]: what it is called, which entries it carries, and
//! how much of each.
//!
//! Deterministic: the same site, channel, articles and bodies give the same feed. The clock is not
//! asked; the feed's date is its newest entry's.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::sync::Arc;

use url::Url;
use uuid::Uuid;

use crate::article::{Body, Head, Person};
use crate::base::direction::Direction;
use crate::base::reference::has_scheme;
use crate::base::text::{is_safe, line};
use crate::base::{Format, Route, Scope, Timestamp};
use crate::config::{Content, Feeds, Site};
use crate::library::{Article, Channel, ICON, Seq};

use super::links::{self, Locate};
use super::paging::Paging;
use super::{Entry, Feed, SharedEntry, TTL_MINUTES};

/// However large they are, a feed carries this many entries if it has them.
const ENTRIES_MIN: usize = 10;

/// An entry is an outlier when it takes more than one part in so many of `feeds.max_bytes`.
const OUTLIER_SHARE: usize = 4;

/// Past this, the largest entries fall to their summary: common readers stop reading, or refuse the
/// feed.
const HARD_BYTES_MAX: usize = 5 * 1024 * 1024;

/// Bytes of an entry beside its texts: the markup of its elements, its URLs and dates.
const ENTRY_OVERHEAD_BYTES: usize = 1024;

/// Bytes of a tag beside its text.
const TAG_OVERHEAD_BYTES: usize = 24;

/// 0001-01-01T00:00:00Z: the first second of a year of four digits.
const FIRST_SECOND: i64 = -62_135_596_800;

/// An entry with its publication number.
#[derive(Debug, Clone, PartialEq)]
pub struct Numbered {
    seq: Seq,
    /// The bytes that it takes, as [`weight`] has them.
    weight: usize,
    entry: SharedEntry,
}

impl Numbered {
    pub(super) fn new(seq: Seq, entry: Entry) -> Self {
        Self { seq, weight: weight(&entry), entry: entry.into() }
    }
}

/// The basis of a scope's feed, besides its articles.
#[derive(Clone, Copy)]
pub struct Basis<'a> {
    /// The site.
    pub site: &'a Site,
    /// The limits and the form of feeds.
    pub feeds: &'a Feeds,
    /// The scope.
    pub scope: &'a Scope,
    /// Its title, and what the ledger knows of its feed.
    pub channel: &'a Channel,
    /// Gives the route that a symbolic reference means.
    pub places: &'a dyn Locate,
}

/// The feed of these articles, which are in order, newest first.
///
/// `bodies` gives the rendered articles. An article whose body cannot be had at the moment is left
/// out: an entry has its body or is not in the feed.
pub fn compose(
    basis: Basis<'_>,
    articles: &[Arc<Article>],
    bodies: &dyn Fn(Seq) -> Option<Arc<Body>>,
) -> Feed {
    compose_of(basis, entries(basis, articles, bodies))
}

/// The feed of these entries, newest first, as far as there is room for them.
pub fn compose_of(basis: Basis<'_>, mut numbered: Vec<Numbered>) -> Feed {
    bound(&mut numbered, basis.feeds.max_bytes, basis.channel.archived_to);
    // The clock is not asked: an empty feed keeps the date that its channel remembers.
    frame(basis, numbered, basis.channel.watermark)
}

/// An article by itself: with the author and the language that it has from its feed there.
pub(super) fn lone_entry(
    site: &Site,
    feeds: &Feeds,
    article: &Article,
    body: &Body,
    places: &dyn Locate,
) -> Entry {
    let mut entry = entry(site, feeds.content, article, body, places);
    if entry.authors.is_empty() {
        entry.authors.push(Person { name: line(&site.author), ..Person::default() });
    }
    entry.language.get_or_insert_with(|| site.language.clone());
    entry
}

/// The entries of `articles` with their publication numbers, without those whose body cannot be
/// had.
pub(super) fn entries(
    Basis { site, feeds, places, .. }: Basis<'_>,
    articles: &[Arc<Article>],
    bodies: &dyn Fn(Seq) -> Option<Arc<Body>>,
) -> Vec<Numbered> {
    let mut numbered = Vec::with_capacity(articles.len());
    for article in articles {
        if let Some(body) = bodies(article.seq) {
            let entry = entry(site, feeds.content, article, &body, places);
            numbered.push(Numbered::new(article.seq, entry));
        }
    }
    numbered
}

/// The feed of these entries. `empty_since`: its date if it has none.
pub(super) fn frame(
    Basis { site, feeds, scope, channel, places }: Basis<'_>,
    numbered: Vec<Numbered>,
    empty_since: Timestamp,
) -> Feed {
    let mut entries = Vec::with_capacity(numbered.len());
    let mut updated = None;
    for Numbered { entry, .. } in numbered {
        updated = updated.max(Some(entry.updated));
        entries.push(entry);
    }
    Feed {
        scope: scope.clone(),
        site_id: (site.url.host_str() != Some(&site.id)).then(|| site.id.clone()),
        imported_id: channel.feed_id.clone(),
        id: match &channel.feed_id {
            Some(id) => id.to_string(),
            None => feed_id(&site.id, scope),
        },
        title: title(site, scope, channel),
        description: description(site, channel),
        language: site.language.clone(),
        home_url: links::home(site, scope),
        self_urls: Format::ALL
            .map(|format| links::absolute(site, &Route::Feed(scope.clone(), format))),
        hubs: site.hub_urls(),
        cloud: site.cloud_url(),
        paging: Paging::of_subscription(site, scope, channel.pages),
        updated: updated.unwrap_or(empty_since),
        author: Person { name: line(&site.author), ..Person::default() },
        icon: icon(site, places),
        ttl_minutes: TTL_MINUTES,
        full: feeds.content == Content::Full,
        entries,
    }
}

/// The picture of the site: `icon.png` in the article directory, where there is one.
fn icon(site: &Site, places: &dyn Locate) -> Option<String> {
    match places.locate(ICON)? {
        // An article may have the name of the picture; then this is its page.
        Route::Resource(path) if path.as_str() == ICON => {
            Some(links::absolute(site, &Route::Resource(path)))
        }
        _ => None,
    }
}

/// The id of the feed of `scope`: the same for ever, whatever the site's URL.
pub fn feed_id(site_id: &str, scope: &Scope) -> String {
    urn(site_id, "feed", &scope.to_string())
}

/// The id that replaces `id` in Atom, which wants an IRI (RFC 4287, 4.2.6): `id` itself if it is
/// one, else the version 5 UUID of it within the site.
pub fn atom_id(site_id: &str, id: &str) -> String {
    if is_iri(id) { id.to_owned() } else { urn(site_id, "entry", id) }
}

fn urn(site_id: &str, kind: &str, name: &str) -> String {
    let site = Uuid::new_v5(&Uuid::NAMESPACE_DNS, site_id.as_bytes());
    Uuid::new_v5(&site, format!("{kind}\n{name}").as_bytes()).urn().to_string()
}

/// Whether `text` is an absolute IRI (RFC 3987, 2.2).
fn is_iri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let is_hierarchical = !matches!(scheme, "http" | "https") || rest.starts_with("//");
    has_scheme(text)
        && !rest.is_empty()
        && is_hierarchical
        && rest.chars().all(may_stand_in_iri)
        && escapes_are_whole(rest)
        && Url::parse(text).is_ok()
}

fn may_stand_in_iri(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric() || "-._~:/?#@!$&'()*+,;=%".contains(c);
    }
    c >= '\u{a0}' && is_safe(c) && c != '\u{fffd}' && !c.is_whitespace()
}

/// Whether every `%` is followed by two hexadecimal digits.
fn escapes_are_whole(text: &str) -> bool {
    for after in text.split('%').skip(1) {
        match after.as_bytes() {
            [first, second, ..] if first.is_ascii_hexdigit() && second.is_ascii_hexdigit() => {}
            _ => return false,
        }
    }
    true
}

/// The title of a feed. Never empty, as the site's is not.
fn title(site: &Site, scope: &Scope, channel: &Channel) -> String {
    let site_title = line(&site.title);
    if *scope == Scope::Site {
        return site_title;
    }
    let mut name = line(channel.title.as_deref().unwrap_or_default());
    if name.is_empty() {
        name = line(&channel.name);
    }
    if name.is_empty() { site_title } else { format!("{name} — {site_title}") }
}

/// The description of a feed. Never empty, as the site's is not.
fn description(site: &Site, channel: &Channel) -> String {
    let own = line(channel.description.as_deref().unwrap_or_default());
    if own.is_empty() { line(&site.description) } else { own }
}

/// The entry of an article: a function of these alone.
pub(super) fn entry(
    site: &Site,
    content: Content,
    article: &Article,
    body: &Body,
    places: &dyn Locate,
) -> Entry {
    let head = &*article.head;
    let url = links::page(site, article);
    let published = whole_second(article.published);
    let html = match content {
        Content::Full => directed(links::resolve_for(&body.html, article, site, places), head),
        Content::Summary => String::new(),
    };
    let image = match &head.image {
        Some(image) => links::image_for(image, article, site, places),
        None => None,
    };
    let external_url = match &head.external_url {
        Some(url) => links::external(url),
        None => None,
    };
    let language = match &head.language {
        Some(language) if !language.eq_ignore_ascii_case(&site.language) => Some(language.clone()),
        _ => None,
    };
    let imported = article.imported.as_deref();
    let old_atom_id = imported.and_then(|imported| imported.atom.clone());
    Entry {
        // To the byte, even where it is not an IRI: with another id, subscribers would see the
        // article as new.
        atom_id: old_atom_id.unwrap_or_else(|| atom_id(&site.id, &article.id)),
        id: article.id.clone(),
        imported: article.imported.clone(),
        local: site.elsewhere.is_some().then(|| article.url.clone()),
        title: line(&head.title),
        summary: body.summary.trim().to_owned(),
        html,
        published,
        updated: article.updated.max(published),
        authors: head.authors.iter().filter_map(person).collect(),
        tags: tags(&head.tags),
        external_url,
        language,
        image,
        url,
    }
}

/// The content in a wrapper that says that it runs from right to left, where it does: a feed has no
/// other place for that.
fn directed(html: String, head: &Head) -> String {
    match Direction::of(head.language.as_deref(), &html) {
        Direction::Rtl => format!("<div dir=\"rtl\">{html}</div>"),
        Direction::Ltr => html,
    }
}

/// The author as feeds may name them, without a URL that is not of the web; `None` without a name.
fn person(person: &Person) -> Option<Person> {
    let name = line(&person.name);
    if name.is_empty() {
        return None;
    }
    let url = match &person.url {
        Some(url) => links::web(url),
        None => None,
    };
    Some(Person { name, email: person.email.clone(), url })
}

/// The tags as written, each once.
fn tags(written: &[String]) -> Vec<String> {
    let mut tags = Vec::with_capacity(written.len());
    let mut seen = HashSet::new();
    for tag in written {
        let tag = line(tag);
        if !tag.is_empty() && seen.insert(tag.clone()) {
            tags.push(tag);
        }
    }
    tags
}

/// The instant without its fraction of a second, for instants before 1970 too. Years that a
/// four-digit date cannot say become the first that it can.
fn whole_second(instant: Timestamp) -> Timestamp {
    // Not `as_second`, which rounds towards zero and so to the second after.
    let second = instant.as_microsecond().div_euclid(1_000_000);
    Timestamp::from_second(second.max(FIRST_SECOND)).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Keeps a feed within bounds, in the order in which least is lost:
///
/// 1. Past `soft_bytes`, entries larger than a quarter of it carry only their summary, the largest
///    first: one huge article does not push the others out.
/// 2. Then the articles that became public first leave, down to ten. One that is on no page of the
///    archive, since its number is past `archived_to`, stays: it would be nowhere.
/// 3. Past [`HARD_BYTES_MAX`], the largest of the rest carry only their summary.
pub(super) fn bound(entries: &mut Vec<Numbered>, soft_bytes: usize, archived_to: Seq) {
    bound_within(entries, soft_bytes, HARD_BYTES_MAX, archived_to);
}

fn bound_within(
    entries: &mut Vec<Numbered>,
    soft_bytes: usize,
    hard_bytes: usize,
    archived_to: Seq,
) {
    // Nearly every feed is within both bounds.
    if total(entries) <= soft_bytes.min(hard_bytes) {
        return;
    }
    shorten(entries, soft_bytes, soft_bytes / OUTLIER_SHARE);
    let mut total = total(entries);
    while total > soft_bytes && entries.len() > ENTRIES_MIN {
        // Not the oldest by date: an article that was dated back has yet to reach its subscribers.
        let Some(first) = (0..entries.len()).min_by_key(|n| entries[*n].seq) else { break };
        if entries[first].seq > archived_to {
            break;
        }
        total -= entries.remove(first).weight;
    }
    shorten(entries, hard_bytes, 0);
}

/// Leaves only the summary of entries that are larger than `entry_bytes`, the largest first, until
/// all of them together have at most `bytes_max`. Of equals, the one that became public first is
/// shortened first.
fn shorten(entries: &mut [Numbered], bytes_max: usize, entry_bytes: usize) {
    let mut total = total(entries);
    let mut large = Vec::new();
    for (n, Numbered { seq, weight, .. }) in entries.iter().enumerate() {
        if *weight > entry_bytes {
            large.push((Reverse(*weight), *seq, n));
        }
    }
    large.sort_unstable();
    for (_, _, n) in large {
        if total <= bytes_max {
            return;
        }
        let shortened = &mut entries[n];
        let bytes = escaped_len(&std::mem::take(&mut shortened.entry.html));
        shortened.weight -= bytes;
        total -= bytes;
    }
}

/// The bytes of all entries, about.
fn total(entries: &[Numbered]) -> usize {
    entries.iter().map(|numbered| numbered.weight).sum()
}

/// The bytes that an entry takes in the largest of the three documents, about.
fn weight(entry: &Entry) -> usize {
    let mut bytes = ENTRY_OVERHEAD_BYTES;
    for text in [&entry.html, &entry.summary, &entry.title] {
        bytes += escaped_len(text);
    }
    for tag in &entry.tags {
        bytes += tag.len() + TAG_OVERHEAD_BYTES;
    }
    bytes
}

/// The length of a text in Atom, where markup is escaped.
fn escaped_len(text: &str) -> usize {
    let mut bytes = text.len();
    for byte in text.bytes() {
        bytes += match byte {
            b'<' | b'>' => 3,
            b'&' => 4,
            b'"' | b'\'' => 5,
            _ => 0,
        };
    }
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::sample::{article, at, channel, feeds, head, site};
    use super::*;

    fn body(html: &str, summary: &str) -> Option<Arc<Body>> {
        Some(Arc::new(Body { html: html.to_owned(), summary: summary.to_owned() }))
    }

    fn feed(articles: &[Arc<Article>], bodies: &dyn Fn(Seq) -> Option<Arc<Body>>) -> Feed {
        compose(basis(&site(), &feeds(), &Scope::Site, &channel("")), articles, bodies)
    }

    /// No reference means anything.
    fn basis<'a>(
        site: &'a Site,
        feeds: &'a Feeds,
        scope: &'a Scope,
        channel: &'a Channel,
    ) -> Basis<'a> {
        Basis { site, feeds, scope, channel, places: &|_: &str| None }
    }

    #[test]
    fn titles_and_places() {
        let tag = Scope::Tag(crate::base::UrlPath::new("c-sharp").unwrap());
        let mut named = channel("C#");
        let make = |scope: &Scope, channel: &Channel| {
            compose(basis(&site(), &feeds(), scope, channel), &[], &|_| None)
        };
        let feed = make(&tag, &named);
        assert_eq!(feed.title, "C# — The Site");
        assert_eq!(feed.description, "About things & <stuff>.");
        assert_eq!(feed.home_url, "https://example.org/blog/tags/c-sharp/");
        assert_eq!(feed.self_url(Format::Json), "https://example.org/blog/tags/c-sharp/feed.json");
        assert_eq!(feed.updated, named.watermark);
        named.title = Some("All of C#".to_owned());
        named.description = Some("  Sharp\nthings ".to_owned());
        let feed = make(&tag, &named);
        assert_eq!(
            (feed.title.as_str(), feed.description.as_str()),
            ("All of C# — The Site", "Sharp things")
        );
        let whole = make(&Scope::Site, &named);
        assert_eq!(
            (whole.title.as_str(), whole.home_url.as_str()),
            ("The Site", "https://example.org/blog/")
        );
        assert_ne!(whole.id, feed.id);
    }

    #[test]
    fn ids() {
        for iri in [
            "urn:uuid:6ba7b810-9dad-51d1-80b4-00c04fd430c8",
            "https://a.b/c?d#e",
            "tag:a.b,2026:ü",
            "x:%41",
        ] {
            assert_eq!(atom_id("s", iri), iri);
        }
        for other in [
            "",
            "42",
            "a b",
            "note: b",
            "http:a",
            "x:",
            "x:a b",
            "x:%4",
            "x:<",
            "1x:y",
            "ü:y",
            "x:a\u{fffd}",
        ] {
            let made = atom_id("s", other);
            assert!(made.starts_with("urn:uuid:") && made.len() == 45, "{other:?}: {made}");
            assert_ne!(made, atom_id("t", other));
        }
        // Fixed for ever: with others, subscribers would see every entry as new.
        assert_eq!(
            feed_id("example.org", &Scope::Site),
            "urn:uuid:bd7cd1c7-66b0-55dc-bad2-92dbfb2765a4"
        );
        assert_eq!(atom_id("example.org", "42"), "urn:uuid:bd2977a5-f346-56c9-9989-83083d170a30");
    }

    #[test]
    fn an_entry_says_what_its_article_says() {
        let mut rich = article(1, "news/Hello.md");
        let mut said = head("  A <b>\u{1}title</b> ");
        said.authors =
            vec![Person { name: "Ada".to_owned(), email: None, url: Some("ftp://x".to_owned()) }];
        said.tags = ["a", " a ", "A", ""].map(str::to_owned).to_vec();
        said.external_url = Some("https://example.com/ü".to_owned());
        said.language = Some("EN".to_owned());
        said.image = Some("cat.png".to_owned());
        rich.head = Arc::new(said);
        rich.id = "42".to_owned();
        rich.updated = at("2026-11-21T10:00:00.9Z");
        rich.published = at("2026-11-20T10:00:00.5Z");
        let feed = feed(&[Arc::new(rich)], &|_| body("<a href=\"\u{1}\u{1}#x\">x</a>", " Sum "));
        let entry = &feed.entries[0];
        assert_eq!(entry.title, "A <b>title</b>");
        assert_eq!(entry.html, "<a href=\"https://example.org/blog/news/hello#x\">x</a>");
        assert_eq!(entry.summary, "Sum");
        assert_eq!(entry.tags, ["a", "A"]);
        assert_eq!(entry.authors, [Person { name: "Ada".to_owned(), email: None, url: None }]);
        assert_eq!(entry.external_url.as_deref(), Some("https://example.com/%C3%BC"));
        assert_eq!(entry.language, None);
        assert_eq!(entry.image.as_deref(), Some("https://example.org/blog/news/cat.png"));
        assert_eq!(entry.published, at("2026-11-20T10:00:00Z"));
        assert_eq!(entry.updated.as_second(), at("2026-11-21T10:00:00Z").as_second());
        assert_eq!(feed.updated, entry.updated);
        assert_eq!((entry.id.as_str(), &entry.atom_id[..9]), ("42", "urn:uuid:"));
    }

    #[test]
    fn a_text_from_right_to_left_says_so() {
        let articles = [Arc::new(article(1, "a.md")), Arc::new(article(2, "b.md"))];
        let text = |seq| if seq == 1 { "<p>HTML לחם שחור</p>" } else { "<p>bread</p>" };
        let made = feed(&articles, &|seq| body(text(seq), "x"));
        assert_eq!(made.entries[0].html, "<div dir=\"rtl\"><p>HTML לחם שחור</p></div>");
        assert_eq!(made.entries[1].html, "<p>bread</p>");
    }

    #[test]
    fn an_entry_has_its_body_or_is_left_out() {
        let articles = [Arc::new(article(1, "a.md")), Arc::new(article(2, "b.md"))];
        let made = feed(&articles, &|seq| if seq == 1 { body("<p>x</p>", "x") } else { None });
        assert_eq!(made.entries.iter().map(|e| e.title.as_str()).collect::<Vec<_>>(), ["a"]);
    }

    #[test]
    fn a_feed_of_summaries_has_no_html() {
        let mut config = feeds();
        config.content = Content::Summary;
        let articles = [Arc::new(article(1, "a.md"))];
        let bodies = |_| body("<p>x</p>", "x");
        let (site, of_site) = (site(), channel(""));
        let made = compose(basis(&site, &config, &Scope::Site, &of_site), &articles, &bodies);
        assert_eq!(
            (made.full, made.entries[0].html.as_str(), made.entries[0].summary.as_str()),
            (false, "", "x")
        );
    }

    #[test]
    fn large_feeds_lose_what_became_public_first() {
        // Twelve articles of 100 KB, the oldest number dated newest.
        let articles: Vec<Arc<Article>> =
            (1..=12).map(|seq| Arc::new(article(seq, &format!("{seq}.md")))).collect();
        let large = "x".repeat(100 * 1024);
        let bodies = |_| body(&large, "x");
        for (archived_to, first) in [(12, 3), (10, 3), (2, 3), (1, 2), (0, 1)] {
            let mut of_site = channel("");
            of_site.archived_to = archived_to;
            let (site, feeds) = (site(), feeds());
            let made = compose(basis(&site, &feeds, &Scope::Site, &of_site), &articles, &bodies);
            let titles: Vec<String> =
                made.entries.iter().map(|entry| entry.title.clone()).collect();
            let expected: Vec<String> = (first..=12).map(|n| n.to_string()).collect();
            assert_eq!(titles, expected, "the archive ends with {archived_to}");
            assert!(made.entries.iter().all(|entry| entry.html.len() == large.len()));
        }
    }

    #[test]
    fn very_large_entries_fall_to_their_summary() {
        let articles: Vec<Arc<Article>> =
            (1..=3).map(|seq| Arc::new(article(seq, &format!("{seq}.md")))).collect();
        let size = |seq: Seq| if seq == 2 { 3 << 20 } else { 2 << 20 };
        let bodies = |seq| body(&"x".repeat(size(seq)), "summary");
        let mut config = feeds();
        config.max_bytes = 100 << 20;
        let (site, of_site) = (site(), channel(""));
        let made = compose(basis(&site, &config, &Scope::Site, &of_site), &articles, &bodies);
        let kept: Vec<bool> = made.entries.iter().map(|entry| !entry.html.is_empty()).collect();
        assert_eq!(kept, [true, false, true]);
        assert_eq!(made.entries[1].summary, "summary");
    }

    #[test]
    fn a_huge_article_does_not_empty_the_feed() {
        // Thirty articles of 8 KB, and one of several megabytes.
        let articles: Vec<Arc<Article>> =
            (1..=31).map(|seq| Arc::new(article(seq, &format!("{seq}.md")))).collect();
        let size = |seq: Seq| if seq == 17 { 4 << 20 } else { 8 << 10 };
        let made = feed(&articles, &|seq| body(&"x".repeat(size(seq)), "summary"));
        assert_eq!(made.entries.len(), 31);
        for entry in &made.entries {
            assert_eq!(entry.html.is_empty(), entry.title == "17", "{}", entry.title);
        }
    }

    proptest! {
        /// The rule of `bound`, seen from its outcome.
        #[test]
        fn least_is_lost(sizes in proptest::collection::vec(0_usize..400, 0..30), archived_to in 0_u64..40, soft in 200_usize..4000, hard in 4000_usize..6000) {
            let mut entries = Vec::new();
            for (n, size) in sizes.iter().enumerate() {
                let html = "x".repeat(size * 10);
                let one = article(n as Seq, &format!("{n}.md"));
                let body = Body { html, summary: "s".to_owned() };
                let entry = entry(&site(), Content::Full, &one, &body, &|_: &str| None);
                entries.push(Numbered::new(one.seq, entry));
            }
            let (soft, hard) = (soft * 10, hard * 10);
            let whole = entries.clone();
            bound_within(&mut entries, soft, hard, archived_to);
            let left_out = whole.len() - entries.len();
            prop_assert!(left_out == 0 || entries.len() >= ENTRIES_MIN);
            // Those left out became public before all that stay.
            prop_assert_eq!(entries.first().map(|first| first.seq), whole.get(left_out).map(|first| first.seq));
            let could_go = entries.first().is_some_and(|first| first.seq <= archived_to);
            for one in &entries {
                prop_assert_eq!(one.weight, weight(&one.entry));
            }
            prop_assert!(total(&entries) <= soft || entries.len() <= ENTRIES_MIN || !could_go);
            // What is on no page of the archive stays.
            let on_no_page = |entries: &[Numbered]| entries.iter().filter(|one| one.seq > archived_to).count();
            prop_assert_eq!(on_no_page(&entries), on_no_page(&whole));
            let is_cut = |n: usize| entries[n].entry.html.is_empty() && !whole[left_out + n].entry.html.is_empty();
            let was = |n: usize| whole[left_out + n].weight;
            for n in 0..entries.len() {
                if !is_cut(n) {
                    prop_assert_eq!(&entries[n].entry.html, &whole[left_out + n].entry.html);
                    // Nothing is left out, nor left too large, beside an outlier that is whole.
                    let is_outlier = !entries[n].entry.html.is_empty() && was(n) > soft / OUTLIER_SHARE;
                    prop_assert!(left_out == 0 || !is_outlier);
                    continue;
                }
                prop_assert!(was(n) > soft / OUTLIER_SHARE || total(&whole[left_out..]) > hard);
                // The largest first.
                for other in (0..entries.len()).filter(|other| !is_cut(*other)) {
                    prop_assert!(was(other) <= was(n) || entries[other].entry.html.is_empty());
                }
            }
        }

        #[test]
        fn dates_are_in_order_and_sayable(published in -377_000_000_000_i64..250_000_000_000, later in 0_i64..10_000, nanos in 0_i32..999_999_999) {
            let mut old = article(1, "a.md");
            old.published = Timestamp::new(published, 0).unwrap();
            old.updated = Timestamp::new(published + later, if published + later < 0 { -nanos } else { nanos }).unwrap().max(old.published);
            let made = feed(&[Arc::new(old)], &|_| body("x", "x"));
            let entry = &made.entries[0];
            prop_assert!(entry.published <= entry.updated);
            prop_assert_eq!(entry.published.subsec_nanosecond(), 0);
            let year = entry.published.strftime("%Y").to_string();
            prop_assert!(year.len() == 4 && !year.starts_with('-'), "{}", year);
        }
    }
}
