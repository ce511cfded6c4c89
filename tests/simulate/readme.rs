//! What the README shows of sizing is what the program prints.

use std::process::Command;

const COMMAND: &str = "$ tidegate simulate --synthetic flash-crowd --days 3 --level 8\n";

#[test]
fn the_readme_shows_real_output() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let readme = std::fs::read_to_string(path).expect("the README");
    let (before, after) = readme.split_once(COMMAND).expect("the README shows a simulated run");
    let (shown, rest) = after.split_once("```").expect("the block ends");
    let output = Command::new(env!("CARGO_BIN_EXE_tidegate"))
        .args(COMMAND.trim().split(' ').skip(2))
        .env_remove("CLICOLOR_FORCE")
        .output()
        .expect("tidegate starts");
    let printed = String::from_utf8(output.stdout).expect("text");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, format!("{before}{COMMAND}{printed}```{rest}")).expect("the README can be written");
        return;
    }
    assert_eq!(shown, printed, "run it with UPDATE=1 to take the new output over");
}
