//! Files that their path alone takes out of the articles: served as they are, or not at all.
//!
//! Paths are those of [`RelPath`](super::RelPath): relative to the article directory, `/` between
//! segments.

/// The directory whose files are at the site's root, as in Hugo and its kin.
const STATIC: &str = "static/";

/// The directory of RFC 8615, the only one with a leading dot that is read: in the root, and in
/// `static/`.
const WELL_KNOWN: &str = ".well-known";

/// The author's page for what is not there.
pub const NOT_FOUND: &str = "404.html";

/// Maximum size of that page, in bytes: it is sent for every URL that somebody makes up.
pub const NOT_FOUND_MAX_BYTES: u64 = 1 << 20;

/// Files that robots, search engines and advertisers ask for at the root of a site.
const ROOT_FILES: [&str; 12] = [
    NOT_FOUND,
    "BingSiteAuth.xml",
    "ads.txt",
    "app-ads.txt",
    "carbon.txt",
    "humans.txt",
    "keybase.txt",
    "llms-full.txt",
    "llms.txt",
    "robots.txt",
    "security.txt",
    "trust.txt",
];

/// Beginnings of the names of files by which search engines verify the owner of a site. A token of
/// hexadecimal digits follows, and `.html`.
const VERIFICATIONS: [&str; 5] =
    ["google", "yandex_", "pinterest-", "naver", "mailru-verification"];

/// The error page as other generators' sources have it: a template, not an article.
const NOT_FOUND_SOURCES: [&str; 3] = ["404.htm", "404.markdown", "404.md"];

/// Whether the file at `path` is served as it is, whatever its kind, and is never an article.
///
/// ```
/// use dropfeed::base::special::is_verbatim;
///
/// assert!(is_verbatim("robots.txt") && is_verbatim("static/demo/index.html"));
/// assert!(!is_verbatim("news/robots.txt") && !is_verbatim("google-maps.html"));
/// ```
pub fn is_verbatim(path: &str) -> bool {
    // Asked for every entry of every scan: it allocates nothing.
    if path.contains('/') {
        return path.starts_with(STATIC) || is_beneath(path, WELL_KNOWN);
    }
    ROOT_FILES.contains(&path) || is_verification(path)
}

fn is_beneath(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'))
}

fn is_verification(name: &str) -> bool {
    let Some(stem) = name.strip_suffix(".html") else { return false };
    if stem.starts_with("baidu_verify_") {
        return true;
    }
    let token = VERIFICATIONS.iter().find_map(|prefix| stem.strip_prefix(prefix));
    // `google-maps.html` and `pinterest-facade.html` are articles.
    token.is_some_and(|token| {
        token.bytes().all(|byte| byte.is_ascii_hexdigit())
            && token.bytes().any(|byte| byte.is_ascii_digit())
    })
}

/// The path beneath `static/`, which is also the path of its URL; `None` for other files.
pub fn beneath_static(path: &str) -> Option<&str> {
    path.strip_prefix(STATIC)
}

/// The file in `static/` that is at the URL path `url`, if there is one.
pub fn in_static(url: &str) -> String {
    format!("{STATIC}{url}")
}

/// Whether the directory at `path` is a `.well-known` that is read.
pub fn is_well_known(path: &str) -> bool {
    beneath_static(path).unwrap_or(path) == WELL_KNOWN
}

/// Whether a name is that of a directory of RFC 8615, wherever it is.
pub fn is_called_well_known(name: &str) -> bool {
    name == WELL_KNOWN
}

/// The directory (or file) that keeps `path` from being an article, as the part of `path` up to it:
/// a synchroniser's copy of a file that was changed in two places; Jekyll's `_site`, `_layouts`,
/// `_includes`, `_data` and all others whose name begins with `_`, except `_posts`, `_drafts` and
/// `_index.*`; and the template of an error page.
pub fn excluded_by(path: &str) -> Option<&str> {
    if NOT_FOUND_SOURCES.contains(&path) {
        return Some(path);
    }
    // Such a copy is named itself: other files in its directory may be served.
    if let Some(copy) = up_to(path, is_conflict_copy) {
        return Some(copy);
    }
    if is_verbatim(path) {
        return None;
    }
    up_to(path, |name| {
        let is_allowed =
            name == "_posts" || name.eq_ignore_ascii_case("_drafts") || name.starts_with("_index.");
        name.starts_with('_') && !is_allowed
    })
}

/// The part of `path` up to the first segment that is wanted.
fn up_to(path: &str, is_wanted: impl Fn(&str) -> bool) -> Option<&str> {
    let mut end = 0;
    for segment in path.split('/') {
        end += segment.len();
        if is_wanted(segment) {
            return path.get(..end);
        }
        // The slash.
        end += 1;
    }
    None
}

/// Whether the file at `path` is served only if a public article refers to it: beneath a directory
/// whose name begins with `_`, except `_posts`, or beneath a directory of drafts; or its own name
/// begins so.
pub fn is_private(path: &str) -> bool {
    if is_verbatim(path) {
        return false;
    }
    let (directories, name) = path.rsplit_once('/').unwrap_or(("", path));
    if has_private_name(name) {
        return true;
    }
    for directory in directories.split('/') {
        if is_drafts(directory) || (has_private_name(directory) && directory != "_posts") {
            return true;
        }
    }
    false
}

fn has_private_name(name: &str) -> bool {
    name.starts_with('_') && !name.starts_with("_index.")
}

