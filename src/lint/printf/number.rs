//! Numbers as Go prints them.

use super::Spec;
use super::argument::escaped;

/// A whole number; none where the verb is not for one.
pub(super) fn whole(number: i128, verb: char, spec: &Spec) -> Option<String> {
    let size = number.unsigned_abs();
    let (digits, prefix) = match verb {
        'v' | 'd' => (size.to_string(), ""),
        'b' => (format!("{size:b}"), if spec.sharp { "0b" } else { "" }),
        'o' => (format!("{size:o}"), if spec.sharp && size != 0 { "0" } else { "" }),
        'O' => (format!("{size:o}"), "0o"),
        'x' => (format!("{size:x}"), if spec.sharp { "0x" } else { "" }),
        'X' => (format!("{size:X}"), if spec.sharp { "0X" } else { "" }),
        'c' => return Some(spec.padded(&character(number).to_string(), false)),
        'q' => {
            let shown = escaped(character(number), '\'', spec.plus);
            return Some(spec.padded(&format!("'{shown}'"), false));
        }
        'U' => {
            let plain = format!("U+{size:0width$X}", width = spec.precision.unwrap_or(0).max(4));
            let shown = format!("{plain} '{}'", character(number));
            return Some(spec.padded(if spec.sharp { &shown } else { &plain }, false));
        }
        _ => return None,
    };
    let sign = sign(number < 0, spec);
    // Nothing but blanks: Go's answer to no digits for nothing.
    if spec.precision == Some(0) && number == 0 {
        return Some(spec.padded("", false));
    }
    let least = match (spec.precision, spec.width) {
        (Some(precision), _) => precision,
        (None, Some(width)) if spec.zero && !spec.minus => width.saturating_sub(sign.len()),
        _ => 0,
    };
    let zeros = "0".repeat(least.saturating_sub(digits.len()));
    // An octal number that begins with a zero says already what it is.
    let prefix = if prefix == "0" && !zeros.is_empty() { "" } else { prefix };
    Some(spec.padded(&format!("{sign}{prefix}{zeros}{digits}"), false))
}

fn sign(is_negative: bool, spec: &Spec) -> &'static str {
    match (is_negative, spec.plus, spec.space) {
        (true, ..) => "-",
        (false, true, _) => "+",
        (false, false, true) => " ",
        (false, false, false) => "",
    }
}

fn character(number: i128) -> char {
    u32::try_from(number).ok().and_then(char::from_u32).unwrap_or('\u{FFFD}')
}

/// A fraction; none where the verb is not for one.
pub(super) fn fraction(number: f64, verb: char, spec: &Spec) -> Option<String> {
    let size = number.abs();
    let digits = match verb {
        'f' | 'F' => format!("{size:.*}", spec.precision.unwrap_or(6)),
        'e' | 'E' => exponential(&format!("{size:.*e}", spec.precision.unwrap_or(6))),
        'v' | 'g' | 'G' => shortest(size, spec.precision),
        _ => return None,
    };
    let digits = if matches!(verb, 'E' | 'G') { digits.to_uppercase() } else { digits };
    let sign = sign(number < 0.0, spec);
    if spec.zero && !spec.minus && !sign.is_empty() {
        let unsigned = Spec { width: spec.width.map(|width| width.saturating_sub(1)), ..*spec };
        return Some(format!("{sign}{}", unsigned.padded(&digits, true)));
    }
    Some(spec.padded(&format!("{sign}{digits}"), spec.zero))
}

/// Rust writes `1.5e7` where Go writes `1.5e+07`.
fn exponential(text: &str) -> String {
    let (digits, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
    format!("{digits}e{sign}{exponent:0>2}")
}

/// `%g`: as many digits as are needed, or as are asked for; very large and very small ones with an exponent.
fn shortest(size: f64, precision: Option<usize>) -> String {
    let text = match precision {
        Some(precision) => format!("{size:.*e}", precision.max(1) - 1),
        None => format!("{size:e}"),
    };
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let digits = if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits };
    let most = precision.map_or(6, |precision| i32::try_from(precision.max(1)).unwrap_or(i32::MAX));
    if exponent < -4 || exponent >= most {
        return exponential(&format!("{digits}e{exponent}"));
    }
    let places = digits.len().saturating_sub(if digits.contains('.') { 2 } else { 1 });
    let places = i32::try_from(places).unwrap_or(i32::MAX).saturating_sub(exponent);
    let exact: f64 = format!("{digits}e{exponent}").parse().unwrap_or(size);
    format!("{exact:.*}", usize::try_from(places).unwrap_or(0))
}
