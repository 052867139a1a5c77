//! `dropfeed check`: reports problems in the configuration, the articles and the feeds, before
//! subscribers see them.
//!
//! It reads the tree as a first start would, without a ledger, and goes as far as a start does:
//! heads, the step, every body, feeds in three formats, read back. `survey` scans and takes the
//! step, `articles` compares the articles, `bodies` renders each, `links` follows references,
//! `feeds` composes and lints, `report` prints.
//!
//! It writes nothing, takes no lock, logs nothing and prints nothing: a running dropfeed is not
//! disturbed, and the findings are a value. What only the state of a running one knows, its caller
//! adds ([`Report::add_refused`]). An input that the daemon would leave out is an error;
//! something that subscribers would see damaged is a warning; everything else is a note.

mod articles;
mod bodies;
mod feeds;
mod links;
mod report;
mod survey;
mod unread;
mod urls;

use std::path::{Path, PathBuf};

use crate::base::{Diagnostic, RelPath, Timestamp};
use crate::config::{At, Config, Errors, Finding as OfConfig, Loaded, Unusable, Why};
use crate::engine;
use crate::source::{OpenError, RootLost, Tree};

pub use report::{Finding, Report};

use bodies::Bodies;
use survey::Survey;

/// Findings about files, in any order. The root means the article directory itself.
type Diagnostics = Vec<(RelPath, Diagnostic)>;

/// Everything that was found.
#[derive(Default)]
struct Found {
    /// Findings about files and directories.
    files: Diagnostics,
    /// Findings about the site as a whole, reported for the configuration.
    site: Vec<Diagnostic>,
    /// Findings about keys of the configuration.
    config: Vec<OfConfig>,
    /// Number of articles that were checked, public or not.
    articles: usize,
}

/// Checks the articles of a configuration, as they are at `now`. `unusable`: the files that it names
/// and that cannot be used.
pub fn check(loaded: &Loaded, unusable: &[Unusable], now: Timestamp) -> Report {
    let config = &loaded.config;
    let mut report = Report::of(of_config(&loaded.warnings, Diagnostic::warning));
    let shown = Shown::of(&config.articles.dir, std::env::current_dir().ok().as_deref());
    let of_site =
        loaded.file.as_ref().map_or_else(|| shown.directory(), |file| file.display().to_string());
    if let Some(notice) = config.url_notice() {
        report.push(Finding::new(of_site.clone(), Diagnostic::note("site-url", notice)));
    }
    for file in unusable {
        report.push(of_file(file));
    }
    match examine(config, now) {
        Ok(found) => {
            report.articles = Some(found.articles);
            for (path, diagnostic) in found.files {
                report.push(Finding::new(shown.path(&path), diagnostic));
            }
            for finding in of_config(&found.config, Diagnostic::warning) {
                report.push(finding);
            }
            for diagnostic in found.site {
                report.push(Finding::new(of_site.clone(), diagnostic));
            }
        }
        Err(Unchecked::Pattern(sentence)) => {
            report.push(Finding::new(of_site, Diagnostic::error("config", sentence)));
        }
        Err(Unchecked::Directory(sentence)) => {
            report
                .push(Finding::new(shown.directory(), Diagnostic::error("no-directory", sentence)));
        }
    }
    report.sort();
    report
}

/// The codes of refusals that depend on what was published before, which a check does not know: who
/// owns a URL or an id, and what was forgotten.
const OF_THE_STATE: [&str; 3] = ["url-taken", "id-taken", "forgotten"];

impl Report {
    /// Adds what a running dropfeed refuses for a reason that only its state knows. Of two files that
    /// ask for one URL, the one that it refuses is at fault, and not the one that a first start would
    /// refuse.
    pub fn add_refused(&mut self, config: &Config, refused: &[(RelPath, Diagnostic)]) {
        let shown = Shown::of(&config.articles.dir, std::env::current_dir().ok().as_deref());
        let mut known = Vec::new();
        for (path, diagnostic) in refused {
            if OF_THE_STATE.contains(&diagnostic.code.as_str()) {
                known.push(Finding::new(shown.path(path), diagnostic.clone()));
            }
        }
        self.correct(known);
    }
}

