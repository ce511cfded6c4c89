//! The ledger in one file: lines with a checksum, appended; a torn end is cut off, old lines are left out now and then.

mod anew;
mod lines;
mod lock;
#[cfg(test)]
mod tests;

use std::fmt;
use std::fs::{File, Metadata};
use std::io::{Error, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt};

use self::lines::{Form, HEADER, Packer, read};
use super::Ledger;
use super::ledger::Take;
use crate::cloud::{Class, Fault};
use crate::control::{Entry, Memory, Record};
use crate::disk;

/// Minutes after which calls are left out: the policy learns durations from three weeks.
const CALLS_KEPT: i64 = 21 * 1440;
/// Minutes after which decisions are left out.
const DECISIONS_KEPT: i64 = 31 * 1440;
/// The file is made anew when so many bytes were appended since, and at least as many as it had.
const LEAST_GROWTH: u64 = 4 << 20;
/// Entries that are written at once.
const PIECE: usize = 1000;

/// Minutes by which an entry may be ahead of the clock. What is dated later, by a clock that had jumped, says nothing about what is
/// old.
const AHEAD: i64 = 60;
/// Seconds from a failed attempt to make the file anew to the next one; they double up to an hour.
const FIRST_WAIT: i64 = 60;
const LONGEST_WAIT: i64 = 3600;
/// Seconds for which it is told that the file was taken away or cut short.
const TOLD: i64 = 600;

/// The code of a fault where there is no such file.
pub const MISSING: &str = "NoLedger";

/// Seconds since 1970 by the clock that dates the entries.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// What a ledger that is read has lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Its last line does not go on to its end.
    pub has_no_end: bool,
    /// Lines that cannot be read.
    pub damaged: usize,
}

/// An open ledger file. One process has it at a time.
pub struct FileLedger {
    /// As it was given, which is how it is told.
    path: PathBuf,
    /// Where the file itself lies: links lead to it, and it is this name that a new file takes.
    place: PathBuf,
    file: File,
    clock: Clock,
    /// The end of a write that failed still stands there and could not be cut off.
    is_torn: bool,
    /// Held until the end.
    _lock: File,
    /// The same on the file itself, which may have several names, and whose lock may be taken away.
    own: Option<File>,
    form: Form,
    /// Bytes that it had when it was opened or made anew, and those that were appended since.
    size: u64,
    appended: u64,
    /// Bytes that it must have: all that were written.
    length: u64,
    /// The newest minute that was written.
    newest: i64,
    /// Why it could not be made anew without what is old.
    overgrown: Option<Overgrown>,
    /// When the file was found to have been taken away or cut short, and was put back; and which of the two.
    restored: Option<(i64, &'static str)>,
    /// It was written anew of what is known, which is an hour of minutes: with none of them the next start reads the past from CloudWatch, with
    /// that hour it would take the past for read.
    is_renewed: bool,
    /// Lines that could not be read when it was opened.
    pub damaged: usize,
    /// It ended within its first lines when it was opened: what it held is lost.
    pub is_cut: bool,
}

/// An attempt to make the file anew that failed.
struct Overgrown {
    why: String,
    failures: u32,
    /// Seconds since 1970 of the next attempt.
    again: i64,
}

impl fmt::Debug for FileLedger {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("FileLedger").field("path", &self.path).finish_non_exhaustive()
    }
}

impl FileLedger {
    /// Opens the ledger for a controller, or makes one. Refused while another process has it.
    ///
    /// # Errors
    /// The file cannot be read or written, belongs to another version, or is in use.
    pub fn open(path: &Path, clock: Clock) -> Result<Self, Fault> {
        if std::fs::metadata(path).is_ok_and(|meta| !meta.is_file()) {
            let what = "it is no file that could be written and read again".to_owned();
            return Err(Fault::new(Class::Refused, format!("opening the ledger {}", path.display()), "NoFile", what)
                .help("name a file of the controller's own with --ledger"));
        }
        let place = resolved(path);
        let lock = lock::beside(path, &place)?;
        if !place.exists() {
            File::create(&place).map_err(|error| failed(path, "making", &error))?;
        }
        let own = lock::itself(path, &place)?;
        let file = reopened(&place).map_err(|error| failed(path, "opening", &error))?;
        let mut ledger = Self {
            path: path.to_owned(),
            place,
            file,
            clock,
            is_torn: false,
            _lock: lock,
            own,
            form: Form::Packed,
            size: 0,
            appended: 0,
            length: 0,
            newest: i64::MIN,
            overgrown: None,
            restored: None,
            is_renewed: false,
            damaged: 0,
            is_cut: false,
        };
        disk::sweep(&ledger.place);
        ledger.mend()?;
        Ok(ledger)
    }

