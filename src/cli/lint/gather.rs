//! The files of a run: those that are named, those in folders, the policies that specs name, the values of variables.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::super::{Common, Failure, Out, files};
use super::Args;
use super::setup::Setup;
use crate::lint::finding::Finding;
use crate::lint::reading::looks_like_spec;
use crate::model::{Path as At, Problem};
use crate::spec::{Document, NodeValue, Source};

/// What a run judges.
#[derive(Default)]
pub struct Gathered {
    pub sources: Vec<Source>,
    /// Files of values, in which only mistakes are shown.
    pub beside: Vec<Source>,
    /// What `${var:NAME}` stands for.
    pub values: BTreeMap<String, String>,
    /// Files that specs name and that cannot be read, and mistakes in files of values.
    pub mistakes: Vec<Finding>,
}

impl Gathered {
    /// Reads everything. What a folder holds besides specs is left alone; what is named is read in any case.
    ///
    /// # Errors
    /// A path of the command line cannot be read.
    pub fn of(setup: &Setup, common: &Common, args: &Args, out: &Out) -> Result<Self, Failure> {
        let values = match common.values() {
            Ok(values) => values,
            // Without its values every spec would have mistakes that are none.
            Err((problems, sources)) => {
                let mistakes = problems.into_iter().map(|problem| Finding::mistake(problem, &"".into())).collect();
                return Ok(Self { beside: sources, mistakes, ..Self::default() });
            }
        };
        let paths = if !args.paths.is_empty() {
            args.paths.clone()
        } else if !common.file.is_empty() {
            common.file.clone()
        } else if !setup.config.paths.is_empty() {
            setup.config.paths.iter().map(|path| setup.home.join(path)).collect()
        } else {
            vec![PathBuf::from("tidegate.yaml")]
        };
        let (folders, named): (Vec<PathBuf>, Vec<PathBuf>) = paths.into_iter().partition(|path| path.is_dir());
        let places = folders.len() + usize::from(!named.is_empty());
        let mut sources = read(&named)?;
        for folder in folders {
            let found: Vec<Source> = read(std::slice::from_ref(&folder))?.into_iter().filter(looks_like_spec).collect();
            if found.is_empty() {
                out.note(&format!("no spec is in {}: nothing there says `apiVersion: tidegate/v1`", folder.display()));
            }
            sources.extend(found);
        }
        if places > 1 {
            // Named, and in a folder that is named as well: judged once.
            let mut seen = BTreeSet::new();
            sources.retain(|source| {
                seen.insert(std::fs::canonicalize(&*source.name).unwrap_or_else(|_| (&*source.name).into()))
            });
        }
        let mut gathered = Self { sources, values, ..Self::default() };
        gathered.add_policies();
        Ok(gathered)
    }

    /// Adds the policies that specs name under `iamPolicies`, each once.
    fn add_policies(&mut self) {
        // To look at every file once more takes long where there are many.
        if !self.sources.iter().any(names_policies) {
            return;
        }
        let whole = |name: &str| std::fs::canonicalize(name).ok();
        let mut seen: BTreeSet<PathBuf> = self.sources.iter().filter_map(|source| whole(&source.name)).collect();
        for spec in self.sources.clone() {
            for (file, at, document) in named_policies(&spec) {
                let tell = |why: &str| {
                    let problem =
                        Problem::new("unreadable", at.clone(), format!("cannot read {}: {why}", file.display()))
                            .help("correct the path, which begins in the folder of this file, or remove it")
                            .at(document.place(&at));
                    Finding::mistake(problem, &spec.name)
                };
                // A link could lead to where the spec itself may not point.
                match std::fs::canonicalize(&file) {
                    Err(error) => self.mistakes.push(tell(&error.to_string())),
                    Ok(real) if !real.starts_with(folder(&spec)) => {
                        self.mistakes.push(tell("it is a link out of the folder of this file"));
                    }
                    Ok(real) if seen.insert(real.clone()) => match files::load(&file) {
                        Ok(source) => self.sources.push(source),
                        Err(problem) => self.mistakes.push(Finding::mistake(problem, &spec.name)),
                    },
                    Ok(_) => {}
                }
            }
        }
    }
}

/// The folder that a spec lies in, without links; that of standard input is the current one.
fn folder(spec: &Source) -> PathBuf {
    let folder = Path::new(&*spec.name).parent().filter(|folder| !folder.as_os_str().is_empty());
    std::fs::canonicalize(folder.unwrap_or(Path::new("."))).unwrap_or_default()
}

/// The files under `iamPolicies` that lie beside or below the spec; others are mistakes of the spec, told elsewhere.
fn named_policies(spec: &Source) -> Vec<(PathBuf, At, Document)> {
    // Most specs name none, and are not read twice.
    if !names_policies(spec) {
        return Vec::new();
    }
    let Some(document) = Document::parse(spec.clone()).0 else { return Vec::new() };
    let list = At::of(["iamPolicies"]);
    let Some(NodeValue::Seq(items)) = document.get(&list).map(|node| node.value.clone()) else { return Vec::new() };
    let inside = |file: &Path| {
        file.extension().is_some_and(|extension| extension == "json")
            && file
                .components()
                .all(|part| matches!(part, std::path::Component::Normal(_) | std::path::Component::CurDir))
    };
    let folder = Path::new(&*spec.name).parent().map(Path::to_path_buf).unwrap_or_default();
    let texts = items.iter().enumerate().filter_map(|(index, item)| match &item.value {
        NodeValue::Text(text) if inside(Path::new(text)) => Some((folder.join(text), list.index(index))),
        _ => None,
    });
    texts.map(|(file, at)| (file, at, document.clone())).collect()
}

fn names_policies(spec: &Source) -> bool {
    spec.text.contains("iamPolicies")
}

fn read(paths: &[PathBuf]) -> Result<Vec<Source>, Failure> {
    if paths.is_empty() {
        return Ok(Vec::new());
    }
    files::read(paths).map_err(|problems| {
        let what = problems.iter().map(|problem| problem.message.clone()).collect::<Vec<_>>().join("; ");
        Failure::unusable(what, "name spec files or folders, or - for standard input")
    })
}
