//! From text to a policy: every deviation from IAM's grammar is a fact with its place, and what is left is read on.

use crate::model::{Path, Problem};
use crate::spec::{Document, Entry, Node, NodeValue, Source};

use super::fact::Fact;
use super::policy::{Condition, Kind, Listed, Policy, Principal, Statement, Text};

/// The longest document that is judged, in characters without white space. AWS takes 32,768 for a key policy and less
/// for all others; the bound keeps the time of comparing every entry with every other small.
pub const LONGEST: usize = 32_768;

/// A text that was read as a policy.
pub struct Parsed {
    /// `None` where the text is no JSON.
    pub document: Option<Document>,
    pub policy: Option<Policy>,
    pub facts: Vec<Fact>,
    /// Mistakes of JSON itself.
    pub problems: Vec<Problem>,
}

/// Reads the text of a policy file. `kind`: what it is for, if known; otherwise its statements tell.
pub fn parse(source: &Source, kind: Option<Kind>) -> Parsed {
    let refused = |problems| Parsed { document: None, policy: None, facts: Vec::new(), problems };
    if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(&source.text) {
        return refused(vec![not_json(source, &error)]);
    }
    // JSON is a part of YAML but for tabs between its words; inside its texts they cannot stand. Places stay the same.
    let plain = Source { text: source.text.replace('\t', " ").into(), ..source.clone() };
    let (document, problems) = Document::parse(plain);
    let Some(mut document) = document else { return refused(problems) };
    document.source = source.clone();
    let (policy, facts) = read_named(&document.root, kind, &source.name);
    Parsed { document: Some(document), policy: Some(policy), facts, problems }
}

fn not_json(source: &Source, error: &serde_json::Error) -> Problem {
    let starts = source.text.split_inclusive('\n').scan(0, |at, line| {
        let start = *at;
        *at += line.len();
        Some(start)
    });
    let line = starts.take(error.line()).last().unwrap_or_default();
    let at = line + error.column().saturating_sub(1);
    let told = error.to_string();
    let told = told.split(" at line ").next().unwrap_or_default().to_owned();
    let before = source.text.get(..at).unwrap_or_default().trim_end();
    let (told, at) = match before.strip_suffix(',') {
        Some(rest) if source.text.get(at..).is_some_and(|rest| rest.starts_with(['}', ']'])) => {
            ("trailing comma".to_owned(), rest.len())
        }
        // The reader says the line behind the last one.
        _ if told.starts_with("EOF") => {
            let end = source.text.trim_end().len();
            (told, source.text[..end].char_indices().next_back().map_or(0, |(last, _)| last))
        }
        _ => (told, at),
    };
    let help = match told.as_str() {
        "trailing comma" => "remove the comma before the closing bracket",
        "key must be a string" => "put keys in double quotes; JSON has no comments and no single quotes",
        "EOF while parsing a value" if source.text.trim().is_empty() => "the file is empty",
        told if told.starts_with("EOF") => "the file is cut off: close every bracket, brace and quote",
        _ => "a policy is strict JSON: double quotes, no comments, no comma after the last entry",
    };
    Problem::new("malformed-json", Path::root(), format!("this is no JSON: {told}"))
        .help(help)
        .at(source.place(at..at + 1))
}

/// Reads a tree as a policy.
pub fn read(root: &Node, kind: Option<Kind>) -> (Policy, Vec<Fact>) {
    read_named(root, kind, "")
}

/// The same of a file, whose name may say what it is for.
fn read_named(root: &Node, kind: Option<Kind>, name: &str) -> (Policy, Vec<Fact>) {
    let mut reader = Reader { facts: Vec::new() };
    let length = length(root);
    let mut policy = reader.document(root);
    policy.length = length;
    policy.kind = kind.unwrap_or_else(|| guess(&policy, name));
    for statement in &policy.statements {
        reader.fits_kind(statement, policy.kind);
    }
    (policy, reader.facts)
}

