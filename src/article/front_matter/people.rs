//! Authors: a name, a list of names, or tables with name, email and URL.

use url::Url;

use crate::article::model::Person;
use crate::base::text;

use super::tree::{Field, Table, Value};
use super::wiki_links::without_wiki_link;

/// Authors that an article may have.
const AUTHORS_MAX: usize = 50;

/// Graphemes that a name may have.
const NAME_MAX: usize = 200;

/// Bytes that an email address may have (RFC 5321, 4.5.3.1.3, less its angle brackets).
const EMAIL_MAX_BYTES: usize = 254;

/// Bytes that the URL of a person or link may have.
const URL_MAX_BYTES: usize = 2_000;

/// The names that one text holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Names {
    /// One, whatever commas it has: `Lovelace, Ada`.
    One,
    /// Several, separated by `;`, or else by `,` or lines: Pelican's `Authors`.
    Several,
}

/// The people that `field` names, in order and without duplicates.
pub(crate) fn people(field: &Field, names: Names) -> Vec<Person> {
    let mut people = Vec::new();
    gather(field, names, &mut people);
    people.truncate(AUTHORS_MAX);
    people
}

fn gather(field: &Field, names: Names, people: &mut Vec<Person>) {
    match &field.value {
        Value::Absent => {}
        Value::Text(text) => {
            for name in text.split(separators(text, names)) {
                add(people, of_text(&text::line(without_wiki_link(name))));
            }
        }
        Value::List(items) => {
            for item in items.iter().take(AUTHORS_MAX) {
                gather(item, Names::One, people);
            }
        }
        Value::Table(table) => add(people, of_table(table)),
    }
}

fn add(people: &mut Vec<Person>, person: Option<Person>) {
    let Some(person) = person else { return };
    if people.iter().all(|other| other.name != person.name) {
        people.push(person);
    }
}

/// The characters between the names of a text. Line breaks count: in front matter of `Key: value`
/// lines, a value goes on on indented ones.
fn separators(text: &str, names: Names) -> &'static [char] {
    match names {
        Names::One => &[],
        Names::Several if text.contains(';') => &[';', '\n'],
        Names::Several => &[',', '\n'],
    }
}

/// Reads `Ada`, `Ada <ada@example.org>`, `Ada <https://ada.example>` or `ada@example.org (Ada)`.
fn of_text(text: &str) -> Option<Person> {
    if let Some(rest) = text.strip_suffix('>')
        && let Some((name, address)) = rest.rsplit_once('<')
    {
        let (email, url) = (email(address), url(address));
        if !name.trim().is_empty() && (email.is_some() || url.is_some()) {
            return person(name.trim().trim_matches('"'), email, url);
        }
    }
    if let Some(rest) = text.strip_suffix(')')
        && let Some((address, name)) = rest.split_once(" (")
        && let Some(email) = email(address)
    {
        return person(name, Some(email), None);
    }
    person(text, None, None)
}

fn of_table(table: &Table) -> Option<Person> {
    let name = table.text(&["name", "title"])?;
    let email = table.text(&["email", "mail"]).and_then(email);
    let url = table.text(&["url", "uri", "website", "homepage", "link"]).and_then(url);
    person(name, email, url)
}

fn person(name: &str, email: Option<String>, url: Option<String>) -> Option<Person> {
    let name = text::excerpt(&text::line(name), NAME_MAX).into_owned();
    if name.is_empty() { None } else { Some(Person { name, email, url }) }
}

fn email(text: &str) -> Option<String> {
    let text = text.trim();
    let text = text.strip_prefix("mailto:").unwrap_or(text);
    let (local, host) = text.rsplit_once('@')?;
    if local.is_empty() || host.is_empty() || text.len() > EMAIL_MAX_BYTES {
        return None;
    }
    if text.chars().all(may_be_in_email) { Some(text.to_owned()) } else { None }
}

/// Whether a feed can hold the character in an address. Quoted local parts are not supported.
fn may_be_in_email(c: char) -> bool {
    text::is_safe(c) && !c.is_whitespace() && !matches!(c, '<' | '>' | '"' | ',' | ';' | '(' | ')')
}

/// An absolute http(s) URL, percent-encoded.
pub(crate) fn url(text: &str) -> Option<String> {
    let url = Url::parse(text.trim()).ok()?;
    if !matches!(url.scheme(), "http" | "https")
        || !url.has_host()
        || url.as_str().len() > URL_MAX_BYTES
    {
        return None;
    }
    Some(url.into())
}

#[cfg(test)]
mod tests {
    use super::super::split;
    use super::super::tree::read;
    use super::*;
    use crate::base::path::Markup;

    fn show(front_matter: &str, names: Names) -> String {
        let table =
            read(&split(&format!("---\na: {front_matter}\n---\n"), Markup::Markdown)).unwrap();
        let (_, field) = table.get(&["a"]).unwrap();
        let one = |Person { name, email, url }: Person| {
            [Some(name), email.map(|email| format!("<{email}>")), url]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(" ")
        };
        people(field, names).into_iter().map(one).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn forms() {
        for (front_matter, names, expected) in [
            ("Ada", Names::One, "Ada"),
            ("Lovelace, Ada and Babbage", Names::One, "Lovelace, Ada and Babbage"),
            ("Ada, Charles, Ada", Names::Several, "Ada; Charles"),
            ("Lovelace, Ada; Babbage, Charles", Names::Several, "Lovelace, Ada; Babbage, Charles"),
            ("[Ada, 'Lovelace, A', Ada]", Names::One, "Ada; Lovelace, A"),
            ("Ada Lovelace <ada@x.org>", Names::One, "Ada Lovelace <ada@x.org>"),
            ("Ada <https://x.org>", Names::One, "Ada https://x.org/"),
            ("ada@x.org (Ada)", Names::One, "Ada <ada@x.org>"),
            ("Ada <3", Names::One, "Ada <3"),
            (
                "{name: Ada, email: ada@x.org, uri: 'http://x.org/ü'}",
                Names::One,
                "Ada <ada@x.org> http://x.org/%C3%BC",
            ),
            ("{name: Ada, email: no address, url: 'javascript:x'}", Names::One, "Ada"),
            ("[{name: Ada}, {email: x@y.z}, Charles]", Names::One, "Ada; Charles"),
            ("42", Names::One, "42"),
            ("\"a\\x01b\"", Names::One, "ab"),
        ] {
            assert_eq!(show(front_matter, names), expected, "{front_matter}");
        }
    }
}
