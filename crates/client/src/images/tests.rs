use super::*;
use crate::credentials::Login;
use acre_wire::digest::Algorithm;
use acre_wire::ecr::CONTENT_TYPE;
use acre_wire::names::Region;
use acre_wire::sigv4::{Credentials, Secret};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::thread::{JoinHandle, spawn};

/// A registry that gives these answers, one for each call, and then the bodies of the calls.
struct Registry {
    client: Client,
    calls: JoinHandle<Vec<Value>>,
}

impl Registry {
    fn answering(answers: Vec<(u16, Value)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let calls = spawn(move || {
            let answer = |(status, body): (u16, Value)| {
                let (mut stream, _) = listener.accept().unwrap();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut length = 0;
                loop {
                    let mut line = String::new();
                    assert!(reader.read_line(&mut line).unwrap() > 0);
                    if line == "\r\n" {
                        break;
                    }
                    if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                }
                let mut call = vec![0; length];
                reader.read_exact(&mut call).unwrap();
                let body = body.to_string();
                write!(
                    stream,
                    "HTTP/1.1 {status} X\r\nContent-Type: {CONTENT_TYPE}\r\nConnection: close\r\n\
                     Content-Length: {}\r\n\r\n{body}",
                    body.len()
                )
                .unwrap();
                serde_json::from_slice(&call).unwrap()
            };
            answers.into_iter().map(answer).collect()
        });
        let login = Login {
            endpoint,
            region: Region::parse("us-west-2").unwrap(),
            credentials: Credentials {
                access_key_id: "AKIA".into(),
                secret_access_key: Secret::new("secret"),
                session_token: None,
            },
        };
        Self { client: Client::new(login).unwrap(), calls }
    }

    /// Every answer was fetched; the calls.
    fn calls(self) -> Vec<Value> {
        self.calls.join().unwrap()
    }
}

fn wait_for<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn app() -> RepositoryName {
    RepositoryName::parse("app").unwrap()
}

fn digest(name: &str) -> Digest {
    Digest::of(Algorithm::Sha256, name.as_bytes())
}

fn detail(name: &str) -> Value {
    json!({
        "imageDigest": digest(name).to_string(), "imagePushedAt": 1.5, "imageSizeInBytes": 7,
        "registryId": "000000000000", "repositoryName": "app",
    })
}

#[test]
fn every_page_is_read_and_an_image_told_once() {
    let mut archived = detail("b");
    for (name, value) in [
        ("imageTags", json!(["v1", "v2"])),
        ("imageStatus", json!("ARCHIVED")),
        ("imageManifestMediaType", json!(MediaType::OciIndex.as_str())),
        ("lastArchivedAt", json!(3)),
        ("lastActivatedAt", json!(2)),
        ("lastRecordedPullTime", json!(1.75)),
        ("subjectManifestDigest", json!(digest("a").to_string())),
        ("imageScanStatus", json!({"status": "COMPLETE"})),
    ] {
        archived[name] = value;
    }
    let registry = Registry::answering(vec![
        (200, json!({"imageDetails": [detail("a"), archived], "nextToken": "next"})),
        (200, json!({"imageDetails": [], "nextToken": "last"})),
        (200, json!({"imageDetails": [detail("c"), detail("a")]})),
    ]);
    let mut listed = Vec::new();
    let images = wait_for(list(&registry.client, &app(), |images| listed.push(images))).unwrap();
    assert_eq!(listed, [2, 2, 4]);
    assert_eq!(images.len(), 3);
    assert!(images.is_sorted_by_key(|image| image.digest));
    let archived = images.iter().find(|image| image.digest == digest("b")).unwrap();
    let at = |micros| Some(Timestamp::from_micros(micros));
    assert_eq!(
        *archived,
        Image {
            digest: digest("b"),
            tags: vec!["v1".into(), "v2".into()],
            media_type: Some(MediaType::OciIndex.as_str().into()),
            pushed_at: Timestamp::from_micros(1_500_000),
            pulled_at: at(1_750_000),
            activated_at: at(2_000_000),
            archived_at: at(3_000_000),
            is_archived: true,
            subject: Some(digest("a")),
            size: 7,
        }
    );
    let call = json!({"filter": {"imageStatus": "ANY"}, "maxResults": 1000, "repositoryName": "app"});
    let (mut second, mut third) = (call.clone(), call.clone());
    second["nextToken"] = json!("next");
    third["nextToken"] = json!("last");
    assert_eq!(registry.calls(), [call, second, third]);
}

#[test]
fn listings_that_do_not_end_well() {
    let page = json!({"imageDetails": [], "nextToken": "same"});
    let registry = Registry::answering(vec![(200, page.clone()), (200, page)]);
    let error = wait_for(list(&registry.client, &app(), |_| {})).unwrap_err();
    assert!(matches!(error, Error::Endless), "{error}");
    registry.calls();

    let mut broken = detail("a");
    broken["imageDigest"] = json!("sha256:short");
    let registry = Registry::answering(vec![(200, json!({"imageDetails": [broken]}))]);
    let error = wait_for(list(&registry.client, &app(), |_| {})).unwrap_err();
    assert!(matches!(error, Error::Call(ecr::Error::Foreign { .. })), "{error}");
    registry.calls();

    let refusal = json!({"__type": "RepositoryNotFoundException", "message": "none"});
    let registry = Registry::answering(vec![(400, refusal)]);
    let error = wait_for(list(&registry.client, &app(), |_| {})).unwrap_err();
    assert_eq!(error.to_string(), "RepositoryNotFoundException: none");
    registry.calls();
}

