//! Built-in functions of the engine that make as much as they are asked for, past every time limit: they would take the
//! memory of the machine, or panic. Here they have a bound. And `sprintf`, which differs from OPA's.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::fmt;

use regorus::Value;
use serde::Serialize;

use super::older;
use super::printf::{self, Refused};

/// The most values that one call makes.
const MOST_MADE: u128 = 1_000_000;
/// The longest text that `concat` joins, in bytes: a long delimiter between many texts asks for their product at once.
const LONGEST: usize = 32 << 20;

/// The longest indentation and the longest prefix of `json.marshal_with_options`, in bytes: the engine asks at once for
/// the indentation times the depth of a value.
const LONGEST_INDENT: usize = 999;

/// A call that asks for more than [`MOST_MADE`], [`LONGEST`] or [`LONGEST_INDENT`].
#[derive(Debug, PartialEq, Eq)]
pub enum TooMany {
    Values(&'static str),
    /// A function, and its bound.
    Bytes(&'static str, usize),
    Indent,
    Wide,
}

impl fmt::Display for TooMany {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Values(function) => write!(f, "{function} makes at most {MOST_MADE} values"),
            Self::Bytes(function, most) => write!(f, "{function} makes a text of at most {} MiB", most >> 20),
            Self::Wide => write!(f, "a width or precision of sprintf is at most {}", printf::WIDEST),
            Self::Indent => {
                write!(
                    f,
                    "json.marshal_with_options takes an indentation and a prefix of at most {LONGEST_INDENT} bytes"
                )
            }
        }
    }
}

impl std::error::Error for TooMany {}

/// Puts the bounded functions in the place of the engine's own.
///
/// # Errors
/// The engine has functions of ours already.
pub fn add_to(engine: &mut regorus::Engine) -> Result<(), String> {
    let mut add = |name: &str, parameters: u8, function: fn(&[Value]) -> Result<Value, TooMany>| {
        let bounded = move |given: Vec<Value>| Ok(function(&given)?);
        engine.add_extension(name.to_owned(), parameters, Box::new(bounded)).map_err(|error| error.to_string())
    };
    add("numbers.range", 2, |given| range("numbers.range", &given[0], &given[1], 1))?;
    add("numbers.range_step", 3, |given| match given[2].as_i64() {
        Ok(step) if step > 0 => range("numbers.range_step", &given[0], &given[1], step),
        _ => Ok(Value::Undefined),
    })?;
    add("concat", 2, |given| joined(&given[0], &given[1]))?;
    add("any", 1, |given| Ok(older::any(&given[0])))?;
    add("all", 1, |given| Ok(older::all(&given[0])))?;
    add("re_match", 2, |given| Ok(older::re_match(&given[0], &given[1])))?;
    add("time.parse_duration_ns", 1, |given| Ok(older::duration(&given[0])))?;
    add("sprintf", 2, |given| formatted(&given[0], &given[1]))?;
    add("json.marshal_with_options", 2, |given| marshalled(&given[0], &given[1]))?;
    add("net.cidr_expand", 1, |given| given[0].as_string().map_or(Ok(Value::Undefined), |text| addresses(text)))
}

/// Whole numbers from one to another, upwards or downwards; undefined for others, as in OPA.
fn range(function: &'static str, from: &Value, to: &Value, step: i64) -> Result<Value, TooMany> {
    let (Ok(from), Ok(to)) = (from.as_i64(), to.as_i64()) else { return Ok(Value::Undefined) };
    let step = i128::from(step);
    let (from, to) = (i128::from(from), i128::from(to));
    if (to - from).unsigned_abs() / step.unsigned_abs() >= MOST_MADE {
        return Err(TooMany::Values(function));
    }
    let count = (to - from).abs() / step;
    let signed = if to < from { -step } else { step };
    let numbers = (0..=count).filter_map(|nth| i64::try_from(from + nth * signed).ok());
    Ok(Value::from(numbers.map(Value::from).collect::<Vec<_>>()))
}

