//! Power loss (DESIGN 7): the server runs on a disk whose volatile cache is lost at a random call, and starts again on
//! what was synced. What it acknowledged must be there, what it did not must be whole or absent.
//!
//! `ACRE_ROUNDS` says how many cuts (200), `ACRE_SEED` replays a run.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on fails, and prints its seed"
)]

use acre_testkit::powerloss::{Disk, build_shim};
use acre_testkit::random::{Random, number_from_environment};
use acre_testkit::server::{Options, Server, StartError, binary};
use acre_testkit::workload::{Progress, Worker, ledger::Verified, run};
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

const CLIENTS: usize = 3;
/// Cuts on the same disk, one after another, before it is thrown away: later ones hit recovery too.
const CUTS_PER_DISK: u64 = 4;
/// Some thirty images.
const CALLS_AFTER_START: usize = 3_000;

#[test]
fn nothing_acknowledged_is_lost_with_the_power() {
    let seed = Random::seed_of_this_run();
    let rounds = number_from_environment("ACRE_ROUNDS").unwrap_or(200);
    println!("ACRE_SEED={seed} ACRE_ROUNDS={rounds}");
    let shim = build_shim().unwrap();
    let calls_of_first_start = count_first_start(&shim);
    println!("the first start makes {calls_of_first_start} calls");
    let mut random = Random::new(seed);
    let mut plate = Plate::new(seed);
    let mut total = Verified::default();
    for round in 0..rounds {
        if round % CUTS_PER_DISK == 0 {
            plate = Plate::new(seed.wrapping_add(round));
        }
        let first_start = round % CUTS_PER_DISK == 0;
        // Every second fresh disk loses its power while the folders, keys and the catalogue are made.
        let cut_at = match first_start {
            true if random.below(2) == 0 => 1 + random.below(calls_of_first_start),
            true => calls_of_first_start + 1 + random.below(CALLS_AFTER_START),
            false => 1 + random.below(CALLS_AFTER_START),
        };
        let disk = plate.disk(cut_at as u64, random.below(3) != 0, random.bits());
        let verified = plate.cut_and_verify(&disk, &shim);
        println!("round {round}: {verified:?}");
        total.there += verified.there;
        total.gone += verified.gone;
        total.undecided += verified.undecided;
    }
    println!("{rounds} cuts: {total:?}");
    assert!(rounds < CUTS_PER_DISK || total.there > 0, "no image was ever pushed: this test proved nothing");
}

/// The folders and clients that go through several cuts. The disk is `<folder>/<number>`, and the data folder is made
/// in it by the server, so that its own name is at stake as well.
struct Plate {
    folder: TempDir,
    number: u32,
    workers: Vec<Worker>,
    credentials: Option<String>,
}

impl Plate {
    fn new(seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("0")).unwrap();
        let workers = (0..CLIENTS).map(|number| Worker::new(number, seed)).collect();
        Self { folder, number: 0, workers, credentials: None }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join(self.number.to_string())
    }

    fn disk(&self, cut_at: u64, tear: bool, seed: u64) -> Disk {
        let shadow = self.folder.path().join(format!("shadow-{}", self.number));
        fs::create_dir(&shadow).unwrap();
        Disk { root: self.path(), shadow, cut_at, tear, seed, durable: None }
    }

    fn cut_and_verify(&mut self, disk: &Disk, shim: &Path) -> Verified {
        println!("cut at {}, tear {}, seed {}", disk.cut_at, disk.tear, disk.seed);
        let environment = disk.environment(shim);
        let options = Options { data: Some(disk.root.join("data")), environment, ..Options::default() };
        match Server::start(binary(env!("CARGO_BIN_EXE_acre")), options) {
            Ok(server) => self.load_until_the_cut(server, disk),
            Err(StartError::Exited { status, .. }) if status.signal() == Some(9) => {}
            Err(other) => panic!("{other}"),
        }
        self.number += 1;
        let cut = disk.materialise(&self.path()).unwrap();
        println!("{cut:?}");
        fs::remove_dir_all(&disk.shadow).unwrap();
        fs::remove_dir_all(&disk.root).unwrap();
        self.verify()
    }

    fn load_until_the_cut(&mut self, mut server: Server, disk: &Disk) {
        // A server that was ready has told its users these credentials.
        let credentials = fs::read_to_string(server.data().join("credentials")).unwrap();
        self.credentials = Some(credentials);
        let progress = Progress::default();
        progress.let_break();
        let site = server.site().unwrap();
        std::thread::scope(|scope| {
            let load = scope.spawn(|| run(&mut self.workers, &site, &progress));
            let exit = server.wait_for_exit(Duration::from_mins(3)).unwrap();
            progress.stop();
            let outcome = load.join().unwrap();
            let calls = disk.calls().unwrap();
            let ended = exit.map(|status| status.signal());
            assert_eq!(ended, Some(Some(9)), "no cut after {calls} calls; {outcome:?}\n{}", server.stderr());
            outcome.unwrap_or_else(|failure| panic!("{failure}\n{}", server.stderr()));
        });
    }

    fn verify(&mut self) -> Verified {
        let options = Options { data: Some(self.path().join("data")), ..Options::default() };
        let mut server = Server::start(binary(env!("CARGO_BIN_EXE_acre")), options)
            .unwrap_or_else(|error| panic!("after the cut: {error}"));
        if let Some(before) = &self.credentials {
            let now = fs::read_to_string(server.data().join("credentials")).unwrap();
            assert!(*before == now, "the credentials are others than before the cut");
        }
        let mut total = Verified::default();
        let mut ecr = server.ecr().unwrap();
        let mut client = ecr.data_plane().unwrap();
        for worker in &mut self.workers {
            let verified = worker
                .ledger
                .verify(&mut ecr, &mut client)
                .unwrap_or_else(|failure| panic!("after the cut: {failure}\n{}", server.stderr()));
            total.there += verified.there;
            total.gone += verified.gone;
            total.undecided += verified.undecided;
        }
        assert_eq!(server.terminate().unwrap().code(), Some(0), "{}", server.stderr());
        total
    }
}

fn count_first_start(shim: &Path) -> usize {
    let plate = Plate::new(0);
    let disk = plate.disk(0, false, 1);
    let environment = disk.environment(shim);
    let options = Options { data: Some(disk.root.join("data")), environment, ..Options::default() };
    let server = Server::start(binary(env!("CARGO_BIN_EXE_acre")), options).unwrap();
    let calls = disk.calls().unwrap();
    drop(server);
    usize::try_from(calls).unwrap()
}
