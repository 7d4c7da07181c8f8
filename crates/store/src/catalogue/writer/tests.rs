use crate::catalogue::suite::{Opened, number, open, read, write};
use crate::catalogue::{Catalogue, READERS, Tx, accounts};
use crate::error::Error;
use rusqlite::{Connection, params};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

fn insert(tx: &Tx<'_>, id: &str) -> Result<(), Error> {
    accounts::insert(tx, id, 1).map(|_| ())
}

fn count(catalogue: &Catalogue) -> i64 {
    read(catalogue, |tx| number(tx, "SELECT count(*) FROM account"))
}

type Closure = fn(&Tx<'_>) -> Result<(), Error>;

/// Runs these closures as one commit: the writer is held until they are queued.
fn one_commit<const N: usize>(catalogue: &Catalogue, closures: [Closure; N]) -> [Result<(), Error>; N] {
    let (release, held) = mpsc::channel::<()>();
    let (start, started) = mpsc::channel::<()>();
    let held = Mutex::new(held);
    let first = catalogue.writer.submit(move |_| {
        start.send(()).unwrap();
        held.lock().unwrap().recv().unwrap();
        Ok::<_, Error>(())
    });
    started.recv().unwrap();
    let waiting = closures.map(|closure| catalogue.writer.submit(closure).unwrap());
    release.send(()).unwrap();
    first.unwrap().blocking_recv().unwrap().unwrap();
    waiting.map(|answer| answer.blocking_recv().unwrap())
}

/// Breaks a rule that is looked at when the transaction commits.
fn spoil_the_commit(tx: &Tx<'_>) -> Result<(), Error> {
    tx.execute("PRAGMA defer_foreign_keys = ON", [])?;
    tx.execute("INSERT INTO resource_tag (repository, key, value) VALUES (99, '', '')", []).map(|_| ())
}

/// Without its table no probe works, neither that of a write nor that of an idle writer.
fn hide_the_probe(folder: &Path, hidden: bool) {
    let (from, to) = if hidden { ("probe", "hidden") } else { ("hidden", "probe") };
    let beside = Connection::open(folder.join("catalogue.sqlite")).unwrap();
    beside.busy_timeout(Duration::from_secs(10)).unwrap();
    beside.execute_batch(&format!("ALTER TABLE {from} RENAME TO {to}")).unwrap();
}

#[test]
fn a_failed_commit_fails_all_of_it_and_a_probe_ends_that() {
    let Opened { catalogue, folder } = open();
    write(&catalogue, |tx| insert(tx, "before"));
    hide_the_probe(folder.path(), true);
    let failed = one_commit(
        &catalogue,
        [|tx| insert(tx, "one"), spoil_the_commit, |_| Err(Error::Closed), |tx| insert(tx, "two")],
    );
    assert!(failed.iter().all(|answer| matches!(answer, Err(Error::ReadOnly))), "{failed:?}");
    assert!(catalogue.is_read_only());
    assert_eq!(count(&catalogue), 1, "reads go on, and nothing of it is there");

    // As long as the probe does not work, nothing is tried.
    for _ in 0..2 {
        let ran = Arc::new(AtomicBool::new(false));
        let runs = Arc::clone(&ran);
        let refused = catalogue.write_blocking(move |tx| {
            runs.store(true, Ordering::SeqCst);
            insert(tx, "refused")
        });
        assert!(matches!(refused, Err(Error::ReadOnly)), "{refused:?}");
        assert!(catalogue.is_read_only() && !ran.load(Ordering::SeqCst));
    }
    hide_the_probe(folder.path(), false);
    write(&catalogue, |tx| insert(tx, "after"));
    assert!(!catalogue.is_read_only());
    assert_eq!(count(&catalogue), 2);
    assert!(read(&catalogue, |tx| number(tx, "SELECT at FROM probe")) > 0, "the probe wrote");
}

#[test]
fn an_idle_writer_finds_out_by_itself_that_writes_work_again() {
    let Opened { catalogue, folder: _folder } = open();
    assert!(matches!(catalogue.write_blocking(spoil_the_commit), Err(Error::ReadOnly)));
    let started = Instant::now();
    while catalogue.is_read_only() {
        assert!(started.elapsed() < Duration::from_secs(30), "nobody probes");
        std::thread::park_timeout(Duration::from_millis(20));
    }
    assert!(read(&catalogue, |tx| number(tx, "SELECT at FROM probe")) > 0, "the probe wrote");
}

#[test]
fn a_full_disk_is_told_as_such() {
    let Opened { catalogue, folder } = open();
    write(&catalogue, |tx| insert(tx, "before"));
    hide_the_probe(folder.path(), true);
    let grow: Closure = |tx| {
        let pages = number(tx, "PRAGMA page_count")?;
        tx.one(&format!("PRAGMA max_page_count = {}", pages + 3), [], |_| Ok(()))?;
        tx.execute("INSERT INTO account (id, created_at) VALUES (hex(zeroblob(100000)), 1)", []).map(|_| ())
    };
    let answers = one_commit(&catalogue, [|tx| insert(tx, "one"), grow, |tx| insert(tx, "two")]);
    // The statement ends the whole transaction, so all of it fails, with the reason.
    assert!(answers.iter().all(|answer| matches!(answer, Err(Error::Full))), "{answers:?}");
    assert_eq!(count(&catalogue), 1);
    assert!(catalogue.is_read_only());
    hide_the_probe(folder.path(), false);
    write(&catalogue, |tx| insert(tx, "after"));
    assert!(!catalogue.is_read_only());
    assert_eq!(count(&catalogue), 2);
}

#[test]
fn a_newer_folder_is_refused_and_an_own_one_opened_again() {
    let Opened { catalogue, folder } = open();
    write(&catalogue, |tx| insert(tx, "kept"));
    drop(catalogue);
    for _ in 0..2 {
        assert_eq!(count(&Catalogue::open(folder.path()).unwrap()), 1);
    }
    let beside = Connection::open(folder.path().join("catalogue.sqlite")).unwrap();
    beside.pragma_update(None, "user_version", 9).unwrap();
    drop(beside);
    let refused = Catalogue::open(folder.path());
    assert!(matches!(refused, Err(Error::Newer { found: 9, .. })), "{refused:?}");
}

fn log_length(folder: &Path) -> u64 {
    std::fs::metadata(folder.join("catalogue.sqlite-wal")).map_or(0, |log| log.len())
}

/// Waits for the idle writer, which nothing but time brings about.
fn wait_until_emptied(folder: &Path) {
    let started = Instant::now();
    while log_length(folder) > 0 {
        assert!(
            started.elapsed() < Duration::from_secs(30),
            "the log still has {} bytes",
            log_length(folder)
        );
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// The log starts anew each time it was written back whole, which the writer forces at 64 MiB; on top of that comes what
/// is written while a write-back that runs beside it ends.
const LOG_BOUND: u64 = 128 << 20;
const WRITTEN: u64 = 300 << 20;
const SEALED: u64 = 65_536;

#[test]
fn the_log_stays_bounded_under_steady_writes_and_is_emptied_when_idle() {
    let Opened { catalogue, folder } = open();
    write(&catalogue, |tx| {
        tx.execute("INSERT INTO key_domain VALUES (1, '', '', '', 0, 1)", [])?;
        tx.execute("INSERT INTO key_version VALUES (1, 1, x'', 1)", [])
    });
    let (next, longest, done) = (AtomicU64::new(1), AtomicU64::new(0), AtomicBool::new(false));
    let content: Arc<[u8]> = vec![7; usize::try_from(SEALED).unwrap()].into();
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..16)
            .map(|_| {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, Ordering::SeqCst);
                        if number > WRITTEN / SEALED {
                            return;
                        }
                        let content = Arc::clone(&content);
                        write(&catalogue, move |tx| {
                            let digest = number.to_be_bytes();
                            tx.execute(
                                "INSERT INTO blob VALUES (?1, 1, ?2, 1, ?2, 1, x'', 1, 0, 1)",
                                params![number, digest],
                            )?;
                            tx.execute("INSERT INTO blob_content VALUES (?1, ?2)", params![number, &*content])
                        });
                        longest.fetch_max(log_length(folder.path()), Ordering::SeqCst);
                    }
                })
            })
            .collect();
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    read(&catalogue, |tx| tx.one("SELECT max(blob) FROM blob_content", [], |_| Ok(())));
                    std::thread::yield_now();
                }
            });
        }
        for writer in writers {
            writer.join().unwrap();
        }
        done.store(true, Ordering::SeqCst);
    });
    let longest = longest.into_inner();
    assert!(longest < LOG_BOUND, "the log grew to {longest} bytes");
    assert!(longest > 1 << 20, "there was something to bound: {longest}");
    wait_until_emptied(folder.path());
    let rows = read(&catalogue, |tx| number(tx, "SELECT count(*) FROM blob_content"));
    assert_eq!(rows, i64::try_from(WRITTEN / SEALED).unwrap());
}

#[test]
fn a_rush_of_readers_is_closed_behind_it() {
    let Opened { catalogue, folder: _folder } = open();
    let all = std::sync::Barrier::new(3 * READERS);
    std::thread::scope(|scope| {
        for _ in 0..3 * READERS {
            scope.spawn(|| {
                read(&catalogue, |tx| {
                    all.wait();
                    number(tx, "SELECT count(*) FROM account")
                })
            });
        }
    });
    assert_eq!(catalogue.readers.lock().unwrap().len(), READERS);
}

#[test]
fn a_reader_in_the_way_of_emptying_is_waited_out() {
    let Opened { catalogue, folder } = open();
    write(&catalogue, |tx| insert(tx, "one"));
    read(&catalogue, |tx| {
        assert_eq!(number(tx, "SELECT count(*) FROM account")?, 1);
        // Until the writer has once found it there.
        std::thread::park_timeout(super::IDLE + Duration::from_millis(500));
        assert!(log_length(folder.path()) > 0);
        Ok(())
    });
    wait_until_emptied(folder.path());
    assert_eq!(count(&catalogue), 1);
}
