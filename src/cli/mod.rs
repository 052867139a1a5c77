//! The command line: its options, and the function that each command calls.
//!
//! Errors end here, as one sentence each on standard error and as an exit status: 0 success, 1
//! failure, 2 a wrong command line (or errors found by `check`, or no answer to `status`), 75 the
//! state is in use, 78 an operator has to act.

mod import;
mod init;
mod new;
mod old_feed;
mod readers;
mod running;
mod state;

use std::cell::OnceCell;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand, ValueEnum};

use crate::config::{self, Errors, Loaded, Unusable};
use crate::ops::clock::{Clock as _, SystemClock};
use crate::ops::logging::{self, Style};
use crate::ops::{EX_CONFIG, EX_TEMPFAIL};
use crate::store::{Scratch, StoreError};
use crate::{check, daemon};

use running::{Exit, Form, Which};
use state::StateCommand;

const EXAMPLES: &str = "\
Examples:
  dropfeed                         Serve ./articles at http://127.0.0.1:8080
  dropfeed init                    Write ./config.toml with every key
  dropfeed --config site.toml      Serve with another configuration
  dropfeed serve ~/notes           Serve ~/notes without a configuration
  dropfeed new \"Hello, world\"      Create a draft, dated now
  dropfeed check                   Report problems before readers see them
  dropfeed build                   Write the feeds once and exit
  dropfeed import --dry-run rss.xml  Show what subscribers of an old feed will see
  dropfeed status                  Report what the running dropfeed does
  dropfeed readers                 Show how many people read each feed
  dropfeed reload                  Apply changes of the configuration
  dropfeed state backup DIR        Copy ids, dates and URLs, while it runs

Without --config, ./config.toml or /etc/dropfeed/config.toml is read. If neither exists, the defaults are used, provided \
that there is a directory ./articles. DROPFEED_SECTION__KEY overrides a key: DROPFEED_FEEDS__LIMIT=50.";

const SERVE_EXAMPLES: &str = "\
Examples:
  dropfeed serve                   Serve with ./config.toml
  dropfeed serve ~/notes           Serve ~/notes; feeds in ~/feeds, state in ~/.dropfeed
  dropfeed serve --drafts          Preview drafts at http://127.0.0.1:8081
  DROPFEED_SERVER__LISTEN=127.0.0.1:8081 dropfeed serve ~/notes";

const NEW_EXAMPLES: &str = "\
Examples:
  dropfeed new \"Hello, world\"      Create a draft; remove `draft: true` to publish it
  dropfeed new \"Hello\" --publish   Publish it as soon as it has text
  dropfeed new \"Hello\" --dir news  Create it in articles/news";

const STATUS_EXAMPLES: &str = "\
Examples:
  dropfeed status
  dropfeed status --exit-code > /dev/null || alert
  dropfeed status --json | jq '.articles, .degraded'

Ask as root, or as the user that dropfeed runs as. The exit status is 0 if dropfeed answers and 2 if it does not. With \
--exit-code it is 1 if it answers, but something is degraded or held, or files are refused.";

const RELOAD_EXAMPLES: &str = "\
Examples:
  dropfeed reload --config /etc/dropfeed/config.toml
  systemctl reload dropfeed        The same, for the service

The running dropfeed reads the file that it was started with; --config says where its state is. It prints the keys that \
changed, and those that need a restart. If the configuration is not valid, every error is printed, the previous \
configuration stays in use, and the exit status is 78.";

const ACCEPT_EXAMPLES: &str = "Examples:
  dropfeed accept
  dropfeed accept --config /etc/dropfeed/config.toml";

const FORGET_EXAMPLES: &str = "Examples:
  dropfeed forget posts/secret.md
  dropfeed forget https://example.org/posts/secret
  dropfeed forget /tags/old/";

