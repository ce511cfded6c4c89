//! The policies that a pipeline brings with it, and what its roles need.

use crate::kinds::role::Grant;
use crate::kinds::{Name, Pipeline};
use crate::model::{Address, Desired, Graph, Path, Ref, Scope, Value};
use crate::spec::{Entry, Node, NodeValue};

use super::catalog::Catalog;
use super::checks;
use super::fact::Fact;
use super::need::{self, Edge, Reach, Stream, Work};
use super::policy::Kind;
use super::read;
use super::shape::{Names, shape};

/// A policy of the pipeline, judged.
pub struct Judged {
    pub address: Address,
    /// `policy` or `trust`.
    pub attribute: &'static str,
    pub kind: Kind,
    /// Where the specification asks for it.
    pub asked: Path,
    /// Paths are those of the derived document.
    pub facts: Vec<Fact>,
}

/// The attributes that hold policies, by kind of resource.
pub(super) const POLICIES: &[(&str, &str, Kind)] = &[
    ("role", "policy", Kind::Identity),
    ("role", "trust", Kind::Trust),
    ("stream-policy", "policy", Kind::Resource),
    ("key", "policy", Kind::Resource),
    ("bucket", "policy", Kind::Resource),
    ("endpoint", "policy", Kind::Endpoint),
];

/// Judges every policy of a pipeline by itself, and those of roles by what they are for.
pub fn judge(spec: &Pipeline, graph: &Graph, scope: &Scope, catalog: &Catalog) -> Vec<Judged> {
    let names = Names::of(spec, graph, catalog);
    let mut all = Vec::new();
    for (resource, attribute, kind) in POLICIES {
        for desired in graph.of_kind(resource) {
            let Some(document) = desired.attrs.get(*attribute) else { continue };
            let edges = match kind {
                Kind::Identity => edges(spec, graph, scope, desired),
                _ => Vec::new(),
            };
            let known = |reference: &Ref| known(reference, graph, scope);
            let facts = judged(*kind, document, &edges, &names, &known, catalog);
            let (address, asked) = (desired.address.clone(), desired.path.clone());
            all.push(Judged { address, attribute, kind: *kind, asked, facts });
        }
    }
    all
}

/// The facts of a document, which is judged itself unless one of its shape was found to have none.
pub(super) fn judged(
    kind: Kind,
    document: &Value,
    edges: &[Edge],
    names: &Names,
    known: &dyn Fn(&Ref) -> Option<String>,
    catalog: &Catalog,
) -> Vec<Fact> {
    let shape = shape(kind, document, edges, names, known, checks::longest(kind).0);
    if shape.as_ref().is_some_and(|shape| catalog.remembered.is_clean(shape)) {
        return Vec::new();
    }
    let value = document.resolved(known);
    let found = match kind {
        Kind::Identity => facts(&value, kind, edges, catalog),
        _ => catalog.remembered.facts(kind, &value, || facts(&value, kind, &[], catalog)),
    };
    if found.is_empty()
        && let Some(shape) = shape
    {
        catalog.remembered.add_clean(shape);
    }
    found
}

pub(super) fn facts(value: &Value, kind: Kind, edges: &[Edge], catalog: &Catalog) -> Vec<Fact> {
    let (policy, mut facts) = read::read(&tree(value), Some(kind));
    if policy.statements.is_empty() {
        return Vec::new();
    }
    let mendable = |mut fact: Fact| {
        if fact.code == "trust-unscoped" {
            fact.help =
                "the spec cannot add conditions: trust a role or an account, or make this role elsewhere".into();
        }
        fact
    };
    facts.extend(checks::check_derived(&policy, catalog).into_iter().map(mendable));
    if kind == Kind::Identity {
        let edges: Vec<(Edge, Path)> = edges.iter().map(|edge| (edge.clone(), Path::root())).collect();
        facts.extend(need::compare(&policy, &edges, Reach::Whole, catalog));
    }
    facts
}

