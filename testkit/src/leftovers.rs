//! What must not stay in a data folder: files of uploads that nobody can go on with, and temporary names among the
//! objects (DESIGN 7).

use crate::catalogue::run_script;
use crate::http::{Body, Client, Failure};
use std::collections::BTreeSet;
use std::path::Path;
use std::{fs, io};

const UUID_LENGTH: usize = 36;

/// The names in `uploads/`.
pub fn upload_files(data: &Path) -> io::Result<BTreeSet<String>> {
    names(&data.join("uploads"))
}

/// Names in `objects/` that are no object's: two digits for the folder, and hexadecimal digits only below.
pub fn strange_objects(data: &Path) -> io::Result<Vec<String>> {
    let is_hex = |name: &str| name.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
    let mut strange = Vec::new();
    for folder in names(&data.join("objects"))? {
        if folder.len() != 2 || !is_hex(&folder) {
            strange.push(folder);
            continue;
        }
        let inside = names(&data.join("objects").join(&folder))?;
        let wrong = inside.into_iter().filter(|name| name.len() != 32 || !is_hex(name));
        strange.extend(wrong.map(|name| format!("{folder}/{name}")));
    }
    Ok(strange)
}

/// Objects that no row of the catalogue names, and rows whose object is not there; the catalogue is read by `python3`
/// while its server runs.
pub fn unmatched_objects(data: &Path) -> io::Result<Vec<String>> {
    const SCRIPT: &str = "import os, sqlite3, sys
data = sys.argv[1]
rows = sqlite3.connect(f'file:{data}/catalogue.sqlite?mode=ro', uri=True).execute('SELECT hex(object) FROM blob WHERE NOT inline')
named = {row[0].lower() for row in rows}
there = {name for folder in os.listdir(f'{data}/objects') for name in os.listdir(f'{data}/objects/{folder}')}
print(*[f'no row: {name}' for name in sorted(there - named)], *[f'no file: {name}' for name in sorted(named - there)], sep='\\n')";
    let printed = run_script(SCRIPT, &[data.as_os_str()])?;
    Ok(printed.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

/// Cancels every upload that has a file, as its owner would: asking in each of the repositories.
pub fn cancel_uploads(
    data: &Path,
    client: &mut Client,
    repositories: &BTreeSet<String>,
) -> Result<(), Failure> {
    let files = upload_files(data).unwrap_or_default();
    let sessions: BTreeSet<&str> = files.iter().filter_map(|name| name.get(..UUID_LENGTH)).collect();
    for session in sessions {
        for repository in repositories {
            let target = format!("/v2/{repository}/blobs/uploads/{session}");
            match client.expect("cancel an upload", 204, ("DELETE", &target), &[], Body::None) {
                Err(Failure::Unexpected { answer, .. }) if answer.status == 404 => {}
                Err(other) => return Err(other),
                Ok(_) => break,
            }
        }
    }
    Ok(())
}

fn names(folder: &Path) -> io::Result<BTreeSet<String>> {
    match fs::read_dir(folder) {
        Ok(items) => items.map(|item| Ok(item?.file_name().to_string_lossy().into_owned())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeSet::new()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_have_hexadecimal_names() {
        let data = tempfile::tempdir().unwrap();
        assert_eq!(strange_objects(data.path()).unwrap(), Vec::<String>::new());
        let good = "0".repeat(32);
        for path in [
            format!("objects/ab/{good}"),
            format!("objects/ab/{good}.tmp"),
            "objects/ab/tmp1".into(),
            "objects/x/1".into(),
        ] {
            let path = data.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        assert_eq!(
            strange_objects(data.path()).unwrap(),
            [format!("ab/{good}.tmp"), "ab/tmp1".into(), "x".into()]
        );
    }
}
