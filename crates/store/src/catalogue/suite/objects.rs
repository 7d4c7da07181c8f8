//! Blobs, images and tags: what is written, what is then read, and what the tables refuse.

use super::conform;

conform! {
    blobs_and_who_sees_them
    a_damaged_blob_is_replaced
    totals_follow_what_comes_changes_and_goes
    what_is_referenced_stays
    images_and_their_tags
    images_in_images
    an_image_is_live_once
    pulls_are_added_up
}

mod on_any_engine {
    use crate::catalogue::blobs::NewBlob;
    use crate::catalogue::images::{self, NewImage};
    use crate::catalogue::suite::{
        arn, blob, digest, domain, image, image_id, new_blob, number, read, refuse, repository, write,
    };
    use crate::catalogue::{Catalogue, blobs, keys, repositories};
    use crate::seal::ObjectId;
    use rusqlite::params;

    pub(super) fn totals_follow_what_comes_changes_and_goes(catalogue: &Catalogue) {
        assert_eq!(read(catalogue, blobs::total), (0, 0));
        write(catalogue, |tx| {
            let (domain, version) = domain(tx)?;
            blobs::insert(tx, domain, &new_blob("small", version, true), 5)?;
            let large = new_blob("large", version, false);
            let id = blobs::insert(tx, domain, &large, 5)?;
            assert_eq!(blobs::total(tx)?, (2, 10));
            blobs::mark_damaged(tx, large.object)?;
            // Another object for the same digest; its size is the caller's word.
            let again = NewBlob { size: 7, object: ObjectId::random()?, ..large };
            assert_eq!(blobs::insert(tx, domain, &again, 5)?, id);
            assert_eq!(blobs::total(tx)?, (2, 12));
            tx.execute("DELETE FROM blob WHERE id = ?1", [id])?;
            assert_eq!(blobs::total(tx)?, (1, 5));
            Ok(())
        });
    }

    pub(super) fn blobs_and_who_sees_them(catalogue: &Catalogue) {
        write(catalogue, |tx| {
            let (domain, version) = domain(tx)?;
            let (app, other) = (repository(tx, "app")?, repository(tx, "other")?);
            let (small, large) = (new_blob("small", version, true), new_blob("large", version, false));
            let small_id = blobs::insert(tx, domain, &small, 5)?;
            let large_id = blobs::insert(tx, domain, &large, 5)?;
            assert_eq!(blobs::content(tx, small_id)?, Some(b"small".to_vec()));
            assert_eq!(blobs::content(tx, large_id)?, None);
            for (new, id) in [(&small, small_id), (&large, large_id)] {
                let found = blobs::by_id(tx, id)?.unwrap();
                assert_eq!((found.digest, found.size, found.object), (new.digest, 5, new.object));
                assert_eq!((found.key_version, found.binding.as_slice()), (version, &new.binding[..]));
                assert_eq!((found.inline, found.damaged), (new.inline.is_some(), false));
                assert_eq!(blobs::in_domain(tx, domain, &new.digest)?.unwrap().id, id);
                assert!(blobs::in_domain(tx, domain + 1, &new.digest)?.is_none());
                assert!(blobs::is_named(tx, new.object)?);
                assert!(blobs::repository_blob(tx, app, &new.digest)?.is_none(), "stored is not seen");
            }
            assert!(!blobs::is_named(tx, ObjectId([1; 16]))?);
            assert!(blobs::by_id(tx, 99)?.is_none());
            assert!(blobs::claim(tx, app, &small.digest, small_id)?);
            assert!(!blobs::claim(tx, app, &small.digest, small_id)?);
            assert!(blobs::claim(tx, other, &small.digest, small_id)?);
            assert!(blobs::claim(tx, app, &large.digest, large_id)?);
            assert_eq!(blobs::repository_blob(tx, app, &small.digest)?.unwrap().id, small_id);
            assert!(blobs::repository_blob(tx, other, &large.digest)?.is_none());
            assert!(blobs::visible(tx, app, &[])?.is_empty());
            let mut seen = blobs::visible(tx, app, &[large.digest, digest("nowhere"), small.digest])?;
            seen.sort();
            let mut expected = [(small.digest, small_id, 5), (large.digest, large_id, 5)];
            expected.sort();
            assert_eq!(seen, expected);
            assert_eq!(blobs::visible(tx, other, &[large.digest, small.digest])?.len(), 1);
            let holders = |limit| -> Result<Vec<_>, crate::Error> {
                Ok(blobs::holders(tx, small_id, limit)?.into_iter().map(|(row, _)| row).collect())
            };
            assert_eq!((holders(9)?, holders(1)?), (vec![other, app], vec![other]), "the newest first");
            for (at, expected) in [(4, 5), (6, 6), (5, 6)] {
                blobs::touch(tx, small_id, at)?;
                assert_eq!(number(tx, "SELECT touched_at FROM blob ORDER BY id LIMIT 1")?, expected);
            }
            assert!(blobs::release(tx, other, &small.digest)?);
            assert!(!blobs::release(tx, other, &small.digest)?);
            assert!(blobs::repository_blob(tx, other, &small.digest)?.is_none());
            assert!(blobs::repository_blob(tx, app, &small.digest)?.is_some());
            Ok(())
        });
    }

