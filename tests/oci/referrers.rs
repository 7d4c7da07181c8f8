//! Referrers lists (spec/oci.md 8, 12.12): at this door and at the control plane's, which shows the same.

use super::place::{
    CONFIG, LAYER, NOWHERE, OCI_IMAGE, OCI_INDEX, Place, descriptor, head_is_get, image, index, refused,
};
use acre_testkit::http::Answer;
use acre_testkit::image::Blob;
use serde_json::{Value, json};

const ZEROS: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
const MIB: usize = 1 << 20;

/// Pushes what refers to `subject`, by its digest.
fn attach(place: &mut Place, subject: &str, mut manifest: Value) -> Blob {
    manifest["subject"] = json!({ "mediaType": OCI_IMAGE, "digest": subject, "size": 7 });
    let media_type = if manifest.get("manifests").is_some() { OCI_INDEX } else { OCI_IMAGE };
    let blob = Blob::new(manifest.to_string().into_bytes());
    let answer = place.put("aa", &blob.digest.to_string(), media_type, &blob.bytes);
    assert_eq!((answer.status, answer.header("oci-subject")), (201, Some(subject)), "{answer:?}");
    blob
}

/// An artifact of that type; its config is `{}`, which must be there.
fn artifact(artifact_type: Option<&str>, name: &str) -> Value {
    let config = Blob::new(b"{}".to_vec());
    let mut artifact = image(&config, &[]);
    artifact["annotations"] = json!({ "name": name });
    if let Some(artifact_type) = artifact_type {
        artifact["artifactType"] = artifact_type.into();
    }
    artifact
}

/// The list of one page, after a look at all that its answer must say.
fn list(place: &mut Place, subject: &str, query: &str) -> (Vec<Value>, Answer) {
    let target = format!("/v2/aa/referrers/{subject}{query}");
    let answer = place.ask("GET", &target);
    assert_eq!(answer.status, 200, "{query}: {answer:?}");
    // A position is sealed anew each time.
    if answer.header("link").is_none() {
        head_is_get(&mut place.client, &target, &[]);
    }
    assert_eq!(answer.header("content-type"), Some(OCI_INDEX), "{query}");
    let mut document = answer.json();
    let entries = document["manifests"].as_array().unwrap().clone();
    document["manifests"] = json!([]);
    assert_eq!(document, json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [] }));
    (entries, answer)
}

fn names(entries: &[Value]) -> Vec<&str> {
    entries.iter().map(|entry| entry["annotations"]["name"].as_str().unwrap_or("-")).collect()
}

/// Where a Link leads, its query.
fn next(answer: &Answer) -> Option<String> {
    let link = answer.header("link")?;
    let target = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")).unwrap();
    Some(target[target.find('?').unwrap()..].to_owned())
}

/// All entries, page by page; how many there were on each.
fn list_all(place: &mut Place, subject: &str, query: &str) -> (Vec<Value>, Vec<usize>) {
    let (mut all, mut pages) = (Vec::new(), Vec::new());
    let mut query = query.to_owned();
    loop {
        let (entries, answer) = list(place, subject, &query);
        pages.push(entries.len());
        all.extend(entries);
        match next(&answer) {
            Some(next) => query = next,
            None => return (all, pages),
        }
    }
}

