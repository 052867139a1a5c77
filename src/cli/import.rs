//! `dropfeed import`: reads old feeds, hands them to the engine, and prints what subscribers will
//! see.
//!
//! Exit status of a dry run: 0 nothing new, 1 something would be new to readers that know entries by
//! id, 2 an error. An import has the usual ones.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use crate::base::RelPath;
use crate::config::Config;
use crate::daemon;
use crate::engine::{Import, Rehearsal};
use crate::import;
use crate::import::replay::{Seen, Verdict};
use crate::library::old_feed::{OldEntry, OldFeed};
use crate::library::{Fate, id_template};
use crate::ops::control::Request;
use crate::ops::logging;

use super::old_feed::Sources;
use super::running::{Which, ask_if_running, show};

/// The exit status where something would be new.
const NEW: u8 = 1;

/// The exit status of a dry run that shows nothing.
const FAILED: u8 = 2;

pub(super) const EXAMPLES: &str = "\
Examples:
  dropfeed import --dry-run rss.xml          Show what subscribers of the old feed will see
  dropfeed import rss.xml atom.xml           Keep the ids of both formats
  dropfeed import feed.xml page2.xml         feed.xml is what subscribers poll, page2.xml has older posts
  dropfeed import https://blog.example/feed  Fetch it, with its older pages
  dropfeed import --id-template hugo rss.xml Make the ids of posts that the feed does not list
  dropfeed import --undo                     Take the last import back

A running dropfeed imports at once, and publishes the result; that cannot be taken back.

Exit status of --dry-run: 0 if nothing is new to readers that know entries by id, 1 if something is
or if no entry belongs to an article, 2 after an error.";

/// The options of `dropfeed import`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Files or addresses of the old feed: RSS, Atom or JSON. Of several in one format, the first
    /// is the feed that subscribers poll, and the others are its older pages. The older pages of an
    /// address are found by themselves
    #[arg(value_name = "FEED", required_unless_present = "undo")]
    feeds: Vec<String>,
    /// Change nothing; show what subscribers of the old feed will see after the switch
    #[arg(long)]
    dry_run: bool,
    /// Take the last import back, unless dropfeed was started since
    #[arg(long, conflicts_with_all = ["feeds", "dry_run", "id_template"])]
    undo: bool,
    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
    /// Fetch addresses through this proxy [env: HTTPS_PROXY, http_proxy; NO_PROXY for exceptions]
    #[arg(long, value_name = "URL")]
    proxy: Option<String>,
    /// Follow older pages to these hosts as well, separated by commas
    #[arg(long, value_name = "HOST", value_delimiter = ',')]
    follow_hosts: Vec<String>,
    /// Make the ids of old posts that the feed does not list: a preset (jekyll-feed, hugo, zola,
    /// eleventy, wordpress, ghost, blogger, pelican) or a text with {home}, {host}, {path}, {slug},
    /// {year}, {month}, {day}, {id}, {feed_id}
    #[arg(long, value_name = "TEMPLATE")]
    id_template: Option<String>,
    #[command(flatten)]
    which: Which,
}

impl Options {
    /// The configuration of the dropfeed that imports.
    pub(super) fn load(&self, config: Option<&Path>) -> anyhow::Result<Config> {
        self.which.load(config)
    }
}

/// Runs the command, and returns its exit status.
pub(super) fn run(config: Config, options: &Options) -> anyhow::Result<ExitCode> {
    match execute(config, options) {
        Ok(code) => Ok(code),
        // It is distinguished from what a dry run shows; without one, the usual status is.
        Err(error) if !options.dry_run => Err(error),
        Err(error) => {
            logging::report(&format!("dropfeed: {error:#}"));
            Ok(ExitCode::from(FAILED))
        }
    }
}

fn execute(config: Config, options: &Options) -> anyhow::Result<ExitCode> {
    let import = if options.undo {
        Import::Undo
    } else {
        let (feed, notes) = read(&config, options)?;
        for note in notes {
            logging::report(&note);
        }
        if options.dry_run { Import::Rehearse(feed) } else { Import::Apply(feed) }
    };
    let rehearsal = match carry_out(config, import)? {
        Ok(Some(rehearsal)) => rehearsal,
        Ok(None) => return super::print(|out| writeln!(out, "the last import was taken back")),
        Err(_) if options.dry_run => return Ok(ExitCode::from(FAILED)),
        Err(code) => return Ok(code),
    };
    let is_in_doubt = rehearsal.by_id.new > 0 || matched(&rehearsal) == 0;
    let code = if options.dry_run && is_in_doubt { ExitCode::from(NEW) } else { ExitCode::SUCCESS };
    super::print(|out| match options.json {
        true => write_json(out, &rehearsal),
        false => write_text(out, &rehearsal, options),
    })?;
    Ok(code)
}

/// Asks the running dropfeed; without one, works on the state itself. `Err` in the result: the exit
/// status, after the reason was reported.
fn carry_out(
    config: Config,
    import: Import,
) -> anyhow::Result<Result<Option<Rehearsal>, ExitCode>> {
    let request = Request::Import { import: serde_json::to_value(&import)? };
    let Some(answer) = ask_if_running(&config.state.dir, &request)? else {
        return daemon::import(config, import);
    };
    if !answer.reply.ok {
        return Ok(Err(show(&answer.reply)?));
    }
    let data = answer.reply.data.unwrap_or_default();
    Ok(Ok(serde_json::from_value(data)?))
}

