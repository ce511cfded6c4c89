//! What is written takes the place of nothing that is read.

use std::path::{Path, PathBuf};

use crate::disk;

/// What is wrong with the files that a command is to write, each with the argument that names it: one of them is read by the
/// same command, or two of them are one.
pub fn clash(outputs: &[(&str, &Path)], inputs: &[PathBuf]) -> Option<String> {
    outputs.iter().enumerate().find_map(|(at, (flag, path))| {
        let name = path.display();
        if inputs.iter().any(|input| is_same(input, path)) {
            return Some(format!("{flag} names {name}, which this command reads; it would be written over"));
        }
        let (other, _) = outputs[..at].iter().find(|(_, other)| is_same(other, path))?;
        Some(format!("{other} and {flag} both name {name}, and the second would be written over the first"))
    })
}

/// The remedy.
pub const HELP: &str = "name another file";

/// Whether two names mean one file, also through links and where it is not there yet. Devices can be both.
fn is_same(one: &Path, other: &Path) -> bool {
    let meta = |path: &Path| std::fs::metadata(path).ok();
    match (meta(one), meta(other)) {
        (Some(one_meta), Some(other_meta)) if one_meta.is_file() && other_meta.is_file() => {
            is_one(&one_meta, &other_meta) || whole(one) == whole(other)
        }
        (None, None) => whole(one) == whole(other),
        _ => false,
    }
}

fn whole(path: &Path) -> PathBuf {
    disk::through(path).or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_owned())
}

#[cfg(unix)]
fn is_one(one: &std::fs::Metadata, other: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
fn is_one(_: &std::fs::Metadata, _: &std::fs::Metadata) -> bool {
    false
}
