//! Functions of OPA that the engine does not have and that policies call: those of before OPA 1.0, and durations.

use regorus::Value;

/// Whether a member of a list or set is true.
pub fn any(members: &Value) -> Value {
    truths(members).map_or(Value::Undefined, |mut truths| Value::Bool(truths.any(|truth| truth)))
}

/// Whether all members of a list or set are true.
pub fn all(members: &Value) -> Value {
    truths(members).map_or(Value::Undefined, |mut truths| Value::Bool(truths.all(|truth| truth)))
}

fn truths(members: &Value) -> Option<Box<dyn Iterator<Item = bool> + '_>> {
    let is_true = |member: &Value| *member == Value::Bool(true);
    match members {
        Value::Array(members) => Some(Box::new(members.iter().map(is_true))),
        Value::Set(members) => Some(Box::new(members.iter().map(is_true))),
        _ => None,
    }
}

/// `regex.match` by its former name.
pub fn re_match(pattern: &Value, text: &Value) -> Value {
    let (Ok(pattern), Ok(text)) = (pattern.as_string(), text.as_string()) else { return Value::Undefined };
    regex::Regex::new(pattern).map_or(Value::Undefined, |pattern| Value::Bool(pattern.is_match(text)))
}

/// Nanoseconds of a duration as Go writes them, such as `1h30m` or `-1.5s`; undefined where it is none, or too long.
pub fn duration(text: &Value) -> Value {
    let nanoseconds = text.as_string().ok().and_then(|text| nanoseconds(text));
    nanoseconds.map_or(Value::Undefined, Value::from)
}

/// Units with their nanoseconds; those that others begin with come later.
const UNITS: [(&str, f64); 8] =
    [("ns", 1.0), ("us", 1e3), ("µs", 1e3), ("μs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9)];

fn nanoseconds(text: &str) -> Option<i64> {
    let (sign, mut rest) = match text.strip_prefix(['-', '+']) {
        Some(rest) if text.starts_with('-') => (-1, rest),
        Some(rest) => (1, rest),
        None => (1, text),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, behind) = rest.split_at(digits);
        let (unit, factor) = UNITS.iter().find(|(unit, _)| behind.starts_with(unit))?;
        rest = &behind[unit.len()..];
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && part.is_empty()) || part.contains('.') {
            return None;
        }
        let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        let part: f64 = format!("0.{part}0").parse().ok()?;
        // At most an hour's nanoseconds: exact as a number.
        total = total.checked_add(whole.checked_mul(*factor as i64)?)?.checked_add((part * factor) as i64)?;
    }
    Some(sign * total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_go() {
        for (text, expected) in [
            ("1h30m", Some(5_400_000_000_000)),
            ("-1.5s", Some(-1_500_000_000)),
            ("2us3ns", Some(2_003)),
            (".5m", Some(30_000_000_000)),
            ("0", Some(0)),
            ("7d", None),
            ("", None),
            ("1", None),
            (".s", None),
            ("9999999999h", None),
        ] {
            assert_eq!(nanoseconds(text), expected, "{text}");
        }
    }

    #[test]
    fn truths_are_counted_in_lists_and_sets() {
        let list = |text: &str| Value::from_json_str(text).unwrap();
        assert_eq!((any(&list("[false, true]")), all(&list("[false, true]"))), (Value::Bool(true), Value::Bool(false)));
        assert_eq!((any(&list("[]")), all(&list("[]"))), (Value::Bool(false), Value::Bool(true)));
        assert_eq!(any(&list("1")), Value::Undefined);
        assert_eq!(re_match(&"^a+$".into(), &"aa".into()), Value::Bool(true));
        assert_eq!(re_match(&"(".into(), &"aa".into()), Value::Undefined);
    }
}
