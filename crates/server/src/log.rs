//! Log lines: to stderr, for people or as JSON, ours from the level asked for, other crates' from warnings on.

use std::io::{IsTerminal as _, stderr};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};
use tracing_subscriber::{Layer as _, fmt, registry};

/// Targets that begin so are ours: all rooms' modules, and the audit.
const OURS: &str = "acre";
/// The lines that say who changed what.
const AUDIT: &str = "acre::audit";

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One line for people, in colour on a terminal.
    Human,
    /// One JSON object a line.
    Json,
}

/// The least important lines that are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// What needs a person.
    Error,
    /// What may come to need one.
    Warn,
    /// What was changed, and by whom.
    Info,
    /// What is going on: a line for each request.
    Debug,
    /// Everything.
    Trace,
}

/// Starts logging; panics become lines like all others. Fails if this process logs already.
pub(crate) fn start(format: Format, level: Level) -> Result<(), TryInitError> {
    // A log that cannot be written is no reason to end, and no reason to panic on a closed stderr.
    let lines = fmt::layer().with_writer(stderr).log_internal_errors(false);
    let lines = match format {
        Format::Human => {
            let colour =
                stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|text| text.is_empty());
            lines.with_ansi(colour).boxed()
        }
        Format::Json => lines.json().flatten_event(true).boxed(),
    };
    registry().with(lines.with_filter(filter(level))).try_init()?;
    std::panic::set_hook(Box::new(|panic| {
        let said = panic.payload_as_str().unwrap_or("a value that is no text");
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, said, "a defect: a thread panicked");
    }));
    Ok(())
}

impl Format {
    /// `human` or `json`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "human" => Some(Self::Human),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

impl Level {
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "error" => Some(Self::Error),
            "warn" => Some(Self::Warn),
            "info" => Some(Self::Info),
            "debug" => Some(Self::Debug),
            "trace" => Some(Self::Trace),
            _ => None,
        }
    }
}

fn filter(level: Level) -> Targets {
    let level = match level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace => LevelFilter::TRACE,
    };
    let targets = Targets::new().with_default(level.min(LevelFilter::WARN)).with_target(OURS, level);
    // Who changed what is told whatever else is not.
    targets.with_target(AUDIT, level.max(LevelFilter::INFO))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_from_the_level_on_and_others_from_warnings_on() {
        use tracing::Level as Line;
        let info = filter(Level::Info);
        assert!(info.would_enable("acre_server::listen", &Line::INFO));
        assert!(info.would_enable("acre::audit", &Line::INFO));
        assert!(filter(Level::Error).would_enable("acre::audit", &Line::INFO));
        assert!(!info.would_enable("acre_store", &Line::DEBUG));
        assert!(info.would_enable("hyper", &Line::WARN));
        assert!(!info.would_enable("hyper", &Line::INFO));
        assert!(!filter(Level::Error).would_enable("hyper", &Line::WARN));
    }
}
