//! The account setting `BLOB_MOUNTING` (spec/ecr.md 7.4, DESIGN 5): whether uploads may take blobs from other repositories.

use crate::account_settings::Setting;
use crate::{Error, Registry};
use acre_store::catalogue::Tx;
use acre_wire::names::RegistryName;

impl Registry {
    /// Whether blobs are mounted in that registry: ENABLED unless its owner says otherwise (ECR: disabled).
    pub(crate) fn blob_mounting(tx: &Tx<'_>, registry: &RegistryName) -> Result<bool, Error> {
        Ok(Self::setting(tx, registry, Setting::BlobMounting)? == "ENABLED")
    }
}
