//! The rules of the house that a compiler does not check: who may import whom, who may have
//! effects, who may write.
//!
//! The rules read the code outside of test modules, as tokens: comments and literals are left out,
//! and names are resolved through imports and re-exports. Each rule has texts that break it and
//! must be found, and texts that keep it and must not.

mod code;
mod modules;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use modules::{Mention, Modules, module_of};

/// The order inside the folders of `src/`, one line a folder: a module imports only from those
/// before it. Modules without a `<` between them do not import each other. `mod` is the folder's
/// own file; where a line does not name it, it may import from all of its folder, and all of its
/// folder from it.
///
/// A folder without a line must have no circle of imports.
const ORDER: &str = "
    src: base < ops < config < readers < source < article < library < feed import push < page < publish < store < engine < http < check < daemon < cli < main testing
    src/article: addresses symbol signs < findings decode dates word_sketch < feed_html < foreign location model summary < rendering < sanitize < title < markdown html plain_text front_matter pictures < head body < private_files
    src/article/feed_html: elements heading_ids mathml < references < invariants
    src/article/foreign: arguments reach < block_end code jsx < counterpart < attribute_list comments pictures shortcode < lines spans template_tag < wiki_link < brackets
    src/article/front_matter: tree url_paths wiki_links < entry known people tags < bare cascade keys
    src/article/markdown: admonitions footnotes nesting parser tex < formulas < addresses callouts comments components directives flanks marks tables writer < definitions < outline
    src/article/sanitize: attributes frames tokens < dropped < rebuild
    src/base: digest direction each fingerprint html place shelf special text time < path < diagnostic media reference route < url_table
    src/check: articles feeds links report unread < survey urls < bodies
    src/cli: init new old_feed running < import readers state
    src/config: errors foreign hint listen < referred < raw redirects values < resolve < changes load preview
    src/config/resolve: numbers < feed_paths pages push redirects server views
    src/daemon: open < admin push watchdog < control < hub import listeners repair signals
    src/daemon/push: mailbox send < worker
    src/engine: assets bodies hot laps load memo opml_list pages read scanned_root shared_store < events renderer unready vitals < operator project < last_feeds step < import recovery < run
    src/feed: shared_entry < delta mailbox unlinked xml < links < paging < compose < archive composed < atom json lint opml rss splice < passed < gate
    src/http: authority host hub limits < plain < exchange < access_log metrics politeness < answer net readers < admin direct
    src/http/access_log: combined < json
    src/http/admin: page < handler
    src/http/answer: conditional content date encoding range single_flight < cache < decide delta problem < asset document request target < service < hot subscribe < handler
    src/http/metrics: requests < text
    src/http/net: forwarded peer per_address proxy role tls < activity < body socket < worker < connection fast < http1 http2 < tls_connection < accepted < server
    src/import: date document replay < json xml < read
    src/library: guard old_feed permalink sorted < id_template matching rows < packed < articles < address archive public < locate < channel ledger listing view < membership < assets files section < adopt < state < known step
    src/library/step: copies dates delete forget rename < finish < import < admit load
    src/ops: certificate clock command control line_log listener outgoing pulse secret watchdog writable < clock_set fetch logging sockets < systemd
    src/ops/outgoing: address http1 tls < client
    src/ops/control: protocol < client server
    src/page: format frame scroll sitemap structured < error list < article feed home index month
    src/push: hub retry < bell cloud publisher webhook
    src/push/hub: allowance model queue < signature < callback < form < machine
    src/readers: agent distinct history < report today < chart
    src/publish: document latency < status < snapshot versions < report < published render
    src/source: bulk echo ignore mounts settle unfinished < inbox listing root < beneath < read scan watch < picture_size tree
    src/store: feeds lock < backup export model nothing scratch socket < database < side
    src/store/database: rows schema < seal < read < open write
    src/store/feeds: target < manifest < project < directory < recover
    src/store/side: publisher readers subscriptions
";

