//! What was changed on the disk: an error, never wrong bytes; and the next push of the same bytes makes it good again.

use super::files::{flip, objects, start};
use acre_testkit::catalogue::run_script;
use acre_testkit::ecr::Ecr;
use acre_testkit::http::{Answer, Body, Broken, Client, Failure};
use acre_testkit::image::{Blob, Flavour, Recipe, open_upload, push_blob, put_manifest};
use acre_testkit::server::Server;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const SEGMENT: usize = 65_536;
const PLAIN: usize = 65_508;

fn get(client: &mut Client, blob: &Blob, range: Option<&str>) -> Result<Answer, Broken> {
    let headers: Vec<_> = range.iter().map(|range| ("Range", *range)).collect();
    client.request("GET", &format!("/v2/aa/blobs/{}", blob.digest), &headers, Body::None)
}

/// A GET that does not succeed: a plain error, or a body that ends before its length.
fn fails(client: &mut Client, blob: &Blob, what: &str) {
    match get(client, blob, None) {
        Err(Broken::InAnswer(_)) => client.close(),
        Err(other) => panic!("{what}: {other}"),
        Ok(answer) => {
            assert_eq!(answer.status, 500, "{what}: {} bytes", answer.body.len());
            let error = &answer.json()["errors"][0];
            assert_eq!(error["code"], "UNKNOWN", "{what}");
            assert_eq!(error["message"], "storage failed", "{what}");
            assert_eq!(error["detail"]["requestId"].as_str(), answer.header("x-amzn-requestid"), "{what}");
            // Pushers ask before they send, and must not be told that it is there.
            let target = format!("/v2/aa/blobs/{}", blob.digest);
            assert_eq!(client.request("HEAD", &target, &[], Body::None).unwrap().status, 404, "{what}");
        }
    }
}

/// Pushes the same bytes again until they are served: damage that was found while an answer was on its way is noted a
/// moment after that answer broke. The file that holds them now.
fn repair(server: &Server, client: &mut Client, blob: &Blob) -> PathBuf {
    let before = objects(server);
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        match push_blob(client, "aa", blob, Flavour::PostPatchPut) {
            Ok(_) => {}
            // Found damaged between the last byte and the row: clients send again after a 500.
            Err(Failure::Unexpected { answer, .. }) if answer.status == 500 && Instant::now() < deadline => {
                continue;
            }
            Err(other) => panic!("{other}"),
        }
        match get(client, blob, None) {
            Ok(answer) if answer.status == 200 => {
                assert!(answer.body == blob.bytes);
                let fresh: Vec<PathBuf> = objects(server).difference(&before).cloned().collect();
                assert_eq!(fresh.len(), 1, "{fresh:?}");
                return fresh.into_iter().next().unwrap();
            }
            other => assert!(Instant::now() < deadline, "it is not repaired: {other:?}"),
        }
        client.close();
    }
}

fn only_object(server: &Server) -> PathBuf {
    let objects = objects(server);
    assert_eq!(objects.len(), 1, "{objects:?}");
    objects.into_iter().next().unwrap()
}

#[test]
fn a_flipped_bit_in_any_segment() {
    let (server, mut client) = start();
    // Beyond what is read at once.
    let blob = Blob::made(Recipe { seed: 1, length: 11 * PLAIN + 1000 });
    push_blob(&mut client, "aa", &blob, Flavour::PostPatchPut).unwrap();
    let mut object = only_object(&server);
    for segment in 0..12 {
        let length = if segment == 11 { 1000 + 28 } else { SEGMENT };
        // In the nonce, in the text, in the tag.
        for at in [0, 11, 12, length / 2, length - 17, length - 1] {
            let what = format!("byte {at} of segment {segment}");
            flip(&object, segment * SEGMENT + at);
            fails(&mut client, &blob, &what);
            let first = segment * PLAIN;
            let range = format!("bytes={first}-{first}");
            let part = get(&mut client, &blob, Some(&range)).unwrap();
            assert_eq!(part.status, 500, "{what}");
            // Other segments are what they were.
            let other = (segment + 1) % 12 * PLAIN;
            let part = get(&mut client, &blob, Some(&format!("bytes={other}-{}", other + 99))).unwrap();
            assert_eq!((part.status, part.body.as_slice()), (206, &blob.bytes[other..other + 100]), "{what}");
            object = repair(&server, &mut client, &blob);
        }
    }
}

