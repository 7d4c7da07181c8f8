//! Why a server does not start: one clear line on stderr, and 1; 2 when the command line is to blame.

use super::process::{command, refusal, run, serve};
use acre_testkit::server::{Options, Server};
use std::fs::{self, OpenOptions};
use std::net::TcpListener;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in {text:?}");
    }
}

/// A server on its own folder.
fn start() -> Server {
    Server::start(super::process::acre(), Options::default()).unwrap()
}

/// A folder that a server has made and left in order.
fn used_folder(place: &Path) -> PathBuf {
    let data = place.join("data");
    let options = Options { data: Some(data.clone()), ..Options::default() };
    let mut server = Server::start(super::process::acre(), options).unwrap();
    server.ecr().unwrap().create_repository("aa").unwrap();
    assert_eq!(server.terminate().unwrap().code(), Some(0));
    data
}

#[test]
fn the_address_is_not_to_be_had() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let data = folder.path().join("data");
    let text = refusal(command(["serve", "--listen", &address, "--data"]).arg(&data));
    says(&text, &[&address, "in use"]);
    let text = refusal(command(["serve", "--listen", "192.0.2.1:0", "--data"]).arg(&data));
    says(&text, &["192.0.2.1:0", "this machine does not have the address"]);
    // Nothing was made, so the next start is the first.
    assert!(!data.exists());
}

#[test]
fn the_folder_is_held_by_another_server() {
    let mut server = start();
    let text = refusal(&mut serve(server.data(), &[]));
    says(&text, &["is in use by another acre", server.data().to_str().unwrap()]);
    // The one that holds it did not notice, and its address still stands.
    assert!(server.is_running());
    let endpoint = fs::read_to_string(server.data().join("endpoint")).unwrap();
    assert_eq!(endpoint.trim(), server.endpoint());
    server.ecr().unwrap().create_repository("aa").unwrap();
    // A killed one holds it no longer.
    server.kill9().unwrap();
    server.restart().unwrap();
}

#[test]
fn the_folder_is_of_a_newer_format() {
    let folder = tempfile::tempdir().unwrap();
    let data = used_folder(folder.path());
    let log = fs::metadata(data.join("catalogue.sqlite-wal")).map_or(0, |log| log.len());
    assert_eq!(log, 0, "an orderly stop leaves nothing in the log");
    let catalogue = OpenOptions::new().write(true).open(data.join("catalogue.sqlite")).unwrap();
    // SQLite's file format: user_version, 4 bytes at offset 60.
    catalogue.write_all_at(&99_u32.to_be_bytes(), 60).unwrap();
    let text = refusal(&mut serve(&data, &[]));
    says(&text, &["format 99", "this acre knows", "start the newer acre"]);
}

#[test]
fn the_root_key_is_missing_or_another() {
    let folder = tempfile::tempdir().unwrap();
    let data = used_folder(folder.path());
    let path = data.join("root.key");
    let key = fs::read(&path).unwrap();
    fs::rename(&path, folder.path().join("kept")).unwrap();
    says(&refusal(&mut serve(&data, &[])), &["root.key is missing", "put it back"]);
    assert!(!path.exists(), "a missing root key is not made anew");
    let elsewhere = tempfile::tempdir().unwrap();
    let other = used_folder(elsewhere.path());
    let others = fs::read(other.join("root.key")).unwrap();
    let longer = [&key[..], b"00"].concat();
    for wrong in [&others[..], b"", b"acre", &key[..key.len() - 5], &longer, &b"a".repeat(100_000)] {
        fs::write(&path, wrong).unwrap();
        says(&refusal(&mut serve(&data, &[])), &["root.key does not hold this data folder's root key"]);
    }
    fs::remove_file(&path).unwrap();
    let kept = folder.path().join("kept");
    let text = refusal(&mut serve(&data, &["--root-key-file", "/nonexistent/root.key"]));
    says(&text, &["/nonexistent/root.key is missing"]);
    let arguments = ["--root-key-file".into(), kept.clone().into()].to_vec();
    let options = Options { data: Some(data), arguments, ..Options::default() };
    let mut server = Server::start(super::process::acre(), options).unwrap();
    assert_eq!(server.terminate().unwrap().code(), Some(0));
}

#[test]
fn the_folder_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    for data in [file.clone(), file.join("below"), folder.path().join("missing/below"), "/proc/acre".into()] {
        let text = refusal(&mut serve(&data, &[]));
        says(&text, &[data.to_str().unwrap()]);
    }
    // What stands in the way inside of it is named.
    for name in ["catalogue.sqlite", "objects", "uploads"] {
        let data = folder.path().join(format!("with-{name}"));
        fs::create_dir(&data).unwrap();
        if name == "catalogue.sqlite" {
            fs::create_dir(data.join(name)).unwrap();
        } else {
            fs::write(data.join(name), "").unwrap();
        }
        let text = refusal(&mut serve(&data, &[]));
        says(&text, &[name.strip_suffix(".sqlite").unwrap_or(name)]);
    }
}