#[test]
fn descriptors() {
    let mut place = Place::with(&["aa", "bb"]);
    let config = place.push("aa", b"{}");
    let subject = place.push_image("aa", "v1", "subject");
    let subject = subject.digest.to_string();
    assert_eq!(list(&mut place, &subject, "").0, Vec::<Value>::new());
    let mut plain = image(&config, &[]);
    plain["config"]["mediaType"] = "application/vnd.example.config".into();
    let plain = attach(&mut place, &subject, plain);
    let mut typed = artifact(Some("application/vnd.example.type+json"), "typed");
    typed["annotations"]["other"] = "\"é\"\n".into();
    let typed = attach(&mut place, &subject, typed);
    let bare = attach(&mut place, &subject, index(&[descriptor(OCI_IMAGE, &plain)]));
    let mut listed = index(&[]);
    listed["artifactType"] = "application/vnd.example.index".into();
    let listed = attach(&mut place, &subject, listed);
    // Of another repository.
    place.push("bb", b"{}");
    let mut elsewhere = artifact(None, "elsewhere");
    elsewhere["subject"] = json!({ "mediaType": OCI_IMAGE, "digest": subject, "size": 7 });
    assert_eq!(place.put("bb", "v1", OCI_IMAGE, elsewhere.to_string().as_bytes()).status, 201);

    let mut expected = [
        descriptor(OCI_INDEX, &listed),
        descriptor(OCI_INDEX, &bare),
        descriptor(OCI_IMAGE, &typed),
        descriptor(OCI_IMAGE, &plain),
    ];
    expected[0]["artifactType"] = "application/vnd.example.index".into();
    expected[2]["artifactType"] = "application/vnd.example.type+json".into();
    expected[2]["annotations"] = json!({ "name": "typed", "other": "\"é\"\n" });
    expected[3]["artifactType"] = "application/vnd.example.config".into();
    let (entries, answer) = list(&mut place, &subject, "");
    assert_eq!(entries, expected);
    assert_eq!((answer.header("link"), answer.header("oci-filters-applied")), (None, None));
    // The control plane shows the same, alphabetically.
    let input = json!({ "repositoryName": "aa", "subjectId": { "imageDigest": subject } });
    let shown = place.ecr.expect("ListImageReferrers", &input).unwrap();
    for entry in &mut expected {
        entry["artifactStatus"] = "ACTIVE".into();
    }
    assert_eq!(shown, json!({ "referrers": expected }));
    // A tag, a second push and another tag change nothing.
    for tag in ["one", "two", "two"] {
        assert_eq!(place.put("aa", tag, OCI_IMAGE, &typed.bytes).status, 201);
    }
    assert_eq!(list(&mut place, &subject, "").0, entries);
    // Gone in the same instant, and first again when it comes back.
    assert_eq!(place.ask("DELETE", &format!("/v2/aa/manifests/{}", plain.digest)).status, 405);
    for (deleted, left) in [(&bare, vec![0, 2, 3]), (&plain, vec![0, 2]), (&typed, vec![0])] {
        assert_eq!(place.ask("DELETE", &format!("/v2/aa/manifests/{}", deleted.digest)).status, 202);
        let left: Vec<Value> = left.into_iter().map(|at| entries[at].clone()).collect();
        assert_eq!(list(&mut place, &subject, "").0, left);
    }
    assert_eq!(place.put("aa", "back", OCI_IMAGE, &plain.bytes).status, 201);
    assert_eq!(list(&mut place, &subject, "").0, [entries[3].clone(), entries[0].clone()]);
    // The subject goes, its referrers stay; it was never needed.
    assert_eq!(place.ask("DELETE", &format!("/v2/aa/manifests/{subject}")).status, 202);
    assert_eq!(list(&mut place, &subject, "").0.len(), 2);
    attach(&mut place, NOWHERE, artifact(None, "of nothing"));
    assert_eq!(names(&list(&mut place, NOWHERE, "").0), ["of nothing"]);
}

#[test]
fn what_is_not_there() {
    let mut place = Place::with(&["aa"]);
    let sha512 = format!("sha512:{}", "0".repeat(128));
    for digest in [NOWHERE, ZEROS, &sha512] {
        for query in ["", "?artifactType=", "?artifactType=x/y", "?n=1", "?unknown=1"] {
            assert_eq!(list(&mut place, digest, query).0, Vec::<Value>::new());
        }
        refused(&place.ask("GET", &format!("/v2/bb/referrers/{digest}")), 404, "NAME_UNKNOWN");
    }
    for digest in ["sha256:bad", "latest", "md5:00", "sha256:"] {
        let answer = head_is_get(&mut place.client, &format!("/v2/aa/referrers/{digest}"), &[]);
        refused(&answer, 400, "DIGEST_INVALID");
    }
    for last in ["x", "AAAA", "%00"] {
        let answer = place.ask("GET", &format!("/v2/aa/referrers/{NOWHERE}?last={last}"));
        let text = refused(&answer, 405, "UNSUPPORTED");
        assert!(text.contains("Invalid token"), "{text}");
    }
}

