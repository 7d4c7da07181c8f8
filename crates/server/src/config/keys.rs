//! The table of keys: names, meanings, and how a value becomes a setting.

use super::{Config, ConfigError, HostName, Origin};
use crate::listen::TlsFiles;
use crate::log::{Format, Level};
use acre_wire::names::{AccountId, Region};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);
/// Of a refused value, this many characters are repeated in the message.
const REPEATED: usize = 80;

/// A key of the configuration.
#[derive(Debug)]
pub struct Key {
    /// As it stands in the file: `public-host`.
    pub name: &'static str,
    /// What it is for, and its default: one line, the flag's help.
    pub about: &'static str,
    parse: fn(&mut Draft, &str) -> Result<(), &'static str>,
}

/// The key that names the file: a flag and a variable, but no key of the file.
pub const CONFIG: Key = Key {
    name: "config",
    about: "Read settings from this TOML file",
    parse: |_, _| Err("a flag or an environment variable"),
};

/// All keys of the file.
pub const KEYS: &[Key] = &[
    Key {
        name: "listen",
        about: "Listen here [default: 127.0.0.1:4510]",
        parse: |draft, text| {
            draft.listen =
                text.parse().map_err(|_| "an address and a port, such as 127.0.0.1:4510 or [::]:4510")?;
            Ok(())
        },
    },
    Key {
        name: "metrics",
        about: "Show metrics to whoever asks here, as http://<address>/metrics [default: nowhere]",
        parse: |draft, text| {
            let address =
                text.parse().map_err(|_| "an address and a port, such as 127.0.0.1:9451 or [::1]:9451")?;
            draft.metrics = Some(address);
            Ok(())
        },
    },
    Key {
        name: "public-host",
        about: "Tell clients this host[:port] [default: localhost]",
        parse: |draft, text| {
            draft.public_host = Some(HostName::parse(text).ok_or(HostName::RULE)?);
            Ok(())
        },
    },
    Key {
        name: "domain",
        about: "Give every registry its own host, <account>.dkr.ecr.<region>.<domain>[:port]",
        parse: |draft, text| {
            let domain = HostName::parse(text).filter(HostName::is_domain);
            draft.domain =
                Some(domain.ok_or("a domain, such as registry.example.com, with or without a port")?);
            Ok(())
        },
    },
    Key {
        name: "data",
        about: "Keep everything in this folder [default: ./acre-data]",
        parse: |draft, text| {
            draft.data = path(text)?;
            Ok(())
        },
    },
    Key {
        name: "account",
        about: "The home account's id [default: 000000000000]",
        parse: |draft, text| {
            draft.account = AccountId::parse(text).map_err(|error| error.rule)?;
            Ok(())
        },
    },
    Key {
        name: "region",
        about: "The Region of clients that name none [default: us-east-1]",
        parse: |draft, text| {
            draft.region = Region::parse(text).map_err(|error| error.rule)?;
            Ok(())
        },
    },
    Key {
        name: "root-key-file",
        about: "The file of the root key, without which nothing can be read [default: root.key in the data folder]",
        parse: |draft, text| {
            draft.root_key_file = Some(path(text)?);
            Ok(())
        },
    },
    Key {
        name: "tls-cert",
        about: "Serve HTTPS with this certificate chain (PEM); needs --tls-key",
        parse: |draft, text| {
            draft.tls_cert = Some(path(text)?);
            Ok(())
        },
    },
    Key {
        name: "tls-key",
        about: "The certificate's private key (PEM); needs --tls-cert",
        parse: |draft, text| {
            draft.tls_key = Some(path(text)?);
            Ok(())
        },
    },
    Key {
        name: "drain",
        about: "After the signal to stop, let running requests go on for this many seconds [default: 30]",
        parse: |draft, text| {
            let seconds = whole(text.strip_suffix('s').unwrap_or(text), 3600);
            draft.drain =
                seconds.map(Duration::from_secs).ok_or("seconds, such as 30 or 30s, 3600 at most")?;
            Ok(())
        },
    },
    Key {
        name: "log-format",
        about: "How log lines look: human or json [default: human]",
        parse: |draft, text| {
            draft.log_format = Format::parse(text).ok_or("human or json")?;
            Ok(())
        },
    },
    Key {
        name: "log-level",
        about: "Which log lines there are: error, warn, info, debug or trace [default: info]",
        parse: |draft, text| {
            draft.log_level = Level::parse(text).ok_or("error, warn, info, debug or trace")?;
            Ok(())
        },
    },
    Key {
        name: "undo-window-days",
        about: "For how many days deletions can be undone; 0: not at all [default: 7]",
        parse: |draft, text| {
            let days = whole(text, 3650).and_then(|days| u32::try_from(days).ok());
            draft.undo_window = DAY * days.ok_or("whole days, 0 to 3650")?;
            Ok(())
        },
    },
];

