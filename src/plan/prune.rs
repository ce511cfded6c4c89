//! What the pipeline owns and the spec no longer asks for.

use std::collections::{BTreeMap, BTreeSet};

use super::diff::{self, Question};
use super::order::Draft;
use super::sheet::Sheet;
use super::{Held, Reason, Verb};
use crate::model::{Address, Attrs, Compare, ON_REMOVAL, Observed, Resource, Schema, Shift};

pub(super) fn consider(question: &Question, sheet: &mut Sheet) {
    let leaving = leaving(question);
    for (address, seen) in &question.inventory.seen {
        let wanted = question.graph.get(address);
        let leaves = match wanted {
            Some(desired) => question.consent.destroy && !desired.existing,
            None => true,
        };
        let Some(schema) = question.schemas.iter().find(|schema| schema.kind == address.kind()) else { continue };
        match seen {
            _ if !leaves => {}
            Observed::Absent => {}
            Observed::Unreadable(why) => sheet.hold(Held {
                address: address.clone(),
                physical: wanted.map(|desired| desired.physical.clone()).unwrap_or_default(),
                reason: Reason::NotChecked,
                why: why.clone(),
                remedy: "mend the cause, then run the command again; nothing is done to what cannot be read".into(),
            }),
            // Another block describes it now.
            Observed::Present(live) if wanted.is_none() && diff::renamed(question, schema.kind, live) => {}
            Observed::Present(live) => remove(question, &leaving, schema, address, live, sheet),
        }
    }
    while hold_what_is_used(question, sheet) {}
}

/// What is ours and nothing asks for any more, by kind and name in AWS.
type Leaving<'a> = BTreeSet<(&'a str, &'a str)>;

fn leaving<'a>(question: &Question<'a>) -> Leaving<'a> {
    let leaves = |address: &Address| question.consent.destroy || question.graph.get(address).is_none();
    let present = question.inventory.seen.iter().filter_map(|(address, seen)| Some((address, seen.present()?)));
    let ours = present.filter(|(address, live)| leaves(address) && diff::is_ours(question, address, live));
    ours.map(|(address, live)| (address.kind(), live.physical.as_str())).collect()
}

/// Takes back deletions of what a resource still uses that stays: the key of a stream that is kept, the role of a
/// delivery that is held. Answers whether there were any, since these may use others in turn.
fn hold_what_is_used(question: &Question, sheet: &mut Sheet) -> bool {
    let removed: BTreeSet<&Address> = sheet.drafts().iter().filter_map(Draft::removed).collect();
    if removed.is_empty() {
        return false;
    }
    let mut changing: BTreeMap<&Address, Vec<&Draft>> = BTreeMap::new();
    for draft in sheet.drafts() {
        changing.entry(draft.address()).or_default().push(draft);
    }
    // Names can be the same by chance, ARNs and ids cannot.
    let mut users: BTreeMap<String, &Address> = BTreeMap::new();
    for (address, seen) in question.inventory.seen.iter().filter(|(address, _)| !removed.contains(address)) {
        let Some(live) = seen.present() else { continue };
        let drafts = changing.get(address).map(Vec::as_slice).unwrap_or_default();
        for text in used(question, drafts, address, live) {
            users.entry(text).or_insert(address);
        }
    }
    let mut held = Vec::new();
    for address in removed {
        let Some(live) = question.inventory.present(address) else { continue };
        let mut known = ["arn", "id"].iter().filter_map(|output| live.outputs.get(*output));
        let Some(user) = known.find_map(|output| users.get(output)) else { continue };
        held.push(Held {
            address: address.clone(),
            physical: live.physical.clone(),
            reason: Reason::InUse,
            why: format!("{user} still uses it, and stays"),
            remedy: format!("let {user} go or use something else first"),
        });
    }
    sheet.keep(&held.iter().map(|held| held.address.clone()).collect());
    let any = !held.is_empty();
    held.into_iter().for_each(|held| sheet.hold(held));
    any
}

/// What a resource refers to once the plan is done. Policies may name what is not there; everything else needs it.
fn used(question: &Question, drafts: &[&Draft], address: &Address, live: &Resource) -> Vec<String> {
    let mut attrs = live.attrs.clone();
    for draft in drafts.iter().filter(|draft| !draft.deletes()) {
        draft.overlay(&mut attrs);
    }
    let schema = question.schemas.iter().find(|schema| schema.kind == address.kind());
    let is_document = |name: &str| {
        schema
            .and_then(|schema| schema.field(name))
            .is_none_or(|field| matches!(field.compare, Compare::Document | Compare::Tags { .. }))
    };
    let mut texts = Vec::new();
    for (_, value) in attrs.iter().filter(|(name, _)| !is_document(name)) {
        value.texts(&mut texts);
    }
    texts
}

