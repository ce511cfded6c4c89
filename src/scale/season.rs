//! What is coming: the load that this time of day and of week had before, seen early enough to grow for it.

use super::reshard::Pace;
use crate::model::Rough;

/// Minutes of a step.
const STEP: i64 = 5;
const DAY: i64 = 1440 / STEP;
const WEEK: i64 = 7 * DAY;
/// Steps back to what a step is compared with: the last three days, and last week.
const BACK: [i64; 4] = [DAY, 2 * DAY, 3 * DAY, WEEK];
/// Steps that are looked ahead: four hours.
const AHEAD: i64 = 48;
/// A prediction is judged as it was made so many steps before: about what a reshard takes with its metrics.
const EARLY: i64 = 3;
/// To compare a day with the same one a week earlier, as it was seen when a prediction was made.
const KEPT: i64 = WEEK + DAY + EARLY + 1;
/// A stream whose level has risen or fallen by more than so many times since is another one, and its past foretells nothing.
const MOST_TIMES: f64 = 2.0;
/// Steps of a day that make it a whole one: nine tenths, so that a gap of an hour or two does not silence it.
const WHOLE: usize = DAY as usize * 9 / 10;
/// Only what is so many times the present load is a rise: less is noise, and the rules' own margin.
const RISE: f64 = 1.2;
/// The share of what was foretold that must have come, or nothing is foretold.
const TRUSTED: f64 = 0.75;
/// Half-life of that account in minutes: a week.
const HALF_LIFE: f64 = 10_080.0;
/// Rises that an account begins with: about what one batch shows.
const UNPROVEN: f64 = 4.0;
/// The price at which half of them are thought to have come. To grow in vain costs about an hour of the shards, and to be late about
/// five minutes of rejects: the dearer those are, the sooner the clock is believed.
const EVEN: f64 = 12.0;
/// Minutes that come on top of the metrics' delay and the reshards: the minute of the call, and one to spare.
const SPARE: i64 = 2;

/// Rises by the clock, learned from one stream in 5 KB.
#[derive(Clone, Debug, Default)]
pub struct Season {
    /// The highest minute of each step, by its number modulo [`KEPT`].
    steps: Vec<Rough>,
    /// The step that the newest minute is in.
    now: Option<i64>,
    /// Soonest first.
    coming: Vec<Coming>,
    /// What came of the predictions by days and by weeks.
    accounts: [Account; 2],
}

/// A step that is thought to bring more than there is.
#[derive(Clone, Copy, Debug)]
struct Coming {
    /// The minute in which it begins.
    minute: i64,
    load: f32,
    /// Minutes before it in which to begin with growing.
    lead: i32,
}

/// Rises that were foretold, and as much of them as came; both fade.
#[derive(Clone, Copy, Debug, Default)]
struct Account {
    foretold: f64,
    came: f64,
}

/// Loads in shards that the clock foretells; 0 where it foretells nothing beyond what there is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Ahead {
    /// What has to be grown for now.
    pub soon: f64,
    /// What would be there again before a shrink is undone.
    pub later: f64,
}

/// What a prediction depends on besides the loads.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    pub pace: &'a Pace,
    /// Age of the newest metrics in minutes.
    pub delay: i64,
    /// What a rejected record is worth.
    pub price: f64,
}

impl Season {
    /// Takes the next minute (minutes since 1970), in shards; `None` where nothing is known of it.
    pub fn take(&mut self, minute: i64, load: Option<f64>, circumstances: &Circumstances<'_>) -> Ahead {
        let step = minute.div_euclid(STEP);
        if self.steps.is_empty() {
            self.steps = vec![Rough::UNKNOWN; KEPT as usize];
        }
        let before = self.now.unwrap_or(step - 1);
        if step > before {
            for passed in (before + 1).max(step - KEPT + 1)..=step {
                *self.slot(passed) = Rough::UNKNOWN;
            }
            self.now = Some(step);
            self.judge(step - 1);
            self.foresee(step, circumstances);
        }
        if let Some(load) = load {
            let slot = self.slot(step);
            *slot = slot.or_more(Rough::above(load));
        }
        let within = |leads: i64| {
            let due = |coming: &&Coming| coming.minute - minute <= leads * i64::from(coming.lead);
            self.coming.iter().filter(due).map(|coming| f64::from(coming.load)).fold(0.0, f64::max)
        };
        Ahead { soon: within(1), later: within(2) }
    }

