//! Which article an entry of an old feed was: by link, else by slug and date, title and date, slug
//! and title.
//!
//! Pure, and never a guess. An entry and an article belong together only where neither of them fits
//! another one at the same level; what fits several is left over, to be reported.

use std::collections::{HashMap, HashSet};

use unicode_normalization::char::compose;
use url::Url;

use crate::base::html::unescape;
use crate::base::route::slug;
use crate::base::{Format, Timestamp, UrlPath};

use super::old_feed::{OldEntry, OldFeed};

/// Seconds of a day.
const DAY_S: i64 = 86_400;

/// The ways by which two of one article are known, the surest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Level {
    /// The path of the link is a URL of the article.
    Link,
    /// The path of the link ends with the whole URL of the article, which has a directory.
    End,
    /// The last segment, and the day give or take one.
    SlugAndDay,
    /// The title, and the day give or take one.
    TitleAndDay,
    /// The last segment, and the title.
    SlugAndTitle,
    /// The last segment, where one of both has no date.
    Slug,
}

const LEVELS: [Level; 6] = [
    Level::Link,
    Level::End,
    Level::SlugAndDay,
    Level::TitleAndDay,
    Level::SlugAndTitle,
    Level::Slug,
];

/// An article that may have been in the old feed.
#[derive(Debug, Clone, Default)]
pub(super) struct Candidate {
    /// Every URL that leads to it, the present one first.
    pub(super) urls: Vec<UrlPath>,
    /// Its slugs: of its URL, its file, its front matter.
    pub(super) slugs: Vec<String>,
    /// Its title.
    pub(super) title: String,
    /// Its date, where its author wrote one.
    pub(super) published: Option<Timestamp>,
    /// The formats in which it has its id from an import.
    pub(super) taken: Vec<Format>,
}

/// The entries of an old feed by all that they may be known by. Made once for many articles.
#[derive(Debug, Default)]
pub(super) struct Index {
    keys: HashMap<(Level, String), Vec<usize>>,
}

/// The result: for each candidate its entries, one for each format at most.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Matches {
    /// Entries by candidate.
    pub(super) entries: HashMap<usize, Vec<usize>>,
    /// Entries that fit several articles, or an article that another entry fits as well: the
    /// candidates.
    pub(super) ambiguous: HashMap<usize, Vec<usize>>,
}

impl Index {
    /// Indexes the entries of `feed`. `base` is the path that all URLs of the site begin with.
    pub(super) fn of(feed: &OldFeed, base: &str) -> Self {
        let mut index = Self::default();
        for (n, entry) in feed.entries.iter().enumerate() {
            for (level, key) in keys_of_entry(entry, base) {
                index.keys.entry((level, key)).or_default().push(n);
            }
        }
        index
    }

    /// Matches entries that `is_free` with candidates.
    pub(super) fn matches(
        &self,
        feed: &OldFeed,
        candidates: &[Candidate],
        is_free: impl Fn(usize) -> bool,
    ) -> Matches {
        let mut matches = Matches::default();
        let mut used: HashSet<usize> = HashSet::new();
        let mut taken: HashSet<(usize, Format)> = HashSet::new();
        for (n, candidate) in candidates.iter().enumerate() {
            taken.extend(candidate.taken.iter().map(|format| (n, *format)));
        }
        for level in LEVELS {
            // Both ways, since a pair has to be alone in either.
            let mut by_entry: HashMap<usize, Vec<usize>> = HashMap::new();
            let mut rivals: HashMap<(usize, Format), usize> = HashMap::new();
            for (n, candidate) in candidates.iter().enumerate() {
                for entry in self.found(level, candidate) {
                    let format = feed.entries[entry].format;
                    if is_free(entry) && !used.contains(&entry) && !taken.contains(&(n, format)) {
                        by_entry.entry(entry).or_default().push(n);
                        *rivals.entry((n, format)).or_default() += 1;
                    }
                }
            }
            for (entry, mut fitting) in by_entry {
                // There is at least one: an entry is here because it fits a candidate.
                let place = (fitting[0], feed.entries[entry].format);
                if fitting.len() == 1 && rivals[&place] == 1 {
                    used.insert(entry);
                    taken.insert(place);
                    // At a surer level it may have fitted several; at this one it is alone.
                    matches.ambiguous.remove(&entry);
                    matches.entries.entry(fitting[0]).or_default().push(entry);
                } else {
                    fitting.sort_unstable();
                    // Of several levels the surest says which articles are meant.
                    matches.ambiguous.entry(entry).or_insert(fitting);
                }
            }
        }
        for entries in matches.entries.values_mut() {
            entries.sort_unstable();
        }
        matches
    }

