//! Typed values of front matter, cleaned, with a finding for each that cannot be used.
//!
//! The keys of Hugo, Zola, Jekyll, Eleventy, Pelican and Obsidian are synonyms; names here are
//! folded as [`super::tree`] folds them. The `<meta>` of an HTML document is used where the front
//! matter has nothing, and is never an error: other programs wrote it.

use oxilangtag::LanguageTag;

use crate::article::dates::{self, Refusal};
use crate::article::model::Person;
use crate::article::title;
use crate::base::text;
use crate::base::time::Written;
use crate::base::{Diagnostic, Place, RelPath, Severity};

use super::Syntax;
use super::entry::{Entry, picture, within};
use super::known::{NEVER, flag, is_known, math, may_list, withholds_in_header};
use super::people::{Names, people, url};
use super::tags::{self, Splitting};
use super::tree::{Field, Table, Value, fold};
use super::url_paths::{self, ADDRESS_MAX_BYTES, Address};
use super::wiki_links::wiki_target;

/// Aliases of one article.
const ALIASES_MAX: usize = 100;

/// Bytes of an id.
const ID_MAX_BYTES: usize = 2_000;

/// Graphemes of a slug.
const SLUG_MAX: usize = 200;

/// The date that Hugo's templates write where none is given.
const ZERO_TIME: &str = "0001-01-01";

/// Words in the place of a date that send Eleventy to the file system or to git.
const DATES_ELSEWHERE: [&str; 4] = ["last modified", "created", "git last modified", "git created"];

/// Keys of a table of dates, as MkDocs Material has it under `date`.
const DATES_IN_TABLE: [&str; 4] = ["created", "updated", "published", "modified"];

/// The keys of an article, and the findings about them.
pub(crate) struct Keys<'a> {
    /// The file's front matter.
    pub(crate) front_matter: &'a Table,
    /// The metadata of the HTML document.
    pub(crate) meta: &'a Table,
    /// Its syntax, which decides whether one text may name several authors.
    pub(crate) syntax: Option<Syntax>,
    /// Findings so far.
    pub(crate) findings: Vec<Diagnostic>,
}

