//! oras, the Python package: files as artifacts, artifacts of artifacts, tags (`oras/artifacts.py`).

use std::path::Path;

use super::programs::require;
use super::workplace::Workplace;

#[test]
fn artifacts() {
    require(&["python3"]);
    let place = Workplace::open();
    let oras = place.shell("python3 -c 'import oras'");
    assert_eq!(oras.code, Some(0), "python3 has no oras: run .ci/install\n{}", oras.stderr);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/oras");
    // -B: no byte code in the checkout.
    place.shell_in(&folder, "python3 -B -m unittest --buffer artifacts").ok();
}
