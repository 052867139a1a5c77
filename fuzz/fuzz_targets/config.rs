//! Any text is a configuration or has errors, and the same text always means the same.

#![no_main]

use std::path::Path;

use dropfeed::testing::config::Config;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let directory = Path::new("/srv/site");
    match (Config::of(text, directory), Config::of(text, directory)) {
        (Ok(config), Ok(again)) => {
            assert_eq!(config, again);
            let changes = config.changes(&again);
            assert!(changes.applied.is_empty() && changes.restart.is_empty());
            assert!(config.site.url.path().ends_with('/') && !config.site.title.is_empty());
        }
        (Err(errors), Err(again)) => {
            assert!(!errors.0.is_empty(), "a refusal has a reason");
            assert_eq!(errors.to_string(), again.to_string());
        }
        _ => panic!("the same text means two things"),
    }
});
