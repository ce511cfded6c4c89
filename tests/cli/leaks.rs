//! Canaries in every field and in the environment: nothing that the program writes may sing.

use std::path::Path;

use super::program;

/// A value that fits no field, so that every one of them has something to say of it.
pub const CANARY: &str = "hunter2 canary! $ecret~";
/// What a search finds also where quotes or escapes stand around it.
pub const SONG: &str = "hunter2";
/// Every kind of resource with every sort of field, and the full example.
const SPECS: [&str; 2] = [include_str!("../laws/every_kind.yaml"), include_str!("../../specs/clickstream.yaml")];
pub const COMMANDS: [&str; 8] = [
    "plan -vv --out saved.plan",
    "plan --format json",
    "apply -y -vv --json",
    "drift -vv",
    "run -vv --speed max --ticks 2",
    "import -vv --region eu-west-1 --stream clicks",
    "destroy -y -vv --allow-data-loss stream/clicks",
    "lint -vv --persona auditor --format human --format json=l.json --format sarif=l.sarif --format junit=l.xml \
     --format github=l.txt --format markdown=l.md",
];

/// The names that a spec may give, of which the others leave most out.
const NAMES: &str = "
apiVersion: tidegate/v1
pipeline: named
region: eu-west-1
streams:
  clicks: { name: acme-clicks }
archives:
  raw:
    from: clicks
    name: acme-delivery
    s3: { bucket: acme-raw, create: true, prefix: 'raw/!{timestamp:yyyy}/acme/', errorPrefix: '!{firehose:error-output-type}/acme/' }
    fileExtension: .json
access:
  web: { name: acme-web, trust: { account: '210987654321' }, can: [{ write: clicks }] }
controller: { wakeUp: { name: acme-wake } }
";
/// What the specification says is plain to read in AWS and in plans, and so may be seen: names, ARNs, the region,
/// prefixes of objects, ids of accounts and networks. `*` stands for any name or index.
const PUBLIC: [&str; 21] = [
    "/pipeline",
    "/defaults/notify/*",
    "/streams/*/name",
    "/streams/*/fanOut/*",
    "/streams/*/share/*/account",
    "/archives/*/name",
    "/archives/*/s3/bucket",
    "/archives/*/s3/prefix",
    "/archives/*/s3/errorPrefix",
    "/archives/*/fileExtension",
    "/access/*/name",
    "/access/*/trust/account",
    "/access/*/trust/role",
    "/access/*/can/*/via",
    "/access/*/can/*/kcl",
    "/endpoints/*/vpc",
    "/endpoints/*/subnets/*",
    "/endpoints/*/securityGroups/*",
    "/endpoints/*/securityGroup/allowFrom/*",
    "/controller/wakeUp/name",
    "/region",
];

/// The texts of a spec with each of its values in turn taken from a variable.
fn planted(spec: &str, variable: &str) -> Vec<String> {
    let (tree, leaves) = leaves(spec);
    leaves.iter().map(|pointer| plant(&tree, &[pointer], variable)).collect()
}

/// A spec as a tree, and where its values stand.
fn leaves(spec: &str) -> (serde_json::Value, Vec<String>) {
    let tree: serde_json::Value = serde_yaml::from_str(spec).expect("a spec is YAML");
    let mut leaves = Vec::new();
    walk(&tree, "", &mut leaves);
    leaves.retain(|pointer| pointer != "/apiVersion");
    (tree, leaves)
}

fn plant(tree: &serde_json::Value, pointers: &[&String], variable: &str) -> String {
    let mut tree = tree.clone();
    for pointer in pointers {
        *tree.pointer_mut(pointer).expect("the pointer is one of its own") = variable.into();
    }
    // JSON is YAML.
    tree.to_string()
}