/// A derived document as a tree, as if its text had been read. It has no places, since nobody wrote it.
fn tree(value: &Value) -> Node {
    let text = |text: String| (text.len(), NodeValue::Text(text));
    let (length, value) = match value {
        Value::Bool(yes) => (yes.to_string().len(), NodeValue::Bool(*yes)),
        Value::Int(number) => (number.to_string().len(), NodeValue::Int(*number)),
        Value::Text(word) => text(word.clone()),
        Value::Ref(reference) => text(reference.to_string()),
        Value::List(items) => (0, NodeValue::Seq(items.iter().map(tree).collect())),
        Value::Map(map) => {
            let entry =
                |(key, value): (&String, &Value)| Entry { key: key.clone(), key_span: 0..0, value: tree(value) };
            (0, NodeValue::Map(map.iter().map(entry).collect()))
        }
    };
    // The length of a number is that of its digits.
    Node { value, span: 0..length, quoted: false, from_variable: false, from_env: false, other: None }
}

/// A reference as the ARN that it will be; of what AWS names itself, a name of the same form.
pub(super) fn known(reference: &Ref, graph: &Graph, scope: &Scope) -> Option<String> {
    let desired = graph.get(&reference.address)?;
    let known = desired.known_output(&reference.output, scope);
    known.or_else(|| Some(assigned(desired, &reference.output, scope)))
}

fn assigned(desired: &Desired, output: &str, scope: &Scope) -> String {
    let name = desired.address.name().replace('/', "-");
    match (desired.address.kind(), output) {
        ("key", "arn") => scope.fill("arn:{partition}:kms:{region}:{account}:key/", "") + &name,
        ("endpoint", "arn") => scope.fill("arn:{partition}:ec2:{region}:{account}:vpc-endpoint/", "") + &name,
        _ => name,
    }
}

/// The streams of a pipeline with their keys, as policy files beside it name them: in any account, and in any region
/// if the pipeline does not say which. The id of a key that the pipeline makes may be anything.
pub fn streams(spec: &Pipeline, graph: &Graph, scope: &Scope) -> Vec<Stream> {
    let region = spec.region.clone().unwrap_or_else(|| "*".to_owned());
    let anywhere = Scope { account: "*".into(), region, ..scope.clone() };
    let open = anywhere.fill("arn:{partition}:kms:{region}:{account}:key/*", "");
    let found = spec.streams.keys().filter_map(|name| stream(name, graph, &anywhere));
    let key = |key: String| if key.contains(":key/") && !key.contains(":*:") { key } else { open.clone() };
    found.map(|stream| Stream { key: stream.key.map(key), ..stream }).collect()
}

fn stream(name: &Name, graph: &Graph, scope: &Scope) -> Option<Stream> {
    let desired = graph.get(&Address::new("stream", name.as_str()))?;
    let key = desired.attrs.get("encryption").and_then(|key| key_arn(key, graph, scope));
    Some(Stream { name: name.to_string(), arn: desired.known_output("arn", scope)?, key })
}

/// The ARN of a customer key; none for the keys that AWS manages.
fn key_arn(key: &Value, graph: &Graph, scope: &Scope) -> Option<String> {
    match key.resolved(&|reference| known(reference, graph, scope)) {
        Value::Text(text) if matches!(text.as_str(), "aws" | "none") => None,
        Value::Text(text) => Some(text),
        _ => None,
    }
}

/// What the role of this address is for.
pub(super) fn edges(spec: &Pipeline, graph: &Graph, scope: &Scope, role: &Desired) -> Vec<Edge> {
    let mut edges = Vec::new();
    if role.address.kind() != "role" {
        return edges;
    }
    let name = role.address.name();
    for (_, access) in spec.access.iter().filter(|(access, _)| access.as_str() == name) {
        edges.extend(access.can.iter().filter_map(|grant| edge(grant, graph, scope)));
    }
    for (archive, described) in spec.archives.iter().filter(|(archive, _)| format!("{archive}-delivery") == name) {
        let delivery = graph.get(&Address::new("delivery", archive.as_str()));
        let key = delivery.and_then(|delivery| delivery.attrs.get("key")).and_then(|key| key_arn(key, graph, scope));
        let work = Work::Archive { bucket: described.s3.bucket.clone(), key };
        edges.extend(stream(&described.from, graph, scope).map(|stream| Edge { work, stream }));
    }
    edges
}

