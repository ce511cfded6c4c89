use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a pipeline calls a resource: `stream/clicks`, `consumer/clicks/fraud`.
///
/// It is kept on the resource as the tag `tidegate:resource`, so it holds only characters that AWS allows in tags.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Address {
    kind: String,
    name: String,
}

impl Address {
    pub fn new(kind: impl Into<String>, name: impl Into<String>) -> Self {
        Self { kind: kind.into(), name: name.into() }
    }

    /// The kind's name, as registered in `kinds`.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The name within the kind; parts of a parent come first, divided by `/`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same resource under a name in AWS that the spec no longer gives it.
    #[must_use]
    pub fn former(&self, physical: &str) -> Self {
        Self { kind: self.kind.clone(), name: format!("{}@{physical}", self.name) }
    }

    /// The address that the resource carries as its tag.
    #[must_use]
    pub fn tagged(&self) -> Self {
        let name = self.name.split('@').next().unwrap_or(&self.name);
        Self { kind: self.kind.clone(), name: name.to_owned() }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/{}", self.kind, self.name))
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('/') {
            Some((kind, name)) if !kind.is_empty() && !name.is_empty() => Ok(Self::new(kind, name)),
            _ => Err(format!("`{text}` is no address: write KIND/NAME, for example stream/clicks")),
        }
    }
}

impl TryFrom<String> for Address {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}
