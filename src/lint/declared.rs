//! Rules for those who do not read Rego: `policies/*.yaml`. Each becomes a policy in Rego, and so has the same places,
//! severities, cases and reports as every other rule.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::engine::concern_of;
use super::fields::{self, Unit};
use super::patterns::is_pattern;
use super::policy::{Origin, PolicyFailure, PolicyFile};
use super::rule::{Persona, Severity};
use crate::spec::{self, Source};

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
    let file: File = spec::yaml(&source.text).map_err(|error| {
        let (line, column) = error.location().map_or((1, 1), |at| (at.line(), at.column()));
        refuse(line, column, format!("it is no file of rules: {error}"))
    })?;
    let mut policies: Vec<PolicyFile> = Vec::new();
    for rule in &file.rules {
        let before = policies.iter().filter(|other| other.id() == rule.id).count();
        let line = line_of(source, &rule.id, before);
        if before > 0 {
            return Err(refuse(line, 1, format!("there is a rule `{}` above already", rule.id)));
        }
        policies.push(policy(source, rule, line).map_err(|message| refuse(line, 1, message))?);
    }
    Ok(policies)
}

/// The line that says the id for the `nth` time, from 1.
fn line_of(source: &Source, id: &str, nth: usize) -> usize {
    let says = |field: &str| {
        let said = field.trim().trim_start_matches("- ").trim_start().strip_prefix("id:");
        said.is_some_and(|said| said.trim().trim_matches(['"', '\'']) == id)
    };
    let stands = |line: &str| line.split(" #").next().unwrap_or(line).split(['{', ',', '}']).any(says);
    let mut lines = source.text.lines().enumerate().filter(|(_, line)| stands(line));
    lines.nth(nth).map_or(1, |(at, _)| at + 1)
}

/// What is wrong with what a rule asks for: it would find nothing for ever, and without a word.
fn wrong(check: &str, asked: &Json) -> Option<&'static str> {
    let texts = |asked: &Json| asked.as_array().is_some_and(|all| !all.is_empty() && all.iter().all(Json::is_string));
    let scalars = |asked: &Json| {
        asked.as_array().is_some_and(|all| !all.is_empty() && !all.iter().any(|one| one.is_array() || one.is_object()))
    };
    let (fits, wanted) = match check {
        "require-tags" => (texts(asked), "a list of tags, such as [owner, team]"),
        "allowed" => (scalars(asked), "a list of values"),
        "minimum" | "maximum" => {
            let fits = asked.is_number() || asked.as_str().is_some_and(is_quantity);
            (fits, "a number, or one with a unit such as 7d or 64MiB")
        }
        "pattern" | "name-pattern" => (asked.as_str().is_some_and(is_pattern), "a regular expression"),
        "required" | "forbidden" => (asked.as_str().is_some_and(|text| !text.is_empty()), "the name of a field"),
        _ => (asked.as_object().is_some_and(|fields| !fields.is_empty()), "fields and their values"),
    };
    (!fits).then_some(wanted)
}

/// A path of a rule that no spec has, and the nearest that it has.
fn misspelt(rule: &Declared) -> Option<String> {
    let place: Vec<&str> = rule.r#where.split('.').collect();
    let named = |check: &str| rule.check.get(check).and_then(Json::as_str);
    let conditions = rule.check.get("when").and_then(Json::as_object).into_iter().flatten();
    let tags = rule.check.get("require-tags").map(|_| ("require-tags", "tags"));
    let fields = ["required", "forbidden"].into_iter().filter_map(|check| Some((check, named(check)?)));
    let fields = fields.chain(conditions.map(|(field, _)| ("when", field.as_str()))).chain(tags);
    let all =
        std::iter::once(("where", Vec::new())).chain(fields.map(|(check, field)| (check, field.split('.').collect())));
    all.into_iter().find_map(|(check, field): (&str, Vec<&str>)| {
        let (part, known) = fields::unknown(&[place.as_slice(), &field].concat())?;
        let near = known.iter().map(|word| (strsim::jaro_winkler(word, part), word)).filter(|(near, _)| *near > 0.8);
        let near = near.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, word)| format!("; did you mean `{word}`?"));
        Some(format!("`{check}` names `{part}`, which no spec has there{}", near.unwrap_or_default()))
    })
}

