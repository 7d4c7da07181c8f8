//! Numbers that move with what is done.

use super::log::start;
use super::page::{Page, address, ask};
use acre_testkit::http::{Body, Client};
use acre_testkit::image::{Flavour, Image, Recipe, open_upload};
use acre_testkit::server::{Options, Server, binary};
use acre_wire::ecr::Operation;
use serde_json::json;
use std::path::Path;
use std::process::Command;

#[test]
fn on_an_address_of_their_own_or_nowhere() {
    let plain = Server::start(binary(env!("CARGO_BIN_EXE_acre")), Options::default()).unwrap();
    assert_eq!(ask(plain.host(), "GET", "/metrics").status, 404);
    assert!(!plain.stderr().contains("metrics"), "{}", plain.stderr());
    let server = start(&[]);
    assert_eq!(ask(server.host(), "GET", "/metrics").status, 404);
    let address = address(&server);
    assert_eq!(ask(&address, "GET", "/metrics").status, 200);
    // Nothing else is behind that address.
    for target in ["/", "/v2/", "/healthz", "/metrics/", "/layers/x"] {
        assert_eq!(ask(&address, "GET", target).status, 404, "{target}");
    }
    let head = ask(&address, "HEAD", "/metrics");
    assert!(head.status == 200 && head.body.is_empty(), "{head:?}");
    let post = ask(&address, "POST", "/metrics");
    assert_eq!((post.status, post.header("allow")), (405, Some("GET, HEAD")));
}

#[test]
fn an_address_that_is_taken() {
    let server = start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(binary(env!("CARGO_BIN_EXE_acre")))
        .args(["serve", "--listen", "127.0.0.1:0", "--metrics", &address(&server), "--data"])
        .arg(folder.path().join("data"))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    let taken = address(&server);
    assert_eq!(
        text,
        format!("acre: no metrics (--metrics): {taken} is in use: another program listens there\n")
    );
    assert!(!Path::new(&folder.path().join("data")).exists(), "nothing was made before");
}

#[test]
fn requests_and_bytes() {
    let server = start(&[]);
    let mut ecr = server.ecr().unwrap();
    let before = Page::of(&server);
    assert_eq!(before.requests("CreateRepository", "200", "done"), 0.0);
    ecr.create_repository("web").unwrap();
    ecr.call("CreateRepository", &json!({ "repositoryName": "web" })).unwrap();
    let mut client = ecr.data_plane().unwrap();
    let image = Image::made("one", &[Recipe { seed: 1, length: 300_000 }]);
    image.push(&mut client, "web", "v1", Flavour::PostPatchPut).unwrap();
    let blob = format!("/v2/web/blobs/{}", image.layers[0].digest);
    assert_eq!(client.request("GET", &blob, &[], Body::None).unwrap().body.len(), 300_000);
    assert_eq!(client.request("HEAD", &blob, &[], Body::None).unwrap().status, 200);
    assert_eq!(client.request("GET", "/v2/web/manifests/v2", &[], Body::None).unwrap().status, 404);
    assert_eq!(Client::new(server.host()).request("GET", "/v2/", &[], Body::None).unwrap().status, 401);

    let page = Page::when(&server, |page| page.requests("GetBlob", "200", "done") == 1.0);
    assert_eq!(page.requests("CreateRepository", "200", "done"), 1.0);
    assert_eq!(page.requests("CreateRepository", "400", "RepositoryAlreadyExistsException"), 1.0);
    assert_eq!(page.requests("PutManifest", "201", "done"), 1.0);
    assert_eq!(page.requests("GetManifest", "404", "MANIFEST_UNKNOWN"), 1.0);
    assert_eq!(page.requests("Ping", "401", "refused"), 1.0);
    let of = |operation| [("operation", operation)];
    assert_eq!(page.sum("acre_response_body_bytes_total", &of("GetBlob")), 300_000.0);
    assert_eq!(page.sum("acre_response_body_bytes_total", &of("HeadBlob")), 0.0);
    // The layer and the configuration.
    let sent = 300_000 + image.config.bytes.len();
    assert_eq!(
        page.sum("acre_request_body_bytes_total", &of("AppendUpload")),
        f64::from(u32::try_from(sent).unwrap())
    );
    let manifest = f64::from(u32::try_from(image.manifest.bytes.len()).unwrap());
    assert_eq!(page.sum("acre_request_body_bytes_total", &of("PutManifest")), manifest);
    for operation in ["CreateRepository", "GetBlob", "PutManifest"] {
        let count = page.sum("acre_request_duration_seconds_count", &of(operation));
        assert_eq!(count, page.sum("acre_requests_total", &of(operation)), "{operation}");
        assert!(page.sum("acre_request_duration_seconds_sum", &of(operation)) > 0.0, "{operation}");
    }
    assert_eq!(page.value("acre_requests_under_way"), 0.0);
    assert!(page.series.keys().any(|series| series.starts_with("acre_build_info{version=\"")));
}

