//! The loop: minute by minute, what the policy sees, what it asks for and what becomes of the load.

use std::collections::BTreeMap;
use std::mem::discriminant;

use super::demand::Demand;
use super::function::{Function, Lambda};
use super::plant::{Actuator, Answer, DAY, Refusal, Stream};
use super::uneven::{Skew, Uneven};
use crate::local::Profile;
use crate::local::traffic::mix;
use crate::scale::lambda::{Change, Factors};
use crate::scale::{Bounds, Budget, Inputs, Money, Notice, Policy, Proposal, Reason, Sample, View, Window, month};

/// Minutes of metrics that a policy is shown: CloudWatch keeps one-minute data for 15 days.
const WINDOW_MINUTES: usize = 15 * DAY as usize;
/// How full the first hour's largest minute may find a stream at its start.
const START_USE: f64 = 0.7;

/// The plant's parameters and the user's wishes.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// How long resharding takes. The policy is not told.
    pub profile: Profile,
    pub actuator: Actuator,
    pub bounds: Bounds,
    /// What a throttled record is worth, in units of the capacity that would have carried it.
    pub price: f64,
    /// What the spec says besides: a bound, floors, hours without shrinking.
    pub inputs: Inputs,
    /// What a month's shards may cost.
    pub money: Option<Money>,
    /// Calls of UpdateShardCount that AWS allows in a rolling 24 hours.
    pub calls_a_day: u32,
    /// Keys that are not even, on single shards; `None`: the reference plant.
    pub skew: Option<Skew>,
    /// A Lambda function that reads, on single shards as well.
    pub lambda: Option<Lambda>,
    /// Whole minutes between the end of a minute and the arrival of its metrics.
    pub metric_delay: usize,
    /// 1 to 2: half of each minute runs at `burst` times its mean rate.
    pub burst: f64,
    /// The share of minutes whose metrics never arrive, 0 to 1; they are missing for 10 to 60 minutes at a time.
    pub gaps: f64,
    /// Decides start delays and gaps.
    pub seed: u64,
    /// Open shards in the first minute; `None`: what the first hour needs at 70 % use.
    pub start: Option<u32>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            profile: Profile::Fast,
            actuator: Actuator::Resize,
            bounds: Bounds { min: 1, max: 20_000 },
            price: 100.0,
            inputs: Inputs::default(),
            money: None,
            calls_a_day: 10,
            skew: None,
            lambda: None,
            metric_delay: 2,
            burst: 1.0,
            gaps: 0.0,
            seed: 1,
            start: None,
        }
    }
}

impl Settings {
    /// What the user wants and supposes, for a sentence.
    pub fn aim(&self) -> String {
        let aim = match self.inputs.bound {
            // At most four digits behind the point: a millionth is the least that can be asked for.
            Some(share) => format!("at most {} % of the records may be throttled", (share * 1e6).round() / 1e4),
            None => format!("a throttled record is worth {} times its capacity", self.price),
        };
        let aim = match self.skew {
            Some(skew) => format!("{aim}; {skew}"),
            None => aim,
        };
        match self.lambda {
            Some(Lambda { pace, factors: Factors { min, max } }) => format!(
                "{aim}; a Lambda function reads {pace} records a second of each shard for each step of its parallelization factor, {min} to {max}"
            ),
            None => aim,
        }
    }
}

/// One minute of a run; loads in shard-minutes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Minute {
    /// Whole for provisioned streams.
    pub capacity: f64,
    pub calls: u8,
    pub fresh: f64,
    pub accepted: f64,
    /// Rejected attempts, repeated ones included.
    pub rejected: f64,
    /// Rejected first attempts: what counts as throttled.
    pub throttled: f64,
    pub lost: f64,
    /// Iterator age in minutes.
    pub age: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The new count serves from this minute on.
    Until(i64),
    /// Done by single splits and merges, outside the daily limit.
    Swept(i64),
    /// AWS would refuse it; asked so many times in a row.
    Refused(Refusal, u32),
}

/// A resize that a policy asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// Minutes since 1970.
    pub minute: i64,
    pub from: u32,
    pub to: u32,
    pub because: String,
    pub outcome: Outcome,
}

/// What happened.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Run {
    /// Minutes since 1970 of the first minute.
    pub start: i64,
    pub minutes: Vec<Minute>,
    pub decisions: Vec<Decision>,
    /// Minutes in which a wish was not followed, by what held it.
    pub held: BTreeMap<Reason, u32>,
    /// What a person had to hear, the last of each kind.
    pub notices: Vec<Notice>,
    /// Calls that AWS would have refused.
    pub refused: u32,
    /// Minutes in which a wish was refused since the day's calls were used up.
    pub blocked_minutes: u32,
    /// Splits and merges.
    pub operations: u64,
    /// Shards closed by them.
    pub closed: u64,
    /// Changes of the parallelization factor of the Lambda function that reads.
    pub factors: Vec<Change>,
}

