//! `dropfeed new`: creates an article's file. It never overwrites a file, and the file appears
//! complete.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use jiff::Timestamp;
use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::base::route::slug;
use crate::base::{RelPath, UrlPath, text};
use crate::config::{Config, Errors};

/// Maximum length of the title in a file name, in bytes. File systems allow 255 in all, and
/// transfers add an ending.
const SLUG_MAX_BYTES: usize = 120;

/// The article to create.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// Title, as the author types it.
    pub(super) title: &'a str,
    /// Subdirectory of the article directory; empty for the directory itself.
    pub(super) dir: &'a str,
    /// The time at which it becomes public.
    pub(super) publish: Publish,
}

/// The time at which a new article becomes public.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Publish {
    /// As soon as its author removes the line `draft: true`.
    Later,
    /// As soon as its file has a word of text below the header.
    WhenWritten,
}

/// Creates the file, and returns its path.
///
/// # Errors
/// The title, the subdirectory or the URL cannot be used, the file exists, or it cannot be written.
pub(super) fn create(
    config: &Config,
    wanted: &Wanted<'_>,
    now: Timestamp,
) -> anyhow::Result<PathBuf> {
    let root = &config.articles.dir;
    if !root.is_dir() {
        let message = format!(
            "the article directory {} does not exist; create it, or set articles.dir",
            root.display()
        );
        // As for the commands that read it, only an operator can change that.
        return Err(Errors::one("dropfeed", message).into());
    }
    let (path, content) = compose(config, wanted, now)?;
    let target = root.join(path.as_str());
    if let Some(parent) = target.parent() {
        fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
    }
    match write(&target, content.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            bail!("{} already exists", target.display())
        }
        result => result.with_context(|| target.display().to_string())?,
    }
    Ok(target)
}

/// Path of the file in the article directory, and its content.
fn compose(
    config: &Config,
    wanted: &Wanted<'_>,
    now: Timestamp,
) -> anyhow::Result<(RelPath, String)> {
    let title = text::line(wanted.title);
    if title.is_empty() {
        bail!("an article needs a title: dropfeed new \"Title\"");
    }
    let dir = directory(wanted.dir)?;
    let slug = short_slug(&title);
    let segments = dir.segments().filter(|name| !name.starts_with('_')).chain([slug.as_str()]);
    if let Some(url) = UrlPath::of_names(segments).filter(UrlPath::is_reserved) {
        bail!("the URL /{url} is reserved; use another title or directory");
    }
    let local = now.to_zoned(config.site.timezone.clone());
    let name = format!("{}-{slug}.md", local.strftime("%Y-%m-%d"));
    let path = dir.join(&name).ok_or_else(|| anyhow!("{name:?} is not a valid file name"))?;
    // A string of JSON is one of YAML too, whatever the title holds.
    let title = serde_json::to_string(&title)?;
    let held = match wanted.publish {
        Publish::Later => "draft: true",
        Publish::WhenWritten => "status: when-written",
    };
    let date = local.strftime("%Y-%m-%dT%H:%M:%S%:z");
    Ok((path, format!("---\ntitle: {title}\ndate: {date}\n{held}\n---\n\n")))
}

/// Parses a subdirectory in which an article would be published.
fn directory(text: &str) -> anyhow::Result<RelPath> {
    let Some(dir) = RelPath::new(text.trim_end_matches('/')) else {
        bail!("--dir {text:?} is not a path in the article directory");
    };
    if let Some(name) = dir.segments().find(|name| is_skipped(name)) {
        bail!("--dir {text:?}: directories such as {name:?} are skipped");
    }
    Ok(dir)
}

fn is_skipped(name: &str) -> bool {
    name.starts_with('.') || (name.starts_with('_') && !matches!(name, "_posts" | "_drafts"))
}

