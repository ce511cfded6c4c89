//! A key that somebody disables, or whose deletion somebody schedules, is the pipeline's still: what it has encrypted can be read with no other.

use serde_json::Value;

use super::awscli::Session;
use super::deployer::{Caller, root};
use super::judged::for_ministack;
use super::permissions::user;
use crate::support::emulators;

const SPEC: &str = "apiVersion: tidegate/v1\npipeline: going\nregion: eu-west-1\nalarms: { off: true }\nkeys: { k: {} }\n\
                    streams: { going: { encryption: { key: k } } }\n";

fn says(deployer: &Caller, args: &[&str], code: i32, words: &[&str]) {
    let (ended, said) = deployer.run(args);
    assert_eq!(ended, Some(code), "{args:?}: {said}");
    // Lines are broken where the screen ends.
    let flat = said.split_whitespace().collect::<Vec<_>>().join(" ");
    words.iter().for_each(|words| assert!(flat.contains(words), "{args:?}: no `{words}` in {said}"));
}

/// The key behind the pipeline's alias.
fn key(cli: &Session) -> Result<[String; 2], String> {
    let seen: Value = cli.aws("kms describe-key --key-id alias/tidegate/going/k")?["KeyMetadata"].clone();
    Ok(["KeyId", "KeyState"].map(|field| seen[field].as_str().unwrap_or_default().to_owned()))
}

#[tokio::test]
async fn a_key_that_somebody_lets_go_is_kept_by_the_printed_policy() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("tidegate.yaml"), SPEC).expect("the spec can be written");
    let printed = Caller { folder: folder.path(), key: &root(), streams: None }.policy(&["iam", "deployer"]);
    let name = user("keeps-keys", for_ministack(&printed)).await;
    let deployer = Caller { folder: folder.path(), key: &name, streams: None };
    let cli = Session::at(&emulators::ministack_with_auth().url, &root().0);
    let loss = ["destroy", "-y", "--allow-data-loss", "key/k", "--allow-data-loss", "stream/going"];

    says(&deployer, &["apply", "-y"], 0, &["ok created key/k"]);
    let [id, _] = key(&cli).expect("it is made");
    let kept = || assert_eq!(key(&cli), Ok([id.clone(), "Enabled".to_owned()]), "the same key, and no other");

    let goes = format!("kms schedule-key-deletion --key-id {id} --pending-window-in-days 7");
    cli.read(&goes);
    says(&deployer, &["plan"], 0, &["~ update key/k", "state: to be deleted on 20"]);
    says(&deployer, &["drift"], 2, &["state: enabled in the spec, to be deleted on 20"]);
    says(&deployer, &["apply", "-y"], 0, &["ok updated key/k"]);
    kept();
    says(&deployer, &["plan", "--detailed-exitcode"], 0, &["No changes."]);

    cli.read(&format!("kms disable-key --key-id {id}"));
    says(&deployer, &["drift"], 2, &["state: enabled in the spec, disabled in AWS"]);
    says(&deployer, &["apply", "-y"], 0, &["ok updated key/k"]);
    kept();
    says(&deployer, &["plan", "--detailed-exitcode"], 0, &["No changes."]);

    // What goes by our own hand stays gone, also where somebody else was first: the next apply makes another key.
    cli.read(&goes);
    says(&deployer, &loss, 0, &["ok deleted key/k"]);
    assert!(key(&cli).is_err(), "the alias has gone");
    assert_eq!(cli.read(&format!("kms describe-key --key-id {id}"))["KeyMetadata"]["KeyState"], "PendingDeletion");
    says(&deployer, &["apply", "-y"], 0, &["ok created key/k"]);
    assert_ne!(key(&cli).expect("another is made")[0], id);
    says(&deployer, &["plan", "--detailed-exitcode"], 0, &["No changes."]);
    says(&deployer, &loss, 0, &["ok deleted key/k"]);
}
