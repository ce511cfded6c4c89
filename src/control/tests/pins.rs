//! Pins: what a person wants goes before the load, within the range.

use super::*;

#[test]
fn a_pin_to_the_present_count_is_told_and_is_what_holds() {
    let mut bench = Bench::new(4);
    assert_eq!(bench.hold(), "in-band");
    let until = hand::stamp(bench.now() + 3600);
    bench.tag(PIN, &format!("4 until {until}"));
    let step = bench.tick();
    assert_eq!((step.decision.verb, step.decision.reason.as_str()), (Verb::Hold, "pin"));
    assert!(step.decision.because.starts_with(&format!("pinned to 4 shards until {until}")), "{step:?}");
    let is_told = |step: &Step| step.records.iter().any(|record| matches!(record, Record::Decided { .. }));
    assert!(is_told(&step), "it is in the history");
    bench.want(8);
    let step = bench.tick();
    assert!(step.decision.reason == "pin" && !is_told(&step), "and is told once: {step:?}");
}

#[test]
fn a_pin_that_the_range_cuts_is_told_with_the_range_of_the_spec() {
    let mut bench = Bench::new(8);
    bench.stream.bounds = Bounds { min: 2, max: 8 };
    let until = hand::stamp(bench.now() + 3600);
    bench.tag(PIN, &format!("30 until {until}"));
    let decision = bench.tick().decision;
    assert_eq!((decision.verb, decision.reason.as_str(), decision.desired), (Verb::Hold, "pin", 8));
    let because = format!("pinned to 30 shards until {until}, of which the range of 2 to 8 allows 8");
    assert!(decision.because.starts_with(&because) && !decision.because.contains("8 to 8"), "{}", decision.because);
}

#[test]
fn a_pin_of_at_least_a_count_is_a_floor_and_no_ceiling() {
    let mut bench = Bench::new(4);
    let until = hand::stamp(bench.now() + 3600);
    bench.tag(PIN, &format!("at least 6 until {until}"));
    let decision = bench.tick().decision;
    assert_eq!((decision.verb, decision.reason.as_str(), decision.to), (Verb::Resize, "floor", 6));
    assert!(decision.because.contains("it is pinned to at least 6 shards until"), "{}", decision.because);
    bench.want(8);
    assert_eq!(bench.verdict(), (Verb::Resize, "grow".into(), 8));
    // It ends with its time, and with its tag.
    bench.want(4);
    assert!(!bench.stream.inputs.floors.is_empty());
    bench.glance.tags.as_mut().unwrap().remove(PIN);
    bench.tick();
    assert!(bench.stream.inputs.floors.is_empty());
}