    /// The entries that share a key of this level with a candidate, each once.
    fn found(&self, level: Level, candidate: &Candidate) -> HashSet<usize> {
        let mut found = HashSet::new();
        for key in keys_of_candidate(level, candidate) {
            if let Some(entries) = self.keys.get(&(level, key)) {
                found.extend(entries);
            }
        }
        found
    }
}

/// All that an entry may be known by.
fn keys_of_entry(entry: &OldEntry, base: &str) -> Vec<(Level, String)> {
    let mut keys = Vec::new();
    let mut name = None;
    if let Some(path) = path_of(&entry.link) {
        keys.extend(keys_of_path(path.as_str(), base));
        name = slug_of(path.as_str());
    }
    let title = title_key(&entry.title);
    let published = entry.published.map(day);
    if let Some(day) = published {
        // Midnight of the author may be another day in UTC.
        for day in [day - 1, day, day + 1] {
            if let Some(name) = &name {
                keys.push((Level::SlugAndDay, format!("{day} {name}")));
            }
            if let Some(title) = &title {
                keys.push((Level::TitleAndDay, format!("{day} {title}")));
            }
        }
    }
    if let Some(name) = &name {
        if let Some(title) = &title {
            keys.push((Level::SlugAndTitle, format!("{name} {title}")));
        }
        let dated = if published.is_some() { "dated" } else { "undated" };
        keys.push((Level::Slug, format!("{dated} {name}")));
    }
    keys
}

/// The keys of a link's path: the path, with and without the `base` of the site, and its ends that
/// have a directory.
fn keys_of_path(path: &str, base: &str) -> Vec<(Level, String)> {
    let mut keys = vec![(Level::Link, path.to_owned())];
    if !base.is_empty()
        && let Some(beneath) = path.strip_prefix(base)
        && let Some(beneath) = beneath.strip_prefix('/')
    {
        keys.push((Level::Link, beneath.to_owned()));
    }
    let mut rest = path;
    while let Some((_, end)) = rest.split_once('/') {
        // A last segment alone is no proof: `index` and `about` are everywhere.
        if end.contains('/') {
            keys.push((Level::End, end.to_owned()));
        }
        rest = end;
    }
    keys
}

/// All that a candidate may be known by at this level.
fn keys_of_candidate(level: Level, candidate: &Candidate) -> Vec<String> {
    let title = title_key(&candidate.title);
    let day = candidate.published.map(day);
    let mut keys = Vec::new();
    match level {
        Level::Link => {
            for url in &candidate.urls {
                keys.push(url.key().as_str().to_owned());
            }
        }
        Level::End => {
            if let Some(url) = candidate.urls.first() {
                keys.push(url.key().as_str().to_owned());
            }
        }
        Level::SlugAndDay => {
            if let Some(day) = day {
                keys.extend(candidate.slugs.iter().map(|slug| format!("{day} {slug}")));
            }
        }
        Level::TitleAndDay => {
            if let (Some(title), Some(day)) = (title, day) {
                keys.push(format!("{day} {title}"));
            }
        }
        Level::SlugAndTitle => {
            if let Some(title) = title {
                keys.extend(candidate.slugs.iter().map(|slug| format!("{slug} {title}")));
            }
        }
        Level::Slug => {
            keys.extend(candidate.slugs.iter().map(|slug| format!("undated {slug}")));
            if day.is_none() {
                keys.extend(candidate.slugs.iter().map(|slug| format!("dated {slug}")));
            }
        }
    }
    keys
}

/// The path of a link in the form in which URLs are compared; `None` for a home page, or what is
/// not a URL.
pub(super) fn path_of(link: &str) -> Option<UrlPath> {
    let url = Url::parse(link).ok()?;
    let path = percent_encoding::percent_decode_str(url.path()).decode_utf8().ok()?;
    let trimmed = path.trim_matches('/');
    let mut segments: Vec<&str> = trimmed.split('/').collect();
    let index = segments.last().copied().unwrap_or_default();
    if matches!(without_extension(index), "index" | "default") && segments.len() > 1 {
        segments.pop();
    }
    let last = segments.pop()?;
    segments.push(without_extension(last));
    let path = UrlPath::new(&segments.join("/"))?;
    (!path.as_str().is_empty()).then(|| path.key())
}

