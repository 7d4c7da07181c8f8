//! Every statement of the catalogue, prepared against the schema, and what `SQLite` makes of it: an index for each, no
//! sorting, no table read whole.

use super::registry::on_any_engine::{cache_rule, template};
use super::{arn, author, digest, domain, image, image_id, new_blob, registry, repository, settings};
use crate::catalogue::history::{Action, Entry};
use crate::catalogue::images::{Filter, NewImage, ReferrerFilter};
use crate::catalogue::repositories::Document;
use crate::catalogue::{
    TimeId, Tx, account_settings, accounts, blobs, cache_rules, history, images, keys, migrate,
    registry_policies, replication, repositories, scanning, templates,
};
use crate::error::Error;
use rusqlite::Connection;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::AtomicU64;

thread_local! {
    static SEEN: RefCell<BTreeSet<String>> = const { RefCell::new(BTreeSet::new()) };
}

/// Called by [`Tx`] for each statement that it prepares.
pub(crate) fn note(sql: &str) {
    SEEN.with_borrow_mut(|seen| seen.insert(sql.to_owned()));
}

/// Calls each function of the catalogue, and nothing else, each branch that has a statement of its own.
fn call_all(tx: &Tx<'_>) -> Result<(), Error> {
    accounts::insert(tx, "111122223333", 1)?;
    let root = accounts::insert_root(tx, "111122223333", "arn:aws:iam::111122223333:root", 1)?;
    accounts::insert_access_key(tx, root, "AKIA1", b"", 1)?;
    accounts::key_holders(tx)?;

    keys::ensure_installation(tx, 1)?;
    let domain_id = keys::ensure_domain(tx, &registry(), "", 1)?;
    keys::insert_version(tx, domain_id, b"", 1)?;
    keys::ensure_default_kms(tx, &registry(), "arn", 1)?;
    keys::kms_key_of_id(tx, &registry(), "id")?;
    keys::domains(tx)?;
    keys::newest_version(tx, domain_id)?;
    let (domain, version) = domain(tx)?;
    keys::sealed_version(tx, version)?;

    let app = repository(tx, "app")?;
    repositories::find(tx, &arn("app"))?;
    repositories::key_domain(tx, app)?;
    repositories::page(tx, &registry(), "", 10)?;
    repositories::count(tx, &registry())?;
    repositories::set_tag_mutability(tx, app, "MUTABLE", &[])?;
    repositories::set_scan_on_push(tx, app, true)?;
    for document in [Document::Policy, Document::LifecyclePolicy] {
        repositories::set_document(tx, app, document, None)?;
        repositories::document(tx, app, document)?;
    }
    repositories::set_resource_tag(tx, app, "key", "value")?;
    repositories::resource_tags(tx, app)?;
    repositories::remove_resource_tag(tx, app, "key")?;
    let gone = repositories::insert(tx, &arn("gone"), domain, &settings(), &author(1))?;
    repositories::delete(tx, &arn("gone"), gone, 1, 2)?;

    let new = new_blob("blob", version, false);
    let blob = blobs::insert(tx, domain, &new, 1)?;
    blobs::mark_damaged(tx, new.object)?;
    blobs::insert(tx, domain, &new_blob("blob", version, true), 1)?;
    blobs::in_domain(tx, domain, &new.digest)?;
    blobs::by_id(tx, blob)?;
    blobs::is_named(tx, new.object)?;
    blobs::content(tx, blob)?;
    blobs::total(tx)?;
    blobs::touch(tx, blob, 2)?;
    blobs::claim(tx, app, &new.digest, blob)?;
    blobs::repository_blob(tx, app, &new.digest)?;
    blobs::visible(tx, app, &[new.digest])?;
    blobs::holders(tx, blob, 10)?;
    blobs::is_referenced(tx, app, blob)?;

    let child = image(tx, app, "image", image_id(1))?;
    let parent = NewImage {
        id: image_id(2),
        repository: app,
        digest: &digest("parent"),
        manifest: blob,
        media_type: "",
        artifact_type: None,
        subject: None,
        size: 0,
        pushed_at: 0,
        blobs: &[blob],
        children: &[child],
    };
    images::insert(tx, &parent)?;
    images::by_digest(tx, app, &digest("image"))?;
    images::set_tag(tx, app, "tag", child)?;
    images::by_tag(tx, app, "tag")?;
    for filter in filters() {
        images::page(tx, app, filter, TimeId::FIRST, 10)?;
        images::pairs(tx, app, filter, (TimeId::FIRST, ""), 10)?;
    }
    for artifact_type in [None, Some("type")] {
        let filter = ReferrerFilter { artifact_type, status: Some("ACTIVE") };
        images::referrers(tx, app, &digest("subject"), filter, TimeId::LAST, 10)?;
    }
    images::first_with(tx, app, blob)?;
    images::tags_of(tx, child)?;
    images::tag_page(tx, app, "", 10)?;
    images::live(tx, app, &[digest("image")])?;
    images::has_live_parent(tx, child)?;
    images::count_pulls(tx, child, 1, 1, 1)?;
    images::count_pulls(tx, child, 1, 1, 1)?;
    images::remove_tag(tx, app, "tag")?;
    images::delete(tx, app, child, 1, 2)?;
    blobs::release(tx, app, &new.digest)?;
    call_of_registries(tx)?;
    history::insert(tx, &author(1), Entry::of(app, Action::SetTag))?;
    history::insert_event(tx, &author(1), &registry(), "", "{}")?;
    history::insert_job(tx, &author(1), "kind", Some(app), "{}", 1)
}

