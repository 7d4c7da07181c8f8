//! Power cuts on a disk whose syncs fail: what a failed sync should have written is marked clean and is not there, and a
//! later sync does not write it. So whatever counted on it is lost with the power, and this finds it.
//!
//! Every second cut comes after a kill -9: the next process finds in the cache what the disk does not hold.

use super::load::{CLIENTS, disturb, scale, verify};
use acre_testkit::ecr::Ecr;
use acre_testkit::faults::{Call, Errno, Fault, Faults, Kind};
use acre_testkit::http::Body;
use acre_testkit::image::{Blob, Recipe, open_upload};
use acre_testkit::powerloss::{Disk, build_shim};
use acre_testkit::random::Random;
use acre_testkit::server::{Options, Server, StartError, binary};
use acre_testkit::workload::{Progress, Worker, ledger::Verified, run};
use serde_json::json;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// More than a first start makes.
const FIRST_START: usize = 1_500;
const CALLS: usize = 2_500;

#[test]
fn nothing_acknowledged_counts_on_a_sync_that_failed() {
    let (seed, rounds) = scale("power cuts after faults");
    let mut random = Random::new(seed);
    let (mut total, mut failed) = (Verified::default(), 0);
    for round in 0..rounds {
        let mut plate = Plate::new(seed.wrapping_add(round));
        let root = plate.path("disk");
        fs::create_dir(&root).unwrap();
        let first = plate.disk(&root, FIRST_START + random.below(CALLS), &mut random);
        plate.run_until_the_cut(&first, &mut random);
        let mut left = plate.left_by(&first, "left");
        if round % 2 == 1 {
            // Not the power, but the process: the next one has the cache, and the disk has what it had.
            let cut_at = 1 + random.below(CALLS);
            let second = Disk { durable: Some(left), ..plate.disk(&root, cut_at, &mut random) };
            plate.run_until_the_cut(&second, &mut random);
            left = plate.left_by(&second, "left-in-the-end");
        }
        let verified = plate.verify(&left);
        println!("round {round}: {verified:?}, {} steps failed", plate.failed);
        total.there += verified.there;
        total.undecided += verified.undecided;
        failed += plate.failed;
    }
    println!("{rounds} cuts: {total:?}, {failed} steps failed");
    assert!(rounds == 0 || total.there > 0 && failed > 0, "this test proved nothing");
}

/// A commit whose sync failed is gone when another has followed it; that one stays.
#[test]
fn after_a_commit_that_failed_the_next_ones_stay() {
    for (tear, seed) in [(false, 1), (true, 2), (true, 3)] {
        let mut plate = Plate::new(seed);
        let root = plate.path("disk");
        fs::create_dir(&root).unwrap();
        let disk = Disk { tear, ..plate.disk(&root, FIRST_START + 500, &mut Random::new(seed)) };
        let server = plate.start(&disk).unwrap();
        let mut ecr = server.ecr().unwrap();
        ecr.create_repository("cut/before").unwrap();
        plate.faults.set(&[Fault { times: Some(1), ..LOG_SYNC }]).unwrap();
        assert_eq!(create(&mut ecr, "cut/failed"), Some(500));
        assert_eq!(plate.faults.hits(0).unwrap(), 1);
        let mut made = vec!["cut/before".to_owned()];
        create_until_the_cut(server, "later", &mut made);
        let (_there, mut ecr) = plate.restart(&disk, "left");
        assert!(made.len() > 10, "{made:?}");
        assert_eq!(names(&mut ecr, &made), made);
        assert_eq!(names(&mut ecr, &["cut/failed".into()]), Vec::<String>::new(), "it came back");
    }
}

