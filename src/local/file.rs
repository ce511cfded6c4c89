//! The world in a file: one JSON document, written beside itself and renamed, changed under a lock.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::world::World;
use crate::cloud::{Class, Fault};
use crate::disk;

/// The version of the file's format that this program writes and reads.
pub const FORMAT: u32 = 2;

/// A hundred years: nobody has waited so long, and every minute of it would have to be played.
pub const LONGEST_AHEAD_MS: i64 = 100 * 365 * 86_400_000;

/// Ten thousand streams with three days of minutes have some hundred megabytes.
const MOST_BYTES: u64 = 2 << 30;

/// What the file holds.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Saved {
    pub format: u32,
    /// Milliseconds by which the cloud's clock is ahead of real time.
    pub ahead_ms: i64,
    /// What exists, by region: names in one region say nothing about those in another.
    pub regions: BTreeMap<String, World>,
}

/// What is behind the name of a cloud's file in that of its lock. The lock holds the newest time as well, in milliseconds since 1970: the
/// cloud's file may be large, so it is written now and then, and at hundreds of times real time that is an hour behind.
const LOCK: &str = ".lock";
/// Bytes of that time.
const TIME_BYTES: usize = 20;

/// The version alone, so that a newer file gets a better answer than "unknown field".
#[derive(Deserialize)]
struct Version {
    format: u32,
}

/// When the file was last changed, its size and which file it is: whether another process wrote it.
type Stamp = (SystemTime, u64, u64);

#[derive(Debug)]
pub struct Store {
    /// As the user wrote it.
    named: PathBuf,
    /// The file itself, past all links: whoever opens it under another name must meet the same lock.
    path: PathBuf,
    seen: Option<Stamp>,
    /// What killed runs left is removed by the first change.
    swept: bool,
    /// The lock lay beside the file before this process came: it has been written before.
    is_known: bool,
}

impl Store {
    pub fn new(path: &Path) -> Self {
        // What leads nowhere is told by the first reading.
        let file = disk::through(path).unwrap_or_else(|_| path.to_owned());
        let is_known = beside(&file, LOCK).exists();
        Self { named: path.to_owned(), path: file, seen: None, swept: false, is_known }
    }

    /// Locks against other processes until the answer is dropped. A file of its own, since the data file is replaced.
    pub fn lock(&self) -> Result<File, Fault> {
        let path = beside(&self.path, LOCK);
        let open = || {
            let file = File::options().create(true).truncate(false).write(true).open(&path)?;
            file.lock()?;
            Ok(file)
        };
        open().map_err(|error| self.failed("locking", &error))
    }

    /// The file's content if it changed since it was last read or written here; `None` also where there is no file.
    pub fn changed(&mut self) -> Result<Option<Saved>, Fault> {
        let stamp = self.stamp()?;
        // An empty file, as `mktemp` makes it, is an empty cloud; one that was written before has lost what it held.
        let is_empty = stamp.is_some_and(|(_, bytes, _)| bytes == 0);
        if is_empty && self.is_known {
            return Err(damaged(&self.named, "it is empty, though it has been in use"));
        }
        if stamp.is_none() || is_empty || stamp == self.seen {
            return Ok(None);
        }
        let text = disk::read(&self.path, MOST_BYTES).map_err(|error| match error.kind() {
            ErrorKind::FileTooLarge => {
                self.failed("reading", &error).help("it is no local cloud: name another file with --cloud local:FILE")
            }
            _ => self.failed("reading", &error),
        })?;
        let saved = parse(&self.named, &text)?;
        self.seen = stamp;
        Ok(Some(saved))
    }

    /// The newest time that a process that moves this cloud's clock wrote down. A file that is gone, or empty, takes its time with it.
    pub fn time(&self) -> Option<i64> {
        self.stamp().ok().flatten().filter(|(_, bytes, _)| *bytes > 0)?;
        disk::text(&beside(&self.path, LOCK), TIME_BYTES as u64).ok()?.trim().parse().ok()
    }

    /// Writes it down, where the cloud is kept at all.
    pub fn note(&self, time: i64) {
        let note = || {
            let mut lock = File::options().write(true).open(beside(&self.path, LOCK))?;
            lock.write_all(format!("{time:0width$}", width = TIME_BYTES).as_bytes())
        };
        // The time in the file itself is older, and true.
        if let Err(error) = note() {
            tracing::debug!(%error, "the local cloud's time was not noted");
        }
    }

