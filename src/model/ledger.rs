//! The calls that AWS limits per rolling day, kept on the stream itself as a tag. AWS tells nobody how many are left.

use super::{LEDGER, Resource};

/// Seconds of the rolling window in which AWS counts.
pub const DAY: i64 = 86_400;

/// Minutes between the writing of an entry and the call itself that are still the same call: an apply may wait in between.
const SAME_CALL: std::ops::RangeInclusive<i64> = -1..=30;

/// The fact of a stream under which its ledger stands once the calls of others have been asked for.
pub const COUNTED: &str = "ledger";

/// The operations that AWS limits per stream and rolling day.
pub const LIMITED_A_DAY: [&str; 4] =
    ["UpdateShardCount", "UpdateStreamMode", "StartStreamEncryption", "StopStreamEncryption"];

/// Reshards of a day that fit into the tag beside the mode switches: AWS takes 256 characters.
pub const MOST_RESHARDS: u32 = 40;
/// The longest value of a tag, in characters.
const LONGEST: usize = 256;

/// A call that somebody made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Made {
    /// The stream's name in AWS.
    pub stream: String,
    /// "UpdateShardCount"
    pub operation: String,
    /// Seconds since 1970.
    pub at: i64,
}

/// When this stream's limited calls were made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// UpdateShardCount, in minutes since 1970.
    pub reshards: Vec<i64>,
    pub mode_switches: Vec<i64>,
    pub key_changes: Vec<i64>,
}

impl Ledger {
    /// Reads what was counted, else the tag; whatever is older than a day or not readable does not count.
    pub fn of(stream: Option<&Resource>, now: i64) -> Self {
        let counted = stream.and_then(|stream| stream.fact(COUNTED)?.as_text());
        Self::read(counted.or_else(|| stream?.tag(LEDGER)).unwrap_or_default(), now)
    }

    /// Takes in the calls that AWS's own log knows. An entry of ours and the call that it announced count once; an entry
    /// without a call stays, since the log is some minutes late.
    #[must_use]
    pub fn with<'a>(mut self, made: impl IntoIterator<Item = &'a Made>, now: i64) -> Self {
        let mut all = Self::default();
        for call in made.into_iter().filter(|call| call.at > now - DAY) {
            let into = match call.operation.as_str() {
                "UpdateShardCount" => &mut all.reshards,
                "UpdateStreamMode" => &mut all.mode_switches,
                _ => &mut all.key_changes,
            };
            into.push(call.at.div_euclid(60));
        }
        for (own, all) in [
            (&mut self.reshards, all.reshards),
            (&mut self.mode_switches, all.mode_switches),
            (&mut self.key_changes, all.key_changes),
        ] {
            *own = united(std::mem::take(own), all);
        }
        self
    }

    /// Reads the tag's text.
    pub fn read(text: &str, now: i64) -> Self {
        let mut ledger = Self::default();
        let mut into = &mut ledger.reshards;
        for word in text.split(' ') {
            match word {
                "r" => into = &mut ledger.reshards,
                "m" => into = &mut ledger.mode_switches,
                "k" => into = &mut ledger.key_changes,
                minute => into.extend(i64::from_str_radix(minute, 36).ok().filter(|minute| is_counted(*minute, now))),
            }
        }
        ledger
    }

    /// The tag's text. AWS refuses a longer one, and with it each resize: what has no room is forgotten, key changes first, then the
    /// oldest calls, since their day is over first.
    pub fn text(&self) -> String {
        let (reshards, modes, keys) = (&self.reshards, &self.mode_switches, &self.key_changes);
        let mut all = [("r", reshards.clone()), ("m", modes.clone()), ("k", keys.clone())];
        loop {
            let words = all.iter().filter(|(_, minutes)| !minutes.is_empty()).map(|(mark, minutes)| {
                format!("{mark} {}", minutes.iter().map(|minute| base36(*minute)).collect::<Vec<_>>().join(" "))
            });
            let text = words.collect::<Vec<_>>().join(" ");
            let longest = [2, 0, 1].into_iter().find(|place| !all[*place].1.is_empty());
            let Some(place) = longest.filter(|_| text.len() > LONGEST) else { return text };
            let minutes = &mut all[place].1;
            let oldest = (0..minutes.len()).min_by_key(|at| minutes[*at]);
            oldest.into_iter().for_each(|at| {
                minutes.remove(at);
            });
        }
    }
}

