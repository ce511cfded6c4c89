//! Flags of every command, and the pages that describe them.

use std::path::Path;
use std::process::Output;

use super::program;

const SPEC: &str = "\
apiVersion: tidegate/v1
pipeline: shop
region: eu-west-1
alarms: { off: true }
streams:
  clicks: { protect: \"${var:KEEP}\", tags: { zip: \"${var:ZIP}\" }, capacity: { mode: provisioned, shards: \"${var:SHARDS}\" } }
";

fn run(folder: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = program(folder).args(args).output().expect("the program starts");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (status.code(), text(stdout), text(stderr))
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).expect("the file can be written");
}

#[test]
fn the_man_page_tells_every_command_and_flag() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (code, page, _) = run(folder.path(), &["man"]);
    assert_eq!(code, Some(0));
    let page = page.replace("\\-", "-");
    // The completions name every command and flag; the man page must not know fewer.
    let (_, words, _) = run(folder.path(), &["completions", "fish"]);
    let mut flags: Vec<&str> = Vec::new();
    for line in words.lines().filter(|line| line.starts_with("complete ")) {
        let after = |mark: &str| line.split(mark).nth(1).and_then(|rest| rest.split(' ').next());
        flags.extend(after(" -l "));
    }
    flags.sort_unstable();
    flags.dedup();
    assert!(flags.len() > 20, "{flags:?}");
    for flag in flags {
        assert!(page.contains(&format!("--{flag}")), "--{flag} is not on the page");
    }
    for command in ["PLAN", "APPLY", "DESTROY", "DRIFT", "IMPORT", "INIT", "DEMO", "IAM", "IAM DEPLOYER", "MAN"] {
        assert!(page.contains(&format!(".SH \"TIDEGATE {command}\"")), "{command} has no section");
    }
    let (code, _, said) = run(folder.path(), &["man", "--out", "pages"]);
    assert_eq!(code, Some(0), "{said}");
    let plan = std::fs::read_to_string(folder.path().join("pages/tidegate-plan.1")).expect("a page of its own");
    assert!(plan.replace("\\-", "-").contains("--detailed-exitcode"));
    assert!(folder.path().join("pages/tidegate-iam-deployer.1").exists());
}

#[test]
fn variables_come_from_files_and_the_command_line_has_the_last_word() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    write(at, "tidegate.yaml", SPEC);
    write(at, "a.yaml", "SHARDS: 2\nKEEP: false\nZIP: '01234'\n");
    write(at, "b.yaml", "SHARDS: 3\n");
    let plan = ["plan", "--cloud", "local:cloud.json", "--format", "json", "--var-file", "a.yaml"];
    let shards = |more: &[&str]| {
        let (code, said, wrong) = run(at, &[&plan, more].concat());
        assert_eq!(code, Some(0), "{wrong}");
        let plan: serde_json::Value = serde_json::from_str(&said).expect("JSON");
        let after = &plan["plans"][0]["changes"][0]["after"];
        assert_eq!(after["tags"]["zip"], "01234");
        after["shards"].as_i64()
    };
    assert_eq!(shards(&[]), Some(2));
    assert_eq!(shards(&["--var-file", "b.yaml"]), Some(3));
    assert_eq!(shards(&["--var-file", "b.yaml", "--var", "SHARDS=4"]), Some(4));
    write(at, "bad.yaml", "SHARDS: [1]\n");
    let (code, _, said) = run(at, &["plan", "--cloud", "local:cloud.json", "--var-file", "bad.yaml"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("bad.yaml:1:9") && said.contains("NAME: VALUE"), "{said}");
    let (code, _, said) = run(at, &["plan", "--cloud", "local:cloud.json", "--var-file", "none.yaml"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("cannot read none.yaml"), "{said}");
}

#[test]
fn quiet_and_without_colour() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    write(at, "tidegate.yaml", SPEC);
    write(at, "vars.yaml", "SHARDS: 2\nKEEP: false\nZIP: x\n");
    let on = ["--cloud", "local:cloud.json", "--var-file", "vars.yaml"];
    let colored = |more: &[&str]| {
        let mut command = program(at);
        command.env_remove("NO_COLOR").env("CLICOLOR_FORCE", "1").arg("plan").args(on).args(more);
        String::from_utf8(command.output().expect("the program starts").stdout).expect("UTF-8").contains('\u{1b}')
    };
    assert!(colored(&[]) && !colored(&["--no-color"]));
    let (_, loud_plan, note) = run(at, &[&["plan", "--out", "p"], &on[..]].concat());
    assert!(note.contains("Saved."), "{note}");
    let (_, quiet_plan, note) = run(at, &[&["plan", "--out", "p", "-q"], &on[..]].concat());
    assert_eq!((quiet_plan, note.as_str()), (loud_plan, ""));
    let (code, said, note) = run(at, &[&["apply", "-y", "-q"], &on[..]].concat());
    assert_eq!((code, note.as_str()), (Some(0), ""));
    assert!(!said.contains("  ok   ") && said.contains("1 done"), "{said}");
}

