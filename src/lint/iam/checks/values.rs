//! Operators of conditions, and the values that fit them.

use crate::lint::iam::fact::Fact;
use crate::lint::iam::near;
use crate::lint::iam::policy::{Condition, Statement};

/// Every operator (docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html).
const OPERATORS: &[&str] = &[
    "StringEquals",
    "StringNotEquals",
    "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase",
    "StringLike",
    "StringNotLike",
    "NumericEquals",
    "NumericNotEquals",
    "NumericLessThan",
    "NumericLessThanEquals",
    "NumericGreaterThan",
    "NumericGreaterThanEquals",
    "DateEquals",
    "DateNotEquals",
    "DateLessThan",
    "DateLessThanEquals",
    "DateGreaterThan",
    "DateGreaterThanEquals",
    "Bool",
    "BinaryEquals",
    "IpAddress",
    "NotIpAddress",
    "ArnEquals",
    "ArnLike",
    "ArnNotEquals",
    "ArnNotLike",
    "Null",
];

/// An operator taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::lint::iam) struct Operator {
    pub name: &'static str,
    pub if_exists: bool,
    /// `ForAllValues` or `ForAnyValue`.
    pub quantifier: Option<&'static str>,
}

impl Operator {
    /// Reads an operator; of an unknown one the nearest.
    pub fn parse(text: &str) -> Result<Self, Option<&'static str>> {
        let small = text.to_ascii_lowercase();
        let (quantifier, rest) = match small.split_once(':') {
            Some(("forallvalues", rest)) => (Some("ForAllValues"), rest),
            Some(("foranyvalue", rest)) => (Some("ForAnyValue"), rest),
            _ => (None, small.as_str()),
        };
        let (rest, if_exists) = rest.strip_suffix("ifexists").map_or((rest, false), |rest| (rest, true));
        match OPERATORS.iter().find(|name| name.eq_ignore_ascii_case(rest)) {
            Some(name) if !(if_exists && *name == "Null") => Ok(Self { name, if_exists, quantifier }),
            Some(_) => Err(Some("Null")),
            None => Err(OPERATORS.iter().copied().find(|name| Some(*name) == near(rest, OPERATORS.iter().copied()))),
        }
    }

    pub fn family(&self) -> &'static str {
        let families = ["String", "Numeric", "Date", "Bool", "Binary", "Arn", "Null"];
        families.into_iter().find(|family| self.name.starts_with(family)).unwrap_or("Ip")
    }

    fn negated(&self) -> bool {
        self.name.contains("Not")
    }

    /// Does it hold only where the request carries the key?
    pub fn needs_key(&self) -> bool {
        !self.if_exists && !self.negated() && self.name != "Null" && self.quantifier != Some("ForAllValues")
    }
}

pub(super) fn check(
    statement: &Statement,
    condition: &Condition,
    operator: &Operator,
    kind: &str,
    facts: &mut Vec<Fact>,
) {
    let (element, many) = kind.strip_prefix("ArrayOf").map_or((kind, false), |element| (element, true));
    if let Some(help) = mismatch(operator, element) {
        let message =
            format!("`{}` holds {}, which `{}` does not compare", condition.key.text, article(element), operator.name);
        facts.push(
            Fact::new("condition-type", &condition.path, message).at_key().help(help).with("key", &condition.key.text),
        );
    }
    for value in condition.values.iter().filter(|value| !value.text.contains("${")) {
        if let Some((expected, example)) = misfit(operator, &value.text) {
            let message = format!("`{}` compares {expected}, and `{}` is none", operator.name, value.text);
            facts.push(Fact::new("condition-type", &value.path, message).help(format!("write for example {example}")));
        }
        let exact = matches!(
            operator.name,
            "StringEquals" | "StringNotEquals" | "StringEqualsIgnoreCase" | "StringNotEqualsIgnoreCase"
        );
        if exact && value.text.contains(['*', '?']) {
            let message = format!(
                "`{}` compares letter by letter, so the wildcard in `{}` is plain text",
                operator.name, value.text
            );
            let like = if operator.negated() { "StringNotLike" } else { "StringLike" };
            facts.push(Fact::new("condition-wildcard", &value.path, message).help(format!("use `{like}`")));
        }
    }
    weak(statement, condition, operator, many, kind, facts);
}

/// Conditions that hold, or fail to, where nobody meant it.
fn weak(
    statement: &Statement,
    condition: &Condition,
    operator: &Operator,
    many: bool,
    kind: &str,
    facts: &mut Vec<Fact>,
) {
    let key = condition.key.text.as_str();
    let mut told = |message: String, help: &str| {
        facts.push(Fact::new("condition-weak", &condition.path, message).at_key().help(help).with("key", key));
    };
    if operator.quantifier == Some("ForAllValues") && statement.allows {
        let guarded = statement
            .conditions
            .iter()
            .any(|other| other.operator.text == "Null" && other.key.text.eq_ignore_ascii_case(key));
        if !kind.is_empty() && !many {
            told(
                format!("`ForAllValues` also holds where the request has no `{key}`, of which there is one at most"),
                "leave the quantifier out",
            );
        } else if !guarded {
            told(
                format!("`ForAllValues` also holds where the request has no `{key}`"),
                "add \"Null\": { \"KEY\": \"false\" } for it",
            );
        }
    }
    if many && operator.quantifier.is_none() && operator.name != "Null" {
        told(format!("`{key}` may have several values"), "say `ForAnyValue:` or `ForAllValues:` before the operator");
    }
    let mfa = key.eq_ignore_ascii_case("aws:MultiFactorAuthPresent");
    let says = |word: &str| condition.values.iter().any(|value| value.text.eq_ignore_ascii_case(word));
    if mfa && operator.name == "Bool" {
        if !statement.allows && says("false") && !operator.if_exists {
            told(
                "requests with long-term access keys carry no such key, so they are not denied".into(),
                "use `BoolIfExists`",
            );
        } else if statement.allows && says("true") && operator.if_exists {
            told("requests with long-term access keys carry no such key, so they are allowed".into(), "use `Bool`");
        } else if statement.allows && says("false") {
            told("this allows those who have not shown a second factor".into(), "did you mean \"true\"?");
        }
    }
    if key.eq_ignore_ascii_case("aws:SourceIp") && condition.values.iter().any(|value| is_private(&value.text)) {
        let help = "use aws:VpcSourceIp or aws:SourceVpce for requests from a VPC";
        told("AWS sees public addresses only here, and this range is private".into(), help);
    }
}

