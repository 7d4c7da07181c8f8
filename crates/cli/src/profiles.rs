//! Profiles in the files of the AWS tools: the key in `~/.aws/credentials`, Region and endpoints in `~/.aws/config`.
//!
//! Only the sections of one profile are touched; every other line stays as it is.

use crate::Failure;
use acre_client::credentials::Login;
use anyhow::{Context as _, anyhow};
use std::fs::{
    DirBuilder, File, OpenOptions, Permissions, canonicalize, read_to_string, remove_file, rename,
};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// What is written as a profile.
#[derive(Debug)]
pub(crate) struct Profile<'a> {
    pub(crate) name: &'a str,
    pub(crate) login: &'a Login,
    /// Whether all services go to the endpoint, not only ECR and STS.
    pub(crate) all: bool,
}

/// Both files, read and certain to be writable.
#[derive(Debug)]
pub(crate) struct Profiles {
    credentials: Draft,
    config: Draft,
}

impl Profiles {
    /// Opens the files where the AWS tools look for them.
    pub(crate) fn open(env: impl Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let home = env("HOME").map(PathBuf::from);
        let place = |name, default| -> anyhow::Result<PathBuf> {
            let home = || home.clone().ok_or_else(|| anyhow!("HOME is not set"));
            match env(name) {
                None => Ok(home()?.join(".aws").join(default)),
                Some(path) => match path.strip_prefix("~/") {
                    None => Ok(path.into()),
                    Some(path) => Ok(home()?.join(path)),
                },
            }
        };
        let credentials = Draft::open(&place("AWS_SHARED_CREDENTIALS_FILE", "credentials")?)?;
        let config = Draft::open(&place("AWS_CONFIG_FILE", "config")?)?;
        Ok(Self { credentials, config })
    }

    /// Writes the profile, in place of one of that name; tells where.
    pub(crate) fn write(self, profile: &Profile<'_>) -> Result<String, Failure> {
        let Profile { name, login, all } = profile;
        let endpoint = &login.endpoint;
        let (key, secret) = (&login.credentials.access_key_id, login.credentials.secret_access_key.expose());
        let place = format!("{} and {}", self.credentials.path.display(), self.config.path.display());
        self.credentials.write(|text| {
            let lines = format!("aws_access_key_id = {key}\naws_secret_access_key = {secret}\n");
            with_section(text, name, Some(&lines))
        })?;
        self.config.write(|text| {
            // In this file, and in this one alone, profiles other than `default` say that they are profiles.
            let section =
                if *name == "default" { String::from("default") } else { format!("profile {name}") };
            let services = format!("services acre-{name}");
            let region = &login.region;
            if *all {
                let lines = format!("region = {region}\nendpoint_url = {endpoint}\n");
                with_section(&with_section(text, &services, None), &section, Some(&lines))
            } else {
                let lines = format!("region = {region}\nservices = acre-{name}\n");
                let both =
                    format!("ecr =\n  endpoint_url = {endpoint}\nsts =\n  endpoint_url = {endpoint}\n");
                with_section(&with_section(text, &section, Some(&lines)), &services, Some(&both))
            }
        })?;
        Ok(place)
    }
}

/// A file that will be replaced as a whole, by a fresh one (0600) beside it that exists already.
#[derive(Debug)]
struct Draft {
    path: PathBuf,
    text: String,
    fresh: PathBuf,
    file: File,
}

impl Draft {
    fn open(path: &Path) -> anyhow::Result<Self> {
        // A link stays a link: what it points at is replaced.
        let path = canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let text = match read_to_string(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            text => text.with_context(|| format!("cannot read {}", path.display()))?,
        };
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
            made.with_context(|| format!("cannot make {}", folder.display()))?;
        }
        let mut fresh = path.clone().into_os_string();
        fresh.push(format!(".acre-{}", std::process::id()));
        let fresh = PathBuf::from(fresh);
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh);
        let file = file.with_context(|| format!("cannot write beside {}", path.display()))?;
        Ok(Self { path, text, fresh, file })
    }

    fn write(mut self, edit: impl FnOnce(&str) -> String) -> anyhow::Result<()> {
        let text = edit(&self.text);
        self.file
            .set_permissions(Permissions::from_mode(0o600))
            .and_then(|()| self.file.write_all(text.as_bytes()))
            .and_then(|()| self.file.sync_all())
            .and_then(|()| rename(&self.fresh, &self.path))
            .with_context(|| format!("cannot write {}", self.path.display()))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // After a rename there is nothing of that name.
        let _ = remove_file(&self.fresh);
    }
}

/// The value of a name in a section; the last one counts.
pub(crate) fn value<'a>(text: &'a str, section: &str, name: &str) -> Option<&'a str> {
    let mut inside = false;
    let mut found = None;
    for line in text.lines() {
        if let Some(header) = header(line) {
            inside = header == section;
        } else if inside
            && let Some((key, value)) = line.split_once('=')
            && key.trim() == name
        {
            found = Some(value.trim());
        }
    }
    found
}

/// The text with those lines as the section of that name, in place of the one it has, else at the end; or without it.
fn with_section(text: &str, name: &str, lines: Option<&str>) -> String {
    let mut rest = lines;
    let mut whole = String::with_capacity(text.len() + 256);
    let mut inside = false;
    // Blank lines and comments at the end of a section belong to what follows.
    let mut held = String::new();
    for line in text.split_inclusive('\n') {
        if let Some(header) = header(line) {
            whole.push_str(&held);
            held.clear();
            inside = header == name;
            if inside {
                // The AWS tools refuse a section that is there twice: a second one goes.
                if let Some(lines) = rest.take() {
                    push_section(&mut whole, name, lines);
                }
                continue;
            }
        }
        let is_blank = line.trim().is_empty() || line.trim_start().starts_with(['#', ';']);
        match (inside, is_blank) {
            (true, true) => held.push_str(line),
            (true, false) => held.clear(),
            (false, _) => whole.push_str(line),
        }
    }
    whole.push_str(&held);
    if let Some(lines) = rest {
        if !whole.is_empty() && !whole.ends_with('\n') {
            whole.push('\n');
        }
        if !whole.is_empty() && !whole.ends_with("\n\n") {
            whole.push('\n');
        }
        push_section(&mut whole, name, lines);
    }
    whole
}

fn push_section(whole: &mut String, name: &str, lines: &str) {
    whole.push('[');
    whole.push_str(name);
    whole.push_str("]\n");
    whole.push_str(lines);
}

/// The name that a line opens a section of. Quotes and runs of blanks inside it mean nothing.
fn header(line: &str) -> Option<String> {
    let (name, _) = line.strip_prefix('[')?.split_once(']')?;
    Some(name.replace(['"', '\''], " ").split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests;
