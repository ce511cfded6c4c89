use std::process::Command;

use serde_json::Value;

use super::{judged, script, takes, text};
use crate::support::python;

fn fits(operation: &str, request: &str) -> String {
    let interpreter = python::aws_cli().with_file_name("python");
    judged(Command::new(interpreter).arg(script("shape.py")).args(["ecs", operation]), request)
}

#[test]
fn the_service_model_takes_both_requests() {
    for (file, operation) in
        [("ecs/task-definition.json", "RegisterTaskDefinition"), ("ecs/service.json", "CreateService")]
    {
        let said = fits(operation, &text(file));
        assert!(said.starts_with("fits: "), "{file}: {said}");
    }
    let wrong = text("ecs/task-definition.json").replace("\"essential\": true", "\"essentiel\": 1");
    let wrong = wrong.replace("\"awsvpc\"", "\"vpc\"");
    let said = fits("RegisterTaskDefinition", &wrong);
    assert!(
        said.contains("essentiel: ContainerDefinition has no such member") && said.contains("'vpc' is none of"),
        "{said}"
    );
}

#[test]
fn the_task_runs_what_the_program_knows() {
    let task: Value = serde_json::from_str(&text("ecs/task-definition.json")).expect("JSON");
    let container = &task["containerDefinitions"][0];
    let words = |of: &Value| -> Vec<String> {
        of.as_array().expect("a list").iter().map(|word| word.as_str().expect("text").to_owned()).collect()
    };
    let command = words(&container["command"]);
    takes(&command.iter().map(String::as_str).collect::<Vec<_>>());
    let check = words(&container["healthCheck"]["command"]);
    assert_eq!(check[..2], ["CMD", "tidegate"], "{check:?}");
    takes(&check[2..].iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!((&container["readonlyRootFilesystem"], &container["user"]), (&true.into(), &"10001:10001".into()));
    // The ledger is what must outlive the task: it is in the table that the page makes, and so two tasks may run.
    let ledger = command.iter().find_map(|word| word.strip_prefix("dynamodb:")).expect("a table");
    assert!(text("README.md").contains(&format!("create-table --table-name {ledger} ")), "{ledger}");
    assert_eq!((&task["volumes"], &container["mountPoints"]), (&Value::Null, &Value::Null));
    let service: Value = serde_json::from_str(&text("ecs/service.json")).expect("JSON");
    assert_eq!(
        (&service["desiredCount"], &service["deploymentConfiguration"]["minimumHealthyPercent"]),
        (&2.into(), &50.into())
    );
}