#[test]
fn a_catalogue_that_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let data = used_folder(folder.path());
    fs::write(data.join("catalogue.sqlite"), vec![b'x'; 100_000]).unwrap();
    says(&refusal(&mut serve(&data, &[])), &["catalogue"]);
}

#[test]
fn the_configuration_file_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("acre.toml");
    let shown = path.to_str().unwrap();
    let data = folder.path().join("data");
    for (text, parts) in [
        ("listen = \"127.0.0.1:0\"\nregion = ", &["line 2:"][..]),
        ("# a comment\n\n]", &["line 3:"]),
        ("listen = 'nonsense'", &["line 1:", "listen must be", "nonsense"]),
        ("drain = 5\nlisten = true", &["line 2:", "listen must be"]),
        ("drain = 5\n\nregion = 'us-east-1'\ncolour = 'red'", &["line 4:", "unknown key \"colour\""]),
        ("public_host = 'x'", &["line 1:", "unknown key \"public_host\"", "did you mean public-host?"]),
        ("[server]\ndrain = 5", &["line 1:", "unknown key \"server\""]),
        ("drain = 5\ndrain = 6", &["line 2:", "duplicate key"]),
    ] {
        fs::write(&path, text).unwrap();
        let said = refusal(&mut serve(&data, &["--config", shown]));
        says(&said, parts);
        says(&said, &[shown]);
        says(&refusal(serve(&data, &[]).env("ACRE_CONFIG", &path)), parts);
    }
    fs::write(&path, b"listen = '\xff'").unwrap();
    says(&refusal(&mut serve(&data, &["--config", shown])), &[shown]);
    let missing = folder.path().join("missing.toml");
    says(&refusal(&mut serve(&data, &["--config", missing.to_str().unwrap()])), &["missing.toml"]);
    says(&refusal(serve(&data, &[]).env("ACRE_REGION", "Not A Region")), &["ACRE_REGION", "region must be"]);
    assert!(!data.exists());
}

#[test]
fn tls_files_that_are_none() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (garbage, missing) = (folder.path().join("garbage.pem"), "/nonexistent/cert.pem");
    fs::write(&garbage, "no certificate").unwrap();
    let garbage = garbage.to_str().unwrap();
    let text = refusal(&mut serve(&data, &["--tls-cert", garbage]));
    says(&text, &["tls-cert needs tls-key"]);
    says(&refusal(&mut serve(&data, &["--tls-key", garbage])), &["tls-key needs tls-cert"]);
    let text = refusal(&mut serve(&data, &["--tls-cert", missing, "--tls-key", garbage]));
    says(&text, &[missing]);
    let text = refusal(&mut serve(&data, &["--tls-cert", garbage, "--tls-key", garbage]));
    says(&text, &[garbage, "no certificate"]);
    assert!(!data.exists());
}

#[test]
fn the_command_line_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    for arguments in [
        &[][..],
        &["nonsense"],
        &["serve", "extra"],
        &["serve", "--data", data, "--nonsense"],
        &["serve", "--data", data, "--listen", "nonsense"],
        &["serve", "--data", data, "--listen", "127.0.0.1:0", "--drain", "1h"],
        &["serve", "--data", data, "--listen", "127.0.0.1:0", "--region", "US"],
        &["serve", "--data"],
        &["keys", "turn"],
    ] {
        let output = run(&mut command(arguments));
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
        assert!(!text.is_empty() && output.stdout.is_empty(), "{arguments:?}");
    }
    assert!(!Path::new(data).exists());
}

/// A server that was told all it needs by its environment and its folder.
#[test]
fn without_arguments_the_folder_is_beside() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap().to_string();
    let text = refusal(command(["serve"]).current_dir(folder.path()).env("ACRE_LISTEN", &taken));
    says(&text, &[&taken]);
    drop(listener);
    let mut child =
        command(["serve"]).current_dir(folder.path()).env("ACRE_LISTEN", "127.0.0.1:0").spawn().unwrap();
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    while !folder.path().join("acre-data/endpoint").exists() {
        assert!(child.try_wait().unwrap().is_none() && std::time::Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    for name in ["credentials", "root.key", "catalogue.sqlite", "objects", "uploads"] {
        assert!(folder.path().join("acre-data").join(name).exists(), "{name}");
    }
}
