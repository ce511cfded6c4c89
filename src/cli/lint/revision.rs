//! Files as they were in an earlier revision.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::super::{Failure, files};
use crate::spec::Source;

/// The texts of files where the present history left a revision, as reviewers compare: what others have changed there
/// since is no work of this branch. Each under the name that it has now; what was not there is left out.
///
/// # Errors
/// There is no git, no repository or no such revision.
pub fn texts_at(revision: &str, sources: &[Source]) -> Result<Vec<Source>, Failure> {
    // Folders may belong to several repositories.
    let mut commits: BTreeMap<PathBuf, String> = BTreeMap::new();
    let mut texts = Vec::new();
    for source in sources {
        let path = Path::new(&*source.name);
        let Some(name) = path.file_name() else { continue };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let git = |args: &[&str]| {
            Command::new("git").arg("-C").arg(folder).args(args).output().map_err(|error| {
                Failure::unusable(format!("starting git for --since: {error}"), "install git, or use --baseline FILE")
            })
        };
        let commit = match commits.get(folder) {
            Some(commit) => commit.clone(),
            None => commits.entry(folder.to_owned()).or_insert(left_at(&git, revision)?).clone(),
        };
        texts.extend(text_at(&git, &commit, &name.to_string_lossy(), source)?);
    }
    Ok(texts)
}

/// Runs git in the folder of a file.
type Git<'a> = &'a dyn Fn(&[&str]) -> Result<Output, Failure>;

/// The commit that the present history and a revision have in common last; the revision itself where too little of the
/// history is here to tell.
fn left_at(git: Git, revision: &str) -> Result<String, Failure> {
    let line = |output: &Output| String::from_utf8_lossy(&output.stdout).lines().last().unwrap_or_default().to_owned();
    let known = git(&["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{revision}^{{commit}}")])?;
    if !known.status.success() {
        let help = "name a commit, branch or tag that is here; CI often fetches too little (fetch-depth: 0)";
        return Err(Failure::unusable(format!("git knows no revision `{revision}` here"), help));
    }
    let commit = line(&known);
    let base = git(&["merge-base", &commit, "HEAD"])?;
    Ok(Some(line(&base)).filter(|base| base.len() == commit.len()).unwrap_or(commit))
}

/// The file's text in a commit, under the name that it had there; none if it was not there.
fn text_at(git: Git, commit: &str, name: &str, source: &Source) -> Result<Option<Source>, Failure> {
    let show = |there: &str| git(&["show", "--end-of-options", &format!("{commit}:{there}")]);
    let mut shown = show(&format!("./{name}"))?;
    if !shown.status.success()
        && let Some(former) = former(git, commit, name)?
    {
        shown = show(&former)?;
    }
    if !shown.status.success() {
        return Ok(None);
    }
    Ok(files::named(&source.name, &shown.stdout).ok())
}

/// What a file of the current folder was called before somebody renamed it, from the root of the repository.
fn former(git: Git, commit: &str, name: &str) -> Result<Option<String>, Failure> {
    let prefix = git(&["rev-parse", "--show-prefix"])?;
    let now = format!("{}{name}", String::from_utf8_lossy(&prefix.stdout).trim_end_matches('\n'));
    let renamed =
        git(&["diff", "--no-relative", "--name-status", "-z", "--find-renames", "--diff-filter=R", commit, "--"])?;
    let listed = String::from_utf8_lossy(&renamed.stdout).into_owned();
    // Each is a letter with a likeness, the old name and the new one.
    let fields: Vec<&str> = listed.split('\0').collect();
    Ok(fields.chunks_exact(3).find(|one| one[2] == now).map(|one| one[1].to_owned()))
}
