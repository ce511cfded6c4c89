use std::fmt::Write as _;

use super::{Common, Exit, Failure, Out};
use crate::apply;
use crate::cloud::{Cloud, Target};
use crate::kinds::{Name, Pipeline, alarm, consumer, stream, stream_policy};
use crate::model::{Address, Observed, PIPELINE, Resource, Schema, Scope, secret};

#[derive(clap::Args)]
pub struct Args {
    /// A stream that exists; repeatable
    #[arg(long, value_name = "NAME", required = true)]
    stream: Vec<String>,
    /// The pipeline's name in the new spec
    #[arg(long, value_name = "NAME", default_value = "imported")]
    pipeline: Name,
}

/// Why a spec of what is there names no alarms.
const ALARMS: &str = "# As it is now, without alarms. Take this line out, and those of the pipeline are derived.\n";

/// What is being written, and what has to be said beside it.
struct Import<'a> {
    cloud: &'a dyn Cloud,
    scope: Scope,
    spec: Pipeline,
    adopt: Vec<Address>,
    remarks: Vec<String>,
    /// The pipeline that has it already.
    owner: Option<String>,
}

/// Writes a spec to standard output such that, after `apply --adopt`, the plan is empty.
pub async fn run(common: &Common, args: Args, out: &Out) -> Result<Exit, Failure> {
    let cloud = common.connect(common.region.clone()).await?;
    let scope = apply::scope_of(&*cloud, args.pipeline.as_str()).await?;
    let mut spec = Pipeline::empty(args.pipeline.clone(), &scope.region);
    spec.alarms = alarm::Alarms { off: Some(true), ..Default::default() };
    let mut import = Import { cloud: &*cloud, scope, spec, adopt: Vec::new(), remarks: Vec::new(), owner: None };
    for name in &args.stream {
        import.stream(name).await?;
    }
    let yaml =
        serde_yaml::to_string(&import.spec).map_err(|error| anyhow::Error::new(error).context("writing the spec"))?;
    let yaml = yaml.replacen("alarms:\n", &format!("{ALARMS}alarms:\n"), 1);
    out.text(&format!("# yaml-language-server: $schema=./schema.json\n{yaml}"));
    for remark in &import.remarks {
        out.note(remark);
    }
    let adopt = import.adopt.iter().fold(String::new(), |mut text, address| {
        let _ = write!(text, " --adopt {address}");
        text
    });
    match &import.owner {
        Some(owner) => out.note(&format!("It belongs to {owner}: change it there; nothing else can take it over.")),
        None => out.note(&format!(
            "To take it over: tidegate apply -f FILE{adopt}\nUntil then a plan holds it; after it the plan is empty."
        )),
    }
    Ok(Exit::Success)
}

/// The name of a variable for a tag, whose key may hold any character.
fn variable(tag: &str) -> String {
    let legal = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    format!("TAG_{}", tag.chars().map(legal).collect::<String>())
}

impl Import<'_> {
    fn target(&self, schema: &'static Schema, name: &str) -> Target {
        Target {
            address: Address::new(schema.kind, name),
            schema,
            scope: self.scope.clone(),
            physical: name.to_owned(),
            outputs: Default::default(),
            listed: None,
        }
    }

    /// The resource, or `None` where there is none.
    async fn look(&self, target: &Target) -> Result<Option<Resource>, Failure> {
        match self.cloud.observe(target).await {
            Observed::Present(live) => Ok(Some(*live)),
            Observed::Absent => Ok(None),
            Observed::Unreadable(why) => Err(anyhow::anyhow!(why).into()),
        }
    }

    async fn stream(&mut self, name: &str) -> Result<(), Failure> {
        let target = self.target(&stream::SCHEMA, name);
        let Some(live) = self.look(&target).await? else {
            let what = format!("there is no stream {name} in {} of account {}", self.scope.region, self.scope.account);
            return Err(Failure::refused(what, "check the name, the region and the profile"));
        };
        let key: Name = name.parse().map_err(|why: String| anyhow::anyhow!(why))?;
        self.owner = self.owner.take().or_else(|| live.tag(PIPELINE).map(|owner| format!("the pipeline {owner}")));
        self.adopt.push(target.address.clone());
        let fan_out = self.consumers(&target).await?;
        let share = self.shares(name).await?;
        let mut imported = stream::import(&live, fan_out, share);
        let named = |tag: &String| !secret::in_name(tag).is_empty();
        for tag in imported.tags.keys().filter(|tag| named(tag)) {
            let tag = secret::hide_name(tag);
            self.remarks.push(format!(
                "the name of the tag {tag} of {name} looks like a secret: it is left out, and left alone"
            ));
        }
        imported.tags.retain(|tag, _| !named(tag));
        for (tag, value) in &mut imported.tags {
            if secret::is_name(tag) || !secret::in_file(value).is_empty() {
                let variable = variable(tag);
                self.remarks.push(format!(
                    "the tag {tag} of {name} looks like a secret and is not shown: pass it with --var {variable}=VALUE"
                ));
                *value = format!("${{var:{variable}}}");
            }
        }
        self.spec.streams.insert(key, imported);
        Ok(())
    }

    async fn consumers(&mut self, stream: &Target) -> Result<Vec<Name>, Failure> {
        let mut names = Vec::new();
        for reader in self.cloud.readers(stream).await? {
            if reader.address.kind() != consumer::SCHEMA.kind {
                self.remarks.push(format!(
                    "{} {} reads it as well; archives are not imported yet: it is left alone",
                    reader.address.kind(),
                    reader.physical
                ));
                continue;
            }
            let name = reader.physical.rsplit('/').next().unwrap_or_default();
            names.push(name.parse().map_err(|why: String| anyhow::anyhow!(why))?);
            self.adopt.push(reader.address);
        }
        names.sort();
        Ok(names)
    }

    async fn shares(&mut self, stream: &str) -> Result<Vec<stream_policy::Share>, Failure> {
        let target = self.target(&stream_policy::SCHEMA, stream);
        let Some(live) = self.look(&target).await? else { return Ok(Vec::new()) };
        match live.attrs.get("policy").and_then(|policy| stream_policy::shares(policy, &self.scope)) {
            Some(shares) => {
                self.adopt.push(target.address);
                Ok(shares)
            }
            None => {
                let remark = "the resource policy of {} grants what `share` cannot say; it is left alone";
                self.remarks.push(remark.replace("{}", stream));
                Ok(Vec::new())
            }
        }
    }
}
