use granit_parser::{ErrorKind, ScanError};

use super::source::Source;
use super::tree::MAX_DEPTH;
use crate::model::{Path, Problem};

/// Tells a parser's error in the words of somebody who wants the file fixed. What stands below it cannot be read, which
/// is told too: nobody should think that there is no other mistake.
pub(super) fn problem(source: &Source, path: Path, error: &ScanError) -> Problem {
    let problem = first(source, path, error);
    let end = problem.place.as_ref().map_or(0, |place| place.start);
    let below = source.slice(&(end..source.text.len())).lines().skip(1);
    let unread = below.map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).count();
    let lines = match unread {
        0 => return problem,
        1 => "the line below it is".to_owned(),
        many => format!("the {many} lines below it are"),
    };
    let help = problem.help.as_ref().map_or_else(String::new, |help| format!("{help}; "));
    problem.help(format!("{help}{lines} checked once this is mended"))
}

fn first(source: &Source, path: Path, error: &ScanError) -> Problem {
    let offset = error.marker().byte_offset().unwrap_or_default().min(source.text.len());
    let about_tabs = matches!(
        error.kind(),
        ErrorKind::TabNotAllowed
            | ErrorKind::TabInBlockIndentation
            | ErrorKind::TabInIndentation
            | ErrorKind::TabInPlainScalar
            | ErrorKind::TabAtBlockScalarStart
    );
    if let Some(tab) = tab_before(source, offset, about_tabs) {
        return Problem::new("tab-indentation", path, "a tab is used as indentation")
            .help("indent with spaces; YAML does not allow tabs there")
            .at(source.place(tab..tab + 1));
    }
    let rest = source.slice(&(offset..source.text.len()));
    if let Some(problem) = conflict(source, &path, offset).or_else(|| control(source, &path, offset)) {
        return problem;
    }
    if matches!(error.kind(), ErrorKind::MappingValueNotAllowed) && is_too_deep(source, offset) {
        let help = "this line stands further to the right than the one above it, which has a value already: start fields of one mapping in \
                    the same column";
        return Problem::new("syntax", path, "`:` is not allowed here").help(help).at(source.place(offset..offset + 1));
    }
    let begins_line = source.slice(&(0..offset)).trim_end_matches(' ').ends_with(['\n', '\r']);
    let end = offset + rest.chars().next().map_or(0, char::len_utf8);
    let (code, message, help) = told(error.kind(), rest, begins_line);
    let problem = Problem::new(code, path, message).at(source.place(offset..end));
    match help {
        Some(help) => problem.help(help),
        None => problem,
    }
}

