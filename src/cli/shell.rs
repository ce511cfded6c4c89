use clap::CommandFactory;

use super::{Cli, Exit, Failure, Out};

#[derive(clap::Args)]
pub struct CompletionArgs {
    /// The shell
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

#[derive(clap::Args)]
pub struct ManArgs {}

pub fn completions(args: CompletionArgs, out: &Out) -> Result<Exit, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "tidegate", &mut text);
    out.text(&String::from_utf8_lossy(&text));
    Ok(Exit::Success)
}

pub fn man(_: ManArgs, out: &Out) -> Result<Exit, Failure> {
    let mut text = Vec::new();
    clap_mangen::Man::new(Cli::command())
        .render(&mut text)
        .map_err(|error| anyhow::Error::new(error).context("writing the man page"))?;
    out.text(&String::from_utf8_lossy(&text));
    Ok(Exit::Success)
}
