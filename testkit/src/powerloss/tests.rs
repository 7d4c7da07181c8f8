//! Each scenario runs in a process of its own, this very test program under the shim, and ends at its last call.

use super::*;
use crate::faults::{Call, Errno, Fault, Faults, Kind};
use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::os::unix::process::ExitStatusExt;
use tempfile::TempDir;

type Act = fn(&Path);
type Left = &'static [(&'static str, &'static str)];

/// Name, what the process does on the disk, and what is left of it when everything volatile is lost (folders: "/").
const SCENARIOS: &[(&str, Act, Left)] = &[
    ("nothing is synced", |disk| put(disk, "a", b"1"), &[]),
    ("a file without its name", |disk| sync(&put_file(disk, "a", b"1")), &[]),
    (
        "a name without its file",
        |disk| {
            put(disk, "a", b"1");
            sync_folder(disk);
        },
        &[("a", "")],
    ),
    ("a file and its name", |disk| kept(disk, "a", b"one"), &[("a", "one")]),
    (
        "the next write is volatile",
        |disk| {
            kept(disk, "a", b"one");
            OpenOptions::new().append(true).open(disk.join("a")).unwrap().write_all(b"two").unwrap();
        },
        &[("a", "one")],
    ),
    (
        "an appended and synced one is not",
        |disk| {
            kept(disk, "a", b"one");
            let mut file = OpenOptions::new().append(true).open(disk.join("a")).unwrap();
            file.write_all(b"two").unwrap();
            file.sync_data().unwrap();
            file.write_all(b"three").unwrap();
        },
        &[("a", "onetwo")],
    ),
    (
        "overwriting in place",
        |disk| {
            kept(disk, "a", b"0123456789");
            let file = OpenOptions::new().write(true).open(disk.join("a")).unwrap();
            file.write_all_at(b"xx", 2).unwrap();
            sync(&file);
            file.write_all_at(b"yy", 5).unwrap();
        },
        &[("a", "01xx456789")],
    ),
    (
        "a hole, and seeking",
        |disk| {
            let mut file = put_file(disk, "a", b"1");
            file.seek(SeekFrom::Start(4)).unwrap();
            file.write_all(b"2").unwrap();
            sync(&file);
            sync_folder(disk);
        },
        &[("a", "1\0\0\x002")],
    ),
    (
        "cutting to length is volatile",
        |disk| {
            kept(disk, "a", b"12345");
            OpenOptions::new().write(true).open(disk.join("a")).unwrap().set_len(2).unwrap();
        },
        &[("a", "12345")],
    ),
    (
        "until it is synced",
        |disk| {
            kept(disk, "a", b"12345");
            let file = OpenOptions::new().write(true).open(disk.join("a")).unwrap();
            file.set_len(2).unwrap();
            sync(&file);
            file.set_len(9).unwrap();
        },
        &[("a", "12")],
    ),
    (
        "what was cut away does not come back",
        |disk| {
            kept(disk, "a", b"12345");
            let file = OpenOptions::new().write(true).open(disk.join("a")).unwrap();
            file.set_len(1).unwrap();
            file.set_len(4).unwrap();
            sync(&file);
        },
        &[("a", "1\0\0\0")],
    ),
    (
        "opening with truncation",
        |disk| {
            kept(disk, "a", b"12345");
            put(disk, "a", b"x");
        },
        &[("a", "12345")],
    ),
    (
        "and synced",
        |disk| {
            kept(disk, "a", b"12345");
            sync(&put_file(disk, "a", b"x"));
        },
        &[("a", "x")],
    ),
    (
        "renaming is volatile",
        |disk| {
            kept(disk, "a", b"1");
            fs::rename(disk.join("a"), disk.join("b")).unwrap();
        },
        &[("a", "1")],
    ),
    (
        "until the folder is synced",
        |disk| {
            kept(disk, "a", b"1");
            kept(disk, "b", b"2");
            fs::rename(disk.join("a"), disk.join("b")).unwrap();
            sync_folder(disk);
        },
        &[("b", "1")],
    ),
    (
        "renaming into another folder",
        |disk| {
            folder(disk, "f");
            kept(disk, "a", b"1");
            kept(disk, "c", b"2");
            fs::rename(disk.join("a"), disk.join("f/a")).unwrap();
            fs::rename(disk.join("c"), disk.join("f/c")).unwrap();
            sync_folder(&disk.join("f"));
        },
        &[("a", "1"), ("c", "2"), ("f", "/"), ("f/a", "1"), ("f/c", "2")],
    ),
    (
        "removing is volatile",
        |disk| {
            kept(disk, "a", b"1");
            fs::remove_file(disk.join("a")).unwrap();
        },
        &[("a", "1")],
    ),
    (
        "until then too",
        |disk| {
            kept(disk, "a", b"1");
            fs::remove_file(disk.join("a")).unwrap();
            sync_folder(disk);
        },
        &[],
    ),
    (
        "a folder is a name",
        |disk| {
            fs::create_dir(disk.join("f")).unwrap();
            kept(&disk.join("f"), "a", b"1");
        },
        &[],
    ),
    (
        "and a listing of its own",
        |disk| {
            folder(disk, "f");
            put(&disk.join("f"), "a", b"1");
        },
        &[("f", "/")],
    ),
    (
        "a removed tree",
        |disk| {
            folder(disk, "f");
            kept(&disk.join("f"), "a", b"1");
            fs::remove_dir_all(disk.join("f")).unwrap();
            sync_folder(disk);
        },
        &[],
    ),
    (
        "a second name",
        |disk| {
            kept(disk, "a", b"1");
            fs::hard_link(disk.join("a"), disk.join("b")).unwrap();
            fs::remove_file(disk.join("a")).unwrap();
            sync_folder(disk);
            OpenOptions::new().write(true).open(disk.join("b")).unwrap().write_all(b"2").unwrap();
        },
        &[("b", "1")],
    ),
    (
        "copying inside the kernel",
        |disk| {
            kept(disk, "a", &[b'x'; 5000]);
            fs::copy(disk.join("a"), disk.join("b")).unwrap();
            fs::copy(disk.join("a"), disk.join("c")).unwrap();
            sync(&File::open(disk.join("c")).unwrap());
            sync_folder(disk);
            fs::remove_file(disk.join("a")).unwrap();
            sync_folder(disk);
            OpenOptions::new().write(true).open(disk.join("c")).unwrap().set_len(3).unwrap();
            sync(&File::open(disk.join("c")).unwrap());
        },
        &[("b", ""), ("c", "xxx")],
    ),
    (
        "a number of an inode that comes back",
        |disk| {
            for round in 0..20 {
                kept(disk, "a", format!("old {round}").as_bytes());
                fs::remove_file(disk.join("a")).unwrap();
                sync_folder(disk);
            }
            put(disk, "b", b"new");
            sync_folder(disk);
        },
        &[("b", "")],
    ),
    (
        "many writers at once",
        |disk| {
            std::thread::scope(|scope| {
                for name in ["a", "b", "c", "d"] {
                    scope.spawn(move || {
                        for _ in 0..20 {
                            kept(disk, name, name.as_bytes());
                        }
                        put(disk, name, b"lost");
                    });
                }
            });
        },
        &[("a", "a"), ("b", "b"), ("c", "c"), ("d", "d")],
    ),
    (
        "a sync that failed is not made up for by the next",
        |disk| {
            sync(&faulty(disk, b"lost"));
            sync_folder(disk);
        },
        &[("faulty", "\0\0\0\0")],
    ),
    (
        "but by writing anew",
        |disk| {
            let file = faulty(disk, b"lost");
            file.write_all_at(b"kept", 0).unwrap();
            sync(&file);
            sync_folder(disk);
        },
        &[("faulty", "kept")],
    ),
];

