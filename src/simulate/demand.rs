//! Demand over time: what producers offer, minute by minute.

use super::sums;
use crate::model::{BYTES_PER_SHARD_MINUTE, RECORDS_PER_SHARD_MINUTE};

/// Ten years of minutes: more is a wrong file.
const MOST_MINUTES: usize = 5_300_000;
/// Fifty times the 20,000 shards that AWS gives an account on request: more is a wrong file.
pub const MOST_SHARDS: f64 = 1e6;
/// A number of a minute that every calculation holds.
const MOST_MINUTE: f64 = 1e12;
/// What to do about a minute without a row. Nothing is guessed: an outage of the metrics is no minute without records.
pub const FILL: &str = "there must be one row for each step, in the order of time; write 0 where nobody wrote, and the value before it where the metrics have a gap";
/// What some spreadsheets write first.
pub const BYTE_ORDER_MARK: char = '\u{feff}';

/// One-minute demand without gaps.
#[derive(Clone, Debug, PartialEq)]
pub struct Demand {
    /// Minutes since 1970 of the first value.
    pub start: i64,
    /// Shard-minutes: the larger of records and bytes against one shard's limits.
    pub load: Vec<f64>,
    /// Bytes of a mean record, which decides what bytes cost.
    pub bytes_per_record: f64,
}

/// What is wrong with a file, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct Mistake {
    /// From 1.
    pub line: usize,
    pub what: String,
}

impl Mistake {
    pub fn new(line: usize, what: impl Into<String>) -> Self {
        Self { line, what: what.into() }
    }
}

/// Where the columns of a demand file stand.
struct Columns {
    minute: Option<usize>,
    timestamp: usize,
    records: usize,
    bytes: Option<usize>,
}

impl Columns {
    fn find(header: &str) -> Result<Self, Mistake> {
        let names: Vec<&str> = header.split(',').map(str::trim).collect();
        let place = |name: &str| names.iter().position(|column| *column == name);
        let need = |name: &str| {
            let what = format!("no column `{name}`; a demand file has the columns minute,timestamp,records,bytes");
            place(name).ok_or_else(|| Mistake::new(1, what))
        };
        Ok(Self {
            minute: place("minute"),
            timestamp: need("timestamp")?,
            records: need("records")?,
            bytes: place("bytes"),
        })
    }
}

impl Demand {
    /// Reads `minute,timestamp,records,bytes`: one row for each minute, in order. `bytes` may be missing.
    ///
    /// # Errors
    /// The first line that cannot be read, or that does not follow the minute before it.
    pub fn parse(text: &str) -> Result<Self, Mistake> {
        let mut lines = text.trim_start_matches(BYTE_ORDER_MARK).lines().enumerate();
        let header = lines.next().map_or("", |(_, header)| header);
        let columns = Columns::find(header)?;
        let (mut start, mut load, mut first_minute) = (0, Vec::new(), 0);
        let (mut records_in_all, mut bytes_in_all) = (0.0, 0.0);
        for (at, line) in lines {
            if line.trim().is_empty() {
                continue;
            }
            let line_number = at + 1;
            let fields: Vec<&str> = line.split(',').collect();
            let number = |place: usize, name: &str| number(&fields, place, name, line_number);
            let records = number(columns.records, "records")?;
            let bytes = columns.bytes.map(|place| number(place, "bytes")).transpose()?.unwrap_or(0.0);
            if let Some(place) = columns.minute {
                let minute = number(place, "minute")?;
                if minute > MOST_MINUTE {
                    return Err(Mistake::new(line_number, format!("minute is {minute}; no clock goes that far")));
                }
                if load.is_empty() {
                    first_minute = minute as i64;
                } else if minute != (first_minute + load.len() as i64) as f64 {
                    let wanted = first_minute + load.len() as i64;
                    return Err(Mistake::new(
                        line_number,
                        format!("minute {minute} where minute {wanted} is due: {FILL}"),
                    ));
                }
            }
            let at = minute_of(fields.get(columns.timestamp).copied().unwrap_or_default(), line_number)?;
            let due = start + load.len() as i64;
            if load.is_empty() {
                start = at;
            } else if at != due {
                let what = format!("{} where {} is due: {FILL}", clock(at), clock(due));
                return Err(Mistake::new(line_number, what));
            }
            if load.len() == MOST_MINUTES {
                return Err(Mistake::new(line_number, format!("more than {MOST_MINUTES} minutes")));
            }
            records_in_all += records;
            bytes_in_all += bytes;
            let shards = (records / RECORDS_PER_SHARD_MINUTE).max(bytes / BYTES_PER_SHARD_MINUTE);
            load.push(believable(shards).map_err(|what| Mistake::new(line_number, what))?);
        }
        if load.is_empty() {
            return Err(Mistake::new(1, "no minute of demand"));
        }
        let bytes_per_record = if records_in_all > 0.0 { bytes_in_all / records_in_all } else { 0.0 };
        Ok(Self { start, load, bytes_per_record })
    }

