//! Mixed load while faults come and go: what was acknowledged is there, whatever else failed.

use acre_testkit::faults::{Call, Errno, Fault, Faults, Kind};
use acre_testkit::leftovers::unmatched_objects;
use acre_testkit::random::{Random, number_from_environment};
use acre_testkit::server::{Options, Server, binary};
use acre_testkit::workload::{Progress, Worker, ledger::Verified, run};
use std::time::Duration;

pub(crate) const CLIENTS: usize = 3;
/// Faults that come and go in one round.
const FAULTS_PER_ROUND: u32 = 8;

const CALLS: [(&[Call], &str); 9] = [
    (&[Call::Open], "/uploads/"),
    (&[Call::Write], "/uploads/"),
    (&[Call::SyncFile], "/uploads/"),
    (&[Call::Rename], "/objects/"),
    (&[Call::SyncFolder], "/objects/"),
    (&[Call::Remove], "/uploads/"),
    (&[Call::Write], "/catalogue.sqlite-wal$"),
    (&[Call::SyncFile], "/catalogue.sqlite-wal$"),
    (&[Call::Write, Call::SyncFile], "/catalogue.sqlite$"),
];

/// How often, and from which seed.
pub(crate) fn scale(what: &str) -> (u64, u64) {
    let seed = Random::seed_of_this_run();
    let rounds = number_from_environment("ACRE_ROUNDS").unwrap_or(12);
    println!("{what}: ACRE_SEED={seed} ACRE_ROUNDS={rounds}");
    (seed, rounds)
}

/// One that befalls a few calls.
pub(crate) fn random_fault(random: &mut Random) -> Fault {
    let (calls, path) = CALLS[random.below(CALLS.len())];
    let kind = match random.below(4) {
        0 => Kind::Fails(Errno::NoSpace),
        1 => Kind::HalfThenFails(Errno::Io),
        2 => Kind::Slow(Duration::from_millis(1 + random.below(20) as u64)),
        _ => Kind::Fails(Errno::Io),
    };
    let times = 1 + random.below(4);
    Fault { calls, path, kind, times: u32::try_from(times).ok() }
}

/// Sets one fault after the other while the load goes on; each has been there for some steps.
pub(crate) fn disturb(
    faults: &Faults,
    random: &mut Random,
    progress: &Progress,
    mut more: impl FnMut() -> bool,
) {
    let mut steps = 0;
    while more() {
        faults.set(&[random_fault(random)]).unwrap();
        steps += 3 + random.below(6) as u64;
        // A fault that stops the load, or its end, is no reason to wait for longer.
        if !progress.wait_for(steps, Duration::from_millis(300)) {
            steps = steps.saturating_sub(6);
        }
    }
    faults.lift().unwrap();
}

#[test]
fn what_is_acknowledged_between_faults_stays() {
    let (seed, rounds) = scale("faults under load");
    let mut random = Random::new(seed);
    let faults = Faults::new().unwrap();
    let options = Options { environment: faults.environment(), ..Options::default() };
    let mut server = Server::start(binary(env!("CARGO_BIN_EXE_acre")), options).unwrap();
    let mut workers: Vec<_> = (0..CLIENTS).map(|number| Worker::new(number, seed)).collect();
    let (mut total, mut failed) = (Verified::default(), 0);
    for round in 0..rounds {
        let progress = Progress::default();
        progress.let_fail();
        let site = server.site().unwrap();
        std::thread::scope(|scope| {
            let load = scope.spawn(|| run(&mut workers, &site, &progress));
            let mut left = FAULTS_PER_ROUND;
            disturb(&faults, &mut random, &progress, || {
                left = left.saturating_sub(1);
                left > 0
            });
            progress.stop();
            load.join().unwrap().unwrap_or_else(|failure| panic!("{failure}\n{}", server.stderr()));
        });
        failed += progress.failed();
        // The fault is over: every one of these works at once, or is what it was.
        verify(&mut server, &mut workers);
        match random.below(3) {
            0 => {
                server.kill9().unwrap();
                server.restart().unwrap();
            }
            1 => server.restart().unwrap(),
            _ => {}
        }
        let verified = verify(&mut server, &mut workers);
        println!("round {round}: {verified:?}, {failed} steps failed so far");
        total = verified;
    }
    assert!(rounds == 0 || total.there > 0 && failed > 0, "{total:?}, {failed}: this test proved nothing");
    server.restart().unwrap();
    let left = unmatched_objects(server.data()).unwrap();
    assert_eq!(left, Vec::<String>::new(), "objects and rows");
}

/// Everything acknowledged is as it was.
pub(crate) fn verify(server: &mut Server, workers: &mut [Worker]) -> Verified {
    let mut total = Verified::default();
    let mut ecr = server.ecr().unwrap();
    let mut client = ecr.data_plane().unwrap();
    for worker in workers {
        let verified = worker
            .ledger
            .verify(&mut ecr, &mut client)
            .unwrap_or_else(|failure| panic!("{failure}\n{}", server.stderr()));
        total.there += verified.there;
        total.gone += verified.gone;
        total.undecided += verified.undecided;
    }
    total
}
