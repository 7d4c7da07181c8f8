//! Layers that are mounted, deleted and finished at once.

use super::arena::{Arena, SOURCE, at_once};
use acre_testkit::image::{Blob, Flavour, open_upload, push_blob};

const FILE: usize = 80_000;

fn layer(repository: &str, blob: &Blob) -> String {
    format!("/v2/{repository}/blobs/{}", blob.digest)
}

/// Four mount what the fifth deletes at its source: a mount that was told is good without the source.
#[test]
fn a_layer_is_mounted_and_deleted() {
    let mut arena = Arena::new("mount and delete");
    let mut riders = arena.riders(5);
    let targets: Vec<String> = (0..4).map(|number| format!("race/target-{number}")).collect();
    for name in &targets {
        arena.judge.ecr.create_repository(name).unwrap();
    }
    let (mut mounted, mut refused) = (0, 0);
    for round in 0..arena.rounds {
        let blob = Blob::new(arena.random.bytes(if round % 2 == 0 { FILE } else { 100 }));
        push_blob(&mut arena.judge.client, SOURCE, &blob, Flavour::PostPut).unwrap();
        // Else the deletion, which does less, would nearly always come first.
        let late = 4 * arena.random.below(2);
        let answers = at_once(&mut riders, |number, rider| {
            if number == late {
                rider.ask("GET", "/v2/", &[], b"");
            }
            let Some(target) = targets.get(number) else {
                return rider.ask("DELETE", &layer(SOURCE, &blob), &[], b"");
            };
            let from = if number % 2 == 0 { format!("&from={SOURCE}") } else { String::new() };
            let path = format!("/v2/{target}/blobs/uploads/?mount={}{from}", blob.digest);
            rider.ask("POST", &path, &[], b"")
        });
        assert_eq!(answers[4].status, 202, "round {round}: {answers:?}");
        assert_eq!(arena.judge.ask("GET", &layer(SOURCE, &blob), &[], b"").status, 404, "round {round}");
        for (target, answer) in targets.iter().zip(&answers) {
            let pulled = arena.judge.ask("GET", &layer(target, &blob), &[], b"");
            match answer.status {
                201 => {
                    assert!(pulled.status == 200 && pulled.body == blob.bytes, "round {round}: {answer:?}");
                    let deleted = arena.judge.ask("DELETE", &layer(target, &blob), &[], b"");
                    assert_eq!(deleted.status, 202, "round {round}");
                    mounted += 1;
                }
                202 => {
                    assert_eq!(pulled.status, 404, "round {round}: {answer:?}");
                    // An upload like any other, which is good for the same bytes.
                    let location = answer.location().unwrap();
                    let end = format!("{location}?digest={}", blob.digest);
                    assert_eq!(arena.judge.ask("PUT", &end, &[], &blob.bytes).status, 201, "round {round}");
                    arena.judge.ask("DELETE", &layer(target, &blob), &[], b"");
                    refused += 1;
                }
                _ => panic!("round {round}: {answer:?}"),
            }
        }
    }
    println!("{mounted} mounts, {refused} uploads instead");
    arena.end();
}

/// Eight finish one upload, or eight uploads of the same bytes.
#[test]
fn a_layer_is_finished_by_many() {
    let mut arena = Arena::new("finish and finish");
    let mut riders = arena.riders(8);
    let mut outcomes = std::collections::BTreeMap::<u16, u32>::new();
    for round in 0..arena.rounds {
        let blob = Blob::new(arena.random.bytes(if round % 4 < 2 { FILE } else { 100 }));
        let is_one = round % 2 == 0;
        let mut uploads = Vec::new();
        for _ in 0..if is_one { 1 } else { 8 } {
            let location = open_upload(&mut arena.judge.client, SOURCE).unwrap();
            assert_eq!(arena.judge.ask("PATCH", &location, &[], &blob.bytes).status, 202);
            uploads.push(location);
        }
        let answers = at_once(&mut riders, |number, rider| {
            let location = &uploads[number % uploads.len()];
            rider.ask("PUT", &format!("{location}?digest={}", blob.digest), &[], b"")
        });
        let seen = || format!("round {round}: {answers:?}");
        let done = answers.iter().filter(|answer| answer.status == 201);
        assert!(done.clone().count() >= if is_one { 1 } else { 8 }, "{}", seen());
        for answer in done {
            assert_eq!(answer.location(), Some(layer(SOURCE, &blob).as_str()), "{}", seen());
        }
        for answer in &answers {
            let code = &answer.json()["errors"][0]["code"];
            match answer.status {
                201 => {}
                404 => assert_eq!(code, "BLOB_UPLOAD_UNKNOWN", "{}", seen()),
                409 => assert_eq!(code, "BLOB_UPLOAD_INVALID", "{}", seen()),
                _ => panic!("{}", seen()),
            }
            if is_one {
                *outcomes.entry(answer.status).or_default() += 1;
            }
        }
        let pulled = arena.judge.ask("GET", &layer(SOURCE, &blob), &[], b"");
        assert!(pulled.status == 200 && pulled.body == blob.bytes, "{}", seen());
        // Asked again later, it says what it said first.
        for location in &uploads {
            let again = arena.judge.ask("PUT", &format!("{location}?digest={}", blob.digest), &[], b"");
            assert_eq!(again.status, 201, "{}", seen());
        }
    }
    println!("finishes of one upload: {outcomes:?}");
    arena.end();
}
