//! The real cloud: clients, rates, retries and errors. Every call of every kind goes through [`Aws::call`].

mod bounded;
mod call;
mod clients;
mod errors;
mod functions;
mod history;
pub mod http;
mod notify;
mod owned;
mod parts;
mod patience;
mod rates;
mod readings;
mod silence;
mod surroundings;
pub mod table;
mod trail;
mod trust;
mod wake;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::BoxFuture;

pub use call::{Fence, fenced};
pub use clients::{Aws, Connect};
pub use errors::of_the_caller;
pub use history::Writes;
pub use owned::unended;
pub use patience::{Late, within};

use crate::cloud::{AtOnce, Caller, Claim, Claims, Class, Cloud, Fault, Listed, Outputs, Tags, Target};
use crate::kinds;
use crate::model::{
    Address, Call, Deliveries, FanOut, Glance, IteratorAges, Made, Mapping, Observed, OpenShard, Quotas, Readings,
    Resource, Schema, Scope, State,
};

impl Cloud for Aws {
    fn caller(&self) -> BoxFuture<'_, Result<Caller, Fault>> {
        Box::pin(self.identity())
    }

    fn observe<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Observed> {
        Box::pin(async move { seen(kinds::of(target.schema).observe(self, target).await) })
    }

    fn looks_at_once(&self, schema: &'static Schema) -> usize {
        kinds::of(schema).looks_at_once()
    }

    fn observe_all<'a>(&'a self, targets: &'a [Target]) -> BoxFuture<'a, Vec<Observed>> {
        Box::pin(async move {
            let Some(first) = targets.first() else { return Vec::new() };
            let answers = kinds::of(first.schema).observe_all(self, targets).await;
            answers.into_iter().map(seen).collect()
        })
    }

    fn state<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<State, Fault>> {
        kinds::of(target.schema).state(self, target)
    }

    fn owned<'a>(&'a self, scope: &'a Scope, wanted: &'a BTreeMap<Address, String>) -> BoxFuture<'a, Claims> {
        Box::pin(owned::list(self, scope, wanted))
    }

    fn listed<'a>(&'a self, scope: &'a Scope) -> BoxFuture<'a, Result<BTreeMap<Claim, Tags>, Fault>> {
        Box::pin(owned::listed(self, scope))
    }

    fn readers<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<Vec<Claim>, Fault>> {
        kinds::of(target.schema).readers(self, target)
    }

    fn quotas<'a>(&'a self, kinds: &'a BTreeSet<&'a str>) -> BoxFuture<'a, Result<Quotas, Fault>> {
        Box::pin(async move {
            let mut quotas = Quotas::new();
            for kind in kinds.iter().filter_map(|kind| kinds::named(kind)) {
                match kind.quotas(self).await {
                    Ok(more) => quotas.extend(more),
                    // An emulator without quotas has none to exceed.
                    Err(fault) if fault.class == Class::Unsupported && self.custom_endpoint => {}
                    Err(fault) => return Err(fault),
                }
            }
            Ok(quotas)
        })
    }

    fn made<'a>(&'a self, operations: &'a BTreeSet<&'a str>, since: i64) -> BoxFuture<'a, Result<Vec<Made>, Fault>> {
        Box::pin(async move {
            match self.trail(operations, since).await {
                // An emulator has no log of its own.
                Err(fault) if fault.class == Class::Unsupported && self.custom_endpoint => Ok(Vec::new()),
                answer => answer,
            }
        })
    }

    fn perform<'a>(&'a self, target: &'a Target, call: &'a Call) -> BoxFuture<'a, Result<Outputs, Fault>> {
        Box::pin(async move {
            tracing::info!(address = %target.address, operation = call.operation, "call");
            kinds::of(target.schema).perform(self, target, call).await
        })
    }

    fn glance<'a>(&'a self, target: &'a Target, tags: bool) -> BoxFuture<'a, Result<Glance, Fault>> {
        Box::pin(kinds::stream::glance(self, target, tags))
    }

    fn open_shards<'a>(&'a self, target: &'a Target, loads: bool) -> BoxFuture<'a, Result<Vec<OpenShard>, Fault>> {
        Box::pin(kinds::stream::open_shards(self, target, loads))
    }

    fn stream_tags<'a>(&'a self, scope: &'a Scope, after: Option<String>) -> BoxFuture<'a, Result<Listed, Fault>> {
        Box::pin(async move {
            match owned::streams(self, scope, after).await {
                // An emulator without the tagging API: each look asks for its stream's tags.
                Err(fault) if fault.class == Class::Unsupported && self.custom_endpoint => Ok(Listed::default()),
                answer => answer,
            }
        })
    }

    fn at_once(&self, minutes: i64) -> AtOnce {
        readings::at_once(minutes)
    }

    fn readings<'a>(&'a self, streams: &'a [String], from: i64, to: i64) -> BoxFuture<'a, Readings> {
        Box::pin(self.read_metrics(streams, from, to))
    }

    fn deliveries<'a>(&'a self, consumers: &'a [FanOut], from: i64, to: i64) -> BoxFuture<'a, Deliveries> {
        Box::pin(self.read_deliveries(consumers, from, to))
    }

    fn mapping<'a>(
        &'a self,
        target: &'a Target,
        function: &'a str,
        uuid: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Mapping, Fault>> {
        Box::pin(kinds::stream::mapping(self, target, function, uuid))
    }

    fn iterator_ages<'a>(&'a self, functions: &'a [String], from: i64, to: i64) -> BoxFuture<'a, IteratorAges> {
        Box::pin(self.read_iterator_ages(functions, from, to))
    }

    fn ringing<'a>(&'a self, alarms: &'a [String]) -> BoxFuture<'a, Result<BTreeSet<String>, Fault>> {
        Box::pin(self.read_alarms(alarms))
    }

    fn now(&self) -> i64 {
        jiff::Timestamp::now().as_second()
    }

    fn pause(&self, time: Duration) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(time))
    }
}

fn seen(answer: Result<Option<Resource>, Fault>) -> Observed {
    match answer {
        Ok(Some(resource)) => Observed::Present(Box::new(resource)),
        Ok(None) => Observed::Absent,
        Err(fault) if fault.is_absent() => Observed::Absent,
        // Credentials that have ended and a wrong clock are mended here, not at the resource.
        Err(Fault { class: Class::Refused | Class::Caller, help: Some(help), doing, message, .. }) => {
            Observed::Unreadable(format!("{doing}: {message}; {help}"))
        }
        Err(fault) => Observed::Unreadable(fault.to_string()),
    }
}

/// A call that this build of a kind does not know: a plan made by another version, or a mistake of ours.
pub fn unknown_call(target: &Target, call: &Call) -> Fault {
    Fault::new(
        Class::Unsupported,
        format!("changing {}", target.address),
        "UnknownCall",
        format!("this version of tidegate does not know {} on a {}", call.operation, target.schema.title),
    )
    .help("make the plan again with this version")
}
