//! Pushing: uploads ([`upload`]), mounts ([`mount`]) and manifests ([`manifest`]).

pub(crate) mod manifest;
mod mount;
mod upload;

pub use manifest::{ManifestPush, Pushed};
pub use upload::Landed;

use acre_store::blobs::{Source, SourceError};
use bytes::Bytes;

/// A body that is there already, or none.
#[derive(Debug, Default)]
pub struct AtOnce(Option<Bytes>);

impl From<Bytes> for AtOnce {
    fn from(bytes: Bytes) -> Self {
        Self(Some(bytes))
    }
}

impl Source for AtOnce {
    async fn next(&mut self) -> Option<Result<Bytes, SourceError>> {
        self.0.take().map(Ok)
    }
}
