//! `# METADATA` blocks: YAML in comments, as OPA writes them, with a few fields of ours.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value as Json;

use super::policy::{Entry, PolicyFile, Style};
use super::rule::{About, Concern, Persona, Severity};
use crate::spec;

/// The fields of a block. Fields that OPA knows and we do not need are ignored, so that annotated policies still load.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Block {
    /// By which the finding is known, in place of the file's name.
    id: Option<String>,
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

/// A block of a file, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Said {
    /// The line that says `# METADATA`, from 1.
    line: usize,
    /// The next line that is neither blank nor a comment; what the block describes begins there.
    describes: usize,
    /// Of the package, by its place or its `scope`.
    of_package: bool,
    yaml: String,
}

/// Every block of a policy file.
fn blocks(text: &str) -> Vec<Said> {
    let lines: Vec<&str> = text.lines().map(str::trim_start).collect();
    let is_code = |line: &&str| !line.is_empty() && !line.starts_with('#');
    let begins = |line: &str| line.strip_prefix('#').map(str::trim) == Some("METADATA");
    let block = |(at, _): (usize, &&str)| {
        let comments = lines[at + 1..].iter().map_while(|line| line.strip_prefix('#'));
        let yaml = comments.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect::<Vec<_>>().join("\n");
        let next = lines[at + 1..].iter().position(is_code).map(|next| at + 1 + next);
        let scope = yaml.lines().find_map(|line| line.strip_prefix("scope:")).map(str::trim);
        let of_package = match scope {
            Some("package" | "subpackages") => true,
            Some(_) => false,
            None => next.is_some_and(|next| lines[next].starts_with("package ")),
        };
        Said { line: at + 1, describes: next.map_or(0, |next| next + 1), of_package, yaml }
    };
    lines.iter().enumerate().filter(|(_, line)| begins(line)).map(block).collect()
}

/// The block of the package; where a file has none, its first one unless that describes one of several rules, which begin
/// on `rules`.
fn of_package<'a>(blocks: &'a [Said], rules: &[usize]) -> Option<&'a Said> {
    let first = blocks.first().filter(|block| !rules.contains(&block.describes));
    blocks.iter().find(|block| block.of_package).or(first)
}

/// The block directly above the rule that begins on a line.
fn of_rule(blocks: &[Said], line: usize) -> Option<&Said> {
    blocks.iter().rfind(|block| block.describes == line && !block.of_package)
}

/// What a block says. `id`: the name that it has where the block gives it none. `whole`: what is said of the package, which
/// holds for a rule whose block does not say how much it matters.
fn read(id: &str, concern: Concern, said: &Said, whole: Option<&About>) -> Result<About, BadMetadata> {
    let unreadable =
        |why: String| BadMetadata { line: said.line, message: format!("the METADATA block cannot be read: {why}") };
    let mut block: Block = spec::yaml(&said.yaml).map_err(|error| unreadable(error.to_string()))?;
    let custom = block.custom.take().map(|custom| *custom).unwrap_or_default();
    let related = block.related_resources.into_iter().map(|related| match related {
        Related::Text(target) | Related::Described { target } => target,
    });
    let one_line = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = |own: Option<String>, other: Option<String>| own.or(other).map(one_line).unwrap_or_default();
    let named = custom.id.or(block.id).filter(|named| named != id);
    if let Some(bad) = named.as_ref().filter(|named| named.is_empty() || named.contains(is_no_part)) {
        return Err(unreadable(format!("`{bad}` is no id; write letters, digits, dashes, dots and underscores")));
    }
    let aliases = block.aliases.into_iter().chain(custom.aliases);
    // By the name of its file it is still known.
    let aliases = aliases.chain(named.as_ref().map(|_| id.to_owned())).collect();
    Ok(About {
        id: named.unwrap_or_else(|| id.to_owned()),
        concern,
        title: block.title.or(custom.title).map_or_else(|| id.replace('-', " "), one_line),
        severity: block.severity.or(custom.severity).or(whole.map(|one| one.severity)).unwrap_or(Severity::Error),
        persona: block.persona.or(custom.persona).or(whole.map(|one| one.persona)).unwrap_or_default(),
        protected: block.protected.or(custom.protected).or(whole.map(|one| one.protected)).unwrap_or(false),
        why: text(block.why.or(custom.why), block.description),
        fix: text(block.fix, custom.fix),
        links: block.links.into_iter().chain(custom.links).chain(related).collect(),
        aliases,
        compliance: block.compliance.into_iter().chain(custom.compliance).collect(),
    })
}

fn is_no_part(c: char) -> bool {
    !c.is_ascii_alphanumeric() && !"-._".contains(c)
}

/// What is said of a file, and of each of its rules where that has a block of its own.
///
/// # Errors
/// A block cannot be read.
pub fn described(file: &PolicyFile, style: Style, entries: &mut [Entry]) -> Result<About, BadMetadata> {
    let blocks = blocks(&file.source.text);
    // A policy for facts is one rule, wherever its block stands.
    let lines: Vec<usize> = match style {
        Style::Facts => Vec::new(),
        Style::Document => entries.iter().map(|entry| entry.line).collect(),
    };
    let about = match of_package(&blocks, &lines) {
        Some(said) => read(file.id(), file.concern, said, None)?,
        None => About {
            title: file.id().replace(['-', '_'], " "),
            ..About::built_in(&file.id().replace('_', "-"), file.concern, Severity::Error, "")
        },
    };
    for entry in entries.iter_mut().filter(|_| style == Style::Document) {
        let id = if entry.suffix.is_empty() { about.id.clone() } else { entry.suffix.replace('_', "-") };
        let own = of_rule(&blocks, entry.line);
        let own = own.map(|said| read(&id, file.concern, said, Some(&about))).transpose()?;
        entry.about = own.map(|mut own| {
            // The file's own name means all of its rules.
            if own.id != about.id {
                own.aliases.push(about.id.clone());
            }
            Arc::new(own)
        });
    }
    Ok(about)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What the first block of a file says.
    fn read(id: &str, concern: Concern, text: &str) -> Result<Option<About>, BadMetadata> {
        let blocks = blocks(text);
        of_package(&blocks, &[]).map(|said| super::read(id, concern, said, None)).transpose()
    }

    #[test]
    fn a_block_describes_what_stands_below_it() {
        let text = "# METADATA\n# title: P\npackage a\n\n# METADATA\n# title: One\n# custom: { id: ONE-1 }\n\n# A comment.\ndeny_one[m] { m := 1 }\n# METADATA\n# scope: package\n# title: Late\nx := 1\n";
        let blocks = blocks(text);
        let title = |said: &Said| super::read("file", Concern::Custom, said, None).unwrap().title;
        assert_eq!(of_package(&blocks, &[10]).map(title).as_deref(), Some("P"));
        assert_eq!(of_rule(&blocks, 10).map(title).as_deref(), Some("One"));
        assert_eq!((of_rule(&blocks, 9), of_rule(&blocks, 14)), (None, None));
        assert_eq!(of_package(&blocks[1..2], &[10]), None, "it describes one rule, and not the others");
        let about = super::read("one", Concern::Custom, &blocks[1], None).unwrap();
        assert_eq!((about.id.as_str(), about.aliases), ("ONE-1", vec!["one".to_owned()]));
        let bad = Said { yaml: "id: a b".into(), ..blocks[0].clone() };
        assert!(super::read("x", Concern::Custom, &bad, None).unwrap_err().message.contains("`a b` is no id"));
    }

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
