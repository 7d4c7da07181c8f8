//! Who calls, and where: from the environment variables that the AWS tools read.

use acre_wire::names::{Region, partition};
use acre_wire::sigv4::{Credentials, Secret};

/// All that a [`Client`](crate::ecr::Client) is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The URL of the control plane.
    pub endpoint: String,
    /// The Region that calls are signed for.
    pub region: Region,
    /// What they are signed with.
    pub credentials: Credentials,
}

/// Why the environment makes no [`Login`]. Each is mended by `eval "$(acre env)"`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// A variable has no value. Where one of several would do, they are joined by `or`.
    #[error("{0} is not set")]
    Missing(&'static str),
    /// The Region is none.
    #[error("{variable} must be {rule}")]
    Region {
        /// Where it stands.
        variable: &'static str,
        /// What a Region is.
        rule: &'static str,
    },
}

/// Reads `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and, if there is one, `AWS_SESSION_TOKEN`; the Region from
/// `AWS_REGION`, else `AWS_DEFAULT_REGION`; the endpoint from `AWS_ENDPOINT_URL_ECR`, else `AWS_ENDPOINT_URL`. An empty
/// variable counts as absent.
pub fn from_environment(env: impl Fn(&str) -> Option<String>) -> Result<Login, LoginError> {
    read(&env, |_| Err(LoginError::Missing("AWS_ENDPOINT_URL_ECR or AWS_ENDPOINT_URL")))
}

/// As [`from_environment`]; without an endpoint it is AWS's own in that Region, as for every AWS tool.
pub fn from_aws_environment(env: impl Fn(&str) -> Option<String>) -> Result<Login, LoginError> {
    read(&env, |region| {
        let suffix = if partition(region.as_str()) == "aws-cn" { ".cn" } else { "" };
        Ok(format!("https://api.ecr.{region}.amazonaws.com{suffix}"))
    })
}

fn read(
    env: &impl Fn(&str) -> Option<String>,
    other_endpoint: impl Fn(&Region) -> Result<String, LoginError>,
) -> Result<Login, LoginError> {
    let any = |names: &[&'static str]| {
        names.iter().find_map(|name| Some((*name, env(name).filter(|text| !text.is_empty())?)))
    };
    let need = |names: &[&'static str], all| any(names).ok_or(LoginError::Missing(all));
    let (_, access_key_id) = need(&["AWS_ACCESS_KEY_ID"], "AWS_ACCESS_KEY_ID")?;
    let (_, secret) = need(&["AWS_SECRET_ACCESS_KEY"], "AWS_SECRET_ACCESS_KEY")?;
    let (variable, region) = need(&["AWS_REGION", "AWS_DEFAULT_REGION"], "AWS_REGION or AWS_DEFAULT_REGION")?;
    let region = Region::parse(&region).map_err(|error| LoginError::Region { variable, rule: error.rule })?;
    let endpoint = match any(&["AWS_ENDPOINT_URL_ECR", "AWS_ENDPOINT_URL"]) {
        Some((_, endpoint)) => endpoint,
        None => other_endpoint(&region)?,
    };
    let session_token = any(&["AWS_SESSION_TOKEN"]).map(|(_, token)| Secret::new(token));
    let credentials = Credentials { access_key_id, secret_access_key: Secret::new(secret), session_token };
    Ok(Login { endpoint, region, credentials })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &[(&str, &str)] = &[
        ("AWS_ACCESS_KEY_ID", "AKIA"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_SESSION_TOKEN", "token"),
        ("AWS_REGION", "us-west-2"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_ENDPOINT_URL_ECR", "http://ecr"),
        ("AWS_ENDPOINT_URL", "http://all"),
    ];

    fn without(missing: &[&str]) -> Result<Login, LoginError> {
        from_environment(|name| {
            let value = ALL.iter().find(|pair| pair.0 == name)?.1;
            Some(if missing.contains(&name) { String::new() } else { value.to_owned() })
        })
    }

    #[test]
    fn the_stronger_variable_counts() {
        let login = without(&[]).unwrap();
        assert_eq!((login.endpoint.as_str(), login.region.as_str()), ("http://ecr", "us-west-2"));
        assert_eq!(login.credentials.access_key_id, "AKIA");
        assert_eq!(login.credentials.secret_access_key.expose(), "secret");
        assert_eq!(login.credentials.session_token.as_ref().map(Secret::expose), Some("token"));
        let login = without(&["AWS_REGION", "AWS_ENDPOINT_URL_ECR", "AWS_SESSION_TOKEN"]).unwrap();
        assert_eq!((login.endpoint.as_str(), login.region.as_str()), ("http://all", "us-east-1"));
        assert_eq!(login.credentials.session_token, None);
        assert!(!format!("{login:?}").contains("secret\""));
    }

    #[test]
    fn without_an_endpoint_it_is_aws() {
        for (region, endpoint) in [
            ("us-west-2", "https://api.ecr.us-west-2.amazonaws.com"),
            ("us-gov-west-1", "https://api.ecr.us-gov-west-1.amazonaws.com"),
            ("cn-north-1", "https://api.ecr.cn-north-1.amazonaws.com.cn"),
        ] {
            let env = |name: &str| match name {
                "AWS_REGION" => Some(region.to_owned()),
                _ if name.starts_with("AWS_ENDPOINT_URL") => None,
                _ => Some("x".to_owned()),
            };
            assert_eq!(from_aws_environment(env).unwrap().endpoint, endpoint);
            assert!(from_environment(env).is_err());
        }
        let all = |name: &str| ALL.iter().find(|pair| pair.0 == name).map(|pair| pair.1.to_owned());
        assert_eq!(from_aws_environment(all), from_environment(all));
    }

    #[test]
    fn what_is_missing_is_named() {
        for (missing, message) in [
            (&["AWS_ACCESS_KEY_ID"][..], "AWS_ACCESS_KEY_ID is not set"),
            (&["AWS_SECRET_ACCESS_KEY"], "AWS_SECRET_ACCESS_KEY is not set"),
            (&["AWS_REGION", "AWS_DEFAULT_REGION"], "AWS_REGION or AWS_DEFAULT_REGION is not set"),
            (
                &["AWS_ENDPOINT_URL_ECR", "AWS_ENDPOINT_URL"],
                "AWS_ENDPOINT_URL_ECR or AWS_ENDPOINT_URL is not set",
            ),
        ] {
            assert_eq!(without(missing).unwrap_err().to_string(), message);
        }
        let bad = from_environment(|name| Some(if name == "AWS_REGION" { "Bad" } else { "x" }.to_owned()));
        assert_eq!(bad.unwrap_err().to_string(), "AWS_REGION must be 2 to 25 of 0-9 a-z -");
    }
}
