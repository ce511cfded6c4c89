//! `# METADATA` blocks: YAML in comments, as OPA writes them, with a few fields of ours.

use serde::Deserialize;
use serde_json::Value as Json;

use super::rule::{About, Concern, Persona, Severity};
use crate::spec;

/// The fields of a block. Fields that OPA knows and we do not need are ignored, so that annotated policies still load.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Block {
    title: Option<String>,
    description: Option<String>,
    severity: Option<Severity>,
    persona: Option<Persona>,
    protected: Option<bool>,
    why: Option<String>,
    fix: Option<String>,
    links: Vec<String>,
    aliases: Vec<String>,
    compliance: Vec<String>,
    related_resources: Vec<Related>,
    /// OPA keeps foreign fields here.
    custom: Option<Box<Block>>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Related {
    Text(String),
    Described {
        #[serde(rename = "ref")]
        target: String,
    },
}

/// A mistake in a block, with the line that it begins on.
#[derive(Debug, PartialEq)]
pub struct BadMetadata {
    pub line: usize,
    pub message: String,
}

/// Reads the first block of a policy file. `None`: there is none, and the policy says nothing of itself.
pub fn read(id: &str, concern: Concern, text: &str) -> Result<Option<About>, BadMetadata> {
    let Some((line, yaml)) = first_block(text) else { return Ok(None) };
    let unreadable = |why: String| BadMetadata { line, message: format!("the METADATA block cannot be read: {why}") };
    let mut block: Block = spec::yaml(&yaml).map_err(|error| unreadable(error.to_string()))?;
    let custom = block.custom.take().map(|custom| *custom).unwrap_or_default();
    let related = block.related_resources.into_iter().map(|related| match related {
        Related::Text(target) | Related::Described { target } => target,
    });
    let one_line = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = |own: Option<String>, other: Option<String>| own.or(other).map(one_line).unwrap_or_default();
    Ok(Some(About {
        id: id.to_owned(),
        concern,
        title: block.title.or(custom.title).map_or_else(|| id.replace('-', " "), one_line),
        severity: block.severity.or(custom.severity).unwrap_or(Severity::Error),
        persona: block.persona.or(custom.persona).unwrap_or_default(),
        protected: block.protected.or(custom.protected).unwrap_or(false),
        why: text(block.why.or(custom.why), block.description),
        fix: text(block.fix, custom.fix),
        links: block.links.into_iter().chain(custom.links).chain(related).collect(),
        aliases: block.aliases.into_iter().chain(custom.aliases).collect(),
        compliance: block.compliance.into_iter().chain(custom.compliance).collect(),
    }))
}

/// What OPA answers to `rego.metadata.rule()`: the block above the rule. The engine knows no comments.
const ASKED: &str = "rego.metadata.rule()";

/// The text with the blocks that it asks for written out in place; nothing where it asks for none.
pub fn written_out(text: &str) -> Option<String> {
    let mut at = text.find(ASKED)?;
    let (mut out, mut from) = (String::new(), 0);
    loop {
        out.push_str(&text[from..at]);
        out.push_str(&last_block(&text[..at]).to_string());
        from = at + ASKED.len();
        let Some(next) = text[from..].find(ASKED) else { break };
        at = from + next;
    }
    out.push_str(&text[from..]);
    Some(out)
}

/// The last block of a text as data; without fields where there is none.
fn last_block(text: &str) -> Json {
    let begins = |line: &str| line.trim_start().strip_prefix('#').map(str::trim) == Some("METADATA");
    let lines: Vec<&str> = text.lines().collect();
    let begin = lines.iter().rposition(|line| begins(line)).unwrap_or(lines.len().saturating_sub(1));
    let comments = lines.iter().skip(begin + 1).map_while(|line| line.trim_start().strip_prefix('#'));
    let yaml = comments.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect::<Vec<_>>().join("\n");
    spec::yaml(&yaml).ok().filter(Json::is_object).unwrap_or_else(|| serde_json::json!({}))
}

/// The YAML of the first block, and the number of the line that says `# METADATA`.
fn first_block(text: &str) -> Option<(usize, String)> {
    let mut lines = text.lines().enumerate();
    let (at, _) = lines.find(|(_, line)| line.trim_start().strip_prefix('#').map(str::trim) == Some("METADATA"))?;
    let comments = lines.map_while(|(_, line)| line.trim_start().strip_prefix('#'));
    let yaml = comments.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect::<Vec<_>>().join("\n");
    Some((at + 1, yaml))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_yaml_in_comments() {
        let text = "# A comment.\n\n# METADATA\n# title: No keys\n# severity: warning\n# why: >-\n#   It is\n#   bad.\n# aliases: [X_1]\n# entrypoint: true\npackage a\n# not: this\n";
        let about = read("no-keys", Concern::Security, text).unwrap().unwrap();
        assert_eq!(
            (about.title.as_str(), about.severity, about.why.as_str()),
            ("No keys", Severity::Warning, "It is bad.")
        );
        assert!(about.is_called("x_1") && about.is_called("security") && !about.is_called("cost"));
    }

    #[test]
    fn what_opa_writes_is_understood() {
        let text = "# METADATA\n# title: T\n# description: D\n# related_resources:\n# - https://a\n# - ref: https://b\n# custom:\n#   severity: note\n#   fix: F\npackage a\n";
        let about = read("x", Concern::Custom, text).unwrap().unwrap();
        assert_eq!((about.severity, about.why.as_str(), about.fix.as_str()), (Severity::Note, "D", "F"));
        assert_eq!(about.links, ["https://a", "https://b"]);
    }

    #[test]
    fn severities_of_others_are_understood() {
        for (word, severity) in [
            ("HIGH", Severity::Error),
            ("CRITICAL", Severity::Error),
            ("Medium", Severity::Warning),
            ("LOW", Severity::Note),
            ("info", Severity::Note),
        ] {
            let text = format!("# METADATA\n# custom:\n#   severity: {word}\npackage a\n");
            assert_eq!(read("x", Concern::Custom, &text).unwrap().unwrap().severity, severity, "{word}");
        }
    }

    #[test]
    fn a_rule_can_ask_for_its_own_block() {
        let text = "# METADATA\n# title: A\npackage p\nx := rego.metadata.rule()\n# METADATA\n# title: B\n# custom: { n: 1 }\ny := rego.metadata.rule()\n";
        let out = written_out(text).unwrap();
        assert!(
            out.contains("\nx := {\"title\":\"A\"}\n")
                && out.contains("\ny := {\"custom\":{\"n\":1},\"title\":\"B\"}\n")
        );
        assert_eq!(out.lines().count(), text.lines().count());
        assert_eq!(written_out("package p\nx := rego.metadata.rule()").as_deref(), Some("package p\nx := {}"));
        assert_eq!(written_out("package p\n"), None);
    }

    #[test]
    fn mistakes_name_the_line() {
        let bad = read("x", Concern::Custom, "package a\n# METADATA\n# severity: dreadful\n").unwrap_err();
        assert_eq!(bad.line, 2);
        assert!(bad.message.contains("dreadful"), "{}", bad.message);
        assert_eq!(read("x", Concern::Custom, "package a\n").unwrap(), None);
    }
}
