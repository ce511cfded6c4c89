//! An IAM policy file: read, judged beside a stream with a key, and asked about by all rules.
#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use tidegate::lint::builtin;
use tidegate::lint::choice::Choice;
use tidegate::lint::engine::{Engine, RULE_LIMIT};
use tidegate::lint::examine::examine_policy;
use tidegate::lint::iam::catalog::Catalog;
use tidegate::lint::iam::file;
use tidegate::lint::iam::need::Stream;
use tidegate::spec::Source;

thread_local! {
    static ENGINES: RefCell<Vec<Engine>> = RefCell::new(vec![Engine::load(&builtin::files(), RULE_LIMIT).0]);
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(source) = Source::from_bytes("p.json", bytes) else { return };
    let arn = "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks".to_owned();
    let key = Some("arn:aws:kms:eu-west-1:123456789012:key/1".to_owned());
    let streams = [Stream { name: "clicks".into(), arn, key }];
    let judged = file::judge(&source, None, &streams, Catalog::builtin());
    assert!(judged.policy.is_some() || !judged.problems.is_empty());
    for fact in &judged.facts {
        let document = judged.document.as_ref().expect("facts come from a document");
        let place = file::place(document, fact);
        assert!(source.text.get(place.start..place.end).is_some(), "{fact:?}");
    }
    let (_, failures) = ENGINES.with_borrow_mut(|engines| examine_policy(engines, &judged, &Choice::default()));
    assert!(failures.is_empty(), "{failures:?}");
});
