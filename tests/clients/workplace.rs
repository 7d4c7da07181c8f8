//! Where one test works: a server of its own, a home of its own, and an environment made of nothing but what
//! `acre env` exports.

use std::path::{Path, PathBuf};

use acre_testkit::server::{Options, Server, binary};
use tempfile::TempDir;

use super::dockerd;
use super::programs::{self, Finished};

/// A running server and somebody's desk before it.
pub(crate) struct Workplace {
    server: Server,
    folder: TempDir,
}

impl Workplace {
    /// Starts a server on a free port and an empty data folder.
    pub(crate) fn open() -> Self {
        let server = Server::start(acre(), Options::default()).expect("acre serve starts");
        let folder = tempfile::Builder::new().prefix("acre-desk-").tempdir().expect("a temporary folder");
        for name in ["home", "docker", "run", "tmp"] {
            std::fs::create_dir(folder.path().join(name)).expect("a folder is made");
        }
        Self { server, folder }
    }

    /// A folder for the test's files, gone with the workplace.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a bash script as the README tells people to: after `eval "$(acre env)"`.
    pub(crate) fn shell(&self, script: &str) -> Finished {
        self.shell_in(self.folder(), script)
    }

    /// As [`Workplace::shell`], in another folder.
    pub(crate) fn shell_in(&self, folder: &Path, script: &str) -> Finished {
        let exports = r#"exports=$("$ACRE" env --data "$ACRE_DATA"); eval "$exports"; unset exports"#;
        let mut command = programs::bash(&format!("{exports}\n{script}"));
        let own = |name: &str| -> PathBuf { self.folder().join(name) };
        command
            .current_dir(folder)
            .env("ACRE", acre())
            .env("ACRE_DATA", self.server.data())
            .env("HOME", own("home"))
            .env("TMPDIR", own("tmp"))
            .env("XDG_RUNTIME_DIR", own("run"))
            .env("REGISTRY_AUTH_FILE", own("auth.json"))
            .env("DOCKER_CONFIG", own("docker"))
            .env("DOCKER_HOST", dockerd::host());
        programs::run(&mut command)
    }
}

fn acre() -> PathBuf {
    binary(env!("CARGO_BIN_EXE_acre"))
}
