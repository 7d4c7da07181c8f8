//! Reading back: any range, never a byte that its seal does not vouch for.

use super::{World, content};
use crate::blobs::{Content, READERS};
use crate::catalogue::blobs::Blob;
use crate::error::Error;
use crate::seal::{SEGMENT, SEGMENT_PLAIN};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use std::fs;
use std::sync::Arc;
use std::time::Duration;

fn assert_damaged<T: std::fmt::Debug>(read: &Result<T, (Vec<u8>, Error)>) {
    assert!(matches!(read, Err((_, Error::Damaged(_)))), "{read:?}");
}

#[test]
fn every_range_around_every_edge() {
    let world = World::new();
    let size = 9 * SEGMENT_PLAIN + 100;
    let edges =
        [0, 1, SEGMENT_PLAIN - 1, SEGMENT_PLAIN, SEGMENT_PLAIN + 1, 8 * SEGMENT_PLAIN - 1, 8 * SEGMENT_PLAIN];
    let edges = || edges.into_iter().chain([8 * SEGMENT_PLAIN + 1, 9 * SEGMENT_PLAIN, size - 1, size]);
    world.run(async {
        let blob = world.push(content(size)).await;
        for (from, to) in
            edges().flat_map(|from| edges().map(move |to| (from, to))).filter(|(from, to)| from <= to)
        {
            let read = world.read(&blob, from as u64..to as u64).await.unwrap();
            assert!(read == content(size)[from..to], "{from}..{to}");
        }
        let small = world.push(content(1_000)).await;
        assert!(small.inline);
        for (from, to) in [(0, 0), (0, 1), (999, 1_000), (1_000, 1_000), (10, 20), (0, 1_000)] {
            assert!(world.read(&small, from as u64..to as u64).await.unwrap() == content(1_000)[from..to]);
        }
        // What no door lets through.
        for blob in [&blob, &small] {
            for range in [0..blob.size + 1, blob.size + 1..blob.size + 1, u64::MAX - 1..u64::MAX] {
                assert_damaged(&world.read(blob, range).await);
            }
            #[expect(clippy::reversed_empty_ranges, reason = "that is what is refused")]
            let reversed = 2..1;
            assert_damaged(&world.read(blob, reversed).await);
        }
    });
}

#[test]
fn a_flipped_byte_is_an_error_never_wrong_bytes() {
    let world = World::new();
    let size = 10 * SEGMENT_PLAIN + 100;
    let blob = world.run(world.push(content(size)));
    let path = world.object_file(&blob);
    let sealed = fs::read(&path).unwrap();
    let mut runner = TestRunner::new(Config { cases: 100, failure_persistence: None, ..Config::default() });
    let checked =
        runner.run(&(any::<Index>(), 1..=255_u8, any::<Index>(), any::<Index>()), |(at, with, from, to)| {
            let at = at.index(sealed.len());
            let mut flipped = sealed.clone();
            flipped[at] ^= with;
            fs::write(&path, &flipped).unwrap();
            let (before, error) = world.run(world.read(&blob, 0..blob.size)).unwrap_err();
            assert!(matches!(error, Error::Damaged(_)), "{error:?}");
            assert!(before == content(size)[..before.len()] && before.len() <= at / SEGMENT * SEGMENT_PLAIN);
            // A range is right, or hits the damage.
            let (from, to) = (from.index(size), to.index(size));
            let (from, to) = (from.min(to), from.max(to) + 1);
            let hit = (from / SEGMENT_PLAIN..=(to - 1) / SEGMENT_PLAIN).contains(&(at / SEGMENT));
            match world.run(world.read(&blob, from as u64..to as u64)) {
                Ok(read) => assert!(!hit && read == content(size)[from..to]),
                Err((before, error)) => {
                    assert!(hit && matches!(error, Error::Damaged(_)), "{error:?}");
                    assert!(before == content(size)[from..from + before.len()]);
                }
            }
            Ok(())
        });
    checked.unwrap();
    fs::write(&path, &sealed).unwrap();
    assert!(world.run(world.read_all(&blob)) == content(size));
}

