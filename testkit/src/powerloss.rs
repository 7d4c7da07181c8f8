//! The power-loss shim of `testkit/powerloss` (what it models is said there): builds it, hands it to a server, and makes
//! the folder that the disk would hold after the cut.

use acre_wire::digest::{Algorithm, Hasher, hex};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::{env, fs, io};

const HEADERS: [&str; 2] = ["disk.h", "faults.h"];
const SOURCES: [&str; 3] = ["disk.c", "faults.c", "shim.c"];
static BUILDING: Mutex<()> = Mutex::new(());

/// One disk, and when its power goes.
#[derive(Clone, Debug)]
pub struct Disk {
    /// The folder that is the disk: everything below it, and nothing else. It exists.
    pub root: PathBuf,
    /// An empty folder elsewhere, for what would survive.
    pub shadow: PathBuf,
    /// The call, counted from 1, in whose place the process dies; 0: never.
    pub cut_at: u64,
    /// Whether some of what was not synced reaches the disk; else all of it is lost.
    pub tear: bool,
    /// Decides which, and how long syncs take.
    pub seed: u64,
    /// What the root durably holds at the start, if not all of it: the rest counts as cached, and marked clean.
    pub durable: Option<PathBuf>,
}

/// Where the power went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The number of the call.
    pub at: u64,
    /// What it would have been.
    pub call: String,
}

/// The shim or its shadow cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ShimError {
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The C compiler refused it.
    #[error("cc: {stderr}")]
    Compiler {
        /// What it said.
        stderr: String,
    },
    /// The process ended without a cut.
    #[error("the power was never cut")]
    NoCut,
    /// The shadow's description is no such thing.
    #[error("line {line} of the shadow's description is not one")]
    Description {
        /// Counted from 1.
        line: usize,
    },
}

impl Disk {
    /// The environment that puts a process on this disk.
    pub fn environment(&self, shim: &Path) -> Vec<(OsString, OsString)> {
        let durable =
            self.durable.as_ref().map(|folder| ("ACRE_SHIM_DURABLE", folder.as_os_str().to_owned()));
        [
            ("LD_PRELOAD", shim.as_os_str().to_owned()),
            ("ACRE_SHIM_ROOT", self.root.as_os_str().to_owned()),
            ("ACRE_SHIM_SHADOW", self.shadow.as_os_str().to_owned()),
            ("ACRE_SHIM_CUT_AT", self.cut_at.to_string().into()),
            ("ACRE_SHIM_TEAR", u8::from(self.tear).to_string().into()),
            ("ACRE_SHIM_SEED", self.seed.to_string().into()),
        ]
        .into_iter()
        .chain(durable)
        .map(|(name, value)| (name.into(), value))
        .collect()
    }

    /// How many calls were counted so far; it may be asked while the process runs.
    pub fn calls(&self) -> Result<u64, ShimError> {
        let bytes = read(&self.shadow.join("calls"))?;
        Ok(bytes.first_chunk().map_or(0, |count| u64::from_ne_bytes(*count)))
    }

    /// Makes `into` (which must not exist) the folder that `root` would be when the power is back.
    pub fn materialise(&self, into: &Path) -> Result<Cut, ShimError> {
        materialise(&self.shadow, into)
    }
}

/// Compiles the shim with `cc`, once for each content of its sources: the library to preload.
pub fn build_shim() -> Result<PathBuf, ShimError> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("powerloss");
    let mut hasher = Hasher::new(Algorithm::Sha256);
    for name in SOURCES.iter().chain(&HEADERS) {
        hasher.update(&read(&sources.join(name))?);
    }
    let digest = hex(hasher.finish().hash());
    let folder = target_folder()?.join("acre-shim");
    fs::create_dir_all(&folder).map_err(file(&folder))?;
    let library = folder.join(format!("{}.so", digest.get(..16).unwrap_or(&digest)));
    // Several tests of a program may do this at the same time, and several programs: each of those makes its own, the last
    // one stays.
    let _turn = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
    if library.exists() {
        return Ok(library);
    }
    let own = folder.join(format!("{}.part", std::process::id()));
    let made = Command::new("cc")
        .args(["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o"])
        .arg(&own)
        .args(SOURCES.map(|name| sources.join(name)))
        .args(["-ldl", "-lpthread"])
        .output()
        .map_err(file(Path::new("cc")))?;
    if !made.status.success() {
        return Err(ShimError::Compiler { stderr: String::from_utf8_lossy(&made.stderr).into_owned() });
    }
    fs::rename(&own, &library).map_err(file(&library))?;
    Ok(library)
}

