//! After a kill or a power cut: an upload tells what is really there, and can be finished from there.

use super::{Body, World, at, content, of_length, sha256};
use crate::blobs::{Expect, UploadError, WRITERS};
use crate::seal::{OVERHEAD, SEGMENT, SEGMENT_PLAIN};
use acre_wire::digest::{Algorithm, Digest};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use std::cell::RefCell;
use std::fs;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use uuid::Uuid;

const SIZE: usize = 400_000;

fn upload(world: &World, parts: &[usize]) -> Uuid {
    let id = world.start(Algorithm::Sha256);
    let mut held = 0;
    for part in parts {
        let next = &content(held + part)[held..];
        world.run(world.append(id, at(held), Body::of(next, 30_000))).unwrap();
        held += part;
    }
    id
}

/// Goes on from `held` to the end of [`SIZE`] bytes, under an algorithm, and reads them back.
fn complete(world: &World, id: Uuid, held: usize, algorithm: Algorithm) {
    let whole = content(SIZE);
    let digest = Digest::of(algorithm, whole);
    let finished = world.run(world.finish(id, at(held), Body::of(&whole[held..], 70_000), digest)).unwrap();
    let blob = world.run(world.commit(finished));
    assert!(world.run(world.read_all(&blob)) == whole, "other bytes came out");
    // Another round is to store it again.
    let mark = move |tx: &crate::catalogue::Tx<'_>| crate::catalogue::blobs::mark_damaged(tx, blob.object);
    world.run(world.store().catalogue.write(mark)).unwrap();
    assert!(world.upload_files().is_empty(), "{:?}", world.upload_files());
}

#[test]
fn a_restart_keeps_what_was_acknowledged() {
    let mut world = World::new();
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        for parts in
            [&[65_509][..], &[65_508, 65_508], &[131_016, 1], &[1, 70_000, 3, 0, 65_508, 100], &[SIZE]]
        {
            let held: usize = parts.iter().sum();
            let id = upload(&world, parts);
            world.reopen();
            assert_eq!(world.run(world.status(id)).unwrap(), held as u64);
            // And once more, with a request in between.
            let more = (SIZE - held).min(1_000);
            world.run(world.append(id, at(held), Body::of(&content(held + more)[held..], 10))).unwrap();
            world.reopen();
            complete(&world, id, held + more, algorithm);
        }
    }
}

#[test]
fn a_finish_is_the_first_request_after_a_restart() {
    let mut world = World::new();
    let id = upload(&world, &[SIZE]);
    world.reopen();
    complete(&world, id, SIZE, Algorithm::Sha256);
}

#[test]
fn keys_may_rotate_meanwhile() {
    let mut world = World::new();
    let id = upload(&world, &[200_000]);
    world.run(world.store().rotate_keys(world.now)).unwrap();
    world.reopen();
    complete(&world, id, 200_000, Algorithm::Sha256);
}

#[derive(Clone, Copy, Debug)]
enum Damage {
    /// The file ends here.
    Cut(Index),
    /// A byte is another.
    Flip(Index),
    /// From here on there is what a power cut leaves of pages that were never written.
    Zero(Index),
    /// Something hangs on behind.
    Grow(usize),
}

fn damages() -> impl Strategy<Value = Damage> {
    prop_oneof![
        any::<Index>().prop_map(Damage::Cut),
        any::<Index>().prop_map(Damage::Flip),
        any::<Index>().prop_map(Damage::Zero),
        (1..200_000_usize).prop_map(Damage::Grow),
    ]
}

fn damage(path: &std::path::Path, damage: Damage) {
    let mut bytes = fs::read(path).unwrap();
    match damage {
        Damage::Cut(at) => bytes.truncate(at.index(bytes.len())),
        Damage::Flip(at) => {
            let at = at.index(bytes.len());
            bytes[at] ^= 0x20;
        }
        Damage::Zero(at) => {
            let at = at.index(bytes.len());
            bytes[at..].fill(0);
        }
        Damage::Grow(by) => bytes.extend_from_slice(content(by)),
    }
    fs::write(path, bytes).unwrap();
}

/// Bytes that whole segments before the first difference hold, and of a short one behind them.
fn untouched(before: &[u8], after: &[u8], held: usize) -> usize {
    let same = before.iter().zip(after).take_while(|(one, other)| one == other).count();
    if same == before.len() && after.len() == before.len() { held } else { same / SEGMENT * SEGMENT_PLAIN }
}