/// What a document is for, from what its statements name and what the file is called.
fn guess(policy: &Policy, file: &str) -> Kind {
    let named = |statement: &Statement| !statement.principals.is_empty() || statement.not_principal.is_some();
    let assumes = |statement: &Statement| {
        let actions = &statement.actions.items;
        actions.iter().all(|action| action.text.to_ascii_lowercase().starts_with("sts:"))
    };
    let file = file.rsplit(['/', '\\']).next().unwrap_or_default().to_ascii_lowercase();
    let mut statements = policy.statements.iter();
    match (policy.statements.iter().any(named), statements.all(assumes)) {
        (true, true) => Kind::Trust,
        (true, false) if file.contains("endpoint") || policy.statements.iter().any(through_endpoint) => Kind::Endpoint,
        (true, false) => Kind::Resource,
        (false, _) => Kind::Identity,
    }
}

/// Names a principal, actions of a service that a pipeline has endpoints for, and every resource. The policy of a stream
/// names the stream: there `*` is none, where in an endpoint's it is what AWS's own examples say.
fn through_endpoint(statement: &Statement) -> bool {
    const SERVICES: &[&str] = &["kinesis", "firehose", "monitoring", "cloudwatch"];
    let named = !statement.principals.is_empty() || statement.not_principal.is_some();
    let served = |action: &Text| {
        let service = action.service();
        service == "*" || SERVICES.iter().any(|one| one.eq_ignore_ascii_case(service))
    };
    named && statement.on_everything() && statement.actions.items.iter().any(served)
}

/// Characters without white space, as AWS counts them; quotes, commas and brackets included.
fn length(node: &Node) -> usize {
    match &node.value {
        NodeValue::Seq(items) => 1 + items.len().max(1) + items.iter().map(length).sum::<usize>(),
        NodeValue::Map(entries) => {
            let inner = entries.iter().map(|entry| entry.key.chars().count() + 3 + length(&entry.value));
            1 + entries.len().max(1) + inner.sum::<usize>()
        }
        NodeValue::Text(text) => 2 + text.chars().filter(|c| !c.is_whitespace()).count(),
        _ => node.span.len(),
    }
}

struct Reader {
    facts: Vec<Fact>,
}

impl Reader {
    fn wrong(&mut self, path: &Path, message: impl Into<String>, help: &str) {
        self.facts.push(Fact::new("malformed-policy", path, message).help(help));
    }

