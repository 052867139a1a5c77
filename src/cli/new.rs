//! `dropfeed new`: a file to write an article in. It never overwrites, and nobody sees half of it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use jiff::Timestamp;
use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::base::route::slug;
use crate::base::{RelPath, UrlPath, text};
use crate::config::Config;

/// Bytes of the title's part of a file name; file systems allow 255 in all, and a transfer adds its own ending.
const SLUG_MAX_BYTES: usize = 120;

/// What is wanted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// The title, as the author types it.
    pub(super) title: &'a str,
    /// A directory beneath the article directory, or nothing.
    pub(super) dir: &'a str,
    /// Held back?
    pub(super) draft: bool,
}

/// Writes the file, and gives its path.
pub(super) fn create(config: &Config, wanted: &Wanted<'_>, now: Timestamp) -> anyhow::Result<PathBuf> {
    let root = &config.articles.dir;
    if !root.is_dir() {
        bail!("the article directory {} is not there; `articles.dir` names it", root.display());
    }
    let (path, content) = compose(config, wanted, now)?;
    let target = root.join(path.as_str());
    if let Some(parent) = target.parent() {
        fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
    }
    match write(&target, content.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            bail!("{} is there already, and stays as it is", target.display())
        }
        result => result.with_context(|| target.display().to_string())?,
    }
    Ok(target)
}

/// Where the file stands beneath the article directory, and what is in it.
fn compose(config: &Config, wanted: &Wanted<'_>, now: Timestamp) -> anyhow::Result<(RelPath, String)> {
    let title = text::line(wanted.title);
    if title.is_empty() {
        bail!("an article needs a title: dropfeed new \"Title\"");
    }
    let dir = directory(wanted.dir)?;
    let slug = short_slug(&title);
    let segments = dir.segments().filter(|name| !name.starts_with('_')).chain([slug.as_str()]);
    if let Some(url) = UrlPath::of_names(segments).filter(UrlPath::is_reserved) {
        bail!("the path /{url} is dropfeed's own; another title or directory will do");
    }
    let local = now.to_zoned(config.site.timezone.clone());
    let name = format!("{}-{slug}.md", local.strftime("%Y-%m-%d"));
    let path = dir.join(&name).ok_or_else(|| anyhow!("{name:?} is no file name"))?;
    // A string of JSON is one of YAML too, whatever the title holds.
    let title = serde_json::to_string(&title)?;
    let draft = if wanted.draft { "draft: true\n" } else { "" };
    let date = local.strftime("%Y-%m-%dT%H:%M:%S%:z");
    Ok((path, format!("---\ntitle: {title}\ndate: {date}\n{draft}---\n\n")))
}

/// A directory in which an article would be seen.
fn directory(text: &str) -> anyhow::Result<RelPath> {
    let dir = RelPath::new(text.trim_end_matches('/'))
        .ok_or_else(|| anyhow!("--dir {text:?} is no path beneath the article directory"))?;
    let hidden =
        |name: &&str| name.starts_with('.') || (name.starts_with('_') && !matches!(*name, "_posts" | "_drafts"));
    if let Some(name) = dir.segments().find(hidden) {
        bail!("--dir {text:?}: directories such as {name:?} are left out");
    }
    Ok(dir)
}

fn short_slug(title: &str) -> String {
    let mut slug = slug(title);
    if slug.len() > SLUG_MAX_BYTES {
        let end = (0..=SLUG_MAX_BYTES).rev().find(|end| slug.is_char_boundary(*end)).unwrap_or(0);
        let word = slug[..end].rfind('-').filter(|dash| *dash > end / 2).unwrap_or(end);
        slug.truncate(word);
    }
    slug
}

/// Writes to a name that nobody looks at, then gives it the name that was asked for, unless that is taken.
fn write(target: &Path, content: &[u8]) -> io::Result<()> {
    let (Some(parent), Some(name)) = (target.parent(), target.file_name()) else {
        return Err(io::ErrorKind::InvalidFilename.into());
    };
    let temporary = parent.join(format!(".{}.{}.tmp", name.to_string_lossy(), std::process::id()));
    let written = write_new(&temporary, content).and_then(|()| rename_new(&temporary, target));
    if written.is_err() {
        // What cannot be removed either is a hidden file that no scan reads.
        let _ = fs::remove_file(&temporary);
    }
    written?;
    File::open(parent)?.sync_all()
}

fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// A rename that never replaces. Where a file system cannot do that, a link does the same: it fails where there is
/// something.
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
            fs::hard_link(from, to)?;
            fs::remove_file(from)
        }
        result => Ok(result?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn composed(title: &str, dir: &str, draft: bool) -> String {
        let config = Config::of("site.timezone = \"Europe/Berlin\"", Path::new("/srv")).unwrap();
        let now = "2026-11-24T23:30:00.5Z".parse().unwrap();
        match compose(&config, &Wanted { title, dir, draft }, now) {
            Ok((path, content)) => format!("{path}\n{content}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn files() {
        for (title, dir, draft, wants) in [
            (
                "Hello, World!",
                "",
                false,
                "2026-11-25-hello-world.md\n---\ntitle: \"Hello, World!\"\ndate: 2026-11-25T00:30:00+01:00\n---\n\n",
            ),
            (
                "  Say \"no\":\n# yes",
                "news/2026/",
                true,
                "news/2026/2026-11-25-say-no-yes.md\n---\ntitle: \"Say \\\"no\\\": # yes\"\ndate: \
                 2026-11-25T00:30:00+01:00\ndraft: true\n---\n\n",
            ),
            (" \u{1} ", "", false, "an article needs a title: dropfeed new \"Title\""),
            ("a", "../b", false, "--dir \"../b\" is no path beneath the article directory"),
            ("a", "/b", false, "--dir \"/b\" is no path beneath the article directory"),
            ("a", "b/.c", false, "--dir \"b/.c\": directories such as \".c\" are left out"),
            ("a", "_layouts", false, "--dir \"_layouts\": directories such as \"_layouts\" are left out"),
            ("Tags", "", false, "the path /tags is dropfeed's own; another title or directory will do"),
            ("Tags", "_posts", false, "the path /tags is dropfeed's own; another title or directory will do"),
        ] {
            assert_eq!(composed(title, dir, draft), wants);
        }
        let long = composed(&"日本語 ".repeat(100), "", false);
        assert!(long.lines().next().unwrap().len() < 150, "{long}");
    }

    #[test]
    fn nothing_is_overwritten_and_nothing_left_behind() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("articles")).unwrap();
        let config = Config::of("", dir.path()).unwrap();
        let wanted = Wanted { title: "Hello", dir: "news", draft: false };
        let now = "2026-11-24T12:00:00Z".parse().unwrap();
        let path = create(&config, &wanted, now).unwrap();
        assert_eq!(path, dir.path().join("articles/news/2026-11-24-hello.md"));
        fs::write(&path, "mine").unwrap();
        let error = create(&config, &wanted, now).unwrap_err().to_string();
        assert!(error.ends_with("is there already, and stays as it is"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn without_an_article_directory_it_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let config = Config::of("", dir.path()).unwrap();
        let wanted = Wanted { title: "Hello", dir: "", draft: false };
        let error = create(&config, &wanted, Timestamp::UNIX_EPOCH).unwrap_err().to_string();
        assert!(error.contains("is not there"), "{error}");
    }
}
