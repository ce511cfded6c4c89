use super::demand::clock;
use super::run::Run;

/// `minute,open_shards,calls`: a row where the count changes or a call is made; between rows values hold.
pub fn timeline(run: &Run) -> String {
    let mut text = String::from("minute,open_shards,calls\n");
    let mut before = None;
    for (at, minute) in run.minutes.iter().enumerate() {
        if before != Some(minute.capacity) || minute.calls > 0 {
            text.push_str(&format!("{at},{},{}\n", minute.capacity, minute.calls));
            before = Some(minute.capacity);
        }
    }
    text
}

/// Every minute with all that happened in it; loads in shard-minutes, age in minutes.
pub fn minutes(run: &Run) -> String {
    let mut text = String::from("minute,timestamp,demand,shards,calls,accepted,rejected,throttled,lost,age\n");
    for (at, minute) in run.minutes.iter().enumerate() {
        text.push_str(&format!(
            "{at},{},{},{},{},{},{},{},{},{}\n",
            clock(run.start + at as i64),
            minute.fresh,
            minute.capacity,
            minute.calls,
            minute.accepted,
            minute.rejected,
            minute.throttled,
            minute.lost,
            minute.age
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::Minute;

    #[test]
    fn rows_are_sparse() {
        let minute = |capacity: f64, calls| Minute { capacity, calls, ..Minute::default() };
        let minutes = vec![minute(4.0, 0), minute(4.0, 1), minute(4.0, 0), minute(8.0, 0), minute(8.0, 0)];
        let run = Run { minutes, ..Run::default() };
        assert_eq!(timeline(&run), "minute,open_shards,calls\n0,4,0\n1,4,1\n3,8,0\n");
        let all = super::minutes(&run);
        assert_eq!(all.lines().count(), 6);
        assert_eq!(all.lines().nth(2), Some("1,1970-01-01T00:01:00Z,0,4,1,0,0,0,0,0"));
    }
}
