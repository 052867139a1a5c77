//! The first look: what is in the tree, and what the first step of an empty ledger says of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::article::Head;
use crate::base::path::FileKind;
use crate::base::{Diagnostic, Digest, RelPath, Timestamp, special};
use crate::config::{Config, Site};
use crate::engine::{self, read, renderer};
use crate::library::{
    Deletions, FileRow, Given, Kept, Library, Notice, Reweigh, Scan, State, Words,
};
use crate::source::{Look, RootLost, Tree};

use super::Diagnostics;
use super::unread::Unread;

/// An article that will be public at its time: its head, and the digest of the bytes it was read
/// from.
pub(super) type Held = BTreeMap<RelPath, (Arc<Head>, Digest)>;

/// The result of a first start over the tree.
pub(super) struct Survey {
    /// The ledger and the library.
    pub(super) state: State,
    /// Articles with a date in the future.
    pub(super) held: Held,
    /// Findings so far.
    pub(super) diagnostics: Diagnostics,
    /// Number of articles, public or not.
    pub(super) articles: usize,
}

/// Scans everything, as at a first start.
///
/// # Errors
/// The article directory is missing, or another now.
pub(super) fn survey(tree: &Tree, config: &Config, now: Timestamp) -> Result<Survey, RootLost> {
    let nothing = State::default();
    let unread = Unread::default();
    let changes =
        tree.look_also(&Look::Everything, &read::Known(&nothing), &|path| unread.visit(path))?;
    let observed =
        read::read_changes(tree, &nothing, changes, &renderer::limits(config), now, &|_, _| {})?;
    let (state, outcome) = nothing.step(
        Given { observations: &observed.observations, words: &Words::new() },
        &engine::policy(config, None),
        now,
        Scan::First,
        Reweigh::Changed,
        Deletions::Guarded,
    );
    let mut diagnostics = observed.unreadable;
    diagnostics.extend(unread.into_notes());
    for (path, _) in observed.again {
        diagnostics.push((path, busy()));
    }
    let mut held = Held::new();
    for notice in outcome.notices {
        match notice {
            Notice::Diagnostic(path, diagnostic) => {
                diagnostics.push((left_out(&path).unwrap_or(path), diagnostic))
            }
            Notice::Held(path, until) => {
                if let Some(FileRow {
                    kept: Kept::Article(head, _), digest: Some(digest), ..
                }) = state.file(&path)
                {
                    held.insert(path.clone(), (head, digest));
                }
                diagnostics.push((path, waits(until, &config.site)));
            }
            _ => {}
        }
    }
    for (path, diagnostic) in state.contested() {
        diagnostics.push((path.clone(), diagnostic.clone()));
    }
    diagnostics.extend(unshown(state.library()));
    let mut articles = 0;
    for (path, row) in state.files() {
        if !is_article(&path) || matches!(row.kept, Kept::Linked(_)) {
            continue;
        }
        articles += 1;
        if let Some(note) = unpublished(&state, &path, &row, &config.site, now)
            && !held.contains_key(&path)
        {
            diagnostics.push((path, note));
        }
    }
    if state.library().is_empty() {
        diagnostics
            .push((RelPath::root(), Diagnostic::note("no-articles", "nothing is published")));
    }
    Ok(Survey { state, held, diagnostics, articles })
}

/// Reports a file that changes while it is read: the next check will know more.
pub(super) fn busy() -> Diagnostic {
    Diagnostic::note("busy", "is being written; not checked")
}

fn waits(until: Timestamp, site: &Site) -> Diagnostic {
    let zone = site.timezone.iana_name().unwrap_or("UTC");
    Diagnostic::note("held", format!("held until {until}; site.timezone is {zone}"))
}

/// Returns the directory because of which a file is skipped: it is reported instead of each file in
/// it.
fn left_out(path: &RelPath) -> Option<RelPath> {
    special::excluded_by(path.as_str()).and_then(RelPath::new)
}

/// Reports private directories of whose files no public article shows any.
fn unshown(library: &Library) -> Diagnostics {
    let mut directories: BTreeMap<RelPath, bool> = BTreeMap::new();
    for file in library.private_files() {
        if let Some(directory) = left_out(file) {
            let is_shown = directories.entry(directory).or_default();
            *is_shown = *is_shown || library.shows(file);
        }
    }
    let mut found = Diagnostics::new();
    for (directory, is_shown) in directories {
        if !is_shown {
            let message = format!("{directory} holds no articles");
            found.push((directory, Diagnostic::note(read::LEFT_OUT, message)));
        }
    }
    found
}

fn is_article(path: &RelPath) -> bool {
    matches!(FileKind::of(path), FileKind::Article(_))
        && special::excluded_by(path.as_str()).is_none()
}

/// Explains why a usable file is not published, unless another diagnostic does.
fn unpublished(
    state: &State,
    path: &RelPath,
    row: &FileRow,
    site: &Site,
    now: Timestamp,
) -> Option<Diagnostic> {
    if let (Kept::Article(..), Some(section)) = (&row.kept, state.withheld_by(path)) {
        let message = format!("is kept back by {section}; not published");
        return Some(Diagnostic::note("draft", message));
    }
    match &row.kept {
        Kept::Empty => {
            Some(Diagnostic::note("empty", "has no text yet; published as soon as it has some"))
        }
        Kept::Article(head, _) if head.draft => {
            Some(Diagnostic::note("draft", "is a draft; not published"))
        }
        // One that expires later may be here because it is refused.
        Kept::Article(head, _)
            if head.expires.is_some_and(|expires| expires.resolve(&site.timezone) <= now) =>
        {
            Some(Diagnostic::note("expired", "has expired; no longer published"))
        }
        _ => None,
    }
}