    /// Reads the ledger without holding it: what a running controller has written so far.
    ///
    /// # Errors
    /// There is no such file, or it belongs to another version.
    pub fn peek(path: &Path, take: &mut (dyn FnMut(Entry) + Send)) -> Result<Lost, Fault> {
        Self::peek_at((path, path), take)
    }

    /// The same of the file in this place, which was given as `told`: a link may lead elsewhere by now.
    fn peek_at(at: (&Path, &Path), take: &mut (dyn FnMut(Entry) + Send)) -> Result<Lost, Fault> {
        let read = read(at, &mut |entry, _| take(entry))?;
        Ok(Lost { has_no_end: read.whole < read.bytes, damaged: read.damaged })
    }

    /// Whether a controller on this machine has it now.
    pub fn is_held(path: &Path) -> bool {
        lock::is_held(&resolved(path))
    }

    /// Cuts off a last line that was not written to its end. Where most of it is old, or it is of the old form, it is made anew.
    fn mend(&mut self) -> Result<(), Fault> {
        let now = self.minute();
        let (mut newest, mut kept, mut old) = (i64::MIN, 0_usize, 0_usize);
        let read = read((&self.place, &self.path), &mut |entry, _| {
            newest = newest.max(minute(&entry.record));
            *if is_kept(&entry.record, now) { &mut kept } else { &mut old } += 1;
        })?;
        (self.form, self.size, self.damaged, self.newest) = (read.form, read.whole, read.damaged, newest);
        self.is_cut = read.whole < read.bytes && kept + old + read.damaged == 0;
        let mended = || -> std::io::Result<u64> {
            if read.whole < read.bytes {
                self.file.set_len(read.whole)?;
            }
            if read.whole == 0 {
                writeln!(&self.file, "{HEADER}")?;
            }
            self.file.sync_all()?;
            Ok(self.file.metadata()?.len())
        };
        self.length = mended().map_err(|error| failed(&self.path, "mending", &error))?;
        if self.form == Form::Old || old > kept {
            self.compact_or_tell();
        }
        Ok(())
    }

    fn minute(&self) -> i64 {
        (self.clock)().div_euclid(60)
    }

    /// Makes the file anew where it has grown. What was appended is written, whatever becomes of that.
    fn compact_in_time(&mut self) {
        let now = (self.clock)();
        // A wait that is longer than any was begun by a clock that was ahead.
        let waits = |failed: &Overgrown| now < failed.again && failed.again <= now + LONGEST_WAIT;
        if self.appended > self.size.max(LEAST_GROWTH) && !self.overgrown.as_ref().is_some_and(waits) {
            self.compact_or_tell();
        }
    }

    fn compact_or_tell(&mut self) {
        let failures = self.overgrown.as_ref().map_or(0, |failed| failed.failures).saturating_add(1);
        self.overgrown = self.compact().err().map(|fault| {
            let wait = FIRST_WAIT << (failures - 1).min(10);
            let why = format!("{fault}: entries are written all the same, and it takes more room until this works");
            Overgrown { why, failures, again: (self.clock)() + wait.min(LONGEST_WAIT) }
        });
    }

    /// Appends all of the entries, or none.
    fn append(&mut self, entries: &[Entry], durable: bool) -> Result<(), Fault> {
        self.stand()?;
        let whole = self.file.metadata().map_err(|error| failed(&self.path, "writing", &error))?.len();
        if whole < self.length {
            // What comes after a cut would be the second half of another line, or of none. The next tick writes all anew.
            let doing = format!("writing the ledger {}", self.path.display());
            let what = "it was cut short by somebody else".to_owned();
            return Err(Fault::new(Class::Refused, doing, "LedgerCut", what)
                .help("leave the file to the controller, which writes it anew from what it knows"));
        }
        match self.put(entries, durable) {
            Ok(bytes) => (self.appended, self.length) = (self.appended + bytes, whole + bytes),
            Err(error) => {
                // A full disk takes the first half of a line: the next one must not become its second half.
                self.is_torn |= self.file.set_len(whole).is_err();
                return Err(failed(&self.path, "writing", &error));
            }
        }
        self.is_torn = false;
        let newest = entries.iter().map(|entry| minute(&entry.record)).max();
        self.newest = self.newest.max(newest.unwrap_or(i64::MIN));
        self.compact_in_time();
        Ok(())
    }