/// Drop an article into a directory, and it appears at once in your RSS, Atom and JSON feeds.
#[derive(Debug, Parser)]
#[command(name = "dropfeed", version = env!("DROPFEED_VERSION"), after_help = EXAMPLES, max_term_width = 100)]
struct Args {
    #[command(subcommand)]
    command: Option<Command>,

    /// Read the configuration from PATH [default: ./config.toml, else /etc/dropfeed/config.toml]
    #[arg(long, global = true, value_name = "PATH")]
    config: Option<PathBuf>,

    /// Write the log on standard error as text or json
    #[arg(
        long,
        global = true,
        value_name = "FORMAT",
        default_value = "text",
        hide_possible_values = true
    )]
    log_format: LogFormat,

    /// Log at LEVEL: off, error, warn, info, debug, trace, or a filter [default: info] [env:
    /// DROPFEED_LOG]
    #[arg(long, global = true, value_name = "LEVEL")]
    log_level: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    /// Lines for people, or for journald under systemd
    Text,
    /// One JSON object per line
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Watch the articles and serve their feeds and pages; the default command
    #[command(after_help = SERVE_EXAMPLES)]
    Serve {
        /// Serve the articles in this directory, with the feeds and the state beside it. Without
        /// --config, no configuration file is read
        #[arg(value_name = "DIR")]
        dir: Option<PathBuf>,
        /// Show drafts too, on this machine only: at 127.0.0.1 and the port after that of
        /// server.listen, with a state and feeds that are thrown away at the end
        #[arg(long)]
        drafts: bool,
    },
    /// Write a configuration with every key, each commented out with its default, to ./config.toml
    /// or --config PATH; a file that exists is not overwritten
    Init,
    /// Publish once, write every feed to feeds.dir, and exit
    Build {
        #[command(flatten)]
        which: Which,
    },
    /// Check the configuration and the articles; exit with 0 for no problems, 1 for warnings, 2 for
    /// errors
    Check {
        /// Print one JSON object per line: path, line, column, severity, code, message
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        which: Which,
    },
    /// Create a draft with a title and the present date, and print its path
    #[command(after_help = NEW_EXAMPLES)]
    New {
        /// Title of the article
        title: String,
        /// Create it in this subdirectory of the article directory
        #[arg(long, value_name = "SUB")]
        dir: Option<String>,
        /// Publish it as soon as it has text, instead of when the line `draft: true` is removed
        #[arg(long, conflicts_with = "draft")]
        publish: bool,
        /// Create a draft, which is the default
        #[arg(long, hide = true)]
        draft: bool,
        #[command(flatten)]
        which: Which,
    },
    /// Take over ids and dates from the feed of an old site, so that its subscribers see no old
    /// post as new
    #[command(after_help = import::EXAMPLES)]
    Import(import::Options),
    /// Report what the running dropfeed publishes, and what is refused, scheduled, held or degraded
    #[command(after_help = STATUS_EXAMPLES)]
    Status {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
        /// Exit with 1 if something is degraded or held, or if files are refused
        #[arg(long)]
        exit_code: bool,
        #[command(flatten)]
        which: Which,
    },
    /// Show how many people read each feed, if that is counted
    #[command(after_help = readers::EXAMPLES)]
    Readers(readers::Options),
    /// Have the running dropfeed read its configuration again, and wait until it is applied
    #[command(after_help = RELOAD_EXAMPLES)]
    Reload {
        #[command(flatten)]
        which: Which,
    },
    /// Unpublish the articles whose files are gone, where dropfeed holds their deletion
    #[command(after_help = ACCEPT_EXAMPLES)]
    Accept {
        #[command(flatten)]
        which: Which,
    },
    /// Take an article down at once and for ever, or remove a list that is empty
    #[command(after_help = FORGET_EXAMPLES)]
    Forget {
        /// The article's file or URL, or the URL of a list
        #[arg(value_name = "PATH|URL")]
        what: String,
        #[command(flatten)]
        which: Which,
    },
    /// Back up, list, check or repair the state: ids, dates and URLs
    #[command(subcommand_required = true, arg_required_else_help = true)]
    State {
        #[command(subcommand)]
        command: StateCommand,
        #[command(flatten)]
        which: Which,
    },
    /// Print completions for a shell
    #[command(hide = true)]
    Completions {
        /// Shell to print completions for
        shell: clap_complete::Shell,
    },
    /// Print the man page of dropfeed or of a command
    #[command(hide = true)]
    Man {
        /// Command to print the page of, such as `new` or `state backup`
        command: Vec<String>,
    },
}

