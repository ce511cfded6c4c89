//! The lines of a ledger in a file. Each carries a checksum; minutes of metrics stand packed, many to a line, all else as JSON.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read as _};
use std::path::Path;
use std::sync::Arc;

use super::failed;
use crate::cloud::{Class, Fault};
use crate::control::{Entry, Key, Record};
use crate::disk;

/// The first line. Another version's file is refused, not guessed at.
pub const HEADER: &str = "tidegate-ledger 2";
/// The first line of a file in which each minute of metrics is a line of JSON. It is read, and made anew where there is room.
pub const OLD_HEADER: &str = "tidegate-ledger 1";
/// Bytes of a line, its end included. The longest, a decision with its reasons, have a few thousand.
pub const LONGEST: u64 = 1 << 20;
/// Minutes from the first to the last of one line.
const SPAN: i64 = 60;
/// Minutes without metrics in a row that are worth their marks.
const GAP: i64 = 5;
/// Stands for a minute of which nothing was written.
const NOTHING: &str = ".";

/// How minutes of metrics stand in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Form {
    /// One to a line of JSON.
    Old,
    #[default]
    Packed,
}

/// What a reading found.
#[derive(Default)]
pub struct Read {
    pub damaged: usize,
    pub bytes: u64,
    /// Bytes up to the end of the last line that was written to its end.
    pub whole: u64,
    pub form: Form,
}

/// Reads line by line. A line that does not fit its checksum is left out and counted.
pub fn read((place, path): (&Path, &Path), take: &mut dyn FnMut(Entry, &str)) -> Result<Read, Fault> {
    let failed = |error: std::io::Error| failed(path, "reading", &error);
    let mut reader = BufReader::new(disk::open(place).map_err(failed)?);
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
        if found.whole == 0 && (cut || text.is_some_and(|text| form(text).is_none())) {
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
            found.form = form(text).unwrap_or_default();
            continue;
        }
        match std::str::from_utf8(text).ok().and_then(|text| Some((entries(text)?, text))) {
            Some((entries, text)) => entries.into_iter().for_each(|entry| take(entry, text)),
            None => found.damaged += 1,
        }
    }
}

fn form(first: &[u8]) -> Option<Form> {
    let forms = [(HEADER, Form::Packed), (OLD_HEADER, Form::Old)];
    forms.into_iter().find(|(header, _)| first == header.as_bytes()).map(|(_, form)| form)
}

fn of_another_format(path: &Path) -> Fault {
    let what = "it does not begin as a ledger of this version does".to_owned();
    Fault::new(Class::Refused, format!("reading the ledger {}", path.display()), "UnknownFormat", what)
        .help("name another file with --ledger, or use the version of tidegate that wrote it")
}

/// An entry as a line of JSON, without its end.
pub fn line(entry: &Entry) -> String {
    // An entry is plain data: it always has a JSON form.
    summed(&serde_json::to_string(entry).unwrap_or_default())
}

fn summed(text: &str) -> String {
    format!("{:08x} {text}", crc32(text.as_bytes()))
}

/// The entries of a line, where it fits its checksum.
fn entries(line: &str) -> Option<Vec<Entry>> {
    let (sum, text) = line.split_once(' ')?;
    if u32::from_str_radix(sum, 16).ok()? != crc32(text.as_bytes()) {
        return None;
    }
    if text.starts_with('{') { serde_json::from_str(text).ok().map(|entry| vec![entry]) } else { unpacked(text) }
}

/// Accepted and rejected load, and iterator age.
type Minute = [Option<f64>; 3];

/// Minutes of one stream, which become one line.
struct Pack {
    first: i64,
    minutes: Vec<Option<Minute>>,
}

impl Pack {
    fn of(first: i64, minute: Minute) -> Self {
        Self { first, minutes: vec![Some(minute)] }
    }

    /// Takes one more in; the last word about a minute is the one that holds. `false`: it belongs to another line.
    fn take(&mut self, at: i64, minute: Minute) -> bool {
        let end = self.minutes.len() as i64;
        let place = at.saturating_sub(self.first);
        if !(0..SPAN.min(end + GAP)).contains(&place) {
            return false;
        }
        let place = usize::try_from(place).unwrap_or_default();
        self.minutes.resize(self.minutes.len().max(place + 1), None);
        self.minutes[place] = Some(minute);
        true
    }

    /// `PIPELINE/STREAM`, the first minute since 1970, and each minute's numbers.
    fn text(&self, key: &Key) -> String {
        let words = self.minutes.iter().map(|minute| minute.as_ref().map_or_else(|| NOTHING.to_owned(), word));
        std::iter::once(format!("{key} {}", self.first)).chain(words).collect::<Vec<_>>().join(" ")
    }
}