/// The documents as one feed, and what has to be said about them.
fn read(config: &Config, options: &Options) -> anyhow::Result<(OldFeed, Vec<String>)> {
    let mut sources = Sources::new(options.proxy.as_deref(), &options.follow_hosts);
    for source in &options.feeds {
        sources.take(source)?;
    }
    let (documents, notes) = sources.finish();
    let mut feed = import::join(documents).map_err(|why| anyhow::anyhow!("{why}"))?;
    feed.base = config.site.url.path().trim_matches('/').to_owned();
    feed.home = feed.home.or_else(|| Some(config.site.url.to_string()));
    if let Some(template) = &options.id_template {
        feed.id_template = Some(id_template::resolve(template).map_err(anyhow::Error::msg)?);
    }
    Ok((feed, notes))
}

fn write_text(out: &mut dyn Write, rehearsal: &Rehearsal, options: &Options) -> io::Result<()> {
    for (entry, fate) in &rehearsal.fates {
        match fate {
            Fate::Article(_) => {}
            Fate::Ambiguous(paths) => {
                let paths: Vec<String> = paths.iter().map(RelPath::to_string).collect();
                writeln!(
                    out,
                    "ambiguous   {} ({}): fits {}; write `guid: {:?}` into the front matter of the right one",
                    entry.title,
                    entry.link,
                    paths.join(" and "),
                    entry.id
                )?;
            }
            Fate::Unmatched => {
                writeln!(
                    out,
                    "no article  {} ({}): stays in readers as it is",
                    entry.title, entry.link
                )?;
            }
        }
    }
    for (seen, path) in &rehearsal.seen {
        let path = path.as_ref().map(RelPath::to_string).unwrap_or_default();
        let link = &seen.entry.link;
        match &seen.by_id {
            Verdict::Same => {}
            Verdict::Changed(changes) => {
                writeln!(out, "changed     {path} ({link}): {}", changes.join(", "))?;
            }
            Verdict::Moved(from) => writeln!(out, "moved       {path}: {from} -> {link}")?,
            Verdict::New => writeln!(
                out,
                "new         {path} ({link}): the {} id {:?} was not in the old feed",
                seen.entry.format.file_name(),
                seen.entry.id
            )?,
        }
    }
    let (matched, all) = (matched(rehearsal), rehearsal.fates.len());
    let verb = if options.dry_run { "would be imported" } else { "imported" };
    writeln!(out, "{matched} of {all} entries {verb}")?;
    if matched == 0 {
        writeln!(
            out,
            "no entry belongs to an article: is this the old feed of these articles? Those that are older than its \
             newest entry stay out of the feed of the site"
        )?;
    }
    writeln!(out, "{} for readers that know entries by id", rehearsal.by_id)?;
    writeln!(out, "{} for readers that know entries by link", rehearsal.by_link)
}

fn matched(rehearsal: &Rehearsal) -> usize {
    let mut matched = 0;
    for (_, fate) in &rehearsal.fates {
        matched += usize::from(matches!(fate, Fate::Article(_)));
    }
    matched
}

fn write_json(out: &mut dyn Write, rehearsal: &Rehearsal) -> io::Result<()> {
    for (entry, fate) in &rehearsal.fates {
        writeln!(out, "{}", of_old(entry, fate))?;
    }
    for (seen, path) in &rehearsal.seen {
        writeln!(out, "{}", of_new(seen, path.as_ref()))?;
    }
    let totals = [&rehearsal.by_id, &rehearsal.by_link]
        .map(|totals| json!({"new": totals.new, "changed": totals.changed, "moved": totals.moved}));
    let [by_id, by_link] = totals;
    let summary = json!({
        "kind": "summary", "entries": rehearsal.fates.len(), "matched": matched(rehearsal),
        "by_id": by_id, "by_link": by_link,
    });
    writeln!(out, "{summary}")
}

/// An entry of the old feed as an object.
fn of_old(entry: &OldEntry, fate: &Fate) -> Value {
    let (kind, paths) = match fate {
        Fate::Article(path) => ("matched", vec![path.to_string()]),
        Fate::Ambiguous(paths) => ("ambiguous", paths.iter().map(RelPath::to_string).collect()),
        Fate::Unmatched => ("unmatched", Vec::new()),
    };
    json!({
        "kind": kind, "format": entry.format, "id": entry.id, "link": entry.link, "title": entry.title,
        "paths": paths,
    })
}

/// An entry of the new feed as an object.
fn of_new(seen: &Seen, path: Option<&RelPath>) -> Value {
    let (kind, old_link, changes) = match &seen.by_id {
        Verdict::Same => ("same", None, None),
        Verdict::Changed(changes) => ("changed", None, Some(changes)),
        Verdict::Moved(from) => ("moved", Some(from), None),
        Verdict::New => ("new", None, None),
    };
    json!({
        "kind": kind, "format": seen.entry.format, "path": path.map(RelPath::to_string), "id": seen.entry.id,
        "link": seen.entry.link, "title": seen.entry.title, "old_link": old_link, "changes": changes,
    })
}
