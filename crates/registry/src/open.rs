//! From settings to a running registry: first start, background work, stop.

use crate::authorize::Permit;
use crate::principals::Principals;
use crate::{Clock, Error, Registry, accounts, pull};
use acre_store::Store;
use acre_store::catalogue::accounts as rows;
use acre_wire::ecr::Operation;
use acre_wire::names::{AccountId, Region, RegistryName};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Microseconds that an upload may stand idle.
const UPLOAD_LIFETIME: i64 = 7 * 86_400_000_000;
/// How often counted pulls are written.
const FLUSH: Duration = Duration::from_secs(5);
/// How often uploads that nobody goes on with are looked for.
const SWEEP: Duration = Duration::from_hours(1);

/// What an installation is told at start.
#[derive(Clone)]
pub struct Settings {
    /// The data folder.
    pub data: PathBuf,
    /// Where the root key is; None: in the data folder.
    pub root_key_file: Option<PathBuf>,
    /// The home account, made at first start.
    pub account: AccountId,
    /// The Region that the first start's credentials file names.
    pub region: Region,
    /// How clients reach us.
    pub addresses: Addresses,
    /// Microseconds in which what was deleted can come back.
    pub undo_window: i64,
    /// What time it is.
    pub clock: Clock,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Settings({}, {:?})", self.data.display(), self.addresses)
    }
}

/// How clients reach us (DESIGN 5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// `http` or `https`.
    pub scheme: &'static str,
    /// Host and port of every registry, unless there is a domain.
    pub host: String,
    /// The suffix, with port, of `<account>.dkr.ecr.<Region>.`.
    pub domain: Option<String>,
}

impl Addresses {
    /// The host, with port, of a registry.
    pub fn host(&self, registry: &RegistryName) -> String {
        match &self.domain {
            Some(domain) => format!("{}.dkr.ecr.{}.{domain}", registry.account, registry.region),
            None => self.host.clone(),
        }
    }

    /// The URL of a registry.
    pub fn endpoint(&self, registry: &RegistryName) -> String {
        format!("{}://{}", self.scheme, self.host(registry))
    }
}

fn root_key(data: &Path, root_key_file: Option<&Path>) -> PathBuf {
    root_key_file.map_or_else(|| data.join("root.key"), Path::to_path_buf)
}

/// Whether another process holds the data folder; then the URL it serves, if it has written it.
pub fn is_held(data: &Path) -> Result<Option<String>, Error> {
    if !data.join("catalogue.sqlite").exists() {
        return Err(Error::NoDataFolder(data.to_path_buf()));
    }
    if !Store::is_locked(data)? {
        return Ok(None);
    }
    let endpoint = std::fs::read_to_string(data.join("endpoint")).unwrap_or_default();
    Ok(Some(endpoint.trim().to_owned()))
}

/// Rotates the keys of a data folder that no server holds; answers how many key domains there are. `principal` is who
/// does it, for the audit.
pub async fn rotate_idle(
    data: &Path,
    root_key_file: Option<&Path>,
    now: i64,
    principal: String,
) -> Result<usize, Error> {
    let permit = Permit::of_holder(Operation::RotateKeys, principal, uuid::Uuid::new_v4().to_string());
    let rotate = async || {
        let store = Store::open(data, &root_key(data, root_key_file), now, UPLOAD_LIFETIME)?;
        Ok(store.rotate_keys(now).await?)
    };
    permit.record(rotate().await)
}

impl Registry {
    /// Opens the data folder, completing a first start if need be. Blocking.
    pub fn open(settings: Settings) -> Result<Arc<Self>, Error> {
        let now = (settings.clock)();
        let root_key = root_key(&settings.data, settings.root_key_file.as_deref());
        let store = Arc::new(Store::open(&settings.data, &root_key, now, UPLOAD_LIFETIME)?);
        let registry = Arc::new(Self {
            store,
            settings,
            principals: Principals::default(),
            pulls: pull::Pulls::default(),
            ids: Mutex::new(uuid::ContextV7::new()),
        });
        registry.make_home(now)?;
        registry.principals.refresh(&registry.store)?;
        registry.write_credentials()?;
        Ok(registry)
    }

    /// The home account and its root's access key, in one transaction: after a power cut both are there or neither.
    fn make_home(&self, now: i64) -> Result<(), Error> {
        let holders = self.store.catalogue.read(rows::key_holders)?;
        // The first principal is the first start's.
        if let Some(home) = holders.first() {
            return if home.account == self.settings.account.as_str() {
                Ok(())
            } else {
                Err(Error::OtherHome { data: self.settings.data.clone(), home: home.account.clone() })
            };
        }
        let new = accounts::NewAccount::make(&self.store, &self.settings.account, now)?;
        self.store.catalogue.write_blocking(move |tx| new.insert(tx))?;
        Ok(())
    }

    /// Writes the credentials file if it is not there: it can always be made again from the catalogue.
    fn write_credentials(&self) -> Result<(), Error> {
        if self.settings.data.join("credentials").exists() {
            return Ok(());
        }
        let Some(key) = self.principals.of_account(&self.settings.account) else { return Ok(()) };
        let text = format!(
            "[default]\naws_access_key_id = {}\naws_secret_access_key = {}\nregion = {}\n",
            key.id,
            key.secret.expose(),
            self.settings.region,
        );
        Ok(self.store.write_file("credentials", text.as_bytes())?)
    }

    /// Notes the URL that is served, for `acre env` and the commands.
    pub fn write_endpoint(&self, url: &str) -> Result<(), Error> {
        Ok(self.store.write_file("endpoint", format!("{url}\n").as_bytes())?)
    }

    /// Work beside the requests, until the task is dropped: counted pulls are written, abandoned uploads removed.
    pub async fn work(self: Arc<Self>) {
        let mut flush = tokio::time::interval(FLUSH);
        let mut sweep = tokio::time::interval(SWEEP);
        // Opening has just swept.
        sweep.tick().await;
        loop {
            tokio::select! {
                _ = flush.tick() => self.flush_pulls().await,
                _ = sweep.tick() => {
                    let registry = Arc::clone(&self);
                    let work = move || registry.store.sweep(registry.now(), UPLOAD_LIFETIME);
                    if let Ok(Err(error)) = tokio::task::spawn_blocking(work).await {
                        tracing::warn!(%error, "abandoned uploads could not be removed");
                    }
                }
            }
        }
    }

    /// The last thing before the process ends: what is only counted is written.
    pub async fn stop(&self) {
        self.flush_pulls().await;
    }
}