fn faulty(disk: &Path, bytes: &[u8]) -> File {
    let file = put_file(disk, "faulty", bytes);
    assert_eq!(file.sync_data().unwrap_err().raw_os_error(), Some(5));
    file
}

#[test]
fn what_was_cached_and_not_durable_is_lost_unless_it_is_written_anew() {
    let run = Run::new();
    let durable = run.0.path().join("durable");
    fs::create_dir_all(durable.join("sub")).unwrap();
    let root = run.disk(0, false, 1).root;
    fs::create_dir(root.join("sub")).unwrap();
    for (name, cached, kept) in
        [("a", "one two", Some("one")), ("b", "cached", None), ("sub/c", "same", Some("same"))]
    {
        fs::write(root.join(name), cached).unwrap();
        if let Some(kept) = kept {
            fs::write(durable.join(name), kept).unwrap();
        }
    }
    // One process syncs, the other writes anew and syncs.
    for (name, a, b) in
        [("sync what is there", "one\0\0\0\0", "\0".repeat(6)), ("write it anew", "one two", "cached".into())]
    {
        let disk =
            Disk { shadow: run.0.path().join(name), durable: Some(durable.clone()), ..run.disk(0, false, 1) };
        fs::create_dir(&disk.shadow).unwrap();
        assert!(Run::child(&disk, name).success());
        fs::remove_file(root.join("the end")).unwrap();
        let cut_at = disk.calls().unwrap();
        fs::remove_dir_all(&disk.shadow).unwrap();
        fs::create_dir(&disk.shadow).unwrap();
        let disk = Disk { cut_at, ..disk };
        assert_eq!(Run::child(&disk, name).signal(), Some(9));
        let wanted = [("a", a.to_owned()), ("b", b), ("sub", "/".into()), ("sub/c", "same".into())];
        assert_eq!(run.materialise(&disk), wanted.map(|(path, text)| (path.into(), text)).into());
        fs::remove_dir_all(run.0.path().join("left")).unwrap();
    }
}

