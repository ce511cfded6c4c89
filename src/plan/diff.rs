use std::collections::BTreeMap;

use super::consent::Consent;
use super::order::{self, Draft};
use super::sheet::Sheet;
use super::{Autoscaled, FORMAT, FieldChange, Held, Plan, Reason, Verb, cost, digest, prune};
use crate::model::{
    Address, Attrs, Change, Compare, Desired, Graph, Inventory, Observed, Owner, PIPELINE, Prices, RESOURCE, Ref,
    Resource, Risk, Schema, Shift, State, Value,
};

/// Everything a plan is computed from.
pub struct Question<'a> {
    pub graph: &'a Graph,
    pub inventory: &'a Inventory,
    /// All kinds in the order of creation.
    pub schemas: &'a [&'static Schema],
    pub prices: &'a Prices,
    pub consent: &'a Consent,
    pub made_by: &'a str,
}

/// Computes the plan. The same question has the same answer, byte for byte.
pub fn plan(question: &Question) -> Plan {
    let mut sheet = Sheet::default();
    if !question.consent.destroy {
        // The graph was checked to be acyclic when it was made.
        for address in question.graph.order().unwrap_or_default() {
            if let Some(desired) = question.graph.get(&address) {
                consider(question, desired, &mut sheet);
            }
        }
    }
    prune::consider(question, &mut sheet);
    let (cost_before, cost_after) = cost::around(question, &sheet);
    let (drafts, held, autoscaled) = sheet.finish();
    let (steps, about_seconds) = order::order(question, drafts);
    let mut watched = digest::watched(question.inventory, question.graph);
    let digests = digest::digest_inventory(question.inventory, &watched);
    for (address, mark) in digests.marks {
        watched.entry(address).and_modify(|watched| watched.mark = mark);
    }
    let plan = Plan {
        format_version: FORMAT,
        made_by: question.made_by.to_owned(),
        scope: question.inventory.scope.clone(),
        taken_at: question.inventory.taken_at,
        inventory: digests.whole,
        watched,
        notes: order::rounds(question, &steps),
        steps,
        held,
        autoscaled,
        not_checked: question.inventory.blind.clone(),
        cost_before,
        cost_after,
        about_seconds,
    };
    debug_assert_eq!(plan.flaw(), None);
    plan
}

fn consider(question: &Question, desired: &Desired, sheet: &mut Sheet) {
    let address = &desired.address;
    let hold = |reason, why: String, remedy: String| Held {
        address: address.clone(),
        physical: desired.physical.clone(),
        reason,
        why,
        remedy,
    };
    let blocked = desired.needs().into_iter().find(|need| sheet.blocks(question, need));
    if let Some(need) = blocked {
        sheet.hold(hold(Reason::Waiting, format!("it needs {need}, which is held"), format!("see {need}")));
        return;
    }
    match question.inventory.seen.get(address) {
        None => sheet.hold(hold(Reason::NotChecked, "it was not looked at".into(), "run the command again".into())),
        Some(Observed::Unreadable(why)) => {
            let remedy = "mend the cause, then run the command again; nothing is done to what cannot be read";
            sheet.hold(hold(Reason::NotChecked, why.clone(), remedy.into()));
        }
        Some(Observed::Absent) if desired.existing => {
            let remedy = format!("create {} first, or correct the name in {}", desired.physical, desired.path);
            sheet.hold(hold(Reason::Missing, format!("{} does not exist", desired.physical), remedy));
        }
        Some(Observed::Absent) => create(question, desired, "it does not exist", sheet),
        Some(Observed::Present(_)) if desired.existing => {}
        Some(Observed::Present(live)) => present(question, desired, live, sheet),
    }
}

fn create(question: &Question, desired: &Desired, because: &str, sheet: &mut Sheet) {
    let wanted = resolve(question, desired, sheet);
    let shift =
        Shift { before: None, wanted: Some(&wanted), changed: wanted.clone(), now: question.inventory.taken_at };
    let changes = wanted.iter().map(|(field, value)| change(desired.schema, field, None, Some(value))).collect();
    if let Err(why) = sheet.book(question, &(desired.schema.needs)(&shift)) {
        return sheet.hold(beyond_quota(desired, why, ASK_FOR_MORE));
    }
    let calls = (desired.schema.calls)(desired.schema, &shift);
    let risks = (desired.schema.risks)(&shift);
    let draft = Draft::new(desired, Verb::Create, because, changes, calls);
    sheet.push(draft.risks(risks));
}

