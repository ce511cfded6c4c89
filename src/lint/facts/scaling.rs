//! What the autoscaler is told beside the range: whether its words can hold together.

use serde_json::{Value as Json, json};

use super::streams::{MONTH, round};
use crate::kinds::stream::{Shards, StreamSpec};
use crate::lint::plain::path;
use crate::model::calendar::At;
use crate::model::units::Span;
use crate::model::{Path, Prices};

/// Minutes of a week. What happens once belongs to no usual week.
const WEEK: usize = 7 * 24 * 60;

/// Null where the stream has no `scaling`.
pub fn facts(stream: &StreamSpec, at: &Path, prices: &Prices) -> Json {
    let Some(scaling) = &stream.scaling else { return Json::Null };
    let at = at.key("scaling");
    let least = stream.capacity.shards.map_or(0, |shards| Shards::bounds(shards).0);
    let mut floor = vec![least; WEEK];
    for entry in &scaling.schedule {
        minutes(entry.at, entry.lasts).for_each(|minute| floor[minute] = floor[minute].max(entry.min));
    }
    let mut quiet = vec![false; WEEK];
    scaling.no_shrink.iter().flat_map(|entry| minutes(entry.at, entry.lasts)).for_each(|minute| quiet[minute] = true);
    let dollars = |shards: f64| round(shards * MONTH * stream.shard_hour(prices));
    json!({
        "path": path(&at),
        "budget": scaling.budget,
        // US dollars a month of `min`, and of the least that the schedule lets there be in a usual week.
        "min_cost": dollars(f64::from(least)),
        "schedule_cost": dollars(floor.iter().copied().map(f64::from).sum::<f64>() / WEEK as f64),
        "never_shrinks": !scaling.no_shrink.is_empty() && quiet.iter().all(|quiet| *quiet),
    })
}

/// The minutes of a week, from Monday, in which something lasts.
fn minutes(at: At, lasts: Span) -> impl Iterator<Item = usize> {
    let (days, start) = match at {
        At::Weekly { days, minute } => (days, usize::from(minute)),
        At::Once(_) => (0, 0),
    };
    let length = usize::try_from(lasts.seconds() / 60).unwrap_or(WEEK).min(WEEK);
    let begins = (0..7).filter(move |day| days >> day & 1 == 1).map(move |day| day * 24 * 60 + start);
    begins.flat_map(move |begin| (begin..begin + length).map(|minute| minute % WEEK))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(yaml: &str) -> Json {
        let text = format!("capacity: {{ mode: provisioned, shards: {{ min: 2, max: 64 }} }}\nscaling: {yaml}\n");
        facts(&serde_yaml::from_str(&text).unwrap(), &Path::of(["s"]), &crate::plan::price_table())
    }

    #[test]
    fn a_schedule_costs_what_its_floors_cost() {
        // 2 shards for 730 hours at 0.015.
        assert_eq!(
            (&of("{ budget: 9 }")["min_cost"], &of("{ budget: 9 }")["schedule_cost"]),
            (&json!(21.9), &json!(21.9))
        );
        let half = of("{ schedule: [{ at: \"00:00\", for: 12h, min: 4 }, { at: \"06:00\", for: 1h, min: 3 }] }");
        assert_eq!(half["schedule_cost"], json!(32.85), "4 shards for half of each day, 2 for the other");
        let once = of("{ schedule: [{ at: \"2026-11-27 08:00\", for: 7d, min: 64 }] }");
        assert_eq!(once["schedule_cost"], json!(21.9));
    }

    #[test]
    fn times_without_shrinking_may_cover_the_week() {
        let never = |entries: &str| of(&format!("{{ noShrink: [{entries}] }}"))["never_shrinks"] == true;
        assert!(never("{ at: \"00:00\", for: 24h }") && never("{ at: \"Wed 08:00\", for: 7d }"));
        assert!(never("{ at: \"Fri 18:00\", for: 60h }, { at: \"Mon 06:00\", for: 108h }"), "over the end of the week");
        assert!(!never("{ at: \"00:00\", for: 1439m }") && !never("{ at: \"Mon-Sat 00:00\", for: 24h }"));
        assert!(!never("{ at: \"2026-11-27 08:00\", for: 7d }") && !never(""));
    }
}