fn sync_what_is_there(disk: &Path) {
    for name in ["a", "b"] {
        sync(&OpenOptions::new().read(true).write(true).open(disk.join(name)).unwrap());
    }
    sync_folder(disk);
}

fn write_it_anew(disk: &Path) {
    for name in ["a", "b"] {
        let bytes = fs::read(disk.join(name)).unwrap();
        let file = OpenOptions::new().read(true).write(true).open(disk.join(name)).unwrap();
        file.write_all_at(&bytes, 0).unwrap();
        sync(&file);
    }
    sync_folder(disk);
}

#[test]
fn what_is_left_when_all_that_is_volatile_is_lost() {
    for (name, _, left) in SCENARIOS {
        let run = Run::new();
        let disk = run.to_the_end(name, false, 1);
        let found = run.materialise(&disk);
        assert_eq!(
            found,
            left.iter().map(|(path, text)| ((*path).into(), (*text).into())).collect(),
            "{name}"
        );
    }
}

#[test]
fn what_is_left_when_some_of_it_was_written() {
    let mut seen = BTreeSet::new();
    for seed in 0..60 {
        let run = Run::new();
        let found = run.materialise(&run.to_the_end("two volatile pages", true, seed));
        assert_eq!(found.get("kept").map(String::as_str), Some("kept"));
        let file = found.get("file").map(|text| (text.len(), text.matches("new").count()));
        assert!(matches!(file, Some((8192 | 9000, 0..=2))), "{file:?}");
        seen.insert((file, found.get("name").map(String::len)));
    }
    // Length kept or not, none to both of the pages, the name kept or not, its content or not.
    assert!(seen.len() >= 8, "{seen:?}");
    assert!(seen.iter().any(|(_, name)| name.is_none()) && seen.iter().any(|(_, name)| *name == Some(5)));
}

fn two_volatile_pages(disk: &Path) {
    kept(disk, "kept", b"kept");
    kept(disk, "file", &[b'o'; 8192]);
    let file = OpenOptions::new().write(true).open(disk.join("file")).unwrap();
    file.write_all_at(b"new", 0).unwrap();
    file.write_all_at(b"new", 5000).unwrap();
    file.set_len(9000).unwrap();
    put(disk, "name", b"12345");
}

#[test]
fn modes_are_kept_and_a_disk_goes_on_where_it_was() {
    let run = Run::new();
    let first = run.disk(0, false, 1);
    fs::create_dir(first.root.join("sub")).unwrap();
    fs::write(first.root.join("sub/there"), b"there before").unwrap();
    fs::set_permissions(first.root.join("sub/there"), fs::Permissions::from_mode(0o640)).unwrap();
    let disk = run.to_the_end("a secret", false, 1);
    let found = run.materialise(&disk);
    assert_eq!(found.get("sub/there").map(String::as_str), Some("there before"));
    let mode = |name: &str| {
        fs::metadata(run.0.path().join("left").join(name)).unwrap().permissions().mode() & 0o7777
    };
    assert_eq!((mode("key"), mode("sub/there")), (0o600, 0o640));
}

fn a_secret(disk: &Path) {
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(disk.join("key")).unwrap();
    file.write_all(b"secret").unwrap();
    sync(&file);
    sync_folder(disk);
    File::options().append(true).open(disk.join("sub/there")).unwrap().write_all(b"lost").unwrap();
}

#[test]
fn a_process_that_ends_otherwise_has_no_cut() {
    let run = Run::new();
    let disk = run.disk(0, false, 1);
    assert!(Run::child(&disk, "a file and its name").success());
    assert!(matches!(disk.materialise(&run.0.path().join("left")), Err(ShimError::NoCut)));
    // create, write, two syncs, and the file by which every scenario ends.
    assert_eq!(disk.calls().unwrap(), 5);
}

