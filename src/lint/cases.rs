//! Good and bad specs of a rule: its test and its documentation at once.

use serde::Deserialize;

use crate::spec::{self, Source, VarKind};

/// What lies beside a rule as `ID.cases.yaml`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cases {
    /// Specs that the rule must find something in.
    #[serde(default)]
    pub bad: Vec<Case>,
    /// Specs that it must leave alone.
    #[serde(default)]
    pub good: Vec<Case>,
}

/// One spec, or the part of it that matters.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it shows, in a few words.
    pub name: String,
    #[serde(default)]
    pub spec: String,
    /// A policy document in place of the spec, or beside it.
    #[serde(default)]
    pub policy: Option<String>,
    /// Where the finding must be, such as `streams.clicks.retention`.
    #[serde(default)]
    pub at: Option<String>,
}

impl Cases {
    /// Reads a cases file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(text: &str) -> Result<Self, String> {
        spec::yaml(text).map_err(|error| error.to_string())
    }
}

impl Case {
    /// What to show of it: the policy if there is one, since the spec beside it only says what the streams are.
    pub fn shown(&self) -> (&'static str, &str) {
        self.policy.as_ref().map_or(("yaml", self.spec.as_str()), |policy| ("json", policy))
    }

    /// What a variable stands for in a case: `${var:SET}` is set, to something that also fits where an account is
    /// wanted, and `${var:REGION}` to a region; all others are not.
    pub fn variable(_: VarKind, name: &str) -> Option<String> {
        match name {
            "SET" => Some("123456789012".to_owned()),
            "REGION" => Some("eu-west-1".to_owned()),
            _ => None,
        }
    }

    /// The whole spec: what every spec says is added where the case leaves it out.
    pub fn source(&self, name: &str) -> Option<Source> {
        let mut text = String::new();
        if !self.spec.contains("apiVersion:") {
            text.push_str("apiVersion: tidegate/v1\n");
        }
        if !self.spec.contains("pipeline:") {
            text.push_str("pipeline: demo\n");
        }
        text.push_str(&self.spec);
        Source::new(name, &text).ok()
    }
}
