//! Where one test works: a server of its own, a home of its own, and an environment made of nothing but what
//! `acre env` exports.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use acre_testkit::server::{Options, Server, binary};
use tempfile::TempDir;

use super::dockerd;
use super::programs::{self, Finished};

/// A running server and somebody's desk before it.
pub(crate) struct Workplace {
    server: Server,
    folder: TempDir,
    /// More environment.
    environment: Vec<(&'static str, PathBuf)>,
}

impl Workplace {
    /// Starts a server on a free port and an empty data folder.
    pub(crate) fn open() -> Self {
        Self::start(desk(), Options::default(), Vec::new())
    }

    /// As [`Workplace::open`], over HTTPS and with AWS's names for registries. What [`Workplace::shell`] runs trusts the
    /// certificate; what [`Workplace::shell_by_name`] runs finds the server by those names too.
    pub(crate) fn open_as_aws() -> Self {
        programs::require(&["openssl"]);
        let folder = desk();
        let [certificate, key] = ["certificate.pem", "key.pem"].map(|name| folder.path().join(name));
        programs::run(programs::bash(CERTIFICATE).current_dir(&folder)).ok();
        let mut arguments: Vec<OsString> = ["--domain", "amazonaws.com", "--tls-cert"].map(Into::into).into();
        arguments.extend([certificate.clone().into(), "--tls-key".into(), key.into()]);
        let options = Options { arguments, ..Options::default() };
        // The AWS tools look for the first, Go's for the second.
        let environment = ["AWS_CA_BUNDLE", "SSL_CERT_FILE"].map(|name| (name, certificate.clone())).into();
        Self::start(folder, options, environment)
    }

    /// The host and port of the registry, as AWS names it.
    pub(crate) fn aws_registry(&self) -> String {
        let (_, port) = self.registry().rsplit_once(':').expect("an address has a port");
        format!("{AWS_HOST}:{port}")
    }

    /// As [`Workplace::shell`]; the names that AWS has for registries lead here.
    pub(crate) fn shell_by_name(&self, script: &str) -> Finished {
        programs::require(&["unshare", "mount"]);
        let script = format!(
            "echo '127.0.0.1 localhost {AWS_HOST}' >hosts
            mount --bind hosts /etc/hosts
            {script}"
        );
        std::fs::write(self.folder().join("by-name.sh"), script).expect("a file is written");
        // The mount is this script's alone.
        self.shell("unshare --mount bash -euo pipefail by-name.sh")
    }

    fn start(folder: TempDir, options: Options, environment: Vec<(&'static str, PathBuf)>) -> Self {
        let server = Server::start(acre(), options).expect("acre serve starts");
        Self { server, folder, environment }
    }

    /// `host:port` of the server, as images are named.
    pub(crate) fn registry(&self) -> &str {
        self.server.host()
    }

    /// Makes a repository; answers its URI.
    pub(crate) fn repository(&self, name: &str) -> String {
        self.shell(&format!(
            "aws ecr create-repository --repository-name {name} --query repository.repositoryUri --output text"
        ))
        .ok()
    }

    /// The tags of a repository, in their order.
    pub(crate) fn tags(&self, repository: &str) -> Vec<String> {
        let listed = self.shell(&format!(
            "aws ecr list-images --repository-name {repository} --filter tagStatus=TAGGED \
                --query 'sort(imageIds[].imageTag)' --output json"
        ));
        serde_json::from_str(&listed.ok()).expect("aws writes JSON")
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
            .env("DOCKER_HOST", dockerd::host())
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        programs::run(&mut command)
    }
}

/// The files that every test has.
fn desk() -> TempDir {
    let folder = tempfile::Builder::new().prefix("acre-desk-").tempdir().expect("a temporary folder");
    for name in ["home", "docker", "run", "tmp"] {
        std::fs::create_dir(folder.path().join(name)).expect("a folder is made");
    }
    folder
}

/// Of the home account, in the server's Region.
const AWS_HOST: &str = "000000000000.dkr.ecr.us-east-1.amazonaws.com";

const CERTIFICATE: &str = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
    -subj /CN=localhost -addext 'subjectAltName=DNS:localhost,DNS:*.dkr.ecr.us-east-1.amazonaws.com' \
    -out certificate.pem -keyout key.pem";

fn acre() -> PathBuf {
    binary(env!("CARGO_BIN_EXE_acre"))
}
