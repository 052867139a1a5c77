//! The first look: what is in the tree, and what the first step of an empty ledger says of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::article::{Head, location};
use crate::base::path::FileKind;
use crate::base::{Diagnostic, Digest, RelPath, Timestamp};
use crate::config::{Config, Site};
use crate::engine::{self, observe};
use crate::library::{FileRow, Kept, Notice, State};
use crate::source::{Look, RootLost, Tree};

use super::Told;

/// An article that will be public at its time: its head, and the digest of the bytes it was read from.
pub(super) type Held = BTreeMap<RelPath, (Arc<Head>, Digest)>;

/// What a first start would make of the tree.
pub(super) struct Survey {
    /// The ledger and the library.
    pub(super) state: State,
    /// The articles that appear by themselves later.
    pub(super) held: Held,
    /// What is to be said so far.
    pub(super) told: Told,
    /// How many articles there are, public or not.
    pub(super) articles: usize,
}

/// Looks at everything as if for the first time.
pub(super) fn survey(tree: &Tree, config: &Config, now: Timestamp) -> Result<Survey, RootLost> {
    let nothing = State::default();
    let changes = tree.look(&Look::Everything, &observe::Known(&nothing))?;
    let observed = observe::observe(tree, &nothing, changes, now)?;
    let (state, outcome) = nothing.step(&observed.observations, &engine::policy(config), now, true, false);
    let mut told = observed.unreadable;
    told.extend(observed.again.into_iter().map(|(path, _)| (path, busy())));
    let mut held = Held::new();
    for notice in outcome.notices {
        match notice {
            Notice::Told(path, diagnostic) => told.push((left_out(&path).unwrap_or(path), diagnostic)),
            Notice::Held(path, until) => {
                if let Some(FileRow { kept: Kept::Article(head, _), digest: Some(digest), .. }) = state.file(&path) {
                    held.insert(path.clone(), (Arc::clone(head), *digest));
                }
                told.push((path, waits(until, &config.site)));
            }
            _ => {}
        }
    }
    told.extend(state.contested().map(|(path, why)| (path.clone(), why.clone())));
    let unpublished = state.files().filter(|(path, _)| !held.contains_key(*path)).filter_map(unpublished);
    told.extend(unpublished);
    let articles = state.files().filter(|(path, _)| is_article(path)).count();
    if state.library().is_empty() {
        told.push((RelPath::root(), Diagnostic::note("no-articles", "nothing is published")));
    }
    Ok(Survey { state, held, told, articles })
}

/// It changes while it is looked at: the next check will say more.
pub(super) fn busy() -> Diagnostic {
    Diagnostic::note("busy", "is being written; not checked")
}

fn waits(until: Timestamp, site: &Site) -> Diagnostic {
    let zone = site.timezone.iana_name().unwrap_or("UTC");
    Diagnostic::note("held", format!("held until {until}; site.timezone is {zone}"))
}

/// The directory that keeps a file from being looked at: it is named instead of each file in it.
fn left_out(path: &RelPath) -> Option<RelPath> {
    location::excluded_by(path).and_then(RelPath::new)
}

fn is_article(path: &RelPath) -> bool {
    matches!(FileKind::of(path), FileKind::Article(_)) && location::excluded_by(path).is_none()
}

/// Why a usable file is not published, where nothing else says so.
fn unpublished((path, row): (&RelPath, &FileRow)) -> Option<(RelPath, Diagnostic)> {
    if !is_article(path) {
        return None;
    }
    let note = match &row.kept {
        Kept::Empty => Diagnostic::note("empty", "has no text and no title yet; not published"),
        Kept::Article(head, _) if head.draft => Diagnostic::note("draft", "is a draft; not published"),
        Kept::Article(head, _) if head.expires.is_some() => {
            Diagnostic::note("expired", "has expired; no longer published")
        }
        _ => return None,
    };
    Some((path.clone(), note))
}
