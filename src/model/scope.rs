use serde::{Deserialize, Serialize};

/// The account where nobody was asked for it. Its region is then a stand-in as well, unless the spec says one.
pub const NO_ACCOUNT: &str = "000000000000";

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
        let mut filled = String::with_capacity(template.len() + name.len() + 32);
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            let known = after.split_once('}').and_then(|(field, behind)| {
                let value = match field {
                    "parent" => parent,
                    "part" => part,
                    "partition" => &self.partition,
                    "region" => &self.region,
                    "account" => &self.account,
                    "pipeline" => &self.pipeline,
                    "name" => name,
                    _ => return None,
                };
                Some((value, behind))
            });
            match known {
                Some((value, behind)) => {
                    filled.push_str(value);
                    rest = behind;
                }
                // A brace that is meant as itself.
                None => {
                    filled.push('{');
                    rest = after;
                }
            }
        }
        filled.push_str(rest);
        filled
    }

    /// The domain of AWS service principals and hosts in this partition.
    pub fn dns_suffix(&self) -> &'static str {
        if self.partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" }
    }
}
