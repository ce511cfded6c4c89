use super::history::Signs;
use super::reshard::Pace;
use super::retries::{self, Ages};
use super::rule::Rule;
use std::collections::VecDeque;

const DAY: u16 = 1440;

/// A stream that does not exist: it gets the load of the real one, but obeys a single rule. Its bill says how good that rule would have been.
///
/// A stream has more than a hundred shadows and there are thousands of streams, so it is small: of a minute its last 16 bits tell how long
/// ago it was, and how soon it will be.
#[derive(Clone, Debug)]
pub struct Shadow {
    shards: u32,
    /// The count of a running reshard, 0 for none, and the minute in which it serves.
    coming: u32,
    due: u16,
    calls: Calls,
    rare: Option<Box<Rare>>,
}

/// What nearly no shadow has.
#[derive(Clone, Debug, Default)]
struct Rare {
    /// Rejected records by age, youngest first.
    retries: Ages,
    /// Calls after the first ten of 24 hours, for accounts with a higher quota.
    calls: VecDeque<u16>,
}

/// Minutes of the calls of the last 24 hours, oldest first: AWS's ten calls a day.
#[derive(Clone, Copy, Debug, Default)]
struct Calls {
    minutes: [u16; FEW],
    count: u8,
}

const FEW: usize = 10;
/// The longest that a reshard is thought to take: far less than the minutes of 16 bits.
const LONGEST: i64 = 30_000;
/// Minutes after which old calls are forgotten if nothing asks for them: far less, too.
const FORGETS: i64 = 60;

fn is_old(minute: u16, now: i64) -> bool {
    (now as u16).wrapping_sub(minute) >= DAY
}

impl Calls {
    fn known(&self) -> usize {
        usize::from(self.count)
    }

    fn push(&mut self, minute: u16) -> bool {
        let has_room = self.known() < FEW;
        if has_room {
            self.minutes[self.known()] = minute;
            self.count += 1;
        }
        has_room
    }

    /// Leaves out what is a day old.
    fn forget(&mut self, now: i64) {
        let old = self.minutes[..self.known()].iter().take_while(|minute| is_old(**minute, now)).count();
        self.minutes.copy_within(old.., 0);
        self.count -= old as u8;
    }
}

/// What holds for every shadow of a stream.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// Calls that AWS allows in a rolling 24 hours.
    pub calls_a_day: u32,
    /// How long resharding takes on this stream.
    pub pace: &'a Pace,
    /// The count that a wish becomes, from the present one: a target that one call reaches.
    pub nearest: fn(u32, u32) -> u32,
    /// The share of the present count, rounded up, above which `nearest` makes nothing of a wish for fewer.
    pub heeds: f64,
}

