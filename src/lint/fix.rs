//! Mends the text of a spec. Comments, anchors, quotes and layout stay; whatever else would change is not done.

use std::ops::Range;
use std::sync::Arc;

use serde_json::Value as Json;

use super::plain::{edited, plain};
use super::verdict::{Edit, Fix};
use crate::model::{Path, Segment};
use crate::spec::{Document, Node, NodeValue, Source};

/// The text after a fix. Nothing if it cannot be done without touching something else: every edit is read back, and must
/// have changed exactly what it says.
pub fn apply(source: &Source, fix: &Fix) -> Option<Source> {
    let mut now = source.clone();
    // From the end, so that an index still means the same item when its turn comes.
    let mut edits: Vec<&Edit> = fix.edits.iter().collect();
    edits.sort_by(|a, b| at(b).cmp(at(a)));
    for edit in edits {
        let document = Document::parse(now.clone()).0?;
        let (range, text) = match edit {
            Edit::Set(path, value) => set(&document, path, value)?,
            Edit::Remove(path) => remove(&document, path)?,
        };
        let mut changed = now.text.to_string();
        changed.replace_range(range, &text);
        let changed = rewritten(&now, &changed)?;
        let (after, problems) = Document::parse(changed.clone());
        let meant = edited(&plain(&document.root), edit)?;
        if !problems.is_empty() || plain(&after?.root) != meant || comments(&changed.text) != comments(&now.text) {
            return None;
        }
        now = changed;
    }
    Some(now)
}

/// The text after as many fixes as can be made at once because they touch nothing that another does, and which those are;
/// no text if it cannot be done without touching something else. At least the first is among them, alone by [`apply`].
pub fn apply_all(source: &Source, fixes: &[&Fix]) -> (Vec<usize>, Option<Source>) {
    let alone = || (vec![0], fixes.first().and_then(|fix| apply(source, fix)));
    let Some(document) = Document::parse(source.clone()).0.filter(|_| fixes.len() > 1) else { return alone() };
    let (mut made, mut done): (Vec<Made>, Vec<usize>) = (Vec::new(), Vec::new());
    for (nth, fix) in fixes.iter().enumerate() {
        // Edits of one fix can lean on one another: it has its turn alone.
        let [edit] = fix.edits.as_slice() else {
            if nth == 0 {
                return alone();
            }
            continue;
        };
        let Some(new) = made_by(&document, edit) else { continue };
        if made.iter().all(|(range, ..)| new.0.end < range.start || range.end < new.0.start) {
            made.push(new);
            done.push(nth);
        }
    }
    if done.len() < 2 {
        return alone();
    }
    made.sort_by_key(|(range, ..)| std::cmp::Reverse(range.start));
    let mut changed = source.text.to_string();
    made.iter().for_each(|(range, text, _)| changed.replace_range(range.clone(), text));
    // From the end, so that an index still means the same item when its turn comes.
    let mut edits: Vec<&Edit> = made.iter().map(|(.., edit)| *edit).collect();
    edits.sort_by(|a, b| at(b).cmp(at(a)));
    let meant = edits.into_iter().try_fold(plain(&document.root), |data, edit| edited(&data, edit));
    let Some(changed) = rewritten(source, &changed) else { return (done, None) };
    let (after, problems) = Document::parse(changed.clone());
    let is_meant = problems.is_empty() && meant.is_some() && after.map(|after| plain(&after.root)) == meant;
    (done, Some(changed).filter(|changed| is_meant && comments(&changed.text) == comments(&source.text)))
}

/// The same file with another text, unless that is longer than what is read.
fn rewritten(source: &Source, text: &str) -> Option<Source> {
    let read = Source::new(Arc::clone(&source.name), text).ok()?;
    Some(Source { marked: source.marked, ..read })
}

/// The bytes that an edit replaces, what comes in their place, and the edit.
type Made<'a> = (Range<usize>, String, &'a Edit);

fn made_by<'a>(document: &Document, edit: &'a Edit) -> Option<Made<'a>> {
    let (range, text) = match edit {
        Edit::Set(path, value) => set(document, path, value)?,
        Edit::Remove(path) => remove(document, path)?,
    };
    Some((range, text, edit))
}