fn present(question: &Question, desired: &Desired, live: &Resource, sheet: &mut Sheet) {
    let owner = owner(question, desired, live);
    let adopted = question.consent.adopt.contains(&desired.address);
    let ours = match owner {
        Owner::Ours => true,
        Owner::Nobody if adopted => false,
        Owner::Nobody => {
            return sheet.hold(Held {
                address: desired.address.clone(),
                physical: desired.physical.clone(),
                reason: Reason::Foreign,
                why: format!("{} exists and does not carry this pipeline's tags", desired.physical),
                remedy: format!("take it over with `--adopt {}`, or {}", desired.address, desired.schema.elsewhere),
            });
        }
        // The block has another name now, the resource is the same: only its tag changes.
        Owner::Other(_) if renamed(question, desired.schema.kind, live) => true,
        Owner::Other(whose) => {
            return sheet.hold(Held {
                address: desired.address.clone(),
                physical: desired.physical.clone(),
                reason: Reason::Foreign,
                why: format!("{} belongs to {whose}", desired.physical),
                remedy: format!("remove it from the other spec first, or {}", desired.schema.elsewhere),
            });
        }
    };
    if ours && live.is_going() {
        return create(question, desired, "it is being deleted, and is made again when it has gone", sheet);
    }
    let wanted = resolve(question, desired, sheet);
    if let State::Failed(status) = &live.state {
        return replace(question, desired, live, &wanted, &format!("it is {status}, which does not heal"), sheet);
    }
    note_autoscaled(desired, live, &wanted, sheet);
    let changed = differing(desired.schema, &wanted, live);
    let forced = changed.keys().find_map(|name| match desired.schema.field(name)?.change {
        Change::Replace(why) => Some(format!("{name}: {why}")),
        _ => None,
    });
    match forced {
        Some(why) if ours => replace(question, desired, live, &wanted, &why, sheet),
        Some(why) => sheet.hold(Held {
            address: desired.address.clone(),
            physical: desired.physical.clone(),
            reason: Reason::Foreign,
            why: format!("taking it over would replace it ({why})"),
            remedy: "make the spec agree with what exists, then adopt it".into(),
        }),
        None if changed.is_empty() => {}
        None => update(question, desired, live, &wanted, changed, ours, sheet),
    }
}

/// The pipeline knows this resource by an address that the spec no longer has, while another block describes it.
pub(super) fn renamed(question: &Question, kind: &str, live: &Resource) -> bool {
    let former = live.tag(RESOURCE).and_then(|address| address.parse::<Address>().ok());
    let ours = live.tag(PIPELINE) == Some(question.inventory.scope.pipeline.as_str());
    let described = |desired: &Desired| desired.schema.kind == kind && desired.physical == live.physical;
    ours && former.is_some_and(|former| former.kind() == kind && question.graph.get(&former).is_none())
        && question.graph.iter().any(described)
}

/// Whether a living resource is this pipeline's, wanted or not.
pub(super) fn is_ours(question: &Question, address: &Address, live: &Resource) -> bool {
    match question.graph.get(address) {
        Some(desired) => owner(question, desired, live) == Owner::Ours,
        // Parts without tags that nobody wants were found through an owned parent.
        None if !live.attrs.contains_key("tags") => true,
        None => live.owner(&address.tagged(), &question.inventory.scope) == Owner::Ours,
    }
}

/// Parts that carry no tags belong to whoever owns the resource they hang on.
fn owner(question: &Question, desired: &Desired, live: &Resource) -> Owner {
    let scope = &question.inventory.scope;
    if live.attrs.contains_key("tags") {
        return live.owner(&desired.address, scope);
    }
    let parent = desired.parent.as_ref().and_then(|parent| Some((parent, question.inventory.present(parent)?)));
    match parent {
        Some((address, parent)) => parent.owner(address, scope),
        None => Owner::Nobody,
    }
}

