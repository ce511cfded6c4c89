//! SARIF 2.1.0 for code scanning.
//!
//! GitHub tells alerts apart by rule, file and the primary fingerprint, so that must not move with the lines.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{Told, slashes};
use crate::lint::finding::{Finding, SilencedBy};
use crate::lint::rule::{About, Persona, Severity};
use crate::model::Place;

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";
const HOME: &str = "https://github.com/tidegate/tidegate";

pub fn render(told: &Told) -> String {
    let mut rules: BTreeMap<&str, &Arc<About>> = told.rules.iter().map(|about| (about.id.as_str(), about)).collect();
    for finding in told.findings {
        rules.entry(&finding.about.id).or_insert(&finding.about);
    }
    let order: BTreeMap<&str, usize> = rules.keys().enumerate().map(|(nth, id)| (*id, nth)).collect();
    let notifications: Vec<Value> = told
        .failures
        .iter()
        .map(|failure| {
            json!({
                "level": "error",
                "message": { "text": failure.message },
                "locations": [{ "physicalLocation": {
                    "artifactLocation": { "uri": uri(&failure.file) },
                    "region": { "startLine": failure.line.max(1), "startColumn": failure.column.max(1) },
                } }],
            })
        })
        .collect();
    let document = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "tidegate",
                "informationUri": HOME,
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.values().map(|about| rule(about)).collect::<Vec<_>>(),
            } },
            "columnKind": "unicodeCodePoints",
            "invocations": [{
                "executionSuccessful": told.failures.is_empty(),
                "toolExecutionNotifications": notifications,
            }],
            "results": told.printed().map(|(finding, print)| result(told, finding, &print, order[finding.about.id.as_str()])).collect::<Vec<_>>(),
        }],
    });
    format!("{document:#}\n")
}

fn level(severity: Severity) -> &'static str {
    severity.word()
}

fn rule(about: &About) -> Value {
    let mut tags = vec![about.concern.word().to_owned()];
    tags.extend(about.aliases.iter().chain(&about.compliance).cloned());
    // SARIF wants every tag once.
    tags.sort();
    tags.dedup();
    let mut properties = json!({ "tags": tags, "precision": "high", "problem.severity": match about.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "recommendation",
    } });
    if let Some(severity) = about.security_severity() {
        properties["security-severity"] = severity.into();
    }
    let links: Vec<String> = about.links.iter().map(|link| format!("- <{link}>")).collect();
    let markdown = format!("{}\n\n**What to do:** {}\n\n{}", about.why, about.fix, links.join("\n"));
    let mut rule = json!({
        "id": about.id,
        "name": pascal(&about.id),
        "shortDescription": { "text": about.title },
        "defaultConfiguration": { "level": level(about.severity), "enabled": about.persona == Persona::Regular },
        "properties": properties,
    });
    if !about.why.is_empty() {
        rule["fullDescription"] = json!({ "text": about.why });
        rule["help"] = json!({ "text": format!("{} {}", about.why, about.fix), "markdown": markdown });
    }
    if let Some(link) = about.links.first() {
        rule["helpUri"] = link.as_str().into();
    }
    rule
}

fn result(told: &Told, finding: &Finding, print: &str, index: usize) -> Value {
    let remedy = finding.remedy().map(|remedy| format!("\n{remedy}")).unwrap_or_default();
    let mut result = json!({
        "ruleId": finding.about.id,
        "ruleIndex": index,
        "level": level(finding.severity),
        "message": { "text": format!("{}{remedy}", finding.message) },
        "locations": [location(told, &finding.file, finding.place.as_ref())],
        "partialFingerprints": { "primaryLocationLineHash": print, "tidegate/v2": print },
    });
    if !finding.also.is_empty() {
        let related = finding.also.iter().enumerate().map(|(nth, (place, label))| {
            let mut location = location(told, &place.file, Some(place));
            location["id"] = nth.into();
            location["message"] = json!({ "text": label });
            location
        });
        result["relatedLocations"] = related.collect();
    }
    if let Some(silence) = &finding.silenced {
        let kind = if silence.by == SilencedBy::Comment { "inSource" } else { "external" };
        result["suppressions"] = json!([{ "kind": kind, "justification": silence.reason }]);
    }
    result
}

fn location(told: &Told, file: &str, place: Option<&Place>) -> Value {
    let mut physical = json!({ "artifactLocation": { "uri": uri(file) } });
    if let Some(lines) = place.and_then(|place| told.lines(place)) {
        physical["region"] = json!({
            "startLine": lines.line,
            "startColumn": lines.column,
            "endLine": lines.end_line,
            "endColumn": lines.end_column,
        });
    }
    json!({ "physicalLocation": physical })
}

/// A relative reference; what has a meaning in URIs is escaped.
fn uri(file: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-~".contains(&byte);
    let one = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    slashes(file).bytes().map(one).collect()
}

/// `stream-unencrypted` becomes `StreamUnencrypted`, as SARIF likes names.
fn pascal(id: &str) -> String {
    let words = id.split('-').filter(|word| !word.is_empty());
    words.map(|word| word[..1].to_ascii_uppercase() + &word[1..]).collect()
}