/// Texts of a list or set in one, with a delimiter between them; undefined for others, as in the engine.
fn joined(delimiter: &Value, texts: &Value) -> Result<Value, TooMany> {
    let Ok(delimiter) = delimiter.as_string() else { return Ok(Value::Undefined) };
    let members: Option<Vec<&str>> = match texts {
        Value::Array(texts) => texts.iter().map(|text| text.as_string().ok().map(|text| &**text)).collect(),
        Value::Set(texts) => texts.iter().map(|text| text.as_string().ok().map(|text| &**text)).collect(),
        _ => None,
    };
    let Some(members) = members else { return Ok(Value::Undefined) };
    let between = delimiter.len().saturating_mul(members.len().saturating_sub(1));
    let length = members.iter().fold(between, |length, text| length.saturating_add(text.len()));
    if length > LONGEST {
        return Err(TooMany::Bytes("concat", LONGEST));
    }
    Ok(Value::from(members.join(delimiter)))
}

/// A value as JSON: in one line, or over several with an indentation for each level and a prefix for each line; undefined for
/// options that there are not. As in the engine, a tab indents where options name no indentation.
fn marshalled(value: &Value, options: &Value) -> Result<Value, TooMany> {
    let Ok(options) = options.as_object() else { return Ok(Value::Undefined) };
    let (mut pretty, mut indent, mut prefix) = (!options.is_empty(), "\t", "");
    for (option, wanted) in options {
        match (option.as_string().map_or("", |option| &**option), wanted) {
            ("pretty", Value::Bool(wanted)) => pretty = *wanted,
            ("indent", Value::String(wanted)) => indent = wanted,
            ("prefix", Value::String(wanted)) => prefix = wanted,
            _ => return Ok(Value::Undefined),
        }
    }
    if indent.len().max(prefix.len()) > LONGEST_INDENT {
        return Err(TooMany::Indent);
    }
    let mut text = Vec::new();
    let written = if pretty {
        let lines = serde_json::ser::PrettyFormatter::with_indent(indent.as_bytes());
        value.serialize(&mut serde_json::Serializer::with_formatter(&mut text, lines))
    } else {
        serde_json::to_writer(&mut text, value)
    };
    // JSON is UTF-8; what has no form in it, such as an undefined value, is undefined.
    let Some(text) = written.ok().and_then(|()| String::from_utf8(text).ok()) else { return Ok(Value::Undefined) };
    if !pretty || prefix.is_empty() {
        return Ok(Value::from(text));
    }
    let length = text.lines().count().saturating_mul(prefix.len()).saturating_add(text.len());
    if length > LONGEST {
        return Err(TooMany::Bytes("json.marshal_with_options", LONGEST));
    }
    // A line break inside a text is escaped in JSON.
    Ok(Value::from(prefix.to_owned() + &text.replace('\n', &format!("\n{prefix}"))))
}

/// Every address of a network, its own and that of the broadcast included; undefined where it is none.
fn addresses(network: &str) -> Result<Value, TooMany> {
    let Some((address, length)) = network.split_once('/') else { return Ok(Value::Undefined) };
    let (Ok(address), Ok(length)) = (address.parse::<IpAddr>(), length.parse::<u32>()) else {
        return Ok(Value::Undefined);
    };
    let bits: u32 = if address.is_ipv4() { 32 } else { 128 };
    let Some(free) = bits.checked_sub(length) else { return Ok(Value::Undefined) };
    let count = 1_u128.checked_shl(free).unwrap_or(u128::MAX);
    if count > MOST_MADE {
        return Err(TooMany::Values("net.cidr_expand"));
    }
    let number = match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    };
    let first = number & !(count - 1);
    let one = |number: u128| match u32::try_from(number) {
        Ok(number) if bits == 32 => Ipv4Addr::from(number).to_string(),
        _ => Ipv6Addr::from(number).to_string(),
    };
    Ok(Value::from((first..first + count).map(|number| Value::from(one(number))).collect::<Vec<_>>()))
}

/// A text by a format; undefined for what is no format or no list, as in OPA.
fn formatted(format: &Value, arguments: &Value) -> Result<Value, TooMany> {
    let (Ok(format), Ok(arguments)) = (format.as_string(), arguments.as_array()) else { return Ok(Value::Undefined) };
    printf::printed(format, arguments.iter()).map(Value::from).map_err(|refused| match refused {
        Refused::TooWide => TooMany::Wide,
        Refused::TooLong => TooMany::Bytes("sprintf", printf::LONGEST),
    })
}

