//! A server under attack, what it costs, and the client beside it that must not notice.

use acre_testkit::ecr::{Credentials, Ecr};
use acre_testkit::http::{Body, Client};
use acre_testkit::image::Blob;
use acre_testkit::server::{Options, REGION, Server, binary};
use rustix::process::{Resource, getrlimit, setrlimit};
use serde_json::json;
use std::io::Write;
use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

pub(crate) const MIB: usize = 1 << 20;
/// Far more than a request takes, far less than any time limit that would end the attack.
pub(crate) const SOON: Duration = Duration::from_secs(8);

/// A server with the repositories `aa` and `bb`.
pub(crate) struct Place {
    pub(crate) server: Server,
    pub(crate) ecr: Ecr,
    /// Peak memory when it was ready, in KiB.
    ready: u64,
}

/// What the client beside the attack saw.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    pub(crate) rounds: usize,
    pub(crate) push: Duration,
    pub(crate) pull: Duration,
    pub(crate) ping: Duration,
}

impl Place {
    pub(crate) fn start() -> Self {
        // A thousand connections have two ends, and one of them is here.
        let mut limit = getrlimit(Resource::Nofile);
        limit.current = limit.maximum;
        let _ = setrlimit(Resource::Nofile, limit);
        let server = Server::start(binary(env!("CARGO_BIN_EXE_acre")), Options::default()).unwrap();
        let mut ecr = server.ecr().unwrap();
        ecr.create_repository("aa").unwrap();
        ecr.create_repository("bb").unwrap();
        let ready = peak(&server);
        Self { server, ecr, ready }
    }

    /// A client of the data plane.
    pub(crate) fn client(&mut self) -> Client {
        self.ecr.data_plane().unwrap()
    }

    /// The value of its `Authorization` header.
    pub(crate) fn token(&mut self) -> String {
        self.ecr.authorization_token().unwrap()
    }

    /// The root of another account.
    pub(crate) fn stranger(&mut self) -> Ecr {
        let input = json!({ "accountId": "222222222222" });
        let made = self.ecr.call_target("Acre_V1.CreateAccount", &input).unwrap();
        assert_eq!(made.status, 200, "{}", made.json());
        let key = made.json();
        let text = |name: &str| key[name].as_str().unwrap().to_owned();
        let credentials =
            Credentials { access_key: text("accessKeyId"), secret_key: text("secretAccessKey") };
        Ecr::new(self.server.host(), credentials, REGION)
    }

    /// A connection that nothing was sent on.
    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.server.host()).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        stream
    }

    /// A connection with this head, and nothing behind it.
    pub(crate) fn begin(&self, head: &str) -> TcpStream {
        let mut stream = self.connect();
        stream.write_all(format!("{head}\r\nHost: {}\r\n\r\n", self.server.host()).as_bytes()).unwrap();
        stream
    }

    /// How far the server's memory has grown at its peak, in MiB.
    pub(crate) fn grown(&self) -> u64 {
        peak(&self.server).saturating_sub(self.ready) >> 10
    }

    /// Attacks while another client pushes and pulls, and for three rounds of that at least; each of its requests must
    /// succeed, and be done soon.
    #[expect(clippy::print_stdout, reason = "figures for whoever runs the suite by hand")]
    pub(crate) fn attack<T>(&mut self, name: &str, attack: impl FnOnce(&Self) -> T) -> T {
        let mut client = self.client();
        let (over, under_way) = (AtomicBool::new(false), AtomicBool::new(false));
        let (outcome, beside) = thread::scope(|scope| {
            let beside = scope.spawn(|| {
                let mut seen = Beside::default();
                while !under_way.load(SeqCst) && !over.load(SeqCst) {
                    thread::yield_now();
                }
                while seen.rounds < 3 || !over.load(SeqCst) {
                    round(&mut client, &mut seen);
                }
                seen
            });
            under_way.store(true, SeqCst);
            // However it ends: the client beside it must end, too.
            let attacked = catch_unwind(AssertUnwindSafe(|| attack(self)));
            over.store(true, SeqCst);
            let beside = beside.join().unwrap();
            (attacked.unwrap_or_else(|panic| resume_unwind(panic)), beside)
        });
        println!("{name}: memory grew by {} MiB at its peak; beside it {beside:?}", self.grown());
        for time in [beside.push, beside.pull, beside.ping] {
            assert!(time < SOON, "{name}: {beside:?}");
        }
        outcome
    }
}

/// One push of a blob that nobody has, one pull of it, one ping.
fn round(client: &mut Client, seen: &mut Beside) {
    seen.rounds += 1;
    let blob = Blob::new([seen.rounds.to_be_bytes().as_slice(), &vec![7; 2 * MIB]].concat());
    let target = format!("/v2/bb/blobs/{}", blob.digest);
    let start = Instant::now();
    let opened =
        client.expect("open", 202, ("POST", "/v2/bb/blobs/uploads/"), &[], Body::Sized(b"")).unwrap();
    let finish = format!("{}?digest={}", opened.location().unwrap(), blob.digest);
    client.expect("push", 201, ("PUT", &finish), &[], Body::Sized(&blob.bytes)).unwrap();
    seen.push = seen.push.max(start.elapsed());
    let start = Instant::now();
    let pulled = client.expect("pull", 200, ("GET", &target), &[], Body::None).unwrap();
    assert!(pulled.body == blob.bytes);
    seen.pull = seen.pull.max(start.elapsed());
    let start = Instant::now();
    client.expect("ping", 200, ("GET", "/v2/"), &[], Body::None).unwrap();
    seen.ping = seen.ping.max(start.elapsed());
}

/// The most memory that the server ever had, in KiB.
fn peak(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse().unwrap()
}
