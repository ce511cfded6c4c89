//! Policies without one of their statements: which of them a run tries, and what is to come of it.

use serde_json::Value;

use super::judged::texts;

/// Why a statement that holds these actions is not missed here, though AWS would miss it. Each was seen.
const NOT_JUDGED: &[(&[&str], &str)] = &[
    (&["cloudwatch:PutMetricAlarm"], "ministack judges no CloudWatch call in CBOR, which the Rust SDK speaks"),
    (&["cloudwatch:ListTagsForResource"], "ministack judges no CloudWatch call in CBOR, which the Rust SDK speaks"),
    (&["iam:PassRole"], "ministack does not ask for it"),
    (
        &["lambda:GetEventSourceMapping", "lambda:UpdateEventSourceMapping"],
        "ministack takes the one for ListEventSourceMappings and does not judge the other",
    ),
];

/// The statements of an example's policy that this run takes out: one in so many of the usual examples; with `TIDEGATE_STATEMENTS=all` every
/// one of every example, or every one of the example that it names.
pub fn chosen(usual: &[&str], each: usize, example: &str, policy: &Value) -> Vec<usize> {
    let each = match std::env::var("TIDEGATE_STATEMENTS") {
        Ok(which) if which == "all" || which == example => 1,
        Err(_) if usual.contains(&example) => each,
        _ => return Vec::new(),
    };
    (0..statements(policy).len()).step_by(each).collect()
}

fn statements(policy: &Value) -> &Vec<Value> {
    policy["Statement"].as_array().expect("statements")
}

/// What is left of the policy, and what was taken out.
pub fn without(policy: &Value, at: usize) -> (Value, Value) {
    let mut lean = policy.clone();
    let taken = lean["Statement"].as_array_mut().expect("statements").remove(at);
    (lean, taken)
}

/// Whether this is about a permission, and no other trouble.
pub fn is_refusal(said: &str) -> bool {
    ["not authorized", "AccessDenied", "(not checked)"].iter().any(|words| said.contains(words))
}

/// How many were taken out, and how many of them were missed.
#[derive(Default)]
pub struct Tally {
    taken: usize,
    missed: usize,
    wrong: Vec<String>,
}

impl Tally {
    /// What failed without the statement: something whose refusal names an action of it, unless it is known why not.
    pub fn add(&mut self, example: &str, taken: &Value, fails: Option<&str>) {
        let named = texts(taken, "Action");
        let known = NOT_JUDGED.iter().find(|(actions, _)| actions.iter().all(|it| named.iter().any(|name| name == it)));
        self.taken += 1;
        self.missed += usize::from(fails.is_some());
        let told = match (fails, known) {
            (None, None) => Err(format!("{example}: nobody misses {taken}")),
            (None, Some((_, reason))) => Ok(format!("{example}: not missed, {reason}: {taken}")),
            (Some(why), Some((_, reason))) => Err(format!("{example}: missed after all ({reason}): {taken}: {why}")),
            (Some(why), None) => match named.iter().find(|action| is_refusal(why) && why.contains(action.as_str())) {
                Some(action) => Ok(format!("{example}: {action} is missed without {taken}")),
                None => Err(format!("{example}: something else fails without {taken}: {why}")),
            },
        };
        println!("{}", told.as_ref().unwrap_or_else(|it| it));
        self.wrong.extend(told.err());
    }

    /// The whole policy did not do.
    pub fn is_not_enough(&mut self, example: &str, why: &str) {
        self.wrong.push(format!("{example}: the whole policy is not enough: {why}"));
    }

    pub fn end(self) {
        println!("{} of {} statements missed", self.missed, self.taken);
        assert!(self.wrong.is_empty(), "{}", self.wrong.join("\n\n"));
    }
}
