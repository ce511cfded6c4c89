//! Policies of real shape, each with what is expected of it: our facts, what parliament and policy_sentry say of the
//! same file, and why they differ. `NAME.txt` beside `NAME.json` is the expectation. With `TIDEGATE_BLESS=1` the test
//! writes it, keeping the explanations; a difference without an explanation fails.

mod peers;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use tidegate::lint::iam::catalog::Catalog;
use tidegate::lint::iam::file::{Judged, judge, place};
use tidegate::lint::iam::need::Stream;
use tidegate::spec::Source;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/iam")
}

/// What the policies stand beside: `clicks` has a customer key, `audit` has none.
fn streams() -> Vec<Stream> {
    let arn = |name: &str| format!("arn:aws:kinesis:eu-west-1:123456789012:stream/{name}");
    let key = "arn:aws:kms:eu-west-1:123456789012:key/11112222-3333-4444-5555-666677778888".to_owned();
    vec![
        Stream { name: "clicks".into(), arn: arn("clicks"), key: Some(key) },
        Stream { name: "audit".into(), arn: arn("audit"), key: None },
    ]
}

/// What parliament calls it, and what we do. Where it has several names for one of ours, or the other way round, each
/// pair stands here.
const SAME: &[(&str, &str)] = &[
    ("BAD_PATTERN_FOR_MFA", "condition-weak"),
    ("DUPLICATE_SID", "duplicate-sid"),
    ("INVALID_ARN", "malformed-arn"),
    ("INVALID_SID", "invalid-sid"),
    ("INVALID_VERSION", "policy-version"),
    ("MALFORMED", "malformed-policy"),
    ("MALFORMED", "empty-list"),
    ("MALFORMED_JSON", "duplicate-key"),
    ("MALFORMED_JSON", "malformed-json"),
    ("MISMATCHED_TYPE", "condition-type"),
    ("MISMATCHED_TYPE_BUT_USABLE", "condition-type"),
    ("NOTPRINCIPAL_WITH_ALLOW", "not-element"),
    ("NOTRESOURCE_WITH_ALLOW", "not-element"),
    ("NO_VERSION", "policy-version"),
    ("OLD_VERSION", "policy-version"),
    ("PRIVILEGE_ESCALATION", "privilege-escalation"),
    ("RESOURCE_EFFECTIVELY_STAR", "wildcard-resource"),
    ("RESOURCE_MISMATCH", "dead-grant"),
    ("RESOURCE_STAR", "wildcard-resource"),
    ("SINGLE_VALUE_CONDITION_TOO_PERMISSIVE", "condition-weak"),
    ("UNKNOWN_ACTION", "unknown-action"),
    ("UNKNOWN_ACTION", "malformed-policy"),
    ("UNKNOWN_CONDITION_FOR_ACTION", "condition-not-for-action"),
    ("UNKNOWN_CONDITION_FOR_ACTION", "unknown-condition-key"),
    ("UNKNOWN_OPERATOR", "unknown-condition-operator"),
    ("UNKNOWN_PREFIX", "unknown-service"),
    ("UNKNOWN_PRINCIPAL", "invalid-principal"),
];

/// The same for policy_sentry's two kinds of answers.
const SAME_SENTRY: &[(&str, &str)] =
    &[("unknown", "unknown-action"), ("unknown", "unknown-service"), ("unmatched", "dead-grant")];

#[derive(serde::Deserialize)]
struct Said {
    parliament: Vec<String>,
    policy_sentry: Vec<String>,
}

fn ours(path: &Path) -> (Source, Judged) {
    let text = std::fs::read_to_string(path).expect("the policy can be read");
    let name = path.file_name().expect("a name").to_string_lossy();
    let source = Source::new(&*name, &text).expect("the policy is text");
    let judged = judge(&source, None, &streams(), Catalog::builtin());
    (source, judged)
}

