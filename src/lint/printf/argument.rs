//! What is printed, and how each verb has it.

use regorus::Value;

use super::number::{fraction, whole};
use super::{LONGEST, Refused, Spec};

/// An argument as OPA hands it to Go.
#[derive(Clone, Debug, PartialEq)]
pub enum Argument {
    Whole(i128),
    /// A whole number that is longer, in decimal digits.
    Long(String),
    Fraction(f64),
    Text(String),
}

impl Argument {
    pub fn of(value: &Value) -> Result<Self, Refused> {
        Ok(match value {
            Value::Number(number) => match (number.as_i128(), number.as_f64()) {
                (Some(whole), _) => Self::Whole(whole),
                (None, _) if number.is_integer() => Self::Long(number.format_decimal()),
                (None, Some(fraction)) => Self::Fraction(fraction),
                (None, None) => Self::Text(number.format_decimal()),
            },
            Value::String(text) => Self::Text(text.to_string()),
            other => {
                let mut text = String::new();
                write(other, &mut text)?;
                Self::Text(text)
            }
        })
    }

    /// The name of its type in Go.
    pub fn sort(&self) -> &'static str {
        match self {
            Self::Whole(number) if i64::try_from(*number).is_ok() => "int",
            Self::Whole(_) | Self::Long(_) => "*big.Int",
            Self::Fraction(_) => "float64",
            Self::Text(_) => "string",
        }
    }

    pub(super) fn shown(&self, verb: char, spec: &Spec) -> String {
        // `%+v` shows the names of fields, which no argument has.
        let spec = &Spec { plus: spec.plus && verb != 'v', ..*spec };
        let shown = match (verb, self) {
            ('T', _) => text(self.sort(), 's', spec),
            (_, Self::Whole(number)) => whole(*number, verb, spec),
            (_, Self::Long(digits)) => matches!(verb, 'v' | 'd' | 's').then(|| spec.padded(digits, false)),
            (_, Self::Fraction(number)) => fraction(*number, verb, spec),
            (_, Self::Text(own)) => text(own, verb, spec),
        };
        // `%v` shows each sort, so this ends.
        shown.unwrap_or_else(|| {
            let sort = self.sort().trim_start_matches('*');
            format!("%!{verb}({sort}={})", self.shown('v', spec))
        })
    }
}

fn text(own: &str, verb: char, spec: &Spec) -> Option<String> {
    let cut: String = own.chars().take(spec.precision.unwrap_or(usize::MAX)).collect();
    let hex = |digit: fn(u8) -> String| {
        let bytes = &own.as_bytes()[..spec.precision.unwrap_or(usize::MAX).min(own.len())];
        let between = match (spec.space, spec.sharp) {
            (true, true) => format!(" 0{verb}"),
            (true, false) => " ".to_owned(),
            (false, _) => String::new(),
        };
        let before = if spec.sharp && !bytes.is_empty() { format!("0{verb}") } else { String::new() };
        before + &bytes.iter().map(|byte| digit(*byte)).collect::<Vec<_>>().join(&between)
    };
    Some(match verb {
        'v' if spec.sharp => spec.padded(&quoted(&cut, false), spec.zero),
        's' | 'v' => spec.padded(&cut, spec.zero),
        'q' if spec.sharp && !cut.contains('`') && !cut.chars().any(|c| c.is_control() && c != '\t') => {
            spec.padded(&format!("`{cut}`"), spec.zero)
        }
        'q' => spec.padded(&quoted(&cut, spec.plus), spec.zero),
        'x' => spec.padded(&hex(|byte| format!("{byte:02x}")), spec.zero),
        'X' => spec.padded(&hex(|byte| format!("{byte:02X}")), spec.zero),
        _ => return None,
    })
}

/// As Go writes a text in its source. `ascii`: nothing else.
pub(super) fn quoted(text: &str, ascii: bool) -> String {
    format!("\"{}\"", text.chars().map(|c| escaped(c, '"', ascii)).collect::<String>())
}

pub(super) fn escaped(c: char, quote: char, ascii: bool) -> String {
    match c {
        '\u{7}' => "\\a".into(),
        '\u{8}' => "\\b".into(),
        '\u{C}' => "\\f".into(),
        '\n' => "\\n".into(),
        '\r' => "\\r".into(),
        '\t' => "\\t".into(),
        '\u{B}' => "\\v".into(),
        '\\' => "\\\\".into(),
        c if c == quote => format!("\\{c}"),
        c if c < ' ' || c == '\u{7F}' => format!("\\x{:02x}", u32::from(c)),
        c if c > '\u{FFFF}' && (ascii || c.is_control()) => format!("\\U{:08x}", u32::from(c)),
        c if (ascii && !c.is_ascii()) || c.is_control() => format!("\\u{:04x}", u32::from(c)),
        c => c.into(),
    }
}

/// A value as OPA writes it. Parts that are shared within it are written each time, so that a small one can be long.
fn write(value: &Value, out: &mut String) -> Result<(), Refused> {
    if out.len() > LONGEST {
        return Err(Refused::TooLong);
    }
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(yes) => out.push_str(if *yes { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&number.format_decimal()),
        Value::String(text) => out.push_str(&quoted(text, false)),
        Value::Array(items) => listed(items.iter(), ("[", "]"), out)?,
        Value::Set(items) if items.is_empty() => out.push_str("set()"),
        Value::Set(items) => listed(items.iter(), ("{", "}"), out)?,
        Value::Object(fields) => {
            out.push('{');
            for (nth, (name, member)) in fields.iter_sorted().enumerate() {
                out.push_str(if nth == 0 { "" } else { ", " });
                write(name, out)?;
                out.push_str(": ");
                write(member, out)?;
            }
            out.push('}');
        }
        Value::Undefined => out.push_str("undefined"),
    }
    Ok(())
}

fn listed<'a>(
    items: impl Iterator<Item = &'a Value>,
    (open, close): (&str, &str),
    out: &mut String,
) -> Result<(), Refused> {
    out.push_str(open);
    for (nth, item) in items.enumerate() {
        out.push_str(if nth == 0 { "" } else { ", " });
        write(item, out)?;
    }
    out.push_str(close);
    Ok(())
}
