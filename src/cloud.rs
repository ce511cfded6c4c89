//! The one door to the world: everything that plan, apply and the controller do to a cloud goes through [`Cloud`].
//!
//! Two real implementations: `aws::Aws` (the SDKs) and `local::Local` (an embedded cloud with a virtual clock).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::BoxFuture;

use crate::model::{
    Address, Call, Deliveries, FanOut, Glance, IteratorAges, Made, Mapping, Observed, OpenShard, Quotas, Readings,
    Schema, Scope, State, Value,
};

/// What to look at or to change.
#[derive(Clone)]
pub struct Target {
    pub address: Address,
    pub schema: &'static Schema,
    pub scope: Scope,
    /// Its name in AWS, in the form that the kind understands.
    pub physical: String,
    /// Outputs known from an earlier look (`id`, `arn`), for kinds whose ids AWS assigns.
    pub outputs: BTreeMap<String, String>,
    /// Its tags as a listing told them. Who looks believes them instead of asking for each resource's; `None`: ask.
    pub listed: Option<Tags>,
}

/// Tags of a resource, by key.
pub type Tags = BTreeMap<String, String>;

impl Target {
    /// The tags that a listing told, as an attribute holds them.
    pub fn listed_values(&self) -> Option<BTreeMap<String, Value>> {
        let values = |tags: &Tags| tags.iter().map(|(key, value)| (key.clone(), Value::text(value))).collect();
        self.listed.as_ref().map(values)
    }

    /// Its ARN: the one AWS told, else the one that follows from the name.
    pub fn arn(&self) -> String {
        let told = self.outputs.get("arn").cloned();
        told.or_else(|| self.schema.arn.map(|template| self.scope.fill(template, &self.physical))).unwrap_or_default()
    }
}

/// A resource that was listed, not observed: one that carries the pipeline's tags, or one that reads a stream.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim {
    pub address: Address,
    pub physical: String,
}

/// What the cloud could list, and what it could not.
#[derive(Clone, Debug, Default)]
pub struct Claims {
    pub found: Vec<Claim>,
    /// The tags of some of them. A listing may be minutes behind, so they are a hint.
    pub tags: BTreeMap<Claim, Tags>,
    /// One sentence for each listing that failed: resources may be missing.
    pub blind: Vec<String>,
}

/// One page of a listing of streams.
#[derive(Clone, Debug, Default)]
pub struct Listed {
    /// The tags of streams, by their names in AWS. A listing may be minutes behind and lack some, so they are a hint.
    pub tags: BTreeMap<String, Tags>,
    /// Where the next page begins; `None` on the last one.
    pub next: Option<String>,
}

/// How much one question takes at most, so that who asks for more can ask in pieces and lose no more than one that is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AtOnce {
    /// Streams whose metrics of the same minutes are read.
    pub streams: usize,
    /// Fan-out consumers whose metrics are read.
    pub consumers: usize,
    /// Alarms whose states are read.
    pub alarms: usize,
}

/// Who is calling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    pub account: String,
    pub partition: String,
    pub region: String,
    /// The caller's ARN, for messages.
    pub arn: String,
}

/// What the caller should do about a failure. AWS's errors are sorted into these once, in `aws::errors`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Class {
    /// The resource is not there.
    Absent,
    /// The name is taken.
    Exists,
    /// Another change of the resource is under way: wait until it has settled, then try again.
    Busy,
    /// Too many calls: slow down, then try again.
    Throttled,
    /// Something made a moment ago is not visible everywhere yet (IAM): try again for a while.
    NotYet,
    /// The caller lacks a permission.
    Denied { action: String },
    /// AWS says no, and will say no again.
    Refused,
    /// AWS takes nothing from this caller any more: credentials that have expired, a clock that is wrong. No other call fares better.
    Caller,
    /// The endpoint does not know the operation.
    Unsupported,
    /// No answer: the effect may or may not have taken place.
    Unreachable,
    /// AWS was not asked, since another replica may act by now.
    Unsent,
}

/// A failure of the world. The message says what we were doing; the cause stays below; `help` says what to do next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{doing}: {message}")]
pub struct Fault {
    pub class: Class,
    /// "creating stream clicks (kinesis:CreateStream)"
    pub doing: String,
    /// AWS's error code, or our own slug.
    pub code: String,
    /// AWS's words, shortened and without control characters.
    pub message: String,
    pub help: Option<String>,
}

impl Fault {
    pub fn new(class: Class, doing: impl Into<String>, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { class, doing: doing.into(), code: code.into(), message: message.into(), help: None }
    }

    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// As many of its kind are being created as AWS creates at once, where it has such a limit.
    pub fn is_full(&self) -> bool {
        self.class == Class::Throttled && self.code == "LimitExceededException"
    }

    pub fn is_absent(&self) -> bool {
        self.class == Class::Absent
    }
}

/// Outputs that AWS assigned in answer to a call: `arn`, `id`.
pub type Outputs = BTreeMap<String, String>;

/// A cloud that can be looked at and changed.
pub trait Cloud: Send + Sync {
    /// Who calls, and where.
    fn caller(&self) -> BoxFuture<'_, Result<Caller, Fault>>;

    /// Looks at one resource. Never fails: what cannot be read is `Unreadable`.
    fn observe<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Observed>;

    /// How many resources of this kind one look takes.
    fn looks_at_once(&self, _schema: &'static Schema) -> usize {
        1
    }

