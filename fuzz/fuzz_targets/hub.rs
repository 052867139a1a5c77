//! Any body of a request to the hub is read without a panic, and what is accepted is within the limits and can be sent.

#![no_main]

use dropfeed::testing::push::{callback, form};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let Ok(found) = form::parse(body, None) else { return };
    assert!((form::LEASE_S_MIN..=form::LEASE_S_MAX).contains(&found.lease_s));
    assert!(found.secret.is_none_or(|secret| (1..200).contains(&secret.reveal().len())));
    let url = &found.callback.url;
    assert!(url.len() <= callback::URL_BYTES_MAX);
    // Its own spelling is read again as itself.
    assert_eq!(callback::check(url, None).as_ref(), Ok(&found.callback));
    assert!(!found.callback.host.is_empty() && !url.contains('#'));
});
