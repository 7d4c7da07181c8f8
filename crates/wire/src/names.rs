//! Names, each parsed once at the edge: repositories, tags, accounts, Regions, ARNs (spec/oci.md 1.1, spec/ecr.md 1.7).

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// The text does not obey the grammar of what it was meant to name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid {what}: {rule}")]
pub struct InvalidName {
    /// What the text was meant to name, as users call it.
    pub what: &'static str,
    /// The rule that it breaks.
    pub rule: &'static str,
}

/// A newtype over checked text: parse, borrow, print, serialise.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Box<str>);

        impl $name {
            /// Checks the grammar; the text is kept to the letter.
            pub fn parse(text: &str) -> Result<Self, InvalidName> {
                let check: fn(&str) -> bool = $check;
                if check(text) { Ok(Self(text.into())) } else { Err(InvalidName { what: $what, rule: $rule }) }
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Self::parse(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

name!(
    /// A repository: 2 to 256 characters, components of lower-case letters and digits joined by `.`, `_`, `__` or
    /// hyphens, separated by `/`. Route words such as `blobs` are ordinary components.
    RepositoryName, "repository name",
    "2 to 256 characters; lower-case letters and digits, joined by one of . _ __ or hyphens, in components separated by /",
    |text| (2..=256).contains(&text.len()) && text.split('/').all(is_component)
);
name!(
    /// The beginning of repositories' names, up to a `/` that may be left out: `team`, `team/`, or `ROOT` for all that
    /// have no other (spec/ecr.md 2.0, Prefix).
    RepositoryPrefix, "repository prefix",
    "ROOT, or 1 to 256 characters like a repository name's, with or without a / at the end",
    |text| (1..=256).contains(&text.len())
        && (text == "ROOT" || text.strip_suffix('/').unwrap_or(text).split('/').all(is_component))
);
name!(
    /// A tag: at most 128 characters of `[A-Za-z0-9_.-]`, the first neither `.` nor `-`.
    Tag, "tag", "1 to 128 of A-Z a-z 0-9 _ . - and not starting with . or -",
    |text| (1..=128).contains(&text.len())
        && text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'.' | b'-'))
        && !text.starts_with(['.', '-'])
);
name!(
    /// An AWS account id: twelve digits.
    AccountId, "account id", "twelve digits",
    |text| text.len() == 12 && text.bytes().all(|c| c.is_ascii_digit())
);
name!(
    /// A Region: 2 to 25 of `[0-9a-z-]`; any Region of that pattern exists (DESIGN 5).
    Region, "Region", "2 to 25 of 0-9 a-z -",
    |text| (2..=25).contains(&text.len())
        && text.bytes().all(|c| c.is_ascii_digit() || c.is_ascii_lowercase() || c == b'-')
);

impl RepositoryPrefix {
    /// The prefix without a `/` at its end: two that have this in common are the same.
    pub fn stem(&self) -> &str {
        self.0.strip_suffix('/').unwrap_or(&self.0)
    }
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_component(text: &str) -> bool {
    let is_word = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
    if !is_word(*first) || !is_word(*last) {
        return false;
    }
    bytes.split(|c| is_word(*c)).all(|joint| match joint {
        [] | b"." | b"_" | b"__" => true,
        _ => joint.iter().all(|c| *c == b'-'),
    })
}

/// A registry: one account in one Region. Everything belongs to one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RegistryName {
    /// The account.
    pub account: AccountId,
    /// The Region.
    pub region: Region,
}

impl RegistryName {
    /// The partition that the Region belongs to: `aws`, `aws-cn` or `aws-us-gov`.
    pub fn partition(&self) -> &'static str {
        partition(self.region.as_str())
    }

    /// The repository of that name in this registry.
    pub fn repository(&self, name: RepositoryName) -> RepositoryArn {
        RepositoryArn { registry: self.clone(), name }
    }
}

/// The partition of a Region.
pub fn partition(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "aws-cn"
    } else if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else {
        "aws"
    }
}

/// A repository, fully named: `arn:<partition>:ecr:<Region>:<account>:repository/<name>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepositoryArn {
    /// Where it lives.
    pub registry: RegistryName,
    /// What it is called there.
    pub name: RepositoryName,
}

impl RepositoryArn {
    /// Reads an ARN of a repository; a partition that does not fit the Region is refused.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        const INVALID: InvalidName = InvalidName {
            what: "repository ARN",
            rule: "arn:<partition>:ecr:<Region>:<account>:repository/<name>",
        };
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next().ok_or(INVALID);
        let (arn, said, service) = (next()?, next()?, next()?);
        let region = Region::parse(next()?).map_err(|_| INVALID)?;
        let account = AccountId::parse(next()?).map_err(|_| INVALID)?;
        let name = next()?.strip_prefix("repository/").ok_or(INVALID)?;
        if arn != "arn" || service != "ecr" || said != partition(region.as_str()) {
            return Err(INVALID);
        }
        let name = RepositoryName::parse(name).map_err(|_| INVALID)?;
        Ok(Self { registry: RegistryName { account, region }, name })
    }
}

impl fmt::Display for RepositoryArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RegistryName { account, region } = &self.registry;
        write!(f, "arn:{}:ecr:{region}:{account}:repository/{}", self.registry.partition(), self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repository_names() {
        let longest = "a".repeat(256);
        for good in ["ab", "a/b", "blobs/uploads", "v2/v2", "0a", "a__b", "a-----b", "a.b_c/d", &longest] {
            assert!(RepositoryName::parse(good).is_ok(), "{good}");
        }
        let long = "a".repeat(257);
        for bad in [
            "", "a", "A/b", "a/", "/a", "a//b", "a..b", "a___b", "-a", "a-", "a/.b", "a._b", "ab\0", "aé",
            &long,
        ] {
            assert!(RepositoryName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn repository_prefixes() {
        let longest = "a".repeat(256);
        for (good, stem) in
            [("a", "a"), ("a/", "a"), ("team/a__b/", "team/a__b"), ("ROOT", "ROOT"), (&longest, &longest)]
        {
            assert_eq!(RepositoryPrefix::parse(good).unwrap().stem(), stem);
        }
        let long = "a".repeat(257);
        for bad in
            ["", "/", "a//", "/a", "a/ROOT", "ROOT/", "root/A", "Root", "a-", "a._b", "a\n", "é", &long]
        {
            assert!(RepositoryPrefix::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn tags() {
        let longest = "t".repeat(128);
        for good in ["latest", "_x", "1.0-rc_2", "A", &longest] {
            assert!(Tag::parse(good).is_ok(), "{good}");
        }
        let long = "t".repeat(129);
        for bad in ["", ".x", "-x", "a:b", "a/b", "a b", "é", &long] {
            assert!(Tag::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn arns_round_trip() {
        for text in [
            "arn:aws:ecr:us-east-1:000000000000:repository/team/web",
            "arn:aws-cn:ecr:cn-north-1:123456789012:repository/ab",
        ] {
            assert_eq!(RepositoryArn::parse(text).unwrap().to_string(), text);
        }
        for bad in [
            "",
            "arn:aws:ecr:us-east-1:000000000000:team/web",
            "arn:aws-cn:ecr:us-east-1:000000000000:repository/ab",
            "arn:aws:s3:us-east-1:000000000000:repository/ab",
            "arn:aws:ecr:us-east-1:0:repository/ab",
            "arn:aws:ecr:us-east-1:000000000000:repository/A",
        ] {
            assert!(RepositoryArn::parse(bad).is_err(), "{bad}");
        }
    }
}