fn told(source: &Source, judged: &Judged) -> (String, BTreeSet<&'static str>) {
    let mut text = String::new();
    let mut codes = BTreeSet::new();
    for problem in &judged.problems {
        let (line, column) = problem.place.as_ref().map_or((1, 1), |place| source.line_col(place.start));
        let help = problem.help.as_deref().unwrap_or_default();
        writeln!(text, "  {line}:{column} {}: {}\n      {help}", problem.code, problem.message).expect("memory");
        codes.insert(problem.code);
    }
    for fact in &judged.facts {
        let document = judged.document.as_ref().expect("facts come from a document");
        let place = place(document, fact);
        let (line, column) = source.line_col(place.start);
        writeln!(text, "  {line}:{column} {}: {}\n      {}", fact.code, fact.message, fact.help).expect("memory");
        codes.insert(fact.code);
    }
    (text, codes)
}

/// `WHO alone: WHAT` for everything that only one side sees.
fn differences(codes: &BTreeSet<&str>, said: &Said) -> Vec<String> {
    let mut all = BTreeSet::new();
    let mut compare = |who: &str, words: BTreeSet<&str>, same: &[(&str, &str)]| {
        for word in &words {
            if !same.iter().any(|(theirs, ours)| theirs == word && codes.contains(ours)) {
                all.insert(format!("{who} alone: {word}"));
            }
        }
        for code in codes {
            let mut judged = same.iter().filter(|(_, ours)| ours == code).peekable();
            if judged.peek().is_some() && !judged.any(|(theirs, _)| words.contains(theirs)) {
                all.insert(format!("not {who}: {code}"));
            }
        }
    };
    compare("parliament", said.parliament.iter().map(String::as_str).collect(), SAME);
    let sentry = said.policy_sentry.iter().map(|line| line.split(' ').next().unwrap_or_default());
    compare("policy_sentry", sentry.collect(), SAME_SENTRY);
    all.into_iter().collect()
}

/// The explanations that an expectation holds.
fn explanations(expected: &str) -> BTreeMap<String, String> {
    let lines = expected.lines().skip_while(|line| *line != "differences").skip(1);
    let pairs: Vec<&str> = lines.collect();
    pairs.chunks(2).filter_map(|pair| Some((pair.first()?.trim().to_owned(), pair.get(1)?.trim().to_owned()))).collect()
}

fn expectation(path: &Path, said: &Said, known: &BTreeMap<String, String>) -> (String, Vec<String>) {
    let (source, judged) = ours(path);
    let (facts, codes) = told(&source, &judged);
    let mut text = match &judged.policy {
        Some(policy) => format!("{} policy\ntidegate\n{facts}", policy.kind.word()),
        None => format!("no policy\ntidegate\n{facts}"),
    };
    let list = |title: &str, lines: &[String]| {
        let lines: String = lines.iter().map(|line| format!("  {line}\n")).collect();
        format!("{title}\n{lines}")
    };
    text += &list("parliament", &said.parliament);
    text += &list("policy_sentry", &said.policy_sentry);
    text += "differences\n";
    let mut unexplained = Vec::new();
    for difference in differences(&codes, said) {
        let explanation = known.get(&difference).filter(|text| !text.is_empty() && *text != "?");
        if explanation.is_none() {
            unexplained.push(difference.clone());
        }
        text += &format!("  {difference}\n      {}\n", explanation.map_or("?", String::as_str));
    }
    (text, unexplained)
}

/// What the peers say of each file. They need a minute for all, so answers are kept beside them, by what was asked.
fn asked(paths: &[PathBuf]) -> Vec<Said> {
    let script = folder().with_file_name("judge.py");
    let kept = peers::python().parent().and_then(Path::parent).and_then(Path::parent).expect("a folder").join("said");
    std::fs::create_dir_all(&kept).expect("a folder for answers");
    let question = |path: &Path| {
        let mut hasher = std::hash::DefaultHasher::new();
        for file in [path, &script] {
            std::fs::read(file).expect("it can be read").hash(&mut hasher);
        }
        (peers::PINS, path.file_name()).hash(&mut hasher);
        kept.join(format!("{:016x}.json", hasher.finish()))
    };
    let missing: Vec<&PathBuf> = paths.iter().filter(|path| !question(path).exists()).collect();
    if !missing.is_empty() {
        let lines = peers::run(Command::new(peers::python()).arg(&script).args(&missing), "see what it says");
        let lines = lines.expect("peers judge");
        assert_eq!(lines.lines().count(), missing.len());
        for (path, line) in missing.iter().zip(lines.lines()) {
            std::fs::write(question(path), line).expect("an answer can be kept");
        }
    }
    let read = |path: &PathBuf| std::fs::read_to_string(question(path)).expect("an answer");
    paths.iter().map(|path| serde_json::from_str(&read(path)).expect("a line of JSON")).collect()
}

