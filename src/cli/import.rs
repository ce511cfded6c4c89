use super::{Common, Exit, Failure, Out};
use crate::apply;
use crate::cloud::Target;
use crate::kinds::{self, stream};
use crate::model::{Address, Observed};

#[derive(clap::Args)]
pub struct Args {
    /// A stream that exists; repeatable
    #[arg(long, value_name = "NAME", required = true)]
    stream: Vec<String>,
    /// The pipeline's name in the new spec
    #[arg(long, value_name = "NAME", default_value = "imported")]
    pipeline: kinds::Name,
}

/// Writes a spec to standard output such that, after `apply --adopt`, the plan is empty.
pub async fn run(common: &Common, args: Args, out: &Out) -> Result<Exit, Failure> {
    let cloud = common.connect(common.region.clone()).await?;
    let scope = apply::scope_of(&*cloud, args.pipeline.as_str()).await?;
    let mut spec = kinds::Pipeline::empty(args.pipeline.clone(), &scope.region);
    let mut adopt = Vec::new();
    for name in &args.stream {
        let target = Target {
            address: Address::new(stream::SCHEMA.kind, name.as_str()),
            schema: &stream::SCHEMA,
            scope: scope.clone(),
            physical: name.clone(),
            outputs: Default::default(),
        };
        match cloud.observe(&target).await {
            Observed::Present(live) => {
                let key: kinds::Name = name.parse().map_err(|why: String| anyhow::anyhow!(why))?;
                spec.streams.insert(key, stream::import(&live));
                adopt.push(format!("--adopt {}", target.address));
            }
            Observed::Absent => {
                let what = format!("there is no stream {name} in {} of account {}", scope.region, scope.account);
                return Err(Failure::refused(what, "check the name, the region and the profile"));
            }
            Observed::Unreadable(why) => return Err(anyhow::anyhow!(why).into()),
        }
    }
    let yaml = serde_yaml::to_string(&spec).map_err(|error| anyhow::Error::new(error).context("writing the spec"))?;
    out.text(&format!("# yaml-language-server: $schema=./schema.json\n{yaml}"));
    out.error(&format!("To take it over: tidegate apply -f FILE {}", adopt.join(" ")));
    Ok(Exit::Success)
}
