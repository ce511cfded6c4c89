use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;

use super::{Exit, Failure, Out};

#[derive(clap::Args)]
pub struct Args {
    /// Where to write it
    #[arg(default_value = "tidegate.yaml")]
    path: PathBuf,
}

/// The spec that `init` writes. A test plans it.
pub const STARTER: &str = include_str!("init.yaml");

pub fn run(args: Args, out: &Out) -> Result<Exit, Failure> {
    let doing = || format!("writing {}", args.path.display());
    let made = std::fs::File::options().write(true).create_new(true).open(&args.path);
    if made.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::AlreadyExists) {
        let what = format!("{} exists, and nothing is overwritten", args.path.display());
        return Err(Failure::refused(what, "name another file: tidegate init other.yaml"));
    }
    made.with_context(doing)?.write_all(STARTER.as_bytes()).with_context(doing)?;
    out.line(&format!("Wrote {}.", args.path.display()));
    out.line(&format!("Next: tidegate plan -f {} --cloud local   (without an AWS account)", args.path.display()));
    Ok(Exit::Success)
}
