//! What a registry is told about itself: written, read back as it was sent, replaced, removed, and no other registry's.

use super::conform;

conform! {
    account_settings_are_by_name
    a_registry_has_one_policy
    scanning_is_replaced_whole
    replication_is_replaced_whole
    cache_rules_are_by_stem
    templates_are_by_stem
}

pub(super) mod on_any_engine {
    use crate::catalogue::cache_rules::{self, CacheRule};
    use crate::catalogue::replication;
    use crate::catalogue::scanning;
    use crate::catalogue::suite::{read, refuse, registry, registry_in, write};
    use crate::catalogue::templates::{self, Template};
    use crate::catalogue::{Catalogue, account_settings, registry_policies};
    use acre_wire::names::RepositoryPrefix;

    pub(super) fn account_settings_are_by_name(catalogue: &Catalogue) {
        write(catalogue, |tx| {
            assert_eq!(account_settings::value(tx, &registry(), "A")?, None);
            account_settings::set(tx, &registry(), "A", "1")?;
            account_settings::set(tx, &registry(), "B", "2")?;
            account_settings::set(tx, &registry(), "A", "3")
        });
        let value = |name| read(catalogue, |tx| account_settings::value(tx, &registry(), name));
        assert_eq!((value("A").as_deref(), value("B").as_deref(), value("C")), (Some("3"), Some("2"), None));
        assert_eq!(read(catalogue, |tx| account_settings::value(tx, &registry_in("us-west-2"), "A")), None);
    }

    pub(super) fn a_registry_has_one_policy(catalogue: &Catalogue) {
        let policy = |region| read(catalogue, |tx| registry_policies::policy(tx, &registry_in(region)));
        assert_eq!(policy("us-west-2"), None);
        write(catalogue, |tx| {
            registry_policies::set(tx, &registry_in("us-west-2"), b"one")?;
            registry_policies::set(tx, &registry_in("us-west-2"), b"two")?;
            registry_policies::set(tx, &registry_in("us-east-1"), b"three")
        });
        assert_eq!(policy("us-west-2").as_deref(), Some(&b"two"[..]));
        write(catalogue, |tx| {
            registry_policies::remove(tx, &registry_in("us-west-2"))?;
            registry_policies::remove(tx, &registry_in("us-west-2"))
        });
        assert_eq!(policy("us-west-2"), None);
        assert_eq!(policy("us-east-1").as_deref(), Some(&b"three"[..]));
    }

    pub(super) fn scanning_is_replaced_whole(catalogue: &Catalogue) {
        let rule = |frequency: &str, filters: &[&str]| scanning::Rule {
            frequency: frequency.to_owned(),
            filters: filters.iter().map(|filter| (*filter).to_owned()).collect(),
        };
        let rules = [rule("SCAN_ON_PUSH", &["web*", "\"quoted\""]), rule("CONTINUOUS_SCAN", &[])];
        let found = || read(catalogue, |tx| scanning::configuration(tx, &registry()));
        assert_eq!(found(), None);
        let sent = rules.clone();
        write(catalogue, move |tx| scanning::set(tx, &registry(), "ENHANCED", &sent));
        assert_eq!(found(), Some(("ENHANCED".to_owned(), rules.to_vec())));
        let one = [rule("SCAN_ON_PUSH", &["*"])];
        let sent = one.clone();
        write(catalogue, move |tx| {
            scanning::set(tx, &registry_in("us-west-2"), "BASIC", &[])?;
            scanning::set(tx, &registry(), "BASIC", &sent)
        });
        assert_eq!(found(), Some(("BASIC".to_owned(), one.to_vec())));
        let twice = [one[0].clone(), one[0].clone()];
        refuse(catalogue, move |tx| scanning::set(tx, &registry(), "BASIC", &twice));
        write(catalogue, |tx| scanning::set(tx, &registry(), "BASIC", &[]));
        assert_eq!(found(), Some(("BASIC".to_owned(), Vec::new())));
    }

    pub(super) fn replication_is_replaced_whole(catalogue: &Catalogue) {
        let rule = |regions: &[&str], filters: Option<&[&str]>, delete_replication| replication::Rule {
            destinations: regions.iter().map(|region| registry_in(region)).collect(),
            filters: filters.map(|filters| filters.iter().map(|filter| (*filter).to_owned()).collect()),
            delete_replication,
        };
        let rules = [
            rule(&["us-west-2", "eu-west-1", "us-west-2"], None, None),
            rule(&[], Some(&["b", "a"]), Some(false)),
            rule(&["ap-south-1"], Some(&["c"]), Some(true)),
        ];
        let found = || read(catalogue, |tx| replication::rules(tx, &registry()));
        assert_eq!(found(), []);
        let sent = rules.clone();
        write(catalogue, move |tx| {
            replication::set(tx, &registry(), &sent)?;
            replication::set(tx, &registry_in("us-west-2"), &sent[2..])
        });
        assert_eq!(found(), rules);
        let sent = rules[1..].to_vec();
        write(catalogue, move |tx| replication::set(tx, &registry(), &sent));
        assert_eq!(found(), rules[1..]);
        write(catalogue, |tx| replication::set(tx, &registry(), &[]));
        assert_eq!(found(), []);
        assert_eq!(read(catalogue, |tx| replication::rules(tx, &registry_in("us-west-2"))), rules[2..]);
    }

