//! The options of `acre serve` and the server's table of configuration keys are one list, kept in two rooms that do not
//! know each other (DESIGN.md 3).

use acre_server::config::{CONFIG, KEYS};

#[test]
fn every_key_is_a_flag_and_every_flag_a_key() {
    let keys = [&CONFIG].into_iter().chain(KEYS).map(|key| (key.name.to_owned(), key.about.to_owned()));
    assert_eq!(acre_cli::serve_arguments(), keys.collect::<Vec<_>>());
}