fn without_extension(name: &str) -> &str {
    for extension in [".html", ".htm", ".php", ".aspx", ".asp", ".md", ".xhtml"] {
        if let Some(rest) = name.strip_suffix(extension).filter(|rest| !rest.is_empty()) {
            return rest;
        }
    }
    name
}

/// The slug at the end of a path, without the date of `2026-11-22-some-title`; `None` where it is a
/// number.
pub(super) fn slug_of(path: &str) -> Option<String> {
    let last = slug(path.rsplit('/').next()?);
    let bytes = last.as_bytes();
    let is_dated = bytes.len() > 11
        && bytes[..11].iter().enumerate().all(|(n, byte)| match n {
            4 | 7 | 10 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    let name = if is_dated { &last[11..] } else { &last };
    let is_number = name.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    (!is_number).then(|| name.to_owned())
}

/// The letters and digits of a title: generators differ in quotes, in markup, and in how often they
/// escape.
pub(crate) fn title_key(title: &str) -> Option<String> {
    let once = unescape(title).into_owned();
    let text = without_names(&unescape(&once));
    let mut key = String::with_capacity(text.len());
    let mut in_tag = false;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '<' if rest.peek().is_some_and(|next| next.is_ascii_alphabetic() || *next == '/') => {
                in_tag = true;
            }
            '>' if in_tag => in_tag = false,
            c if !in_tag && c.is_alphanumeric() => key.extend(c.to_lowercase()),
            _ => {}
        }
    }
    (!key.is_empty()).then_some(key)
}

/// The text with the named references that generators write for signs and letters of Latin 1: a
/// sign becomes a space, since signs are not compared, and `&eacute;` becomes its letter.
fn without_names(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        result.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let near = &rest[..rest.floor_char_boundary(NAME_MAX_BYTES)];
        let name = near.split_once(';').map_or("", |(name, _)| name);
        if let Some(letter) = named_letter(name) {
            result.push(letter);
        } else if SIGNS.contains(&name) {
            result.push(' ');
        } else {
            result.push('&');
            continue;
        }
        rest = &rest[name.len() + 1..];
    }
    result.push_str(rest);
    result
}

/// The longest name in `without_names`, with its `;`.
const NAME_MAX_BYTES: usize = 10;

/// The named references of signs that generators put into titles.
const SIGNS: [&str; 18] = [
    "lsquo", "rsquo", "sbquo", "ldquo", "rdquo", "bdquo", "laquo", "raquo", "lsaquo", "rsaquo",
    "ndash", "mdash", "hellip", "middot", "bull", "shy", "iexcl", "iquest",
];

/// The letter of a named reference of Latin 1: a base letter and the name of its accent, or a
/// letter of its own.
fn named_letter(name: &str) -> Option<char> {
    let own = match name {
        "szlig" => Some('ß'),
        "aelig" => Some('æ'),
        "AElig" => Some('Æ'),
        "oslash" => Some('ø'),
        "Oslash" => Some('Ø'),
        "eth" => Some('ð'),
        "ETH" => Some('Ð'),
        "thorn" => Some('þ'),
        "THORN" => Some('Þ'),
        _ => None,
    };
    if own.is_some() {
        return own;
    }
    let base = name.chars().next().filter(char::is_ascii_alphabetic)?;
    let accent = match &name[1..] {
        "grave" => '\u{300}',
        "acute" => '\u{301}',
        "circ" => '\u{302}',
        "tilde" => '\u{303}',
        "uml" => '\u{308}',
        "ring" => '\u{30a}',
        "cedil" => '\u{327}',
        _ => return None,
    };
    compose(base, accent)
}

