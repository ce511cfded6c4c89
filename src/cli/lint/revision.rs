//! Files as they were in an earlier revision.

use std::path::Path;
use std::process::Command;

use super::super::{Failure, files};
use crate::spec::Source;

/// The file's text in a revision; none if it was not there.
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
    let shown = git(&["show", "--end-of-options", &format!("{revision}:./{}", name.to_string_lossy())])?;
    if !shown.status.success() {
        return Ok(None);
    }
    Ok(files::named(&source.name, &shown.stdout).ok())
}
