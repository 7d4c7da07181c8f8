//! Commands that are expected to end by themselves.

use acre_testkit::server::binary;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const ENDS_WITHIN: Duration = Duration::from_secs(30);

/// The binary under test.
pub(crate) fn acre() -> PathBuf {
    binary(env!("CARGO_BIN_EXE_acre"))
}

/// A command of it, without what the test's own environment says about servers.
pub(crate) fn command<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(acre());
    for (name, _) in std::env::vars_os() {
        if ["ACRE_", "AWS_"].iter().any(|ours| name.to_string_lossy().starts_with(ours)) {
            command.env_remove(name);
        }
    }
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs it to its end. One that does not end is killed, and fails the test.
pub(crate) fn run(command: &mut Command) -> Output {
    let mut child = command.spawn().unwrap();
    if !ends(&mut child) {
        child.kill().unwrap();
        panic!("it did not end: {command:?}: {:?}", child.wait_with_output());
    }
    child.wait_with_output().unwrap()
}

fn ends(child: &mut Child) -> bool {
    let deadline = Instant::now() + ENDS_WITHIN;
    while child.try_wait().unwrap().is_none() {
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}

/// The one line by which a server says why it does not start; it ends with 1.
pub(crate) fn refusal(command: &mut Command) -> String {
    let output = run(command);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{command:?}: {text}");
    assert_eq!(output.stdout, b"", "{command:?}");
    assert!(text.starts_with("acre: ") && text.ends_with('\n'), "{command:?}: {text:?}");
    assert_eq!(text.lines().count(), 1, "{command:?}: {text}");
    text
}

/// `acre serve` on that folder and any free port.
pub(crate) fn serve(data: &Path, more: &[&str]) -> Command {
    let mut command = command(["serve", "--listen", "127.0.0.1:0", "--data"]);
    command.arg(data).args(more);
    command
}