/// What is wrong with the format of a `sprintf`.
pub fn wrong_format(format: &str) -> Option<String> {
    let mut rest = format;
    while let Some((_, behind)) = rest.split_once('%') {
        let flags = behind.len() - behind.trim_start_matches(['+', '-', '#', ' ', '0']).len();
        let width: String = behind[flags..].chars().take_while(char::is_ascii_digit).collect();
        let too_wide = width.parse::<usize>().map_or(!width.is_empty(), |width| width > printf::WIDEST);
        if too_wide {
            return Some(format!("a width of sprintf has at most three digits, and this is %{width}"));
        }
        rest = &behind[flags + width.len()..];
        rest = rest.strip_prefix('%').unwrap_or(rest);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(expression: &str) -> String {
        let mut engine = regorus::Engine::new();
        engine.set_strict_builtin_errors(false);
        add_to(&mut engine).unwrap();
        engine.add_policy("x.rego".into(), format!("package x\np := {expression}\n")).unwrap();
        engine.eval_rule("data.x.p".into()).map_or_else(|error| error.to_string(), |value| value.to_string())
    }

    #[test]
    fn what_is_made_is_what_the_engine_makes() {
        for expression in [
            "numbers.range(1, 5)",
            "numbers.range(5, 1)",
            "numbers.range(-2, -2)",
            "numbers.range_step(0, 10, 3)",
            "numbers.range_step(10, 0, 5)",
            "net.cidr_expand(\"192.168.1.77/30\")",
            "net.cidr_expand(\"10.0.0.1/32\")",
            "net.cidr_expand(\"10.0.0.1/31\")",
            "net.cidr_expand(\"2001:db8::/126\")",
            "concat(\", \", [\"b\", \"\", \"a\"])",
            "concat(\"-\", {\"b\", \"a\"})",
            "concat(\"-\", [])",
            "json.marshal_with_options({\"a\": [1, {\"b\": \"x\\ny\"}], \"c\": {}}, {\"indent\": \"  \", \"prefix\": \"> \"})",
            "json.marshal_with_options([[], [1.5, null]], {\"prefix\": \"#\"})",
            "json.marshal_with_options({\"a\": {2, 1}}, {\"pretty\": true})",
            "json.marshal_with_options({\"a\": 1}, {\"pretty\": false, \"indent\": \"-\"})",
            "json.marshal_with_options({\"a\": 1}, {})",
        ] {
            let mut engine = regorus::Engine::new();
            engine.add_policy("x.rego".into(), format!("package x\np := {expression}\n")).unwrap();
            assert_eq!(asked(expression), engine.eval_rule("data.x.p".into()).unwrap().to_string(), "{expression}");
        }
    }

    #[test]
    fn what_would_take_all_memory_is_an_error_of_the_policy() {
        for expression in [
            "numbers.range(1, 1000000000000)",
            "numbers.range(-9223372036854775807, 9223372036854775807)",
            "numbers.range_step(0, 100000000, 2)",
            "net.cidr_expand(\"0.0.0.0/0\")",
            "net.cidr_expand(\"::/0\")",
        ] {
            assert!(asked(expression).contains("makes at most 1000000 values"), "{expression}");
        }
        let long = "concat(\"\", [x | some _ in numbers.range(1, 4000); x := \"0123456789\"])";
        assert!(asked(&format!("concat({long}, split({long}, \"\"))")).contains("makes a text of at most 32 MiB"));
        let wide = "concat(\"\", [x | some _ in numbers.range(1, 1000); x := \" \"])";
        for option in ["indent", "prefix"] {
            let call = format!("json.marshal_with_options([[1]], {{\"{option}\": {wide}}})");
            assert!(asked(&call).contains("at most 999 bytes"), "{option}");
        }
        for expression in ["concat(1, [])", "concat(\"\", [1])", "concat(\"\", \"a\")"] {
            assert_eq!(asked(expression), "\"<undefined>\"", "{expression}");
        }
        // In the engine the first of them divides by zero.
        for expression in ["numbers.range_step(0, 10, 0)", "numbers.range(1, 1.5)", "net.cidr_expand(\"x/8\")"] {
            assert_eq!(asked(expression), "\"<undefined>\"", "{expression}");
        }
        assert_eq!(asked("net.cidr_expand(\"10.0.0.0/33\")"), "\"<undefined>\"");
    }

    #[test]
    fn formats_are_not_wider_than_a_line() {
        for fine in ["", "%", "100 %", "%d of %5d", "%%99999d", "%.3f %010d"] {
            assert_eq!(wrong_format(fine), None, "{fine}");
        }
        for wrong in ["%2000000000d", "a %99999999999999999999d", "%-1000d", "%%%1000s"] {
            assert!(wrong_format(wrong).is_some(), "{wrong}");
        }
    }
}