fn edge(grant: &Grant, graph: &Graph, scope: &Scope) -> Option<Edge> {
    let (name, work) = match (&grant.write, &grant.read) {
        (Some(stream), None) => (stream, Work::Write { kpl: grant.kpl }),
        (None, Some(stream)) => (
            stream,
            match (&grant.kcl, &grant.via) {
                (Some(kcl), via) => {
                    Work::Kcl { application: kcl.to_string(), via: via.as_ref().map(ToString::to_string) }
                }
                (None, Some(via)) => Work::FanOut { consumer: via.to_string() },
                (None, None) => Work::Poll,
            },
        ),
        _ => return None,
    };
    Some(Edge { work, stream: stream(name, graph, scope)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::wish;
    use crate::spec::Source;

    fn told(text: &str) -> Vec<String> {
        let spec: Pipeline = serde_yaml::from_str(text).unwrap();
        let text = |text: &str| text.to_owned();
        let region = spec.region.clone().unwrap_or(text("eu-west-1"));
        let scope = Scope {
            pipeline: spec.pipeline.to_string(),
            partition: text("aws"),
            region,
            account: text("000000000000"),
        };
        let wishes = wish(&spec, &scope);
        assert!(wishes.problems.is_empty(), "{:?}", wishes.problems);
        let judged = judge(&spec, &wishes.graph, &scope, Catalog::builtin());
        let line = |one: &Judged, fact: &Fact| {
            format!("{} {} {}: {} {}", one.address, one.attribute, fact.path, fact.code, fact.message)
        };
        judged.iter().flat_map(|one| one.facts.iter().map(|fact| line(one, fact))).collect()
    }

    #[test]
    fn every_policy_of_the_examples_is_exact() {
        let mut policies = 0;
        for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/specs")).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "yaml") {
                let text = std::fs::read_to_string(&path).unwrap();
                assert_eq!(told(&text), Vec::<String>::new(), "{}", path.display());
                policies += 1;
            }
        }
        assert!(policies >= 8);
    }

    /// Every way of working, with and without a key, that the examples do not show together.
    #[test]
    fn every_way_of_working_is_granted_exactly() {
        for encryption in ["", "encryption: { key: k }, "] {
            let spec = format!(
                "apiVersion: tidegate/v1\npipeline: shop\nkeys: {{ k: {{}} }}\nstreams: {{ s: {{ {encryption}fanOut: [fraud] }} }}\naccess:\n  a:\n    trust: {{ service: ecs-tasks.amazonaws.com }}\n    can: [{{ write: s }}, {{ write: s, kpl: true }}, {{ read: s }}, {{ read: s, via: fraud }}, {{ read: s, kcl: one-app }}, {{ read: s, via: fraud, kcl: two-app }}]\n"
            );
            assert_eq!(told(&spec), Vec::<String>::new(), "{encryption}");
        }
    }

    /// What `tidegate iam` prints works as well: no action that does not exist or cannot act on what it is given.
    #[test]
    fn printed_policies_are_alive() {
        let spec: Pipeline = serde_yaml::from_str(include_str!("../../../specs/clickstream.yaml")).unwrap();
        let text = |text: &str| text.to_owned();
        let scope = Scope {
            pipeline: text("x"),
            partition: text("aws"),
            region: text("eu-west-1"),
            account: text("123456789012"),
        };
        let graph = wish(&spec, &scope).graph;
        let policies = [
            crate::kinds::permissions::deployer(&graph, &scope, true),
            crate::kinds::permissions::controller(&spec, &graph, &scope),
        ];
        for policy in policies {
            let source = Source::new("policy.json", &policy.policy().to_string()).unwrap();
            let judged = super::super::file::judge(&source, None, &[], Catalog::builtin());
            let bad = [
                "dead-grant",
                "dead-resource",
                "unknown-action",
                "unknown-service",
                "malformed-policy",
                "malformed-arn",
            ];
            let told: Vec<_> =
                judged.facts.iter().filter(|fact| bad.contains(&fact.code)).map(|fact| &fact.message).collect();
            assert!(judged.policy.is_some_and(|policy| !policy.statements.is_empty()));
            assert_eq!(told, Vec::<&String>::new());
        }
    }

    #[test]
    fn services_whose_trust_has_conditions_are_content() {
        let services =
            ["ecs-tasks", "iot", "kinesisanalytics", "pipes", "events", "states", "kinesis", "lambda", "ec2"];
        for service in services {
            let spec = format!(
                "apiVersion: tidegate/v1\npipeline: shop\nstreams: {{ s: {{}} }}\naccess: {{ a: {{ trust: {{ service: {service}.amazonaws.com }}, can: [{{ read: s }}] }} }}\n"
            );
            assert_eq!(told(&spec), Vec::<String>::new(), "{service}");
        }
    }
}
