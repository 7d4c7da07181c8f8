//! Signed ECR calls (spec/ecr.md 1.2), signed by a second hand: this signer shares nothing with `acre-wire`'s, so that a
//! misreading of `SigV4` cannot cancel out.

use crate::http::{Answer, Body, Broken, Client, Failure};
use aws_lc_rs::{digest, hmac};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

const PREFIX: &str = "AmazonEC2ContainerRegistry_V20150921";

/// An access key and its secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The access key id.
    pub access_key: String,
    /// The secret access key.
    pub secret_key: String,
}

/// One caller in one Region.
#[derive(Debug)]
pub struct Ecr {
    client: Client,
    credentials: Credentials,
    region: String,
    /// Seconds that the caller's clock is ahead.
    ahead: i64,
    session_token: Option<String>,
}

impl Ecr {
    /// A caller at `host:port`.
    pub fn new(authority: &str, credentials: Credentials, region: &str) -> Self {
        Self {
            client: Client::new(authority),
            credentials,
            region: region.into(),
            ahead: 0,
            session_token: None,
        }
    }

    /// A caller whose clock is that many seconds ahead (behind, if negative).
    pub fn with_clock(mut self, ahead: i64) -> Self {
        self.ahead = ahead;
        self
    }

    /// A caller whose credentials are said to be temporary.
    pub fn with_session_token(mut self, token: &str) -> Self {
        self.session_token = Some(token.into());
        self
    }

    /// The connection that the calls use.
    pub fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    /// One ECR operation: status and JSON body (null when there is none).
    pub fn call(&mut self, operation: &str, input: &Value) -> Result<(u16, Value), Broken> {
        let answer = self.call_target(&format!("{PREFIX}.{operation}"), input)?;
        Ok((answer.status, answer.json()))
    }

    /// Any `X-Amz-Target`, such as `Acre_V1.CreateAccount`: the whole answer.
    pub fn call_target(&mut self, target: &str, input: &Value) -> Result<Answer, Broken> {
        let body = input.to_string();
        let headers = self.sign(target, &body);
        self.send(&headers, &body)
    }

    /// The headers that make this body a call: the last one is the signature.
    pub fn sign(&self, target: &str, body: &str) -> Vec<(&'static str, String)> {
        let host = self.client.authority().to_owned();
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let time = timestamp(seconds.saturating_add_signed(self.ahead));
        let mut signed =
            vec![("content-type", "application/x-amz-json-1.1"), ("host", &host), ("x-amz-date", &time)];
        signed.extend(self.session_token.iter().map(|token| ("x-amz-security-token", token.as_str())));
        signed.push(("x-amz-target", target));
        let authorization = self.credentials.authorization(&self.region, &time, &signed, body.as_bytes());
        let unnamed = signed.into_iter().filter(|(name, _)| *name != "host");
        let mut headers: Vec<_> = unnamed.map(|(name, value)| (name, value.to_owned())).collect();
        headers.push(("authorization", authorization));
        headers
    }

    /// The head of a call with this body, for whoever sends both by hand.
    pub fn head(&self, target: &str, body: &str) -> String {
        let headers = self.sign(target, body).into_iter().map(|(name, value)| format!("{name}: {value}\r\n"));
        let (host, headers, length) = (self.client.authority(), headers.collect::<String>(), body.len());
        format!("POST / HTTP/1.1\r\nHost: {host}\r\n{headers}Content-Length: {length}\r\n\r\n")
    }