/// Killed while no sync of the log works, a process leaves commits in the cache that the disk does not hold. The next one
/// finds them, and what it acknowledges must not stand behind them.
#[test]
fn what_follows_commits_that_only_the_cache_has_stays() {
    for (tear, seed) in [(false, 1), (true, 2), (true, 3)] {
        let mut plate = Plate::new(seed);
        let root = plate.path("disk");
        fs::create_dir(&root).unwrap();
        let disk = Disk { tear, ..plate.disk(&root, FIRST_START + 100, &mut Random::new(seed)) };
        let server = plate.start(&disk).unwrap();
        let mut ecr = server.ecr().unwrap();
        ecr.create_repository("cut/before").unwrap();
        plate.faults.set(&[LOG_SYNC]).unwrap();
        let mut made = vec!["cut/before".to_owned()];
        create_until_the_cut(server, "refused", &mut made);
        assert_eq!(made.len(), 1, "acknowledged without a sync");
        plate.faults.lift().unwrap();

        let durable = Some(plate.left_by(&disk, "left"));
        let disk = Disk { tear, durable, ..plate.disk(&root, FIRST_START, &mut Random::new(seed)) };
        let server = plate.start(&disk).unwrap();
        create_until_the_cut(server, "later", &mut made);
        assert!(made.len() > 10, "{made:?}");
        let (_there, mut ecr) = plate.restart(&disk, "left-in-the-end");
        assert_eq!(names(&mut ecr, &made), made);
    }
}

/// The same of an upload: the bytes of a process that was killed may never have reached the disk, and nobody was told. Who
/// finishes it after that has them all the same.
#[test]
fn an_upload_that_only_the_cache_has_is_finished_whole() {
    for (tear, seed) in [(false, 1), (true, 2)] {
        let mut plate = Plate::new(seed);
        let root = plate.path("disk");
        fs::create_dir(&root).unwrap();
        let blob = Blob::made(Recipe { seed, length: 300_000 });
        let target = format!("/v2/cut/before/blobs/{}", blob.digest);
        let disk = Disk { tear, ..plate.disk(&root, FIRST_START + 500, &mut Random::new(seed)) };
        let server = plate.start(&disk).unwrap();
        let mut ecr = server.ecr().unwrap();
        ecr.create_repository("cut/before").unwrap();
        let mut client = ecr.data_plane().unwrap();
        let location = open_upload(&mut client, "cut/before").unwrap();
        client.expect("send", 202, ("PATCH", &location), &[], Body::Sized(&blob.bytes)).unwrap();
        let mut made = Vec::new();
        create_until_the_cut(server, "one", &mut made);

        let durable = Some(plate.left_by(&disk, "left"));
        let disk = Disk { tear, durable, ..plate.disk(&root, FIRST_START, &mut Random::new(seed)) };
        let server = plate.start(&disk).unwrap();
        let mut client = server.ecr().unwrap().data_plane().unwrap();
        let end = format!("{location}?digest={}", blob.digest);
        client.expect("finish", 201, ("PUT", &end), &[], Body::Sized(b"")).unwrap();
        create_until_the_cut(server, "two", &mut made);
        let (_there, mut ecr) = plate.restart(&disk, "left-in-the-end");
        let mut client = ecr.data_plane().unwrap();
        let pulled = client.expect("pull", 200, ("GET", &target), &[], Body::None).unwrap();
        assert!(pulled.body == blob.bytes);
        assert_eq!(names(&mut ecr, &made), made);
    }
}

const LOG_SYNC: Fault = Fault {
    calls: &[Call::SyncFile],
    path: "/catalogue.sqlite-wal$",
    kind: Kind::Fails(Errno::Io),
    times: None,
};

/// The answer's status; none when the connection broke.
fn create(ecr: &mut Ecr, name: &str) -> Option<u16> {
    ecr.call("CreateRepository", &json!({ "repositoryName": name })).ok().map(|(status, _)| status)
}

/// Makes repositories until the power is cut, and notes which.
fn create_until_the_cut(mut server: Server, what: &str, made: &mut Vec<String>) {
    let mut ecr = server.ecr().unwrap();
    for number in 0.. {
        let name = format!("cut/{what}-{number:04}");
        match create(&mut ecr, &name) {
            Some(200) => made.push(name),
            Some(500) => {}
            None => break,
            other => panic!("{other:?}"),
        }
    }
    let exit = server.wait_for_exit(Duration::from_mins(1)).unwrap();
    assert_eq!(exit.and_then(|status| status.signal()), Some(9), "{}", server.stderr());
}

