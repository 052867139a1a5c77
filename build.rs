//! Puts the version into the program: that of the package, with the commit where that is known.
//!
//! A development build has no commit, since every commit would then compile everything again.

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-env-changed=DROPFEED_COMMIT");
    println!("cargo:rerun-if-changed=build.rs");
    let version = env::var("CARGO_PKG_VERSION").unwrap_or_default();
    let version = match commit() {
        Some(commit) => format!("{version} ({commit})"),
        None => version,
    };
    println!("cargo:rustc-env=DROPFEED_VERSION={version}");
}

/// The commit: what a packager says, else what git says of the directory that is built.
fn commit() -> Option<String> {
    if let Ok(commit) = env::var("DROPFEED_COMMIT") {
        return Some(commit).filter(|commit| !commit.is_empty());
    }
    if env::var("PROFILE").as_deref() != Ok("release") {
        return None;
    }
    // An archive of the source that lies in somebody else's repository is none of theirs.
    if !Path::new(".git").exists() {
        return None;
    }
    // The log of HEAD grows with every commit and checkout.
    println!("cargo:rerun-if-changed={}", git(&["rev-parse", "--git-path", "logs/HEAD"])?);
    for source in ["Cargo.toml", "Cargo.lock", "src", "templates"] {
        println!("cargo:rerun-if-changed={source}");
    }
    let commit = git(&["rev-parse", "--short=12", "HEAD"])?;
    let is_changed = !git(&["status", "--porcelain", "--untracked-files=no"])?.is_empty();
    Some(if is_changed { format!("{commit}, changed") } else { commit })
}

/// What git says, without the line end; nothing where there is no git or it fails.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