    pub(super) fn a_damaged_blob_is_replaced(catalogue: &Catalogue) {
        write(catalogue, |tx| {
            let (domain, version) = domain(tx)?;
            let newer = keys::insert_version(tx, domain, b"rotated", 2)?;
            let dead = || number(tx, "SELECT count(*) FROM dead_object");
            let old = new_blob("blob", version, false);
            let id = blobs::insert(tx, domain, &old, 5)?;
            blobs::mark_damaged(tx, ObjectId([1; 16]))?;
            assert!(!blobs::by_id(tx, id)?.unwrap().damaged);
            blobs::mark_damaged(tx, old.object)?;
            assert!(blobs::by_id(tx, id)?.unwrap().damaged);
            // File by file: the old one is left to the collector.
            let second = new_blob("blob", newer, false);
            assert_eq!(blobs::insert(tx, domain, &second, 9)?, id, "references stay");
            let found = blobs::by_id(tx, id)?.unwrap();
            assert_eq!((found.object, found.key_version, found.damaged), (second.object, newer, false));
            assert_eq!(number(tx, "SELECT touched_at FROM blob")?, 9);
            assert_eq!(dead()?, 1);
            let named =
                tx.one("SELECT since FROM dead_object WHERE object = ?1", [old.object.0], |row| row.get(0))?;
            assert_eq!(named, Some(9));
            // A late report about the old object does not hit the new one.
            blobs::mark_damaged(tx, old.object)?;
            assert!(!blobs::by_id(tx, id)?.unwrap().damaged);
            // File by inline, inline by inline, inline by file.
            let third = new_blob("blob", newer, true);
            blobs::insert(tx, domain, &third, 10)?;
            assert_eq!((dead()?, blobs::content(tx, id)?), (2, Some(b"blob".to_vec())));
            let mut fourth = new_blob("blob", newer, true);
            fourth.inline = Some(b"anew".to_vec());
            blobs::insert(tx, domain, &fourth, 11)?;
            assert_eq!((dead()?, blobs::content(tx, id)?), (2, Some(b"anew".to_vec())));
            blobs::insert(tx, domain, &new_blob("blob", newer, false), 12)?;
            assert_eq!((dead()?, blobs::content(tx, id)?), (2, None), "an inline object leaves no file");
            assert!(!blobs::by_id(tx, id)?.unwrap().inline);
            Ok(())
        });
    }

    pub(super) fn what_is_referenced_stays(catalogue: &Catalogue) {
        let (repository, layer, manifest, claimed) = write(catalogue, |tx| {
            let repository = repository(tx, "app")?;
            image(tx, repository, "image", image_id(1))?;
            let (layer, manifest) = (blob(tx, repository, "layer")?, blob(tx, repository, "image")?);
            for name in ["layer", "image"] {
                blobs::release(tx, repository, &digest(name))?;
            }
            tx.execute("DELETE FROM blob_content", [])?;
            let claimed = blob(tx, repository, "claimed")?;
            tx.execute("DELETE FROM blob_content WHERE blob = ?1", [claimed])?;
            blob(tx, repository, "inline")?;
            blobs::release(tx, repository, &digest("inline"))?;
            Ok((repository, layer, manifest, claimed))
        });
        let drop_blob = |id: i64| {
            refuse(catalogue, move |tx| tx.execute("DELETE FROM blob WHERE id = ?1", [id]).map(|_| ()));
        };
        drop_blob(layer);
        drop_blob(manifest);
        drop_blob(claimed);
        let inline = read(catalogue, |tx| {
            let domain = repositories::key_domain(tx, repository)?.unwrap();
            Ok(blobs::in_domain(tx, domain, &digest("inline"))?.unwrap().id)
        });
        drop_blob(inline);
        read(catalogue, |tx| {
            assert!(blobs::is_referenced(tx, repository, layer)?);
            assert!(!blobs::is_referenced(tx, repository + 1, layer)?, "of this repository's images");
            assert!(!blobs::is_referenced(tx, repository, claimed)?);
            Ok(())
        });
        write(catalogue, move |tx| {
            images::delete(tx, repository, image_id(1), 2, 3)?;
            assert!(!blobs::is_referenced(tx, repository, layer)?, "by live images");
            Ok(())
        });
        // It can still come back.
        drop_blob(layer);
        refuse(catalogue, |tx| tx.execute("DELETE FROM key_version", []).map(|_| ()));
        refuse(catalogue, |tx| tx.execute("DELETE FROM repository", []).map(|_| ()));
        refuse(catalogue, |tx| tx.execute("DELETE FROM image", []).map(|_| ()));
    }

