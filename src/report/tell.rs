//! What a plan says, without how it looks: read by the reports for people.

use std::collections::BTreeSet;

use super::excerpt::clean;
use super::summary::{UNSEEN, difference};
use super::value::{duration, number_word, show, show_field};
use crate::model::{Address, Call, Effect, RESOURCE, Value};
use crate::plan::{FieldChange, Held, Plan, Reason, Step, Verb};

/// One resource's story: both halves of a replacement are one.
pub(super) struct Told<'a> {
    pub verb: Verb,
    pub address: &'a Address,
    /// The name in AWS where it says more than the address.
    pub named: Option<String>,
    /// Why, where the verb does not say it.
    pub because: Option<String>,
    pub fields: Vec<ToldField>,
    /// `flag: why`
    pub risks: Vec<(String, String)>,
    pub seconds: u32,
}

/// One field's story.
pub(super) struct ToldField {
    pub name: String,
    /// Set where the change is told as `before → after`.
    pub before: Option<String>,
    pub after: String,
    /// A second line: how AWS gets there.
    pub note: Option<String>,
}

impl ToldField {
    /// `7d → 24h`, or what the field becomes.
    pub fn text(&self) -> String {
        match &self.before {
            Some(before) => format!("{before} → {}", self.after),
            None => self.after.clone(),
        }
    }
}

/// The symbol of a verb, readable without colour.
pub(super) fn symbol(verb: Verb) -> &'static str {
    match verb {
        Verb::Create => "+",
        Verb::Update => "~",
        Verb::Replace => "-/+",
        Verb::Adopt => "^",
        Verb::Delete => "-",
    }
}

/// The verb as a word.
pub(super) fn word(verb: Verb) -> &'static str {
    match verb {
        Verb::Create => "create",
        Verb::Update => "update",
        Verb::Replace => "replace",
        Verb::Adopt => "adopt",
        Verb::Delete => "delete",
    }
}

/// Why something is held, in two or three words.
pub(super) fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::Foreign => "not ours",
        Reason::Protected => "protected",
        Reason::Retained => "kept",
        Reason::DataLoss => "would lose data",
        Reason::Quota => "AWS limit",
        Reason::NotChecked => "not checked",
        Reason::InUse => "in use",
        Reason::Missing => "missing",
        Reason::Waiting => "waiting",
    }
}

/// Obstacles first, in the order in which they were found; what was asked to stay comes last.
pub(super) fn held(plan: &Plan) -> Vec<&Held> {
    let mut held: Vec<&Held> = plan.held.iter().collect();
    held.sort_by_key(|held| (!held.reason.is_obstacle(), held.reason == Reason::Retained));
    held
}

/// The steps of a plan, each resource once, where its last step stands.
pub(super) fn steps<'a>(plan: &'a Plan) -> Vec<Told<'a>> {
    let recreated: BTreeSet<&Address> =
        plan.steps.iter().filter(|step| is_half(step, Effect::Create)).map(|step| &step.address).collect();
    let (mut deletions, rest): (Vec<&'a Step>, Vec<&'a Step>) =
        plan.steps.iter().partition(|step| is_half(step, Effect::Delete) && recreated.contains(&step.address));
    let tell = |step: &'a Step| {
        let at = deletions.iter().position(|half| half.address == step.address);
        told(step, at.map(|at| deletions.swap_remove(at)))
    };
    rest.into_iter().map(tell).collect()
}

fn is_half(step: &Step, effect: Effect) -> bool {
    step.verb == Verb::Replace && step.calls.iter().any(|call| call.effect == effect)
}

fn told<'a>(step: &'a Step, other_half: Option<&'a Step>) -> Told<'a> {
    let physical = clean(&step.physical);
    let because = match step.verb {
        Verb::Update => renamed(step),
        Verb::Create => None,
        // The risk says it.
        Verb::Replace if step.risks.iter().any(|risk| risk.flag == "replacement") => None,
        Verb::Replace | Verb::Adopt | Verb::Delete => Some(clean(&step.because)),
    };
    let mut fields: Vec<&FieldChange> = step.changes.iter().filter(|change| is_worth_telling(step, change)).collect();
    fields.sort_by_key(|change| change.field == "tags");
    let risks = other_half.into_iter().chain([step]).flat_map(|step| &step.risks);
    Told {
        verb: step.verb,
        address: &step.address,
        named: (!physical.is_empty() && physical != clean(step.address.name())).then_some(physical),
        because,
        fields: fields.into_iter().map(|change| field(step, change)).collect(),
        risks: risks.map(|risk| (clean(&risk.flag), clean(&risk.why))).collect(),
        seconds: step.about_seconds.saturating_add(other_half.map_or(0, |half| half.about_seconds)),
    }
}

/// The block has another name now; the resource is the same.
fn renamed(step: &Step) -> Option<String> {
    let tags = step.changes.iter().find(|change| change.field == "tags")?;
    let address = |tags: &Option<Value>| tags.as_ref()?.get(RESOURCE)?.as_text().map(clean);
    let (before, after) = (address(&tags.before)?, address(&tags.after)?);
    (before != after).then(|| format!("it was {before} in the spec before"))
}

/// On a creation, what no call carries is AWS's own default, and a name that was told already is not told again.
fn is_worth_telling(step: &Step, change: &FieldChange) -> bool {
    if step.verb != Verb::Create {
        return true;
    }
    let is_name = change.after.as_ref().and_then(Value::as_text) == Some(step.physical.as_str());
    !is_name && step.calls.iter().any(|call| call.set.contains_key(&change.field))
}

