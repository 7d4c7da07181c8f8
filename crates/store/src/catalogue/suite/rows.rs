//! Accounts, keys, repositories, history: what is written, what is then read, and what the tables refuse.

use super::conform;

conform! {
    accounts_and_their_keys
    key_domains_and_versions
    a_repository_and_its_settings
    a_live_name_is_unique_and_a_deleted_one_free
    documents_and_resource_tags
    history_events_and_jobs
}

mod on_any_engine {
    use crate::catalogue::history::{self, Action, Entry};
    use crate::catalogue::repositories::{self, Document};
    use crate::catalogue::suite::{
        arn, author, digest, domain, image_id, number, read, refuse, registry, registry_in, repository,
        settings, write,
    };
    use crate::catalogue::{Catalogue, accounts, keys};

    pub(super) fn accounts_and_their_keys(catalogue: &Catalogue) {
        let (first, second) = write(catalogue, |tx| {
            assert!(accounts::insert(tx, "111122223333", 1)?);
            assert!(!accounts::insert(tx, "111122223333", 2)?, "it is there already");
            assert!(accounts::insert(tx, "444455556666", 2)?);
            let first = accounts::insert_root(tx, "111122223333", "arn:aws:iam::111122223333:root", 1)?;
            let second = accounts::insert_root(tx, "444455556666", "arn:aws:iam::444455556666:root", 2)?;
            accounts::insert_access_key(tx, second, "AKIA1", b"sealed one", 3)?;
            accounts::insert_access_key(tx, first, "AKIA3", b"sealed three", 3)?;
            accounts::insert_access_key(tx, first, "AKIA2", b"sealed two", 3)?;
            Ok((first, second))
        });
        let holders = read(catalogue, accounts::key_holders);
        let found: Vec<_> = holders.iter().map(|key| (key.principal, key.access_key.as_str())).collect();
        assert_eq!(found, [(first, "AKIA2"), (first, "AKIA3"), (second, "AKIA1")]);
        let key = &holders[2];
        assert_eq!(key.sealed_secret, b"sealed one");
        assert_eq!((key.account.as_str(), key.unique_id.as_str()), ("444455556666", "444455556666"));
        assert_eq!(key.arn, "arn:aws:iam::444455556666:root");
        refuse(catalogue, |tx| {
            accounts::insert_root(tx, "777788889999", "arn:aws:iam::777788889999:root", 1).map(|_| ())
        });
        refuse(catalogue, |tx| {
            accounts::insert_root(tx, "111122223333", "arn:aws:iam::111122223333:root", 1).map(|_| ())
        });
        refuse(catalogue, |tx| accounts::insert_access_key(tx, 99, "AKIA9", b"", 1));
        refuse(catalogue, move |tx| accounts::insert_access_key(tx, first, "AKIA1", b"", 1));
        assert_eq!(read(catalogue, accounts::key_holders).len(), 3);
    }

    pub(super) fn key_domains_and_versions(catalogue: &Catalogue) {
        let there = registry_in("us-west-2");
        let arn = "arn:aws:kms:us-west-2:111122223333:key/1234";
        write(catalogue, move |tx| {
            keys::ensure_installation(tx, 1)?;
            keys::ensure_installation(tx, 2)?;
            assert_eq!(keys::domains(tx)?, [keys::INSTALLATION]);
            let plain = keys::ensure_domain(tx, &registry(), "", 1)?;
            assert_eq!(keys::ensure_domain(tx, &registry(), "", 2)?, plain);
            assert_ne!(keys::ensure_domain(tx, &there, "", 2)?, plain, "each registry has its own");
            assert_eq!(keys::kms_key_of_id(tx, &there, "1234")?, None);
            let named = keys::ensure_domain(tx, &there, arn, 3)?;
            assert_eq!(keys::kms_key_of_id(tx, &there, "1234")?.as_deref(), Some(arn));
            assert_eq!(keys::kms_key_of_id(tx, &registry(), "1234")?, None, "a key belongs to its registry");
            let fresh = keys::ensure_default_kms(tx, &there, "arn:aws:kms:us-west-2:111122223333:key/a", 4)?;
            assert!(fresh.ends_with("key/a"));
            assert_eq!(
                keys::ensure_default_kms(tx, &there, "arn:aws:kms:us-west-2:111122223333:key/b", 5)?,
                fresh
            );
            let domain = keys::ensure_domain(tx, &there, &fresh, 6)?;
            assert_eq!(keys::domains(tx)?, [1, plain, plain + 1, named, domain]);
            assert_eq!(keys::newest_version(tx, plain)?, None);
            let first = keys::insert_version(tx, plain, b"one", 1)?;
            let other = keys::insert_version(tx, named, b"two", 1)?;
            assert_eq!(keys::newest_version(tx, plain)?, Some(first));
            let second = keys::insert_version(tx, plain, b"three", 1)?;
            assert_eq!(keys::newest_version(tx, plain)?, Some(second));
            assert_eq!(keys::sealed_version(tx, first)?, Some((plain, b"one".to_vec())));
            assert_eq!(keys::sealed_version(tx, other)?, Some((named, b"two".to_vec())));
            assert_eq!(keys::sealed_version(tx, second + 1)?, None);
            // A version that is gone leaves its id unused: texts that it sealed must not meet another key.
            tx.execute("DELETE FROM key_version WHERE id = ?1", [second])?;
            assert!(keys::insert_version(tx, plain, b"four", 1)? > second);
            Ok(())
        });
        refuse(catalogue, |tx| keys::insert_version(tx, 99, b"", 1).map(|_| ()));
    }

