pub fn plan(plan: &crate::plan::Plan) -> serde_json::Value {
    serde_json::json!(plan)
}
