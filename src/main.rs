//! The binary: hands the command line to `cli`.

use std::process::ExitCode;

/// jemalloc, since a first scan of many articles leaves the memory of glibc's allocator in pieces:
/// with 100,000 articles, it held 490 MiB, and this one 60 MiB. It is built for the size of a page,
/// which differs from one machine to the next but on x86-64.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    dropfeed::run()
}
