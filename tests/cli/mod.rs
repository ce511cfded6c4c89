//! The program as a process: what it does when it is interrupted, and with whatever it is given to read.

mod bounded;
mod credentials;
mod hostile;
mod interrupt;
mod json;
mod leaks;
mod planted;
mod server;
mod silent;
mod surroundings;
mod usage;
mod written;

use std::path::Path;
use std::process::Command;

/// The program in a folder, with nothing of the developer's environment.
fn program(folder: &Path) -> Command {
    program_at(Path::new(env!("CARGO_BIN_EXE_tidegate")), folder)
}

/// The same program in another place.
fn program_at(binary: &Path, folder: &Path) -> Command {
    let mut command = Command::new(binary);
    command.current_dir(folder).env_clear().env("HOME", folder).env("NO_COLOR", "1").env("COLUMNS", "80");
    command
}
