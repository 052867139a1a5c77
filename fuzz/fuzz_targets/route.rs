//! A path that has a route is found again from what the route prints.

#![no_main]

use dropfeed::testing::base::Route;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|path: &str| {
    if let Some(route) = Route::parse(path) {
        assert_eq!(Route::parse(&route.to_string()), Some(route));
    }
});
