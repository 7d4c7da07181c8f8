//! Other people's programs: where they are found and how they are run.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Longer than any step of a test takes on a slow machine; a client that hangs fails its test instead of the whole run.
const LIMIT_SECONDS: &str = "300";

/// Where programs are looked for: `ACRE_TEST_PATH`, else what `.ci/install` made, then `PATH`.
pub(crate) fn search_path() -> OsString {
    let ours = env::var_os("ACRE_TEST_PATH").unwrap_or_else(|| {
        let cache = env::var_os("ACRE_CI_CACHE").map_or_else(
            || PathBuf::from(env::var_os("HOME").unwrap_or_default()).join(".cache/acre-ci"),
            PathBuf::from,
        );
        env::join_paths([cache.join("venv/bin"), cache.join("bin")]).expect("no colon in a folder's name")
    });
    let path = env::var_os("PATH").unwrap_or_default();
    // Daemons live in sbin, which is not on everyone's PATH.
    let sbin = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    let folders = env::split_paths(&ours).chain(env::split_paths(&path)).chain(sbin);
    env::join_paths(folders).expect("folders that came out of a PATH go into one")
}

/// Fails the test if one of these is not installed: a client that is missing is never a test that passes.
pub(crate) fn require(names: &[&str]) {
    let path = search_path();
    for name in names {
        let found = env::split_paths(&path).any(|folder| folder.join(name).is_file());
        assert!(found, "{name} is not installed: run .ci/install");
    }
}

/// A bash script with nothing in its environment but a search path: `set -euo pipefail` is on.
pub(crate) fn bash(script: &str) -> Command {
    require(&["bash", "timeout"]);
    let mut command = Command::new("timeout");
    command.args(["--kill-after=10", LIMIT_SECONDS, "bash", "-euo", "pipefail", "-c", script]);
    command.env_clear().env("PATH", search_path()).env("LANG", "C.UTF-8").stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Finished {
    let output = command.output().expect("timeout, of coreutils, starts");
    Finished {
        line: format!("{command:?}"),
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// What a program said and how it ended.
#[derive(Debug)]
pub(crate) struct Finished {
    line: String,
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Finished {
    /// Its standard output without the white space at the end; fails the test if the program failed.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{}", self.told());
        self.stdout.trim_end().to_owned()
    }

    /// Everything it said; fails the test if the program did *not* fail, or was stopped for taking too long.
    #[track_caller]
    pub(crate) fn refused(self) -> String {
        assert!(!matches!(self.code, None | Some(0 | 124 | 137)), "{}", self.told());
        self.stdout + &self.stderr
    }

    fn told(&self) -> String {
        // A command's Debug form begins with its environment, which is the same for all.
        let line = self.line.split_once(" \"timeout\" ").map_or(self.line.as_str(), |(_, line)| line);
        format!("{line}\nended with {:?}\n{}\n{}", self.code, self.stdout, self.stderr)
    }
}