    /// Looks at several resources of one kind; the answers stand in their order.
    fn observe_all<'a>(&'a self, targets: &'a [Target]) -> BoxFuture<'a, Vec<Observed>> {
        Box::pin(async move {
            let mut seen = Vec::with_capacity(targets.len());
            for target in targets {
                seen.push(self.observe(target).await);
            }
            seen
        })
    }

    /// The cheapest look that tells whether the resource has settled; absent is `Err` of class `Absent`.
    fn state<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<State, Fault>>;

    /// What carries the tags of this pipeline, wanted or not. Names that are `wanted`, by address, will be observed anyhow, and
    /// so may be left out where each costs a call.
    fn owned<'a>(&'a self, scope: &'a Scope, wanted: &'a BTreeMap<Address, String>) -> BoxFuture<'a, Claims>;

    /// The tags of what carries this pipeline's, as far as one listing tells them. It may be minutes behind and lack some, so they are a
    /// hint. A cloud that answers each look's tags at once has none to tell.
    fn listed<'a>(&'a self, _scope: &'a Scope) -> BoxFuture<'a, Result<BTreeMap<Claim, Tags>, Fault>> {
        Box::pin(async { Ok(BTreeMap::new()) })
    }

    /// What reads this resource, ours or not: consumers and delivery streams of a stream. Empty for all other kinds.
    /// A look of its own, since it can take many calls and is needed before a deletion and for an import only.
    fn readers<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<Vec<Claim>, Fault>>;

    /// The quotas of the account that resources of these kinds count against. A cloud that knows none answers none.
    fn quotas<'a>(&'a self, kinds: &'a BTreeSet<&'a str>) -> BoxFuture<'a, Result<Quotas, Fault>>;

    /// The calls of these operations (`UpdateShardCount`) that anybody made on any stream since then, in seconds since 1970, as far
    /// as the cloud's own log knows. A cloud without a log answers none.
    fn made<'a>(&'a self, operations: &'a BTreeSet<&'a str>, since: i64) -> BoxFuture<'a, Result<Vec<Made>, Fault>>;

    /// Makes one mutating call. References in it are resolved before. Answers the outputs that AWS assigned.
    fn perform<'a>(&'a self, target: &'a Target, call: &'a Call) -> BoxFuture<'a, Result<Outputs, Fault>>;

    /// The cheapest look at a stream that sizing can work with; with `tags` one call more.
    fn glance<'a>(&'a self, target: &'a Target, tags: bool) -> BoxFuture<'a, Result<Glance, Fault>>;

    /// The open shards of a stream; with `loads` also what each took in the newest minute that CloudWatch knows of, which is
    /// nothing where its shard metrics are off.
    fn open_shards<'a>(&'a self, target: &'a Target, loads: bool) -> BoxFuture<'a, Result<Vec<OpenShard>, Fault>>;

    /// The tags of the streams that carry this pipeline's, page by page: `after` is where the page before said that the next one begins.
    /// A cloud that answers each look's tags at once has none to tell.
    fn stream_tags<'a>(&'a self, _scope: &'a Scope, _after: Option<String>) -> BoxFuture<'a, Result<Listed, Fault>> {
        Box::pin(async { Ok(Listed::default()) })
    }

    /// How much one question for so many minutes of metrics, or for alarms, takes.
    fn at_once(&self, _minutes: i64) -> AtOnce {
        AtOnce { streams: 1000, consumers: 1000, alarms: 1000 }
    }

    /// The metrics of streams (names in AWS) for minutes since 1970 from `from` to `to` (exclusive), in as few calls as AWS
    /// allows. Never fails as a whole: a batch that fails leaves its own streams blind.
    fn readings<'a>(&'a self, streams: &'a [String], from: i64, to: i64) -> BoxFuture<'a, Readings>;

    /// The same for fan-out consumers. A cloud that has no metrics of theirs answers none.
    fn deliveries<'a>(&'a self, _consumers: &'a [FanOut], _from: i64, _to: i64) -> BoxFuture<'a, Deliveries> {
        Box::pin(async { Deliveries::default() })
    }

    /// The event source mapping by which a Lambda function (a name or an ARN) reads a stream; none is `Err` of class `Absent`. `uuid`:
    /// the mapping's, where it is known, which spares the search. A cloud without Lambda supports none.
    fn mapping<'a>(
        &'a self,
        target: &'a Target,
        function: &'a str,
        _uuid: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Mapping, Fault>> {
        let doing = format!("reading how {function} reads stream {}", target.physical);
        Box::pin(async { Err(Fault::new(Class::Unsupported, doing, "NoLambda", "this cloud has no Lambda functions")) })
    }

    /// How old the records are that Lambda functions are given (AWS/Lambda IteratorAge), for minutes since 1970 from `from` to `to`
    /// (exclusive). A cloud that has no such metric answers none.
    fn iterator_ages<'a>(&'a self, _functions: &'a [String], _from: i64, _to: i64) -> BoxFuture<'a, IteratorAges> {
        Box::pin(async { IteratorAges::default() })
    }

    /// Which of these alarms (names in AWS) are in state ALARM.
    fn ringing<'a>(&'a self, alarms: &'a [String]) -> BoxFuture<'a, Result<BTreeSet<String>, Fault>>;

    /// Seconds since 1970 by this cloud's clock.
    fn now(&self) -> i64;

    /// Lets time pass: real seconds on AWS, virtual ones on the local cloud.
    fn pause(&self, time: Duration) -> BoxFuture<'_, ()>;
}