/// Circles of imports that are known and will be removed: a folder, and the modules of the circle.
const KNOWN_CIRCLES: &[(&str, &str)] = &[];

/// Modules without effects: no files, no network, no clock, no randomness, no threads, no printing,
/// no logging.
const PURE: &[&str] = &[
    "base",
    "config",
    "article",
    "library",
    "feed",
    "page",
    "publish",
    "push",
    "readers",
    "ops/outgoing/address",
];

/// Modules beneath those that have effects all the same.
const IMPURE: &[&str] = &["config/load"];

const EFFECTS: &[&str] = &[
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "std::io::stdin",
    "std::io::stdout",
    "std::io::stderr",
    "std::os",
    "std::time::Instant",
    "std::time::SystemTime::now",
    "jiff::Timestamp::now",
    "jiff::Zoned::now",
    "jiff::tz::TimeZone::system",
    "jiff::tz::TimeZone::try_system",
    "uuid::Uuid::new_v4",
    "uuid::Uuid::now_v7",
    "rand",
    "getrandom",
    "rustix",
    "tokio",
    "hyper",
    "notify",
    "rusqlite",
    "tracing",
    "print!",
    "println!",
    "eprint!",
    "eprintln!",
    "dbg!",
];

/// Values that live beside effects.
const NO_EFFECTS: &[&str] = &[
    "std::net::IpAddr",
    "std::net::Ipv4Addr",
    "std::net::Ipv6Addr",
    "std::net::SocketAddr",
    "std::net::SocketAddrV4",
];

/// What changes a file, and who may.
const WRITES: &[&str] = &[
    "std::fs::write",
    "std::fs::copy",
    "std::fs::rename",
    "std::fs::hard_link",
    "std::fs::create_dir",
    "std::fs::create_dir_all",
    "std::fs::remove_file",
    "std::fs::remove_dir",
    "std::fs::remove_dir_all",
    "std::fs::set_permissions",
    "std::fs::DirBuilder",
    "std::fs::OpenOptions",
    "std::fs::File::create",
    "std::fs::File::create_new",
    "std::fs::File::options",
    "std::os::unix::fs::symlink",
    "std::os::unix::fs::DirBuilderExt",
    "std::os::unix::fs::OpenOptionsExt",
    "rustix::fs::OFlags::CREATE",
    "rustix::fs::OFlags::RDWR",
    "rustix::fs::OFlags::TRUNC",
    "rustix::fs::OFlags::WRONLY",
    "rustix::fs::chmod",
    "rustix::fs::chmodat",
    "rustix::fs::fallocate",
    "rustix::fs::fchmod",
    "rustix::fs::ftruncate",
    "rustix::fs::link",
    "rustix::fs::linkat",
    "rustix::fs::mkdir",
    "rustix::fs::mkdirat",
    "rustix::fs::rename",
    "rustix::fs::renameat",
    "rustix::fs::renameat_with",
    "rustix::fs::rmdir",
    "rustix::fs::symlink",
    "rustix::fs::symlinkat",
    "rustix::fs::unlink",
    "rustix::fs::unlinkat",
    "rustix::fs::utimensat",
    "tempfile",
];
const WRITERS: &[&str] = &["store", "cli/init", "cli/new", "ops/line_log", "ops/sockets"];

/// What has a home: only these modules may name it.
const HOMES: &[(&str, &[&str])] = &[
    ("tokio_rustls", &["ops/certificate", "ops/outgoing", "http/net/tls"]),
    ("std::fs", &["source", "store", "config/load", "cli", "daemon", "ops"]),
    ("rustix::fs", &["source", "store", "cli/new", "ops"]),
    ("rss", &["feed/rss"]),
    ("atom_syndication", &["feed/atom"]),
    ("chrono", &["feed/atom"]),
    ("notify", &["source/watch"]),
    ("httparse", &["http/plain"]),
    ("hyper", &["http", "ops"]),
    ("hyper_util", &["http", "ops"]),
    ("rusqlite", &["store"]),
    ("std::time::SystemTime::now", &["ops/clock"]),
    ("jiff::Timestamp::now", &["ops/clock"]),
    ("print!", &["cli"]),
    ("println!", &["cli"]),
    ("eprint!", &["cli"]),
    ("eprintln!", &["cli"]),
    ("dbg!", &[]),
];

