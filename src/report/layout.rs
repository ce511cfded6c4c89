//! Lines of coloured words, wrapped to a width. Escape codes stand between words and never count.

use anstyle::{AnsiColor, Style as Paint};

pub(super) const PLAIN: Paint = Paint::new();
pub(super) const BOLD: Paint = Paint::new().bold();
pub(super) const DIM: Paint = Paint::new().dimmed();
pub(super) const GREEN: Paint = AnsiColor::Green.on_default();
pub(super) const YELLOW: Paint = AnsiColor::Yellow.on_default();
pub(super) const RED: Paint = AnsiColor::Red.on_default();
pub(super) const CYAN: Paint = AnsiColor::Cyan.on_default();

/// A space at which no line ends.
pub(super) const GLUE: char = '\u{a0}';
/// Narrower than this nothing can be read, so lines grow beyond the terminal instead.
const NARROWEST: usize = 20;

/// How a report looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Write ANSI colours. Symbols are readable without.
    pub color: bool,
    /// Columns of the terminal.
    pub width: usize,
}

impl Default for Style {
    fn default() -> Self {
        Self { color: false, width: 80 }
    }
}

/// Text under construction.
pub(super) struct Page {
    style: Style,
    text: String,
}

impl Page {
    pub fn new(style: &Style) -> Self {
        Self { style: Style { width: style.width.max(NARROWEST), ..*style }, text: String::new() }
    }

    pub fn finish(self) -> String {
        self.text
    }

    /// An empty line, except at the top and after another.
    pub fn gap(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// Writes pieces as one paragraph: the first line begins at `indent`, the others at `hang`.
    /// A word longer than a line is kept whole, so that an ARN can be copied.
    pub fn line(&mut self, indent: usize, hang: usize, pieces: &[(Paint, &str)]) {
        let hang = hang.min(self.style.width / 2);
        let mut column = indent;
        let mut fresh = true;
        self.text.extend(std::iter::repeat_n(' ', indent));
        for (spaces, word) in words(pieces) {
            let length: usize = word.iter().map(|(_, text)| text.chars().count()).sum();
            if !fresh && column + spaces + length > self.style.width {
                self.text.push('\n');
                self.text.extend(std::iter::repeat_n(' ', hang));
                column = hang;
            } else {
                self.text.extend(std::iter::repeat_n(' ', spaces));
                column += spaces;
            }
            fresh = false;
            column += length;
            for (paint, text) in word {
                self.paint(paint, text);
            }
        }
        self.text.push('\n');
    }

    fn paint(&mut self, paint: Paint, text: &str) {
        let text = text.replace(GLUE, " ");
        if self.style.color && paint != PLAIN {
            self.text.push_str(&format!("{paint}{text}{paint:#}"));
        } else {
            self.text.push_str(&text);
        }
    }
}

type Word<'a> = Vec<(Paint, &'a str)>;

/// Words with the number of spaces before them; pieces that touch are one word.
fn words<'a>(pieces: &[(Paint, &'a str)]) -> Vec<(usize, Word<'a>)> {
    let mut words: Vec<(usize, Word<'a>)> = Vec::new();
    let mut spaces = 0;
    let mut open = false;
    for (paint, text) in pieces {
        for (at, part) in text.split(' ').enumerate() {
            if at > 0 {
                spaces += 1;
                open = false;
            }
            if part.is_empty() {
                continue;
            }
            match words.last_mut() {
                Some((_, word)) if open => word.push((*paint, part)),
                _ => words.push((spaces, vec![(*paint, part)])),
            }
            (spaces, open) = (0, true);
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_wrap_between_words_and_colours_do_not_count() {
        let write = |color| {
            let mut page = Page::new(&Style { color, width: 20 });
            page.line(2, 4, &[(RED, "red red"), (PLAIN, ": glued, arn:aws:kinesis:eu-west-1:1:stream/x end")]);
            page.finish()
        };
        let plain = "  red red: glued,\n    arn:aws:kinesis:eu-west-1:1:stream/x\n    end\n";
        assert_eq!(write(false), plain);
        assert!(write(true).contains("\u{1b}[31mred\u{1b}[0m"));
        assert_eq!(anstream::adapter::strip_str(&write(true)).to_string(), plain);
    }
}
