//! Files on disk: others' are read within bounds, ours are written beside their place and put there whole.

use std::fs::File;
use std::io::{Error, ErrorKind, Read, Result};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use tempfile::NamedTempFile;

/// A spec, a plan and a list of prices are written at once: who has not opened a named pipe by then never will.
const PATIENCE: Duration = Duration::from_secs(5);

/// Opens a file to read from it.
///
/// # Errors
/// It is not there, may not be read, or is a named pipe that nobody writes to within five seconds.
pub fn open(path: &Path) -> Result<File> {
    if !is_pipe(path) {
        return File::open(path);
    }
    // To open a named pipe waits for whoever writes to it, and cannot be called off.
    let (send, opened) = mpsc::channel();
    let pipe = path.to_owned();
    std::thread::spawn(move || send.send(File::open(pipe)));
    let what = || Error::new(ErrorKind::TimedOut, "it is a named pipe, and nobody writes to it");
    opened.recv_timeout(PATIENCE).unwrap_or_else(|_| Err(what()))
}

/// Whether it is a named pipe, `/dev/fd/63` of a shell's `<(…)` included.
#[cfg(unix)]
pub fn is_pipe(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    std::fs::metadata(path).is_ok_and(|meta| meta.file_type().is_fifo())
}

#[cfg(not(unix))]
pub fn is_pipe(_: &Path) -> bool {
    false
}

/// Reads a file of at most `most` bytes, whatever it says of its size: devices and pipes say nothing.
///
/// # Errors
/// As of [`open`]; or it cannot be read, or has more.
pub fn read(path: &Path, most: u64) -> Result<Vec<u8>> {
    let file = open(path)?;
    let too_large = || Error::new(ErrorKind::FileTooLarge, format!("it has more than {}", size(most)));
    // Holes of a file count as much as its bytes.
    if file.metadata()?.len() > most {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    // One byte more than allowed is enough to know that it is too much.
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most { Err(too_large()) } else { Ok(bytes) }
}

/// The same for a text.
///
/// # Errors
/// As of [`read`]; or it is no UTF-8.
pub fn text(path: &Path, most: u64) -> Result<String> {
    String::from_utf8(read(path, most)?).map_err(|_| Error::new(ErrorKind::InvalidData, "it is no text in UTF-8"))
}

/// Links that lead to one another; Linux follows as many.
const MOST_LINKS: usize = 40;

/// The file that a path means: through links, also where it is not there yet. Who puts a file in its place, or locks it, does so there, so
/// that a link stays one and all its names are one file.
///
/// # Errors
/// The links lead in a circle, or a folder on the way may not be entered.
pub fn through(path: &Path) -> Result<PathBuf> {
    let mut at = path.to_owned();
    for _ in 0..MOST_LINKS {
        match std::fs::canonicalize(&at) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            found => return found,
        }
        match std::fs::read_link(&at) {
            Ok(leads) => at = folder(&at).join(leads),
            // It is not there, under no name.
            Err(_) => {
                let whole = std::fs::canonicalize(folder(&at)).ok().zip(at.file_name());
                return Ok(whole.map(|(folder, name)| folder.join(name)).unwrap_or(at));
            }
        }
    }
    Err(Error::other("its links have no end"))
}

/// What the names of files end with that are not in their place yet.
const ENDING: &str = ".new";
/// Letters that tell two of them apart.
const LETTERS: usize = 6;
/// Bytes of the target's name in theirs; a name has 255 at most.
const LONGEST_NAME: usize = 200;

/// A new file beside its target, to be put in its place by `persist`. It is held under a lock, so that [`sweep`] knows it from what
/// an interrupted run left. `published`: with the rights that a new file has here; otherwise it is its owner's alone.
///
/// # Errors
/// The folder does not exist or cannot be written to.
pub fn beside(target: &Path, published: bool) -> Result<NamedTempFile> {
    let prefix = prefix(target);
    loop {
        let mut builder = tempfile::Builder::new();
        builder.prefix(&prefix).suffix(ENDING).rand_bytes(LETTERS);
        // The process's umask takes away from it.
        #[cfg(unix)]
        if published {
            builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        }
        let file = builder.tempfile_in(folder(target))?;
        // Who sweeps may have seen it before it was locked. Where there are no locks, nobody sweeps.
        if file.as_file().lock().is_err() || file.path().exists() {
            return Ok(file);
        }
    }
}

