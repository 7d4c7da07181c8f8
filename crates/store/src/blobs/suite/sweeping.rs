//! What a start, and the sweep of every hour, remove from `uploads/`.

use super::{Body, DAY, LIFETIME, World, at, content, sha256};
use crate::blobs::{Owner, UploadError};
use crate::catalogue::Tx;
use crate::error::Error;
use acre_wire::digest::Algorithm;
use std::fs;
use uuid::Uuid;

/// An upload of 200,000 bytes on disk.
fn on_disk(world: &World) -> Uuid {
    let id = world.start(Algorithm::Sha256);
    world.run(world.append(id, at(0), Body::of(content(200_000), 50_000))).unwrap();
    assert!(world.file(id, "").exists() && world.file(id, "head").exists());
    id
}

fn assert_unknown(world: &World, id: Uuid) {
    let status = world.run(world.status(id));
    assert!(matches!(status, Err(UploadError::Unknown)), "{status:?}");
}

#[test]
fn what_nobody_can_go_on_with_is_removed() {
    let mut world = World::new();
    let kept = on_disk(&world);
    let headless = on_disk(&world);
    let damaged_head = on_disk(&world);
    let exchanged_head = on_disk(&world);
    let dataless = on_disk(&world);
    let finished = on_disk(&world);
    let ended =
        world.run(world.finish(finished, at(200_000), Body::empty(), sha256(content(200_000)))).unwrap();
    assert_eq!((world.object_files().len(), ended.size), (1, 200_000));
    world.close();
    fs::remove_file(world.file(headless, "head")).unwrap();
    fs::write(world.file(headless, "tail"), b"tail").unwrap();
    let mut head = fs::read(world.file(damaged_head, "head")).unwrap();
    head[20] ^= 1;
    fs::write(world.file(damaged_head, "head"), head).unwrap();
    fs::copy(world.file(kept, "head"), world.file(exchanged_head, "head")).unwrap();
    fs::remove_file(world.file(dataless, "")).unwrap();
    for junk in ["junk", "junk.head", ".hidden", "0.tmp"] {
        fs::write(world.folder.path().join("uploads").join(junk), b"junk").unwrap();
    }
    let stray = Uuid::new_v4();
    for extension in ["tail", "head"] {
        fs::write(world.file(stray, extension), vec![7; 100_000]).unwrap();
    }
    world.reopen();
    assert_eq!(world.upload_files(), [kept.to_string(), format!("{kept}.head")]);
    assert!(world.object_files().is_empty(), "an object without a row");
    for id in [headless, damaged_head, exchanged_head, dataless, finished, stray] {
        assert_unknown(&world, id);
    }
    assert_eq!(world.run(world.status(kept)).unwrap(), 200_000);
}

/// The process was killed between the row's commit and the removal of the head.
#[test]
fn a_session_whose_object_is_named_is_done() {
    let mut world = World::new();
    let id = on_disk(&world);
    let (head, data) = (fs::read(world.file(id, "head")).unwrap(), fs::read(world.file(id, "")).unwrap());
    let finished = world.run(world.finish(id, at(200_000), Body::empty(), sha256(content(200_000)))).unwrap();
    let blob = world.run(world.commit(finished));
    for with_data in [false, true] {
        world.close();
        fs::write(world.file(id, "head"), &head).unwrap();
        if with_data {
            // A rename that a power cut took back on one side only.
            fs::write(world.file(id, ""), &data).unwrap();
        }
        world.reopen();
        assert!(world.upload_files().is_empty());
        assert_unknown(&world, id);
        assert!(world.run(world.read_all(&blob)) == content(200_000));
    }
    // Asked for before a sweep saw it, it does not exist either.
    fs::write(world.file(id, "head"), &head).unwrap();
    fs::write(world.file(id, ""), &data).unwrap();
    assert_unknown(&world, id);
}

#[test]
fn idle_uploads_expire() {
    let mut world = World::new();
    let sweep = |world: &World, days| world.store().sweep(world.now + days * DAY, LIFETIME).unwrap();
    let small = world.start(Algorithm::Sha256);
    world.run(world.append(small, at(0), Body::of(content(10), 10))).unwrap();
    let large = on_disk(&world);
    let touched = on_disk(&world);
    sweep(&world, 6);
    let later = world.now + 4 * DAY;
    assert_eq!(world.run(world.store().upload_status(touched, world.owner, later)).unwrap(), 200_000);
    sweep(&world, 8);
    assert_unknown(&world, small);
    assert_unknown(&world, large);
    assert_eq!(world.upload_files(), [touched.to_string(), format!("{touched}.head")]);
    // One of an earlier process, when it was last written.
    world.reopen();
    sweep(&world, 6);
    assert_eq!(world.upload_files().len(), 2);
    sweep(&world, 8);
    assert!(world.upload_files().is_empty());
    assert_unknown(&world, touched);
}