fn call_of_registries(tx: &Tx<'_>) -> Result<(), Error> {
    let here = registry();
    account_settings::set(tx, &here, "name", "value")?;
    account_settings::value(tx, &here, "name")?;
    registry_policies::set(tx, &here, b"")?;
    registry_policies::policy(tx, &here)?;
    registry_policies::remove(tx, &here)?;
    let rule = scanning::Rule { frequency: String::new(), filters: Vec::new() };
    scanning::set(tx, &here, "BASIC", &[rule])?;
    scanning::configuration(tx, &here)?;
    let rule = replication::Rule { destinations: vec![registry()], filters: None, delete_replication: None };
    replication::set(tx, &here, &[rule])?;
    replication::rules(tx, &here)?;
    cache_rules::set(tx, &here, &cache_rule("team", 1))?;
    cache_rules::find(tx, &here, "team")?;
    cache_rules::all(tx, &here)?;
    cache_rules::remove(tx, &here, "team")?;
    templates::set(tx, &here, &template("team"))?;
    templates::find(tx, &here, "team")?;
    templates::all(tx, &here)?;
    templates::remove(tx, &here, "team")?;
    Ok(())
}

fn filters() -> impl Iterator<Item = Filter<'static>> {
    let statuses = [None, Some("ACTIVE")];
    statuses
        .into_iter()
        .flat_map(|status| [None, Some(false), Some(true)].map(|tagged| Filter { tagged, status }))
}

fn migrated() -> Connection {
    let mut connection = Connection::open_in_memory().unwrap();
    connection.execute_batch("PRAGMA foreign_keys = ON").unwrap();
    migrate::migrate(&mut connection, Path::new("none")).unwrap();
    connection
}

