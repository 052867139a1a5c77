//! The log: one line per event, on standard error.
//!
//! Under systemd a line begins with its level as journald reads it (sd-daemon(3)) and has no time,
//! since the journal adds one. On a terminal it is short and coloured; elsewhere it begins with
//! date and time. Times are UTC. As JSON a line is one object. Control characters are escaped, so
//! that an event is always one line.

use std::env;
use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal};
use std::panic::PanicHookInfo;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::registry::LookupSpan;

use crate::ops::clock::{Clock as _, SystemClock};

/// The variable that sets the level, or a filter such as `info,dropfeed::http=debug`.
pub const LEVEL_VARIABLE: &str = "DROPFEED_LOG";

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Format of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// `<6>message key=value`
    Journal,
    /// `12:30:00Z INFO  message key=value`
    Terminal {
        /// Whether to use ANSI colours.
        colour: bool,
    },
    /// `2026-11-24T12:30:00.123Z INFO  message key=value`
    Plain,
    /// `{"timestamp":"...","level":"INFO","message":"...","key":"value"}`
    Json,
}

impl Style {
    /// Chooses the style that suits standard error.
    pub fn detect() -> Self {
        if stderr_is_the_journal() {
            Style::Journal
        } else if io::stderr().is_terminal() {
            // https://no-color.org: the variable counts if it is not empty.
            let unwanted = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            let impossible = env::var_os("TERM").is_some_and(|term| term == "dumb");
            Style::Terminal { colour: !unwanted && !impossible }
        } else {
            Style::Plain
        }
    }
}

/// Starts the log for the whole process: at `level` if given, else at that of [`LEVEL_VARIABLE`],
/// else at `default`. Panics are logged too.
///
/// # Errors
/// A sentence that names a level or filter that is not valid.
pub fn start(style: Style, level: Option<&str>, default: &str) -> Result<(), String> {
    let variable = env::var(LEVEL_VARIABLE).ok().filter(|text| !text.trim().is_empty());
    let filter = match (level, variable) {
        (Some(level), _) => filter(level).map_err(|error| format!("--log-level: {error}"))?,
        (None, Some(level)) => {
            filter(&level).map_err(|error| format!("{LEVEL_VARIABLE}: {error}"))?
        }
        (None, None) => filter(default)?,
    };
    let subscriber = subscriber(style, filter, io::stderr);
    tracing::subscriber::set_global_default(subscriber).map_err(|error| error.to_string())?;
    let plain = std::panic::take_hook();
    let traced = env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0");
    std::panic::set_hook(Box::new(move |info| {
        log_panic(info);
        // RUST_BACKTRACE asks for a trace, which takes many lines.
        if traced {
            plain(info);
        }
    }));
    Ok(())
}

/// Reports an error of the command line, or one that ends the process, on standard error without
/// the log. Under systemd it has the level of an error.
pub fn report(sentence: &str) {
    let level = if stderr_is_the_journal() { "<3>" } else { "" };
    let line = format!("{level}{}\n", Escaped(sentence));
    // If standard error is closed, there is no other place to report that.
    let _ = io::Write::write_all(&mut io::stderr(), line.as_bytes());
}

/// Parses a level, or a filter of targets and levels. A single word that is not a level is refused:
/// it would be taken for a target, and the log would be empty.
fn filter(text: &str) -> Result<EnvFilter, String> {
    let text = text.trim();
    let is_word = text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_word && !LEVELS.contains(&text.to_lowercase().as_str()) {
        return Err(format!("{text:?} is not a level; the levels are {}", LEVELS.join(", ")));
    }
    EnvFilter::builder().parse(text).map_err(|error| format!("{text:?} is not a filter: {error}"))
}

fn subscriber<W>(style: Style, filter: EnvFilter, writer: W) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .log_internal_errors(false);
    match style {
        Style::Json => {
            Box::new(builder.json().flatten_event(true).with_current_span(false).finish())
        }
        style => Box::new(builder.event_format(Lines { style }).finish()),
    }
}

/// sd-daemon(3): JOURNAL_STREAM holds the device and inode of the journal's socket; it is
/// inherited, so only a stream that has these numbers is the journal.
fn stderr_is_the_journal() -> bool {
    let Ok(stream) = env::var("JOURNAL_STREAM") else { return false };
    let Ok(stat) = rustix::fs::fstat(io::stderr()) else { return false };
    stream.split_once(':') == Some((&stat.st_dev.to_string(), &stat.st_ino.to_string()))
}

