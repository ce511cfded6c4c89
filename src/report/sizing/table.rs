use super::human::group;
use super::row_name;
use crate::simulate::score::PRICES;
use crate::simulate::{Score, Settings};

/// One line for each policy, cheapest at this price of a throttled record first.
pub fn comparison(title: &str, settings: &Settings, scores: &[Score]) -> String {
    let price = settings.price;
    let sorted = sorted(scores, price);
    let names: Vec<String> = sorted.iter().map(|score| label(score)).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(6);
    let judged = judged(price);
    let mut text = format!(
        "{title}; {}.\n\n\
         {:width$} {:>7} {:>10} {:>11} {:>10} {:>8} {:>8} {:>7} {:>6} {:>7}\n",
        settings.aim(),
        "policy",
        judged,
        "dollars",
        "shard-hours",
        "throttled",
        "min/day",
        "age p99",
        "resizes",
        "ops",
        "refused"
    );
    for (score, name) in sorted.iter().zip(&names) {
        let totals = &score.totals;
        let pad = " ".repeat(width - name.chars().count());
        let hours = if score.entry.has_shards() { group(totals.shard_minutes / 60.0) } else { "by the GB".to_owned() };
        text.push_str(&format!(
            "{name}{pad} {:>7.2} {:>10} {:>11} {:>8.3} % {:>8.1} {:>6.0} s {:>7.1} {:>6.0} {:>7}\n",
            score.loss_ratio(price),
            group(score.bill.total()),
            hours,
            totals.throttled * 100.0,
            totals.throttled_minutes_a_day,
            totals.age_p99 * 60.0,
            totals.calls_a_day,
            totals.operations_a_day,
            totals.refused,
        ));
    }
    let bound = scores.first().map_or(0.0, |score| score.bound);
    text.push_str(&format!(
        "\n{judged}: capacity and throttled records at that worth, over the least that any schedule can cost which\n\
         throttles nothing ({} shard-hours). Resizes and splits and merges (ops) by day. Simulated: how long\n\
         resharding takes is a model. on-demand and static rows: their prices and counts know the whole demand.\n",
        group(bound / 60.0)
    ));
    text
}

/// The best at this price first.
pub(super) fn sorted(scores: &[Score], price: f64) -> Vec<&Score> {
    let mut sorted: Vec<&Score> = scores.iter().collect();
    sorted.sort_by(|a, b| a.loss_ratio(price).total_cmp(&b.loss_ratio(price)));
    sorted
}

/// What the figure at this price is called.
pub(super) fn judged(price: f64) -> String {
    if PRICES.contains(&price) { format!("J{price}") } else { "J".to_owned() }
}

pub(super) fn label(score: &Score) -> String {
    let row = row_name(score.row);
    if row == "spec bounds" { score.entry.name.to_owned() } else { format!("{}, {row}", score.entry.name) }
}
