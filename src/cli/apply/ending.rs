//! How a run ended, and what is to be done next.

use crate::apply::Outcome;
use crate::cli::{Exit, Out};
use crate::cloud::Class;
use crate::plan::{Held, Plan};

/// What a run is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errand {
    /// A plan that was made just now.
    Apply,
    /// One from a file.
    Saved,
    Destroy,
}

impl Errand {
    pub fn command(self) -> &'static str {
        match self {
            Self::Apply | Self::Saved => "apply",
            Self::Destroy => "destroy",
        }
    }
}

/// What the end depends on besides its steps.
pub struct Ending {
    pub errand: Errand,
    pub json: bool,
    pub stopped: bool,
}

/// Tells it, and answers how the program ends.
pub fn tell(plan: &Plan, outcomes: &[Outcome], how: &Ending, out: &Out) -> Exit {
    let count = |wanted: fn(&Outcome) -> bool| outcomes.iter().filter(|outcome| wanted(outcome)).count();
    let done = count(|outcome| *outcome == Outcome::Done);
    let lost = count(|outcome| matches!(outcome, Outcome::Lost(_)));
    let failed = count(|outcome| matches!(outcome, Outcome::Failed(_))) + lost;
    let left = outcomes.len() - done - failed;
    let held: Vec<&Held> = plan.obstacles().collect();
    let waiting = plan.steps.iter().zip(outcomes).filter(|(_, outcome)| **outcome == Outcome::NotStarted);
    if how.json {
        let waiting: Vec<String> = waiting.map(|(step, _)| step.address.to_string()).collect();
        let event = serde_json::json!({ "event": "summary", "pipeline": plan.scope.pipeline, "done": done,
            "failed": failed, "not_done": left, "left": waiting, "held": held.len() });
        out.line(&event.to_string());
    } else {
        for (step, _) in waiting {
            out.line(&format!("  left {} {}", crate::cli::progress::doing(step.verb), step.address));
        }
        let mut words = vec![format!("{done} done")];
        words.extend((failed > 0).then(|| format!("{failed} failed")));
        words.extend((left > 0).then(|| format!("{left} not done")));
        words.extend((!held.is_empty()).then(|| format!("{} held", held.len())));
        out.line(&format!("{}: {}.", plan.scope.pipeline, words.join(", ")));
        let over = outcomes.iter().find_map(|outcome| match outcome {
            Outcome::Failed(fault) if fault.class == Class::Caller => fault.help.as_ref(),
            _ => None,
        });
        if let Some(help) = over {
            out.line(&format!("Stopped: {help}; {left} step{} not started.", if left == 1 { "" } else { "s" }));
        }
        if failed + left > 0 {
            out.line(next(outcomes, how.errand));
        }
    }
    match () {
        () if how.stopped && left > 0 => Exit::Interrupted,
        () if done + lost == 0 && failed > 0 => Exit::Error,
        () if failed + left > 0 => Exit::Partial,
        () if !held.is_empty() => Exit::Partial,
        () => Exit::Success,
    }
}

/// What to do about a run that did not come to its end.
fn next(outcomes: &[Outcome], errand: Errand) -> &'static str {
    let overtaken = |outcome: &Outcome| match outcome {
        Outcome::Lost(fault) => fault.class == Class::Refused,
        Outcome::Failed(fault) => fault.code == "Overtaken",
        _ => false,
    };
    match errand {
        _ if outcomes.iter().any(overtaken) => {
            "Plan again before you run this again: it would now undo what somebody else did."
        }
        // It was made from what was there before its first step.
        Errand::Saved if outcomes.contains(&Outcome::Done) => {
            "Plan again: the new plan continues where this one stopped, which is stale now."
        }
        _ => "Run the same command again: it continues where this one stopped.",
    }
}
