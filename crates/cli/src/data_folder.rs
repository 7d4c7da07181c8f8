//! The two files that a server leaves for commands: `<data>/endpoint`, the URL it serves, and `<data>/credentials`.

use crate::Failure;
use acre_client::credentials::Login;
use acre_wire::names::Region;
use acre_wire::sigv4::{Credentials, Secret};
use anyhow::{Context as _, anyhow, bail};
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

/// Neither file has more than a few hundred bytes.
const LONGEST: u64 = 64 << 10;

/// Reads both files.
pub(crate) fn read(data: &Path) -> Result<Login, Failure> {
    let (credentials, region) = credentials(data)?;
    let text = contents(data, "endpoint")?;
    let endpoint = text.trim();
    let is_url = endpoint.starts_with("http://") || endpoint.starts_with("https://");
    if !is_url || !endpoint.bytes().all(|c| c.is_ascii_graphic()) {
        return Err(anyhow!("{} holds no URL", data.join("endpoint").display()).into());
    }
    Ok(Login { endpoint: endpoint.to_owned(), region, credentials })
}

/// Reads the root credentials, and the Region beside them.
pub(crate) fn credentials(data: &Path) -> Result<(Credentials, Region), Failure> {
    let text = contents(data, "credentials")?;
    Ok(parse(&text).with_context(|| data.join("credentials").display().to_string())?)
}

fn parse(text: &str) -> anyhow::Result<(Credentials, Region)> {
    let value = |name| {
        let value = crate::profiles::value(text, "default", name).unwrap_or_default();
        if value.is_empty() || !value.bytes().all(|c| c.is_ascii_graphic()) {
            bail!("[default] has no {name}");
        }
        Ok(value)
    };
    let credentials = Credentials {
        access_key_id: value("aws_access_key_id")?.to_owned(),
        secret_access_key: Secret::new(value("aws_secret_access_key")?),
        session_token: None,
    };
    Ok((credentials, Region::parse(value("region")?)?))
}

fn contents(data: &Path, name: &str) -> Result<String, Failure> {
    let path = data.join(name);
    let mut text = String::new();
    match File::open(&path).and_then(|file| file.take(LONGEST).read_to_string(&mut text)) {
        Ok(_) => Ok(text),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let failure = Failure::from(anyhow!("no server has run on {}: it has no {name}", data.display()));
            Err(failure.hint(format!(
                "start one: acre serve --data {}",
                crate::env::quote(&data.display().to_string())
            )))
        }
        Err(error) => Err(anyhow!(error).context(format!("cannot read {}", path.display())).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_leaves() {
        let text = "[default]\naws_access_key_id = AKIA\naws_secret_access_key = a+/=b\nregion = us-west-2\n";
        let (credentials, region) = parse(text).unwrap();
        assert_eq!(credentials.access_key_id, "AKIA");
        assert_eq!(credentials.secret_access_key.expose(), "a+/=b");
        assert_eq!(region.as_str(), "us-west-2");
        for (line, message) in [
            ("aws_secret_access_key = a+/=b", "[default] has no aws_secret_access_key"),
            ("region = us-west-2", "[default] has no region"),
            ("[default]", "[default] has no aws_access_key_id"),
        ] {
            assert_eq!(parse(&text.replace(line, "")).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn folders_without_a_server() {
        let folder = tempfile::tempdir().unwrap();
        let failure = read(folder.path()).unwrap_err();
        assert!(failure.error.to_string().ends_with("it has no credentials"), "{failure:?}");
        assert!(failure.hint.unwrap().starts_with("start one: acre serve --data "));
        let text = "[default]\naws_access_key_id = A\naws_secret_access_key = B\nregion = us-west-2\n";
        std::fs::write(folder.path().join("credentials"), text).unwrap();
        assert!(read(folder.path()).unwrap_err().error.to_string().ends_with("it has no endpoint"));
        for bad in ["", "localhost:4510", "http://a b", "http://a\nx"] {
            std::fs::write(folder.path().join("endpoint"), bad).unwrap();
            assert!(read(folder.path()).unwrap_err().error.to_string().ends_with("holds no URL"), "{bad}");
        }
        std::fs::write(folder.path().join("endpoint"), "http://localhost:4510\n").unwrap();
        assert_eq!(read(folder.path()).unwrap().endpoint, "http://localhost:4510");
    }
}