    fn put(&mut self, entries: &[Entry], durable: bool) -> std::io::Result<u64> {
        let mut bytes = 0;
        // In pieces, since the first minutes of thousands of streams come at once.
        for (at, piece) in entries.chunks(PIECE).enumerate() {
            let mut packer = Packer::of(self.form);
            let is_written = |entry: &&Entry| !(self.is_renewed && matches!(entry.record, Record::Sample { .. }));
            piece.iter().filter(is_written).for_each(|entry| packer.push(entry, None));
            let text = packer.end();
            if at == 0 && self.is_torn {
                self.file.write_all(b"\n")?;
            }
            self.file.write_all(text.as_bytes())?;
            bytes += text.len() as u64;
        }
        if durable {
            self.file.sync_data()?;
        }
        Ok(bytes)
    }
}

impl Ledger for FileLedger {
    fn recall<'a>(&'a mut self, take: Take<'a>) -> BoxFuture<'a, Result<(), Fault>> {
        async move { Self::peek_at((&self.place, &self.path), take).map(drop) }.boxed()
    }

    fn write<'a>(&'a mut self, _: &'a str, entries: &'a [Entry], durable: bool) -> BoxFuture<'a, Result<(), Fault>> {
        async move { if entries.is_empty() { Ok(()) } else { self.append(entries, durable) } }.boxed()
    }

    fn renew<'a>(&'a mut self, all: &'a (dyn Fn(Take<'_>) + Sync)) -> BoxFuture<'a, Result<bool, Fault>> {
        async move { FileLedger::renew(self, all) }.boxed()
    }

    fn trouble(&self) -> Option<String> {
        let lately = self.restored.filter(|(at, _)| (0..TOLD).contains(&((self.clock)() - at)));
        let restored = lately.map(|(_, what)| {
            format!("the ledger {} {what} under the running controller, and was written anew", self.path.display())
        });
        self.overgrown.as_ref().map(|failed| failed.why.clone()).or(restored)
    }

    fn close(&mut self) -> BoxFuture<'_, ()> {
        async move {
            if let Err(fault) = self.stand() {
                tracing::warn!(%fault, "what was written may be lost");
            }
        }
        .boxed()
    }
}

/// Where the file itself lies, or will. What leads nowhere is told when it is opened.
fn resolved(path: &Path) -> PathBuf {
    disk::through(path).unwrap_or_else(|_| path.to_owned())
}

/// The minute since 1970 that a record is about.
pub fn minute(record: &Record) -> i64 {
    match record {
        Record::Sample { minute, .. } | Record::Foreign { minute, .. } => *minute,
        Record::Calling { called, .. }
        | Record::Splitting { called, .. }
        | Record::Refused { called }
        | Record::Void { called } => *called,
        Record::Settled { done, .. } => *done,
        Record::Decided { decision } => decision.at.div_euclid(60),
    }
}

fn is_kept(record: &Record, newest: i64) -> bool {
    let kept = match record {
        Record::Sample { .. } => Memory::MINUTES as i64,
        Record::Decided { .. } => DECISIONS_KEPT,
        _ => CALLS_KEPT,
    };
    minute(record) > newest.saturating_sub(kept)
}

/// Read and appended to.
fn reopened(path: &Path) -> std::io::Result<File> {
    File::options().read(true).append(true).open(path)
}

/// The new name must be on disk, too.
fn synced(path: &Path) -> std::io::Result<()> {
    File::open(disk::folder(path)).and_then(|folder| folder.sync_all())
}

/// Whether both are one file.
#[cfg(unix)]
fn is_same(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
fn is_same(_: &Metadata, _: &Metadata) -> bool {
    true
}

/// Without the name of a file that is another one each time: what lasts is to be told in the same words.
fn nameless(error: Error) -> Error {
    if error.raw_os_error().is_some() { error } else { error.kind().into() }
}

fn failed(path: &Path, doing: &str, error: &Error) -> Fault {
    let code = if error.kind() == ErrorKind::NotFound { MISSING } else { "LedgerFailed" };
    let fault = Fault::new(Class::Refused, format!("{doing} the ledger {}", path.display()), code, error.to_string());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    match error.kind() {
        ErrorKind::NotFound if folder.is_some_and(|folder| !folder.exists()) => {
            fault.help("the folder is not there: make it, or name a file in another one with --ledger")
        }
        ErrorKind::NotFound => {
            fault.help("name the file that the controller writes (--ledger FILE); `tidegate run` makes it")
        }
        _ => fault.help("check that the folder exists, that you may write to it, and that the disk has room"),
    }
}
