//! What `${var:NAME}` stands for: files of values, and values on the command line.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::files;
use crate::model::secret::HIDDEN;
use crate::model::{Path, Problem};
use crate::spec::{Document, NodeValue, Source};

/// Reads the files in their order; the later word holds, and the command line has the last one.
pub fn read(
    paths: &[PathBuf],
    given: &[(String, String)],
) -> Result<BTreeMap<String, String>, (Vec<Problem>, Vec<Source>)> {
    let mut values = BTreeMap::new();
    let mut problems = Vec::new();
    let mut sources = Vec::new();
    for path in paths {
        match files::read(std::slice::from_ref(path)) {
            Ok(read) => sources.extend(read.into_iter().map(|source| Source { confidential: true, ..source })),
            Err(unreadable) => problems.extend(unreadable.into_iter().map(|problem| {
                problem.help("name a YAML file of `NAME: VALUE` lines with --var-file, or pass --var NAME=VALUE")
            })),
        }
    }
    for source in &sources {
        let (document, mistakes) = Document::parse(source.clone());
        let first = problems.len();
        problems.extend(mistakes.into_iter().map(without_quotes));
        if let Some(document) = document {
            take(&document, &mut values, &mut problems);
            document.hide(&mut problems[first..]);
        }
    }
    values.extend(given.iter().cloned());
    if problems.is_empty() { Ok(values) } else { Err((problems, sources)) }
}

/// What stands in a file of values is not repeated, whatever is wrong with it.
fn without_quotes(mistake: Problem) -> Problem {
    let unquoted = |text: &str| {
        let parts = text.split('`').enumerate();
        parts.map(|(at, part)| if at % 2 == 1 { HIDDEN } else { part }).collect::<String>()
    };
    let help = mistake.help.as_deref().map(unquoted);
    Problem { message: unquoted(&mistake.message), help, ..mistake }
}

fn take(document: &Document, values: &mut BTreeMap<String, String>, problems: &mut Vec<Problem>) {
    let mut wrong = |path: Path, message: &str| {
        let place = document.place(&path);
        problems.push(Problem::new("wrong-type", path, message).help("write `NAME: VALUE` lines").at(place));
    };
    let NodeValue::Map(entries) = &document.root.value else {
        return wrong(Path::root(), "a file of variables is a mapping of names to values");
    };
    for entry in entries {
        let value = match &entry.value.value {
            NodeValue::Text(text) => text.clone(),
            NodeValue::Null => String::new(),
            NodeValue::Seq(_) | NodeValue::Map(_) => {
                wrong(Path::root().key(&entry.key), "the value of a variable is one text, number or word");
                continue;
            }
            // As it was written: `012` keeps its zero.
            _ => document.source.slice(&entry.value.span).to_owned(),
        };
        values.insert(entry.key.clone(), value);
    }
}