/// Lines that a file may have outside of its test modules.
const FILE_LINES: usize = 520;
/// Lines that a function may have.
const FUNCTION_LINES: usize = 70;

#[test]
fn imports_go_downward() {
    report("imports that go up or sideways", upward_imports(sources(), ORDER));
}

#[test]
fn no_imports_go_in_a_circle() {
    let known =
        KNOWN_CIRCLES.iter().map(|(folder, circle)| format!("{folder}: {circle}")).collect();
    let found = circles(sources());
    report("circles of imports", found.difference(&known).cloned().collect());
    report(
        "no longer a circle: delete it from KNOWN_CIRCLES",
        known.difference(&found).cloned().collect(),
    );
}

#[test]
fn the_tables_name_what_exists() {
    let mut wrong = unordered_modules(sources(), ORDER);
    let homes = HOMES.iter().flat_map(|(_, homes)| homes.iter());
    for place in PURE.iter().chain(IMPURE).chain(WRITERS).chain(homes) {
        if !sources().files.keys().any(|file| is_in(&module_of(file), place)) {
            wrong.push(format!("there is no module {place}"));
        }
    }
    report("tables of this test that do not fit the tree", wrong);
}

#[test]
fn the_core_is_pure() {
    report("effects in the core", effects_in_the_core(sources()));
}

#[test]
fn only_store_and_new_write() {
    report("modules that write", writes(sources()));
}

#[test]
fn what_has_a_home_stays_there() {
    report("named outside of its home", far_from_home(sources()));
}

#[test]
fn files_and_functions_stay_readable() {
    report("too long", long_ones(sources()));
}

#[test]
fn every_file_says_what_it_is() {
    let headless = texts().into_iter().filter(|(_, text)| !text.starts_with("//! "));
    report("files without a head", headless.map(|(file, _)| file).collect());
}

/// Imports that the order of `orders` does not allow.
fn upward_imports(modules: &Modules, orders: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for order in orders.lines().filter_map(Order::parse) {
        for (from, to, mention) in imports_in(modules, &order.folder) {
            let (Some(own), Some(other)) = (order.rank(&from), order.rank(&to)) else { continue };
            if other >= own {
                wrong.push(format!("{from} imports {to}: {}", mention.show()));
            }
        }
    }
    wrong
}

/// Modules without a place in the order of their folder, and places without a module.
fn unordered_modules(modules: &Modules, orders: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let folders = modules.folders();
    for order in orders.lines().filter_map(Order::parse) {
        let exist: BTreeSet<&String> = folders.get(&order.folder).into_iter().flatten().collect();
        let named: BTreeSet<&String> =
            order.ranks.iter().flatten().filter(|name| *name != "mod").collect();
        for name in exist.symmetric_difference(&named) {
            wrong.push(format!(
                "{}: {name} is either in the order or in the folder",
                order.folder.join("/")
            ));
        }
    }
    wrong
}

/// Circles of imports between the modules of one folder. What a folder's own file has in common
/// with its modules is left to an order that names `mod`.
fn circles(modules: &Modules) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for folder in modules.folders().into_keys() {
        let mut imports: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (from, to, _) in imports_in(modules, &folder) {
            if from != "mod" && to != "mod" {
                imports.entry(from).or_default().insert(to);
            }
        }
        let reach: BTreeMap<&String, BTreeSet<&String>> =
            imports.keys().map(|module| (module, reachable(module, &imports))).collect();
        for (module, reached) in &reach {
            let both_ways =
                |other: &&&String| reach.get(*other).is_some_and(|back| back.contains(module));
            let circle: Vec<&str> =
                reached.iter().filter(both_ways).map(|name| name.as_str()).collect();
            let folder = folder.join("/").replacen("crate", "src", 1);
            if !circle.is_empty() {
                found.insert(format!("{folder}: {}", circle.join(" ")));
            }
        }
    }
    found
}

