//! Pythons with what tests need: numpy for programs that check ours, pre-commit for our hooks, GitLab's schema, the AWS CLI as a judge. Installed once per folder.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The interpreter with numpy. `TIDEGATE_EMULATORS` names a folder to share between checkouts; otherwise it is below
/// `target`.
///
/// Panics where Python is missing or the package cannot be installed: a test that needs it cannot pass without.
pub fn python() -> &'static Path {
    static ONE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let outcome = ONE.get_or_init(|| install("numpy", "numpy>=1.26,<3", "numpy").map_err(|error| error.to_string()));
    outcome.as_ref().unwrap_or_else(|error| panic!("Python with numpy, which this test needs: {error}"))
}

/// The program pre-commit, installed in the same way.
pub fn pre_commit() -> &'static Path {
    static ONE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let outcome = ONE.get_or_init(|| {
        let python = install("pre-commit", "pre-commit>=4,<5", "pre_commit").map_err(|error| error.to_string())?;
        Ok(python.with_file_name("pre-commit"))
    });
    outcome.as_ref().unwrap_or_else(|error| panic!("pre-commit, which this test needs: {error}"))
}

/// The program check-jsonschema, which brings the schemas of build servers, installed in the same way.
pub fn check_jsonschema() -> &'static Path {
    static ONE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let outcome = ONE.get_or_init(|| {
        let python = install("check-jsonschema", "check-jsonschema>=0.39,<0.40", "check_jsonschema");
        Ok(python.map_err(|error| error.to_string())?.with_file_name("check-jsonschema"))
    });
    outcome.as_ref().unwrap_or_else(|error| panic!("check-jsonschema, which this test needs: {error}"))
}

/// The AWS CLI, installed in the same way.
pub fn aws_cli() -> &'static Path {
    static ONE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let outcome = ONE.get_or_init(|| {
        let python = install("awscli", "awscli>=1.42,<2", "awscli").map_err(|error| error.to_string())?;
        Ok(python.with_file_name("aws"))
    });
    outcome.as_ref().unwrap_or_else(|error| panic!("the AWS CLI, which this test needs: {error}"))
}

/// The interpreter with the API schemas of Kubernetes.
pub fn kubernetes() -> &'static Path {
    static ONE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let outcome = ONE.get_or_init(|| {
        install("kubernetes-validate", "kubernetes-validate>=1.37,<2", "kubernetes_validate")
            .map_err(|error| error.to_string())
    });
    outcome.as_ref().unwrap_or_else(|error| panic!("Kubernetes's schemas, which this test needs: {error}"))
}

/// The interpreter of a virtual environment with one package from PyPI.
fn install(name: &str, pin: &str, module: &str) -> io::Result<PathBuf> {
    let shared = std::env::var_os("TIDEGATE_EMULATORS").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let folder = shared.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/emulators"));
    fs::create_dir_all(&folder)?;
    // Held until the end of this function; the kernel gives it back if the process dies on the way.
    let lock = File::create(folder.join(format!("{name}.lock")))?;
    lock.lock()?;
    let venv = std::path::absolute(folder.join(name))?;
    let python = venv.join("bin/python");
    let import = format!("import {module}");
    let usable = || Command::new(&python).args(["-c", &import]).output().is_ok_and(|done| done.status.success());
    if !usable() {
        if venv.exists() {
            fs::remove_dir_all(&venv)?;
        }
        run(Command::new("python3").args(["-m", "venv"]).arg(&venv), "install the Debian package python3-venv")?;
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]);
        run(pip.args(["--only-binary", ":all:", pin]), "check the network and pip's package index")?;
    }
    Ok(python)
}

fn run(command: &mut Command, remedy: &str) -> io::Result<()> {
    let words = format!("{command:?}");
    let output = command.output().map_err(|error| io::Error::other(format!("{words}: {error}: {remedy}")))?;
    if output.status.success() {
        return Ok(());
    }
    Err(io::Error::other(format!("{words} failed: {remedy}.\n{}", String::from_utf8_lossy(&output.stderr))))
}
