//! The number of connections of each client address, and of requests of each reader behind a
//! trusted proxy, limited so that one client cannot take all places.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::super::limits::subscriber;

/// The number of connections, or of requests, of each address. Not larger than the number of those
/// that are open, since an address without one is forgotten.
#[derive(Debug)]
pub(super) struct PerAddress {
    each_max: usize,
    counts: Mutex<HashMap<IpAddr, usize>>,
}

/// The place of one connection or request; dropping it frees the place.
#[derive(Debug)]
pub(super) struct Place {
    all: Arc<PerAddress>,
    /// `None` for loopback and Unix sockets, which are not counted.
    counted: Option<IpAddr>,
}

impl PerAddress {
    /// At most `each_max` connections for each address.
    pub(super) fn new(each_max: usize) -> Arc<Self> {
        Arc::new(Self { each_max, counts: Mutex::default() })
    }

    /// A place that is not counted: of a proxy, whose requests are.
    pub(super) fn uncounted(self: &Arc<Self>) -> Place {
        Place { all: Arc::clone(self), counted: None }
    }

    /// A place for another connection or request from `address`; `None` if it has the maximum.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let counted = subscriber(address);
        if let Some(address) = counted {
            let mut counts = self.lock();
            let count = counts.entry(address).or_default();
            if *count >= self.each_max {
                return None;
            }
            *count += 1;
        }
        Some(Place { all: Arc::clone(self), counted })
    }

    /// No code panics under this lock, and the counts are whole between any two statements.
    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(address) = self.counted else { return };
        let mut counts = self.all.lock();
        if let Some(count) = counts.get_mut(&address) {
            *count -= 1;
            // Addresses without a connection are forgotten, or the map would grow for ever.
            if *count == 0 {
                counts.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let places = PerAddress::new(2);
        let enter = |text: &str| places.enter(text.parse().unwrap());
        let first = enter("192.0.2.1").unwrap();
        let second = enter("::ffff:192.0.2.1").unwrap();
        assert!(enter("192.0.2.1").is_none());
        let other = enter("192.0.2.2").unwrap();
        drop(first);
        let third = enter("192.0.2.1").unwrap();
        let one = enter("2001:db8:1:2::1").unwrap();
        let two = enter("2001:db8:1:2:ffff::2").unwrap();
        assert!(enter("2001:db8:1:2:3::").is_none());
        assert!(enter("2001:db8:1:3::1").is_some());
        let local: Vec<Place> = (0..9).map(|_| enter("127.0.0.1").unwrap()).collect();
        drop((second, third, other, one, two, local));
        assert!(places.lock().is_empty());
    }
}
