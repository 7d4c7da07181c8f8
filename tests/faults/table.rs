//! Which acts each fault fails, written by hand; then that the fault's end is the end of it.

use super::acts::{ACTS, Act, HOME, Place, is_refused};
use acre_testkit::faults::{Call, Errno, Fault, Kind};
use acre_testkit::image::{Flavour, Image, Recipe, pull_and_verify};
use acre_testkit::leftovers::unmatched_objects;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What a fault does to the acts.
struct Row {
    what: &'static str,
    fault: Fault,
    fails: &'static [Act],
    is_full: bool,
    /// Whether an upload that it befalls has ended, so that the client begins anew.
    ends_uploads: bool,
}

/// Acts that make an object's file.
const FILES: &[Act] = &[Act::Blob, Act::Layer, Act::WideManifest];
/// Acts that open an object or the folder of one.
const OPENS: &[Act] = &[Act::Blob, Act::Layer, Act::WideManifest, Act::Pull, Act::Download];
/// Acts that write a row.
const ROWS: &[Act] = &[
    Act::Blob,
    Act::SmallBlob,
    Act::Layer,
    Act::Manifest,
    Act::WideManifest,
    Act::PutImage,
    Act::CreateRepository,
    Act::DeleteTag,
    Act::BatchDeleteImage,
    Act::DeleteRepository,
    Act::Mount,
    Act::DeleteBlob,
    Act::PutAccountSetting,
    Act::CreateTemplate,
];
/// Acts that bring bytes; a mount brings none.
const PUSHES: &[Act] =
    &[Act::Blob, Act::SmallBlob, Act::Layer, Act::Manifest, Act::WideManifest, Act::PutImage];

const IO: Kind = Kind::Fails(Errno::Io);
const UPLOADS: &str = "/uploads/";
const OBJECTS: &str = "/objects/";
const LOG: &str = "/catalogue.sqlite-wal$";

const fn row(
    what: &'static str,
    calls: &'static [Call],
    path: &'static str,
    kind: Kind,
    fails: &'static [Act],
) -> Row {
    let is_full = matches!(kind, Kind::Fails(Errno::NoSpace) | Kind::HalfThenFails(Errno::NoSpace));
    Row { what, fault: Fault { calls, path, kind, times: None }, fails, is_full, ends_uploads: true }
}

const TABLE: &[Row] = &[
    row("an upload's file is not made", &[Call::Open], UPLOADS, IO, FILES),
    row("its write fails", &[Call::Write], UPLOADS, IO, FILES),
    row("its write is short, then fails", &[Call::Write], UPLOADS, Kind::HalfThenFails(Errno::Io), FILES),
    row("no room for its bytes", &[Call::Write], UPLOADS, Kind::Fails(Errno::NoSpace), FILES),
    row("an object's sync fails", &[Call::SyncFile], UPLOADS, IO, FILES),
    row("its rename fails", &[Call::Rename], OBJECTS, IO, FILES),
    row("the sync of its folder fails", &[Call::SyncFolder], OBJECTS, IO, FILES),
    row("files cannot be removed", &[Call::Remove], UPLOADS, IO, &[]),
    row("objects and their folders are not opened", &[Call::Open], OBJECTS, IO, OPENS),
    row("an object is not read", &[Call::Read], OBJECTS, IO, &[Act::Pull, Act::Download]),
    Row { ends_uploads: false, ..row("the write of the log fails", &[Call::Write], LOG, IO, ROWS) },
    Row {
        ends_uploads: false,
        ..row("it is short, then fails", &[Call::Write], LOG, Kind::HalfThenFails(Errno::Io), ROWS)
    },
    Row {
        ends_uploads: false,
        ..row("no room for the log", &[Call::Write], LOG, Kind::Fails(Errno::NoSpace), ROWS)
    },
    Row { ends_uploads: false, ..row("the log's sync fails", &[Call::SyncFile], LOG, IO, ROWS) },
    Row {
        ends_uploads: false,
        ..row("below the reserve", &[Call::Space], "", Kind::Fails(Errno::NoSpace), PUSHES)
    },
    row("nothing is written back", &[Call::Write, Call::SyncFile], "/catalogue.sqlite$", IO, &[]),
    row(
        "syncs are slow",
        &[Call::SyncFile, Call::SyncFolder],
        "",
        Kind::Slow(Duration::from_millis(100)),
        &[],
    ),
    row("objects are read slowly", &[Call::Read], OBJECTS, Kind::Slow(Duration::from_millis(100)), &[]),
    row("uploads are written slowly", &[Call::Write], UPLOADS, Kind::Slow(Duration::from_millis(100)), &[]),
    row("the log is written slowly", &[Call::Write], LOG, Kind::Slow(Duration::from_millis(20)), &[]),
];

