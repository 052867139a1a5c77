//! Who wrote it: a name, a list of them, or tables with name, email and URL.

use url::Url;

use crate::article::model::Person;
use crate::base::text;

use super::tree::{Field, Table, Value};

/// Authors of one article.
const AUTHORS_MAX: usize = 50;

/// Graphemes of one name.
const NAME_MAX: usize = 200;

/// The people that `field` names, in order, none twice. Where `parts` is set, one text may name several, parted by
/// `;`, else by `,`: Pelican's `Authors`.
pub(crate) fn people(field: &Field, parts: bool) -> Vec<Person> {
    let mut people = Vec::new();
    gather(field, parts, &mut people);
    people.truncate(AUTHORS_MAX);
    people
}

fn gather(field: &Field, parts: bool, people: &mut Vec<Person>) {
    match &field.value {
        Value::Absent => {}
        Value::Text(text) => {
            names(text, parts).filter_map(|name| of_text(&name)).for_each(|person| add(people, person))
        }
        Value::List(items) => items.iter().take(AUTHORS_MAX).for_each(|item| gather(item, false, people)),
        Value::Table(table) => of_table(table).into_iter().for_each(|person| add(people, person)),
    }
}

fn add(people: &mut Vec<Person>, person: Person) {
    if people.iter().all(|other| other.name != person.name) {
        people.push(person);
    }
}

/// The names in a text. Lines part names too: a front matter of lines may continue on indented ones.
fn names(text: &str, parts: bool) -> impl Iterator<Item = String> {
    let separators: &[char] = match (parts, text.contains(';')) {
        (false, _) => &[],
        (true, true) => &[';', '\n'],
        (true, false) => &[',', '\n'],
    };
    text.split(separators).map(text::line).collect::<Vec<_>>().into_iter()
}

/// `Ada`, `Ada <ada@example.org>`, `Ada <https://ada.example>`, `ada@example.org (Ada)`.
fn of_text(text: &str) -> Option<Person> {
    if let Some((name, address)) = text.strip_suffix('>').and_then(|rest| rest.rsplit_once('<')) {
        let (email, url) = (email(address), url(address));
        if !name.trim().is_empty() && (email.is_some() || url.is_some()) {
            return person(name.trim().trim_matches('"'), email, url);
        }
    }
    if let Some((address, name)) = text.strip_suffix(')').and_then(|rest| rest.split_once(" ("))
        && let Some(email) = email(address)
    {
        return person(name, Some(email), None);
    }
    person(text, None, None)
}

fn of_table(table: &Table) -> Option<Person> {
    let text = |names: &[&str]| match table.get(names).map(|(_, field)| &field.value) {
        Some(Value::Text(text)) => Some(text.as_str()),
        _ => None,
    };
    let email = text(&["email", "mail"]).and_then(email);
    let url = text(&["url", "uri", "website", "homepage", "link"]).and_then(url);
    person(text(&["name", "title"])?, email, url)
}

fn person(name: &str, email: Option<String>, url: Option<String>) -> Option<Person> {
    let name = text::excerpt(&text::line(name), NAME_MAX).into_owned();
    (!name.is_empty()).then_some(Person { name, email, url })
}

fn email(text: &str) -> Option<String> {
    let text = text.trim();
    let text = text.strip_prefix("mailto:").unwrap_or(text);
    let (local, host) = text.rsplit_once('@')?;
    let legal =
        |c: char| !c.is_whitespace() && text::is_safe(c) && !matches!(c, '<' | '>' | '"' | ',' | ';' | '(' | ')');
    (!local.is_empty() && !host.is_empty() && text.len() <= 254 && text.chars().all(legal)).then(|| text.to_owned())
}

/// An absolute http(s) URL, percent-encoded.
pub(crate) fn url(text: &str) -> Option<String> {
    let url = Url::parse(text.trim()).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.has_host() && url.as_str().len() <= 2_000).then(|| url.into())
}

#[cfg(test)]
mod tests {
    use super::super::split;
    use super::super::tree::read;
    use super::*;

    fn show(front_matter: &str, parts: bool) -> String {
        let table = read(&split(&format!("---\na: {front_matter}\n---\n"))).unwrap();
        let (_, field) = table.get(&["a"]).unwrap();
        let one = |Person { name, email, url }: Person| {
            [Some(name), email.map(|email| format!("<{email}>")), url]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(" ")
        };
        people(field, parts).into_iter().map(one).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn forms() {
        for (front_matter, parts, expected) in [
            ("Ada", false, "Ada"),
            ("Lovelace, Ada and Babbage", false, "Lovelace, Ada and Babbage"),
            ("Ada, Charles, Ada", true, "Ada; Charles"),
            ("Lovelace, Ada; Babbage, Charles", true, "Lovelace, Ada; Babbage, Charles"),
            ("[Ada, 'Lovelace, A', Ada]", false, "Ada; Lovelace, A"),
            ("Ada Lovelace <ada@x.org>", false, "Ada Lovelace <ada@x.org>"),
            ("Ada <https://x.org>", false, "Ada https://x.org/"),
            ("ada@x.org (Ada)", false, "Ada <ada@x.org>"),
            ("Ada <3", false, "Ada <3"),
            ("{name: Ada, email: ada@x.org, uri: 'http://x.org/ü'}", false, "Ada <ada@x.org> http://x.org/%C3%BC"),
            ("{name: Ada, email: no address, url: 'javascript:x'}", false, "Ada"),
            ("[{name: Ada}, {email: x@y.z}, Charles]", false, "Ada; Charles"),
            ("42", false, "42"),
            ("\"a\\x01b\"", false, "ab"),
        ] {
            assert_eq!(show(front_matter, parts), expected, "{front_matter}");
        }
    }
}
