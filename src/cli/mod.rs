//! The command line: what may be said, and who does it.
//!
//! Errors end here, as one sentence each on standard error and as an exit status: 0 as asked, 1 failed, 2 a wrong
//! command line (or errors found by `check`), 75 the state is in use, 78 a wrong configuration.

mod new;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand, ValueEnum};

use crate::config::{self, Errors, Loaded};
use crate::ops::EX_CONFIG;
use crate::ops::clock::{Clock as _, SystemClock};
use crate::ops::logging::{self, Style};
use crate::{check, daemon};

const EXAMPLES: &str = "\
Examples:
  dropfeed                         serve ./articles at http://127.0.0.1:8080
  dropfeed --config site.toml      serve what another file says
  dropfeed new \"Hello, world\"      begin an article, dated now
  dropfeed check                   tell what is wrong, before readers see it
  dropfeed build                   write the feeds once, and end

The configuration is --config, else ./config.toml, else /etc/dropfeed/config.toml; without any of them the defaults \
are used where there is a directory ./articles. DROPFEED_SECTION__KEY overrides a key, as in DROPFEED_FEEDS__LIMIT=50.";

/// Drop an article into a directory, and it stands in RSS, Atom and JSON Feed at once.
#[derive(Debug, Parser)]
#[command(name = "dropfeed", version, after_help = EXAMPLES, max_term_width = 100)]
struct Args {
    #[command(subcommand)]
    command: Option<Command>,

    /// The configuration [default: ./config.toml, else /etc/dropfeed/config.toml]
    #[arg(long, global = true, value_name = "PATH")]
    config: Option<PathBuf>,

    /// How the log is written, on standard error: text or json
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text", hide_possible_values = true)]
    log_format: LogFormat,

    /// What is logged: off, error, warn, info, debug, trace, or a filter [default: info; DROPFEED_LOG]
    #[arg(long, global = true, value_name = "LEVEL")]
    log_level: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    /// Lines for people, or for journald under systemd
    Text,
    /// One object a line
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Watch the articles and serve their feeds; this is what dropfeed does without a command
    Serve,
    /// Publish once, write every feed, and end
    Build,
    /// Tell what is wrong with configuration and articles: exit status 0 clean, 1 warnings, 2 errors
    Check {
        /// One object a line: path, line, column, severity, code, message
        #[arg(long)]
        json: bool,
    },
    /// Begin an article: a file with its title and date in the article directory, whose path is printed
    New {
        /// The title
        title: String,
        /// The directory beneath the article directory that it belongs in
        #[arg(long, value_name = "SUB")]
        dir: Option<String>,
        /// Keep it back until its line `draft: true` is gone; without this it is public at once
        #[arg(long)]
        draft: bool,
    },
    /// Print the completions of a shell
    #[command(hide = true)]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Print the man page, or that of a command
    #[command(hide = true)]
    Man {
        /// Which command
        command: Option<String>,
    },
}

/// Does what the command line says, and gives the exit status.
pub fn run() -> ExitCode {
    match execute(Args::parse()) {
        Ok(code) => code,
        Err(error) => complain(&error),
    }
}

fn execute(args: Args) -> anyhow::Result<ExitCode> {
    let command = args.command.unwrap_or(Command::Serve);
    let style = match args.log_format {
        LogFormat::Text => Style::detect(),
        LogFormat::Json => Style::Json,
    };
    // The short commands print their answers themselves.
    let default = if matches!(command, Command::Serve | Command::Build) { "info" } else { "warn" };
    if let Err(sentence) = logging::start(style, args.log_level.as_deref(), default) {
        logging::complain(&sentence);
        return Ok(ExitCode::from(2));
    }
    let load = || config::load(args.config.as_deref());
    match command {
        Command::Serve => daemon::serve(&|| load().map(told)),
        Command::Build => daemon::build(load().map(told)?),
        Command::Check { json } => check(load(), json),
        Command::New { title, dir, draft } => {
            let article = new::Wanted { title: &title, dir: dir.as_deref().unwrap_or_default(), draft };
            let path = new::create(&load()?.config, &article, SystemClock.now())?;
            print(|out| writeln!(out, "{}", path.display()))
        }
        Command::Completions { shell } => print(|out| {
            clap_complete::generate(shell, &mut Args::command(), "dropfeed", out);
            Ok(())
        }),
        Command::Man { command } => man(command.as_deref()),
    }
}

/// The configuration, after the log was told how it was found.
fn told(loaded: Loaded) -> config::Config {
    match &loaded.file {
        Some(file) => tracing::debug!(file = %file.display(), "configuration read"),
        None => tracing::info!(articles = %loaded.config.articles.dir.display(), "no config.toml: using the defaults"),
    }
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    loaded.config
}

/// Findings on standard output, their number on standard error.
fn check(loaded: Result<Loaded, Errors>, json: bool) -> anyhow::Result<ExitCode> {
    let report = match loaded {
        Ok(loaded) => check::check(&loaded, SystemClock.now()),
        Err(errors) => check::refused(&errors),
    };
    print(|out| report.write(out, json))?;
    if let Some(totals) = report.totals(json) {
        // Where standard error is gone, there is nobody left to tell.
        let _ = writeln!(io::stderr(), "{totals}");
    }
    Ok(ExitCode::from(report.exit()))
}

fn man(command: Option<&str>) -> anyhow::Result<ExitCode> {
    let mut root = Args::command();
    root.build();
    let page = match command {
        None => root,
        Some(name) => match root.find_subcommand(name) {
            Some(command) => command.clone(),
            None => anyhow::bail!("there is no command {name:?}"),
        },
    };
    print(|out| clap_mangen::Man::new(page).render(out))
}

/// Writes to standard output. A reader that has seen enough (`| head`) is no failure.
fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> anyhow::Result<ExitCode> {
    // Into memory first: the generators of `clap` panic where a pipe breaks.
    let mut bytes = Vec::new();
    write(&mut bytes)?;
    match io::stdout().write_all(&bytes).and_then(|()| io::stdout().flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

fn complain(error: &anyhow::Error) -> ExitCode {
    if let Some(errors) = error.downcast_ref::<Errors>() {
        errors.0.iter().for_each(|mistake| logging::complain(&mistake.to_string()));
        return ExitCode::from(EX_CONFIG);
    }
    logging::complain(&format!("dropfeed: {error:#}"));
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definitions_hold_together() {
        Args::command().debug_assert();
    }

    #[test]
    fn without_a_command_it_serves() {
        let args = Args::try_parse_from(["dropfeed", "--config", "a.toml"]).unwrap();
        assert!(args.command.is_none() && args.config == Some("a.toml".into()));
        let args = Args::try_parse_from(["dropfeed", "check", "--json", "--log-format", "json"]).unwrap();
        assert!(matches!(args.command, Some(Command::Check { json: true })) && args.log_format == LogFormat::Json);
    }
}