/// Whether the `:` is that of a field which begins its line in a column further right than the line above: YAML takes the line for more of
/// the value above.
fn is_too_deep(source: &Source, offset: usize) -> bool {
    let before = source.slice(&(0..offset));
    let (above, line) = before.rsplit_once('\n').unwrap_or(("", before));
    let column = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let last = above.lines().rev().find(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'));
    !line.contains(": ") && last.is_some_and(|last| column(line) > column(last))
}

/// The marks that a merge leaves in a file: the parser stumbles in the line of the first, or in the next one.
fn conflict(source: &Source, path: &Path, offset: usize) -> Option<Problem> {
    let lines = source.text.split_inclusive('\n').scan(0, |at, line| {
        *at += line.len();
        Some((*at - line.len(), line))
    });
    let mut marks = lines.filter(|(_, line)| ["<<<<<<< ", ">>>>>>> "].iter().any(|mark| line.starts_with(mark)));
    let (start, line) = marks.next().filter(|(start, _)| *start <= offset)?;
    let problem = Problem::new("merge-conflict", path.clone(), "a merge has left both sides here");
    Some(
        problem
            .help("keep one side, and remove the lines of `<`, `=` and `>`")
            .at(source.place(start..start + line.trim_end().len())),
    )
}

/// YAML allows no control characters but tabs and ends of lines, also within quotes.
fn control(source: &Source, path: &Path, offset: usize) -> Option<Problem> {
    let character = source.slice(&(offset..source.text.len())).chars().next()?;
    let forbidden = character.is_control() && !"\t\r\n".contains(character);
    let message = format!("the control character U+{:04X} stands here", u32::from(character));
    let help = format!("remove it; within double quotes it can be written as \\x{:02X}", u32::from(character));
    let place = source.place(offset..offset + character.len_utf8());
    forbidden.then(|| Problem::new("control-character", path.clone(), message).help(help).at(place))
}

fn told(kind: &ErrorKind, rest: &str, begins_line: bool) -> (&'static str, String, Option<&'static str>) {
    let syntax = |message: &str, help: &'static str| ("syntax", message.to_owned(), Some(help));
    if let Some(told) = brackets(kind) {
        return told;
    }
    match kind {
        ErrorKind::RecursionLimitExceeded => too_deep(),
        ErrorKind::UnclosedQuotedScalar | ErrorKind::DocumentIndicatorInQuotedScalar => {
            ("unclosed-quote", "this quote is not closed".to_owned(), Some("end the text with the same quote"))
        }
        ErrorKind::InvalidTagTerminator if rest.starts_with("!{") => {
            syntax("a text cannot begin with `!{` unless it is quoted", "put the text in quotes")
        }
        ErrorKind::MappingValueNotAllowed => syntax(
            "`:` is not allowed here",
            "quote a text that holds `: `, put each `key: value` on a line of its own, and a blank behind each `:`",
        ),
        ErrorKind::ExpectedDocumentStart if !begins_line => {
            syntax("nothing more is expected on this line", "quote the whole text, or begin a new line")
        }
        ErrorKind::BlockSequenceEntryNotAllowed => {
            syntax("a list cannot begin on this line", "begin each item on a line of its own")
        }
        ErrorKind::InvalidLowSurrogate | ErrorKind::MissingLowSurrogate | ErrorKind::UnpairedLowSurrogate => syntax(
            "this text holds half of a surrogate pair",
            "write the character itself, or both halves behind each other",
        ),
        ErrorKind::UnknownQuotedScalarEscape => {
            syntax("this text holds an unknown escape", "write `\\\\` for a backslash, or use single quotes")
        }
        ErrorKind::TabNotAllowed | ErrorKind::TabInPlainScalar | ErrorKind::InvalidBlockEntryWhitespace => {
            syntax("a tab is not allowed here", "use spaces")
        }
        ErrorKind::ExpectedDocumentStart | ErrorKind::InvalidIndentation => syntax(
            "this line does not fit the indentation of those before it",
            "start fields of one mapping in the same column",
        ),
        ErrorKind::ExpectedBlockMappingKey => {
            syntax("expected a `key:` here", "start fields of one mapping in the same column")
        }
        ErrorKind::ExpectedBlockSequenceEntry => {
            syntax("expected `- ` here", "start the items of one list in the same column")
        }
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => {
            syntax("expected `:` after this key", "write `key: value`")
        }
        ErrorKind::InvalidTrailingSingleQuotedScalar | ErrorKind::InvalidTrailingDoubleQuotedScalar => {
            syntax("nothing may follow the closing quote", "put the whole text in quotes")
        }
        ErrorKind::UnexpectedCharacter { character } => (
            "syntax",
            format!("a text cannot begin with `{}` unless it is quoted", character.escape_default()),
            Some("put the text in quotes"),
        ),
        other => ("syntax", format!("this is no YAML: {other}"), None),
    }
}

/// What is wrong with `[…]` and `{…}`.
fn brackets(kind: &ErrorKind) -> Option<(&'static str, String, Option<&'static str>)> {
    let syntax = |message: &str, help: &'static str| ("syntax", message.to_owned(), Some(help));
    Some(match kind {
        ErrorKind::UnclosedFlowCollection { open } => (
            "unclosed-bracket",
            format!("this `{open}` is not closed"),
            Some(if *open == '[' { "close it with `]`" } else { "close it with `}`" }),
        ),
        ErrorKind::MismatchedFlowCollectionEnd { open, close } => (
            "syntax",
            format!("this `{open}` is closed by a `{close}`"),
            Some(if *open == '[' { "close it with `]`" } else { "close it with `}`" }),
        ),
        ErrorKind::MisplacedFlowCollectionEnd => {
            syntax("nothing is open that this would close", "remove it, or quote the text that it belongs to")
        }
        ErrorKind::ExpectedFlowSequenceSeparator => {
            syntax("expected `,` or `]` here", "close the `[` before it, or quote a text that holds one of `[]{},`")
        }
        ErrorKind::ExpectedFlowMappingSeparator => syntax(
            "expected `,` or `}` here",
            "close the `{` before it, or quote a text that holds `: ` or one of `[]{},`",
        ),
        _ => return None,
    })
}

/// The refusal of a document that nests too deep.
pub(super) fn too_deep() -> (&'static str, String, Option<&'static str>) {
    (
        "too-deep",
        format!("mappings and lists are nested more than {MAX_DEPTH} deep"),
        Some("a spec nests less than ten deep: look for brackets that are never closed"),
    )
}

/// A tab in the indentation of the line of an error, or of the next one: the parser may stop at the end of a line
/// when it is the following one that begins with a tab.
fn tab_before(source: &Source, offset: usize, or_next: bool) -> Option<usize> {
    let line_start = |at: usize| source.slice(&(0..at)).rfind('\n').map_or(0, |newline| newline + 1);
    let here = line_start(offset);
    let next = || source.slice(&(offset..source.text.len())).find('\n').map(|newline| offset + newline + 1);
    let tab_at = |start: usize| {
        let line = source.slice(&(start..source.text.len()));
        let blank = line.len() - line.trim_start_matches([' ', '\t']).len();
        line[..blank].find('\t').map(|tab| start + tab)
    };
    tab_at(here).or_else(|| next().filter(|_| or_next).and_then(tab_at))
}
