use super::bound::Missed;
use super::council::{Council, Member, Temper, Vote};
use super::delay::Delay;
use super::demand::{Meter, is_stable, shards_at};
use super::history::{History, Signs};
use super::priors::MEMBERS;
use super::reshard::{Pace, operations, rung};
use super::rule::Rule;
use super::season::{Ahead, Circumstances, Season};
use super::{Evidence, Policy, Proposal, View, read_need};

/// Minutes back that a policy without memory reads when it is asked for the first time.
const CATCH_UP: i64 = 14 * 1440;

/// More new minutes than this at once are those of the past.
const LATELY: i64 = 15;

/// A load that lies no more than this share below another is the same load.
const ALIKE: f64 = 0.06;
/// Above this share of them, so many shards are thought too few for a load that the stream grew under.
const TIGHT: f64 = 0.5;

/// Our own policy: a council of rules, each judged by what its shadow of this very stream would have cost.
#[derive(Clone, Debug)]
pub struct Tidegate {
    members: &'static [Member],
    temper: Temper,
    meter: Meter,
    history: History,
    season: Season,
    signs: Signs,
    council: Option<Council>,
    pace: Pace,
    delay: Delay,
    /// The newest minute that was taken in.
    seen: Option<i64>,
    /// When the newest reshard was called that the pace has learned from.
    paced: i64,
    demand: f64,
    missed: Missed,
    /// When the stream last grew, and the demand when that was seen.
    grown: Option<(i64, f64)>,
}

impl Tidegate {
    /// The elected council. It knows nothing of the stream yet.
    pub fn new() -> Self {
        Self::with(MEMBERS, Temper::default())
    }

    /// A council of one's own.
    pub fn with(members: &'static [Member], temper: Temper) -> Self {
        Self {
            members,
            temper,
            meter: Meter::default(),
            history: History::default(),
            season: Season::default(),
            signs: Signs::default(),
            council: None,
            pace: Pace::default(),
            delay: Delay::default(),
            seen: None,
            paced: i64::MIN,
            demand: 0.0,
            missed: Missed::default(),
            grown: None,
        }
    }

    /// Takes in every minute up to the newest known one. A gap repeats the demand before it; nothing is learned from what has not come.
    fn catch_up(&mut self, view: &View<'_>) {
        for resize in view.resizes {
            if let Some(done) = resize.done.filter(|_| !resize.split && !resize.foreign && resize.called > self.paced) {
                self.pace.saw(operations(resize.from, resize.to), done - resize.called);
                self.paced = resize.called;
            }
        }
        self.meter.shown(view.inputs.hot_keys);
        let (Some(oldest), Some(newest)) = (view.window.oldest(), view.window.newest()) else { return };
        let Some(known) = (oldest..=newest).rev().find(|minute| view.window.at(*minute).accepted.is_some()) else {
            return;
        };
        // Whoever is shown the past learns nothing of how late the present comes.
        if self.seen.is_some_and(|seen| known - seen <= LATELY) {
            self.delay.saw(view.now - known);
        }
        let first = self.seen.map_or(oldest, |seen| seen + 1).max(oldest).max(known - CATCH_UP);
        let (price, delay) = (self.price(view), self.delay.minutes());
        for minute in first..=known {
            let shards = shards_at(minute, view.shards, view.resizes);
            let sample = view.window.at(minute);
            let demand = self.meter.read(sample, shards, is_stable(minute, view.resizes));
            if let Some(demand) = demand {
                self.missed.saw(demand, sample.accepted.unwrap_or(0.0), sample.rejected.unwrap_or(0.0));
                // Without a datapoint for reads nothing is known of them, and writes decide.
                self.demand = read_need(view.window, minute, shards, view.inputs.lambda_first)
                    .map_or(demand, |reads| reads.max(demand));
            }
            let circumstances = Circumstances { pace: &self.pace, delay, price };
            let Ahead { soon, later } = self.season.take(minute, demand.map(|_| self.demand), &circumstances);
            self.signs = Signs { soon, later, ..self.history.take(self.demand) };
            let council = self.council.get_or_insert_with(|| Council::new(self.members, self.temper, shards));
            council.watch(minute, self.demand, &self.signs, view.calls_a_day, (&self.pace, delay));
        }
        self.seen = Some(known.max(self.seen.unwrap_or(known)));
    }

    /// What a rejected record is worth: what the user says, or what keeps the bound.
    fn price(&self, view: &View<'_>) -> f64 {
        view.inputs.bound.map_or(view.price, |bound| self.missed.price(bound))
    }

    /// The council knows one fluid. Where keys are uneven shards lower the rejects long before they are full, and the price decides.
    fn worthwhile(&self, shards: u32, rung: u32, price: f64) -> u32 {
        match self.meter.worth(price) {
            (worth, _) if rung < shards && f64::from(rung) < worth => shards,
            (worth, true) if rung == shards && f64::from(shards) < worth => 2 * shards,
            _ => rung,
        }
    }

    fn note_growth(&mut self, view: &View<'_>) {
        let growth = view.resizes.iter().rev().find(|resize| resize.to > resize.from);
        if let Some(called) =
            growth.map(|resize| resize.called).filter(|at| self.grown.is_none_or(|(known, _)| known != *at))
        {
            // What the clock asked for, the load has not shown to need.
            let under = if self.signs.soon > self.demand { f64::INFINITY } else { self.demand };
            self.grown = Some((called, under));
        }
    }

