//! When a repository is scanned: the registry's rules and the repository's own flag (spec/ecr.md 5.1, 5.2).

use crate::pattern::glob;
use acre_wire::ecr::scanning::{RegistryScanningConfiguration, ScanFrequency, ScanType, ScanningFilter};
use acre_wire::names::RepositoryName;

/// When a repository is scanned, and the filters that make it so.
///
/// Continuous scanning wins over scanning on push. Basic scanning also looks at the repository's own flag, enhanced
/// scanning does not.
pub fn frequency(
    configuration: &RegistryScanningConfiguration,
    repository: &RepositoryName,
    scan_on_push: bool,
) -> (ScanFrequency, Vec<ScanningFilter>) {
    for frequency in [ScanFrequency::Continuous, ScanFrequency::OnPush] {
        let rules = configuration.rules.iter().filter(|rule| rule.scan_frequency == frequency);
        let filters = rules.flat_map(|rule| &rule.repository_filters);
        let applied: Vec<_> = filters.filter(|filter| matches(&filter.filter, repository)).cloned().collect();
        if !applied.is_empty() {
            return (frequency, applied);
        }
    }
    let frequency = match configuration.scan_type {
        ScanType::Basic if scan_on_push => ScanFrequency::OnPush,
        ScanType::Basic | ScanType::Enhanced => ScanFrequency::Manual,
    };
    (frequency, Vec::new())
}

/// A filter with a `*` is a whole name, one without is a part of it.
fn matches(filter: &str, repository: &RepositoryName) -> bool {
    if filter.contains('*') {
        glob(filter, repository.as_str())
    } else {
        repository.as_str().contains(filter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use acre_wire::ecr::scanning::{ScanningFilterType, ScanningRule};

    fn name(text: &str) -> RepositoryName {
        RepositoryName::parse(text).unwrap()
    }

    #[test]
    fn filters() {
        let names = ["prod", "repo-prod", "prod-repo", "repo-prod-repo", "prodrepo"];
        for (filter, expected) in [
            ("prod", [true, true, true, true, true]),
            ("*prod", [true, true, false, false, false]),
            ("prod*", [true, false, true, false, true]),
            ("*prod*", [true, true, true, true, true]),
            ("prod*repo", [false, false, true, false, true]),
        ] {
            assert_eq!(names.map(|text| matches(filter, &name(text))), expected, "{filter}");
        }
        assert!(matches("a*z", &name("ab/c/yz")));
    }

    #[test]
    fn what_wins() {
        use ScanFrequency::{Continuous, Manual, OnPush};
        use ScanType::{Basic, Enhanced};
        let rules = [(OnPush, &["we", "*b"][..]), (Continuous, &["api"][..]), (Manual, &["*"][..])];
        for (scan_type, repository, flag, frequency, applied) in [
            (Basic, "web", false, OnPush, &["we", "*b"][..]),
            (Basic, "job", true, OnPush, &["*b"]),
            (Basic, "other", true, OnPush, &[]),
            (Basic, "other", false, Manual, &[]),
            (Enhanced, "web", false, OnPush, &["we", "*b"]),
            (Enhanced, "web/api", false, Continuous, &["api"]),
            (Enhanced, "other", true, Manual, &[]),
        ] {
            let filter = |text: &&str| ScanningFilter {
                filter: (*text).to_owned(),
                filter_type: ScanningFilterType::Wildcard,
            };
            let rules = rules.map(|(scan_frequency, filters)| ScanningRule {
                repository_filters: filters.iter().map(filter).collect(),
                scan_frequency,
            });
            let configuration = RegistryScanningConfiguration { rules: rules.to_vec(), scan_type };
            let (found, filters) = super::frequency(&configuration, &name(repository), flag);
            let filters: Vec<_> = filters.iter().map(|filter| filter.filter.as_str()).collect();
            assert_eq!((found, filters.as_slice()), (frequency, applied), "{scan_type:?} {repository}");
        }
    }
}
