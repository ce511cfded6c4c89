//! What differs in what the pipeline owns, in words that each have a remedy.

use serde_json::{Value as Json, json};

use super::excerpt::clean;
use super::human::Style;
use super::json::hidden;
use super::layout::{BOLD, DIM, GREEN, PLAIN, Page, RED, YELLOW};
use super::summary::difference;
use super::value::show_field;
use crate::model::Address;
use crate::model::secret::hide_name;
use crate::plan::{Drift, DriftClass};

/// The version of the JSON form.
const FORMAT: u32 = 1;

/// The classes in the order in which they are told.
const CLASSES: [DriftClass; 5] =
    [DriftClass::Missing, DriftClass::Declared, DriftClass::Undeclared, DriftClass::Unexpected, DriftClass::NotChecked];

fn word(class: DriftClass) -> &'static str {
    match class {
        DriftClass::Declared => "declared",
        DriftClass::Undeclared => "undeclared",
        DriftClass::Missing => "missing",
        DriftClass::NotChecked => "not checked",
        DriftClass::Unexpected => "unexpected",
    }
}

fn meaning(class: DriftClass) -> &'static str {
    match class {
        DriftClass::Declared => "the spec says otherwise",
        DriftClass::Undeclared => "set by somebody, and the spec does not mention it",
        DriftClass::Missing => "the spec asks for it, and it is gone",
        DriftClass::NotChecked => "nothing is said about these",
        DriftClass::Unexpected => "the pipeline owns it, and the spec does not ask for it",
    }
}

fn remedy(class: DriftClass) -> &'static str {
    match class {
        DriftClass::Declared => "`tidegate apply` restores the spec's value; or write the live value into the spec",
        DriftClass::Undeclared => "declare it in the spec, or undo it by hand; apply leaves it alone",
        DriftClass::Missing => "`tidegate apply` creates it again, without the data it held; or remove its block",
        DriftClass::NotChecked => "mend the cause, then run `tidegate drift` again",
        DriftClass::Unexpected => "put its block back, or see in `tidegate plan` whether it is kept or deleted",
    }
}

/// Tells drift to a person: by class, each with its remedy, and one last line.
pub fn human(drift: &[Drift], pipeline: &str, style: &Style) -> String {
    let mut page = Page::new(style);
    page.line(0, 2, &[(PLAIN, "Drift of the pipeline "), (BOLD, &clean(pipeline))]);
    for class in CLASSES {
        let mut all: Vec<&Drift> = drift.iter().filter(|drift| drift.class == class).collect();
        all.sort_by_key(|drift| &drift.address);
        if all.is_empty() {
            continue;
        }
        let name = word(class);
        let title = format!("{}{}", name[..1].to_uppercase(), &name[1..]);
        page.gap();
        page.line(0, 2, &[(BOLD, &title), (PLAIN, ": "), (PLAIN, meaning(class))]);
        let mut last: Option<&Address> = None;
        for drift in all {
            entry(&mut page, drift, last != Some(&drift.address));
            last = Some(&drift.address);
        }
        page.line(3, 5, &[(DIM, "To do: "), (PLAIN, remedy(class))]);
    }
    page.gap();
    page.line(0, 2, &[(BOLD, &conclusion(drift, pipeline))]);
    page.finish()
}

fn entry(page: &mut Page, drift: &Drift, first: bool) {
    let (symbol, paint) = match drift.class {
        DriftClass::Declared => ("~", YELLOW),
        DriftClass::Undeclared => ("+", YELLOW),
        DriftClass::Missing => ("-", RED),
        DriftClass::NotChecked => ("?", YELLOW),
        DriftClass::Unexpected => ("+", GREEN),
    };
    if first {
        let address = if drift.address.kind() == "listing" { String::new() } else { clean(&drift.address.to_string()) };
        let why = drift.why.as_deref().map(clean).unwrap_or_default();
        let colon = if why.is_empty() || address.is_empty() { "" } else { ": " };
        page.line(3, 8, &[(paint, symbol), (PLAIN, " "), (BOLD, &address), (PLAIN, colon), (PLAIN, &why)]);
    } else if let Some(why) = &drift.why {
        page.line(5, 8, &[(PLAIN, &clean(why))]);
    }
    if let Some(field) = &drift.field {
        page.line(7, 11, &[(DIM, &format!("{}: ", clean(&hide_name(field)))), (PLAIN, &values(field, drift))]);
    }
}

