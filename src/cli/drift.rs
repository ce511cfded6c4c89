use super::{Common, Exit, Failure, Out};
use crate::apply;
use crate::kinds;
use crate::plan::{self, Consent, DriftClass};
use crate::report;

#[derive(clap::Args, Default)]
pub struct Args {
    /// JSON in place of text
    #[arg(long)]
    json: bool,
}

pub async fn run(common: &Common, args: Args, out: &Out) -> Result<Exit, Failure> {
    let jobs = common.open(args.json).await?;
    let consent = Consent::default();
    let (mut is_different, mut is_unknown) = (false, false);
    let mut told = Vec::new();
    for job in &jobs {
        let look = apply::look(&*job.cloud, &job.graph, &job.scope, kinds::SCHEMAS, false);
        let inventory = common.patiently(out, look).await;
        let found = plan::drift(&job.question(&inventory, &consent));
        is_different |= found.iter().any(|drift| drift.class != DriftClass::NotChecked);
        is_unknown |= found.iter().any(|drift| drift.class == DriftClass::NotChecked);
        if args.json {
            told.push(report::drift::json(&found, &job.scope.pipeline));
        } else {
            let style = report::human::Style { color: out.color(), width: out.width() };
            out.text(&report::drift::human(&found, &job.scope.pipeline, &style));
        }
    }
    if args.json {
        out.line(&serde_json::json!({ "format_version": plan::FORMAT, "pipelines": told }).to_string());
    }
    Ok(match (is_different, is_unknown) {
        (true, _) => Exit::Different,
        // Nobody knows that nothing differs.
        (false, true) => Exit::Error,
        (false, false) => Exit::Success,
    })
}
