//! Several files may define `deny` of one package, and together they are one set: nobody could tell afterwards which file
//! a result came from. So each such file gets a `deny` of its own, and one line that adds it to what all have in common.

use std::collections::{BTreeMap, BTreeSet};

use regorus::unstable::{Expr, Module, Rule, RuleHead};

use super::policy::{APART, Entry};

/// Which names of which packages more than one file defines, each as a set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shared(BTreeSet<(String, String)>);

impl Shared {
    /// Of all files that are to be used together.
    pub fn among<'a>(modules: impl IntoIterator<Item = &'a Module>) -> Self {
        // How many files define a name, and whether all do so as a set.
        let mut defined: BTreeMap<(String, String), (usize, bool)> = BTreeMap::new();
        for module in modules {
            let mut here: BTreeMap<&str, bool> = BTreeMap::new();
            for rule in &module.policy {
                let Some((name, is_set)) = head(rule) else { continue };
                *here.entry(name).or_insert(true) &= is_set;
            }
            for (name, is_set) in here.into_iter().filter(|(name, _)| Entry::of("", name).is_some()) {
                let known = defined.entry((package(module), name.to_owned())).or_insert((0, true));
                *known = (known.0 + 1, known.1 && is_set);
            }
        }
        Self(defined.into_iter().filter(|(_, (files, sets))| *files > 1 && *sets).map(|(name, _)| name).collect())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text of a file with names of its own, of which `nth` makes them; nothing where it shares none. Lines stay
    /// where they are.
    pub fn apart(&self, text: &str, module: &Module, nth: usize) -> Option<String> {
        let package = package(module);
        let mut ends = Vec::new();
        let mut names = BTreeSet::new();
        for rule in &module.policy {
            let Some((name, _)) =
                head(rule).filter(|(name, _)| self.0.contains(&(package.clone(), (*name).to_owned())))
            else {
                continue;
            };
            names.insert(name);
            ends.push(rule_start(rule)? + name.len());
        }
        if names.is_empty() {
            return None;
        }
        let mut out = text.to_owned();
        ends.sort_unstable();
        for end in ends.into_iter().rev() {
            out.insert_str(end, &format!("{APART}{nth}"));
        }
        if !out.ends_with('\n') {
            out.push('\n');
        }
        for name in names {
            // Both forms of the language know one of these.
            out.push_str(&if module.rego_v1 {
                format!("{name} contains one if some one in {name}{APART}{nth}\n")
            } else {
                format!("{name}[one] {{ {name}{APART}{nth}[one] }}\n")
            });
        }
        Some(out)
    }
}

fn package(module: &Module) -> String {
    module.package.refr.span().text().to_owned()
}

/// The name of a rule that is a set or a value, and whether it is a set.
fn head(rule: &Rule) -> Option<(&str, bool)> {
    let Rule::Spec { head, .. } = rule else { return None };
    let (refr, is_set) = match head {
        RuleHead::Set { refr, .. } => (refr, true),
        RuleHead::Compr { refr, .. } => (refr, false),
        RuleHead::Func { .. } => return None,
    };
    match &**refr {
        Expr::Var { span, .. } => Some((span.text(), is_set)),
        // Rego of old writes a set as `deny[msg]`.
        Expr::RefBrack { refr, .. } => match &**refr {
            Expr::Var { span, .. } => Some((span.text(), is_set)),
            _ => None,
        },
        _ => None,
    }
}

/// The byte that the name of a rule begins at.
fn rule_start(rule: &Rule) -> Option<usize> {
    let Rule::Spec { head: RuleHead::Set { refr, .. }, .. } = rule else { return None };
    let mut expr = refr;
    while let Expr::RefBrack { refr, .. } = &**expr {
        expr = refr;
    }
    usize::try_from(expr.span().start).ok()
}
