//! The first look: what is in the tree, and what the first step of an empty ledger says of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::article::{Head, location};
use crate::base::path::FileKind;
use crate::base::{Diagnostic, Digest, RelPath, Timestamp};
use crate::config::{Config, Site};
use crate::engine::{self, read};
use crate::library::{Deletions, FileRow, Kept, Notice, Reweigh, Scan, State};
use crate::source::{Look, RootLost, Tree};

use super::Diagnostics;

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
    let changes = tree.look(&Look::Everything, &read::Known(&nothing))?;
    let observed = read::read_changes(tree, &nothing, changes, now, &|_, _| {})?;
    let (state, outcome) = nothing.step(
        &observed.observations,
        &engine::policy(config),
        now,
        Scan::First,
        Reweigh::Changed,
        Deletions::Guarded,
    );
    let mut diagnostics = observed.unreadable;
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
                    held.insert(path.clone(), (Arc::clone(head), *digest));
                }
                diagnostics.push((path, waits(until, &config.site)));
            }
            _ => {}
        }
    }
    for (path, diagnostic) in state.contested() {
        diagnostics.push((path.clone(), diagnostic.clone()));
    }
    let mut articles = 0;
    for (path, row) in state.files() {
        if !is_article(path) {
            continue;
        }
        articles += 1;
        if let Some(note) = unpublished(row)
            && !held.contains_key(path)
        {
            diagnostics.push((path.clone(), note));
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
    location::excluded_by(path).and_then(RelPath::new)
}

fn is_article(path: &RelPath) -> bool {
    matches!(FileKind::of(path), FileKind::Article(_)) && location::excluded_by(path).is_none()
}

/// Explains why a usable file is not published, unless another diagnostic does.
fn unpublished(row: &FileRow) -> Option<Diagnostic> {
    match &row.kept {
        Kept::Empty => {
            Some(Diagnostic::note("empty", "has no text and no title yet; not published"))
        }
        Kept::Article(head, _) if head.draft => {
            Some(Diagnostic::note("draft", "is a draft; not published"))
        }
        Kept::Article(head, _) if head.expires.is_some() => {
            Some(Diagnostic::note("expired", "has expired; no longer published"))
        }
        _ => None,
    }
}