    /// The entries of a mapping, with those that IAM does not know told.
    fn entries<'n>(&mut self, node: &'n Node, path: &Path, what: &str, known: &[&str]) -> Option<&'n [Entry]> {
        let NodeValue::Map(entries) = &node.value else {
            self.wrong(path, format!("{what} is an object, and this is {}", name(&node.value)), "write `{ … }`");
            return None;
        };
        for entry in entries.iter().filter(|entry| !known.contains(&entry.key.as_str())) {
            let near = known.iter().find(|known| known.eq_ignore_ascii_case(&entry.key)).copied();
            let near = near.or_else(|| super::near(&entry.key, known.iter().copied()));
            let help = match near {
                Some(near) => format!("did you mean `{near}`? IAM distinguishes capitals here"),
                None => format!("IAM knows {}", known.join(", ")),
            };
            let message = format!("{what} has no element `{}`", entry.key);
            self.facts.push(Fact::new("malformed-policy", &path.key(&entry.key), message).help(help).at_key());
        }
        Some(entries)
    }

    fn document(&mut self, root: &Node) -> Policy {
        let mut policy = Policy { kind: Kind::Identity, version: None, statements: Vec::new(), length: 0 };
        let path = Path::root();
        let Some(entries) = self.entries(root, &path, "a policy", &["Version", "Id", "Statement"]) else {
            return policy;
        };
        for entry in entries {
            let at = path.key(&entry.key);
            match entry.key.as_str() {
                "Version" => policy.version = self.text(&entry.value, &at),
                "Id" => drop(self.text(&entry.value, &at)),
                "Statement" => match &entry.value.value {
                    NodeValue::Seq(items) if items.is_empty() => self.empty(&at, "the policy has no statements"),
                    NodeValue::Seq(items) => {
                        let statements = items.iter().enumerate();
                        policy.statements.extend(statements.filter_map(|(i, item)| self.statement(item, at.index(i))));
                    }
                    _ => policy.statements.extend(self.statement(&entry.value, at)),
                },
                _ => {}
            }
        }
        if !entries.iter().any(|entry| entry.key == "Statement") {
            self.wrong(&path, "the policy has no `Statement`", "add `\"Statement\": [ … ]`");
        }
        policy
    }

    fn statement(&mut self, node: &Node, path: Path) -> Option<Statement> {
        const KNOWN: &[&str] = &[
            "Sid",
            "Effect",
            "Principal",
            "NotPrincipal",
            "Action",
            "NotAction",
            "Resource",
            "NotResource",
            "Condition",
        ];
        let entries = self.entries(node, &path, "a statement", KNOWN)?;
        let mut statement = Statement { path: path.clone(), ..Statement::default() };
        let mut effect = None;
        for entry in entries {
            let at = path.key(&entry.key);
            match entry.key.as_str() {
                "Sid" => statement.sid = self.text(&entry.value, &at),
                "Effect" => effect = self.text(&entry.value, &at),
                "Action" | "NotAction" => statement.actions = self.listed(entry, at),
                "Resource" | "NotResource" => statement.resources = Some(self.listed(entry, at)),
                "Principal" => statement.principals = self.principals(&entry.value, &at),
                "NotPrincipal" => {
                    statement.principals = self.principals(&entry.value, &at);
                    statement.not_principal = Some(at);
                }
                "Condition" => statement.conditions = self.conditions(&entry.value, &at),
                _ => {}
            }
        }
        self.complete(entries, &path);
        match effect {
            Some(effect) if !matches!(effect.text.as_str(), "Allow" | "Deny") => {
                let message = format!("`{}` is no effect", effect.text);
                self.wrong(&effect.path, message, "write `Allow` or `Deny`, with a capital");
                return None;
            }
            effect => statement.allows = effect.is_some_and(|effect| effect.text == "Allow"),
        }
        Some(statement)
    }

    /// What a statement must have, and what excludes each other.
    fn complete(&mut self, entries: &[Entry], path: &Path) {
        let has = |key: &str| entries.iter().any(|entry| entry.key == key);
        for (key, opposite) in [("Action", "NotAction"), ("Resource", "NotResource"), ("Principal", "NotPrincipal")] {
            if has(key) && has(opposite) {
                let message = format!("a statement has either `{key}` or `{opposite}`");
                self.wrong(&path.key(opposite), message, "divide it into two statements");
            }
        }
        if !has("Effect") {
            self.wrong(path, "the statement has no `Effect`", "write `\"Effect\": \"Allow\"` or `\"Deny\"`");
        }
        if !has("Action") && !has("NotAction") {
            self.wrong(path, "the statement has no `Action`", "name the actions, for example `kinesis:PutRecords`");
        }
    }

    /// Principals and resources stand where the kind of document wants them.
    fn fits_kind(&mut self, statement: &Statement, kind: Kind) {
        let named = !statement.principals.is_empty() || statement.not_principal.is_some();
        let path = &statement.path;
        match kind {
            Kind::Identity if named => {
                let help = "remove it: whoever the policy is attached to is the principal";
                self.wrong(path, "an identity policy names no principal", help);
            }
            Kind::Trust | Kind::Resource | Kind::Endpoint if !named => {
                self.wrong(path, "the statement has no `Principal`", "say who may do it");
            }
            _ => {}
        }
        match (kind, &statement.resources) {
            (Kind::Trust, Some(resources)) => {
                self.wrong(
                    &resources.path,
                    "a trust policy names no resource",
                    "remove it: the role itself is the resource",
                );
            }
            (Kind::Identity | Kind::Resource | Kind::Endpoint, None) => {
                self.wrong(path, "the statement has no `Resource`", "name the ARNs that the actions may act on");
            }
            _ => {}
        }
    }

    fn empty(&mut self, path: &Path, message: &str) {
        self.facts.push(Fact::new("empty-list", path, message).help("add entries or remove it"));
    }

    /// A text; numbers and booleans count as text, as AWS takes them in conditions.
    fn text(&mut self, node: &Node, path: &Path) -> Option<Text> {
        let text = match &node.value {
            NodeValue::Text(text) => text.clone(),
            NodeValue::Int(number) => number.to_string(),
            NodeValue::Float(number) => number.to_string(),
            NodeValue::Bool(yes) => yes.to_string(),
            other => {
                self.wrong(path, format!("a text is expected, and this is {}", name(other)), "put one text in quotes");
                return None;
            }
        };
        Some(Text { text, path: path.clone() })
    }

    fn texts(&mut self, node: &Node, path: &Path) -> Vec<Text> {
        match &node.value {
            NodeValue::Seq(items) => {
                if items.is_empty() {
                    self.empty(path, "an empty list matches nothing");
                }
                items.iter().enumerate().filter_map(|(i, item)| self.text(item, &path.index(i))).collect()
            }
            _ => self.text(node, path).into_iter().collect(),
        }
    }

    fn listed(&mut self, entry: &Entry, path: Path) -> Listed {
        Listed { not: entry.key.starts_with("Not"), items: self.texts(&entry.value, &path), path }
    }

    fn principals(&mut self, node: &Node, path: &Path) -> Vec<Principal> {
        if let NodeValue::Text(text) = &node.value {
            if text != "*" {
                let help = "write an object, for example { \"AWS\": \"arn:aws:iam::123456789012:root\" }";
                self.wrong(path, format!("`{text}` is no principal"), help);
                return Vec::new();
            }
            let name = Text { text: text.clone(), path: path.clone() };
            return vec![Principal { kind: "*".into(), name }];
        }
        let known = &["AWS", "Service", "Federated", "CanonicalUser"];
        let Some(entries) = self.entries(node, path, "a principal", known) else { return Vec::new() };
        let mut all = Vec::new();
        for entry in entries {
            let names = self.texts(&entry.value, &path.key(&entry.key));
            all.extend(names.into_iter().map(|name| Principal { kind: entry.key.clone(), name }));
        }
        all
    }

    fn conditions(&mut self, node: &Node, path: &Path) -> Vec<Condition> {
        let NodeValue::Map(operators) = &node.value else {
            let help = "write { \"StringEquals\": { \"key\": \"value\" } }";
            self.wrong(path, format!("a condition is an object, and this is {}", name(&node.value)), help);
            return Vec::new();
        };
        let mut all = Vec::new();
        for entry in operators {
            let at = path.key(&entry.key);
            let operator = Text { text: entry.key.clone(), path: at.clone() };
            let NodeValue::Map(keys) = &entry.value.value else {
                let message =
                    format!("below `{}` stand condition keys, and this is {}", entry.key, name(&entry.value.value));
                self.wrong(&at, message, "write { \"StringEquals\": { \"key\": \"value\" } }");
                continue;
            };
            for key in keys {
                let at = at.key(&key.key);
                let values = self.texts(&key.value, &at);
                let name = Text { text: key.key.clone(), path: at.clone() };
                all.push(Condition { operator: operator.clone(), key: name, values, path: at });
            }
        }
        all
    }
}

fn name(value: &NodeValue) -> &'static str {
    match value {
        NodeValue::Null => "null",
        NodeValue::Bool(_) => "true or false",
        NodeValue::Int(_) | NodeValue::Float(_) => "a number",
        NodeValue::Text(_) => "a text",
        NodeValue::Seq(_) => "a list",
        NodeValue::Map(_) => "an object",
    }
}

#[cfg(test)]
mod tests;
