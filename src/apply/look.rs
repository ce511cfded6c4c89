use std::collections::BTreeMap;

use futures::stream::{self, StreamExt};

use crate::cloud::{Caller, Claim, Claims, Cloud, Fault, Tags, Target};
use crate::model::{Address, Desired, Graph, Inventory, Observed, Quotas, Schema, Scope, Value};
use crate::plan::{Watched, is_satisfied};

/// Reads in flight at once. Rates per operation hold beside it.
const READS_AT_ONCE: usize = 32;

/// Where a pipeline lives, given who calls.
pub async fn scope_of(cloud: &dyn Cloud, pipeline: &str) -> Result<Scope, Fault> {
    let Caller { account, partition, region, .. } = cloud.caller().await?;
    Ok(Scope { pipeline: pipeline.to_owned(), partition, region, account })
}

/// Looks at everything that is wanted and everything that is owned; with `destroy`, also at what reads it, since all
/// of it is to go.
///
/// AWS lists the tags of a hundred resources in one call and tells those of a single one five times a second. So what a listing says is
/// believed of what is just as it should be; a difference is looked at once more, tags and all, before anything is concluded from it.
pub async fn look(
    cloud: &dyn Cloud,
    graph: &Graph,
    scope: &Scope,
    schemas: &[&'static Schema],
    destroy: bool,
) -> Inventory {
    let wanted = graph.iter().map(|desired| (desired.address.clone(), desired.physical.clone())).collect();
    let kinds = graph.iter().map(|desired| desired.schema.kind).collect();
    let look = async {
        let believed =
            |address: &Address, tags: &Tags| !destroy && graph.get(address).is_some_and(|d| has_tags(d, tags));
        let (targets, blind) = targets(cloud, wanted, scope, schemas, &believed).await;
        let mut inventory = empty(cloud, scope, blind);
        let quick: Vec<Target> = targets.iter().filter(|target| target.listed.is_some()).cloned().collect();
        inventory.seen = observe(cloud, targets).await;
        let differs = |target: &Target| {
            let (desired, live) = (graph.get(&target.address), inventory.present(&target.address));
            !desired.zip(live).is_some_and(|(desired, live)| is_satisfied(graph, &inventory, desired, live))
        };
        let again = quick.into_iter().filter(differs).map(|target| Target { listed: None, ..target }).collect();
        inventory.seen.extend(observe(cloud, again).await);
        inventory
    };
    let (mut inventory, quotas) = futures::join!(look, cloud.quotas(&kinds));
    match quotas {
        Ok(quotas) => inventory.quotas = quotas,
        Err(fault) => inventory.blind.push(format!("the account's quotas: {fault}")),
    }
    let leaving = |address: &Address| destroy || graph.get(address).is_none();
    inventory.readers = readers(cloud, &inventory, schemas, leaving).await;
    inventory
}

/// Whether the listed tags are those that are wanted.
fn has_tags(desired: &Desired, listed: &Tags) -> bool {
    let (field, wanted) = (desired.schema.field("tags"), desired.attrs.get("tags"));
    let live = Value::map(listed.iter().map(|(key, value)| (key.clone(), value.clone())));
    field.zip(wanted).is_some_and(|(field, wanted)| field.compare.same(wanted, &live))
}

/// What reads the resources that are about to leave.
async fn readers(
    cloud: &dyn Cloud,
    inventory: &Inventory,
    schemas: &[&'static Schema],
    leaving: impl Fn(&Address) -> bool,
) -> BTreeMap<Address, Result<Vec<(Address, String)>, String>> {
    let mut found = BTreeMap::new();
    for (address, seen) in &inventory.seen {
        let schema = schemas.iter().copied().find(|schema| schema.kind == address.kind());
        let (true, Some(schema), Some(live)) = (leaving(address), schema, seen.present()) else { continue };
        let target = Target {
            address: address.clone(),
            schema,
            scope: inventory.scope.clone(),
            physical: live.physical.clone(),
            outputs: live.outputs.clone(),
            listed: None,
        };
        let readers = match cloud.readers(&target).await {
            Ok(readers) => Ok(readers.into_iter().map(|claim| (claim.address, claim.physical)).collect()),
            Err(fault) => Err(fault.to_string()),
        };
        found.insert(address.clone(), readers);
    }
    found
}

/// Looks at what a saved plan was computed from, and at what is owned now. `quickly`: listings are believed, which can be minutes behind.
pub async fn look_again(
    cloud: &dyn Cloud,
    watched: &BTreeMap<Address, Watched>,
    scope: &Scope,
    schemas: &[&'static Schema],
    quickly: bool,
) -> Inventory {
    let wanted = watched.iter().map(|(address, watched)| (address.clone(), watched.physical.clone())).collect();
    let leaving = |address: &Address| watched.get(address).is_none_or(|watched| watched.leaves);
    let (targets, blind) = targets(cloud, wanted, scope, schemas, &|address, _| quickly && !leaving(address)).await;
    let mut inventory = empty(cloud, scope, blind);
    inventory.seen = observe(cloud, targets).await;
    inventory.readers = readers(cloud, &inventory, schemas, leaving).await;
    inventory
}

/// What is wanted and what is owned. The tags of a listing go with a target where they are believed.
async fn targets(
    cloud: &dyn Cloud,
    mut wanted: BTreeMap<Address, String>,
    scope: &Scope,
    schemas: &[&'static Schema],
    believed: &(dyn Fn(&Address, &Tags) -> bool + Sync),
) -> (Vec<Target>, Vec<String>) {
    let Claims { found, mut tags, blind } = cloud.owned(scope, &wanted).await;
    for claim in found {
        match wanted.get(&claim.address) {
            Some(physical) if *physical == claim.physical => {}
            // It is looked at by its tags, and is the wanted one whatever it is called.
            Some(_) if is_found_by_tags(schemas, claim.address.kind()) => {}
            // The spec gives the resource another name now; the old one is still ours.
            Some(_) => {
                wanted.insert(claim.address.former(&claim.physical), claim.physical);
            }
            None => {
                wanted.insert(claim.address, claim.physical);
            }
        }
    }
    let target = |(address, physical): (Address, String)| {
        let schema = schemas.iter().copied().find(|schema| schema.kind == address.kind())?;
        let claim = Claim { address, physical };
        let listed = tags.remove(&claim).filter(|tags| believed(&claim.address, tags));
        let Claim { address, physical } = claim;
        Some(Target { address, schema, scope: scope.clone(), physical, outputs: BTreeMap::new(), listed })
    };
    (wanted.into_iter().filter_map(target).collect(), blind)
}

fn is_found_by_tags(schemas: &[&'static Schema], kind: &str) -> bool {
    schemas.iter().any(|schema| schema.kind == kind && schema.found_by_tags)
}

/// Looks at all of them: many at once where AWS reads many in one call, and several calls in flight.
pub(super) async fn observe(cloud: &dyn Cloud, targets: Vec<Target>) -> BTreeMap<Address, Observed> {
    let mut looks: Vec<Vec<Target>> = Vec::new();
    for target in targets {
        match looks.last_mut() {
            Some(look)
                if look[0].schema.kind == target.schema.kind && look.len() < cloud.looks_at_once(target.schema) =>
            {
                look.push(target);
            }
            _ => looks.push(vec![target]),
        }
    }
    let reads = looks.into_iter().map(|look| async move {
        let tagged: Vec<Target> =
            look.iter().map(|target| Target { address: target.address.tagged(), ..target.clone() }).collect();
        let seen = cloud.observe_all(&tagged).await;
        look.into_iter().map(|target| target.address).zip(seen).collect::<Vec<_>>()
    });
    stream::iter(reads).buffer_unordered(READS_AT_ONCE).flat_map(stream::iter).collect().await
}

fn empty(cloud: &dyn Cloud, scope: &Scope, blind: Vec<String>) -> Inventory {
    let (seen, readers) = Default::default();
    Inventory { scope: scope.clone(), taken_at: cloud.now(), seen, blind, readers, quotas: Quotas::new() }
}
