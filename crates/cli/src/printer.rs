//! The only place that prints: data to stdout, messages to stderr.

use crate::USAGE;
use crate::args::Output;
use anyhow::Context as _;
use clap::error::ErrorKind;
use serde_json::Value;
use std::fmt::Display;
use std::io::{IsTerminal as _, Write as _, stderr, stdout};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// In a log, progress is told no more often than this.
const BETWEEN_LINES: Duration = Duration::from_secs(10);

/// Prints a command's outcome in the form that was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Printer(pub(crate) Output);

impl Printer {
    /// What the command was asked for: `text` (lines, each with its end) for people and the shell, or `json`.
    pub(crate) fn data(self, text: &str, json: &Value) -> anyhow::Result<()> {
        let mut out = stdout().lock();
        match self.0 {
            Output::Text => out.write_all(text.as_bytes()),
            Output::Json => writeln!(out, "{json:#}"),
        }
        .and_then(|()| out.flush())
        .context("cannot write to stdout")
    }

    /// What the user should know besides, on one line; programs are spared it.
    pub(crate) fn message(self, text: &dyn Display) {
        if self.0 == Output::Text {
            line(&format_args!("{text}"));
        }
    }

    /// A line for a work that takes long.
    pub(crate) fn progress(self) -> ProgressLine {
        let form = match (stderr().is_terminal(), self.0) {
            (true, _) => Form::Changing,
            (false, Output::Text) => Form::Lines,
            (false, Output::Json) => Form::None,
        };
        ProgressLine { form, shown: String::new(), at: None }
    }

    /// Whether the data may be coloured: it goes to a terminal that knows colours, and the user wants them.
    pub(crate) fn is_in_colour(self) -> bool {
        let is_plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
        self.is_read_by_a_person() && !is_plain
    }

    /// Whether the data goes to a person's eyes.
    pub(crate) fn is_read_by_a_person(self) -> bool {
        self.0 == Output::Text && stdout().is_terminal()
    }
}

/// A line on stderr that says how far a work has come.
pub(crate) struct ProgressLine {
    form: Form,
    shown: String,
    at: Option<Instant>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A terminal: one line that changes, and goes in the end.
    Changing,
    /// A log: a line now and then.
    Lines,
    /// A program that reads JSON is spared it.
    None,
}

impl ProgressLine {
    /// Shows it, if it is new.
    pub(crate) fn show(&mut self, text: &str) {
        if text == self.shown {
            return;
        }
        match self.form {
            Form::Changing => {
                // A stderr that is gone is no reason to fail.
                let _ = write!(stderr().lock(), "\r{}\x1b[K", one_line(text));
            }
            Form::Lines if self.at.is_none_or(|at| at.elapsed() >= BETWEEN_LINES) => {
                line(&one_line(text));
                self.at = Some(Instant::now());
            }
            Form::Lines | Form::None => return,
        }
        text.clone_into(&mut self.shown);
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        if self.form == Form::Changing && !self.shown.is_empty() {
            let _ = write!(stderr().lock(), "\r\x1b[K");
        }
    }
}

/// Why something failed, and what to type next.
pub(crate) fn failure(error: &dyn Display, hint: Option<&str>) {
    line(&format_args!("acre: {}", one_line(&error.to_string())));
    if let Some(hint) = hint {
        line(&format_args!("  {hint}"));
    }
}

/// What clap has to say: help and version are what was asked for, all else is an error of usage.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // clap chooses colours; a closed stdout is nobody's loss.
            let _ = error.print();
            ExitCode::SUCCESS
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            ExitCode::from(USAGE)
        }
        _ => {
            let (message, hint) = shorten(&error.render().to_string());
            failure(&message, hint.as_deref());
            ExitCode::from(USAGE)
        }
    }
}

/// Of clap's paragraphs the first, which says what is wrong, and its tip or, without one, the usage.
fn shorten(text: &str) -> (String, Option<String>) {
    let mut paragraphs = text.split("\n\n").map(one_line);
    let message = paragraphs.next().unwrap_or_default();
    let message = message.strip_prefix("error: ").unwrap_or(&message).to_owned();
    let hint = paragraphs.find(|text| text.starts_with("tip: ") || text.starts_with("Usage: "));
    (message, hint.map(|hint| hint.replacen("Usage: ", "usage: ", 1)))
}

/// Everything on one line: control characters and runs of white space become single blanks.
pub(crate) fn one_line(text: &str) -> String {
    let blank = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(blank).collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A stderr that is gone is no reason to fail.
fn line(text: &dyn Display) {
    let _ = writeln!(stderr().lock(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Arguments;

    #[test]
    fn usage_errors_are_one_line_and_a_hint() {
        let said = |line: &str| {
            let error = Arguments::read(line.split(' ').map(Into::into)).unwrap_err();
            let (message, hint) = shorten(&error.render().to_string());
            format!("{message}\n{}", hint.unwrap_or_default())
        };
        insta::assert_snapshot!(said("acre serve --lisen x"), @r"
        unexpected argument '--lisen' found
        tip: a similar argument exists: '--listen'
        ");
        insta::assert_snapshot!(said("acre account create"), @r"
        the following required arguments were not provided: <ID>
        usage: acre account create <ID>
        ");
        insta::assert_snapshot!(said("acre account create 12"), @"invalid value '12' for '<ID>': invalid account id: twelve digits");
        insta::assert_snapshot!(said("acre frobnicate"), @r"
        unrecognized subcommand 'frobnicate'
        usage: acre <COMMAND>
        ");
    }

    #[test]
    fn no_message_breaks_its_line() {
        assert_eq!(one_line("a\n  b\tc\u{1b}[31m\r\n"), "a b c [31m");
    }
}