#[test]
fn filters() {
    let mut place = Place::with(&["aa"]);
    place.push("aa", b"{}");
    for (name, artifact_type) in [
        ("one", Some("application/vnd.a+json")),
        ("two", Some("application/vnd.b")),
        ("three", Some("application/vnd.a+json")),
        ("four", None),
        ("five", Some("application/vnd.A+json")),
    ] {
        attach(&mut place, NOWHERE, artifact(artifact_type, name));
    }
    for (query, expected) in [
        // Many clients forget to encode the plus.
        ("application/vnd.a%2Bjson", &["three", "one"][..]),
        ("application/vnd.a+json", &["three", "one"]),
        ("application%2Fvnd.b", &["two"]),
        (CONFIG, &["four"]),
        ("application/vnd", &[]),
        ("application/vnd.b,application/vnd.a", &[]),
        ("%25", &[]),
    ] {
        let (entries, answer) = list(&mut place, NOWHERE, &format!("?artifactType={query}"));
        assert_eq!(names(&entries), expected, "{query}");
        assert_eq!(answer.header("oci-filters-applied"), Some("artifactType"), "{query}");
    }
    let (entries, answer) = list(&mut place, NOWHERE, "?artifactType=");
    assert_eq!((names(&entries).len(), answer.header("oci-filters-applied")), (5, None));
    // At the control plane: of several types, and by status.
    let listed = |place: &mut Place, filter: Value| {
        let input =
            json!({ "repositoryName": "aa", "subjectId": { "imageDigest": NOWHERE }, "filter": filter });
        let answer = place.ecr.expect("ListImageReferrers", &input).unwrap();
        names(answer["referrers"].as_array().unwrap()).join(" ")
    };
    for (filter, expected) in [
        (json!({}), "five four three two one"),
        (json!({ "artifactTypes": [] }), "five four three two one"),
        (
            json!({ "artifactTypes": ["application/vnd.b", "application/vnd.a+json", CONFIG] }),
            "four three two one",
        ),
        (json!({ "artifactTypes": ["application/vnd.b", "application/vnd.b"] }), "two"),
        (json!({ "artifactTypes": ["x"] }), ""),
        (json!({ "artifactStatus": "ACTIVE" }), "five four three two one"),
        (json!({ "artifactStatus": "ANY", "artifactTypes": ["application/vnd.b"] }), "two"),
        (json!({ "artifactStatus": "ARCHIVED" }), ""),
    ] {
        assert_eq!(listed(&mut place, filter.clone()), expected, "{filter}");
    }
}

