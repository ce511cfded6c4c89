//! Every example of `specs/` on the emulators: applied, planned again, destroyed.

use std::path::Path;

use super::cloud::Cloud;
use super::run;

/// What only a real network has, in place of what stands in the examples.
fn with_network(text: &str, cloud: &Cloud) -> String {
    let ids: std::collections::BTreeMap<_, _> = cloud.env().into_iter().collect();
    let text = text.replace("vpc-0a1b2c3d", &ids["VPC"]).replace("subnet-1a2b3c4d", &ids["SUBNET_A"]);
    let group = "securityGroup: { create: true, allowFrom: [10.0.0.0/16] }";
    text.replace("subnet-5e6f7a8b", &ids["SUBNET_B"]).replace("securityGroups: [sg-9c0d1e2f]", group)
}

fn play(name: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("specs").join(format!("{name}.yaml"));
    let text = std::fs::read_to_string(file).expect("the example can be read");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    let mut cloud = Cloud::named("together");
    cloud.begin(at);
    let text = with_network(&text, &cloud);
    let spec = |text: &str| std::fs::write(at.join("tidegate.yaml"), text).expect("the spec can be written");
    spec(&text);
    let (_, said) = run("apply -y", &cloud, at);
    assert!(!said.contains("[exit"), "{name}: {said}");
    let (_, said) = run("plan --detailed-exitcode", &cloud, at);
    assert!(said.contains("No changes.") && !said.contains("[exit"), "{name}: {said}");
    if text.contains("protect: true") {
        let (_, said) = run("destroy -y", &cloud, at);
        assert!(said.contains("(protected)"), "{name}: {said}");
        spec(&text.replace("protect: true", "protect: false"));
        let (_, said) = run("apply -y", &cloud, at);
        assert!(!said.contains("[exit"), "{name}: {said}");
    }
    // What holds data is named by the plan itself, with the words that agree to its loss.
    let (refused, _) = run("destroy", &cloud, at);
    let words: Vec<&str> = refused.split('`').filter(|words| words.starts_with("--allow-data-loss ")).collect();
    let (_, said) = run(&format!("destroy -y {}", words.join(" ")), &cloud, at);
    assert!(!said.contains("[exit"), "{name}: {said}");
    let (_, said) = run("destroy -y", &cloud, at);
    assert!(said.contains("Nothing is left to destroy"), "{name}: {said}");
}

macro_rules! examples {
    ($($test:ident: $name:literal;)*) => {
        $( #[test] fn $test() { play($name); } )*
        const EXAMPLES: &[&str] = &[$($name),*];
    };
}

examples! {
    archive: "archive";
    autoscaled: "autoscaled";
    clickstream: "clickstream";
    encrypted: "encrypted";
    fan_out: "fan-out";
    minimal: "minimal";
    private: "private";
    provisioned: "provisioned";
    shared: "shared";
}

#[test]
fn every_example_is_played() {
    let files = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("specs")).expect("specs can be listed");
    let names = files.map(|file| file.expect("a file").file_name().into_string().expect("UTF-8"));
    let mut found: Vec<String> = names.filter_map(|name| name.strip_suffix(".yaml").map(str::to_owned)).collect();
    found.sort();
    assert_eq!(found, EXAMPLES);
}
