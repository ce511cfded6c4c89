use super::document::NodeValue;

/// What a plain (unquoted) scalar means in the core schema of YAML 1.2: `no`, `on` and `1_000` are text.
/// A whole number that does not fit 64 bits stays text, so that no digit is lost (hash keys have 128 bits).
pub(super) fn plain(text: &str) -> NodeValue {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return NodeValue::Null,
        "true" | "True" | "TRUE" => return NodeValue::Bool(true),
        "false" | "False" | "FALSE" => return NodeValue::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return NodeValue::Float(f64::NAN),
        _ => {}
    }
    number(text).unwrap_or_else(|| NodeValue::Text(text.to_owned()))
}

fn number(text: &str) -> Option<NodeValue> {
    if let Some(digits) = text.strip_prefix("0x") {
        return radix(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return radix(digits, 8);
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        let infinity = if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY };
        return Some(NodeValue::Float(infinity));
    }
    // Rust reads more than YAML does ("inf", "nan", "infinity"), so the alphabet is checked first.
    if !unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        || !unsigned.contains(|c: char| c.is_ascii_digit())
    {
        return None;
    }
    if unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().map(NodeValue::Int);
    }
    if !unsigned.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-')) {
        return None;
    }
    text.parse().ok().filter(|value: &f64| value.is_finite()).map(NodeValue::Float)
}

fn radix(digits: &str, radix: u32) -> Option<NodeValue> {
    let first_is_digit = digits.starts_with(|first: char| first.is_digit(radix));
    first_is_digit.then(|| i64::from_str_radix(digits, radix).ok().map(NodeValue::Int)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_core_schema_and_nothing_else() {
        let text = |text: &str| NodeValue::Text(text.to_owned());
        for (written, value) in [
            ("", NodeValue::Null),
            ("~", NodeValue::Null),
            ("True", NodeValue::Bool(true)),
            ("-012", NodeValue::Int(-12)),
            ("+7", NodeValue::Int(7)),
            ("0x1F", NodeValue::Int(31)),
            ("0o14", NodeValue::Int(12)),
            ("1.5e3", NodeValue::Float(1500.0)),
            (".5", NodeValue::Float(0.5)),
            ("-.inf", NodeValue::Float(f64::NEG_INFINITY)),
        ] {
            assert_eq!(plain(written), value, "{written}");
        }
        for word in ["no", "on", "y", "1_000", "inf", "nan", ".", "-", "1e400", "0x-1", "0x", "--1", "1:30", "24h"] {
            assert_eq!(plain(word), text(word), "{word}");
        }
        assert_eq!(plain("340282366920938463463374607431768211455"), text("340282366920938463463374607431768211455"));
    }
}
