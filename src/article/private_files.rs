//! The files in private directories (`_img`, `_drafts`) that an article shows or links.
//!
//! A file in such a directory is served only if a public article refers to it, so the references of
//! every public article have to be known, also after a restart, while only the bodies of a feed are
//! at hand. Three ways were weighed. To search the source for paths is cheap, and wrong: a path in
//! a comment or in code would publish a file. To render every article at the first scan is right,
//! and costs minutes for a large tree. So both: the source is searched first, and an article is
//! rendered only if such a path may be in it. The references of its body are kept with its head,
//! which the ledger remembers.

use memchr::memchr3_iter;
use percent_encoding::percent_decode_str;

use crate::base::media::{Media, is_asset};
use crate::base::reference::{has_scheme, walk};
use crate::base::{RelPath, special};

use super::body::body;
use super::decode::decode;
use super::model::Head;
use super::rendering::Limits;
use super::symbol::{self, Target};

/// References that are kept of one article.
const KEPT_MAX: usize = 1_000;

/// Returns the targets of the references by which the article at `path` may refer to private files:
/// as they are in its body, and as its front matter names its picture. In order, each once.
pub fn private_files(path: &RelPath, bytes: &[u8], head: &Head, limits: &Limits) -> Vec<String> {
    let mut targets = head.image.as_deref().map_or_else(Vec::new, |image| pictures(path, image));
    let may_refer = decode(bytes).is_ok_and(|text| may_refer(&text));
    if may_refer && let Ok((body, _)) = body(path, bytes, head, limits) {
        let mut rest = &*body.html;
        while let Some(found) = symbol::find(rest) {
            targets.push(found.target.into_owned());
            rest = found.after;
        }
    }
    targets.retain(|target| is_private(target));
    targets.sort_unstable();
    targets.dedup();
    targets.truncate(KEPT_MAX);
    targets.shrink_to_fit();
    targets
}

/// The targets that the picture of the front matter may mean.
fn pictures(path: &RelPath, image: &str) -> Vec<String> {
    let image = image.trim();
    if has_scheme(image) || image.starts_with("//") {
        return Vec::new();
    }
    let from = path.parent().unwrap_or_else(RelPath::root);
    let plain = image.split(['?', '#']).next().unwrap_or_default();
    let decoded = percent_decode_str(plain).decode_utf8().unwrap_or_default();
    let mut targets = Vec::new();
    for written in [image, plain, &*decoded] {
        let is_of_site = written.starts_with('/');
        targets.push(if is_of_site { written.to_owned() } else { walk(&from, written) });
    }
    targets
}

/// Whether a target may mean a private file: by its path, or by its name in any directory.
fn is_private(target: &str) -> bool {
    if let Target::Name { name, .. } = Target::of(target) {
        return RelPath::new(name).is_some_and(|path| is_asset(&path));
    }
    let Some(path) = symbol::path_of(target) else { return false };
    RelPath::new(path.trim_matches('/'))
        .is_some_and(|path| is_asset(&path) && special::is_private(path.as_str()))
}

/// Whether `source` may refer to a private file. Says yes too often rather than too seldom: a file
/// name may hold spaces, brackets and quotation marks, but no line end.
fn may_refer(source: &str) -> bool {
    let mut rest = source;
    // Few lines have a sign of such a reference, so it is looked for before lines are made.
    while let Some(at) = first_sign(rest) {
        let start = rest[..at].rfind('\n').map_or(0, |end| end + 1);
        let end = rest[at..].find('\n').map_or(rest.len(), |end| at + end);
        if names_asset(&rest[start..end]) {
            return true;
        }
        rest = &rest[end..];
    }
    false
}

/// The first place in `text` where a wiki link begins, or a name that begins with `_`, or where the
/// name of a directory of drafts ends.
fn first_sign(text: &str) -> Option<usize> {
    let begins_name = |at: usize| {
        let before = text[..at].chars().next_back();
        before.is_none_or(|c| !c.is_alphanumeric() && c != '_')
    };
    let ends_drafts = |at: usize| {
        let name = text[..at].rsplit(|c: char| !c.is_alphanumeric() && c != '_').next();
        name.is_some_and(special::is_drafts)
    };
    memchr3_iter(b'[', b'_', b'/', text.as_bytes()).find(|at| match text.as_bytes()[*at] {
        b'[' => text[at + 1..].starts_with('['),
        b'_' => begins_name(*at),
        _ => ends_drafts(*at),
    })
}