impl Terms<'_> {
    /// No wish for more than this and at most `shards` changes anything.
    fn heeded(&self, shards: u32) -> f64 {
        let now = f64::from(shards);
        (self.heeds * (now + 1.0)).min(now - 1.0)
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
        Self { shards: shards.max(1), coming: 0, due: 0, calls: Calls::default(), rare: None }
    }

    pub fn shards(&self) -> u32 {
        self.shards
    }

    fn calls_used(&self) -> usize {
        self.calls.known() + self.rare.as_ref().map_or(0, |rare| rare.calls.len())
    }

    fn called(&mut self, minute: i64) {
        if !self.calls.push(minute as u16) {
            self.rare.get_or_insert_default().calls.push_back(minute as u16);
        }
    }

    /// Leaves out calls that are a day old. Asked at least once in 45 days, which 16 bits of minutes are.
    fn forget_old(&mut self, now: i64) {
        self.calls.forget(now);
        if let Some(rare) = &mut self.rare {
            while rare.calls.front().is_some_and(|minute| is_old(*minute, now)) {
                rare.calls.pop_front();
            }
            while let Some(minute) = rare.calls.pop_front_if(|_| self.calls.known() < FEW) {
                self.calls.push(minute);
            }
        }
    }

    /// Nothing was seen for a day or more: no call counts any longer, and what was under way has ended.
    pub(super) fn forget_calls(&mut self) {
        self.serve_coming();
        self.calls = Calls::default();
        if let Some(rare) = &mut self.rare {
            rare.calls.clear();
        }
    }

    fn serve_coming(&mut self) {
        if self.coming > 0 {
            self.shards = std::mem::take(&mut self.coming);
        }
    }

    /// One minute: a due reshard serves, the rule may call on what was known then, the load is served.
    pub fn step(&mut self, minute: i64, load: f64, rule: &Rule, known: Option<&Signs>, terms: &Terms<'_>) -> Bill {
        if self.coming > 0 && (minute as u16).wrapping_sub(self.due) as i16 >= 0 {
            self.serve_coming();
        }
        if minute % FORGETS == 0 {
            self.forget_old(minute);
        }
        if let (0, Some(known)) = (self.coming, known)
            && !rule.stays_above(known, self.shards, terms.heeded(self.shards))
        {
            self.forget_old(minute);
            if self.calls_used() < terms.calls_a_day as usize {
                self.obey(minute, rule, known, terms);
            }
        }
        Bill { capacity: f64::from(self.shards), throttled: self.serve(load) }
    }

    fn obey(&mut self, minute: i64, rule: &Rule, known: &Signs, terms: &Terms<'_>) {
        let wanted = rule.opinion(known, self.shards, || used_share(self.calls_used() as u32, terms.calls_a_day));
        if wanted == self.shards {
            return;
        }
        let target = (terms.nearest)(self.shards, wanted);
        if target != self.shards {
            self.called(minute);
            self.coming = target;
            self.due = (minute + terms.pace.minutes(self.shards, target).min(LONGEST)) as u16;
        }
    }

    /// First attempts that are rejected. Fresh and repeated attempts compete equally.
    fn serve(&mut self, load: f64) -> f64 {
        if self.rare.is_none() && load <= f64::from(self.shards) {
            return 0.0;
        }
        let retries = self.rare.as_ref().map(|rare| rare.retries).unwrap_or_default();
        let offered = load + retries.iter().sum::<f64>();
        if offered <= f64::from(self.shards) {
            match &mut self.rare {
                Some(rare) if rare.calls.is_empty() => self.rare = None,
                Some(rare) => rare.retries = Default::default(),
                None => {}
            }
            return 0.0;
        }
        let missed = 1.0 - f64::from(self.shards) / offered;
        self.rare.get_or_insert_default().retries = retries::next(load, &retries, missed);
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
    use crate::scale::reshard::{RUNG, rung};
    use crate::scale::{History, MEMBERS};

    fn terms(pace: &Pace, calls_a_day: u32) -> Terms<'_> {
        Terms { calls_a_day, pace, nearest: rung, heeds: RUNG }
    }

    #[test]
    fn a_shadow_is_small() {
        assert_eq!(size_of::<Shadow>(), 40);
    }

    #[test]
    fn what_is_not_heeded_changes_nothing() {
        let pace = Pace::default();
        for shards in 1..400 {
            let least = terms(&pace, 10).heeded(shards) as u32 + 1;
            assert!((least..=shards).all(|wanted| rung(shards, wanted) == shards), "{shards}");
            assert!(least == 1 || rung(shards, least - 1) < shards, "{shards}");
        }
    }

    #[test]
    fn a_shadow_is_billed_for_what_it_holds_and_what_it_rejects() {
        let rule = MEMBERS[0].rule;
        let mut shadow = Shadow::new(4);
        let pace = Pace::default();
        let terms = terms(&pace, 10);
        assert_eq!(shadow.step(0, 3.0, &rule, None, &terms), Bill { capacity: 4.0, throttled: 0.0 });
        assert_eq!(shadow.step(1, 8.0, &rule, None, &terms), Bill { capacity: 4.0, throttled: 4.0 });
        // The four that were rejected come again: 12 are offered, 4 fit, two thirds of the fresh 8 do not.
        let bill = shadow.step(2, 8.0, &rule, None, &terms);
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
                shadow.step(minute, load, &member.rule, Some(&signs), &terms(&Pace::default(), calls));
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
