//! Canaries in credentials, wherever they come from, and in addresses: with the log at its loudest nothing may sing.

use std::path::Path;
use std::process::Stdio;

use super::server::Server;
use super::{leaks, program, silent};

const SONG: &str = "hunter2";
const SPEC: &str =
    "apiVersion: tidegate/v1\npipeline: p\nregion: eu-west-1\nalarms: { off: true }\nstreams: { s: {} }\n";
/// What a proxy is told of `me:hunter2`.
const ENCODED: &str = "bWU6aHVudGVyMg";

/// What `plan`, or other words, say in a home with this file of credentials, and how it ended.
fn told(home: &Path, words: &str, surroundings: &[(&str, &str)]) -> (Option<i32>, String) {
    std::fs::write(home.join("tidegate.yaml"), SPEC).expect("a file");
    let mut command = program(home);
    command.env("AWS_MAX_ATTEMPTS", "1").env("AWS_EC2_METADATA_DISABLED", "true").env("PATH", "/usr/bin:/bin");
    command.envs(surroundings.iter().copied()).args(words.split(' ')).stdin(Stdio::null());
    let output = command.output().expect("the program starts");
    let all = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(!all.contains("panicked"), "{words}: {all}");
    (output.status.code(), all)
}

fn home(config: &str, credentials: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::create_dir(folder.path().join(".aws")).expect("a folder");
    std::fs::write(folder.path().join(".aws/config"), config).expect("a file");
    std::fs::write(folder.path().join(".aws/credentials"), credentials).expect("a file");
    folder
}

const KEYS: [(&str, &str); 3] = [
    ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "hunter2/secret+key"),
    ("AWS_SESSION_TOKEN", "hunter2-session-token"),
];

#[test]
fn credentials_of_the_environment_are_in_no_log_error_or_file() {
    let folder = home("", "");
    let surroundings = [
        ("SPLUNK_TOKEN", "hunter2-splunk"),
        ("WEBHOOK_URL", "https://hooks.example.com/hunter2"),
        ("HTTP_PROXY", "http://me:hunter2@127.0.0.1:1"),
        ("TIDEGATE_LOG", "trace"),
    ];
    let surroundings = [&KEYS[..], &surroundings].concat();
    let local = leaks::COMMANDS.map(|words| (format!("{words} --cloud local:cloud.json"), false));
    // Nobody listens there, so that the errors of the SDK are told as well.
    let nowhere = "--cloud aws --region eu-west-1 --endpoint-url http://127.0.0.1:1";
    let far = [
        "plan -vv",
        "apply -y -vv --json",
        "drift -vv",
        "destroy -y -vv",
        "import -vv --stream clicks",
        "run --ticks 1",
    ];
    for (words, logs) in local.into_iter().chain(far.map(|words| (format!("{words} {nowhere}"), true))) {
        let (_, mut all) = told(folder.path(), &words, &surroundings);
        assert!(!logs || all.contains("rpc.method"), "the SDK's log is there: {words}: {all}");
        leaks::files(folder.path(), &mut all);
        assert!(!all.contains(SONG) && !all.contains(ENCODED), "{words}:\n{all}");
    }
}

