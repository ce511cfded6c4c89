//! What a step was planned from and what it sets, against what is there: whether somebody else changed it meanwhile.

use crate::cloud::{Class, Fault, Target};
use crate::model::{
    Attrs, Call, Change, Compare, Effect, Field, LEDGER, PAUSED, PIN, Ref, Resource, Schema, Value, secret,
};
use crate::plan::Step;

/// Longer values are not told: a policy in a message says less than its name.
const MOST_TOLD: usize = 80;

/// One field that a step changes.
#[derive(Clone)]
pub(super) struct Expected {
    field: &'static Field,
    /// What it was planned from; `None` where there was nothing.
    from: Option<Value>,
    to: Value,
    /// What its calls set on the way, for fields that are changed in several steps.
    on_the_way: Vec<Value>,
}

/// The fields that a step changes, with references replaced by what is known; what rests on something unknown is left out.
pub(super) fn of(step: &Step, schema: &Schema, find: &dyn Fn(&Ref) -> Option<String>) -> Vec<Expected> {
    let expected = step.changes.iter().filter_map(|change| {
        let field = schema.field(&change.field)?;
        if matches!(field.change, Change::Delegated | Change::Fixed) {
            return None;
        }
        let to = change.after.as_ref()?.resolved(find);
        let mut unknown = Vec::new();
        to.refs(&mut unknown);
        if !unknown.is_empty() {
            return None;
        }
        // What is made has nothing before it, also where it takes the place of something.
        let from = if super::step::creates(step) { None } else { change.before.clone() };
        let on_the_way = step.calls.iter().filter_map(|call| call.set.get(field.name).cloned()).collect();
        Some(Expected { field, from, to, on_the_way })
    });
    expected.collect()
}

impl Expected {
    /// The name of its field.
    pub fn name(&self) -> &'static str {
        self.field.name
    }

    /// What somebody else made of it before it was set: neither what it was planned from nor what is to be.
    pub fn overtaken(&self, live: &Attrs) -> Option<String> {
        let default = self.field.default.map(|default| default());
        let seen = live.get(self.name()).or(default.as_ref());
        if let Compare::Tags { .. } = self.field.compare {
            return self.other_tag(seen?, true);
        }
        let from = self.from.as_ref().or(default.as_ref());
        let as_it_was = match (from, seen) {
            (Some(from), Some(seen)) => self.field.compare.same(from, seen),
            // What several calls make stands there without what the later ones set.
            (None, seen) => seen.is_none_or(Value::is_empty),
            (Some(_), None) => false,
        };
        // Bounds say what the controller may make of it, and not what this plan's call was made for.
        let whole = (self.field.compare != Compare::Within).then_some(&self.to);
        let is_there = |to: &Value| seen.is_some_and(|seen| self.field.compare.same(to, seen));
        let fits = as_it_was || whole.into_iter().chain(&self.on_the_way).any(is_there);
        (!fits).then(|| changed(self.name(), from, seen))
    }

    /// What somebody else made of it after it was set.
    pub fn lost(&self, live: &Attrs) -> Option<String> {
        let default = self.field.default.map(|default| default());
        let seen = live.get(self.name()).or(default.as_ref());
        match seen {
            Some(seen) if self.field.compare.same(&self.to, seen) => None,
            Some(seen) if matches!(self.field.compare, Compare::Tags { .. }) => self.other_tag(seen, false),
            // What an endpoint never tells says nothing.
            None if self.from.is_none() => None,
            _ => Some(changed(self.name(), Some(&self.to), seen)),
        }
    }

    /// A tag of this pipeline that is not as it should be; with `or_before` as it was is as good. Tags of others are theirs.
    fn other_tag(&self, seen: &Value, or_before: bool) -> Option<String> {
        let before = self.from.as_ref().filter(|_| or_before);
        let wanted = self.to.as_map().into_iter().flatten().map(|(key, _)| key.clone());
        let keys = wanted.chain(crate::model::dropped_tags(seen, &self.to));
        let moved = keys.filter(|key| ![LEDGER, PAUSED, PIN].contains(&key.as_str())).find(|key| {
            let now = seen.get(key);
            let as_it_was = before.is_some_and(|before| before.get(key) == now);
            // A creating call whose tags were forgotten has them repeated.
            let forgotten = or_before && before.is_none() && now.is_none();
            now != self.to.get(key) && !as_it_was && !forgotten
        })?;
        let from = if or_before { before.and_then(|tags| tags.get(&moved)) } else { self.to.get(&moved) };
        Some(changed(&format!("{}.{moved}", self.name()), from, seen.get(&moved)))
    }
}

/// "changed tags.team from web to data", without secrets and without whole documents.
fn changed(name: &str, from: Option<&Value>, seen: Option<&Value>) -> String {
    let told = |value: Option<&Value>| match value {
        None => Some("nothing".to_owned()),
        Some(_) if secret::is_name(name) => Some(secret::HIDDEN.to_owned()),
        Some(value) => {
            let text = value.as_text().map_or_else(|| value.to_json().to_string(), str::to_owned);
            let text: String = secret::hide(&text).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            (text.chars().count() <= MOST_TOLD).then_some(text)
        }
    };
    let change = told(from).zip(told(seen));
    let name = secret::hide_name(name);
    match change {
        Some((from, seen)) if from != seen => format!("changed {name} from {from} to {seen}"),
        _ => format!("changed {name}"),
    }
}

/// Somebody else did something to what a step changes.
pub(super) fn fault(target: &Target, what: &str) -> Fault {
    let doing = format!("changing {}", target.address);
    Fault::new(Class::Refused, doing, "Overtaken", format!("somebody else {what} meanwhile"))
        .help("plan again: it may no longer be needed")
}

/// An earlier attempt whose answer was lost may have brought about what the call sets; asking again is then refused.
pub(super) fn is_so(target: &Target, call: &Call, live: &Resource) -> bool {
    let holds = |(name, value): (&String, &Value)| {
        let Some(field) = target.schema.field(name) else { return false };
        let default = field.default.map(|default| default());
        let Some(seen) = live.attrs.get(name).or(default.as_ref()) else { return false };
        match (field.compare, value.as_map()) {
            // The call holds only the tags that it writes.
            (Compare::Tags { .. }, Some(tags)) => tags.iter().all(|(key, tag)| seen.get(key) == Some(tag)),
            _ => field.compare.same(value, seen),
        }
    };
    let sets = !call.set.is_empty() || !call.drop_tags.is_empty();
    sets && call.set.iter().all(holds) && call.drop_tags.iter().all(|key| live.tag(key).is_none())
}

/// The counts that a call was planned to change, and what it was planned from.
pub(super) fn counts(call: &Call) -> impl Iterator<Item = (&String, &Value)> {
    let sets = call.effect == Effect::Set;
    call.from.iter().filter(move |(_, from)| sets && matches!(from, Value::Int(_)))
}

/// While a call had to wait, somebody else, such as the controller, may have set the very same field. What the plan was made of is no more, so
/// that the call would take back what it knows nothing of. Counts alone: a step may set another field by several calls, each from the same value.
pub(super) fn not_overtaken(target: &Target, call: &Call, live: &Resource) -> Result<(), Fault> {
    for (name, from) in counts(call) {
        if let (Some(field), Some(seen), Some(to)) =
            (target.schema.field(name), live.attrs.get(name), call.set.get(name))
            && !field.compare.same(from, seen)
            && !field.compare.same(to, seen)
        {
            return Err(fault(target, &changed(name, Some(from), Some(seen))));
        }
    }
    Ok(())
}
