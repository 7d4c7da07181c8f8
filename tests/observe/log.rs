//! The lines that a server has written to stderr.

use acre_testkit::server::{Options, Server, binary};
use serde_json::Value;
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(20);

/// A server that logs JSON and shows metrics on a port of its own, with these arguments besides.
pub(crate) fn start(more: &[&str]) -> Server {
    let common = ["--log-format", "json", "--metrics", "127.0.0.1:0"];
    let arguments = common.iter().chain(more).map(Into::into).collect();
    Server::start(binary(env!("CARGO_BIN_EXE_acre")), Options { arguments, ..Options::default() }).unwrap()
}

/// Every line that is complete. All are JSON, but for the greeting of a first start, which is for people.
pub(crate) fn lines(server: &Server) -> Vec<Value> {
    let text = server.stderr();
    let (whole, _) = text.rsplit_once('\n').unwrap_or_default();
    let (mut lines, mut greeting) = (Vec::new(), 0);
    for line in whole.lines() {
        match serde_json::from_str(line) {
            Ok(line) => lines.push(line),
            Err(_) => greeting += 1,
        }
    }
    assert!(lines.first().is_some_and(|line: &Value| line["timestamp"].is_string()), "{text}");
    assert!(greeting < 15, "{text}");
    lines
}

/// Waits until there is a line of which that is true.
pub(crate) fn find(server: &Server, is_it: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + SOON;
    loop {
        if let Some(line) = lines(server).into_iter().find(&is_it) {
            return line;
        }
        assert!(Instant::now() < deadline, "{}", server.stderr());
        std::thread::yield_now();
    }
}
