//! A server with repositories, a client of its root, and the rules that every answer of the data plane must obey.

use acre_testkit::ecr::{Credentials, Ecr};
use acre_testkit::http::{Answer, Body, Client};
use acre_testkit::image::Blob;
use acre_testkit::server::{Options, REGION, Server, binary};
use acre_wire::digest::{Algorithm, Digest};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

pub(crate) const OCI_IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const DOCKER_IMAGE: &str = "application/vnd.docker.distribution.manifest.v2+json";
pub(crate) const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
pub(crate) const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub(crate) const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// SHA-256 of nothing.
pub(crate) const NOTHING: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/// A well-formed digest that nothing has.
pub(crate) const NOWHERE: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000001";
/// Bytes of plaintext in a sealed segment, so the largest blob that is no file.
pub(crate) const SEGMENT: usize = 65_508;

/// A server, and its root's client.
pub(crate) struct Place {
    pub(crate) server: Server,
    pub(crate) ecr: Ecr,
    pub(crate) client: Client,
}

impl Place {
    /// A fresh server with these repositories.
    pub(crate) fn with(repositories: &[&str]) -> Self {
        let server = Server::start(binary(env!("CARGO_BIN_EXE_acre")), Options::default()).unwrap();
        let mut ecr = server.ecr().unwrap();
        for name in repositories {
            ecr.create_repository(name).unwrap();
        }
        let client = client(&mut ecr);
        Self { server, ecr, client }
    }

    /// After a restart: the port is another one.
    pub(crate) fn reconnect(&mut self) {
        self.ecr = self.server.ecr().unwrap();
        self.client = client(&mut self.ecr);
    }

    /// One more connection of the same principal.
    pub(crate) fn another_client(&mut self) -> Client {
        client(&mut self.ecr)
    }

    /// The root of a second account, in its own registry.
    pub(crate) fn stranger(&mut self) -> Ecr {
        let input = json!({ "accountId": "111111111111" });
        let answer = self.ecr.call_target("Acre_V1.CreateAccount", &input).unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        let key = answer.json();
        let text = |name: &str| key[name].as_str().unwrap().to_owned();
        let credentials =
            Credentials { access_key: text("accessKeyId"), secret_key: text("secretAccessKey") };
        Ecr::new(self.server.host(), credentials, REGION)
    }

    /// Asks without a body.
    pub(crate) fn ask(&mut self, method: &str, target: &str) -> Answer {
        ask(&mut self.client, method, target, &[], Body::None)
    }

    /// GET with one header more.
    pub(crate) fn get_with(&mut self, target: &str, name: &str, value: &str) -> Answer {
        ask(&mut self.client, "GET", target, &[(name, value)], Body::None)
    }

    /// Asks with a body.
    pub(crate) fn send(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: Body<'_>,
    ) -> Answer {
        ask(&mut self.client, method, target, headers, body)
    }

    /// Opens an upload: where it is.
    pub(crate) fn open(&mut self, repository: &str) -> String {
        let answer = self.send("POST", &format!("/v2/{repository}/blobs/uploads/"), &[], Body::Sized(b""));
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.header("location").unwrap().to_owned()
    }

    /// Pushes these bytes as a blob.
    pub(crate) fn push(&mut self, repository: &str, bytes: &[u8]) -> Blob {
        self.push_as(repository, bytes, Algorithm::Sha256)
    }

    /// Pushes these bytes under a digest of that algorithm.
    pub(crate) fn push_as(&mut self, repository: &str, bytes: &[u8], algorithm: Algorithm) -> Blob {
        let digest = Digest::of(algorithm, bytes);
        let target = format!("{}?digest={digest}", self.open(repository));
        let answer = self.send("PUT", &target, &[], Body::Sized(bytes));
        assert_eq!(answer.status, 201, "{answer:?}");
        Blob { digest, bytes: bytes.to_vec() }
    }

    /// Puts a manifest and answers what came.
    pub(crate) fn put(
        &mut self,
        repository: &str,
        reference: &str,
        media_type: &str,
        bytes: &[u8],
    ) -> Answer {
        let target = format!("/v2/{repository}/manifests/{reference}");
        self.send("PUT", &target, &[("Content-Type", media_type)], Body::Sized(bytes))
    }

    /// Pushes a small image whose config holds `name`; its manifest.
    pub(crate) fn push_image(&mut self, repository: &str, reference: &str, name: &str) -> Blob {
        let config = self.push(repository, json!({ "name": name }).to_string().as_bytes());
        let layer = self.push(repository, format!("layer of {name}").as_bytes());
        let manifest = image(&config, &[&layer]).to_string().into_bytes();
        let answer = self.put(repository, reference, OCI_IMAGE, &manifest);
        assert_eq!(answer.status, 201, "{answer:?}");
        Blob::new(manifest)
    }

    /// Changes who may move tags.
    pub(crate) fn set_mutability(&mut self, repository: &str, mode: &str, filters: &[&str]) {
        let mut input = json!({ "repositoryName": repository, "imageTagMutability": mode });
        if !filters.is_empty() {
            let filters = filters.iter().map(|glob| json!({ "filterType": "WILDCARD", "filter": glob }));
            input["imageTagMutabilityExclusionFilters"] = filters.collect();
        }
        self.ecr.expect("PutImageTagMutability", &input).unwrap();
    }

