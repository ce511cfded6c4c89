//! A policy document, with the place of every word.

use crate::model::Path;

use super::glob::Glob;

/// What a document is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Attached to a user, group or role.
    Identity,
    /// Who may take a role on.
    Trust,
    /// Hangs on a resource: stream, key, bucket, queue.
    Resource,
    /// Hangs on a VPC endpoint.
    Endpoint,
}

impl Kind {
    /// The word by which rules know it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Trust => "trust",
            Self::Resource => "resource",
            Self::Endpoint => "endpoint",
        }
    }

    /// Must its statements name a principal?
    pub fn names_principals(self) -> bool {
        self != Self::Identity
    }
}

/// A word of the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    pub text: String,
    pub path: Path,
}

/// `Action`, `Resource` or their opposites.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// Written as `NotAction` or `NotResource`.
    pub not: bool,
    pub items: Vec<Text>,
    pub path: Path,
}

/// Somebody: `AWS`, `Service`, `Federated` or `CanonicalUser` and the name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// `*` where the principal is that alone.
    pub kind: String,
    pub name: Text,
}

/// `operator: {key: values}`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    pub operator: Text,
    pub key: Text,
    pub values: Vec<Text>,
    /// The place of the values as a whole.
    pub path: Path,
}

/// One statement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statement {
    pub path: Path,
    pub sid: Option<Text>,
    pub allows: bool,
    pub actions: Listed,
    /// `None` where the document has none, as in a trust policy.
    pub resources: Option<Listed>,
    pub not_principal: Option<Path>,
    pub principals: Vec<Principal>,
    pub conditions: Vec<Condition>,
}

/// A document as far as it can be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    pub kind: Kind,
    pub version: Option<Text>,
    pub statements: Vec<Statement>,
    /// Characters without white space, as AWS counts them.
    pub length: usize,
}

impl Default for Text {
    fn default() -> Self {
        Self { text: String::new(), path: Path::root() }
    }
}

impl Text {
    /// The word as a pattern; actions ignore capitals.
    pub fn action(&self) -> Glob {
        Glob::new(&self.text.to_ascii_lowercase())
    }

    /// Does it name `service:Name`, by itself or as a pattern? Most entries are no patterns, and need not become any.
    pub fn is_action(&self, action: &str) -> bool {
        if self.text.eq_ignore_ascii_case(action) {
            return true;
        }
        let wild = |byte: &u8| matches!(byte, b'*' | b'?' | b'$');
        // Most part at the first letter.
        let begins = self.text.as_bytes().first().zip(action.as_bytes().first());
        let may_be = begins.is_some_and(|(mine, other)| wild(mine) || mine.eq_ignore_ascii_case(other));
        may_be && self.text.as_bytes().iter().any(wild) && self.action().matches(&action.to_ascii_lowercase())
    }

    pub fn resource(&self) -> Glob {
        Glob::new(&self.text)
    }

    /// The service of an action; `*` for all.
    pub fn service(&self) -> &str {
        self.text.split_once(':').map_or("*", |(service, _)| service)
    }
}

impl Statement {
    /// Does it let `service:Name` be called, resources and conditions aside?
    pub fn names_action(&self, action: &str) -> bool {
        self.actions.items.iter().any(|text| text.is_action(action)) != self.actions.not
    }

    /// The condition on this key, whatever its operator.
    pub fn condition(&self, key: &str) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.key.text.eq_ignore_ascii_case(key))
    }

    /// Names every resource there is.
    pub fn on_everything(&self) -> bool {
        self.resources
            .as_ref()
            .is_some_and(|listed| !listed.not && listed.items.iter().any(|item| item.resource().is_any()))
    }
}