impl<'a> Keys<'a> {
    fn get(&self, names: &[&str]) -> Option<Entry<'a>> {
        let (key, field) = self.front_matter.get(names).or_else(|| self.meta.get(names))?;
        Some(Entry { key, field })
    }

    fn find(&mut self, severity: Severity, code: &str, place: Option<Place>, message: String) {
        let finding = match severity {
            Severity::Note => Diagnostic::note(code, message),
            Severity::Warning => Diagnostic::warning(code, message),
            // What other programs wrote must not keep an article back.
            Severity::Error if place.is_none() => Diagnostic::warning(code, message),
            Severity::Error => Diagnostic::error(code, message),
        };
        self.findings.push(match place {
            Some(Place { line, column }) => finding.at(line, column),
            None => finding,
        });
    }

    /// Reports on one value, with which the message begins.
    fn about(&mut self, severity: Severity, code: &str, entry: Entry<'_>, what: &str) {
        let shown = match &entry.field.value {
            Value::Text(text) => format!(": {}", text::excerpt(&text::line(text), 80)),
            _ => String::new(),
        };
        self.find(severity, code, entry.field.place, format!("`{}{shown}` {what}", entry.key));
    }

    /// The text under the first of the names that is there; a list or a table is a warning. Of a
    /// document's several `<meta>` of one kind it is the first.
    fn raw(&mut self, names: &[&str]) -> Option<(&'a str, Entry<'a>)> {
        let entry = self.get(names)?;
        if let [text, ..] = *entry.texts() {
            return Some((text, entry));
        }
        self.about(Severity::Warning, "front-matter", entry, "is not text, and is ignored");
        None
    }

    /// A clean text on one line, cut to `max` graphemes; may be empty.
    pub(crate) fn line(&mut self, names: &[&str], max: usize) -> Option<String> {
        let (raw, entry) = self.raw(names)?;
        self.cut_line(text::line(raw), entry, max)
    }

    /// The same for a text that programs write for HTML: `&#8217;` is an apostrophe. A document's
    /// `<meta>` has been unescaped already.
    pub(crate) fn prose(&mut self, names: &[&str], max: usize) -> Option<String> {
        let (raw, entry) = self.raw(names)?;
        let is_meta = entry.field.place.is_none();
        let line = if is_meta { text::line(raw) } else { text::line(&title::resolved(raw)) };
        self.cut_line(line, entry, max)
    }

    fn cut_line(&mut self, line: String, entry: Entry<'_>, max: usize) -> Option<String> {
        // No text has more graphemes than bytes.
        if line.len() <= max {
            return Some(line);
        }
        let cut = text::excerpt(&line, max).into_owned();
        if cut != line {
            self.about(
                Severity::Warning,
                "too-long",
                entry,
                &format!("is longer than {max} characters, and is cut"),
            );
        }
        Some(cut)
    }

    /// The title of the front matter; empty for a note that wants none.
    pub(crate) fn title(&mut self, max: usize) -> Option<String> {
        self.front_matter.get(&["title"]).and_then(|_| self.prose(&["title"], max))
    }

    /// Reads the last segment of the URL, as its author wants it.
    pub(crate) fn slug(&mut self) -> Option<String> {
        let slug = self.line(&["slug"], SLUG_MAX)?;
        let slug = slug.trim_matches('/').trim();
        (!slug.is_empty()).then(|| slug.to_owned())
    }

    /// The first date under the names. `otherwise` is the date of the file's name: one that cannot
    /// be read at all gives way to it, and refuses the file where there is none.
    pub(crate) fn date(&mut self, names: &[&str], otherwise: Option<Written>) -> Option<Written> {
        match self.find_date(names) {
            Some(entry) => self.read_date(entry, otherwise),
            None => otherwise,
        }
    }

    /// The first date under the names, where the first under `others` is another one.
    pub(crate) fn other_date(&mut self, names: &[&str], others: &[&str]) -> Option<Written> {
        let (entry, other) = (self.find_date(names)?, self.find_date(others)?);
        if std::ptr::eq(entry.field, other.field) { None } else { self.read_date(entry, None) }
    }

    fn find_date(&self, names: &[&str]) -> Option<Entry<'a>> {
        for table in [self.front_matter, self.meta] {
            for name in names {
                let Some((key, field)) = table.get(&[name]) else { continue };
                let entry = Entry { key, field };
                match &field.value {
                    // `published: false` is not a date; `published: 2026-11-22` is one.
                    Value::Text(text) if text.trim().is_empty() || flag(text).is_some() => {}
                    Value::Table(dates) if dates.get(&DATES_IN_TABLE).is_some() => {
                        if let Some(inner) = within(dates, names) {
                            return Some(inner);
                        }
                    }
                    // Docusaurus has `last_update: {date: …, author: …}`.
                    Value::Table(dates) if *name == "lastupdate" => {
                        if let Some(inner) = within(dates, &["date"]) {
                            return Some(inner);
                        }
                    }
                    _ => return Some(entry),
                }
            }
        }
        // MkDocs Material has one table for all dates: `date: {created: …, updated: …}`.
        match &self.front_matter.get(&["date"])?.1.value {
            Value::Table(dates) => within(dates, names),
            _ => None,
        }
    }

    fn read_date(&mut self, entry: Entry<'a>, otherwise: Option<Written>) -> Option<Written> {
        let texts = entry.texts();
        let Some(first) = texts.first() else {
            let severity = if otherwise.is_some() { Severity::Warning } else { Severity::Error };
            self.about(severity, "date", entry, "is not a date");
            return otherwise;
        };
        if DATES_ELSEWHERE.contains(&first.to_ascii_lowercase().as_str()) {
            let what = "is not used; the date is when the article was first seen";
            self.about(Severity::Note, "date", entry, what);
            return otherwise;
        }
        if first.trim_start().starts_with(ZERO_TIME) {
            self.about(Severity::Note, "date", entry, "is Go's zero time, which means no date");
            return otherwise;
        }
        let mut parsed = dates::parse(first);
        for text in &texts[1..] {
            if parsed.is_err() {
                parsed = dates::parse(text);
            }
        }
        match parsed {
            Ok(dated) => {
                if let Some(zone) = dated.unknown_zone {
                    let what = format!(
                        "has an unknown time zone, {}; the site's is used",
                        text::line(&zone)
                    );
                    self.about(Severity::Warning, "date", entry, &what);
                }
                Some(dated.written)
            }
            Err(Refusal::Unknown | Refusal::NoDay) if otherwise.is_some() => {
                let what = "is not a recognised date; the date in the file's name is used";
                self.about(Severity::Warning, "date", entry, what);
                otherwise
            }
            Err(refusal) => {
                self.about(Severity::Error, "date", entry, &refusal.to_string());
                None
            }
        }
    }

    /// Yes or no; anything else is an error, because a guess could publish what should wait.
    pub(crate) fn flag(&mut self, names: &[&str]) -> Option<bool> {
        let entry = self.get(names)?;
        match &entry.field.value {
            Value::Text(text) if text.trim().is_empty() => None,
            Value::Text(text) => {
                let flag = flag(text);
                if flag.is_none() {
                    self.about(Severity::Error, "front-matter", entry, "is neither true nor false");
                }
                flag
            }
            _ => {
                self.about(Severity::Error, "front-matter", entry, "is neither true nor false");
                None
            }
        }
    }

    /// Whether the article is held back, by whatever its author's generator calls it. Of keys that
    /// differ in spelling alone each counts: a draft must not depend on their order.
    pub(crate) fn is_withheld(&mut self) -> bool {
        let mut is_withheld = false;
        for name in ["draft", "private", "headless"] {
            is_withheld |= self.flag(&[name]).unwrap_or(false);
        }
        for (key, field) in self.front_matter.entries().iter().chain(self.meta.entries()) {
            let key = fold(key);
            is_withheld |= match &field.value {
                Value::Text(text) => withholds_in_header(&key, text),
                Value::List(items) if may_list(&key) => {
                    items.iter().filter_map(Field::text).any(|text| withholds_in_header(&key, text))
                }
                _ => false,
            };
        }
        // Eleventy's `permalink: {build: false}`, and Hugo's `build: {render: never}`.
        let has_no_page = match self.front_matter.get(&["permalink"]) {
            Some((_, Field { value: Value::Table(table), .. })) => {
                table.text(&["build"]).and_then(flag) == Some(false)
            }
            _ => false,
        };
        is_withheld | has_no_page | self.is_never_built("render") | self.says("build", false)
    }

    /// Whether the article has a page and is in no list.
    pub(crate) fn is_unlisted(&mut self) -> bool {
        // Eleventy also has a list of collections there, and themes a list of things to hide.
        self.flag(&["unlisted"]).unwrap_or(false)
            | self.says("eleventyexcludefromcollections", true)
            | self.says("hidden", true)
            | self.is_never_built("list")
            | matches!(self.status().as_deref(), Some("hidden" | "unlisted"))
    }

    /// Whether Hugo's `build` (`_build` before) says that this is never made.
    fn is_never_built(&self, what: &str) -> bool {
        let Some((_, Field { value: Value::Table(build), .. })) = self.front_matter.get(&["build"])
        else {
            return false;
        };
        build.text(&[what]).is_some_and(|text| {
            NEVER.contains(&text.trim().to_ascii_lowercase().as_str()) || flag(text) == Some(false)
        })
    }

    /// Whether the article has formulas, by whatever its author's generator or theme calls it.
    pub(crate) fn math(&self) -> Option<bool> {
        math(self.front_matter)
    }

    /// `feed: false`. A table or a text under `feed` is for other programs.
    pub(crate) fn is_kept_from_feeds(&self) -> bool {
        self.says("feed", false)
    }

    /// Whether this answer stands under a key that may also hold something else.
    fn says(&self, name: &str, answer: bool) -> bool {
        let said = self.front_matter.get(&[name]).and_then(|(_, field)| field.text());
        said.and_then(flag) == Some(answer)
    }

    /// Reports the keys that stand twice with one value and, in front matter of lines, those that
    /// are not read: there the author may have meant them as text.
    pub(crate) fn review(&mut self) {
        for (key, place) in self.front_matter.repeated() {
            let message = format!("the key `{key}` is given twice, with one value");
            self.find(Severity::Warning, "front-matter", Some(*place), message);
        }
        if self.syntax != Some(Syntax::Lines) {
            return;
        }
        for (key, field) in self.front_matter.entries() {
            if !is_known(key) {
                self.about(Severity::Note, "front-matter", Entry { key, field }, "is not used");
            }
        }
    }

    /// Reads the word under `status`, in lower case.
    pub(crate) fn status(&self) -> Option<String> {
        match self.get(&["status"])?.field {
            Field { value: Value::Text(text), .. } => Some(text.trim().to_ascii_lowercase()),
            _ => None,
        }
    }

    /// Reads the authors, in the order of the file.
    pub(crate) fn authors(&mut self) -> Vec<Person> {
        let Some(entry) =
            self.get(&["authors", "author"]).or_else(|| self.taxonomy(&["authors", "author"]))
        else {
            return Vec::new();
        };
        let by_pelican = self.syntax == Some(Syntax::Lines) || entry.field.place.is_none();
        let is_plural = entry.key.eq_ignore_ascii_case("authors");
        let names = if by_pelican && is_plural { Names::Several } else { Names::One };
        let authors = people(entry.field, names);
        if authors.is_empty() && entry.field.value != Value::List(Vec::new()) {
            self.about(Severity::Warning, "author", entry, "names no author, and is ignored");
        }
        authors
    }

    /// Tags, then categories. One text without a comma is split at spaces where the author has
    /// Jekyll's habits (`of_jekyll`), except under the singular `category` and `tag`.
    pub(crate) fn tags(&mut self, of_jekyll: bool) -> Vec<String> {
        let mut tags = Vec::new();
        for (names, may_split) in
            [(["tags"], true), (["tag"], false), (["categories"], true), (["category"], false)]
        {
            for entry in [self.get(&names), self.taxonomy(&names)].into_iter().flatten() {
                let splitting =
                    if of_jekyll && may_split { Splitting::AtSpaces } else { Splitting::Never };
                if !tags::gather(entry.field, splitting, &mut tags) {
                    let what = format!(
                        "holds something that is not a tag, or more than {} tags; the rest is left out",
                        tags::TAGS_MAX
                    );
                    self.about(Severity::Warning, "tags", entry, &what);
                }
            }
        }
        tags
    }

    fn taxonomy(&self, names: &[&str]) -> Option<Entry<'a>> {
        match &self.front_matter.get(&["taxonomies"])?.1.value {
            Value::Table(table) => table.get(names).map(|(key, field)| Entry { key, field }),
            _ => None,
        }
    }

    /// The id, to the byte, but for white space around it and control characters.
    pub(crate) fn id(&mut self) -> Option<String> {
        let (raw, entry) = self.raw(&["guid", "id", "uuid"])?;
        let id: String = text::clean(raw).chars().filter(|c| !c.is_control()).collect();
        let id = id.trim();
        if id.len() > ID_MAX_BYTES {
            let what = format!("is longer than {ID_MAX_BYTES} bytes, and is ignored");
            self.about(Severity::Warning, "id", entry, &what);
            return None;
        }
        (!text::line(id).is_empty()).then(|| id.to_owned())
    }

    /// The path that the article wants, whichever key says it.
    pub(crate) fn path(&mut self) -> Option<String> {
        // Eleventy's `permalink` may be a table, and `false` means that there is no page.
        if let Some((_, Field { value: Value::Table(_), .. })) =
            self.front_matter.get(&["permalink"])
            && self.get(&["path", "url"]).is_none()
        {
            return None;
        }
        let (raw, entry) = self.raw(&["path", "url", "permalink"])?;
        let (severity, what) = match url_paths::path(raw) {
            Address::Path(path) => return Some(path),
            Address::Pattern => (Severity::Note, "is a pattern, and is ignored"),
            Address::Root => (Severity::Warning, "is the home page, and is ignored"),
            Address::Elsewhere => {
                (Severity::Note, "is a whole address, not a path of this site, and is ignored")
            }
            Address::Invalid if raw.trim().is_empty() => return None,
            Address::Invalid => (Severity::Warning, "is not a URL path, and is ignored"),
        };
        self.about(severity, "path", entry, what);
        None
    }

    /// Reads the other URL paths that lead to the article, whose page is in `directory`.
    pub(crate) fn aliases(&mut self, directory: &RelPath) -> Vec<String> {
        let mut aliases = Vec::new();
        // Jekyll's are relative to the root.
        for (names, from) in
            [(&["aliases", "alias"][..], directory), (&["redirectfrom"], &RelPath::root())]
        {
            if let Some(entry) = self.get(names) {
                self.read_aliases(entry, from, &mut aliases);
            }
        }
        aliases
    }

    fn read_aliases(&mut self, entry: Entry<'a>, directory: &RelPath, aliases: &mut Vec<String>) {
        let texts: Vec<&str> = match &entry.field.value {
            Value::Text(text) => vec![text],
            Value::List(items) => items.iter().filter_map(Field::text).collect(),
            _ => Vec::new(),
        };
        for alias in texts.into_iter().flat_map(|text| url_paths::aliases(text, directory)) {
            if !aliases.contains(&alias) {
                aliases.push(alias);
            }
        }
        if aliases.len() > ALIASES_MAX {
            aliases.truncate(ALIASES_MAX);
            self.about(
                Severity::Warning,
                "path",
                entry,
                &format!("holds more than {ALIASES_MAX}; the rest is left out"),
            );
        }
    }

    /// An absolute http(s) URL.
    pub(crate) fn url(&mut self, names: &[&str]) -> Option<String> {
        let (raw, entry) = self.raw(names)?;
        let url = entry.texts().into_iter().find_map(url);
        if url.is_none() && !raw.trim().is_empty() {
            self.about(
                Severity::Warning,
                "url",
                entry,
                "is not an absolute http or https URL, and is ignored",
            );
        }
        url
    }

    /// A language tag of BCP 47, in its usual letter case; `de_DE` is forgiven.
    pub(crate) fn language(&mut self) -> Option<String> {
        let (raw, entry) = self.raw(&["lang", "language"])?;
        if raw.trim().is_empty() {
            return None;
        }
        for text in entry.texts() {
            if let Ok(tag) = LanguageTag::parse_and_normalize(&text.trim().replace('_', "-")) {
                return Some(tag.into_inner());
            }
        }
        let what = "is not a language tag (BCP 47), and is ignored";
        self.about(Severity::Warning, "language", entry, what);
        None
    }

    /// The article's picture, as written: a path or an http(s) URL. A table says it under one of
    /// its keys, a list first.
    pub(crate) fn image(&mut self) -> Option<String> {
        let entry = self.get(&["image", "cover", "images", "featuredimage", "heroimage"])?;
        let image = text::line(wiki_target(picture(entry.field)?));
        let scheme = image.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
        let usable = match scheme.as_deref() {
            Some("http" | "https") => url(&image).is_some(),
            Some(scheme) => scheme.contains(['/', '?', '#', ' ']),
            None => true,
        };
        if image.is_empty() {
            return None;
        }
        if !usable || image.len() > ADDRESS_MAX_BYTES {
            self.about(
                Severity::Warning,
                "image",
                entry,
                "is neither a path nor an http or https URL, and is ignored",
            );
            return None;
        }
        Some(image)
    }
}
