//! The README's table of operations is the one that dispatches.

use acre_wire::ecr::readme_table;
use std::path::Path;

const START: &str = "<!-- operations:";
const END: &str = "<!-- /operations -->";

#[test]
fn the_table_of_operations_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = std::fs::read_to_string(&path).expect("README.md");
    let start = text.find(START).expect("the marker where the table starts");
    let start = start + text[start..].find('\n').expect("a line behind the marker") + 1;
    let end = text.find(END).expect("the marker where the table ends");
    let table = readme_table();
    if std::env::var_os("ACRE_BLESS").is_some() {
        let new = [&text[..start], &table, &text[end..]].concat();
        std::fs::write(&path, new).expect("README.md is written");
    } else {
        assert_eq!(&text[start..end], table, "run ACRE_BLESS=1 cargo test --test readme");
    }
}
