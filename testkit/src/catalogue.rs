//! The catalogue as another reader than acre sees it: Python's own `SQLite`, beside the running server.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::Command;

/// Runs a Python script with these arguments: what it printed. The Python is the first in `ACRE_TEST_PATH` and `PATH`.
pub fn run_script(script: &str, arguments: &[&OsStr]) -> io::Result<String> {
    let folders = ["ACRE_TEST_PATH", "PATH"].map(|name| env::var_os(name).unwrap_or_default());
    let path = env::join_paths(folders.iter().flat_map(env::split_paths)).map_err(io::Error::other)?;
    let output = Command::new("python3").env("PATH", path).arg("-c").arg(script).args(arguments).output();
    let output = output.map_err(|error| {
        io::Error::new(error.kind(), format!("python3 is missing (.ci/install): {error}"))
    })?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()))
    }
}

/// Runs one statement on the catalogue of a data folder: a line for each row, its columns with blanks between.
pub fn query(data: &Path, sql: &str) -> io::Result<Vec<String>> {
    const SCRIPT: &str = "import sqlite3, sys
catalogue = sqlite3.connect(f'file:{sys.argv[1]}/catalogue.sqlite?mode=ro', uri=True, timeout=20)
for row in catalogue.execute(sys.argv[2]): print(*row)";
    let printed = run_script(SCRIPT, &[data.as_os_str(), OsStr::new(sql)])?;
    Ok(printed.lines().map(str::to_owned).collect())
}