/// Reports a configuration that cannot be used. Nothing else can be checked then.
pub fn refused(errors: &Errors) -> Report {
    Report::of(of_config(&errors.0, Diagnostic::error))
}

/// The reason why nothing can be checked, as one sentence.
enum Unchecked {
    /// About `articles.ignore`.
    Pattern(String),
    /// About the article directory.
    Directory(String),
}

impl From<RootLost> for Unchecked {
    fn from(lost: RootLost) -> Self {
        Self::Directory(lost.to_string())
    }
}

fn examine(config: &Config, now: Timestamp) -> Result<Found, Unchecked> {
    let articles = &config.articles;
    let opened = Tree::open(&articles.dir, &articles.ignore, articles.max_bytes);
    let tree = opened.map_err(unopened)?;
    let Survey { state, held, diagnostics, articles } = survey::survey(&tree, config, now)?;
    let mut found = Found { files: diagnostics, site: Vec::new(), config: Vec::new(), articles };
    let policy = engine::policy(config, None);
    articles::compare(&state, &policy, &mut found.files);
    urls::check(&state, config, &mut found);
    let bodies = Bodies::new(&state, config, tree.reader()?, now);
    found.files.extend(bodies.held(&held));
    let (diagnostics, hot) = bodies.public();
    found.files.extend(diagnostics);
    feeds::whole(&state, config, &hot, now, &mut found);
    Ok(found)
}

fn unopened(error: OpenError) -> Unchecked {
    let remedy = error.remedy();
    match error {
        OpenError::Pattern(pattern) => Unchecked::Pattern(format!("`articles.ignore`: {pattern}")),
        OpenError::Directory { source, .. } => Unchecked::Directory(format!(
            "the article directory cannot be opened: {source}; {remedy}"
        )),
    }
}

/// Converts a file that cannot be used. What this user may not use is no error: the service may run
/// as another user.
fn of_file(file: &Unusable) -> Finding {
    let OfConfig { at, message } = &file.finding;
    let diagnostic = match file.why {
        Why::Broken => Diagnostic::error("config", message.clone()),
        Why::Denied => Diagnostic::warning("config", message.clone()),
        Why::Unseen => {
            let message = format!(
                "{} is a credential, which only the service can see; not checked",
                file.key
            );
            Diagnostic::note("config", message)
        }
    };
    Finding { line: at.line, ..Finding::new(at.name.clone(), diagnostic) }
}

/// Converts the findings of the configuration.
fn of_config(findings: &[OfConfig], kind: fn(&str, String) -> Diagnostic) -> Vec<Finding> {
    let mut converted = Vec::new();
    for OfConfig { at: At { name, line }, message } in findings {
        let finding = Finding::new(name.clone(), kind("config", message.clone()));
        converted.push(Finding { line: *line, ..finding });
    }
    converted
}

/// Paths as a user would type them: relative to the current directory, if the articles are in it.
struct Shown(PathBuf);

impl Shown {
    fn of(articles: &Path, here: Option<&Path>) -> Self {
        let beneath = here.and_then(|here| articles.strip_prefix(here).ok());
        Self(beneath.unwrap_or(articles).to_owned())
    }

    fn directory(&self) -> String {
        if self.0.as_os_str().is_empty() {
            ".".to_owned()
        } else {
            self.0.to_string_lossy().into_owned()
        }
    }

