use std::ops::Range;

use crate::model::{Place, secret};
use crate::spec::Source;

/// Places further apart than this are shown apart.
const NEAR_LINES: usize = 100;
/// Messages quote the user, who may have written a megabyte.
const MAX_MESSAGE: usize = 1_000;

/// Some lines of a file that a terminal can show: no control characters, no line much longer than the screen.
pub(super) struct Excerpt {
    pub text: String,
    pub first_line: usize,
    /// The asked spans as bytes of `text`, each ending on the line where it begins.
    pub spans: Vec<Range<usize>>,
    /// The columns of `text` are not those of the file: something is cut off or escaped before a span.
    pub shifted: bool,
}

/// Text of the user for a terminal: control characters and those that turn the direction of writing are escaped.
pub(super) fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len().min(MAX_MESSAGE));
    for (count, c) in text.chars().enumerate() {
        if count == MAX_MESSAGE {
            cleaned.push('…');
            break;
        }
        push_clean(&mut cleaned, if c == '\t' { ' ' } else { c });
    }
    cleaned
}

fn push_clean(text: &mut String, c: char) {
    match c {
        _ if (c.is_control() && c != '\t')
            || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}') =>
        {
            text.extend(c.escape_default());
        }
        _ => text.push(c),
    }
}

pub(super) fn are_near(source: &Source, one: &Place, other: &Place) -> bool {
    let between = one.start.min(other.start)..one.start.max(other.start);
    source.slice(&between).bytes().filter(|byte| *byte == b'\n').take(NEAR_LINES).count() < NEAR_LINES
}

/// An access key is written as two parts: where its id stands, what has the form of the other is that.
fn beside_keys(lines: &str) -> Vec<Range<usize>> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
    let mut words = Vec::new();
    let mut start = 0;
    for (end, _) in lines.match_indices(|c: char| !is_part(c)).chain([(lines.len(), "")]) {
        words.push(start..end);
        start = end + lines[end..].chars().next().map_or(0, char::len_utf8);
    }
    let is_id =
        |word: &Range<usize>| word.len() == 20 && ["AKIA", "ASIA"].contains(&&lines[word.start..word.start + 4]);
    if !words.iter().any(is_id) {
        return Vec::new();
    }
    // With the name before it, as in `key=wJalr…`.
    words.into_iter().filter(|word| word.len() >= 40).collect()
}

/// Where secrets stand in the lines from one byte of a file to another; of a file of values, all that is no name.
fn secrets(source: &Source, first: usize, last: usize) -> Vec<Range<usize>> {
    let end = source.text[last..].find('\n').map_or(source.text.len(), |length| last + length);
    let lines = &source.text[first..end];
    if !source.confidential {
        let found = secret::in_file(lines).into_iter().chain(beside_keys(lines));
        return found.map(|range| first + range.start..first + range.end).collect();
    }
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let mut at = first;
    lines
        .split_inclusive('\n')
        .map(|line| {
            let named = line.find(|c| !is_name(c)).filter(|end| *end > 0 && line[*end..].starts_with([':', '=']));
            let value = at + named.map_or(0, |end| end + 1);
            at += line.len();
            value..at
        })
        .collect()
}

/// Cuts the lines of the spans, and those between, out of a file. Stars stand for secrets, and for what else is `hidden`.
pub(super) fn cut_out(source: &Source, spans: &[Range<usize>], width: usize, hidden: &[Range<usize>]) -> Excerpt {
    let starts: Vec<_> = spans.iter().map(|span| source.place(span.clone()).start).collect();
    let line_start = |at: usize| source.slice(&(0..at)).rfind('\n').map_or(0, |newline| newline + 1);
    let first = starts.iter().min().map_or(0, |start| line_start(*start));
    let last = starts.iter().max().copied().unwrap_or(first);
    let mut excerpt = Excerpt {
        text: String::new(),
        first_line: source.line_col(first).0,
        spans: vec![0..0; spans.len()],
        shifted: false,
    };
    let mut secrets = secrets(source, first, last);
    secrets.extend(hidden.iter().filter(|range| range.end > first).cloned());
    let mut at = first;
    for line in source.text[first..].split('\n') {
        let line_end = at + line.len();
        let inside: Vec<_> = (0..spans.len()).filter(|nth| (at..=line_end).contains(&starts[*nth])).collect();
        let line_text = line.strip_suffix('\r').unwrap_or(line);
        let window = window(line_text, inside.first().map_or(0, |nth| starts[*nth] - at), width);
        copy(line_text, at, &window, &inside, (spans, &secrets), &mut excerpt);
        at = line_end + 1;
        if at > last {
            break;
        }
        excerpt.text.push('\n');
    }
    excerpt
}

/// The part of a long line around a byte of it.
fn window(line: &str, around: usize, width: usize) -> Range<usize> {
    let most = width.max(40) * 2;
    if line.len() <= most {
        return 0..line.len();
    }
    let floor = |mut at: usize| {
        at = at.min(line.len());
        while !line.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = floor(around.saturating_sub(most / 4));
    start..floor(start + most)
}

/// Appends a line, and says for each span that begins in it which bytes it has become.
fn copy(
    line: &str,
    line_at: usize,
    window: &Range<usize>,
    inside: &[usize],
    (asked, secrets): (&[Range<usize>], &[Range<usize>]),
    excerpt: &mut Excerpt,
) {
    let line_start = excerpt.text.len();
    if window.start > 0 {
        excerpt.text.push('…');
    }
    let end = window.end.min(line.len());
    // Pairs of a character's byte in the file and its byte in the excerpt.
    let mut moved = Vec::new();
    for (offset, c) in line[window.start..end].char_indices() {
        let at = line_at + window.start + offset;
        moved.push((at, excerpt.text.len()));
        let is_secret = !c.is_whitespace() && secrets.iter().any(|secret| secret.contains(&at));
        push_clean(&mut excerpt.text, if is_secret { '*' } else { c });
    }
    let line_end = excerpt.text.len();
    let shown = |at: usize| moved.iter().find(|(original, _)| *original >= at).map_or(line_end, |(_, shown)| *shown);
    for nth in inside {
        let start = shown(asked[*nth].start);
        let columns = line.get(..asked[*nth].start.saturating_sub(line_at)).unwrap_or(line).chars().count();
        excerpt.shifted |= columns != excerpt.text[line_start..start].chars().count();
        excerpt.spans[*nth] = start..shown(asked[*nth].end).max(start);
    }
    if line.len() > end {
        excerpt.text.push('…');
    }
}
