//! The keys that are read, and the values by which generators keep a page back.

use super::tree::fold;

/// The keys that are read, folded, and others that generators write into nearly every front matter:
/// they show that lines are one.
const KNOWN: [&str; 71] = [
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
    "keywords",
    "lang",
    "language",
    "lastmod",
    "lastmodified",
    "lastmodifiedat",
    "layout",
    "link",
    "modified",
    "path",
    "permalink",
    "private",
    "pubdate",
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
    "uuid",
    "weight",
];

/// Words under `status` that keep an article back (Pelican, Nikola, WordPress and people).
const WITHHELD: [&str; 8] =
    ["draft", "drafts", "skip", "private", "pending", "trash", "unpublished", "wip"];

/// Words of Hugo's `build` for a page or a list that is not made.
pub(super) const NEVER: [&str; 2] = ["never", "link"];

/// Whether a key is known to be one of front matter, however it is spelled.
pub(crate) fn is_known(key: &str) -> bool {
    KNOWN.binary_search(&fold(key).as_str()).is_ok()
}

/// Whether this scalar under this folded key keeps an article back: each generator has its own word
/// for it.
pub(crate) fn withholds(key: &str, value: &str) -> bool {
    match key {
        "draft" | "private" | "headless" => flag(value) == Some(true),
        "published" | "publish" | "permalink" | "dgpublish" | "render" => {
            flag(value) == Some(false)
        }
        "status" => WITHHELD.contains(&value.trim().to_ascii_lowercase().as_str()),
        _ => false,
    }
}

/// The booleans of YAML 1.1 and 1.2, and the numbers that some generators write for them.
pub(super) fn flag(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "y" | "1" => Some(true),
        "false" | "no" | "off" | "n" | "0" => Some(false),
        _ => None,
    }
}
