//! The control plane, called: AWS JSON 1.1 with Signature Version 4 (spec/ecr.md 1).

use crate::credentials::Login;
use acre_wire::ecr::{CONTENT_TYPE, Input, Operation};
use acre_wire::sigv4::{self, Purpose, RequestParts};
use reqwest::{Response, Url, header, redirect};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const CONNECT: Duration = Duration::from_secs(5);
const TOTAL: Duration = Duration::from_mins(1);
/// A page of 1,000 images has about 1 MiB, a manifest with its quotes 9 MiB.
const LONGEST: usize = 64 << 20;

/// A control plane, and who calls it.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    endpoint: Url,
    login: Login,
}

/// A call that brought no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The endpoint is no URL of a server.
    #[error("{0:?} is no endpoint: it must be an http or https URL without a query")]
    Endpoint(String),
    /// The HTTP client cannot be made; with https it needs the system's CA certificates.
    #[error("cannot use TLS: {}", innermost(.0))]
    Tls(reqwest::Error),
    /// Nobody answers there: the call was not made.
    #[error("no connection to {endpoint}: {}", innermost(.cause))]
    Unreachable {
        /// The URL that was tried.
        endpoint: Url,
        /// Why. The message names the innermost source, the only one that says something.
        cause: reqwest::Error,
    },
    /// The connection broke, or the answer took longer than 60 s: whether the call was carried out is not known.
    #[error("no answer from {endpoint}: {}", innermost(.cause))]
    NoAnswer {
        /// The URL that was asked.
        endpoint: Url,
        /// Why. The message names the innermost source, the only one that says something.
        cause: reqwest::Error,
    },
    /// The server refused, with an exception of its API.
    #[error("{code}: {message}")]
    Refused {
        /// `RepositoryNotFoundException`.
        code: String,
        /// What it says about it; may be empty.
        message: String,
    },
    /// What answered does not speak the protocol: the endpoint is wrong.
    #[error("{endpoint} does not speak the ECR API (HTTP {status})")]
    Foreign {
        /// The URL that was asked.
        endpoint: Url,
        /// The status of its answer.
        status: u16,
    },
    /// The answer has more than 64 MiB.
    #[error("the answer from {endpoint} is too long")]
    TooLong {
        /// The URL that was asked.
        endpoint: Url,
    },
    /// An input cannot be written as JSON.
    #[error("cannot write the request: {0}")]
    Input(#[source] serde_json::Error),
}

impl Client {
    /// A client of the control plane at `endpoint`. Connecting may take 5 s, a call 60 s; nothing is repeated.
    pub fn new(login: Login) -> Result<Self, Error> {
        let bad = || Error::Endpoint(login.endpoint.clone());
        let endpoint = Url::parse(&login.endpoint).map_err(|_| bad())?;
        let is_plain =
            endpoint.query().is_none() && endpoint.username().is_empty() && endpoint.password().is_none();
        if !matches!(endpoint.scheme(), "http" | "https") || endpoint.host_str().is_none() || !is_plain {
            return Err(bad());
        }
        let mut http = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .timeout(TOTAL)
            // A signature is good for one host and path.
            .redirect(redirect::Policy::none())
            .user_agent(concat!("acre/", env!("CARGO_PKG_VERSION")));
        if endpoint.scheme() == "http" {
            // Without TLS the system's certificates are not read: a machine may have none.
            http = http.tls_certs_only([]);
        }
        if is_loopback(&endpoint) {
            http = http.no_proxy();
        }
        Ok(Self { http: http.build().map_err(Error::Tls)?, endpoint, login })
    }

    /// Calls the operation of this input.
    pub async fn call_operation<I: Input>(&self, input: &I) -> Result<I::Answer, Error> {
        self.call_for(I::OPERATION, input).await.map(|(answer, _)| answer)
    }