/// The modules that `module` imports, directly or through others.
fn reachable<'a>(
    module: &'a String,
    imports: &'a BTreeMap<String, BTreeSet<String>>,
) -> BTreeSet<&'a String> {
    let mut reached = BTreeSet::new();
    let mut todo = vec![module];
    while let Some(next) = todo.pop() {
        for imported in imports.get(next).into_iter().flatten() {
            if reached.insert(imported) {
                todo.push(imported);
            }
        }
    }
    reached
}

fn effects_in_the_core(modules: &Modules) -> Vec<String> {
    let is_pure = |mention: &Mention| {
        let beneath = |places: &[&str]| places.iter().any(|place| is_in(&mention.module, place));
        beneath(PURE) && !beneath(IMPURE)
    };
    let is_value = |mention: &Mention| {
        !mention.path.contains(&"*".to_owned()) && names_one_of(mention, NO_EFFECTS)
    };
    let has_effect = |mention: &Mention| names_one_of(mention, EFFECTS) && !is_value(mention);
    modules
        .mentions
        .iter()
        .filter(|mention| is_pure(mention) && has_effect(mention))
        .map(Mention::show)
        .collect()
}

fn writes(modules: &Modules) -> Vec<String> {
    let writes = modules.mentions.iter().filter(|mention| names_one_of(mention, WRITES));
    writes
        .filter(|mention| !WRITERS.iter().any(|home| is_in(&mention.module, home)))
        .map(Mention::show)
        .collect()
}

fn far_from_home(modules: &Modules) -> Vec<String> {
    let mut far = Vec::new();
    for mention in &modules.mentions {
        for (name, homes) in HOMES {
            if names_one_of(mention, &[name])
                && !homes.iter().any(|home| is_in(&mention.module, home))
            {
                far.push(mention.show());
            }
        }
    }
    far
}

fn long_ones(modules: &Modules) -> Vec<String> {
    let mut long = Vec::new();
    for (file, code) in &modules.files {
        if code.lines > FILE_LINES {
            long.push(format!("{file}: {} lines", code.lines));
        }
        for (name, lines) in code.functions() {
            if lines > FUNCTION_LINES {
                long.push(format!("{file}: fn {name}: {lines} lines"));
            }
        }
    }
    long
}

/// A line of [`ORDER`].
struct Order {
    folder: modules::Path,
    ranks: Vec<Vec<String>>,
}

impl Order {
    fn parse(line: &str) -> Option<Self> {
        let (folder, order) = line.trim().split_once(": ")?;
        let folder = folder
            .split('/')
            .map(|name| if name == "src" { "crate" } else { name }.to_owned())
            .collect();
        let ranks = order
            .split('<')
            .map(|rank| rank.split_whitespace().map(str::to_owned).collect())
            .collect();
        Some(Self { folder, ranks })
    }

    fn rank(&self, module: &str) -> Option<usize> {
        self.ranks.iter().position(|rank| rank.iter().any(|name| name == module))
    }
}

/// What the modules of a folder import from each other. A re-export is no import.
fn imports_in<'a>(modules: &'a Modules, folder: &[String]) -> Vec<(String, String, &'a Mention)> {
    let child = |path: &[String]| {
        let beneath = modules.owner(path)?.strip_prefix(folder)?;
        Some(beneath.first().map_or("mod", String::as_str).to_owned())
    };
    let mut imports = Vec::new();
    for mention in modules.mentions.iter().filter(|mention| !mention.passed_on) {
        let Some(from) = child(&mention.module) else { continue };
        let mut targets = BTreeSet::from_iter(
            [child(&mention.path), child(&mention.through)].into_iter().flatten(),
        );
        // The folder's own file is only the way to what it re-exports.
        if targets.len() > 1 {
            targets.remove("mod");
        }
        targets.remove(&from);
        imports.extend(targets.into_iter().map(|to| (from.clone(), to, mention)));
    }
    imports
}

