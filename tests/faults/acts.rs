//! What clients do while the disk is at fault, each act from its preparation to the look at what became of it.

use acre_testkit::ecr::Ecr;
use acre_testkit::faults::Faults;
use acre_testkit::http::{Answer, Body, Client};
use acre_testkit::image::{Flavour, Image, MANIFEST_TYPE, Recipe, open_upload, pull_and_verify, push_blob};
use acre_testkit::server::{Options, Server, binary};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// The repository in which it all happens.
pub(crate) const HOME: &str = "faulty/app";
/// Another one, from which is mounted.
const SOURCE: &str = "faulty/source";
/// A setting, what it is before each act and what the act makes it.
const SETTING: &str = "REGISTRY_POLICY_SCOPE";
const BEFORE: &str = "V2";
const AFTER: &str = "V1";
/// Bytes of a layer that is a file, and of one that is a row.
const LARGE: usize = 200_000;
const SMALL: usize = 1_000;

/// What a client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// PATCH and PUT of a layer that is a file.
    Blob,
    /// PUT of one that is a row.
    SmallBlob,
    /// `UploadLayerPart` and `CompleteLayerUpload`.
    Layer,
    /// PUT of a manifest that is a row.
    Manifest,
    /// PUT of one that is a file.
    WideManifest,
    PutImage,
    CreateRepository,
    /// DELETE of a tag.
    DeleteTag,
    BatchDeleteImage,
    DeleteRepository,
    /// POST that mounts a blob of another repository.
    Mount,
    /// DELETE of a blob that no image needs.
    DeleteBlob,
    PutAccountSetting,
    CreateTemplate,
    /// GET of a manifest and of a layer that is a file.
    Pull,
    /// `GetDownloadUrlForLayer` and a GET of that URL.
    Download,
}

pub(crate) const ACTS: [Act; 16] = [
    Act::Blob,
    Act::SmallBlob,
    Act::Layer,
    Act::Manifest,
    Act::WideManifest,
    Act::PutImage,
    Act::CreateRepository,
    Act::DeleteTag,
    Act::BatchDeleteImage,
    Act::DeleteRepository,
    Act::Mount,
    Act::DeleteBlob,
    Act::PutAccountSetting,
    Act::CreateTemplate,
    Act::Pull,
    Act::Download,
];

impl Act {
    /// Whether it ends an upload, which a failure may have ended too.
    pub(crate) fn uploads(self) -> bool {
        matches!(self, Self::Blob | Self::SmallBlob | Self::Layer)
    }

    /// The status of its last answer.
    pub(crate) fn success(self) -> u16 {
        match self {
            Self::Blob | Self::SmallBlob | Self::Manifest | Self::WideManifest | Self::Mount => 201,
            Self::DeleteTag | Self::DeleteBlob => 202,
            _ => 200,
        }
    }

    /// Whether the control plane answers what of it can fail.
    fn is_of_the_control_plane(self) -> bool {
        matches!(
            self,
            Self::Layer
                | Self::PutImage
                | Self::CreateRepository
                | Self::BatchDeleteImage
                | Self::DeleteRepository
                | Self::PutAccountSetting
                | Self::CreateTemplate
        )
    }
}

/// A server whose disk can be at fault, and its root's clients.
pub(crate) struct Place {
    pub(crate) faults: Faults,
    pub(crate) server: Server,
    ecr: Ecr,
    client: Client,
    made: u64,
}

