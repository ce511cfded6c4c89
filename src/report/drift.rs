pub fn human(drift: &[crate::plan::Drift], pipeline: &str, _style: &super::human::Style) -> String {
    format!("{pipeline}: {drift:?}\n")
}