#[test]
fn what_the_store_holds_and_does() {
    let server = start(&[]);
    let mut ecr = server.ecr().unwrap();
    ecr.create_repository("web").unwrap();
    let mut client = ecr.data_plane().unwrap();
    let before = Page::of(&server);
    assert_eq!((before.value("acre_blobs"), before.value("acre_blobs_size_bytes")), (0.0, 0.0));
    assert_eq!(before.value("acre_uploads_open"), 0.0);
    let image = Image::made("one", &[Recipe { seed: 1, length: 300_000 }]);
    image.push(&mut client, "web", "v1", Flavour::PostPut).unwrap();
    open_upload(&mut client, "web").unwrap();
    let page = Page::of(&server);
    let bytes = 300_000 + image.config.bytes.len() + image.manifest.bytes.len();
    assert_eq!(page.value("acre_blobs"), 3.0);
    assert_eq!(page.value("acre_blobs_size_bytes"), f64::from(u32::try_from(bytes).unwrap()));
    assert_eq!(page.value("acre_uploads_open"), 1.0);
    // One file; the others stand in the catalogue.
    assert_eq!(page.value("acre_object_sync_duration_seconds_count"), 1.0);
    let commits = |page: &Page| page.value("acre_commit_duration_seconds_count");
    assert!(commits(&page) >= commits(&before) + 3.0, "{page:#?}");
    assert_eq!(page.value("acre_commit_batch_count"), commits(&page));
    assert_eq!(page.value("acre_writes_waiting"), 0.0);
    assert_eq!(page.value("acre_failed_commits_total"), 0.0);
    assert_eq!(page.value("acre_catalogue_read_only"), 0.0);
    assert_eq!(page.value("acre_repeated_calls_total"), 0.0);
    let (free, size) = (page.value("acre_disk_free_bytes"), page.value("acre_disk_size_bytes"));
    assert!(0.0 < free && free < size && page.value("acre_disk_reserve_bytes") > 0.0);
    assert!(page.value("acre_upload_buffers_free") > 0.0 && page.value("acre_read_buffers_free") > 0.0);
}

#[test]
fn a_blob_that_is_damaged_is_counted_and_its_answer_cut() {
    let server = start(&[]);
    let mut ecr = server.ecr().unwrap();
    ecr.create_repository("web").unwrap();
    let mut client = ecr.data_plane().unwrap();
    let image = Image::made("one", &[Recipe { seed: 1, length: 2_000_000 }]);
    image.push(&mut client, "web", "v1", Flavour::PostPut).unwrap();
    assert_eq!(Page::of(&server).value("acre_damaged_reads_total"), 0.0);
    let object = objects(&server.data().join("objects")).pop().unwrap();
    let mut bytes = std::fs::read(&object).unwrap();
    // Far behind the first part, which is read before anything is answered.
    let last = bytes.len() - 100;
    bytes[last] ^= 1;
    std::fs::write(&object, bytes).unwrap();
    let blob = format!("/v2/web/blobs/{}", image.layers[0].digest);
    client.request("GET", &blob, &[], Body::None).unwrap_err();
    let page = Page::when(&server, |page| page.value("acre_damaged_reads_total") == 1.0);
    assert_eq!(page.requests("GetBlob", "200", "cut"), 1.0);
    assert_eq!(page.requests("GetBlob", "200", "done"), 0.0);
    let sent = page.sum("acre_response_body_bytes_total", &[("operation", "GetBlob")]);
    assert!(0.0 < sent && sent < 2_000_000.0, "{sent}");
}

