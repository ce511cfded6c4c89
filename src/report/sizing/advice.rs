use serde_json::{Value, json};

use super::human::{SILENT, group};
use crate::plan::{PRICES_DATE, PRICES_SOURCE};
use crate::simulate::Settings;
use crate::simulate::advice::{Advice, Choice};

/// The choices as a table, and what to do.
pub fn advice_human(title: &str, settings: &Settings, advice: &Advice) -> String {
    let mut text = format!("{title}; {}.\n\n", settings.aim());
    text.push_str(&format!(
        "  {:14} {:>10} {:>12} {:>8} {:>10} {:>9}  {}\n",
        "", "$ a month", "throttled", "min/day", "mean use", "resizes", "what it is"
    ));
    for choice in &advice.choices {
        text.push_str(&line(choice));
    }
    text.push('\n');
    text.push_str(&verdict(advice));
    if let Some(minutes) = advice.choices.first().map(|choice| choice.score.totals.silent_minutes).filter(|at| *at > 0)
    {
        text.push_str(&format!("{} min have no record at all; {SILENT}.\n", group(f64::from(minutes))));
    }
    text.push_str(&format!(
        "Prices: {PRICES_SOURCE}, {PRICES_DATE}; one reader, no extended retention or fan-out. Simulated: how long resharding\n\
         takes is a model. Fixed counts are chosen with knowledge of this history; the next one may differ.\n"
    ));
    text
}

fn line(choice: &Choice) -> String {
    let (entry, totals) = (choice.score.entry, &choice.score.totals);
    let usage = if entry.has_shards() { format!("{:.0} %", (1.0 - totals.slack) * 100.0) } else { "–".to_owned() };
    format!(
        "  {:14} {:>10} {:>10.3} % {:>8.1} {:>10} {:>9}  {}\n",
        entry.name,
        group(choice.month),
        totals.throttled * 100.0,
        totals.throttled_minutes_a_day,
        usage,
        if totals.calls_a_day > 0.0 { format!("{:.1}/day", totals.calls_a_day) } else { "–".to_owned() },
        entry.title
    )
}

fn verdict(advice: &Advice) -> String {
    let Some(best) = advice.choices.first() else { return String::new() };
    let second = advice.choices.get(1);
    let lead = second.map_or(String::new(), |second| {
        format!(
            "; next is {} at ${} ({:.3} % throttled)",
            second.score.entry.name,
            group(second.month),
            second.score.totals.throttled * 100.0
        )
    });
    let (edge, own) = (advice.break_even_use * 100.0, advice.autoscaled_use * 100.0);
    let even = if edge <= 0.0 {
        "Break-even: none; the stream-hour alone costs more than these shards.".to_owned()
    } else {
        let side = if own < edge { "less: on-demand is the cheaper capacity" } else { "more: provisioned is cheaper" };
        format!(
            "Break-even: on-demand is cheaper where shards are used less than {edge:.1} % on the mean. Autoscaled, this\n\
             traffic uses {own:.1} %, {side}. A stream can switch modes twice in 24 hours."
        )
    };
    format!(
        "Advice: {} at ${} a month, {:.3} % throttled{lead}.\n{even}\n",
        best.score.entry.name,
        group(best.month),
        best.score.totals.throttled * 100.0
    )
}

/// The JSON form.
pub fn advice_json(title: &str, settings: &Settings, advice: &Advice) -> Value {
    let choice = |choice: &Choice| {
        json!({
            "policy": choice.score.entry.name, "usd_month": choice.month, "usd_month_with_throttles": choice.worth,
            "totals": choice.score.totals,
        })
    };
    json!({
        "format_version": super::FORMAT, "demand": title, "price": settings.price, "throttled_at_most": settings.inputs.bound,
        "break_even_use": advice.break_even_use, "autoscaled_use": advice.autoscaled_use,
        "best": advice.choices.first().map(|choice| choice.score.entry.name),
        "choices": advice.choices.iter().map(choice).collect::<Vec<Value>>(),
    })
}
