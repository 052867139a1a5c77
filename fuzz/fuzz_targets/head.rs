//! Any bytes have a head or a reason why not; every text in it is safe, and an article has a title.

#![no_main]

use dropfeed::testing::article::{Reading, head};
use dropfeed::testing::base::{RelPath, Severity, clean};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for name in ["news/2026-11-22-a.md", "news/a.html", "a.txt"] {
        let Some(path) = RelPath::new(name) else { continue };
        match head(&path, bytes) {
            Reading::Article { head, .. } => {
                for text in [&head.title].into_iter().chain(&head.tags).chain(&head.summary) {
                    assert_eq!(clean(text), *text, "every text is safe");
                }
            }
            Reading::Empty => {}
            Reading::Refused(findings) => {
                assert!(findings.iter().any(|finding| finding.severity == Severity::Error), "a refusal has a reason");
            }
        }
    }
});
