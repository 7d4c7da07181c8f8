//! What lies in `uploads/`: heads and segments, sealed by us and then changed, or never sealed at all. An upload is taken
//! up with exactly the bytes that its seals vouch for, or it does not exist.
//!
//! The input: a letter for the kind of head, a letter for the kind of data, where and how a byte is changed, then the head's
//! text, a newline, and the data's.

#![no_main]

use acre_store::Store;
use acre_store::blobs::{Owner, UploadError};
use acre_store::keys::Purpose;
use acre_store::seal::{OVERHEAD, ObjectId, SEGMENT_PLAIN};
use libfuzzer_sys::fuzz_target;
use std::fs;
use std::sync::LazyLock;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use uuid::Uuid;

const DAY: i64 = 86_400_000_000;
const NOW: i64 = 20_000 * DAY;
const OWNER: Owner = Owner { principal: 1, repository: 1 };
const NONCE: usize = 12;

struct World {
    store: Store,
    folder: TempDir,
    runtime: Runtime,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path(), &folder.path().join("root.key"), NOW, 7 * DAY).expect("a store");
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    World { store, folder, runtime }
});

fuzz_target!(|data: &[u8]| {
    let &[head_kind, data_kind, at, with, ref rest @ ..] = data else { return };
    let mut halves = rest.splitn(2, |c| *c == b'\n');
    let (head, plain) = (halves.next().unwrap_or_default(), halves.next().unwrap_or_default());
    let plain = &plain[..plain.len().min(SEGMENT_PLAIN)];
    let world = &*WORLD;
    let id = Uuid::from_u128(0x0123_4567_89ab_4def_8123_4567_89ab_cdef);
    let object = ObjectId([7; 16]);
    let change = |bytes: &mut Vec<u8>| {
        let place = usize::from(at) % bytes.len().max(1);
        if let Some(byte) = bytes.get_mut(place) {
            *byte ^= with.max(1);
        }
    };

    let ours = format!(
        r#"{{"owner":{{"principal":1,"repository":1}},"account":"111122223333","region":"eu-central-1","object":"{object}","key_domain":1,"key_version":1,"algorithm":"sha256","started_at":{NOW}}}"#
    );
    let text = if head_kind == b'o' || head_kind == b'c' { ours.as_bytes() } else { head };
    let mut sealed = world.store.seal(Purpose::Upload, NOW, id.as_bytes(), text).expect("a seal");
    match head_kind {
        b'c' => change(&mut sealed),
        b'r' => sealed = head.to_vec(),
        _ => {}
    }

    let mut segment = vec![0; plain.len() + OVERHEAD];
    segment[NONCE..NONCE + plain.len()].copy_from_slice(plain);
    let version = world.store.catalogue.read(|tx| world.store.keys.version(tx, 1)).expect("a key");
    version
        .object(object)
        .and_then(|key| key.seal(0, &mut segment).map_err(|_| acre_store::seal::Damaged))
        .expect("a seal");
    let whole = segment.clone();
    match data_kind {
        b'c' => change(&mut segment),
        b's' => segment.truncate(usize::from(at)),
        b'r' => segment = plain.to_vec(),
        _ => {}
    }

    let uploads = world.folder.path().join("uploads");
    let path = uploads.join(id.to_string());
    fs::write(path.with_extension("head"), &sealed).expect("a file");
    fs::write(&path, &segment).expect("a file");
    let status = world.runtime.block_on(world.store.upload_status(id, OWNER, NOW));
    let is_ours = head_kind == b'o';
    let is_whole = segment == whole;
    match status {
        Ok(length) => {
            assert!(head_kind != b'c' && head_kind != b'r', "a head that was changed");
            // An object that the head's text names otherwise has another key.
            assert!(length == 0 || (is_whole && length == plain.len() as u64), "{length}");
        }
        Err(UploadError::Unknown) => assert!(!is_ours),
        // A head that names a key which is not there: sealed by us, so a fault of ours, and not a stranger's.
        Err(UploadError::Store(_)) => assert!(head_kind != b'c' && head_kind != b'r' && !is_ours),
        Err(error) => panic!("{error}"),
    }
    if is_ours && is_whole {
        assert_eq!(
            world.runtime.block_on(world.store.upload_status(id, OWNER, NOW)).ok(),
            Some(plain.len() as u64)
        );
    }
    let _ = world.runtime.block_on(world.store.abort_upload(id, OWNER, NOW));
    for entry in fs::read_dir(&uploads).expect("a folder").flatten() {
        fs::remove_file(entry.path()).expect("a file");
    }
});
