//! Host names as they are told to clients (DESIGN.md 5).

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// `host[:port]`: a name, an IPv4 address or an IPv6 address in brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostName {
    host: String,
    port: Option<u16>,
}

impl HostName {
    /// The rule of [`HostName::parse`].
    pub(super) const RULE: &str = "a host, such as registry.example.com, with or without a port";

    /// Reads a host with or without a port.
    pub fn parse(text: &str) -> Option<Self> {
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (text, None),
        };
        let port = match port {
            None => None,
            Some(port) if port.bytes().all(|c| c.is_ascii_digit()) => {
                Some(port.parse().ok().filter(|p| *p != 0)?)
            }
            Some(_) => return None,
        };
        let six = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let known = match six {
            Some(address) => address.parse::<Ipv6Addr>().is_ok(),
            None => host.len() <= 253 && host.split('.').all(is_label),
        };
        known.then(|| Self { host: host.to_owned(), port })
    }

    /// The host without its port.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, if one was given; otherwise the listener's is meant.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// `host:port`, with the listener's port unless one was given.
    pub fn authority(&self, listener: u16) -> String {
        format!("{}:{}", self.host, self.port.unwrap_or(listener))
    }

    /// Whether registries can have names below it.
    pub(super) fn is_domain(&self) -> bool {
        self.host.parse::<Ipv4Addr>().is_err()
            && acre_wire::host::registry(&format!("000000000000.dkr.ecr.us-east-1.{}", self.host)).is_some()
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            None => f.write_str(&self.host),
            Some(port) => write!(f, "{}:{port}", self.host),
        }
    }
}

fn is_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_'))
        && !text.starts_with('-')
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for (text, authority) in [
            ("localhost", "localhost:4510"),
            ("registry.example.com", "registry.example.com:4510"),
            ("registry.example.com:443", "registry.example.com:443"),
            ("10.0.0.1", "10.0.0.1:4510"),
            ("[::1]", "[::1]:4510"),
            ("[fe80::1]:80", "[fe80::1]:80"),
        ] {
            let host = HostName::parse(text).unwrap();
            assert_eq!((host.to_string().as_str(), host.authority(4510).as_str()), (text, authority));
        }
        for bad in [
            "", ":80", "a:", "a:0", "a:65536", "a:+1", "a:b", "::1", "[::1", "[x]", "a b", "a..b", "-a",
            "http://a", "a/b",
        ] {
            assert_eq!(HostName::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn domains() {
        for (text, is) in [("example.com", true), ("zone:443", true), ("10.0.0.1", false), ("[::1]", false)] {
            assert_eq!(HostName::parse(text).unwrap().is_domain(), is, "{text}");
        }
    }
}
