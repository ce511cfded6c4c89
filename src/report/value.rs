//! One value in one line.

use super::excerpt::clean;
use crate::model::secret::{HIDDEN, hide, hide_name, is_name};
use crate::model::{Ref, Value};

/// Longer texts are cut: a plan is read, not archived. JSON carries them whole.
const LONGEST: usize = 160;
/// More entries than these are counted.
const MOST_ENTRIES: usize = 8;

/// A value in one line, as a person would say it.
pub fn show(value: &Value) -> String {
    match value {
        Value::Bool(yes) => yes.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Text(text) if text.is_empty() => "(empty)".into(),
        Value::Text(text) => cut(&clean(&hide(text))),
        Value::Ref(reference) => known_later(reference),
        Value::List(items) if items.is_empty() => "(none)".into(),
        Value::List(items) => entries(items.iter().map(show)),
        Value::Map(map) => match (value.get("min"), value.get("max")) {
            (Some(Value::Int(min)), Some(Value::Int(max))) if map.len() == 2 => format!("{min}..{max}"),
            // Which of the two it is the autoscaler says.
            (Some(min @ Value::List(_)), Some(max @ Value::List(_))) if map.len() == 2 => {
                format!("{} or {}", show(min), show(max))
            }
            _ if map.is_empty() => "(none)".into(),
            _ => entries(map.iter().map(|(key, value)| {
                let value = if is_name(key) { HIDDEN.into() } else { show(value) };
                format!("{}={value}", cut(&clean(&hide_name(key))))
            })),
        },
    }
}

/// The value of the field `name`, hidden if the name says that it is a secret.
pub(super) fn show_field(name: &str, value: &Value) -> String {
    if is_name(name) { HIDDEN.into() } else { show(value) }
}

fn known_later(reference: &Ref) -> String {
    format!("{} of {} (known after apply)", clean(&reference.output), clean(&reference.address.to_string()))
}

fn entries(all: impl ExactSizeIterator<Item = String>) -> String {
    let more = all.len().saturating_sub(MOST_ENTRIES);
    let mut shown: Vec<String> = all.take(MOST_ENTRIES).collect();
    if more > 0 {
        shown.push(format!("{more} more"));
    }
    shown.join(", ")
}

pub(super) fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// Millionths of a dollar as `$1,234.50`.
pub fn money(micros: i64) -> String {
    let cents = (micros.unsigned_abs() + 5_000) / 10_000;
    let sign = if micros < 0 && cents > 0 { "-" } else { "" };
    format!("{sign}${}.{:02}", thousands(cents / 100), cents % 100)
}

fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// An estimate as `about 4 min`, never more exact than it is.
pub fn duration(seconds: u32) -> String {
    let (amount, unit) = rough(seconds);
    let (hours, minutes) = (amount / 60, amount % 60);
    match unit {
        "second" => format!("about {amount} s"),
        _ if hours == 0 => format!("about {amount} min"),
        _ if minutes == 0 => format!("about {hours} h"),
        _ => format!("about {hours} h {minutes} min"),
    }
}

/// The same as a sentence: `About 4 minutes.`
pub fn duration_sentence(seconds: u32) -> String {
    let (amount, unit) = rough(seconds);
    let plural = |amount: u32, unit: &str| format!("{amount} {unit}{}", if amount == 1 { "" } else { "s" });
    match (unit, amount / 60, amount % 60) {
        ("second", ..) | (_, 0, _) => format!("About {}.", plural(amount, unit)),
        (_, hours, 0) => format!("About {}.", plural(hours, "hour")),
        (_, hours, minutes) => format!("About {} and {}.", plural(hours, "hour"), plural(minutes, "minute")),
    }
}

/// Seconds below a minute in steps of five, minutes above.
fn rough(seconds: u32) -> (u32, &'static str) {
    if seconds <= 55 { (seconds.max(1).div_ceil(5) * 5, "second") } else { (seconds.div_ceil(60), "minute") }
}

/// Small numbers as words, as in running text.
pub(super) fn number_word(number: usize) -> String {
    let words = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
    words.get(number).map_or_else(|| number.to_string(), |word| (*word).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Address;

    #[test]
    fn values_fit_on_a_line() {
        let key = Value::reference(Address::new("key", "clicks"), "arn");
        let cases = [
            (Value::map([("min", 2_i64), ("max", 64)]), "2..64"),
            (Value::map([("min", Value::list([""; 0])), ("max", Value::list(["a", "b"]))]), "(none) or a, b"),
            (Value::List(Vec::new()), "(none)"),
            (Value::list(["a", "b"]), "a, b"),
            (Value::text(""), "(empty)"),
            (Value::text("a\n\u{1b}[2J"), "a\\n\\u{1b}[2J"),
            (Value::text("https://hooks.slack.com/services/T0/B0/x"), "https://hooks.slack.com/(hidden)"),
            (key, "arn of key/clicks (known after apply)"),
            (Value::map([("masterPassword", "x"), ("secretArn", "y")]), "masterPassword=(hidden), secretArn=y"),
            (Value::list(0..12_i64), "0, 1, 2, 3, 4, 5, 6, 7, 4 more"),
        ];
        for (value, text) in cases {
            assert_eq!(show(&value), text);
        }
        assert_eq!(show(&Value::text("x".repeat(500))).chars().count(), LONGEST + 1);
    }

    #[test]
    fn money_and_time_are_rounded_for_people() {
        let amounts = [0, 21_900_000, 999_995_000, 1_234_567_890_000, -5_000_000, -1].map(money);
        assert_eq!(amounts, ["$0.00", "$21.90", "$1,000.00", "$1,234,567.89", "-$5.00", "$0.00"]);
        let times = [0, 12, 59, 60, 225, 3_600, 4_900].map(duration);
        assert_eq!(
            times,
            ["about 5 s", "about 15 s", "about 1 min", "about 1 min", "about 4 min", "about 1 h", "about 1 h 22 min"]
        );
        assert_eq!(duration_sentence(60), "About 1 minute.");
        assert_eq!(duration_sentence(4_900), "About 1 hour and 22 minutes.");
        assert!(duration(u32::MAX).starts_with("about 1193046 h"));
    }
}
