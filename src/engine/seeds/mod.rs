//! The simulation: the whole engine under one seed, and laws that hold whatever happens.
//!
//! The engine, the ledger, the projection and the modelled store are the real ones; clock, timer,
//! watcher and disk are the simulation's. Only the articles are real files, in memory where the
//! system has a file system for that: what reads them is a dozen system calls, and their time
//! stamps are the simulated clock's. A history is a few articles, some thirty operations (of
//! authors, clocks, disks, watchers, operators, and crashes), the end of all faults, and a
//! reconcile scan. Readers look after every turn of the loop. The same seed gives the same history.
//!
//! - **L1** in the end, what is served, what is in `feeds/` and what the author wrote are the same,
//!   and a fresh start over the same store and files makes the same bytes;
//! - **L2** ids, dates and links are given once: to a subscriber, an old article is never new;
//! - **L3** whatever is served and every state of `feeds/` is whole, and nothing goes back;
//! - **L4** a restart knows at least what was published last.
//!
//! `DROPFEED_SEEDS=FROM..TO` chooses the seeds, `DROPFEED_SEEDS=SEED` one.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

mod author;
mod dice;
mod files;
mod machine;
mod readers;
mod world;

use dice::Dice;
use world::World;

/// The seeds of a plain `cargo test`.
const SEEDS: std::ops::Range<u64> = 0..200;

/// The first so many operations of the history of a seed, and its end. Returns what happened, and
/// what is wrong.
fn history(seed: u64, operations: usize) -> (Vec<String>, Result<(), String>) {
    let mut world = World::of(seed);
    let live = |world: &mut World| -> Result<(), String> {
        world.begin()?;
        for _ in 0..operations {
            world.happen()?;
        }
        world.end()
    };
    let done = catch_unwind(AssertUnwindSafe(|| live(&mut world)));
    let done = done.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        Err(format!("panic: {}", text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("?")))
    });
    (std::mem::take(&mut world.happened), done)
}

/// The number of operations in the history of a seed.
fn length(seed: u64) -> usize {
    20 + Dice::of(!seed).below(21)
}

/// Runs a seed. `Err`: a report, with the shortest history that fails, and how to see it again.
fn run(seed: u64) -> Result<(), String> {
    let Err(first) = history(seed, length(seed)).1 else { return Ok(()) };
    let mut shortest = (length(seed), Vec::new(), first.clone());
    for operations in 0..=length(seed) {
        if let (happened, Err(why)) = history(seed, operations) {
            shortest = (operations, happened, why);
            break;
        }
    }
    let (operations, happened, why) = shortest;
    let happened = happened.join("\n  ");
    Err(format!(
        "seed {seed}: {why}\nafter {operations} operations of {}; the whole history: {first}\n  {happened}\n\
         again: DROPFEED_SEEDS={seed} cargo test --lib engine::seeds",
        length(seed)
    ))
}

/// The seeds that are asked for.
fn seeds() -> std::ops::Range<u64> {
    let Ok(asked) = std::env::var("DROPFEED_SEEDS") else { return SEEDS };
    let number = |text: &str| text.parse::<u64>().expect("DROPFEED_SEEDS is SEED or FROM..TO");
    match asked.split_once("..") {
        Some((from, to)) => number(from)..number(to),
        None => number(&asked)..number(&asked) + 1,
    }
}

#[test]
fn every_seed_keeps_the_laws() {
    let seeds = seeds();
    let next = AtomicU64::new(seeds.start);
    let work = || {
        // The engine works in parallel where it can; here one thread after another is exact, and
        // faster.
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread();
        let _pool = pool.build().unwrap();
        let mut failed = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end || failed.len() >= 3 {
                return failed;
            }
            if let Err(report) = run(seed) {
                // At once, for who runs many.
                eprintln!("{report}");
                failed.push(report);
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let failed: Vec<String> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}
