//! Who may go on with an upload, one writer at a time, and how it ends.

use super::{Body, DAY, World, at, content, of_length, sha256};
use crate::blobs::{Expect, Owner, UploadError};
use crate::catalogue::blobs;
use crate::error::Error;
use acre_wire::digest::Algorithm;
use std::sync::Arc;

/// An upload that stays in memory, and one that goes to disk.
const SIZES: [usize; 2] = [1_000, 200_000];

fn assert_unknown<T: std::fmt::Debug>(answer: &Result<T, UploadError>) {
    assert!(matches!(answer, Err(UploadError::Unknown)), "{answer:?}");
}

#[test]
fn a_wrong_digest_leaves_nothing() {
    let world = World::new();
    for size in SIZES {
        for with_bytes in [true, false] {
            let id = world.start(Algorithm::Sha256);
            let (sent, rest) = content(size).split_at(if with_bytes { size / 2 } else { size });
            world.run(world.append(id, at(0), Body::of(sent, 50_000))).unwrap();
            let finished =
                world.run(world.finish(id, at(sent.len()), Body::of(rest, 50_000), sha256(b"other")));
            let found = sha256(content(size));
            assert!(
                matches!(&finished, Err(UploadError::Mismatch(digest)) if *digest == found),
                "{finished:?}"
            );
            assert_unknown(&world.run(world.status(id)));
            assert_unknown(&world.run(world.append(id, Expect::default(), Body::empty())));
            assert_unknown(&world.run(world.finish(id, Expect::default(), Body::empty(), found)));
            assert!(world.upload_files().is_empty() && world.object_files().is_empty());
        }
    }
}

#[test]
fn a_length_that_differs_changes_nothing() {
    let world = World::new();
    for size in SIZES {
        let id = world.start(Algorithm::Sha256);
        let (sent, rest) = content(size).split_at(size / 3);
        world.run(world.append(id, at(0), Body::of(sent, 50_000))).unwrap();
        for (body, said) in
            [(Body::of(content(9), 5), 10), (Body::of(content(90_000), 5_000), 70_000), (Body::empty(), 1)]
        {
            let refused = world.run(world.append(id, of_length(said), body));
            assert!(matches!(refused, Err(UploadError::Length)), "{refused:?}");
            assert_eq!(world.run(world.status(id)).unwrap(), sent.len() as u64);
        }
        // A finish too.
        let refused = world.run(world.finish(id, of_length(1), Body::of(rest, 5_000), sha256(content(size))));
        assert!(matches!(refused, Err(UploadError::Length)), "{refused:?}");
        let finished = world
            .run(world.finish(id, at(sent.len()), Body::of(rest, 5_000), sha256(content(size))))
            .unwrap();
        let blob = world.run(world.commit(finished));
        assert!(world.run(world.read_all(&blob)) == content(size));
    }
}

/// The short segment that a request found is not the one that its pause left.
#[test]
fn a_length_that_differs_after_a_pause_changes_nothing() {
    let world = World::new();
    for sent in [65_508, 65_600, 70_000, 131_015, 131_016, 131_017] {
        for before_pause in [1, 10_000, 65_508, 150_000] {
            let id = world.start(Algorithm::Sha256);
            // More than one segment, so that it is on disk before.
            let (sent, rest) = content(400_000).split_at(sent + 1);
            world.run(world.append(id, at(0), Body::of(sent, 50_000))).unwrap();
            let other: Vec<u8> = content(before_pause).iter().map(|byte| !byte).collect();
            let (body, quiet, go_on) = Body::of(&other, 50_000).and_quiet();
            let refused = world.run(async {
                let append = world.append(id, of_length(before_pause), body.and(Body::of(&other, 50_000)));
                let release = async {
                    quiet.await.unwrap();
                    // It has paused when its buffer is back.
                    world.all_buffers_are_free().await;
                    go_on.send(()).unwrap();
                };
                tokio::join!(append, release).0
            });
            assert!(matches!(refused, Err(UploadError::Length)), "{refused:?}");
            assert_eq!(world.run(world.status(id)).unwrap(), sent.len() as u64);
            let digest = sha256(content(400_000));
            let finished =
                world.run(world.finish(id, at(sent.len()), Body::of(rest, 50_000), digest)).unwrap();
            let blob = world.run(world.commit(finished));
            assert!(world.run(world.read_all(&blob)) == content(400_000), "{} {before_pause}", sent.len());
            // The next round is about bytes, not about a digest that is known.
            world.run(world.store().catalogue.write(move |tx| blobs::mark_damaged(tx, blob.object))).unwrap();
        }
    }
}