/// Whether [`apply`] would do it, found out by a look at the places alone wherever that tells.
pub fn can(document: &Document, fix: &Fix) -> bool {
    let text = &*document.source.text;
    let range = |edit: &Edit| match edit {
        Edit::Set(path, value) => set(document, path, value).map(|(range, _)| range),
        Edit::Remove(path) => remove(document, path).map(|(range, _)| range),
    };
    let Some(ranges) = fix.edits.iter().map(range).collect::<Option<Vec<_>>>() else { return false };
    // What an anchor repeats, and whether a comment is lost, only the text that comes out can show.
    let plain = !text.contains('&') && !ranges.into_iter().any(|range| text[range].contains('#'));
    plain || apply(&document.source, fix).is_some()
}

fn at(edit: &Edit) -> &Path {
    match edit {
        Edit::Set(path, _) | Edit::Remove(path) => path,
    }
}

/// A rough count that is the same before and after unless a comment was lost.
fn comments(text: &str) -> usize {
    text.lines().filter(|line| line.trim_start().starts_with('#') || line.contains(" #")).count()
}

/// The node at a path, if it and all above it stand in the file itself, not in the text of an anchor elsewhere or in the
/// value of a variable.
fn own<'a>(document: &'a Document, path: &[Segment]) -> Option<&'a Node> {
    let mut node = &document.root;
    for segment in path {
        let child = node.child(segment)?;
        let inside = child.span.is_empty() || (node.span.start <= child.span.start && child.span.end <= node.span.end);
        let variable = matches!(&child.value, NodeValue::Text(text) if text.contains("${"));
        if !inside || document.source.slice(&child.span).starts_with('*') || child.from_variable || variable {
            return None;
        }
        node = child;
    }
    Some(node)
}

fn is_flow(document: &Document, node: &Node) -> bool {
    document.source.slice(&node.span).starts_with(['{', '['])
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

/// How the lines of a file end: as its first one does.
fn line_ending(text: &str) -> &'static str {
    let first = text.find('\n');
    if first.is_some_and(|at| text[..at].ends_with('\r')) { "\r\n" } else { "\n" }
}

/// Behind the newline of the line that `at` is in.
fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |newline| at + newline + 1)
}

/// Behind the colon of the key that a path ends with.
fn behind_colon(document: &Document, path: &[Segment]) -> Option<usize> {
    let (last, above) = path.split_last()?;
    let key_end = own(document, above)?.entry(last)?.key_span.end;
    Some(key_end + document.source.text[key_end..].find(':')? + 1)
}

fn set(document: &Document, path: &Path, value: &Json) -> Option<(Range<usize>, String)> {
    let text = &*document.source.text;
    let (_, above) = path.0.split_last()?;
    if let Some(node) = own(document, &path.0).filter(|node| !node.span.is_empty()) {
        let old = document.source.slice(&node.span);
        let is_block = matches!(node.value, NodeValue::Map(_) | NodeValue::Seq(_)) && !is_flow(document, node);
        if !is_block {
            return Some((node.span.clone(), scalar(value, old)?));
        }
        // `key:` with a block below becomes `key: value` on its own line.
        return Some((behind_colon(document, &path.0)?..node.span.end, format!(" {}", scalar(value, "")?)));
    }
    // `key:` without a value gets one.
    if own(document, &path.0).is_some() {
        let colon = behind_colon(document, &path.0)?;
        return Some((colon..colon, format!(" {}", scalar(value, "")?)));
    }
    let mut depth = above.len();
    while own(document, &above[..depth]).is_none() {
        depth = depth.checked_sub(1)?;
    }
    let parent = own(document, &above[..depth])?;
    let rest = &path.0[depth..];
    // It is there, but written elsewhere: a second one here would be another mistake.
    if parent.child(&rest[0]).is_some_and(|node| !node.span.is_empty()) {
        return None;
    }
    let field = field(rest, value)?;
    match &parent.value {
        NodeValue::Map(entries) if is_flow(document, parent) => {
            let close = parent.span.end.checked_sub(1)?;
            Some(match entries.last() {
                Some(entry) => {
                    let end = entry.value.span.end.max(entry.key_span.end);
                    (end..end, format!(", {field}"))
                }
                None => (parent.span.start..close + 1, format!("{{ {field} }}")),
            })
        }
        NodeValue::Map(entries) => {
            let last = entries.last()?;
            let first = entries.first()?;
            let indent = first.key_span.start - line_start(text, first.key_span.start);
            let at = line_end(text, last.value.span.end.max(last.key_span.end));
            let end = line_ending(text);
            let newline = if text[..at].ends_with('\n') { "" } else { end };
            Some((at..at, format!("{newline}{}{field}{end}", " ".repeat(indent))))
        }
        NodeValue::Null if depth > 0 => {
            let colon = behind_colon(document, &above[..depth])?;
            Some((colon..colon, format!(" {{ {field} }}")))
        }
        _ => None,
    }
}

