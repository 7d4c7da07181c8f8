//! kill -9 (DESIGN 7): the process dies at random moments under mixed load, and starts again on the same folder. What it
//! acknowledged must be there, what it did not must be whole or absent, and no temporary file stays.
//!
//! `ACRE_ROUNDS` says how many kills (40), `ACRE_SEED` replays a run as far as the scheduler allows.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use acre_testkit::leftovers::{cancel_uploads, strange_objects, unmatched_objects, upload_files};
use acre_testkit::random::{Random, number_from_environment};
use acre_testkit::server::{Options, Server, binary};
use acre_testkit::workload::{Progress, Worker, ledger::Verified, run};
use std::collections::BTreeSet;
use std::time::Duration;

const CLIENTS: usize = 3;
/// Kills of the same data folder before a fresh one: what was pushed before the first is pulled after the last.
const KILLS_PER_FOLDER: u64 = 10;

#[test]
fn nothing_acknowledged_is_lost_with_the_process() {
    let seed = Random::seed_of_this_run();
    let rounds = number_from_environment("ACRE_ROUNDS").unwrap_or(40);
    println!("ACRE_SEED={seed} ACRE_ROUNDS={rounds}");
    let mut random = Random::new(seed);
    let mut total = Verified::default();
    let mut first = 0;
    while first < rounds {
        let mut workers: Vec<_> =
            (0..CLIENTS).map(|number| Worker::new(number, seed.wrapping_add(first))).collect();
        let mut server = Server::start(binary(env!("CARGO_BIN_EXE_acre")), Options::default()).unwrap();
        for round in first..rounds.min(first + KILLS_PER_FOLDER) {
            kill_under_load(&mut server, &mut workers, &mut random);
            server.restart().unwrap_or_else(|error| panic!("round {round}: {error}"));
            let verified = verify(&mut server, &mut workers);
            println!("round {round}: {verified:?}");
            total.there += verified.there;
            total.gone += verified.gone;
            total.undecided += verified.undecided;
        }
        nothing_stays_in_the_way(&mut server);
        first += KILLS_PER_FOLDER;
    }
    println!("{rounds} kills: {total:?}");
    assert!(total.there > 0, "no image was ever pushed: this test proved nothing");
}

fn kill_under_load(server: &mut Server, workers: &mut [Worker], random: &mut Random) {
    let steps = random.below(60) as u64;
    let moment = Duration::from_micros(random.below(40_000) as u64);
    let site = server.site().unwrap();
    let progress = Progress::default();
    std::thread::scope(|scope| {
        let load = scope.spawn(|| run(workers, &site, &progress));
        let reached = progress.wait_for(steps, Duration::from_mins(2));
        // Not to wait for something, but to die somewhere inside a step.
        std::thread::sleep(moment);
        progress.let_break();
        server.kill9().unwrap();
        let outcome = load.join().unwrap();
        outcome.unwrap_or_else(|failure| panic!("{failure}\n{}", server.stderr()));
        assert!(reached, "the load stands still\n{}", server.stderr());
    });
}

/// Everything acknowledged is as it was, and when the uploads of the dead process are cancelled none of their files stays.
fn verify(server: &mut Server, workers: &mut [Worker]) -> Verified {
    let mut total = Verified::default();
    let mut ecr = server.ecr().unwrap();
    let mut client = ecr.data_plane().unwrap();
    let mut repositories = BTreeSet::new();
    for worker in workers {
        let verified = worker
            .ledger
            .verify(&mut ecr, &mut client)
            .unwrap_or_else(|failure| panic!("after the kill: {failure}\n{}", server.stderr()));
        repositories.extend(worker.ledger.repositories_there());
        total.there += verified.there;
        total.gone += verified.gone;
        total.undecided += verified.undecided;
    }
    cancel_uploads(server.data(), &mut client, &repositories).unwrap();
    assert_eq!(upload_files(server.data()).unwrap(), BTreeSet::new(), "files of cancelled uploads");
    assert_eq!(strange_objects(server.data()).unwrap(), Vec::<String>::new(), "no names of objects");
    total
}

/// The same after an orderly stop and another start.
fn nothing_stays_in_the_way(server: &mut Server) {
    assert_eq!(server.terminate().unwrap().code(), Some(0), "{}", server.stderr());
    server.restart().unwrap();
    assert_eq!(unmatched_objects(server.data()).unwrap(), Vec::<String>::new(), "objects and rows");
    assert_eq!(upload_files(server.data()).unwrap(), BTreeSet::new(), "files of cancelled uploads");
    assert_eq!(strange_objects(server.data()).unwrap(), Vec::<String>::new(), "no names of objects");
}