    pub(in crate::catalogue::suite) fn cache_rule(prefix: &str, updated_at: i64) -> CacheRule {
        CacheRule {
            prefix: RepositoryPrefix::parse(prefix).unwrap(),
            upstream_url: "quay.io".into(),
            upstream_prefix: Some(RepositoryPrefix::parse("ROOT").unwrap()),
            credential_arn: Some("secret".into()),
            custom_role_arn: None,
            created_at: 1,
            updated_at,
        }
    }

    pub(super) fn cache_rules_are_by_stem(catalogue: &Catalogue) {
        let plain = CacheRule { upstream_prefix: None, credential_arn: None, ..cache_rule("b", 1) };
        let other = plain.clone();
        write(catalogue, move |tx| {
            cache_rules::set(tx, &registry(), &cache_rule("team/", 1))?;
            cache_rules::set(tx, &registry(), &other)?;
            cache_rules::set(tx, &registry_in("us-west-2"), &other)?;
            cache_rules::set(tx, &registry(), &cache_rule("team", 2))
        });
        let all = || read(catalogue, |tx| cache_rules::all(tx, &registry()));
        assert_eq!(all(), [plain, cache_rule("team", 2)]);
        let found = |stem| read(catalogue, |tx| cache_rules::find(tx, &registry(), stem));
        assert_eq!(found("team"), Some(cache_rule("team", 2)));
        assert_eq!(found("team/"), None);
        write(catalogue, |tx| {
            cache_rules::remove(tx, &registry(), "b")?;
            cache_rules::remove(tx, &registry(), "b")
        });
        assert_eq!(all(), [cache_rule("team", 2)]);
        assert_eq!(read(catalogue, |tx| cache_rules::all(tx, &registry_in("us-west-2"))).len(), 1);
    }

    pub(in crate::catalogue::suite) fn template(prefix: &str) -> Template {
        Template {
            prefix: RepositoryPrefix::parse(prefix).unwrap(),
            applied_for: vec!["REPLICATION".into(), "CREATE_ON_PUSH".into()],
            description: Some(b"sealed one".to_vec()),
            encryption_type: "KMS".into(),
            kms_key: Some("arn".into()),
            tag_mutability: "MUTABLE_WITH_EXCLUSION".into(),
            exclusion_filters: vec!["b*".into(), "a".into()],
            resource_tags: vec![("z".into(), "\"1\"".into()), ("a".into(), String::new())],
            repository_policy: Some(b"sealed two".to_vec()),
            lifecycle_policy: Some(b"sealed three".to_vec()),
            custom_role_arn: Some("role".into()),
            created_at: 1,
            updated_at: 2,
        }
    }

    pub(super) fn templates_are_by_stem(catalogue: &Catalogue) {
        let bare = Template {
            description: None,
            kms_key: None,
            exclusion_filters: Vec::new(),
            resource_tags: Vec::new(),
            repository_policy: None,
            lifecycle_policy: None,
            custom_role_arn: None,
            ..template("ROOT")
        };
        let other = bare.clone();
        write(catalogue, move |tx| {
            templates::set(tx, &registry(), &template("team/"))?;
            templates::set(tx, &registry(), &other)?;
            templates::set(tx, &registry_in("us-west-2"), &other)
        });
        let all = || read(catalogue, |tx| templates::all(tx, &registry()));
        assert_eq!(all(), [bare, template("team/")]);
        write(catalogue, |tx| templates::set(tx, &registry(), &template("team")));
        let found = |stem| read(catalogue, |tx| templates::find(tx, &registry(), stem));
        assert_eq!((found("team"), found("team/")), (Some(template("team")), None));
        write(catalogue, |tx| {
            templates::remove(tx, &registry(), "ROOT")?;
            templates::remove(tx, &registry(), "ROOT")
        });
        assert_eq!(all(), [template("team")]);
        assert_eq!(read(catalogue, |tx| templates::all(tx, &registry_in("us-west-2"))).len(), 1);
    }
}
