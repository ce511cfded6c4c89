//! Lambda functions that read streams of the local cloud, and their event source mappings.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::limits::Refusal;
use super::readings::visible;
use super::world::{Moving, STREAM, World};
use crate::cloud::{Class, Target};
use crate::model::{Call, IteratorAges, Mapping, PARALLELIZATION};

/// Seconds until a changed mapping is Enabled again (a model: AWS says that it takes up to a minute or so).
const UPDATE_SECONDS: i64 = 45;

/// A function that reads a stream. All readers of a stream are at the same place, that of the slowest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Function {
    name: String,
    /// Records of one shard that it gets done in a second for each step of its factor.
    pub pace: f64,
    factor: u32,
    /// The factor that comes, and when: seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next: Option<(i64, u32)>,
}

impl Function {
    /// A new mapping has AWS's default, factor 1. `pace`: records of one shard that it gets done in a second for each step of it.
    pub fn new(name: &str, pace: f64) -> Self {
        Self { name: last_part(name).into(), pace, factor: *PARALLELIZATION.start(), next: None }
    }

    pub fn is_named(&self, name: &str) -> bool {
        last_part(name) == self.name
    }

    fn uuid(&self, stream: &str) -> String {
        format!("{stream}/{}", self.name)
    }

    fn mapping(&self, stream: &str) -> Mapping {
        let state = if self.next.is_some() { "Updating" } else { "Enabled" };
        Mapping { uuid: self.uuid(stream), factor: self.factor, state: state.into() }
    }
}

/// The name in an ARN, with or without an alias.
fn last_part(function: &str) -> &str {
    function.split(':').nth(6).unwrap_or(function)
}

/// Lets time pass up to `now` (seconds since 1970): what was asked for is in effect.
pub fn settle(functions: &mut [Function], now: i64) {
    for function in functions {
        if let Some((_, factor)) = function.next.take_if(|(at, _)| *at <= now) {
            function.factor = factor;
        }
    }
}

/// Records of one shard that the slowest function gets done in a second; `None` where no function reads.
pub fn pace(functions: &[Function]) -> Option<f64> {
    functions.iter().map(|function| function.pace * f64::from(function.factor)).reduce(f64::min)
}

/// What ListEventSourceMappings would answer.
pub fn mapping(world: &mut World, moving: &Moving, target: &Target, function: &str) -> Result<Mapping, Refusal> {
    world.state(moving, target)?;
    let stream = world.item(STREAM, &target.physical).and_then(|item| item.stream.as_ref());
    let found = stream.and_then(|stream| stream.functions.iter().find(|of| of.is_named(function)));
    found.map(|found| found.mapping(&target.physical)).ok_or_else(|| {
        let message = format!("{function} has no event source mapping to stream {}", target.physical);
        Refusal::new(Class::Absent, "ResourceNotFoundException", message)
    })
}

/// UpdateEventSourceMapping.
pub fn update(functions: &mut [Function], stream: &str, call: &Call, now: i64) -> Result<(), Refusal> {
    let uuid = call.text("uuid").unwrap_or_default();
    let Some(function) = functions.iter_mut().find(|function| function.uuid(stream) == uuid) else {
        let message = format!("the event source mapping {uuid} does not exist");
        return Err(Refusal::new(Class::Absent, "ResourceNotFoundException", message));
    };
    let factor = call.int("parallelizationFactor").and_then(|factor| u32::try_from(factor).ok());
    let factor = factor.filter(|factor| PARALLELIZATION.contains(factor));
    let factor = factor.ok_or_else(|| Refusal::invalid("ParallelizationFactor is 1 to 10"))?;
    if function.next.is_some() {
        return Err(Refusal::in_use(format!("the event source mapping {uuid} is Updating")));
    }
    function.next = Some((now + UPDATE_SECONDS, factor));
    Ok(())
}

/// Lambda's metric IteratorAge, which has a datapoint only where the function was invoked.
pub fn ages(world: &World, moving: &Moving, functions: &[String], minutes: Range<i64>) -> IteratorAges {
    let mut all = IteratorAges::default();
    for name in functions {
        let mut found = std::collections::BTreeMap::new();
        let read = world.streams().filter(|(_, _, stream)| stream.functions.iter().any(|of| of.is_named(name)));
        for (_, _, stream) in read {
            for minute in visible(stream, moving, minutes.clone()).filter(|minute| minute.read.records > 0.0) {
                let age = found.entry(minute.minute).or_insert(0.0);
                *age = minute.age_ms.unwrap_or_default().max(*age).round();
            }
        }
        all.found.insert(name.clone(), found.into_iter().collect());
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Effect, Value};

    #[test]
    fn a_factor_takes_a_while_and_is_aws_s() {
        let mut all = [Function::new("enrich", 100.0), Function::new("store", 500.0)];
        let call = |uuid: &str, factor: i64| {
            let call = Call::new(Effect::Set, "lambda:UpdateEventSourceMapping").with("uuid", Value::text(uuid));
            call.with("parallelizationFactor", Value::Int(factor))
        };
        let mut update = |call: &Call, now| update(&mut all, "clicks", call, now).map_err(|refusal| refusal.code);
        assert_eq!(update(&call("clicks/enrich", 11), 0), Err("InvalidArgumentException"));
        assert_eq!(update(&call("clicks/nobody", 2), 0), Err("ResourceNotFoundException"));
        assert_eq!(update(&call("clicks/enrich", 4), 0), Ok(()));
        assert_eq!(update(&call("clicks/enrich", 5), 1), Err("ResourceInUseException"));
        assert_eq!(all[0].mapping("clicks").state, "Updating");
        assert_eq!((pace(&all), pace(&[])), (Some(100.0), None));
        settle(&mut all, UPDATE_SECONDS);
        assert_eq!((pace(&all), all[0].mapping("clicks").factor), (Some(400.0), 4));
        assert!(all[0].is_named("arn:aws:lambda:eu-west-1:123456789012:function:enrich:live"));
        assert!(!all[0].is_named("arn:aws:lambda:eu-west-1:123456789012:function:enrich2"));
    }
}
