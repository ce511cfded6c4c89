pub fn plan(plans: &[crate::plan::Plan]) -> String {
    format!("{} plans\n", plans.len())
}
