//! Pages: each row once, in order, also while others write.

use super::conform;

conform! {
    repositories_page_by_page_while_others_are_made
    tags_page_by_page_while_others_are_set
    images_and_pairs_under_every_filter
    a_page_of_pairs_may_end_inside_an_image
    referrers_page_by_page_the_newest_first
    the_first_image_with_a_blob
}

mod on_any_engine {
    use crate::catalogue::images::{self, Filter, NewImage, ReferrerFilter};
    use crate::catalogue::suite::{
        arn, blob, digest, image, image_id, read, registry, registry_in, repository, settings, write,
    };
    use crate::catalogue::{Catalogue, TimeId, repositories};
    use std::sync::mpsc;

    /// Reads pages until an empty one, while another thread writes one row after the other, at least one a page.
    fn list_while_writing(
        page: impl Fn(&str) -> Vec<String>,
        write_one: impl Fn(usize) + Send,
    ) -> Vec<String> {
        let (wrote, written) = mpsc::sync_channel(0);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                for number in 0.. {
                    write_one(number);
                    if wrote.send(()).is_err() {
                        return;
                    }
                }
            });
            let mut names: Vec<String> = Vec::new();
            loop {
                written.recv().unwrap();
                let next = page(names.last().map_or("", String::as_str));
                if next.is_empty() {
                    drop(written);
                    return names;
                }
                names.extend(next);
            }
        })
    }

    fn check(names: &[String], before: impl Iterator<Item = String>) {
        assert!(names.is_sorted_by(|one, next| one.as_bytes() < next.as_bytes()), "in order, none twice");
        let missing: Vec<_> = before.filter(|name| names.binary_search(name).is_err()).collect();
        assert!(missing.is_empty(), "what was there before is listed: {missing:?}");
    }

    pub(super) fn repositories_page_by_page_while_others_are_made(catalogue: &Catalogue) {
        let before = || (0..200).map(|number| format!("app-{:03}", number * 7 % 1000));
        write(catalogue, move |tx| {
            let there = registry_in("us-west-2").repository(arn("app-000").name);
            let (domain, _) = crate::catalogue::suite::domain(tx)?;
            repositories::insert(tx, &there, domain, &settings(), &crate::catalogue::suite::author(1))?;
            for name in before() {
                repository(tx, &name)?;
            }
            let id = repository(tx, "app-deleted")?;
            repositories::delete(tx, &arn("app-deleted"), id, 1, 2)
        });
        let page = |after: &str| {
            let rows = read(catalogue, |tx| repositories::page(tx, &registry(), after, 7));
            rows.into_iter().map(|row| row.name.as_str().to_owned()).collect()
        };
        let write_one = |number: usize| {
            write(catalogue, move |tx| repository(tx, &format!("app-{:03}-{number}", number * 31 % 1000)));
        };
        let names = list_while_writing(page, write_one);
        check(&names, before());
        assert!(!names.contains(&"app-deleted".to_owned()));
    }

    pub(super) fn tags_page_by_page_while_others_are_set(catalogue: &Catalogue) {
        let before = || (0..200).map(|number| format!("v{:03}", number * 7 % 1000));
        let app = write(catalogue, move |tx| {
            let (app, other) = (repository(tx, "app")?, repository(tx, "other")?);
            let id = image(tx, app, "image", image_id(1))?;
            for name in before() {
                images::set_tag(tx, app, &name, id)?;
            }
            let there = image(tx, other, "image", image_id(2))?;
            images::set_tag(tx, other, "v000-elsewhere", there)?;
            Ok(app)
        });
        let page = |after: &str| read(catalogue, |tx| images::tag_page(tx, app, after, 7));
        let write_one = |number: usize| {
            let tag = format!("v{:03}-{number}", number * 31 % 1000);
            write(catalogue, move |tx| images::set_tag(tx, app, &tag, image_id(1)));
        };
        let names = list_while_writing(page, write_one);
        check(&names, before());
        assert!(!names.contains(&"v000-elsewhere".to_owned()));
    }

    const STATUSES: [&str; 3] = ["ACTIVE", "ARCHIVED", "ACTIVATING"];

    /// An image as the listings should see it.
    struct Listed {
        id: TimeId,
        status: &'static str,
        tags: Vec<String>,
    }

    /// 60 live images of every status, each with 0 to 3 tags, deleted ones between them.
    fn fill(catalogue: &Catalogue) -> (i64, Vec<Listed>) {
        write(catalogue, |tx| {
            let (app, other) = (repository(tx, "app")?, repository(tx, "other")?);
            let mut listed = Vec::new();
            for number in 1..=60_u8 {
                let id = image(tx, app, &format!("image {number}"), image_id(u128::from(number)))?;
                image(tx, other, &format!("image {number}"), image_id(u128::from(number) + 1000))?;
                let status = STATUSES[usize::from(number / 4 % 3)];
                tx.execute("UPDATE image SET status = ?2 WHERE id = ?1", rusqlite::params![id, status])?;
                let tags: Vec<_> = (0..number % 4).map(|tag| format!("{tag}-{number}")).collect();
                for tag in &tags {
                    images::set_tag(tx, app, tag, id)?;
                }
                let gone = image(tx, app, &format!("deleted {number}"), TimeId([number; 16]))?;
                tx.execute(
                    "UPDATE image SET id = id, status = ?2 WHERE id = ?1",
                    rusqlite::params![gone, status],
                )?;
                images::delete(tx, app, gone, 1, 2)?;
                listed.push(Listed { id, status, tags });
            }
            Ok((app, listed))
        })
    }

    pub(super) fn images_and_pairs_under_every_filter(catalogue: &Catalogue) {
        let (app, listed) = fill(catalogue);
        for status in [None, Some(STATUSES[0]), Some(STATUSES[1]), Some(STATUSES[2]), Some("OTHER")] {
            for tagged in [None, Some(false), Some(true)] {
                let filter = Filter { tagged, status };
                let shown: Vec<_> = listed
                    .iter()
                    .filter(|image| status.is_none_or(|status| status == image.status))
                    .filter(|image| tagged.is_none_or(|tagged| tagged != image.tags.is_empty()))
                    .collect();
                for limit in [1, 2, 7, 1000] {
                    let expected: Vec<_> = shown.iter().map(|image| image.id).collect();
                    assert_eq!(all_images(catalogue, app, filter, limit), expected, "{filter:?} by {limit}");
                    let pairs = shown.iter().flat_map(|image| match image.tags.as_slice() {
                        [] => vec![(image.id, None)],
                        tags => tags.iter().map(|tag| (image.id, Some(tag.clone()))).collect(),
                    });
                    let expected: Vec<_> = pairs.collect();
                    assert_eq!(all_pairs(catalogue, app, filter, limit), expected, "{filter:?} by {limit}");
                }
            }
        }
    }

    fn all_images(catalogue: &Catalogue, repository: i64, filter: Filter<'_>, limit: u32) -> Vec<TimeId> {
        let mut found = Vec::new();
        loop {
            let after = found.last().copied().unwrap_or(TimeId::FIRST);
            let page = read(catalogue, |tx| images::page(tx, repository, filter, after, limit));
            assert!(page.len() <= limit as usize);
            if page.is_empty() {
                return found;
            }
            found.extend(page.iter().map(|image| image.id));
        }
    }

    fn all_pairs(
        catalogue: &Catalogue,
        repository: i64,
        filter: Filter<'_>,
        limit: u32,
    ) -> Vec<(TimeId, Option<String>)> {
        let mut found: Vec<(TimeId, Option<String>)> = Vec::new();
        loop {
            let last = found.last().cloned().unwrap_or((TimeId::FIRST, None));
            let after = (last.0, last.1.as_deref().unwrap_or(""));
            let page = read(catalogue, |tx| images::pairs(tx, repository, filter, after, limit));
            assert!(page.len() <= limit as usize);
            if page.is_empty() {
                return found;
            }
            found.extend(page.into_iter().map(|pair| (pair.image, pair.tag)));
        }
    }

    pub(super) fn a_page_of_pairs_may_end_inside_an_image(catalogue: &Catalogue) {
        let app = write(catalogue, |tx| {
            let app = repository(tx, "app")?;
            for number in [1, 2] {
                image(tx, app, &format!("image {number}"), image_id(number))?;
            }
            for tag in ["a", "b", "c"] {
                images::set_tag(tx, app, tag, image_id(1))?;
            }
            Ok(app)
        });
        let any = Filter { tagged: None, status: None };
        let page = |after: (TimeId, &str)| -> Vec<_> {
            let pairs = read(catalogue, |tx| images::pairs(tx, app, any, after, 2));
            pairs.into_iter().map(|pair| (pair.image, pair.tag.unwrap_or_default())).collect()
        };
        let pair = |number, tag: &str| (image_id(number), tag.to_owned());
        assert_eq!(page((TimeId::FIRST, "")), [pair(1, "a"), pair(1, "b")]);
        assert_eq!(page((image_id(1), "b")), [pair(1, "c"), pair(2, "")]);
        assert_eq!(page((image_id(2), "")), []);
        // The tag where the page ended is gone, others came.
        write(catalogue, move |tx| {
            images::remove_tag(tx, app, "b")?;
            images::set_tag(tx, app, "bb", image_id(1))
        });
        assert_eq!(page((image_id(1), "b")), [pair(1, "bb"), pair(1, "c")]);
    }
    pub(super) fn referrers_page_by_page_the_newest_first(catalogue: &Catalogue) {
        let types = [None, Some("a"), Some("b")];
        let app = write(catalogue, move |tx| {
            let (app, other) = (repository(tx, "app")?, repository(tx, "other")?);
            for number in 0..60_u8 {
                let manifest = blob(tx, app, "manifest")?;
                let new = |repository, name: &str, subject: &str| {
                    let image = NewImage {
                        id: image_id(u128::from(number) * 4 + name.len() as u128 % 4),
                        repository,
                        digest: &digest(&format!("{name} {number}")),
                        manifest,
                        media_type: "",
                        artifact_type: types[usize::from(number) % 3],
                        subject: Some(&digest(subject)),
                        size: 0,
                        pushed_at: 0,
                        blobs: &[],
                        children: &[],
                    };
                    images::insert(tx, &image)
                };
                new(app, "1", "subject")?;
                new(app, "22", "another")?;
                new(other, "333", "subject")?;
            }
            images::delete(tx, app, image_id(4 * 30 + 1), 1, 2)?;
            Ok(app)
        });
        let list = |filter: ReferrerFilter<'_>| {
            let (mut before, mut found) = (TimeId::LAST, Vec::new());
            loop {
                let page =
                    read(catalogue, |tx| images::referrers(tx, app, &digest("subject"), filter, before, 7));
                let Some(last) = page.last() else { return found };
                before = last.id;
                found.extend(page.into_iter().map(|image| image.digest));
            }
        };
        let expected = |is_wanted: fn(u8) -> bool| -> Vec<_> {
            let numbers = (0..60_u8).rev().filter(|number| *number != 30 && is_wanted(*number));
            numbers.map(|number| digest(&format!("1 {number}"))).collect()
        };
        let of = |artifact_type, status| ReferrerFilter { artifact_type, status };
        assert_eq!(list(of(None, None)), expected(|_| true));
        assert_eq!(list(of(None, Some("ACTIVE"))), expected(|_| true));
        assert_eq!(list(of(Some("a"), Some("ACTIVE"))), expected(|number| number % 3 == 1));
        assert_eq!(list(of(Some("b"), None)), expected(|number| number % 3 == 2));
        assert_eq!(list(of(Some("c"), None)), []);
        assert_eq!(list(of(None, Some("ARCHIVED"))), []);
    }

    pub(super) fn the_first_image_with_a_blob(catalogue: &Catalogue) {
        let (app, layer) = write(catalogue, |tx| {
            let (app, other) = (repository(tx, "app")?, repository(tx, "other")?);
            image(tx, other, "elsewhere", image_id(1))?;
            image(tx, app, "second", image_id(3))?;
            image(tx, app, "first", image_id(2))?;
            Ok((app, blob(tx, app, "layer")?))
        });
        let first = || read(catalogue, |tx| images::first_with(tx, app, layer)).map(|image| image.id);
        assert_eq!(first(), Some(image_id(2)));
        write(catalogue, move |tx| images::delete(tx, app, image_id(2), 1, 2));
        assert_eq!(first(), Some(image_id(3)));
        write(catalogue, move |tx| images::delete(tx, app, image_id(3), 1, 2));
        assert_eq!(first(), None);
    }
}