/// Runs the command of the command line, and returns the exit status.
pub fn run() -> ExitCode {
    match execute(Args::parse()) {
        Ok(code) => code,
        Err(error) => report(&error),
    }
}

fn execute(args: Args) -> anyhow::Result<ExitCode> {
    let command = args.command.unwrap_or(Command::Serve { dir: None, drafts: false });
    let style = match args.log_format {
        LogFormat::Text => Style::detect(),
        LogFormat::Json => Style::Json,
    };
    // The short commands print their answers themselves.
    let default = if matches!(command, Command::Serve { .. } | Command::Build { .. }) {
        "info"
    } else {
        "warn"
    };
    if let Err(sentence) = logging::start(style, args.log_level.as_deref(), default) {
        logging::report(&sentence);
        return Ok(ExitCode::from(2));
    }
    let config = args.config.as_deref();
    match command {
        Command::Serve { dir, drafts } => serve(config, dir.as_deref(), drafts),
        Command::Init => {
            let path = config.unwrap_or(Path::new("config.toml"));
            init::create(path)?;
            print(|out| writeln!(out, "{}", path.display()))
        }
        Command::Build { which } => {
            let loaded = which.loaded(config)?;
            log(&loaded);
            daemon::build(loaded.config)
        }
        Command::Check { json, which } => check(which.load_to_check(config), json),
        Command::New { title, dir, publish, draft: _, which } => {
            let publish = if publish { new::Publish::WhenWritten } else { new::Publish::Later };
            let dir = dir.as_deref().unwrap_or_default();
            let article = new::Wanted { title: &title, dir, publish };
            let path = new::create(&which.load(config)?, &article, SystemClock.now())?;
            print(|out| writeln!(out, "{}", path.display()))
        }
        Command::Import(options) => import::run(options.load(config)?, &options),
        Command::Status { json, exit_code, which } => {
            let form = if json { Form::Json } else { Form::Text };
            let exit = if exit_code { Exit::Fine } else { Exit::Answered };
            running::status(&which.state_dir(config)?, form, exit)
        }
        Command::Readers(options) => readers::run(options, config),
        Command::Reload { which } => running::reload(&which.state_dir(config)?),
        Command::Accept { which } => running::accept(&which.state_dir(config)?),
        Command::Forget { what, which } => running::forget(&which.state_dir(config)?, what),
        Command::State { command, which } => state::run(command, config, &which),
        Command::Completions { shell } => print(|out| {
            clap_complete::generate(shell, &mut Args::command(), "dropfeed", out);
            Ok(())
        }),
        Command::Man { command } => man(&command),
    }
}

/// Serves with the configuration that `file` and `dir` lead to.
fn serve(file: Option<&Path>, dir: Option<&Path>, drafts: bool) -> anyhow::Result<ExitCode> {
    let scratch = match drafts {
        true => Some(Scratch::beneath(&std::env::temp_dir())?),
        false => None,
    };
    // The file that was found at the start. A reload reads that one, also while it is not there:
    // another file, or none, would be the configuration of another site.
    let found = OnceCell::new();
    daemon::serve(&|| {
        let file = found.get().map(PathBuf::as_path).or(file);
        let loaded = match &scratch {
            None => config::load_to_serve(file, dir)?,
            // A preview uses none of the files that the configuration names.
            Some(_) => config::load(file, dir)?,
        };
        log(&loaded);
        if let Some(file) = &loaded.file {
            found.get_or_init(|| file.clone());
        }
        match &scratch {
            None => Ok(loaded),
            Some(scratch) => Ok(Loaded { config: loaded.config.preview(scratch.path()), ..loaded }),
        }
    })
}

