//! Every article of a real blog is read and rendered. The variable `DROPFEED_CORPUS` names its
//! directory and switches this on (`tests/e2e/run` sets it); a directory that is not there, or has
//! no article, is then a failure.

use std::fs;
use std::path::{Path, PathBuf};

use dropfeed::testing::article::{Head, Limits, Reading, body, check_invariants, head};
use dropfeed::testing::base::FileKind;
use dropfeed::testing::base::RelPath;

const LIMITS: Limits = Limits { depth: 100, max_bytes: 8 << 20, math: false };

#[test]
fn every_article_of_the_corpus_renders() {
    let Some(root) = std::env::var_os("DROPFEED_CORPUS").map(PathBuf::from) else {
        println!("skipped: DROPFEED_CORPUS is not set");
        return;
    };
    let mut files = Vec::new();
    find_files(&root, &mut files).unwrap();
    let mut articles = 0;
    for file in files {
        let name = file.strip_prefix(&root).unwrap().to_str().unwrap();
        let path = RelPath::new(name).unwrap();
        if matches!(FileKind::of(&path), FileKind::Other) {
            continue;
        }
        let bytes = fs::read(&file).unwrap();
        let head = match head(&path, &bytes) {
            Reading::Article { head, .. } => {
                assert!(!head.title.is_empty(), "{name} has no title");
                articles += 1;
                (*head).clone()
            }
            // A section file, or a page of its generator's templates: front matter without a text.
            Reading::Empty => Head::default(),
            Reading::Refused(findings) => panic!("{name}: {findings:?}"),
        };
        let (first, findings) = body(&path, &bytes, &head, &LIMITS)
            .unwrap_or_else(|errors| panic!("{name}: {errors:?}"));
        check_invariants(&first.html).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(
            body(&path, &bytes, &head, &LIMITS).unwrap().0,
            first,
            "{name}: the same bytes give the same body"
        );
        for finding in findings {
            println!("{name}:{finding}");
        }
    }
    assert!(articles > 0, "{} has no article", root.display());
}

fn find_files(directory: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    entries.sort();
    for path in entries {
        if path.is_dir() {
            find_files(&path, files)?;
        } else if path.to_str().is_some() {
            files.push(path);
        }
    }
    Ok(())
}
