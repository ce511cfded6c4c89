//! One file holds the local cloud of every region, and what is in one says nothing of another.

use std::path::Path;
use std::process::Command;

fn tidegate(folder: &Path, arguments: &str) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command.current_dir(folder).env_clear().args(arguments.split(' ')).args(["--cloud", "local:cloud.json"]);
    let output = command.output().expect("the program starts");
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn one_pipeline_in_two_regions_is_two_sets_of_resources() {
    let folder = tempfile::tempdir().expect("a folder");
    for region in ["eu-west-1", "us-east-1"] {
        let spec = format!(
            "apiVersion: tidegate/v1\npipeline: shop-{region}\nregion: {region}\nstreams:\n  orders: {{ name: orders }}\n"
        );
        std::fs::write(folder.path().join(format!("{region}.yaml")), spec).expect("the spec can be written");
    }
    let (done, said) = tidegate(folder.path(), "apply -y -f eu-west-1.yaml -f us-east-1.yaml");
    assert!(done, "{said}");
    for region in ["eu-west-1", "us-east-1"] {
        let (same, said) = tidegate(folder.path(), &format!("plan --detailed-exitcode -f {region}.yaml"));
        assert!(same, "{said}");
    }
    assert!(tidegate(folder.path(), "destroy -y -f us-east-1.yaml --allow-data-loss orders").0);
    assert!(tidegate(folder.path(), "plan --detailed-exitcode -f eu-west-1.yaml").0, "the other region keeps its own");
}
