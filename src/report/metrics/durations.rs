use super::text::{Behaviour, Exposition};

/// Upper ends of the buckets in seconds: from a tick over one stream of an emulator to one that misses its own minute.
const ENDS: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 60.0];

/// How long things took, as a histogram.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Durations {
    /// One more than there are ends: the last is for all that is longer.
    counts: [u64; ENDS.len() + 1],
    seconds: f64,
}

impl Durations {
    /// Takes in one duration in seconds.
    pub fn saw(&mut self, seconds: f64) {
        let at = ENDS.iter().position(|end| seconds <= *end).unwrap_or(ENDS.len());
        self.counts[at] += 1;
        self.seconds += seconds;
    }

    /// How many were taken in.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The family with its buckets, each counting all that is not longer.
    pub fn tell(&self, name: &str, help: &str, into: &mut Exposition) {
        into.family(name, Behaviour::Histogram, help);
        let bucket = format!("{name}_bucket");
        let mut below = 0;
        for (at, count) in self.counts.iter().enumerate() {
            below += count;
            let end = ENDS.get(at).map_or_else(|| "+Inf".to_owned(), f64::to_string);
            into.sample(&bucket, &[("le", &end)], below as f64);
        }
        into.sample(&format!("{name}_sum"), &[], self.seconds);
        into.sample(&format!("{name}_count"), &[], self.count() as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_add_up_to_the_count() {
        let mut durations = Durations::default();
        for seconds in [0.001, 0.005, 0.2, 61.0] {
            durations.saw(seconds);
        }
        let mut text = Exposition::default();
        durations.tell("x_seconds", "X.", &mut text);
        let text = text.finish();
        for line in [
            "x_seconds_bucket{le=\"0.005\"} 2",
            "x_seconds_bucket{le=\"0.1\"} 2",
            "x_seconds_bucket{le=\"0.25\"} 3",
            "x_seconds_bucket{le=\"60\"} 3",
            "x_seconds_bucket{le=\"+Inf\"} 4",
            "x_seconds_sum 61.206",
            "x_seconds_count 4",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
    }
}
