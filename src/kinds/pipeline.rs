use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Pipeline, key::KeyUse};
use crate::model::{OnRemoval, Path, Problem, is_ours_to_write};

/// The format of the specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(example = &"tidegate/v1")]
pub enum Version {
    #[serde(rename = "tidegate/v1")]
    V1,
}

/// What holds where a block does not say otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Defaults {
    /// ARNs that alarms notify, usually SNS topics; at most five.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = ["arn:aws:sns:eu-west-1:123456789012:oncall"])]
    pub notify: Vec<String>,
    /// What happens to a resource whose block leaves the spec: `retain` (the default for what holds data) or `delete`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_removal: Option<OnRemoval>,
    /// The key of streams and buckets that name none: a key of this pipeline, `alias/…`, a key ARN, `aws` or `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyUse>,
}

impl Defaults {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// AWS allows 50 tags on a resource; up to eight are ours.
const MOST_TAGS: usize = 40;

/// Checks what is true of the pipeline as a whole.
pub fn check(spec: &Pipeline, problems: &mut Vec<Problem>) {
    check_tags(&spec.tags, &Path::of(["tags"]), problems);
    if let Some(region) = &spec.region {
        check_region(region, problems);
    }
    check_files(&spec.iam_policies, problems);
    for (index, arn) in spec.defaults.notify.iter().enumerate() {
        if !arn.starts_with("arn:") {
            let path = Path::of(["defaults", "notify"]).index(index);
            problems.push(
                Problem::new("invalid-value", path, format!("`{arn}` is not an ARN"))
                    .help("write the whole ARN, for example arn:aws:sns:eu-west-1:123456789012:oncall"),
            );
        }
    }
    if spec.defaults.notify.len() > 5 {
        problems.push(
            Problem::new("invalid-value", Path::of(["defaults", "notify"]), "an alarm takes at most five actions")
                .help("send to one SNS topic with several subscribers"),
        );
    }
}

/// A name of the form of AWS's regions; new ones come, so there is no list.
fn check_region(region: &str, problems: &mut Vec<Problem>) {
    let parts: Vec<&str> = region.split('-').collect();
    let words =
        |parts: &[&str]| parts.iter().all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase()));
    let (last, before) = parts.split_last().map_or(("", &[][..]), |(last, before)| (*last, before));
    let number = last.trim_end_matches(|c: char| c.is_ascii_lowercase());
    let is_number = !number.is_empty() && number.chars().all(|c| c.is_ascii_digit());
    if before.len() >= 2 && words(before) && is_number && last == number {
        return;
    }
    let help = if before.len() >= 2 && words(before) && is_number {
        format!("that is an availability zone; write its region, {}-{number}", before.join("-"))
    } else {
        "write its code, for example eu-west-1".to_owned()
    };
    let problem = Problem::new("invalid-value", Path::of(["region"]), format!("`{region}` is no AWS region"));
    problems.push(problem.help(help));
}

/// A spec of somebody else's pull request must not make lint show files from anywhere.
fn check_files(files: &[String], problems: &mut Vec<Problem>) {
    for (index, file) in files.iter().enumerate() {
        let goes_out = file.starts_with(['/', '\\', '~']) || file.split(['/', '\\']).any(|part| part == "..");
        let message = if !file.ends_with(".json") {
            format!("`{file}` is no JSON file")
        } else if goes_out {
            format!("`{file}` does not lie beside or below this file")
        } else {
            continue;
        };
        problems.push(
            Problem::new("invalid-value", Path::of(["iamPolicies"]).index(index), message)
                .help("write a path from the folder of this file, for example iam/web-producer.json"),
        );
    }
}

/// The rules of AWS for tags, and that ours are left to us.
pub fn check_tags(tags: &BTreeMap<String, String>, at: &Path, problems: &mut Vec<Problem>) {
    if tags.len() > MOST_TAGS {
        let message =
            format!("{} tags are more than the {MOST_TAGS} that leave room for ours (AWS allows 50)", tags.len());
        problems.push(Problem::new("invalid-value", at.clone(), message).help("remove some tags"));
    }
    for (key, value) in tags {
        let path = at.key(key.clone());
        let allowed = |c: char| c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(c);
        if !is_ours_to_write(key) || key.starts_with("tidegate:") {
            problems.push(
                Problem::new("invalid-value", path, format!("the tag `{key}` is reserved"))
                    .help("`aws:` belongs to AWS and `tidegate:` to Tidegate; choose another name"),
            );
        } else if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 {
            problems.push(Problem::new(
                "invalid-value",
                path,
                "a tag's key has 1 to 128 characters, its value at most 256",
            ));
        } else if !key.chars().all(allowed) || !value.chars().all(allowed) {
            problems.push(
                Problem::new("invalid-value", path, "AWS does not allow these characters in a tag")
                    .help("use letters, digits, spaces and _ . : / = + - @"),
            );
        }
    }
}

impl Pipeline {
    /// A pipeline without anything in it.
    pub fn empty(name: super::Name, region: &str) -> Self {
        Self {
            api_version: Version::V1,
            pipeline: name,
            region: Some(region.to_owned()),
            tags: BTreeMap::new(),
            defaults: Defaults::default(),
            iam_policies: Vec::new(),
            keys: BTreeMap::new(),
            streams: BTreeMap::new(),
            access: BTreeMap::new(),
            archives: BTreeMap::new(),
            endpoints: BTreeMap::new(),
            controller: Default::default(),
            alarms: Default::default(),
        }
    }
}