/// Several parts: damage in the first is an error, in a later one the answer breaks off before it; both are noted.
#[test]
fn a_flipped_bit_among_several_parts() {
    let (server, mut client) = start();
    let blob = Blob::made(Recipe { seed: 12, length: 12 * PLAIN });
    push_blob(&mut client, "aa", &blob, Flavour::PostPut).unwrap();
    let mut object = only_object(&server);
    for segment in [0, 5, 11] {
        flip(&object, segment * SEGMENT + 100);
        let range = format!("bytes=0-9,{}-{},{}-", 5 * PLAIN, 5 * PLAIN + 9, 11 * PLAIN);
        match get(&mut client, &blob, Some(&range)) {
            Ok(answer) => assert_eq!((answer.status, segment), (500, 0)),
            // Its head may not have left before the damage was met.
            Err(Broken::InAnswer(_) | Broken::BeforeAnswer(_)) => assert!(segment > 0),
            Err(other) => panic!("{other}"),
        }
        client.close();
        object = repair(&server, &mut client, &blob);
    }
}

/// A damaged object is not mounted: the client pushes the bytes instead, and all who have it have it whole again.
#[test]
fn a_damaged_blob_is_not_mounted() {
    let (server, mut client) = start();
    server.ecr().unwrap().create_repository("bb").unwrap();
    let blob = Blob::made(Recipe { seed: 13, length: 2 * PLAIN });
    push_blob(&mut client, "aa", &blob, Flavour::PostPut).unwrap();
    flip(&only_object(&server), 100);
    fails(&mut client, &blob, "flipped");
    for query in [format!("mount={}&from=aa", blob.digest), format!("mount={}", blob.digest)] {
        let target = format!("/v2/bb/blobs/uploads/?{query}");
        let answer = client.request("POST", &target, &[], Body::Sized(b"")).unwrap();
        assert_eq!(answer.status, 202, "{query}");
    }
    push_blob(&mut client, "bb", &blob, Flavour::PostPut).unwrap();
    for repository in ["aa", "bb"] {
        let target = format!("/v2/{repository}/blobs/{}", blob.digest);
        assert!(client.request("GET", &target, &[], Body::None).unwrap().body == blob.bytes, "{repository}");
    }
}

#[test]
fn a_file_of_another_length() {
    let (server, mut client) = start();
    let blob = Blob::made(Recipe { seed: 2, length: 3 * PLAIN + 1000 });
    push_blob(&mut client, "aa", &blob, Flavour::PostPut).unwrap();
    let mut object = only_object(&server);
    let whole = fs::read(&object).unwrap();
    assert_eq!(whole.len(), 3 * SEGMENT + 1028);
    for length in
        [0, 1, 27, 28, SEGMENT, 3 * SEGMENT, 3 * SEGMENT + 28, whole.len() - 1, whole.len() + 1, 5 * SEGMENT]
    {
        let mut bytes = fs::read(&object).unwrap();
        bytes.resize(length, 0);
        fs::write(&object, &bytes).unwrap();
        fails(&mut client, &blob, &format!("{length} bytes"));
        object = repair(&server, &mut client, &blob);
    }
    fs::remove_file(&object).unwrap();
    fails(&mut client, &blob, "no file");
    object = repair(&server, &mut client, &blob);
    // Whole segments that are each well sealed, and not where they belong.
    let bytes = fs::read(&object).unwrap();
    let [first, second] = [0, 1].map(|number| bytes[number * SEGMENT..(number + 1) * SEGMENT].to_vec());
    for order in [[&second, &first], [&first, &first], [&second, &second]] {
        let swapped = [&order[0][..], order[1], &bytes[2 * SEGMENT..]].concat();
        fs::write(&object, swapped).unwrap();
        fails(&mut client, &blob, "segments in another order");
    }
    repair(&server, &mut client, &blob);
}

#[test]
fn swapped_objects() {
    let (server, mut client) = start();
    let blobs = [3, 4].map(|seed| Blob::made(Recipe { seed, length: 2 * PLAIN }));
    let mut paths = Vec::new();
    for blob in &blobs {
        let before = objects(&server);
        push_blob(&mut client, "aa", blob, Flavour::SinglePost).unwrap();
        paths.extend(objects(&server).difference(&before).cloned());
    }
    swap(&paths[0], &paths[1]);
    for blob in &blobs {
        fails(&mut client, blob, "swapped");
    }
    swap(&paths[0], &paths[1]);
    for blob in &blobs {
        assert!(get(&mut client, blob, None).unwrap().body == blob.bytes);
    }
    swap(&paths[0], &paths[1]);
    for blob in &blobs {
        fails(&mut client, blob, "swapped again");
        repair(&server, &mut client, blob);
    }
}

