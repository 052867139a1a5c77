//! What a page says of its article to programs: `BlogPosting` of schema.org, as JSON-LD 1.1.

use std::fmt::Write as _;

/// The statements about an article. URLs are absolute.
#[derive(Debug, Clone, Copy)]
pub(super) struct Posting<'a> {
    pub(super) url: &'a str,
    /// Not empty.
    pub(super) headline: &'a str,
    pub(super) description: &'a str,
    pub(super) language: &'a str,
    /// RFC 3339
    pub(super) published: &'a str,
    /// RFC 3339; the same as `published` if nothing changed since.
    pub(super) modified: &'a str,
    pub(super) image: Option<&'a str>,
    /// Names, each with a URL if there is one. At least one.
    pub(super) authors: &'a [(&'a str, Option<&'a str>)],
    pub(super) tags: &'a [&'a str],
    /// The title and the URL of the site.
    pub(super) site: (&'a str, &'a str),
}

/// Characters of a headline: search engines show no more.
const HEADLINE_CHARACTERS: usize = 110;

/// The JSON of an article. It can be inside `<script>`: it has no `<`, no `&` and no quotes but
/// those around its strings.
pub(super) fn posting(posting: &Posting<'_>) -> String {
    let headline = crate::base::text::excerpt(posting.headline, HEADLINE_CHARACTERS);
    let mut json = String::from("{\"@context\":\"https://schema.org\",\"@type\":\"BlogPosting\"");
    member(&mut json, "url", posting.url);
    member(&mut json, "mainEntityOfPage", posting.url);
    member(&mut json, "headline", &headline);
    if !posting.description.is_empty() {
        member(&mut json, "description", posting.description);
    }
    member(&mut json, "inLanguage", posting.language);
    member(&mut json, "datePublished", posting.published);
    member(&mut json, "dateModified", posting.modified);
    if let Some(image) = posting.image {
        member(&mut json, "image", image);
    }
    json.push_str(",\"author\":[");
    for (n, (name, url)) in posting.authors.iter().enumerate() {
        json.push_str(if n == 0 { "{\"@type\":\"Person\"" } else { ",{\"@type\":\"Person\"" });
        member(&mut json, "name", name);
        if let Some(url) = url {
            member(&mut json, "url", url);
        }
        json.push('}');
    }
    json.push(']');
    if !posting.tags.is_empty() {
        json.push_str(",\"keywords\":[");
        for (n, tag) in posting.tags.iter().enumerate() {
            json.push_str(if n == 0 { "\"" } else { ",\"" });
            escape_into(&mut json, tag);
            json.push('"');
        }
        json.push(']');
    }
    let (title, url) = posting.site;
    json.push_str(",\"isPartOf\":{\"@type\":\"Blog\"");
    member(&mut json, "name", title);
    member(&mut json, "url", url);
    json.push_str("}}");
    json
}

/// Adds a member with a text to an object that has one already.
fn member(json: &mut String, name: &str, text: &str) {
    // Writing to a string does not fail.
    let _ = write!(json, ",\"{name}\":\"");
    escape_into(json, text);
    json.push('"');
}

/// Escapes what ends a string of JSON (RFC 8259, section 7), what could end the element of HTML
/// that it is in, and the line separators that JavaScript does not allow in its strings.
fn escape_into(json: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '"' | '\\' | '\'' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                // All of them are in the Basic Multilingual Plane.
                let _ = write!(json, "\\u{:04x}", u32::from(c));
            }
            c => json.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn with(text: &str) -> String {
        posting(&Posting {
            url: "https://example.org/a",
            headline: "A",
            description: text,
            language: "en",
            published: "2026-11-24T09:00:00Z",
            modified: "2026-11-25T09:00:00Z",
            image: Some("https://example.org/a.png"),
            authors: &[(text, Some("https://a.example/")), ("Grace", None)],
            tags: &["a", text],
            site: (text, "https://example.org/"),
        })
    }

    #[test]
    fn it_says_what_the_article_is() {
        let json: serde_json::Value = serde_json::from_str(&with("Ada")).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "@context": "https://schema.org", "@type": "BlogPosting",
                "url": "https://example.org/a", "mainEntityOfPage": "https://example.org/a",
                "headline": "A", "description": "Ada", "inLanguage": "en",
                "datePublished": "2026-11-24T09:00:00Z", "dateModified": "2026-11-25T09:00:00Z",
                "image": "https://example.org/a.png",
                "author": [
                    { "@type": "Person", "name": "Ada", "url": "https://a.example/" },
                    { "@type": "Person", "name": "Grace" },
                ],
                "keywords": ["a", "Ada"],
                "isPartOf": { "@type": "Blog", "name": "Ada", "url": "https://example.org/" },
            })
        );
    }

    proptest! {
        #[test]
        fn any_text_is_a_string_that_ends_no_element(text in "x([<>\"'&\\\\\u{2028}\n]|</script>|<!--|\\PC){0,20}") {
            let json = with(&text);
            let ends = json.contains(['<', '>', '&', '\'', '\u{2028}', '\n']);
            prop_assert!(!ends, "{}", json);
            let value: serde_json::Value = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(value["description"].as_str(), Some(text.as_str()));
        }
    }
}
