//! The ledger in one file: lines with a checksum, appended; a torn end is cut off, old lines are left out now and then.

use std::fmt;
use std::fs::{File, TryLockError};
use std::io::{BufRead, BufReader, BufWriter, ErrorKind, Read as _, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};

use super::Ledger;
use super::ledger::Take;
use crate::cloud::{Class, Fault};
use crate::control::{Entry, Memory, Record};
use crate::disk;

/// The first line. Another version's file is refused, not guessed at.
const HEADER: &str = "tidegate-ledger 1";
/// Minutes after which calls are left out: the policy learns durations from three weeks.
const CALLS_KEPT: i64 = 21 * 1440;
/// Minutes after which decisions are left out.
const DECISIONS_KEPT: i64 = 31 * 1440;
/// The file is made anew when so many lines were appended since, and at least as many as it had.
const LEAST_GROWTH: usize = 50_000;
/// Bytes of a line, its end included. The longest, a decision with its reasons, have a few thousand.
const LONGEST: u64 = 1 << 20;
/// Lines that are written at once.
const PIECE: usize = 1000;

/// Attempts to have the file, and the time between two.
const ATTEMPTS: u32 = 3;
const MOMENT: Duration = Duration::from_millis(20);
/// Minutes by which an entry may be ahead of the clock. What is dated later, by a clock that had jumped, says nothing about what is
/// old.
const AHEAD: i64 = 60;

/// Seconds since 1970 by the clock that dates the entries.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// An open ledger file. One process has it at a time.
pub struct FileLedger {
    path: PathBuf,
    file: File,
    clock: Clock,
    /// The end of a write that failed still stands there and could not be cut off.
    is_torn: bool,
    /// Held until the end.
    _lock: Option<File>,
    lines: usize,
    appended: usize,
    /// The newest minute that was written.
    newest: i64,
    /// Lines that could not be read when it was opened.
    pub damaged: usize,
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
        let lock_path = beside(path, ".lock");
        let lock = File::options().create(true).truncate(false).write(true).open(&lock_path);
        let lock = lock.map_err(|error| failed(path, "locking", &error))?;
        // Who only asks whether it is held has it for a moment.
        let is_ours = (0..ATTEMPTS).any(|attempt| {
            if attempt > 0 {
                std::thread::sleep(MOMENT);
            }
            lock.try_lock().is_ok()
        });
        if !is_ours {
            let what = "another controller is running with it".to_owned();
            return Err(Fault::new(Class::Busy, format!("opening the ledger {}", path.display()), "LedgerInUse", what)
                .help("stop the other one, or give this one a file of its own (--ledger FILE)"));
        }
        if !path.exists() {
            let mut file = File::create(path).map_err(|error| failed(path, "making", &error))?;
            writeln!(file, "{HEADER}")
                .and_then(|()| file.sync_all())
                .map_err(|error| failed(path, "making", &error))?;
        }
        let file = File::options().append(true).open(path).map_err(|error| failed(path, "opening", &error))?;
        let mut ledger = Self {
            path: path.to_owned(),
            file,
            clock,
            is_torn: false,
            _lock: Some(lock),
            lines: 0,
            appended: 0,
            newest: i64::MIN,
            damaged: 0,
        };
        disk::sweep(path);
        ledger.mend()?;
        Ok(ledger)
    }

    /// Reads the ledger without holding it: what a running controller has written so far.
    ///
    /// # Errors
    /// There is no such file, or it belongs to another version.
    pub fn peek(path: &Path, take: &mut (dyn FnMut(Entry) + Send)) -> Result<(), Fault> {
        read(path, &mut |entry, _| take(entry)).map(drop)
    }

    /// Whether a controller on this machine has it now.
    pub fn is_held(path: &Path) -> bool {
        let lock = File::options().write(true).open(beside(path, ".lock"));
        lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// Cuts off a last line that was not written to its end, and leaves out what is old.
    fn mend(&mut self) -> Result<(), Fault> {
        let mut newest = i64::MIN;
        let read = read(&self.path, &mut |entry, _| newest = newest.max(minute(&entry.record)))?;
        (self.lines, self.damaged, self.newest) = (read.lines, read.damaged, newest);
        if read.whole < read.bytes {
            let cut = File::options().write(true).open(&self.path).and_then(|file| {
                file.set_len(read.whole)?;
                file.sync_all()
            });
            cut.map_err(|error| failed(&self.path, "mending", &error))?;
        }
        Ok(())
    }

    /// Writes the file anew beside itself, without what is old, and takes its place in one step.
    fn compact(&mut self) -> Result<(), Fault> {
        let newest = self.newest.min((self.clock)().div_euclid(60) + AHEAD);
        let path = self.path.clone();
        let failed = |error: std::io::Error| failed(&path, "compacting", &error);
        let beside = disk::beside(&path, false).map_err(failed)?;
        let mut out = BufWriter::new(beside);
        writeln!(out, "{HEADER}").map_err(failed)?;
        let (mut lines, mut trouble) = (0, None);
        read(&path, &mut |entry, line| {
            if is_kept(&entry.record, newest) {
                lines += 1;
                trouble = trouble.take().or_else(|| writeln!(out, "{line}").err());
            }
        })?;
        trouble.map_or(Ok(()), Err).map_err(failed)?;
        let beside = out.into_inner().map_err(|error| failed(error.into_error()))?;
        beside.as_file().sync_all().map_err(failed)?;
        self.file = File::options().append(true).open(beside.path()).map_err(failed)?;
        beside.persist(&path).map_err(|error| failed(error.error))?;
        // The new name must be on disk, too.
        File::open(disk::folder(&path)).and_then(|folder| folder.sync_all()).map_err(failed)?;
        (self.lines, self.appended) = (lines, 0);
        Ok(())
    }

    /// Appends all of the entries, or none.
    fn append(&mut self, entries: &[Entry], durable: bool) -> Result<(), Fault> {
        let whole = self.file.metadata().map_err(|error| failed(&self.path, "writing", &error))?.len();
        if let Err(error) = self.put(entries, durable) {
            // A full disk takes the first half of a line: the next one must not become its second half.
            self.is_torn |= self.file.set_len(whole).is_err();
            return Err(failed(&self.path, "writing", &error));
        }
        self.is_torn = false;
        let newest = entries.iter().map(|entry| minute(&entry.record)).max();
        self.newest = self.newest.max(newest.unwrap_or(i64::MIN));
        self.appended += entries.len();
        if self.appended > self.lines.max(LEAST_GROWTH) {
            self.compact()?;
        }
        Ok(())
    }

    fn put(&mut self, entries: &[Entry], durable: bool) -> std::io::Result<()> {
        let mut text = String::new();
        // In pieces, since the first minutes of thousands of streams come at once.
        for (at, piece) in entries.chunks(PIECE).enumerate() {
            text.clear();
            if at == 0 && self.is_torn {
                text.push('\n');
            }
            for entry in piece {
                text.push_str(&line(entry));
                text.push('\n');
            }
            self.file.write_all(text.as_bytes())?;
        }
        if durable { self.file.sync_data() } else { Ok(()) }
    }
}