/// The value with a canary in it that its field takes, and what of it sings.
fn fitting(value: &serde_json::Value) -> (String, &'static str) {
    let text = value.as_str().unwrap_or_default();
    if text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return ("739184650273".to_owned(), "739184650273");
    }
    if text == "eu-west-1" {
        return ("ap-northeast-3".to_owned(), "ap-northeast-3");
    }
    if text.contains("/16") {
        return ("10.73.0.0/16".to_owned(), "10.73.0.0");
    }
    let is_word = |c: char| c.is_ascii_alphanumeric();
    let Some(end) = text.rfind(is_word).map(|last| last + 1) else { return (SONG.to_owned(), SONG) };
    let start = text[..end].rfind(|c| !is_word(c)).map_or(0, |before| before + 1);
    (format!("{}{SONG}{}", &text[..start], &text[end..]), SONG)
}

/// The entry of `PUBLIC` for a field.
pub fn public(pointer: &str) -> Option<&'static str> {
    let fits = |entry: &&str| {
        let (entry, pointer): (Vec<&str>, Vec<&str>) = (entry.split('/').collect(), pointer.split('/').collect());
        entry.len() == pointer.len() && entry.iter().zip(&pointer).all(|(one, other)| *one == "*" || one == other)
    };
    PUBLIC.into_iter().find(|entry| fits(entry))
}

fn walk(tree: &serde_json::Value, at: &str, leaves: &mut Vec<String>) {
    match tree {
        serde_json::Value::Object(map) => {
            map.iter().for_each(|(key, value)| walk(value, &format!("{at}/{key}"), leaves))
        }
        serde_json::Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| walk(value, &format!("{at}/{index}"), leaves));
        }
        _ => leaves.push(at.to_owned()),
    }
}

/// Everything that a command says, and every file that it leaves behind.
pub fn traces(folder: &Path, words: &str, surroundings: &[(&str, &str)]) -> String {
    let mut all = said(folder, words, surroundings);
    files(folder, &mut all);
    all
}

/// What a command says on the embedded cloud, unless its words name another.
fn said(folder: &Path, words: &str, surroundings: &[(&str, &str)]) -> String {
    let output = program(folder)
        .env("TIDEGATE_CLOUD", "local:cloud.json")
        .envs(surroundings.iter().copied())
        .args(words.split_whitespace())
        .output()
        .expect("the program starts");
    let all = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(!all.contains("panicked"), "{words}: {all}");
    all
}

/// The text of each file below a folder, whatever it is.
pub fn files(folder: &Path, all: &mut String) {
    for entry in std::fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => files(&path, all),
            false => *all += &String::from_utf8_lossy(&std::fs::read(path).expect("a file can be read")),
        }
    }
}

#[test]
fn no_field_tells_what_a_variable_holds() {
    let mut count = 0;
    for spec in SPECS {
        let texts = planted(spec, "${env:TOK}");
        count += texts.len();
        let check = |text: &String| {
            let folder = tempfile::tempdir().expect("a temporary folder");
            std::fs::write(folder.path().join("tidegate.yaml"), text).expect("a file");
            for words in COMMANDS {
                let all = traces(folder.path(), words, &[("TOK", CANARY)]);
                assert!(!all.contains(SONG), "{words} of {text}:\n{all}");
                assert!(all.contains("${env:TOK}"), "the spec itself is among the traces");
            }
        };
        std::thread::scope(|scope| {
            for half in texts.chunks(texts.len().div_ceil(2)) {
                scope.spawn(move || half.iter().for_each(check));
            }
        });
    }
    assert!(count > 60, "{count} fields");
    println!("{count} fields, {} commands each", COMMANDS.len());
}

