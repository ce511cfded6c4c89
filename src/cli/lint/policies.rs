//! The user's own policies: Rego, declared rules and cases in a folder.

use std::path::{Path, PathBuf};

use super::super::{Failure, files};
use super::gather::named_from;
use super::watch;
use crate::lint::cases::Cases;
use crate::lint::data::{Data, is_data};
use crate::lint::declared;
use crate::lint::engine::{Engine, RULE_LIMIT, concern_of};
use crate::lint::policy::{PolicyFailure, PolicyFile};
use crate::spec::Source;

/// More files in a folder of policies are a wrong folder.
const MOST_FILES: usize = 2_000;
/// Depth of folders that are searched.
const DEEPEST: usize = 8;

/// What a folder holds.
#[derive(Default)]
pub struct Folder {
    pub policies: Vec<PolicyFile>,
    /// The id of a rule, the file of its cases, and the cases.
    pub cases: Vec<(String, String, Cases)>,
    pub failures: Vec<PolicyFailure>,
    /// What policies read under `data`.
    data: Data,
    /// Every file that was read.
    pub files: Vec<PathBuf>,
}

impl Folder {
    /// Reads every `.rego`, `.yaml` (or `.yml`), `.cases.yaml` and `data.json` below a folder, in the order of their names.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn read(folder: &Path) -> Result<Self, Failure> {
        let mut files = Vec::new();
        walk(folder, 0, &mut files)?;
        let mut read = Self::default();
        for file in &files {
            read.file(folder, file);
        }
        read.files = files;
        Ok(read)
    }

    fn file(&mut self, folder: &Path, file: &Path) {
        let here = std::env::current_dir().unwrap_or_default();
        let name = named_from(&here, &file.display().to_string().into()).to_string();
        let source = match files::load(file) {
            Ok(source) => Source { name: name.as_str().into(), ..source },
            Err(problem) => return self.failures.push(PolicyFailure::new(&name, 1, 1, problem.message)),
        };
        let last = file.file_name().unwrap_or_default().to_string_lossy();
        if is_data(&last) {
            let between = file.strip_prefix(folder).ok().and_then(Path::parent);
            let between: Vec<_> = between.into_iter().flatten().map(|part| part.to_string_lossy()).collect();
            let between: Vec<&str> = between.iter().map(AsRef::as_ref).collect();
            self.failures.extend(self.data.add(&between, &source).err());
        } else if name.ends_with(".rego") {
            self.policies.push(PolicyFile { concern: concern_of(&name), source, origin: None });
        } else if let Some(stem) = name.strip_suffix(".cases.yaml").or(name.strip_suffix(".cases.yml")) {
            let id = stem.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
            match Cases::read(&source.text) {
                Ok(cases) => self.cases.push((id, name, cases)),
                Err(error) => self.failures.push(PolicyFailure::new(&name, 1, 1, error)),
            }
        } else if !is_foreign(&source.text) {
            match declared::policies(&source) {
                Ok(policies) => self.policies.extend(policies),
                Err(failure) => self.failures.push(*failure),
            }
        }
    }

    /// Compiles the policies. An id that a built-in rule has is refused: nobody could tell which was meant.
    pub fn engine(&mut self, taken: &dyn Fn(&PolicyFile) -> bool) -> Engine {
        let (policies, mut failures) = (std::mem::take(&mut self.policies), std::mem::take(&mut self.failures));
        let (clashing, mine): (Vec<_>, Vec<_>) = policies.into_iter().partition(taken);
        failures.extend(clashing.iter().map(|file| {
            let message = format!("`{}` is the id of a built-in rule; choose another name for the file", file.id());
            PolicyFailure::new(&file.source.name, 1, 1, message).at(file.origin.as_ref())
        }));
        let mine = without_twins(mine, &mut failures);
        let (engine, failed) = Engine::load_with(&mine, &self.data, RULE_LIMIT);
        failures.extend(failed);
        self.failures = failures;
        watch::over(engine)
    }
}

/// Whether a YAML file is an object of Kubernetes, such as a policy of Kyverno: folders of that name hold those too.
fn is_foreign(text: &str) -> bool {
    let says = |field: &str| text.lines().any(|line| line.starts_with(field));
    says("apiVersion:") && says("kind:")
}

/// Without declared rules whose id another rule has: a finding would not say which of them it is from.
fn without_twins(policies: Vec<PolicyFile>, failures: &mut Vec<PolicyFailure>) -> Vec<PolicyFile> {
    let mut kept: Vec<PolicyFile> = Vec::new();
    for file in policies {
        match kept.iter().find(|other| other.id() == file.id() && (other.origin.is_some() || file.origin.is_some())) {
            None => kept.push(file),
            Some(other) => {
                let there = other.origin.as_ref().map_or(&other.source.name, |origin| &origin.file);
                let message = format!("there is a rule `{}` in {there} already", file.id());
                failures.push(PolicyFailure::new(&file.source.name, 1, 1, message).at(file.origin.as_ref()));
            }
        }
    }
    kept
}

fn walk(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let unreadable = |error: std::io::Error| {
        Failure::unusable(
            format!("cannot read policies in {}: {error}", folder.display()),
            "name another folder with --policies",
        )
    };
    let mut paths = std::fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>())
        .map_err(unreadable)?;
    paths.sort();
    for path in paths {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let linked = path.symlink_metadata().is_ok_and(|meta| meta.is_symlink());
        if name.starts_with('.') {
        } else if path.is_dir() && !linked && depth < DEEPEST {
            walk(&path, depth + 1, files)?;
        } else if is_data(&name) || [".rego", ".yaml", ".yml"].iter().any(|ending| name.ends_with(ending)) {
            files.push(path);
        }
        if files.len() > MOST_FILES {
            let what = format!("more than {MOST_FILES} files in {} are no policies", folder.display());
            return Err(Failure::unusable(what, "name a smaller folder with --policies"));
        }
    }
    Ok(())
}