/// Is the module the one at `place` (such as `feed/rss`), or inside of it?
fn is_in(module: &[String], place: &str) -> bool {
    let names: Vec<&str> = place.split('/').collect();
    module.len() > names.len() && module[1..].iter().zip(&names).all(|(a, b)| a == b)
}

/// Does the mention name one of these, something beneath one, or everything beside one?
fn names_one_of(mention: &Mention, names: &[&str]) -> bool {
    names.iter().any(|name| {
        let mut pairs = name.split("::").zip(&mention.path);
        let is_shorter = mention.path.len() < name.split("::").count();
        match mention.path.iter().position(|segment| segment == "*") {
            Some(star) => pairs.take(star).all(|(a, b)| a == b),
            None => !is_shorter && pairs.all(|(a, b)| a == b),
        }
    })
}

fn report(what: &str, wrong: Vec<String>) {
    assert!(wrong.is_empty(), "{what}:\n{}", wrong.join("\n"));
}

fn sources() -> &'static Modules {
    static SOURCES: LazyLock<Modules> = LazyLock::new(|| Modules::of(&texts()));
    &SOURCES
}

/// Every file under `src/`: its path there, and its text.
fn texts() -> Vec<(String, String)> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut texts = Vec::new();
    let mut directories = vec![root.clone()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
                texts.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(texts.len() > 30, "the sources were not found");
    texts
}

/// A tree that keeps every rule.
const LAWFUL: &[(&str, &str)] = &[
    ("base/mod.rs", "pub mod time; pub use time::Timestamp;"),
    ("base/time.rs", "pub use jiff::Timestamp;"),
    ("library/mod.rs", "mod rows; mod step; pub use rows::Row; use crate::base::Timestamp;"),
    ("library/rows.rs", "pub struct Row;"),
    ("library/step.rs", "use super::Row;"),
    ("feed/rss.rs", "use ::rss::Channel;"),
    ("store/mod.rs", "use std::fs; pub use std::fs as files; fn f() { fs::write(); }"),
    ("engine/mod.rs", "use crate::library::{self, Row}; use crate::store;"),
    ("http/mod.rs", "pub fn start() {}"),
];

/// Checks what a rule finds in [`LAWFUL`] with one more text, which may replace one: `expected` is
/// what each finding contains, in their order.
fn check(rule: impl Fn(&Modules) -> Vec<String>, file: &str, text: &str, expected: &[&str]) {
    let mut texts: Vec<(&str, &str)> =
        LAWFUL.iter().copied().filter(|(name, _)| *name != file).collect();
    texts.push((file, text));
    let found = rule(&Modules::of(&texts));
    let as_expected = |(found, expected): (&String, &&str)| found.contains(expected);
    assert!(
        found.len() == expected.len() && found.iter().zip(expected).all(as_expected),
        "{file}: {text}\nfound {found:?}\ninstead of {expected:?}"
    );
}

