//! The configuration (DESIGN.md 13): one table of keys, read from one TOML file, from environment variables and from
//! flags. A flag is stronger than a variable, a variable than the file, the file than the default.

mod file;
mod host;
mod keys;

pub use host::HostName;
pub use keys::{CONFIG, KEYS, Key};

use crate::listen::TlsFiles;
use crate::log::{Format, Level};
use acre_wire::names::{AccountId, Region};
use keys::Draft;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What a server is told before it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where it listens; port 0 is any free one.
    pub listen: SocketAddr,
    /// Where metrics are shown, to whoever asks; port 0 is any free one.
    pub metrics: Option<SocketAddr>,
    /// The host that clients are told; none: `localhost`.
    pub public_host: Option<HostName>,
    /// With one, every registry has a host of its own: `<account>.dkr.ecr.<region>.<domain>`.
    pub domain: Option<HostName>,
    /// The data folder.
    pub data: PathBuf,
    /// The home account.
    pub account: AccountId,
    /// The Region of whoever names none.
    pub region: Region,
    /// The file of the root key.
    pub root_key_file: PathBuf,
    /// The certificate; none: plain HTTP.
    pub tls: Option<TlsFiles>,
    /// For how long running requests may go on after the signal to stop.
    pub drain: Duration,
    /// How log lines look.
    pub log_format: Format,
    /// Which log lines there are.
    pub log_level: Level,
    /// For how long deletions can be undone; zero: not at all.
    pub undo_window: Duration,
}

/// A flag of the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    /// The name of its key.
    pub key: String,
    /// Its value.
    pub text: String,
    /// How the user wrote it, for messages: `--listen`.
    pub origin: String,
}

/// Where a value comes from. Prints as the user knows it: `acre.toml, line 3`, `ACRE_LISTEN`, `--listen`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A line of the configuration file, counted from 1.
    File(PathBuf, usize),
    /// An environment variable.
    Variable(String),
    /// A flag.
    Flag(String),
}

/// A configuration that cannot be used. Prints as one line that names file and line, variable or flag.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration file {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is longer than 1 MiB: it is something else.
    #[error("{} is no configuration file: it is longer than 1 MiB", .0.display())]
    TooLong(PathBuf),
    /// The file is not TOML.
    #[error("{origin}: {message}")]
    Syntax {
        /// Where.
        origin: Origin,
        /// What the TOML reader says, on one line.
        message: String,
    },
    /// There is no such key.
    #[error("{origin}: unknown key {key:?}{}", meant.map(|name| format!(", did you mean {name}?")).unwrap_or_default())]
    UnknownKey {
        /// Where.
        origin: Origin,
        /// What was written.
        key: String,
        /// The key whose name differs in case and hyphens alone.
        meant: Option<&'static str>,
    },
    /// The value breaks the rule of its key.
    #[error("{origin}: {key} must be {rule}, not {text:?}")]
    BadValue {
        /// Where.
        origin: Origin,
        /// The key.
        key: &'static str,
        /// What its value must be.
        rule: &'static str,
        /// What was written, or its first characters.
        text: String,
    },
    /// A certificate without its key, or a key without its certificate.
    #[error("{given} needs {missing} beside it")]
    HalfTls {
        /// The key that has a value.
        given: &'static str,
        /// The key that has none.
        missing: &'static str,
    },
}

impl Config {
    /// Reads all sources. `env` looks up an environment variable; an empty one counts as absent.
    pub fn load(flags: &[Flag], env: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let env = |name: &str| env(name).filter(|text| !text.is_empty());
        let mut draft = Draft::default();
        let named = flags.iter().find(|flag| flag.key == CONFIG.name).map(|flag| flag.text.clone());
        if let Some(path) = named.or_else(|| env(&CONFIG.variable())) {
            file::read(Path::new(&path), &mut draft)?;
        }
        for key in KEYS {
            if let Some(text) = env(&key.variable()) {
                key.set(&mut draft, &text, || Origin::Variable(key.variable()))?;
            }
        }
        for flag in flags.iter().filter(|flag| flag.key != CONFIG.name) {
            let origin = || Origin::Flag(flag.origin.clone());
            keys::find(&flag.key, origin)?.set(&mut draft, &flag.text, origin)?;
        }
        draft.finish()
    }
}

impl ConfigError {
    /// Whether the command line is to blame, not a file or the environment.
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::BadValue { origin: Origin::Flag(_), .. } | Self::UnknownKey { origin: Origin::Flag(_), .. }
        )
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, line) => write!(f, "{}, line {line}", path.display()),
            Self::Variable(name) | Self::Flag(name) => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests;
