use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use super::{folder, judged, script, takes, text};
use crate::support::python;

/// The schemas of the Prometheus operator's objects.
const OPERATOR: &str = "@kubernetes-models/prometheus-operator@6.0.0";

/// The folder that they are installed in, once per machine; a test that needs them cannot pass without.
fn operator() -> &'static Path {
    static ONE: OnceLock<PathBuf> = OnceLock::new();
    ONE.get_or_init(|| {
        let shared = std::env::var_os("TIDEGATE_EMULATORS").filter(|folder| !folder.is_empty()).map(PathBuf::from);
        let folder = shared.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/emulators"));
        let folder = std::path::absolute(folder.join("prometheus-operator")).expect("a path");
        fs::create_dir_all(&folder).expect("the folder can be made");
        let lock = File::create(folder.join("lock")).expect("a lock");
        lock.lock().expect("it can be had");
        if !folder.join("installed").exists() {
            // A manifest of its own stops npm from climbing to one above.
            fs::write(folder.join("package.json"), "{\"private\": true}").expect("it can be written");
            let mut npm = Command::new("npm");
            npm.args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", OPERATOR]);
            let output = npm.current_dir(&folder).output().expect("npm, which this test needs");
            assert!(
                output.status.success(),
                "npm cannot install {OPERATOR}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
            fs::write(folder.join("installed"), OPERATOR).expect("it can be written");
        }
        folder
    })
}

fn object(file: &str) -> Value {
    serde_yaml::from_str(&text(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The objects that are of Kubernetes itself.
fn objects() -> Vec<Value> {
    ["serviceaccount", "statefulset", "service"].map(|name| object(&format!("kubernetes/{name}.yaml"))).into()
}

fn strictly(objects: &[Value]) -> String {
    let about = serde_json::to_string(objects).expect("JSON");
    judged(Command::new(python::kubernetes()).arg(script("strict.py")), &about)
}

#[test]
fn the_api_schemas_take_the_manifests() {
    assert_eq!(strictly(&objects()), "ServiceAccount: fits\nStatefulSet: fits\nService: fits\n");
    let mut wrong = objects();
    wrong[1]["spec"]["template"]["spec"]["containers"][0]["livenesProbe"] = Value::Null;
    assert!(strictly(&wrong).contains("'livenesProbe' was unexpected"));
    let monitor = |object: &Value| {
        judged(Command::new("node").arg(script("monitor.mjs")).arg(operator()), &object.to_string()).trim().to_owned()
    };
    let mut object = object("kubernetes/servicemonitor.yaml");
    assert_eq!(monitor(&object), "fits");
    object["spec"]["endpoints"][0]["intervall"] = "30s".into();
    assert_eq!(monitor(&object), "spec.endpoints[0].intervall: no such field");
}

#[test]
fn every_manifest_is_applied_or_named_as_optional() {
    let list = text("kubernetes/kustomization.yaml");
    for entry in fs::read_dir(folder().join("kubernetes")).expect("the folder") {
        let name = entry.expect("an entry").file_name().into_string().expect("a name");
        let is_named = list.lines().any(|line| line.trim_start_matches([' ', '#']) == format!("- {name}"));
        assert!(is_named || name == "kustomization.yaml", "{name}");
    }
}

#[test]
fn the_pod_runs_what_the_program_knows_with_few_rights() {
    let set = object("kubernetes/statefulset.yaml");
    let pod = &set["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    let words: Vec<&str> =
        container["args"].as_array().expect("a list").iter().map(|word| word.as_str().expect("text")).collect();
    takes(&words);
    assert_eq!((&pod["securityContext"]["runAsNonRoot"], &set["spec"]["replicas"]), (&true.into(), &1.into()));
    let rights = &container["securityContext"];
    assert_eq!(rights["readOnlyRootFilesystem"], true);
    assert_eq!(
        (&rights["allowPrivilegeEscalation"], &rights["capabilities"]["drop"][0]),
        (&false.into(), &"ALL".into())
    );
    // Every file that it is told of is in a volume.
    let mounts = container["volumeMounts"].as_array().expect("a list");
    for path in words.iter().filter(|word| word.starts_with('/')) {
        assert!(mounts.iter().any(|mount| path.starts_with(mount["mountPath"].as_str().expect("a path"))), "{path}");
    }
    let port = &container["ports"][0];
    let listen = container["env"][0]["value"].as_str().expect("text");
    assert!(listen.ends_with(&format!(":{}", port["containerPort"])), "{listen}");
    let service = object("kubernetes/service.yaml");
    assert_eq!(service["spec"]["ports"][0]["targetPort"], port["name"]);
    assert_eq!(service["spec"]["selector"], set["spec"]["template"]["metadata"]["labels"]);
    for probe in ["livenessProbe", "readinessProbe"] {
        assert_eq!(container[probe]["httpGet"]["port"], port["name"], "{probe}");
    }
}