impl Ledger for FileLedger {
    fn recall<'a>(&'a mut self, take: Take<'a>) -> BoxFuture<'a, Result<(), Fault>> {
        async move { Self::peek(&self.path, take) }.boxed()
    }

    fn write<'a>(&'a mut self, _: &'a str, entries: &'a [Entry], durable: bool) -> BoxFuture<'a, Result<(), Fault>> {
        async move { if entries.is_empty() { Ok(()) } else { self.append(entries, durable) } }.boxed()
    }
}

/// What a reading found.
#[derive(Default)]
struct Read {
    lines: usize,
    damaged: usize,
    bytes: u64,
    /// Bytes up to the end of the last line that was written to its end.
    whole: u64,
}

/// Reads line by line. A line that does not fit its checksum is left out and counted.
fn read(path: &Path, take: &mut dyn FnMut(Entry, &str)) -> Result<Read, Fault> {
    let failed = |error: std::io::Error| failed(path, "reading", &error);
    let mut reader = BufReader::new(disk::open(path).map_err(failed)?);
    let mut found = Read::default();
    let mut raw = Vec::new();
    loop {
        raw.clear();
        let length = reader.by_ref().take(LONGEST).read_until(b'\n', &mut raw).map_err(failed)? as u64;
        if length == 0 {
            return Ok(found);
        }
        found.bytes += length;
        let text = raw.strip_suffix(b"\n");
        let cut = length == LONGEST && text.is_none();
        if found.whole == 0 && (cut || text.is_some_and(|text| text != HEADER.as_bytes())) {
            return Err(of_another_format(path));
        }
        if cut {
            // No line of ours: the rest of it is passed over without being kept.
            found.bytes += reader.skip_until(b'\n').map_err(failed)? as u64;
            if !reader.fill_buf().map_err(failed)?.is_empty() {
                (found.whole, found.damaged) = (found.bytes, found.damaged + 1);
            }
            continue;
        }
        let Some(text) = text else { return Ok(found) };
        let first = found.whole == 0;
        found.whole = found.bytes;
        if first {
            continue;
        }
        match std::str::from_utf8(text).ok().and_then(|text| Some((entry(text)?, text))) {
            Some((entry, text)) => {
                found.lines += 1;
                take(entry, text);
            }
            None => found.damaged += 1,
        }
    }
}

