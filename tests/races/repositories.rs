//! Repositories that are made, pushed into and deleted at once.

use super::arena::{Arena, at_once};
use serde_json::json;

#[test]
fn fifty_make_one_repository() {
    let mut arena = Arena::new("CreateRepository");
    let mut riders = arena.riders(50);
    for round in 0..arena.rounds {
        let name = format!("race/name-{round}");
        let answers = at_once(&mut riders, |number, rider| {
            let tags = json!([{ "Key": "who", "Value": number.to_string() }]);
            rider.call("CreateRepository", &json!({ "repositoryName": name, "tags": tags }))
        });
        let winners: Vec<usize> = (0..answers.len()).filter(|at| answers[*at].0 == 200).collect();
        assert_eq!(winners.len(), 1, "round {round}: {winners:?}");
        let losers =
            answers.iter().filter(|answer| **answer == (400, json!("RepositoryAlreadyExistsException")));
        assert_eq!(losers.count(), 49, "round {round}");
        let made = &answers[winners[0]].1["repository"];
        let (_, found) = arena.judge.call("DescribeRepositories", &json!({ "repositoryNames": [name] }));
        assert_eq!(found["repositories"], json!([made]), "round {round}");
        let (_, tags) =
            arena.judge.call("ListTagsForResource", &json!({ "resourceArn": made["repositoryArn"] }));
        assert_eq!(tags["tags"], json!([{ "Key": "who", "Value": winners[0].to_string() }]), "round {round}");
    }
    arena.end();
}

/// Of the six: two push by the data plane, one by the control plane, one a layer; one deletes the repository, and one makes
/// it anew, in every second round.
#[test]
fn pushes_into_a_repository_that_is_deleted() {
    let mut arena = Arena::new("push and DeleteRepository");
    let mut riders = arena.riders(6);
    let (mut kept, mut gone) = (0, 0);
    for round in 0..arena.rounds {
        let name = format!("race/gone-{round}");
        arena.stage(&name);
        let manifests: Vec<_> = (0..3).map(|number| arena.manifest(&format!("{round} {number}"))).collect();
        let layer = arena.random.bytes(if round % 3 == 0 { 100_000 } else { 100 });
        let layer = acre_testkit::image::Blob::new(layer);
        // One of them a little later than the others, so that each comes first at times.
        let late = arena.random.below(12);
        let answers = at_once(&mut riders, |number, rider| {
            if number == late {
                rider.ask("GET", "/v2/", &[], b"");
            }
            let input = json!({ "repositoryName": name });
            match number {
                0 | 1 => rider.put_manifest(&name, &format!("t{number}"), &manifests[number]).status,
                2 => match rider.put_image(&name, "t2", &manifests[2]) {
                    (200, _) => 201,
                    (400, code)
                        if code == "RepositoryNotFoundException" || code == "LayersNotFoundException" =>
                    {
                        404
                    }
                    other => panic!("{other:?}"),
                },
                3 => {
                    let target = format!("/v2/{name}/blobs/uploads/?digest={}", layer.digest);
                    rider.ask("POST", &target, &[], &layer.bytes).status
                }
                4 => rider.call("DeleteRepository", &json!({ "repositoryName": name, "force": true })).0,
                _ if round % 2 == 0 => match rider.call("CreateRepository", &input) {
                    (200, _) => 201,
                    (400, code) if code == "RepositoryAlreadyExistsException" => 404,
                    other => panic!("{other:?}"),
                },
                _ => 404,
            }
        });
        assert_eq!(answers[4], 200, "round {round}");
        for answer in answers.iter().take(4) {
            assert!([201, 404].contains(answer), "round {round}: {answers:?}");
        }
        let made_anew = answers[5] == 201;
        let images = arena.judge.images(&name);
        assert_eq!(images.is_some(), made_anew, "round {round}: {answers:?}");
        // What stood in the first repository did not come into the second, whose layers nobody mounted.
        assert_eq!(images.unwrap_or_default().len(), 0, "round {round}: {answers:?}");
        for manifest in &manifests {
            assert_eq!(arena.judge.tag(&name, &manifest.digest.to_string()), None, "round {round}");
        }
        let target = format!("/v2/{name}/blobs/{}", layer.digest);
        let found = arena.judge.ask("GET", &target, &[], b"").status;
        assert!(found == 404 || made_anew && answers[3] == 201, "round {round}: {answers:?}");
        *if answers[0] == 201 { &mut kept } else { &mut gone } += 1;
    }
    println!("a push came first {kept} times, the deletion {gone} times");
    arena.end();
}