fn plan(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let nothing = vec![rusqlite::types::Null; statement.parameter_count()];
    let rows = statement.query_map(rusqlite::params_from_iter(nothing), |row| row.get("detail")).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

#[test]
fn each_statement_uses_an_index_and_sorts_nothing() {
    let connection = migrated();
    SEEN.take();
    call_all(&Tx::new(&connection, &AtomicU64::new(0))).unwrap();
    let seen = SEEN.take();
    assert!(seen.len() > 60, "{} statements", seen.len());
    for sql in &seen {
        // These two ask for a whole table, which is small, at start and at a rotation.
        let reads_all =
            sql.contains("FROM access_key") || sql.contains("SELECT id FROM key_domain ORDER BY id");
        for step in plan(&connection, sql) {
            assert!(reads_all || !step.contains("TEMP B-TREE"), "sorts: {step}: {sql}");
            let searches = !step.contains("SCAN")
                || step.starts_with("SCAN wanted VIRTUAL TABLE")
                || step == "SCAN CONSTANT ROW";
            assert!(reads_all || searches, "reads a whole table: {step}: {sql}");
        }
    }
}

#[test]
fn each_listing_uses_the_index_that_is_named() {
    let connection = migrated();
    let app = repository(&Tx::new(&connection, &AtomicU64::new(0)), "app").unwrap();
    for filter in filters() {
        SEEN.take();
        images::page(&Tx::new(&connection, &AtomicU64::new(0)), app, filter, TimeId::FIRST, 10).unwrap();
        images::pairs(&Tx::new(&connection, &AtomicU64::new(0)), app, filter, (TimeId::FIRST, ""), 10)
            .unwrap();
        let index = match (filter.status, filter.tagged) {
            (None, _) => "image_page_any (repository=? AND id>?)",
            (Some(_), Some(true)) => "image_page_tagged (repository=? AND status=? AND id>?)",
            (Some(_), Some(false)) => "image_page_untagged (repository=? AND status=? AND id>?)",
            (Some(_), None) => "image_page (repository=? AND status=? AND id>?)",
        };
        let seen = SEEN.take();
        assert_eq!(seen.len(), 2);
        for sql in &seen {
            let plan = plan(&connection, sql);
            assert!(plan[0].ends_with(index), "{filter:?}: {plan:?}");
            assert!(plan.iter().skip(1).all(|step| step.contains("tag_of_image (image=?)")), "{plan:?}");
        }
    }
}

#[test]
fn a_page_of_referrers_reads_what_it_holds() {
    let connection = migrated();
    let app = repository(&Tx::new(&connection, &AtomicU64::new(0)), "app").unwrap();
    for (artifact_type, index) in [
        (None, "image_subject (repository=? AND subject=? AND id<?)"),
        (Some("type"), "image_referrer (repository=? AND subject=? AND artifact_type=? AND id<?)"),
    ] {
        SEEN.take();
        let filter = ReferrerFilter { artifact_type, status: None };
        images::referrers(
            &Tx::new(&connection, &AtomicU64::new(0)),
            app,
            &digest("subject"),
            filter,
            TimeId::LAST,
            10,
        )
        .unwrap();
        let seen = SEEN.take();
        let plan = plan(&connection, seen.first().unwrap());
        assert!(plan.len() == 1 && plan[0].ends_with(index), "{artifact_type:?}: {plan:?}");
    }
}

/// A function that nobody calls here has statements that nobody has prepared.
#[test]
fn no_function_is_left_out() {
    let modules = [
        ("account_settings", include_str!("../account_settings.rs")),
        ("accounts", include_str!("../accounts.rs")),
        ("blobs", include_str!("../blobs.rs")),
        ("cache_rules", include_str!("../cache_rules.rs")),
        ("history", include_str!("../history.rs")),
        ("images", include_str!("../images.rs")),
        ("keys", include_str!("../keys.rs")),
        ("registry_policies", include_str!("../registry_policies.rs")),
        ("replication", include_str!("../replication.rs")),
        ("repositories", include_str!("../repositories.rs")),
        ("scanning", include_str!("../scanning.rs")),
        ("templates", include_str!("../templates.rs")),
    ];
    let calls = include_str!("plans.rs");
    let mut functions = 0;
    for (module, source) in modules {
        for name in source.lines().filter_map(|line| line.strip_prefix("pub fn ")?.split(['(', '<']).next()) {
            functions += 1;
            let called = calls.contains(&format!("{module}::{name}(tx"));
            assert!(called, "{module}::{name} is not called");
        }
    }
    assert!(functions > 50, "{functions}");
}
