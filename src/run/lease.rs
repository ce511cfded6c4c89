//! One replica acts for a pipeline, and never two. Pure: what stands in the table and how long it has stood there go in, the next
//! move comes out.
//!
//! No two machines' clocks are compared. Whoever waits measures by its own clock how long the holder has not beaten; whoever
//! holds stops by its own clock before anybody can have waited that long. Each change of hands raises the epoch, and every
//! entry of the ledger is written under the condition that the epoch still holds: what a holder writes too late is refused.

use std::time::Duration;

use crate::aws::table::Lease;

/// A moment by the two clocks of one machine, from any beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// Never goes back, and may stand still while the machine is suspended.
    pub steady: Duration,
    /// Goes on while the machine is suspended, and may be set.
    pub wall: Duration,
}

impl Moment {
    /// The longest time that can have passed since `earlier`.
    fn at_most_since(self, earlier: Self) -> Duration {
        self.steady.saturating_sub(earlier.steady).max(self.wall.saturating_sub(earlier.wall))
    }

    /// The shortest.
    fn at_least_since(self, earlier: Self) -> Duration {
        self.steady.saturating_sub(earlier.steady)
    }
}

/// What to do next about a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Move {
    /// Put `next` in place of what was read, if that still stands there.
    Claim { next: Lease },
    /// Give a sign of life.
    Renew { epoch: i64 },
    /// Somebody else holds it.
    Wait,
}

/// One replica's view of one lease.
#[derive(Clone, Debug)]
pub struct Keeper {
    me: String,
    /// How long a holder may be silent before another takes over.
    lasts: Duration,
    /// What was seen last of another's lease, and since when it has not changed.
    watched: Option<(Lease, Moment)>,
    held: Option<Hold>,
}

#[derive(Clone, Copy, Debug)]
struct Hold {
    epoch: i64,
    /// When the newest sign of life was sent that got through.
    beaten: Moment,
}

impl Keeper {
    /// `me` differs between any two processes.
    pub fn new(me: impl Into<String>, lasts: Duration) -> Self {
        Self { me: me.into(), lasts, watched: None, held: None }
    }

    /// What to do, given what stands in the table (`None`: nothing yet).
    pub fn next(&mut self, seen: Option<&Lease>, now: Moment) -> Move {
        let Some(seen) = seen else {
            return Move::Claim { next: Lease { owner: self.me.clone(), epoch: 1, beat: 0 } };
        };
        if seen.owner == self.me {
            // Also where the answer to the claim was lost.
            return Move::Renew { epoch: seen.epoch };
        }
        self.held = None;
        let since = match &self.watched {
            Some((before, since)) if before == seen => *since,
            _ => now,
        };
        self.watched = Some((seen.clone(), since));
        if seen.owner.is_empty() || now.at_least_since(since) > self.lasts {
            return Move::Claim { next: Lease { owner: self.me.clone(), epoch: seen.epoch + 1, beat: 0 } };
        }
        Move::Wait
    }

    /// A claim or a sign of life got through; `sent` is when it was sent.
    pub fn beaten(&mut self, epoch: i64, sent: Moment) {
        (self.watched, self.held) = (None, Some(Hold { epoch, beaten: sent }));
    }

    /// The table says that it is another's.
    pub fn lost(&mut self) {
        self.held = None;
    }

    /// The epoch to write under, while it is certain that nobody else can have taken over: a fifth is left for the call that
    /// follows.
    pub fn epoch(&self, now: Moment) -> Option<i64> {
        let hold = self.held?;
        (now.at_most_since(hold.beaten) < self.lasts * 4 / 5).then_some(hold.epoch)
    }

    /// The epoch in which this replica holds it, whether or not it still may write.
    pub fn held(&self) -> Option<i64> {
        self.held.map(|hold| hold.epoch)
    }

