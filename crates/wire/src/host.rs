//! The registry that a host names (DESIGN.md 5): `<account>.dkr.ecr.<region>.<suffix>`, in AWS's spellings.

use crate::names::{AccountId, Region, RegistryName};

/// The registry that the value of a `Host` header names; `None` for every other host, such as an address, localhost
/// or a vanity name: there the token says which registry is meant.
///
/// Names one: `<account>.dkr.ecr.<region>.<suffix>` and `<account>.dkr-ecr.<region>.<suffix>`, either with `ecr-fips`,
/// in any case, with or without a port and the root's dot. The suffix is one label or more.
pub fn registry(host: &str) -> Option<RegistryName> {
    let host = host.to_ascii_lowercase();
    let name = match host.split_once(':') {
        Some((name, port)) => is_port(port).then_some(name)?,
        None => &host,
    };
    let labels: Vec<&str> = name.strip_suffix('.').unwrap_or(name).split('.').collect();
    let ([account, "dkr", "ecr" | "ecr-fips", region, suffix @ ..]
    | [account, "dkr-ecr" | "dkr-ecr-fips", region, suffix @ ..]) = labels.as_slice()
    else {
        return None;
    };
    if suffix.is_empty() || !suffix.iter().all(|label| is_label(label)) {
        return None;
    }
    Some(RegistryName { account: AccountId::parse(account).ok()?, region: Region::parse(region).ok()? })
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|c| c.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

/// Underscores are no letters of a host name, but some private zones have them.
fn is_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hosts_that_name_a_registry() {
        for (host, region) in [
            ("123456789012.dkr.ecr.us-east-1.amazonaws.com", "us-east-1"),
            ("123456789012.dkr.ecr.us-west-2.amazonaws.com:443", "us-west-2"),
            ("123456789012.DKR.ECR.EU-Central-1.Registry.Internal:4510", "eu-central-1"),
            ("123456789012.dkr.ecr.us-west-2.localhost", "us-west-2"),
            ("123456789012.dkr.ecr.us-west-2.local_zone.", "us-west-2"),
            ("123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
            ("123456789012.dkr-ecr.us-east-1.on.aws", "us-east-1"),
            ("123456789012.dkr-ecr-fips.us-east-1.on.aws", "us-east-1"),
            ("123456789012.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn", "cn-north-1"),
        ] {
            let found = registry(host).unwrap();
            assert_eq!((found.account.as_str(), found.region.as_str()), ("123456789012", region), "{host}");
        }
    }

    #[test]
    fn hosts_that_name_none() {
        for host in [
            "",
            "localhost",
            "localhost:4510",
            "127.0.0.1:4510",
            "[::1]:4510",
            "registry.example.com",
            "api.ecr.us-east-1.amazonaws.com",
            "123456789012.dkr.ecr.us-east-1",
            "123456789012.dkr.ecr.us-east-1.",
            "123456789012.dkr.ecr.us-east-1..com",
            "123456789012.dkr.ecr.us_east.example.com",
            "12345678901.dkr.ecr.us-east-1.amazonaws.com",
            "x.123456789012.dkr.ecr.us-east-1.amazonaws.com",
            "123456789012.ecr.us-east-1.amazonaws.com",
            "123456789012.dkr.ecr.us-east-1.amazonaws.com:",
            "123456789012.dkr.ecr.us-east-1.amazonaws.com:99999",
            "123456789012.dkr.ecr.us-east-1.amazonaws.com:+80",
            "123456789012.dkr.ecr.us-east-1.amazonaws.com/x",
            "123456789012.dkr.ecr.us-east-1.amazonaws.com:80:80",
        ] {
            assert_eq!(registry(host), None, "{host}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(host in ".{0,80}", region in "[ -~]{0,30}") {
            let _ = registry(&host);
            let _ = registry(&format!("123456789012.dkr.ecr.{region}"));
        }
    }
}
