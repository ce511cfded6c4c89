//! Variables without quotes within `[…]` and `{…}`, where YAML sees the beginning of a mapping and the parser stops.
//! Each is told, and what follows is read as if it were quoted: one such mistake hides no other.

use std::ops::Range;

use super::source::Source;
use super::tree::cut;
use crate::model::{Path, Problem};

/// So many are read over in one file. Each costs a reading of what stands before it.
const MOST: usize = 16;

/// The bytes of the variable at whose brace the parser stopped, up to the end of its line if it does not close.
pub(super) fn at(source: &Source, offset: usize) -> Option<Range<usize>> {
    let rest = source.slice(&(offset..source.text.len()));
    if !source.slice(&(0..offset)).ends_with('$') || !rest.starts_with('{') {
        return None;
    }
    let end = rest.find(['}', '\n']).map_or(offset + 1, |end| offset + end + 1);
    Some(offset - 1..end)
}

pub(super) fn problem(source: &Source, path: Path, span: Range<usize>) -> Problem {
    let written = cut(source.slice(&span).trim_end());
    Problem::new("syntax", path, "within `[…]` and `{…}` a variable must be quoted")
        .help(format!("write \"{written}\""))
        .at(source.place(span))
}

/// A text in which some variables stand in round brackets, which YAML takes for text. Every byte stays where it is.
pub(super) struct Masked {
    pub text: String,
    spans: Vec<Range<usize>>,
}

impl Masked {
    pub fn new(source: &Source) -> Self {
        Self { text: source.text.to_string(), spans: Vec::new() }
    }

    /// Masks one variable; not if there are too many, or if it is none that could be read over.
    pub fn mask(&mut self, span: Range<usize>) -> bool {
        let name = self.text.get(span.clone()).and_then(|text| text.strip_prefix("${")?.strip_suffix('}'));
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-.:".contains(c);
        let Some(name) = name.filter(|name| name.chars().all(plain) && self.spans.len() < MOST) else { return false };
        let masked = format!("$({name})");
        self.text.replace_range(span.clone(), &masked);
        self.spans.push(span);
        true
    }

    /// A text of these bytes as it was written.
    pub fn written(&self, source: &Source, text: &str, bytes: &Range<usize>) -> Option<String> {
        let within = |span: &&Range<usize>| bytes.start <= span.start && span.end <= bytes.end;
        let mut spans = self.spans.iter().filter(within).peekable();
        spans.peek()?;
        Some(spans.fold(text.to_owned(), |text, span| text.replace(&self.text[span.clone()], source.slice(span))))
    }
}

#[cfg(test)]
mod tests {
    use crate::model::{Path, Problem};
    use crate::spec::{Document, NodeValue, Source};

    fn read(text: &str) -> (Option<Document>, Vec<Problem>) {
        Document::parse(Source::new("a.yaml", text).unwrap())
    }

    #[test]
    fn every_bare_variable_is_told_and_hides_nothing() {
        let text = "a: {b: ${var:X}, c: 1}\nd: [\"${env:Y}\", x-${env:Z}]\ne: 1\ne: 2\n";
        let (document, problems) = read(text);
        let told: Vec<_> = problems
            .iter()
            .map(|problem| {
                let place = problem.place.as_ref().unwrap();
                (problem.code, &text[place.start..place.end], problem.help.as_deref().unwrap())
            })
            .collect();
        assert_eq!(
            told,
            [
                ("syntax", "${var:X}", "write \"${var:X}\""),
                ("syntax", "${env:Z}", "write \"${env:Z}\""),
                ("duplicate-key", "e", "remove one of the two"),
            ]
        );
        let value = |path: Path| document.as_ref().unwrap().get(&path).unwrap().value.clone();
        assert_eq!(value(Path::of(["a", "b"])), NodeValue::Text("${var:X}".into()));
        assert_eq!(value(Path::of(["a", "c"])), NodeValue::Int(1));
        assert_eq!(value(Path::of(["d"]).index(1)), NodeValue::Text("x-${env:Z}".into()));
    }

    #[test]
    fn what_is_no_variable_or_one_too_many_ends_the_reading() {
        for broken in ["a: {b: ${var:X, c: 1}\n", "a: {b: ${}}}\n", "a: [${{ x }}]\n"] {
            assert!(read(broken).0.is_none(), "{broken}");
        }
        let (document, problems) = read(&"- [${var:X}]\n".repeat(100));
        assert!(document.is_none());
        assert_eq!(problems.len(), super::MOST + 1);
    }
}
