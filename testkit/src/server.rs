//! The real binary, run for a test: started, waited for, killed, started again.

use crate::ecr::{Credentials, Ecr};
use crate::http::{Body, Client};
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{fs, io, thread};
use tempfile::TempDir;

/// The Region that a server has unless it is told another (DESIGN 5).
pub const REGION: &str = "us-east-1";
const READY_WITHIN: Duration = Duration::from_secs(30);
const STOP_WITHIN: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(5);

/// How the server is started.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The data folder; it need not exist. None: one of its own, which goes when the server is dropped.
    pub data: Option<PathBuf>,
    /// More arguments after `serve --data … --listen 127.0.0.1:0`.
    pub arguments: Vec<OsString>,
    /// More environment, such as `LD_PRELOAD`. The test's own `ACRE_*` and `AWS_*` variables are kept from the server.
    pub environment: Vec<(OsString, OsString)>,
    /// A program and its arguments that runs the server in its own place, keeping its process id (`strace -D …`).
    pub wrapper: Vec<OsString>,
}

/// A server and its data folder. Dropping it kills the process.
#[derive(Debug)]
pub struct Server {
    binary: PathBuf,
    options: Options,
    data: PathBuf,
    _folder: Option<TempDir>,
    child: Child,
    stdout: Printed,
    stderr: Printed,
    endpoint: String,
}

/// The server did not become ready.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No data folder, or no process.
    #[error("cannot start the server: {0}")]
    Spawn(#[from] io::Error),
    /// It ended.
    #[error("the server ended before it was ready ({status}):\n{stderr}")]
    Exited {
        /// How.
        status: ExitStatus,
        /// What it printed.
        stderr: String,
    },
    /// It runs, and `/readyz` is not 200 after 30 s.
    #[error("the server is not ready after 30 s:\n{stderr}")]
    NotReady {
        /// What it printed.
        stderr: String,
    },
}

/// The binary to test: the one that cargo built (`env!("CARGO_BIN_EXE_acre")`), unless `ACRE_TEST_BINARY` names another.
pub fn binary(built: &str) -> PathBuf {
    std::env::var_os("ACRE_TEST_BINARY").map_or_else(|| built.into(), PathBuf::from)
}

impl Server {
    /// Starts `binary` (`env!("CARGO_BIN_EXE_acre")` of the test) on a free port and waits until it is ready.
    pub fn start(binary: impl AsRef<Path>, options: Options) -> Result<Self, StartError> {
        let folder = if options.data.is_none() { Some(tempfile::tempdir()?) } else { None };
        let data = match (&options.data, &folder) {
            (Some(data), _) => data.clone(),
            (None, Some(folder)) => folder.path().join("data"),
            (None, None) => PathBuf::from("acre-data"),
        };
        let binary = binary.as_ref().to_owned();
        let (child, stdout, stderr) = spawn(&binary, &data, &options)?;
        let endpoint = String::new();
        let mut server = Self { binary, options, data, _folder: folder, child, stdout, stderr, endpoint };
        server.wait_until_ready()?;
        Ok(server)
    }

    /// Stops the server if it runs (SIGTERM), and starts it again on the same data folder, with the same options.
    pub fn restart(&mut self) -> Result<(), StartError> {
        if self.is_running() {
            self.terminate()?;
        }
        (self.child, self.stdout, self.stderr) = spawn(&self.binary, &self.data, &self.options)?;
        self.wait_until_ready()
    }

    /// SIGKILL, and waits until the process is gone.
    pub fn kill9(&mut self) -> io::Result<ExitStatus> {
        self.child.kill()?;
        self.child.wait()
    }