#[test]
fn bytes_out_of_order_store_nothing() {
    let world = World::new();
    for size in SIZES {
        let id = world.start(Algorithm::Sha256);
        world.run(world.append(id, at(0), Body::of(content(size), 50_000))).unwrap();
        for first in [0, size - 1, size + 1] {
            // Ahead, behind, repeated.
            let appended = world.run(world.append(id, at(first), Body::of(b"other", 9)));
            let finished =
                world.run(world.finish(id, at(first), Body::of(b"other", 9), sha256(content(size))));
            assert!(matches!(appended, Err(UploadError::OutOfOrder { .. })), "{appended:?}");
            assert!(matches!(finished, Err(UploadError::OutOfOrder { .. })), "{finished:?}");
            assert_eq!(world.run(world.status(id)).unwrap(), size as u64);
        }
        let finished = world.run(world.finish(id, at(size), Body::empty(), sha256(content(size)))).unwrap();
        let blob = world.run(world.commit(finished));
        assert!(world.run(world.read_all(&blob)) == content(size));
    }
}

#[test]
fn one_request_at_a_time() {
    let world = World::new();
    for size in SIZES {
        let id = world.start(Algorithm::Sha256);
        world.run(async {
            let (body, quiet, go_on) = Body::of(content(size), 50_000).and_quiet();
            let append = world.append(id, at(0), body);
            let others = async {
                quiet.await.unwrap();
                let busy = [
                    world.status(id).await.map(|_| ()),
                    world.append(id, Expect::default(), Body::empty()).await.map(|_| ()),
                    world.finish(id, Expect::default(), Body::empty(), sha256(b"")).await.map(|_| ()),
                    world.store().abort_upload(id, world.owner, world.now).await,
                ];
                assert!(busy.iter().all(|answer| matches!(answer, Err(UploadError::Busy))), "{busy:?}");
                // Nor does it expire while somebody sends, however long that takes.
                world.store().blobs.uploads.expire(world.now + 100 * DAY);
                go_on.send(()).unwrap();
            };
            let (appended, ()) = tokio::join!(append, others);
            assert_eq!(appended.unwrap(), size as u64);
            let finished = world.finish(id, at(size), Body::empty(), sha256(content(size))).await.unwrap();
            let blob = world.commit(finished).await;
            assert!(world.read_all(&blob).await == content(size));
        });
    }
}

#[test]
fn of_many_finishes_one_ends_it() {
    let world = Arc::new(World::new());
    for size in SIZES {
        let id = world.start(Algorithm::Sha256);
        world.run(world.append(id, at(0), Body::of(content(size), 50_000))).unwrap();
        let ended = world.run(async {
            let finishes = (0..8).map(|_| {
                let world = Arc::clone(&world);
                tokio::spawn(
                    async move { world.finish(id, at(size), Body::empty(), sha256(content(size))).await },
                )
            });
            let mut ended = Vec::new();
            for finish in finishes.collect::<Vec<_>>() {
                match finish.await.unwrap() {
                    Ok(finished) => ended.push(finished),
                    Err(UploadError::Busy | UploadError::Unknown) => {}
                    Err(error) => panic!("{error:?}"),
                }
            }
            ended
        });
        assert_eq!(ended.len(), 1);
        for finished in ended {
            let blob = world.run(world.commit(finished));
            assert!(world.run(world.read_all(&blob)) == content(size));
        }
    }
}

