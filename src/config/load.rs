//! Finds and reads the configuration: the only part that uses files, the environment and the
//! resolver.

use std::fs::File;
use std::io::{self, Read};
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

use super::errors::order;
use super::raw::TEXT_MAX_BYTES;
use super::referred::Referred;
use super::resolve::{Resolved, resolve};
use super::{Config, Errors, Finding, Input, Unusable, Why, World};

/// The file in the current directory.
const HERE: &str = "config.toml";

/// The file of an installed service.
const SYSTEM: &str = "/etc/dropfeed/config.toml";

/// The variable that overrides the article directory.
const ARTICLES_VARIABLE: &str = "DROPFEED_ARTICLES__DIR";

/// A configuration, and how it was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Its file; `None` if only the defaults are used.
    pub file: Option<PathBuf>,
    /// Warnings for the log: something is valid, but probably not intended.
    pub warnings: Vec<Finding>,
}

/// Loads the configuration: `--config PATH`, else `./config.toml`, else
/// `/etc/dropfeed/config.toml`.
///
/// `articles`: a directory to serve instead of `articles.dir`. Then no file is searched for, and
/// without one, relative paths are relative to the parent of that directory.
///
/// If none of them exists, the defaults are used, provided that there is a directory `articles` or
/// that `DROPFEED_ARTICLES__DIR` is set. Relative paths are relative to the file, or to the current
/// directory if there is no file.
///
/// # Errors
/// All errors of the configuration, or the one reason why it cannot be read.
pub fn load(asked: Option<&Path>, articles: Option<&Path>) -> Result<Loaded, Errors> {
    let (file, (config, warnings)) = find_and(asked, articles, Config::parse)?;
    Ok(Loaded { config, file, warnings })
}

/// As [`load`], for a process that serves: the files that the configuration names have to be usable,
/// too.
///
/// # Errors
/// As for [`load`], and all files that cannot be used, together.
pub fn load_to_serve(asked: Option<&Path>, articles: Option<&Path>) -> Result<Loaded, Errors> {
    let (loaded, unusable) = load_referring(asked, articles, Referred::unusable, |_| true)?;
    if unusable.is_empty() {
        return Ok(loaded);
    }
    Err(Errors(unusable.into_iter().map(|unusable| unusable.finding).collect()))
}

/// As [`load`], for a check: the files and directories that the configuration names and that cannot
/// be used are returned beside it. Where it is not valid, those that no user could use are among the errors.
///
/// # Errors
/// As for [`load`].
pub fn load_to_check(
    asked: Option<&Path>,
    articles: Option<&Path>,
) -> Result<(Loaded, Vec<Unusable>), Errors> {
    load_referring(asked, articles, Referred::unusable_or_unwritable, |why| why == Why::Broken)
}

/// Loads the configuration, and has `find` check what it names. What cannot be used for a reason
/// that `is_error` is among its errors, if there are any others.
fn load_referring(
    asked: Option<&Path>,
    articles: Option<&Path>,
    find: fn(&Referred) -> Vec<Unusable>,
    is_error: fn(Why) -> bool,
) -> Result<(Loaded, Vec<Unusable>), Errors> {
    let (file, resolved) = find_and(asked, articles, resolve)?;
    let Resolved { config, warnings, mut mistakes, referred } = resolved;
    let unusable = find(&referred);
    if mistakes.is_empty() {
        return Ok((Loaded { config, file, warnings }, unusable));
    }
    for Unusable { finding, why, .. } in unusable {
        if is_error(why) {
            mistakes.push(finding);
        }
    }
    mistakes.sort_by_key(order);
    Err(Errors(mistakes))
}

/// Finds the state directory as [`load`] finds the configuration, which may be invalid elsewhere.
///
/// # Errors
/// There is no configuration, or it cannot be read.
pub fn state_dir(asked: Option<&Path>, articles: Option<&Path>) -> Result<PathBuf, Errors> {
    Ok(find_and(asked, articles, Config::state_dir)?.1)
}

/// Finds and reads the file, and interprets it with `parse`. First, the path of the file.
fn find_and<T>(
    asked: Option<&Path>,
    articles: Option<&Path>,
    parse: fn(&Input<'_>) -> Result<T, Errors>,
) -> Result<(Option<PathBuf>, T), Errors> {
    let mut env = variables()?;
    let found = if asked.is_none() && articles.is_some() { None } else { find(asked)? };
    let beside = match articles {
        Some(articles) => Some(override_articles(&mut env, articles)?),
        None => None,
    };
    let (file, text) = match found {
        Some((file, text)) => (Some(file), text),
        None if defaults_are_meant(&env) => (None, String::new()),
        None => return Err(Errors::one("dropfeed", nothing_found())),
    };
    let name = file.as_deref().map_or_else(|| HERE.to_owned(), |file| file.display().to_string());
    let base = base_directory(file.as_deref().or(beside.as_deref()))
        .map_err(|error| Errors::one(&name, error.to_string()))?;
    env.sort();
    let input = Input { text: &text, file: &name, base: &base, env: &env, world: &System };
    let parsed = parse(&input)?;
    Ok((file, parsed))
}

/// Replaces `articles.dir`, as the variable for it would. Returns the absolute path.
fn override_articles(env: &mut Vec<(String, String)>, articles: &Path) -> Result<PathBuf, Errors> {
    let shown = articles.display();
    let absolute = std::path::absolute(articles)
        .map_err(|error| Errors::one(shown.to_string(), error.to_string()))?;
    let Some(text) = absolute.to_str() else {
        return Err(Errors::one(shown.to_string(), "is not UTF-8"));
    };
    env.retain(|(name, _)| name != ARTICLES_VARIABLE);
    env.push((ARTICLES_VARIABLE.to_owned(), text.to_owned()));
    Ok(absolute)
}

fn nothing_found() -> String {
    format!(
        "no configuration: neither ./{HERE} nor {SYSTEM} exists, and there is no directory ./articles to publish with \
         the defaults; use --config PATH"
    )
}

/// Finds the file, and reads it. A file that exists but cannot be read is an error, not a reason to
/// try the next.
fn find(asked: Option<&Path>) -> Result<Option<(PathBuf, String)>, Errors> {
    if let Some(path) = asked {
        let text =
            read(path).map_err(|error| Errors::one(path.display().to_string(), reason(&error)))?;
        return Ok(Some((path.to_owned(), text)));
    }
    for path in [HERE, SYSTEM].map(Path::new) {
        match read(path) {
            Ok(text) => return Ok(Some((path.to_owned(), text))),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) => {}
            Err(error) => return Err(Errors::one(path.display().to_string(), reason(&error))),
        }
    }
    Ok(None)
}

