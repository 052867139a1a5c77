//! The keys that are read, and the values by which generators keep a page back.

use super::tree::{Field, Table, Value, fold};

/// The keys that are read, folded, and others that generators write into nearly every front matter:
/// they show that lines are one.
const KNOWN: [&str; 83] = [
    "alias",
    "aliases",
    "author",
    "authors",
    "build",
    "canonical",
    "canonicalurl",
    "categories",
    "category",
    "comments",
    "cover",
    "created",
    "date",
    "description",
    "dgpublish",
    "draft",
    "eleventyexcludefromcollections",
    "encrypted",
    "excerpt",
    "expires",
    "expirydate",
    "externalurl",
    "featuredimage",
    "feed",
    "feedonly",
    "guid",
    "headless",
    "heroimage",
    "hidden",
    "id",
    "image",
    "images",
    "isdraft",
    "katex",
    "keywords",
    "lang",
    "language",
    "lastmod",
    "lastmodified",
    "lastmodifiedat",
    "layout",
    "link",
    "math",
    "mathjax",
    "modified",
    "password",
    "path",
    "permalink",
    "postpassword",
    "private",
    "protected",
    "pubdate",
    "public",
    "publish",
    "publishdate",
    "published",
    "redirectfrom",
    "render",
    "sidebar",
    "slug",
    "status",
    "subtitle",
    "summary",
    "tag",
    "tags",
    "taxonomies",
    "template",
    "title",
    "toc",
    "translationkey",
    "type",
    "unlisted",
    "unpublish",
    "unpublishdate",
    "updated",
    "updatedat",
    "updateddate",
    "url",
    "usemath",
    "usemathjax",
    "uuid",
    "visibility",
    "weight",
];

/// Words under `status` that keep an article back (Pelican, Nikola, WordPress and people).
const WITHHELD: [&str; 8] =
    ["draft", "drafts", "skip", "private", "pending", "trash", "unpublished", "wip"];

/// Words under `visibility` for a page that not everybody may read (Ghost, and people).
const NOT_PUBLIC: [&str; 7] =
    ["private", "draft", "hidden", "members", "paid", "tiers", "password"];

/// Keys of the password that a page asks for, or of several (plug-ins of Hexo and Hugo, exports of
/// WordPress, themes of VuePress). Only their own sites can ask for it.
const PASSWORDS: [&str; 2] = ["password", "postpassword"];

/// Words of Hugo's `build` for a page or a list that is not made.
pub(super) const NEVER: [&str; 2] = ["never", "link"];

/// The keys that turn formulas on and off: Hugo's and most themes' `math`, and the programs by
/// which themes of Hugo, Jekyll, Hexo and Zola show formulas.
const MATH: [&str; 5] = ["math", "mathjax", "katex", "usemath", "usemathjax"];

/// The tables in which Hugo and Zola keep the keys of themes.
const OF_THEMES: [&str; 2] = ["params", "extra"];

/// Whether the article has formulas, if it says so. A value that is neither yes nor no is for a
/// program of the theme.
pub(super) fn math(front_matter: &Table) -> Option<bool> {
    let mut tables = vec![front_matter];
    for name in OF_THEMES {
        if let Some((_, Field { value: Value::Table(table), .. })) = front_matter.get(&[name]) {
            tables.push(table);
        }
    }
    for table in tables {
        for name in MATH {
            if let Some(is_on) = table.text(&[name]).and_then(flag) {
                return Some(is_on);
            }
        }
    }
    None
}

/// Whether a key is known to be one of front matter, however it is spelled.
pub(crate) fn is_known(key: &str) -> bool {
    KNOWN.binary_search(&fold(key).as_str()).is_ok()
}

/// Whether this scalar under this folded key keeps an article back: each generator has its own word
/// for it.
pub(crate) fn withholds(key: &str, value: &str) -> bool {
    match key {
        "draft" | "isdraft" | "private" | "headless" | "protected" | "isprotected" | "encrypt"
        | "encrypted" | "isencrypted" | "membersonly" => flag(value) == Some(true),
        "published" | "publish" | "public" | "permalink" | "dgpublish" | "render" => {
            flag(value) == Some(false)
        }
        "visibility" => NOT_PUBLIC.contains(&value.trim().to_ascii_lowercase().as_str()),
        "status" => WITHHELD.contains(&value.trim().to_ascii_lowercase().as_str()),
        _ => false,
    }
}

/// Whether this scalar in front matter keeps an article back. In lines that are no front matter, a
/// password may be what the text is about.
pub(crate) fn withholds_in_header(key: &str, value: &str) -> bool {
    let is_password = PASSWORDS.contains(&key) && !matches!(value.trim(), "" | "false");
    is_password || withholds(key, value)
}

/// Whether this folded key may have a list of words, each of which keeps an article back.
pub(super) fn may_list(key: &str) -> bool {
    key == "status" || PASSWORDS.contains(&key)
}

/// The booleans of YAML 1.1 and 1.2, and the numbers that some generators write for them.
pub(super) fn flag(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "y" | "1" => Some(true),
        "false" | "no" | "off" | "n" | "0" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_public_is_withheld() {
        for (key, value, expected) in [
            ("visibility", "Private", true),
            ("visibility", "members", true),
            ("visibility", "public", false),
            ("visibility", "unlisted", false),
            ("public", "false", true),
            ("public", "true", false),
            ("isdraft", "yes", true),
            ("isdraft", "false", false),
            ("status", "draft", true),
            ("protected", "true", true),
            ("encrypted", "no", false),
            ("membersonly", "true", true),
            ("title", "draft", false),
        ] {
            assert_eq!(withholds(key, value), expected, "{key}: {value}");
        }
    }

    #[test]
    fn what_asks_for_a_password_is_withheld() {
        for (key, value, expected) in [
            ("password", "hunter2", true),
            ("password", "0", true),
            ("postpassword", "x", true),
            ("password", " ", false),
            ("password", "false", false),
            ("draft", "true", true),
        ] {
            assert_eq!(withholds_in_header(key, value), expected, "{key}: {value}");
        }
        assert!(!withholds("password", "admin"));
    }

    #[test]
    fn the_keys_are_sorted() {
        assert!(KNOWN.is_sorted());
        assert!(is_known("Is_Draft") && is_known("visibility") && !is_known("visible"));
    }
}
