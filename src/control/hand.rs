//! What people ask of the controller by tags on the stream, so that it works from any machine.

use jiff::Timestamp;

use super::report::{AT_LEAST, Pause, Pin};

/// The tag's text: `16 until 2026-11-25T16:00:00Z`, or `at least 16 until …`.
pub fn pin_text(pin: &Pin) -> String {
    format!("{} until {}", pin.count(), stamp(pin.until))
}

/// The tag's text: `until 2026-11-25T16:00:00Z`, or `until resumed`.
pub fn pause_text(pause: &Pause) -> String {
    pause.until.map_or_else(|| "until resumed".to_owned(), |until| format!("until {}", stamp(until)))
}

/// Reads a pin; one that has ended or cannot be read is none.
pub fn pin(text: &str, now: i64) -> Option<Pin> {
    let (count, until) = text.split_once(" until ")?;
    let (shards, at_least) = count.strip_prefix(AT_LEAST).map_or((count, false), |shards| (shards, true));
    let pin = Pin { shards: shards.trim().parse().ok().filter(|shards| *shards > 0)?, until: moment(until)?, at_least };
    (pin.until > now).then_some(pin)
}

/// Reads a pause; one that has ended is none. What cannot be read pauses until it is taken off: somebody wanted to stop us.
pub fn pause(text: &str, now: i64) -> Option<Pause> {
    let until = text.strip_prefix("until ").and_then(moment);
    until.is_none_or(|until| until > now).then_some(Pause { until })
}

fn moment(text: &str) -> Option<i64> {
    text.trim().parse::<Timestamp>().ok().map(Timestamp::as_second)
}

/// A time in minutes as people read it: what is less than one is not none.
pub fn minutes(minutes: i64) -> String {
    if minutes < 1 { "less than a minute".to_owned() } else { format!("{minutes} min") }
}

/// A moment as people and programs read it.
pub fn stamp(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |at| at.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_until_it_ends() {
        let (one, now) = (Pin { shards: 16, until: 1_795_600_000, at_least: false }, 1_795_500_000);
        let floor = Pin { at_least: true, ..one };
        assert_eq!(
            (pin_text(&floor).as_str(), pin(&pin_text(&floor), now)),
            ("at least 16 until 2026-11-25T09:46:40Z", Some(floor))
        );
        assert_eq!(pin_text(&one), "16 until 2026-11-25T09:46:40Z");
        assert_eq!((pin(&pin_text(&one), now), pin(&pin_text(&one), one.until)), (Some(one), None));
        for broken in ["", "16", "x until 2026-11-25T09:46:40Z", "0 until 2026-11-25T09:46:40Z", "16 until noon"] {
            assert_eq!(pin(broken, now), None);
        }
        let (short, long) = (Pause { until: Some(now + 60) }, Pause { until: None });
        assert_eq!((pause(&pause_text(&short), now), pause(&pause_text(&short), now + 60)), (Some(short), None));
        assert_eq!((pause(&pause_text(&long), now), pause("please", now)), (Some(long), Some(long)));
    }
}