fn objects(folder: &Path) -> Vec<std::path::PathBuf> {
    let folders = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    folders.flat_map(|folder| std::fs::read_dir(folder).unwrap()).map(|entry| entry.unwrap().path()).collect()
}

/// Every request of the data plane that has a name, and that name.
const DATA_PLANE: &[(&str, &str, &str)] = &[
    ("GET", "/v2/", "Ping"),
    ("GET", "/v2/_catalog", "ListRepositories"),
    ("HEAD", "/v2/a/blobs/x", "HeadBlob"),
    ("GET", "/v2/a/blobs/x", "GetBlob"),
    ("DELETE", "/v2/a/blobs/x", "DeleteBlob"),
    ("POST", "/v2/a/blobs/uploads/", "StartUpload"),
    ("PATCH", "/v2/a/blobs/uploads/x", "AppendUpload"),
    ("PUT", "/v2/a/blobs/uploads/x", "FinishUpload"),
    ("GET", "/v2/a/blobs/uploads/x", "DescribeUpload"),
    ("DELETE", "/v2/a/blobs/uploads/x", "CancelUpload"),
    ("HEAD", "/v2/a/manifests/x", "HeadManifest"),
    ("GET", "/v2/a/manifests/x", "GetManifest"),
    ("PUT", "/v2/a/manifests/x", "PutManifest"),
    ("DELETE", "/v2/a/manifests/x", "DeleteManifest"),
    ("GET", "/v2/a/tags/list", "ListTags"),
    ("GET", "/v2/a/referrers/x", "ListReferrers"),
    ("GET", "/layers/x", "GetLayer"),
];

#[test]
fn every_operation_has_its_series_and_no_name_makes_one() {
    let server = start(&[]);
    let mut ecr = server.ecr().unwrap();
    for operation in Operation::all() {
        ecr.call_target(operation.target(), &json!({ "repositoryName": "secret-name", "accountId": 1 }))
            .unwrap();
    }
    for (method, target, _) in DATA_PLANE {
        Client::new(server.host()).request(method, target, &[], Body::None).unwrap();
    }
    let page = Page::of(&server);
    let mut wanted: Vec<_> = Operation::all().map(Operation::name).collect();
    wanted.extend(DATA_PLANE.iter().map(|(_, _, name)| *name));
    wanted.sort_unstable();
    let found: Vec<_> = page.values_of("operation").into_iter().filter(|name| *name != "-").collect();
    assert_eq!(found, wanted);
    for name in wanted {
        assert!(page.sum("acre_requests_total", &[("operation", name)]) >= 1.0, "{name}");
    }
    let count = page.series.len();
    // What a client makes up: names, paths, methods, targets.
    ecr.create_repository("secret-name").unwrap();
    let before = Page::of(&server).series.len();
    for number in 0..20 {
        let name = format!("secret-name-{number}");
        ecr.create_repository(&name).unwrap();
        ecr.call_target(&name, &json!({})).unwrap();
        for target in [format!("/{name}"), format!("/v2/{name}"), format!("/v2/{name}/tags/list")] {
            Client::new(server.host()).request("GET", &target, &[], Body::None).unwrap();
        }
    }
    let page = Page::of(&server);
    // An unknown target and an unknown path are one series each at most, whatever their names.
    assert!(
        page.series.len() <= before + 4 && before < count + 4,
        "{count}, {before}, {}",
        page.series.len()
    );
    assert!(!page.series.keys().any(|series| series.contains("secret-name")));
    let labels: Vec<_> = page.labels().into_iter().collect();
    assert_eq!(labels, ["le", "operation", "outcome", "status", "version"]);
}
