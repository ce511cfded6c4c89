//! Reads `# tidegate: ignore[rule] reason="…" until=2027-01-31` out of the comments of a spec.

use std::ops::Range;

use jiff::civil::Date;

use crate::spec::{Document, Node, NodeValue};

/// A comment that speaks to lint.
#[derive(Clone, Debug, PartialEq)]
pub struct Comment {
    /// Bytes of the comment, from `#` on.
    pub span: Range<usize>,
    /// What it says, or what is wrong with it.
    pub says: Result<Ignore, String>,
    /// Bytes of what it covers.
    pub covers: Range<usize>,
}

/// What is silenced, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ignore {
    pub rules: Vec<String>,
    pub whole_file: bool,
    pub reason: String,
    /// The last day on which it holds.
    pub until: Option<Date>,
    pub owner: Option<String>,
}

/// Every comment that speaks to lint, in the order of the file.
pub fn all(document: &Document) -> Vec<Comment> {
    let text = &*document.source.text;
    if !text.contains("tidegate:") {
        return Vec::new();
    }
    let scalars = scalars(&document.root);
    let content = first_content(text);
    let mut found = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let hash = line.match_indices('#').map(|(at, _)| start + at).find(|at| {
            let before = text[..*at].chars().next_back();
            before.is_none_or(char::is_whitespace) && !is_inside(&scalars, *at)
        });
        if let Some(hash) = hash {
            let end = start + line.trim_end().len();
            let body = text[hash..end].trim_start_matches('#').trim();
            if let Some(said) = body.strip_prefix("tidegate:") {
                let mut says = parse(said.trim());
                if says.as_ref().is_ok_and(|says| says.whole_file) && hash > content {
                    says = Err("`ignore-file` stands at the top of the file, before the first field".into());
                }
                let covers = match &says {
                    Ok(says) if says.whole_file => 0..text.len(),
                    _ => covered(document, start, hash),
                };
                found.push(Comment { span: hash..end, says, covers });
            }
        }
        start += line.len();
    }
    found
}

/// Bytes of all texts, in which a `#` begins no comment; sorted.
fn scalars(root: &Node) -> Vec<Range<usize>> {
    fn walk(node: &Node, found: &mut Vec<Range<usize>>) {
        match &node.value {
            NodeValue::Seq(items) => items.iter().for_each(|item| walk(item, found)),
            NodeValue::Map(entries) => entries.iter().for_each(|entry| {
                found.push(entry.key_span.clone());
                walk(&entry.value, found);
            }),
            _ => found.push(node.span.clone()),
        }
    }
    let mut found = Vec::new();
    walk(root, &mut found);
    found.sort_by_key(|span| span.start);
    found
}

fn is_inside(spans: &[Range<usize>], at: usize) -> bool {
    let after = spans.partition_point(|span| span.start <= at);
    // Texts do not lie within one another, but an alias repeats the bytes of another place.
    spans[..after].iter().rev().take(4).any(|span| span.contains(&at))
}

/// Where the first line begins that is neither empty nor a comment.
fn first_content(text: &str) -> usize {
    let is_content =
        |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with('#') && line.trim() != "---";
    let before = text.split_inclusive('\n').take_while(|line| !is_content(line));
    before.map(str::len).sum()
}

/// The line of the comment, or the one below if the comment stands alone, with the block that begins there.
fn covered(document: &Document, line_start: usize, hash: usize) -> Range<usize> {
    let text = &*document.source.text;
    let is_alone = text[line_start..hash].trim().is_empty();
    let mut start = line_start;
    if is_alone {
        for line in text[line_start..].split_inclusive('\n') {
            let trimmed = line.trim();
            if !trimmed.is_empty() && !trimmed.starts_with('#') {
                break;
            }
            start += line.len();
        }
    }
    let end = start + text[start..].find('\n').unwrap_or(text.len() - start);
    start..block_end(&document.root, &(start..end)).unwrap_or(end).max(end)
}

/// The end of the outermost block that begins within a line.
fn block_end(node: &Node, line: &Range<usize>) -> Option<usize> {
    match &node.value {
        NodeValue::Map(entries) => entries.iter().find_map(|entry| {
            if line.contains(&entry.key_span.start) {
                return Some(end_of(&entry.value).max(entry.key_span.end));
            }
            block_end(&entry.value, line)
        }),
        NodeValue::Seq(items) => items
            .iter()
            .find_map(|item| if line.contains(&item.span.start) { Some(end_of(item)) } else { block_end(item, line) }),
        _ => None,
    }
}

