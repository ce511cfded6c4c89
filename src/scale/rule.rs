use super::history::{FLOORS, Signs, WINDOWS};

/// One way to size a stream, in ten numbers. The council holds many and trusts those that would have served this stream best.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    /// Grow when the expected load is above this share of the present shards.
    pub grow_above: f64,
    /// Grow so far that the expected load is this share of the new shards; at most `grow_above`.
    pub grow_to: f64,
    /// Minutes for which the present rise is thought to go on.
    pub foresee: f64,
    /// Trust only what the last 1, 2, 3 or 5 minutes all had: index into `SUSTAINED`.
    pub sustained: usize,
    /// Shrink to what the highest minute of a window needs: index into `WINDOWS`.
    pub window: usize,
    /// Share of the shards that the highest minute of the window should be.
    pub shrink_to: f64,
    /// Least saving, as a share of the present shards, that is worth a call,
    pub saving: f64,
    /// and what comes on top when the calls of the day are nearly used up; it rises with their square.
    pub scarcity: f64,
    /// Never go below a load that is exceeded this rarely: index into `FLOORS`, the first of which is none.
    pub floor: usize,
    /// Share of the shards that the floor's load should be.
    pub floor_to: f64,
}

/// A floor raises the count only if it is missed by this share, so that its slow drift does not eat the day's calls.
const FLOOR_SLACK: f64 = 0.08;
/// More than what is lost by rounding, as a share.
const ROUNDED: f64 = 0.001;

impl Rule {
    /// The load of the next minutes, as this rule sees it.
    pub fn expected(&self, signs: &Signs) -> f64 {
        (signs.sustained[self.sustained] + self.foresee * signs.rise).max(signs.soon)
    }

    /// The count below which this rule does not go whatever the load is now.
    pub fn floor(&self, signs: &Signs) -> f64 {
        let rare = if self.floor == 0 { 0.0 } else { signs.floors[self.floor - 1] / self.floor_to };
        rare.max(1.0)
    }

    /// The count it wants in place of `shards` when the share `used` of the day's calls is spent; `shards` is to hold.
    ///
    /// No sign that rises lowers the answer.
    pub fn opinion(&self, signs: &Signs, shards: u32, used: impl Fn() -> f64) -> u32 {
        let (now, expected) = (f64::from(shards), self.expected(signs));
        if self.stays_above(signs, shards, now - 1.0) {
            return shards;
        }
        let floor = self.floor(signs);
        if expected > self.grow_above * now {
            return whole((expected / self.grow_to).max(floor)).max(shards);
        }
        if floor > now && f64::from(whole(floor)) >= (1.0 + FLOOR_SLACK) * now {
            return whole(floor);
        }
        let needed = expected.max(signs.later);
        let seen = (signs.maxima[self.window] / self.shrink_to).max((needed / self.grow_to).min(now));
        let least = whole(seen.max(floor));
        if least >= shards {
            return shards;
        }
        let saved = (now - f64::from(least)) / now;
        if saved > self.saving && saved > self.saving + self.scarcity * used().powi(2) { least } else { shards }
    }

    /// Whether it surely wants no more than `shards` and, if fewer, then more than `fewer` (at most `shards` - 1), by comparisons alone. That
    /// is so in nearly every minute of more than a hundred rules, and divisions are most of what an opinion costs.
    pub fn stays_above(&self, signs: &Signs, shards: u32, fewer: f64) -> bool {
        let (now, expected) = (f64::from(shards), self.expected(signs));
        let rare = if self.floor == 0 { 0.0 } else { signs.floors[self.floor - 1] };
        // What needs more than this keeps the shards, whatever is rounded.
        let enough = (1.0 + ROUNDED) * fewer.min((1.0 - self.saving) * now);
        // All in one: no processor foresees each of them.
        (shards > 0)
            & (expected <= self.grow_above * now)
            & (rare <= (1.0 - ROUNDED) * self.floor_to * now)
            & ((signs.maxima[self.window] >= self.shrink_to * enough)
                | (expected >= self.grow_to * enough)
                | (rare >= self.floor_to * enough))
    }

    /// Whether all indices point somewhere and no share is senseless.
    pub fn is_sound(&self) -> bool {
        self.window < WINDOWS.len()
            && self.floor <= FLOORS
            && self.grow_to > 0.0
            && self.grow_to <= self.grow_above
            && self.shrink_to > 0.0
            && self.floor_to > 0.0
    }
}

/// Shards are whole; a million is above anything that AWS allows.
fn whole(shards: f64) -> u32 {
    // Without `ceil`, which is a call of the C library on processors of twenty years ago, for which we compile.
    let below = shards.clamp(1.0, 1e6) as u32;
    below + u32::from(f64::from(below) < shards.min(1e6))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scale::MEMBERS;
    use proptest::prelude::*;

    /// Signs of any size, and others of which none is lower.
    fn signs() -> impl Strategy<Value = (Signs, Signs)> {
        let values = || proptest::collection::vec((0.0f64..300.0, 0.0f64..50.0), 4 + 1 + WINDOWS.len() + FLOORS + 2);
        values().prop_map(|values| {
            let read = |pick: &dyn Fn(&(f64, f64)) -> f64| {
                let mut next = values.iter().map(pick);
                let mut take = || next.next().unwrap_or_default();
                Signs {
                    sustained: std::array::from_fn(|_| take()),
                    rise: take(),
                    maxima: std::array::from_fn(|_| take()),
                    floors: std::array::from_fn(|_| take()),
                    soon: take(),
                    later: take(),
                }
            };
            (read(&|value| value.0), read(&|value| value.0 + value.1))
        })
    }

    #[test]
    fn every_elected_rule_is_sound() {
        assert!(MEMBERS.len() > 50 && MEMBERS.iter().all(|member| member.rule.is_sound()));
    }

    proptest! {
        #[test]
        fn more_demand_never_wants_fewer_shards((less, more) in signs(), shards in 1u32..400, used in 0.0f64..1.2) {
            for member in MEMBERS {
                let (low, high) = (member.rule.opinion(&less, shards, || used), member.rule.opinion(&more, shards, || used));
                prop_assert!(low <= high, "{:?}: {low} then {high}", member.rule);
            }
        }

        #[test]
        fn what_comparisons_say_is_what_divisions_say(
            (signs, _) in signs(), shards in 1u32..400, share in 0.0f64..1.0, used in 0.0f64..1.2
        ) {
            let fewer = (share * f64::from(shards)).min(f64::from(shards - 1));
            for member in MEMBERS.iter().filter(|member| member.rule.stays_above(&signs, shards, fewer)) {
                let wanted = member.rule.opinion(&signs, shards, || used);
                prop_assert!(wanted <= shards && f64::from(wanted) > fewer, "{:?}: {wanted}", member.rule);
            }
        }
    }
}