#[test]
fn a_planted_import_upward_is_found() {
    let order = "src: base < library < store < engine < http ops < main\nsrc/library: rows < step";
    let check = |file, text, expected: &[&str]| {
        check(|modules| upward_imports(modules, order), file, text, expected)
    };
    check("library/new.rs", "use crate::base::{time::{self}, Timestamp}; use super::Row;", &[]);
    check("main.rs", "fn main() { dropfeed::http::start() }", &[]);
    check(
        "library/new.rs",
        "use crate::http::start;",
        &["library imports http: library/new.rs:1: crate::http::start"],
    );
    check("library/new.rs", "\nfn f() { crate::http::start() }", &["library/new.rs:2"]);
    check("library/new.rs", "fn f() { super::super::http::start() }", &["crate::http::start"]);
    check(
        "library/new.rs",
        "use {crate::{base, store::{self, *}}};",
        &["crate::store", "crate::store::*"],
    );
    check(
        "library/new.rs",
        "use crate::{engine as e}; fn f() { e::f() }",
        &["crate::engine", "crate::engine::f"],
    );
    check("library/new.rs", "mod inside { use super::super::super::engine; }", &["crate::engine"]);
    check(
        "library/new.rs",
        "#[cfg(test)] mod tests { use crate::http; } use crate::engine;",
        &["crate::engine"],
    );
    check(
        "library/new.rs",
        "use crate::store::files;",
        &["library imports store: library/new.rs:1: std::fs"],
    );
    check("library/new.rs", "use crate::engine::Row;", &["library imports engine"]);
    check("ops.rs", "use crate::http;", &["ops imports http"]);
    check(
        "base/mod.rs",
        "#[cfg(test)]\nmod early;\npub(crate) fn f() { crate::store::f() }",
        &["base imports store"],
    );
    check("library/rows.rs", "use super::step::Step;", &["rows imports step"]);
    check(
        "library/rows.rs",
        "use crate::library; fn f() { library::step::f() }",
        &["rows imports step"],
    );
}

#[test]
fn a_planted_file_without_a_place_is_found() {
    let order = "src: base < library < store < engine < http\nsrc/library: rows < step";
    let check = |file, text, expected: &[&str]| {
        check(|modules| unordered_modules(modules, order), file, text, expected)
    };
    check("library/step.rs", "", &[]);
    check("library/new.rs", "", &["new is either"]);
    check("daemon.rs", "", &["daemon is either"]);
    check("library/mod.rs", "#[cfg(test)] mod step;", &["step is either"]);
}

#[test]
fn a_planted_circle_is_found() {
    let check = |file, text, expected: &[&str]| {
        check(|modules| Vec::from_iter(circles(modules)), file, text, expected)
    };
    check("library/step.rs", "use super::{Row, rows};", &[]);
    check("library/rows.rs", "use super::step::Step;", &["src/library: rows step"]);
    check("library/rows.rs", "fn f() { crate::library::step::f() }", &["src/library: rows step"]);
    check("library/rows/deep.rs", "use super::super::step;", &["src/library: rows step"]);
    check("library/mod.rs", "mod rows; mod step; pub use step::Row;", &[]);
    check("store/mod.rs", "use crate::engine;", &["src: engine store"]);
}

#[test]
fn a_planted_effect_is_found() {
    let check = |file, text, expected: &[&str]| check(effects_in_the_core, file, text, expected);
    check(
        "library/new.rs",
        "use std::collections::HashMap; fn f(now: Timestamp) { now.round() } // println!(\"\")",
        &[],
    );
    check(
        "config/raw.rs",
        "use std::net::{IpAddr, SocketAddr}; fn f(a: std::net::Ipv4Addr) {}",
        &[],
    );
    check("config/load.rs", "use std::fs;", &[]);
    check("engine/new.rs", "use std::{fs, thread};", &[]);
    check("library/new.rs", "#[cfg(test)] mod tests { use std::fs; fn f() { let x = '{'; } }", &[]);
    check("library/new.rs", "use std::{collections, fs as files};", &["std::fs"]);
    check("library/new.rs", "use std::*;", &["std::*"]);
    check("library/new.rs", "use std::net::{SocketAddr, TcpStream};", &["TcpStream"]);
    check("library/new.rs", "use crate::store::files; ", &["std::fs"]);
    check(
        "library/new.rs",
        "fn f() { let t = super::Timestamp::now(); }",
        &["jiff::Timestamp::now"],
    );
    check(
        "library/new.rs",
        "use std::time; fn f() { time::SystemTime::now(); }",
        &["SystemTime::now"],
    );
    check("library/new.rs", "use std::time::Instant;", &["Instant"]);
    check(
        "library/new.rs",
        "fn f() { ::std::thread::spawn(g); std::env::var(n); }",
        &["std::env", "std::thread"],
    );
    check(
        "library/new.rs",
        "fn f() { println!(\"\"); eprintln!(); dbg!(1); }",
        &["dbg!", "eprintln!", "println!"],
    );
    check(
        "library/new.rs",
        "fn f() { tracing::info!(\"\"); rand::random(); }",
        &["rand", "tracing::info"],
    );
    check("library/new.rs", "use rustix::fs::stat; use tokio::sync;", &["rustix", "tokio"]);
}

