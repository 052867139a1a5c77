//! Ids of headings: the slugs that links within an article are written for.

use std::collections::HashMap;

/// The longest id in bytes; what comes after says nothing new.
const ID_MAX_BYTES: usize = 120;

/// Makes ids that are unique within an article.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    used: HashMap<String, usize>,
}

impl Ids {
    /// The id of a heading with this text; the second of the same text is `text-1`, as GitHub and
    /// its followers count.
    pub(crate) fn of_text(&mut self, text: &str) -> String {
        let slug = slug(text);
        self.unique(if slug.is_empty() { "section".to_owned() } else { slug })
    }

    /// The id that an author gave, or that id with a number where it is taken; `None` where it is
    /// no id.
    pub(crate) fn given(&mut self, id: &str) -> Option<String> {
        let id = super::repair(id);
        let is_id = !id.is_empty() && id.len() <= ID_MAX_BYTES && !id.contains(char::is_whitespace);
        is_id.then(|| self.unique(id))
    }

    fn unique(&mut self, id: String) -> String {
        let Some(count) = self.used.get(&id).copied() else {
            self.used.insert(id.clone(), 0);
            return id;
        };
        let free = (count + 1..)
            .map(|n| (n, format!("{id}-{n}")))
            .find(|(_, id)| !self.used.contains_key(id));
        // The numbers do not end before the headings do.
        let (n, free) = free.unwrap_or((count, id.clone()));
        self.used.insert(id, n);
        self.used.insert(free.clone(), 0);
        free
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