#[test]
fn policies_are_judged_as_expected_and_every_difference_to_peers_is_explained() {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder()).expect("the corpus").map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    assert!(paths.len() >= 40, "{}", paths.len());
    let said = asked(&paths);
    let bless = std::env::var_os("TIDEGATE_BLESS").is_some();
    let mut wrong = Vec::new();
    for (path, said) in paths.iter().zip(&said) {
        let beside = path.with_extension("txt");
        let expected = std::fs::read_to_string(&beside).unwrap_or_default();
        let (text, unexplained) = expectation(path, said, &explanations(&expected));
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        wrong.extend(unexplained.iter().map(|difference| format!("{name}: no explanation of `{difference}`")));
        if bless && text != expected {
            std::fs::write(&beside, &text).expect("the expectation can be written");
        } else if text != expected {
            wrong.push(format!("{name} is judged otherwise than expected:\n{text}\nexpected:\n{expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}\nWith TIDEGATE_BLESS=1 expectations are written anew.", wrong.join("\n"));
}

/// Every code that a policy by itself can have is shown by a policy of the corpus.
#[test]
fn every_code_is_shown() {
    let mut shown = BTreeSet::new();
    for entry in std::fs::read_dir(folder()).expect("the corpus") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "json") {
            shown.extend(ours(&path).1.facts.iter().map(|fact| fact.code));
        }
    }
    let missing: Vec<&str> =
        tidegate::lint::iam::fact::CODES.iter().map(|(code, _)| *code).filter(|code| !shown.contains(code)).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

#[test]
fn the_data_is_made_again_from_its_sources() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lint/iam/data");
    let made = peers::run(Command::new(peers::python()).arg(data.join("extract.py")), "see what it says")
        .expect("the script runs");
    let kept = std::fs::read_to_string(data.join("actions.tsv")).expect("the data");
    assert!(made == kept, "run the command in data/extract.py and commit the file");
}

const SPEC: &str = "\
apiVersion: tidegate/v1
pipeline: shop
region: eu-west-1
keys: { clicks: {} }
streams:
  clicks: { encryption: { key: clicks }, retention: 7d }
";

const POLICY: &str = r#"{
  "Version": "2012-10-17",
  "Statement": {
    "Effect": "Allow",
    "Action": ["kinesis:PutRecords", "kinesis:SubscribeToShard"],
    "Resource": "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks"
  }
}"#;

#[test]
fn policy_files_are_linted_beside_the_spec_that_knows_their_streams() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("tidegate.yaml"), SPEC).expect("the spec can be written");
    std::fs::write(folder.path().join("producer.json"), POLICY).expect("the policy can be written");
    std::fs::write(folder.path().join("broken.json"), "{\"Statement\": [],}").expect("the policy can be written");
    let lint = |paths: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        command.current_dir(folder.path()).args(["lint", "--select", "access", "--format", "json"]).args(paths);
        let output = command.output().expect("the program starts");
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        (output.status.code(), told)
    };
    let (code, told) = lint(&["tidegate.yaml", "producer.json"]);
    let found: Vec<String> = told["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .map(|one| {
            format!(
                "{} {}:{}",
                one["rule"].as_str().unwrap_or_default(),
                one["file"].as_str().unwrap_or_default(),
                one["line"]
            )
        })
        .collect();
    assert_eq!(found, ["iam-missing-kms producer.json:5", "iam-dead-grant producer.json:5"], "{told:#}");
    assert_eq!(code, Some(1));
    // Without the spec nobody knows that the stream is encrypted.
    let (_, told) = lint(&["producer.json"]);
    assert_eq!(told["findings"].as_array().expect("findings").len(), 1, "{told:#}");
    let (code, told) = lint(&["broken.json"]);
    assert_eq!((code, told["findings"][0]["rule"].as_str()), (Some(2), Some("malformed-json")), "{told:#}");
}