const CANARY: &str = "hunter2-canary";

/// Everything that a program says, and every file that it leaves behind.
fn traces(folder: &Path, args: &[&str]) -> String {
    let output = program(folder).env("TOK", CANARY).args(args).output().expect("the program starts");
    let mut all = String::from_utf8(output.stdout).expect("UTF-8") + &String::from_utf8(output.stderr).expect("UTF-8");
    for entry in std::fs::read_dir(folder).expect("the folder can be read") {
        all += &std::fs::read_to_string(entry.expect("an entry").path()).unwrap_or_default();
    }
    all
}

#[test]
fn values_of_the_environment_do_not_get_out() {
    for place in [
        "tags: { note: \"${env:TOK}\" }\nstreams: { clicks: {} }\n",
        "streams: { clicks: { tags: { note: \"a ${env:TOK}\" } } }\n",
        "streams: { clicks: {} }\naccess: { web: { trust: { account: \"210987654321\" }, description: \"${env:TOK}\" } }\n",
        "streams: { clicks: {} }\ndefaults: { notify: [\"${env:TOK}\"] }\n",
        "streams: { clicks: { retention: \"${env:TOK}\" } }\n",
        "streams: { clicks: {} }\naccess: { web: { trust: { account: \"210987654321\" }, can: [{ write: \"${env:TOK}\" }] } }\n",
    ] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let at = folder.path();
        write(at, "tidegate.yaml", &format!("apiVersion: tidegate/v1\npipeline: shop\nregion: eu-west-1\n{place}"));
        for args in [
            &["plan"][..],
            &["plan", "--format", "json"],
            &["plan", "--format", "markdown", "--out", "saved.plan"],
            &["apply", "-y"],
            &["drift"],
            &["drift", "--json"],
            &["-vv", "plan"],
        ] {
            let all = traces(at, &[args, &["--cloud", "local:cloud.json"]].concat());
            assert!(!all.contains(CANARY), "{place} {args:?}: {all}");
            assert!(all.contains("${env:TOK}"), "the spec itself is among the traces");
        }
        assert!(!at.join("saved.plan").exists(), "{place} is a mistake");
    }
}

#[test]
fn one_policy_for_all_specs_and_a_list_if_asked() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    for name in ["one", "two"] {
        let streams: Vec<String> = (0..40).map(|n| format!("{name}-a-stream-with-a-long-name-{n}: {{}}")).collect();
        let spec = format!(
            "apiVersion: tidegate/v1\npipeline: {name}\nregion: eu-west-1\nstreams: {{ {} }}\n",
            streams.join(", ")
        );
        write(at, &format!("{name}.yaml"), &spec);
    }
    let on = ["--cloud", "local:cloud.json", "-f", "one.yaml", "-f", "two.yaml"];
    let (code, policy, said) = run(at, &[&["iam", "deployer"], &on[..]].concat());
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("IAM takes 6144") && said.contains("--split"), "{said}");
    let policy: serde_json::Value = serde_json::from_str(&policy).expect("one JSON document");
    assert!(policy["Statement"].is_array());
    let (_, policies, said) = run(at, &[&["iam", "deployer", "--split"], &on[..]].concat());
    assert_eq!(said, "");
    let policies: serde_json::Value = serde_json::from_str(&policies).expect("one JSON document");
    assert!(policies.as_array().expect("a list").len() > 1);
    let (_, policy, _) = run(at, &[&["iam", "controller"], &on[..]].concat());
    assert!(!policy.contains("UpdateShardCount"), "nothing there has a range");
}

/// The last words of the demo ask for its spec to be changed, so the next one must not take that away.
#[test]
fn a_demo_keeps_what_somebody_made_of_its_spec() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    let (code, said, wrong) = run(at, &["demo"]);
    assert!(code == Some(0) && !said.contains("is kept"), "{wrong}{said}");
    let (_, said, _) = run(at, &["demo"]);
    assert!(!said.contains("is kept"), "an unchanged one is the demo's own: {said}");
    let spec = at.join("tidegate-demo/clickstream.yaml");
    let mine = std::fs::read_to_string(&spec).expect("the spec") + "# mine\n";
    write(at, "tidegate-demo/clickstream.yaml", &mine);
    write(at, "tidegate-demo/cloud.json", "mine as well");
    let (code, said, wrong) = run(at, &["demo"]);
    assert_eq!(code, Some(0), "{wrong}");
    assert!(said.contains("tidegate-demo/clickstream.yaml was changed and is kept, with its cloud"), "{said}");
    assert!(said.contains("this demo plays with tidegate-demo/demo.yaml"), "{said}");
    assert_eq!(std::fs::read_to_string(&spec).expect("the spec"), mine);
    assert_eq!(std::fs::read_to_string(at.join("tidegate-demo/cloud.json")).expect("the cloud"), "mine as well");
}
