use super::{Error, Purpose, Store, day};
use crate::catalogue::keys;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

fn open(data: &Path) -> Result<Store, Error> {
    Store::open(data, &data.join("root.key"), 1, 1)
}

#[test]
fn a_folder_is_for_one_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let store = open(&data).unwrap();
    assert_eq!(store.data(), data);
    assert!(Store::is_locked(&data).unwrap());
    let second = open(&data);
    assert!(matches!(&second, Err(Error::Locked(path)) if *path == data), "{second:?}");
    drop(store);
    assert!(!Store::is_locked(&data).unwrap());
    open(&data).unwrap();
    let nowhere = open(&folder.path().join("no/where"));
    assert!(matches!(nowhere, Err(Error::Io { .. })), "{nowhere:?}");
}

#[test]
fn asking_who_has_the_folder_is_in_nobodys_way() {
    let folder = tempfile::tempdir().unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::SeqCst) {
                Store::is_locked(folder.path()).unwrap();
            }
        });
        for _ in 0..20 {
            let opened = open(folder.path());
            stop.fetch_or(opened.is_err(), Ordering::SeqCst);
            opened.unwrap();
        }
        stop.store(true, Ordering::SeqCst);
    });
    // Two who ask at the same time do not take each other for the one who has it.
    let (_, asking) = super::lock_file(folder.path()).unwrap();
    asking.try_lock_shared().unwrap();
    assert!(!Store::is_locked(folder.path()).unwrap());
}

#[test]
fn a_file_written_anew_is_what_it_was() {
    let folder = tempfile::tempdir().unwrap();
    for length in [0, 1, 1 << 20, (5 << 19) + 3] {
        let path = folder.path().join(length.to_string());
        let bytes: Vec<u8> = (0..=250).cycle().take(length).collect();
        fs::write(&path, &bytes).unwrap();
        let file = fs::File::options().read(true).write(true).open(&path).unwrap();
        super::durable::write_anew(&file).unwrap();
        assert!(fs::read(&path).unwrap() == bytes, "{length}");
    }
}

#[test]
fn a_first_start_may_have_ended_anywhere() {
    for made in [&["lock"][..], &["lock", "catalogue.sqlite"], &["lock", "root.new"], &["lock", "uploads"]] {
        let folder = tempfile::tempdir().unwrap();
        for name in made {
            if *name == "uploads" {
                fs::create_dir(folder.path().join(name)).unwrap();
            } else {
                fs::write(folder.path().join(name), b"").unwrap();
            }
        }
        let sealed = open(folder.path()).unwrap().seal(Purpose::Token, 1, b"", b"text").unwrap();
        assert_eq!(
            open(folder.path()).unwrap().unseal(Purpose::Token, b"", &sealed).unwrap(),
            b"text",
            "{made:?}"
        );
    }
}

#[test]
fn nothing_opens_without_its_root_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("root.key");
    drop(open(folder.path()).unwrap());
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    fs::remove_file(&path).unwrap();
    assert!(matches!(open(folder.path()), Err(Error::NoRootKey(at)) if at == path));
    assert!(!path.exists(), "no other is made in its place");
    let digit = if text.trim_end().ends_with('0') { "1" } else { "0" };
    let other = format!("{}{digit}\n", &text[..text.len() - 2]);
    for wrong in
        [other.as_str(), "", "acre-root-key-1 ", "acre-root-key-1 0é", "acre-root-key-2 00", &text[..40]]
    {
        fs::write(&path, wrong).unwrap();
        let refused = open(folder.path());
        assert!(matches!(&refused, Err(Error::WrongRootKey(at)) if *at == path), "{wrong}: {refused:?}");
    }
    fs::write(&path, text.trim_end()).unwrap();
    open(folder.path()).unwrap();
}

#[test]
fn a_sealed_text_opens_for_its_purpose_and_context_only() {
    const DAY: i64 = 86_400_000_000;
    let purposes = [Purpose::Token, Purpose::Page, Purpose::Secret, Purpose::Document, Purpose::Upload];
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let mut texts = Vec::new();
    for purpose in purposes {
        let sealed = store.seal(purpose, 20 * DAY, b"context", b"text").unwrap();
        assert!(!sealed.windows(4).any(|part| part == b"text"));
        for other in purposes.into_iter().filter(|other| *other != purpose) {
            assert!(matches!(store.unseal(other, b"context", &sealed), Err(Error::Damaged(_))));
        }
        assert!(matches!(store.unseal(purpose, b"contex", &sealed), Err(Error::Damaged(_))));
        for at in 0..sealed.len() {
            // Version, day, nonce, text, tag.
            let mut other = sealed.clone();
            other[at] ^= 1;
            assert!(matches!(store.unseal(purpose, b"context", &other), Err(Error::Damaged(_))), "{at}");
            assert!(
                matches!(store.unseal(purpose, b"context", &sealed[..at]), Err(Error::Damaged(_))),
                "{at}"
            );
        }
        texts.push((purpose, sealed));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert_eq!(runtime.block_on(store.rotate_keys(2)).unwrap(), 1, "the installation's domain");
    let newest = store.catalogue.read(|tx| keys::newest_version(tx, keys::INSTALLATION)).unwrap();
    assert_eq!(newest, Some(2));
    assert_eq!(store.seal(Purpose::Token, 20 * DAY, b"", b"").unwrap()[..8], [0, 0, 0, 2, 0, 0, 0, 20]);
    drop(store);
    let store = open(folder.path()).unwrap();
    for (purpose, sealed) in texts {
        assert_eq!(store.unseal(purpose, b"context", &sealed).unwrap(), b"text");
    }
}

#[test]
fn a_file_is_replaced_whole() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    for text in ["a longer text", "short"] {
        store.write_file("endpoint", text.as_bytes()).unwrap();
        let path = folder.path().join("endpoint");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert!(!folder.path().join("endpoint.new").exists());
    assert_eq!([day(-1), day(0), day(86_400_000_000)], [0, 0, 1]);
}
