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
/// Days of which the season takes the middle one.
const SEASON_DAYS: usize = 3;
/// Minutes of a step of the season.
const STEP: u64 = 5;
/// The season is the highest load of the same time of day, from 2 minutes before the newest minute to 23 after it: so many
/// whole steps and the first minute of another.
const SPAN: usize = 5;
const DAY: u64 = 1440;
/// The days, and the step that the newest minute is in.
const SEASON_STEPS: usize = SEASON_DAYS * (DAY / STEP) as usize + 1;
const HOUR: usize = 60;
/// Steps for which room is made at once.
const ROOM: usize = 36;

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
    /// What this time of day needed on the middle one of the last three days.
    pub season: f64,
}

/// The past of one stream, in some 15 KB: thousands of streams fit into one process.
#[derive(Clone, Debug)]
pub struct History {
    minutes: u64,
    /// Loads of the last hour, newest last.
    recent: VecDeque<f64>,
    season: Season,
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
            season: Season::default(),
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
        self.season.take(self.minutes, load);
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
        // Moves once in five minutes.
        if self.minutes.is_multiple_of(STEP) {
            self.signs.season = self.season.of(self.minutes);
        }
    }

    /// What is known after the newest minute.
    pub fn signs(&self) -> &Signs {
        &self.signs
    }

    /// The load so many minutes ago.
    fn ago(&self, minutes: usize) -> Option<f64> {
        self.recent.len().checked_sub(minutes + 1).map(|at| self.recent[at])
    }
}

/// Three days in steps of five minutes, from two minutes before a full five to two after it.
#[derive(Clone, Debug, Default)]
struct Season {
    /// The step of the oldest element.
    first: u64,
    steps: VecDeque<Step>,
}

/// Single precision: loads are known to a few digits, and there are 864 steps for each stream.
#[derive(Clone, Copy, Debug)]
struct Step {
    first: f32,
    highest: f32,
}

impl Season {
    fn take(&mut self, minute: u64, load: f64) {
        let (step, load) = ((minute + 2) / STEP, load as f32);
        if self.steps.is_empty() {
            self.first = step;
        }
        match self.steps.get_mut((step - self.first) as usize) {
            Some(known) => known.highest = known.highest.max(load),
            None => {
                if self.steps.len() == SEASON_STEPS {
                    self.steps.pop_front();
                    self.first += 1;
                }
                if self.steps.len() == self.steps.capacity() {
                    // Doubling would take up to twice as much as is needed.
                    self.steps.reserve_exact(ROOM.min(SEASON_STEPS - self.steps.len()));
                }
                self.steps.push_back(Step { first: load, highest: load });
            }
        }
    }

    /// What the next minutes needed on the middle one of the last days; 0 before there were so many. `minute` is a full five.
    fn of(&self, minute: u64) -> f64 {
        if minute < SEASON_DAYS as u64 * DAY {
            return 0.0;
        }
        let mut days = [0.0f32; SEASON_DAYS];
        for (day, highest) in (1..).zip(&mut days) {
            let oldest = (minute / STEP - day * (DAY / STEP) - self.first) as usize;
            let whole = self.steps.range(oldest..oldest + SPAN).map(|step| step.highest);
            *highest = whole.fold(self.steps[oldest + SPAN].first, f32::max);
        }
        days.sort_by(f32::total_cmp);
        f64::from(days[SEASON_DAYS / 2])
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
    fn the_season_is_that_of_a_plain_search() {
        let (mut history, mut loads) = (History::default(), Vec::new());
        for minute in 1..=5 * DAY as usize {
            // Whole numbers, which single precision holds.
            loads.push(((minute * 7919 + minute * minute % 977) % 1013) as f64);
            let signs = history.take(loads[minute - 1]);
            if minute.is_multiple_of(5) && minute >= 3 * DAY as usize {
                let mut days = [1, 2, 3].map(|day| {
                    let newest = minute - 1 + 23 - day * DAY as usize;
                    loads[newest.saturating_sub(25)..=newest].iter().copied().fold(0.0, f64::max)
                });
                days.sort_by(f64::total_cmp);
                assert_eq!(signs.season, days[1], "minute {minute}");
            }
        }
    }

    #[test]
    fn the_season_is_the_middle_of_three_days_and_a_spike_does_not_raise_floors_for_ever() {
        let mut history = History::default();
        for minute in 0..4 * DAY {
            let of_day = minute % DAY;
            let busy = (600..660).contains(&of_day);
            let spike = minute == 2 * DAY + 300;
            let signs = history.take(if spike {
                5000.0
            } else if busy {
                30.0
            } else {
                5.0
            });
            if minute == 3 * DAY + 590 {
                assert_eq!(signs.season, 30.0);
            }
            if minute == 3 * DAY + 300 {
                assert_eq!(signs.season, 5.0);
                assert!(signs.floors[FLOORS - 1] < 125.0, "{:?}", signs.floors);
            }
        }
    }
}
