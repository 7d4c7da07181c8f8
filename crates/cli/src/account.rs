//! `acre account create`: another account, and its root's key as a profile.

use crate::args::CreateAccount;
use crate::calls::wait_for;
use crate::printer::Printer;
use crate::profiles::{Profile, Profiles};
use crate::{Failure, variable};
use acre_client::credentials::{Login, from_environment};
use acre_client::ecr::Client;
use acre_wire::ecr::account;
use acre_wire::sigv4::Credentials;
use serde_json::json;

pub(crate) fn create(arguments: &CreateAccount) -> Result<(), Failure> {
    let printer = Printer(arguments.output.output);
    let name = arguments.profile.clone().unwrap_or_else(|| format!("acre-{}", arguments.id));
    let login = from_environment(variable)
        .map_err(|error| Failure::from(error).hint("set all that is needed with: eval \"$(acre env)\""))?;
    let client = Client::new(login.clone())?;
    // The secret is told once: the files that will keep it must be there before it is asked for.
    let profiles = Profiles::open(variable)?;
    let input = account::CreateAccount { account_id: arguments.id.clone() };
    let made = wait_for(client.call_operation(&input))?;
    let credentials = Credentials {
        access_key_id: made.access_key_id,
        secret_access_key: made.secret_access_key,
        session_token: None,
    };
    let login = Login { credentials, ..login };
    let written = profiles.write(&Profile { name: &name, login: &login, all: false })?;
    let id = made.account_id;
    let json = json!({
        "accountId": id,
        "accessKeyId": login.credentials.access_key_id,
        "profile": name,
    });
    printer.data(&format!("account {id} made\n"), &json)?;
    printer.message(&format_args!(
        "its root's key is profile {name} in {written}; use it with: export AWS_PROFILE={name}"
    ));
    Ok(())
}