/// A value that fits comes as far as AWS: it may be seen where the specification says so, and in no message at all.
#[test]
fn a_value_that_fits_is_seen_only_in_public_fields() {
    let mut cases = Vec::new();
    for spec in SPECS.into_iter().chain([NAMES]) {
        let (tree, leaves) = leaves(spec);
        for pointer in &leaves {
            let value = tree.pointer(pointer).expect("a leaf");
            // Alone, and with every other place that must say the same.
            let same: Vec<&String> = leaves.iter().filter(|other| tree.pointer(other) == Some(value)).collect();
            let texts = [plant(&tree, &[pointer], "${env:TOK}"), plant(&tree, &same, "${env:TOK}")];
            let alone = same.len() == 1;
            cases.extend(
                texts.into_iter().take(if alone { 1 } else { 2 }).map(|text| (pointer.clone(), value.clone(), text)),
            );
        }
    }
    let check = |(pointer, value, text): &(String, serde_json::Value, String)| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("tidegate.yaml"), text).expect("a file");
        let (canary, song) = fitting(value);
        let mut seen = None;
        for words in COMMANDS {
            let all = traces(folder.path(), words, &[("TOK", &canary)]);
            let sings = all.contains(song);
            let accepted = folder.path().join("saved.plan").exists();
            // Lint judges specs that a plan refuses for what only an account can show, such as a topic of another region.
            let may_tell = accepted || (words.starts_with("lint") && public(pointer).is_some());
            assert!(may_tell || !sings, "a mistake tells {pointer}: {words} of {text}:\n{all}");
            assert!(public(pointer).is_some() || !sings, "{pointer} is not public: {words} of {text}:\n{all}");
            seen = seen.or(public(pointer).filter(|_| sings));
        }
        (folder.path().join("saved.plan").exists(), seen)
    };
    let results: Vec<(bool, Option<&str>)> = std::thread::scope(|scope| {
        let halves: Vec<_> = cases
            .chunks(cases.len().div_ceil(2))
            .map(|half| scope.spawn(move || half.iter().map(check).collect::<Vec<_>>()))
            .collect();
        halves.into_iter().flat_map(|half| half.join().expect("no field of this half leaks")).collect()
    });
    let accepted = results.iter().filter(|(accepted, _)| *accepted).count();
    assert!(accepted >= 25, "only {accepted} of {} specs with a canary were planned", cases.len());
    let seen: std::collections::BTreeSet<&str> = results.iter().filter_map(|(_, seen)| *seen).collect();
    let unseen: Vec<&str> = PUBLIC.into_iter().filter(|entry| !seen.contains(entry)).collect();
    assert!(unseen.is_empty(), "these fields are listed as public and were never seen: {unseen:?}");
    println!("{} specs with a canary, {accepted} planned and applied, {} commands each", cases.len(), COMMANDS.len());
}

/// Secrets that somebody wrote where they do not belong. They stand in the file itself; nothing else may repeat them.
const WRITTEN: [&str; 12] = [
    "keys: { k: { description: 'https://hooks.slack.com/services/T00000000/B00000000/hunter2hunter2hunter2xx' } }\nstreams: { s: { encryption: { key: k } } }\n",
    "defaults: { notify: ['https://hooks.example.com/hunter2'] }\nstreams: { s: { splunkToken: hunter2-1234 } }\n",
    "defaults: { notify: ['https://example.com/hunter2'] }\nstreams: { s: { retention: [x], password: hunter2 } }\n",
    "streams:\n  clicks: { tags: { password: hunter2-1, note: 'token=hunter2-12345' }, capacity: { mode: provisioned, shards: 1 } }\n",
    "streams:\n  clicks:\n    splunk:\n      hecToken: hunter2, with more\n    password: |\n      hunter2\n    retention: much\n",
    "streams: { clicks: { apiKey: hunter2 }\n",
    // In the place of a name.
    "streams: { 'https://hooks.slack.com/services/T0000000/B0000000/hunter2hunter2hunter2': {} }\n",
    "streams: { s: {} }\nhttps://example.com/hunter2-and-so-on-until-it-is-longer-than-what-a-message-tells-of-it: x\n",
    "streams:\n  clicks: { tags: { 'postgres://u:hunter2@h/db': x }, capacity: { mode: provisioned, shards: 1 } }\n",
    // Where nobody knows what it is.
    "x-tok: &tok hunter2\nstreams: { s: { splunk: hunter2-aaaa-bbbb, bearer: hunter2, retention: much } }\n",
    "streams:\n  s:\n    dsn: hunter2 more\n    dsn: hunter2 again\n    sasl:\n      user: hunter2\n      user: hunter2\n    retention: '${var:X:-hunter2 x}'\n",
    "streams: { s: { tags: { a: ${var:X:-hunter2} } } }\n",
];

#[test]
fn no_command_repeats_a_secret_that_is_written_in_the_spec() {
    let planned: Vec<bool> = WRITTEN.iter().map(|text| written(text)).collect();
    let plans = [true, false, false, true, false, false, false, false, true, false, false, false];
    assert_eq!(planned, plans, "which of them are plans");
}

