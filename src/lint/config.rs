//! `tidegate.toml`: what a team has agreed on, so that nobody has to remember arguments.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::rule::{About, Concern, Persona, Severity};

/// The file. Other parts of Tidegate may have sections of their own one day; a misspelt section is a mistake.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub lint: Lint,
}

/// The section `[lint]`. Arguments go before it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Lint {
    /// Spec files and folders, from the folder of this file.
    pub paths: Vec<PathBuf>,
    /// Only these rules: ids, concerns, ids of other tools.
    pub select: Vec<String>,
    /// Not these rules.
    pub ignore: Vec<String>,
    pub persona: Option<Persona>,
    pub fail_on: Option<Severity>,
    /// Rules or concerns that a comment cannot silence.
    pub protected: Vec<String>,
    /// The most suppressions in a file.
    pub max_suppressions: Option<usize>,
    /// The folder of the team's own policies; `policies` if there is one.
    pub policies: Option<PathBuf>,
    /// Findings that were there before.
    pub baseline: Option<PathBuf>,
    /// Other severities, by id or concern.
    pub severity: BTreeMap<String, Severity>,
}

impl Config {
    /// Reads the file.
    ///
    /// # Errors
    /// The mistake with its line, as the TOML reader shows it.
    pub fn read(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())
    }
}

impl Lint {
    /// The severity that the team gives a rule: by its id, else by another tool's id, else by its concern.
    pub fn severity_of(&self, about: &About) -> Option<Severity> {
        let by_id = self.severity.iter().find(|(name, _)| **name == about.id);
        let by_alias = || self.severity.iter().find(|(name, _)| about.is_called(name) && !is_broad(name));
        let by_concern = || self.severity.iter().find(|(name, _)| about.is_called(name));
        by_id.or_else(by_alias).or_else(by_concern).map(|(_, severity)| *severity)
    }
}

/// Whether a name means many rules.
fn is_broad(name: &str) -> bool {
    name == "all" || name.parse::<Concern>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read() {
        let text = "[lint]\nignore = [\"cost\"]\npersona = \"pedantic\"\nfail-on = \"error\"\nprotected = [\"security\"]\nmax-suppressions = 3\n[lint.severity]\nuntagged = \"error\"\n";
        let lint = Config::read(text).unwrap().lint;
        assert_eq!(
            (lint.ignore.as_slice(), lint.persona, lint.fail_on),
            (["cost".to_owned()].as_slice(), Some(Persona::Pedantic), Some(Severity::Error))
        );
        let about = About::built_in("untagged", Concern::Hygiene, Severity::Note, "U");
        assert_eq!(lint.severity_of(&about), Some(Severity::Error));
        let broad = Config::read("[lint.severity]\nhygiene = \"error\"\nCKV_1 = \"warning\"\n").unwrap().lint;
        assert_eq!(broad.severity_of(&about), Some(Severity::Error));
        assert_eq!(broad.severity_of(&About { aliases: vec!["ckv_1".into()], ..about }), Some(Severity::Warning));
        assert_eq!(Config::read("").unwrap(), Config::default());
    }

    #[test]
    fn mistakes_have_their_line() {
        let error = Config::read("[lint]\nignor = []\n").unwrap_err();
        assert!(error.contains("line 2") && error.contains("ignor"), "{error}");
    }
}