#[test]
fn the_same_bytes_by_many_are_kept_once() {
    let world = Arc::new(World::new());
    let digest = sha256(content(200_000));
    world.run(async {
        let pushes = (0..8).map(|_| {
            let world = Arc::clone(&world);
            tokio::spawn(async move {
                let id = world.start(Algorithm::Sha256);
                let finished =
                    world.finish(id, at(0), Body::of(content(200_000), 50_000), digest).await.unwrap();
                world.commit(finished).await
            })
        });
        for push in pushes.collect::<Vec<_>>() {
            let blob = push.await.unwrap();
            assert!(world.read_all(&blob).await == content(200_000));
        }
        // By now the key domain knows it: nothing is even synced.
        let id = world.start(Algorithm::Sha256);
        let finished = world.finish(id, at(0), Body::of(content(200_000), 50_000), digest).await.unwrap();
        assert!(finished.object.is_none());
        world.commit(finished).await;
    });
    assert_eq!(world.object_files().len(), 1);
    assert!(world.upload_files().is_empty());
}

#[test]
fn to_others_an_upload_does_not_exist() {
    let mut world = World::new();
    let Owner { principal, repository } = world.owner;
    for size in SIZES {
        let id = world.start(Algorithm::Sha256);
        world.run(world.append(id, at(0), Body::of(content(size), 50_000))).unwrap();
        let mut survives = true;
        for restarted in [false, true] {
            if restarted {
                survives = world.file(id, "").exists();
                world.reopen();
            }
            for owner in [
                Owner { principal: principal + 1, repository },
                Owner { principal, repository: repository + 1 },
            ] {
                let (store, now) = (world.store(), world.now);
                let mut body = Body::empty();
                assert_unknown(&world.run(store.upload_status(id, owner, now)));
                assert_unknown(&world.run(store.append_upload(id, owner, Expect::default(), &mut body, now)));
                assert_unknown(&world.run(store.finish_upload(
                    id,
                    owner,
                    Expect::default(),
                    &mut body,
                    sha256(b""),
                    now,
                )));
                assert_unknown(&world.run(store.abort_upload(id, owner, now)));
                assert!(!restarted || store.blobs.uploads.session(id).is_none(), "nor is it read for them");
            }
        }
        if survives {
            assert_eq!(world.run(world.status(id)).unwrap(), size as u64);
        }
    }
}

#[test]
fn an_aborted_upload_is_gone() {
    let mut world = World::new();
    for restarted in [false, true] {
        for size in SIZES {
            let id = world.start(Algorithm::Sha256);
            world.run(world.append(id, at(0), Body::of(content(size), 50_000))).unwrap();
            if restarted && world.file(id, "").exists() {
                world.reopen();
            }
            world.run(world.store().abort_upload(id, world.owner, world.now)).unwrap();
            assert_unknown(&world.run(world.store().abort_upload(id, world.owner, world.now)));
            assert_unknown(&world.run(world.status(id)));
            assert_unknown(&world.run(world.append(id, Expect::default(), Body::empty())));
            assert!(world.upload_files().is_empty());
        }
    }
}

/// Between the end of a finish and its row nobody may touch what it made: a restart needs the head, the row the object.
#[test]
fn a_finished_upload_waits_for_its_row() {
    let world = World::new();
    let id = world.start(Algorithm::Sha256);
    let digest = sha256(content(200_000));
    let finished = world.run(world.finish(id, at(0), Body::of(content(200_000), 50_000), digest)).unwrap();
    assert_unknown(&world.run(world.status(id)));
    assert_unknown(&world.run(world.store().abort_upload(id, world.owner, world.now)));
    assert_unknown(&world.run(world.finish(id, Expect::default(), Body::empty(), digest)));
    let later = world.now + 100 * DAY;
    world.store().sweep(later, super::LIFETIME).unwrap();
    assert_eq!(world.upload_files(), [format!("{id}.head")]);
    assert_eq!(world.object_files().len(), 1);
    let blob = world.run(world.commit(finished));
    assert!(world.upload_files().is_empty());
    assert!(world.run(world.read_all(&blob)) == content(200_000));
}