    /// As [`Client::call_operation`], for an answer of which less or more is read than acre would tell; with its length
    /// in bytes.
    pub(crate) async fn call_for<A: DeserializeOwned>(
        &self,
        operation: Operation,
        input: &impl Serialize,
    ) -> Result<(A, usize), Error> {
        let body = serde_json::to_vec(input).map_err(Error::Input)?;
        let (status, answer) = self.send(operation.target(), body).await?;
        let read = serde_json::from_slice(&answer).map_err(|_| self.foreign(status))?;
        Ok((read, answer.len()))
    }

    /// Calls the operation that an `X-Amz-Target` names; body and answer are JSON.
    pub async fn call(&self, target: &str, body: Vec<u8>) -> Result<Vec<u8>, Error> {
        self.send(target, body).await.map(|(_, answer)| answer)
    }

    async fn send(&self, target: &str, body: Vec<u8>) -> Result<(u16, Vec<u8>), Error> {
        let host = match (self.endpoint.host_str(), self.endpoint.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (host, _) => host.unwrap_or_default().to_owned(),
        };
        let headers = [("content-type", CONTENT_TYPE), ("host", &host), ("x-amz-target", target)];
        let parts = RequestParts {
            method: "POST",
            path: self.endpoint.path(),
            query: "",
            headers: &headers.map(|(name, value)| (name, value.as_bytes())),
        };
        let purpose = Purpose { region: self.login.region.as_str(), service: "ecr" };
        let added = sigv4::sign(&parts, &self.login.credentials, purpose, now(), &sigv4::body_hash(&body));
        let mut request = self.http.post(self.endpoint.clone()).body(body);
        for (name, value) in
            headers.into_iter().chain(added.iter().map(|(name, value)| (*name, value.as_str())))
        {
            request = request.header(name, value);
        }
        let response = request.send().await.map_err(|cause| {
            let (endpoint, cause) = (self.endpoint.clone(), cause.without_url());
            if cause.is_connect() {
                Error::Unreachable { endpoint, cause }
            } else {
                Error::NoAnswer { endpoint, cause }
            }
        })?;
        self.receive(response).await
    }

    async fn receive(&self, mut response: Response) -> Result<(u16, Vec<u8>), Error> {
        let status = response.status();
        let is_json = response.headers().get(header::CONTENT_TYPE).is_some_and(|value| {
            value.to_str().is_ok_and(|text| text.starts_with("application/") && text.contains("json"))
        });
        let broken = |cause: reqwest::Error| Error::NoAnswer {
            endpoint: self.endpoint.clone(),
            cause: cause.without_url(),
        };
        let mut body = Vec::new();
        while let Some(bytes) = response.chunk().await.map_err(broken)? {
            if bytes.len() > LONGEST - body.len() {
                return Err(Error::TooLong { endpoint: self.endpoint.clone() });
            }
            body.extend_from_slice(&bytes);
        }
        if status.is_success() && is_json {
            return Ok((status.as_u16(), body));
        }
        match serde_json::from_slice::<Exception>(&body) {
            Ok(Exception { code, message }) if !status.is_success() => {
                let code = code.rsplit('#').next().unwrap_or(&code).to_owned();
                Err(Error::Refused { code, message: message.unwrap_or_default() })
            }
            _ => Err(self.foreign(status.as_u16())),
        }
    }

    pub(crate) fn foreign(&self, status: u16) -> Error {
        Error::Foreign { endpoint: self.endpoint.clone(), status }
    }
}

/// The body of a refusal. Services disagree about the case of `message`.
#[derive(Deserialize)]
struct Exception {
    #[serde(rename = "__type")]
    code: String,
    #[serde(alias = "Message")]
    message: Option<String>,
}

fn is_loopback(endpoint: &Url) -> bool {
    endpoint.host_str().is_some_and(|host| {
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
        address.is_ok_and(|address| address.is_loopback())
            || host == "localhost"
            || host.ends_with(".localhost")
    })
}

/// Seconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// The innermost source of an HTTP client's error: the outer ones say that a request could not be sent.
fn innermost(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests;
