use serde_json::{Value, json};

use crate::simulate::scenario::{Extra, FACTORS, Outcome, PRICE, Scenario};

/// A scenario and what policies made of it, ours first.
pub type Played = (&'static Scenario, Vec<Outcome>);

/// The page `docs/scenarios.md`.
pub fn scenarios_page(played: &[Played]) -> String {
    let mut text = format!(
        "# Sizing policies on days that the reference plant does not know\n\n\
         Made with `tidegate bench scenarios --out DIR`. Two days of synthetic traffic (more where it says so) at a level of 8 shards, on the plant of \
         single shards that `tidegate demo` runs on; ours against the best of the peers within spec bounds, by J{PRICE}. All figures \
         are simulated: how long resharding takes is a model.\n\n\
         cost: open shards over the demand. throttled: first attempts rejected. J{PRICE}: capacity and throttled records together, at \
         {PRICE} times the capacity that would have carried them, over the demand. age: the highest iterator age. behind: minutes in \
         which readers were more than a minute late. told: somebody heard of a hot key or shard that shards do not help. \
         `splitMerge: allow` lets hot shards be split one by one, `parallelization` lets the factor of the Lambda function that reads be changed.\n\n"
    );
    text.push_str("| scenario | policy | cost | throttled % | J100 | age min | behind min | calls/day | ops/day | refused | told |\n");
    text.push_str("|---|---|---|---|---|---|---|---|---|---|---|\n");
    played.iter().for_each(|played| text.push_str(&scenario_rows(played)));
    text.push_str("\n| scenario | what happens |\n|---|---|\n");
    for (scenario, _) in played {
        text.push_str(&format!("| {} | {} |\n", scenario.name, scenario.what));
    }
    text
}

/// What was allowed besides resizes, as it stands in a spec.
fn with(extra: Extra) -> String {
    match extra {
        Extra::Nothing => String::new(),
        Extra::Splits => ", `splitMerge: allow`".into(),
        Extra::Factor => format!(", `parallelization: {{ min: {}, max: {} }}`", FACTORS.min, FACTORS.max),
    }
}

/// The lines of one scenario in the table.
pub fn scenario_rows((scenario, outcomes): &Played) -> String {
    let mut text = String::new();
    for outcome in outcomes {
        text.push_str(&format!(
            "| {} | {}{} | {:.2} | {:.3} | {:.2} | {:.0} | {} | {:.1} | {:.0} | {} | {} |\n",
            scenario.name,
            outcome.policy,
            with(outcome.extra),
            outcome.cost,
            outcome.throttled * 100.0,
            outcome.loss,
            outcome.age_max,
            outcome.behind,
            outcome.calls_a_day,
            outcome.operations_a_day,
            outcome.refused,
            if outcome.told { "yes" } else { "" },
        ));
    }
    text
}

/// The same for programs.
pub fn scenarios_json(played: &[Played]) -> Value {
    let of = |scenario: &Scenario, outcome: &Outcome| {
        json!({
            "scenario": scenario.name,
            "what": scenario.what,
            "policy": outcome.policy,
            "splitMerge": outcome.extra == Extra::Splits,
            "parallelization": outcome.extra == Extra::Factor,
            "costOverDemand": outcome.cost,
            "throttled": outcome.throttled,
            "j100": outcome.loss,
            "ageMaxMinutes": outcome.age_max,
            "behindMinutes": outcome.behind,
            "callsADay": outcome.calls_a_day,
            "operationsADay": outcome.operations_a_day,
            "refused": outcome.refused,
            "told": outcome.told,
        })
    };
    let rows: Vec<Value> =
        played.iter().flat_map(|(scenario, outcomes)| outcomes.iter().map(|outcome| of(scenario, outcome))).collect();
    json!({ "format": super::FORMAT, "price": PRICE, "runs": rows })
}