fn swap(one: &Path, other: &Path) {
    let bytes = [fs::read(one).unwrap(), fs::read(other).unwrap()];
    fs::write(one, &bytes[1]).unwrap();
    fs::write(other, &bytes[0]).unwrap();
}

#[test]
fn a_damaged_manifest() {
    let (server, mut client) = start();
    let config = Blob::new(b"{}".to_vec());
    push_blob(&mut client, "aa", &config, Flavour::PostPut).unwrap();
    let manifest = json!({
        "schemaVersion": 2, "layers": [], "annotations": { "filler": "x".repeat(200_000) },
        "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config.digest, "size": 2 },
    });
    let manifest = Blob::new(manifest.to_string().into_bytes());
    put_manifest(&mut client, "aa", "v1", &manifest).unwrap();
    let object = only_object(&server);
    for segment in 0..3 {
        flip(&object, segment * SEGMENT + 500);
        let answer = client.request("GET", "/v2/aa/manifests/v1", &[], Body::None).unwrap();
        assert_eq!(answer.status, 500, "segment {segment}");
        flip(&object, segment * SEGMENT + 500);
    }
    // The image is there already: its push is nothing new, and its bytes are good again all the same.
    flip(&object, 2 * SEGMENT + 500);
    assert_eq!(client.request("GET", "/v2/aa/manifests/v1", &[], Body::None).unwrap().status, 500);
    put_manifest(&mut client, "aa", "v1", &manifest).unwrap();
    let answer = client.request("GET", "/v2/aa/manifests/v1", &[], Body::None).unwrap();
    assert!(answer.status == 200 && answer.body == manifest.bytes, "{}", answer.status);
}

/// Digest and length are bound to the object, and the object to its key: a row that was changed is an error, too.
#[test]
fn changed_rows() {
    let (server, mut client) = start();
    let blobs = [(7, 500), (8, 2 * PLAIN)].map(|(seed, length)| Blob::made(Recipe { seed, length }));
    for blob in &blobs {
        push_blob(&mut client, "aa", blob, Flavour::PostPut).unwrap();
    }
    for change in [
        "blob SET size = size - 1",
        "blob SET size = size + 1",
        "blob SET binding = flip(binding, 5)",
        "blob SET object = flip(object, 3)",
        "blob SET key_version = (SELECT min(id) FROM key_version)",
        "blob_content SET sealed = flip(sealed, 20)",
        "blob_content SET sealed = x''",
    ] {
        change_row(&server, change);
        for blob in &blobs {
            if change.starts_with("blob_content") && blob.bytes.len() > PLAIN {
                continue;
            }
            fails(&mut client, blob, change);
            push_blob(&mut client, "aa", blob, Flavour::PostPut).unwrap();
            assert!(get(&mut client, blob, None).unwrap().body == blob.bytes, "{change}");
        }
    }
    change_row(&server, "blob SET digest = flip(digest, 9)");
    for blob in &blobs {
        fails(&mut client, blob, "another digest");
    }
}

