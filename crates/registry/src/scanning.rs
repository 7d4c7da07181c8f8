//! When repositories are scanned: the registry's rules, and what they make of a repository (spec/ecr.md 2.4, 2.31, 2.45).

use crate::{Caller, Error, Registry};
use acre_policy::scanning::frequency;
use acre_store::catalogue::{Tx, repositories, scanning as rows};
use acre_wire::ecr::Operation;
use acre_wire::ecr::scanning::{
    BatchGetRepositoryScanningConfiguration, BatchGetRepositoryScanningConfigurationAnswer,
    GetRegistryScanningConfiguration, GetRegistryScanningConfigurationAnswer,
    PutRegistryScanningConfiguration, PutRegistryScanningConfigurationAnswer, RegistryScanningConfiguration,
    RepositoryScanningConfiguration, ScanFrequency, ScanType, ScanningConfigurationFailure,
    ScanningConfigurationFailureCode, ScanningFilter, ScanningFilterType, ScanningRule,
};
use acre_wire::names::RegistryName;

impl Registry {
    /// `PutRegistryScanningConfiguration`: replaces all of it.
    pub async fn put_registry_scanning_configuration(
        &self,
        caller: &Caller,
        input: PutRegistryScanningConfiguration,
    ) -> Result<PutRegistryScanningConfigurationAnswer, Error> {
        let registry = caller.registry.clone();
        let operation = Operation::PutRegistryScanningConfiguration;
        let permit = self.authorize(caller, operation, &registry.account, "*")?;
        let configuration = RegistryScanningConfiguration {
            rules: input.rules.unwrap_or_default(),
            scan_type: input.scan_type.unwrap_or_default(),
        };
        let scan_type = configuration.scan_type.as_str();
        let rules: Vec<_> = configuration.rules.iter().map(store).collect();
        let set = self
            .store
            .catalogue
            .write::<_, Error, _>(move |tx| Ok(rows::set(tx, &registry, scan_type, &rules)?));
        let answer =
            PutRegistryScanningConfigurationAnswer { registry_scanning_configuration: configuration };
        permit.record(set.await).map(|()| answer)
    }

    /// `GetRegistryScanningConfiguration`.
    pub fn registry_scanning_configuration(
        &self,
        caller: &Caller,
        _: GetRegistryScanningConfiguration,
    ) -> Result<GetRegistryScanningConfigurationAnswer, Error> {
        let registry = &caller.registry;
        let operation = Operation::GetRegistryScanningConfiguration;
        let permit = self.authorize(caller, operation, &registry.account, "*")?;
        let found = self.store.catalogue.read(|tx| configuration(tx, registry));
        permit.record(found).map(|scanning_configuration| GetRegistryScanningConfigurationAnswer {
            registry_id: registry.account.clone(),
            scanning_configuration,
        })
    }

    /// `BatchGetRepositoryScanningConfiguration`.
    pub fn repository_scanning_configurations(
        &self,
        caller: &Caller,
        input: BatchGetRepositoryScanningConfiguration,
    ) -> Result<BatchGetRepositoryScanningConfigurationAnswer, Error> {
        let operation = Operation::BatchGetRepositoryScanningConfiguration;
        let registry = &caller.registry;
        let arns: Vec<_> = input.repository_names.into_iter().map(|name| registry.repository(name)).collect();
        for arn in &arns {
            self.authorize(caller, operation, &registry.account, arn)?.record(Ok(()))?;
        }
        let mut answer = BatchGetRepositoryScanningConfigurationAnswer {
            failures: Vec::new(),
            scanning_configurations: Vec::new(),
        };
        self.store.catalogue.read(|tx| {
            let configuration = configuration(tx, registry)?;
            for arn in arns {
                let Some(row) = repositories::find(tx, &arn)? else {
                    answer.failures.push(ScanningConfigurationFailure {
                        failure_code: ScanningConfigurationFailureCode::RepositoryNotFound,
                        failure_reason: "REPOSITORY_NOT_FOUND".into(),
                        repository_name: arn.name,
                    });
                    continue;
                };
                let scan_on_push = row.settings.scan_on_push;
                let (scan_frequency, applied_scan_filters) =
                    frequency(&configuration, &arn.name, scan_on_push);
                answer.scanning_configurations.push(RepositoryScanningConfiguration {
                    applied_scan_filters,
                    repository_arn: arn.to_string(),
                    repository_name: arn.name,
                    scan_frequency,
                    scan_on_push,
                });
            }
            Ok::<_, Error>(())
        })?;
        Ok(answer)
    }
}

/// Basic scanning without rules until something else is put.
fn configuration(tx: &Tx<'_>, registry: &RegistryName) -> Result<RegistryScanningConfiguration, Error> {
    let Some((scan_type, rules)) = rows::configuration(tx, registry)? else {
        return Ok(RegistryScanningConfiguration::default());
    };
    Ok(RegistryScanningConfiguration {
        rules: rules.into_iter().map(show).collect(),
        // The words were written from the same enums.
        scan_type: ScanType::parse(&scan_type).unwrap_or_default(),
    })
}

fn store(rule: &ScanningRule) -> rows::Rule {
    rows::Rule {
        frequency: rule.scan_frequency.as_str().to_owned(),
        filters: rule.repository_filters.iter().map(|filter| filter.filter.clone()).collect(),
    }
}

fn show(rule: rows::Rule) -> ScanningRule {
    let show = |filter| ScanningFilter { filter, filter_type: ScanningFilterType::Wildcard };
    ScanningRule {
        repository_filters: rule.filters.into_iter().map(show).collect(),
        scan_frequency: ScanFrequency::parse(&rule.frequency).unwrap_or_default(),
    }
}
