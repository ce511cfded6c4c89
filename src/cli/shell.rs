use std::path::PathBuf;

use anyhow::Context;
use clap::{Command, CommandFactory};
use clap_mangen::Man;

use super::{Cli, Exit, Failure, Out};

#[derive(clap::Args)]
pub struct CompletionArgs {
    /// The shell
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

#[derive(clap::Args)]
pub struct ManArgs {
    /// Write a page for each command into this folder, in place of one page with everything
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

pub fn completions(args: CompletionArgs, out: &Out) -> Result<Exit, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "tidegate", &mut text);
    out.text(&String::from_utf8_lossy(&text));
    Ok(Exit::Success)
}

pub fn man(args: ManArgs, out: &Out) -> Result<Exit, Failure> {
    match args.out {
        Some(folder) => {
            let doing = || format!("writing man pages to {}", folder.display());
            std::fs::create_dir_all(&folder).with_context(doing)?;
            clap_mangen::generate_to(Cli::command(), &folder).with_context(doing)?;
        }
        None => out.text(&page().context("writing the man page")?),
    }
    Ok(Exit::Success)
}

/// One page: the program, then a section for each command. Options of every command stand once, at the top.
fn page() -> std::io::Result<String> {
    let root = Cli::command().disable_help_subcommand(true);
    let mut text = Vec::new();
    let whole = Man::new(root.clone());
    whole.render_title(&mut text)?;
    whole.render_name_section(&mut text)?;
    whole.render_synopsis_section(&mut text)?;
    whole.render_description_section(&mut text)?;
    whole.render_options_section(&mut text)?;
    section(&root, "tidegate", &mut text)?;
    whole.render_extra_section(&mut text)?;
    whole.render_version_section(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// The commands below one, each under a heading of its own; what is a section on a page of its own is a subsection.
fn section(above: &Command, name: &str, text: &mut Vec<u8>) -> std::io::Result<()> {
    for command in above.get_subcommands().filter(|command| !command.is_hide_set()) {
        let name = format!("{name} {}", command.get_name());
        let alone = command.clone().bin_name(&name).disable_help_flag(true).disable_version_flag(true);
        let man = Man::new(alone.disable_help_subcommand(true));
        let mut part = Vec::new();
        man.render_synopsis_section(&mut part)?;
        man.render_description_section(&mut part)?;
        man.render_options_section(&mut part)?;
        let part = String::from_utf8_lossy(&part).replace(".SH ", ".SS ");
        text.extend(format!(".SH \"{}\"\n{part}", name.to_uppercase()).into_bytes());
        section(command, &name, text)?;
    }
    Ok(())
}
