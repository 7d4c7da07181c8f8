//! Calls of a registry, run to their end.

use crate::Failure;
use crate::printer::Printer;
use acre_client::ecr;
use std::cell::RefCell;
use std::pin::pin;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// What takes no longer needs no progress.
const PATIENCE: Duration = Duration::from_secs(1);
const EVERY: Duration = Duration::from_millis(200);

/// Runs a call to its end.
pub(crate) fn wait_for<T>(call: impl Future<Output = Result<T, ecr::Error>>) -> Result<T, Failure> {
    block_on(async { call.await.map_err(failed) })
}

/// Runs several calls to their end.
pub(crate) fn block_on<T>(calls: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(calls)
}

/// What the user is told of a call that failed.
pub(crate) fn failed(error: ecr::Error) -> Failure {
    let is_away = matches!(error, ecr::Error::Unreachable { .. });
    let failure = Failure::from(error);
    if is_away { failure.hint("is the server running? start one: acre serve") } else { failure }
}

/// How far a long work has come, told to who waits for it.
pub(crate) struct Progress {
    printer: Printer,
    stage: RefCell<String>,
}

impl Progress {
    pub(crate) fn new(printer: Printer) -> Self {
        Self { printer, stage: RefCell::default() }
    }

    /// The work has come to this. Nothing is printed yet.
    pub(crate) fn reach(&self, stage: impl Into<String>) {
        *self.stage.borrow_mut() = stage.into();
    }

    /// Does the work. When it takes longer than a second, tells on stderr how far it has come, until it ends.
    pub(crate) async fn during<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let mut ticks = interval_at(Instant::now() + PATIENCE, EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut line = self.printer.progress();
        loop {
            tokio::select! {
                biased;
                result = &mut work => return result,
                _ = ticks.tick() => line.show(&self.stage.borrow()),
            }
        }
    }
}