/// Whether this is the name of a directory of drafts.
pub fn is_drafts(directory: &str) -> bool {
    directory.eq_ignore_ascii_case("drafts") || directory.eq_ignore_ascii_case("_drafts")
}

/// Whether `path` is a synchroniser's copy of a file that was changed in two places, or is in one
/// of a directory.
pub fn is_of_conflict(path: &str) -> bool {
    path.split('/').any(is_conflict_copy)
}

/// Whether a name is the one that Syncthing, Nextcloud, ownCloud, Dropbox, Seafile or Synology
/// Drive gives to the other version of a file that was changed in two places.
fn is_conflict_copy(name: &str) -> bool {
    if let Some((_, date)) = name.split_once("_conflict-") {
        // ownCloud: `a_conflict-20200102-100237.md`
        if date.bytes().take_while(u8::is_ascii_digit).count() == 8 {
            return true;
        }
    }
    // Synology Drive: `a_host_Jan-02-100237-2020_Conflict.md`
    name.contains("_Conflict.")
        || name.contains(".sync-conflict-")
        || name.contains("(conflicted copy ")
        || name.contains("'s conflicted copy ")
        || name.contains("(SFConflict ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_the_root_are_no_articles() {
        for path in [
            "robots.txt",
            "humans.txt",
            "ads.txt",
            "app-ads.txt",
            "llms.txt",
            "llms-full.txt",
            "security.txt",
            "404.html",
            "BingSiteAuth.xml",
            "google1234567890abcdef.html",
            "yandex_0123abcd.html",
            "pinterest-0a1b2.html",
            "naver0123456789abcdef0123456789abcdef.html",
            "baidu_verify_codeva-AbCd1234.html",
            "static/x.css",
            "static/deep/notes.md",
            "static/CNAME",
            "static/_img/a.png",
            "static/.well-known/security.txt",
            ".well-known/security.txt",
        ] {
            assert!(is_verbatim(path), "{path}");
            assert_eq!(excluded_by(path), None, "{path}");
        }
        for path in [
            "",
            "static",
            "statics/x.css",
            "news/static/x.md",
            "news/robots.txt",
            "Robots.md",
            "robots.md",
            "google.html",
            "google-maps.html",
            "google2024review.html",
            "googleface.html",
            "pinterest-tips.html",
            "yandex_news.html",
            "404.md",
            "news/404.html",
            ".well-known",
            "a/.well-known/security.txt",
        ] {
            assert!(!is_verbatim(path), "{path}");
        }
    }

    #[test]
    fn static_is_the_root_of_the_site() {
        assert_eq!(beneath_static("static/a/b.css"), Some("a/b.css"));
        assert_eq!(beneath_static("a/static/b.css"), None);
        assert_eq!(in_static("a/b.css"), "static/a/b.css");
        for (path, expected) in [
            (".well-known", true),
            ("static/.well-known", true),
            ("static/static/.well-known", false),
            ("a/.well-known", false),
            (".git", false),
        ] {
            assert_eq!(is_well_known(path), expected, "{path}");
        }
    }

    #[test]
    fn private_files_are_in_private_directories() {
        for (path, expected) in [
            ("_img/p.png", true),
            ("a/_img/b/p.png", true),
            ("_p.png", true),
            ("_posts/p.png", false),
            ("_posts/_img/p.png", true),
            ("_drafts/p.pdf", true),
            ("a/Drafts/p.pdf", true),
            ("drafts.pdf", false),
            ("a_/p_.png", false),
            ("static/_img/p.png", false),
            ("_index.png", false),
            ("", false),
        ] {
            assert_eq!(is_private(path), expected, "{path}");
        }
    }

    #[test]
    fn what_is_excluded_by_what() {
        for (path, left_out) in [
            ("_site/index.html", Some("_site")),
            ("blog/_layouts/a/b.html", Some("blog/_layouts")),
            ("blog/_note.md", Some("blog/_note.md")),
            ("_index.md", None),
            ("a/_index.html", None),
            ("_posts/a.md", None),
            ("a/_drafts/a.md", None),
            ("_posts/_a/b.md", Some("_posts/_a")),
            ("a_b/c_.md", None),
            ("404.md", Some("404.md")),
            ("a/404.md", None),
            (
                "n.sync-conflict-20200102-100237-ABCDEFG.md",
                Some("n.sync-conflict-20200102-100237-ABCDEFG.md"),
            ),
            (
                "a/n (conflicted copy 2020-01-02 120000).md",
                Some("a/n (conflicted copy 2020-01-02 120000).md"),
            ),
            (
                "static/n (Ada's conflicted copy 2020-01-02).css",
                Some("static/n (Ada's conflicted copy 2020-01-02).css"),
            ),
            ("_img/a.sync-conflict-1.png", Some("_img/a.sync-conflict-1.png")),
            (
                "n (SFConflict ada@ex.org 2020-01-02-10-00-00).md",
                Some("n (SFConflict ada@ex.org 2020-01-02-10-00-00).md"),
            ),
            ("n_conflict-20200102-100237.md", Some("n_conflict-20200102-100237.md")),
            (
                "n_host_Jan-02-100237-2020_Conflict.md",
                Some("n_host_Jan-02-100237-2020_Conflict.md"),
            ),
            ("merge_conflict-resolution.md", None),
            ("on conflicted copies.md", None),
            ("", None),
        ] {
            assert_eq!(excluded_by(path), left_out, "{path}");
        }
    }
}
