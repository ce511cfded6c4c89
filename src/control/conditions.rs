use super::report::{Condition, ConditionKind, Status};
use super::stream::{Moment, Stream};
use super::{hand, readers};
use crate::scale::Notice;

/// Minutes after which metrics are too old to decide on.
const STALE: i64 = 15;
/// The same where the stream or its metrics cannot be read: what was so before may not be so now.
const BLIND: i64 = 5;
/// The reason of `BudgetExhausted` where it is the month's money; else it is the day's calls.
pub(super) const MONEY: &str = "money";
/// Iterator age in minutes above which readers do not keep up.
const LATE: f64 = 10.0;

impl Stream {
    /// Says anew what is so, after a decision for this reason. A condition keeps its time as long as its status does not change.
    pub(super) fn judge(&mut self, decided: &str, moment: Moment<'_>) {
        let minute = moment.minute();
        let found = [
            (ConditionKind::Accepted, self.accepted()),
            (ConditionKind::Observed, self.observed(minute)),
            (ConditionKind::Synced, self.synced(decided)),
            (ConditionKind::Healthy, self.healthy(moment)),
            (ConditionKind::Contended, self.contended(minute)),
            (ConditionKind::BudgetExhausted, self.exhausted(moment)),
        ];
        let absent = self.absent();
        let made = found.into_iter().map(|(kind, found)| {
            let (status, reason, message) = match (&absent, kind) {
                (Some((reason, why)), ConditionKind::Observed) => (Status::False, *reason, why.clone()),
                // What was measured and decided before says nothing of a stream that is not there.
                (Some((reason, why)), ConditionKind::Accepted | ConditionKind::Synced | ConditionKind::Healthy) => {
                    (Status::Unknown, *reason, why.clone())
                }
                _ => found,
            };
            let same = self.conditions.iter().find(|old| old.kind == kind && old.status == status);
            let since = same.map_or(moment.now, |old| old.since);
            Condition { kind, status, reason: reason.into(), message, since }
        });
        self.conditions = made.collect();
    }

    fn accepted(&self) -> (Status, &str, String) {
        match (self.ours, self.on_demand) {
            (_, true) => (Status::False, "on-demand", "AWS sizes an on-demand stream".into()),
            (Some(true), _) => (Status::True, "ours", format!("{} to {} shards", self.bounds.min, self.bounds.max)),
            (Some(false), _) => {
                (Status::False, "not-ours", "the stream does not carry this pipeline's tags: apply or adopt it".into())
            }
            (None, _) => (Status::Unknown, "not-read", "its tags have not been read yet".into()),
        }
    }

    fn observed(&self, minute: i64) -> (Status, &str, String) {
        if let Some(why) = &self.blind {
            return (Status::False, "unreadable", why.clone());
        }
        match self.newest_known() {
            _ if self.seen_at.is_none() => (Status::Unknown, "not-read", "it has not been looked at yet".into()),
            // CloudWatch keeps nothing of a stream that nobody writes to: that is seen, and no blindness.
            newest if self.is_answered && newest.is_none_or(|newest| newest < minute - STALE) => {
                let since =
                    newest.map_or_else(|| "at all".into(), |newest| format!("since {}", hand::stamp(newest * 60)));
                (Status::True, "idle", format!("CloudWatch answers and knows of no writes {since}"))
            }
            None => (Status::Unknown, "no-metrics", "no metrics have come yet".into()),
            Some(newest) if newest < minute - STALE => {
                (Status::False, "stale-metrics", format!("the newest metrics are {} min old", minute - newest))
            }
            Some(newest) => (Status::True, "fresh", format!("metrics are {} min old", (minute - newest).max(0))),
        }
    }

    /// Where the count is not the wanted one, the reason is that of the decision: what holds it, or what is about to change it.
    fn synced<'a>(&self, decided: &'a str) -> (Status, &'a str, String) {
        if let Some(at) = self.pending() {
            let call = self.resizes[at];
            return (Status::False, "resharding", format!("from {} to {} shards", call.from, call.to));
        }
        match (self.shards, self.desired) {
            (Some(shards), Some(desired)) if shards == desired => {
                (Status::True, "as-wanted", format!("{shards} shards"))
            }
            (Some(shards), Some(desired)) => (Status::False, decided, format!("{shards} shards, {desired} are wanted")),
            _ => (Status::Unknown, "not-decided", "nothing has been decided yet".into()),
        }
    }

    fn healthy(&self, moment: Moment<'_>) -> (Status, &str, String) {
        let minute = moment.minute();
        let is_known = |newest: &i64, within: i64| *newest >= minute - within;
        let Some(newest) = self.newest_known().filter(|newest| is_known(newest, STALE)) else {
            return (Status::Unknown, "no-metrics", "there are no fresh metrics".into());
        };
        if let Some(why) = self.blind.as_ref().filter(|_| !is_known(&newest, BLIND)) {
            return (
                Status::Unknown,
                "unreadable",
                format!("the newest metrics are {} min old: {why}", minute - newest),
            );
        }
        let sample = self.newest().at(newest);
        let lag = self.lag(moment.rules, minute);
        let (rejected, age) = (sample.rejected.unwrap_or(0.0), lag.age.unwrap_or(0.0));
        if rejected > 0.0 {
            match self.told_hot() {
                Some(told @ Notice::HotKey { .. }) => return (Status::False, "hot-key", told.to_string()),
                Some(told) => return (Status::False, "hot-shard", told.to_string()),
                None => {}
            }
            let throttling = || format!("{rejected:.2} shards of load were rejected in a minute");
            return self.skewed.map_or_else(
                || (Status::False, "throttling", throttling()),
                |share| (Status::False, "hot-keys", Notice::HotKeys { share }.to_string()),
            );
        }
        if let Some(why) = readers::dead(&lag) {
            return (Status::False, "dead-consumer", why);
        }
        if let Some(why) = self.functions.iter().find_map(super::Function::dead) {
            return (Status::False, "dead-consumer", why);
        }
        if age > LATE {
            return (Status::False, "lagging", format!("readers are {age:.0} min behind"));
        }
        (Status::True, "keeps-up", "nothing is rejected and readers keep up".into())
    }

    fn contended(&self, minute: i64) -> (Status, &str, String) {
        let times = self.reversals(minute);
        if self.is_contended(minute) {
            let message = format!(
                "somebody else undid {times} of our changes within an hour: stopped until {} if nobody changes the count by then; find out who did \
                 (`aws cloudtrail lookup-events`, UpdateShardCount), and `tidegate pin` is followed at once",
                hand::stamp(self.peace_at())
            );
            return (Status::True, "reversals", message);
        }
        let word = if times == 1 { "reversal" } else { "reversals" };
        (Status::False, "peace", format!("{times} {word} within the hour"))
    }

    fn exhausted(&self, moment: Moment<'_>) -> (Status, &'static str, String) {
        let (used, all) = (self.calls_used(moment.minute()), moment.rules.calls_a_day);
        let mut message = format!("{} of {all} calls are left", all.saturating_sub(used));
        if let Some(why) = &self.unpaid {
            message = format!("{message}; {why}");
        }
        match &self.unpaid {
            _ if used >= all => (Status::True, "all-used", message),
            Some(_) => (Status::True, MONEY, message),
            None => (Status::False, "some-left", message),
        }
    }
}