fn log_panic(info: &PanicHookInfo<'_>) {
    let place = match info.location() {
        Some(place) => format!("{}:{}", place.file(), place.line()),
        None => String::new(),
    };
    // `panic!` gives a `&str` for a literal, and a `String` for a formatted message.
    let payload = info.payload();
    let reason = if let Some(text) = payload.downcast_ref::<&str>() {
        text
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text
    } else {
        "without a message"
    };
    tracing::error!(place, reason, "panicked");
}

/// Text lines.
struct Lines {
    style: Style,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'l> LookupSpan<'l>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut out: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let level = *event.metadata().level();
        match self.style {
            Style::Journal => write!(out, "<{}>", priority(level))?,
            Style::Terminal { colour } => {
                let (on, off) = if colour { (colour_of(level), "\x1b[0m") } else { ("", "") };
                write!(out, "{} {on}{level:<5}{off} ", SystemClock.now().strftime("%H:%M:%SZ"))?;
            }
            Style::Plain | Style::Json => {
                write!(
                    out,
                    "{} {level:<5} ",
                    SystemClock.now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ")
                )?;
            }
        }
        let target = event.metadata().target();
        if target != "dropfeed" && !target.starts_with("dropfeed::") {
            write!(out, "{target}: ")?;
        }
        let mut recorded = Recorded::default();
        event.record(&mut recorded);
        writeln!(out, "{}", recorded.line(level))
    }
}

/// syslog's priorities, RFC 5424 (6.2.1).
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    }
}

fn colour_of(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\x1b[31m",
        Level::WARN => "\x1b[33m",
        Level::INFO => "\x1b[32m",
        _ => "\x1b[2m",
    }
}

/// The message of an event and its other fields, in their order.
#[derive(Default)]
struct Recorded {
    message: String,
    fields: Vec<(&'static str, String)>,
}

impl Recorded {
    fn add(&mut self, field: &Field, value: String) {
        if field.name() == "message" && self.message.is_empty() {
            self.message = value;
        } else {
            self.fields.push((field.name(), value));
        }
    }

    /// The message, then ` key=value` for each field that the message does not give already.
    fn line(&self, level: Level) -> String {
        let mut line = Escaped(&self.message).to_string();
        for (name, value) in &self.fields {
            if self.gives(level, name, value) {
                continue;
            }
            // Writing to a string does not fail.
            let _ = if is_plain(value) {
                write!(line, " {name}={value}")
            } else {
                write!(
                    line,
                    " {name}=\"{}\"",
                    Escaped(&value.replace('\\', "\\\\").replace('"', "\\\""))
                )
            };
        }
        line
    }

    /// True if the message gives a field already. It gives the event's name if it begins with it,
    /// or if the level is the same word; another field, if it is about it: `a.md: ...`, `listening
    /// on http://127.0.0.1:8080, ...`.
    fn gives(&self, level: Level, name: &str, value: &str) -> bool {
        if name == "event" {
            let rest = self.message.strip_prefix(value);
            let begins = rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()));
            return begins || (value == "warning" && level == Level::WARN);
        }
        let about = [format!("{value}:"), format!("{value},")];
        !value.is_empty() && about.iter().any(|text| self.message.contains(text))
    }
}

/// True for a value that needs no quotes.
fn is_plain(value: &str) -> bool {
    !value.is_empty()
        && !value.contains(|c: char| c.is_whitespace() || c == '"' || c == '=' || breaks_a_line(c))
}

impl Visit for Recorded {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value.to_owned());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let mut text = value.to_string();
        let mut source = value.source();
        while let Some(cause) = source {
            let _ = write!(text, ": {cause}");
            source = cause.source();
        }
        self.add(field, text);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format!("{value:?}"));
    }
}

/// Escapes characters that would end the line, move a terminal's cursor, or change the direction of
/// the text.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            if breaks_a_line(c) {
                write!(f, "{}", c.escape_default())?;
            } else {
                f.write_char(c)?;
            }
        }
        Ok(())
    }
}