#[test]
fn fifteen_hundred_in_pages() {
    let mut place = Place::with(&["aa"]);
    place.push("aa", b"{}");
    let mut pushed = Vec::new();
    for number in 0..1500 {
        let artifact_type = ["application/vnd.a+x", "application/vnd.b"][number % 2];
        pushed.push(attach(&mut place, NOWHERE, artifact(Some(artifact_type), &number.to_string())));
    }
    let newest_first: Vec<String> = (0..1500).rev().map(|number| number.to_string()).collect();
    let (all, pages) = list_all(&mut place, NOWHERE, "");
    assert_eq!(names(&all), newest_first);
    assert_eq!(pages, [1000, 500]);
    let (all, pages) = list_all(&mut place, NOWHERE, "?artifactType=application/vnd.a+x");
    let even: Vec<_> = newest_first.iter().filter(|name| name.parse::<u32>().unwrap() % 2 == 0).collect();
    assert_eq!(names(&all), even);
    assert_eq!(pages, [750]);

    // The control plane: 20, or as many as it is asked for, and no token of another list.
    let call = |place: &mut Place, more: Value| {
        let mut input = json!({ "repositoryName": "aa", "subjectId": { "imageDigest": NOWHERE } });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        place.ecr.call("ListImageReferrers", &input).unwrap()
    };
    let (status, first) = call(&mut place, json!({}));
    assert_eq!((status, first["referrers"].as_array().unwrap().len()), (200, 20));
    let token = first["nextToken"].clone();
    let (_, second) = call(&mut place, json!({ "nextToken": token, "maxResults": 50 }));
    assert_eq!(names(second["referrers"].as_array().unwrap()), newest_first[20..70]);
    for more in [
        json!({ "nextToken": token, "filter": { "artifactTypes": ["application/vnd.b"] } }),
        json!({ "nextToken": token, "filter": { "artifactStatus": "ANY" } }),
        json!({ "nextToken": token, "subjectId": { "imageDigest": ZEROS } }),
        json!({ "nextToken": "AAAA" }),
    ] {
        let (status, refused) = call(&mut place, more);
        assert_eq!((status, &refused["__type"]), (400, &json!("InvalidParameterException")), "{refused}");
        let text = "Invalid parameter at 'nextToken' failed to satisfy constraint: 'Invalid token'";
        assert_eq!(refused["message"], text);
    }
    let (_, typed) = call(
        &mut place,
        json!({ "filter": { "artifactTypes": ["application/vnd.b", "application/vnd.a+x"] }, "maxResults": 50 }),
    );
    assert_eq!(names(typed["referrers"].as_array().unwrap()), newest_first[..50]);

    // What is deleted while somebody pages is not listed twice, and hides nothing else.
    let (first, answer) = list(&mut place, NOWHERE, "");
    let next = next(&answer).unwrap();
    for number in [1400, 501, 500, 499, 498, 100] {
        let target = format!("/v2/aa/manifests/{}", pushed[number].digest);
        assert_eq!(place.ask("DELETE", &target).status, 202);
    }
    attach(&mut place, NOWHERE, artifact(None, "new"));
    let (rest, answer) = list(&mut place, NOWHERE, &next);
    assert_eq!(answer.header("link"), None);
    let left: Vec<String> = newest_first[1000..]
        .iter()
        .filter(|name| !["499", "498", "100"].contains(&name.as_str()))
        .cloned()
        .collect();
    assert_eq!(names(&first), newest_first[..1000]);
    assert_eq!(names(&rest), left);
}

#[test]
fn large_annotations() {
    let mut place = Place::with(&["aa"]);
    place.push("aa", b"{}");
    let mut pushed = Vec::new();
    for number in 0..5 {
        let mut large = artifact(None, &number.to_string());
        large["annotations"]["large"] = "x".repeat(3 * MIB).into();
        pushed.push(attach(&mut place, NOWHERE, large));
    }
    // Small ones that are large for another reason.
    for number in 5..15 {
        let mut large = artifact(None, &number.to_string());
        let mut layer = descriptor(LAYER, &Blob::new(b"{}".to_vec()));
        layer["data"] = "e30=".repeat(MIB - 1000).into();
        large["layers"] = json!([layer]);
        attach(&mut place, NOWHERE, large);
    }
    let (all, pages) = list_all(&mut place, NOWHERE, "");
    let expected: Vec<String> = (0..15).rev().map(|number| number.to_string()).collect();
    assert_eq!(names(&all), expected);
    for (entry, pushed) in all[10..].iter().rev().zip(&pushed) {
        assert_eq!(entry["annotations"]["large"].as_str().map(str::len), Some(3 * MIB));
        assert_eq!(entry["digest"], pushed.digest.to_string());
    }
    // 32 MiB of manifests, or 3.5 MiB of entries.
    assert_eq!(pages, [8, 3, 1, 1, 1, 1]);
    let input = json!({ "repositoryName": "aa", "subjectId": { "imageDigest": NOWHERE } });
    let answer = place.ecr.expect("ListImageReferrers", &input).unwrap();
    assert_eq!(answer["referrers"].as_array().map(Vec::len), Some(8));
    assert!(answer["nextToken"].is_string());
}

