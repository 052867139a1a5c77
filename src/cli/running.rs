//! The commands for a running dropfeed: `status`, `reload`, `accept` and `forget`. They ask its
//! control socket.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::print;
use crate::base::{Diagnostic, Place, RelPath};
use crate::config::{self, Config, Errors, Loaded, Unusable};
use crate::ops::control::client::{self, Answer, NoAnswer};
use crate::ops::control::{Reply, Request};
use crate::ops::logging;

/// The exit status of `status` if dropfeed is not running or does not answer.
const EX_NO_ANSWER: u8 = 2;

/// The longest that a check waits for a running dropfeed, without which it says nearly as much.
const CHECK_PATIENCE: Duration = Duration::from_secs(3);

/// Which dropfeed is meant, besides `--config`: for all commands but `serve`, which has DIR as an
/// argument, and `init`, which reads nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub(super) struct Which {
    /// Use the articles in DIR, and the state and the feeds beside it, as `dropfeed serve DIR` does
    #[arg(long, global = true, value_name = "DIR")]
    articles: Option<PathBuf>,
}

impl Which {
    /// The state directory, where its control socket is.
    pub(super) fn state_dir(&self, config: Option<&Path>) -> anyhow::Result<PathBuf> {
        Ok(config::state_dir(config, self.articles.as_deref())?)
    }

    /// The whole configuration.
    pub(super) fn load(&self, config: Option<&Path>) -> anyhow::Result<Config> {
        Ok(self.loaded(config)?.config)
    }

    /// The whole configuration, and how it was found.
    pub(super) fn loaded(&self, config: Option<&Path>) -> Result<Loaded, Errors> {
        config::load(config, self.articles.as_deref())
    }

    /// The configuration, for a check.
    pub(super) fn load_to_check(
        &self,
        config: Option<&Path>,
    ) -> Result<(Loaded, Vec<Unusable>), Errors> {
        config::load_to_check(config, self.articles.as_deref())
    }
}

/// The form of the answer of `status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Text,
    Json,
}

/// What the exit status of `status` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// 0 if dropfeed answers.
    Answered,
    /// 0 if everything is fine, 1 if something needs attention.
    Fine,
}

/// Prints the status.
pub(super) fn status(state: &Path, form: Form, exit: Exit) -> anyhow::Result<ExitCode> {
    let Reply { exit: found, text, data, .. } = match client::ask(state, &Request::Status) {
        Ok(Answer { reply, .. }) => reply,
        Err(error) => {
            logging::report(&error.to_string());
            return Ok(ExitCode::from(EX_NO_ANSWER));
        }
    };
    print(|out| match (form, &data) {
        (Form::Json, Some(data)) => writeln!(out, "{data}"),
        _ => writeln!(out, "{text}"),
    })?;
    Ok(match exit {
        Exit::Answered => ExitCode::SUCCESS,
        Exit::Fine => ExitCode::from(found),
    })
}

/// Has dropfeed read its configuration again, and prints what it says.
pub(super) fn reload(state: &Path) -> anyhow::Result<ExitCode> {
    match client::ask(state, &Request::Reload) {
        Ok(Answer { reply, .. }) => show(&reply),
        // It is looked for where the changed configuration says.
        Err(error @ NoAnswer::NotRunning(_)) => {
            anyhow::bail!("{error}; if `state.dir` was changed, restart dropfeed")
        }
        Err(error) => Err(error.into()),
    }
}

/// Has dropfeed unpublish the articles whose deletion it holds.
pub(super) fn accept(state: &Path) -> anyhow::Result<ExitCode> {
    let Answer { reply, .. } = client::ask(state, &Request::Accept)?;
    show(&reply)
}

/// Has dropfeed take an article down, or forget an empty list. `what` is a path in the article
/// directory or a URL; if dropfeed knows neither, it is a path as the shell completes it, from the
/// current directory.
pub(super) fn forget(state: &Path, what: String) -> anyhow::Result<ExitCode> {
    let from_here = std::path::absolute(&what)?;
    let Answer { reply, .. } = client::ask(state, &Request::Forget { what })?;
    if reply.ok || !from_here.exists() {
        return show(&reply);
    }
    let what = from_here.display().to_string();
    let Answer { reply, .. } = client::ask(state, &Request::Forget { what })?;
    show(&reply)
}

/// Prints the text of a reply: an answer on standard output, an error line by line on standard
/// error. Returns its exit status.
pub(super) fn show(reply: &Reply) -> anyhow::Result<ExitCode> {
    if reply.ok {
        print(|out| writeln!(out, "{}", reply.text))?;
    } else {
        for line in reply.text.lines() {
            logging::report(line);
        }
    }
    Ok(ExitCode::from(reply.exit))
}

/// The files that a running dropfeed refuses. None if none runs, or if it does not answer: a user
/// who may not use its control socket may still check files.
pub(super) fn refused(state: &Path) -> Vec<(RelPath, Diagnostic)> {
    let asked = client::ask_within(state, &Request::Status, Some(CHECK_PATIENCE));
    let Ok(Answer { reply, .. }) = asked else { return Vec::new() };
    let data = reply.data.unwrap_or_default();
    let mut refused = Vec::new();
    for file in data["refused"].as_array().into_iter().flatten() {
        let text = |key: &str| file[key].as_str().unwrap_or_default();
        let number = |key: &str| u32::try_from(file[key].as_u64()?).ok();
        let Some(path) = RelPath::new(text("path")) else { continue };
        let place = match (number("line"), number("column")) {
            (Some(line), Some(column)) => Some(Place { line, column }),
            _ => None,
        };
        let diagnostic = Diagnostic::error(text("code"), text("message"));
        refused.push((path, Diagnostic { place, ..diagnostic }));
    }
    refused
}

/// Asks the daemon; none if there is none, so that the command works on the state itself.
pub(super) fn ask_if_running(state: &Path, request: &Request) -> anyhow::Result<Option<Answer>> {
    match client::ask(state, request) {
        Ok(answer) => Ok(Some(answer)),
        Err(NoAnswer::NotRunning(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