    pub fn days(&self) -> f64 {
        self.load.len() as f64 / 1440.0
    }

    /// All of it, in shard-minutes.
    pub fn total(&self) -> f64 {
        sums::sum(&self.load)
    }

    /// Writes `minute,timestamp,records,bytes`, as the judge does.
    pub fn to_csv(&self) -> String {
        let mut text = String::from("minute,timestamp,records,bytes\n");
        for (minute, load) in self.load.iter().enumerate() {
            let records = (load * RECORDS_PER_SHARD_MINUTE).round();
            let at = clock(self.start + minute as i64);
            text.push_str(&format!("{minute},{at},{records},{}\n", (records * self.bytes_per_record).round()));
        }
        text
    }
}

/// A load that some stream could have.
///
/// # Errors
/// It needs more than [`MOST_SHARDS`].
pub fn believable(shards: f64) -> Result<f64, String> {
    let fits = shards <= MOST_SHARDS;
    fits.then_some(shards)
        .ok_or_else(|| format!("a load of {shards:.0} shards; no stream has more than {MOST_SHARDS:.0}"))
}

fn number(fields: &[&str], place: usize, name: &str, line: usize) -> Result<f64, Mistake> {
    let text = fields.get(place).map_or("", |field| field.trim());
    let value: f64 = text.parse().map_err(|_| Mistake::new(line, format!("{name} is `{text}`, not a number")))?;
    if value.is_finite() && value >= 0.0 {
        Ok(value)
    } else {
        Err(Mistake::new(line, format!("{name} is {text}; it cannot be negative or infinite")))
    }
}

/// Minutes since 1970 of an ISO 8601 time, UTC where it says nothing.
pub fn minute_of(text: &str, line: usize) -> Result<i64, Mistake> {
    let text = text.trim().trim_matches('"');
    let with_zone = text.parse::<jiff::Timestamp>().ok().map(|at| at.as_second());
    let plain = || text.parse::<jiff::civil::DateTime>().ok();
    let as_utc = || plain().and_then(|at| jiff::tz::TimeZone::UTC.to_timestamp(at).ok()).map(|at| at.as_second());
    let seconds = with_zone.or_else(as_utc);
    let seconds =
        seconds.ok_or_else(|| Mistake::new(line, format!("`{text}` is no time such as 2026-11-25T07:00:00Z")))?;
    Ok(seconds.div_euclid(60))
}

/// `2026-11-25T07:00:00Z` of minutes since 1970.
pub fn clock(minute: i64) -> String {
    jiff::Timestamp::from_second(minute.saturating_mul(60)).map_or_else(|_| minute.to_string(), |at| at.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_demand_file_is_read_and_written() {
        let text = "minute,timestamp,records,bytes\n0,1970-01-01T00:05:00Z,60000,61440000\n1,1970-01-01T00:06:00Z,30000,30720000\n";
        let demand = Demand::parse(text).unwrap();
        assert_eq!(demand, Demand { start: 5, load: vec![1.0, 0.5], bytes_per_record: 1024.0 });
        assert_eq!(demand.to_csv(), text);
        let heavy = Demand::parse("timestamp,records,bytes\n1970-01-01T00:00:00,1,125829120\n").unwrap();
        assert_eq!(heavy.load, [2.0], "bytes bind");
    }

    #[test]
    fn mistakes_name_their_line() {
        let header = "minute,timestamp,records,bytes\n";
        for (rows, line, word) in [
            ("", 1, "no minute"),
            ("0,1970-01-01T00:00:00Z,x,1\n", 2, "`x`"),
            ("0,1970-01-01T00:00:00Z,1,1\n2,1970-01-01T00:02:00Z,1,1\n", 3, "minute 1 is due"),
            ("0,1970-01-01T00:00:00Z,1,1\n1,1970-01-01T00:05:00Z,1,1\n", 3, "00:01:00Z is due"),
            ("0,1970-01-01T00:00:00Z,1,1\n1,,1,1\n", 3, "no time"),
            ("1e300,1970-01-01T00:00:00Z,1,1\n", 2, "no clock"),
            ("0,1970-01-01T00:00:00Z,1e300,1\n", 2, "no stream has more"),
            ("0,yesterday,1,1\n", 2, "yesterday"),
            ("0,1970-01-01T00:00:00Z,-1,1\n", 2, "negative"),
        ] {
            let mistake = Demand::parse(&format!("{header}{rows}")).unwrap_err();
            assert!(mistake.line == line && mistake.what.contains(word), "{mistake}");
        }
        assert!(Demand::parse("a,b\n1,2\n").unwrap_err().what.contains("timestamp"));
    }
}