    pub(super) fn a_repository_and_its_settings(catalogue: &Catalogue) {
        let id = write(catalogue, |tx| {
            assert_eq!(repositories::count(tx, &registry())?, 0);
            repository(tx, "team/app")
        });
        let found = read(catalogue, |tx| repositories::find(tx, &arn("team/app"))).unwrap();
        assert_eq!((found.id, found.name.as_str(), found.images, found.created_at), (id, "team/app", 0, 1));
        assert_eq!(found.kms_key, "");
        assert_eq!(found.settings.encryption_type, "AES256");
        assert_eq!(found.settings.exclusion_filters, ["v*", "\"quoted\""]);
        assert!(found.settings.scan_on_push);
        assert!(read(catalogue, |tx| repositories::find(tx, &arn("team/ap"))).is_none());
        assert_eq!(read(catalogue, |tx| repositories::key_domain(tx, id)), Some(found.key_domain));
        write(catalogue, move |tx| {
            repositories::set_tag_mutability(tx, id, "IMMUTABLE", &[])?;
            repositories::set_scan_on_push(tx, id, false)
        });
        let found = read(catalogue, |tx| repositories::find(tx, &arn("team/app"))).unwrap().settings;
        assert_eq!((found.tag_mutability.as_str(), found.scan_on_push), ("IMMUTABLE", false));
        assert!(found.exclusion_filters.is_empty());
    }

    pub(super) fn a_live_name_is_unique_and_a_deleted_one_free(catalogue: &Catalogue) {
        let first = write(catalogue, |tx| repository(tx, "app"));
        refuse(catalogue, |tx| repository(tx, "app").map(|_| ()));
        write(catalogue, |tx| {
            // The same name elsewhere is another repository.
            let there = registry_in("us-west-2").repository(arn("app").name);
            let (domain, _) = domain(tx)?;
            repositories::insert(tx, &there, domain, &settings(), &author(1)).map(|_| ())
        });
        write(catalogue, move |tx| repositories::delete(tx, &arn("app"), first, 10, 20));
        read(catalogue, |tx| {
            assert!(repositories::find(tx, &arn("app"))?.is_none());
            assert_eq!(repositories::key_domain(tx, first)?, None);
            assert!(repositories::page(tx, &registry(), "", 10)?.is_empty());
            assert_eq!(repositories::count(tx, &registry())?, 0);
            Ok(())
        });
        // Two deleted ones of one name do not meet either; deleting twice counts once.
        let second = write(catalogue, |tx| repository(tx, "app"));
        assert!(second > first);
        write(catalogue, move |tx| {
            repositories::delete(tx, &arn("app"), second, 11, 21)?;
            repositories::delete(tx, &arn("app"), second, 12, 22)?;
            assert_eq!(number(tx, "SELECT undo_until FROM repository ORDER BY id DESC LIMIT 1")?, 21);
            assert_eq!(repositories::count(tx, &registry())?, 0);
            assert_eq!(repositories::count(tx, &registry_in("us-west-2"))?, 1);
            // An id is not given again, even when its row is gone: uploads may still name it.
            tx.execute("DELETE FROM repository WHERE id = ?1", [second])?;
            assert!(repository(tx, "app")? > second);
            assert_eq!(repositories::count(tx, &registry())?, 1);
            Ok(())
        });
    }

