//! `acre keys rotate`: asked of the server that holds the data folder. Without one, `main` does it on the folder itself.

use crate::args;
use crate::calls::wait_for;
use crate::printer::Printer;
use crate::{Failure, Flag, data_folder, finish, variable};
use acre_client::credentials::{Login, from_environment};
use acre_client::ecr::Client;
use acre_wire::ecr::account;
use serde_json::json;
use std::process::ExitCode;

/// A wish for new keys.
#[derive(Debug)]
pub struct RotateKeys(args::RotateKeys);

impl RotateKeys {
    pub(crate) fn new(arguments: args::RotateKeys) -> Self {
        Self(arguments)
    }

    /// What was said about the data folder and the root key, for the server's configuration.
    pub fn flags(&self) -> Vec<Flag> {
        self.0.flags()
    }

    /// The folder was free, and that many key domains have new keys.
    pub fn done(&self, key_domains: usize) -> ExitCode {
        finish(self.tell(key_domains))
    }

    /// A server that is reached at `endpoint` holds the folder: asks it.
    pub fn ask(&self, endpoint: &str) -> ExitCode {
        finish(self.call(endpoint))
    }

    fn call(&self, endpoint: &str) -> Result<(), Failure> {
        let client = Client::new(self.login(endpoint)?)?;
        let answer = wait_for(client.call_operation(&account::RotateKeys {}))?;
        self.tell(answer.key_domains.try_into()?)
    }

    /// The root credentials beside the data, or those of the environment if they cannot be read.
    fn login(&self, endpoint: &str) -> Result<Login, Failure> {
        let endpoint = endpoint.to_owned();
        match (data_folder::credentials(&self.0.data.folder()), from_environment(variable)) {
            (Ok((credentials, region)), _) => Ok(Login { endpoint, region, credentials }),
            (Err(_), Ok(login)) => Ok(Login { endpoint, ..login }),
            (Err(failure), Err(_)) => Err(failure),
        }
    }

    fn tell(&self, key_domains: usize) -> Result<(), Failure> {
        let text = format!("new data is sealed under new keys (key domains: {key_domains})\n");
        Ok(Printer(self.0.output.output).data(&text, &json!({ "keyDomains": key_domains }))?)
    }
}
