//! Clients that hardly take what they asked for.

use super::place::{MIB, Place, SOON};
use acre_testkit::http::{Body, Client};
use acre_testkit::image::Blob;
use std::io::Read;
use std::thread;
use std::time::{Duration, Instant};

/// Each takes a kilobyte now and then; a pull beside them comes through, and each of them holds a segment or two.
#[test]
fn two_hundred_slow_pulls() {
    const SLOW: usize = 200;
    let mut place = Place::start();
    let mut client = place.client();
    let blob = Blob::new((0..64 * MIB).map(|at| ((at * at) >> 7).to_le_bytes()[0]).collect());
    let opened =
        client.expect("open", 202, ("POST", "/v2/aa/blobs/uploads/"), &[], Body::Sized(b"")).unwrap();
    let finish = format!("{}?digest={}", opened.location().unwrap(), blob.digest);
    client.expect("push", 201, ("PUT", &finish), &[], Body::Sized(&blob.bytes)).unwrap();
    let target = format!("/v2/aa/blobs/{}", blob.digest);
    let pull = |client: &mut Client| {
        let start = Instant::now();
        let pulled = client.expect("pull", 200, ("GET", &target), &[], Body::None).unwrap();
        assert!(pulled.body == blob.bytes);
        start.elapsed()
    };
    let alone = pull(&mut client);
    let (token, before) = (place.token(), place.grown());
    let beside = place.attack("200 slow pulls", |place| {
        let mut slow: Vec<_> = (0..SLOW)
            .map(|_| place.begin(&format!("GET {target} HTTP/1.1\r\nAuthorization: {token}")))
            .collect();
        let mut some = [0; 1024];
        for stream in &mut slow {
            stream.read_exact(&mut some).unwrap();
            assert!(some.starts_with(b"HTTP/1.1 200 "));
        }
        let mut client = Client::new(place.server.host()).with_header("Authorization", &token);
        let mut slowest = Duration::ZERO;
        for _ in 0..5 {
            slowest = slowest.max(pull(&mut client));
            for stream in &mut slow {
                stream.read_exact(&mut some).unwrap();
            }
            thread::sleep(Duration::from_millis(100));
        }
        slowest
    });
    let grown = place.grown() - before;
    println!(
        "a pull of 64 MiB took {alone:?} alone, {beside:?} beside {SLOW} slow ones, for which memory grew by {grown} MiB"
    );
    assert!(beside < SOON, "{beside:?}");
    assert!(grown < 112, "{grown}");
}