impl Run {
    /// Keeps what was held back, and what has to be heard.
    fn note(&mut self, proposal: &Proposal) {
        if let Some(reason) = proposal.held {
            *self.held.entry(reason).or_default() += 1;
        }
        for notice in &proposal.notices {
            match self.notices.iter_mut().find(|known| discriminant(*known) == discriminant(notice)) {
                Some(known) => known.clone_from(notice),
                None => self.notices.push(notice.clone()),
            }
        }
    }
}

/// Open shards at the start: the first hour's largest minute at 70 % use.
pub fn first_count(demand: &Demand, bounds: Bounds) -> u32 {
    let hour = demand.load.iter().take(60).copied().fold(0.0, f64::max);
    // A float above the bounds saturates and is cut.
    ((hour / START_USE).ceil() as u32).clamp(bounds.min, bounds.max)
}

/// Runs a policy over the demand. Inside a minute: an action that is due completes, the policy is asked if the stream is
/// ACTIVE and metrics have arrived, the minute is served.
pub fn run(demand: &Demand, policy: &mut dyn Policy, settings: &Settings) -> Run {
    let count = settings.start.unwrap_or_else(|| first_count(demand, settings.bounds));
    let mut stream = Stream::new(count, settings.profile, settings.actuator, settings.calls_a_day, settings.seed);
    let skew = settings.skew.or(settings.lambda.map(|_| Skew::EVEN));
    let mut uneven = skew.map(|skew| Uneven::new(skew, count, settings.burst, settings.seed));
    let mut function = settings.lambda.map(|Lambda { pace, factors }| Function::new(pace, Some(factors)));
    let mut window = Window::new(WINDOW_MINUTES);
    let missing = gaps(demand.load.len(), settings.gaps, settings.seed);
    let (mut inputs, mut spent) = (settings.inputs.clone(), Spent::default());
    // Minutes in which the shards refused reads.
    let mut refused = Vec::new();
    let mut done = Run { start: demand.start, minutes: Vec::with_capacity(demand.load.len()), ..Run::default() };
    for (at, fresh) in demand.load.iter().copied().enumerate() {
        let now = demand.start + at as i64;
        stream.complete(now);
        inputs.budget = settings.money.and_then(|money| spent.left(money, now));
        let mut calls = 0;
        if let Some(visible) = at.checked_sub(1 + settings.metric_delay) {
            if !missing[visible] {
                let (minute, sample) = (demand.start + visible as i64, sample(&done.minutes[visible]));
                window.put(minute, sample);
                function.iter_mut().for_each(|function| function.saw(minute, sample.age));
            }
            if let Some(function) = &mut function {
                let view = view(&stream, &window, now, (settings, &inputs));
                inputs.lambda_first = function.tune(&view, refused[visible]);
            }
            if stream.is_active() {
                calls = u8::from(decide(&mut stream, policy, &window, now, (settings, &inputs), &mut done));
            }
        }
        spent.shard_minutes += f64::from(stream.shards);
        let (served, age) = match &mut uneven {
            Some(shards) => {
                let pace = function.as_mut().map(|function| function.pace(now));
                shards.serve(now, fresh, stream.shards, pace)
            }
            None => stream.serve(fresh, settings.burst),
        };
        refused.push(uneven.as_ref().is_some_and(|shards| shards.reads_refused));
        done.minutes.push(Minute {
            capacity: f64::from(stream.shards),
            calls,
            fresh,
            accepted: served.accepted,
            rejected: served.rejected,
            throttled: served.throttled,
            lost: served.lost,
            age,
        });
    }
    done.operations = stream.operations;
    done.closed = stream.closed;
    done.factors = function.map_or_else(Vec::new, |function| function.changes().to_vec());
    done
}

/// What is shown to whoever decides.
fn view<'a>(stream: &'a Stream, window: &'a Window, now: i64, (settings, inputs): (&Settings, &'a Inputs)) -> View<'a> {
    View {
        now,
        shards: stream.shards,
        window,
        resizes: stream.resizes(),
        calls_a_day: settings.calls_a_day,
        bounds: settings.bounds,
        price: settings.price,
        inputs,
    }
}

