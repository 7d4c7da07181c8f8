//! Where one configuration is applied: a server of its own, a home of its own, and nothing about AWS in the environment but
//! what `acre env` exports.

use std::path::{Path, PathBuf};

use acre_testkit::server::{Options, Server, binary};
use tempfile::TempDir;

use crate::dockerd;
use crate::programs::{self, Finished};

/// A running server and somebody's desk before it.
pub(crate) struct Desk {
    pub(crate) server: Server,
    folder: TempDir,
    docker_host: Option<&'static str>,
}

impl Desk {
    /// Starts a server on a free port and an empty data folder, for a configuration that has no images.
    pub(crate) fn open(options: Options) -> Self {
        let server = Server::start(acre(), options).expect("acre serve starts");
        let folder = tempfile::Builder::new().prefix("acre-desk-").tempdir().expect("a temporary folder");
        for name in ["home", "docker", "tmp"] {
            std::fs::create_dir(folder.path().join(name)).expect("a folder is made");
        }
        Self { server, folder, docker_host: None }
    }

    /// As [`Desk::open`], with a docker daemon.
    pub(crate) fn open_with_docker() -> Self {
        Self { docker_host: Some(dockerd::host()), ..Self::open(Options::default()) }
    }

    /// A folder for the test's files, gone with the desk.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a bash script in a folder as the README tells people to: after `eval "$(acre env)"`.
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
            .env("DOCKER_CONFIG", own("docker"))
            .envs(self.docker_host.map(|host| ("DOCKER_HOST", host)));
        programs::run(&mut command)
    }
}

fn acre() -> PathBuf {
    binary(env!("CARGO_BIN_EXE_acre"))
}