    /// SIGTERM, and waits for the end of the drain: the exit status. `TimedOut` after 60 s.
    pub fn terminate(&mut self) -> io::Result<ExitStatus> {
        let pid =
            i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidData)?;
        kill_process(pid, Signal::TERM)?;
        self.wait_for_exit(STOP_WITHIN)?.ok_or_else(|| io::ErrorKind::TimedOut.into())
    }

    /// Waits until the process ends by itself; none when it still runs after that time.
    pub fn wait_for_exit(&mut self, within: Duration) -> io::Result<Option<ExitStatus>> {
        let deadline = Instant::now() + within;
        loop {
            let status = self.child.try_wait()?;
            if status.is_some() || Instant::now() >= deadline {
                return Ok(status);
            }
            thread::sleep(POLL);
        }
    }

    /// Whether the process runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The most memory that the process ever had, in bytes.
    pub fn peak_memory(&self) -> io::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        kibibytes.map(|count| count << 10).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// The data folder.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The URL that it serves, as it wrote it.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// `host:port` of the endpoint.
    pub fn host(&self) -> &str {
        authority(&self.endpoint)
    }

    /// The root credentials, from `<data>/credentials`.
    pub fn credentials(&self) -> io::Result<Credentials> {
        Credentials::parse(&fs::read_to_string(self.data.join("credentials"))?)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no [default] profile with two keys"))
    }

    /// Where a [`crate::workload`] finds it.
    pub fn site(&self) -> io::Result<crate::workload::Site> {
        Ok(crate::workload::Site { authority: self.host().into(), credentials: self.credentials()? })
    }

    /// The account's root, in Region [`REGION`].
    pub fn ecr(&self) -> io::Result<Ecr> {
        Ok(Ecr::new(self.host(), self.credentials()?, REGION))
    }

    /// What this process has printed to stderr so far.
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// What this process has printed to stdout so far.
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    fn wait_until_ready(&mut self) -> Result<(), StartError> {
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Err(StartError::Exited { status, stderr: self.stderr.whole() });
            }
            if let Some(endpoint) = ready_endpoint(&self.data) {
                self.endpoint = endpoint;
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(StartError::NotReady { stderr: self.stderr() });
            }
            thread::sleep(POLL);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.kill9();
    }
}

fn spawn(binary: &Path, data: &Path, options: &Options) -> io::Result<(Child, Printed, Printed)> {
    // The line of an earlier process would send the test to a port that may be another's by now.
    match fs::remove_file(data.join("endpoint")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut command = match options.wrapper.split_first() {
        None => Command::new(binary),
        Some((wrapper, arguments)) => {
            let mut command = Command::new(wrapper);
            command.args(arguments).arg(binary);
            command
        }
    };
    command.arg("serve").arg("--data").arg(data).args(["--listen", "127.0.0.1:0"]).args(&options.arguments);
    for (name, _) in std::env::vars_os() {
        if ["ACRE_", "AWS_"].iter().any(|ours| name.to_string_lossy().starts_with(ours)) {
            command.env_remove(name);
        }
    }
    command.envs(options.environment.iter().map(|(name, value)| (name, value)));
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (stdout, stderr) = (Printed::of(child.stdout.take()), Printed::of(child.stderr.take()));
    Ok((child, stdout, stderr))
}

fn ready_endpoint(data: &Path) -> Option<String> {
    let text = fs::read_to_string(data.join("endpoint")).ok()?;
    let endpoint = text.strip_suffix('\n').unwrap_or(&text);
    let mut client = Client::new(authority(endpoint)).with_timeout(Duration::from_secs(5));
    let ready = if endpoint.starts_with("https://") {
        client.connect().is_ok()
    } else {
        client.request("GET", "/readyz", &[], Body::None).is_ok_and(|answer| answer.status == 200)
    };
    ready.then(|| endpoint.to_owned())
}

fn authority(endpoint: &str) -> &str {
    let (_, rest) = endpoint.split_once("://").unwrap_or(("", endpoint));
    rest.split('/').next().unwrap_or(rest)
}

/// What a process prints, read by a thread so that it never waits for us.
#[derive(Debug)]
struct Printed {
    text: Arc<Mutex<Vec<u8>>>,
    reader: Option<thread::JoinHandle<()>>,
}

impl Printed {
    fn of(source: Option<impl Read + Send + 'static>) -> Self {
        let text = Arc::new(Mutex::new(Vec::new()));
        let reader = source.map(|mut source| {
            let text = Arc::clone(&text);
            thread::spawn(move || {
                let mut some = [0; 4096];
                while let Ok(count @ 1..) = source.read(&mut some) {
                    text.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&some[..count]);
                }
            })
        });
        Self { text, reader }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.text.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    /// Everything, of a process that has ended.
    fn whole(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        self.text()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities() {
        for (endpoint, host) in
            [("http://127.0.0.1:4510", "127.0.0.1:4510"), ("https://h:1/", "h:1"), ("h:2", "h:2")]
        {
            assert_eq!(authority(endpoint), host);
        }
    }

    #[test]
    fn a_program_that_ends_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let wrapper = ["sh", "-c", "echo why >&2; exit 3"].map(OsString::from).to_vec();
        let options = Options { data: Some(folder.path().into()), wrapper, ..Options::default() };
        match Server::start("/nonexistent", options) {
            Err(StartError::Exited { status, stderr }) => {
                assert_eq!((status.code(), stderr.as_str()), (Some(3), "why\n"));
            }
            other => panic!("{other:?}"),
        }
    }
}