    pub(super) fn images_and_their_tags(catalogue: &Catalogue) {
        write(catalogue, |tx| {
            let (app, other) = (repository(tx, "app")?, repository(tx, "other")?);
            let live =
                |repository| number(tx, &format!("SELECT images FROM repository WHERE id = {repository}"));
            let (one, two) = (image(tx, app, "one", image_id(1))?, image(tx, app, "two", image_id(2))?);
            let there = image(tx, other, "one", image_id(3))?;
            assert_eq!((live(app)?, live(other)?), (2, 1));
            let found = images::by_digest(tx, app, &digest("one"))?.unwrap();
            assert_eq!((found.id, found.tags, found.size, found.status.as_str()), (one, 0, 5, "ACTIVE"));
            assert_eq!((found.pulled_at, found.subject, found.artifact_type), (None, None, None));
            assert_eq!(images::by_digest(tx, other, &digest("one"))?.unwrap().id, there);
            assert!(images::by_digest(tx, app, &digest("three"))?.is_none());
            assert_eq!(images::set_tag(tx, app, "latest", one)?, None);
            assert_eq!(images::set_tag(tx, app, "v1", one)?, None);
            assert_eq!(images::set_tag(tx, other, "latest", there)?, None);
            let tags =
                |name: &str| Ok::<_, crate::Error>(images::by_digest(tx, app, &digest(name))?.unwrap().tags);
            assert_eq!((tags("one")?, tags("two")?), (2, 0));
            assert_eq!(images::set_tag(tx, app, "latest", two)?, Some(one), "it moves");
            assert_eq!((tags("one")?, tags("two")?), (1, 1));
            assert_eq!(images::set_tag(tx, app, "latest", two)?, Some(two), "it stays");
            assert_eq!((tags("one")?, tags("two")?), (1, 1));
            assert_eq!(images::by_tag(tx, app, "latest")?.unwrap().id, two);
            assert_eq!(images::by_tag(tx, other, "latest")?.unwrap().id, there);
            assert!(images::by_tag(tx, app, "Latest")?.is_none(), "bytes are compared");
            for name in ["b", "A", "a"] {
                images::set_tag(tx, app, name, two)?;
            }
            assert_eq!(images::tags_of(tx, two)?, ["A", "a", "b", "latest"]);
            assert_eq!(images::remove_tag(tx, app, "a")?, Some(two));
            assert_eq!(images::remove_tag(tx, app, "a")?, None);
            assert_eq!(tags("two")?, 3);
            assert!(images::live(tx, app, &[])?.is_empty());
            let found = images::live(tx, app, &[digest("two"), digest("none")])?;
            assert_eq!(found, [(digest("two"), two, 5)]);
            images::remove_tag(tx, app, "v1")?;
            images::delete(tx, app, one, 10, 20)?;
            images::delete(tx, app, one, 11, 21)?;
            assert_eq!((live(app)?, live(other)?), (1, 1), "deleting twice counts once");
            assert_eq!(number(tx, "SELECT undo_until FROM image WHERE deleted_at IS NOT NULL")?, 20);
            assert!(images::by_digest(tx, app, &digest("one"))?.is_none());
            assert!(images::live(tx, app, &[digest("one")])?.is_empty());
            Ok(())
        });
        refuse(catalogue, |tx| images::set_tag(tx, 1, "latest", image_id(77)).map(|_| ()));
        refuse(catalogue, |tx| images::set_tag(tx, 99, "latest", image_id(2)).map(|_| ()));
    }

