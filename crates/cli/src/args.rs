//! The command line, as clap understands it. Nothing else.

#![expect(
    rustdoc::broken_intra_doc_links,
    rustdoc::invalid_html_tags,
    clippy::doc_markdown,
    reason = "clap shows these texts as they stand, and people write host[:port], <data> and DescribeImages"
)]

use crate::Flag;
use acre_wire::names::{AccountId, RepositoryName};
use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::path::PathBuf;

macro_rules! environment {
    () => {
        "The registry is the one that the AWS variables name: keys, Region, and AWS_ENDPOINT_URL_ECR or AWS_ENDPOINT_URL \
         (without one, AWS ECR). For a server on this machine: eval \"$(acre env)\"."
    };
}

/// A private container registry whose control plane is the AWS ECR API.
#[derive(Debug, Parser)]
#[command(name = "acre", version, propagate_version = true, disable_help_subcommand = true)]
#[command(
    after_help = "A first push:\n  acre serve                 in one terminal\n  eval \"$(acre env)\"         in another, \
                        then aws, terraform and docker as with ECR"
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the registry.
    Serve(Box<Serve>),
    /// Show the root credentials and the endpoint of a server on this machine, as lines for the shell.
    ///
    /// Type: eval "$(acre env)". Reads <data>/credentials and <data>/endpoint and nothing else.
    Env(Env),
    /// Manage the accounts of an installation.
    #[command(subcommand)]
    Account(Account),
    /// Manage the keys that everything is sealed with.
    #[command(subcommand)]
    Keys(Keys),
    /// See what lifecycle policies do before they do it, on acre and on AWS ECR alike.
    #[command(subcommand)]
    Lifecycle(Lifecycle),
}

#[derive(Debug, Args)]
#[command(
    after_help = "Every option is also a key of the TOML file and an environment variable (--public-host: public-host, \
                        ACRE_PUBLIC_HOST). An option goes before a variable, a variable before the file."
)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) settings: Settings,
}

/// The server's configuration; what the values mean is the server's to say.
#[derive(Debug, Default, Args)]
pub(crate) struct Settings {
    /// Read settings from this TOML file
    #[arg(long, value_name = "FILE")]
    config: Option<String>,
    /// Listen here [default: 127.0.0.1:4510]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// Show metrics to whoever asks here, as http://<address>/metrics [default: nowhere]
    #[arg(long, value_name = "ADDRESS:PORT")]
    metrics: Option<String>,
    /// Tell clients this host[:port] [default: localhost]
    #[arg(long, value_name = "HOST")]
    public_host: Option<String>,
    /// Give every registry its own host, <account>.dkr.ecr.<region>.<domain>[:port]
    #[arg(long, value_name = "DOMAIN")]
    domain: Option<String>,
    /// Keep everything in this folder [default: ./acre-data]
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    /// The home account's id [default: 000000000000]
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// The Region of clients that name none [default: us-east-1]
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// The file of the root key, without which nothing can be read [default: root.key in the data folder]
    #[arg(long, value_name = "FILE")]
    root_key_file: Option<String>,
    /// Serve HTTPS with this certificate chain (PEM); needs --tls-key
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<String>,
    /// The certificate's private key (PEM); needs --tls-cert
    #[arg(long, value_name = "FILE")]
    tls_key: Option<String>,
    /// After the signal to stop, let running requests go on for this many seconds [default: 30]
    #[arg(long, value_name = "SECONDS")]
    drain: Option<String>,
    /// How log lines look: human or json [default: human]
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
    /// Which log lines there are: error, warn, info, debug or trace [default: info]
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// For how many days deletions can be undone; 0: not at all [default: 7]
    #[arg(long, value_name = "DAYS")]
    undo_window_days: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Env {
    #[command(flatten)]
    pub(crate) data: Data,
    /// Send every AWS service to the server, not only ECR and STS
    #[arg(long)]
    pub(crate) all: bool,
    /// Write a profile of this name into the AWS tools' files instead
    #[arg(long, value_name = "NAME", value_parser = profile_name)]
    pub(crate) profile: Option<String>,
    #[command(flatten)]
    pub(crate) output: OutputArgument,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Account {
    /// Make an account with a root access key of its own, and write it as a profile.
    ///
    /// Only the home account's root may. The secret is told this once: it goes into the profile and nowhere else.
    Create(CreateAccount),
}

#[derive(Debug, Args)]
pub(crate) struct CreateAccount {
    /// The new account: twelve digits
    #[arg(value_name = "ID", value_parser = AccountId::parse)]
    pub(crate) id: AccountId,
    /// Write the key into the AWS tools' files under this name [default: acre-ID]
    #[arg(long, value_name = "NAME", value_parser = profile_name)]
    pub(crate) profile: Option<String>,
    #[command(flatten)]
    pub(crate) output: OutputArgument,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// Seal new data under new keys. What is there stays readable.
    Rotate(RotateKeys),
}

#[derive(Debug, Args)]
pub(crate) struct RotateKeys {
    /// Read settings from this TOML file
    #[arg(long, value_name = "FILE")]
    config: Option<String>,
    #[command(flatten)]
    pub(crate) data: Data,
    /// The file of the root key [default: root.key in the data folder]
    #[arg(long, value_name = "FILE")]
    root_key_file: Option<String>,
    #[command(flatten)]
    pub(crate) output: OutputArgument,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Lifecycle {
    /// Find where a policy does not do what its author thinks, and print the rules that do.
    ///
    /// Several prefixes of one rule mean AND, a higher rule may claim all that a lower one is about, a rule can match
    /// nothing. Of a repository the policy that is set is read, and its images, to see what the rules match; nothing is
    /// changed.
    #[command(after_help = concat!("Exit code: 0 without findings; 1 with findings, or if it failed (then stdout is \
                                    empty); 2 for wrong usage.\n\n", environment!()))]
    Lint(LintLifecycle),
    /// Show which images a policy would delete or archive now, by which rule and why.
    ///
    /// The policy runs here, on what the registry tells (GetLifecyclePolicy, DescribeImages, BatchGetImage); nothing is
    /// deleted or archived. Images of an index stay as long as it does: to know them, the manifests of indexes are read
    /// whenever something would go. A registry counts that as a pull of these indexes; so if the policy, or the one that
    /// is set, has a rule that counts from the last pull, they are only read with --read-indexes. What was attached to an
    /// image that is deleted already cannot be told apart: it is shown as any other image.
    #[command(after_help = environment!())]
    Preview(PreviewLifecycle),
}

#[derive(Debug, Args)]
pub(crate) struct LintLifecycle {
    /// A file with a policy as JSON; if there is no such file, a repository
    #[arg(value_name = "FILE|REPO")]
    pub(crate) subject: OsString,
    #[command(flatten)]
    pub(crate) output: OutputArgument,
}

#[derive(Debug, Args)]
pub(crate) struct PreviewLifecycle {
    /// The repository
    #[arg(value_name = "REPO", value_parser = RepositoryName::parse)]
    pub(crate) repository: RepositoryName,
    /// Try this policy (JSON) instead of the one that is set
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// Show the images that are kept too
    #[arg(long)]
    pub(crate) all: bool,
    /// Read the manifests of indexes even though a rule counts from the last pull: for them that will be now
    #[arg(long)]
    pub(crate) read_indexes: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgument,
}

#[derive(Debug, Args)]
pub(crate) struct Data {
    #[arg(
        long,
        value_name = "DIR",
        help = "The server's data folder [default: $ACRE_DATA, else ./acre-data]"
    )]
    data: Option<String>,
}

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct OutputArgument {
    /// For people, or for programs
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    Text,
    Json,
}

