//! Faults of the disk under a running server: the shim of `testkit/powerloss` makes the calls that a test names fail, be
//! short or be slow, from one moment to another.

use crate::powerloss::{ShimError, build_shim};
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// As `testkit/powerloss/faults.c` reads them.
const SLOTS: usize = 8;
const SLOT: usize = 128;
const PATH: usize = 88;
/// Of the bytes at which they stand in a slot.
const LEFT: usize = 16;
const HITS: usize = 24;
const HALVES: usize = 32;

/// A system call, of those that a server makes on its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Call {
    /// Opening or making a file.
    Open = 1,
    /// Reading.
    Read = 2,
    /// Writing, cutting to length.
    Write = 4,
    /// fsync and fdatasync of a file.
    SyncFile = 8,
    /// fsync of a folder.
    SyncFolder = 16,
    /// Renaming; the path is the new one.
    Rename = 32,
    /// Removing a name.
    Remove = 64,
    /// Asking how much room is left; failing is: none.
    Space = 128,
}

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Errno {
    /// The disk cannot.
    Io = 5,
    /// No room is left.
    NoSpace = 28,
}

/// What befalls a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It fails.
    Fails(Errno),
    /// The first write is made by half; then they fail.
    HalfThenFails(Errno),
    /// It is made, so much later.
    Slow(Duration),
}

/// Which calls, and what befalls them until it is lifted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The calls.
    pub calls: &'static [Call],
    /// A part of the file's path, or with a `$` behind it its end.
    pub path: &'static str,
    /// What befalls them.
    pub kind: Kind,
    /// So many of them; None: all.
    pub times: Option<u32>,
}

/// The faults of one server.
#[derive(Debug)]
pub struct Faults {
    shim: PathBuf,
    control: File,
    folder: TempDir,
}

impl Faults {
    /// None yet.
    pub fn new() -> Result<Self, ShimError> {
        let shim = build_shim()?;
        let make = || -> io::Result<(File, TempDir)> {
            let folder = tempfile::tempdir()?;
            let path = control(folder.path());
            let file = File::options().read(true).write(true).create_new(true).open(path)?;
            file.set_len((SLOTS * SLOT) as u64)?;
            Ok((file, folder))
        };
        let made = make();
        let (control, folder) = made.map_err(|source| ShimError::File { path: "faults".into(), source })?;
        Ok(Self { shim, control, folder })
    }

    /// The environment of a process that they are to befall.
    pub fn environment(&self) -> Vec<(OsString, OsString)> {
        let control = control(self.folder.path()).into_os_string();
        vec![("LD_PRELOAD".into(), self.shim.clone().into()), ("ACRE_SHIM_FAULTS".into(), control)]
    }

    /// From now on these (at most eight, with paths below 88 bytes) and no others.
    pub fn set(&self, faults: &[Fault]) -> io::Result<()> {
        if faults.len() > SLOTS || faults.iter().any(|fault| fault.path.len() >= PATH) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        for slot in 0..SLOTS {
            self.write(slot, 0, &0_u32.to_ne_bytes())?;
        }
        for (slot, fault) in faults.iter().enumerate() {
            self.write(slot, 0, &fault.slot())?;
            self.write(slot, 0, &1_u32.to_ne_bytes())?;
        }
        Ok(())
    }

    /// No fault any more.
    pub fn lift(&self) -> io::Result<()> {
        self.set(&[])
    }

    /// How many calls the fault of that number (from 0) befell since it was set.
    pub fn hits(&self, fault: usize) -> io::Result<u64> {
        let mut hits = [0; 8];
        self.control.read_exact_at(&mut hits, (fault * SLOT + HITS) as u64)?;
        Ok(u64::from_ne_bytes(hits))
    }

    fn write(&self, slot: usize, at: usize, bytes: &[u8]) -> io::Result<()> {
        self.control.write_all_at(bytes, (slot * SLOT + at) as u64)
    }
}