impl Key {
    /// The environment variable: `ACRE_PUBLIC_HOST`.
    pub fn variable(&self) -> String {
        format!("ACRE_{}", self.name.to_ascii_uppercase().replace('-', "_"))
    }

    /// The flag: `--public-host`.
    pub fn flag(&self) -> String {
        format!("--{}", self.name)
    }

    pub(super) fn set(
        &self,
        draft: &mut Draft,
        text: &str,
        origin: impl FnOnce() -> Origin,
    ) -> Result<(), ConfigError> {
        (self.parse)(draft, text).map_err(|rule| self.refuse(origin(), rule, text))
    }

    pub(super) fn refuse(&self, origin: Origin, rule: &'static str, text: &str) -> ConfigError {
        ConfigError::BadValue { origin, key: self.name, rule, text: text.chars().take(REPEATED).collect() }
    }
}

/// The key of that name.
pub(super) fn find(name: &str, origin: impl FnOnce() -> Origin) -> Result<&'static Key, ConfigError> {
    if let Some(key) = KEYS.iter().find(|key| key.name == name) {
        return Ok(key);
    }
    let plain = |name: &str| name.to_ascii_lowercase().replace(['-', '_', ' '], "");
    let meant = KEYS.iter().map(|key| key.name).find(|known| plain(known) == plain(name));
    let key = name.chars().take(REPEATED).collect();
    Err(ConfigError::UnknownKey { origin: origin(), key, meant })
}

/// Settings while they are collected.
#[derive(Debug)]
pub(super) struct Draft {
    listen: SocketAddr,
    metrics: Option<SocketAddr>,
    public_host: Option<HostName>,
    domain: Option<HostName>,
    data: PathBuf,
    account: AccountId,
    region: Region,
    /// By default it lies in the data folder, wherever that will be.
    root_key_file: Option<PathBuf>,
    tls_cert: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    drain: Duration,
    log_format: Format,
    log_level: Level,
    undo_window: Duration,
}

impl Default for Draft {
    #[expect(clippy::expect_used, reason = "constants that obey their grammars; every start runs this line")]
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 4510).into(),
            metrics: None,
            public_host: None,
            domain: None,
            data: "acre-data".into(),
            account: AccountId::parse("000000000000").expect("twelve digits"),
            region: Region::parse("us-east-1").expect("a Region"),
            root_key_file: None,
            tls_cert: None,
            tls_key: None,
            drain: Duration::from_secs(30),
            log_format: Format::Human,
            log_level: Level::Info,
            undo_window: 7 * DAY,
        }
    }
}

impl Draft {
    /// Fills in what depends on other keys.
    pub(super) fn finish(self) -> Result<Config, ConfigError> {
        let tls = match (self.tls_cert, self.tls_key) {
            (Some(cert), Some(key)) => Some(TlsFiles { cert, key }),
            (None, None) => None,
            (Some(_), None) => return Err(ConfigError::HalfTls { given: "tls-cert", missing: "tls-key" }),
            (None, Some(_)) => return Err(ConfigError::HalfTls { given: "tls-key", missing: "tls-cert" }),
        };
        Ok(Config {
            listen: self.listen,
            metrics: self.metrics,
            public_host: self.public_host,
            domain: self.domain,
            root_key_file: self.root_key_file.unwrap_or_else(|| self.data.join("root.key")),
            data: self.data,
            account: self.account,
            region: self.region,
            tls,
            drain: self.drain,
            log_format: self.log_format,
            log_level: self.log_level,
            undo_window: self.undo_window,
        })
    }
}

fn path(text: &str) -> Result<PathBuf, &'static str> {
    if text.is_empty() || text.contains('\0') { Err("a path") } else { Ok(text.into()) }
}

/// A whole number of at most `most`, in digits alone.
fn whole(text: &str, most: u64) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten().filter(|number| *number <= most)
}