fn values(field: &str, drift: &Drift) -> String {
    let show =
        |value: &Option<_>| value.as_ref().map_or_else(|| "not set".to_owned(), |value| show_field(field, value));
    if drift.class == DriftClass::Undeclared {
        return show(&drift.live);
    }
    match difference(field, drift.live.as_ref(), drift.wanted.as_ref(), &[]) {
        Some(text) => format!("to restore: {text}"),
        None => format!("{} in the spec, {} in AWS", show(&drift.wanted), show(&drift.live)),
    }
}

fn count(drift: &[Drift], class: DriftClass) -> usize {
    drift.iter().filter(|drift| drift.class == class).count()
}

fn conclusion(drift: &[Drift], pipeline: &str) -> String {
    let unchecked = count(drift, DriftClass::NotChecked);
    let pipeline = clean(pipeline);
    if drift.is_empty() {
        return format!("No drift. {pipeline} is as described.");
    }
    if unchecked == drift.len() {
        return format!("No drift in what could be checked; {unchecked} not checked, see above.");
    }
    let told = CLASSES.map(|class| format!("{} {}", count(drift, class), word(class)));
    format!("Drift: {}.", told.join(", "))
}

/// Tells drift to a program; `docs/json.md` is the reference.
pub fn json(drift: &[Drift], pipeline: &str) -> Json {
    let entry = |drift: &Drift| {
        let field = drift.field.as_deref().unwrap_or_default();
        json!({
            "address": drift.address,
            "class": drift.class,
            "field": drift.field.as_deref().map(hide_name),
            "wanted": drift.wanted.as_ref().map(|value| hidden(field, value)),
            "live": drift.live.as_ref().map(|value| hidden(field, value)),
            "why": drift.why,
            "remedy": remedy(drift.class),
        })
    };
    json!({
        "format_version": FORMAT,
        "pipeline": pipeline,
        "drift": drift.iter().map(entry).collect::<Vec<_>>(),
        "summary": {
            "declared": count(drift, DriftClass::Declared),
            "undeclared": count(drift, DriftClass::Undeclared),
            "missing": count(drift, DriftClass::Missing),
            "unexpected": count(drift, DriftClass::Unexpected),
            "not_checked": count(drift, DriftClass::NotChecked),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn each_word_comes_with_its_remedy() {
        insta::assert_snapshot!(human(&samples::drift(), "clickstream", &Style::default()), @r"
Drift of the pipeline clickstream

Missing: the spec asks for it, and it is gone
   - stream/late
   To do: `tidegate apply` creates it again, without the data it held; or remove
     its block

Declared: the spec says otherwise
   ~ stream/clicks
       retention: 7d in the spec, 24h in AWS
       tags: to restore: team=ops → web
   To do: `tidegate apply` restores the spec's value; or write the live value
     into the spec

Undeclared: set by somebody, and the spec does not mention it
   + stream/clicks
       tags.touched-by: bob
   To do: declare it in the spec, or undo it by hand; apply leaves it alone

Unexpected: the pipeline owns it, and the spec does not ask for it
   + stream/old
   To do: put its block back, or see in `tidegate plan` whether it is kept or
     deleted

Not checked: nothing is said about these
   ? roles below /tidegate/clickstream/: iam:ListRoles was denied
   ? stream/audit: kinesis:DescribeStreamSummary was denied
   To do: mend the cause, then run `tidegate drift` again

Drift: 1 missing, 2 declared, 1 undeclared, 1 unexpected, 2 not checked.
");
    }

    #[test]
    fn no_drift_is_one_sentence_and_blindness_is_not_absence() {
        insta::assert_snapshot!(human(&[], "clickstream", &Style::default()), @r"
Drift of the pipeline clickstream

No drift. clickstream is as described.
");
        let blind: Vec<Drift> =
            samples::drift().into_iter().filter(|drift| drift.class == DriftClass::NotChecked).collect();
        insta::assert_snapshot!(human(&blind, "clickstream", &Style::default()), @r"
Drift of the pipeline clickstream

Not checked: nothing is said about these
   ? roles below /tidegate/clickstream/: iam:ListRoles was denied
   ? stream/audit: kinesis:DescribeStreamSummary was denied
   To do: mend the cause, then run `tidegate drift` again

No drift in what could be checked; 2 not checked, see above.
");
    }

    #[test]
    fn programs_get_the_same() {
        let told = json(&samples::drift(), "clickstream");
        insta::assert_snapshot!(told["summary"], @r#"{"declared":2,"missing":1,"not_checked":2,"undeclared":1,"unexpected":1}"#);
        insta::assert_snapshot!(told["drift"][0], @r#"{"address":"stream/audit","class":"not-checked","field":null,"live":null,"remedy":"mend the cause, then run `tidegate drift` again","wanted":null,"why":"kinesis:DescribeStreamSummary was denied"}"#);
    }
}