    pub(super) fn documents_and_resource_tags(catalogue: &Catalogue) {
        write(catalogue, |tx| {
            let id = repository(tx, "app")?;
            let other = repository(tx, "other")?;
            for document in [Document::Policy, Document::LifecyclePolicy] {
                assert_eq!(repositories::document(tx, id, document)?, None);
                repositories::set_document(tx, id, document, Some(b"sealed"))?;
                assert_eq!(repositories::document(tx, id, document)?, Some((b"sealed".to_vec(), 0)));
                assert_eq!(repositories::document(tx, other, document)?, None);
            }
            tx.execute("UPDATE repository SET lifecycle_evaluated_at = 7", [])?;
            assert_eq!(
                repositories::document(tx, id, Document::LifecyclePolicy)?,
                Some((b"sealed".to_vec(), 7))
            );
            repositories::set_document(tx, id, Document::LifecyclePolicy, Some(b"newer"))?;
            assert_eq!(
                repositories::document(tx, id, Document::LifecyclePolicy)?,
                Some((b"newer".to_vec(), 0))
            );
            repositories::set_document(tx, id, Document::Policy, None)?;
            assert_eq!(repositories::document(tx, id, Document::Policy)?, None);
            for (key, value) in [("b", "1"), ("a", "2"), ("B", "3"), ("b", "4"), ("é", "")] {
                repositories::set_resource_tag(tx, id, key, value)?;
            }
            let tags = repositories::resource_tags(tx, id)?;
            let tags: Vec<_> = tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
            assert_eq!(tags, [("B", "3"), ("a", "2"), ("b", "4"), ("é", "")], "by bytes, the last value");
            repositories::remove_resource_tag(tx, id, "b")?;
            repositories::remove_resource_tag(tx, id, "b")?;
            assert_eq!(repositories::resource_tags(tx, id)?.len(), 3);
            assert!(repositories::resource_tags(tx, other)?.is_empty());
            Ok(())
        });
        refuse(catalogue, |tx| repositories::set_resource_tag(tx, 99, "key", "value"));
    }

    pub(super) fn history_events_and_jobs(catalogue: &Catalogue) {
        const ACTIONS: [(Action, &str); 7] = [
            (Action::CreateRepository, "create-repository"),
            (Action::DeleteRepository, "delete-repository"),
            (Action::PushImage, "push-image"),
            (Action::SetTag, "set-tag"),
            (Action::RemoveTag, "remove-tag"),
            (Action::DeleteImage, "delete-image"),
            (Action::DeleteBlob, "delete-blob"),
        ];
        let app = write(catalogue, |tx| {
            let app = repository(tx, "app")?;
            let author = author(42);
            for (action, _) in ACTIONS {
                history::insert(tx, &author, Entry::of(app, action))?;
            }
            let digest = digest("image");
            let entry = Entry {
                digest: Some(&digest),
                tag: Some("latest"),
                image: Some(image_id(1)),
                previous: Some(image_id(2)),
                ..Entry::of(app, Action::SetTag)
            };
            history::insert(tx, &author, entry)?;
            history::insert_event(tx, &author, &registry(), "ECR Image Action", "{}")?;
            history::insert_job(tx, &author, "scan", Some(app), "{}", 50)?;
            history::insert_job(tx, &author, "collect", None, "{}", 51)?;
            Ok(app)
        });
        read(catalogue, |tx| {
            let actions =
                tx.many("SELECT action FROM history ORDER BY id", [], |row| row.get::<_, String>(0))?;
            let expected: Vec<_> = ACTIONS.iter().map(|(_, name)| *name).chain(["set-tag"]).collect();
            assert_eq!(actions, expected, "ids are in the order of writing");
            let sql = "SELECT at, principal || request, digest, tag, image, previous FROM history
                WHERE repository = ?1 AND tag = 'latest'";
            let row = tx.one(sql, [app], |row| {
                let moved: (Vec<u8>, String) = (row.get(2)?, row.get(3)?);
                Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, moved, (row.get(4)?, row.get(5)?)))
            })?;
            let (at, by, moved, ids) = row.unwrap();
            assert_eq!((at, by.as_str()), (42, "arn:aws:iam::111122223333:rootrequest"));
            assert_eq!(moved, (digest("image").to_bytes(), "latest".into()));
            assert_eq!(ids, (image_id(1), image_id(2)));
            let sql = "SELECT count(*) FROM event WHERE at = 42 AND account = '111122223333' AND region = 'eu-central-1'
                AND detail_type = 'ECR Image Action' AND detail = '{}'";
            assert_eq!(number(tx, sql)?, 1);
            assert_eq!(
                number(
                    tx,
                    "SELECT count(*) FROM job WHERE kind = 'scan' AND repository = 1 AND run_at = 50"
                )?,
                1
            );
            assert_eq!(
                number(
                    tx,
                    "SELECT count(*) FROM job WHERE repository IS NULL AND run_at = 51 AND attempts = 0"
                )?,
                1
            );
            Ok(())
        });
        refuse(catalogue, |tx| history::insert(tx, &author(1), Entry::of(99, Action::PushImage)));
        refuse(catalogue, |tx| history::insert_job(tx, &author(1), "scan", Some(99), "{}", 1));
    }
}