/// `target/<profile>`, above the `deps` in which the running test lies.
fn target_folder() -> Result<PathBuf, ShimError> {
    let program = env::current_exe().map_err(file(Path::new("the test's own program")))?;
    Ok(program.ancestors().nth(2).map_or_else(env::temp_dir, Path::to_owned))
}

#[derive(Default)]
struct Description {
    files: BTreeMap<u64, (u32, u64)>,
    folders: BTreeMap<u64, u32>,
    names: BTreeMap<u64, Vec<(u64, String)>>,
}

fn materialise(shadow: &Path, into: &Path) -> Result<Cut, ShimError> {
    let path = shadow.join("cut");
    if !path.exists() {
        return Err(ShimError::NoCut);
    }
    let text = String::from_utf8_lossy(&read(&path)?).into_owned();
    let mut description = Description::default();
    let mut cut = None;
    for (number, line) in text.lines().enumerate() {
        let known = description.add(line).or_else(|| {
            let (at, call) = line.strip_prefix("cut ")?.split_once(' ')?;
            cut = Some(Cut { at: at.parse().ok()?, call: call.into() });
            Some(())
        });
        known.ok_or(ShimError::Description { line: number + 1 })?;
    }
    // The root is the first node that the shim met.
    description.build(0, shadow, into)?;
    cut.ok_or(ShimError::Description { line: 1 })
}

impl Description {
    fn add(&mut self, line: &str) -> Option<()> {
        let (kind, rest) = line.split_once(' ')?;
        let (id, rest) = rest.split_once(' ')?;
        let id = id.parse().ok()?;
        match kind {
            "file" => {
                let (mode, length) = rest.split_once(' ')?;
                self.files.insert(id, (u32::from_str_radix(mode, 8).ok()?, length.parse().ok()?));
            }
            "folder" => {
                self.folders.insert(id, u32::from_str_radix(rest, 8).ok()?);
            }
            "name" => {
                let (target, name) = rest.split_once(' ')?;
                self.names.entry(id).or_default().push((target.parse().ok()?, name.into()));
            }
            _ => return None,
        }
        Some(())
    }

    fn build(&self, id: u64, shadow: &Path, into: &Path) -> Result<(), ShimError> {
        if let Some((mode, length)) = self.files.get(&id) {
            let object = shadow.join("o").join(id.to_string());
            // A file that was never synced has no content there.
            let bytes = if object.exists() { read(&object)? } else { Vec::new() };
            let write = || -> io::Result<()> {
                fs::write(into, bytes)?;
                fs::File::options().write(true).open(into)?.set_len(*length)?;
                fs::set_permissions(into, fs::Permissions::from_mode(*mode))
            };
            return write().map_err(file(into));
        }
        let Some(mode) = self.folders.get(&id) else { return Ok(()) };
        fs::create_dir(into).map_err(file(into))?;
        for (child, name) in self.names.get(&id).into_iter().flatten() {
            self.build(*child, shadow, &into.join(name))?;
        }
        fs::set_permissions(into, fs::Permissions::from_mode(*mode)).map_err(file(into))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, ShimError> {
    fs::read(path).map_err(file(path))
}

fn file(path: &Path) -> impl FnOnce(io::Error) -> ShimError {
    let path = path.to_owned();
    move |source| ShimError::File { path, source }
}

#[cfg(test)]
mod tests;
