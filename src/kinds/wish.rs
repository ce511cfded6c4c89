use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};

use super::{KINDS, Pipeline, pipeline};
use crate::model::{
    Address, Desired, Graph, MANAGED, ON_REMOVAL, OnRemoval, PIPELINE, PROTECT, Path, Problem, RESOURCE, Scope, Value,
};

/// A name in the spec: letters, digits, `_`, `.` and `-`, at most 128 of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Name(String);

impl Name {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fits = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        if text.is_empty() || text.len() > 128 || !text.chars().all(fits) {
            return Err(format!("`{text}` cannot be a name; use 1 to 128 letters, digits, `_`, `.` and `-`"));
        }
        Ok(Self(text.into()))
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl JsonSchema for Name {
    fn schema_name() -> Cow<'static, str> {
        "Name".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> schemars::Schema {
        json_schema!({ "type": "string", "pattern": "^[a-zA-Z0-9_.-]{1,128}$" })
    }
}

pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What a pipeline becomes: the wanted resources, or the mistakes that only the whole can show.
pub struct Wishes {
    pub graph: Graph,
    pub problems: Vec<Problem>,
}

/// The graph under construction. Each kind adds to it and may ask for parts of others.
pub struct Wish<'a> {
    pub spec: &'a Pipeline,
    pub scope: &'a Scope,
    pub graph: Graph,
    pub problems: Vec<Problem>,
    left_out: Option<LeftOut<'a>>,
}

/// Whether a section of the text has a name that mistakes kept out of the spec.
type LeftOut<'a> = &'a dyn Fn(&str, &str) -> bool;

/// Derives all wanted resources of a pipeline. Pure: the account and region are given.
pub fn wish(spec: &Pipeline, scope: &Scope) -> Wishes {
    derive(spec, scope, None)
}

/// The mistakes in what is left of a spec after its mistaken parts were left out; their names count as defined.
pub fn mistakes(spec: &Pipeline, scope: &Scope, left_out: LeftOut) -> Vec<Problem> {
    derive(spec, scope, Some(left_out)).problems
}

fn derive<'a>(spec: &'a Pipeline, scope: &'a Scope, left_out: Option<LeftOut<'a>>) -> Wishes {
    let mut wish = Wish { spec, scope, graph: Graph::default(), problems: Vec::new(), left_out };
    pipeline::check(spec, &mut wish.problems);
    for kind in KINDS {
        kind.desire(&mut wish);
    }
    same_names(&wish.graph, &mut wish.problems);
    if wish.problems.is_empty()
        && let Err(circle) = wish.graph.order()
    {
        let names = circle.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        wish.problems.push(Problem::new("cycle", Path::root(), format!("these need each other in a circle: {names}")));
    }
    Wishes { graph: wish.graph, problems: wish.problems }
}

/// Two blocks that would make one thing in AWS.
fn same_names(graph: &Graph, problems: &mut Vec<Problem>) {
    let mut taken: BTreeMap<(&str, &str), &Desired> = BTreeMap::new();
    for desired in graph.iter().filter(|desired| !desired.existing) {
        let name = (desired.schema.kind, desired.physical.as_str());
        let Some(first) = taken.insert(name, desired) else { continue };
        // Parts of it would only say the same again.
        if desired.parent.is_none() {
            let message =
                format!("{} {} is described twice, also by {}", desired.schema.title, desired.physical, first.address);
            let help = "give one of them another `name`, or put both blocks into one";
            problems.push(Problem::new("duplicate-name", desired.path.clone(), message).help(help));
        }
    }
}

impl Wish<'_> {
    /// Reports a mistake.
    pub fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Checks that `name` is defined in a section; otherwise reports it with the nearest name.
    pub fn defined<T>(&mut self, section: &str, map: &BTreeMap<Name, T>, name: &Name, at: &Path) -> bool {
        if map.contains_key(name) {
            return true;
        }
        if self.left_out.is_some_and(|left_out| left_out(section, name.as_str())) {
            return false;
        }
        let near = map.keys().max_by(|a, b| {
            strsim::jaro_winkler(a.as_str(), name.as_str()).total_cmp(&strsim::jaro_winkler(b.as_str(), name.as_str()))
        });
        let help = match near {
            Some(near) if strsim::jaro_winkler(near.as_str(), name.as_str()) > 0.75 => {
                format!("did you mean `{near}`?")
            }
            Some(_) => format!("defined there: {}", map.keys().map(Name::as_str).collect::<Vec<_>>().join(", ")),
            None => format!("add it under `{section}:`"),
        };
        let message = format!("`{name}` is not defined under `{section}`");
        self.problem(Problem::new("dangling-name", at.clone(), message).help(help));
        false
    }

    /// All tags of a resource: the pipeline's, its own, and those by which the pipeline knows it.
    pub fn tags(&mut self, address: &Address, own: &BTreeMap<String, String>, fate: Fate, at: &Path) -> Value {
        pipeline::check_tags(own, &at.key("tags"), &mut self.problems);
        let mut tags = self.spec.tags.clone();
        tags.extend(own.clone());
        let managed = tags.keys().map(String::as_str).collect::<Vec<_>>().join(" ");
        if !managed.is_empty() && managed.len() <= 256 {
            tags.insert(MANAGED.into(), managed);
        }
        tags.insert(PIPELINE.into(), self.scope.pipeline.clone());
        tags.insert(RESOURCE.into(), address.to_string());
        if fate.protect {
            tags.insert(PROTECT.into(), "true".into());
        }
        if fate.on_removal == OnRemoval::Delete {
            tags.insert(ON_REMOVAL.into(), "delete".into());
        }
        Value::map(tags)
    }

    /// What happens to a resource that holds data: the block's word, else the default's, else it stays.
    pub fn fate(&self, protect: bool, on_removal: Option<OnRemoval>) -> Fate {
        Fate { protect, on_removal: on_removal.or(self.spec.defaults.on_removal).unwrap_or(OnRemoval::Retain) }
    }

    /// Adds a resource and answers its address.
    pub fn add(&mut self, desired: Desired) -> Address {
        let address = desired.address.clone();
        self.graph.add(desired);
        address
    }
}

/// How long a resource lives.
#[derive(Clone, Copy, Debug)]
pub struct Fate {
    pub protect: bool,
    pub on_removal: OnRemoval,
}

impl Fate {
    /// Holds nothing that cannot be made again.
    pub const REMADE: Self = Self { protect: false, on_removal: OnRemoval::Delete };
}