/// Whether a spec with a secret in it can be planned. No command may tell the secret.
fn written(text: &str) -> bool {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let spec = format!("apiVersion: tidegate/v1\npipeline: p\nregion: eu-west-1\n{text}");
    std::fs::write(folder.path().join("tidegate.yaml"), &spec).expect("a file");
    for words in COMMANDS.into_iter().chain(["plan", "plan --format markdown", "lint --write-baseline base.json"]) {
        let mut all = said(folder.path(), words, &[]);
        assert!(!all.is_empty() || words == "drift -vv", "{words} of {text} says nothing");
        for report in ["l.json", "l.sarif", "l.xml", "l.txt", "l.md", "base.json"] {
            all += &std::fs::read_to_string(folder.path().join(report)).unwrap_or_default();
        }
        assert!(!all.contains(SONG), "{words} of {text}:\n{all}");
    }
    let told = ["l.json", "l.md"].map(|report| std::fs::read_to_string(folder.path().join(report)).expect("a report"));
    assert!(told.iter().all(|report| report.contains("tidegate.yaml")), "the reports tell of it: {told:?}");
    let is_planned = folder.path().join("saved.plan").exists();
    if is_planned {
        // A plan holds what it will send. That is said where it is written, for its owner alone.
        let told = said(folder.path(), "plan --out again.plan --cloud local:fresh.json", &[]);
        assert!(told.contains("warning: again.plan holds in clear what looks like a secret: "), "{told}");
        for (place, tag) in
            [("note", "note: 'token"), ("password", "password: "), ("postgres://(hidden)@h/db", "'postgres:")]
        {
            assert!(!text.contains(tag) || told.contains(&format!("tags.{place} of stream/clicks")), "{told}");
        }
        assert!(!told.contains(SONG), "{told}");
        assert!(std::fs::read_to_string(folder.path().join("again.plan")).expect("a plan").contains(SONG));
    }
    is_planned
}

#[test]
fn a_plan_without_secrets_is_saved_without_a_warning() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("tidegate.yaml"), SPECS[0]).expect("a file");
    let told = said(folder.path(), "plan --out saved.plan", &[]);
    assert!(told.contains("Saved.") && !told.contains("warning"), "{told}");
}

#[test]
fn an_imported_tag_that_looks_like_a_secret_becomes_a_variable() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    let spec = format!("apiVersion: tidegate/v1\npipeline: p\nregion: eu-west-1\n{}", WRITTEN[3]);
    std::fs::write(at.join("tidegate.yaml"), spec).expect("a file");
    said(at, "apply -y", &[]);
    let all = said(at, "import --region eu-west-1 --stream clicks", &[]);
    assert!(!all.contains(SONG) && all.contains("password: ${var:TAG_PASSWORD}"), "{all}");
    assert!(all.contains("--var TAG_PASSWORD=VALUE") && all.contains("--var TAG_NOTE=VALUE"), "{all}");
}

/// A file of values holds secrets under any name, and people give the wrong file.
#[test]
fn mistakes_in_a_file_of_values_show_none_of_them() {
    for text in [
        "AWS_SECRET_ACCESS_KEY=hunter2\n",
        "# mine\nDB=postgres://hunter2\nhunter2\n",
        "A: [hunter2]\nB: { hunter2: x }\n",
        "A: hunter2\nA: hunter2\n",
        "A: hunter2: x\n",
        "A: 'hunter2\n",
        "A: *hunter2\n",
    ] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("tidegate.yaml"), SPECS[0]).expect("a file");
        std::fs::write(folder.path().join(".env"), text).expect("a file");
        for words in [
            "plan --var-file .env",
            "plan --format json --var-file .env",
            "lint --var-file .env --format human --format json=l.json",
        ] {
            let mut all = said(folder.path(), words, &[]);
            all += &std::fs::read_to_string(folder.path().join("l.json")).unwrap_or_default();
            assert!(all.contains(".env"), "{words} of {text}: {all}");
            assert!(!all.contains(SONG), "{words} of {text}:\n{all}");
        }
    }
}
