//! `tidegate advise`: on-demand, a fixed count, or a count that follows.

use super::simulate::{Input, Plant, named};
use super::{Common, Exit, Failure, Out};
use crate::report::sizing;
use crate::simulate::{advice, registry};

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    plant: Plant,
    /// Who decides in an autoscaled stream
    #[arg(long, value_name = "NAME", default_value = registry::ENTRIES[0].name)]
    policy: String,
    /// JSON in place of text
    #[arg(long)]
    json: bool,
}

pub async fn run(common: &Common, args: Args, out: &Out) -> Result<Exit, Failure> {
    let settings = args.plant.settings()?;
    let contender = named(&args.policy)?;
    let given = args.input.read(common, args.plant.seed()).await?;
    let advice = advice::advise(&given.demand, contender, &settings, &common.price_table()?);
    if args.json {
        out.line(&sizing::advice_json(&given.title, settings.price, &advice).to_string());
    } else {
        out.text(&sizing::advice_human(&given.title, settings.price, &advice));
    }
    Ok(Exit::Success)
}
