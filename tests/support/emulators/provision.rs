//! Installs the emulators at pinned versions, once per folder, however many test processes ask at the same time.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

/// `cbor2` lets ministack speak the protocol of CloudWatch's current SDK; `cryptography` is for its KMS keys.
const PYTHON_PINS: [&str; 4] = ["ministack==1.5.33", "cbor2", "cryptography", "moto[server]==5.2.5"];
const CRATE_PIN: &str = "ferrokinesis@0.7.0";
const NPM_PIN: &str = "kinesis-local@0.6.2";

/// The folder that holds the emulators.
#[derive(Debug)]
pub struct Installed {
    folder: PathBuf,
}

impl Installed {
    pub fn python(&self) -> PathBuf {
        self.folder.join("venv/bin/python")
    }

    pub fn kinesis_local(&self) -> PathBuf {
        self.folder.join("npm/node_modules/kinesis-local")
    }

    /// Compiled at its first use, a few minutes, since no registry has it ready to run.
    pub fn ferrokinesis(&self) -> io::Result<PathBuf> {
        let root = self.folder.join("ferrokinesis");
        let program = root.join("bin/ferrokinesis");
        let lock = File::create(self.folder.join("ferrokinesis.lock"))?;
        lock.lock()?;
        if !program.is_file() {
            let mut cargo = Command::new("cargo");
            // Not among this crate's own artefacts.
            cargo
                .env_remove("CARGO_TARGET_DIR")
                .args(["install", "--quiet", "--locked", CRATE_PIN, "--root"])
                .arg(&root);
            run(&mut cargo, "check the network and the registry of crates")?;
        }
        Ok(program)
    }

    pub fn logs(&self) -> PathBuf {
        self.folder.join("logs")
    }

    fn usable(&self) -> bool {
        // The marker is written last, so it is never beside half an installation. The rest may have gone since:
        // a newer Python on the machine leaves a virtual environment whose interpreter is a dangling link.
        fs::read_to_string(self.folder.join("versions")).is_ok_and(|text| text == versions())
            && self.kinesis_local().join("main.js").is_file()
            && Command::new(self.python()).args(["-c", ""]).output().is_ok_and(|output| output.status.success())
    }
}

/// Installs what is missing, at the first call of the process.
///
/// `TIDEGATE_EMULATORS` names a folder to share between checkouts; otherwise it is `target/emulators`.
pub fn installed() -> &'static Installed {
    // A failure is kept as well, so that every test that needs an emulator fails at once and not after its own minute.
    static ONE: OnceLock<Result<Installed, String>> = OnceLock::new();
    let outcome = ONE.get_or_init(|| {
        let folder = match std::env::var_os("TIDEGATE_EMULATORS") {
            Some(folder) if !folder.is_empty() => PathBuf::from(folder),
            _ => Path::new(env!("CARGO_MANIFEST_DIR")).join("target/emulators"),
        };
        // Absolute, for npm and the servers are started with other working folders.
        let folder = std::path::absolute(folder).expect("the current folder exists");
        install(folder).map_err(|error| error.to_string())
    });
    outcome.as_ref().unwrap_or_else(|error| panic!("the emulators that this test needs are not installed: {error}"))
}

fn install(folder: PathBuf) -> io::Result<Installed> {
    let installed = Installed { folder };
    fs::create_dir_all(installed.logs())?;
    // Held until the end of this function; the kernel gives it back if the process dies on the way.
    let lock = File::create(installed.folder.join("lock"))?;
    lock.lock()?;
    forget_old_logs(&installed.logs())?;
    // Asked even when everything is installed: Node runs kinesis-local and is not in the folder.
    run(Command::new("node").arg("--version"), "install the Debian package nodejs")?;
    if !installed.usable() {
        let marker = installed.folder.join("versions");
        if marker.exists() {
            fs::remove_file(&marker)?;
        }
        run(Command::new("npm").arg("--version"), "install the Debian package npm")?;
        run(Command::new("python3").arg("--version"), "install the Debian package python3")?;
        make_venv(&installed.folder.join("venv"))?;
        make_npm(&installed.folder.join("npm"))?;
        fs::write(&marker, versions())?;
    }
    Ok(installed)
}

/// Every test process writes logs of its own, so they would pile up; those of today may still be of use to someone.
fn forget_old_logs(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let age = entry.metadata()?.modified()?.elapsed().unwrap_or_default();
        if age > Duration::from_secs(24 * 60 * 60) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn versions() -> String {
    format!("{}\n{NPM_PIN}\n", PYTHON_PINS.join("\n"))
}

fn make_venv(folder: &Path) -> io::Result<()> {
    remove(folder)?;
    // Debian splits this module off from Python.
    run(Command::new("python3").args(["-m", "venv"]).arg(folder), "install the Debian package python3-venv")?;
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]);
    // Wheels only: a source archive would need a compiler and run its author's build script.
    pip.args(["--only-binary", ":all:"]).args(PYTHON_PINS);
    run(&mut pip, "check the network and pip's package index")
}

fn make_npm(folder: &Path) -> io::Result<()> {
    remove(folder)?;
    fs::create_dir_all(folder)?;
    // A manifest of its own stops npm from climbing to a package.json above and installing there.
    fs::write(folder.join("package.json"), "{\"private\": true}\n")?;
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", NPM_PIN]);
    run(npm.current_dir(folder), "check the network and npm's registry")
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Runs to the end; what went wrong carries the program's own words and the remedy.
fn run(command: &mut Command, remedy: &str) -> io::Result<()> {
    let words = format!("{command:?}");
    match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(io::Error::other(format!(
            "{words} failed ({}): {remedy}.\n{}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        ))),
        Err(error) => Err(io::Error::other(format!("{words} does not start ({error}): {remedy}."))),
    }
}
