//! One docker daemon for a test process: its own folder and socket, no network of its own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::programs::{require, search_path};

/// The value of `DOCKER_HOST`. The first caller starts the daemon.
pub(crate) fn host() -> &'static str {
    static DAEMON: OnceLock<Daemon> = OnceLock::new();
    &DAEMON.get_or_init(Daemon::start).host
}

struct Daemon {
    host: String,
    /// Holds the pipe that the supervisor reads: it closes when this process ends, however it ends.
    _supervisor: Child,
}

/// Runs the daemon until standard input ends, then stops it by its own process id and removes its folder. A static is
/// never dropped and a test may be killed; a pipe closes in any case.
const SUPERVISOR: &str = r#"
folder=$1
exec 3<&0
dockerd --config-file "$folder/daemon.json" --data-root "$folder/data" --exec-root "$folder/exec" \
    --pidfile "$folder/pid" --host "unix://$folder/docker.sock" \
    --iptables=false --ip6tables=false --ip-forward=false --bridge=none >"$folder/log" 2>&1 3<&- &
daemon=$!
(cat <&3 >/dev/null; [ -e "$folder/ended" ] || kill "$daemon") &
leash=$!
exec 3<&-
wait "$daemon"
touch "$folder/ended"
wait "$leash"
rm -rf "$folder"
"#;

impl Daemon {
    fn start() -> Self {
        require(&["dockerd", "docker", "sh"]);
        let folder =
            tempfile::Builder::new().prefix("acre-docker-").tempdir().expect("a temporary folder").keep();
        std::fs::write(folder.join("daemon.json"), "{}").expect("the daemon's settings are written");
        let supervisor = Command::new("sh")
            .args(["-c", SUPERVISOR, "sh"])
            .arg(&folder)
            .env_clear()
            .env("PATH", search_path())
            .env("HOME", &folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh starts");
        let daemon = Self { host: socket(&folder), _supervisor: supervisor };
        daemon.wait(&folder);
        daemon
    }

    fn wait(&self, folder: &Path) {
        let deadline = Instant::now() + Duration::from_mins(2);
        while !self.answers() {
            let log = || std::fs::read_to_string(folder.join("log")).unwrap_or_default();
            assert!(!folder.join("ended").exists(), "dockerd ended (it needs root):\n{}", log());
            assert!(Instant::now() < deadline, "dockerd does not answer:\n{}", log());
            sleep(Duration::from_millis(200));
        }
    }

    fn answers(&self) -> bool {
        Command::new("docker")
            .args(["--host", &self.host, "info"])
            .env("PATH", search_path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }
}

fn socket(folder: &Path) -> String {
    let path: PathBuf = folder.join("docker.sock");
    format!("unix://{}", path.display())
}
