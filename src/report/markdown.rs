//! Plans for the comment of a pull request: short, collapsible and never over GitHub's limit.

use super::excerpt::clean;
use super::tell::{self, Told};
use super::value::{cut, duration};
use crate::plan::{Plan, Verb};

/// GitHub refuses comments of 65,536 characters and more. Counted in bytes, so it holds however they count.
const LIMIT: usize = 65_000;
/// With less than this a plan says nothing worth reading; further plans are only counted.
const LEAST: usize = 3_000;

/// Tells plans as GitHub Markdown, below 65,536 characters: what does not fit is counted and left to the job's log.
pub fn plan(plans: &[Plan]) -> String {
    let shown = plans.len().min(LIMIT / LEAST - 1);
    let mut text = headline(plans);
    text.push_str("\n\n");
    let mut left = LIMIT.saturating_sub(text.len() + 200);
    let mut told = 0;
    for plan in plans.iter().take(shown) {
        // What one plan does not use is there for the next.
        let block = one(plan, left / (shown - told));
        if block.len() > left {
            break;
        }
        left -= block.len();
        text.push_str(&block);
        told += 1;
    }
    if plans.len() > told {
        text.push_str(&format!("{} more pipelines, see the job's log.\n", plans.len() - told));
    }
    text
}

/// The first line, which a reader of many comments reads alone.
fn headline(plans: &[Plan]) -> String {
    let risky = plans.iter().flat_map(|plan| &plan.steps).any(|step| !step.risks.is_empty());
    let warning = if risky { " ⚠️" } else { "" };
    match plans {
        [one] => {
            format!("**Tidegate: {}**: {}{warning}", escape(&one.scope.pipeline), brief(one))
        }
        all => {
            let sum = |verb| all.iter().map(|plan| plan.count(verb)).sum::<usize>();
            let adopted = sum(Verb::Adopt);
            let adopted = if adopted > 0 { format!(", {adopted} to adopt") } else { String::new() };
            format!(
                "**Tidegate: {} pipelines**: {} to add, {} to change, {} to replace, {} to destroy{adopted}{warning}",
                all.len(),
                sum(Verb::Create),
                sum(Verb::Update),
                sum(Verb::Replace),
                sum(Verb::Delete)
            )
        }
    }
}

fn brief(plan: &Plan) -> String {
    let held = tell::held_counts(plan);
    let held = if held.is_empty() { held } else { format!("; {held}") };
    let what = if plan.is_empty() { "no changes".to_owned() } else { tell::counts(plan) };
    format!("{what}{held}")
}

/// Blocks up to a number of bytes; each is added whole or not at all.
struct Budget {
    text: String,
    left: usize,
}

impl Budget {
    /// Adds blocks until `share` bytes are used, then counts the others in one line made by `more`.
    fn add(&mut self, share: usize, blocks: impl ExactSizeIterator<Item = String>, more: impl Fn(usize) -> String) {
        let total = blocks.len();
        let mut left = share.min(self.left);
        let mut cut_off = 0;
        for (at, block) in blocks.enumerate() {
            // Room for the line that counts the rest is kept until the last block.
            let needed = block.len() + if at + 1 < total { more(total).len() } else { 0 };
            if needed > left {
                cut_off = total - at;
                break;
            }
            left -= block.len();
            self.push(&block);
        }
        if cut_off > 0 && more(cut_off).len() <= self.left {
            self.push(&more(cut_off));
        }
    }

    fn push(&mut self, text: &str) {
        self.left = self.left.saturating_sub(text.len());
        self.text.push_str(text);
    }
}

fn one(plan: &Plan, limit: usize) -> String {
    let scope = &plan.scope;
    let mut out = Budget { text: String::new(), left: limit };
    let place = format!("{} in account {}, {}", escape(&scope.pipeline), escape(&scope.account), escape(&scope.region));
    let about = if plan.is_empty() { String::new() } else { format!(" · {}", duration(plan.about_seconds)) };
    let cost = tell::cost(plan).map(|cost| format!(" · {}", escape(&cost))).unwrap_or_default();
    out.push(&format!("### {place}\n\n{}{about}{cost}\n\n", brief(plan)));
    let told = tell::steps(plan);
    warnings(&mut out, &told, limit / 5);
    held(&mut out, plan, limit / 5);
    if !told.is_empty() {
        let more = |count| format!("\n{count} more {}, see the job's log.\n", plural(count, "step"));
        out.push("| | Resource | What | Time |\n|---|---|---|---|\n");
        out.add(limit / 4, told.iter().map(row), more);
        out.push("\n");
        let more = |count| format!("Details of {count} more {}: see the job's log.\n\n", plural(count, "step"));
        let rest = out.left.saturating_sub(100);
        out.add(rest, told.iter().map(details), more);
    }
    out.text
}

