//! The state as the store remembers it, part by part.

use crate::base::Timestamp;
use crate::library::{Loading, Part, Policy, Remembered, State};
use crate::store::{Store, StoreError};

/// Loads the state at `now`. `reread`: the same bytes may give another reading now.
///
/// # Errors
/// As [`Store::each`].
pub(super) fn state(
    store: &mut dyn Store,
    remembered: &Remembered,
    policy: &Policy,
    reread: bool,
    now: Timestamp,
) -> Result<State, StoreError> {
    let mut loading = Loading::begin(remembered, policy, now);
    store.each(&mut |mut part| {
        if reread {
            forget_readings(&mut part);
        }
        loading.take(&part);
    })?;
    Ok(loading.end(remembered))
}

/// Makes the next look read every file again.
fn forget_readings(part: &mut Part) {
    let Part::Files(files) = part else { return };
    for (_, row) in files {
        row.racy = true;
        row.digest = None;
    }
}