/// An index of these children.
fn index(children: &[&str]) -> (Digest, String) {
    let child = |name: &&str| json!({"mediaType": MediaType::OciImage.as_str(), "digest": digest(name).to_string(), "size": 1});
    let manifests: Vec<Value> = children.iter().map(child).collect();
    let media_type = MediaType::OciIndex.as_str();
    let text = json!({"schemaVersion": 2, "mediaType": media_type, "manifests": manifests}).to_string();
    (Digest::of(Algorithm::Sha256, text.as_bytes()), text)
}

fn image(digest: &Digest, manifest: &str) -> Value {
    json!({
        "imageId": {"imageDigest": digest.to_string()}, "imageManifest": manifest,
        "imageManifestMediaType": MediaType::OciIndex.as_str(),
        "registryId": "000000000000", "repositoryName": "app",
    })
}

fn failure(digest: &Digest, code: &str) -> Value {
    json!({"imageId": {"imageDigest": digest.to_string()}, "failureCode": code, "failureReason": "x"})
}

#[test]
fn children_are_told_and_what_was_not_read_is_named() {
    let (one, text) = index(&["a", "b", "a"]);
    let (other, other_text) = index(&["c"]);
    let names = ["archived", "gone", "refused", "silent", "broken", "forged"].map(digest);
    let [archived, gone, refused, silent, broken, forged] = names;
    let registry = Registry::answering(vec![(
        200,
        json!({
            "images": [image(&other, &other_text), image(&one, &text), image(&broken, "{"), image(&forged, &text)],
            "failures": [
                failure(&archived, "ImageInaccessible"), failure(&gone, "ImageNotFound"), failure(&refused, "KmsError"),
            ],
        }),
    )]);
    let asked = [one, other, archived, gone, refused, silent, broken, forged];
    let mut children = Vec::new();
    let told = |index: &Digest, child: &Digest| children.push((*index, *child));
    let unread = wait_for(read_indexes(&registry.client, &app(), &asked, told, |_| {})).unwrap();
    assert_eq!(children, [(one, digest("a")), (one, digest("b")), (other, digest("c"))]);
    let unread: Vec<_> = unread.into_iter().map(|Unread { index, because }| (index, because)).collect();
    assert_eq!(
        unread,
        [
            (archived, Obstacle::Archived),
            (gone, Obstacle::Gone),
            (refused, Obstacle::Withheld),
            (silent, Obstacle::Withheld),
            (broken, Obstacle::Broken),
            (forged, Obstacle::Broken),
        ]
    );
    let [call] = &registry.calls()[..] else { panic!("one call") };
    assert_eq!(call["imageIds"].as_array().map(Vec::len), Some(8));
    assert_eq!(call["imageIds"][0], json!({"imageDigest": one.to_string()}));
}

#[test]
fn batches_have_a_hundred_and_are_halved_where_they_are_too_much() {
    let indexes: Vec<Digest> = (0..102).map(|number| digest(&number.to_string())).collect();
    let none = || (200, json!({"images": [], "failures": []}));
    let refused = || (400, json!({"__type": "InvalidParameterException", "message": "fewer"}));
    let registry = Registry::answering(vec![refused(), none(), refused(), none(), none(), none()]);
    let mut read = Vec::new();
    let unread =
        wait_for(read_indexes(&registry.client, &app(), &indexes, |_, _| {}, |done| read.push(done)))
            .unwrap();
    assert_eq!(read, [50, 75, 100, 102]);
    assert_eq!(unread.iter().map(|unread| unread.index).collect::<Vec<_>>(), indexes);
    let sizes: Vec<_> =
        registry.calls().iter().map(|call| call["imageIds"].as_array().unwrap().len()).collect();
    assert_eq!(sizes, [100, 50, 50, 25, 25, 2]);

    // A single one that is refused is refused for another reason.
    let registry = Registry::answering(vec![refused()]);
    let error =
        wait_for(read_indexes(&registry.client, &app(), &indexes[..1], |_, _| {}, |_| {})).unwrap_err();
    assert_eq!(error.to_string(), "InvalidParameterException: fewer");
    registry.calls();
}

#[test]
fn what_may_be_an_index() {
    let of = |media_type: Option<&str>| {
        let mut detail = detail("a");
        detail["imageManifestMediaType"] = json!(media_type);
        serde_json::from_value::<Detail>(detail).unwrap().into_image().unwrap().may_be_index()
    };
    for known in MediaType::ALL {
        assert_eq!(of(Some(known.as_str())), known.kind() == Kind::Index);
    }
    assert!(of(None));
    assert!(!of(Some("application/vnd.docker.distribution.manifest.v1+prettyjws")));
}
