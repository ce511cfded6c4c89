//! Prometheus's text format, version 0.0.4: families of samples with their help and type.

use std::fmt::Write;

/// How a value behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// Only rises while the process lives.
    Counter,
    Gauge,
    Histogram,
}

impl Behaviour {
    fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// An exposition that grows family by family.
#[derive(Clone, Debug, Default)]
pub struct Exposition {
    text: String,
}

impl Exposition {
    /// Begins a family. Its samples follow it and nothing else does, as the format asks.
    pub fn family(&mut self, name: &str, behaviour: Behaviour, help: &str) {
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {}", behaviour.word());
    }

    /// One sample. Labels are told in this order.
    pub fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.text.push_str(name);
        for (at, (label, text)) in labels.iter().enumerate() {
            let _ = write!(self.text, "{}{label}=\"{}\"", if at == 0 { '{' } else { ',' }, escaped(text));
        }
        let _ = writeln!(self.text, "{} {}", if labels.is_empty() { "" } else { "}" }, number(value));
    }

    /// A family with one sample without labels.
    pub fn single(&mut self, name: &str, behaviour: Behaviour, help: &str, value: f64) {
        self.family(name, behaviour, help);
        self.sample(name, &[], value);
    }

    pub fn finish(self) -> String {
        self.text
    }
}

/// A label's text: the format knows three escapes.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// The shortest text that reads back as the same number.
fn number(value: f64) -> String {
    match value {
        _ if value.is_nan() => "NaN".into(),
        f64::INFINITY => "+Inf".into(),
        f64::NEG_INFINITY => "-Inf".into(),
        _ => format!("{value}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped_and_numbers_read_back() {
        let mut found = Exposition::default();
        found.family("a_ratio", Behaviour::Gauge, "A back\\slash\nand a line.");
        found.sample("a_ratio", &[("x", "a\"b\\c\nd"), ("y", "é")], 0.1 + 0.2);
        found.sample("a_ratio", &[], f64::INFINITY);
        found.single("b_total", Behaviour::Counter, "B.", 3.0);
        assert_eq!(
            found.finish(),
            "# HELP a_ratio A back\\\\slash\\nand a line.\n# TYPE a_ratio gauge\n\
             a_ratio{x=\"a\\\"b\\\\c\\nd\",y=\"é\"} 0.30000000000000004\na_ratio +Inf\n\
             # HELP b_total B.\n# TYPE b_total counter\nb_total 3\n"
        );
    }
}
