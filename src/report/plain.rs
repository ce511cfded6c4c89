//! What a plan holds that no report shows.

use std::collections::BTreeSet;

use crate::model::{Value, secret};
use crate::plan::Plan;

/// The places of a plan's values that look like secrets: `tags.password of stream/clicks`. A plan holds what it will send, so that its file
/// has them in clear.
pub fn secrets(plan: &Plan) -> BTreeSet<String> {
    let mut places = BTreeSet::new();
    for step in &plan.steps {
        let mut found = BTreeSet::new();
        for change in &step.changes {
            let values = change.before.iter().chain(&change.after);
            values.for_each(|value| walk(&change.field, &change.field, value, &mut found));
        }
        for call in &step.calls {
            let values = call.set.iter().chain(&call.from);
            values.for_each(|(name, value)| walk(name, name, value, &mut found));
        }
        places.extend(found.into_iter().map(|place| format!("{place} of {}", step.address)));
    }
    places
}

fn walk(place: &str, name: &str, value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Map(map) => map.iter().for_each(|(key, value)| {
            let place = format!("{place}.{}", secret::hide_name(key));
            if !secret::in_name(key).is_empty() {
                found.insert(super::excerpt::clean(&place));
            }
            walk(&place, key, value, found);
        }),
        Value::List(items) => items.iter().for_each(|item| walk(place, name, item, found)),
        Value::Text(text) if secret::is_name(name) || !secret::in_words(text).is_empty() => {
            found.insert(super::excerpt::clean(place));
        }
        _ => {}
    }
}
