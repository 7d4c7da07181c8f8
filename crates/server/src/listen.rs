//! The listener: accepts connections, with TLS or without, limits how many there are, and stops gracefully.

mod connection;
mod patient;
mod tls;
mod traffic;

pub(crate) use tls::{TlsError, TlsFiles};
pub(crate) use traffic::{Exchange, Traffic};

use crate::body::{Body, RequestBody};
use http::{Request, Response};
use rustix::process::{Resource, getrlimit, setrlimit};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tls::Tls;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_rustls::TlsAcceptor;

/// Connections at a time; more wait in the kernel's queue.
const MOST: usize = 4096;
/// File descriptors that are no connections: the catalogue, the objects that are read and written.
const OTHER_FILES: u64 = 512;
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How often the TLS files are looked at.
const LOOK: Duration = Duration::from_secs(10);
/// After an error that is not one client's, such as too many open files.
const BACK_OFF: Duration = Duration::from_millis(200);
/// Between two complaints about such errors.
const COMPLAIN: Duration = Duration::from_secs(10);
/// For how long tasks that were told to end may take for it.
const CLEAN_UP: Duration = Duration::from_secs(1);

/// A bound socket.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    tls: Option<Arc<Tls>>,
}

/// Who is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    /// Where it comes from.
    pub(crate) address: SocketAddr,
    /// Whether the connection is encrypted.
    pub(crate) tls: bool,
}

/// A socket that cannot be had. Prints as one line.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another program listens there.
    #[error("{0} is in use: another program listens there; choose another address with --listen")]
    InUse(SocketAddr),
    /// No interface has the address.
    #[error("cannot listen on {0}: this machine does not have the address {ip}", ip = .0.ip())]
    NoSuchAddress(SocketAddr),
    /// The port is reserved for root.
    #[error("cannot listen on {0}: ports below 1024 need a privilege")]
    Forbidden(SocketAddr),
    /// Something else.
    #[error("cannot listen on {address}: {source}")]
    Other {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The TLS files cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl BindError {
    /// The same without advice about `--listen`: for another listener than the doors'.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::InUse(address) => format!("{address} is in use: another program listens there"),
            other => other.to_string(),
        }
    }
}

/// How far the server is on its way to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Run,
    Stop,
    Cut,
}

impl Listener {
    /// Reads the TLS files, if any, and takes the address; port 0 is any free one.
    pub(crate) async fn bind(address: SocketAddr, tls: Option<TlsFiles>) -> Result<Self, BindError> {
        let tls = tls.map(Tls::load).transpose()?.map(Arc::new);
        let socket = TcpListener::bind(address).await.map_err(|source| match source.kind() {
            io::ErrorKind::AddrInUse => BindError::InUse(address),
            io::ErrorKind::AddrNotAvailable => BindError::NoSuchAddress(address),
            io::ErrorKind::PermissionDenied => BindError::Forbidden(address),
            _ => BindError::Other { address, source },
        })?;
        let address = socket.local_addr().map_err(|source| BindError::Other { address, source })?;
        Ok(Self { socket, address, tls })
    }

