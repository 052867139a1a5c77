//! News of the projection for the pushing thread: what was not taken is merged, so that neither
//! waits for the other.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::base::{Digest, Route};
use crate::engine::Projected;
use crate::publish::Snapshot;

/// News of the projection that were not taken yet. Bounded by the number of feeds.
#[derive(Default)]
pub(super) struct Mailbox {
    news: Mutex<Option<News>>,
    /// Rings when there are news.
    pub(super) bell: Notify,
}

/// Feeds as they are in `feeds/`.
pub(super) struct News {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) feeds: HashMap<Route, Digest>,
    pub(super) is_whole: bool,
}

impl Mailbox {
    /// Merges the outcome of a pass into what was not taken. Does not block.
    pub(super) fn put(&self, projected: &Projected) {
        let Projected { snapshot, feeds, is_whole } = projected;
        let (snapshot, feeds) = (Arc::clone(snapshot), feeds.iter().cloned());
        let mut waiting = self.news.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *waiting {
            Some(news) if !*is_whole => {
                news.snapshot = snapshot;
                news.feeds.extend(feeds);
            }
            // What is whole replaces everything: a feed that is not in it is gone.
            waiting => {
                let feeds = feeds.collect();
                *waiting = Some(News { snapshot, feeds, is_whole: *is_whole });
            }
        }
        drop(waiting);
        self.bell.notify_one();
    }

    /// Takes the news, if there are any.
    pub(super) fn take(&self) -> Option<News> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
