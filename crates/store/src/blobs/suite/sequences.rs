//! Random uploads: any bytes, in any requests and frames, broken, wrong and restarted in between, against a model that
//! knows only how many bytes were acknowledged.

use super::{Body, EDGES, World, content};
use crate::blobs::{Expect, Finished, UploadError, is_inline};
use crate::seal::sealed_length;
use acre_wire::digest::{Algorithm, Digest};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, TestRunner};
use std::cell::RefCell;
use uuid::Uuid;

#[derive(Clone, Debug)]
enum Request {
    /// Bytes that come as they should; whether the request says where they start and how many they are.
    Append { length: usize, frame: usize, says: bool },
    /// Bytes, then the connection breaks.
    Broken { length: usize, frame: usize },
    /// Other bytes, and more or fewer than the request says.
    WrongLength { length: usize, frame: usize, said: usize },
    /// Bytes that do not start where the upload stands.
    OutOfOrder { first: usize },
    /// The process is gone and comes back.
    Restart,
}

#[derive(Clone, Debug)]
struct Upload {
    size: usize,
    algorithm: Algorithm,
    requests: Vec<Request>,
    finish: Algorithm,
    /// Whether the last bytes come with the finish.
    with_bytes: bool,
    says: bool,
    frame: usize,
    ranges: Vec<(Index, Index)>,
}

fn lengths() -> impl Strategy<Value = usize> {
    prop_oneof![0..300_usize, select(&EDGES[..]), 0..400_000_usize]
}

fn frames() -> impl Strategy<Value = usize> {
    select(&[7, 1_000, 16_384, 65_508, 65_536, 200_000, 524_288][..])
}

fn requests() -> impl Strategy<Value = Request> {
    prop_oneof![
        4 => (lengths(), frames(), any::<bool>()).prop_map(|(length, frame, says)| Request::Append { length, frame, says }),
        1 => (lengths(), frames()).prop_map(|(length, frame)| Request::Broken { length, frame }),
        2 => (lengths(), frames(), lengths()).prop_map(|(length, frame, said)| Request::WrongLength { length, frame, said }),
        1 => (0..500_000_usize).prop_map(|first| Request::OutOfOrder { first }),
        1 => Just(Request::Restart),
    ]
}

fn uploads() -> impl Strategy<Value = Upload> {
    let algorithms = || select(&[Algorithm::Sha256, Algorithm::Sha512][..]);
    let sizes = prop_oneof![select(&EDGES[..]), 0..1_100_000_usize];
    let ranges = prop::collection::vec(any::<(Index, Index)>(), 4);
    (
        (sizes, algorithms(), prop::collection::vec(requests(), 0..7)),
        (algorithms(), any::<bool>(), any::<bool>(), frames(), ranges),
    )
        .prop_map(|((size, algorithm, requests), (finish, with_bytes, says, frame, ranges))| Upload {
            size,
            algorithm,
            requests,
            finish,
            with_bytes,
            says,
            frame,
            ranges,
        })
}

/// Frames of 7 bytes for a MiB would test patience.
fn body(bytes: &[u8], frame: usize) -> Body {
    Body::of(bytes, frame.max(bytes.len() / 100 + 1))
}

fn expect(says: bool, held: usize, length: usize) -> Expect {
    if says {
        Expect { first: Some(held as u64), length: Some(length as u64), ..Expect::default() }
    } else {
        Expect::default()
    }
}