    /// Sends a call as [`Ecr::sign`] made it, or as somebody changed it since.
    pub fn send(&mut self, headers: &[(&'static str, String)], body: &str) -> Result<Answer, Broken> {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.client.request("POST", "/", &headers, Body::Sized(body.as_bytes()))
    }

    /// As [`Ecr::call`], with any status but 200 as a failure.
    pub fn expect(&mut self, operation: &str, input: &Value) -> Result<Value, Failure> {
        let answer = self
            .call_target(&format!("{PREFIX}.{operation}"), input)
            .map_err(|source| Failure::Broken { step: operation.into(), source })?;
        match answer.status {
            200 => Ok(answer.json()),
            _ => Err(Failure::Unexpected { step: format!("{operation} {input}"), answer: Box::new(answer) }),
        }
    }

    /// `CreateRepository` with defaults: the repository.
    pub fn create_repository(&mut self, name: &str) -> Result<Value, Failure> {
        let answer = self.expect("CreateRepository", &json!({ "repositoryName": name }))?;
        Ok(answer["repository"].clone())
    }

    /// `GetAuthorizationToken` as the value of an `Authorization` header: `Basic …`.
    pub fn authorization_token(&mut self) -> Result<String, Failure> {
        let answer = self.expect("GetAuthorizationToken", &json!({}))?;
        let token = answer["authorizationData"][0]["authorizationToken"].as_str();
        token.map(|token| format!("Basic {token}")).ok_or_else(|| Failure::Differs {
            step: "GetAuthorizationToken".into(),
            got: answer.to_string(),
            wanted: "an authorizationToken".into(),
        })
    }

    /// What `docker login` is given for the user `AWS`: the second half of a fresh token.
    pub fn password(&mut self) -> Result<String, Failure> {
        let token = self.authorization_token()?;
        let decoded = token.strip_prefix("Basic ").and_then(|text| STANDARD.decode(text).ok());
        let text = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
        let password = text.as_deref().and_then(|text| text.strip_prefix("AWS:")).map(str::to_owned);
        password.ok_or_else(|| Failure::Differs {
            step: "GetAuthorizationToken".into(),
            got: token,
            wanted: "base64 of AWS:<password>".into(),
        })
    }

    /// A data-plane client with a fresh token on every request.
    pub fn data_plane(&mut self) -> Result<Client, Failure> {
        let token = self.authorization_token()?;
        Ok(Client::new(self.client.authority()).with_header("Authorization", &token))
    }
}

impl Credentials {
    /// Reads the profile `default` of an AWS credentials file.
    pub fn parse(text: &str) -> Option<Self> {
        let (_, profile) = text.split_once("[default]")?;
        let value = |key: &str| {
            let lines = profile.lines().map(str::trim).take_while(|line| !line.starts_with('['));
            let mut pairs = lines.filter_map(|line| line.split_once('='));
            pairs.find(|(name, _)| name.trim() == key).map(|(_, value)| value.trim().to_owned())
        };
        Some(Self { access_key: value("aws_access_key_id")?, secret_key: value("aws_secret_access_key")? })
    }

    /// The `Authorization` header of a POST to `/` whose headers are exactly these, in order of their names.
    fn authorization(&self, region: &str, time: &str, headers: &[(&str, &str)], body: &[u8]) -> String {
        use std::fmt::Write as _;
        let names = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
        let mut canonical = "POST\n/\n\n".to_owned();
        for (name, value) in headers {
            let _ = writeln!(canonical, "{name}:{value}");
        }
        let _ = write!(canonical, "\n{names}\n{}", sha256(body));
        let date = time.get(..8).unwrap_or(time);
        let scope = format!("{date}/{region}/ecr/aws4_request");
        let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", sha256(canonical.as_bytes()));
        let mut key = format!("AWS4{}", self.secret_key).into_bytes();
        for part in [date, region, "ecr", "aws4_request"] {
            key = sign(&key, part);
        }
        let signature = acre_wire::digest::hex(&sign(&key, &text));
        let access_key = &self.access_key;
        format!(
            "AWS4-HMAC-SHA256 Credential={access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
        )
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credentials({})", self.access_key)
    }
}

fn sign(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

fn sha256(bytes: &[u8]) -> String {
    acre_wire::digest::hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// `20150830T123600Z` of seconds since 1970 (days to a date: 400-year eras from 1 March of year 0).
fn timestamp(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let shifted = (5 * day + 2) / 153;
    let day = day - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    format!("{year:04}{month:02}{day:02}T{:02}{:02}{:02}Z", rest / 3_600, rest / 60 % 60, rest % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (seconds, text) in [
            (0, "19700101T000000Z"),
            (951_782_399, "20000228T235959Z"),
            (951_782_400, "20000229T000000Z"),
            (1_440_938_160, "20150830T123600Z"),
            (1_798_761_599, "20261231T235959Z"),
        ] {
            assert_eq!(timestamp(seconds), text);
        }
    }

    #[test]
    fn a_known_signature() {
        // Made with botocore 1.43: SigV4Auth(Credentials(…), "ecr", "us-west-2").add_auth of this very request.
        let credentials = Credentials {
            access_key: "AKIDEXAMPLE".into(),
            secret_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into(),
        };
        let headers = [
            ("content-type", "application/x-amz-json-1.1"),
            ("host", "localhost:4510"),
            ("x-amz-date", "20150830T123600Z"),
            ("x-amz-target", "AmazonEC2ContainerRegistry_V20150921.DescribeRepositories"),
        ];
        assert_eq!(
            credentials.authorization("us-west-2", "20150830T123600Z", &headers, b"{}"),
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-west-2/ecr/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date;x-amz-target, \
             Signature=cdebd3dd6ed6a52b4b5bc01baa2236bbf3941c8c49b7497a4a8ed1f1c85d446d"
        );
    }

    #[test]
    fn a_credentials_file() {
        let text = "[other]\naws_access_key_id = no\n[default]\naws_access_key_id = AKIA1\naws_secret_access_key=s/+=x\n[more]\naws_access_key_id = no\n";
        let found = Credentials::parse(text).unwrap();
        assert_eq!((found.access_key.as_str(), found.secret_key.as_str()), ("AKIA1", "s/+=x"));
        assert_eq!(Credentials::parse("[default]\naws_access_key_id = AKIA1\n"), None);
        assert!(!format!("{found:?}").contains("s/+"));
    }
}
