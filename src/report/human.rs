//! A plan for the person at the terminal, who may have been asleep a minute ago.

use anstyle::Style as Paint;

use super::excerpt::clean;
pub use super::layout::Style;
use super::layout::{BOLD, CYAN, DIM, GLUE, GREEN, PLAIN, Page, RED, YELLOW};
use super::tell::{self, Told, ToldField};
use super::value::{duration, duration_sentence};
use crate::plan::{Held, PRICES_DATE, Plan, Verb};

/// Values up to this length stay on one line with their name.
const SHORT: usize = 48;

/// Tells a plan: a block for each resource, what is held and why, what it costs, how long it takes, and one last line.
pub fn plan(plan: &Plan, style: &Style) -> String {
    let mut page = Page::new(style);
    header(&mut page, plan);
    for told in tell::steps(plan) {
        page.gap();
        step(&mut page, &told);
    }
    autoscaled(&mut page, plan);
    held(&mut page, plan);
    not_checked(&mut page, &plan.not_checked);
    page.gap();
    if let Some(cost) = tell::cost(plan) {
        let prices = format!(" at us-east-1 prices of {PRICES_DATE}: ");
        page.line(0, 6, &[(BOLD, "Cost"), (DIM, &prices), (PLAIN, &cost)]);
    }
    if !plan.is_empty() {
        let sentences =
            std::iter::once(duration_sentence(plan.about_seconds)).chain(plan.notes.iter().map(|note| clean(note)));
        page.line(0, 0, &[(PLAIN, &sentences.collect::<Vec<_>>().join(" "))]);
    }
    let held = tell::held_counts(plan);
    if !plan.is_empty() && !held.is_empty() {
        page.line(0, 2, &[(PLAIN, &format!("{held}, see above."))]);
    }
    // Programs look for this line, so that it is never wrapped.
    page.line(0, 0, &[(BOLD, &tell::conclusion(plan).replace(' ', &GLUE.to_string()))]);
    page.finish()
}

fn header(page: &mut Page, plan: &Plan) {
    let scope = &plan.scope;
    let (pipeline, account, region) = (clean(&scope.pipeline), clean(&scope.account), clean(&scope.region));
    let place = format!(" in account {account}, {region}");
    page.line(0, 2, &[(PLAIN, "Pipeline "), (BOLD, &pipeline), (PLAIN, &place)]);
}

fn color(verb: Verb) -> Paint {
    match verb {
        Verb::Create => GREEN,
        Verb::Update => YELLOW,
        Verb::Replace | Verb::Delete => RED,
        Verb::Adopt => CYAN,
    }
}

fn step(page: &mut Page, told: &Told) {
    let paint = color(told.verb);
    let title = format!("{:>3} {} ", tell::symbol(told.verb), tell::word(told.verb));
    let address = clean(&told.address.to_string());
    let mut about = told.named.as_ref().map(|named| format!(", named {named}")).unwrap_or_default();
    // What takes a breath only is not worth a word.
    if told.seconds >= 10 {
        about.push_str(&format!(", {}", duration(told.seconds)).replace("about ", &format!("about{GLUE}")));
    }
    page.line(1, 8, &[(paint, &title), (paint.bold(), &address), (DIM, &about)]);
    if let Some(because) = &told.because {
        page.line(6, 8, &[(PLAIN, because)]);
    }
    if told.verb == Verb::Create {
        compact(page, &told.fields);
    } else {
        aligned(page, &told.fields);
    }
    for (flag, why) in &told.risks {
        risk(page, flag, why);
    }
}

fn risk(page: &mut Page, flag: &str, why: &str) {
    let paint = if matches!(flag, "budget") { YELLOW } else { RED };
    page.line(4, 8, &[(paint.bold(), &format!("! {flag}:")), (PLAIN, " "), (PLAIN, why)]);
}

/// The fields of a creation, several on a line.
fn compact(page: &mut Page, fields: &[ToldField]) {
    let mut pieces = Vec::new();
    for (at, field) in fields.iter().enumerate() {
        let glue = |text: &str| text.replace(' ', &GLUE.to_string());
        let text = field.text();
        let text = if text.chars().count() <= SHORT { glue(&text) } else { text };
        let end = if at + 1 < fields.len() { "; " } else { "" };
        pieces.push((DIM, format!("{}:{GLUE}", field.name)));
        pieces.push((PLAIN, format!("{text}{end}")));
    }
    let pieces: Vec<(Paint, &str)> = pieces.iter().map(|(paint, text)| (*paint, text.as_str())).collect();
    if !pieces.is_empty() {
        page.line(6, 8, &pieces);
    }
}

/// The fields of a change, one on a line, their values below each other.
fn aligned(page: &mut Page, fields: &[ToldField]) {
    let widest = fields.iter().map(|field| field.name.chars().count()).max().unwrap_or(0).min(24);
    let values = 6 + widest + 2;
    for field in fields {
        let name = format!("{}:", field.name);
        let space = " ".repeat((widest + 2).saturating_sub(name.chars().count()).max(1));
        match &field.before {
            Some(before) => {
                let after = format!("→{GLUE}{}", field.after);
                page.line(6, values, &[(DIM, &name), (PLAIN, &space), (PLAIN, before), (PLAIN, " "), (BOLD, &after)]);
            }
            None => page.line(6, values, &[(DIM, &name), (PLAIN, &space), (PLAIN, &field.after)]),
        }
        if let Some(note) = &field.note {
            page.line(values, values, &[(DIM, note)]);
        }
    }
}

fn autoscaled(page: &mut Page, plan: &Plan) {
    page.gap();
    for field in &plan.autoscaled {
        let address = clean(&field.address.to_string());
        let text =
            format!(" {} {}, owned by the autoscaler ({}..{})", clean(&field.field), field.now, field.min, field.max);
        page.line(3, 8, &[(CYAN, "≈ "), (PLAIN, &address), (PLAIN, &text)]);
    }
}

fn held(page: &mut Page, plan: &Plan) {
    let held = tell::held(plan);
    if held.is_empty() {
        return;
    }
    page.gap();
    page.line(0, 2, &[(BOLD, "Held"), (PLAIN, ": this plan leaves these alone")]);
    for Held { address, reason, why, remedy, .. } in held {
        let (symbol, paint) = if reason.is_obstacle() { ("! ", RED) } else { ("= ", DIM) };
        let address = clean(&address.to_string());
        let word = format!(" ({})", tell::reason(*reason).replace(' ', &GLUE.to_string()));
        let why = format!(": {}", clean(why));
        page.line(3, 8, &[(paint, symbol), (BOLD, &address), (paint, &word), (PLAIN, &why)]);
        page.line(6, 8, &[(DIM, "To do: "), (PLAIN, &clean(remedy))]);
    }
}

/// What nobody could look at: said before the last line, so that "no changes" is not taken for more than it is.
pub(super) fn not_checked(page: &mut Page, texts: &[String]) {
    if texts.is_empty() {
        return;
    }
    page.gap();
    page.line(0, 2, &[(BOLD, "Not checked"), (PLAIN, ": this plan may be incomplete")]);
    for text in texts {
        page.line(3, 6, &[(YELLOW, "? "), (PLAIN, &clean(text))]);
    }
}

#[cfg(test)]
mod tests;
