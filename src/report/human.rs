//! Plans told to people.

use crate::plan::Plan;

pub struct Style {
    pub color: bool,
    pub width: usize,
}

pub fn plan(plan: &Plan, _style: &Style) -> String {
    let mut text = String::new();
    for step in &plan.steps {
        text += &format!("{:?} {} because {} {:?}\n", step.verb, step.address, step.because, step.risks);
        for call in &step.calls {
            text += &format!("    {} {}\n", call.operation, serde_json::json!(call.set));
        }
    }
    for held in &plan.held {
        text += &format!("held {}: {} ({})\n", held.address, held.why, held.remedy);
    }
    text + &format!("Plan: {} steps\n", plan.steps.len())
}
