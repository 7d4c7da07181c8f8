//! acre: a private container registry whose control plane is the ECR API.
//!
//! Understands the command line and hands over: to the server what runs one or opens a data folder, to the command line's
//! room everything else. Neither knows the other.

use acre_cli::{FAILED, Invocation, RotateKeys, USAGE};
use acre_server::StartError;
use acre_server::config::Flag;
use acre_server::operate::{self, Outcome};
use std::process::ExitCode;

fn main() -> ExitCode {
    match acre_cli::parse(std::env::args_os()) {
        Err(code) => code,
        Ok(Invocation::Serve(flags)) => match acre_server::serve(&carry(flags)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error),
        },
        Ok(Invocation::RotateKeys(command)) => rotate_keys(&command),
        Ok(Invocation::Here(command)) => acre_cli::run(command),
    }
}

/// The server that holds a folder does to it what is to be done; without one, it is done here.
fn rotate_keys(command: &RotateKeys) -> ExitCode {
    match operate::rotate_keys(&carry(command.flags())) {
        Ok(Outcome::Done(key_domains)) => command.done(key_domains),
        Ok(Outcome::Busy(endpoint)) => command.ask(&endpoint),
        Err(error) => fail(&error),
    }
}

fn carry(flags: Vec<acre_cli::Flag>) -> Vec<Flag> {
    let carry =
        |flag: acre_cli::Flag| Flag { key: flag.key.to_owned(), text: flag.text, origin: flag.origin };
    flags.into_iter().map(carry).collect()
}

fn fail(error: &StartError) -> ExitCode {
    let is_usage = matches!(error, StartError::Config(error) if error.is_usage());
    acre_cli::report(error, if is_usage { USAGE } else { FAILED })
}
