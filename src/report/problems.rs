use std::collections::HashMap;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet};
use serde_json::{Value, json};

use super::excerpt::{self, Excerpt, clean};
use crate::model::{Path, Place, Problem};
use crate::spec::Source;

/// Nobody reads more at once, and fixing these changes the rest.
const MAX_SHOWN: usize = 50;
/// The rule whose findings are secrets.
const SECRETS: &str = "secret-in-spec";
/// The mistake of a field that does not exist.
const UNKNOWN: &str = "unknown-field";
/// Of a message's places in other files or far away, the first few say enough.
const MAX_RELATED: usize = 5;

/// Tells problems to a person, rustc-style: sorted by file and place, the text underlined, at most 50 of them.
pub fn render(problems: &[Problem], sources: &[Source], color: bool, width: usize) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.term_width(width.max(20));
    let mistakes = problems.iter().map(|one| (one.code, &one.path, one.value.as_deref()));
    let sources = Sources::new(sources).without(unknown(mistakes));
    let sorted = sorted(problems, &sources);
    let mut blocks: Vec<_> = sorted
        .iter()
        .take(MAX_SHOWN)
        .map(|problem| renderer.render(&[group(&item(problem), &sources, width)]))
        .collect();
    if sorted.len() > MAX_SHOWN {
        blocks.push(format!("and {} more", sorted.len() - MAX_SHOWN));
    }
    let mut text = blocks.join("\n\n");
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

/// Tells problems to a program: an array in the order of [`render`], without a bound. Lines and columns count from 1,
/// columns in characters; they are null where a problem has no place.
pub fn to_json(problems: &[Problem], sources: &[Source]) -> Value {
    let sources = Sources::new(sources);
    let entry = |problem: &&Problem| {
        let place = problem.place.as_ref();
        let at = |offset: fn(&Place) -> usize| {
            place.and_then(|place| Some(sources.find(place)?.line_col(offset(place)))).unzip()
        };
        let (line, column) = at(|place| place.start);
        let (end_line, end_column) = at(|place| place.end);
        json!({
            "code": problem.code,
            "message": problem.message,
            "help": problem.help,
            "path": problem.path,
            "file": place.map(|place| place.file.to_string()),
            "line": line,
            "column": column,
            "end_line": end_line,
            "end_column": end_column,
        })
    };
    Value::Array(sorted(problems, &sources).iter().map(entry).collect())
}

/// One message with its places, whether a mistake or a finding.
pub(super) struct Item<'a> {
    pub level: Level<'static>,
    pub code: &'a str,
    pub message: &'a str,
    pub path: &'a Path,
    pub place: Option<&'a Place>,
    pub related: &'a [(Place, String)],
    /// Shown below, each with its level.
    pub notes: Vec<(Level<'static>, &'a str)>,
}

fn item(problem: &Problem) -> Item<'_> {
    Item {
        level: Level::ERROR,
        code: problem.code,
        message: &problem.message,
        path: &problem.path,
        place: problem.place.as_deref(),
        related: &problem.related,
        notes: problem.help.iter().map(|help| (Level::HELP, help.as_str())).collect(),
    }
}

/// The values of fields that do not exist. Nobody knows what they are, so none is shown; nor is one that stands there a second time, which
/// is told as another mistake.
pub(super) fn unknown<'a>(mistakes: impl Iterator<Item = Mistake<'a>> + Clone) -> Vec<&'a Place> {
    let paths: Vec<&Path> = mistakes.clone().filter(|(code, ..)| *code == UNKNOWN).map(|(_, path, _)| path).collect();
    let is_there = |path: &Path| paths.iter().any(|above| path.0.starts_with(&above.0));
    let valued = mistakes.filter_map(|(_, path, value)| Some((path, value?)));
    valued.filter(|(path, _)| is_there(path)).map(|(_, value)| value).collect()
}

/// The code of a mistake, its path, and the value behind it.
type Mistake<'a> = (&'a str, &'a Path, Option<&'a Place>);

pub(super) struct Sources<'a> {
    named: HashMap<&'a str, (usize, &'a Source)>,
    unknown: Vec<&'a Place>,
}

