//! What a rule says of itself: its `# METADATA` block, read by us because the engine knows no comments.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", try_from = "String")]
pub enum Severity {
    Note,
    Warning,
    Error,
}

impl TryFrom<String> for Severity {
    type Error = String;

    /// Our words and those of others, such as trivy's in the policies that it ships; capitals are ignored.
    fn try_from(text: String) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "error" | "critical" | "high" => Ok(Self::Error),
            "warning" | "medium" => Ok(Self::Warning),
            "note" | "low" | "info" => Ok(Self::Note),
            _ => Err(format!("`{text}` is no severity; there are error, warning and note")),
        }
    }
}

/// Who wants to read a rule's findings; each includes those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Persona {
    /// Everybody: what is very probably wrong.
    #[default]
    Regular,
    /// Who likes it neat: what could be better.
    Pedantic,
    /// Who reviews: what somebody should have looked at.
    Auditor,
}

/// What a rule is about; the folder that it lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Concern {
    /// Mistakes that keep a spec from being read or planned. They are found by the specification itself.
    Spec,
    Security,
    Access,
    Reliability,
    Scaling,
    Cost,
    Hygiene,
    /// A rule of the user's own.
    Custom,
}

impl Concern {
    pub const ALL: [Self; 8] = [
        Self::Spec,
        Self::Security,
        Self::Access,
        Self::Reliability,
        Self::Scaling,
        Self::Cost,
        Self::Hygiene,
        Self::Custom,
    ];

    pub fn word(self) -> &'static str {
        match self {
            Self::Spec => "spec",
            Self::Security => "security",
            Self::Access => "access",
            Self::Reliability => "reliability",
            Self::Scaling => "scaling",
            Self::Cost => "cost",
            Self::Hygiene => "hygiene",
            Self::Custom => "custom",
        }
    }
}

impl FromStr for Concern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|concern| concern.word() == text).ok_or_else(|| format!("`{text}` is no concern"))
    }
}

impl Severity {
    pub fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl Persona {
    pub fn word(self) -> &'static str {
        match self {
            Self::Regular => "regular",
            Self::Pedantic => "pedantic",
            Self::Auditor => "auditor",
        }
    }
}

/// What is known of a rule before it is run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct About {
    /// A slug that never changes its meaning: the file's name without `.rego`.
    pub id: String,
    pub concern: Concern,
    pub title: String,
    pub severity: Severity,
    pub persona: Persona,
    /// Cannot be silenced by a comment in the file.
    pub protected: bool,
    /// What happens to those who ignore it.
    pub why: String,
    /// What to do.
    pub fix: String,
    /// Where the reason is written down.
    pub links: Vec<String>,
    /// The ids of the same check in other tools; they are accepted wherever an id is.
    pub aliases: Vec<String>,
    /// Controls of compliance frameworks that it covers, such as `Security Hub Kinesis.1`; accepted like aliases.
    pub compliance: Vec<String>,
}

impl About {
    /// A rule that Tidegate itself checks, without a policy file.
    pub fn built_in(id: &str, concern: Concern, severity: Severity, title: &str) -> Self {
        Self {
            id: id.to_owned(),
            concern,
            title: title.to_owned(),
            severity,
            persona: Persona::Regular,
            protected: concern == Concern::Spec,
            why: String::new(),
            fix: String::new(),
            links: Vec::new(),
            aliases: Vec::new(),
            compliance: Vec::new(),
        }
    }

    /// Whether `name` means this rule: its id, an alias, its concern, or `all`.
    pub fn is_called(&self, name: &str) -> bool {
        name == self.id || name == "all" || name == self.concern.word() || self.is_known_as(name)
    }

    /// Whether others call it so: another tool's id, or a control that it covers, such as `Kinesis.1` of Security Hub,
    /// with or without the name of the framework. Capitals are ignored.
    pub fn is_known_as(&self, name: &str) -> bool {
        let is = |known: &str| known.eq_ignore_ascii_case(name);
        let control = |covered: &String| is(covered) || covered.rsplit_once(' ').is_some_and(|(_, number)| is(number));
        self.aliases.iter().any(|alias| is(alias)) || self.compliance.iter().any(control)
    }

    /// What code scanning sorts by, from 0 to 10; only what concerns security has one.
    pub fn security_severity(&self) -> Option<&'static str> {
        if !matches!(self.concern, Concern::Security | Concern::Access) {
            return None;
        }
        // GitHub calls 7.0 to 8.9 high, 4.0 to 6.9 medium and what is below low.
        Some(match self.severity {
            Severity::Error => "8.0",
            Severity::Warning => "5.5",
            Severity::Note => "3.0",
        })
    }
}
