use super::*;
use crate::lint::rule::{Concern, Severity};
use crate::lint::verdict::Verdict;
use crate::spec::Source;

/// Findings of `short` at every `retention`, after the comments have been heard: `rule: message` and, silenced, `(reason)`.
fn heard(text: &str) -> Vec<String> {
    let document = Document::parse(Source::new("a.yaml", text).unwrap()).0.unwrap();
    let mut short = About::built_in("short", Concern::Reliability, Severity::Error, "S");
    short.aliases.push("CKV_1".into());
    let mut guarded = About::built_in("guarded", Concern::Security, Severity::Error, "G");
    guarded.protected = true;
    let known = vec![Arc::new(short), Arc::new(guarded)];
    let mut findings = Vec::new();
    for name in ["a", "b"] {
        let json = serde_json::json!({"msg": name, "path": ["streams", name, "retention"]});
        let verdict = Verdict::read(0, Severity::Error, "", &json).unwrap();
        findings.push(Finding::of(&document, &known[0], verdict));
    }
    let today = "2026-11-25".parse().unwrap();
    let law = Law { known: &known, asked: &|_| true, protected: &[], at_most: Some(2), today };
    apply(&document, &mut findings, &law);
    let line = |finding: &Finding| match &finding.silenced {
        Some(silence) => format!("{} ({})", finding.message, silence.reason),
        None => format!("{}: {}", finding.about.id, finding.message),
    };
    findings.iter().map(line).collect()
}

const BODY: &str = "  a:\n    retention: 24h\n  b: { retention: 24h }\n";

fn above(comment: &str) -> Vec<String> {
    heard(&format!("streams:\n  # tidegate: {comment}\n{BODY}"))
}

#[test]
fn findings_are_silenced_with_a_reason() {
    assert_eq!(above("ignore[short] reason=\"agreed\" until=2026-11-25"), ["a (agreed)", "short: b"]);
    assert_eq!(above("ignore[ckv_1] reason=\"agreed\""), ["a (agreed)", "short: b"]);
    let file = format!("# tidegate: ignore-file[short] reason=\"all of it\"\nstreams:\n{BODY}");
    assert_eq!(heard(&file), ["a (all of it)", "b (all of it)"]);
    let line = format!("streams:\n{}", BODY.replace("24h }", "24h } # tidegate: ignore[short] reason=x"));
    assert_eq!(heard(&line), ["short: a", "b (x)"]);
}

#[test]
fn what_does_not_hold_is_told_and_silences_nothing() {
    let last = |comment: &str| above(comment).pop().unwrap();
    assert_eq!(last("ignore[short]"), "suppression-no-reason: no reason is given for ignoring short");
    assert_eq!(
        last("ignore[short] reason=x until=2026-11-24"),
        "suppression-expired: this suppression has ended on 2026-11-24: x"
    );
    assert_eq!(
        last("ignore[shrt] reason=x"),
        "suppression-unknown-rule: there is no rule `shrt`; did you mean `short`?"
    );
    assert_eq!(
        last("ignore[guarded] reason=x"),
        "suppression-of-protected: `guarded` is protected and cannot be silenced in the file"
    );
    assert!(last("ignore reason=x").starts_with("suppression-malformed: no rule is named"));
    assert!(last("ignore-file[short] reason=x").starts_with("suppression-malformed: `ignore-file` stands at the top"));
    assert!(above("ignore[short]").contains(&"short: a".to_owned()));
}

#[test]
fn unused_and_too_many_are_told() {
    let text = format!("# tidegate: ignore[short] reason=x\npipeline: p\nstreams:\n{BODY}");
    assert_eq!(heard(&text).pop().unwrap(), "suppression-unused: there is nothing to ignore for `short` here");
    let three = "# tidegate: ignore[short] reason=x\n".repeat(3);
    assert!(heard(&format!("{three}streams:\n{BODY}")).last().unwrap().starts_with("suppression-too-many"));
}
