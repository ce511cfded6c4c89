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

const FORM: &str = "write `# tidegate: ignore[RULE] reason=\"why\"`, with `until=YYYY-MM-DD` if it is to end";

/// Every comment that speaks to lint, in the order of the file.
pub fn all(document: &Document) -> Vec<Comment> {
    let text = &*document.source.text;
    // Most specs have no such comment, and need not be looked through.
    if !text.lines().any(|line| line.find('#').is_some_and(|hash| addressed(&line[hash..]).is_some())) {
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
            if let Some(said) = addressed(&text[hash..end]) {
                let mut says = said.and_then(parse);
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

/// What a comment says to lint, wherever in it: `# ticket 7 # tidegate: ignore[…]`. It may not be understood; prose that
/// mentions the program says nothing.
fn addressed(comment: &str) -> Option<Result<&str, String>> {
    const NAME: &str = "tidegate";
    let small = comment.to_ascii_lowercase();
    small.match_indices(NAME).find_map(|(at, _)| {
        let before = &comment[..at];
        let apart = before.chars().next_back().is_none_or(|c| !c.is_alphanumeric() && !"-_./".contains(c));
        let rest = &comment[at + NAME.len()..];
        let said = rest.trim_start();
        let (colon, said) = said.strip_prefix(':').map_or((false, said), |said| (true, said.trim()));
        let word = said.to_ascii_lowercase();
        let after = word.strip_prefix("ignore").map(|after| after.strip_prefix("-file").unwrap_or(after));
        let asks = after.is_some_and(|after| after.trim_start().starts_with('['));
        let begins = after.is_some_and(|after| !after.starts_with(|c: char| c.is_alphanumeric()));
        let is_first = before.trim_matches(['#', ' ']).is_empty();
        let by_name = is_first && comment[at..].starts_with(NAME) && rest.starts_with(':');
        match colon {
            _ if !apart => None,
            true if begins || by_name => Some(Ok(said)),
            false if asks => Some(Err(format!("a colon belongs behind `tidegate`; {FORM}"))),
            _ => None,
        }
    })
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
    let wrong = |what: String| Err(format!("{what}; {FORM}"));
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
    fn lint_is_spoken_to_anywhere_in_a_comment() {
        let taken = |comment: &str| addressed(comment).is_some_and(|said| said.and_then(parse).is_ok());
        let told = |comment: &str| addressed(comment).is_some_and(|said| said.and_then(parse).is_err());
        for comment in [
            "# tidegate: ignore[a] reason=x",
            "## Tidegate: ignore[a] reason=x",
            "# tidegate : ignore[a] reason=x",
            "# ticket 7 # tidegate: ignore[a] reason=x",
            "# ticket 7, TIDEGATE: ignore-file[a] reason=x",
        ] {
            assert!(taken(comment), "{comment}");
        }
        for comment in [
            "# tidegate ignore[a] reason=x",
            "# ticket 7 # tidegate ignore [a]",
            "# tidegate: ignroe[a]",
            "# tidegate: Ignore[a] reason=x",
            "# see tidegate: ignore a",
        ] {
            assert!(told(comment), "{comment}");
        }
        for prose in [
            "# made by tidegate init",
            "# Tidegate: the pipeline of the shop",
            "# tidegate ignores what others own",
            "# see docs/tidegate: ignore[a]",
            "# apiVersion: tidegate/v1",
        ] {
            assert_eq!(addressed(prose), None, "{prose}");
        }
    }

    #[test]
    fn texts_are_no_comments() {
        let text = "a: \"x # tidegate: ignore[a]\"\nb: |\n  # tidegate: ignore[a]\nc: x# tidegate\n'# tidegate: ignore[a]': d\n";
        let document = Document::parse(Source::new("a.yaml", text).unwrap()).0.unwrap();
        assert_eq!(all(&document), []);
    }
}