/// Zero is an empty place, and empty places at the end are left out: `1.5` is load of 1.5 shards, nothing rejected and readers at
/// the tip. What is not known is `-`.
fn word(minute: &Minute) -> String {
    let places = minute.map(|value| match value {
        None => "-".to_owned(),
        Some(0.0) => String::new(),
        Some(value) => short(value),
    });
    let word = places.join(",");
    let word = word.trim_end_matches(',');
    if word.is_empty() { "0".to_owned() } else { word.to_owned() }
}

fn minute_of(word: &str) -> Option<Option<Minute>> {
    if word == NOTHING {
        return Some(None);
    }
    let mut minute: Minute = [Some(0.0); 3];
    for (at, place) in word.split(',').enumerate() {
        *minute.get_mut(at)? = match place {
            "" => Some(0.0),
            "-" => None,
            number => Some(number.parse().ok().filter(|number: &f64| number.is_finite())?),
        };
    }
    Some(Some(minute))
}

fn unpacked(text: &str) -> Option<Vec<Entry>> {
    let mut words = text.split(' ');
    let (pipeline, stream) = words.next()?.split_once('/')?;
    let key = Arc::new(Key { pipeline: pipeline.into(), stream: stream.into() });
    let first: i64 = words.next()?.parse().ok()?;
    let mut found = Vec::new();
    for (minute, word) in (first..first.checked_add(SPAN)?).zip(words) {
        let Some([accepted, rejected, age]) = minute_of(word)? else { continue };
        found.push(Entry { key: Arc::clone(&key), record: Record::Sample { minute, accepted, rejected, age } });
    }
    Some(found)
}

/// Five significant digits: within 0.005 %, which is more than CloudWatch knows.
fn short(value: f64) -> String {
    let scale = 10f64.powi(4 - value.abs().log10().floor() as i32);
    let rounded = (value * scale).round() / scale;
    let value = if rounded.is_finite() { rounded } else { value };
    if (1e-4..1e9).contains(&value.abs()) { value.to_string() } else { format!("{value:e}") }
}

/// Names that need no quotes.
fn is_plain(key: &Key) -> bool {
    let plain = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    plain(&key.pipeline) && plain(&key.stream)
}

/// Turns entries into lines. Those of one stream stay in their order, but minutes that stand together become one line.
#[derive(Default)]
pub struct Packer {
    form: Form,
    open: BTreeMap<Arc<Key>, Pack>,
    text: String,
}

impl Packer {
    pub fn of(form: Form) -> Self {
        Self { form, ..Self::default() }
    }

    /// Takes one in; `written`: its line, where it was read from one.
    pub fn push(&mut self, entry: &Entry, written: Option<&str>) {
        let key = &entry.key;
        if let (Form::Packed, Record::Sample { minute, accepted, rejected, age }, true) =
            (self.form, &entry.record, is_plain(key))
        {
            let loads = [*accepted, *rejected, *age];
            if self.open.get_mut(key).is_some_and(|pack| pack.take(*minute, loads)) {
                return;
            }
            self.close(key);
            self.open.insert(Arc::clone(key), Pack::of(*minute, loads));
            return;
        }
        self.close(key);
        match written {
            Some(written) => self.text.push_str(written),
            None => self.text.push_str(&line(entry)),
        }
        self.text.push('\n');
    }

    fn close(&mut self, key: &Arc<Key>) {
        if let Some(pack) = self.open.remove(key) {
            self.text.push_str(&summed(&pack.text(key)));
            self.text.push('\n');
        }
    }

    /// The lines that are complete.
    pub fn take(&mut self) -> String {
        std::mem::take(&mut self.text)
    }

    /// All the lines that are left.
    pub fn end(mut self) -> String {
        let keys: Vec<Arc<Key>> = self.open.keys().cloned().collect();
        keys.iter().for_each(|key| self.close(key));
        self.text
    }
}

/// What a CRC takes one byte further, for each byte.
const STEPS: [u32; 256] = {
    let mut steps = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let (mut crc, mut bit) = (byte as u32, 0);
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
            bit += 1;
        }
        steps[byte] = crc;
        byte += 1;
    }
    steps
};

/// CRC-32 as in Ethernet and zip: finds every torn or flipped line that matters here.
pub fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc: u32, byte| (crc >> 8) ^ STEPS[usize::from(crc as u8 ^ byte)])
}