/// The slug of a title, shortened after a word if one ends in the second half of the permitted
/// length.
fn short_slug(title: &str) -> String {
    let mut slug = slug(title);
    if slug.len() > SLUG_MAX_BYTES {
        let end = slug.floor_char_boundary(SLUG_MAX_BYTES);
        match slug[..end].rfind('-') {
            Some(dash) if dash > end / 2 => slug.truncate(dash),
            _ => slug.truncate(end),
        }
    }
    slug
}

/// Writes a hidden temporary file, then renames it, unless the target exists.
fn write(target: &Path, content: &[u8]) -> io::Result<()> {
    let (Some(parent), Some(name)) = (target.parent(), target.file_name()) else {
        return Err(io::ErrorKind::InvalidFilename.into());
    };
    let temporary = parent.join(format!(".{}.{}.tmp", name.to_string_lossy(), std::process::id()));
    let written = write_new(&temporary, content).and_then(|()| rename_new(&temporary, target));
    if written.is_err() {
        // If this fails too, what remains is a hidden file that no scan reads.
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

/// Renames without replacing. On a file system that cannot do that, a hard link does the same: it
/// fails if the target exists.
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

    fn composed(title: &str, dir: &str, publish: Publish) -> String {
        let config = Config::of("site.timezone = \"Europe/Berlin\"", Path::new("/srv")).unwrap();
        let now = "2026-11-24T23:30:00.5Z".parse().unwrap();
        match compose(&config, &Wanted { title, dir, publish }, now) {
            Ok((path, content)) => format!("{path}\n{content}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn files() {
        for (title, dir, publish, wants) in [
            (
                "Hello, World!",
                "",
                Publish::WhenWritten,
                "2026-11-25-hello-world.md\n---\ntitle: \"Hello, World!\"\ndate: 2026-11-25T00:30:00+01:00\nstatus: when-written\n---\n\n",
            ),
            (
                "  Say \"no\":\n# yes",
                "news/2026/",
                Publish::Later,
                "news/2026/2026-11-25-say-no-yes.md\n---\ntitle: \"Say \\\"no\\\": # yes\"\ndate: \
                 2026-11-25T00:30:00+01:00\ndraft: true\n---\n\n",
            ),
            (" \u{1} ", "", Publish::Later, "an article needs a title: dropfeed new \"Title\""),
            ("a", "../b", Publish::Later, "--dir \"../b\" is not a path in the article directory"),
            ("a", "/b", Publish::Later, "--dir \"/b\" is not a path in the article directory"),
            ("a", "b/.c", Publish::Later, "--dir \"b/.c\": directories such as \".c\" are skipped"),
            (
                "a",
                "_layouts",
                Publish::Later,
                "--dir \"_layouts\": directories such as \"_layouts\" are skipped",
            ),
            (
                "Tags",
                "",
                Publish::Later,
                "the URL /tags is reserved; use another title or directory",
            ),
            (
                "Tags",
                "_posts",
                Publish::Later,
                "the URL /tags is reserved; use another title or directory",
            ),
        ] {
            assert_eq!(composed(title, dir, publish), wants);
        }
        let long = composed(&"日本語 ".repeat(100), "", Publish::Later);
        assert!(long.lines().next().unwrap().len() < 150, "{long}");
    }

    #[test]
    fn nothing_is_overwritten_and_nothing_left_behind() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("articles")).unwrap();
        let config = Config::of("", dir.path()).unwrap();
        let wanted = Wanted { title: "Hello", dir: "news", publish: Publish::Later };
        let now = "2026-11-24T12:00:00Z".parse().unwrap();
        let path = create(&config, &wanted, now).unwrap();
        assert_eq!(path, dir.path().join("articles/news/2026-11-24-hello.md"));
        fs::write(&path, "mine").unwrap();
        let error = create(&config, &wanted, now).unwrap_err().to_string();
        assert!(error.ends_with("already exists"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn without_an_article_directory_it_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let config = Config::of("", dir.path()).unwrap();
        let wanted = Wanted { title: "Hello", dir: "", publish: Publish::Later };
        let error = create(&config, &wanted, Timestamp::UNIX_EPOCH).unwrap_err().to_string();
        assert!(error.contains("does not exist"), "{error}");
    }
}
