use serde::de::DeserializeOwned;
use serde_path_to_error as path_to_error;
use serde_yaml::Value;

use super::cuts::{Cut, Cuts, is_gone, value};
use super::document::{Document, Node, NodeValue};
use super::explain::{self, Told};
use crate::model::{Path, Problem, Segment};

/// How many mistakes are looked for in one subtree, since each takes another reading of it…
const MAX_ROUNDS: usize = 100;
/// …fewer where it is huge…
const MIN_ROUNDS: usize = 10;
/// …which is to say that so many values are read in all. The spec of 2,000 streams has 14,000.
const MAX_VALUES: usize = 1_000_000;

/// Reads the subtree at a path as a `T`. Serde stops at its first mistake, so the offending entry is cut off and the
/// rest is read again until it fits: one run tells all mistakes. There is a `T` only if there was none.
pub fn read<T: DeserializeOwned>(document: &Document, at: &Path, problems: &mut Vec<Problem>) -> Option<T> {
    let before = problems.len();
    let read = read_rest(document, at, &[], problems);
    read.filter(|_| problems.len() == before)
}

/// The same, but with mistakes there is what is left without the mistaken parts, if it makes a `T`: for checks that
/// go further. `stand_ins`: what takes the place of fields that must be there, where they are missing or mistaken.
pub fn read_rest<T: DeserializeOwned>(
    document: &Document,
    at: &Path,
    stand_ins: &[(&str, &str)],
    problems: &mut Vec<Problem>,
) -> Option<T> {
    let Some(node) = document.get(at) else {
        let name = at.0.last().map(|last| Path(vec![last.clone()]).to_string()).unwrap_or_default();
        let problem = Problem::new("missing-field", at.clone(), format!("`{name}` is missing"));
        problems.push(problem.at(document.key_place(at)));
        return None;
    };
    let mut reader = Reader { document, at, node, cuts: Cuts::default(), stand_ins, taken: Vec::new(), problems };
    let (mut rounds, most) = (0, (MAX_VALUES / count(node)).clamp(MIN_ROUNDS, MAX_ROUNDS));
    loop {
        let mistake = match attempt::<T>(&reader.rest()) {
            Ok(read) => return Some(read),
            Err(mistake) => mistake,
        };
        if reader.reread(&mistake) {
            continue;
        }
        rounds += 1;
        let taken = reader.taken.len();
        let cut = reader.judge::<T>(mistake).filter(|_| rounds < most)?;
        if reader.taken.len() > taken {
            continue;
        }
        if cut.0.is_empty() {
            return None;
        }
        if !reader.cuts.add(&cut, Cut::Gone) {
            return None;
        }
    }
}

/// Serde's message and the path at which it gave up.
#[derive(PartialEq)]
struct Mistake {
    steps: Vec<Step>,
    message: String,
}

#[derive(PartialEq)]
enum Step {
    Key(String),
    Index(usize),
}

/// Enums are read as `{variant: …}` rather than as YAML tags, which are refused earlier.
fn attempt<T: DeserializeOwned>(value: &Value) -> Result<T, Mistake> {
    let mut track = path_to_error::Track::new();
    let deserializer = path_to_error::Deserializer::new(value, &mut track);
    serde_yaml::with::singleton_map_recursive::deserialize(deserializer).map_err(|error| {
        let path = track.path();
        let steps = path.iter().map_while(|segment| match segment {
            path_to_error::Segment::Map { key } | path_to_error::Segment::Enum { variant: key } => {
                Some(Step::Key(key.clone()))
            }
            path_to_error::Segment::Seq { index } => Some(Step::Index(*index)),
            path_to_error::Segment::Unknown => None,
        });
        Mistake { steps: steps.collect(), message: error.to_string() }
    })
}

struct Reader<'a> {
    document: &'a Document,
    at: &'a Path,
    node: &'a Node,
    cuts: Cuts,
    stand_ins: &'a [(&'a str, &'a str)],
    /// The stand-ins that were needed so far.
    taken: Vec<(&'a str, &'a str)>,
    problems: &'a mut Vec<Problem>,
}