#[test]
fn a_flipped_byte_in_the_catalogue_is_an_error() {
    let world = World::new();
    let blob = world.run(world.push(content(1_000)));
    for at in [0, 12, 500, 1_020, 1_027] {
        let id = blob.id;
        let flip = move |tx: &crate::catalogue::Tx<'_>| {
            let mut sealed = crate::catalogue::blobs::content(tx, id)?.unwrap();
            sealed[at] ^= 1;
            tx.execute("UPDATE blob_content SET sealed = ?2 WHERE blob = ?1", rusqlite::params![id, sealed])
        };
        world.store().catalogue.write_blocking(flip).unwrap();
        assert_damaged(&world.run(world.read(&blob, 0..blob.size)));
        world.store().catalogue.write_blocking(flip).unwrap();
        assert!(world.run(world.read_all(&blob)) == content(1_000));
    }
    let cut = |sql: &'static str| {
        world.store().catalogue.write_blocking(move |tx| tx.execute(sql, [])).unwrap();
        assert_damaged(&world.run(world.read(&blob, 0..blob.size)));
    };
    cut("UPDATE blob_content SET sealed = substr(sealed, 1, 1027)");
    cut("UPDATE blob_content SET sealed = x''");
    cut("DELETE FROM blob_content");
}

#[test]
fn a_file_of_another_length_is_an_error() {
    let world = World::new();
    world.run(async {
        let blob = world.push(content(3 * SEGMENT_PLAIN)).await;
        let path = world.object_file(&blob);
        let sealed = fs::read(&path).unwrap();
        for length in [0, 1, SEGMENT, 2 * SEGMENT, 3 * SEGMENT - 1, 3 * SEGMENT + 1, 4 * SEGMENT] {
            let mut other = sealed.clone();
            other.resize(length, 0);
            fs::write(&path, other).unwrap();
            assert_damaged(&world.read(&blob, 0..1).await);
        }
        fs::remove_file(&path).unwrap();
        assert_damaged(&world.read(&blob, 0..1).await);
    });
}

#[test]
fn an_object_is_bound_to_its_row() {
    let world = World::new();
    world.run(async {
        for size in [1_000, 200_000] {
            let (one, two) = (world.push(content(size)).await, world.push(&content(size + 1)[1..]).await);
            let wrong = [
                Blob { size: one.size - 1, ..one.clone() },
                Blob { digest: two.digest, ..one.clone() },
                Blob { object: two.object, ..one.clone() },
                Blob { binding: two.binding.clone(), ..one.clone() },
                Blob { binding: Vec::new(), ..one.clone() },
                // The installation's own key.
                Blob { key_version: 1, ..one.clone() },
                Blob { key_version: 99, ..one.clone() },
            ];
            for blob in wrong {
                assert_damaged(&world.read(&blob, 0..blob.size).await);
            }
            assert!(world.read_all(&one).await == content(size));
        }
        // Files that are exchanged, whole or segment by segment.
        let (one, two) = (world.push(content(200_000)).await, world.push(&content(200_001)[1..]).await);
        let sealed = fs::read(world.object_file(&one)).unwrap();
        let mut swapped = fs::read(world.object_file(&two)).unwrap();
        fs::write(world.object_file(&one), &swapped).unwrap();
        assert_damaged(&world.read(&one, 0..1).await);
        swapped[..SEGMENT].copy_from_slice(&sealed[SEGMENT..2 * SEGMENT]);
        swapped[SEGMENT..].copy_from_slice(&sealed[SEGMENT..]);
        fs::write(world.object_file(&one), &swapped).unwrap();
        assert_damaged(&world.read(&one, 0..1).await);
        assert!(world.read(&one, 70_000..80_000).await.unwrap() == content(200_000)[70_000..80_000]);
    });
}

