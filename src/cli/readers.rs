//! `dropfeed readers`: how many people read each feed. A running dropfeed is asked for it; the
//! statistics of a stopped one are read from its state.

use std::path::Path;
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;

use super::print;
use super::running::{Form, Which, ask_if_running, show};
use crate::ops::clock::{Clock as _, SystemClock};
use crate::ops::control::Request;
use crate::readers::report::{self, Question, When};
use crate::store::Lock;
use crate::store::side::readers::ReadersFile;

pub(super) const EXAMPLES: &str = "\
Examples:
  dropfeed readers                      Show today, yesterday and the average of each feed
  dropfeed readers --days 30 --feed /   Show 30 days of the site's feed
  dropfeed readers --json | jq '.feeds[] | [.feed, .yesterday]'

Readers are counted only with `enabled = true` in [readers] of the configuration.";

/// The options of `dropfeed readers`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Also list the last N days one by one, up to 366 [default with --json: 30]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=366))]
    days: Option<u16>,
    /// Only this feed: `/`, `/tags/rust/` or `/tags/rust/atom.xml`
    #[arg(long, value_name = "PATH", value_parser = feed)]
    feed: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    which: Which,
}

/// The path of the directory of a feed.
fn feed(text: &str) -> Result<String, String> {
    report::feed_of(text)
        .ok_or_else(|| "not the path of a feed, such as / or /tags/rust/".to_owned())
}

/// Prints the readers.
pub(super) fn run(options: Options, config: Option<&Path>) -> anyhow::Result<ExitCode> {
    let Options { days, feed, json, which } = options;
    let form = if json { Form::Json } else { Form::Text };
    let question = Question { days: days.map(usize::from), feed };
    let state = which.state_dir(config)?;
    let asked = Request::Readers { days: question.days, feed: question.feed.clone() };
    let Some(answer) = ask_if_running(&state, &asked)? else {
        return read(&which, config, &question, form);
    };
    match (form, &answer.reply.data) {
        (Form::Json, Some(data)) => print(|out| writeln!(out, "{data}")),
        _ => show(&answer.reply),
    }
}

/// Prints the readers of a stopped dropfeed.
fn read(
    which: &Which,
    config: Option<&Path>,
    question: &Question,
    form: Form,
) -> anyhow::Result<ExitCode> {
    let config = which.load(config)?;
    let state = &config.state.dir;
    if !ReadersFile::exists(state) {
        bail!("no reader was ever counted; set readers.enabled to true, and start dropfeed");
    }
    let _lock = Lock::acquire(state)?;
    let history = ReadersFile::open(state)?.load()?;
    let zone = &config.site.timezone;
    let today = SystemClock.now().to_zoned(zone.clone()).date();
    let when = When { today, zone: zone.iana_name().unwrap_or("UTC") };
    print(|out| match form {
        Form::Json => writeln!(out, "{}", report::json(&history, question, when)),
        Form::Text => writeln!(out, "{}", report::text(&history, question, when)),
    })
}