/// As the suite asks in its group "index-with-subject": the children refer to the same subject.
#[test]
fn children_of_a_referrer_are_referrers() {
    let mut place = Place::with(&["aa"]);
    place.push("aa", b"{}");
    let one = attach(&mut place, ZEROS, artifact(None, "one"));
    let two = attach(&mut place, ZEROS, artifact(None, "two"));
    let mut parent = index(&[descriptor(OCI_IMAGE, &one), descriptor(OCI_IMAGE, &two)]);
    parent["annotations"] = json!({ "name": "parent" });
    attach(&mut place, ZEROS, parent);
    assert_eq!(names(&list(&mut place, ZEROS, "").0), ["parent", "two", "one"]);
    // The fallback tag is no list of ours.
    let fallback = format!("/v2/aa/manifests/{}", ZEROS.replace(':', "-"));
    assert_eq!(place.status(&fallback), 404);
}

#[test]
fn a_list_survives_a_kill() {
    let mut place = Place::with(&["aa"]);
    place.push("aa", b"{}");
    for name in ["one", "two"] {
        attach(&mut place, ZEROS, artifact(Some("x/y"), name));
    }
    let before = list(&mut place, ZEROS, "").0;
    place.server.kill9().unwrap();
    place.server.restart().unwrap();
    place.reconnect();
    assert_eq!(list(&mut place, ZEROS, "").0, before);
    assert_eq!(list(&mut place, ZEROS, "?artifactType=x/y").0, before);
}

#[test]
fn the_control_plane_refuses() {
    let mut place = Place::with(&["aa"]);
    let mut call = |input: Value| {
        let (status, answer) = place.ecr.call("ListImageReferrers", &input).unwrap();
        (status, answer["__type"].as_str().unwrap_or_default().to_owned(), answer)
    };
    let subject = json!({ "imageDigest": NOWHERE });
    let (status, code, answer) = call(json!({ "repositoryName": "bb", "subjectId": subject }));
    assert_eq!((status, code.as_str()), (400, "RepositoryNotFoundException"), "{answer}");
    for input in [
        json!({ "repositoryName": "aa" }),
        json!({ "repositoryName": "aa", "subjectId": {} }),
        json!({ "repositoryName": "aa", "subjectId": { "imageDigest": "latest" } }),
        json!({ "repositoryName": "aa", "subjectId": subject, "maxResults": 51 }),
        json!({ "repositoryName": "aa", "subjectId": subject, "maxResults": 0 }),
        json!({ "repositoryName": "aa", "subjectId": subject, "filter": { "artifactStatus": "GONE" } }),
    ] {
        let (status, code, answer) = call(input.clone());
        assert_eq!((status, code.as_str()), (400, "InvalidParameterException"), "{input}: {answer}");
    }
    // Of an algorithm that ECR's pattern allows and nothing was ever stored by.
    let (status, _, answer) =
        call(json!({ "repositoryName": "aa", "subjectId": { "imageDigest": "md5:00" } }));
    assert_eq!((status, answer), (200, json!({ "referrers": [] })));
    let (_, code, _) = call(json!({ "repositoryName": "bb", "subjectId": { "imageDigest": "md5:00" } }));
    assert_eq!(code, "RepositoryNotFoundException");
    let stranger = json!({ "repositoryName": "aa", "registryId": "999999999999", "subjectId": subject });
    let (_, code, answer) = call(stranger);
    assert_eq!(code, "AccessDeniedException");
    assert!(answer["message"].as_str().unwrap().contains("ecr:BatchGetImage"), "{answer}");
}
