use super::super::pipeline::{edges, facts, judged, known};
use super::*;
use crate::kinds::wish;
use crate::model::{Address, Scope};

/// A pipeline with every sort of policy; `NAMES`: two streams, consumer, application, bucket, key, role.
fn pipeline(names: [&str; 7]) -> (Pipeline, Scope) {
    let [one, other, consumer, application, bucket, key, role] = names;
    // An application whose name is that of another one's table.
    let second = if SETS[..2].contains(&names) {
        String::new()
    } else {
        format!(", {{ read: {other}, kcl: {application}-CoordinatorState }}")
    };
    let spec = format!(
        "apiVersion: tidegate/v1\npipeline: shop\nregion: eu-west-1\nkeys: {{ {key}: {{}} }}\nstreams:\n  {one}: {{ \
         encryption: {{ key: {key} }}, fanOut: [{consumer}], share: [{{ account: \"210987654321\", can: read }}] }}\n  \
         {other}: {{}}\narchives: {{ raw: {{ from: {one}, s3: {{ bucket: {bucket}, create: true, key: {key} }} }} }}\naccess:\n  \
         {role}: {{ trust: {{ service: ecs-tasks.amazonaws.com }}, can: [{{ write: {one} }}, {{ write: {other}, kpl: true }}] }}\n  \
         {role}2: {{ trust: {{ service: lambda.amazonaws.com }}, can: [{{ read: {one}, via: {consumer} }}, {{ read: {other} }}] }}\n  \
         {role}3: {{ trust: {{ account: \"210987654321\" }}, can: [{{ read: {one}, kcl: {application} }}{second}] }}\nendpoints: \
         {{ in: {{ vpc: vpc-1, subnets: [subnet-1], services: [kinesis-streams], allow: [{role}] }} }}\n"
    );
    let spec: Pipeline = serde_yaml::from_str(&spec).unwrap();
    let text = |text: &str| text.to_owned();
    let scope = Scope {
        pipeline: text("shop"),
        partition: text("aws"),
        region: text("eu-west-1"),
        account: text("000000000000"),
    };
    (spec, scope)
}

/// Names that have nothing to do with each other, that begin with each other, that are words of AWS's.
const SETS: &[[&str; 7]] = &[
    ["clicks", "orders", "fraud", "biller", "acme-raw", "locks", "web"],
    ["payments", "zones", "quick", "zobs1", "zebra-archive", "mine", "till"],
    ["clicks", "clicks-raw", "clicks-fast", "clicks-app", "clicks-bucket", "clicks-key", "clicks-role"],
    ["a", "aa", "aaa", "aaaa", "aaaaa", "b", "c"],
    ["stream", "consumer", "table", "key", "accesspoint", "alias", "role"],
    ["same", "other", "same", "same", "same", "same", "same"],
    ["KinesisProducerLibrary", "x9", "y9", "KinesisProducerLibrary", "object-lambda", "z9", "w9"],
    ["q.1", "q_2", "q-3", "q-4", "q.5", "q-6", "q-7"],
];

/// The document with its nth text in another form.
fn with(document: &Value, at: &mut usize, other: &str) -> Value {
    match document {
        Value::Text(_) | Value::Ref(_) => {
            let this = at.checked_sub(1);
            let hit = this.is_none();
            *at = this.unwrap_or(usize::MAX);
            if hit { Value::text(other) } else { document.clone() }
        }
        Value::List(items) => Value::List(items.iter().map(|item| with(item, at, other)).collect()),
        Value::Map(map) => Value::Map(map.iter().map(|(key, value)| (key.clone(), with(value, at, other))).collect()),
        plain => plain.clone(),
    }
}

/// Whatever is written in a policy, and whatever was remembered before it: the facts are those of the policy itself.
#[test]
fn what_is_remembered_changes_no_fact() {
    // The same facts, without anything that other tests have made it remember.
    let catalog = Catalog::parse(include_str!("../data/actions.tsv"));
    let (mut clean, mut found, mut shaped) = (0, 0, 0);
    for names in SETS {
        let (spec, scope) = pipeline(*names);
        let graph = wish(&spec, &scope).graph;
        let own = Names::of(&spec, &graph, &catalog);
        let known = |reference: &Ref| known(reference, &graph, &scope);
        let stream = known(&Ref { address: Address::new("stream", names[1]), output: "arn".into() }).unwrap();
        for (kind, attribute, policy) in super::super::pipeline::POLICIES {
            for desired in graph.of_kind(kind) {
                let Some(document) = desired.attrs.get(*attribute) else { continue };
                let edges = if *policy == Kind::Identity { edges(&spec, &graph, &scope, desired) } else { Vec::new() };
                let mut texts = Vec::new();
                document.resolved(&known).texts(&mut texts);
                let mut documents = vec![document.clone()];
                for nth in 0..texts.len() {
                    let longer = format!("{}*", texts[nth]);
                    for other in [texts[(nth * 7 + 3) % texts.len()].as_str(), "*", &stream, &longer] {
                        documents.push(with(document, &mut nth.clone(), other));
                    }
                }
                for document in documents {
                    let remembered = judged(*policy, &document, &edges, &own, &known, &catalog);
                    let itself = facts(&document.resolved(&known), *policy, &edges, &catalog);
                    assert_eq!(remembered, itself, "{} of {}: {document:?}", attribute, desired.address);
                    let shape = shape(*policy, &document, &edges, &own, &known, usize::MAX);
                    shaped += usize::from(shape.is_some());
                    if itself.is_empty() { clean += 1 } else { found += 1 }
                }
            }
        }
    }
    assert!(clean > 300 && found > 300 && shaped > 300, "{clean} {found} {shaped}");
}

fn shapes(names: [&str; 7]) -> Vec<Option<String>> {
    let (spec, scope) = pipeline(names);
    let graph = wish(&spec, &scope).graph;
    let own = Names::of(&spec, &graph, Catalog::builtin());
    let known = |reference: &Ref| known(reference, &graph, &scope);
    let shape = |desired: &crate::model::Desired| {
        let edges = edges(&spec, &graph, &scope, desired);
        shape(Kind::Identity, &desired.attrs["policy"], &edges, &own, &known, usize::MAX)
    };
    graph.of_kind("role").map(shape).collect()
}

#[test]
fn policies_that_differ_by_names_have_one_shape_and_names_that_may_matter_none() {
    let mut one = shapes(SETS[0]);
    let mut other = shapes(SETS[1]);
    assert!(one.iter().all(Option::is_some), "{one:?}");
    one.sort();
    other.sort();
    assert_eq!(one, other);
    assert!(shapes(SETS[2]).iter().all(Option::is_none), "names that begin with each other");
    // The same names, but what was one name is now two.
    assert!(!shapes(SETS[5]).iter().any(|shape| one.contains(shape)));
}
