//! The first scan after the state was lost.
//!
//! Ids and dates come from the feeds in `feeds/` where an entry's URL is that of a file, and are
//! derived elsewhere. That is enough where most entries of those feeds have a file. Where they have
//! not (the disk of the articles is not mounted, too), or where the feeds cannot be read, nothing
//! is published but those feeds as they are, until the files are back or an operator accepts what
//! is there.

use std::collections::HashMap;
use std::sync::Arc;

use crate::base::{Format, Route};
use crate::library::{self, State};
use crate::publish::{Document, Extent, Kind, Snapshot};
use crate::store::feeds::recover;

use super::step::StepError;
use super::{Engine, hot, policy, value, with_site_id};

/// The reason why a first scan is held, and what to do.
const HELD: &str = "there is no state, and most entries of the feeds in feeds.dir are not in the article directory; \
                    is its disk mounted? `dropfeed accept` publishes what is there";

/// The feeds on disk that are served while a first scan is held, and whether one is.
#[derive(Debug, Default)]
pub(super) struct Recovery {
    documents: HashMap<Route, Arc<Document>>,
    /// Whether there are feeds that cannot be read.
    is_damaged: bool,
    /// Whether the last step was refused.
    pub(super) is_held: bool,
}

impl Recovery {
    pub(super) fn new(documents: Vec<(Route, Format, Vec<u8>)>, is_damaged: bool) -> Self {
        let mut by_route = HashMap::new();
        for (route, format, bytes) in documents {
            let content_type = hot::content_type(format);
            let document = Document::new(Kind::Feed, content_type, bytes.into(), None);
            by_route.insert(route, Arc::new(document));
        }
        Self { documents: by_route, is_damaged, is_held: false }
    }
}

impl Engine {
    /// Takes over what the feeds on disk say of a lost state, before the first scan. Returns the
    /// number of entries.
    pub fn adopt(&mut self, found: recover::Found) -> usize {
        let recover::Found { entries, site_id, feed_id, documents, is_damaged } = found;
        self.recovery = Recovery::new(documents, is_damaged);
        let count = entries.len();
        self.current.state.adopt(entries);
        if let Some(feed_id) = feed_id
            && !self.imported
        {
            let imports = self.current.state.adopt_feed_id(feed_id);
            self.pending.values.push((library::IMPORT.to_owned(), imports));
        }
        if let Some(site_id) = site_id {
            let config = Arc::new(with_site_id(&self.parts.config, &site_id));
            self.policy = policy(&config, Some(self.policy.page_size));
            self.parts.config = config;
            // Later values replace earlier ones.
            self.pending.values.push((value::SITE_ID.to_owned(), site_id));
            self.pending.values.push((value::POLICY.to_owned(), self.policy.base.to_string()));
        }
        count
    }

    /// Takes over what the feeds on disk say of articles that the state does not know, since it was
    /// restored from a copy that is older than they are. Returns their number.
    pub fn adopt_later(&mut self, found: recover::Found) -> usize {
        // A copy may have been put beside the feeds of another site.
        if found.site_id.as_ref() != Some(&self.policy.site_id) {
            return 0;
        }
        let mut entries = found.entries;
        entries.retain(|entry| !self.current.state.knows(&entry.id));
        let count = entries.len();
        self.current.state.adopt(entries);
        count
    }

    /// Refuses a first scan that would give old articles other ids, or empty the feeds. Those that
    /// are on disk are published instead.
    pub(super) fn guard_recovery(&mut self, next: &State) -> Result<(), StepError> {
        if !self.first_scan {
            return Ok(());
        }
        let shrink = next.recovery();
        let refused = if self.recovery.is_damaged {
            StepError::Unrecovered
        } else if shrink.is_suspicious() {
            StepError::Held(shrink, HELD)
        } else {
            return Ok(());
        };
        self.recovery.is_held = true;
        // A tree that is being put back is waited for again.
        self.watch.first_at = None;
        let published = &self.parts.published;
        let feeds = self.recovery.documents.clone();
        let serves_them = match published.load() {
            // Without a feed, nothing is ready.
            None => !feeds.is_empty(),
            // The feeds that a start serves were those of a state that turned out to be damaged.
            Some(snapshot) => snapshot.is_loading(),
        };
        if serves_them {
            let config = Arc::clone(&self.parts.config);
            published.publish(Arc::new(Snapshot::restored(Extent::Feeds, config, feeds)));
        }
        Err(refused)
    }
}
