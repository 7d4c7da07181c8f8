//! What can be seen of a running server: one line in the log for each request, and numbers for Prometheus.
//!
//! Labels have few values: operations, statuses and the names of errors, never a name that a customer chose.

mod page;
mod record;
mod store;

pub(crate) use page::page;
pub(crate) use record::{Outcome, Record};

use crate::doors::Doors;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use std::fmt;
use std::time::Duration;

/// Seconds, from an answer out of memory to the transfer of a large layer.
const SECONDS: [f64; 16] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];

/// What is counted about requests.
#[derive(Debug)]
pub(crate) struct Metrics {
    requests: Family<Ended, Counter>,
    durations: Family<Of, Histogram, fn() -> Histogram>,
    received: Family<Of, Counter>,
    sent: Family<Of, Counter>,
    under_way: Gauge,
    registry: Registry,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    operation: &'static str,
    status: u16,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Of {
    operation: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        let requests = Family::default();
        let durations = Family::new_with_constructor((|| Histogram::new(SECONDS)) as fn() -> Histogram);
        let (received, sent, under_way) = (Family::default(), Family::default(), Gauge::default());
        let mut registry = Registry::with_prefix("acre");
        let version = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "Which acre this is", version);
        registry.register("requests", "Requests that have ended", requests.clone());
        let help = "From a request's head to the last byte of its answer that the connection took";
        registry.register_with_unit("request_duration", help, Unit::Seconds, durations.clone());
        let help = "Bytes of the bodies of requests";
        registry.register_with_unit("request_body", help, Unit::Bytes, received.clone());
        let help = "Bytes of the bodies of answers";
        registry.register_with_unit("response_body", help, Unit::Bytes, sent.clone());
        registry.register("requests_under_way", "Requests whose answer is not complete", under_way.clone());
        Self { requests, durations, received, sent, under_way, registry }
    }
}

impl Metrics {
    /// A request has come.
    fn begin(&self) {
        self.under_way.inc();
    }

    /// Requests that have not ended.
    #[cfg(test)]
    pub(crate) fn under_way(&self) -> i64 {
        self.under_way.get()
    }

    /// It has ended.
    fn end(&self, ended: &Ended, took: Duration, received: u64, sent: u64) {
        let of = Of { operation: ended.operation };
        self.under_way.dec();
        self.requests.get_or_create(ended).inc();
        self.durations.get_or_create(&of).observe(took.as_secs_f64());
        self.received.get_or_create(&of).inc_by(received);
        self.sent.get_or_create(&of).inc_by(sent);
    }
}

/// All numbers, in the `OpenMetrics` text that Prometheus reads. Blocking, and short.
fn render(doors: &Doors) -> Result<String, RenderError> {
    let mut now = Registry::with_prefix("acre");
    let measures = doors.registry.measures().map_err(RenderError::Store)?;
    now.register_collector(Box::new(store::Shown(measures)));
    let repeats = Counter::<u64>::default();
    repeats.inc_by(doors.repeats.answered_again());
    now.register("repeated_calls", "Calls that came again and got the answer of the first", repeats);
    let mut text = String::new();
    text::encode_registry(&mut text, &doors.metrics.registry)?;
    text::encode_registry(&mut text, &now)?;
    text::encode_eof(&mut text)?;
    Ok(text)
}

/// Why there are no numbers.
#[derive(Debug, thiserror::Error)]
enum RenderError {
    /// The store cannot be asked.
    #[error("the store cannot be measured: {0}")]
    Store(#[source] acre_registry::StoreError),
    /// A number cannot be written.
    #[error("a number cannot be written")]
    Text(#[from] fmt::Error),
}
