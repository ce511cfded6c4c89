use std::collections::BTreeMap;

use serde::Deserialize;

use super::*;
use crate::report::problems::render;
use crate::spec::{Source, substitute};

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
struct Name(String);

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.chars().all(|c| c.is_ascii_lowercase()) {
            true => Ok(Self(text)),
            false => Err(format!("`{text}` is no name; use lower-case letters")),
        }
    }
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Spec {
    pipeline: Name,
    #[serde(default)]
    streams: BTreeMap<Name, Stream>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Stream {
    shards: Shards,
    retention: String,
    encrypted: Option<bool>,
    port: Option<u16>,
    owner: Option<Name>,
    #[serde(default)]
    consumers: Vec<Consumer>,
    mode: Option<Mode>,
    target: Option<Target>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(untagged)]
enum Shards {
    Fixed(u32),
    Range { min: u32, max: u32 },
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Mode {
    OnDemand,
    Provisioned,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
enum Target {
    Lambda(Name),
    Bucket { name: String },
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", deny_unknown_fields)]
enum Consumer {
    Lambda {
        name: Name,
        #[serde(default)]
        batch: u32,
    },
}

fn run(text: &str) -> (Option<Spec>, String) {
    let source = Source::new("a.yaml", text).unwrap();
    let (document, mut problems) = Document::parse(source.clone());
    let mut document = document.unwrap();
    problems.extend(substitute(&mut document, &|_, name| Some(format!("Secret-{name}"))));
    assert_eq!(problems, []);
    let spec = read(&document, &Path::root(), &mut problems);
    assert_eq!(spec.is_none(), !problems.is_empty());
    (spec, render(&problems, &[source], false, 100))
}

#[test]
fn a_good_text_is_read() {
    let text = "pipeline: web\nstreams:\n  a: {shards: 1, retention: 24h, mode: onDemand, target: {lambda: x}}\n  b: {shards: {min: 1, max: 2}, retention: '9', target: {bucket: {name: y}}, consumers: [{kind: lambda, name: z}]}\n";
    let (spec, problems) = run(text);
    assert_eq!(problems, "");
    let spec = spec.unwrap();
    assert_eq!(spec.streams[&Name("a".into())].target, Some(Target::Lambda(Name("x".into()))));
    assert_eq!(spec.streams[&Name("b".into())].shards, Shards::Range { min: 1, max: 2 });
}

#[test]
fn all_mistakes_are_told_in_one_run() {
    let (_, told) = run("\
pipeline: web
stream: {}
streams:
  clicks:
    retenion: 24h
    shards: 1
    retention: 0024
    encrypted: yes
    port: 70000
    owner: Bad
  Upper:
    shards: 1
    retention: 1h
  broken: 3
  many:
    shards: [1]
    retention: '1'
    tags: {cost: 1.50, live: true, none: }
    mode: ondemand
    target: {lamda: x}
    consumers:
      - kind: lambda
        name: x
        bach: 1
      - {kind: lambda}
      - {kind: sqs}
      - {kind: lambda, name: y, batch: 'x'}
      - 7
");
    insta::assert_snapshot!(told, @r#"
error[unknown-field]: `stream` is not a field here
 --> a.yaml:2:1
  |
2 | stream: **
  | ^^^^^^
  |
  = help: did you mean `streams`?

error[unknown-field]: `retenion` is not a field here
 --> a.yaml:5:5
  |
5 |     retenion: ***
  |     ^^^^^^^^
  |
  = help: did you mean `retention`?

error[wrong-type]: expected a text, found the number 24
 --> a.yaml:7:16
  |
7 |     retention: 0024
  |                ^^^^
  |
  = help: write "0024"

error[wrong-type]: expected `true` or `false`, found the text "yes"
 --> a.yaml:8:16
  |
8 |     encrypted: yes
  |                ^^^

error[invalid-value]: expected a whole number from 0 to 65535, found the number 70000
 --> a.yaml:9:11
  |
9 |     port: 70000
  |           ^^^^^

error[invalid-value]: `Bad` is no name
  --> a.yaml:10:12
   |
10 |     owner: Bad
   |            ^^^
   |
   = help: use lower-case letters

error[invalid-value]: `Upper` is no name
  --> a.yaml:11:3
   |
11 |   Upper:
   |   ^^^^^
   |
   = help: use lower-case letters

error[wrong-type]: expected a mapping, found the number 3
  --> a.yaml:14:11
   |
14 |   broken: 3
   |           ^

error[invalid-value]: a list does not fit here
  --> a.yaml:16:13
   |
16 |     shards: [1]
   |             ^^^

error[wrong-type]: expected a text, found the number 1.5
  --> a.yaml:18:18
   |
18 |     tags: {cost: 1.50, live: true, none: }
   |                  ^^^^
   |
   = help: write "1.50"

error[wrong-type]: expected a text, found `true`
  --> a.yaml:18:30
   |
18 |     tags: {cost: 1.50, live: true, none: }
   |                              ^^^^
   |
   = help: write "true"

error[wrong-type]: expected a text, found nothing
  --> a.yaml:18:36
   |
18 |     tags: {cost: 1.50, live: true, none: }
   |                                    ^^^^
   |
   = help: give it a value, or remove the line

error[invalid-value]: `ondemand` is not one of the allowed values
  --> a.yaml:19:11
   |
19 |     mode: ondemand
   |           ^^^^^^^^
   |
   = help: did you mean `onDemand`?

error[invalid-value]: `lamda` is not one of the allowed values
  --> a.yaml:20:14
   |
20 |     target: {lamda: x}
   |              ^^^^^
   |
   = help: did you mean `lambda`?

error[unknown-field]: `bach` is not a field here
  --> a.yaml:24:9
   |
24 |         bach: *
   |         ^^^^
   |
   = help: did you mean `batch`?

error[missing-field]: `name` is missing
  --> a.yaml:25:9
   |
25 |       - {kind: lambda}
   |         ^^^^^^^^^^^^^^
   |
   = help: add `name: …`

error[invalid-value]: `sqs` is not one of the allowed values
  --> a.yaml:26:16
   |
26 |       - {kind: sqs}
   |                ^^^
   |
   = help: the allowed values are `lambda`

error[wrong-type]: expected a whole number, found the text "x"
  --> a.yaml:27:9
   |
27 |       - {kind: lambda, name: y, batch: 'x'}
   |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

error[wrong-type]: expected a mapping of one kind, found the number 7
  --> a.yaml:28:9
   |
28 |       - 7
   |         ^
"#);
}

#[test]
fn a_missing_field_is_told_once_and_what_follows_from_it_is_not() {
    let (_, told) = run("streams:\n  a: {shards: 1}\n  b: {retention: [], shards: 1}\n");
    insta::assert_snapshot!(told, @r#"
error[missing-field]: `pipeline` is missing
 --> a.yaml:1:1
  |
1 | streams:
  | ^^^^^^^
  |
  = help: add `pipeline: …`

error[missing-field]: `retention` is missing
 --> a.yaml:2:3
  |
2 |   a: {shards: 1}
  |   ^
  |
  = help: add `retention: …`

error[wrong-type]: expected a text, found a list
 --> a.yaml:3:18
  |
3 |   b: {retention: [], shards: 1}
  |                  ^^
"#);
}

#[test]
fn what_a_variable_holds_is_never_told() {
    let (_, told) = run(
        "pipeline: ${env:A}\nstreams:\n  a: {shards: '${var:B}', retention: x, mode: '${var:C}', port: '${var:D}', target: '${var:E}', consumers: [{kind: lambda, name: '${var:F}'}, {kind: '${var:G}'}]}\n",
    );
    assert!(!told.contains("Secret"), "{told}");
    insta::assert_snapshot!(told, @r#"
error[invalid-value]: `***` is no name
 --> a.yaml:1:11
  |
1 | pipeline: ${env:A}
  |           ^^^^^^^^
  |
  = help: use lower-case letters

error[invalid-value]: the value of a variable does not fit here
 --> a.yaml:3:15
  |
3 |   a: {shards: '${var:B}', retention: x, mode: '${var:C}', port: '${var:D}', target: '${var:E}...
  |               ^^^^^^^^^^

error[invalid-value]: the value of a variable is not one of the allowed values
 --> a.yaml:3:47
  |
3 |   a: {shards: '${var:B}', retention: x, mode: '${var:C}', port: '${var:D}', target: '${var:E}...
  |                                               ^^^^^^^^^^
  |
  = help: the allowed values are `onDemand`, `provisioned`

error[wrong-type]: expected a whole number, found the value of a variable
 --> a.yaml:3:65
  |
3 |   a: {shards: '${var:B}', retention: x, mode: '${var:C}', port: '${var:D}', target: '${var:E}...
  |                                                                 ^^^^^^^^^^

error[invalid-value]: the value of a variable is not one of the allowed values
 --> a.yaml:3:85
  |
3 | ...: '${var:C}', port: '${var:D}', target: '${var:E}', consumers: [{kind: lambda, name: '${va...
  |                                            ^^^^^^^^^^
  |
  = help: the allowed values are `lambda`, `bucket`

error[invalid-value]: `***` is no name
 --> a.yaml:3:109
  |
3 | ...get: '${var:E}', consumers: [{kind: lambda, name: '${var:F}'}, {kind: '${var:G}'}]}
  |                                 ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: use lower-case letters

error[invalid-value]: the value of a variable is not one of the allowed values
 --> a.yaml:3:150
  |
3 | ...kind: lambda, name: '${var:F}'}, {kind: '${var:G}'}]}
  |                                            ^^^^^^^^^^
  |
  = help: the allowed values are `lambda`
"#);
}

#[test]
fn a_subtree_that_is_not_there_is_missing() {
    let (document, _) = Document::parse(Source::new("a.yaml", "a: {b: 1}").unwrap());
    let mut problems = Vec::new();
    assert_eq!(read::<u32>(document.as_ref().unwrap(), &Path::of(["a", "b"]), &mut problems), Some(1));
    assert_eq!(read::<u32>(document.as_ref().unwrap(), &Path::of(["a", "c"]), &mut problems), None);
    assert_eq!(problems[0].message, "`c` is missing");
}

#[test]
fn a_huge_text_is_not_read_again_for_each_of_its_mistakes() {
    let told = |count: usize| {
        let text = (0..count).fold("pipeline: p\n".to_owned(), |text, field| text + &format!("field{field}: 1\n"));
        let document = Document::parse(Source::new("a.yaml", &text).unwrap()).0.unwrap();
        let mut problems = Vec::new();
        assert_eq!(read::<Spec>(&document, &Path::root(), &mut problems), None);
        problems.len()
    };
    assert_eq!([told(70), told(150)], [70, MAX_ROUNDS]);
    assert_eq!(told(60_000), MAX_VALUES / 60_002);
}