/// A commit that fails, and one that is then refused: nobody knows whether a power cut would bring the row back.
#[test]
fn what_a_failed_commit_left_goes_when_commits_work_again() {
    let world = World::new();
    let beside = rusqlite::Connection::open(world.folder.path().join("catalogue.sqlite")).unwrap();
    beside.busy_timeout(super::PATIENCE).unwrap();
    let finish =
        |id| world.run(world.finish(id, at(200_000), Body::empty(), sha256(content(200_000)))).unwrap();
    let (failed, committed) = (finish(on_disk(&world)), finish(on_disk(&world)));
    // Without its table no probe works.
    beside.execute_batch("ALTER TABLE probe RENAME TO hidden").unwrap();
    let spoiled = world.run(world.store().catalogue.write(|tx: &Tx<'_>| {
        tx.execute("PRAGMA defer_foreign_keys = ON", [])?;
        tx.execute("INSERT INTO resource_tag (repository, key, value) VALUES (99, '', '')", [])
    }));
    assert!(matches!(spoiled, Err(Error::ReadOnly)), "{spoiled:?}");
    world.store().doubt_upload(&failed);
    world.store().sweep(world.now, LIFETIME).unwrap();
    assert_eq!((world.object_files().len(), world.upload_files().len()), (2, 2), "objects and their heads");

    beside.execute_batch("ALTER TABLE hidden RENAME TO probe").unwrap();
    // The next push comes here first.
    world.run(world.append(world.start(Algorithm::Sha256), at(0), Body::empty())).unwrap();
    assert_eq!((world.object_files().len(), world.upload_files().len()), (1, 1), "the other is on its way");
    // It failed, as far as its client knows, and was committed all the same.
    let object = committed.object.clone().unwrap();
    let domain = world.domain;
    let insert = move |tx: &Tx<'_>| crate::catalogue::blobs::insert(tx, domain, &object, 1);
    world.run(world.store().catalogue.write(insert)).unwrap();
    world.store().doubt_upload(&committed);
    world.store().sweep(world.now, LIFETIME).unwrap();
    assert_eq!((world.object_files().len(), world.upload_files().len()), (1, 0));
}

/// Started long ago, written to just now: it is not idle.
#[test]
fn an_old_upload_that_is_alive_survives_a_restart() {
    let mut world = World::new();
    world.now -= 30 * DAY;
    let id = on_disk(&world);
    world.now += 30 * DAY;
    world.reopen();
    assert_eq!(world.run(world.status(id)).unwrap(), 200_000);
}

#[test]
fn a_sweep_beside_pushes_takes_nothing_that_is_needed() {
    let world = std::sync::Arc::new(World::new());
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let sweeping = {
        let (world, stop) = (std::sync::Arc::clone(&world), std::sync::Arc::clone(&stop));
        std::thread::spawn(move || {
            while !stop.load(std::sync::atomic::Ordering::SeqCst) {
                world.store().sweep(world.now, LIFETIME).unwrap();
            }
        })
    };
    world.run(async {
        let pushes = (0..4_usize).map(|client| {
            let world = std::sync::Arc::clone(&world);
            tokio::spawn(async move {
                for number in 0..20 {
                    let bytes = &content(300_000)[client * 20 + number..][..100_000];
                    let blob = world.push(bytes).await;
                    assert!(world.read_all(&blob).await == bytes);
                }
            })
        });
        for push in pushes.collect::<Vec<_>>() {
            push.await.unwrap();
        }
    });
    stop.store(true, std::sync::atomic::Ordering::SeqCst);
    sweeping.join().unwrap();
    assert_eq!(world.object_files().len(), 80);
}

#[test]
fn another_owner_of_a_row_that_is_gone_finds_nothing() {
    let mut world = World::new();
    let id = world.start_as(Owner { principal: 77, repository: 88 }, Algorithm::Sha256);
    let mut body = Body::of(content(200_000), 50_000);
    let owner = Owner { principal: 77, repository: 88 };
    world.run(world.store().append_upload(id, owner, at(0), &mut body, world.now)).unwrap();
    world.reopen();
    assert_unknown(&world, id);
    assert_eq!(world.run(world.store().upload_status(id, owner, world.now)).unwrap(), 200_000);
}
