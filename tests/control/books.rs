//! What a controller wrote against what the plant took, call by call: the judge of runs that are killed.
//!
//! No span of time decides: however late a written call is sent, it is sent before the next one is written.

use serde_json::Value;

const DAY: i64 = 86_400;

/// What a ledger says of one UpdateShardCount in the end.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    /// Nothing yet: the process was killed behind it.
    Open,
    /// It ended, or somebody saw that it had been sent.
    Settled,
    /// It was never taken: refused, or not even sent.
    Nothing,
}

/// A call as the ledger holds it; `called` in minutes since 1970.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Written {
    called: i64,
    from: i64,
    to: i64,
    fate: Fate,
}

/// The ledger's records in their order, read as the calls of one stream.
///
/// # Errors
/// Somebody else is said to have changed the count, where there is nobody else: a call of its own was forgotten.
fn written(records: &[Value]) -> Result<Vec<Written>, String> {
    let mut calls: Vec<Written> = Vec::new();
    for record in records {
        let number = |name: &str| record[name].as_i64().ok_or_else(|| format!("{name} is missing: {record}"));
        let fate = match record["is"].as_str() {
            Some("calling") => {
                let (called, from, to) = (number("called")?, number("from")?, number("to")?);
                calls.push(Written { called, from, to, fate: Fate::Open });
                continue;
            }
            Some("settled") => Fate::Settled,
            Some("refused" | "void") => Fate::Nothing,
            Some("foreign") => {
                // A kill sets the embedded cloud back to what it kept last: then a change comes that was seen already.
                let (from, to) = (number("from")?, number("to")?);
                let again = |call: &Written| (call.from, call.to, call.fate) == (from, to, Fate::Settled);
                if calls.iter().any(again) {
                    continue;
                }
                return Err(format!("it takes a call of its own for somebody else's: {record}"));
            }
            _ => continue,
        };
        let called = number("called")?;
        let call = calls.iter_mut().rfind(|call| call.called == called);
        call.ok_or_else(|| format!("nothing was written of what this ends: {record}"))?.fate = fate;
    }
    Ok(calls)
}

/// Judges one stream: `sent` are the seconds of the calls that the plant took within the day before `now`, oldest first.
///
/// # Errors
/// A call that was sent and does not stand in the ledger, or stands there as one that was not; one that the ledger
/// believes in and that was never sent; one that does not begin where the one before ended; more than ten a day.
pub fn judge(records: &[Value], sent: &[i64], now: i64) -> Result<(), String> {
    let mut calls = written(records)?;
    calls.retain(|call| call.fate != Fate::Nothing);
    let told = || format!("written {calls:?}, sent {sent:?} until {now}");
    // Only the last one may be without an end, and it may have been sent or not.
    if let Some(open) = calls.iter().rev().skip(1).find(|call| call.fate == Fate::Open) {
        return Err(format!("{open:?} has no end, and others were made since: {}", told()));
    }
    if let Some(pair) = calls.windows(2).find(|pair| pair[1].from != pair[0].to) {
        return Err(format!("{:?} does not begin where {:?} ended: {}", pair[1], pair[0], told()));
    }
    let mut matched = calls.clone();
    let unsent =
        |last: &Written| last.fate == Fate::Open && sent.last().is_none_or(|at| at.div_euclid(60) < last.called);
    matched.pop_if(|last| unsent(last));
    let Some(older) = matched.len().checked_sub(sent.len()) else {
        return Err(format!("more were sent than were written: {}", told()));
    };
    // The plant forgets after a day what it took.
    if let Some(call) = matched[..older].iter().find(|call| call.called * 60 > now - DAY) {
        return Err(format!("{call:?} was never sent: {}", told()));
    }
    let newest = &matched[older..];
    for (at, (call, sent)) in newest.iter().zip(sent).enumerate() {
        let next = newest.get(at + 1).map_or(i64::MAX, |next| next.called);
        if !(call.called..=next).contains(&sent.div_euclid(60)) {
            return Err(format!("what was sent at {sent} is not {call:?}: {}", told()));
        }
    }
    (sent.len() <= 10).then_some(()).ok_or_else(|| format!("more than ten a day: {}", told()))
}

/// A call of minute `called`, and what became of it.
fn lines(called: i64, from: i64, to: i64, end: &str) -> Vec<Value> {
    let call = serde_json::json!({ "is": "calling", "called": called, "from": from, "to": to });
    let end = (!end.is_empty()).then(|| serde_json::json!({ "is": end, "called": called, "done": called + 2 }));
    std::iter::once(call).chain(end).collect()
}

#[test]
fn the_judge_knows_lost_calls_double_ones_and_those_that_nobody_sent() {
    const AT: i64 = 100_000;
    let says = |records: &[Vec<Value>], sent: &[i64]| judge(&records.concat(), sent, (AT + 100) * 60);
    let first = lines(AT, 2, 4, "settled");
    let second = |end: &str| lines(AT + 10, 4, 8, end);
    let foreign = |minute: i64, from: i64, to: i64| {
        vec![serde_json::json!({ "is": "foreign", "minute": AT + minute, "from": from, "to": to })]
    };
    // What was seen to end, and ends once more, is no call of somebody else's.
    assert_eq!(says(&[first.clone(), foreign(1, 2, 4)], &[(AT + 1) * 60]), Ok(()));
    let at = |minutes: &[i64]| minutes.iter().map(|minute| (AT + minute) * 60 + 59).collect::<Vec<i64>>();
    assert_eq!(says(&[], &[]), Ok(()));
    assert_eq!(says(&[first.clone(), second("settled")], &at(&[0, 10])), Ok(()));
    assert_eq!(says(&[first.clone(), second("settled")], &at(&[9, 40])), Ok(()), "however late");
    // A kill may come before or behind the sending of the last one, and of one that is found void later.
    assert_eq!(says(&[first.clone(), second("")], &at(&[0])), Ok(()));
    assert_eq!(says(&[first.clone(), second("")], &at(&[0, 10])), Ok(()));
    assert_eq!(says(&[first.clone(), second("void"), lines(AT + 20, 4, 8, "")], &at(&[0, 20])), Ok(()));
    // A day later the plant knows no more of it.
    let old = |minutes: i64| lines(AT + 100 - minutes, 1, 2, "settled");
    assert_eq!(says(&[old(1441), first.clone()], &at(&[0])), Ok(()));
    assert!(says(&[old(1439), first.clone()], &at(&[0])).is_err_and(|said| said.contains("never sent")));
    for (records, sent, word) in [
        (vec![first.clone()], at(&[0, 10]), "more were sent"),
        (vec![first.clone(), second("refused")], at(&[0, 10]), "more were sent"),
        (vec![first.clone(), second("void")], at(&[0, 10]), "more were sent"),
        (vec![first.clone(), second("settled")], at(&[0]), "never sent"),
        (vec![first.clone(), second("settled")], at(&[0, 9]), "is not"),
        (vec![first.clone(), second("settled")], at(&[11, 12]), "is not"),
        (vec![first.clone(), lines(AT + 10, 2, 4, "settled")], at(&[0, 10]), "does not begin"),
        (vec![lines(AT, 2, 4, ""), second("settled")], at(&[0, 10]), "has no end"),
        (vec![foreign(0, 2, 4)], vec![], "somebody else"),
        (vec![first.clone(), foreign(1, 4, 8)], at(&[0]), "somebody else"),
        (vec![vec![serde_json::json!({ "is": "settled", "called": AT })]], vec![], "nothing was written"),
    ] {
        let said = says(&records, &sent).expect_err(word);
        assert!(said.contains(word), "{word}: {said}");
    }
}