/// The changes for which AWS's limits leave room. The others are held, one by one: a stream that cannot be resized
/// today can still be kept longer.
fn within_limits(
    question: &Question,
    desired: &Desired,
    live: &Resource,
    wanted: &Attrs,
    mut changed: Attrs,
    sheet: &mut Sheet,
) -> Attrs {
    let schema = desired.schema;
    // Fields stand in the order of their changes, so that later ones see what earlier ones have become.
    let mut wanted = wanted.clone();
    for field in schema.fields {
        let Some(value) = changed.get(field.name) else { continue };
        let alone = Attrs::from([(field.name.to_owned(), value.clone())]);
        let shift =
            Shift { before: Some(live), wanted: Some(&wanted), changed: alone, now: question.inventory.taken_at };
        let spent = (schema.risks)(&shift).into_iter().find(|risk| risk.flag == "quota");
        let held = match spent {
            Some(spent) => {
                let remedy = "wait until calls of the last 24 hours have aged out, or ask AWS for a higher limit";
                Some(beyond_quota(desired, spent.why, remedy))
            }
            None => {
                sheet.book(question, &(schema.needs)(&shift)).err().map(|why| beyond_quota(desired, why, ASK_FOR_MORE))
            }
        };
        if let Some(held) = held {
            changed.remove(field.name);
            wanted.extend(live.attrs.get(field.name).map(|now| (field.name.to_owned(), now.clone())));
            sheet.hold(Held { why: format!("{}: {}", field.name, held.why), ..held });
        }
    }
    changed
}

const ASK_FOR_MORE: &str =
    "ask AWS for a higher quota (Service Quotas, Kinesis Data Streams), or free what is not needed";

fn beyond_quota(desired: &Desired, why: String, remedy: &str) -> Held {
    Held {
        address: desired.address.clone(),
        physical: desired.physical.clone(),
        reason: Reason::Quota,
        why,
        remedy: remedy.into(),
    }
}

fn update(
    question: &Question,
    desired: &Desired,
    live: &Resource,
    wanted: &Attrs,
    changed: Attrs,
    ours: bool,
    sheet: &mut Sheet,
) {
    let changed = within_limits(question, desired, live, wanted, changed, sheet);
    if changed.is_empty() {
        return;
    }
    let changes = changed
        .iter()
        .map(|(field, value)| change(desired.schema, field, live.attrs.get(field), Some(value)))
        .collect::<Vec<_>>();
    let shift = Shift { before: Some(live), wanted: Some(wanted), changed, now: question.inventory.taken_at };
    let calls = (desired.schema.calls)(desired.schema, &shift);
    if calls.is_empty() {
        return;
    }
    let risks = (desired.schema.risks)(&shift);
    let names = changes.iter().map(|change| change.field.as_str()).collect::<Vec<_>>().join(", ");
    let (verb, because) = if ours {
        (Verb::Update, format!("{names} {}", if changes.len() == 1 { "differs" } else { "differ" }))
    } else {
        (Verb::Adopt, "it exists and is taken over (--adopt)".to_owned())
    };
    sheet.push(Draft::new(desired, verb, &because, changes, calls).risks(risks).of(live));
}

fn replace(question: &Question, desired: &Desired, live: &Resource, wanted: &Attrs, why: &str, sheet: &mut Sheet) {
    let schema = desired.schema;
    if let Some(held) = prune::guard(question, schema, &desired.address, live) {
        return sheet.hold(held);
    }
    let now = question.inventory.taken_at;
    let gone = Shift { before: Some(live), wanted: None, changed: Attrs::new(), now };
    let because = format!("must be replaced: {why}");
    let delete = Draft::new(desired, Verb::Replace, &because, Vec::new(), (schema.calls)(schema, &gone)).of(live);
    sheet.push(delete.deleting());
    let made = Shift { before: None, wanted: Some(wanted), changed: wanted.clone(), now };
    let changes = differing(schema, wanted, live)
        .iter()
        .map(|(field, value)| change(schema, field, live.attrs.get(field), Some(value)))
        .collect();
    let mut risks = (schema.risks)(&made);
    risks.push(Risk::new("replacement", format!("it is deleted and created again ({why})")));
    if let Some(data) = schema.holds_data {
        risks.push(Risk::new("data-loss", format!("{data} is lost for ever")));
    }
    let create = Draft::new(desired, Verb::Replace, &because, changes, (schema.calls)(schema, &made));
    sheet.push(create.risks(risks));
}

