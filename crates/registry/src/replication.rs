//! Where a registry is replicated to (spec/ecr.md 2.22, 2.46, 7.1).

use crate::{Caller, Error, Registry};
use acre_store::catalogue::replication as rows;
use acre_wire::ecr::Operation;
use acre_wire::ecr::registry::{
    DeleteReplication, DescribeRegistry, DescribeRegistryAnswer, PutReplicationConfiguration,
    PutReplicationConfigurationAnswer, ReplicationConfiguration, ReplicationDestination, ReplicationRule,
    RepositoryFilter, RepositoryFilterType,
};
use acre_wire::names::RegistryName;

impl Registry {
    /// `PutReplicationConfiguration`: replaces all of it. Nothing is copied yet.
    pub async fn put_replication_configuration(
        &self,
        caller: &Caller,
        input: PutReplicationConfiguration,
    ) -> Result<PutReplicationConfigurationAnswer, Error> {
        let registry = caller.registry.clone();
        let operation = Operation::PutReplicationConfiguration;
        let permit = self.authorize(caller, operation, &registry.account, "*")?;
        let configuration = input.replication_configuration;
        let rules: Vec<_> = configuration.rules.iter().map(store).collect();
        let put = async {
            if rules.iter().any(|rule| rule.destinations.contains(&registry)) {
                return Err(Error::InvalidParameter {
                    field: "replicationConfiguration",
                    constraint: "Replication destination cannot be the same as the source registry".into(),
                });
            }
            self.store
                .catalogue
                .write::<_, Error, _>(move |tx| Ok(rows::set(tx, &registry, &rules)?))
                .await?;
            Ok(PutReplicationConfigurationAnswer { replication_configuration: configuration })
        };
        permit.record(put.await)
    }

    /// `DescribeRegistry`: also where nothing is configured.
    pub fn describe_registry(
        &self,
        caller: &Caller,
        _: DescribeRegistry,
    ) -> Result<DescribeRegistryAnswer, Error> {
        let registry = &caller.registry;
        let permit = self.authorize(caller, Operation::DescribeRegistry, &registry.account, "*")?;
        let rules = self.store.catalogue.read::<_, Error, _>(|tx| Ok(rows::rules(tx, registry)?));
        permit.record(rules).map(|rules| DescribeRegistryAnswer {
            registry_id: registry.account.clone(),
            replication_configuration: ReplicationConfiguration {
                rules: rules.into_iter().map(show).collect(),
            },
        })
    }
}

fn store(rule: &ReplicationRule) -> rows::Rule {
    let destination = |destination: &ReplicationDestination| RegistryName {
        account: destination.registry_id.clone(),
        region: destination.region.clone(),
    };
    let filters = rule.repository_filters.as_ref();
    rows::Rule {
        destinations: rule.destinations.iter().map(destination).collect(),
        filters: filters.map(|filters| filters.iter().map(|filter| filter.filter.clone()).collect()),
        delete_replication: rule.delete_replication.map(|setting| setting.enabled),
    }
}

fn show(rule: rows::Rule) -> ReplicationRule {
    let destination =
        |to: RegistryName| ReplicationDestination { region: to.region, registry_id: to.account };
    let filter = |filter| RepositoryFilter { filter, filter_type: RepositoryFilterType::PrefixMatch };
    ReplicationRule {
        delete_replication: rule.delete_replication.map(|enabled| DeleteReplication { enabled }),
        destinations: rule.destinations.into_iter().map(destination).collect(),
        repository_filters: rule.filters.map(|filters| filters.into_iter().map(filter).collect()),
    }
}
