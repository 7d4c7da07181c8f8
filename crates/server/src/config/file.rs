//! The configuration file: a flat TOML table whose keys are those of the table of keys.

use super::{ConfigError, Origin, keys};
use keys::Draft;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use toml::de::{DeTable, DeValue};

const LONGEST: u64 = 1 << 20;

/// Reads the file into the draft, or says which line is wrong.
pub(super) fn read(path: &Path, draft: &mut Draft) -> Result<(), ConfigError> {
    let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
    let mut text = String::new();
    let file = File::open(path).map_err(unreadable)?;
    if file.take(LONGEST + 1).read_to_string(&mut text).map_err(unreadable)? as u64 > LONGEST {
        return Err(ConfigError::TooLong(path.to_owned()));
    }
    let origin = |position: usize| Origin::File(path.to_owned(), line(&text, position));
    let table = DeTable::parse(&text).map_err(|error| ConfigError::Syntax {
        origin: origin(error.span().map_or(text.len(), |span| span.start)),
        message: error.message().split_whitespace().collect::<Vec<_>>().join(" "),
    })?;
    // Keys come in alphabetical order; people expect to hear of the first line first.
    let mut entries: Vec<_> = table.get_ref().iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    for (name, value) in entries {
        let key = keys::find(name.get_ref(), || origin(name.span().start))?;
        let origin = || origin(value.span().start);
        match value.get_ref() {
            DeValue::String(text) => key.set(draft, text, origin)?,
            DeValue::Integer(number) if number.radix() == 10 => key.set(draft, number.as_str(), origin)?,
            other => return Err(key.refuse(origin(), "a string or a whole number", other.type_str())),
        }
    }
    Ok(())
}

/// The line of a position, counted from 1.
fn line(text: &str, position: usize) -> usize {
    text.bytes().take(position).filter(|c| *c == b'\n').count() + 1
}