/// Runs the requests; answers the upload and how many bytes it holds.
fn send(world: &mut World, upload: &Upload) -> (Uuid, usize) {
    let whole = content(upload.size);
    let mut id = world.start(upload.algorithm);
    let mut held = 0;
    for request in &upload.requests {
        match request {
            Request::Append { length, frame, says } => {
                let next = &whole[held..upload.size.min(held + length)];
                let appended =
                    world.run(world.append(id, expect(*says, held, next.len()), body(next, *frame)));
                held += next.len();
                assert_eq!(appended.unwrap(), held as u64);
            }
            Request::Broken { length, frame } => {
                let next = &whole[held..upload.size.min(held + length)];
                let broken = world.run(world.append(id, Expect::default(), body(next, *frame).and_broken()));
                assert!(matches!(broken, Err(UploadError::Broken(_))), "{broken:?}");
                held += next.len();
            }
            Request::WrongLength { length, frame, said } => {
                let said = if said == length { said + 1 } else { *said };
                let other: Vec<u8> = content(*length).iter().map(|byte| !byte).collect();
                let refused = world.run(world.append(id, expect(true, held, said), body(&other, *frame)));
                assert!(matches!(refused, Err(UploadError::Length)), "{refused:?}");
            }
            Request::OutOfOrder { first } if *first != held => {
                let refused = world.run(world.append(id, super::at(*first), body(b"other", 7)));
                let (said, stands) = (*first as u64, held as u64);
                let expected = matches!(refused, Err(UploadError::OutOfOrder { said: s, held: h }) if s == said && h == stands);
                assert!(expected, "{refused:?}");
            }
            Request::OutOfOrder { .. } => {}
            Request::Restart => {
                let is_on_disk = world.file(id, "").exists();
                world.reopen();
                if !is_on_disk {
                    let status = world.run(world.status(id));
                    assert!(matches!(status, Err(UploadError::Unknown)), "{status:?}");
                    id = world.start(upload.algorithm);
                    held = 0;
                }
            }
        }
        assert_eq!(world.run(world.status(id)).unwrap(), held as u64, "after {request:?}");
    }
    (id, held)
}

fn finish(world: &World, upload: &Upload, id: Uuid, mut held: usize) -> Finished {
    let whole = content(upload.size);
    if !upload.with_bytes {
        world.run(world.append(id, Expect::default(), body(&whole[held..], upload.frame))).unwrap();
        held = upload.size;
    }
    let rest = &whole[held..];
    let digest = Digest::of(upload.finish, whole);
    world
        .run(world.finish(id, expect(upload.says, held, rest.len()), body(rest, upload.frame), digest))
        .unwrap()
}

fn check(world: &mut World, upload: &Upload) {
    let whole = content(upload.size);
    let (id, held) = send(world, upload);
    let finished = finish(world, upload, id, held);
    assert_eq!((finished.digest, finished.size), (Digest::of(upload.finish, whole), whole.len() as u64));
    let blob = world.run(world.commit(finished));
    assert_eq!((blob.digest, blob.size), (Digest::of(upload.finish, whole), whole.len() as u64));
    assert!(world.upload_files().is_empty(), "{:?}", world.upload_files());
    if blob.inline {
        assert!(is_inline(blob.size) && !world.object_file(&blob).exists());
    } else {
        let length = std::fs::metadata(world.object_file(&blob)).unwrap().len();
        assert_eq!(length, sealed_length(blob.size));
    }
    let again = world.run(world.status(id));
    assert!(matches!(again, Err(UploadError::Done(digest)) if digest == blob.digest), "{again:?}");
    assert!(world.run(world.read_all(&blob)) == whole, "other bytes came out");
    for (one, other) in &upload.ranges {
        let (one, other) = (one.index(whole.len() + 1), other.index(whole.len() + 1));
        let range = one.min(other)..one.max(other);
        let read = world.run(world.read(&blob, range.start as u64..range.end as u64)).unwrap();
        assert!(read == whole[range.clone()], "other bytes came out of {range:?}");
    }
}

#[test]
fn what_was_put_in_comes_out() {
    let world = RefCell::new(World::new());
    let mut runner = TestRunner::new(Config { cases: 100, failure_persistence: None, ..Config::default() });
    let checked = runner.run(&uploads(), |upload| {
        check(&mut world.borrow_mut(), &upload);
        Ok(())
    });
    checked.unwrap();
}

#[test]
fn every_edge_in_every_algorithm() {
    let mut world = World::new();
    for size in EDGES {
        for (algorithm, finish) in [
            (Algorithm::Sha256, Algorithm::Sha256),
            (Algorithm::Sha512, Algorithm::Sha512),
            // Known only by the finish; the other digest of the same bytes is another blob.
            (Algorithm::Sha256, Algorithm::Sha512),
            (Algorithm::Sha512, Algorithm::Sha256),
        ] {
            for with_bytes in [true, false] {
                let upload = Upload {
                    size,
                    algorithm,
                    requests: Vec::new(),
                    finish,
                    with_bytes,
                    says: true,
                    frame: 524_288,
                    ranges: Vec::new(),
                };
                check(&mut world, &upload);
            }
        }
    }
    let large = EDGES.iter().filter(|size| !is_inline(**size as u64)).count();
    assert_eq!(world.object_files().len(), 2 * large, "each digest is kept once");
}