/// Logs how the configuration was found, and its warnings.
fn log(loaded: &Loaded) {
    match &loaded.file {
        Some(file) => tracing::debug!(file = %file.display(), "configuration read"),
        None => {
            tracing::info!(articles = %loaded.config.articles.dir.display(), "no configuration file; using the defaults")
        }
    }
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
}

/// Prints the findings on standard output, and their number on standard error.
fn check(loaded: Result<(Loaded, Vec<Unusable>), Errors>, json: bool) -> anyhow::Result<ExitCode> {
    let report = match loaded {
        Ok((loaded, unusable)) => {
            let mut report = check::check(&loaded, &unusable, SystemClock.now());
            let refused = running::refused(&loaded.config.state.dir);
            report.add_refused(&loaded.config, &refused);
            report
        }
        Err(errors) => check::refused(&errors),
    };
    print(|out| report.write(out, json))?;
    if let Some(totals) = report.totals(json) {
        // If standard error is closed, there is no other place to report that.
        let _ = writeln!(io::stderr(), "{totals}");
    }
    Ok(ExitCode::from(report.exit()))
}

fn man(command: &[String]) -> anyhow::Result<ExitCode> {
    let mut page = Args::command();
    page.build();
    for name in command {
        page = match page.find_subcommand(name) {
            Some(command) => command.clone(),
            None => anyhow::bail!("unknown command {name:?}"),
        };
    }
    // The footer. By default, it has the name of the command, which has no version of its own.
    let source = concat!("dropfeed ", env!("DROPFEED_VERSION"));
    print(|out| clap_mangen::Man::new(page).source(source).render(out))
}

/// Writes to standard output. A reader that stops reading (`| head`) is not an error.
fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> anyhow::Result<ExitCode> {
    // Into memory first: the generators of `clap` panic if a pipe breaks.
    let mut bytes = Vec::new();
    write(&mut bytes)?;
    match io::stdout().write_all(&bytes).and_then(|()| io::stdout().flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

fn report(error: &anyhow::Error) -> ExitCode {
    if let Some(errors) = error.downcast_ref::<Errors>() {
        for error in &errors.0 {
            logging::report(&error.to_string());
        }
        return ExitCode::from(EX_CONFIG);
    }
    let of_store = error.downcast_ref::<StoreError>();
    // It names its cause itself.
    let text = of_store.map_or_else(|| format!("{error:#}"), StoreError::to_string);
    logging::report(&format!("dropfeed: {text}"));
    match of_store {
        Some(StoreError::InUse { .. }) => ExitCode::from(EX_TEMPFAIL),
        Some(StoreError::Unwritable { .. }) => ExitCode::from(EX_CONFIG),
        _ => ExitCode::FAILURE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definitions_hold_together() {
        Args::command().debug_assert();
    }

    /// What `dropfeed serve DIR` serves is named alike for every other command that needs it.
    #[test]
    fn every_command_knows_articles() {
        let mut all = Args::command();
        all.build();
        for command in all.get_subcommands() {
            let name = command.get_name();
            let has = command.get_arguments().any(|one| one.get_long() == Some("articles"));
            let needs_none = ["serve", "init", "completions", "man", "help"].contains(&name);
            assert_eq!(has, !needs_none, "{name}");
        }
    }

    #[test]
    fn without_a_command_it_serves() {
        let args = Args::try_parse_from(["dropfeed", "--config", "a.toml"]).unwrap();
        assert!(args.command.is_none() && args.config == Some("a.toml".into()));
        let args =
            Args::try_parse_from(["dropfeed", "check", "--json", "--log-format", "json"]).unwrap();
        assert!(
            matches!(args.command, Some(Command::Check { json: true, .. }))
                && args.log_format == LogFormat::Json
        );
    }
}
