use serde::{Deserialize, Serialize};

/// Where a pipeline lives. Every deterministic ARN is made from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    pub pipeline: String,
    /// `aws`, `aws-cn`, `aws-us-gov`
    pub partition: String,
    pub region: String,
    /// Twelve digits.
    pub account: String,
}

impl Scope {
    /// Fills `{partition}`, `{region}`, `{account}`, `{pipeline}` and `{name}` of a template; of the name of a part,
    /// `PARENT/PART`, also `{parent}` and `{part}`.
    pub fn fill(&self, template: &str, name: &str) -> String {
        let (parent, part) = name.split_once('/').unwrap_or((name, ""));
        template
            .replace("{parent}", parent)
            .replace("{part}", part)
            .replace("{partition}", &self.partition)
            .replace("{region}", &self.region)
            .replace("{account}", &self.account)
            .replace("{pipeline}", &self.pipeline)
            .replace("{name}", name)
    }

    /// The domain of AWS service principals and hosts in this partition.
    pub fn dns_suffix(&self) -> &'static str {
        if self.partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" }
    }
}