impl<'a> Sources<'a> {
    pub fn new(sources: &'a [Source]) -> Self {
        // A name that is given twice means its first source.
        let named = sources.iter().enumerate().rev().map(|(rank, source)| (&*source.name, (rank, source))).collect();
        Self { named, unknown: Vec::new() }
    }

    /// These places are not shown.
    pub fn without(self, unknown: Vec<&'a Place>) -> Self {
        Self { unknown, ..self }
    }

    pub fn find(&self, place: &Place) -> Option<&'a Source> {
        self.named.get(&*place.file).map(|(_, source)| *source)
    }

    /// What is not shown of a file, whatever it looks like.
    fn hidden(&self, source: &Source) -> Vec<Range<usize>> {
        let here = self.unknown.iter().filter(|place| place.file == source.name);
        here.map(|place| place.start..place.end).collect()
    }

    fn rank(&self, place: &Place) -> usize {
        self.named.get(&*place.file).map_or(usize::MAX, |(rank, _)| *rank)
    }
}

/// By file in the order of the sources, then by offset; problems without a place come last.
fn sorted<'a>(problems: &'a [Problem], sources: &Sources<'_>) -> Vec<&'a Problem> {
    let mut sorted: Vec<_> = problems.iter().collect();
    sorted.sort_by_cached_key(|problem| {
        let place = problem.place.as_ref();
        let key = place.map(|place| (sources.rank(place), place.clone()));
        (key.is_none(), key, problem.code)
    });
    sorted
}

pub(super) fn group<'a>(item: &Item<'a>, sources: &Sources<'_>, width: usize) -> Group<'a> {
    let title = item.level.clone().primary_title(clean(item.message)).id(item.code);
    let mut elements: Vec<Element<'a>> = Vec::new();
    match item.place {
        Some(place) => places(item, place, sources, width, &mut elements),
        None if item.path.0.is_empty() => {}
        None => elements.push(Level::NOTE.message(format!("in `{}`", clean(&item.path.to_string()))).into()),
    }
    for (level, note) in &item.notes {
        elements.push(level.clone().message(clean(note)).into());
    }
    if elements.is_empty() { Group::with_title(title) } else { title.elements(elements) }
}

/// One excerpt for the place and the related ones near it, and one for each of the others.
fn places(item: &Item, place: &Place, sources: &Sources<'_>, width: usize, elements: &mut Vec<Element<'_>>) {
    let Some(source) = sources.find(place) else {
        elements.push(Origin::path(clean(&place.file)).into());
        return;
    };
    // The rule knows more forms of secrets than an excerpt does.
    let is_secret = item.code == SECRETS;
    let related = || item.related.iter().take(MAX_RELATED);
    let is_near = |other: &Place| other.file == place.file && excerpt::are_near(source, place, other);
    let near = related().filter(|(other, _)| is_near(other));
    let marks: Vec<_> = std::iter::once((place, "", AnnotationKind::Primary))
        .chain(near.map(|(other, label)| (other, label.as_str(), AnnotationKind::Context)))
        .collect();
    let hidden = |source: &Source, marks: &[Mark]| {
        let first = marks.first().filter(|_| is_secret).map(|(place, ..)| place.start..place.end);
        sources.hidden(source).into_iter().chain(first).collect::<Vec<_>>()
    };
    show(source, &marks, (width, &hidden(source, &marks)), elements);
    for (other, label) in related().filter(|(other, _)| !is_near(other)) {
        match sources.find(other) {
            Some(source) => {
                let marks = [(other, label.as_str(), AnnotationKind::Context)];
                let hidden = |source: &Source, marks: &[Mark]| {
                    let first = marks.first().filter(|_| is_secret).map(|(place, ..)| place.start..place.end);
                    sources.hidden(source).into_iter().chain(first).collect::<Vec<_>>()
                };
                show(source, &marks, (width, &hidden(source, &marks)), elements);
            }
            None => elements.push(Level::NOTE.message(format!("{}: {}", clean(&other.file), clean(label))).into()),
        }
    }
}

