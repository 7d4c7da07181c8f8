//! Pushing: uploads ([`upload`]) and manifests ([`manifest`]).

pub(crate) mod manifest;
mod upload;

pub use manifest::{ManifestPush, Pushed};