fn is_private(text: &str) -> bool {
    let address = text.split('/').next().unwrap_or_default().parse::<core::net::Ipv4Addr>();
    address.is_ok_and(|address| address.is_private())
}

fn article(kind: &str) -> &'static str {
    match kind {
        "ARN" => "an ARN",
        "Bool" => "true or false",
        "Numeric" => "a number",
        "Date" => "a time",
        "IPAddress" => "an address",
        _ => "a text",
    }
}

/// Operators that never hold for keys of a type. IAM compares ARNs as texts too, and texts that are ARNs as ARNs.
fn mismatch(operator: &Operator, kind: &str) -> Option<&'static str> {
    let family = operator.family();
    let fits = match kind {
        "" => true,
        _ if family == "Null" => true,
        "String" => matches!(family, "String" | "Arn" | "Binary"),
        "ARN" => matches!(family, "String" | "Arn"),
        "Bool" => matches!(family, "Bool" | "String"),
        "Numeric" => family == "Numeric",
        "Date" => matches!(family, "Date" | "Numeric"),
        "IPAddress" => family == "Ip",
        _ => true,
    };
    let help = match kind {
        "ARN" => "use an operator of the Arn family",
        "Bool" => "use `Bool`",
        "Numeric" => "use an operator of the Numeric family",
        "Date" => "use an operator of the Date family",
        "IPAddress" => "use `IpAddress` or `NotIpAddress`",
        _ => "use an operator of the String family",
    };
    (!fits).then_some(help)
}

/// What a value should be and is not, with an example.
fn misfit(operator: &Operator, value: &str) -> Option<(&'static str, &'static str)> {
    let boolean = || value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false");
    match operator.family() {
        "Bool" | "Null" if !boolean() => Some(("truth values", "\"true\"")),
        "Numeric" if value.parse::<f64>().is_err() => Some(("numbers", "\"3600\"")),
        "Date" if !is_time(value) => Some(("times", "\"2026-11-25T00:00:00Z\"")),
        "Ip" if !is_range(value) => Some(("ranges of addresses", "\"203.0.113.0/24\"")),
        "Arn" if value != "*" && !value.starts_with("arn:") => {
            Some(("ARNs", "\"arn:aws:kinesis:eu-west-1:123456789012:stream/clicks\""))
        }
        _ => None,
    }
}

/// ISO 8601, as a date or with a time, or seconds since 1970.
fn is_time(value: &str) -> bool {
    let digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    if value.parse::<f64>().is_ok() {
        return true;
    }
    let date = value.split('T').next().unwrap_or_default();
    let parts: Vec<&str> = date.split('-').collect();
    matches!(parts[..], [year, month, day] if digits(year, 4) && digits(month, 2) && digits(day, 2))
}

fn is_range(value: &str) -> bool {
    let (address, bits) = value.split_once('/').map_or((value, None), |(address, bits)| (address, Some(bits)));
    let most = match address.parse::<core::net::IpAddr>() {
        Ok(core::net::IpAddr::V4(_)) => 32,
        Ok(core::net::IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    bits.is_none_or(|bits| bits.parse::<u8>().is_ok_and(|bits| bits <= most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_are_taken_apart() {
        let parsed = Operator::parse("ForAnyValue:stringlikeIfExists").unwrap();
        assert_eq!((parsed.name, parsed.if_exists, parsed.quantifier), ("StringLike", true, Some("ForAnyValue")));
        assert_eq!(Operator::parse("StringEqual"), Err(Some("StringEquals")));
        assert_eq!(Operator::parse("NullIfExists"), Err(Some("Null")));
        assert_eq!(Operator::parse("xyz"), Err(None));
        assert_eq!(Operator::parse("NotIpAddress").unwrap().family(), "Ip");
    }

    #[test]
    fn values_fit_their_operators() {
        let misfit = |operator: &str, value: &str| misfit(&Operator::parse(operator).unwrap(), value).is_some();
        assert!(!misfit("Bool", "TRUE") && misfit("Bool", "yes"));
        assert!(
            !misfit("DateLessThan", "2026-11-25")
                && !misfit("DateLessThan", "1700000000")
                && misfit("DateLessThan", "25.11.")
        );
        assert!(
            !misfit("IpAddress", "10.0.0.0/8") && !misfit("IpAddress", "::1") && misfit("IpAddress", "10.0.0.0/33")
        );
        assert!(!misfit("ArnLike", "arn:aws:s3:::x") && misfit("ArnLike", "x"));
        assert!(!misfit("NumericEquals", "3") && misfit("NumericEquals", "three"));
    }
}
