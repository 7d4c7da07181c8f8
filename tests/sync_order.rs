//! The order of writes before an acknowledgement (DESIGN 7), as strace saw it: bytes into the upload's file, fdatasync of
//! that very file, rename among the objects, sync of that folder, the catalogue's log written and synced, and only then
//! the first byte of the answer. kill -9 could not show any of it, for the page cache survives that.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use acre_testkit::ecr::Ecr;
use acre_testkit::http::{Body, Client};
use acre_testkit::image::{Blob, Flavour, Image, Recipe, push_blob, put_manifest};
use acre_testkit::server::{Options, Server, binary};
use serde_json::json;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use trace::{Call, Trace};

#[path = "sync_order/trace.rs"]
mod trace;

const MIB: usize = 1 << 20;
const INLINE: usize = 65_508;
const CALLS: &str = "trace=accept4,write,pwrite64,writev,pwritev,pwritev2,sendto,sendmsg,copy_file_range,ftruncate,\
    fsync,fdatasync,rename,renameat,renameat2,open,openat,mkdir,mkdirat";

#[test]
fn bytes_then_row_then_answer() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let output = folder.path().join("trace");
    let mut server = start_traced(&data, &output);
    let acts = act(&server);
    assert_eq!(server.terminate().unwrap().code(), Some(0), "{}", server.stderr());
    let trace = read_trace(&output, server.id());

    first_start(&trace, &data);
    for (what, port, answer, kind) in &acts {
        let window = trace.exchange(what, *port, answer);
        match kind {
            Kind::File(length) => object_then_row(&window, &data, *length),
            Kind::Row => row_only(&window, &data),
        }
    }
}

/// What must have been written before the answer.
#[derive(Clone, Copy)]
enum Kind {
    /// An object of at least that many bytes, and the catalogue.
    File(usize),
    /// The catalogue alone.
    Row,
}

/// What was done, the client's port (each has its own), the beginning of the answer that counts, what it stands for.
type Act = (&'static str, u16, &'static str, Kind);

const CREATED: &str = "HTTP/1.1 201";
const ACCEPTED: &str = "HTTP/1.1 202";
const OK: &str = "HTTP/1.1 200";

fn act(server: &Server) -> Vec<Act> {
    let mut acts: Vec<Act> = Vec::new();
    let mut ecr = server.ecr().unwrap();
    acts.push(("CreateRepository", port(ecr.client()), OK, Kind::Row));
    ecr.create_repository("order/app").unwrap();

    let token = ecr.authorization_token().unwrap();
    let connect = || Client::new(server.host()).with_header("Authorization", &token);
    let pushes: [(&str, usize, Flavour); 8] = [
        ("an empty layer by POST and PUT", 0, Flavour::PostPut),
        ("a tiny layer by POST and PUT", 100, Flavour::PostPut),
        ("a tiny layer by PATCH", 101, Flavour::PostPatchPut),
        ("the largest inline layer at once", INLINE, Flavour::SinglePost),
        ("the smallest file by POST and PUT", INLINE + 1, Flavour::PostPut),
        ("1 MiB by POST and PUT", MIB, Flavour::PostPut),
        ("1 MiB by PATCH", MIB + 1, Flavour::PostPatchPut),
        ("1 MiB at once", MIB + 2, Flavour::SinglePost),
    ];
    for (what, length, flavour) in pushes {
        let mut client = connect();
        let kind = if length > INLINE { Kind::File(length) } else { Kind::Row };
        acts.push((what, port(&mut client), CREATED, kind));
        push_blob(&mut client, "order/app", &Blob::made(Recipe { seed: length as u64, length }), flavour)
            .unwrap();
    }
    let mut client = connect();
    acts.push(("1 MiB by several PATCH", port(&mut client), CREATED, Kind::File(MIB)));
    let blob = Blob::made(Recipe { seed: 4, length: MIB });
    push_blob(&mut client, "order/app", &blob, Flavour::Chunks(300_000)).unwrap();

    let image = Image::made("order", &[Recipe { seed: 5, length: 10 }]);
    image.push_blobs(&mut connect(), "order/app", Flavour::PostPut).unwrap();
    for (what, tag) in [("a manifest", "one"), ("a second tag", "two")] {
        let mut client = connect();
        acts.push((what, port(&mut client), CREATED, Kind::Row));
        put_manifest(&mut client, "order/app", tag, &image.manifest).unwrap();
    }
    let wide = Image::made("order-wide", &[Recipe { seed: 6, length: 10 }]);
    wide.push_blobs(&mut connect(), "order/app", Flavour::PostPut).unwrap();
    let mut client = connect();
    acts.push(("a large manifest", port(&mut client), CREATED, Kind::File(wide.manifest.bytes.len())));
    put_manifest(&mut client, "order/app", "wide", &wide.manifest).unwrap();
    for (what, reference) in [("untagging", "two".to_owned()), ("deleting", image.digest().to_string())] {
        let mut client = connect();
        acts.push((what, port(&mut client), ACCEPTED, Kind::Row));
        let target = format!("/v2/order/app/manifests/{reference}");
        client.expect(what, 202, ("DELETE", &target), &[], Body::None).unwrap();
    }
    let mut ecr: Ecr = server.ecr().unwrap();
    acts.push(("DeleteRepository", port(ecr.client()), OK, Kind::Row));
    ecr.expect("DeleteRepository", &json!({ "repositoryName": "order/app", "force": true })).unwrap();
    acts
}

