//! `acre env`: what the AWS tools need to know of a server on this machine (DESIGN.md 6).

use crate::args::Env;
use crate::printer::Printer;
use crate::profiles::{Profile, Profiles};
use crate::{Failure, data_folder, variable};
use acre_client::credentials::Login;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

pub(crate) fn run(arguments: &Env) -> Result<(), Failure> {
    let printer = Printer(arguments.output.output);
    let login = data_folder::read(&arguments.data.folder())?;
    if let Some(name) = &arguments.profile {
        let profiles = Profiles::open(variable)?;
        let written = profiles.write(&Profile { name, login: &login, all: arguments.all })?;
        printer
            .message(&format_args!("profile {name} is in {written}; use it with: export AWS_PROFILE={name}"));
        return match arguments.output.output {
            crate::args::Output::Text => Ok(()),
            crate::args::Output::Json => Ok(printer.data("", &json!({ "profile": name }))?),
        };
    }
    let variables = variables(&login, arguments.all, variable);
    let mut json = Map::new();
    for (name, value) in &variables {
        json.insert((*name).to_owned(), Value::from(value.as_str()));
    }
    printer.data(&lines(&variables, variable), &Value::Object(json))?;
    if printer.is_read_by_a_person() {
        printer.message(&"# to use them: eval \"$(acre env)\" with the same options");
    }
    Ok(())
}

/// The variables to set. A Region that the environment has under one of its names counts for both: which of them a tool
/// reads differs.
fn variables(login: &Login, all: bool, env: impl Fn(&str) -> Option<String>) -> Vec<(&'static str, String)> {
    const REGION: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];
    let mut variables = vec![
        ("AWS_ACCESS_KEY_ID", login.credentials.access_key_id.clone()),
        ("AWS_SECRET_ACCESS_KEY", login.credentials.secret_access_key.expose().to_owned()),
        ("AWS_ENDPOINT_URL_ECR", login.endpoint.clone()),
        ("AWS_ENDPOINT_URL_STS", login.endpoint.clone()),
    ];
    if all {
        variables.push(("AWS_ENDPOINT_URL", login.endpoint.clone()));
    }
    let region = REGION.into_iter().find_map(&env).unwrap_or_else(|| login.region.to_string());
    variables
        .extend(REGION.into_iter().filter(|name| env(name).is_none()).map(|name| (name, region.clone())));
    variables
}

/// Lines for a POSIX shell. A session token of other credentials would make the server refuse these.
fn lines(variables: &[(&str, String)], env: impl Fn(&str) -> Option<String>) -> String {
    let mut lines = String::new();
    for (name, value) in variables {
        let _ = writeln!(lines, "export {name}={}", quote(value));
    }
    if env("AWS_SESSION_TOKEN").is_some() {
        lines.push_str("unset AWS_SESSION_TOKEN\n");
    }
    lines
}

/// The word that a POSIX shell reads as this text.
pub(crate) fn quote(text: &str) -> String {
    let is_plain = |c: u8| c.is_ascii_alphanumeric() || b"-_./:@%+=,".contains(&c);
    if !text.is_empty() && text.bytes().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use acre_wire::names::Region;
    use acre_wire::sigv4::{Credentials, Secret};

    fn login() -> Login {
        Login {
            endpoint: "http://localhost:4510".into(),
            region: Region::parse("us-east-1").unwrap(),
            credentials: Credentials {
                access_key_id: "AKIAEXAMPLE".into(),
                secret_access_key: Secret::new("a+b/c"),
                session_token: None,
            },
        }
    }

    fn printed(all: bool, env: &[&str]) -> String {
        let env = |name: &str| env.contains(&name).then(|| "set".to_owned());
        lines(&variables(&login(), all, env), env)
    }

    #[test]
    fn lines_for_the_shell() {
        insta::assert_snapshot!(printed(false, &[]), @r"
        export AWS_ACCESS_KEY_ID=AKIAEXAMPLE
        export AWS_SECRET_ACCESS_KEY=a+b/c
        export AWS_ENDPOINT_URL_ECR=http://localhost:4510
        export AWS_ENDPOINT_URL_STS=http://localhost:4510
        export AWS_REGION=us-east-1
        export AWS_DEFAULT_REGION=us-east-1
        ");
        insta::assert_snapshot!(printed(true, &["AWS_REGION", "AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN"]), @r"
        export AWS_ACCESS_KEY_ID=AKIAEXAMPLE
        export AWS_SECRET_ACCESS_KEY=a+b/c
        export AWS_ENDPOINT_URL_ECR=http://localhost:4510
        export AWS_ENDPOINT_URL_STS=http://localhost:4510
        export AWS_ENDPOINT_URL=http://localhost:4510
        unset AWS_SESSION_TOKEN
        ");
    }

    #[test]
    fn one_region_counts_for_both_names() {
        let env = |name: &str| (name == "AWS_DEFAULT_REGION").then(|| "eu-west-1".to_owned());
        let set = variables(&login(), false, env);
        assert_eq!(set.last().unwrap(), &("AWS_REGION", "eu-west-1".to_owned()));
        assert_eq!(set.len(), 5);
    }

    #[test]
    fn the_shell_reads_what_was_meant() {
        for text in ["", "plain", "a b", "it's", "$(id)", "`id`", "a\nb", "\\", "\"", "*", "~", "!x"] {
            let script = format!("printf %s {}", quote(text));
            let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), text);
        }
    }
}
