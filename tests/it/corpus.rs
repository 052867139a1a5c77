//! Every article of a real blog renders: `DROPFEED_CORPUS` names a directory of articles. Nothing is tested where it is
//! not set; a directory that is not there, or holds no article, is a failure.

use std::fs;
use std::path::{Path, PathBuf};

use dropfeed::testing::article::{Head, Limits, Reading, body, check_invariants, head};
use dropfeed::testing::base::FileKind;
use dropfeed::testing::base::RelPath;

const LIMITS: Limits = Limits { depth: 100, max_bytes: 8 << 20 };

#[test]
fn every_article_of_the_corpus_renders() {
    let Some(root) = std::env::var_os("DROPFEED_CORPUS").map(PathBuf::from) else { return };
    let mut files = Vec::new();
    find_files(&root, &mut files).unwrap();
    let mut rendered = 0;
    for file in files {
        let name = file.strip_prefix(&root).unwrap().to_str().unwrap();
        let path = RelPath::new(name).unwrap();
        if matches!(FileKind::of(&path), FileKind::Other) {
            continue;
        }
        let bytes = fs::read(&file).unwrap();
        let head = match head(&path, &bytes) {
            Reading::Article { head, .. } => (*head).clone(),
            Reading::Empty | Reading::Refused(_) => nameless(),
        };
        let (first, findings) =
            body(&path, &bytes, &head, &LIMITS).unwrap_or_else(|errors| panic!("{name}: {errors:?}"));
        check_invariants(&first.html).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(body(&path, &bytes, &head, &LIMITS).unwrap().0, first, "{name}: the same bytes give the same body");
        for finding in findings {
            println!("{name}:{finding}");
        }

        rendered += 1;
    }
    assert!(rendered > 0, "{} holds no article", root.display());
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

/// The head of a file that has none of its own.
fn nameless() -> Head {
    Head::default()
}