    /// From now on the time in the file is the newest.
    pub fn unnote(&self) {
        if let Ok(lock) = File::options().write(true).open(beside(&self.path, LOCK)) {
            // A time that stays is that of a run all the same.
            let _ = lock.set_len(0);
        }
    }

    pub fn save(&mut self, saved: &Saved) -> Result<(), Fault> {
        // What is on disk counts if the writing fails half way.
        self.seen = None;
        let target = self.path.as_path();
        if !std::mem::replace(&mut self.swept, true) {
            disk::sweep(target);
        }
        let write = || {
            let mut file = disk::beside(target, false)?;
            // Never the whole text at once: three days of many streams have more of it than everything else together.
            let mut text = BufWriter::with_capacity(1 << 16, &mut file);
            serde_json::to_writer(&mut text, saved)?;
            text.flush()?;
            drop(text);
            file.persist(target).map_err(|error| error.error)
        };
        write().map_err(|error| self.failed("writing", &error))?;
        self.seen = self.stamp()?;
        Ok(())
    }

    fn stamp(&self) -> Result<Option<Stamp>, Fault> {
        match fs::metadata(&self.path).and_then(|data| Ok((data.modified()?, data.len(), inode(&data)))) {
            Ok(stamp) => Ok(Some(stamp)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed("reading", &error)),
        }
    }

    fn failed(&self, doing: &str, error: &std::io::Error) -> Fault {
        let doing = format!("{doing} the local cloud {}", self.named.display());
        Fault::new(Class::Refused, doing, "FileFailed", error.to_string())
            .help("check that the folder exists, that you may write to it, and that the disk has room")
    }
}

/// Reads the file's bytes.
pub fn parse(path: &Path, text: &[u8]) -> Result<Saved, Fault> {
    let damaged = |what: &str| damaged(path, what);
    if text.trim_ascii_start().first() != Some(&b'{') {
        return Err(damaged("it does not begin as a local cloud does"));
    }
    let version: Version = serde_json::from_slice(text).map_err(|error| damaged(&plainly(&error)))?;
    if version.format != FORMAT {
        let message = format!("the file has format {}, and this version of tidegate knows {FORMAT}", version.format);
        let doing = format!("reading the local cloud {}", path.display());
        return Err(Fault::new(Class::Refused, doing, "UnknownFormat", message)
            .help("use the version of tidegate that wrote it, or another file"));
    }
    let saved: Saved = serde_json::from_slice(text).map_err(|error| damaged(&plainly(&error)))?;
    if !(0..=LONGEST_AHEAD_MS).contains(&saved.ahead_ms) {
        return Err(damaged(&format!("the clock cannot be {} ms ahead", saved.ahead_ms)));
    }
    Ok(saved)
}

fn damaged(path: &Path, what: &str) -> Fault {
    let path = path.display();
    let doing = format!("reading the local cloud {path}");
    Fault::new(Class::Refused, doing, "DamagedFile", format!("the file is damaged: {what}"))
        .help(format!("move it away (`mv {path} {path}.damaged`) and apply again; the local cloud starts empty"))
}

/// What is wrong with the text and where, in words of the file and not of this program's types.
fn plainly(error: &serde_json::Error) -> String {
    let at = format!("line {}, column {}", error.line(), error.column());
    match error.classify() {
        serde_json::error::Category::Eof => format!("it ends too early ({at})"),
        serde_json::error::Category::Syntax | serde_json::error::Category::Io => format!("it is no JSON from {at} on"),
        serde_json::error::Category::Data => {
            // "missing field `format`" says what is wrong; "expected struct World" does not.
            let text = error.to_string();
            let named = ["missing field `", "unknown field `", "duplicate field `", "unknown variant `"];
            let words = named.iter().find(|words| text.starts_with(**words)).and_then(|words| {
                let name = text[words.len()..].split('`').next()?;
                Some(format!("{}{name}`", words.replace("variant", "value")))
            });
            format!(
                "{} ({at})",
                words.unwrap_or_else(|| "something in it is of another form than a local cloud has".into())
            )
        }
    }
}

/// Each save is a new file, also where two of them fall into one tick of the file system's clock.
#[cfg(unix)]
fn inode(data: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(data)
}

#[cfg(not(unix))]
fn inode(_: &fs::Metadata) -> u64 {
    0
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