#[test]
fn a_torn_file_never_tells_more_than_it_holds() {
    let world = RefCell::new(World::new());
    let mut runner = TestRunner::new(Config { cases: 60, failure_persistence: None, ..Config::default() });
    let parts =
        prop::collection::vec(prop_oneof![1..1_000_usize, 1..100_000_usize, Just(SEGMENT_PLAIN)], 1..4);
    let cases = (parts, prop::collection::vec(damages(), 0..3), prop::option::of(damages()));
    let checked = runner.run(&cases, |(parts, damages, tail)| {
        let world = &mut *world.borrow_mut();
        let held: usize = parts.iter().sum();
        let id = upload(world, &parts);
        world.close();
        let data = world.file(id, "");
        let mut intact = 0;
        if data.exists() {
            let before = fs::read(&data).unwrap();
            for one in damages {
                if fs::metadata(&data).unwrap().len() > 0 {
                    damage(&data, one);
                }
            }
            intact = untouched(&before, &fs::read(&data).unwrap(), held);
            if let Some(one) = tail
                && world.file(id, "tail").exists()
            {
                damage(&world.file(id, "tail"), one);
            }
        }
        world.reopen();
        match world.run(world.status(id)) {
            Ok(offset) => {
                let offset = usize::try_from(offset).unwrap();
                assert!((intact..=held).contains(&offset), "{offset} of {held}, {intact} of them untouched");
                complete(world, id, offset, Algorithm::Sha256);
            }
            Err(UploadError::Unknown) => assert!(!data.exists()),
            Err(error) => panic!("{error:?}"),
        }
        Ok(())
    });
    checked.unwrap();
}

/// A kill while the short last segment was overwritten: the copy beside the file has what was acknowledged.
#[test]
fn a_torn_short_segment_is_taken_from_its_copy() {
    let mut world = World::new();
    for (held, torn) in
        [(70_000, 0), (70_000, 1), (70_000, 4_519), (70_000, 60_000), (65_509, 10), (131_015, 65_000)]
    {
        let id = upload(&world, &[held]);
        world.close();
        let file = fs::OpenOptions::new().read(true).write(true).open(world.file(id, "")).unwrap();
        let at = SEGMENT as u64;
        let mut short = vec![0; held - SEGMENT_PLAIN + OVERHEAD];
        file.read_exact_at(&mut short, at).unwrap();
        fs::write(world.file(id, "tail"), &short).unwrap();
        // The longer segment that was to take its place, as far as it came.
        file.write_all_at(&content(70_000)[..torn], at).unwrap();
        world.reopen();
        assert_eq!(world.run(world.status(id)).unwrap(), held as u64, "{torn}");
        world.reopen();
        complete(&world, id, held, Algorithm::Sha512);
    }
}

#[test]
fn the_copy_is_there_before_the_short_segment_is_overwritten() {
    let mut world = World::new();
    let id = upload(&world, &[70_000]);
    let mut short = fs::read(world.file(id, "")).unwrap().split_off(SEGMENT);
    for more in [1_000, 100_000] {
        let held = usize::try_from(world.run(world.status(id)).unwrap()).unwrap();
        let (body, quiet, go_on) = Body::of(&content(held + more)[held..], 30_000).and_quiet();
        let broken = world.run(async {
            let look = async {
                quiet.await.unwrap();
                world.all_buffers_are_free().await;
                // Few bytes wait in memory, and the segment stands where it stood.
                let stands = fs::read(world.file(id, "")).unwrap().split_off(SEGMENT) == short;
                assert_eq!(stands, more == 1_000);
                assert!(stands || fs::read(world.file(id, "tail")).unwrap() == short);
                go_on.send(()).unwrap();
            };
            tokio::join!(world.append(id, at(held), body.and_broken()), look).0
        });
        assert!(matches!(broken, Err(UploadError::Broken(_))), "{broken:?}");
        assert!(fs::read(world.file(id, "tail")).unwrap() == short);
        short = fs::read(world.file(id, "")).unwrap().split_off(SEGMENT);
    }
    world.reopen();
    complete(&world, id, 171_000, Algorithm::Sha256);
}

/// What a client was told is undone does not come back, not by the copy of a short segment either.
#[test]
fn undone_bytes_stay_undone() {
    let mut world = World::new();
    for held in [SEGMENT_PLAIN * 2, SEGMENT_PLAIN * 2 + 100] {
        let id = upload(&world, &[held]);
        let other: Vec<u8> = content(5_000).iter().map(|byte| !byte).collect();
        let (body, quiet, go_on) = Body::of(&other, 9_000).and_quiet();
        let refused = world.run(async {
            let release = async {
                quiet.await.unwrap();
                world.all_buffers_are_free().await;
                go_on.send(()).unwrap();
            };
            tokio::join!(world.append(id, of_length(1), body.and(Body::of(&other, 9_000))), release).0
        });
        assert!(matches!(refused, Err(UploadError::Length)), "{refused:?}");
        assert_eq!(world.run(world.status(id)).unwrap(), held as u64);
        world.reopen();
        assert_eq!(world.run(world.status(id)).unwrap(), held as u64);
        complete(&world, id, held, Algorithm::Sha256);
    }
}

