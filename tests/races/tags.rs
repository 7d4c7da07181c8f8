//! Tags that many move, or move and delete.

use super::arena::{Arena, at_once};
use serde_json::json;

#[test]
fn twenty_push_one_immutable_tag() {
    let mut arena = Arena::new("one immutable tag");
    let mut riders = arena.riders(20);
    for round in 0..arena.rounds {
        let name = format!("race/tag-{round}");
        arena.stage(&name);
        let immutable = json!({ "repositoryName": name, "imageTagMutability": "IMMUTABLE" });
        assert_eq!(arena.judge.call("PutImageTagMutability", &immutable).0, 200);
        let manifests: Vec<_> = (0..20).map(|number| arena.manifest(&format!("{round} {number}"))).collect();
        let answers = at_once(&mut riders, |number, rider| {
            if number % 2 == 0 {
                let answer = rider.put_manifest(&name, "once", &manifests[number]);
                match answer.status {
                    201 => true,
                    400 if answer.json()["errors"][0]["code"] == "TAG_INVALID" => false,
                    _ => panic!("{answer:?}"),
                }
            } else {
                match rider.put_image(&name, "once", &manifests[number]) {
                    (200, answer) => {
                        let digest = &answer["image"]["imageId"]["imageDigest"];
                        assert_eq!(*digest, json!(manifests[number].digest.to_string()));
                        true
                    }
                    (400, code) if code == "ImageTagAlreadyExistsException" => false,
                    other => panic!("{other:?}"),
                }
            }
        });
        let winners: Vec<usize> = (0..answers.len()).filter(|at| answers[*at]).collect();
        assert_eq!(winners.len(), 1, "round {round}: {winners:?}");
        let won = manifests[winners[0]].digest.to_string();
        // The others left nothing, and come too late for ever.
        for _ in 0..2 {
            assert_eq!(arena.judge.tag(&name, "once"), Some(won.clone()), "round {round}");
            assert_eq!(arena.judge.images(&name), Some([won.clone()].into()), "round {round}");
            let other = &manifests[(winners[0] + 1) % 20];
            assert_eq!(arena.judge.put_manifest(&name, "once", other).status, 400, "round {round}");
        }
    }
    arena.end();
}

/// Two move the tag between two images; the others delete it, or one of the images, by either door.
#[test]
fn a_tag_moves_and_is_deleted() {
    let mut arena = Arena::new("tag move and delete");
    let mut riders = arena.riders(6);
    let mut found = [0; 3];
    for round in 0..arena.rounds {
        let name = format!("race/move-{}", round % 50);
        if round < 50 {
            arena.stage(&name);
        }
        let (one, two) = (arena.manifest(&format!("{round} one")), arena.manifest(&format!("{round} two")));
        for (tag, manifest) in [("t", &one), ("other", &two)] {
            assert_eq!(arena.judge.put_manifest(&name, tag, manifest).status, 201);
        }
        let late = arena.random.below(12);
        let answers = at_once(&mut riders, |number, rider| {
            if number == late {
                rider.ask("GET", "/v2/", &[], b"");
            }
            let delete = |id: serde_json::Value| json!({ "repositoryName": name, "imageIds": [id] });
            match number {
                0 => rider.put_manifest(&name, "t", &two).status,
                1 => rider.put_manifest(&name, "t", &one).status,
                2 => rider.ask("DELETE", &format!("/v2/{name}/manifests/t"), &[], b"").status,
                3 => rider.call("BatchDeleteImage", &delete(json!({ "imageTag": "t" }))).0,
                4 => {
                    rider
                        .call("BatchDeleteImage", &delete(json!({ "imageDigest": one.digest.to_string() })))
                        .0
                }
                _ => rider.ask("DELETE", &format!("/v2/{name}/manifests/{}", two.digest), &[], b"").status,
            }
        });
        let seen = format!("round {round}: {answers:?}");
        assert!(answers[0] == 201 && answers[1] == 201, "{seen}");
        assert!([202, 404].contains(&answers[2]) && [202, 404].contains(&answers[5]), "{seen}");
        assert!(answers[3] == 200 && answers[4] == 200, "{seen}");
        // Each listed image is whole and has its tags; the tag is on one of them or nowhere.
        let images = arena.judge.images(&name).unwrap();
        let tag = arena.judge.tag(&name, "t");
        assert!(tag.as_ref().is_none_or(|digest| images.contains(digest)), "{seen}");
        found[match &tag {
            None => 0,
            Some(digest) if *digest == one.digest.to_string() => 1,
            Some(_) => 2,
        }] += 1;
        for digest in images {
            let target = format!("/v2/{name}/manifests/{digest}");
            assert_eq!(arena.judge.ask("DELETE", &target, &[], b"").status, 202, "{seen}");
        }
    }
    println!("the tag: gone {}, on the first image {}, on the second {}", found[0], found[1], found[2]);
    arena.end();
}