fn day(at: Timestamp) -> i64 {
    at.as_second().div_euclid(DAY_S)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(link: &str, title: &str, date: &str) -> OldEntry {
        OldEntry {
            format: Format::Rss,
            id: format!("{link} {title}"),
            is_permalink: false,
            link: link.to_owned(),
            title: title.to_owned(),
            published: format!("{date}T12:00:00Z").parse().ok(),
            updated: None,
            is_listed: true,
        }
    }

    fn candidate(url: &str, title: &str, date: &str) -> Candidate {
        let url = UrlPath::new(url).unwrap();
        Candidate {
            slugs: slug_of(url.as_str()).into_iter().collect(),
            urls: vec![url],
            title: title.to_owned(),
            published: format!("{date}T00:00:00Z").parse().ok(),
            taken: Vec::new(),
        }
    }

    /// For each entry: the candidate, `?` with several, or `-`.
    fn check(entries: Vec<OldEntry>, candidates: &[Candidate], expected: &[&str]) {
        let feed = OldFeed { entries, ..OldFeed::default() };
        let matches = Index::of(&feed, "blog").matches(&feed, candidates, |_| true);
        let mut found = vec!["-".to_owned(); feed.entries.len()];
        for (candidate, entries) in &matches.entries {
            for entry in entries {
                found[*entry] = candidate.to_string();
            }
        }
        for (entry, several) in &matches.ambiguous {
            assert_eq!(found[*entry], "-", "an entry is matched or ambiguous");
            let several: Vec<String> = several.iter().map(usize::to_string).collect();
            found[*entry] = format!("?{}", several.join(","));
        }
        assert_eq!(found, expected, "{:?}", feed.entries);
    }

    #[test]
    fn a_link_leads_to_its_article() {
        for link in [
            "https://e.org/news/my-post",
            "https://e.org/news/my-post/",
            "https://e.org/news/My-Post.html?utm=1#x",
            "http://old.example/blog/news/my-post/index.html",
            "https://e.org/news/my%2Dpost.php",
            "https://old.example/weblog/2019/news/my-post",
        ] {
            check(vec![entry(link, "x", "-")], &[candidate("news/my-post", "y", "-")], &["0"]);
        }
        for link in ["", "https://e.org/", "https://e.org/?p=12", "no url", "https://e.org/2020/"] {
            check(vec![entry(link, "x", "-")], &[candidate("news/my-post", "y", "-")], &["-"]);
        }
    }

    #[test]
    fn a_slug_needs_a_date_or_a_title() {
        let one = candidate("hello", "Hello", "2020-01-02");
        let check_one = |link: &str, title: &str, date: &str, expected: &str| {
            check(vec![entry(link, title, date)], std::slice::from_ref(&one), &[expected]);
        };
        check_one("https://e.org/2020/01/02/hello/", "Other", "2020-01-03", "0");
        check_one("https://e.org/2020-01-02-hello.html", "Other", "2020-01-01", "0");
        check_one("https://e.org/x/hello", "Hello!", "2010-01-01", "0");
        check_one("https://e.org/x/hello", "Other", "-", "0");
        check_one("https://e.org/x/hello", "Other", "2010-01-01", "-");
        check_one("https://e.org/x/other", "&lt;b&gt;Hello&lt;/b&gt;", "2020-01-02", "0");
        check_one("https://e.org/x/other", "Hello", "2020-01-05", "-");
        check_one("https://e.org/x/other", "Hello", "-", "-");
    }

    #[test]
    fn what_fits_two_is_not_guessed() {
        let two = [candidate("a/x", "X", "2020-01-02"), candidate("b/x", "X", "2020-01-02")];
        check(vec![entry("https://e.org/c/x", "X", "2020-01-02")], &two, &["?0,1"]);
        check(vec![entry("https://e.org/b/x", "X", "2020-01-02")], &two, &["1"]);
        // Once the sure one is taken, the other one is alone.
        check(
            vec![
                entry("https://e.org/c/x", "X", "2020-01-02"),
                entry("https://e.org/b/x", "X", "2020-01-02"),
            ],
            &two,
            &["0", "1"],
        );
        let twice =
            vec![entry("https://e.org/a/x", "1", "-"), entry("https://e.org/a/x/", "2", "-")];
        check(twice, &two[..1], &["?0", "?0"]);
    }

    #[test]
    fn titles_are_compared_by_their_letters() {
        for (one, other) in [
            ("Tom &amp;amp; Jerry", "Tom & Jerry"),
            ("“Quotes” — and ‘more’", "\"Quotes\" - and 'more'"),
            ("A <em>b</em>", "A b"),
            ("1 < 2", "1 &lt; 2"),
            ("Don&rsquo;t &mdash; &ldquo;stop&rdquo;&hellip;", "Don't - “stop” ..."),
            ("Don&amp;rsquo;t", "Don’t"),
            ("Caf&eacute; &Uuml;ber Stra&szlig;e &Ccedil;a", "Café Über Straße Ça"),
            ("It&#8217;s &#xe9;", "It’s é"),
            ("a &unknown; b & c &; &rsquo", "a unknown b c rsquo"),
        ] {
            assert_eq!(title_key(one), title_key(other), "{one}");
        }
        assert_eq!(title_key("—"), None);
    }
}