/// Asks the policy, and the stream where the policy wants another count. Answers whether a call was accepted.
fn decide(
    stream: &mut Stream,
    policy: &mut dyn Policy,
    window: &Window,
    now: i64,
    (settings, inputs): (&Settings, &Inputs),
    done: &mut Run,
) -> bool {
    let proposal = policy.propose(&view(stream, window, now, (settings, inputs)));
    done.note(&proposal);
    let (from, to) = (stream.shards, proposal.shards.clamp(settings.bounds.min, settings.bounds.max));
    if from == to {
        return false;
    }
    let outcome = match stream.ask(to, now) {
        Answer::Until(end) => Outcome::Until(end),
        Answer::Swept(end) => Outcome::Swept(end),
        Answer::Refused(refusal) => {
            done.refused += 1;
            done.blocked_minutes += u32::from(refusal == Refusal::Budget);
            // Programs that ask again every minute would fill the memory.
            if let Some(last) = done.decisions.last_mut()
                && (last.from, last.to) == (from, to)
                && let Outcome::Refused(before, times) = &mut last.outcome
                && *before == refusal
            {
                *times += 1;
                return false;
            }
            Outcome::Refused(refusal, 1)
        }
    };
    done.decisions.push(Decision { minute: now, from, to, because: proposal.because, outcome });
    matches!(outcome, Outcome::Until(_))
}

/// What the shards of the running month have cost.
#[derive(Debug, Default)]
struct Spent {
    shard_minutes: f64,
    /// The first minute of the next month.
    next: i64,
}

impl Spent {
    fn left(&mut self, money: Money, now: i64) -> Option<Budget> {
        if now >= self.next {
            *self = Self { shard_minutes: 0.0, next: month(now)?.1 };
        }
        Some(money.after(self.shard_minutes, self.next - now))
    }
}

fn sample(minute: &Minute) -> Sample {
    Sample {
        accepted: Some(minute.accepted),
        rejected: Some(minute.rejected),
        age: Some(minute.age),
        ..Sample::default()
    }
}

/// The minutes whose metrics never arrive: runs of 10 to 60 until they make up the share.
fn gaps(minutes: usize, share: f64, seed: u64) -> Vec<bool> {
    let mut missing = vec![false; minutes];
    // The share of a plant that says nothing is bounded, so the loop ends.
    let wanted = (share.clamp(0.0, 0.9) * minutes as f64) as usize;
    let (mut have, mut draw) = (0, 0);
    while have < wanted {
        draw += 1;
        let bits = mix(seed ^ 0x6A70, draw);
        let from = bits as usize % minutes;
        let length = 10 + (bits >> 40) as usize % 51;
        for minute in missing.iter_mut().skip(from).take(length) {
            have += usize::from(!*minute);
            *minute = true;
        }
    }
    missing
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scale::Proposal;

    /// Wants the newest visible load at 70 % use, however far away, and notes what it saw.
    struct Follow {
        seen: Vec<(i64, Option<i64>, u32)>,
    }

    impl Policy for Follow {
        fn name(&self) -> &'static str {
            "follow"
        }

        fn propose(&mut self, view: &View<'_>) -> Proposal {
            let newest = view.window.newest();
            self.seen.push((view.now, newest, view.shards));
            let load = newest.and_then(|minute| view.window.at(minute).accepted).unwrap_or(0.0);
            Proposal::new((load / 0.7).ceil() as u32, format!("{load:.1} at 70 %"))
        }
    }

    fn demand(load: &[f64]) -> Demand {
        Demand { start: 1000, load: load.to_vec(), bytes_per_record: 1024.0 }
    }

    #[test]
    fn metrics_are_visible_two_minutes_after_their_minute_ended() {
        let mut policy = Follow { seen: Vec::new() };
        let run = run(&demand(&[1.4, 1.4, 1.4, 1.4, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0]), &mut policy, &Settings::default());
        // The first hour's largest minute decides the start: ceil(5 / 0.7).
        assert_eq!(run.minutes[0].capacity, 8.0);
        assert_eq!(policy.seen[0], (1003, Some(1000), 8));
        assert_eq!(run.decisions[0].outcome, Outcome::Refused(Refusal::Step, 4), "2 is less than the half of 8");
        assert_eq!((run.refused, run.minutes.iter().filter(|minute| minute.calls > 0).count()), (4, 0));
    }

    #[test]
    fn it_is_asked_only_while_active_and_the_new_count_comes_later() {
        let mut policy = Follow { seen: Vec::new() };
        let settings = Settings { start: Some(4), ..Settings::default() };
        let run = run(&demand(&[4.0; 12]), &mut policy, &settings);
        let counts: Vec<u32> = run.minutes.iter().map(|minute| minute.capacity as u32).collect();
        // 4 to 6 is 6 operations: at most 30 + 60 + 3.6 s.
        assert_eq!(counts, [4, 4, 4, 4, 4, 6, 6, 6, 6, 6, 6, 6]);
        assert_eq!(policy.seen[1], (1005, Some(1002), 6));
        assert_eq!((run.decisions.len(), run.operations), (1, 6));
    }

    #[test]
    fn gaps_make_up_their_share() {
        let missing = gaps(100_000, 0.03, 1);
        let count = missing.iter().filter(|missing| **missing).count();
        assert!((3000..3060).contains(&count), "{count}");
        assert!(gaps(0, 0.0, 1).is_empty());
    }
}
