use super::history::Signs;
use super::reshard::{Pace, rung};
use super::rule::Rule;
use std::collections::VecDeque;

/// Minutes for which producers are thought to send a rejected record again.
const RETRY_MINUTES: usize = 5;
const DAY: u16 = 1440;

/// A stream that does not exist: it gets the load of the real one, but obeys a single rule. Its bill says how good that rule would have been.
#[derive(Clone, Debug)]
pub struct Shadow {
    shards: u32,
    /// The count of a running reshard, and the minute in which it serves.
    coming: Option<(u32, u32)>,
    calls: Calls,
    /// Rejected records by age, youngest first; none if all are served, as nearly always.
    retries: Option<Box<[f64; RETRY_MINUTES]>>,
}

/// Minutes of the calls of the last 24 hours, oldest first. A stream has more than a hundred shadows, so this is small: AWS's ten calls a
/// day need no memory of their own, and of a minute its last 16 bits tell how long ago it was.
#[derive(Clone, Debug)]
enum Calls {
    Few {
        minutes: [u16; FEW],
        count: u8,
    },
    /// For accounts with a higher quota.
    Many(Box<Many>),
}

/// In a box, since it is larger than what most shadows ever need.
#[derive(Clone, Debug, Default)]
struct Many {
    minutes: VecDeque<u16>,
}

const FEW: usize = 10;

impl Calls {
    fn len(&self) -> usize {
        match self {
            Self::Few { count, .. } => usize::from(*count),
            Self::Many(many) => many.minutes.len(),
        }
    }

    fn push(&mut self, minute: i64) {
        let minute = minute as u16;
        match self {
            Self::Few { minutes, count } if usize::from(*count) < FEW => {
                minutes[usize::from(*count)] = minute;
                *count += 1;
            }
            Self::Few { minutes, .. } => {
                let minutes = minutes.iter().copied().chain([minute]).collect();
                *self = Self::Many(Box::new(Many { minutes }));
            }
            Self::Many(many) => many.minutes.push_back(minute),
        }
    }

    /// Leaves out what is a day old. Asked at least once in 45 days, which 16 bits of minutes are.
    fn forget(&mut self, now: i64) {
        let is_old = |minute: &u16| (now as u16).wrapping_sub(*minute) >= DAY;
        match self {
            Self::Few { minutes, count } => {
                let old = minutes[..usize::from(*count)].iter().take_while(|minute| is_old(minute)).count();
                minutes.copy_within(old.., 0);
                *count -= old as u8;
            }
            Self::Many(many) => {
                while many.minutes.front().is_some_and(is_old) {
                    many.minutes.pop_front();
                }
            }
        }
    }
}

/// What a minute of a shadow cost, in shard-minutes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bill {
    pub capacity: f64,
    pub throttled: f64,
}

impl Shadow {
    pub fn new(shards: u32) -> Self {
        Self { shards: shards.max(1), coming: None, calls: Calls::Few { minutes: [0; FEW], count: 0 }, retries: None }
    }

    pub fn shards(&self) -> u32 {
        self.shards
    }

    /// Nothing was seen for a day or more: no call counts any longer.
    pub(super) fn forget_calls(&mut self) {
        self.calls = Calls::Few { minutes: [0; FEW], count: 0 };
    }

    /// One minute: a due reshard serves, the rule may call on what was known then, the load is served.
    pub fn step(
        &mut self,
        minute: i64,
        load: f64,
        rule: &Rule,
        known: Option<&Signs>,
        calls_a_day: u32,
        pace: &Pace,
    ) -> Bill {
        if let Some((shards, _)) = self.coming.filter(|(_, due)| i64::from(*due) <= minute) {
            (self.shards, self.coming) = (shards, None);
        }
        if let (None, Some(known)) = (self.coming, known) {
            self.calls.forget(minute);
            if self.calls.len() < calls_a_day as usize {
                self.obey(minute, rule, known, calls_a_day, pace);
            }
        }
        Bill { capacity: f64::from(self.shards), throttled: self.serve(load) }
    }

    fn obey(&mut self, minute: i64, rule: &Rule, known: &Signs, calls_a_day: u32, pace: &Pace) {
        let wanted = rule.opinion(known, self.shards, || used_share(self.calls.len() as u32, calls_a_day));
        if wanted == self.shards {
            return;
        }
        let target = rung(self.shards, wanted);
        if target != self.shards {
            self.calls.push(minute);
            // Minutes since 1970 have room for 8,000 years.
            self.coming = Some((target, (minute + pace.minutes(self.shards, target)) as u32));
        }
    }

    /// First attempts that are rejected. Fresh and repeated attempts compete equally.
    fn serve(&mut self, load: f64) -> f64 {
        let retries = self.retries.as_deref().copied().unwrap_or_default();
        let offered = load + retries.iter().sum::<f64>();
        if offered <= f64::from(self.shards) {
            self.retries = None;
            return 0.0;
        }
        let missed = 1.0 - f64::from(self.shards) / offered;
        let mut next = [load * missed; RETRY_MINUTES];
        for age in 1..RETRY_MINUTES {
            next[age] = retries[age - 1] * missed;
        }
        self.retries = Some(Box::new(next));
        load * missed
    }
}

/// How far the day's calls are used up: 1 when a single one is left.
pub fn used_share(used: u32, calls_a_day: u32) -> f64 {
    f64::from(used) / f64::from(calls_a_day.saturating_sub(1).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scale::{History, MEMBERS};

    #[test]
    fn a_shadow_is_billed_for_what_it_holds_and_what_it_rejects() {
        let rule = MEMBERS[0].rule;
        let mut shadow = Shadow::new(4);
        let pace = Pace::default();
        assert_eq!(shadow.step(0, 3.0, &rule, None, 10, &pace), Bill { capacity: 4.0, throttled: 0.0 });
        assert_eq!(shadow.step(1, 8.0, &rule, None, 10, &pace), Bill { capacity: 4.0, throttled: 4.0 });
        // The four that were rejected come again: 12 are offered, 4 fit, two thirds of the fresh 8 do not.
        let bill = shadow.step(2, 8.0, &rule, None, 10, &pace);
        assert!((bill.throttled - 16.0 / 3.0).abs() < 1e-9, "{bill:?}");
    }

    #[test]
    fn a_shadow_keeps_the_limit_of_calls() {
        // The second is an account with a higher quota.
        for (member, calls) in MEMBERS.iter().flat_map(|member| [(member, 10), (member, 14)]) {
            let (mut shadow, mut history) = (Shadow::new(4), History::default());
            let (mut changes, mut before) = (Vec::new(), 4);
            for minute in 0..2 * 1440i64 {
                let load = if minute / 30 % 2 == 0 { 1.0 } else { 40.0 };
                let signs = history.take(load);
                shadow.step(minute, load, &member.rule, Some(&signs), calls, &Pace::default());
                if shadow.shards() != before {
                    changes.push(minute);
                    before = shadow.shards();
                }
            }
            // A change comes a few minutes after its call.
            let most = calls as usize;
            assert!(changes.windows(most + 1).all(|days| days[most] - days[0] > 1430), "{:?}", member.rule);
        }
    }
}
