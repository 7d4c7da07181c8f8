//! Where a blob could be mounted from is not told either: a mount that cannot be is answered like any other such mount, and
//! the same statements run.

use super::scene::{Scene, counted};
use acre_testkit::http::{Body, Client};
use acre_testkit::image::{Blob, Flavour, Recipe, push_blob};
use serde_json::json;

/// Of no blob anywhere.
const NOWHERE: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

struct Place {
    scene: Scene,
    client: Client,
    /// The digest of a blob that only the repository `bb` holds.
    near: String,
    /// Of one that others hold, from which nothing can be mounted: a repository of another key domain, one in another
    /// Region, one of another account.
    far: String,
}

/// What an answer says, without what is new in each.
type Said = (u16, Vec<(String, String)>, Vec<u8>);

impl Place {
    fn new() -> Self {
        let mut scene = Scene::new();
        for repository in ["aa", "bb", "cc"] {
            scene.owner.create_repository(repository).unwrap();
        }
        let kms = json!({ "repositoryName": "kk", "encryptionConfiguration": { "encryptionType": "KMS" } });
        scene.owner.expect("CreateRepository", &kms).unwrap();
        let mut elsewhere = scene.owner_elsewhere();
        elsewhere.create_repository("ww").unwrap();
        scene.stranger.create_repository("tt").unwrap();
        let near = Blob::made(Recipe { seed: 1, length: 1000 });
        let far = Blob::made(Recipe { seed: 2, length: 1000 });
        let mut client = scene.owner.data_plane().unwrap();
        push_blob(&mut client, "bb", &near, Flavour::PostPut).unwrap();
        push_blob(&mut client, "kk", &far, Flavour::PostPut).unwrap();
        for (ecr, repository) in [(&mut elsewhere, "ww"), (&mut scene.stranger, "tt")] {
            push_blob(&mut ecr.data_plane().unwrap(), repository, &far, Flavour::PostPut).unwrap();
        }
        Self { client, scene, near: near.digest.to_string(), far: far.digest.to_string() }
    }

    /// What a POST into `aa` is answered, and the statements that it ran.
    fn ask(&mut self, query: &str) -> (Said, u64) {
        let target = format!("/v2/aa/blobs/uploads/{query}");
        counted(&self.scene.server, || {
            let answer = self.client.request("POST", &target, &[], Body::Sized(b"")).unwrap();
            let mut headers = answer.headers;
            let new = ["location", "docker-upload-uuid", "date", "x-amzn-requestid"];
            headers.retain(|(name, _)| !new.contains(&name.as_str()));
            (answer.status, headers, answer.body)
        })
    }
}

#[test]
fn what_cannot_be_mounted_costs_the_same_statements() {
    let mut place = Place::new();
    let (near, far) = (place.near.clone(), place.far.clone());
    let without = place.ask("");
    assert_eq!(without.0.0, 202, "{without:?}");
    let named = [
        // Absent everywhere; from a repository that there is, that there is not.
        format!("?mount={NOWHERE}&from=bb"),
        format!("?mount={NOWHERE}&from=nn"),
        // There, but neither in a repository that there is nor in one that there is not.
        format!("?mount={near}&from=cc"),
        format!("?mount={near}&from=nn"),
        format!("?mount={near}&from=kk"),
        // In a repository of another key domain, of another Region, of another account.
        format!("?mount={far}&from=kk"),
        format!("?mount={far}&from=ww"),
        format!("?mount={far}&from=tt"),
    ];
    let anonymous = [format!("?mount={NOWHERE}"), format!("?mount={far}")];
    for queries in [&named[..], &anonymous] {
        let first = place.ask(&queries[0]);
        assert_eq!(first.0, without.0, "an upload like any other");
        assert!(first.1 > without.1, "{first:?}: a mount is looked for");
        for query in &queries[1..] {
            assert_eq!(place.ask(query), first, "{query}");
        }
    }
    // What can be mounted is, so the others were not alike for want of looking.
    assert_eq!(place.ask(&format!("?mount={near}&from=bb")).0.0, 201);
}

#[test]
fn who_does_not_want_mounts_is_not_told_either() {
    let mut place = Place::new();
    let off = json!({ "name": "BLOB_MOUNTING", "value": "DISABLED" });
    place.scene.owner.expect("PutAccountSetting", &off).unwrap();
    for (there, not_there) in [
        (format!("?mount={}&from=bb", place.near), format!("?mount={NOWHERE}&from=bb")),
        (format!("?mount={}", place.near), format!("?mount={NOWHERE}")),
    ] {
        let (there, not_there) = (place.ask(&there), place.ask(&not_there));
        assert_eq!(there.0.0, 202, "{there:?}");
        assert_eq!(there, not_there);
    }
}