fn field(step: &Step, change: &FieldChange) -> ToldField {
    let name = clean(&change.field);
    let calls: Vec<&Call> = step.calls.iter().filter(|call| call.set.contains_key(&change.field)).collect();
    let dropped: Vec<String> = step.calls.iter().flat_map(|call| call.drop_tags.clone()).collect();
    let note = hops(&change.field, &calls);
    if let Some(text) = difference(&change.field, change.before.as_ref(), change.after.as_ref(), &dropped) {
        return ToldField { name, before: None, after: text, note };
    }
    let creates = change.before.is_none() && matches!(step.verb, Verb::Create | Verb::Replace);
    let told = |value: &Option<Value>| value.as_ref().map(|value| show_field(&change.field, value));
    let mut after = target(change, &calls).unwrap_or_else(|| told(&change.after).unwrap_or_else(|| "not set".into()));
    let before = (!creates).then(|| told(&change.before).unwrap_or_else(|| "not set".into()));
    if before.as_ref() == Some(&after) {
        after = UNSEEN.to_owned();
    }
    if change.replaces.is_some() {
        after.push_str(" (forces the replacement)");
    }
    ToldField { name, before, after, note }
}

/// A range belongs to the autoscaler; what is set now is a number inside.
fn target(change: &FieldChange, calls: &[&Call]) -> Option<String> {
    let range = change.after.as_ref().filter(|value| value.get("min").is_some() && value.get("max").is_some())?;
    let set = calls.last()?.set.get(&change.field)?;
    if let (Some(without), Some(with)) = (range.get("min")?.as_list(), range.get("max")?.as_list()) {
        let switched = Value::list(with.iter().filter(|one| !without.contains(one)).cloned());
        return Some(format!("{}; owned by the autoscaler: {}", show(set), show(&switched)));
    }
    Some(format!("{}, then owned by the autoscaler ({})", set.as_int()?, show_field(&change.field, range)))
}

/// `2 → 4 → 8 → 10: three UpdateShardCount calls, about 4 min`
fn hops(field: &str, calls: &[&Call]) -> Option<String> {
    let (first, count) = (calls.first()?, calls.len());
    if count < 2 || calls.iter().any(|call| call.operation != first.operation) {
        return None;
    }
    let mut stops = vec![first.from.get(field)?.as_int()?.to_string()];
    for call in calls {
        stops.push(call.int(field)?.to_string());
    }
    let seconds = calls.iter().fold(0_u32, |sum, call| sum.saturating_add(call.about.0));
    let way = stops.join(" → ");
    Some(format!("{way}: {} {} calls, {}", number_word(count), clean(first.verb()), duration(seconds)))
}

/// `3 to add, 1 to change, 0 to replace, 0 to destroy`, and what is adopted.
pub(super) fn counts(plan: &Plan) -> String {
    let mut text = format!(
        "{} to add, {} to change, {} to replace, {} to destroy",
        plan.count(Verb::Create),
        plan.count(Verb::Update),
        plan.count(Verb::Replace),
        plan.count(Verb::Delete)
    );
    let adopted = plan.count(Verb::Adopt);
    if adopted > 0 {
        text.push_str(&format!(", {adopted} to adopt"));
    }
    text
}

/// `2 held`, `1 kept`, `3 held, 1 kept`; empty if nothing is.
pub(super) fn held_counts(plan: &Plan) -> String {
    let obstacles = plan.obstacles().count();
    let kept = plan.held.len() - obstacles;
    let parts = [(obstacles, "held"), (kept, "kept")];
    let told = parts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}"));
    told.collect::<Vec<_>>().join(", ")
}

/// The last line: what would be done, or that nothing would. It never says "as described" where it is not.
pub(super) fn conclusion(plan: &Plan) -> String {
    let held = held_counts(plan);
    let pipeline = clean(&plan.scope.pipeline);
    let mut text = if !plan.is_empty() {
        return format!("Plan: {}.", counts(plan));
    } else if plan.obstacles().next().is_some() {
        format!("No changes, but {pipeline} is not as described.")
    } else if !plan.not_checked.is_empty() {
        format!("No changes. {pipeline} is as described as far as it could be checked.")
    } else {
        format!("No changes. {pipeline} is as described.")
    };
    if !held.is_empty() {
        text.push_str(&format!(" {held}, see above."));
    }
    text
}

/// `Kinesis data stream: PUT payload units; KMS key: requests`
pub(super) fn usage(usage: &[String]) -> String {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for text in usage {
        let (title, what) = text.split_once(": ").unwrap_or(("", text));
        match groups.iter_mut().find(|(known, _)| known == title) {
            Some((_, all)) => all.push(clean(what)),
            None => groups.push((clean(title), vec![clean(what)])),
        }
    }
    let told = groups.into_iter().map(|(title, all)| match title.as_str() {
        "" => all.join(", "),
        _ => format!("{title}: {}", all.join(", ")),
    });
    told.collect::<Vec<_>>().join("; ")
}

/// `$21.90 → $43.80 a month fixed, plus use (…)`; `None` where there is nothing to pay for. A plan without steps
/// changes no cost, and what is held costs what it costs now.
pub(super) fn cost(plan: &Plan) -> Option<String> {
    let (before, after) = (&plan.cost_before, &plan.cost_after);
    let (was, is) = (super::value::money(before.monthly_micros), super::value::money(after.monthly_micros));
    let use_of = if plan.is_empty() { usage(&before.usage) } else { usage(&after.usage) };
    if before.monthly_micros == 0 && after.monthly_micros == 0 && use_of.is_empty() {
        return None;
    }
    let fixed = match plan.is_empty() {
        true => format!("{was} a month fixed"),
        false if was == is => format!("{is} a month fixed, as before"),
        false => format!("{was} → {is} a month fixed"),
    };
    Some(if use_of.is_empty() { fixed } else { format!("{fixed}, plus use ({use_of})") })
}