/// Whether `line` holds the extension of an asset.
fn names_asset(line: &str) -> bool {
    line.split('.').skip(1).any(|rest| {
        let extension = rest.split(|c: char| !c.is_ascii_alphanumeric()).next();
        extension.and_then(Media::of_extension).is_some()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { depth: 100, max_bytes: 1 << 20, math: false };

    fn of(path: &str, text: &str, image: Option<&str>) -> Vec<String> {
        let head = Head { title: "T".into(), image: image.map(str::to_owned), ..Head::default() };
        let targets = private_files(&RelPath::new(path).unwrap(), text.as_bytes(), &head, &LIMITS);
        // A name has no path.
        targets.into_iter().map(|target| symbol::path_of(&target).unwrap_or(target)).collect()
    }

    #[test]
    fn every_way_to_refer_to_a_file() {
        for (path, text, expected) in [
            ("a.md", "![i](_img/p.png)", "_img/p.png"),
            ("a.md", "![i](./_img/p.png \"title\")", "_img/p.png"),
            ("a.md", "![i](\\_img/p.png)", "_img/p.png"),
            ("a.md", "![i](<_img/my pic.png>)", "_img/my pic.png"),
            ("a.md", "![i](_img/my%20pic.png)", "_img/my pic.png"),
            ("a.md", "![i](<_img/ada's pic (1).png>)", "_img/ada's pic (1).png"),
            ("a.md", "[i]: _img/p.png\n\n![x][i]", "_img/p.png"),
            ("a.md", "[z](_files/f.zip?v=1#x)", "_files/f.zip"),
            ("n/a.md", "![i](../_img/p.png)", "_img/p.png"),
            ("n/a.md", "![i](_img/p.png)", "n/_img/p.png"),
            ("n/a.md", "![i](/_img/p.png)", "/_img/p.png"),
            ("a.md", "![i](_p.png)", "_p.png"),
            ("a.md", "![i](drafts/p.png)", "drafts/p.png"),
            ("a.md", "![i](_Drafts/p.png)", "_Drafts/p.png"),
            ("a.md", "![[p.png]]", "?p.png"),
            ("a.md", "![[_att/my pic.png|300]]", "?_att/my pic.png"),
            ("a.md", "<video src=\"_v/a.mp4\" poster='_v/a.jpg'></video>", "_v/a.jpg _v/a.mp4"),
            ("a.md", "<img srcset=\"_i/a.png 1x, _i/b.png 2x\">", "_i/a.png _i/b.png"),
            ("a.html", "<p><img src=_i/a.png></p>", "_i/a.png"),
            ("a.md", "{{< figure src=\"_i/a.png\" >}}", "_i/a.png"),
            // Not shown, not private, or no file that is served.
            ("a.md", "<!-- ![i](_img/p.png) --> text", ""),
            ("a.md", "`![i](_img/p.png)`", ""),
            ("a.md", "```\n![i](_img/p.png)\n```", ""),
            ("a.md", "![i](img/my_p.png)", ""),
            ("a.md", "![i](https://ex.org/_img/p.png)", ""),
            ("a.md", "[x](_layouts/a.html) [y](_data/x.json) [[Note]]", ""),
            ("a.md", "_emphasis_ and snake_case/x.png", ""),
            ("a.txt", "_img/p.png", ""),
        ] {
            assert_eq!(of(path, text, None).join(" "), expected, "{text}");
        }
    }

    #[test]
    fn the_picture_of_the_front_matter() {
        for (image, expected) in [
            ("_img/p.png", "n/_img/p.png"),
            ("../_img/p.png", "_img/p.png"),
            ("/_img/my%20pic.png?v=2", "/_img/my pic.png /_img/my%20pic.png"),
            ("https://ex.org/_img/p.png", ""),
            ("p.png", ""),
        ] {
            assert_eq!(of("n/a.md", "text", Some(image)).join(" "), expected, "{image}");
        }
    }

    #[test]
    fn what_cannot_be_private_is_not_rendered() {
        for text in ["plain words", "snake_case.png", "_emphasis_.", "[[Note]]", "a/b.png", "_a/b"]
        {
            assert!(!may_refer(text), "{text}");
        }
    }
}