fn read(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    // One byte more than the limit, so that the parser can tell that the file is too large.
    File::open(path)?.take(TEXT_MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    String::from_utf8(bytes).map_err(|error| {
        let line = error.as_bytes()[..error.utf8_error().valid_up_to()]
            .split(|byte| *byte == b'\n')
            .count();
        io::Error::new(io::ErrorKind::InvalidData, format!("line {line} is not UTF-8"))
    })
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::IsADirectory => {
            format!("is a directory; give the file in it, such as {HERE}")
        }
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

fn base_directory(file: Option<&Path>) -> io::Result<PathBuf> {
    let parent = file.and_then(Path::parent).unwrap_or(Path::new(""));
    std::path::absolute(if parent.as_os_str().is_empty() { Path::new(".") } else { parent })
}

fn defaults_are_meant(env: &[(String, String)]) -> bool {
    env.iter().any(|(name, _)| name == ARTICLES_VARIABLE) || Path::new("articles").is_dir()
}

/// Reads the variables `DROPFEED_...` and those of systemd. One of them that is not UTF-8 is an
/// error.
fn variables() -> Result<Vec<(String, String)>, Errors> {
    let mut variables = Vec::new();
    for (name, value) in std::env::vars_os() {
        let Ok(name) = name.into_string() else { continue };
        let is_of_systemd = ["STATE_DIRECTORY", "CREDENTIALS_DIRECTORY"].contains(&&*name);
        if !name.starts_with("DROPFEED_") && !is_of_systemd {
            continue;
        }
        match value.into_string() {
            Ok(value) => variables.push((name, value)),
            Err(_) => return Err(Errors::one(name, "is not UTF-8")),
        }
    }
    Ok(variables)
}

/// The machine that dropfeed runs on.
struct System;

impl World for System {
    fn addresses(&self, name: &str) -> io::Result<Vec<SocketAddr>> {
        Ok(name.to_socket_addrs()?.collect())
    }

    /// Resolves symbolic links in the part of the path that exists.
    fn real_path(&self, path: &Path) -> PathBuf {
        for ancestor in path.ancestors() {
            if let (Ok(real), Ok(rest)) = (ancestor.canonicalize(), path.strip_prefix(ancestor)) {
                return real.join(rest);
            }
        }
        path.to_owned()
    }

    fn read(&self, path: &Path, bytes_max: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(path)?.take(bytes_max as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load_from(dir: &Path, name: &str, text: &str) -> Result<Loaded, Errors> {
        let file = dir.join(name);
        std::fs::write(&file, text).unwrap();
        load(Some(&file), None)
    }

    #[test]
    fn relative_paths_are_relative_to_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let loaded =
            load_from(dir.path(), "config.toml", "[articles]\ndir = \"./posts/\"").unwrap();
        assert_eq!(loaded.config.articles.dir, dir.path().join("posts"));
        assert_eq!(loaded.config.state.dir, dir.path().join(".dropfeed"));
        assert_eq!(loaded.file, Some(dir.path().join("config.toml")));
    }

    #[test]
    fn links_do_not_hide_that_one_directory_stands_in_another() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("articles")).unwrap();
        std::os::unix::fs::symlink(dir.path().join("articles"), dir.path().join("link")).unwrap();
        let errors =
            load_from(dir.path(), "config.toml", "[feeds]\ndir = \"link/feeds\"").unwrap_err();
        assert!(errors.to_string().contains("must not be inside each other"), "{errors}");
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let missing = dir.path().join("missing.toml");
        let message = load(Some(&missing), None).unwrap_err().to_string();
        assert_eq!(message, format!("{}: no such file", missing.display()));
        let message = load(Some(dir.path()), None).unwrap_err().to_string();
        assert!(message.contains("is a directory"), "{message}");
        std::fs::write(&missing, b"[site]\ntitle = \"\xff\"").unwrap();
        let message = load(Some(&missing), None).unwrap_err().to_string();
        assert!(message.ends_with("line 2 is not UTF-8"), "{message}");
    }
}