fn of_another_format(path: &Path) -> Fault {
    let what = "it does not begin as a ledger of this version does".to_owned();
    Fault::new(Class::Refused, format!("reading the ledger {}", path.display()), "UnknownFormat", what)
        .help("name another file with --ledger, or use the version of tidegate that wrote it")
}

fn line(entry: &Entry) -> String {
    // An entry is plain data: it always has a JSON form.
    let json = serde_json::to_string(entry).unwrap_or_default();
    format!("{:08x} {json}", crc32(json.as_bytes()))
}

fn entry(line: &str) -> Option<Entry> {
    let (sum, json) = line.split_once(' ')?;
    (u32::from_str_radix(sum, 16).ok()? == crc32(json.as_bytes())).then(|| serde_json::from_str(json).ok())?
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

/// CRC-32 as in Ethernet and zip: finds every torn or flipped line that matters here.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

fn failed(path: &Path, doing: &str, error: &std::io::Error) -> Fault {
    let fault =
        Fault::new(Class::Refused, format!("{doing} the ledger {}", path.display()), "LedgerFailed", error.to_string());
    match error.kind() {
        ErrorKind::NotFound => {
            fault.help("name the file that the controller writes (--ledger FILE); `tidegate run` makes it")
        }
        _ => fault.help("check that the folder exists, that you may write to it, and that the disk has room"),
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::control::Key;

    fn sample(minute: i64) -> Entry {
        let key = Key { pipeline: "shop".into(), stream: "clicks".into() };
        Entry { key: key.into(), record: Record::Sample { minute, accepted: Some(1.5), rejected: None, age: None } }
    }

    /// By a clock that is a day ahead of all that the tests write.
    fn opened(path: &Path) -> Result<FileLedger, Fault> {
        FileLedger::open(path, Arc::new(|| (Memory::MINUTES as i64 + 1540) * 60))
    }

    fn all(path: &Path) -> Vec<Entry> {
        let mut found = Vec::new();
        FileLedger::peek(path, &mut |entry| found.push(entry)).unwrap();
        found
    }

    #[test]
    fn the_checksum_is_the_one_of_the_world() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn a_file_cut_anywhere_keeps_every_whole_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        let mut ledger = opened(&path).unwrap();
        ledger.append(&[sample(1), sample(2), sample(3)], true).unwrap();
        drop(ledger);
        let whole = fs::read(&path).unwrap();
        let ends: Vec<usize> =
            whole.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1).collect();
        for cut in ends[0]..whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            let mut ledger = opened(&path).unwrap();
            ledger.append(&[sample(9)], false).unwrap();
            let kept = ends.iter().filter(|end| **end <= cut).count() as i64 - 1;
            let expected: Vec<Entry> = (1..=kept).chain([9]).map(sample).collect();
            assert_eq!((all(&path), ledger.damaged), (expected, 0), "cut at {cut}");
        }
    }

    #[test]
    fn a_flipped_bit_costs_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        opened(&path).unwrap().append(&[sample(1), sample(2), sample(3)], true).unwrap();
        let mut bytes = fs::read(&path).unwrap();
        let middle = HEADER.len() + 1 + line(&sample(1)).len() + 1 + 30;
        bytes[middle] ^= 4;
        fs::write(&path, &bytes).unwrap();
        assert_eq!(opened(&path).unwrap().damaged, 1);
        assert_eq!(all(&path), [sample(1), sample(3)]);
    }

    #[test]
    fn a_line_without_end_is_passed_over_in_little_memory() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        opened(&path).unwrap().append(&[sample(1)], true).unwrap();
        let whole = fs::read(&path).unwrap();
        let longest = usize::try_from(LONGEST).unwrap();
        for length in [longest - 1, longest, 3 * longest] {
            let mut bytes = [whole.clone(), vec![b'x'; length]].concat();
            fs::write(&path, &bytes).unwrap();
            assert_eq!((all(&path), opened(&path).unwrap().damaged), (vec![sample(1)], 0), "{length}");
            assert_eq!(fs::read(&path).unwrap(), whole, "an end that was not written is cut off");
            bytes.push(b'\n');
            bytes.extend(line(&sample(2)).bytes().chain([b'\n']));
            fs::write(&path, &bytes).unwrap();
            assert_eq!((all(&path), opened(&path).unwrap().damaged), (vec![sample(1), sample(2)], 1));
        }
        fs::write(&path, vec![0; longest]).unwrap();
        assert_eq!(opened(&path).unwrap_err().code, "UnknownFormat");
        #[cfg(unix)]
        assert_eq!(opened(Path::new("/dev/zero")).unwrap_err().code, "NoFile");
        #[cfg(unix)]
        assert!(!Path::new("/dev/zero.lock").exists());
    }

    #[test]
    fn one_process_has_it_and_others_may_look() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        let mut first = opened(&path).unwrap();
        assert_eq!(opened(&path).unwrap_err().code, "LedgerInUse");
        first.append(&[sample(1)], true).unwrap();
        assert_eq!((all(&path), FileLedger::is_held(&path)), (vec![sample(1)], true));
        drop(first);
        assert!(!FileLedger::is_held(&path));
        opened(&path).unwrap();
        fs::write(&path, "{}\n").unwrap();
        assert_eq!(opened(&path).unwrap_err().code, "UnknownFormat");
    }

    #[test]
    fn old_minutes_leave_and_new_ones_follow() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        let mut ledger = opened(&path).unwrap();
        let newest = Memory::MINUTES as i64 + 100;
        let entries: Vec<Entry> = (1..=newest).map(sample).collect();
        ledger.append(&entries, false).unwrap();
        ledger.compact().unwrap();
        ledger.append(&[sample(newest + 1)], true).unwrap();
        let found = all(&path);
        assert_eq!((found.len(), &found[0]), (Memory::MINUTES + 1, &sample(101)));
        assert_eq!(found.last(), Some(&sample(newest + 1)));
    }

    #[test]
    fn a_date_that_lies_ahead_makes_nothing_old() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        let mut ledger = opened(&path).unwrap();
        let now = (ledger.clock)().div_euclid(60);
        let key = sample(0).key;
        let calls = (1..=10).map(|back| Record::Calling { called: now - 100 * back, from: 2, to: 4 });
        let late = Record::Settled { called: now - 100, done: now + 40 * 1440 };
        let entries: Vec<Entry> = calls.chain([late]).map(|record| Entry { key: Arc::clone(&key), record }).collect();
        ledger.append(&entries, true).unwrap();
        ledger.compact().unwrap();
        assert_eq!(all(&path), entries);
        drop(ledger);
        // Nor after a start.
        let mut ledger = opened(&path).unwrap();
        ledger.compact().unwrap();
        assert_eq!(all(&path), entries);
    }

    /// A full disk, by the limit that the kernel sets to the size of files.
    #[test]
    fn a_write_that_fails_leaves_no_half_of_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        let mut ledger = opened(&path).unwrap();
        ledger.append(&[sample(1)], true).unwrap();
        // A handle that cannot write fails like a disk without room, and cannot be cut either.
        let good = std::mem::replace(&mut ledger.file, File::open(&path).unwrap());
        assert_eq!(ledger.append(&[sample(2)], true).unwrap_err().code, "LedgerFailed");
        assert!(ledger.is_torn);
        ledger.file = good;
        // What such a write has left.
        ledger.file.write_all(&line(&sample(2)).as_bytes()[..20]).unwrap();
        ledger.append(&[sample(3)], true).unwrap();
        ledger.append(&[sample(4)], true).unwrap();
        assert_eq!(all(&path), [sample(1), sample(3), sample(4)]);
        drop(ledger);
        assert_eq!(opened(&path).unwrap().damaged, 1, "the half line alone");
    }
}