/// The SDK tells addresses in its errors and in its log.
#[test]
fn an_address_with_a_password_is_refused_wherever_it_comes_from() {
    let config = "[profile all]\nregion = eu-west-1\nendpoint_url = http://me:hunter2@[bad\n\
                  [profile one]\nservices = mine\n[services mine]\nsts =\n  endpoint_url = http://me:hunter2@127.0.0.1:1\n";
    let folder = home(config, "");
    let cases: [(&str, &[(&str, &str)]); 7] = [
        ("plan", &[("AWS_ENDPOINT_URL", "http://me:hunter2@[bad")]),
        ("plan", &[("AWS_ENDPOINT_URL", "http://me:hunter2@127.0.0.1:1")]),
        ("plan", &[("AWS_ENDPOINT_URL_STS", "http://me:hunter2@[bad")]),
        ("plan", &[("AWS_PROFILE", "all")]),
        ("plan --profile one", &[]),
        ("plan --endpoint-url http://me:hunter2@127.0.0.1:1", &[]),
        ("plan --endpoint-url http://me:hunt/hunter2@127.0.0.1:1", &[]),
    ];
    for (words, surroundings) in cases {
        for log in ["off", "trace"] {
            let (code, all) = told(folder.path(), words, &[&KEYS[..], surroundings, &[("TIDEGATE_LOG", log)]].concat());
            assert!(!all.contains(SONG), "{words} {surroundings:?}:\n{all}");
            assert!(all.contains("holds a user or a password"), "{words} {surroundings:?}: {all}");
            assert_eq!(code, Some(1), "{words} {surroundings:?}: {all}");
        }
    }
    // Those that are to be ignored are no mistake.
    let ignored = [("AWS_ENDPOINT_URL", "http://me:hunter2@[bad"), ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")];
    let (_, all) = told(folder.path(), "plan --endpoint-url http://127.0.0.1:1", &[&KEYS[..], &ignored].concat());
    assert!(all.contains("no answer from AWS") && !all.contains(SONG), "{all}");
}

const ASSUMED: &str = "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>\
    <AccessKeyId>ASIAHUNTER</AccessKeyId><SecretAccessKey>hunter2-secret</SecretAccessKey>\
    <SessionToken>hunter2-token</SessionToken><Expiration>WHEN</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>";

/// Credentials that come in answers: the SDK logs what it cannot read, as it came.
#[test]
fn credentials_in_answers_are_in_no_log() {
    let role = "[base]\naws_access_key_id = AKID\naws_secret_access_key = hunter2\n\
                [role]\nrole_arn = arn:aws:iam::123456789012:role/x\nsource_profile = base\nregion = eu-west-1\n";
    let answers = [
        ("a date that is none", ASSUMED.replace("WHEN", "never")),
        ("an answer that is cut off", ASSUMED.split("<Expiration>").next().unwrap_or_default().to_owned()),
        ("an answer as it should be", ASSUMED.replace("WHEN", "2099-01-01T00:00:00Z")),
    ];
    for (what, answer) in answers {
        let sts = Server::start(move |request| {
            let asked = request.contains("Action=AssumeRole");
            Some(if asked { (200, answer.clone()) } else { (403, String::new()) })
        });
        let folder = home("", role);
        for log in ["warn", "debug", "trace"] {
            let surroundings = [("AWS_PROFILE", "role"), ("AWS_ENDPOINT_URL_STS", sts.url()), ("TIDEGATE_LOG", log)];
            let (code, all) = told(folder.path(), "plan -vv", &surroundings);
            assert!(!all.contains(SONG), "{what}, {log}:\n{all}");
            assert_ne!(code, Some(0), "{what}: {all}");
            let is_told = what.starts_with("a date");
            assert!(
                !is_told || all.contains("SecretAccessKey>(hidden)<"),
                "the answer is in the log: {what}, {log}: {all}"
            );
        }
        assert!(sts.requests() >= 3, "{what}: it was asked");
    }
}

#[test]
fn credentials_of_processes_and_containers_are_in_no_log() {
    let json = r#"{"Version":1,"AccessKeyId":"ASIA","SecretAccessKey":"hunter2s","SessionToken":"hunter2t","Token":"hunter2t","Expiration":"WHEN""#;
    for (what, json) in [
        ("cut off", json.to_owned()),
        ("a date that is none", format!("{json}}}")),
        ("as it should be", format!("{}}}", json.replace("WHEN", "2099-01-01T00:00:00Z"))),
    ] {
        let folder = home("[profile process]\nregion = eu-west-1\ncredential_process = /bin/cat answer.json\n", "");
        std::fs::write(folder.path().join("answer.json"), &json).expect("a file");
        let container = Server::start(move |_| Some((200, json.clone())));
        let url = format!("{}/credentials", container.url());
        let nobody = ("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
        let process = vec![("AWS_PROFILE", "process"), nobody];
        let container = vec![
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &*url),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "hunter2a"),
            nobody,
        ];
        for surroundings in [process, container] {
            for log in ["warn", "trace"] {
                let (_, all) = told(folder.path(), "plan -vv", &[&surroundings[..], &[("TIDEGATE_LOG", log)]].concat());
                assert!(!all.contains(SONG), "{what}, {log}, {surroundings:?}:\n{all}");
                assert!(log != "trace" || all.contains("rpc.method"), "the SDK's log is there: {all}");
            }
        }
    }
}

/// An answer that cannot be read is an error whose debug form holds all of it.
#[test]
fn an_answer_that_cannot_be_read_is_not_repeated() {
    let cut_off = Server::start(|request| {
        let is_first = request.contains("Action=GetCallerIdentity");
        Some((200, if is_first { silent::WHO.to_owned() } else { r#"{"raw": "hunter2", "#.to_owned() }))
    });
    let folder = home("", "");
    let (_, all) = told(folder.path(), &format!("plan --endpoint-url {}", cut_off.url()), &KEYS);
    assert!(all.contains("not checked") && cut_off.requests() > 3, "{all}");
    assert!(!all.contains(SONG) && !all.contains("ResponseError"), "{all}");
}