/// `key: value`, or `key: { deeper: value }`.
fn field(path: &[Segment], value: &Json) -> Option<String> {
    let (Segment::Key(key), rest) = path.split_first()? else { return None };
    Some(match rest {
        [] => format!("{key}: {}", scalar(value, "")?),
        rest => format!("{key}: {{ {} }}", field(rest, value)?),
    })
}

/// A scalar as YAML, in the quotes that stood there before. Only texts that need no quotes are written without.
fn scalar(value: &Json, old: &str) -> Option<String> {
    match value {
        Json::Bool(value) => Some(value.to_string()),
        Json::Number(value) => Some(value.to_string()),
        Json::String(text) => {
            let plain = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "_./-".contains(c));
            let quote = old.chars().next().filter(|c| *c == '"' || *c == '\'');
            match quote {
                Some(quote) if plain => Some(format!("{quote}{text}{quote}")),
                None if plain => Some(text.clone()),
                _ => serde_json::to_string(text).ok(),
            }
        }
        _ => None,
    }
}

fn remove(document: &Document, path: &Path) -> Option<(Range<usize>, String)> {
    let text = &*document.source.text;
    let (last, above) = path.0.split_last()?;
    own(document, &path.0)?;
    let parent = own(document, above)?;
    let all = members(parent);
    let place = match (last, &parent.value) {
        (Segment::Index(index), _) => *index,
        (Segment::Key(key), NodeValue::Map(entries)) => entries.iter().position(|entry| entry.key == *key)?,
        _ => return None,
    };
    let span = all.get(place)?.clone();
    // What `<<` brings stands elsewhere, and is no neighbour.
    let is_inside = |one: &Range<usize>| parent.span.start <= one.start && one.end <= parent.span.end;
    let spans: Vec<Range<usize>> = all.into_iter().filter(is_inside).collect();
    let nth = spans.iter().position(|one| *one == span)?;
    // Something else may repeat what is marked here.
    if document.source.slice(&span).contains('&') {
        return None;
    }
    if is_flow(document, parent) {
        return Some((
            match (spans.get(nth + 1), nth.checked_sub(1).and_then(|before| spans.get(before))) {
                (Some(next), _) => span.start..next.start,
                (None, Some(before)) => before.end..span.end,
                (None, None) => span,
            },
            String::new(),
        ));
    }
    if spans.len() == 1 {
        let empty = if matches!(parent.value, NodeValue::Map(_)) { "{}" } else { "[]" };
        let dash = if empty == "[]" { text[..span.start].rfind('-')? } else { span.start };
        return Some((dash..span.end, empty.to_owned()));
    }
    let start = line_start(text, span.start);
    let alone = text[start..span.start].chars().all(|c| c == ' ' || (c == '-' && matches!(last, Segment::Index(_))));
    match spans.get(nth + 1) {
        // The first field of an item shares its line with the dash.
        Some(next) if !alone => Some((span.start..next.start, String::new())),
        _ if !alone => None,
        _ => {
            let end = line_end(text, span.end);
            // A comment behind the value would be lost.
            let tail = text[span.end..end].trim();
            if tail.starts_with('#') {
                let indent = " ".repeat(span.start - start - usize::from(matches!(last, Segment::Index(_))) * 2);
                return Some((start..end, format!("{indent}{tail}{}", line_ending(text))));
            }
            Some((start..end, String::new()))
        }
    }
}

/// The bytes of each entry or item.
fn members(node: &Node) -> Vec<Range<usize>> {
    match &node.value {
        NodeValue::Map(entries) => {
            entries.iter().map(|entry| entry.key_span.start..entry.value.span.end.max(entry.key_span.end)).collect()
        }
        NodeValue::Seq(items) => items.iter().map(|item| item.span.clone()).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
