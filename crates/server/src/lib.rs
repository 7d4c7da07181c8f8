//! THE DOORS. HTTP only: a door turns a request into a caller and an operation, and an outcome into its protocol. Nothing
//! here decides anything; that is the registry's.
//!
//! Start reading at [`serve`] (how a server comes up and goes down), then `doors.rs` (which way a request takes), then
//! `oci.rs` and `ecr.rs`.

mod answers;
mod body;
mod budget;
pub mod config;
mod doors;
mod ecr;
mod greeting;
mod identity;
mod listen;
mod log;
mod observe;
mod oci;
pub mod operate;

use acre_registry::{Addresses, Registry, Settings};
use body::RequestBody;
use config::{Config, ConfigError, Flag};
use doors::Doors;
use http::Request;
use listen::{BindError, Listener, stop_signals};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;

/// How long tasks that are still on their way at the end may take.
const LAST_MOMENT: Duration = Duration::from_secs(2);

/// Why a server did not start. Prints as one line.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The address.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The address of the metrics.
    #[error("no metrics (--metrics): {}", .0.reason())]
    Metrics(#[source] BindError),
    /// The data folder.
    #[error(transparent)]
    Registry(#[from] acre_registry::Error),
    /// No room for the data folder.
    #[error("cannot open {}: storage is full", .0.display())]
    Full(std::path::PathBuf),
    /// The process itself.
    #[error("cannot start: {0}")]
    Process(#[source] std::io::Error),
}

/// Runs a server until it is told to stop by SIGTERM or SIGINT; then running requests end, and so does this.
pub fn serve(flags: &[Flag]) -> Result<(), StartError> {
    let config = Config::load(flags, |name| std::env::var(name).ok())?;
    // A process that logs already keeps its log.
    let _ = log::start(config.log_format, config.log_level);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(StartError::Process)?;
    let outcome = runtime.block_on(run(config));
    runtime.shutdown_timeout(LAST_MOMENT);
    outcome
}

async fn run(config: Config) -> Result<(), StartError> {
    let stop = stop_signals().map_err(StartError::Process)?;
    let listener = Listener::bind(config.listen, config.tls.clone()).await?;
    let metrics = match config.metrics {
        Some(address) => Some(Listener::bind(address, None).await.map_err(StartError::Metrics)?),
        None => None,
    };
    let addresses = addresses(&config, listener.address(), listener.scheme());
    let is_first = !config.data.join("credentials").exists();
    let endpoint = format!("{}://{}", addresses.scheme, reachable(&config, listener.address()));
    let settings = settings(&config, addresses.clone());
    // Opening recovers, migrates and sweeps: blocking work, before the first request.
    let opened = tokio::task::spawn_blocking(move || {
        let registry = Registry::open(settings)?;
        registry.write_endpoint(&endpoint)?;
        Ok::<_, acre_registry::Error>((registry, endpoint))
    });
    let opened = opened.await.map_err(|error| StartError::Process(error.into()))?;
    let (registry, endpoint) = opened.map_err(|error| match error {
        acre_registry::Error::Store(acre_registry::StoreError::Full) => StartError::Full(config.data.clone()),
        error => error.into(),
    })?;
    if is_first {
        greeting::greet(&config, &addresses.host, &mut std::io::stderr().lock());
    }
    tracing::info!(endpoint, data = %config.data.display(), "acre serves");
    let work = tokio::spawn(Arc::clone(&registry).work());
    let doors = Arc::new(Doors::new(Arc::clone(&registry), addresses.scheme));
    // Until the last request has ended: its numbers are shown too.
    let shown = metrics.map(|listener| show_metrics(listener, Arc::clone(&doors)));
    // A task for each request: one that has begun to change something ends as it would have, also when its client goes
    // away in the middle; its body then breaks off, and an upload keeps what has come.
    let service = move |request, peer| {
        let answer = tokio::spawn(doors::answer(Arc::clone(&doors), request, peer));
        async move { answer.await.unwrap_or_else(|_| doors::failed()) }
    };
    listener.serve(service, stop, config.drain).await;
    drop(shown);
    work.abort();
    registry.stop().await;
    tracing::info!("acre has stopped");
    Ok(())
}

/// Shows metrics until what it answers is dropped.
fn show_metrics(listener: Listener, doors: Arc<Doors>) -> mpsc::Sender<()> {
    tracing::info!(endpoint = format!("http://{}/metrics", listener.address()), "metrics are shown");
    let (running, stop) = mpsc::channel(1);
    let service = move |request: Request<RequestBody>, _| {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        observe::page(Arc::clone(&doors), method, path)
    };
    tokio::spawn(listener.serve(service, stop, Duration::ZERO));
    running
}

fn settings(config: &Config, addresses: Addresses) -> Settings {
    Settings {
        data: config.data.clone(),
        root_key_file: Some(config.root_key_file.clone()),
        account: config.account.clone(),
        region: config.region.clone(),
        addresses,
        undo_window: i64::try_from(config.undo_window.as_micros()).unwrap_or(i64::MAX),
        clock: Arc::new(now),
    }
}

/// How clients are told to reach the registries (DESIGN 5).
fn addresses(config: &Config, listener: SocketAddr, scheme: &'static str) -> Addresses {
    let host = config.public_host.as_ref().map(|host| host.authority(listener.port()));
    Addresses {
        scheme,
        host: host.unwrap_or_else(|| format!("localhost:{}", listener.port())),
        domain: config.domain.as_ref().map(|domain| domain.authority(listener.port())),
    }
}

/// The host of the endpoint that is written for commands on this machine: the listener itself, unless a certificate has
/// to fit the name that clients are told.
fn reachable(config: &Config, listener: SocketAddr) -> String {
    match &config.public_host {
        Some(host) if config.tls.is_some() => host.authority(listener.port()),
        _ if listener.ip().is_unspecified() || listener.ip().is_loopback() => {
            format!("localhost:{}", listener.port())
        }
        _ => listener.to_string(),
    }
}

/// Microseconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