#[test]
fn a_planted_write_is_found() {
    let check = |file, text, expected: &[&str]| check(writes, file, text, expected);
    check(
        "source/read.rs",
        "use std::fs::{self, File}; fn f() { fs::read(p); File::open(p); fs::symlink_metadata(p) }",
        &[],
    );
    check(
        "source/read.rs",
        "use rustix::fs::{OFlags, openat2}; const F: OFlags = OFlags::RDONLY;",
        &[],
    );
    check("source/read.rs", "#[cfg(test)] mod tests { fn f() { std::fs::write(p, t) } }", &[]);
    check("cli/new.rs", "fn f() { std::fs::create_dir(p) }", &[]);
    check("source/read.rs", "fn f() { std::fs::write(p, t) }", &["std::fs::write"]);
    check("source/read.rs", "use std::fs::{File, *};", &["std::fs::*"]);
    check(
        "source/read.rs",
        "use std::fs::File; fn f() { File::create(p) }",
        &["std::fs::File::create"],
    );
    check(
        "engine/run.rs",
        "use std::fs; fn f() { fs::OpenOptions::new() }",
        &["std::fs::OpenOptions"],
    );
    check(
        "engine/run.rs",
        "use crate::store::files; fn f() { files::rename(a, b) }",
        &["std::fs::rename"],
    );
    check("daemon.rs", "use rustix::fs::{renameat, unlinkat};", &["renameat", "unlinkat"]);
    check(
        "daemon.rs",
        "use rustix::fs::OFlags; fn f() { g(OFlags::RDONLY | OFlags::CREATE) }",
        &["OFlags::CREATE"],
    );
}

#[test]
fn a_planted_stranger_is_found() {
    let check = |file, text, expected: &[&str]| check(far_from_home, file, text, expected);
    check("feed/rss.rs", "use ::rss::{Channel, Item};", &[]);
    check("feed/mod.rs", "mod rss; fn f() { rss::write() }", &[]);
    check("feed/mod.rs", "mod rss; fn f() { ::rss::Channel::new() }", &["rss::Channel"]);
    check(
        "feed/json.rs",
        "use rss::Channel; use chrono::{DateTime, Utc};",
        &["chrono", "chrono", "rss::Channel"],
    );
    check("engine/run.rs", "fn f(e: notify::Event) {}", &["notify"]);
    check("publish/document.rs", "use hyper::body::Bytes;", &["hyper"]);
    check("library/rows.rs", "impl rusqlite::ToSql for Row {}", &["rusqlite"]);
    check(
        "http/server.rs",
        "use std::time::SystemTime; fn f() { SystemTime::now() }",
        &["SystemTime::now"],
    );
}

#[test]
fn a_planted_length_is_found() {
    let check = |text: &str, expected: &[&str]| check(long_ones, "engine/run.rs", text, expected);
    let function = |lines: usize| format!("fn f() {{\n{}}}\n", "    g();\n".repeat(lines - 2));
    check(&function(FUNCTION_LINES), &[]);
    check(&function(FUNCTION_LINES + 1), &["fn f: 71 lines"]);
    check(&format!("#[cfg(test)]\nmod tests {{\n{}}}", "\n".repeat(FILE_LINES)), &[]);
    check(&format!("#[cfg(test)]\nmod tests;\n{}", "\n".repeat(FILE_LINES)), &["522 lines"]);
}
