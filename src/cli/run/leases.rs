//! Which replica acts for which pipeline, told when it is another than before.

use std::collections::BTreeMap;

use crate::control::Lease;

/// Pipelines that are named in a line.
const NAMED: usize = 3;

/// Who holds each lease, as it was told.
#[derive(Debug, Default)]
pub struct Leases(BTreeMap<String, Lease>);

/// What became of a lease, as this replica sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Turn {
    /// This replica acts from its start on.
    Acts,
    /// Another one acted before.
    TakesOver,
    /// Another one acts.
    StandsBy,
    /// Another one acts, and this one did before.
    Lost,
}

/// Leases of which the same is to be told.
#[derive(Debug, PartialEq, Eq)]
pub struct Hands {
    pub is: Turn,
    /// The other replica.
    pub holder: String,
    pub pipelines: Vec<String>,
}

impl Leases {
    /// What is another than when it was told last.
    pub fn news(&mut self, now: &[Lease]) -> Vec<Hands> {
        let mut found: BTreeMap<(Turn, String), Vec<String>> = BTreeMap::new();
        for lease in now {
            let before = self.0.get(&lease.pipeline);
            let Some((turn, holder)) = turn(before, lease) else { continue };
            found.entry((turn, holder.to_owned())).or_default().push(lease.pipeline.clone());
            self.0.insert(lease.pipeline.clone(), lease.clone());
        }
        found.into_iter().map(|((is, holder), pipelines)| Hands { is, holder, pipelines }).collect()
    }
}

/// What is to be told of a lease, and who the other replica is.
fn turn<'a>(before: Option<&'a Lease>, now: &'a Lease) -> Option<(Turn, &'a str)> {
    let is_same = before.is_some_and(|before| before.holder == now.holder);
    match before {
        None if now.is_mine => Some((Turn::Acts, "")),
        Some(before) if now.is_mine => (!before.is_mine).then_some((Turn::TakesOver, before.holder.as_str())),
        // One that nobody has is somebody's in a moment; one that this replica has and cannot keep is a trouble of its own.
        _ if now.holder.is_empty() || is_same => None,
        Some(before) if before.is_mine => Some((Turn::Lost, &now.holder)),
        _ => Some((Turn::StandsBy, &now.holder)),
    }
}

impl Turn {
    /// A stable word for programs.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Acts => "acts",
            Self::TakesOver => "takes-over",
            Self::StandsBy => "stands-by",
            Self::Lost => "lost",
        }
    }

    /// The same for people, of a replica and pipelines.
    pub fn sentence(self, holder: &str, pipelines: &[String]) -> String {
        let names = super::tell::and_more(&pipelines[..pipelines.len().min(NAMED)], pipelines.len());
        match self {
            Self::Acts => format!("{names}: this replica holds the lease and acts"),
            Self::TakesOver => format!("{names}: this replica takes over from {holder}"),
            Self::StandsBy => format!("{names}: {holder} holds the lease and acts; this replica stands by"),
            Self::Lost => format!("{names}: this replica lost the lease to {holder}, and stands by"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(pipeline: &str, holder: &str) -> Lease {
        Lease { pipeline: pipeline.into(), holder: holder.into(), is_mine: holder == "me" }
    }

    #[test]
    fn each_change_of_hands_is_told_once() {
        let mut leases = Leases::default();
        let mut told = |holder: &str| -> Vec<String> {
            let news = leases.news(&[lease("shop", holder)]);
            news.iter().map(|news| news.is.sentence(&news.holder, &news.pipelines)).collect()
        };
        assert_eq!(told("a"), ["shop: a holds the lease and acts; this replica stands by"]);
        assert_eq!((told("a"), told("")), (vec![], vec![]));
        assert_eq!(told("me"), ["shop: this replica takes over from a"]);
        assert_eq!(told("me"), [""; 0]);
        assert_eq!(told("b"), ["shop: this replica lost the lease to b, and stands by"]);
        assert_eq!(told("c"), ["shop: c holds the lease and acts; this replica stands by"]);
        // A lease that this replica has and cannot keep for a moment is not another's.
        let mut leases = Leases::default();
        let mine = lease("shop", "me");
        assert_eq!(leases.news(std::slice::from_ref(&mine)).len(), 1);
        assert_eq!(leases.news(&[Lease { is_mine: false, ..mine.clone() }, mine]), []);
    }

    #[test]
    fn many_pipelines_are_one_line() {
        let all: Vec<Lease> = (0..9).map(|at| lease(&format!("p{at}"), "a")).collect();
        let news = Leases::default().news(&all);
        let told: Vec<String> = news.iter().map(|news| news.is.sentence(&news.holder, &news.pipelines)).collect();
        assert_eq!(told, ["p0, p1, p2 and 6 more: a holds the lease and acts; this replica stands by"]);
    }
}
