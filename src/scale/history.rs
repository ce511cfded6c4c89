//! What a stream's past says, in the few numbers that rules look at.

use super::histogram::Histogram;
use std::collections::VecDeque;

/// Windows in minutes over which the highest minute is known.
pub const WINDOWS: [usize; 15] = [3, 6, 10, 20, 40, 60, 90, 120, 240, 480, 960, 1440, 2880, 5760, 10080];
/// What the last so many minutes all had is what a cautious rule takes for real.
pub const SUSTAINED: [usize; 4] = [1, 2, 3, 5];
/// Half-lives in minutes of the two memories of rare loads: one day, six days.
const HALF_LIVES: [f64; 2] = [1440.0, 8640.0];
/// Shares of time in which the floors' loads are exceeded.
const SHARES: [f64; 7] = [0.5, 0.25, 0.1, 0.03, 0.01, 0.003, 0.0005];
/// Floors that a rule can choose from.
pub const FLOORS: usize = HALF_LIVES.len() * SHARES.len();
/// A spike counts at most this many times the largest minute that was ever seen an hour before it.
const WINSOR: f64 = 4.0;
const DAY: u64 = 1440;
const HOUR: usize = 60;
/// All that rules know of a stream, in units of one shard's usable capacity.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Signs {
    /// The least of the last 1, 2, 3 and 5 minutes.
    pub sustained: [f64; SUSTAINED.len()],
    /// How fast the load rises, in shards a minute; never negative.
    pub rise: f64,
    /// The highest minute of each window.
    pub maxima: [f64; WINDOWS.len()],
    /// Loads that are rarely exceeded, by memory and share.
    pub floors: [f64; FLOORS],
    /// The load to grow for now by the clock, and what must not be shrunk below; 0 for nothing.
    pub soon: f64,
    pub later: f64,
}

impl Signs {
    /// The same to whoever does not look at the clock.
    pub fn untimed(&self) -> Self {
        Self { soon: 0.0, later: 0.0, ..*self }
    }
}

/// The past of one stream, in some 8 KB: thousands of streams fit into one process.
#[derive(Clone, Debug)]
pub struct History {
    minutes: u64,
    /// Loads of the last hour, newest last.
    recent: VecDeque<f64>,
    /// Minutes that no later minute has exceeded, oldest and highest first.
    peaks: VecDeque<(u64, f64)>,
    /// The highest minute ever, an hour late.
    highest: f64,
    memories: [Histogram; HALF_LIVES.len()],
    signs: Signs,
}

impl Default for History {
    fn default() -> Self {
        Self {
            minutes: 0,
            recent: VecDeque::with_capacity(HOUR + 1),
            peaks: VecDeque::new(),
            highest: 0.0,
            memories: HALF_LIVES.map(Histogram::new),
            signs: Signs::default(),
        }
    }
}

impl History {
    /// Takes the load of the next minute, in shards.
    pub fn take(&mut self, load: f64) -> Signs {
        self.minutes += 1;
        let longest = WINDOWS[WINDOWS.len() - 1];
        if self.recent.len() > HOUR {
            self.recent.pop_front();
        }
        self.recent.push_back(load);
        while self.peaks.back().is_some_and(|peak| peak.1 <= load) {
            self.peaks.pop_back();
        }
        self.peaks.push_back((self.minutes, load));
        while self.peaks.front().is_some_and(|peak| peak.0 + longest as u64 <= self.minutes) {
            self.peaks.pop_front();
        }
        self.highest = self.highest.max(self.ago(HOUR).unwrap_or_default());
        let bounded = if self.minutes > DAY { load.min(WINSOR * self.highest.max(0.3)) } else { load };
        self.memories.iter_mut().for_each(|memory| memory.add(bounded));
        self.read(load);
        self.signs
    }

    fn read(&mut self, load: f64) {
        for (at, window) in WINDOWS.into_iter().enumerate() {
            let first = self.peaks.partition_point(|peak| peak.0 + (window as u64) <= self.minutes);
            self.signs.maxima[at] = self.peaks[first].1;
        }
        let mut least = load;
        let mut reach = 0;
        for (at, span) in SUSTAINED.into_iter().enumerate() {
            while reach + 1 < span {
                reach += 1;
                least = least.min(self.ago(reach).unwrap_or(least));
            }
            self.signs.sustained[at] = least;
        }
        let pair = |from: usize| Some(self.ago(from)? + self.ago(from + 1)?);
        self.signs.rise = pair(4).map_or(0.0, |before| ((pair(0).unwrap_or(before) - before) / 8.0).max(0.0));
        // Rare loads move slowly, and a few hours say nothing of them.
        if self.minutes >= 240 && self.minutes.is_multiple_of(30) {
            for (at, memory) in self.memories.iter().enumerate() {
                self.signs.floors[at * SHARES.len()..][..SHARES.len()].copy_from_slice(&memory.exceeded(SHARES));
            }
        }
    }

    /// The load so many minutes ago.
    fn ago(&self, minutes: usize) -> Option<f64> {
        self.recent.len().checked_sub(minutes + 1).map(|at| self.recent[at])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maxima_are_those_of_a_plain_search() {
        let mut history = History::default();
        let loads: Vec<f64> = (0..12_000u64).map(|t| ((t * 7919 + t * t % 977) % 1013) as f64).collect();
        for (t, load) in loads.iter().enumerate() {
            let signs = history.take(*load);
            if t % 611 == 0 {
                for (at, window) in WINDOWS.into_iter().enumerate() {
                    let plain = loads[(t + 1).saturating_sub(window)..=t].iter().copied().fold(0.0, f64::max);
                    assert_eq!(signs.maxima[at], plain, "minute {t}, window {window}");
                }
            }
        }
    }

    #[test]
    fn a_rise_and_what_lasted_are_seen() {
        let mut history = History::default();
        for minute in -20..=6 {
            history.take(10.0 + 2.0 * f64::from(minute.max(0)));
        }
        assert_eq!(history.signs.rise, 2.0);
        assert_eq!(history.signs.sustained, [22.0, 20.0, 18.0, 14.0]);
    }

    #[test]
    fn a_spike_does_not_raise_floors_for_ever() {
        let mut history = History::default();
        for minute in 0..4 * DAY {
            let busy = (600..660).contains(&(minute % DAY));
            let load = if busy { 30.0 } else { 5.0 };
            history.take(if minute == 2 * DAY + 300 { 5000.0 } else { load });
        }
        assert!(history.signs.floors[FLOORS - 1] < 125.0, "{:?}", history.signs.floors);
    }
}
