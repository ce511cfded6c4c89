use super::{Exit, Failure, Out};
use crate::kinds::Pipeline;

#[derive(clap::Args)]
pub struct Args {}

/// The JSON Schema of the specification, as `specs/schema.json` holds it.
pub fn text() -> String {
    let schema = schemars::schema_for!(Pipeline);
    // A schema is plain data: it always has a JSON form.
    serde_json::to_string_pretty(&schema).unwrap_or_default() + "\n"
}

pub fn run(_: Args, out: &Out) -> Result<Exit, Failure> {
    out.text(&text());
    Ok(Exit::Success)
}