    fn slot(&mut self, step: i64) -> &mut Rough {
        &mut self.steps[step.rem_euclid(KEPT) as usize]
    }

    fn at(&self, step: i64) -> Option<f64> {
        self.steps[step.rem_euclid(KEPT) as usize].value().map(f64::from)
    }

    /// The loads from a step on, as far as is known.
    fn since(&self, step: i64) -> impl Iterator<Item = Option<f64>> {
        let (newer, older) = self.steps.split_at(step.rem_euclid(KEPT) as usize);
        older.iter().chain(newer).map(|load| load.value().map(f64::from))
    }

    /// What there is when a prediction is made: the highest minute of the last steps, so that the way back from a dip is no rise.
    fn present(&self, made: i64) -> Option<f64> {
        (made - EARLY..made).filter_map(|step| self.at(step)).reduce(f64::max)
    }

    /// How many times the levels of the last three days and of last week that of the day before the step `made` is: the middle one of what
    /// each step says, which neither a stream's first hours nor a batch moves. `None`: no whole day is known to compare.
    fn levels(&self, made: i64) -> [Option<f64>; 4] {
        BACK.map(|back| {
            let pairs = self.since(made - DAY).take(DAY as usize).zip(self.since(made - DAY - back));
            let mut times: Vec<f64> = pairs.filter_map(|(now, then)| Some(times(now?, then?))).collect();
            let middle = times.len() / 2;
            (times.len() >= WHOLE).then(|| *times.select_nth_unstable_by(middle, f64::total_cmp).1)
        })
    }

    /// A step as two of the last three days had it, and as last week did, at the level of now; 0 where they are not known. Of days two
    /// agree, so one that is too young to tell its level is taken as it was; a week that is too young says nothing.
    fn foretold(&self, step: i64, levels: &[Option<f64>; 4]) -> [f64; 2] {
        let then = |at: usize, unknown: f64| {
            let level = levels[at].map_or(unknown, |level| if is_alike(level) { level } else { 0.0 });
            self.at(step - BACK[at]).map_or(0.0, |load| load * level)
        };
        let mut days = [then(0, 1.0), then(1, 1.0), then(2, 1.0)];
        days.sort_by(f64::total_cmp);
        [days[1], then(3, 0.0)]
    }

    /// Whether the step turned out as it was foretold.
    fn judge(&mut self, step: i64) {
        let made = step - EARLY;
        let (Some(before), Some(came)) = (self.present(made), self.at(step)) else { return };
        let foretold = self.foretold(step, &self.levels(made));
        let fade = 0.5f64.powf(STEP as f64 / HALF_LIFE);
        for (account, foretold) in self.accounts.iter_mut().zip(foretold) {
            account.foretold *= fade;
            account.came *= fade;
            if foretold > RISE * before {
                account.foretold += (foretold - before) / foretold;
                account.came += (came.min(foretold) - before).max(0.0) / foretold;
            }
        }
    }

    /// Looks ahead from the beginning of a step. What the step itself brings does not matter, so more load now never means that less is
    /// coming.
    fn foresee(&mut self, step: i64, circumstances: &Circumstances<'_>) {
        let Circumstances { pace, delay, price } = *circumstances;
        self.coming.clear();
        let trusted = self.accounts.map(|account| account.is_trusted(price));
        let Some(before) = self.present(step).filter(|_| trusted.contains(&true)) else { return };
        let (levels, shards) = (self.levels(step), |load: f64| load.ceil().max(1.0) as u32);
        for step in step..step + AHEAD {
            let foretold = self.foretold(step, &levels);
            let load = (0..2).filter(|by| trusted[*by]).map(|by| foretold[by]).fold(0.0, f64::max);
            if load > RISE * before {
                let lead = delay + pace.minutes_to(shards(before), shards(load)) + SPARE;
                let lead = i32::try_from(lead).unwrap_or(i32::MAX);
                self.coming.push(Coming { minute: step * STEP, load: load as f32, lead });
            }
        }
    }
}

