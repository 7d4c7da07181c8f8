//! What requests hold while they go on: a thread and a buffer while bytes flow, nothing while they do not.

use super::{Body, World, at, content, sha256};
use crate::blobs::WRITERS;
use crate::blobs::body::IN_MEMORY;
use crate::seal::SEGMENT_PLAIN;
use acre_wire::digest::Algorithm;

/// As many bodies as there are buffers fall quiet in the middle; the next one does not wait for them.
#[test]
fn quiet_bodies_hold_no_buffer() {
    let world = World::new();
    let size = 300_000;
    world.run(async {
        let mut ids = Vec::new();
        let mut requests = Vec::new();
        let mut releases = Vec::new();
        for number in 0..WRITERS {
            let id = world.start(Algorithm::Sha256);
            // Short segments of all lengths, none among them.
            let split = 65_508 + number * 1_000 + usize::from(number > 0);
            let (body, quiet, go_on) = Body::of(&content(size)[..split], 30_000).and_quiet();
            let (again, quiet_again, go_on_again) =
                Body::of(&content(size)[split..split + 70_000], 30_000).and_quiet();
            let rest = Body::of(&content(size)[split + 70_000..], 30_000);
            ids.push(id);
            requests.push(world.append(id, at(0), body.and(again).and(rest)));
            releases.push((quiet, go_on, quiet_again, go_on_again));
        }
        let beside = async {
            let mut second = Vec::new();
            let mut first = Vec::new();
            for (quiet, go_on, quiet_again, go_on_again) in releases {
                quiet.await.unwrap();
                first.push(go_on);
                second.push((quiet_again, go_on_again));
            }
            let blob = world.push(content(size)).await;
            assert!(world.read_all(&blob).await == content(size));
            world.all_buffers_are_free().await;
            for go_on in first {
                go_on.send(()).unwrap();
            }
            for (quiet, go_on) in second {
                quiet.await.unwrap();
                go_on.send(()).unwrap();
            }
        };
        // All of them on this one task: each goes on whenever it can.
        let mut requests = requests.into_iter().map(Box::pin).collect::<Vec<_>>();
        let appended = std::future::poll_fn(|cx| {
            requests.retain_mut(|request| match request.as_mut().poll(cx) {
                std::task::Poll::Ready(appended) => {
                    assert_eq!(appended.unwrap(), size as u64);
                    false
                }
                std::task::Poll::Pending => true,
            });
            if requests.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        });
        tokio::join!(appended, beside);
        for id in ids {
            let finished = world.finish(id, at(size), Body::empty(), sha256(content(size))).await.unwrap();
            world.commit(finished).await;
        }
    });
}

#[test]
fn a_quiet_body_goes_on_where_it_was() {
    let world = World::new();
    world.run(async {
        for (first, second) in [(1, 100_000), (65_508, 1), (65_509, 65_507), (131_016, 200_000), (524_288, 1)]
        {
            let id = world.start(Algorithm::Sha256);
            let size = first + second;
            let (body, quiet, go_on) = Body::of(&content(size)[..first], 70_000).and_quiet();
            let body = body.and(Body::of(&content(size)[first..], 70_000));
            let finish = world.finish(id, at(0), body, sha256(content(size)));
            let release = async {
                quiet.await.unwrap();
                world.all_buffers_are_free().await;
                go_on.send(()).unwrap();
            };
            let finished = tokio::join!(finish, release).0.unwrap();
            let blob = world.commit(finished).await;
            assert!(world.read_all(&blob).await == content(size), "{first} {second}");
        }
    });
}

#[test]
fn idle_uploads_hold_no_bytes() {
    let world = World::new();
    world.run(async {
        let mut ids = Vec::new();
        for number in 0..200 {
            let id = world.start(Algorithm::Sha256);
            let size = SEGMENT_PLAIN + 1 + number * 100;
            assert_eq!(world.append(id, at(0), Body::of(content(size), 100_000)).await.unwrap(), size as u64);
            ids.push(id);
        }
        world.all_buffers_are_free().await;
        for id in ids {
            let session = world.store().blobs.uploads.session(id).unwrap();
            assert_eq!(session.state.try_lock().unwrap().tail.capacity(), 0);
        }
    });
}

/// Below one segment an upload stays in memory, unless too many do.
#[test]
fn too_many_small_uploads_go_to_disk() {
    let world = World::new();
    let sizes = [0, 1, 1_000, SEGMENT_PLAIN - 1, SEGMENT_PLAIN];
    for _ in 0..IN_MEMORY - sizes.len() {
        world.start(Algorithm::Sha256);
    }
    world.run(async {
        let held = |id| world.store().blobs.uploads.session(id).unwrap().state.try_lock().unwrap().tail.len();
        for size in sizes {
            let id = world.start(Algorithm::Sha256);
            world.append(id, at(0), Body::of(content(size), 100_000)).await.unwrap();
            assert_eq!(held(id), size);
        }
        assert!(world.upload_files().is_empty());
        for size in sizes {
            for more in [0, 1, 100_000] {
                let id = world.start(Algorithm::Sha256);
                world.append(id, at(0), Body::of(content(size), 100_000)).await.unwrap();
                assert_eq!((held(id), world.file(id, "").exists()), (0, size > 0), "{size}");
                assert_eq!(world.status(id).await.unwrap(), size as u64);
                let whole = content(size + more);
                world.append(id, at(size), Body::of(&whole[size..], 100_000)).await.unwrap();
                let finished = world.finish(id, at(whole.len()), Body::empty(), sha256(whole)).await.unwrap();
                let blob = world.commit(finished).await;
                assert!(world.read_all(&blob).await == whole, "{size} {more}");
            }
        }
    });
}