/// An act of which only the last step is missing.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) act: Act,
    image: Image,
    repository: String,
    tag: String,
    upload: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        let faults = Faults::new().unwrap();
        let options = Options { environment: faults.environment(), ..Options::default() };
        let server = Server::start(binary(env!("CARGO_BIN_EXE_acre")), options).unwrap();
        let mut ecr = server.ecr().unwrap();
        ecr.create_repository(HOME).unwrap();
        ecr.create_repository(SOURCE).unwrap();
        let client = ecr.data_plane().unwrap();
        Self { faults, server, ecr, client, made: 0 }
    }

    /// After kill -9, or after an orderly end.
    pub(crate) fn restart(&mut self) {
        self.server.restart().unwrap();
        self.ecr = self.server.ecr().unwrap();
        self.client = self.ecr.data_plane().unwrap();
    }

    pub(crate) fn another_client(&mut self) -> Client {
        self.ecr.data_plane().unwrap()
    }

    pub(crate) fn prepare(&mut self, act: Act) -> Ready {
        self.made += 1;
        let number = self.made;
        let length = if act == Act::SmallBlob { SMALL } else { LARGE };
        let name = if act == Act::WideManifest { format!("{number}-wide") } else { number.to_string() };
        let image = Image::made(&name, &[Recipe { seed: number, length }]);
        let tag = format!("t{number}");
        let mut ready = Ready { act, image, repository: HOME.into(), tag, upload: String::new() };
        match act {
            Act::Blob | Act::SmallBlob => ready.upload = open_upload(&mut self.client, HOME).unwrap(),
            Act::Layer => {
                let opened =
                    self.ecr.expect("InitiateLayerUpload", &json!({ "repositoryName": HOME })).unwrap();
                opened["uploadId"].as_str().unwrap().clone_into(&mut ready.upload);
            }
            Act::Manifest | Act::WideManifest | Act::PutImage => {
                ready.image.push_blobs(&mut self.client, HOME, Flavour::PostPut).unwrap();
            }
            Act::CreateRepository => ready.repository = format!("faulty/new-{number}"),
            Act::DeleteRepository => {
                ready.repository = format!("faulty/old-{number}");
                self.ecr.create_repository(&ready.repository).unwrap();
                self.push(&ready);
            }
            Act::Mount | Act::DeleteBlob => {
                let repository = if act == Act::Mount { SOURCE } else { HOME };
                push_blob(&mut self.client, repository, &ready.image.layers[0], Flavour::PostPut).unwrap();
            }
            Act::PutAccountSetting => {
                let before = json!({ "name": SETTING, "value": BEFORE });
                self.ecr.expect("PutAccountSetting", &before).unwrap();
            }
            // A prefix, there.
            Act::CreateTemplate => ready.repository = format!("faulty-{number}"),
            Act::DeleteTag | Act::BatchDeleteImage | Act::Pull | Act::Download => self.push(&ready),
        }
        ready
    }

    fn push(&mut self, ready: &Ready) {
        ready.image.push(&mut self.client, &ready.repository, &ready.tag, Flavour::PostPatchPut).unwrap();
    }

    /// The act's last step: the answer that ended it, well or not.
    pub(crate) fn attempt(&mut self, ready: &Ready) -> Answer {
        let Ready { act, image, repository, tag, upload } = ready;
        let layer = &image.layers[0];
        let home = json!({ "repositoryName": repository });
        match act {
            Act::Blob | Act::SmallBlob => {
                let rest: &[u8] = if *act == Act::Blob {
                    let pieces: Vec<&[u8]> = layer.bytes.chunks(30_000).collect();
                    let sent = self.ask("PATCH", upload, &[], Body::Chunked(&pieces));
                    if sent.status != 202 {
                        return sent;
                    }
                    b""
                } else {
                    &layer.bytes
                };
                self.ask("PUT", &format!("{upload}?digest={}", layer.digest), &[], Body::Sized(rest))
            }
            Act::Layer => {
                let mut part = json!({ "uploadId": upload, "partFirstByte": 0, "partLastByte": LARGE - 1 });
                part["layerPartBlob"] = STANDARD.encode(&layer.bytes).into();
                let sent = self.call("UploadLayerPart", &with(&home, &part));
                if sent.status != 200 {
                    return sent;
                }
                let end = json!({ "uploadId": upload, "layerDigests": [layer.digest.to_string()] });
                self.call("CompleteLayerUpload", &with(&home, &end))
            }
            Act::Manifest | Act::WideManifest => {
                let target = format!("/v2/{repository}/manifests/{tag}");
                let headers = [("Content-Type", MANIFEST_TYPE)];
                self.ask("PUT", &target, &headers, Body::Sized(&image.manifest.bytes))
            }
            Act::PutImage => {
                let manifest = String::from_utf8_lossy(&image.manifest.bytes);
                self.call("PutImage", &with(&home, &json!({ "imageManifest": manifest, "imageTag": tag })))
            }
            Act::CreateRepository => self.call("CreateRepository", &home),
            Act::DeleteTag => {
                self.ask("DELETE", &format!("/v2/{repository}/manifests/{tag}"), &[], Body::None)
            }
            Act::BatchDeleteImage => {
                self.call("BatchDeleteImage", &with(&home, &json!({ "imageIds": [{ "imageTag": tag }] })))
            }
            Act::DeleteRepository => self.call("DeleteRepository", &with(&home, &json!({ "force": true }))),
            Act::Mount => {
                let target = format!("/v2/{repository}/blobs/uploads/?mount={}&from={SOURCE}", layer.digest);
                self.ask("POST", &target, &[], Body::Sized(b""))
            }
            Act::DeleteBlob => {
                self.ask("DELETE", &format!("/v2/{repository}/blobs/{}", layer.digest), &[], Body::None)
            }
            Act::PutAccountSetting => {
                self.call("PutAccountSetting", &json!({ "name": SETTING, "value": AFTER }))
            }
            Act::CreateTemplate => {
                let input = json!({ "prefix": repository, "appliedFor": ["REPLICATION"] });
                self.call("CreateRepositoryCreationTemplate", &input)
            }
            Act::Download => {
                let named = json!({ "layerDigest": layer.digest.to_string() });
                // It only reads rows: what of this can fail is the second half.
                let url = self.ecr.expect("GetDownloadUrlForLayer", &with(&home, &named)).unwrap();
                let url = url["downloadUrl"].as_str().unwrap();
                let target = &url[url.find("/layers/").unwrap()..];
                let blob = self.ask("GET", target, &[], Body::None);
                assert!(blob.status != 200 || blob.body == layer.bytes, "other bytes came out");
                blob
            }
            Act::Pull => {
                let manifest = self.ask("GET", &format!("/v2/{repository}/manifests/{tag}"), &[], Body::None);
                if manifest.status != 200 {
                    return manifest;
                }
                let blob =
                    self.ask("GET", &format!("/v2/{repository}/blobs/{}", layer.digest), &[], Body::None);
                assert!(blob.status != 200 || blob.body == layer.bytes, "other bytes came out");
                blob
            }
        }
    }

    /// What was acknowledged is so, and what was refused is not.
    pub(crate) fn look(&mut self, ready: &Ready, is_done: bool) {
        let Ready { act, image, repository, tag, .. } = ready;
        let found = match act {
            Act::Blob | Act::SmallBlob | Act::Layer | Act::Mount => self.blob(ready),
            Act::DeleteBlob => invert(self.blob(ready)),
            Act::PutAccountSetting => self.setting(),
            Act::CreateTemplate => self.template(repository),
            Act::CreateRepository => self.describe(repository),
            Act::DeleteRepository => invert(self.describe(repository)),
            Act::DeleteTag | Act::BatchDeleteImage => invert(self.manifest(repository, tag)),
            Act::Manifest | Act::WideManifest | Act::PutImage | Act::Pull | Act::Download => {
                self.manifest(repository, tag)
            }
        };
        let changes_nothing = matches!(act, Act::Pull | Act::Download);
        let wanted = if is_done || changes_nothing { 200 } else { 404 };
        assert_eq!(found, wanted, "{act:?} (done: {is_done}): {ready:?}");
        let is_image = matches!(act, Act::Manifest | Act::WideManifest | Act::PutImage) || changes_nothing;
        if is_image && is_done {
            pull_and_verify(&mut self.client, repository, tag, &image.digest()).unwrap();
        }
    }

    /// A layer that is a file, from the first byte to the last.
    pub(crate) fn push_a_file(&mut self) {
        self.made += 1;
        let image = Image::made("file", &[Recipe { seed: self.made, length: LARGE }]);
        push_blob(&mut self.client, HOME, &image.layers[0], Flavour::PostPut).unwrap();
    }

    /// 200 or 404.
    fn describe(&mut self, repository: &str) -> u16 {
        let (status, answer) =
            self.ecr.call("DescribeRepositories", &json!({ "repositoryNames": [repository] })).unwrap();
        match (status, answer["__type"].as_str()) {
            (400, Some("RepositoryNotFoundException")) => 404,
            _ => status,
        }
    }

    /// 200 with the bytes of the act's layer, or 404.
    fn blob(&mut self, ready: &Ready) -> u16 {
        let layer = &ready.image.layers[0];
        let target = format!("/v2/{}/blobs/{}", ready.repository, layer.digest);
        let answer = self.ask("GET", &target, &[], Body::None);
        assert!(answer.status != 200 || answer.body == layer.bytes, "other bytes came out");
        answer.status
    }

    /// 200 if it is what the act makes it, 404 if it is what it was.
    fn setting(&mut self) -> u16 {
        let answer = self.ecr.expect("GetAccountSetting", &json!({ "name": SETTING })).unwrap();
        match answer["value"].as_str() {
            Some(AFTER) => 200,
            Some(BEFORE) => 404,
            _ => panic!("{answer}"),
        }
    }

    /// 200 if there is a template for that prefix, or 404.
    fn template(&mut self, prefix: &str) -> u16 {
        let input = json!({ "prefixes": [prefix] });
        let answer = self.ecr.expect("DescribeRepositoryCreationTemplates", &input).unwrap();
        match answer["repositoryCreationTemplates"].as_array().unwrap().len() {
            0 => 404,
            1 => 200,
            _ => panic!("{answer}"),
        }
    }

    fn manifest(&mut self, repository: &str, reference: &str) -> u16 {
        self.ask("GET", &format!("/v2/{repository}/manifests/{reference}"), &[], Body::None).status
    }

    fn ask(&mut self, method: &str, target: &str, headers: &[(&str, &str)], body: Body<'_>) -> Answer {
        self.client.request(method, target, headers, body).unwrap()
    }

    fn call(&mut self, operation: &str, input: &Value) -> Answer {
        self.ecr.call_target(&format!("AmazonEC2ContainerRegistry_V20150921.{operation}"), input).unwrap()
    }
}

/// The fixed sentence of that act's door, and the request that it befell.
pub(crate) fn is_refused(act: Act, answer: &Answer, is_full: bool) {
    let sentence = if is_full { "storage is full" } else { "storage failed" };
    let body = answer.json();
    if act.is_of_the_control_plane() {
        assert_eq!(
            (answer.status, body["__type"].as_str()),
            (500, Some("ServerException")),
            "{act:?}: {body}"
        );
        let text = body["message"].as_str().unwrap();
        let request = answer.header("x-amzn-requestid").unwrap();
        assert_eq!(text, format!("{sentence} (request {request})"), "{act:?}");
    } else {
        let error = &body["errors"][0];
        let status = if is_full { 507 } else { 500 };
        assert_eq!((answer.status, error["code"].as_str()), (status, Some("UNKNOWN")), "{act:?}: {body}");
        assert_eq!(error["message"], sentence, "{act:?}");
        assert!(!error["detail"]["requestId"].as_str().unwrap().is_empty(), "{act:?}");
    }
}

fn invert(status: u16) -> u16 {
    match status {
        200 => 404,
        404 => 200,
        other => other,
    }
}

fn with(input: &Value, more: &Value) -> Value {
    let mut all = input.clone();
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    all
}