fn remove(
    question: &Question,
    leaving: &Leaving,
    schema: &'static Schema,
    address: &Address,
    live: &Resource,
    sheet: &mut Sheet,
) {
    let tagged = live.attrs.contains_key("tags");
    if !diff::is_ours(question, address, live) {
        return;
    }
    let held = |reason, why: String, remedy: String| Held {
        address: address.clone(),
        physical: live.physical.clone(),
        reason,
        why,
        remedy,
    };
    if !question.consent.destroy && tagged && live.tag(ON_REMOVAL) != Some("delete") && !live.is_protected() {
        let remedy = format!(
            "to delete it, put the block back with `onRemoval: delete`, apply, and remove it again; {address} stays tagged until then"
        );
        return sheet.hold(held(
            Reason::Retained,
            "it has left the spec and is kept (onRemoval: retain)".into(),
            remedy,
        ));
    }
    if let Some(held) = guard(question, schema, address, live) {
        return sheet.hold(held);
    }
    if let Err(held) = release(question, leaving, address, live, sheet) {
        return sheet.hold(*held);
    }
    let shift = Shift { before: Some(live), wanted: None, changed: Attrs::new(), now: question.inventory.taken_at };
    let because =
        if question.consent.destroy { "the pipeline is destroyed" } else { "it has left the spec (onRemoval: delete)" };
    let mut risks = (schema.risks)(&shift);
    if let Some(data) = schema.holds_data {
        risks.push(crate::model::Risk::new("data-loss", format!("{data} is lost for ever")));
    }
    let calls = (schema.calls)(schema, &shift);
    sheet.push(Draft::removing(address, live, because, calls).risks(risks));
}

/// Others may read a stream that leaves. Consumers go before it where the user agreed; else it stays, and so it does
/// where nobody knows.
fn release(
    question: &Question,
    leaving: &Leaving,
    address: &Address,
    live: &Resource,
    sheet: &mut Sheet,
) -> Result<(), Box<Held>> {
    let held = |reason, why: String, remedy: String| {
        Box::new(Held { address: address.clone(), physical: live.physical.clone(), reason, why, remedy })
    };
    let readers = match question.inventory.readers.get(address) {
        None => return Ok(()),
        Some(Err(why)) => {
            let remedy =
                "mend the cause, then run the command again; a stream is not deleted while its readers are unknown";
            return Err(held(Reason::NotChecked, format!("what reads it could not be listed: {why}"), remedy.into()));
        }
        Some(Ok(readers)) => readers,
    };
    let goes_too = |(reader, physical): &&(Address, String)| leaving.contains(&(reader.kind(), physical.as_str()));
    let foreign: Vec<&(Address, String)> = readers.iter().filter(|reader| !goes_too(reader)).collect();
    let forced = |reader: &Address| question.consent.foreign_consumers && reader.kind() == "consumer";
    let (going, staying): (Vec<_>, Vec<_>) = foreign.into_iter().partition(|(reader, _)| forced(reader));
    if !staying.is_empty() {
        let names =
            staying.iter().map(|(reader, physical)| format!("{} {physical}", reader.kind())).collect::<Vec<_>>();
        let consumers_only = staying.iter().all(|(reader, _)| reader.kind() == "consumer");
        let remedy = if consumers_only {
            "stop what reads through them, then agree with `--force-consumers`"
        } else {
            "delete the delivery streams first, or point them at another stream"
        };
        return Err(held(Reason::InUse, format!("others still read it: {}", names.join(", ")), remedy.into()));
    }
    for (reader, physical) in going {
        let Some(schema) = question.schemas.iter().find(|schema| schema.kind == reader.kind()) else { continue };
        let reading = Resource { physical: physical.clone(), ..Resource::default() };
        let shift =
            Shift { before: Some(&reading), wanted: None, changed: Attrs::new(), now: question.inventory.taken_at };
        let because = format!("somebody else registered it; it goes with {address} (--force-consumers)");
        let risk = crate::model::Risk::new("disruption", "whoever reads through it stops");
        let calls = (schema.calls)(schema, &shift);
        sheet.push(Draft::removing(reader, &reading, &because, calls).risks(vec![risk]));
    }
    Ok(())
}

/// What forbids the deletion of a living resource.
pub(super) fn guard(question: &Question, schema: &Schema, address: &Address, live: &Resource) -> Option<Held> {
    let held = |reason, why: String, remedy: String| {
        Some(Held { address: address.clone(), physical: live.physical.clone(), reason, why, remedy })
    };
    if live.is_protected() {
        let remedy = match question.graph.get(address) {
            Some(_) => "set `protect: false` in its block and apply, then try again",
            None => "put its block back with `protect: false` and apply, then try again",
        };
        return held(Reason::Protected, "it is protected (tag tidegate:protect)".into(), remedy.into());
    }
    match schema.holds_data {
        Some(data)
            if !question.consent.data_loss.contains(&address.tagged())
                && !question.consent.data_loss.contains(address) =>
        {
            let why = format!("its deletion loses {data}");
            held(Reason::DataLoss, why, format!("agree with `--allow-data-loss {address}`"))
        }
        _ => None,
    }
}

/// The verb of a deletion, for readers of this module.
pub(super) const VERB: Verb = Verb::Delete;