#[test]
fn keys_may_rotate() {
    let mut world = World::new();
    for size in [1_000, 200_000] {
        let old = world.run(world.push(content(size)));
        world.run(world.store().rotate_keys(world.now)).unwrap();
        let new = world.run(world.push(&content(size + 1)[1..]));
        assert!(new.key_version > old.key_version);
        for _ in 0..2 {
            assert!(world.run(world.read_all(&old)) == content(size));
            assert!(world.run(world.read_all(&new)) == content(size + 1)[1..]);
            world.reopen();
        }
    }
}

#[test]
fn readers_go_on_without_a_buffer_and_give_theirs_back() {
    let world = World::new();
    let size = 20 * SEGMENT_PLAIN + 7;
    world.run(async {
        let blob = world.push(content(size)).await;
        let pool = world.store().blobs.reads.clone();
        // Clients that open and take nothing hold all the buffers.
        let mut idle = Vec::new();
        for _ in 0..READERS {
            let content = world.store().read_blob(&blob, 0..blob.size).await.unwrap();
            assert!(matches!(content, Content::Stream(_)));
            idle.push(content);
        }
        assert!(pool.try_take().is_none());
        assert!(world.read_all(&blob).await == content(size));
        drop(idle);
        // Parts that were on their way come back when they are read.
        let mut free = Vec::new();
        for _ in 0..READERS {
            free.push(pool.take().await.unwrap());
        }
        drop(free);
        assert!(world.read_all(&blob).await == content(size));
        drop(world.store().read_blob(&blob, 0..blob.size).await.unwrap());
    });
}

/// Without a buffer a client has two segments in memory, wherever they are on their way to it.
#[test]
fn frames_that_are_kept_bring_no_more() {
    let world = World::new();
    let size = 20 * SEGMENT_PLAIN;
    world.run(async {
        let blob = world.push(content(size)).await;
        let pool = world.store().blobs.reads.clone();
        let taken: Vec<_> = std::iter::from_fn(|| pool.try_take()).collect();
        assert_eq!(taken.len(), READERS);
        let Content::Stream(mut reader) = world.store().read_blob(&blob, 0..blob.size).await.unwrap() else {
            unreachable!("it is a file");
        };
        let mut kept = Vec::new();
        let mut sum = 0;
        while sum < size {
            let next = std::future::poll_fn(|cx| reader.poll_next(cx));
            match tokio::time::timeout(Duration::from_millis(20), next).await {
                Ok(frame) => {
                    let frame = frame.unwrap().unwrap();
                    sum += frame.len();
                    kept.push(frame);
                    assert!(kept.len() <= 2);
                }
                // It may have been slow, too; but then letting go does no harm.
                Err(_) => drop(kept.pop()),
            }
        }
        // One that waits for them is given up without a trace.
        let Content::Stream(mut reader) = world.store().read_blob(&blob, 0..blob.size).await.unwrap() else {
            unreachable!("it is a file");
        };
        let first = std::future::poll_fn(|cx| reader.poll_next(cx)).await;
        let second = std::future::poll_fn(|cx| reader.poll_next(cx)).await;
        drop((reader, first, second));
        drop(taken);
        assert!(world.read_all(&blob).await == content(size));
    });
}

#[test]
fn many_read_at_once() {
    let world = Arc::new(World::new());
    let size = 20 * SEGMENT_PLAIN + 7;
    world.run(async {
        let blob = world.push(content(size)).await;
        let reads = (0..100_usize).map(|number| {
            let (world, blob) = (Arc::clone(&world), blob.clone());
            tokio::spawn(async move {
                let from = number * 10_000;
                assert!(world.read(&blob, from as u64..blob.size).await.unwrap() == content(size)[from..]);
            })
        });
        for read in reads.collect::<Vec<_>>() {
            read.await.unwrap();
        }
    });
}
