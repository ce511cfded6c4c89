//! Looks at the Lambda functions that read streams: their event source mappings, and how far they are behind. What fails is told and
//! holds up nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::future::join_all;
use futures::stream::{self, StreamExt};

use super::Watch;
use super::course::Course;
use super::turns::is_among;
use crate::cloud::Cloud;
use crate::control::{AGES, Fleet, FunctionSeen};
use crate::model::{IteratorAges, Mapping};

/// Looks at mappings in one tick: Lambda takes 15 calls a second of all kinds together, and a third of that is used for each kind.
const LOOKS: usize = 100;
/// Looks in flight at once.
const AT_ONCE: usize = 8;

/// A look at a mapping that is due.
pub struct Look {
    /// The stream, and the function among those of its spec.
    pub at: usize,
    pub of: usize,
    pub function: String,
    pub uuid: Option<String>,
}

/// What a look found.
pub type Looked = BTreeMap<(usize, usize), Result<Mapping, String>>;

/// The looks that are due, those first that wait longest. `now`: seconds since 1970 by each cloud; `only`: the streams that alone are asked
/// about.
pub fn due(fleet: &Fleet, watches: &[Watch], now: &[i64], only: Option<&BTreeSet<usize>>) -> Vec<Look> {
    let mut due = Vec::new();
    let all = fleet.streams().iter().enumerate();
    for (at, stream) in all.filter(|(at, _)| is_among(only, *at)) {
        for (of, function) in stream.functions.iter().enumerate() {
            if let Some(since) = function.wants_look(&fleet.rules, now[watches[at].cloud]) {
                let uuid = function.uuid().map(ToOwned::to_owned);
                due.push((since, Look { at, of, function: function.name.clone(), uuid }));
            }
        }
    }
    due.sort_by_key(|(since, _)| *since);
    due.into_iter().take(LOOKS).map(|(_, look)| look).collect()
}

/// The functions that are named, by cloud.
pub fn names(fleet: &Fleet, watches: &[Watch], clouds: usize, only: Option<&BTreeSet<usize>>) -> Vec<Vec<String>> {
    let mut names = vec![BTreeSet::new(); clouds];
    let all = fleet.streams().iter().zip(watches).enumerate();
    for (_, (stream, watch)) in all.filter(|(at, _)| is_among(only, *at)) {
        names[watch.cloud].extend(stream.functions.iter().map(|function| function.name.clone()));
    }
    names.into_iter().map(|names| names.into_iter().collect()).collect()
}

/// Looks at mappings.
pub async fn looks(clouds: &[Arc<dyn Cloud>], watches: &[Watch], due: &[Look], course: &Course) -> Looked {
    let all = due.iter().map(|look| async move {
        let watch = &watches[look.at];
        let found = one(&*clouds[watch.cloud], watch, (&look.function, look.uuid.as_deref()), course).await;
        // Who had no turn has failed in nothing.
        (found.is_ok() || !course.is_over()).then_some(((look.at, look.of), found))
    });
    let found: Vec<_> = stream::iter(all).buffer_unordered(AT_ONCE).collect().await;
    found.into_iter().flatten().collect()
}

/// Looks at one mapping of a function; `uuid`: the mapping's, where it is known.
pub async fn one(
    cloud: &dyn Cloud,
    watch: &Watch,
    (function, uuid): (&str, Option<&str>),
    course: &Course,
) -> Result<Mapping, String> {
    let target = watch.target();
    let what = format!("reading how Lambda function {function} reads stream {}", watch.physical);
    let found =
        course.answer(&what, cloud.mapping(&target, function, uuid)).await.map_err(|missed| missed.to_string())?;
    found.map_err(|fault| match &fault.help {
        Some(help) => format!("{fault}; {help}"),
        None => fault.to_string(),
    })
}

/// Reads how far functions are behind, by cloud.
pub async fn ages(clouds: &[Arc<dyn Cloud>], names: &[Vec<String>], now: &[i64], course: &Course) -> Vec<IteratorAges> {
    let all = clouds.iter().zip(names).zip(now).map(|((cloud, names), now)| async move {
        if names.is_empty() {
            return IteratorAges::default();
        }
        let minute = now.div_euclid(60);
        let what = "reading the iterator age of Lambda functions";
        let read = course.answer(what, cloud.iterator_ages(names, minute - AGES, minute)).await;
        read.unwrap_or_else(|missed| IteratorAges {
            troubles: missed.trouble().into_iter().collect(),
            ..IteratorAges::default()
        })
    });
    join_all(all).await
}

/// Puts together what was learned of each stream's functions, in the order of its spec.
pub fn seen(
    fleet: &Fleet,
    watches: &[Watch],
    mut mappings: Looked,
    mut ages: Vec<IteratorAges>,
    troubles: &mut Vec<String>,
) -> BTreeMap<usize, Vec<FunctionSeen>> {
    troubles.extend(ages.iter_mut().flat_map(|read| read.troubles.drain(..)));
    troubles.extend(mappings.values().filter_map(|looked| looked.clone().err()));
    let mut all = BTreeMap::new();
    for (at, stream) in fleet.streams().iter().enumerate().filter(|(_, stream)| !stream.functions.is_empty()) {
        let ages = &ages[watches[at].cloud].found;
        let functions = stream.functions.iter().enumerate().map(|(of, function)| FunctionSeen {
            mapping: mappings.remove(&(at, of)),
            ages: ages.get(&function.name).cloned(),
        });
        all.insert(at, functions.collect());
    }
    all
}