/// The wanted attributes with every reference replaced that is known now. A reference to something that does not
/// exist yet, or that is about to be replaced, stays a reference: "known after apply".
pub(super) fn resolve(question: &Question, desired: &Desired, sheet: &Sheet) -> Attrs {
    resolved(question.graph, question.inventory, desired, &|address| sheet.makes(address))
}

fn resolved(graph: &Graph, inventory: &Inventory, desired: &Desired, makes: &dyn Fn(&Address) -> bool) -> Attrs {
    let known = |reference: &Ref| -> Option<String> {
        let target = graph.get(&reference.address)?;
        if let Some(output) = target.known_output(&reference.output, &inventory.scope) {
            return Some(output);
        }
        let output = inventory.present(&reference.address)?.outputs.get(&reference.output)?;
        (!makes(&reference.address)).then(|| output.clone())
    };
    desired.attrs.iter().map(|(name, value)| (name.clone(), value.resolved(&known))).collect()
}

/// Whether the living resource is all that is wanted of it, by an inventory that need not be complete yet.
pub fn is_satisfied(graph: &Graph, inventory: &Inventory, desired: &Desired, live: &Resource) -> bool {
    let wanted = resolved(graph, inventory, desired, &|_| false);
    live.state == State::Ready && differing(desired.schema, &wanted, live).is_empty()
}

/// The wanted fields that the living resource does not satisfy.
pub(super) fn differing(schema: &Schema, wanted: &Attrs, live: &Resource) -> Attrs {
    let differs = |(name, value): &(&String, &Value)| {
        let Some(field) = schema.field(name) else { return false };
        if matches!(field.change, Change::Delegated | Change::Fixed) {
            return false;
        }
        let default = field.default.map(|default| default());
        match live.attrs.get(*name).or(default.as_ref()) {
            Some(seen) => !field.compare.same(value, seen),
            // Tags that the endpoint cannot tell are not compared; anything else that is missing is wanted.
            None => !matches!(field.compare, Compare::Tags { .. }),
        }
    };
    wanted.iter().filter(differs).map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn change(schema: &Schema, field: &str, before: Option<&Value>, after: Option<&Value>) -> FieldChange {
    let mut refs = Vec::new();
    after.iter().for_each(|value| value.refs(&mut refs));
    FieldChange {
        field: field.to_owned(),
        before: before.cloned(),
        after: after.cloned(),
        after_unknown: !refs.is_empty(),
        replaces: schema.field(field).filter(|_| before.is_some()).and_then(|field| match field.change {
            Change::Replace(why) => Some(why.to_owned()),
            _ => None,
        }),
    }
}

fn note_autoscaled(desired: &Desired, live: &Resource, wanted: &Attrs, sheet: &mut Sheet) {
    for field in desired.schema.fields.iter().filter(|field| field.compare == Compare::Within) {
        let bounds =
            wanted.get(field.name).and_then(|value| Some((value.get("min")?.as_int()?, value.get("max")?.as_int()?)));
        if let (Some((min, max)), Some(now)) = (bounds, live.attrs.get(field.name).and_then(Value::as_int))
            && (min..=max).contains(&now)
        {
            let (address, field) = (desired.address.clone(), field.name.to_owned());
            sheet.note(Autoscaled { address, field, now, min, max });
        }
    }
}

/// The order of kinds, for deletions.
pub(super) fn ranks<'a>(schemas: &[&'a Schema]) -> BTreeMap<&'a str, usize> {
    schemas.iter().enumerate().map(|(rank, schema)| (schema.kind, rank)).collect()
}
