use std::io::ErrorKind;

use super::{Exit, Out};
use crate::cloud::Fault;
use crate::model::Problem;
use crate::report::problems;
use crate::spec::Source;

/// Why a command could not do its work.
#[derive(Debug)]
pub enum Failure {
    /// Mistakes in the user's text, all at once.
    Problems {
        problems: Vec<Problem>,
        sources: Vec<Source>,
        json: bool,
    },
    /// The world failed.
    Fault(Fault),
    /// Nothing was done, and for a reason that the user can change.
    Refused {
        what: String,
        help: String,
    },
    /// Wrong arguments of `lint`, whose exit codes are those of linters.
    Unusable {
        what: String,
        help: String,
    },
    Other(anyhow::Error),
}

impl Failure {
    pub fn refused(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Refused { what: what.into(), help: help.into() }
    }

    pub fn unusable(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Unusable { what: what.into(), help: help.into() }
    }

    /// Tells the failure on standard error: what we were doing, the cause, what to do next.
    pub fn tell(&self, out: &Out) -> Exit {
        match self {
            Self::Problems { problems, sources, json: true } => {
                out.line(&problems::to_json(problems, sources).to_string());
            }
            Self::Problems { problems, sources, .. } => {
                out.error(&problems::render(problems, sources, out.color_errors(), out.width()));
                let count = problems.len();
                out.error(&format!("{count} {} in the spec", if count == 1 { "mistake" } else { "mistakes" }));
            }
            Self::Fault(fault) => out.complain(&fault.to_string(), fault.help.as_deref()),
            Self::Refused { what, help } => {
                out.complain(what, Some(help));
                return Exit::Refused;
            }
            Self::Unusable { what, help } => {
                out.complain(what, Some(help));
                return Exit::Unusable;
            }
            Self::Other(error) => {
                let mut causes = error.chain().map(ToString::to_string).collect::<Vec<_>>();
                causes.dedup();
                out.complain(&causes.join(": "), remedy(error));
            }
        }
        Exit::Error
    }
}

/// What to do where the machine did not let us: most of these errors come from files.
fn remedy(error: &anyhow::Error) -> Option<&'static str> {
    let cause = error.chain().find_map(|cause| cause.downcast_ref::<std::io::Error>())?;
    Some(match cause.kind() {
        ErrorKind::PermissionDenied => {
            "you may not do that there: name another place, or have its permissions changed (`ls -ld` shows them)"
        }
        ErrorKind::ReadOnlyFilesystem => "nothing can be written there: name another place",
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            "make room on the disk (`df`, `ulimit -f`) or name another place, then run the same command again"
        }
        ErrorKind::NotFound => "make the folder first, or name another place",
        ErrorKind::IsADirectory | ErrorKind::NotADirectory | ErrorKind::AlreadyExists => "name another place",
        _ => return None,
    })
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Other(error)
    }
}
