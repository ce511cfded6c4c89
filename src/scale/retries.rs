//! Rejected records that come again: what of the attempts that the metrics count is new.

/// Minutes for which producers are thought to send a rejected record again.
pub const RETRY_MINUTES: usize = 5;

/// Records by the minutes since they were first rejected, youngest first, in any one unit.
pub type Ages = [f64; RETRY_MINUTES];

/// What comes again in the next minute when `fresh` records and those of `ages` competed equally, and the share `missed` of all
/// was rejected.
pub fn next(fresh: f64, ages: &Ages, missed: f64) -> Ages {
    let mut next = [fresh * missed; RETRY_MINUTES];
    for (next, age) in next[1..].iter_mut().zip(ages) {
        *next = age * missed;
    }
    next
}

/// Parts first attempts from repeated ones, minute by minute.
///
/// Producers send a rejected record again a minute later, and give up after [`RETRY_MINUTES`]. In a lasting overload most attempts are
/// repeated ones; to take what was rejected a minute before for repeated in full would forget those that gave up, and demand would
/// seem to fall to what the shards take.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Retries {
    ages: Ages,
    /// First attempts of the newest minute, and the share of its attempts that was rejected.
    newest: (f64, f64),
}

impl Retries {
    /// First attempts of the next minute, in the unit of its attempts.
    pub fn fresh(&mut self, accepted: f64, rejected: f64) -> f64 {
        let (offered, again) = (accepted + rejected, self.ages.iter().sum::<f64>());
        if again > offered {
            // Some gave up earlier.
            self.ages.iter_mut().for_each(|age| *age *= offered / again);
        }
        let fresh = (offered - again).max(0.0);
        self.pass(fresh, if offered > 0.0 { rejected / offered } else { 0.0 });
        fresh
    }

    /// A minute of which nothing is known is taken for one like the minute before.
    pub fn skip(&mut self) {
        let (fresh, missed) = self.newest;
        self.pass(fresh, missed);
    }

    fn pass(&mut self, fresh: f64, missed: f64) {
        self.ages = next(fresh, &self.ages, missed);
        self.newest = (fresh, missed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the metrics say of a load on so many shards, minute by minute.
    fn served(loads: impl IntoIterator<Item = f64>, shards: f64) -> Vec<(f64, f64)> {
        // Each batch of rejected records with the number of times that it was sent.
        let mut waiting: Vec<(f64, usize)> = Vec::new();
        let serve = |fresh: f64| {
            waiting.push((fresh, 0));
            let offered: f64 = waiting.iter().map(|(records, _)| records).sum();
            let missed = (1.0 - shards / offered).max(0.0);
            waiting.iter_mut().for_each(|batch| *batch = (batch.0 * missed, batch.1 + 1));
            waiting.retain(|(_, sent)| *sent <= RETRY_MINUTES);
            (offered * (1.0 - missed), offered * missed)
        };
        loads.into_iter().map(serve).collect()
    }

    #[test]
    fn a_lasting_overload_is_seen_in_full() {
        let loads: Vec<f64> = (0..60).map(|minute| 100.0 + f64::from(minute * 37 % 50)).collect();
        let mut retries = Retries::default();
        for (load, (accepted, rejected)) in loads.iter().zip(served(loads.clone(), 40.0)) {
            let seen = retries.fresh(accepted, rejected);
            assert!((seen - load).abs() < 1e-6, "{seen} of {load}");
        }
    }

    #[test]
    fn a_gap_is_bridged_by_the_minute_before() {
        let mut retries = Retries::default();
        for (at, (accepted, rejected)) in served([120.0; 60], 40.0).into_iter().enumerate() {
            if at == 30 {
                retries.skip();
                continue;
            }
            let seen = retries.fresh(accepted, rejected);
            assert!((seen - 120.0).abs() < 1e-3, "minute {at}: {seen}");
        }
    }

    #[test]
    fn producers_that_give_up_are_believed() {
        let mut retries = Retries::default();
        retries.fresh(40.0, 100.0);
        assert_eq!([retries.fresh(20.0, 0.0), retries.fresh(20.0, 0.0)], [0.0, 20.0]);
    }
}
