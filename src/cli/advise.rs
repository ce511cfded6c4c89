//! `tidegate advise`: on-demand, a fixed count, or a count that follows.

use super::simulate::{Trial, named};
use super::{Common, Exit, Failure, Out};
use crate::report::sizing;
use crate::simulate::advice;

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    trial: Trial,
}

pub async fn run(common: &Common, Args { trial }: Args, out: &Out) -> Result<Exit, Failure> {
    let prices = common.price_table()?;
    let settings = trial.settings(common, &prices)?;
    let contender = named(trial.policy())?;
    let given = trial.input.read(common, trial.plant.seed()).await?;
    let advice = advice::advise(&given.demand, contender, &settings, &prices);
    if trial.json {
        out.line(&sizing::advice_json(&given.title, &settings, &advice).to_string());
    } else {
        out.text(&sizing::advice_human(&given.title, &settings, &advice));
    }
    Ok(Exit::Success)
}