#[test]
fn each_fault_fails_what_it_must_and_ends() {
    let mut place = Place::new();
    let small = Image::made("always there", &[Recipe { seed: 0, length: 500 }]);
    let mut puller = place.another_client();
    small.push(&mut puller, HOME, "always", Flavour::PostPut).unwrap();
    let (stop, pulled) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut acknowledged = Vec::new();
    std::thread::scope(|scope| {
        // Ends the puller however this ends.
        let end = End(&stop);
        scope.spawn(|| {
            while !stop.load(Ordering::SeqCst) {
                pull_and_verify(&mut puller, HOME, "always", &small.digest()).unwrap();
                pulled.fetch_add(1, Ordering::SeqCst);
            }
        });
        for row in TABLE {
            let before = pulled.load(Ordering::SeqCst);
            acknowledged.extend(check(&mut place, row));
            wait_for(|| pulled.load(Ordering::SeqCst) > before, "pulls do not go on");
        }
        drop(end);
    });
    for how in ["kill -9", "an orderly end"] {
        if how == "kill -9" {
            place.server.kill9().unwrap();
        }
        place.restart();
        for ready in &acknowledged {
            place.look(ready, true);
        }
        assert_eq!(unmatched_objects(place.server.data()).unwrap(), Vec::<String>::new(), "after {how}");
    }
}

/// The log is emptied when the disk takes it again, without another write that would ask for it.
#[test]
fn what_could_not_be_written_back_is_by_itself() {
    let mut place = Place::new();
    let log = place.server.data().join("catalogue.sqlite-wal");
    let fault =
        Fault { calls: &[Call::Write, Call::SyncFile], path: "/catalogue.sqlite$", kind: IO, times: None };
    place.faults.set(&[fault]).unwrap();
    let ready = place.prepare(Act::CreateRepository);
    assert_eq!(place.attempt(&ready).status, 200);
    wait_for(|| place.faults.hits(0).unwrap() > 0, "nothing is written back");
    assert!(log.metadata().unwrap().len() > 0);
    place.faults.lift().unwrap();
    wait_for(|| log.metadata().unwrap().len() == 0, "the log is not emptied");
    place.look(&ready, true);
}

struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// All acts under one fault and once more without it: those that were acknowledged.
fn check(place: &mut Place, row: &Row) -> Vec<super::acts::Ready> {
    let what = row.what;
    let ready: Vec<_> = ACTS.iter().map(|act| place.prepare(*act)).collect();
    place.faults.set(&[row.fault]).unwrap();
    let mut acknowledged = Vec::new();
    let mut refused = Vec::new();
    for ready in ready {
        let (act, answer) = (ready.act, place.attempt(&ready));
        if row.fails.contains(&act) {
            is_refused(act, &answer, row.is_full);
            refused.push(ready);
        } else {
            assert_eq!(answer.status, act.success(), "{what}, {act:?}: {answer:?}");
            acknowledged.push(ready);
        }
    }
    // What is written back is so when nobody writes.
    wait_for(|| place.faults.hits(0).unwrap() > 0, what);
    place.faults.lift().unwrap();
    for ready in refused {
        place.look(&ready, false);
        let act = ready.act;
        let again = place.attempt(&ready);
        let unknown = again.json().to_string();
        let ended = act.uploads()
            && (again.status == 404 && unknown.contains("BLOB_UPLOAD_UNKNOWN")
                || again.status == 400 && unknown.contains("UploadNotFoundException"));
        // An upload whose sync failed is not finished by asking again.
        assert!(ended || !act.uploads() || !row.ends_uploads, "{what}, {act:?}: {again:?}");
        if ended {
            let anew = place.prepare(act);
            let answer = place.attempt(&anew);
            assert_eq!(answer.status, act.success(), "{what}, {act:?} anew: {answer:?}");
            acknowledged.push(anew);
        } else {
            assert_eq!(again.status, act.success(), "{what}, {act:?} again: {again:?}");
            acknowledged.push(ready);
        }
    }
    for ready in &acknowledged {
        place.look(ready, true);
    }
    // The first push after the fault has cleared away what the failed commits left.
    place.push_a_file();
    assert_eq!(unmatched_objects(place.server.data()).unwrap(), Vec::<String>::new(), "{what}");
    acknowledged
}

/// Waits for what only another thread or the server's own clock brings about.
fn wait_for(mut is_so: impl FnMut() -> bool, what: &str) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(30), "{what}: not within 30 s");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}
