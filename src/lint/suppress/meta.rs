//! The rules about suppressions themselves.

use std::sync::{Arc, LazyLock};

use crate::lint::rule::{About, Concern, Severity};

const GUIDE: &str = "https://github.com/tidegate/tidegate#lint";

type Row = (&'static str, Severity, &'static str, &'static str, &'static str);

const ROWS: &[Row] = &[
    (
        "suppression-expired",
        Severity::Warning,
        "A suppression has ended",
        "Somebody has promised to be done by then. What was ignored is told again until a new date is agreed.",
        "Mend what it ignores, or write a later `until` with a new reason.",
    ),
    (
        "suppression-malformed",
        Severity::Error,
        "A suppression cannot be read",
        "It silences nothing, although it looks as if somebody had decided something.",
        "Write `# tidegate: ignore[RULE] reason=\"why\"`.",
    ),
    (
        "suppression-no-reason",
        Severity::Error,
        "A suppression has no reason",
        "Nobody can tell later whether it may go, so it stays for ever.",
        "Write `reason=\"…\"` behind the rule.",
    ),
    (
        "suppression-of-protected",
        Severity::Error,
        "A protected rule is silenced",
        "Protected rules are decided by the owners of the policies, not in the file that breaks them.",
        "Mend what it ignores, or have the rule ignored in `tidegate.toml`.",
    ),
    (
        "suppression-too-many",
        Severity::Warning,
        "A file has too many suppressions",
        "A rule that is ignored everywhere is a wrong rule or a wrong habit.",
        "Mend some, or raise `max-suppressions` in `tidegate.toml`.",
    ),
    (
        "suppression-unknown-rule",
        Severity::Warning,
        "A suppression names no rule",
        "A misspelt id silences nothing, and nobody notices until the finding is there.",
        "Correct the id; `tidegate lint --list-rules` lists them.",
    ),
    (
        "suppression-unused",
        Severity::Warning,
        "A suppression silences nothing",
        "What it ignored has been mended, and it would hide the next such mistake.",
        "Remove it.",
    ),
];

static RULES: LazyLock<Vec<Arc<About>>> = LazyLock::new(|| {
    let about = |(id, severity, title, why, fix): &Row| {
        Arc::new(About {
            why: (*why).to_owned(),
            fix: (*fix).to_owned(),
            links: vec![GUIDE.to_owned()],
            protected: true,
            ..About::built_in(id, Concern::Hygiene, *severity, title)
        })
    };
    ROWS.iter().map(about).collect()
});

/// The rules about suppressions.
pub fn rules() -> &'static [Arc<About>] {
    &RULES
}

pub(super) fn named(id: &str) -> Arc<About> {
    let found = RULES.iter().find(|rule| rule.id == id).cloned();
    found.unwrap_or_else(|| Arc::new(About::built_in(id, Concern::Hygiene, Severity::Warning, id)))
}