/// An amount that is of something else than what it is compared with: it would be met for ever, or never.
fn unlike(rule: &Declared) -> Option<String> {
    let place: Vec<&str> = rule.r#where.split('.').collect();
    let there = fields::units(&place);
    ["minimum", "maximum"].into_iter().find_map(|check| {
        let asked = rule.check.get(check)?;
        let unit = match asked.as_str() {
            None => Unit::Number,
            Some(text) if text.ends_with('B') => Unit::Data,
            Some(_) => Unit::Time,
        };
        let (what, such) = match there.first().filter(|_| !there.contains(&unit))? {
            Unit::Number => ("a number", "a number without a unit"),
            Unit::Time => ("a length of time", "a number with d, h, m or s, such as 7d"),
            Unit::Data => ("an amount of data", "a number with B, KiB, MiB or GiB, such as 10MiB"),
        };
        let shown = asked.as_str().map_or_else(|| asked.to_string(), str::to_owned);
        Some(format!("`{check}: {shown}` cannot be compared with `{}`, which is {what}; write {such}", rule.r#where))
    })
}

/// What `declared.rego` compares: digits and a unit.
fn is_quantity(text: &str) -> bool {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    unit.len() < text.len() && ["d", "h", "m", "s", "GiB", "MiB", "KiB", "B"].contains(&unit)
}

fn policy(source: &Source, rule: &Declared, line: usize) -> Result<PolicyFile, String> {
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
    if let Some((check, wanted)) = rule.check.iter().find_map(|(check, asked)| Some((check, wrong(check, asked)?))) {
        return Err(format!("rule `{}`: `{check}` wants {wanted}", rule.id));
    }
    if rule.check.contains_key("when") && !["required", "forbidden"].iter().any(|one| rule.check.contains_key(*one)) {
        return Err(format!("rule `{}`: `when` limits `required` and `forbidden`, and neither is there", rule.id));
    }
    if rule.r#where.split('.').any(str::is_empty) {
        return Err(format!("rule `{}`: `where` is a path such as streams.*.retention", rule.id));
    }
    if let Some(told) = misspelt(rule).or_else(|| unlike(rule)) {
        return Err(format!("rule `{}`: {told}", rule.id));
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
    let origin = Some(Origin { file: Arc::clone(&source.name), line });
    let concern = concern_of(&source.name);
    let source = Source::new(name, &text).map_err(|problem| problem.message)?;
    Ok(PolicyFile { source, concern, origin })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::lint::engine::{Engine, Subject};

    fn found(rules: &str) -> Vec<String> {
        let document = json!({
            "region": "us-east-1",
            "streams": {
                "clicks": {"retention": "48h", "tags": {"class": "pii"}},
                "views": {"retention": "30d", "encryption": {"key": "x"}, "tags": {"class": "pii", "owner": "ada"}},
            },
        });
        found_in(&document, rules)
    }

    fn found_in(document: &Json, rules: &str) -> Vec<String> {
        let source = Source::new("policies/house.yaml", rules).unwrap();
        let files = policies(&source).unwrap();
        let (mut engine, failures) = Engine::load(&files, Duration::from_secs(10));
        assert_eq!(failures, []);
        let facts = json!({"document": document, "filled": fields::filled(document), "tags": {"team": "web"}});
        let (verdicts, failures) = engine.judge(&Subject { file: "a.yaml", facts: &facts, document }, &|_| true);
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
        assert_eq!(
            rule("where: region, pattern: '^eu-'"),
            ["region: `region` is `us-east-1`, which does not match ^eu-"]
        );
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
    fn a_block_without_a_value_is_a_block() {
        let document = json!({ "streams": { "clicks": null, "views": { "tags": null, "encryption": null } } });
        let rule =
            |check: &str| found_in(&document, &format!("rules:\n  - {{ id: house, where: streams.*, {check} }}\n"));
        let missing = |what: &str| ["clicks", "views"].map(|name| format!("streams.{name}{}", what.replace('@', name)));
        assert_eq!(rule("require-tags: [owner]"), missing(": `streams.@` has no tag `owner`"));
        assert_eq!(
            rule("required: encryption.key"),
            missing(".encryption.key: `streams.@` does not say `encryption.key`")
        );
        assert_eq!(rule("required: retention, when: { retention: null }").len(), 2);
        assert_eq!(rule("forbidden: retention"), [""; 0]);
    }

    #[test]
    fn what_is_not_said_counts_with_its_default() {
        let document = json!({
            "streams": {
                "clicks": {},
                "views": { "retention": "7d", "capacity": { "mode": "provisioned", "shards": { "min": 2, "max": 64 } } },
            },
            "archives": { "raw": { "from": "views", "s3": { "bucket": "x" }, "logRetention": "never" } },
        });
        let rule = |check: &str| found_in(&document, &format!("rules:\n  - {{ id: house, {check} }}\n"));
        assert_eq!(
            rule("where: streams.*.retention, minimum: 48h"),
            [
                "streams.clicks.retention: `streams.clicks.retention` is `24h` where nothing is said, and at least 48h is asked for"
            ]
        );
        assert_eq!(rule("where: streams.*.retention, allowed: [1d, 168h]"), [""; 0], "amounts, not words");
        assert_eq!(rule("where: streams.*.capacity.mode, allowed: [provisioned]").len(), 1);
        assert_eq!(rule("where: streams.*.encryption.key, pattern: '^alias/'").len(), 2);
        assert_eq!(rule("where: streams.*, required: name, when: { capacity.mode: onDemand }").len(), 1);
        assert_eq!(rule("where: streams.*, required: name, when: { capacity.mode: [onDemand, provisioned] }").len(), 2);
        assert_eq!(rule("where: streams.*, required: name, when: { retention: [7d, 8d] }").len(), 1);
        assert_eq!(
            rule("where: streams.*.capacity.shards, maximum: 32"),
            ["streams.views.capacity.shards: `streams.views.capacity.shards` is `2 to 64`, and at most 32 is allowed"]
        );
        assert_eq!(rule("where: streams.*.capacity.shards, maximum: 64"), [""; 0]);
        assert_eq!(rule("where: streams.*.capacity.shards, minimum: 4").len(), 1);
        assert_eq!(rule("where: archives.*.logRetention, maximum: 30d").len(), 1, "never is longer than any time");
    }

    #[test]
    fn amounts_of_something_else_are_refused() {
        for (rule, told) in [
            (
                "where: streams.*.retention, maximum: 7",
                "`maximum: 7` cannot be compared with `streams.*.retention`, which is a length of time; write a number with d, h, m or s, such as 7d",
            ),
            (
                "where: streams.*.retention, minimum: 7MiB",
                "`minimum: 7MiB` cannot be compared with `streams.*.retention`, which is a length of time",
            ),
            (
                "where: streams.*.maxRecordSize, maximum: 2",
                "`maximum: 2` cannot be compared with `streams.*.maxRecordSize`, which is an amount of data",
            ),
            (
                "where: streams.*.capacity.shards, maximum: 2d",
                "`maximum: 2d` cannot be compared with `streams.*.capacity.shards`, which is a number; write a number without a unit",
            ),
        ] {
            let rules = format!("rules:\n  - {{ id: x, {rule} }}\n");
            let failure = policies(&Source::new("h.yaml", &rules).unwrap()).unwrap_err().to_string();
            assert!(failure.starts_with(&format!("h.yaml:2:1: rule `x`: {told}")), "{failure}");
        }
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
            told("rules:\n  - id: x\n    where: region\n    pattern: '[a-'\n")
                .contains("`pattern` wants a regular expression")
        );
        assert!(told("rule: []\n").contains("it is no file of rules"));
        assert!(told("rules:\n  - { id: X Y, where: a, maximum: 1 }\n").starts_with("h.yaml:2:1: `X Y` is no id"));
        for (check, wanted) in [
            ("maximum: soon", "`maximum` wants a number"),
            ("minimum: 7x", "`minimum` wants a number"),
            ("require-tags: owner", "`require-tags` wants a list of tags"),
            ("allowed: eu-west-1", "`allowed` wants a list of values"),
            ("required: [a]", "`required` wants the name of a field"),
            ("required: a, when: x", "`when` wants fields"),
            ("maximum: 1, when: { a: b }", "`when` limits `required` and `forbidden`"),
        ] {
            let rules = format!(
                "rules:\n  - {{ id: x, where: region, maximum: 1 }}\n  - {{ where: region, id: 'y', {check} }} # z\n"
            );
            assert!(
                told(&rules).starts_with("h.yaml:3:1: rule `y`: ") && told(&rules).contains(wanted),
                "{}",
                told(&rules)
            );
        }
        assert!(told("rules:\n  - { id: x, where: '', maximum: 1 }\n").contains("`where` is a path"));
        let twice = "rules:\n  - { id: x, where: region, maximum: 1 }\n  - id: x\n    where: region\n    minimum: 1\n";
        assert_eq!(told(twice), "h.yaml:3:1: there is a rule `x` above already");
    }

    #[test]
    fn paths_that_no_spec_has_are_told_with_the_nearest() {
        let told = |rule: &str| {
            let text = format!("rules:\n  - {{ id: x, {rule} }}\n");
            policies(&Source::new("h.yaml", &text).unwrap()).unwrap_err().to_string()
        };
        for (rule, wanted) in [
            (
                "where: stream.*.retention, maximum: 7d",
                "`where` names `stream`, which no spec has there; did you mean `streams`?",
            ),
            (
                "where: streams.*, required: encyption",
                "`required` names `encyption`, which no spec has there; did you mean `encryption`?",
            ),
            (
                "where: streams.*, required: name, when: { capacity.mod: x }",
                "`when` names `mod`, which no spec has there; did you mean `mode`?",
            ),
            ("where: streams.*.retention, require-tags: [a]", "`require-tags` names `tags`, which no spec has there"),
        ] {
            assert_eq!(told(rule), format!("h.yaml:2:1: rule `x`: {wanted}"));
        }
    }
}
