//! The only place that reads spec files.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::disk;
use crate::model::{Place, Problem};
use crate::spec::{MAX_BYTES, Source};

/// Files in one set; more is a wrong folder.
const MOST_FILES: usize = 10_000;
/// Depth of folders that are searched.
const DEEPEST: usize = 16;

/// Reads files, folders (every `.yaml` and `.yml` below them, in order of their names) and `-` for standard input.
pub fn read(paths: &[PathBuf]) -> Result<Vec<Source>, Vec<Problem>> {
    let Each { sources, problems, .. } = read_each(paths, &|_| true);
    if problems.is_empty() { Ok(sources) } else { Err(problems) }
}

/// What was read, and what could not be.
#[derive(Default)]
pub struct Each {
    pub sources: Vec<Source>,
    pub problems: Vec<Problem>,
    /// Of files that are no text as much as is text: their problems have their places there.
    pub partly: Vec<Source>,
}

/// The same, and what can be read is there even if something cannot. `counts` says of the bytes of a file that is no text,
/// or too large, whether that is worth telling.
pub fn read_each(paths: &[PathBuf], counts: &dyn Fn(&[u8]) -> bool) -> Each {
    let (files, problems) = listed(paths);
    let mut each = Each { problems, ..Each::default() };
    if files.len() > MOST_FILES {
        return each;
    }
    let here = std::env::current_dir().unwrap_or_default();
    for file in files.iter().map(|file| from_here(&here, file)) {
        match bytes(file) {
            Err(error) => each.problems.push(refused(file, &error)),
            Ok(bytes) => match Source::from_bytes(named_as(file), &bytes) {
                Ok(source) => each.sources.push(source),
                Err(problem) if counts(&bytes) => {
                    each.problems.push(problem);
                    each.partly.push(Source::readable(named_as(file), &bytes));
                }
                Err(_) => {}
            },
        }
    }
    each
}

/// The files that [`read`] would read, each once, and what is wrong with their folders.
pub fn listed(paths: &[PathBuf]) -> (Vec<PathBuf>, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut files: Vec<PathBuf> = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            files.push(path.clone());
        } else if path.is_dir() {
            let before = (files.len(), problems.len());
            walk(path, 0, &mut files, &mut problems);
            // Of a folder that could not be read nobody knows what is in it.
            if (files.len(), problems.len()) == before {
                problems.push(unreadable(path, "there is no .yaml or .yml file in it"));
            }
        } else {
            files.push(path.clone());
        }
    }
    if files.len() > MOST_FILES {
        problems
            .push(unreadable(&files[0], &format!("more than {MOST_FILES} files are no spec; name a smaller folder")));
        return (files, problems);
    }
    let mut seen = std::collections::BTreeSet::new();
    files.retain(|file| seen.insert(std::fs::canonicalize(file).unwrap_or_else(|_| file.clone())));
    (files, problems)
}

/// The path as somebody in the current folder writes it: `./a.yaml` and the whole path of such a file are `a.yaml`. Code
/// hosts know files by no other name.
fn from_here<'a>(here: &Path, file: &'a Path) -> &'a Path {
    let inside = file.strip_prefix(here).or_else(|_| file.strip_prefix("."));
    inside.ok().filter(|path| !path.as_os_str().is_empty()).unwrap_or(file)
}

fn walk(folder: &Path, depth: usize, files: &mut Vec<PathBuf>, problems: &mut Vec<Problem>) {
    if depth > DEEPEST || files.len() > MOST_FILES {
        return;
    }
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => return problems.push(refused(folder, &error)),
    };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    paths.sort();
    for path in paths {
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let yaml = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        // Linked folders are not followed: they can make circles.
        let linked = path.symlink_metadata().is_ok_and(|meta| meta.is_symlink());
        if hidden {
        } else if path.is_dir() && !linked {
            walk(&path, depth + 1, files, problems);
        } else if yaml && path.metadata().map_or(true, |meta| meta.is_file()) {
            // A link that leads nowhere is a mistake to be told, not a file to be passed over.
            files.push(path);
        }
    }
}

/// Reads one file, or standard input for `-`.
///
/// # Errors
/// It cannot be read, or is no text.
pub fn load(path: &Path) -> Result<Source, Problem> {
    let bytes = bytes(path).map_err(|error| refused(path, &error))?;
    Source::from_bytes(named_as(path), &bytes)
}

fn bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // One byte more than allowed is enough to know that it is too much.
    let limit = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    if path.as_os_str() == "-" {
        std::io::stdin().lock().take(limit).read_to_end(&mut bytes)?;
    } else {
        disk::open(path)?.take(limit).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

fn named_as(path: &Path) -> String {
    if path.as_os_str() == "-" { "<stdin>".to_owned() } else { path.display().to_string() }
}

/// A file's text that came from elsewhere, such as an earlier revision.
///
/// # Errors
/// It is no text.
pub fn named(name: &str, bytes: &[u8]) -> Result<Source, Problem> {
    Source::from_bytes(name, bytes)
}

/// Writes a text beside its target and renames it, so that a crash or a full disk leaves the old one. Through a link to
/// the file itself; and what is no file, such as `/dev/stdout`, is written to and not put another in the place of.
///
/// # Errors
/// The folder does not exist or cannot be written to, or the disk is full.
pub fn write(path: &Path, text: &str) -> Result<(), anyhow::Error> {
    write_whole(path, text, false)
}

/// The same for what others read as well, such as the next step of a build: the file has the rights that a new file has
/// here, where [`write`] leaves it to its owner alone.
///
/// # Errors
/// As of [`write`].
pub fn publish(path: &Path, text: &str) -> Result<(), anyhow::Error> {
    write_whole(path, text, true)
}

fn write_whole(path: &Path, text: &str, published: bool) -> Result<(), anyhow::Error> {
    let doing = || format!("writing {}", path.display());
    if std::fs::metadata(path).is_ok_and(|meta| !meta.is_file()) {
        let mut device = std::fs::File::options().write(true).open(path).with_context(doing)?;
        return device.write_all(text.as_bytes()).with_context(doing);
    }
    // Not in the place of a link, even of one that leads in a circle: it is not ours.
    let target = disk::through(path).with_context(doing)?;
    disk::sweep(&target);
    let mut file = disk::beside(&target, published).with_context(doing)?;
    file.write_all(text.as_bytes()).with_context(doing)?;
    file.as_file().sync_all().with_context(doing)?;
    file.persist(&target).map(|_| ()).map_err(|error| error.error).with_context(doing)
}

/// Writes a user's file anew, with the permissions that it had.
///
/// # Errors
/// The file or its folder cannot be written to.
pub fn rewrite(path: &Path, text: &str) -> Result<(), anyhow::Error> {
    let doing = || format!("writing {}", path.display());
    let permissions = std::fs::metadata(path).with_context(doing)?.permissions();
    write(path, text)?;
    std::fs::set_permissions(path, permissions).with_context(doing)
}

/// The machine does not let us read it.
fn refused(path: &Path, error: &std::io::Error) -> Problem {
    let problem = unreadable(path, &error.to_string());
    if error.kind() != std::io::ErrorKind::PermissionDenied {
        return problem;
    }
    problem.help(
        "you may not read it: have its permissions changed (`ls -ld` shows them), or name what you may read with -f",
    )
}

fn unreadable(path: &Path, why: &str) -> Problem {
    let help = "name spec files or folders with -f, or - for standard input; `tidegate init` writes a first spec";
    Problem::new("unreadable", crate::model::Path::root(), format!("cannot read {}: {why}", path.display()))
        .help(help)
        .at(Place::new(&named_as(path).into(), 0..0))
}
