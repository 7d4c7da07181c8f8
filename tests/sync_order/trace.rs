//! What strace wrote (`-f -ttt -yy`), as calls with a beginning and an end.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Calls in the order in which they began, up to a limit.
pub(crate) struct Trace {
    what: String,
    calls: Vec<Call>,
    /// The line in which the answer began: nothing after it counts.
    limit: usize,
}

/// One system call; `begin` and `end` are lines of the trace.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) begin: usize,
    pub(crate) end: usize,
    name: String,
    /// The arguments, and behind the last " = " the result.
    text: String,
}

impl Trace {
    pub(crate) fn parse(text: &str) -> Self {
        let mut open: BTreeMap<&str, Call> = BTreeMap::new();
        let mut calls = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let Some((thread, rest)) = line.split_once(' ') else { continue };
            let Some((_, rest)) = rest.trim_start().split_once(' ') else { continue };
            if let Some(resumed) = rest.strip_prefix("<... ") {
                let (Some(mut call), Some((_, rest))) =
                    (open.remove(thread), resumed.split_once(" resumed>"))
                else {
                    continue;
                };
                call.text.push_str(rest);
                call.end = number;
                calls.push(call);
            } else if let Some((name, rest)) = rest.split_once('(') {
                let call = Call { begin: number, end: number, name: name.into(), text: rest.into() };
                match rest.strip_suffix(" <unfinished ...>") {
                    Some(start) => drop(open.insert(thread, Call { text: start.into(), ..call })),
                    None => calls.push(call),
                }
            }
        }
        calls.retain(|call| call.result().is_some_and(|result| !result.starts_with('-')));
        calls.sort_by_key(|call| call.begin);
        Self { what: "start".into(), calls, limit: usize::MAX }
    }

    /// From the connection of that client to its first answer that begins so.
    pub(crate) fn exchange(&self, what: &str, port: u16, answer: &str) -> Self {
        let socket = format!("->127.0.0.1:{port}]>");
        let accepted = self.calls.iter().find(|call| call.name == "accept4" && call.text.ends_with(&socket));
        let accepted = accepted.unwrap_or_else(|| panic!("{what}: no connection of port {port}"));
        let answered =
            |call: &&Call| call.begin > accepted.end && call.sends(answer) && call.text.contains(&socket);
        let answered = self.calls.iter().find(answered).unwrap_or_else(|| panic!("{what}: no {answer}"));
        let inside = self.calls.iter().filter(|call| call.begin > accepted.end && call.end < answered.begin);
        Self { what: what.into(), calls: inside.cloned().collect(), limit: answered.begin }
    }

    /// All before the first answer that begins so.
    pub(crate) fn until_first(&self, answer: &str) -> Self {
        let answered =
            self.calls.iter().find(|call| call.sends(answer)).unwrap_or_else(|| panic!("no {answer}"));
        let before = self.calls.iter().filter(|call| call.end < answered.begin);
        Self { what: "first start".into(), calls: before.cloned().collect(), limit: answered.begin }
    }

    pub(crate) fn calls(&self) -> impl Iterator<Item = &Call> {
        self.calls.iter()
    }

    pub(crate) fn last(&self, step: &str, is: impl Fn(&Call) -> bool) -> &Call {
        self.calls.iter().rev().find(|call| is(call)).unwrap_or_else(|| self.missing(step))
    }

    /// The first of them that began after `before` had ended, and had ended before the answer began.
    pub(crate) fn next(&self, step: &str, before: &Call, is: impl Fn(&Call) -> bool) -> &Call {
        let after = |call: &&Call| call.begin > before.end && is(call);
        self.calls.iter().find(after).unwrap_or_else(|| self.missing(step))
    }

    /// The call that gave a file this name at last, and the name under which it was written.
    pub(crate) fn naming(&self, path: &Path) -> (PathBuf, &Call) {
        let named = self.last(&format!("{} made", path.display()), |call| {
            call.renames().is_some_and(|(_, to)| to == path) || call.creates(path)
        });
        (named.renames().map_or_else(|| path.to_owned(), |(from, _)| from), named)
    }

    fn missing(&self, step: &str) -> ! {
        let seen: Vec<String> =
            self.calls.iter().map(|call| format!("{}({}", call.name, call.text)).collect();
        panic!(
            "{}: {step}: not before the answer (line {}). What was:\n{}",
            self.what,
            self.limit,
            seen.join("\n")
        )
    }
}

impl Call {
    /// The file behind the descriptor that is the first argument.
    pub(crate) fn path(&self) -> Option<PathBuf> {
        let (descriptor, rest) = self.text.split_once('<')?;
        let (path, _) = rest.split_once('>')?;
        (descriptor.bytes().all(|c| c.is_ascii_digit()) && path.starts_with('/')).then(|| path.into())
    }

    pub(crate) fn writes(&self, path: &Path) -> bool {
        self.is_write() && self.path().as_deref() == Some(path)
    }

    pub(crate) fn writes_below(&self, folder: &Path) -> bool {
        self.is_write() && self.path().is_some_and(|path| path.starts_with(folder))
    }

    pub(crate) fn writes_log(&self) -> bool {
        self.is_write() && self.path().is_some_and(|path| path.to_string_lossy().ends_with("-wal"))
    }

    pub(crate) fn syncs(&self, path: &Path) -> bool {
        matches!(self.name.as_str(), "fsync" | "fdatasync") && self.path().as_deref() == Some(path)
    }

    pub(crate) fn renames(&self) -> Option<(PathBuf, PathBuf)> {
        let mut names = self.name.starts_with("rename").then(|| self.text.split('"').skip(1).step_by(2))?;
        Some((names.next()?.into(), names.next()?.into()))
    }

    pub(crate) fn makes_folder(&self) -> Option<PathBuf> {
        let name = self.name.starts_with("mkdir").then(|| self.text.split('"').nth(1))??;
        Some(name.into())
    }

    /// The result as a number.
    pub(crate) fn count(&self) -> Option<usize> {
        self.result()?.split_whitespace().next()?.parse().ok()
    }

    fn creates(&self, path: &Path) -> bool {
        let named = self.text.split('"').nth(1).map(Path::new) == Some(path);
        self.name.starts_with("open") && named && self.text.contains("O_CREAT")
    }

    fn sends(&self, start: &str) -> bool {
        matches!(self.name.as_str(), "write" | "writev" | "sendto" | "sendmsg")
            && self.text.contains(&format!("\"{start}"))
    }

    fn is_write(&self) -> bool {
        matches!(
            self.name.as_str(),
            "write" | "pwrite64" | "writev" | "pwritev" | "pwritev2" | "copy_file_range"
        )
    }

    fn result(&self) -> Option<&str> {
        self.text.rsplit_once(" = ").map(|(_, result)| result)
    }
}