/// Bytes without a row would only fill the disk.
#[test]
fn no_bytes_are_taken_in_while_no_row_can_be_written() {
    let world = World::new();
    let catalogue = &world.store().catalogue;
    let ids = SIZES.map(|size| {
        let id = world.start(Algorithm::Sha256);
        world.run(world.append(id, at(0), Body::of(content(size), 50_000))).unwrap();
        (id, size)
    });
    // No probe works without its table.
    catalogue.write_blocking(|tx| tx.execute("ALTER TABLE probe RENAME TO hidden", [])).unwrap();
    let failed = catalogue.write_blocking(|tx| {
        // This is looked at when the transaction commits.
        tx.execute("PRAGMA defer_foreign_keys = ON", [])?;
        tx.execute("INSERT INTO resource_tag (repository, key, value) VALUES (99, '', '')", [])
    });
    assert!(matches!(failed, Err(Error::ReadOnly)), "{failed:?}");
    for (id, size) in ids {
        let digest = sha256(content(size));
        let refused = world.run(world.append(id, at(size), Body::of(b"more", 4))).unwrap_err();
        assert!(matches!(refused, UploadError::Store(Error::ReadOnly)), "{refused:?}");
        let refused = world.run(world.finish(id, at(size), Body::empty(), digest)).unwrap_err();
        assert!(matches!(refused, UploadError::Store(Error::ReadOnly)), "{refused:?}");
        assert_eq!(world.run(world.status(id)).unwrap(), size as u64);
    }
    let beside = rusqlite::Connection::open(world.folder.path().join("catalogue.sqlite")).unwrap();
    beside.execute_batch("ALTER TABLE hidden RENAME TO probe").unwrap();
    for (id, size) in ids {
        let finished = world.run(world.finish(id, at(size), Body::empty(), sha256(content(size)))).unwrap();
        let blob = world.run(world.commit(finished));
        assert!(world.run(world.read_all(&blob)) == content(size));
    }
}

#[test]
fn a_finish_without_use_leaves_nothing() {
    let world = World::new();
    for size in SIZES {
        let id = world.start(Algorithm::Sha256);
        let finished = world
            .run(world.finish(id, at(0), Body::of(content(size), 50_000), sha256(content(size))))
            .unwrap();
        assert!(finished.object.is_some());
        world.store().settle_upload(&finished, false);
        assert!(world.upload_files().is_empty() && world.object_files().is_empty());
    }
}

#[test]
fn a_finished_upload_is_remembered_for_an_hour() {
    let world = World::new();
    let other = Owner { principal: 99, ..world.owner };
    for size in SIZES {
        let id = world.start(Algorithm::Sha256);
        let digest = sha256(content(size));
        let finished = world.run(world.finish(id, at(0), Body::of(content(size), 50_000), digest)).unwrap();
        world.run(world.commit(finished));
        let ask = |owner, minutes: i64| {
            let now = world.now + minutes * 60_000_000;
            let mut body = Body::empty();
            world.run(world.store().finish_upload(id, owner, Expect::default(), &mut body, digest, now))
        };
        for minutes in [0, 59] {
            let again = ask(world.owner, minutes);
            assert!(matches!(&again, Err(UploadError::Done(done)) if *done == digest), "{again:?}");
        }
        assert_unknown(&ask(world.owner, 60));
        assert_unknown(&ask(other, 0));
    }
}

#[test]
fn a_damaged_object_is_replaced_by_the_next_push() {
    let world = World::new();
    world.run(async {
        let old = world.push(content(200_000)).await;
        let path = world.object_file(&old);
        std::fs::write(&path, b"ruined").unwrap();
        let (_, error) = world.read(&old, 0..200_000).await.unwrap_err();
        assert!(matches!(error, Error::Damaged(_)), "{error:?}");
        world.store().catalogue.write(move |tx| blobs::mark_damaged(tx, old.object)).await.unwrap();
        let new = world.push(content(200_000)).await;
        assert_eq!(new.id, old.id);
        assert_ne!(new.object, old.object);
        assert!(world.read_all(&new).await == content(200_000));
        assert!(path.exists(), "the old file is the collector's");
    });
}
