//! Every form, and where it goes.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::super::{Failure, Out, files};
use crate::lint::policy::PolicyFailure;
use crate::report::lint::{Told, github, human, json, junit, markdown, sarif};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    Human,
    Json,
    Sarif,
    Junit,
    Github,
    Markdown,
}

/// A form and the file that it goes to; standard output without one.
#[derive(Clone, Debug)]
pub struct Target {
    form: Form,
    file: Option<PathBuf>,
}

impl Target {
    /// The file that it goes to, with the argument.
    pub fn output(&self) -> Option<(&'static str, &Path)> {
        self.file.as_deref().map(|file| ("--format", file))
    }

    pub fn is_json(&self) -> bool {
        self.form == Form::Json
    }
}

impl std::str::FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (form, file) = text.split_once('=').map_or((text, None), |(form, file)| (form, Some(file)));
        let form = Form::from_str(form, false).map_err(|_| {
            let forms: Vec<&str> = ["human", "json", "sarif", "junit", "github", "markdown"].into();
            format!("`{form}` is no format; there are {}", forms.join(", "))
        })?;
        Ok(Self { form, file: file.map(PathBuf::from) })
    }
}

fn render(form: Form, told: &Told, color: bool, width: usize) -> String {
    match form {
        Form::Human => human::render(told, color, width),
        Form::Json => json::render(told),
        Form::Sarif => sarif::render(told),
        Form::Junit => junit::render(told),
        Form::Github => github::render(told),
        Form::Markdown => markdown::render(told),
    }
}

/// Writes every form. Failures of policies also go to standard error, whatever the form, and even if a form cannot be
/// written. `aside`: standard output has something else, so what has no file goes to standard error.
///
/// # Errors
/// A file cannot be written; the other forms are.
pub fn tell(told: &Told, targets: &[Target], aside: bool, out: &Out) -> Result<(), Failure> {
    let mut unwritten = Ok(());
    let color = if aside { out.color_errors() } else { out.color() };
    for Target { form, file } in targets {
        let text = render(*form, told, file.is_none() && color, out.width());
        match file {
            Some(file) => unwritten = unwritten.and(files::publish(file, &text)),
            None if aside => out.error(&text),
            None => out.text(&text),
        }
    }
    complain(told.failures, out);
    unwritten.map_err(Failure::from)
}

/// Tells in every form that a policy had to be stopped, and the program with it: what a reader finds must not be the
/// report of a run before. What cannot be written is left: standard error has the failure in any case.
pub fn tell_the_end(failure: &PolicyFailure, targets: &[Target], aside: bool) {
    // Of no file is known whether something is found in it.
    let told = Told::new(&[], std::slice::from_ref(failure), &[], &[], false);
    for Target { form, file } in targets {
        let text = render(*form, &told, false, 80);
        // If nobody listens there is nothing left to do.
        let _ = match file {
            Some(file) => files::publish(file, &text).is_ok(),
            None if aside => std::io::stderr().write_all(text.as_bytes()).is_ok(),
            None => std::io::stdout().write_all(text.as_bytes()).is_ok(),
        };
    }
}

/// Tells the failures of policies on standard error.
pub fn complain(failures: &[PolicyFailure], out: &Out) {
    for failure in failures {
        out.complain(&format!("a policy failed: {failure}"), None);
    }
}