/// A place with what is said of it.
type Mark<'a> = (&'a Place, &'a str, AnnotationKind);

fn show(source: &Source, marks: &[Mark], (width, hidden): (usize, &[Range<usize>]), elements: &mut Vec<Element<'_>>) {
    let spans: Vec<_> = marks.iter().map(|(place, ..)| place.start..place.end).collect();
    let Excerpt { text, first_line, spans, shifted } = excerpt::cut_out(source, &spans, width, hidden);
    let annotations = marks.iter().zip(spans).map(|((_, label, kind), span)| {
        let label = (!label.is_empty()).then(|| clean(label));
        kind.span(span).label(label)
    });
    let snippet = Snippet::source(text).line_start(first_line).annotations(annotations);
    if shifted {
        // The snippet's own columns would be those of the cut line.
        let (line, column) = source.line_col(marks.first().map_or(0, |(place, ..)| place.start));
        elements.push(Origin::path(clean(&source.name)).line(line).char_column(column).into());
        elements.push(snippet.into());
    } else {
        elements.push(snippet.path(clean(&source.name)).into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(name: &str, text: &str) -> Source {
        Source::new(name, text).unwrap()
    }

    fn at(source: &Source, word: &str, nth: usize) -> Place {
        let start = source.text.match_indices(word).nth(nth).unwrap().0;
        source.place(start..start + word.len())
    }

    #[test]
    fn a_problem_is_underlined_with_its_help_and_related_places() {
        let main = source("specs/a.yaml", "streams:\n  clicks:\n    retenion: 24h\n    shards: 1\n    shards: 2\n");
        let other = source("b.yaml", "x: 1\n");
        let mut twice =
            Problem::new("duplicate-key", Path::root(), "the key `shards` is defined twice").at(at(&main, "shards", 1));
        twice.related =
            [(at(&main, "shards", 0), "first defined here".to_owned()), (at(&other, "x", 0), "and here".to_owned())]
                .into();
        let problems = [
            Problem::new("no-place", Path::of(["a", "b"]), "something is off"),
            twice,
            Problem::new("unknown-field", Path::root(), "`retenion` is not a field here")
                .help("did you mean `retention`?")
                .at(at(&main, "retenion", 0)),
        ];
        insta::assert_snapshot!(render(&problems, &[main, other], false, 80), @r#"
error[unknown-field]: `retenion` is not a field here
 --> specs/a.yaml:3:5
  |
3 |     retenion: 24h
  |     ^^^^^^^^
  |
  = help: did you mean `retention`?

error[duplicate-key]: the key `shards` is defined twice
 --> specs/a.yaml:5:5
  |
4 |     shards: 1
  |     ------ first defined here
5 |     shards: 2
  |     ^^^^^^
  |
 ::: b.yaml:1:1
  |
1 | x: 1
  | - and here

error[no-place]: something is off
 |
 = note: in `a.b`
"#);
    }

    #[test]
    fn long_lines_are_cut_and_control_characters_are_escaped() {
        let text = format!("{}: [{}, \u{1b}[31mred\u{202e}, {}]\n", "é", "x, ".repeat(200_000), "y, ".repeat(100_000));
        let long = source("evil\u{1b}.yaml", &text);
        let problem = Problem::new("bad", Path::root(), "what is \u{1b}[2J?\nno").help("\u{7}").at(at(&long, "red", 0));
        let shown = render(std::slice::from_ref(&problem), &[long], false, 80);
        assert!(shown.len() < 1_000, "{}", shown.len());
        insta::assert_snapshot!(shown, @r#"
error[bad]: what is \u{1b}[2J?\nno
 --> evil\u{1b}.yaml:1:600012
  |
 ::: 
1 | …x, x, x, x, x, x, x, x, x, x, x, , \u{1b}[31mred\u{202e}, y, y, y, y, y,...
  |                                               ^^^
  |
  = help: \u{7}
"#);
    }

    #[test]
    fn many_problems_are_counted_and_the_ends_of_a_file_are_places_too() {
        let file = source("a.yaml", "a: 1\r\nb:\r\n");
        let problems: Vec<_> =
            (0..=70).map(|at| Problem::new("x", Path::root(), format!("{at}")).at(file.place(at..at + 3))).collect();
        let shown = render(&problems, std::slice::from_ref(&file), false, 80);
        assert_eq!(shown.matches("error[x]").count(), 50);
        assert!(shown.ends_with("and 21 more\n"));
        insta::assert_snapshot!(render(&problems[9..10], std::slice::from_ref(&file), false, 80), @r#"
error[x]: 9
 --> a.yaml:2:3
  |
2 | b:
  |   ^
"#);
        insta::assert_snapshot!(render(&problems[70..], &[file], false, 80), @r#"
error[x]: 70
 --> a.yaml:3:1
  |
3 |
  | ^
"#);
    }

    #[test]
    fn secrets_are_stars_in_excerpts() {
        let text = "a: [x, \"https://hooks.slack.com/services/T0/hunter2\"]\nb:\n  token: hunter2 é # mine\n";
        let spec = source("a.yaml", text);
        let values = Source { confidential: true, ..source("v.yaml", "ONE: hunter2\n hunter2: x\nTWO=hunter2\n") };
        let problems = [
            Problem::new("x", Path::root(), "one").at(at(&spec, "x", 0)),
            Problem::new("x", Path::root(), "two").at(at(&spec, "token", 0)),
            Problem::new("x", Path::root(), "three").at(at(&values, "ONE", 0)),
            Problem::new("x", Path::root(), "four").at(at(&values, "hunter2", 1)),
            Problem::new("x", Path::root(), "five").at(at(&values, "TWO", 0)),
        ];
        let shown = render(&problems, &[spec, values], false, 100);
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("1 | a: [x, \"https://hooks.slack.com/*******************\"]\n"), "{shown}");
        assert!(shown.contains("3 |   token: ") && shown.contains("ONE: *******"), "{shown}");
        assert!(shown.contains("2 |  ******** *") && shown.contains("TWO=*******"), "{shown}");
    }

    #[test]
    fn values_of_fields_that_do_not_exist_are_stars() {
        let text = "s: { splunk: hunter2-ab, retention: x }\ndsn: hunter2\ndsn: hunter2 more\nshards: 1\nshards: 2\n";
        let spec = source("a.yaml", text);
        let valued =
            |problem: Problem, value: &str, nth| Problem { value: Some(Box::new(at(&spec, value, nth))), ..problem };
        let mistake = |code, path: &[&str], word: &str, nth| {
            Problem::new(code, Path::of(path.iter().copied()), "no").at(at(&spec, word, nth))
        };
        let problems = [
            valued(mistake("unknown-field", &["s", "splunk"], "splunk", 0), "hunter2-ab", 0),
            mistake("x", &["s", "retention"], "retention", 0),
            valued(mistake("unknown-field", &["dsn"], "dsn", 0), "hunter2", 1),
            valued(mistake("duplicate-key", &["dsn"], "dsn", 1), "hunter2 more", 0),
            valued(mistake("duplicate-key", &["shards"], "shards", 1), "2\n", 0),
        ];
        let shown = render(&problems, std::slice::from_ref(&spec), false, 100);
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("1 | s: { splunk: **********, retention: x }\n"), "{shown}");
        assert!(shown.contains("3 | dsn: ******* ****\n") && shown.contains("5 | shards: 2\n"), "{shown}");
    }

    #[test]
    fn programs_get_lines_and_columns() {
        let file = source("a.yaml", "é: 1\nb: [x,\n  y]\n");
        let problem = Problem::new("x", Path::of(["b"]), "bad").help("h").at(file.place(9..16));
        let lost = Problem::new("y", Path::root(), "lost");
        let json = to_json(&[lost, problem], &[file]);
        insta::assert_snapshot!(json, @r#"[{"code":"x","column":4,"end_column":4,"end_line":3,"file":"a.yaml","help":"h","line":2,"message":"bad","path":"b"},{"code":"y","column":null,"end_column":null,"end_line":null,"file":null,"help":null,"line":null,"message":"lost","path":""}]"#);
    }
}
