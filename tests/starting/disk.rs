//! Disks without room. They are small file systems in memory; where those may not be mounted, nothing is tested, and
//! the test says so.

use super::process::{refusal, serve};
use acre_testkit::http::Body;
use acre_testkit::image::MANIFEST_TYPE;
use acre_testkit::server::{Options, Server};
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

struct SmallDisk(TempDir);

impl SmallDisk {
    fn of(size: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = format!("size={size}");
        let mut mount = Command::new("mount");
        let mounted = mount.args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(folder.path()).output();
        let mounted = mounted.unwrap();
        assert!(
            mounted.status.success(),
            "a tmpfs must be mountable here (run the tests as root): {mounted:?}"
        );
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.path()).status();
    }
}

#[test]
fn a_full_disk_is_one_line() {
    for size in ["16k", "64k", "256k"] {
        let disk = SmallDisk::of(size);
        let text = refusal(&mut serve(&disk.path().join("data"), &[]));
        assert!(text.contains("storage is full"), "{size}: {text}");
    }
}

#[test]
fn below_the_reserve_nothing_is_pushed_and_all_else_works() {
    let disk = SmallDisk::of("64m");
    let options = Options { data: Some(disk.path().join("data")), ..Options::default() };
    let mut server = Server::start(super::process::acre(), options).unwrap();
    let mut ecr = server.ecr().unwrap();
    ecr.create_repository("aa").unwrap();
    let mut client = ecr.data_plane().unwrap();
    let headers = [("Content-Type", MANIFEST_TYPE)];
    for (method, target) in [("POST", "/v2/aa/blobs/uploads/"), ("PUT", "/v2/aa/manifests/v1")] {
        let answer = client.request(method, target, &headers, Body::Sized(b"")).unwrap();
        assert_eq!(answer.status, 507, "{answer:?}");
        let error = &answer.json()["errors"][0];
        assert_eq!((&error["code"], &error["message"]), (&"UNKNOWN".into(), &"storage is full".into()));
    }
    assert_eq!(client.request("GET", "/v2/aa/tags/list", &[], Body::None).unwrap().status, 200);
    ecr.expect("DeleteRepository", &serde_json::json!({ "repositoryName": "aa" })).unwrap();
    assert_eq!(server.terminate().unwrap().code(), Some(0));
}
