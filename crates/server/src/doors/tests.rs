//! What depends on the time of day: a whole server whose clock the test owns.

use super::*;
use crate::listen::Listener;
use acre_registry::{Addresses, AtOnce, Caller, Expect, ManifestPush, Settings};
use acre_wire::digest::{Algorithm, Digest};
use acre_wire::ecr::layer::GetDownloadUrlForLayer;
use acre_wire::ecr::repository::CreateRepository;
use acre_wire::ecr::token::GetAuthorizationToken;
use acre_wire::names::{AccountId, Region, RegistryName, RepositoryName};
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

mod stalled;

const MINUTE: i64 = 60_000_000;
const START: i64 = 1_800_000_000_000_000;
/// A time at which whoever asks for it panics.
const BROKEN: i64 = -1;

struct Server {
    registry: Arc<Registry>,
    clock: Arc<AtomicI64>,
    metrics: Arc<Metrics>,
    access_key: String,
    caller: Caller,
    address: std::net::SocketAddr,
    _stop: mpsc::Sender<()>,
    _folder: TempDir,
}

impl Server {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = Listener::bind((Ipv4Addr::LOCALHOST, 0).into(), None).await.unwrap();
        let address = listener.address();
        let clock = Arc::new(AtomicI64::new(START));
        let registry = {
            let clock = Arc::clone(&clock);
            let settings = Settings {
                data: folder.path().join("data"),
                root_key_file: None,
                account: AccountId::parse("000000000000").unwrap(),
                region: Region::parse("us-east-1").unwrap(),
                addresses: Addresses { scheme: "http", host: address.to_string(), domain: None },
                undo_window: 0,
                clock: Arc::new(move || match clock.load(Ordering::SeqCst) {
                    BROKEN => panic!("the clock is broken"),
                    now => now,
                }),
            };
            tokio::task::spawn_blocking(|| Registry::open(settings)).await.unwrap().unwrap()
        };
        let credentials = std::fs::read_to_string(folder.path().join("data/credentials")).unwrap();
        let id = credentials.lines().find_map(|line| line.strip_prefix("aws_access_key_id = ")).unwrap();
        let access_key = id.to_owned();
        let caller = Caller {
            principal: registry.access_key(id).unwrap().principal,
            registry: RegistryName {
                account: AccountId::parse("000000000000").unwrap(),
                region: Region::parse("us-east-1").unwrap(),
            },
            request: "request".into(),
        };
        let doors = Arc::new(Doors::new(Arc::clone(&registry), "http"));
        let metrics = Arc::clone(&doors.metrics);
        let (stop, stopped) = mpsc::channel(1);
        let service = move |request, peer| answer(Arc::clone(&doors), request, peer);
        tokio::spawn(listener.serve(service, stopped, Duration::ZERO));
        Self { registry, clock, metrics, access_key, caller, address, _stop: stop, _folder: folder }
    }

    fn wait(&self, micros: i64) {
        self.clock.fetch_add(micros, Ordering::SeqCst);
    }

    /// Status and head of an answer.
    async fn ask(&self, method: &str, target: &str, headers: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!("{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer.to_ascii_lowercase())
    }

    /// An image `v1` in the repository `aa`; the digest of its only blob.
    async fn push_image(&self) -> Digest {
        let name = RepositoryName::parse("aa").unwrap();
        let create: CreateRepository = serde_json::from_str(r#"{"repositoryName":"aa"}"#).unwrap();
        self.registry.create_repository(&self.caller, create).await.unwrap();
        let arn = self.caller.registry.repository(name);
        let digest = Digest::of(Algorithm::Sha256, b"{}");
        let upload = self.registry.start_upload(&self.caller, &arn, Algorithm::Sha256).unwrap();
        let mut body = AtOnce::from(Bytes::from_static(b"{}"));
        let finished =
            self.registry.finish_upload(&self.caller, &arn, upload, Expect::default(), &mut body, digest);
        finished.await.unwrap();
        let manifest = serde_json::json!({
            "schemaVersion": 2,
            "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": 2 },
            "layers": [],
        });
        let push = ManifestPush {
            bytes: manifest.to_string().into(),
            media_type: None,
            digest: None,
            tags: vec![acre_wire::names::Tag::parse("v1").unwrap()],
            if_match: None,
            if_none_match: None,
        };
        self.registry.put_image(&self.caller, &arn, push).await.unwrap();
        digest
    }
}

#[tokio::test]
async fn the_last_minutes_of_a_token() {
    let server = Server::start().await;
    let digest = server.push_image().await;
    let input = GetAuthorizationToken { registry_ids: None };
    let token = server.registry.authorization_token(&server.caller, input).unwrap();
    let token = token.authorization_data[0].authorization_token.expose().to_owned();
    let basic = format!("Authorization: Basic {token}\r\n");
    let blob = format!("/v2/aa/blobs/{digest}");
    server.wait(12 * 60 * MINUTE - 15 * MINUTE);
    for (method, target) in [("GET", "/v2/"), ("GET", "/v2/aa/manifests/v1"), ("GET", blob.as_str())] {
        let (status, answer) = server.ask(method, target, &basic).await;
        assert!(status == 200 && !answer.contains("warning"), "{answer}");
    }
    server.wait(1);
    for (method, target, expected) in [
        ("GET", "/v2/", 200),
        ("HEAD", "/v2/aa/manifests/v1", 200),
        ("GET", "/v2/aa/manifests/v1", 200),
        ("GET", "/v2/aa/manifests/v2", 404),
        ("GET", "/v2/aa/tags/list", 200),
        ("POST", "/v2/aa/blobs/uploads/", 202),
    ] {
        let (status, answer) = server.ask(method, target, &basic).await;
        assert_eq!(status, expected, "{method} {target}: {answer}");
        let warning =
            "\r\nwarning: 299 - \"the authorization token expires in 15 minutes: log in again\"\r\n";
        assert!(answer.contains(warning), "{method} {target}: {answer}");
    }
    for method in ["GET", "HEAD"] {
        let (status, answer) = server.ask(method, &blob, &basic).await;
        assert!(status == 200 && !answer.contains("warning"), "{answer}");
    }
    assert_eq!(server.ask("GET", "/v2/", "").await.0, 401);
    server.wait(15 * MINUTE);
    let (status, answer) = server.ask("GET", "/v2/", &basic).await;
    assert!(status == 403 && answer.contains("expired") && !answer.contains("warning"), "{answer}");
}

