//! Migrations: numbered, forward only, one transaction each. `user_version` says which was last.

use crate::durable;
use crate::error::Error;
use rusqlite::{Connection, TransactionBehavior};
use std::path::Path;

const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/0001_floor.sql"),
    include_str!("../../migrations/0002_registry.sql"),
    include_str!("../../migrations/0003_referrers.sql"),
    include_str!("../../migrations/0004_blob_total.sql"),
];

/// Brings the schema up to date, keeping a copy of the catalogue as it was before the first step; a newer one is refused.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), Error> {
    bring_up(connection, path, MIGRATIONS)
}

fn bring_up(connection: &mut Connection, path: &Path, steps: &[&str]) -> Result<(), Error> {
    let known = i64::try_from(steps.len()).unwrap_or(i64::MAX);
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found > known {
        return Err(Error::Newer { found, known });
    }
    if found > 0 && found < known {
        copy(connection, path, found)?;
    }
    for (number, sql) in (1..).zip(steps).filter(|(number, _)| *number > found) {
        let step = connection.transaction_with_behavior(TransactionBehavior::Exclusive)?;
        step.execute_batch(sql)?;
        step.pragma_update(None, "user_version", number)?;
        step.commit()?;
    }
    Ok(())
}

fn copy(connection: &Connection, path: &Path, found: i64) -> Result<(), Error> {
    let copy = path.with_extension(format!("before-{}", found + 1));
    // A copy that an interrupted start left half done is made again.
    let _ = std::fs::remove_file(&copy);
    connection.execute("VACUUM INTO ?1", [copy.to_string_lossy()])?;
    durable::sync_folder(durable::folder_of(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_catalogue_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, Path::new("none")).unwrap();
        migrate(&mut connection, Path::new("none")).unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        let refused = migrate(&mut connection, Path::new("none"));
        assert!(matches!(refused, Err(Error::Newer { found: 99, .. })), "{refused:?}");
    }

    const FIRST: &str = "CREATE TABLE word (text TEXT NOT NULL) STRICT; INSERT INTO word VALUES ('kept')";

    fn version(connection: &Connection) -> i64 {
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
    }

    fn word(connection: &Connection) -> String {
        connection.query_row("SELECT text FROM word", [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn a_copy_is_made_before_a_step_on_an_older_catalogue() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalogue.sqlite");
        let copy = folder.path().join("catalogue.before-2");
        let mut connection = Connection::open(&path).unwrap();
        bring_up(&mut connection, &path, &[FIRST]).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "a first start copies nothing");
        // As an interrupted start leaves it.
        std::fs::write(&copy, b"half a copy").unwrap();
        bring_up(&mut connection, &path, &[FIRST, "UPDATE word SET text = 'changed'"]).unwrap();
        assert_eq!((version(&connection), word(&connection).as_str()), (2, "changed"));
        let copied = Connection::open(&copy).unwrap();
        assert_eq!((version(&copied), word(&copied).as_str()), (1, "kept"));
    }

    #[test]
    fn a_step_that_fails_leaves_the_catalogue_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalogue.sqlite");
        let mut connection = Connection::open(&path).unwrap();
        bring_up(&mut connection, &path, &[FIRST]).unwrap();
        let failing = "UPDATE word SET text = 'half'; INSERT INTO nowhere VALUES (1)";
        assert!(matches!(bring_up(&mut connection, &path, &[FIRST, failing]), Err(Error::Sql(_))));
        assert_eq!((version(&connection), word(&connection).as_str()), (1, "kept"));
        bring_up(&mut connection, &path, &[FIRST, "UPDATE word SET text = 'changed'"]).unwrap();
        assert_eq!((version(&connection), word(&connection).as_str()), (2, "changed"));
    }
}