/// How many times the load of then that of now is; nothing of nothing is no change.
fn times(now: f64, then: f64) -> f64 {
    if now == then { 1.0 } else { now / then }
}

fn is_alike(level: f64) -> bool {
    (1.0 / MOST_TIMES..=MOST_TIMES).contains(&level)
}

impl Account {
    fn is_trusted(&self, price: f64) -> bool {
        let unproven = UNPROVEN * price / (price + EVEN);
        self.came + unproven >= TRUSTED * (self.foretold + UNPROVEN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was foretold in each minute of a load that may have gaps, at price 100.
    fn foretold(days: i64, load: impl Fn(i64) -> Option<f64>) -> (Season, Vec<Ahead>) {
        let (mut season, pace) = (Season::default(), Pace::default());
        let circumstances = Circumstances { pace: &pace, delay: 3, price: 100.0 };
        let ahead = (0..days * 1440).map(|minute| season.take(minute, load(minute), &circumstances)).collect();
        (season, ahead)
    }

    /// Somewhat different from minute to minute, by up to this share.
    fn noise(minute: i64, share: f64) -> f64 {
        1.0 + share * ((minute * 7919 % 101) as f64 / 50.0 - 1.0)
    }

    /// An hour of 30 shards from 10:00 on beside 4.
    fn batch(minute: i64, on: bool) -> f64 {
        noise(minute, 0.05) * if on && (600..660).contains(&(minute % 1440)) { 30.0 } else { 4.0 }
    }

    fn most(ahead: &[Ahead]) -> f64 {
        ahead.iter().map(|ahead| ahead.later).fold(0.0, f64::max)
    }

    #[test]
    fn a_daily_batch_is_foretold_from_the_third_day_on() {
        let (_, ahead) = foretold(5, |minute| Some(batch(minute, true)));
        assert_eq!(most(&ahead[..2 * 1440]), 0.0);
        for day in 2..5 {
            let of_day = &ahead[day * 1440..][..1440];
            // From 4 to 30 shards are three calls of a few minutes, with metrics that are three minutes old.
            assert!((28.0..33.0).contains(&of_day[592].soon), "day {day}: {:?}", of_day[592]);
            assert_eq!((of_day[560].soon, most(&of_day[700..])), (0.0, 0.0));
            let first = |of: fn(&Ahead) -> f64| of_day.iter().position(|ahead| of(ahead) > 0.0);
            assert!(
                first(|ahead| ahead.later) < first(|ahead| ahead.soon),
                "what is to come is held before it is grown for"
            );
        }
    }

    #[test]
    fn a_batch_of_weekdays_and_one_of_a_weekday_are_foretold_from_the_second_week_on() {
        let weekdays = |minute: i64| minute / 1440 % 7 < 5;
        let (_, ahead) = foretold(21, |minute| Some(batch(minute, weekdays(minute))));
        for day in 14..21 {
            let expected = if day % 7 < 5 { 28.0..33.0 } else { 0.0..0.1 };
            assert!(expected.contains(&ahead[day * 1440 + 592].soon), "day {day}: {:?}", ahead[day * 1440 + 592]);
        }
        let (_, ahead) = foretold(16, |minute| Some(batch(minute, minute / 1440 % 7 == 1)));
        assert!((28.0..33.0).contains(&ahead[8 * 1440 + 592].soon));
        assert_eq!(most(&ahead[9 * 1440..15 * 1440]), 0.0);
    }

    #[test]
    fn it_abstains_on_noise_and_on_bursts_without_a_clock() {
        let chance =
            |minute: i64| ((minute as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as f64 / (1u64 << 24) as f64;
        let (_, ahead) = foretold(21, |minute| Some(10.0 * (0.75 + 0.5 * chance(minute))));
        assert_eq!(most(&ahead), 0.0);
        // An hour of each day, at another time of day each time.
        let burst =
            |minute: i64| (minute % 1440 / 60 == (minute / 1440 * 7 + minute / 10_080 * 5) % 23).then_some(30.0);
        let (season, ahead) = foretold(35, |minute| Some(burst(minute).unwrap_or(4.0)));
        assert!(season.accounts[1].came < 0.5 * season.accounts[1].foretold, "{:?}", season.accounts);
        let wrong = ahead[14 * 1440..].iter().filter(|ahead| ahead.soon > 0.0).count();
        assert_eq!(wrong, 0);
    }

    #[test]
    fn a_first_day_that_was_not_whole_foretells_no_rise() {
        // Hours of launching, or of a backfill, before a load that then never moves.
        for (hours, first) in [(1, 0.4), (10, 0.1), (30, 0.3), (4, 20.0), (30, 20.0)] {
            let launch = |minute: i64| noise(minute, 0.05) * if minute < 60 * hours { first } else { 1.0 } * 10.0;
            let (_, ahead) = foretold(16, |minute| Some(launch(minute)));
            // What went on for more than a day is there on the second and third one as well, and no week has been seen.
            let young = if first > 1.0 { 3 * 1440 } else { 0 };
            assert_eq!(most(&ahead[young..]), 0.0, "{hours} hours at {first} times the load");
        }
    }

    #[test]
    fn a_cheap_reject_needs_more_proof_than_a_dear_one() {
        let fresh = Account::default();
        assert!(fresh.is_trusted(100.0) && !fresh.is_trusted(10.0));
        let proven = Account { foretold: 6.0, came: 5.8 };
        assert!(proven.is_trusted(10.0));
        let wrong = Account { foretold: 6.0, came: 1.0 };
        assert!(!wrong.is_trusted(10_000.0));
    }

    #[test]
    fn what_is_foretold_follows_the_level() {
        let level = |minute: i64| 1.25f64.powi((minute / 1440) as i32);
        let (_, ahead) = foretold(6, |minute| Some(level(minute) * batch(minute, true)));
        let (expected, found) = (30.0 * level(5 * 1440), ahead[5 * 1440 + 592].soon);
        // The day before the batch began with that of yesterday: nearly all of the last rise is in it.
        assert!(found > 0.85 * expected && found < 1.1 * expected, "{found} for {expected}");
    }

    #[test]
    fn missing_minutes_are_not_zero_and_a_long_gap_is_forgotten() {
        let batch = |minute: i64| Some(batch(minute, true));
        let (_, ahead) =
            foretold(7, |minute| batch(minute).filter(|_| !(4 * 1440 + 400..5 * 1440 + 590).contains(&minute)));
        // Nothing is known of the newest minutes; then two of three days still say it, and what was missing was no false alarm.
        assert_eq!(ahead[4 * 1440 + 592].soon, 0.0);
        assert!(ahead[6 * 1440 + 592].soon > 28.0);
        let (mut season, _) = foretold(9, batch);
        let pace = Pace::default();
        let circumstances = Circumstances { pace: &pace, delay: 3, price: 100.0 };
        for minute in 40 * 1440..40 * 1440 + 600 {
            assert_eq!(season.take(minute, Some(4.0), &circumstances), Ahead::default());
        }
    }

    #[test]
    fn memory_is_bounded_and_no_minute_of_now_changes_what_is_coming() {
        let (season, _) = foretold(60, |minute| Some(batch(minute, true)));
        assert!(size_of::<Season>() + season.steps.capacity() * size_of::<Rough>() < 5_300);
        let pace = Pace::default();
        let circumstances = Circumstances { pace: &pace, delay: 3, price: 100.0 };
        let at = 60 * 1440;
        for load in [None, Some(0.0), Some(4.0), Some(4000.0)] {
            assert_eq!(
                season.clone().take(at, load, &circumstances),
                season.clone().take(at, Some(1.0), &circumstances)
            );
        }
    }
}