/// Whether AWS may still count a call of which only the minute is known: it may have come at its last second.
fn is_counted(minute: i64, now: i64) -> bool {
    (minute + 1) * 60 > now - DAY
}

/// Entries of ours and calls that were seen, each call once, oldest first.
fn united(mut own: Vec<i64>, mut seen: Vec<i64>) -> Vec<i64> {
    own.sort_unstable();
    seen.sort_unstable();
    let mut free = seen.clone();
    for entry in own {
        match free.iter().position(|call| SAME_CALL.contains(&(call - entry))) {
            Some(at) => drop(free.remove(at)),
            None => seen.push(entry),
        }
    }
    seen.sort_unstable();
    seen
}

fn base36(mut number: i64) -> String {
    let mut digits = Vec::new();
    while number > 0 {
        digits.push(char::from_digit((number % 36) as u32, 36).unwrap_or('0'));
        number /= 36;
    }
    digits.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Value;

    #[test]
    fn what_is_written_is_read_for_a_day() {
        let now = 1_795_000_000;
        let minute = now / 60;
        let ledger = Ledger {
            reshards: vec![minute - 100, minute],
            mode_switches: vec![minute - 5],
            key_changes: (0..25).map(|i| minute - i).collect(),
        };
        let mut stream = Resource::default();
        stream.attrs.insert("tags".into(), Value::map([(LEDGER, ledger.text())]));
        assert!(ledger.text().len() <= 256);
        assert_eq!(Ledger::of(Some(&stream), now), ledger);
        assert_eq!(Ledger::of(Some(&stream), now + DAY + 60), Ledger::default());
    }

    #[test]
    fn as_many_calls_as_a_controller_may_make_fit_into_the_tag() {
        let minute = 1_795_000_000 / 60;
        let last = |count: i64| (0..count).map(|back| minute - back).rev().collect::<Vec<i64>>();
        let full = Ledger { reshards: last(i64::from(MOST_RESHARDS)), mode_switches: last(2), key_changes: last(25) };
        let read = Ledger::read(&full.text(), 1_795_000_000);
        assert_eq!((&read.reshards, &read.mode_switches), (&full.reshards, &full.mode_switches));
        let over = Ledger { reshards: last(300), mode_switches: last(60), key_changes: last(25) };
        for ledger in [&over, &Ledger { mode_switches: last(2), ..over.clone() }] {
            assert!(ledger.text().len() <= 256, "{}", ledger.text());
        }
        let read = Ledger::read(&Ledger { mode_switches: last(2), ..over }.text(), 1_795_000_000);
        assert_eq!(read.reshards, last(read.reshards.len() as i64), "the newest are kept");
        assert!(read.reshards.len() >= MOST_RESHARDS as usize);
    }

    #[test]
    fn calls_of_others_count_and_ours_count_once() {
        let now = 1_795_000_000;
        let minute = now / 60;
        let made = |minutes_ago: i64, operation: &str| Made {
            stream: "clicks".into(),
            operation: operation.into(),
            at: now - minutes_ago * 60,
        };
        // Two of ours, of which the log knows one so far (sent a minute after it was written down), and one of the console.
        let ours = Ledger { reshards: vec![minute - 40, minute - 2], ..Ledger::default() };
        let log = [made(39, "UpdateShardCount"), made(300, "UpdateShardCount"), made(1500, "UpdateShardCount")];
        let all = ours.with(&log, now);
        assert_eq!(all.reshards, [minute - 300, minute - 39, minute - 2]);
        let all = all.with(&[made(10, "UpdateStreamMode"), made(9, "StopStreamEncryption")], now);
        assert_eq!((all.reshards.len(), all.mode_switches.len(), all.key_changes.len()), (3, 1, 1));
        let mut stream = Resource::default();
        stream.facts.insert(COUNTED.into(), Value::text(all.text()));
        stream.attrs.insert("tags".into(), Value::map([(LEDGER, String::new())]));
        assert_eq!(Ledger::of(Some(&stream), now), all, "what was counted is more than the tag knows");
    }
}
