//! Any bytes that have a head have a body that keeps its invariants, or a reason why not.

#![no_main]

use dropfeed::testing::article::{Limits, Reading, body, check_invariants, head};
use dropfeed::testing::base::RelPath;
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits { depth: 100, max_bytes: 1 << 20, math: true };

fuzz_target!(|bytes: &[u8]| {
    for name in ["news/a.md", "news/a.html", "news/a.txt"] {
        let Some(path) = RelPath::new(name) else { continue };
        let Reading::Article { head, .. } = head(&path, bytes) else { continue };
        match body(&path, bytes, &head, &LIMITS) {
            Ok((body, _)) => {
                assert_eq!(check_invariants(&body.html), Ok(()));
                assert!(body.html.len() <= LIMITS.max_bytes);
            }
            Err(findings) => assert!(findings.iter().all(|finding| finding.code != "render"), "{findings:?}"),
        }
    }
});
