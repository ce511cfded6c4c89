use super::*;
use crate::model::Mapping;
use crate::scale::lambda::Factors;

/// A stream that a function reads with factor 2, which loses half a minute each minute.
fn late() -> Bench {
    let mut bench = Bench::new(4);
    bench.stream.functions = vec![Function::new("enrich".into(), Factors { min: 1, max: 8 })];
    bench.functions = vec![FunctionSeen::default()];
    mapped(&mut bench, 2, "Enabled");
    aged(&mut bench, 0.5);
    bench
}

fn mapped(bench: &mut Bench, factor: u32, state: &str) {
    bench.functions[0].mapping = Some(Ok(Mapping { uuid: "u".into(), factor, state: state.into() }));
}

/// It is 3 min behind, and so much more each minute.
fn aged(bench: &mut Bench, slope: f64) {
    let newest = bench.minute - 1;
    let age = |at: i64| (3.0 - slope * (newest - at) as f64).max(0.0) * 60_000.0;
    bench.functions[0].ages = Some((newest - 30..=newest).map(|at| (at, age(at))).collect());
}

/// The wishes of the next tick, and the reason that is told of the function.
fn next(bench: &mut Bench) -> (Vec<Decision>, String) {
    bench.tick();
    let (_, wishes) = bench.stream.parallelize(&bench.rules);
    let now = bench.now();
    (wishes, bench.stream.status(&bench.rules, now).functions[0].reason.clone())
}

#[test]
fn a_late_function_is_raised_once_and_its_effect_is_waited_for() {
    let mut bench = late();
    let (wishes, reason) = next(&mut bench);
    let [wish] = &wishes[..] else { panic!("{wishes:?}") };
    assert_eq!((wish.verb, wish.from, wish.to, reason.as_str()), (Verb::Parallelize, 2, 5, "raise"));
    assert!(bench.stream.inputs.lambda_first, "no shard is bought for its lag");
    let (now, looked) = (bench.now(), bench.functions[0].mapping.clone().unwrap());
    assert_eq!(bench.stream.confirm_factor(wish, &looked, &bench.rules, now), Ok("u".into()));
    let record =
        bench.stream.parallelized(wish.clone(), Answer::Accepted, "accepted".into(), &bench.rules, now).unwrap();
    bench.functions[0].mapping = None;
    assert_eq!(next(&mut bench), (vec![], "updating".into()));
    mapped(&mut bench, 5, "Enabled");
    assert_eq!(next(&mut bench), (vec![], "settling".into()));
    // Whoever starts anew knows of it from the books.
    let mut again = late();
    mapped(&mut again, 5, "Enabled");
    again.stream.recall(&record, &again.rules);
    assert_eq!(next(&mut again), (vec![], "settling".into()));
    // Its decisions are the function's, and not the stream's last one.
    let told = bench.stream.status(&bench.rules, now);
    assert!(
        told.decisions.iter().any(|told| told.lambda.is_some()) && told.last.is_some_and(|last| last.lambda.is_none())
    );
}

#[test]
fn what_is_refused_waits_and_what_changed_meanwhile_is_not_sent() {
    let mut bench = late();
    let (wishes, _) = next(&mut bench);
    let now = bench.now();
    let other = Ok(Mapping { uuid: "u".into(), factor: 4, state: "Enabled".into() });
    let held = bench.stream.confirm_factor(&wishes[0], &other, &bench.rules, now);
    assert!(held.is_err(), "{held:?}");
    mapped(&mut bench, 4, "Enabled");
    assert_eq!(next(&mut bench).1, "settling", "somebody else changed it just now");
    let mut bench = late();
    let (wishes, _) = next(&mut bench);
    let now = bench.now();
    bench.stream.parallelized(wishes[0].clone(), Answer::Refused, "refused: x".into(), &bench.rules, now).unwrap();
    assert_eq!(next(&mut bench), (vec![], "back-off".into()));
    bench.minute += 5;
    aged(&mut bench, 0.5);
    assert_eq!(next(&mut bench).1, "raise");
}

#[test]
fn nobody_s_word_but_the_user_s_holds_and_what_is_not_known_holds_nothing_else() {
    let mut bench = late();
    bench.tag(PAUSED, "until resumed");
    assert_eq!(next(&mut bench), (vec![], "paused".into()));
    let mut bench = late();
    bench.glance.tags = Some(BTreeMap::new());
    assert_eq!(next(&mut bench), (vec![], "not-ours".into()));
    let mut bench = late();
    bench.functions[0].mapping = Some(Err("denied".into()));
    bench.want(8);
    let decision = bench.tick().decision;
    assert_eq!((decision.verb, decision.to), (Verb::Resize, 8));
    let status = bench.stream.status(&bench.rules, bench.now()).functions[0].clone();
    assert_eq!((status.reason.as_str(), status.trouble.as_deref()), ("unreadable", Some("denied")));
    let mut bench = late();
    mapped(&mut bench, 2, "Disabled");
    assert_eq!(next(&mut bench), (vec![], "disabled".into()));
    let status = bench.stream.status(&bench.rules, bench.now());
    assert_eq!(status.condition(ConditionKind::Healthy).unwrap().reason, "dead-consumer");
}

#[test]
fn a_dry_run_tells_and_changes_nothing() {
    let mut bench = late();
    bench.rules.dry_run = true;
    bench.tick();
    let (records, wishes) = bench.stream.parallelize(&bench.rules);
    let told = |record: &Record| matches!(record, Record::Decided { decision } if decision.outcome.as_deref() == Some(DRY_RUN));
    assert!(wishes.is_empty() && records.len() == 1 && records.iter().all(told), "{records:?}");
    bench.tick();
    assert_eq!(bench.stream.parallelize(&bench.rules), (vec![], vec![]), "it was told");
}

#[test]
fn a_quiet_mapping_is_looked_at_now_and_then() {
    let mut bench = late();
    let due = |bench: &Bench| bench.stream.functions[0].wants_look(&bench.rules, bench.now()).is_some();
    assert!(due(&bench), "it was never looked at");
    bench.tick();
    assert!(!due(&bench));
    bench.minute += 4;
    assert!(!due(&bench));
    bench.minute += 1;
    assert!(due(&bench));
    mapped(&mut bench, 2, "Updating");
    bench.tick();
    bench.minute += 1;
    assert!(due(&bench), "it is changing");
}