/// The other side: what the child process runs. Without a scenario it is an empty test.
#[test]
fn scenario() {
    let (Some(name), Some(disk)) = (env::var_os("SCENARIO"), env::var_os("SCENARIO_DISK")) else { return };
    let disk = PathBuf::from(disk);
    let listed = SCENARIOS.iter().find(|(each, ..)| name == *each).map(|(_, act, _)| *act);
    let extra: [(&str, Act); 4] = [
        ("two volatile pages", two_volatile_pages),
        ("a secret", a_secret),
        ("sync what is there", sync_what_is_there),
        ("write it anew", write_it_anew),
    ];
    let act = listed.or_else(|| extra.iter().find(|(each, _)| name == *each).map(|(_, act)| *act)).unwrap();
    act(&disk);
    File::create(disk.join("the end")).unwrap();
}

struct Run(TempDir);

impl Run {
    fn new() -> Self {
        let run = Self(tempfile::tempdir().unwrap());
        fs::create_dir(run.0.path().join("disk")).unwrap();
        run
    }

    fn disk(&self, cut_at: u64, tear: bool, seed: u64) -> Disk {
        let shadow = self.0.path().join(format!("shadow-{cut_at}"));
        fs::create_dir_all(&shadow).unwrap();
        Disk { root: self.0.path().join("disk"), shadow, cut_at, tear, seed, durable: None }
    }

    /// Counts the calls of the scenario on a copy of the disk, then cuts the power at the last one.
    fn to_the_end(&self, name: &str, tear: bool, seed: u64) -> Disk {
        let copy = self.0.path().join("copy");
        assert!(
            Command::new("cp")
                .arg("-a")
                .arg(self.0.path().join("disk"))
                .arg(&copy)
                .status()
                .unwrap()
                .success()
        );
        let counting = Disk { root: copy, ..self.disk(0, tear, seed) };
        assert!(Self::child(&counting, name).success(), "{name}");
        let disk = self.disk(counting.calls().unwrap(), tear, seed);
        assert_eq!(Self::child(&disk, name).signal(), Some(9), "{name}");
        disk
    }

    /// The first sync of a file that is called `faulty` fails.
    fn child(disk: &Disk, name: &str) -> std::process::ExitStatus {
        let faults = Faults::new().unwrap();
        let kind = Kind::Fails(Errno::Io);
        faults.set(&[Fault { calls: &[Call::SyncFile], path: "/faulty$", kind, times: Some(1) }]).unwrap();
        Command::new(env::current_exe().unwrap())
            .args(["--exact", "powerloss::tests::scenario"])
            .env("SCENARIO", name)
            .env("SCENARIO_DISK", &disk.root)
            .envs(disk.environment(&build_shim().unwrap()))
            .envs(faults.environment())
            .stdout(std::process::Stdio::null())
            .status()
            .unwrap()
    }

    fn materialise(&self, disk: &Disk) -> BTreeMap<String, String> {
        let left = self.0.path().join("left");
        let cut = disk.materialise(&left).unwrap();
        assert_eq!(cut, Cut { at: disk.cut_at, call: "open (create)".into() });
        let mut found = BTreeMap::new();
        list(&left, "", &mut found);
        found
    }
}

fn list(folder: &Path, prefix: &str, found: &mut BTreeMap<String, String>) {
    for item in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = format!("{prefix}{}", item.file_name().to_str().unwrap());
        if item.path().is_dir() {
            list(&item.path(), &format!("{name}/"), found);
            found.insert(name, "/".into());
        } else {
            found.insert(name, String::from_utf8(fs::read(item.path()).unwrap()).unwrap());
        }
    }
}

fn put_file(folder: &Path, name: &str, bytes: &[u8]) -> File {
    let mut file = File::create(folder.join(name)).unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn put(folder: &Path, name: &str, bytes: &[u8]) {
    drop(put_file(folder, name, bytes));
}

fn sync(file: &File) {
    file.sync_data().unwrap();
}

fn sync_folder(folder: &Path) {
    File::open(folder).unwrap().sync_all().unwrap();
}

fn kept(folder: &Path, name: &str, bytes: &[u8]) {
    sync(&put_file(folder, name, bytes));
    sync_folder(folder);
}

fn folder(disk: &Path, name: &str) {
    fs::create_dir(disk.join(name)).unwrap();
    sync_folder(disk);
}
