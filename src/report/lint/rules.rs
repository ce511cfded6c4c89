//! Rules told: the list, one rule explained, and the page of the documentation.

use std::fmt::Write;

use serde_json::json;

use super::json::FORMAT;
use crate::lint::cases::{Case, Cases};
use crate::lint::elsewhere::{ELSEWHERE, Elsewhere};
use crate::lint::rule::{About, Concern, Persona};

/// A line for each rule.
pub fn list(rules: &[&About]) -> String {
    let width = rules.iter().map(|about| about.id.len()).max().unwrap_or(0);
    let mut text = String::new();
    for about in rules {
        let persona = if about.persona == Persona::Regular { "" } else { about.persona.word() };
        let _ = writeln!(
            text,
            "{:width$}  {:11}  {:7}  {persona:8}  {}",
            about.id,
            about.concern.word(),
            about.severity,
            about.title
        );
    }
    text
}

/// The same for programs, with all that is known of each rule.
pub fn json(rules: &[&About]) -> String {
    format!("{}\n", json!({ "format_version": FORMAT, "made_by": env!("CARGO_PKG_VERSION"), "rules": rules }))
}

/// Why a check of another tool has no rule here.
pub fn explain_elsewhere(id: &str, one: &Elsewhere) -> String {
    format!("{id}: {}\n\nNo rule\n{}", one.about, indent(one.why, "  "))
}

/// Why, what to do, a bad and a good example.
pub fn explain(about: &About, cases: Option<&Cases>) -> String {
    let mut text = format!("{}: {}\n", about.id, about.title);
    let _ = writeln!(text, "{} · {} · {}", about.concern.word(), about.severity, about.persona.word());
    let mut part = |name: &str, body: &str| {
        if !body.is_empty() {
            let _ = write!(text, "\n{name}\n{}", indent(body, "  "));
        }
    };
    part("Why", &about.why);
    part("What to do", &about.fix);
    if about.protected {
        part("Protected", "A comment in the file cannot silence it.");
    }
    let first = |cases: &[Case]| cases.first().map(|case| format!("# {}\n{}", case.name, case.shown().1));
    part("Bad", &cases.and_then(|cases| first(&cases.bad)).unwrap_or_default());
    part("Good", &cases.and_then(|cases| first(&cases.good)).unwrap_or_default());
    part("Also known as", &about.aliases.join(", "));
    part("Covers", &about.compliance.join(", "));
    part("Read", &about.links.join("\n"));
    text
}

fn indent(text: &str, by: &str) -> String {
    text.lines().map(|line| format!("{by}{line}\n")).collect()
}

/// `docs/rules.md`
pub fn page(rules: &[(&About, Cases)]) -> String {
    let mut text = String::from(
        "# The rules of `tidegate lint`\n\nGenerated from `policies/` (`UPDATE=1 cargo test rules_page`); do not edit. \
         `tidegate lint --explain ID` shows the same.\n\nA persona includes those before it: regular, pedantic, auditor. \
         Protected rules cannot be silenced by a comment.\n",
    );
    for concern in Concern::ALL {
        let of: Vec<_> = rules.iter().filter(|(about, _)| about.concern == concern).collect();
        if of.is_empty() {
            continue;
        }
        let _ = write!(text, "\n## {}\n\n| rule | severity | persona | finds |\n|---|---|---|---|\n", concern.word());
        for (about, _) in &of {
            let _ = writeln!(
                text,
                "| [`{0}`](#{0}) | {1} | {2} | {3} |",
                about.id,
                about.severity,
                about.persona.word(),
                about.title
            );
        }
        of.iter().for_each(|(about, cases)| text.push_str(&section(about, cases)));
    }
    text.push_str("\n## Checks of other tools that need no rule\n\n| ids | about | why |\n|---|---|---|\n");
    for one in ELSEWHERE {
        let _ = writeln!(text, "| {} | {} | {} |", one.ids.join(", "), one.about, one.why);
    }
    text
}

fn section(about: &About, cases: &Cases) -> String {
    let mut text =
        format!("\n### {}\n\n{}.{}\n", about.id, about.title, if about.protected { " Protected." } else { "" });
    let _ = write!(text, "\n{}\n\n**What to do:** {}\n", about.why, about.fix);
    for (word, cases) in [("Bad", &cases.bad), ("Good", &cases.good)] {
        if let Some(case) = cases.first() {
            let _ =
                write!(text, "\n{word}: {}\n\n```{}\n{}\n```\n", case.name, case.shown().0, case.shown().1.trim_end());
        }
    }
    let list = |name: &str, items: &[String]| match items {
        [] => String::new(),
        items => format!("\n{name}: {}\n", items.join(", ")),
    };
    text.push_str(&list("Also known as", &about.aliases));
    text.push_str(&list("Covers", &about.compliance));
    let links: Vec<String> = about.links.iter().map(|link| format!("<{link}>")).collect();
    text.push_str(&list("Read", &links));
    text
}
