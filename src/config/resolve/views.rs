//! `[[view]]`: feeds of any combination of directories, tags and authors.

use crate::base::route::slug;
use crate::base::{RelPath, UrlPath};
use crate::config::errors::At;
use crate::config::raw::{Given, Reader, Table};
use crate::config::{Selection, View, values};

/// Maximum number of views: their feeds are kept in memory.
pub(super) const VIEWS_MAX: usize = 32;

/// Maximum number of names of one kind in a view.
const NAMES_MAX: usize = 100;

/// Maximum length of a view's name, in characters.
const NAME_MAX_CHARS: usize = 100;

/// Reads every `[[view]]`. Those with an error are left out.
pub(super) fn views(reader: &mut Reader<'_>) -> Vec<View> {
    let mut views: Vec<View> = Vec::new();
    let mut names: Vec<(UrlPath, At)> = Vec::new();
    for (n, mut table) in reader.tables("view").into_iter().enumerate() {
        let at = table.at.clone();
        if n == VIEWS_MAX {
            reader.refuse(&at, format!("there are more than {VIEWS_MAX} `[[view]]`"));
        }
        let name = name(reader, &mut table, &names);
        if let Some(name) = &name {
            names.push((name.clone(), at.clone()));
        }
        let view = view(reader, &mut table, name);
        reader.close(table);
        views.extend(view.filter(|_| n < VIEWS_MAX));
    }
    views
}

/// Reads the name of a view: one segment of its URL.
fn name(reader: &mut Reader<'_>, table: &mut Table, others: &[(UrlPath, At)]) -> Option<UrlPath> {
    if !table.has("name") {
        reader.refuse(&table.at, "`[[view]]` has no `name`");
    }
    let given = reader.text_in(table, "name")?;
    let text = given.value;
    let slug = slug(&text);
    if slug != text || text.chars().count() > NAME_MAX_CHARS {
        let message = format!(
            "`view.name` must be letters in lower case, digits and single hyphens, at most \
             {NAME_MAX_CHARS}, such as {slug:.NAME_MAX_CHARS$?}, not {text:?}"
        );
        reader.refuse(&given.at, message);
        return None;
    }
    // A slug is a path of one segment.
    let name = UrlPath::new(&text)?;
    if name.is_reserved() {
        reader.refuse(&given.at, format!("`view.name` {text:?} is reserved; choose another"));
        return None;
    }
    if let Some((_, first)) = others.iter().find(|(other, _)| *other == name) {
        reader.refuse(&given.at, format!("`view.name` {text:?} is already used at {first}"));
        return None;
    }
    Some(name)
}

/// Reads the other keys of a view.
fn view(reader: &mut Reader<'_>, table: &mut Table, name: Option<UrlPath>) -> Option<View> {
    let selects = KINDS.iter().any(|kind| table.has(kind));
    let title = text(reader, table, "title");
    let description = text(reader, table, "description");
    let with = Selection {
        directories: directories(reader, table, "directories"),
        tags: names(reader, table, "tags"),
        authors: names(reader, table, "authors"),
    };
    let without = Selection {
        directories: directories(reader, table, "not_directories"),
        tags: names(reader, table, "not_tags"),
        authors: names(reader, table, "not_authors"),
    };
    if !selects {
        let kinds = KINDS.map(|kind| format!("`{kind}`")).join(", ");
        let message = format!("`[[view]]` selects nothing; set at least one of {kinds}");
        reader.refuse(&table.at, message);
        return None;
    }
    let name = name?;
    let title = title.unwrap_or_else(|| name.as_str().to_owned());
    Some(View { name, title, description, with, without })
}

/// The keys that select articles.
const KINDS: [&str; 6] =
    ["directories", "tags", "authors", "not_directories", "not_tags", "not_authors"];

/// Reads a text on one line that is allowed in a feed.
fn text(reader: &mut Reader<'_>, table: &mut Table, key: &'static str) -> Option<String> {
    let given = reader.text_in(table, key)?;
    match values::one_line(&given.value) {
        Ok(line) => Some(line),
        Err(message) => {
            reader.refuse(&given.at, format!("`view.{key}` {message}"));
            None
        }
    }
}

/// Reads names of tags or authors.
fn names(reader: &mut Reader<'_>, table: &mut Table, key: &'static str) -> Vec<String> {
    match list(reader, table, key) {
        Some(given) => given.value,
        None => Vec::new(),
    }
}

fn list(
    reader: &mut Reader<'_>,
    table: &mut Table,
    key: &'static str,
) -> Option<Given<Vec<String>>> {
    let given = reader.texts_in(table, key)?;
    if given.value.len() > NAMES_MAX {
        reader.refuse(&given.at, format!("`view.{key}` has more than {NAMES_MAX} names"));
        return None;
    }
    Some(given)
}

/// Reads paths of directories, relative to the article directory.
fn directories(reader: &mut Reader<'_>, table: &mut Table, key: &'static str) -> Vec<RelPath> {
    let mut paths = Vec::new();
    let Some(given) = list(reader, table, key) else { return paths };
    for text in given.value {
        match RelPath::new(text.trim_matches('/')) {
            Some(path) if !path.is_root() => paths.push(path),
            _ => reader.refuse(
                &given.at,
                format!(
                    "`view.{key}` must name directories in the article directory, such as \
                     \"news\" or \"news/2026\", not {text:?}"
                ),
            ),
        }
    }
    paths
}