    /// The status of a HEAD.
    pub(crate) fn status(&mut self, target: &str) -> u16 {
        self.ask("HEAD", target).status
    }

    /// Asks for an upload's status until it is as wanted: a connection that was cut is noticed a moment later.
    pub(crate) fn wait_for_offset(&mut self, location: &str, wanted: usize) {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let answer = self.ask("GET", location);
            if answer.status == 204 && offset(&answer) == wanted {
                return;
            }
            assert!(Instant::now() < deadline, "not {wanted} bytes after 20 s: {answer:?}");
            std::thread::yield_now();
        }
    }
}

fn client(ecr: &mut Ecr) -> Client {
    ecr.data_plane().unwrap().with_header("Accept-Encoding", "gzip, zstd;q=1.0, deflate;q=0.5")
}

/// One request, and what every answer of the data plane must obey (spec/oci.md 1.3): it names its API and its request,
/// it is neither compressed nor chunked, and its length is the one that it says.
pub(crate) fn ask(
    client: &mut Client,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: Body<'_>,
) -> Answer {
    let answer = client
        .request(method, target, headers, body)
        .unwrap_or_else(|error| panic!("{method} {target} {headers:?}: {error}"));
    let seen = format!("{method} {target} {headers:?}: {answer:?}");
    assert_eq!(answer.header("docker-distribution-api-version"), Some("registry/2.0"), "{seen}");
    assert_eq!(answer.header("x-amzn-requestid").map(str::len), Some(36), "{seen}");
    assert_eq!(answer.header("content-encoding"), None, "{seen}");
    assert_eq!(answer.header("transfer-encoding"), None, "{seen}");
    let length = answer.header("content-length");
    match (method, answer.status) {
        (_, 204 | 304) => assert_eq!(length, None, "{seen}"),
        ("HEAD", _) => assert!(length.is_some_and(|length| length.parse::<u64>().is_ok()), "{seen}"),
        _ => assert_eq!(length, Some(answer.body.len().to_string().as_str()), "{seen}"),
    }
    answer
}

/// The answer is that refusal, in the one form that refusals have; its text.
pub(crate) fn refused(answer: &Answer, status: u16, code: &str) -> String {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"), "{answer:?}");
    assert!(answer.body.ends_with(b"\n"), "{answer:?}");
    let errors = answer.json();
    let errors = errors["errors"].as_array().unwrap_or_else(|| panic!("no errors: {answer:?}"));
    assert_eq!(errors.len(), 1, "{answer:?}");
    assert_eq!(errors[0]["code"], code, "{answer:?}");
    errors[0]["message"].as_str().unwrap_or_else(|| panic!("no message: {answer:?}")).to_owned()
}

/// HEAD is GET without the body: same status, same headers, the real length. The answer to the GET.
pub(crate) fn head_is_get(client: &mut Client, target: &str, headers: &[(&str, &str)]) -> Answer {
    let got = ask(client, "GET", target, headers, Body::None);
    let headed = ask(client, "HEAD", target, headers, Body::None);
    assert_eq!(headed.status, got.status, "{target}: {headed:?} {got:?}");
    assert_eq!(lasting(&headed), lasting(&got), "{target}");
    assert!(headed.body.is_empty(), "{target}");
    got
}

/// The headers that do not change from one answer to the next.
fn lasting(answer: &Answer) -> Vec<(String, &str)> {
    let mut headers: Vec<_> =
        answer.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.as_str())).collect();
    headers.retain(|(name, _)| name != "date" && name != "x-amzn-requestid");
    headers.sort();
    headers
}

/// How many bytes an upload holds, as both of its headers say.
pub(crate) fn offset(answer: &Answer) -> usize {
    let offset: usize = answer.header("acre-upload-offset").unwrap().parse().unwrap();
    let range = format!("0-{}", offset.saturating_sub(1));
    assert_eq!(answer.header("range"), Some(range.as_str()), "{answer:?}");
    offset
}

/// A descriptor of a blob or manifest.
pub(crate) fn descriptor(media_type: &str, blob: &Blob) -> Value {
    json!({ "mediaType": media_type, "digest": blob.digest.to_string(), "size": blob.bytes.len() })
}

/// An OCI image manifest.
pub(crate) fn image(config: &Blob, layers: &[&Blob]) -> Value {
    let layers: Vec<Value> = layers.iter().map(|layer| descriptor(LAYER, layer)).collect();
    json!({ "schemaVersion": 2, "mediaType": OCI_IMAGE, "config": descriptor(CONFIG, config), "layers": layers })
}

/// An OCI index.
pub(crate) fn index(children: &[Value]) -> Value {
    json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children })
}

/// Bytes that a seed decides.
pub(crate) fn bytes(seed: u64, length: usize) -> Vec<u8> {
    acre_testkit::random::Random::new(seed).bytes(length)
}
