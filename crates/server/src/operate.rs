//! Commands on a data folder that no server holds. While one does, they answer with its URL, and the command line asks it.

use crate::config::{Config, Flag};
use crate::{StartError, log, now};
use acre_registry::{is_held, rotate_idle};

/// What became of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done; how many key domains it was done to.
    Done(usize),
    /// A server holds the folder and serves at this URL.
    Busy(String),
}

/// Makes a new version of every key of the data folder that the flags, the environment or the file name.
pub fn rotate_keys(flags: &[Flag]) -> Result<Outcome, StartError> {
    let config = Config::load(flags, |name| std::env::var(name).ok())?;
    if let Some(endpoint) = is_held(&config.data)? {
        return Ok(Outcome::Busy(endpoint));
    }
    // For the audit. A process that logs already keeps its log.
    let _ = log::start(config.log_format, config.log_level);
    let principal = format!("uid {}", rustix::process::getuid().as_raw());
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(StartError::Process)?;
    let rotated =
        runtime.block_on(rotate_idle(&config.data, Some(&config.root_key_file), now(), principal))?;
    Ok(Outcome::Done(rotated))
}