fn port(client: &mut Client) -> u16 {
    client.connect().unwrap().port()
}

/// Keys, credentials and folders are on the disk before the server says that it is ready.
fn first_start(trace: &Trace, data: &Path) {
    let start = trace.until_first("HTTP/1.1 200");
    for name in ["root.key", "credentials"] {
        let path = data.join(name);
        let (source, named) = start.naming(&path);
        let written = start.last(&format!("{name} written"), |call| call.writes(&source));
        let synced = start.next(&format!("{name} synced"), written, |call| call.syncs(&source));
        assert!(synced.end < named.begin || source == path, "{name} was renamed before it was synced");
        start.next(&format!("the folder of {name} synced"), named, |call| call.syncs(data));
    }
    let objects = data.join("objects");
    let is_object_folder =
        |call: &Call| call.makes_folder().is_some_and(|path| path.parent() == Some(&objects));
    assert_eq!(start.calls().filter(|call| is_object_folder(call)).count(), 256, "object folders");
    let last = start.last("the last object folder", is_object_folder);
    start.next("objects/ synced", last, |call| call.syncs(&objects));
    for folder in [&objects, &data.join("uploads"), data] {
        let made = start.last("a folder made", |call| call.makes_folder().as_deref() == Some(folder));
        let parent = folder.parent().unwrap();
        start.next(&format!("{} synced", parent.display()), made, |call| call.syncs(parent));
    }
}

fn object_then_row(window: &Trace, data: &Path, length: usize) {
    let objects = data.join("objects");
    let is_object = |path: &PathBuf| path.parent().and_then(Path::parent) == Some(&objects);
    let renamed =
        window.last("a rename into objects/", |call| call.renames().is_some_and(|(_, to)| is_object(&to)));
    let (source, target) = renamed.renames().unwrap();
    assert_eq!(source.parent(), Some(data.join("uploads").as_path()), "{} is no upload", source.display());

    let bytes: usize = window.calls().filter(|call| call.writes(&source)).filter_map(Call::count).sum();
    assert!(bytes >= length, "{bytes} bytes were written for {length}");
    let written = window.last("the upload written", |call| call.writes(&source));
    let synced = window.next("fdatasync of the upload", written, |call| call.syncs(&source));
    assert!(synced.end < renamed.begin, "the object got its name before its bytes were synced");
    let folder = target.parent().unwrap().to_owned();
    let named = window.next("sync of the object's folder", renamed, |call| call.syncs(&folder));
    let row = window.next("the catalogue's log written", named, Call::writes_log);
    log_synced(window, row);
}

fn row_only(window: &Trace, data: &Path) {
    let blobs = [data.join("objects"), data.join("uploads")];
    let in_a_file = window.calls().find(|call| blobs.iter().any(|folder| call.writes_below(folder)));
    assert!(in_a_file.is_none(), "written to a file, not to the catalogue: {in_a_file:?}");
    let row = window.last("the catalogue's log written", Call::writes_log);
    log_synced(window, row);
}

/// After its last write before the answer, the log was synced before the answer.
fn log_synced(window: &Trace, row: &Call) {
    let last = window.last("the catalogue's log written", Call::writes_log);
    assert!(last.begin >= row.begin);
    let log = last.path().unwrap();
    window.next("sync of the catalogue's log", last, |call| call.syncs(&log));
}

fn start_traced(data: &Path, output: &Path) -> Server {
    let found = Command::new("strace").arg("-V").output();
    assert!(found.is_ok_and(|run| run.status.success()), "this test needs strace (apt-get install strace)");
    let mut wrapper: Vec<OsString> =
        ["strace", "-D", "-f", "-ttt", "-yy", "-s", "32", "-e", "signal=none", "-e", CALLS, "-o"]
            .map(OsString::from)
            .to_vec();
    wrapper.push(output.into());
    let options = Options { data: Some(data.into()), wrapper, ..Options::default() };
    Server::start(binary(env!("CARGO_BIN_EXE_acre")), options).unwrap()
}

/// The trace is whole once it tells the end of the process.
fn read_trace(output: &Path, id: u32) -> Trace {
    let end = format!("{id} ");
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let text = String::from_utf8_lossy(&fs::read(output).unwrap()).into_owned();
        if text.lines().any(|line| line.starts_with(&end) && line.contains("+++ exited")) {
            return Trace::parse(&text);
        }
        assert!(Instant::now() < deadline, "strace wrote no end of process {id}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
