use std::ops::Range;
use std::sync::Arc;

use crate::model::{Path, Place, Problem};

/// The largest file that is read. A pipeline of 2,000 streams has about 150 KB.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;

/// The text of one file, without a byte order mark. All offsets count bytes of `text`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The file's name as the user typed it.
    pub name: Arc<str>,
    pub text: Arc<str>,
    /// A file of values for variables: any of them may be a secret, and none is shown.
    pub confidential: bool,
    /// A byte order mark stood before the text: whoever writes the file anew puts it back.
    pub marked: bool,
}

impl Source {
    /// Text that is known to be UTF-8, with the same cap and the same rules as [`Source::from_bytes`].
    pub fn new(name: impl Into<Arc<str>>, text: &str) -> Result<Self, Problem> {
        Self::from_bytes(name, text.as_bytes())
    }

    /// Accepts UTF-8 up to [`MAX_BYTES`], without NUL characters.
    pub fn from_bytes(name: impl Into<Arc<str>>, bytes: &[u8]) -> Result<Self, Problem> {
        let name = name.into();
        if bytes.len() > MAX_BYTES {
            let message = format!("the file has more than {MAX_BYTES} bytes, the most that is read");
            return Err(Problem::new("too-large", Path::root(), message)
                .help("split it into several pipelines, each with a file of its own")
                .at(Place::new(&name, 0..0)));
        }
        let unmarked = bytes.strip_prefix(b"\xEF\xBB\xBF");
        let (bytes, marked) = (unmarked.unwrap_or(bytes), unmarked.is_some());
        let (text, broken) = match std::str::from_utf8(bytes) {
            Ok(text) => (text, None),
            Err(error) => (valid_part(bytes, error.valid_up_to()), Some(error.valid_up_to())),
        };
        let source = Self { name, text: text.into(), confidential: false, marked };
        if let Some(offset) = broken {
            let byte = bytes.get(offset).copied().unwrap_or_default();
            let (line, column) = source.line_col(offset);
            let message =
                format!("the file is not UTF-8: byte 0x{byte:02X} at offset {offset} (line {line}, column {column})");
            return Err(Problem::new("not-utf8", Path::root(), message)
                .help("save the file as UTF-8")
                .at(source.place(offset..offset)));
        }
        if let Some(offset) = source.text.find('\0') {
            let (line, column) = source.line_col(offset);
            let message = format!("the file holds a NUL character (line {line}, column {column})");
            return Err(Problem::new("nul-character", Path::root(), message)
                .help("YAML is text; is this a binary file, or UTF-16? Save it as UTF-8")
                .at(source.place(offset..offset + 1)));
        }
        Ok(source)
    }

    /// As much of a file as is text, to show where it is none.
    pub fn readable(name: impl Into<Arc<str>>, bytes: &[u8]) -> Self {
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        let bytes = &bytes[..bytes.len().min(MAX_BYTES)];
        let text = std::str::from_utf8(bytes).unwrap_or_else(|error| valid_part(bytes, error.valid_up_to()));
        Self { name: name.into(), text: text.into(), confidential: false, marked: false }
    }

    /// The text as it stands in the file, with its byte order mark.
    pub fn whole(&self) -> String {
        format!("{}{}", if self.marked { "\u{FEFF}" } else { "" }, self.text)
    }

    /// Line and column of an offset, both from 1, the column in characters. Offsets behind the end count as the end.
    pub fn line_col(&self, offset: usize) -> (usize, usize) {
        let before = &self.text[..self.floor(offset)];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        (line, before[line_start..].chars().count() + 1)
    }

    /// A place in this file; the range is clipped to whole characters of the text.
    pub fn place(&self, span: Range<usize>) -> Place {
        let start = self.floor(span.start);
        let end = self.floor(span.end).max(start);
        Place::new(&self.name, start..end)
    }

    /// The text of a range, clipped like [`Source::place`].
    pub fn slice(&self, span: &Range<usize>) -> &str {
        let start = self.floor(span.start);
        &self.text[start..self.floor(span.end).max(start)]
    }

    /// The nearest character boundary at or before `offset`.
    fn floor(&self, offset: usize) -> usize {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    }
}

fn valid_part(bytes: &[u8], length: usize) -> &str {
    bytes.get(..length).and_then(|valid| std::str::from_utf8(valid).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_characters() {
        let source = Source::new("a.yaml", "aé: 1\r\n  b: 2").unwrap();
        assert_eq!(source.line_col(0), (1, 1));
        assert_eq!(source.line_col(3), (1, 3), "é has two bytes and is one character");
        assert_eq!(source.line_col(2), (1, 2), "the middle of é is é");
        assert_eq!(source.line_col(10), (2, 3));
        assert_eq!(source.line_col(999), (2, 7));
    }

    #[test]
    fn a_byte_order_mark_is_no_text() {
        let marked = Source::from_bytes("a.yaml", b"\xEF\xBB\xBFa: 1").unwrap();
        assert_eq!((&*marked.text, marked.whole().as_str()), ("a: 1", "\u{FEFF}a: 1"));
    }

    #[test]
    fn what_is_no_text_is_refused_with_a_place() {
        let refuse = |bytes: &[u8]| Source::from_bytes("a.yaml", bytes).unwrap_err();
        let latin = refuse(b"a: 1\nb: \xE9t\xE9");
        assert_eq!(latin.message, "the file is not UTF-8: byte 0xE9 at offset 8 (line 2, column 4)");
        assert_eq!(latin.place.unwrap().start, 8);
        assert_eq!(refuse(b"a: \xED\xA0\x80").code, "not-utf8", "a lone surrogate");
        assert_eq!(refuse(b"a\0b").message, "the file holds a NUL character (line 1, column 2)");
        assert_eq!(refuse(&vec![b' '; MAX_BYTES + 1]).code, "too-large");
    }
}
