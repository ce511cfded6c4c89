//! A unified diff of two texts.

/// Lines around a change.
const CONTEXT: usize = 3;
/// Above this many pairs of lines the middle is told as one change; comparing them would take too long.
const MOST_PAIRS: usize = 16_000_000;

enum Line<'a> {
    Same(&'a str),
    Gone(&'a str),
    New(&'a str),
}

/// The change of a file, as `patch` and `git apply` read it. Empty if nothing differs.
pub fn unified(name: &str, before: &str, after: &str) -> String {
    if before == after {
        return String::new();
    }
    let lines =
        compare(&before.split_inclusive('\n').collect::<Vec<_>>(), &after.split_inclusive('\n').collect::<Vec<_>>());
    let name = super::slashes(name);
    let mut text = format!("--- a/{name}\n+++ b/{name}\n");
    let changed: Vec<usize> =
        lines.iter().enumerate().filter(|(_, line)| !matches!(line, Line::Same(_))).map(|(at, _)| at).collect();
    let mut rest = changed.as_slice();
    while let Some(first) = rest.first() {
        let count = rest.windows(2).take_while(|pair| pair[1] - pair[0] <= CONTEXT * 2).count() + 1;
        let (start, end) = (first.saturating_sub(CONTEXT), (rest[count - 1] + CONTEXT + 1).min(lines.len()));
        text.push_str(&hunk(&lines, start, end));
        rest = &rest[count..];
    }
    text
}

fn hunk(lines: &[Line], start: usize, end: usize) -> String {
    let old = |lines: &[Line]| lines.iter().filter(|line| !matches!(line, Line::New(_))).count();
    let new = |lines: &[Line]| lines.iter().filter(|line| !matches!(line, Line::Gone(_))).count();
    let (above, inside) = (&lines[..start], &lines[start..end]);
    let mut text = format!("@@ -{},{} +{},{} @@\n", old(above) + 1, old(inside), new(above) + 1, new(inside));
    for line in inside {
        let (sign, line) = match line {
            Line::Same(line) => (' ', line),
            Line::Gone(line) => ('-', line),
            Line::New(line) => ('+', line),
        };
        text.push(sign);
        text.push_str(line);
        if !line.ends_with('\n') {
            text.push_str("\n\\ No newline at end of file\n");
        }
    }
    text
}

fn compare<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Line<'a>> {
    let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let tail = old[head..].iter().rev().zip(new[head..].iter().rev()).take_while(|(a, b)| a == b).count();
    let (before, after) = (&old[head..old.len() - tail], &new[head..new.len() - tail]);
    let mut lines: Vec<Line> = old[..head].iter().map(|line| Line::Same(line)).collect();
    if before.len().saturating_mul(after.len()) > MOST_PAIRS {
        lines.extend(before.iter().map(|line| Line::Gone(line)));
        lines.extend(after.iter().map(|line| Line::New(line)));
    } else {
        lines.extend(longest_common(before, after));
    }
    lines.extend(old[old.len() - tail..].iter().map(|line| Line::Same(line)));
    lines
}

/// The shortest change by the longest common subsequence.
fn longest_common<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Line<'a>> {
    let width = new.len() + 1;
    let mut table = vec![0_u32; (old.len() + 1) * width];
    for a in (0..old.len()).rev() {
        for b in (0..new.len()).rev() {
            table[a * width + b] = match old[a] == new[b] {
                true => table[(a + 1) * width + b + 1] + 1,
                false => table[(a + 1) * width + b].max(table[a * width + b + 1]),
            };
        }
    }
    let (mut a, mut b) = (0, 0);
    let mut lines = Vec::new();
    while a < old.len() || b < new.len() {
        if a < old.len() && b < new.len() && old[a] == new[b] {
            lines.push(Line::Same(old[a]));
            (a, b) = (a + 1, b + 1);
        } else if a < old.len() && (b == new.len() || table[(a + 1) * width + b] >= table[a * width + b + 1]) {
            lines.push(Line::Gone(old[a]));
            a += 1;
        } else {
            lines.push(Line::New(new[b]));
            b += 1;
        }
    }
    lines
}