impl Reader<'_> {
    /// What is read next: the document without what is cut off, with what stands in for it.
    fn rest(&self) -> Value {
        let mut rest = value(self.node, Some(&self.cuts));
        if let Value::Mapping(map) = &mut rest {
            for (name, stand_in) in &self.taken {
                map.insert(Value::from(*name), Value::from(*stand_in));
            }
        }
        rest
    }

    /// Reads a variable the other way if the field wants that, and with it those of the same field in other blocks:
    /// each on its own would be another reading of the whole document. False if there is no other way.
    fn reread(&mut self, mistake: &Mistake) -> bool {
        let (path, node, _) = self.locate(&mistake.steps);
        if node.other.is_none() || !mistake.message.starts_with("invalid type: ") {
            return false;
        }
        let root = self.node;
        let is_new = self.cuts.add(&path, Cut::Other);
        for alike in alike(root, &path).into_iter().filter(|_| is_new) {
            if find(root, &alike).is_some_and(|node| node.other.is_some()) {
                self.cuts.add(&alike, Cut::Other);
            }
        }
        is_new
    }

    /// Records a mistake, unless it only follows from an earlier cut, and says what to cut off next.
    fn judge<T: DeserializeOwned>(&mut self, mistake: Mistake) -> Option<Path> {
        let (path, node, cuts) = self.locate(&mistake.steps);
        let told = explain::tell(&mistake.message, node, &self.document.source);
        match told {
            Told::UnknownField { ref name, .. } => {
                let path = if path.0.last() == Some(&Segment::Key(name.clone())) {
                    path
                } else {
                    // Tagged and flattened types lose the path; the field stands somewhere below.
                    below(node, name).map_or(path.clone(), |rest| Path([path.0.clone(), rest].concat()))
                };
                self.record(&path, told, true);
                Some(path)
            }
            Told::MissingField { ref name, .. } => {
                let follows = cuts.is_some_and(|cuts| cuts.below.contains_key(&Segment::Key(name.clone())));
                // Without it nothing else could be read.
                let stand_in = self.stand_ins.iter().find(|(field, _)| field == name && path.0.is_empty());
                self.taken.extend(stand_in.filter(|one| !self.taken.contains(one)));
                if !follows {
                    let field = path.key(name);
                    self.record(&field, told, true);
                }
                Some(path)
            }
            Told::Wrong { .. } => {
                // A value that does not fit because something in it was cut off is no mistake of its own.
                if cuts.is_none_or(|cuts| !cuts.is_cut_below()) {
                    let of_key = self.is_of_key::<T>(&mistake, &path);
                    self.record(&path, told, of_key);
                }
                Some(path)
            }
        }
    }

    /// Finds the node of serde's path, whose list indices count only what is not cut off.
    fn locate(&self, steps: &[Step]) -> (Path, &Node, Option<&Cuts>) {
        let (mut path, mut node, mut cuts) = (Path::root(), self.node, Some(&self.cuts));
        for step in steps {
            let segment = match (step, &node.value) {
                (Step::Key(key), _) => Segment::Key(key.clone()),
                (Step::Index(index), NodeValue::Seq(items)) => {
                    let mut left = (0..items.len()).map(Segment::Index).filter(|item| !is_gone(cuts, item));
                    left.nth(*index).unwrap_or(Segment::Index(*index))
                }
                (Step::Index(index), _) => Segment::Index(*index),
            };
            let Some(child) = node.child(&segment) else { break };
            cuts = cuts.and_then(|cuts| cuts.below.get(&segment));
            path.0.push(segment);
            node = child;
        }
        (path, node, cuts)
    }

    /// Serde's path is the same for a bad key and for the bad value under it. If the complaint stays when the value
    /// is taken away, it is about the key.
    fn is_of_key<T: DeserializeOwned>(&self, mistake: &Mistake, path: &Path) -> bool {
        // No variant of an untagged enum matches nothing either.
        let untagged = mistake.message.starts_with("data did not match any variant");
        if untagged || !matches!(path.0.last(), Some(Segment::Key(_))) || self.node_at(path).value == NodeValue::Null {
            return false;
        }
        let mut cuts = self.cuts.clone();
        cuts.add(path, Cut::Null);
        attempt::<T>(&value(self.node, Some(&cuts))).err().is_some_and(|again| again == *mistake)
    }

    fn node_at(&self, path: &Path) -> &Node {
        find(self.node, path).unwrap_or(self.node)
    }

    fn record(&mut self, below: &Path, told: Told, at_key: bool) {
        let path = Path([self.at.0.as_slice(), below.0.as_slice()].concat());
        let place = if at_key { self.document.key_place(&path) } else { self.document.place(&path) };
        let is_unknown = matches!(told, Told::UnknownField { .. });
        let value =
            self.document.get(&path).filter(|_| is_unknown).map(|node| self.document.source.place(node.span.clone()));
        let problem = told.problem(path).at(place);
        self.problems.push(Problem { value: value.map(Box::new), ..problem });
    }
}

/// The values of a subtree, itself included.
fn count(node: &Node) -> usize {
    1 + match &node.value {
        NodeValue::Seq(items) => items.iter().map(count).sum(),
        NodeValue::Map(entries) => entries.iter().map(|entry| count(&entry.value)).sum(),
        _ => 0,
    }
}

fn find<'a>(root: &'a Node, path: &Path) -> Option<&'a Node> {
    path.0.iter().try_fold(root, |node, segment| node.child(segment))
}

/// The paths that differ from this one in the name of one block above the field.
fn alike(root: &Node, path: &Path) -> Vec<Path> {
    let mut found = Vec::new();
    for at in 0..path.0.len().saturating_sub(1) {
        let names: Vec<Segment> = match find(root, &Path(path.0[..at].to_vec())).map(|above| &above.value) {
            Some(NodeValue::Map(entries)) => entries.iter().map(|entry| Segment::Key(entry.key.clone())).collect(),
            Some(NodeValue::Seq(items)) => (0..items.len()).map(Segment::Index).collect(),
            _ => Vec::new(),
        };
        for name in names.into_iter().filter(|name| *name != path.0[at]) {
            found.push(Path([&path.0[..at], &[name], &path.0[at + 1..]].concat()));
        }
    }
    found
}

/// The first path below a node that ends in this key.
fn below(node: &Node, name: &str) -> Option<Vec<Segment>> {
    let key = Segment::Key(name.to_owned());
    if node.entry(&key).is_some() {
        return Some(vec![key]);
    }
    let descend = |segment: Segment, child: &Node| below(child, name).map(|rest| [vec![segment], rest].concat());
    match &node.value {
        NodeValue::Seq(items) => {
            items.iter().enumerate().find_map(|(index, item)| descend(Segment::Index(index), item))
        }
        NodeValue::Map(entries) => {
            entries.iter().find_map(|entry| descend(Segment::Key(entry.key.clone()), &entry.value))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
