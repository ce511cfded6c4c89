//! Rules for those who do not read Rego: `policies/*.yaml`. Each becomes a policy in Rego, and so has the same places,
//! severities, cases and reports as every other rule.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::patterns::is_pattern;
use super::policy::{PolicyFailure, PolicyFile};
use super::rule::{Concern, Persona, Severity};
use crate::spec::Source;

/// A file of declared rules.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    rules: Vec<Declared>,
}

/// One rule: where it looks, what it asks for, and what it says of itself.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Declared {
    id: String,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    severity: Option<Severity>,
    #[serde(default)]
    persona: Option<Persona>,
    #[serde(default)]
    protected: bool,
    #[serde(default)]
    why: String,
    #[serde(default)]
    fix: String,
    #[serde(default)]
    links: Vec<String>,
    /// `streams.*.retention`; `*` stands for any name or index.
    r#where: String,
    #[serde(flatten)]
    check: BTreeMap<String, Json>,
}

/// What a rule can ask for.
const CHECKS: [&str; 9] =
    ["require-tags", "allowed", "minimum", "maximum", "pattern", "name-pattern", "required", "forbidden", "when"];

/// What the `# METADATA` block of the generated policy holds.
#[derive(Serialize)]
struct Block<'a> {
    title: &'a str,
    severity: Severity,
    persona: Persona,
    protected: bool,
    why: &'a str,
    fix: &'a str,
    links: &'a [String],
}

/// The policies of a file.
///
/// # Errors
/// The file is no file of rules, or a rule asks for something that is not known.
pub fn policies(source: &Source) -> Result<Vec<PolicyFile>, Box<PolicyFailure>> {
    let name = &*source.name;
    let refuse = |line, column, message: String| Box::new(PolicyFailure::new(name, line, column, message));
    let file: File = serde_yaml::from_str(&source.text).map_err(|error| {
        let (line, column) = error.location().map_or((1, 1), |at| (at.line(), at.column()));
        refuse(line, column, format!("it is no file of rules: {error}"))
    })?;
    file.rules
        .iter()
        .map(|rule| policy(source, rule).map_err(|message| refuse(line_of(source, &rule.id), 1, message)))
        .collect()
}

fn line_of(source: &Source, id: &str) -> usize {
    let stands = |line: &str| {
        line.trim_start().trim_start_matches("- ").trim_start().strip_prefix("id:").map(str::trim) == Some(id)
    };
    source.text.lines().position(stands).map_or(1, |at| at + 1)
}

