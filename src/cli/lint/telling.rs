//! Every form, and where it goes.

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

/// Writes every form. Failures of policies also go to standard error, whatever the form, and even if a form cannot be
/// written.
///
/// # Errors
/// A file cannot be written; the other forms are.
pub fn tell(told: &Told, targets: &[Target], out: &Out) -> Result<(), Failure> {
    let mut unwritten = Ok(());
    for Target { form, file } in targets {
        let color = file.is_none() && out.color();
        let text = match form {
            Form::Human => human::render(told, color, out.width()),
            Form::Json => json::render(told),
            Form::Sarif => sarif::render(told),
            Form::Junit => junit::render(told),
            Form::Github => github::render(told),
            Form::Markdown => markdown::render(told),
        };
        match file {
            Some(file) => unwritten = unwritten.and(files::publish(file, &text)),
            None => out.text(&text),
        }
    }
    complain(told.failures, out);
    unwritten.map_err(Failure::from)
}

/// Tells the failures of policies on standard error.
pub fn complain(failures: &[PolicyFailure], out: &Out) {
    for failure in failures {
        out.complain(&format!("a policy failed: {failure}"), None);
    }
}
