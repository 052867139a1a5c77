//! The published snapshot. Written by the engine, read by all other threads without a lock.

use std::sync::Arc;

use arc_swap::ArcSwapOption;

use super::Snapshot;

/// The current snapshot; none before the first publish.
#[derive(Debug, Default)]
pub struct Published {
    current: ArcSwapOption<Snapshot>,
}

impl Published {
    /// The snapshot of this moment.
    pub fn load(&self) -> Option<Arc<Snapshot>> {
        self.current.load_full()
    }

    /// Replaces the snapshot. Only the engine does.
    pub fn publish(&self, snapshot: Arc<Snapshot>) {
        self.current.store(Some(snapshot));
    }
}
