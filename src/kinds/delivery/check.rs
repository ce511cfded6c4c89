//! What AWS asks of an archive's settings (Firehose API reference, and its guide on prefixes).

use super::{ArchiveSpec, error_prefix, prefix};
use crate::kinds::Name;
use crate::model::{Path, Problem};

/// What stands in a prefix and is filled in by Firehose.
const EXPRESSIONS: &str =
    "!{timestamp:…}, !{firehose:random-string} and, in errorPrefix, !{firehose:error-output-type}";

pub fn archive(name: &Name, archive: &ArchiveSpec, at: &Path, problems: &mut Vec<Problem>) {
    let mut wrong = |path: Path, message: String, help: &str| {
        problems.push(Problem::new("invalid-value", path, message).help(help));
    };
    let physical = super::physical(name, archive);
    if physical.len() > 64 {
        let message =
            format!("`{physical}` has {} characters; a delivery stream's name has at most 64", physical.len());
        wrong(at.clone(), message, "give it a shorter `name:`");
    }
    let size = archive.buffer.size.0;
    if !size.is_multiple_of(1 << 20) || !(1..=128).contains(&(size >> 20)) {
        wrong(at.key("buffer").key("size"), "a buffer holds 1MiB to 128MiB, in whole MiB".into(), "for example 128MiB");
    }
    if archive.buffer.interval.seconds() > 900 {
        wrong(at.key("buffer").key("interval"), "a buffer is kept for at most 900s".into(), "write 0s to 15m");
    }
    if let Some(zone) = &archive.time_zone
        && (zone.is_empty()
            || zone.len() > 50
            || !zone.chars().all(|c| c.is_ascii_alphanumeric() || "/_+-".contains(c)))
    {
        wrong(at.key("timeZone"), format!("`{zone}` is no time zone"), "use an IANA name, for example Europe/Berlin");
    }
    if let Some(extension) = &archive.file_extension
        && !is_extension(extension)
    {
        let help = "begin with a dot, then lower-case letters, digits and !-_.*'(), at most 128, for example .json.gz";
        wrong(at.key("fileExtension"), format!("`{extension}` is no file extension for Firehose"), help);
    }
    let (prefix, errors) = (prefix(name, archive), error_prefix(name, archive));
    for (field, text, is_error) in [("prefix", &prefix, false), ("errorPrefix", &errors, true)] {
        if let Some((message, help)) = misformed(text, is_error) {
            wrong(at.key("s3").key(field), message, &help);
        }
    }
}

fn is_extension(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "!-_.*'()".contains(c);
    let rest = text.strip_prefix('.');
    text.is_empty() || (text.len() <= 128 && rest.is_some_and(|rest| !rest.is_empty() && rest.chars().all(fits)))
}

/// The expressions of a prefix: what stands between `!{` and `}`. `Err` if one does not end.
fn expressions(text: &str) -> Result<Vec<&str>, ()> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("!{") {
        let (expression, after) = after.split_once('}').ok_or(())?;
        found.push(expression);
        rest = after;
    }
    Ok(found)
}

/// What is wrong with a prefix, and what to do.
fn misformed(text: &str, is_error: bool) -> Option<(String, String)> {
    let wrong = |message: &str, help: &str| Some((message.to_owned(), help.to_owned()));
    if text.len() > 1024 {
        return wrong("a prefix has at most 1,024 characters", "shorten it");
    }
    let Ok(found) = expressions(text) else {
        return wrong("an expression begins with `!{` and does not end", "close it with `}`");
    };
    if let Some(unknown) = found.iter().find(|expression| !is_known(expression)) {
        return Some((format!("Firehose does not know `!{{{unknown}}}` here"), format!("it knows {EXPRESSIONS}")));
    }
    let names_type = found.contains(&"firehose:error-output-type");
    if names_type && !is_error {
        return wrong("`prefix` cannot hold !{firehose:error-output-type}", "it belongs into `errorPrefix`");
    }
    if is_error && !found.is_empty() && !names_type {
        return wrong(
            "an `errorPrefix` with expressions must hold !{firehose:error-output-type}",
            "for example errors/clicks/!{firehose:error-output-type}/",
        );
    }
    // Firehose would add its own folders behind, and the objects would not be where the spec says.
    if !is_error && !found.iter().any(|expression| expression.starts_with("timestamp:")) {
        return wrong(
            "`prefix` holds no time, so Firehose would add yyyy/MM/dd/HH/ to it",
            "say it yourself: end it with !{timestamp:yyyy/MM/dd/HH}/",
        );
    }
    None
}

fn is_known(expression: &str) -> bool {
    match expression.split_once(':') {
        Some(("timestamp", pattern)) => !pattern.is_empty(),
        Some(("firehose", what)) => matches!(what, "random-string" | "error-output-type"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_follow_the_rules_of_firehose() {
        let good = |text, is_error| assert_eq!(misformed(text, is_error), None, "{text}");
        good("clicks/!{timestamp:yyyy/MM/dd/HH}/", false);
        good("!{timestamp:yyyy}/!{firehose:random-string}/", false);
        good("errors/!{firehose:error-output-type}/!{timestamp:yyyy}/", true);
        good("errors/", true);
        let bad = |text, is_error| misformed(text, is_error).map(|(message, _)| message).unwrap_or_default();
        assert_eq!(bad("a/!{timestamp:yyyy", false), "an expression begins with `!{` and does not end");
        assert_eq!(bad("a/!{time:yyyy}", false), "Firehose does not know `!{time:yyyy}` here");
        assert_eq!(
            bad("a/!{firehose:error-output-type}/", false),
            "`prefix` cannot hold !{firehose:error-output-type}"
        );
        assert_eq!(
            bad("e/!{timestamp:yyyy}/", true),
            "an `errorPrefix` with expressions must hold !{firehose:error-output-type}"
        );
        assert_eq!(bad("clicks/", false), "`prefix` holds no time, so Firehose would add yyyy/MM/dd/HH/ to it");
        assert_eq!(bad(&"a".repeat(1025), true), "a prefix has at most 1,024 characters");
    }

    #[test]
    fn extensions_begin_with_a_dot() {
        assert!(is_extension("") && is_extension(".json.gz") && is_extension(".a!-_.*'()"));
        assert!(!is_extension("json") && !is_extension(".") && !is_extension(".JSON"));
    }
}