fn plural(count: usize, word: &str) -> String {
    if count == 1 { word.to_owned() } else { format!("{word}s") }
}

/// What must not be overlooked stands outside of everything that collapses.
fn warnings(out: &mut Budget, told: &[Told], share: usize) {
    let lines = told.iter().flat_map(|told| {
        let address = code(&told.address.to_string());
        let line =
            move |(flag, why): &(String, String)| format!("> - **{}** {address}: {}\n", escape(flag), escape(why));
        told.risks.iter().map(line)
    });
    let lines: Vec<String> = lines.collect();
    if lines.is_empty() {
        return;
    }
    out.push("> [!WARNING]\n");
    out.add(share, lines.into_iter(), |count| {
        format!("> - {count} more {}, see the job's log.\n", plural(count, "risk"))
    });
    out.push("\n");
}

fn held(out: &mut Budget, plan: &Plan, share: usize) {
    let held = tell::held(plan).into_iter().map(|held| {
        let address = code(&held.address.to_string());
        let reason = tell::reason(held.reason);
        format!("- {address} ({reason}): {}. To do: {}\n", escape(&held.why), escape(&held.remedy))
    });
    let blind = plan.not_checked.iter().map(|why| format!("- Not checked: {}\n", escape(why)));
    let lines: Vec<String> = held.chain(blind).collect();
    if lines.is_empty() {
        return;
    }
    out.push("**Held**: this plan leaves these alone\n\n");
    out.add(share, lines.into_iter(), |count| format!("- {count} more, see the job's log.\n"));
    out.push("\n");
}

fn row(told: &Told) -> String {
    let fields: Vec<String> = told.fields.iter().take(6).map(|field| escape(&field.name)).collect();
    let more = if told.fields.len() > 6 { ", …" } else { "" };
    let what = match told.verb {
        Verb::Update | Verb::Adopt if !fields.is_empty() => format!(": {}{more}", fields.join(", ")),
        _ => String::new(),
    };
    let address = code(&told.address.to_string());
    let verb = tell::word(told.verb);
    format!("| `{}` | {address} | {verb}{what} | {} |\n", tell::symbol(told.verb), duration(told.seconds))
}

fn details(told: &Told) -> String {
    let named = told.named.as_ref().map(|named| format!(", named {}", code(named))).unwrap_or_default();
    let title =
        format!("{} {} {}{named}", tell::symbol(told.verb), tell::word(told.verb), code(&told.address.to_string()));
    let mut lines: Vec<String> = told.because.iter().map(|because| format!("- {}\n", escape(because))).collect();
    for field in told.fields.iter().take(40) {
        lines.push(format!("- {}: {}\n", escape(&field.name), escape(&field.text())));
        lines.extend(field.note.iter().map(|note| format!("  - {}\n", escape(note))));
    }
    if told.fields.len() > 40 {
        lines.push(format!("- {} more fields, see the job's log\n", told.fields.len() - 40));
    }
    lines.extend(told.risks.iter().map(|(flag, why)| format!("- ⚠️ {}: {}\n", escape(flag), escape(why))));
    if lines.is_empty() {
        lines.push("- nothing to tell\n".into());
    }
    format!("<details><summary>{title}</summary>\n\n{}\n</details>\n\n", lines.concat())
}

fn code(text: &str) -> String {
    format!("<code>{}</code>", escape(text))
}

/// Text that Markdown and HTML leave alone, cut if it is long. Entities work in both, also inside of tables and
/// summaries, where a backslash would be shown; a space without width keeps `@name` and `#1` from notifying anyone.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in cut(&clean(text)).chars() {
        match c {
            '@' | '#' => {
                escaped.push(c);
                escaped.push('\u{200b}');
            }
            '&' | '<' | '>' | '|' | '`' | '*' | '_' | '[' | ']' | '~' | '\\' | '"' | '$' => {
                escaped.push_str(&format!("&#{};", u32::from(c)));
            }
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests;