impl Fault {
    /// Switched off: what switches it on is written last.
    fn slot(&self) -> [u8; SLOT] {
        let calls = self.calls.iter().fold(0, |calls, call| calls | *call as u32);
        let (error, delay, halves) = match self.kind {
            Kind::Fails(errno) => (errno as i32, 0, 0_u32),
            Kind::HalfThenFails(errno) => (errno as i32, 0, 1),
            Kind::Slow(delay) => (0, u32::try_from(delay.as_millis()).unwrap_or(u32::MAX), 0),
        };
        let left = self.times.map_or(-1, i64::from);
        let mut slot = [0; SLOT];
        slot[4..8].copy_from_slice(&calls.to_ne_bytes());
        slot[8..12].copy_from_slice(&error.to_ne_bytes());
        slot[12..16].copy_from_slice(&delay.to_ne_bytes());
        slot[LEFT..LEFT + 8].copy_from_slice(&left.to_ne_bytes());
        slot[HALVES..HALVES + 4].copy_from_slice(&halves.to_ne_bytes());
        slot[SLOT - PATH..][..self.path.len()].copy_from_slice(self.path.as_bytes());
        slot
    }
}

fn control(folder: &Path) -> PathBuf {
    folder.join("faults")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::process::Command;

    const CHILD: &str = "ACRE_TEST_FAULTY_FOLDER";
    const IO: Kind = Kind::Fails(Errno::Io);

    /// This very test, run again under the shim, tells what befell it.
    #[test]
    fn faults_befall_what_they_name_until_they_are_lifted() {
        if let Some(folder) = std::env::var_os(CHILD) {
            write_and_tell(Path::new(&folder));
            return;
        }
        let cases: [(Fault, &str); 6] = [
            (Fault { calls: &[Call::Write], path: "/one", kind: IO, times: None }, "0 5 two:3"),
            (
                Fault {
                    calls: &[Call::Write],
                    path: "/one$",
                    kind: Kind::HalfThenFails(Errno::NoSpace),
                    times: None,
                },
                "2 28 two:3",
            ),
            (Fault { calls: &[Call::SyncFile], path: "/one", kind: IO, times: Some(1) }, "4 sync two:3"),
            (Fault { calls: &[Call::Rename], path: "/two", kind: IO, times: None }, "4 0"),
            (Fault { calls: &[Call::Open, Call::Write], path: "/on$", kind: IO, times: None }, "4 0 two:3"),
            (
                Fault {
                    calls: &[Call::Write],
                    path: "/one",
                    kind: Kind::Slow(Duration::from_millis(2)),
                    times: None,
                },
                "4 0 two:3",
            ),
        ];
        for (fault, told) in cases {
            let faults = Faults::new().unwrap();
            faults.set(&[Fault { path: "/nowhere", ..fault }, fault]).unwrap();
            let folder = tempfile::tempdir().unwrap();
            let mut again = Command::new(std::env::current_exe().unwrap());
            again.args([
                "--exact",
                "faults::tests::faults_befall_what_they_name_until_they_are_lifted",
                "--nocapture",
            ]);
            again.envs(faults.environment()).env(CHILD, folder.path());
            let output = again.output().unwrap();
            assert!(output.status.success(), "{output:?}");
            assert_eq!(std::fs::read_to_string(folder.path().join("told")).unwrap(), told, "{fault:?}");
            assert_eq!(faults.hits(0).unwrap(), 0, "{fault:?}");
            assert_eq!(faults.hits(1).unwrap() > 0, fault.path != "/on$", "{fault:?}");
            faults.lift().unwrap();
        }
    }

    fn write_and_tell(folder: &Path) {
        let (one, two) = (folder.join("one"), folder.join("two"));
        let mut file = File::create(&one).unwrap();
        let wrote = file.write_all(b"four").err().and_then(|error| error.raw_os_error()).unwrap_or(0);
        let mut told = format!("{} {wrote}", file.metadata().unwrap().len());
        if file.sync_data().is_err() {
            told = told.replace(" 0", " sync");
            file.sync_data().unwrap();
        }
        std::fs::write(folder.join("three"), b"new").unwrap();
        if std::fs::rename(folder.join("three"), &two).is_ok() {
            told = format!("{told} two:{}", std::fs::read(&two).unwrap().len());
        }
        std::fs::write(folder.join("told"), told).unwrap();
    }
}