/// What a customer wrote opens only as what it was and where it stood.
#[test]
fn texts_in_another_place() {
    let (server, _) = start();
    let mut east = server.ecr().unwrap();
    let mut west = Ecr::new(server.host(), server.credentials().unwrap(), "us-west-2");
    let policy = |action: &str| {
        let statement = json!({ "Effect": "Allow", "Principal": "*", "Action": action, "Resource": "*" });
        json!({ "policyText": json!({ "Statement": statement }).to_string() })
    };
    let rule = json!({
        "rulePriority": 1, "action": { "type": "expire" },
        "selection": { "tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 5 },
    });
    let template = json!({
        "prefix": "team", "appliedFor": ["REPLICATION"], "description": "a text",
        "repositoryPolicy": policy("ecr:BatchGetImage")["policyText"],
        "lifecyclePolicy": json!({ "rules": [rule] }).to_string(),
    });
    west.expect("PutRegistryPolicy", &policy("ecr:*")).unwrap();
    let template_of = |ecr: &mut Ecr| ecr.call("DescribeRepositoryCreationTemplates", &json!({})).unwrap();
    for (change, is_template) in [
        (
            "registry_policy SET policy = (SELECT policy FROM registry_policy WHERE region = 'us-west-2')",
            false,
        ),
        ("registry_policy SET policy = flip(policy, 20) WHERE region = 'us-east-1'", false),
        ("creation_template SET description = lifecycle_policy", true),
        ("creation_template SET lifecycle_policy = repository_policy", true),
        ("creation_template SET repository_policy = flip(repository_policy, 20)", true),
        ("creation_template SET stem = 'other', prefix = 'other'", true),
        ("creation_template SET repository_policy = (SELECT policy FROM registry_policy LIMIT 1)", true),
    ] {
        east.expect("PutRegistryPolicy", &policy("ecr:BatchGetImage")).unwrap();
        east.expect("CreateRepositoryCreationTemplate", &template).unwrap();
        change_row(&server, change);
        let damaged = [
            (east.call("GetRegistryPolicy", &json!({})).unwrap(), !is_template),
            (template_of(&mut east), is_template),
        ];
        for ((status, answer), is_damaged) in damaged {
            assert_eq!(status, if is_damaged { 500 } else { 200 }, "{change}: {answer}");
            if is_damaged {
                assert_eq!(answer["__type"], "ServerException", "{change}");
                assert!(
                    answer["message"].as_str().unwrap().starts_with("storage failed"),
                    "{change}: {answer}"
                );
            }
        }
        // It goes for all that, and what comes after it is whole.
        for prefix in ["team", "other"] {
            let _ = east.call("DeleteRepositoryCreationTemplate", &json!({ "prefix": prefix })).unwrap();
        }
        assert_eq!(template_of(&mut east).1["repositoryCreationTemplates"], json!([]), "{change}");
    }
    east.expect("PutRegistryPolicy", &policy("ecr:BatchGetImage")).unwrap();
    for (ecr, action) in [(&mut east, "ecr:BatchGetImage"), (&mut west, "ecr:*")] {
        let answer = ecr.expect("GetRegistryPolicy", &json!({})).unwrap();
        assert_eq!(answer["policyText"], policy(action)["policyText"]);
    }
}

/// By another program than the server: the catalogue is a file like any other.
fn change_row(server: &Server, change: &str) {
    let script = "import sqlite3, sys\n\
        catalogue = sqlite3.connect(sys.argv[1], timeout=20)\n\
        catalogue.create_function('flip', 2, lambda b, at: b[:at] + bytes([b[at] ^ 1]) + b[at + 1:])\n\
        catalogue.execute('UPDATE ' + sys.argv[2])\n\
        catalogue.commit()";
    let catalogue = server.data().join("catalogue.sqlite");
    run_script(script, &[catalogue.as_os_str(), change.as_ref()])
        .unwrap_or_else(|error| panic!("{change}: {error}"));
}

/// An upload whose file was changed while the server was down goes on before the damage, or is gone; it never ends as a
/// blob of other bytes.
#[test]
fn a_damaged_upload() {
    let (mut server, mut client) = start();
    let blob = Blob::made(Recipe { seed: 6, length: 4 * PLAIN + 1000 });
    let sent = 3 * PLAIN + 500;
    for (segment, held) in [(0, 0), (1, PLAIN), (3, 3 * PLAIN)] {
        let location = open_upload(&mut client, "aa").unwrap();
        let answer = client.request("PATCH", &location, &[], Body::Sized(&blob.bytes[..sent])).unwrap();
        assert_eq!(answer.status, 202);
        server.kill9().unwrap();
        let file = server.data().join("uploads").join(location.rsplit('/').next().unwrap());
        flip(&file, segment * SEGMENT + 100);
        server.restart().unwrap();
        client = server.ecr().unwrap().data_plane().unwrap();
        let status = client.request("GET", &location, &[], Body::None).unwrap();
        let found = status.header("acre-upload-offset").map(|offset| offset.parse::<usize>().unwrap());
        assert!(status.status == 404 || found == Some(held), "segment {segment}: {status:?}");
        let location = if status.status == 404 { open_upload(&mut client, "aa").unwrap() } else { location };
        let target = format!("{location}?digest={}", blob.digest);
        let rest = &blob.bytes[found.unwrap_or(0)..];
        assert_eq!(client.request("PUT", &target, &[], Body::Sized(rest)).unwrap().status, 201);
        assert!(get(&mut client, &blob, None).unwrap().body == blob.bytes);
        let target = format!("/v2/aa/blobs/{}", blob.digest);
        assert_eq!(client.request("DELETE", &target, &[], Body::None).unwrap().status, 202);
    }
}