    /// Where it listens, with its real port.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// `https` or `http`.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// Answers requests until the first message (or the end) of `stop`; then accepts nothing, lets running requests
    /// finish for at most `drain`, or until a second message, and ends the rest.
    ///
    /// When a client goes away, the future of `service` is dropped at whatever it awaits: what must end all the same runs in
    /// a task of its own.
    pub(crate) async fn serve<S, F>(self, service: S, mut stop: mpsc::Receiver<()>, drain: Duration)
    where
        S: Fn(Request<RequestBody>, Peer) -> F + Clone + Send + 'static,
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let most = slots();
        let slots = Arc::new(Semaphore::new(most));
        let (stage, staged) = watch::channel(Stage::Run);
        tokio::select! {
            () = self.accept(&slots, &service, &staged) => {}
            _ = stop.recv() => {}
        }
        // New clients are refused from here on.
        drop(self);
        stage.send_replace(Stage::Stop);
        let all = async |slots: &Semaphore| {
            let _ = slots.acquire_many(u32::try_from(most).unwrap_or(u32::MAX)).await;
        };
        tokio::select! {
            () = all(&slots) => return,
            () = sleep(drain) => {}
            Some(()) = stop.recv() => {}
        }
        let open = most - slots.available_permits();
        tracing::warn!(connections = open, "ending the connections that are not done");
        stage.send_replace(Stage::Cut);
        let _ = timeout(CLEAN_UP, all(&slots)).await;
    }

    async fn accept<S, F>(&self, slots: &Arc<Semaphore>, service: &S, stage: &watch::Receiver<Stage>)
    where
        S: Fn(Request<RequestBody>, Peer) -> F + Clone + Send + 'static,
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut complained = None;
        loop {
            // First a slot, then a connection: who cannot be served stays in the kernel's queue. Slots are never closed.
            let Ok(slot) = Arc::clone(slots).acquire_owned().await else { return };
            let accepted = loop {
                tokio::select! {
                    accepted = self.socket.accept() => break accepted,
                    _ = look.tick() => self.look_at_tls(),
                }
            };
            match accepted {
                Ok((socket, address)) => {
                    let serving = self.converse(socket, address, service.clone(), stage.clone(), slot);
                    tokio::spawn(serving);
                }
                Err(error) if is_of_one_client(&error) => {}
                Err(error) => {
                    let now = tokio::time::Instant::now();
                    if complained.is_none_or(|before| now - before >= COMPLAIN) {
                        complained = Some(now);
                        tracing::error!(%error, "cannot accept connections");
                    }
                    drop(slot);
                    sleep(BACK_OFF).await;
                }
            }
        }
    }

    fn converse<S, F>(
        &self,
        socket: TcpStream,
        address: SocketAddr,
        service: S,
        mut stage: watch::Receiver<Stage>,
        slot: OwnedSemaphorePermit,
    ) -> impl Future<Output = ()> + Send + use<S, F>
    where
        S: Fn(Request<RequestBody>, Peer) -> F + Clone + Send + 'static,
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let tls = self.tls.as_ref().map(|tls| TlsAcceptor::from(tls.current()));
        async move {
            let _slot = slot;
            // Answers leave at once. It fails on a connection that is gone already.
            let _ = socket.set_nodelay(true);
            let peer = Peer { address, tls: tls.is_some() };
            let Some(tls) = tls else {
                return connection::serve(socket, peer, service, stage).await;
            };
            let handshake = tokio::select! {
                handshake = timeout(HANDSHAKE, tls.accept(socket)) => handshake,
                () = Stage::Stop.reached(&mut stage) => return,
            };
            match handshake {
                Ok(Ok(socket)) => connection::serve(socket, peer, service, stage).await,
                Ok(Err(error)) => tracing::debug!(peer = %address, %error, "no TLS"),
                Err(_) => tracing::debug!(peer = %address, "no TLS within 10 s"),
            }
        }
    }

    fn look_at_tls(&self) {
        let Some(tls) = self.tls.clone() else { return };
        tokio::task::spawn_blocking(move || match tls.refresh() {
            Ok(false) => {}
            Ok(true) => tracing::info!("the TLS certificate was read again"),
            Err(error) => {
                tracing::error!(%error, "the TLS files have changed; the old certificate stays in use");
            }
        });
    }
}

impl Stage {
    /// Waits until the server is that far.
    async fn reached(self, now: &mut watch::Receiver<Self>) {
        // The sender lives as long as the listener serves; without it, the end has come.
        let _ = now.wait_for(|now| *now >= self).await;
    }
}

/// A message for each SIGTERM and SIGINT from now on. Call it inside the runtime.
pub(crate) fn stop_signals() -> io::Result<mpsc::Receiver<()>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let (sender, receiver) = mpsc::channel(2);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if sender.send(()).await.is_err() {
                return;
            }
        }
    });
    Ok(receiver)
}

/// How many connections the process may hold: half of its file descriptors at most. The limit is raised as far as it
/// goes first; what shells hand out is meant for select(2), which nothing here calls.
fn slots() -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        limit.current = limit.maximum;
        if setrlimit(Resource::Nofile, limit).is_err() {
            limit = getrlimit(Resource::Nofile);
        }
    }
    let files = limit.current.unwrap_or(u64::MAX);
    let slots = files.saturating_sub(OTHER_FILES).max(files / 4) / 2;
    usize::try_from(slots).unwrap_or(MOST).clamp(1, MOST)
}

/// Whether an accept failed for the connection that it was about, and the next may well succeed.
fn is_of_one_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

#[cfg(test)]
mod tests;
