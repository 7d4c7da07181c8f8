//! Buffers go round: who sends slowly holds none, who sends fast holds one for a turn while others wait.

use super::{Body, World, at, content, sha256};
use crate::blobs::{Expect, Source, SourceError, UploadError, WRITERS};
use acre_wire::digest::Algorithm;
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};
use tokio::time::{Interval, MissedTickBehavior, interval};

/// 20 frames a second.
const RATE: Duration = Duration::from_millis(50);
/// Far beyond a turn or two, far below what anybody would wait for the end of these bodies.
const SOON: Duration = Duration::from_secs(3);

/// A body that goes on until it is told to end.
struct Steady {
    frame: usize,
    sent: usize,
    clock: Interval,
    end: Arc<AtomicBool>,
    frames: Arc<AtomicUsize>,
}

impl Source for Steady {
    async fn next(&mut self) -> Option<Result<Bytes, SourceError>> {
        self.clock.tick().await;
        if self.end.load(SeqCst) {
            return None;
        }
        let frame = &content(self.sent + self.frame)[self.sent..];
        self.sent += self.frame;
        self.frames.fetch_add(1, SeqCst);
        Some(Ok(Bytes::copy_from_slice(frame)))
    }
}

/// Twice as many bodies as there are buffers, each at 20 frames a second, all beyond what stays in memory: below the pace
/// of a slow body, and above it.
#[test]
fn steady_bodies_do_not_hold_up_a_push() {
    for frame in [5_000, 30_000] {
        let world = World::new();
        let (end, frames) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let bodies = 2 * WRITERS;
        let slowest = world.run(async {
            let requests: Vec<_> = (0..bodies)
                .map(|_| {
                    let id = world.start(Algorithm::Sha256);
                    let (store, owner, now) = (Arc::clone(world.store()), world.owner, world.now);
                    let mut clock = interval(RATE);
                    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
                    let (end, frames) = (Arc::clone(&end), Arc::clone(&frames));
                    let mut body = Steady { frame, sent: 0, clock, end, frames };
                    let request = tokio::spawn(async move {
                        let appended =
                            store.append_upload(id, owner, Expect::default(), &mut body, now).await;
                        (appended, body.sent)
                    });
                    (id, request)
                })
                .collect();
            // Each of them is two segments on.
            while frames.load(SeqCst) < bodies * (140_000 / frame) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            let mut slowest = Duration::ZERO;
            for _ in 0..10 {
                let before = Instant::now();
                let blob = world.push(content(1 << 20)).await;
                slowest = slowest.max(before.elapsed());
                assert!(world.read_all(&blob).await == content(1 << 20));
            }
            end.store(true, SeqCst);
            for (id, request) in requests {
                let (appended, sent) = request.await.unwrap();
                assert_eq!(appended.unwrap(), sent as u64);
                let digest = sha256(content(sent));
                let finished = world.finish(id, at(sent), Body::empty(), digest).await.unwrap();
                let blob = world.commit(finished).await;
                assert!(world.read_all(&blob).await == content(sent));
            }
            world.all_buffers_are_free().await;
            slowest
        });
        println!(
            "{bodies} bodies of {frame} bytes at 20 frames/s: the slowest of ten pushes took {slowest:?}"
        );
        assert!(slowest < SOON, "{frame}: {slowest:?}");
    }
}

/// What was gathered in memory belongs to the upload, also when the request is given up.
#[test]
fn a_request_that_is_given_up_loses_nothing() {
    let world = World::new();
    world.run(async {
        for (first, second) in [(70_000, 0), (70_000, 10), (70_000, 100_000), (131_016, 5), (600_000, 65_508)]
        {
            let id = world.start(Algorithm::Sha256);
            let size = first + second;
            let (body, quiet, _go_on) = Body::of(&content(size)[..first], 30_000).and_quiet();
            let mut request = Box::pin(world.append(id, at(0), body));
            tokio::select! {
                _ = &mut request => unreachable!("it is quiet"),
                told = quiet => told.unwrap(),
            }
            // Until its turn is over.
            let rests = async { world.all_buffers_are_free().await };
            tokio::select! {
                _ = &mut request => unreachable!("it is quiet"),
                () = rests => {}
            }
            drop(request);
            // The job that wrote has given its buffer back, and is about to end.
            let stands = loop {
                match world.status(id).await {
                    Err(UploadError::Busy) => tokio::task::yield_now().await,
                    stands => break stands.unwrap(),
                }
            };
            assert_eq!(stands, first as u64);
            let body = Body::of(&content(size)[first..], 30_000);
            let finished = world.finish(id, at(first), body, sha256(content(size))).await.unwrap();
            let blob = world.commit(finished).await;
            assert!(world.read_all(&blob).await == content(size), "{first} {second}");
        }
    });
}