#[test]
fn an_upload_of_which_nothing_is_left_goes_on_from_nothing() {
    let mut world = World::new();
    for bytes in [&b""[..], content(SIZE)] {
        let id = upload(&world, &[70_000]);
        world.close();
        fs::write(world.file(id, ""), b"").unwrap();
        world.reopen();
        assert_eq!(world.run(world.status(id)).unwrap(), 0);
        let finished = world.run(world.finish(id, at(0), Body::of(bytes, 50_000), sha256(bytes))).unwrap();
        let blob = world.run(world.commit(finished));
        assert!(world.run(world.read_all(&blob)) == bytes);
    }
}

/// The first requests after a restart come all at once: one reads the file, and it alone, before one of them appends.
#[test]
fn many_take_up_one_upload() {
    let mut world = World::new();
    let held = 350_000;
    for _ in 0..10 {
        let id = upload(&world, &[held]);
        world.reopen();
        let shared = Arc::new(world);
        let appended: usize = shared.run(async {
            let requests = (0..8).map(|number| {
                let world = Arc::clone(&shared);
                tokio::spawn(async move {
                    if number % 2 == 0 {
                        return match world.status(id).await {
                            Ok(_) | Err(UploadError::Busy) => 0,
                            Err(error) => panic!("{error:?}"),
                        };
                    }
                    match world.append(id, at(held), Body::of(&content(SIZE)[held..], 10_000)).await {
                        Ok(offset) => {
                            assert_eq!(offset, SIZE as u64);
                            1
                        }
                        Err(UploadError::Busy | UploadError::OutOfOrder { .. }) => 0,
                        Err(error) => panic!("{error:?}"),
                    }
                })
            });
            let mut appended = 0;
            for request in requests.collect::<Vec<_>>() {
                appended += request.await.unwrap();
            }
            appended
        });
        assert!(appended <= 1);
        world = Arc::into_inner(shared).unwrap();
        let stands = world.run(world.status(id)).unwrap();
        assert_eq!(stands, if appended == 1 { SIZE } else { held } as u64);
        complete(&world, id, usize::try_from(stands).unwrap(), Algorithm::Sha256);
    }
}

/// The same, in the order that hurts: the second is let in when the first has read the file and is about to append.
#[test]
fn who_comes_second_does_not_read_the_file_again() {
    let mut world = World::new();
    let held = 350_000;
    let id = upload(&world, &[held]);
    world.reopen();
    world.run(async {
        let pool = &world.store().blobs.uploads.pool;
        let mut buffers = Vec::new();
        for _ in 0..WRITERS {
            buffers.push(pool.take().await.unwrap());
        }
        // One task, in this order: both wait in line for a buffer when one is given back.
        let (appended, second, ()) = tokio::join!(
            biased;
            world.append(id, at(held), Body::of(&content(SIZE)[held..], 10_000)),
            world.status(id),
            async { drop(buffers.pop()) },
        );
        assert_eq!(appended.unwrap(), SIZE as u64);
        // The buffer is free a moment before the first one goes on.
        let is_as_it_was = matches!(second, Ok(offset) if offset == held as u64);
        assert!(is_as_it_was || matches!(second, Err(UploadError::Busy)), "{second:?}");
    });
    assert_eq!(world.run(world.status(id)).unwrap(), SIZE as u64);
    complete(&world, id, SIZE, Algorithm::Sha256);
}

#[test]
fn a_file_that_cannot_be_read_now_is_not_lost() {
    let mut world = World::new();
    let id = upload(&world, &[SIZE]);
    world.close();
    let head = fs::read(world.file(id, "head")).unwrap();
    // A folder can be neither opened as the data nor removed as a file.
    let aside = world.folder.path().join("aside");
    fs::rename(world.file(id, ""), &aside).unwrap();
    fs::create_dir(world.file(id, "")).unwrap();
    world.reopen();
    let status = world.run(world.status(id));
    assert!(matches!(status, Err(UploadError::Store(_))), "{status:?}");
    assert_eq!(fs::read(world.file(id, "head")).unwrap(), head, "its head is still there");
    fs::remove_dir(world.file(id, "")).unwrap();
    fs::rename(&aside, world.file(id, "")).unwrap();
    assert_eq!(world.run(world.status(id)).unwrap(), SIZE as u64, "the next request tries again");
    assert_eq!(world.run(world.append(id, Expect::default(), Body::empty())).unwrap(), SIZE as u64);
    complete(&world, id, SIZE, Algorithm::Sha256);
}