/// Removes what runs that were killed left beside a target. What cannot be looked at or removed stays: it does no harm.
pub fn sweep(target: &Path) {
    let prefix = prefix(target);
    let is_left = |name: &str| {
        let letters = name.strip_prefix(&prefix).and_then(|rest| rest.strip_suffix(ENDING));
        letters.is_some_and(|letters| letters.len() == LETTERS)
    };
    let Ok(entries) = std::fs::read_dir(folder(target)) else { return };
    for entry in entries.flatten().filter(|entry| entry.file_name().to_str().is_some_and(is_left)) {
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        let Some(file) = is_file.then(|| File::open(entry.path()).ok()).flatten() else { continue };
        // Whoever writes it at this moment holds the lock.
        if file.try_lock().is_ok() {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// The folder of a target.
pub fn folder(target: &Path) -> &Path {
    target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn prefix(target: &Path) -> String {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let end = (0..=name.len().min(LONGEST_NAME)).rev().find(|end| name.is_char_boundary(*end));
    format!(".{}.", &name[..end.unwrap_or_default()])
}

fn size(bytes: u64) -> String {
    match bytes {
        bytes if bytes % (1 << 20) == 0 => format!("{} MiB", bytes >> 20),
        bytes if bytes % (1 << 10) == 0 => format!("{} KiB", bytes >> 10),
        bytes => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_much_as_is_allowed_is_read_and_not_a_byte_more() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for (bytes, fits) in [(0, true), (4096, true), (4097, false)] {
            std::fs::write(&path, vec![b'x'; bytes]).unwrap();
            let read = text(&path, 4096);
            assert_eq!(read.as_ref().map(String::len).ok(), fits.then_some(bytes));
            assert!(fits || read.unwrap_err().to_string() == "it has more than 4 KiB");
        }
        std::fs::write(&path, b"caf\xe9").unwrap();
        assert_eq!(text(&path, 4096).unwrap_err().kind(), ErrorKind::InvalidData);
        assert_eq!(read(&folder.path().join("nowhere"), 1).unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn what_a_killed_run_left_is_swept_and_what_is_being_written_stays() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("c.json");
        let names = || {
            let entries = std::fs::read_dir(folder.path()).unwrap();
            let mut names: Vec<String> =
                entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        };
        let held = beside(&target, false).unwrap();
        let held_name = held.path().file_name().unwrap().to_str().unwrap().to_owned();
        // Killed: the file is there, and its lock is not.
        let (_, left) = beside(&target, true).unwrap().keep().unwrap();
        assert!(left.exists());
        let others = [".c.json.new", ".c.json.d.AbCdEf.new", ".c.json.AbCdEfG.new", "c.json.AbCdEf.new"];
        others.iter().for_each(|name| drop(File::create(folder.path().join(name)).unwrap()));
        sweep(&target);
        let mut expected = others.map(str::to_owned).to_vec();
        expected.push(held_name);
        expected.sort();
        assert_eq!(names(), expected);
        held.persist(&target).unwrap();
        assert!(target.exists() && names().len() == others.len() + 1);
        for name in ["x".repeat(255), "\u{e9}".repeat(127)] {
            beside(&folder.path().join(name), false).unwrap();
        }
        sweep(&folder.path().join("nowhere").join("c.json"));
    }

    #[cfg(unix)]
    #[test]
    fn links_lead_to_their_file_whether_it_is_there_or_not() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let at = std::fs::canonicalize(folder.path()).unwrap();
        std::fs::create_dir(at.join("real")).unwrap();
        symlink("real/a", at.join("one")).unwrap();
        symlink("one", at.join("two")).unwrap();
        symlink("../two", at.join("real/three")).unwrap();
        symlink("nowhere/a", at.join("lost")).unwrap();
        symlink("circle", at.join("circle")).unwrap();
        let all = ["one", "two", "real/three", "real/../one", "real/a"];
        let lead = || all.map(|name| through(&at.join(name)).unwrap());
        assert_eq!(lead(), all.map(|_| at.join("real/a")), "before it is there");
        File::create(at.join("real/a")).unwrap();
        assert_eq!(lead(), all.map(|_| at.join("real/a")), "and afterwards");
        assert_eq!(through(&at.join("lost")).unwrap(), at.join("nowhere/a"));
        assert!(through(&at.join("circle")).is_err());
        assert_eq!(through(Path::new("no-such-file")).unwrap().file_name().unwrap(), "no-such-file");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn devices_and_holes_have_no_end_and_are_read_to_the_bound() {
        assert_eq!(read(Path::new("/dev/zero"), 1 << 20).unwrap_err().to_string(), "it has more than 1 MiB");
        assert_eq!(read(Path::new("/dev/null"), 1).unwrap(), b"");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hole");
        File::create(&path).unwrap().set_len(1 << 40).unwrap();
        assert_eq!(read(&path, 1 << 30).unwrap_err().kind(), ErrorKind::FileTooLarge);
    }
}