    /// Whether `fewer` shards were too few for this very load before: the stream grew under it, and nothing new says otherwise.
    /// A higher demand never answers no where a lower one answers yes.
    fn grew_under_this(&self, fewer: u32) -> bool {
        let under = self.grown.map_or(f64::INFINITY, |(_, demand)| demand / (1.0 + ALIKE));
        self.demand >= under && self.demand > TIGHT * f64::from(fewer)
    }
}

impl Default for Tidegate {
    fn default() -> Self {
        Self::new()
    }
}

impl Policy for Tidegate {
    fn name(&self) -> &'static str {
        "tidegate"
    }

    fn propose(&mut self, view: &View<'_>) -> Proposal {
        self.catch_up(view);
        self.note_growth(view);
        let price = self.price(view);
        let (Some(council), Some(seen)) = (self.council.as_mut(), self.seen) else {
            return Proposal::new(view.shards, "no metrics have come yet");
        };
        let used = super::shadow::used_share(view.calls_used(), view.calls_a_day);
        let vote = council.vote(view.now, price, &self.signs, view.shards, used);
        let voted = rung(view.shards, vote.shards);
        let rung = self.worthwhile(view.shards, voted, price);
        let shards = if rung < view.shards && self.grew_under_this(rung) { view.shards } else { rung };
        let evidence = Evidence {
            demand: Some(self.demand),
            usable: Some(self.meter.usable()),
            coming: Some(vote.coming).filter(|coming| *coming > 0.0),
            skewed: self.meter.skewed(),
            more: Some(vote.more),
            fewer: Some(vote.fewer),
        };
        let kept = match rung == view.shards {
            _ if rung != voted => {
                let worth = self.meter.worth(price).0;
                format!(
                    " ({voted} would do for the load, but keys are uneven: what more shards save in rejects is worth {worth:.0})"
                )
            }
            true if vote.shards < view.shards => {
                format!(" ({} would do, but only half is worth a resize)", vote.shards)
            }
            false if shards == view.shards => format!(" ({rung} would do, but under this very load it grew)"),
            _ => String::new(),
        };
        Proposal { evidence, ..Proposal::new(shards, self.reason(view, &vote, (shards, &kept), view.now - seen)) }
    }
}

impl Tidegate {
    /// What the weightiest rule grows for where the load alone is none of its reasons.
    fn sign(&self, vote: &Vote, shards: u32) -> String {
        let signs = if vote.coming > 0.0 { self.signs } else { self.signs.untimed() };
        let (rule, limit) = (&vote.voice, vote.voice.grow_above * f64::from(shards));
        let expected = rule.expected(&signs);
        match self.demand > limit || signs.sustained[rule.sustained] > limit {
            true => String::new(),
            false if expected <= limit => format!(", for rare loads that want {:.0}", rule.floor(&signs).ceil()),
            false if signs.soon >= expected => ", for what comes by the clock".into(),
            false => format!(", for a rise that goes on to {expected:.1}"),
        }
    }

    /// One sentence with its numbers, for whoever is woken by it. `kept`: why it holds although fewer are wanted.
    fn reason(&self, view: &View<'_>, vote: &Vote, (shards, kept): (u32, &str), old: i64) -> String {
        let load = self.demand;
        let usable = match (self.meter.usable() * 100.0).round() {
            100.0 => String::new(),
            usable => format!(" (only {usable:.0} % of a shard is usable: bursts inside the minute)"),
        };
        let usable = match self.meter.skewed() {
            Some(share) => format!(" ({:.0} % of attempts rejected whatever the shards: hot keys)", share * 100.0),
            None => usable,
        };
        let (used, all) = (view.calls_used(), view.calls_a_day);
        let this = match used < all {
            true => format!("call {} of {all} in 24 h", used + 1),
            false => format!("none of {all} calls left in 24 h"),
        };
        let coming =
            if vote.coming > load { format!(", {:.1} to come by the clock", vote.coming) } else { String::new() };
        let now = format!(
            "demand {load:.1} of {} shards, {:.0} %{usable}, {old} min old{coming}",
            view.shards,
            100.0 * load / f64::from(view.shards),
        );
        let rule = Told { rule: &vote.voice, weight: vote.weight };
        // A sum of shares can end a hair below zero, and nobody reads "-0 %".
        let side =
            |share: f64, word: &str| format!("{:.0} % of the trust wants {word}", (share * 100.0).max(0.0) + 0.0);
        match shards.cmp(&view.shards) {
            std::cmp::Ordering::Equal => format!(
                "{now}: hold, {} and {}{kept}; {rule}; {} of {all} calls left in 24 h",
                side(vote.more, "more"),
                side(vote.fewer, "fewer"),
                all.saturating_sub(used),
            ),
            std::cmp::Ordering::Greater => {
                let why = if kept.is_empty() { self.sign(vote, view.shards) } else { kept.to_owned() };
                format!("{now}: grow to {shards}, {}{why}; {rule}; {this}", side(vote.more, "more"))
            }
            std::cmp::Ordering::Less => {
                format!("{now}: shrink to {shards}, {}; {rule}; {this}", side(vote.fewer, "fewer"))
            }
        }
    }
}

struct Told<'a> {
    rule: &'a Rule,
    weight: f64,
}

impl std::fmt::Display for Told<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "the weightiest rule of that mind ({:.0} %): {}", self.weight * 100.0, self.rule)
    }
}
