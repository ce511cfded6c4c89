//! What the pipeline owns and the spec no longer asks for.

use super::diff::{self, Consent, Question, Sheet};
use super::order::Draft;
use super::{Held, Reason, Verb};
use crate::model::{Address, Attrs, Desired, ON_REMOVAL, Observed, Owner, Resource, Schema, Shift, Value};

pub(super) fn consider(question: &Question, sheet: &mut Sheet) {
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
            Observed::Unreadable(why) => sheet.held.push(Held {
                address: address.clone(),
                physical: wanted.map(|desired| desired.physical.clone()).unwrap_or_default(),
                reason: Reason::NotChecked,
                why: why.clone(),
                remedy: "mend the cause, then run the command again; nothing is done to what cannot be read".into(),
            }),
            Observed::Present(live) => remove(question, schema, address, live, sheet),
        }
    }
    if question.consent.destroy {
        keep_what_is_needed(question, sheet);
    }
}

/// What stays keeps what it needs: a stream that is held would be lost with its key.
fn keep_what_is_needed(question: &Question, sheet: &mut Sheet) {
    let mut at = 0;
    while at < sheet.held.len() {
        let holder = sheet.held[at].address.clone();
        let needs = question.graph.get(&holder).map(Desired::needs).unwrap_or_default();
        let needed = |draft: &Draft| draft.deleted().is_some_and(|(address, _)| needs.contains(address));
        let (kept, deleted): (Vec<Draft>, Vec<Draft>) = std::mem::take(&mut sheet.drafts).into_iter().partition(needed);
        sheet.drafts = deleted;
        sheet.held.extend(kept.iter().filter_map(Draft::deleted).map(|(address, physical)| Held {
            address: address.clone(),
            physical: physical.to_owned(),
            reason: Reason::Waiting,
            why: format!("{holder} stays, and needs it"),
            remedy: format!("see {holder}"),
        }));
        at += 1;
    }
}

/// Fan-out consumers of a stream that are not this pipeline's: whoever registered them still reads.
fn strangers(question: &Question, live: &Resource) -> usize {
    let all = live.fact("consumers").and_then(Value::as_int).unwrap_or(0);
    let ours = question.inventory.seen.iter().filter(|(address, seen)| {
        let of_it = |part: &Resource| part.physical.split('/').next() == Some(live.physical.as_str());
        let is_ours = |part: &Resource| part.owner(&address.tagged(), &question.inventory.scope) == Owner::Ours;
        address.kind() == "consumer" && seen.present().is_some_and(|part| of_it(part) && is_ours(part))
    });
    usize::try_from(all).unwrap_or(0).saturating_sub(ours.count())
}

fn remove(question: &Question, schema: &'static Schema, address: &Address, live: &Resource, sheet: &mut Sheet) {
    let tagged = live.attrs.contains_key("tags");
    let owner = match question.graph.get(address) {
        Some(desired) => diff::owner(question, desired, live),
        None if tagged => live.owner(&address.tagged(), &question.inventory.scope),
        // Parts without tags that nobody wants were found through an owned parent.
        None => Owner::Ours,
    };
    if owner != Owner::Ours {
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
        return sheet.held.push(held(
            Reason::Retained,
            "it has left the spec and is kept (onRemoval: retain)".into(),
            remedy,
        ));
    }
    if let Some(held) = guard(question, schema, address, live) {
        return sheet.held.push(held);
    }
    let shift = Shift { before: Some(live), wanted: None, changed: Attrs::new(), now: question.inventory.taken_at };
    let because =
        if question.consent.destroy { "the pipeline is destroyed" } else { "it has left the spec (onRemoval: delete)" };
    let mut risks = (schema.risks)(&shift);
    if let Some(data) = schema.holds_data {
        risks.push(crate::model::Risk::new("data-loss", format!("{data} is lost for ever")));
    }
    let calls = (schema.calls)(schema, &shift);
    sheet.drafts.push(Draft::removing(address, live, because, calls).risks(risks));
}

/// What forbids the deletion of a living resource.
pub(super) fn guard(question: &Question, schema: &Schema, address: &Address, live: &Resource) -> Option<Held> {
    let held = |reason, why: String, remedy: String| {
        Some(Held { address: address.clone(), physical: live.physical.clone(), reason, why, remedy })
    };
    if live.is_protected() {
        let remedy = "set `protect: false` in its block and apply, then try again";
        return held(Reason::Protected, "it is protected (tag tidegate:protect)".into(), remedy.into());
    }
    let readers = strangers(question, live);
    if readers > 0 {
        let (who, they) = if readers == 1 { ("fan-out consumer", "is") } else { ("fan-out consumers", "are") };
        let why = format!("{readers} {who} of it {they} not this pipeline's");
        let remedy = "see `aws kinesis list-stream-consumers`; deregister what nobody uses, then try again";
        return held(Reason::Waiting, why, remedy.into());
    }
    match schema.holds_data {
        Some(data) if !Consent::names(&question.consent.data_loss, address, &live.physical) => {
            let why = format!("its deletion loses {data}");
            held(Reason::DataLoss, why, format!("agree with `--allow-data-loss {address}`"))
        }
        _ => None,
    }
}

/// The verb of a deletion, for readers of this module.
pub(super) const VERB: Verb = Verb::Delete;
