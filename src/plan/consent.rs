//! What the user agreed to beyond the spec: names as they were written, and what they mean in one pipeline.

use std::collections::BTreeSet;

use crate::model::{Address, Graph, Inventory, PIPELINE, Resource, Schema};

/// The user's words, before they are held against a pipeline.
#[derive(Clone, Debug, Default)]
pub struct Agreed {
    /// Names, names in AWS or addresses of resources to take over.
    pub adopt: Vec<String>,
    /// Names, names in AWS or addresses of resources whose data may be lost.
    pub data_loss: Vec<String>,
    /// Delete everything that the pipeline owns.
    pub destroy: bool,
    /// Consumers that others registered go with their stream.
    pub foreign_consumers: bool,
}

/// What the user agreed to, resource by resource.
#[derive(Clone, Debug, Default)]
pub struct Consent {
    pub adopt: BTreeSet<Address>,
    pub data_loss: BTreeSet<Address>,
    pub destroy: bool,
    pub foreign_consumers: bool,
}

/// A name that could mean several resources. Nobody guesses which one may lose its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ambiguous {
    pub name: String,
    pub candidates: Vec<Address>,
}

/// What can be named, and what is known of it.
struct Known<'a> {
    graph: &'a Graph,
    inventory: &'a Inventory,
    schemas: &'a [&'static Schema],
}

impl Agreed {
    /// Holds the names against a pipeline. Answers also the names that mean nothing in it.
    pub fn understand(
        &self,
        graph: &Graph,
        inventory: &Inventory,
        schemas: &[&'static Schema],
    ) -> Result<(Consent, BTreeSet<String>), Ambiguous> {
        let known = Known { graph, inventory, schemas };
        let mut unknown = BTreeSet::new();
        let mut consent =
            Consent { destroy: self.destroy, foreign_consumers: self.foreign_consumers, ..Consent::default() };
        for name in &self.adopt {
            let found = known.meant(name, |address| known.is_nobodys(address))?;
            if found.is_empty() {
                unknown.insert(name.clone());
            }
            consent.adopt.extend(found);
        }
        for name in &self.data_loss {
            let found = known.meant(name, |address| known.holds_data(address))?;
            if found.is_empty() {
                unknown.insert(name.clone());
            }
            consent.data_loss.extend(found);
        }
        Ok((consent, unknown))
    }
}

impl Known<'_> {
    /// The resource of this name; an address says more than a name, and of several only those matter that are `asked`.
    fn meant(&self, name: &str, asked: impl Fn(&Address) -> bool) -> Result<BTreeSet<Address>, Ambiguous> {
        let wanted = self.graph.iter().map(|desired| (&desired.address, Some(desired.physical.as_str())));
        let seen = self.inventory.seen.iter();
        let seen = seen.map(|(address, seen)| (address, seen.present().map(|live| live.physical.as_str())));
        let all: BTreeSet<(&Address, Option<&str>)> = wanted.chain(seen).collect();
        if let Some((address, _)) = all.iter().find(|(address, _)| address.to_string() == name) {
            return Ok(BTreeSet::from([(*address).clone()]));
        }
        let by_name = all.into_iter().filter(|(address, physical)| address.name() == name || *physical == Some(name));
        let all: BTreeSet<Address> = by_name.map(|(address, _)| address.clone()).collect();
        let asked: BTreeSet<Address> = all.iter().filter(|address| asked(address)).cloned().collect();
        match asked.len() {
            0 => Ok(all.into_iter().take(1).collect()),
            1 => Ok(asked),
            _ => Err(Ambiguous { name: name.to_owned(), candidates: asked.into_iter().collect() }),
        }
    }

    fn holds_data(&self, address: &Address) -> bool {
        let schema = self.schemas.iter().find(|schema| schema.kind == address.kind());
        schema.is_some_and(|schema| schema.holds_data.is_some())
    }

    /// It is there, and nobody's tags are on it.
    fn is_nobodys(&self, address: &Address) -> bool {
        let untagged = |live: &Resource| live.tag(PIPELINE).is_none();
        self.inventory.present(address).is_some_and(untagged)
    }
}

impl std::fmt::Display for Ambiguous {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = self.candidates.iter().map(ToString::to_string).collect::<Vec<_>>();
        write!(f, "`{}` can mean {}", self.name, names.join(" or "))
    }
}
