//! The data folder as a thief or a failing disk sees it.

use acre_testkit::http::Client;
use acre_testkit::server::{Options, Server, binary};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A server with the repository `aa`, and a client of its root.
pub(crate) fn start() -> (Server, Client) {
    let server = Server::start(binary(env!("CARGO_BIN_EXE_acre")), Options::default()).unwrap();
    let mut ecr = server.ecr().unwrap();
    ecr.create_repository("aa").unwrap();
    let client = ecr.data_plane().unwrap();
    (server, client)
}

/// Every file below a folder.
pub(crate) fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for item in fs::read_dir(folder).unwrap() {
        let path = item.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path);
        }
    }
    found
}

/// The files of the objects.
pub(crate) fn objects(server: &Server) -> BTreeSet<PathBuf> {
    files(&server.data().join("objects"))
}

/// Whether these bytes stand in those.
pub(crate) fn holds(bytes: &[u8], sought: &[u8]) -> bool {
    assert!(sought.len() >= 12, "too short to mean anything");
    let first = sought[0];
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| *byte == first) {
        if rest[at..].starts_with(sought) {
            return true;
        }
        rest = &rest[at + 1..];
    }
    false
}

/// Changes one bit of a file.
pub(crate) fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}