/// Those that are there.
fn names(ecr: &mut Ecr, asked: &[String]) -> Vec<String> {
    let is_there = |name: &&String| {
        let input = json!({ "repositoryNames": [name] });
        match ecr.call("DescribeRepositories", &input).unwrap() {
            (200, _) => true,
            (400, answer) if answer["__type"] == "RepositoryNotFoundException" => false,
            other => panic!("{other:?}"),
        }
    };
    asked.iter().filter(is_there).cloned().collect()
}

/// A disk, what is left of it, and the clients that remember.
struct Plate {
    folder: TempDir,
    shim: PathBuf,
    faults: Faults,
    workers: Vec<Worker>,
    disks: u32,
    failed: u64,
}

impl Plate {
    fn new(seed: u64) -> Self {
        let workers = (0..CLIENTS).map(|number| Worker::new(number, seed)).collect();
        Self {
            folder: tempfile::tempdir().unwrap(),
            shim: build_shim().unwrap(),
            faults: Faults::new().unwrap(),
            workers,
            disks: 0,
            failed: 0,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn disk(&mut self, root: &Path, cut_at: usize, random: &mut Random) -> Disk {
        self.disks += 1;
        let shadow = self.path(&format!("shadow-{}", self.disks));
        fs::create_dir(&shadow).unwrap();
        let (root, cut_at) = (root.to_owned(), cut_at as u64);
        Disk { root, shadow, cut_at, tear: random.below(3) != 0, seed: random.bits(), durable: None }
    }

    fn left_by(&self, disk: &Disk, name: &str) -> PathBuf {
        let left = self.path(name);
        println!("{:?}, tear {}, seed {}", disk.materialise(&left).unwrap(), disk.tear, disk.seed);
        left
    }

    fn start(&self, disk: &Disk) -> Result<Server, StartError> {
        let environment = [disk.environment(&self.shim), self.faults.environment()].concat();
        let options = Options { data: Some(disk.root.join("data")), environment, ..Options::default() };
        Server::start(binary(env!("CARGO_BIN_EXE_acre")), options)
    }

    /// On what a disk left, without faults.
    fn restart(&self, disk: &Disk, name: &str) -> (Server, Ecr) {
        let options = Options { data: Some(self.left_by(disk, name).join("data")), ..Options::default() };
        let server = Server::start(binary(env!("CARGO_BIN_EXE_acre")), options)
            .unwrap_or_else(|error| panic!("after the cut: {error}"));
        let ecr = server.ecr().unwrap();
        (server, ecr)
    }

    fn run_until_the_cut(&mut self, disk: &Disk, random: &mut Random) {
        let mut server = match self.start(disk) {
            Ok(server) => server,
            Err(StartError::Exited { status, .. }) if status.signal() == Some(9) => return,
            Err(other) => panic!("{other}"),
        };
        let progress = Progress::default();
        progress.let_break();
        progress.let_fail();
        let site = server.site().unwrap();
        let (workers, faults) = (&mut self.workers, &self.faults);
        std::thread::scope(|scope| {
            let load = scope.spawn(|| run(workers, &site, &progress));
            disturb(faults, random, &progress, || server.is_running() && !load.is_finished());
            let exit = server.wait_for_exit(Duration::from_mins(3)).unwrap();
            progress.stop();
            let outcome = load.join().unwrap();
            let ended = exit.and_then(|status| status.signal());
            assert_eq!(ended, Some(9), "no cut: {outcome:?}\n{}", server.stderr());
            outcome.unwrap_or_else(|failure| panic!("{failure}\n{}", server.stderr()));
        });
        self.failed += progress.failed();
    }

    fn verify(&mut self, left: &Path) -> Verified {
        let options = Options { data: Some(left.join("data")), ..Options::default() };
        let mut server = Server::start(binary(env!("CARGO_BIN_EXE_acre")), options)
            .unwrap_or_else(|error| panic!("after the cut: {error}"));
        let verified = verify(&mut server, &mut self.workers);
        assert_eq!(server.terminate().unwrap().code(), Some(0), "{}", server.stderr());
        verified
    }
}
