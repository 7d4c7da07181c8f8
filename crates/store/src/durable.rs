//! Making files and names survive a power cut. A file's bytes are durable after `sync_data` on that file; its name is
//! durable after a sync of the folder that holds it. Nothing else is.
//!
//! A sync that failed is never repeated: Linux marks the pages that it could not write clean, so the next sync has nothing
//! to do and says yes. What they held must be written anew first ([`write_anew`]) or be given up.

use crate::error::Error;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;

/// Bytes that are written over themselves at a time.
const BLOCK: usize = 1 << 20;

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), Error> {
    File::open(folder).and_then(|file| file.sync_all()).map_err(|source| Error::io(folder, source))
}

/// The folder that holds a name; of a bare name, the working folder.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes a folder (0700) if it is not there. Its name is durable once its parent is synced.
pub(crate) fn make_folder(folder: &Path) -> Result<(), Error> {
    match fs::DirBuilder::new().mode(0o700).create(folder) {
        Err(source) if source.kind() != std::io::ErrorKind::AlreadyExists => Err(Error::io(folder, source)),
        _ => Ok(()),
    }
}

/// Writes a file over itself, so that the next sync of it vouches for every byte: what an earlier process left may be in
/// the cache alone, marked clean by a sync that failed. Power cut here: each byte is what it was or what was read.
pub(crate) fn write_anew(file: &File) -> std::io::Result<()> {
    let length = file.metadata()?.len();
    let mut block = vec![0; BLOCK];
    let mut at = 0;
    while at < length {
        let next = usize::try_from(length - at).map_or(BLOCK, |left| left.min(BLOCK));
        file.read_exact_at(&mut block[..next], at)?;
        file.write_all_at(&block[..next], at)?;
        at += next as u64;
    }
    Ok(())
}

/// Puts a small file (0600) in place whole: after a power cut the name holds all of it, what it held before, or is absent.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let folder = folder_of(path);
    let half = path.with_extension("new");
    let write = || {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&half)?;
        file.write_all(bytes)?;
        file.sync_data()?;
        fs::rename(&half, path)
    };
    write().map_err(|source| Error::io(path, source))?;
    sync_folder(folder)
}
