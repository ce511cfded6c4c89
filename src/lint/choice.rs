//! Which rules are asked.

use super::rule::{About, Concern, Persona};

/// What the user chose. Names are ids, aliases of other tools, controls of compliance frameworks, concerns, or `all`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// Only these; empty means all of the persona.
    pub select: Vec<String>,
    /// Not these, which goes before `select`.
    pub ignore: Vec<String>,
    pub persona: Persona,
}

impl Choice {
    /// Whether a rule is asked. Mistakes of the specification always are.
    pub fn takes(&self, about: &About) -> bool {
        if about.concern == Concern::Spec {
            return true;
        }
        if self.ignore.iter().any(|name| about.is_called(name)) {
            return false;
        }
        let by_persona = about.persona <= self.persona;
        if self.select.is_empty() {
            return by_persona;
        }
        // Who names a rule wants it, whatever the persona; a concern means those of the persona.
        self.select.iter().any(|name| {
            let broad = name == "all" || name == about.concern.word();
            about.is_called(name) && (by_persona || !broad)
        })
    }

    /// Names that mean no rule, each with the nearest id.
    pub fn unknown<'a>(&'a self, rules: &[&About]) -> Vec<(&'a str, Option<String>)> {
        let names = self.select.iter().chain(&self.ignore);
        let unknown = names.filter(|name| {
            *name != "all" && name.parse::<Concern>().is_err() && !rules.iter().any(|rule| rule.is_called(name))
        });
        unknown.map(|name| (name.as_str(), nearest(name, rules))).collect()
    }
}

/// The id or concern that looks most like `name`.
pub fn nearest(name: &str, rules: &[&About]) -> Option<String> {
    let mut names: Vec<&str> = rules.iter().map(|rule| rule.id.as_str()).collect();
    names.extend(Concern::ALL.map(Concern::word));
    let near = names.into_iter().map(|one| (strsim::jaro_winkler(one, name), one));
    near.filter(|(near, _)| *near > 0.8).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, one)| one.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::rule::Severity;

    #[test]
    fn rules_are_chosen_by_name_concern_and_persona() {
        let mut rule = About::built_in("tidy-rule", Concern::Cost, Severity::Note, "T");
        rule.persona = Persona::Pedantic;
        rule.aliases = vec!["CKV_AWS_1".into()];
        rule.compliance = vec!["Security Hub KMS.4".into()];
        let takes = |select: &[&str], ignore: &[&str], persona| {
            let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
            Choice { select: names(select), ignore: names(ignore), persona }.takes(&rule)
        };
        assert!(!takes(&[], &[], Persona::Regular) && takes(&[], &[], Persona::Auditor));
        assert!(takes(&["tidy-rule"], &[], Persona::Regular) && takes(&["ckv_aws_1"], &[], Persona::Regular));
        assert!(takes(&["KMS.4"], &[], Persona::Regular) && takes(&["security hub kms.4"], &[], Persona::Regular));
        assert!(!takes(&["cost"], &[], Persona::Regular) && takes(&["cost"], &[], Persona::Pedantic));
        assert!(!takes(&["cost"], &["CKV_AWS_1"], Persona::Auditor) && !takes(&["security"], &[], Persona::Auditor));
        let choice = Choice { select: vec!["tidy-rul".into(), "cost".into()], ..Choice::default() };
        assert_eq!(choice.unknown(&[&rule]), [("tidy-rul", Some("tidy-rule".to_owned()))]);
        assert_eq!(nearest("secrity", &[&rule]).as_deref(), Some("security"));
    }
}