fn policy(source: &Source, rule: &Declared) -> Result<PolicyFile, String> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if rule.id.is_empty() || !rule.id.chars().all(fits) {
        return Err(format!("`{}` is no id; use lower-case letters, digits and dashes", rule.id));
    }
    if let Some(unknown) = rule.check.keys().find(|check| !CHECKS.contains(&check.as_str())) {
        return Err(format!("rule `{}`: `{unknown}` is not understood; there are {}", rule.id, CHECKS.join(", ")));
    }
    if rule.check.keys().all(|check| check == "when") {
        return Err(format!("rule `{}` asks for nothing; there are {}", rule.id, CHECKS.join(", ")));
    }
    for check in ["pattern", "name-pattern"] {
        let pattern = rule.check.get(check);
        if pattern.is_some_and(|pattern| !pattern.as_str().is_some_and(is_pattern)) {
            return Err(format!("rule `{}`: `{check}` is no regular expression", rule.id));
        }
    }
    let mut checks: serde_json::Map<String, Json> = rule.check.clone().into_iter().collect();
    let segments =
        rule.r#where.split('.').map(|part| part.parse::<usize>().map_or_else(|_| Json::from(part), Json::from));
    checks.insert("where".into(), segments.collect());
    let block = Block {
        title: rule.title.as_deref().unwrap_or(&rule.id),
        severity: rule.severity.unwrap_or(Severity::Error),
        persona: rule.persona.unwrap_or_default(),
        protected: rule.protected,
        why: &rule.why,
        fix: &rule.fix,
        links: &rule.links,
    };
    let said = serde_yaml::to_string(&block).map_err(|error| error.to_string())?;
    let metadata: String = said.lines().map(|line| format!("# {line}\n")).collect();
    let checks = serde_json::to_string_pretty(&checks).map_err(|error| error.to_string())?;
    let body = include_str!("declared.rego")
        .replace("PACKAGE", &format!("declared_{}", rule.id.replace('-', "_")))
        .replace("RULE", &checks);
    // The last part of the name is the rule's id; the folder stays that of the file.
    let folder = source.name.rsplit_once(['/', '\\']).map_or("", |(folder, _)| folder);
    let name = if folder.is_empty() { format!("{}.rego", rule.id) } else { format!("{folder}/{}.rego", rule.id) };
    let text = format!("# METADATA\n{metadata}{body}");
    let source = Source::new(name, &text).map_err(|problem| problem.message)?;
    Ok(PolicyFile { source, concern: Concern::Custom })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::lint::engine::{Engine, Subject};

    fn found(rules: &str) -> Vec<String> {
        let source = Source::new("policies/house.yaml", rules).unwrap();
        let files = policies(&source).unwrap();
        let (mut engine, failures) = Engine::load(&files, Duration::from_secs(10));
        assert_eq!(failures, []);
        let document = json!({
            "region": "us-east-1",
            "streams": {
                "clicks": {"retention": "48h", "tags": {"class": "pii"}},
                "views": {"retention": "30d", "encryption": {"key": "x"}, "tags": {"class": "pii", "owner": "ada"}},
            },
        });
        let facts = json!({"document": document, "tags": {"team": "web"}});
        let (verdicts, failures) =
            engine.judge(&Subject { file: "a.yaml", facts: &facts, document: &document }, &|_| true);
        assert_eq!(failures, []);
        verdicts.into_iter().map(|one| format!("{}: {}", one.path.unwrap(), one.message)).collect()
    }

    #[test]
    fn every_check_finds_what_it_asks_for() {
        let rule = |check: &str| found(&format!("rules:\n  - {{ id: house, {check} }}\n"));
        assert_eq!(
            rule("where: streams.*, require-tags: [team, owner]"),
            ["streams.clicks: `streams.clicks` has no tag `owner`"]
        );
        assert_eq!(
            rule("where: region, allowed: [eu-west-1]"),
            ["region: `region` is `us-east-1`, and allowed are: eu-west-1"]
        );
        assert_eq!(
            rule("where: streams.*.retention, maximum: 7d"),
            ["streams.views.retention: `streams.views.retention` is `30d`, and at most 7d is allowed"]
        );
        assert_eq!(
            rule("where: streams.*.retention, minimum: 72h"),
            ["streams.clicks.retention: `streams.clicks.retention` is `48h`, and at least 72h is asked for"]
        );
        assert_eq!(rule("where: region, pattern: '^eu-'"), ["region: `region` does not match ^eu-"]);
        assert_eq!(
            rule("where: streams.*, name-pattern: '^v'"),
            ["streams.clicks: the name `clicks` does not match ^v"]
        );
        assert_eq!(
            rule("where: streams.*, required: encryption.key, when: { tags.class: pii }"),
            ["streams.clicks.encryption.key: `streams.clicks` does not say `encryption.key`"]
        );
        assert_eq!(rule("where: streams.*, required: encryption.key, when: { tags.class: public }"), [""; 0]);
        assert_eq!(
            rule("where: streams.*, forbidden: encryption"),
            ["streams.views.encryption: `streams.views` says `encryption`, which is forbidden"]
        );
    }

    #[test]
    fn mistakes_are_told_with_their_line() {
        let told = |rules: &str| policies(&Source::new("h.yaml", rules).unwrap()).unwrap_err().to_string();
        assert!(
            told("rules:\n  - id: x\n    where: a\n    maximun: 1\n")
                .starts_with("h.yaml:2:1: rule `x`: `maximun` is not understood")
        );
        assert!(told("rules:\n  - id: x\n    where: a\n").contains("asks for nothing"));
        assert!(
            told("rules:\n  - id: x\n    where: a\n    pattern: '[a-'\n")
                .contains("`pattern` is no regular expression")
        );
        assert!(told("rule: []\n").contains("it is no file of rules"));
        assert!(told("rules:\n  - { id: X Y, where: a, maximum: 1 }\n").contains("is no id"));
    }
}
