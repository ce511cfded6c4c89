//! Files as they were in an earlier revision.

use std::path::Path;
use std::process::{Command, Output};

use super::super::{Failure, files};
use crate::spec::Source;

/// The file's text in a revision, under the name that it had there; none if it was not there.
///
/// # Errors
/// There is no git, no repository or no such revision.
pub fn text_at(revision: &str, source: &Source) -> Result<Option<Source>, Failure> {
    let path = Path::new(&*source.name);
    let (Some(name), folder) = (path.file_name(), path.parent().filter(|folder| !folder.as_os_str().is_empty())) else {
        return Ok(None);
    };
    let git = |args: &[&str]| {
        Command::new("git").arg("-C").arg(folder.unwrap_or(Path::new("."))).args(args).output().map_err(|error| {
            Failure::unusable(format!("starting git for --since: {error}"), "install git, or use --baseline FILE")
        })
    };
    let known = git(&["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{revision}^{{commit}}")])?;
    if !known.status.success() {
        let help = "name a commit, branch or tag that is here; CI often fetches too little (fetch-depth: 0)";
        return Err(Failure::unusable(format!("git knows no revision `{revision}` here"), help));
    }
    let commit = String::from_utf8_lossy(&known.stdout).lines().last().unwrap_or_default().to_owned();
    let show = |there: &str| git(&["show", "--end-of-options", &format!("{commit}:{there}")]);
    let mut shown = show(&format!("./{}", name.to_string_lossy()))?;
    if !shown.status.success()
        && let Some(former) = former(&git, &commit, &name.to_string_lossy())?
    {
        shown = show(&former)?;
    }
    if !shown.status.success() {
        return Ok(None);
    }
    Ok(files::named(&source.name, &shown.stdout).ok())
}

/// What a file of the current folder was called before somebody renamed it, from the root of the repository.
fn former(
    git: &dyn Fn(&[&str]) -> Result<Output, Failure>,
    commit: &str,
    name: &str,
) -> Result<Option<String>, Failure> {
    let prefix = git(&["rev-parse", "--show-prefix"])?;
    let now = format!("{}{name}", String::from_utf8_lossy(&prefix.stdout).trim_end_matches('\n'));
    let renamed =
        git(&["diff", "--no-relative", "--name-status", "-z", "--find-renames", "--diff-filter=R", commit, "--"])?;
    let listed = String::from_utf8_lossy(&renamed.stdout).into_owned();
    // Each is a letter with a likeness, the old name and the new one.
    let fields: Vec<&str> = listed.split('\0').collect();
    Ok(fields.chunks_exact(3).find(|one| one[2] == now).map(|one| one[1].to_owned()))
}
