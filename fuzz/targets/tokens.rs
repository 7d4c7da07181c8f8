//! Sealed texts that strangers bring back: tokens, page tokens, links. Only what was sealed opens, and only for what it
//! was sealed for.
//!
//! The input: a letter for the kind, where and how a byte is changed, then the text.

#![no_main]

use acre_store::Store;
use acre_store::keys::Purpose;
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use tempfile::TempDir;

const DAY: i64 = 86_400_000_000;
const NOW: i64 = 20_000 * DAY;

static WORLD: LazyLock<(Store, TempDir)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path(), &folder.path().join("root.key"), NOW, 7 * DAY).expect("a store");
    (store, folder)
});

fuzz_target!(|data: &[u8]| {
    let &[kind, at, with, ref text @ ..] = data else { return };
    let store = &WORLD.0;
    let (purpose, other) = match kind % 3 {
        0 => (Purpose::Token, Purpose::Page),
        1 => (Purpose::Page, Purpose::Layer),
        _ => (Purpose::Layer, Purpose::Token),
    };
    assert!(store.unseal(purpose, b"", text).is_err());

    let context = &text[..text.len().min(usize::from(at))];
    let mut sealed = store.seal(purpose, NOW, context, text).expect("a seal");
    assert_eq!(store.unseal(purpose, context, &sealed).expect("it is whole"), text);
    assert!(store.unseal(other, context, &sealed).is_err());
    assert!(store.unseal(purpose, &[context, b"x"].concat(), &sealed).is_err());
    assert!(store.unseal(purpose, context, &sealed[..sealed.len() - 1]).is_err());
    let place = usize::from(at) % sealed.len();
    sealed[place] ^= with.max(1);
    assert!(store.unseal(purpose, context, &sealed).is_err());
});