/// The last byte of what lies in a node; what an alias repeats does not lie there.
fn end_of(node: &Node) -> usize {
    node.span.end
}

/// `ignore[a, b] reason="…" until=… owner=…`, or the same with `ignore-file`.
pub fn parse(text: &str) -> Result<Ignore, String> {
    let form = "write `# tidegate: ignore[RULE] reason=\"why\"`, with `until=YYYY-MM-DD` if it is to end";
    let wrong = |what: String| Err(format!("{what}; {form}"));
    let (word, rest) = text.split_at(text.find(['[', ' ']).unwrap_or(text.len()));
    let whole_file = match word {
        "ignore" => false,
        "ignore-file" => true,
        other => return wrong(format!("`{}` is not understood", other.chars().take(40).collect::<String>())),
    };
    let Some((rules, mut rest)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) else {
        return wrong("no rule is named in brackets".into());
    };
    let rules: Vec<String> =
        rules.split(',').map(|rule| rule.trim().to_owned()).filter(|rule| !rule.is_empty()).collect();
    if rules.is_empty() {
        return wrong("no rule is named in brackets".into());
    }
    let mut ignore = Ignore { rules, whole_file, ..Ignore::default() };
    while !rest.trim().is_empty() {
        let Some((name, after)) = rest.trim_start().split_once('=') else {
            return wrong(format!("`{}` is not understood", rest.trim().chars().take(40).collect::<String>()));
        };
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => match quoted.split_once('"') {
                Some(split) => split,
                None => return wrong(format!("the text of `{}` does not end", name.trim())),
            },
            None => after.split_at(after.find(char::is_whitespace).unwrap_or(after.len())),
        };
        match name.trim() {
            "reason" => ignore.reason = value.trim().to_owned(),
            "owner" => ignore.owner = Some(value.to_owned()),
            "until" => match value.parse() {
                Ok(date) => ignore.until = Some(date),
                Err(_) => return wrong(format!("`{}` is no date", value.chars().take(40).collect::<String>())),
            },
            other => return wrong(format!("`{}` is not understood", other.chars().take(40).collect::<String>())),
        }
        rest = after;
    }
    Ok(ignore)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Source;

    #[test]
    fn comments_are_read() {
        let read = parse("ignore[a, b] reason=\"it is so\" until=2027-01-31 owner=ada").unwrap();
        assert_eq!(
            (read.rules.as_slice(), read.reason.as_str()),
            (["a".to_owned(), "b".to_owned()].as_slice(), "it is so")
        );
        assert_eq!(read.until.unwrap().to_string(), "2027-01-31");
        assert_eq!(parse("ignore[a] reason=ticket-7").unwrap().reason, "ticket-7");
        for wrong in [
            "",
            "ignore",
            "ignore[]",
            "ignore[a",
            "ignroe[a]",
            "ignore[a] reason=\"x",
            "ignore[a] until=soon",
            "ignore[a] x",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_comment_covers_its_line_or_the_block_below() {
        let text = "pipeline: p # tidegate: ignore[a]\nstreams:\n  # tidegate: ignore[b]\n  # because\n\n  clicks:\n    retention: 24h\n  views: { retention: 24h }\nkeys:\n  - x # tidegate: ignore[c]\n  - y\n";
        let document = Document::parse(Source::new("a.yaml", text).unwrap()).0.unwrap();
        let covered: Vec<&str> =
            all(&document).iter().map(|comment| document.source.slice(&comment.covers).trim()).collect::<Vec<_>>();
        assert_eq!(covered[0], "pipeline: p # tidegate: ignore[a]");
        assert_eq!(covered[1], "clicks:\n    retention: 24h");
        assert_eq!(covered[2], "- x # tidegate: ignore[c]");
    }

    #[test]
    fn texts_are_no_comments() {
        let text = "a: \"x # tidegate: ignore[a]\"\nb: |\n  # tidegate: ignore[a]\nc: x# tidegate\n'# tidegate: ignore[a]': d\n";
        let document = Document::parse(Source::new("a.yaml", text).unwrap()).0.unwrap();
        assert_eq!(all(&document), []);
    }
}