    /// Who holds it, as far as this replica has seen.
    pub fn holder(&self) -> &str {
        match (&self.held, &self.watched) {
            (Some(_), _) => &self.me,
            (None, Some((lease, _))) => &lease.owner,
            (None, None) => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LASTS: Duration = Duration::from_secs(60);

    fn at(seconds: u64) -> Moment {
        let steady = Duration::from_secs(seconds);
        Moment { steady, wall: steady }
    }

    /// A table that holds one lease.
    #[derive(Default)]
    struct Table(Option<Lease>);

    impl Table {
        /// One beat of a replica; `through`: whether the table gets to hear it.
        fn beat(&mut self, keeper: &mut Keeper, now: Moment, through: bool) {
            if !through {
                return;
            }
            match keeper.next(self.0.as_ref(), now) {
                Move::Claim { next } => {
                    keeper.beaten(next.epoch, now);
                    self.0 = Some(next);
                }
                Move::Renew { epoch } => {
                    if let Some(lease) = self.0.as_mut() {
                        lease.beat += 1;
                    }
                    keeper.beaten(epoch, now);
                }
                Move::Wait => {}
            }
        }
    }

    #[test]
    fn the_first_has_it_and_the_second_waits_for_silence() {
        let (mut a, mut b) = (Keeper::new("a", LASTS), Keeper::new("b", LASTS));
        let mut table = Table::default();
        for second in (0..200).step_by(20) {
            table.beat(&mut a, at(second), true);
            table.beat(&mut b, at(second + 1), true);
            assert_eq!((a.epoch(at(second)), b.epoch(at(second + 1))), (Some(1), None));
        }
        assert_eq!(b.holder(), "a");
        // The holder falls silent after 180: it stops by itself before the other may take over.
        assert_eq!(a.epoch(at(180 + 47)), Some(1));
        assert_eq!(a.epoch(at(180 + 48)), None);
        for second in (200..=240).step_by(20) {
            table.beat(&mut b, at(second + 1), true);
            assert_eq!(b.epoch(at(second + 1)), None);
        }
        table.beat(&mut b, at(261), true);
        assert_eq!(b.epoch(at(261)), Some(2));
        // It comes back and finds that it lost it.
        table.beat(&mut a, at(262), true);
        assert_eq!((a.epoch(at(262)), a.holder()), (None, "b"));
    }

    #[test]
    fn what_was_given_back_is_taken_at_once() {
        let mut b = Keeper::new("b", LASTS);
        let free = Lease { owner: String::new(), epoch: 4, beat: 9 };
        assert_eq!(b.next(Some(&free), at(5)), Move::Claim { next: Lease { owner: "b".into(), epoch: 5, beat: 0 } });
    }

    #[test]
    fn a_machine_that_was_suspended_does_not_trust_its_steady_clock() {
        let mut a = Keeper::new("a", LASTS);
        a.beaten(1, at(100));
        let woken = Moment { steady: Duration::from_secs(101), wall: Duration::from_secs(4_000) };
        assert_eq!(a.epoch(woken), None);
        // And a wall clock that was set forward makes nobody take over early.
        let mut b = Keeper::new("b", LASTS);
        let seen = Lease { owner: "a".into(), epoch: 1, beat: 3 };
        assert_eq!(b.next(Some(&seen), at(100)), Move::Wait);
        assert_eq!(b.next(Some(&seen), woken), Move::Wait);
    }

    #[test]
    fn never_two_whatever_gets_through() {
        for seed in 0..500 {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut table = Table::default();
            let mut keepers: Vec<Keeper> = ["a", "b", "c"].iter().map(|name| Keeper::new(*name, LASTS)).collect();
            // Each replica's clock has a beginning of its own.
            let offsets: Vec<u64> = (0..3).map(|_| random.u64(0..10_000)).collect();
            let mut handed = 0;
            for second in 0..2_000 {
                for (keeper, offset) in keepers.iter_mut().zip(&offsets) {
                    if random.u32(0..20) == 0 {
                        let through = random.u32(0..3) > 0;
                        table.beat(keeper, at(second + offset), through);
                    }
                }
                let epochs: Vec<i64> =
                    keepers.iter().zip(&offsets).filter_map(|(one, offset)| one.epoch(at(second + offset))).collect();
                assert!(epochs.len() <= 1, "seed {seed}, second {second}: {epochs:?}");
                handed = handed.max(epochs.first().copied().unwrap_or(0));
            }
            assert!(handed >= 1, "seed {seed}: nobody ever held it");
        }
    }
}