    pub(super) fn images_in_images(catalogue: &Catalogue) {
        let app = write(catalogue, |tx| {
            let app = repository(tx, "app")?;
            let child = image(tx, app, "child", image_id(1))?;
            let manifest = blob(tx, app, "index")?;
            let (index, subject) = (digest("index"), digest("subject"));
            images::insert(
                tx,
                &NewImage {
                    id: image_id(2),
                    repository: app,
                    digest: &index,
                    manifest,
                    media_type: "application/vnd.oci.image.index.v1+json",
                    artifact_type: Some("application/example"),
                    subject: Some(&subject),
                    size: 9,
                    pushed_at: 4,
                    blobs: &[],
                    children: &[child],
                },
            )?;
            let found = images::by_digest(tx, app, &index)?.unwrap();
            assert_eq!(
                (found.subject, found.artifact_type.as_deref()),
                (Some(subject), Some("application/example"))
            );
            assert_eq!((found.manifest, found.size, found.pushed_at), (manifest, 9, 4));
            assert_eq!(found.media_type, "application/vnd.oci.image.index.v1+json");
            assert!(images::has_live_parent(tx, child)?);
            assert!(!images::has_live_parent(tx, image_id(2))?);
            images::delete(tx, app, image_id(2), 5, 6)?;
            assert!(!images::has_live_parent(tx, child)?);
            Ok(app)
        });
        refuse(catalogue, move |tx| {
            let manifest = blob(tx, app, "orphan")?;
            let digest = digest("orphan");
            let image = NewImage {
                id: image_id(3),
                repository: app,
                digest: &digest,
                manifest,
                media_type: "",
                artifact_type: None,
                subject: None,
                size: 0,
                pushed_at: 0,
                blobs: &[],
                children: &[image_id(55)],
            };
            images::insert(tx, &image)
        });
        assert!(read(catalogue, |tx| images::by_digest(tx, app, &digest("orphan"))).is_none());
    }

    pub(super) fn an_image_is_live_once(catalogue: &Catalogue) {
        let app = write(catalogue, |tx| {
            let app = repository(tx, "app")?;
            image(tx, app, "image", image_id(1))?;
            Ok(app)
        });
        refuse(catalogue, move |tx| image(tx, app, "image", image_id(2)).map(|_| ()));
        write(catalogue, move |tx| {
            images::delete(tx, app, image_id(1), 1, 2)?;
            image(tx, app, "image", image_id(2))?;
            images::delete(tx, app, image_id(2), 1, 2)?;
            image(tx, app, "image", image_id(3))?;
            assert_eq!(images::by_digest(tx, app, &digest("image"))?.unwrap().id, image_id(3));
            assert_eq!(repositories::find(tx, &arn("app"))?.unwrap().images, 1);
            Ok(())
        });
    }

    pub(super) fn pulls_are_added_up(catalogue: &Catalogue) {
        write(catalogue, |tx| {
            let app = repository(tx, "app")?;
            let id = image(tx, app, "image", image_id(1))?;
            let pulls = |day| {
                let sql = "SELECT pulls FROM pull WHERE image = ?1 AND day = ?2";
                tx.one(sql, params![id, day], |row| row.get::<_, i64>(0))
            };
            let pulled = || {
                Ok::<_, crate::Error>(
                    images::by_digest(tx, app, &digest("image"))?.and_then(|image| image.pulled_at),
                )
            };
            for (day, count, last, pulls_then, pulled_then) in
                [(1, 2, 100, 2, 100), (1, 3, 90, 5, 100), (2, 1, 100, 1, 100), (2, 1, 200, 2, 200)]
            {
                images::count_pulls(tx, id, day, count, last)?;
                assert_eq!(
                    (pulls(day)?, pulled()?),
                    (Some(pulls_then), Some(pulled_then)),
                    "{day} {count} {last}"
                );
            }
            images::count_pulls(tx, image_id(9), 1, 1, 1)?;
            assert_eq!(number(tx, "SELECT count(*) FROM pull")?, 2, "an image without a row is not counted");
            images::delete(tx, app, id, 1, 2)?;
            images::count_pulls(tx, id, 1, 4, 300)?;
            assert_eq!(pulls(1)?, Some(9), "a deleted one is");
            Ok(())
        });
    }
}
