use std::process::ExitCode;

/// How a command ends. The one table of exit codes; the README shows the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Success,
    /// Wrong arguments, a mistake in the spec, or a failure of the world; `drift`: nothing differs in what could be checked, which is not all.
    Error,
    /// `plan --detailed-exitcode` and `drift`: something differs.
    Different,
    /// `lint`: something was found.
    Found,
    /// `lint`: wrong arguments, or a mistake in a spec.
    Unusable,
    /// `lint`: a policy or its engine failed.
    PolicyFailed,
    /// `apply` and `destroy`: some of it was done, some was not.
    Partial,
    /// Something is protected, not ours, or the plan is stale: nothing was done.
    Refused,
    Interrupted,
}

/// The table as the help shows it.
pub const TABLE: &str = "\
Exit codes:
  0    success; for plan and drift: nothing differs, or plan without --detailed-exitcode
  1    error: wrong arguments, a mistake in the spec, AWS said no; for drift: not all could be checked, and nothing
       differs in the rest
  2    plan --detailed-exitcode, drift: something differs
  4    apply, destroy: some of it was done, some was not
  5    refused: protected, not ours, or the plan is stale
  130  interrupted
`tidegate lint --help` shows those of lint.";

impl Exit {
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Error => 1,
            Self::Different => 2,
            Self::Found => 1,
            Self::Unusable => 2,
            Self::PolicyFailed => 3,
            Self::Partial => 4,
            Self::Refused => 5,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}