    fn path(&self, path: &RelPath) -> String {
        if path.is_root() {
            self.directory()
        } else {
            self.0.join(path.as_str()).to_string_lossy().into_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use proptest::prelude::*;

    use super::*;
    use crate::base::Severity;
    use crate::source::testing::powerless;

    const NOW: &str = "2026-11-24T12:00:00Z";

    #[test]
    fn paths_are_those_that_a_user_types() {
        for (articles, here, expected) in [
            ("/srv/site/articles", Some("/srv/site"), ["articles", "articles/news/a.md"]),
            ("/srv/site/articles", Some("/srv/site/articles"), [".", "news/a.md"]),
            (
                "/srv/site/articles",
                Some("/srv/other"),
                ["/srv/site/articles", "/srv/site/articles/news/a.md"],
            ),
            ("/srv/site/articles", None, ["/srv/site/articles", "/srv/site/articles/news/a.md"]),
        ] {
            let shown = Shown::of(Path::new(articles), here.map(Path::new));
            let path = RelPath::new("news/a.md").unwrap();
            assert_eq!([shown.directory(), shown.path(&path)], expected, "{articles} {here:?}");
        }
    }

    fn checked(dir: &Path) -> Report {
        let config = Config::of("site.url = \"https://example.org/\"", dir).unwrap();
        check(&Loaded { config, file: None, warnings: Vec::new() }, &[], NOW.parse().unwrap())
    }

    /// In the words with which a start is refused. Root may write anywhere, so it gives that up.
    #[test]
    fn directories_that_may_not_be_written_to_are_warnings() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config.toml");
        let closed = dir.path().join("closed");
        for made in ["articles", "closed"] {
            fs::create_dir(dir.path().join(made)).unwrap();
        }
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
        let text = "site.url = \"https://example.org/\"\nfeeds.dir = \"closed/a/feeds\"\n\
                    state.dir = \"closed\"\n";
        fs::write(&file, text).unwrap();
        let (report, refused) = powerless(|| {
            let (loaded, unusable) = crate::config::load_to_check(Some(&file), None).unwrap();
            let refused = crate::store::Lock::acquire(&loaded.config.state.dir).unwrap_err();
            (check(&loaded, &unusable, NOW.parse().unwrap()), refused)
        });
        let found: Vec<(Option<u32>, Severity, String)> = report
            .findings()
            .iter()
            .filter(|finding| finding.code == "config")
            .map(|finding| (finding.line, finding.severity, finding.message.clone()))
            .collect();
        let feeds = format!(
            "cannot write to feeds.dir, {}: Permission denied (os error 13)",
            closed.join("a/feeds").display()
        );
        let expected = [
            (Some(2), Severity::Warning, feeds),
            (Some(3), Severity::Warning, refused.to_string()),
        ];
        assert_eq!(found, expected);
        assert_eq!(report.exit(), 1);
    }

    #[test]
    fn what_ships_is_clean() {
        let report = checked(Path::new(env!("CARGO_MANIFEST_DIR")));
        let worse = report.findings().iter().filter(|finding| finding.severity > Severity::Note);
        assert_eq!(worse.collect::<Vec<_>>(), [] as [&Finding; 0]);
        assert!(report.articles > Some(0) && report.exit() == 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        /// Whatever a file holds, it is either clean or named, and the next one is checked all the
        /// same.
        #[test]
        fn no_bytes_stop_it(
            raw in proptest::collection::vec(any::<u8>(), 0..80),
            text in "(---\n|\\+\\+\\+\n|title: |image: |\\[a\\]\\(|<img src=|\\[\\[|\\]\\]|\\)|>|\"|\n|\u{1}|\u{fffd}|\\PC){0,40}",
        ) {
            let dir = tempfile::tempdir().unwrap();
            fs::create_dir(dir.path().join("articles")).unwrap();
            for (n, name) in ["a.md", "b.html", "c.txt", "d/_index.md"].into_iter().enumerate() {
                let path = dir.path().join("articles").join(name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, if n % 2 == 0 { raw.clone() } else { text.clone().into_bytes() }).unwrap();
                fs::write(dir.path().join("articles").join(format!("{n}.md")), &text).unwrap();
            }
            let report = checked(dir.path());
            prop_assert_eq!(report.articles, Some(7));
            let codes: Vec<&str> = report.findings().iter().map(|finding| finding.code.as_str()).collect();
            prop_assert!(!codes.iter().any(|code| ["panic", "quarantined"].contains(code)), "{:?}", codes);
            prop_assert!(!codes.iter().any(|code| code.starts_with("risky") || *code == "running-link"), "{:?}", codes);
        }
    }
}
