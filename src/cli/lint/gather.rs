//! The files of a run: those that are named, those in folders, the policies that specs name, the values of variables.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::super::files::{self, Each};
use super::super::{Common, Failure, Out};
use super::Args;
use super::setup::Setup;
use crate::lint::finding::Finding;
use crate::lint::reading::looks_like_spec;
use crate::model::{Path as At, Place, Problem};
use crate::spec::{Document, NodeValue, Source};

/// What a run judges.
#[derive(Default)]
pub struct Gathered {
    pub sources: Vec<Source>,
    /// Files of values, and those that are no text: in them only mistakes are shown.
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
        are_there(&named)?;
        let places = folders.len() + usize::from(!named.is_empty());
        let Each { mut sources, mut problems, partly: mut beside } = files::read_each(&named, &|_| true);
        for folder in folders {
            let each = files::read_each(std::slice::from_ref(&folder), &says_it_is_a_spec);
            let found: Vec<Source> = each.sources.into_iter().filter(looks_like_spec).collect();
            if found.is_empty() && each.problems.is_empty() {
                out.note(&format!("no spec is in {}: nothing there says `apiVersion: tidegate/v1`", folder.display()));
            }
            sources.extend(found);
            problems.extend(each.problems);
            beside.extend(each.partly);
        }
        // What cannot be read is a mistake like any other: the rest is judged, and every form tells it.
        let mut mistakes: Vec<Finding> =
            problems.into_iter().map(|problem| Finding::mistake(problem, &"".into())).collect();
        let here = std::env::current_dir().unwrap_or_default();
        sources.iter_mut().chain(&mut beside).for_each(|source| source.name = named_from(&here, &source.name));
        for mistake in &mut mistakes {
            mistake.file = named_from(&here, &mistake.file);
            let named = |place: Place| Place { file: Arc::clone(&mistake.file), ..place };
            mistake.place = mistake.place.take().map(named);
        }
        if places > 1 {
            // Named, and in a folder that is named as well: judged once.
            let mut seen = BTreeSet::new();
            sources.retain(|source| {
                seen.insert(std::fs::canonicalize(&*source.name).unwrap_or_else(|_| (&*source.name).into()))
            });
        }
        let mut gathered = Self { sources, beside, values, mistakes };
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
            && file.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
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

/// What is named must be there.
fn are_there(paths: &[PathBuf]) -> Result<(), Failure> {
    let missing = paths.iter().filter(|path| path.as_os_str() != "-");
    let missing = missing.filter_map(|path| Some((path, path.metadata().err()?)));
    let missing: Vec<String> =
        missing.map(|(path, error)| format!("cannot read {}: {error}", path.display())).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Failure::unusable(missing.join("; "), "name spec files or folders, or - for standard input"))
}

/// Of a file that is no text, or too large: folders hold such files too, and only specs matter. UTF-16 has a NUL beside
/// each letter.
fn says_it_is_a_spec(bytes: &[u8]) -> bool {
    String::from_utf8_lossy(bytes).replace('\0', "").contains("apiVersion: tidegate/")
}

/// The name of a file as everybody reads it who knows the current folder: code hosts know no path that begins at the
/// root of a machine. Left as it is where that would be another file, such as behind a link.
pub fn named_from(here: &Path, name: &Arc<str>) -> Arc<str> {
    let relative = relative(here, Path::new(&**name));
    let whole = |path: &Path| std::fs::canonicalize(path).ok();
    let same = || whole(&relative).is_some_and(|one| whole(Path::new(&**name)) == Some(one));
    match relative.to_str() {
        Some(text) if text != &**name && same() => text.into(),
        _ => Arc::clone(name),
    }
}

/// The way from one folder to a path, without detours.
fn relative(here: &Path, path: &Path) -> PathBuf {
    let mut whole = PathBuf::new();
    for part in here.join(path).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(whole.pop()),
            other => whole.push(other),
        }
    }
    let shared = here.components().zip(whole.components()).take_while(|(a, b)| a == b).count();
    let up = here.components().skip(shared).map(|_| Component::ParentDir);
    up.chain(whole.components().skip(shared)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_are_relative_and_without_detours() {
        let way = |path: &str| relative(Path::new("/srv/repo"), Path::new(path)).display().to_string();
        assert_eq!(way("specs/a.yaml"), "specs/a.yaml");
        assert_eq!(way("./specs/../specs//a.yaml"), "specs/a.yaml");
        assert_eq!(way("../repo/a.yaml"), "a.yaml");
        assert_eq!(way("../other/a.yaml"), "../other/a.yaml");
        assert_eq!(way("/srv/repo/a.yaml"), "a.yaml");
        assert_eq!(way("/tmp/a.yaml"), "../../tmp/a.yaml");
    }

    #[test]
    fn files_that_are_no_text_matter_where_they_say_what_they_are() {
        assert!(says_it_is_a_spec(b"pipeline: p\xFF\napiVersion: tidegate/v1\n"));
        let wide: Vec<u8> = "\u{FEFF}apiVersion: tidegate/v1\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(says_it_is_a_spec(&wide));
        assert!(!says_it_is_a_spec(b"apiVersion: v1\xFF\nkind: Secret\n"));
    }
}
