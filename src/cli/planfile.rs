//! Plan files: exactly what was shown, sealed against edits.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use anyhow::Context;
use serde_json::{Value, json};

use super::{Failure, files};
use crate::disk;
use crate::plan::{FORMAT, Plan, sealed};

/// A plan of 10,000 streams has some tens of megabytes; more is no plan.
const MAX_BYTES: u64 = 256 << 20;

/// How every plan file begins.
const BEGIN: &[u8] = b"{\"plan\":{";

/// Writes a plan, in the place of an older one if need be, and never of anything else.
pub fn write(file: &Path, plans: &[Plan]) -> Result<(), Failure> {
    if is_something_else(file) {
        let what = format!("the plan was not saved: {} is there and is no plan", file.display());
        return Err(Failure::refused(what, "name another file, or remove that one"));
    }
    let body = json!({ "format_version": FORMAT, "plans": plans });
    let text = json!({ "seal": sealed(&body), "plan": body }).to_string();
    Ok(files::write(file, &text).context("the plan was not saved")?)
}

/// Whether a file with other contents stands there. What cannot be read is found out by writing.
fn is_something_else(file: &Path) -> bool {
    let mut begin = Vec::new();
    let is_file = std::fs::metadata(file).is_ok_and(|meta| meta.is_file());
    let read =
        is_file && File::open(file).is_ok_and(|file| file.take(BEGIN.len() as u64).read_to_end(&mut begin).is_ok());
    read && !begin.is_empty() && begin != BEGIN
}

pub fn load(file: &Path) -> Result<Vec<Plan>, Failure> {
    let doing = || format!("reading the plan {}", file.display());
    let bytes = disk::read(file, MAX_BYTES).map_err(|error| {
        let (why, how) = match error.kind() {
            ErrorKind::FileTooLarge => {
                (", so it is no plan", "name one that `tidegate plan --out FILE` made".to_owned())
            }
            _ => ("", format!("make one: tidegate plan --out {}", file.display())),
        };
        Failure::refused(format!("{}: {error}{why}", doing()), how)
    })?;
    let is_spec = file.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
    let again = if is_spec {
        format!("it looks like a spec: tidegate apply -f {}", file.display())
    } else {
        "make it again: tidegate plan --out FILE".to_owned()
    };
    let text = String::from_utf8(bytes).map_err(|_| "it is no plan file: it is no text".to_owned());
    text.and_then(|text| parse(&text)).map_err(|why| Failure::refused(format!("{}: {why}", doing()), again))
}

/// Reads the text of a plan file, whose seal must fit.
///
/// # Errors
/// Why it is no plan of this version.
pub fn parse(text: &str) -> Result<Vec<Plan>, String> {
    let whole: Value = serde_json::from_str(text).map_err(|error| format!("it is no plan file: {error}"))?;
    let (Some(seal), Some(body)) = (whole["seal"].as_str(), whole.get("plan")) else {
        return Err("it is no plan file".into());
    };
    if sealed(body) != seal {
        return Err("it was changed after it was made".into());
    }
    if body["format_version"] != json!(FORMAT) {
        return Err(format!("format {} is not ours ({FORMAT})", body["format_version"]));
    }
    let plans: Vec<Plan> = serde_json::from_value(body["plans"].clone()).map_err(|error| error.to_string())?;
    match plans.iter().find_map(Plan::flaw) {
        Some(flaw) => Err(flaw),
        None => Ok(plans),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed_with(steps: &[(usize, &[usize])], physical: &str) -> Result<Vec<Plan>, String> {
        let step = |(id, after): &(usize, &[usize])| {
            json!({
                "id": id, "after": after, "address": "stream/clicks", "physical": physical, "verb": "create",
                "because": "it does not exist", "changes": [], "calls": [], "about_seconds": 1,
            })
        };
        let steps: Vec<Value> = steps.iter().map(step).collect();
        let cost = json!({ "monthly_micros": 0, "usage": [] });
        let plan = json!({
            "format_version": FORMAT, "made_by": "0.1.0", "taken_at": 0, "inventory": "",
            "watched": { "stream/clicks": { "physical": "clicks" } }, "steps": steps,
            "scope": { "account": "123456789012", "partition": "aws", "pipeline": "shop", "region": "eu-west-1" },
            "held": [], "autoscaled": [], "not_checked": [], "cost_before": cost, "cost_after": cost, "about_seconds": 1,
        });
        let body = json!({ "format_version": FORMAT, "plans": [plan] });
        parse(&json!({ "seal": sealed(&body), "plan": body }).to_string())
    }

    #[test]
    fn steps_out_of_their_order_are_refused_under_a_seal_that_fits() {
        assert_eq!(sealed_with(&[(0, &[]), (1, &[0])], "clicks").expect("a plan").len(), 1);
        for wrong in
            [&[(0, &[] as &[usize]), (8, &[0])], &[(0, &[7]), (1, &[])], &[(0, &[1]), (1, &[0])], &[(0, &[]), (0, &[])]]
        {
            let why = sealed_with(wrong, "clicks").expect_err("it cannot be carried out");
            assert!(why.contains("(stream/clicks) is not in its place"), "{why}");
        }
    }

    #[test]
    fn a_step_about_something_that_was_not_looked_at_is_refused() {
        let why = sealed_with(&[(0, &[])], "somebody-elses").expect_err("it is not what was planned");
        assert_eq!(why, "step 0 (stream/clicks) is about somebody-elses, which the plan was not made from");
    }

    #[test]
    fn only_a_plan_is_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("plan.json");
        std::fs::write(&file, "notes").expect("written");
        let Err(failure) = write(&file, &[]) else { panic!("notes are no plan") };
        assert!(format!("{failure:?}").contains("is there and is no plan"), "{failure:?}");
        assert_eq!(std::fs::read(&file).expect("read"), b"notes");
        std::fs::write(&file, "").expect("written");
        for _ in 0..2 {
            write(&file, &[]).expect("nothing, and then a plan, is replaced");
        }
    }
}
