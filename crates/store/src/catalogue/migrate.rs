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
    use crate::catalogue::images::{self, ReferrerFilter};
    use crate::catalogue::suite::{digest, image_id};
    use crate::catalogue::{TimeId, Tx, blobs};
    use rusqlite::params;
    use std::sync::atomic::AtomicU64;

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

    /// Three objects of 2, 30 and 400 bytes in the repository 1; the first two are the manifests of images whose subject
    /// is the third, each of a type of its own. In the words of the first schema, not of today's functions.
    fn populate(connection: &Connection) {
        let registry = "INSERT INTO account VALUES ('111122223333', 1);
            INSERT INTO key_domain VALUES (1, '111122223333', 'eu-central-1', '', 0, 1);
            INSERT INTO key_version VALUES (1, 1, x'00', 1);
            INSERT INTO registry VALUES ('111122223333', 'eu-central-1', 1);
            INSERT INTO repository (id, account, region, name, key_domain, encryption_type, tag_mutability,
                exclusion_filters, scan_on_push, images, created_at)
            VALUES (1, '111122223333', 'eu-central-1', 'app', 1, 'AES256', 'MUTABLE', '[]', 0, 2, 1);";
        connection.execute_batch(registry).unwrap();
        let blob = "INSERT INTO blob (id, key_domain, digest, size, object, key_version, binding, inline, touched_at)
            VALUES (?1, 1, ?2, ?3, ?4, 1, x'07', 0, 1)";
        let image = "INSERT INTO image (id, repository, digest, manifest, media_type, artifact_type, subject, size, pushed_at)
            VALUES (?1, 1, ?2, ?3, 'application/vnd.oci.image.manifest.v1+json', ?4, ?5, 1, 1)";
        for (id, name, size) in [(1_u8, "one", 2), (2, "two", 30), (3, "subject", 400)] {
            let named = digest(name).to_bytes();
            connection.execute(blob, params![id, named, size, [id; 16]]).unwrap();
            connection.execute("INSERT INTO repository_blob VALUES (1, ?1, ?2)", params![named, id]).unwrap();
        }
        for (id, name) in [(1_u8, "one"), (2, "two")] {
            let (subject, own) = (digest("subject").to_bytes(), digest(name).to_bytes());
            let values = params![image_id(id.into()), own, id, format!("type/{name}"), subject];
            connection.execute(image, values).unwrap();
        }
    }

    #[test]
    fn a_populated_catalogue_of_each_older_version_is_brought_up() {
        for older in 1..MIGRATIONS.len() {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("catalogue.sqlite");
            let mut connection = Connection::open(&path).unwrap();
            bring_up(&mut connection, &path, &MIGRATIONS[..older]).unwrap();
            populate(&connection);
            migrate(&mut connection, &path).unwrap();
            assert_eq!(version(&connection), i64::try_from(MIGRATIONS.len()).unwrap());
            let problems = "SELECT (SELECT count(*) FROM pragma_foreign_key_check)
                + (SELECT integrity_check <> 'ok' FROM pragma_integrity_check)";
            assert_eq!(connection.query_row(problems, [], |row| row.get::<_, u32>(0)).unwrap(), 0);

            let statements = AtomicU64::new(0);
            let tx = Tx::new(&connection, &statements);
            assert_eq!(blobs::total(&tx).unwrap(), (3, 432), "from version {older}");
            let subject = digest("subject");
            let found = |artifact_type| {
                let filter = ReferrerFilter { artifact_type, status: None };
                let found = images::referrers(&tx, 1, &subject, filter, TimeId::LAST, 10).unwrap();
                found.into_iter().map(|image| image.digest).collect::<Vec<_>>()
            };
            assert_eq!(found(None), [digest("two"), digest("one")]);
            // By the index that the newer schema has.
            assert_eq!(found(Some("type/one")), [digest("one")]);
            assert_eq!(found(Some("type/none")), []);

            // What comes and goes from now on is counted on top of what was there.
            tx.execute("INSERT INTO blob SELECT 4, 1, x'00', 5000, x'04', 1, x'07', 0, 0, 1", []).unwrap();
            assert_eq!(blobs::total(&tx).unwrap(), (4, 5432));
            tx.execute("DELETE FROM blob WHERE id = 4", []).unwrap();
            assert_eq!(blobs::total(&tx).unwrap(), (3, 432));
            tx.execute("DELETE FROM blob_total", []).unwrap();
            assert!(blobs::total(&tx).is_err(), "no row is no total, least of all 0");
        }
    }
}
