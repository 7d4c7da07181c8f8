//! What can be seen of a running server: metrics for Prometheus, one log line for each request, one audit line for each
//! change.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::float_cmp, reason = "whole numbers, which a float holds as they are")]

mod observe {
    mod audit;
    mod lines;
    mod log;
    mod metrics;
    mod page;
}
