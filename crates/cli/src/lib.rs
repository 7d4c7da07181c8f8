//! THE COMMANDS. What the user types, and what is printed: arguments, one file for each command, the printer.
//!
//! It must not know the registry, the store or the server: commands speak to a registry through `client`. Those that open
//! a data folder are parsed here and run by `main` (DESIGN.md 3).
//!
//! Start reading at [`parse`], then `args.rs`.

mod account;
mod args;
mod calls;
mod data_folder;
mod env;
mod keys;
mod lifecycle;
mod printer;
mod profiles;
mod table;

pub use args::serve_arguments;
pub use keys::RotateKeys;

use args::{Arguments, Command};
use lifecycle::lint::Findings;
use std::ffi::OsString;
use std::fmt::Display;
use std::process::ExitCode;

/// Exit code of a command that did not do what it was told.
pub const FAILED: u8 = 1;
/// Exit code of a command that was told nothing it understands.
pub const USAGE: u8 = 2;

/// What the user asked for, by who does it.
#[derive(Debug)]
pub enum Invocation {
    /// The server, with these flags.
    Serve(Vec<Flag>),
    /// A command on a data folder: the server's, while no server holds the folder.
    RotateKeys(RotateKeys),
    /// A command of this room: [`run`] it.
    Here(Here),
}

/// A command of this room.
#[derive(Debug)]
pub struct Here(Command);

/// A flag that is the server's to understand: its key, its value, and how the user wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    /// The name of its key: `public-host`.
    pub key: &'static str,
    /// Its value.
    pub text: String,
    /// `--public-host`.
    pub origin: String,
}

/// A command that failed.
#[derive(Debug)]
struct Failure {
    error: anyhow::Error,
    /// What to type next, if that is known.
    hint: Option<String>,
    code: u8,
}

/// Understands the command line. What needs nobody else is done already, and its exit code is the error: help and
/// version on stdout, usage errors on stderr.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Invocation, ExitCode> {
    let arguments = match Arguments::read(arguments) {
        Ok(arguments) => arguments,
        Err(error) => return Err(printer::usage(&error)),
    };
    Ok(match arguments.command {
        Command::Serve(serve) => Invocation::Serve(serve.settings.flags()),
        Command::Keys(args::Keys::Rotate(rotate)) => Invocation::RotateKeys(RotateKeys::new(rotate)),
        command => Invocation::Here(Here(command)),
    })
}

/// Runs a command.
pub fn run(Here(command): Here) -> ExitCode {
    finish(match command {
        Command::Env(arguments) => env::run(&arguments),
        Command::Account(args::Account::Create(arguments)) => account::create(&arguments),
        Command::Lifecycle(args::Lifecycle::Lint(arguments)) => match lifecycle::lint::run(&arguments) {
            Ok(Findings::Some) => return ExitCode::from(FAILED),
            Ok(Findings::None) => Ok(()),
            Err(failure) => Err(failure),
        },
        Command::Lifecycle(args::Lifecycle::Preview(arguments)) => lifecycle::preview::run(&arguments),
        // `parse` has handed these to others.
        Command::Serve(_) | Command::Keys(_) => Ok(()),
    })
}

/// Says in one line on stderr why something failed.
pub fn report(error: &dyn Display, code: u8) -> ExitCode {
    printer::failure(error, None);
    ExitCode::from(code)
}

fn finish(outcome: Result<(), Failure>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { error, hint, code }) => {
            printer::failure(&format_args!("{error:#}"), hint.as_deref());
            ExitCode::from(code)
        }
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self { error: error.into(), hint: None, code: FAILED }
    }
}

impl Failure {
    fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The user was not understood.
    fn usage(self) -> Self {
        Self { code: USAGE, ..self }
    }
}

/// An environment variable; an empty one counts as absent.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}
