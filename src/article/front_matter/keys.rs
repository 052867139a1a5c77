//! Typed values of front matter, cleaned, with a finding for each that cannot be used.
//!
//! The keys of Hugo, Zola, Jekyll, Eleventy, Pelican and Obsidian are synonyms; names here are
//! folded as [`super::tree`] folds them. The `<meta>` of an HTML document is used where the front
//! matter has nothing, and is never an error: other programs wrote it.

use oxilangtag::LanguageTag;

use crate::article::dates;
use crate::article::model::Person;
use crate::base::text;
use crate::base::time::Written;
use crate::base::{Diagnostic, Place, Severity};

use super::Syntax;
use super::people::{Names, people, url};
use super::tags::{self, Splitting};
use super::tree::{Field, Table, Value};
use super::url_paths::{self, ADDRESS_MAX_BYTES, Address};

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

/// One value, with its key as written.
#[derive(Clone, Copy)]
struct Entry<'a> {
    key: &'a str,
    field: &'a Field,
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

    /// The text under the first of the names that is there; a list or a table is a warning.
    fn raw(&mut self, names: &[&str]) -> Option<(&'a str, Entry<'a>)> {
        let entry = self.get(names)?;
        if let Value::Text(text) = &entry.field.value {
            return Some((text, entry));
        }
        self.about(Severity::Warning, "front-matter", entry, "is not text, and is ignored");
        None
    }

    /// A clean text on one line, cut to `max` graphemes; may be empty.
    pub(crate) fn line(&mut self, names: &[&str], max: usize) -> Option<String> {
        let (raw, entry) = self.raw(names)?;
        let line = text::line(raw);
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
        self.front_matter.get(&["title"]).and_then(|_| self.line(&["title"], max))
    }

    /// Reads the last segment of the URL, as its author wants it.
    pub(crate) fn slug(&mut self) -> Option<String> {
        let slug = self.line(&["slug"], SLUG_MAX)?;
        let slug = slug.trim_matches('/').trim();
        (!slug.is_empty()).then(|| slug.to_owned())
    }

    /// The first date under the names.
    pub(crate) fn date(&mut self, names: &[&str]) -> Option<Written> {
        let entry = self.find_date(names)?;
        self.read_date(entry)
    }

    /// The first date under the names, where the first under `others` is another one.
    pub(crate) fn other_date(&mut self, names: &[&str], others: &[&str]) -> Option<Written> {
        let (entry, other) = (self.find_date(names)?, self.find_date(others)?);
        if std::ptr::eq(entry.field, other.field) { None } else { self.read_date(entry) }
    }

    fn find_date(&self, names: &[&str]) -> Option<Entry<'a>> {
        [self.front_matter, self.meta].into_iter().find_map(|table| {
            names.iter().find_map(|name| {
                let (key, field) = table.get(&[name])?;
                // `published: false` is no date; `published: 2026-11-22` is one.
                let is_flag =
                    matches!(&field.value, Value::Text(text) if text.trim().is_empty() || flag(text).is_some());
                (!is_flag).then_some(Entry { key, field })
            })
        })
    }

    fn read_date(&mut self, entry: Entry<'a>) -> Option<Written> {
        let Value::Text(text) = &entry.field.value else {
            self.about(Severity::Error, "date", entry, "is not a date");
            return None;
        };
        if DATES_ELSEWHERE.contains(&text.to_ascii_lowercase().as_str()) {
            self.about(
                Severity::Note,
                "date",
                entry,
                "is not used; the date is when the article was first seen",
            );
            return None;
        }
        if text.trim_start().starts_with(ZERO_TIME) {
            self.about(Severity::Note, "date", entry, "is Go's zero time, which means no date");
            return None;
        }
        match dates::parse(text) {
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

    /// Whether `published` is there, and false.
    pub(crate) fn is_unpublished(&self) -> bool {
        self.says_no("published")
    }

    /// `feed: false`. A table or a text under `feed` is for other programs.
    pub(crate) fn is_kept_from_feeds(&self) -> bool {
        self.says_no("feed")
    }

    fn says_no(&self, name: &str) -> bool {
        self.front_matter.get(&[name]).and_then(|(_, field)| field.text()).and_then(flag)
            == Some(false)
    }

    /// The word under `status`, in lower case.
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
        let (raw, entry) = self.raw(&["path", "url", "permalink"])?;
        let (severity, what) = match url_paths::path(raw) {
            Address::Path(path) => return Some(path),
            Address::Pattern => (Severity::Note, "is a pattern, and is ignored"),
            Address::Root => (Severity::Warning, "is the home page, and is ignored"),
            Address::Invalid if raw.trim().is_empty() => return None,
            Address::Invalid => (Severity::Warning, "is not a URL path, and is ignored"),
        };
        self.about(severity, "path", entry, what);
        None
    }

    /// Reads the other URL paths that lead to the article.
    pub(crate) fn aliases(&mut self) -> Vec<String> {
        let mut aliases = Vec::new();
        let Some(entry) = self.get(&["aliases", "alias", "redirectfrom"]) else { return aliases };
        let texts: Vec<&str> = match &entry.field.value {
            Value::Text(text) => vec![text],
            Value::List(items) => items.iter().filter_map(Field::text).collect(),
            _ => Vec::new(),
        };
        for alias in texts.into_iter().filter_map(url_paths::alias) {
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
        aliases
    }

    /// An absolute http(s) URL.
    pub(crate) fn url(&mut self, names: &[&str]) -> Option<String> {
        let (raw, entry) = self.raw(names)?;
        let url = url(raw);
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
        let tag = raw.trim().replace('_', "-");
        if tag.is_empty() {
            return None;
        }
        match LanguageTag::parse_and_normalize(&tag) {
            Ok(tag) => Some(tag.into_inner()),
            Err(_) => {
                self.about(
                    Severity::Warning,
                    "language",
                    entry,
                    "is not a language tag (BCP 47), and is ignored",
                );
                None
            }
        }
    }

    /// The article's picture, as written: a path or an http(s) URL. A table says it under one of
    /// its keys, a list first.
    pub(crate) fn image(&mut self) -> Option<String> {
        let entry = self.get(&["image", "cover", "images", "featuredimage", "heroimage"])?;
        let image = text::line(picture(entry.field)?);
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

fn picture(field: &Field) -> Option<&str> {
    match &field.value {
        Value::Absent => None,
        Value::Text(text) => Some(text),
        Value::List(items) => items.first().and_then(Field::text),
        Value::Table(table) => table.text(&["image", "url", "src", "path", "file"]),
    }
}

/// The booleans of YAML 1.1 and 1.2, and the numbers that some generators write for them.
fn flag(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "y" | "1" => Some(true),
        "false" | "no" | "off" | "n" | "0" => Some(false),
        _ => None,
    }
}
