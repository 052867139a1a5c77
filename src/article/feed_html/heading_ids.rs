//! Ids of headings: the slugs that authors use in links within an article.

use std::collections::HashMap;

/// The longest id in bytes. Longer headings are cut.
const ID_MAX_BYTES: usize = 120;

/// Makes ids that are unique within an article.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    /// The ids that are taken, with the last number that was appended to each.
    used: HashMap<String, usize>,
}

impl Ids {
    /// The id of a heading with this text. The second heading with the same text gets `text-1`, as
    /// on GitHub.
    pub(crate) fn of_text(&mut self, text: &str) -> String {
        let slug = slug(text);
        self.unique(if slug.is_empty() { "section".to_owned() } else { slug })
    }

    /// The id that an author gave, with a number if it is taken; `None` if it is not a valid id.
    pub(crate) fn given(&mut self, id: &str) -> Option<String> {
        let id = super::repair(id);
        let is_id = !id.is_empty() && id.len() <= ID_MAX_BYTES && !id.contains(char::is_whitespace);
        if is_id { Some(self.unique(id)) } else { None }
    }

    /// The id, or the id with the first free number.
    fn unique(&mut self, id: String) -> String {
        let Some(mut number) = self.used.get(&id).copied() else {
            self.used.insert(id.clone(), 0);
            return id;
        };
        // From the last number on, so that many equal headings do not cost the square of their
        // number. The loop ends: fewer ids are taken than there are numbers.
        loop {
            number += 1;
            let numbered = format!("{id}-{number}");
            if !self.used.contains_key(&numbered) {
                self.used.insert(id, number);
                self.used.insert(numbered.clone(), 0);
                return numbered;
            }
        }
    }
}

/// The slug of a heading as GitHub makes it: lower case, letters, digits, `-` and `_` kept, spaces
/// become `-`.
pub(crate) fn slug(text: &str) -> String {
    let mut slug = String::new();
    for c in text.trim().chars().flat_map(char::to_lowercase) {
        if slug.len() >= ID_MAX_BYTES {
            break;
        }
        match super::repair_char(c) {
            Some(c) if c.is_alphanumeric() || matches!(c, '-' | '_') || is_mark(c) => slug.push(c),
            Some(c) if c.is_whitespace() => slug.push('-'),
            _ => {}
        }
    }
    slug
}

/// Whether a character belongs to the letter before it, as vowel signs of Indic scripts do.
fn is_mark(c: char) -> bool {
    unicode_normalization::char::is_combining_mark(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_slugs_and_unique() {
        let mut ids = Ids::default();
        for (text, expected) in [
            ("Hello, World!", "hello-world"),
            ("Hello World", "hello-world-1"),
            ("hello world 1", "hello-world-1-1"),
            ("Hello World", "hello-world-2"),
            ("Größe & Länge", "größe--länge"),
            ("日本語 です", "日本語-です"),
            ("!?", "section"),
            ("", "section-1"),
        ] {
            assert_eq!(ids.of_text(text), expected, "{text}");
        }
        assert_eq!(ids.given("own").unwrap(), "own");
        assert_eq!(ids.given("a b"), None);
    }

    #[test]
    fn many_equal_headings_cost_little() {
        let mut ids = Ids::default();
        let last = (0..20_000).map(|_| ids.of_text("a")).last().unwrap();
        assert_eq!(last, "a-19999");
    }
}