fn breaks_a_line(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(style: Style, level: &str, events: impl FnOnce()) -> String {
        let out = Buffer::default();
        let writer = out.clone();
        let subscriber = subscriber(style, filter(level).unwrap(), move || writer.clone());
        tracing::subscriber::with_default(subscriber, events);
        String::from_utf8(std::mem::take(&mut *out.0.lock().unwrap())).unwrap()
    }

    #[test]
    fn an_event_is_one_line() {
        let got = logged(Style::Journal, "debug", || {
            tracing::error!("a\nb\x1b[2J");
            tracing::warn!(path = "my\u{202e} file.md", "refused");
            tracing::info!(articles = 3, host = "a.example", "published");
            tracing::debug!(text = r#"say "a\b""#, list = ?["a", "b"], empty = "", "read");
            tracing::trace!("not at this level");
        });
        let lines: Vec<&str> = got.lines().collect();
        assert_eq!(
            lines,
            [
                "<3>a\\nb\\u{1b}[2J",
                "<4>refused path=\"my\\u{202e} file.md\"",
                "<6>published articles=3 host=a.example",
                r#"<7>read text="say \"a\\b\"" list="[\"a\", \"b\"]" empty="""#,
            ]
        );
    }

    #[test]
    fn a_line_says_a_thing_once() {
        let got = logged(Style::Journal, "info", || {
            tracing::info!(event = "published", path = "a.md", "published");
            tracing::info!(event = "missing", path = "a.md", "file removed; unpublishing in 10 s");
            tracing::error!(
                event = "refused",
                path = "a.md",
                code = "binary",
                "refused: a.md:2:1: not text"
            );
            tracing::warn!(
                event = "warning",
                path = "b.md",
                code = "dropped",
                "a.md: see the notes"
            );
            tracing::info!(event = "held", path = "a", until = "", "helder than before: ba");
        });
        let lines: Vec<&str> = got.lines().collect();
        assert_eq!(
            lines,
            [
                "<6>published path=a.md",
                "<6>file removed; unpublishing in 10 s event=missing path=a.md",
                "<3>refused: a.md:2:1: not text code=binary",
                "<4>a.md: see the notes path=b.md code=dropped",
                "<6>helder than before: ba event=held path=a until=\"\"",
            ]
        );
        let json = logged(Style::Json, "info", || tracing::info!(event = "published", "published"));
        assert!(json.contains("\"event\":\"published\""), "{json}");
    }

    #[test]
    fn times_and_levels() {
        let plain = logged(Style::Plain, "info", || tracing::info!("x"));
        assert!(
            plain.ends_with("Z INFO  x\n")
                && plain.len() == "2026-11-24T12:30:00.123Z INFO  x\n".len(),
            "{plain}"
        );
        let grey = logged(
            Style::Terminal { colour: false },
            "info",
            || tracing::warn!(target: "hyper", "x"),
        );
        assert!(
            grey.ends_with(" WARN  hyper: x\n") && grey.len() == "12:30:00Z WARN  hyper: x\n".len(),
            "{grey}"
        );
        let red = logged(Style::Terminal { colour: true }, "info", || tracing::error!("x"));
        assert!(red.ends_with(" \x1b[31mERROR\x1b[0m x\n"), "{red:?}");
    }

    #[test]
    fn json_is_an_object_a_line() {
        let got = logged(Style::Json, "info", || tracing::info!(path = "a\nb", "published"));
        let object: serde_json::Value = serde_json::from_str(&got).unwrap();
        assert_eq!((&object["message"], &object["path"]), (&"published".into(), &"a\nb".into()));
        assert_eq!(got.lines().count(), 1);
    }

    #[test]
    fn causes_are_logged() {
        let error = io::Error::other(io::Error::other("the disk is full"));
        let got = logged(Style::Journal, "info", || {
            tracing::error!(error = &error as &(dyn std::error::Error + 'static), "held");
        });
        assert!(got.contains("the disk is full"), "{got}");
    }

    #[test]
    fn levels() {
        for level in ["info", "INFO", "off", "info,dropfeed::http=debug", "dropfeed=trace"] {
            assert!(filter(level).is_ok(), "{level}");
        }
        assert_eq!(
            filter("verbose").unwrap_err(),
            "\"verbose\" is not a level; the levels are off, error, warn, info, debug, trace"
        );
        assert!(filter("a=b=c").is_err());
    }
}