impl Arguments {
    pub(crate) fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        Self::try_parse_from(arguments)
    }
}

impl Settings {
    /// Those that were given.
    pub(crate) fn flags(self) -> Vec<Flag> {
        flags([
            ("config", self.config),
            ("listen", self.listen),
            ("metrics", self.metrics),
            ("public-host", self.public_host),
            ("domain", self.domain),
            ("data", self.data),
            ("account", self.account),
            ("region", self.region),
            ("root-key-file", self.root_key_file),
            ("tls-cert", self.tls_cert),
            ("tls-key", self.tls_key),
            ("drain", self.drain),
            ("log-format", self.log_format),
            ("log-level", self.log_level),
            ("undo-window-days", self.undo_window_days),
        ])
    }
}

impl RotateKeys {
    /// Those that were given.
    pub(crate) fn flags(&self) -> Vec<Flag> {
        flags([
            ("config", self.config.clone()),
            ("data", self.data.data.clone()),
            ("root-key-file", self.root_key_file.clone()),
        ])
    }
}

impl Data {
    /// The data folder that is meant.
    pub(crate) fn folder(&self) -> PathBuf {
        let named = self.data.clone().or_else(|| crate::variable("ACRE_DATA"));
        named.map_or_else(|| PathBuf::from("acre-data"), PathBuf::from)
    }
}

fn flags<const N: usize>(given: [(&'static str, Option<String>); N]) -> Vec<Flag> {
    let flag = |(key, text): (&'static str, Option<String>)| {
        Some(Flag { key, text: text?, origin: format!("--{key}") })
    };
    given.into_iter().filter_map(flag).collect()
}

/// The options of `acre serve`, each with its help: the server has a table that they must be equal to.
pub fn serve_arguments() -> Vec<(String, String)> {
    let command = Arguments::command();
    let arguments = command.find_subcommand("serve").into_iter().flat_map(clap::Command::get_arguments);
    arguments
        .filter_map(|argument| {
            let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
            Some((argument.get_long()?.to_owned(), help))
        })
        .collect()
}

/// A name that every AWS tool reads back as it was written.
fn profile_name(text: &str) -> Result<String, &'static str> {
    let is_plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.' | b'@' | b'+');
    if (1..=64).contains(&text.len()) && text.bytes().all(is_plain) {
        Ok(text.to_owned())
    } else {
        Err("a profile's name is 1 to 64 of A-Z a-z 0-9 - _ . @ +")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clap_agrees_with_itself() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_setting_is_handed_over_under_its_own_name() {
        let names: Vec<_> = serve_arguments().into_iter().map(|(name, _)| name).collect();
        let mut line = vec!["acre".to_owned(), "serve".to_owned()];
        line.extend(names.iter().map(|name| format!("--{name}=value of {name}")));
        let Command::Serve(serve) = Arguments::try_parse_from(line).unwrap().command else { panic!() };
        let flags = serve.settings.flags();
        assert_eq!(flags.iter().map(|flag| flag.key.to_owned()).collect::<Vec<_>>(), names);
        for flag in flags {
            assert_eq!(
                (flag.text, flag.origin),
                (format!("value of {}", flag.key), format!("--{}", flag.key))
            );
        }
    }

    #[test]
    fn profile_names() {
        for good in ["default", "acre-000000000000", "a.b_c@d+e"] {
            assert!(profile_name(good).is_ok(), "{good}");
        }
        for bad in ["", "a b", "a]", "a\nb", "é", &"x".repeat(65)] {
            assert!(profile_name(bad).is_err(), "{bad}");
        }
    }
}