#[tokio::test]
async fn the_hour_of_a_url() {
    let server = Server::start().await;
    let digest = server.push_image().await;
    let input = GetDownloadUrlForLayer {
        layer_digest: digest.to_string(),
        registry_id: None,
        repository_name: RepositoryName::parse("aa").unwrap(),
    };
    let url = server.registry.layer_url(&server.caller, &input).unwrap().download_url;
    let target = url.strip_prefix(&format!("http://{}", server.address)).unwrap();
    for passed in [0, 59 * MINUTE, MINUTE - 1] {
        server.wait(passed);
        let (status, answer) = server.ask("GET", target, "").await;
        assert!(status == 200 && answer.ends_with("\r\n\r\n{}"), "{answer}");
    }
    server.wait(1);
    let (status, answer) = server.ask("GET", target, "").await;
    assert!(status == 403 && answer.contains("the url has expired"), "{answer}");
}

#[tokio::test]
async fn a_request_that_panics_is_answered_as_its_door_answers() {
    let server = Server::start().await;
    let input = GetAuthorizationToken { registry_ids: None };
    let token = server.registry.authorization_token(&server.caller, input).unwrap();
    let basic =
        format!("Authorization: Basic {}\r\n", token.authorization_data[0].authorization_token.expose());
    let key = &server.access_key;
    server.clock.store(BROKEN, Ordering::SeqCst);
    let signed = format!(
        "Authorization: AWS4-HMAC-SHA256 Credential={key}/20270115/us-east-1/ecr/aws4_request, \
         SignedHeaders=host;x-amz-date;x-amz-target, Signature={}\r\nX-Amz-Date: 20270115T080000Z\r\nContent-Length: 0\r\n\
         X-Amz-Target: AmazonEC2ContainerRegistry_V20150921.DescribeRegistry\r\n",
        "0".repeat(64)
    );
    for (method, target, headers, wanted) in [
        (
            "GET",
            "/v2/",
            &basic,
            "{\"errors\":[{\"code\":\"unknown\",\"message\":\"the request failed\",\"detail\":{\"requestid\":\"ID\"}}]}",
        ),
        (
            "POST",
            "/",
            &signed,
            "{\"__type\":\"serverexception\",\"message\":\"the operation failed (request ID)\"}",
        ),
    ] {
        let (status, answer) = server.ask(method, target, headers).await;
        assert_eq!(status, 500, "{answer}");
        let (_, rest) = answer.split_once("x-amzn-requestid: ").unwrap();
        let id = rest.split("\r\n").next().unwrap();
        let body = answer.trim_end().rsplit("\r\n").next().unwrap();
        assert_eq!(body, wanted.replace("ID", id));
    }
    // The server goes on, and nothing is under way.
    server.clock.store(START, Ordering::SeqCst);
    assert_eq!(server.ask("GET", "/v2/", &basic).await.0, 200);
    assert_eq!(server.metrics.under_way(), 0);
}

/// Every door, and the file of the door matrix (`tests/matrix/`) in which its rows stand. Without a wildcard: a new door
/// does not compile until it is here, and one that is here must have a row.
macro_rules! doors {
    ($($door:ident: $file:literal)*) => {
        const DOORS: &[Door] = &[$(Door::$door,)*];

        fn rows_of(door: Door) -> &'static str {
            match door {
                $(Door::$door => $file,)*
            }
        }
    };
}

doors! {
    DataPlane: "data_plane.rs"
    ControlPlane: "identity.rs"
    Layer: "data_plane.rs"
    Health: "data_plane.rs"
    Readiness: "data_plane.rs"
    None: "data_plane.rs"
}

#[test]
fn every_door_has_rows_in_the_matrix() {
    let matrix = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/matrix");
    for door in DOORS {
        let text = std::fs::read_to_string(matrix.join(rows_of(*door))).unwrap();
        let has_row = text.lines().any(|line| {
            let mut words = line.split_whitespace();
            let (Some(method), Some(path), Some(_)) = (words.next(), words.next(), words.next()) else {
                return false;
            };
            // Not of the source around the table: only its rows begin so.
            let method =
                ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"].into_iter().find(|known| *known == method);
            let method = method.map(|method| Method::from_bytes(method.as_bytes()).unwrap());
            method.is_some_and(|method| path.starts_with('/') && Door::of(&method, path) == *door)
        });
        assert!(has_row, "{door:?} has no row in {}", rows_of(*door));
    }
}
