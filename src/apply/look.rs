use std::collections::BTreeMap;

use futures::stream::{self, StreamExt};

use crate::cloud::{Caller, Claims, Cloud, Fault, Target};
use crate::model::{Address, Graph, Inventory, Quotas, Schema, Scope};
use crate::plan::Watched;

/// Reads in flight at once. Rates per operation hold beside it.
const READS_AT_ONCE: usize = 32;

/// Where a pipeline lives, given who calls.
pub async fn scope_of(cloud: &dyn Cloud, pipeline: &str) -> Result<Scope, Fault> {
    let Caller { account, partition, region, .. } = cloud.caller().await?;
    Ok(Scope { pipeline: pipeline.to_owned(), partition, region, account })
}

/// Looks at everything that is wanted and everything that is owned; with `destroy`, also at what reads it, since all
/// of it is to go.
pub async fn look(
    cloud: &dyn Cloud,
    graph: &Graph,
    scope: &Scope,
    schemas: &[&'static Schema],
    destroy: bool,
) -> Inventory {
    let wanted = graph.iter().map(|desired| (desired.address.clone(), desired.physical.clone())).collect();
    let kinds = graph.iter().map(|desired| desired.schema.kind).collect();
    let (mut inventory, quotas) = futures::join!(take(cloud, wanted, scope, schemas), cloud.quotas(&kinds));
    match quotas {
        Ok(quotas) => inventory.quotas = quotas,
        Err(fault) => inventory.blind.push(format!("the account's quotas: {fault}")),
    }
    let leaving = |address: &Address| destroy || graph.get(address).is_none();
    inventory.readers = readers(cloud, &inventory, schemas, leaving).await;
    inventory
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
        };
        let readers = match cloud.readers(&target).await {
            Ok(readers) => Ok(readers.into_iter().map(|claim| (claim.address, claim.physical)).collect()),
            Err(fault) => Err(fault.to_string()),
        };
        found.insert(address.clone(), readers);
    }
    found
}

/// Looks at what a saved plan was computed from, and at what is owned now.
pub async fn look_again(
    cloud: &dyn Cloud,
    watched: &BTreeMap<Address, Watched>,
    scope: &Scope,
    schemas: &[&'static Schema],
) -> Inventory {
    let wanted = watched.iter().map(|(address, watched)| (address.clone(), watched.physical.clone())).collect();
    let mut inventory = take(cloud, wanted, scope, schemas).await;
    let leaving = |address: &Address| watched.get(address).is_none_or(|watched| watched.leaves);
    inventory.readers = readers(cloud, &inventory, schemas, leaving).await;
    inventory
}

async fn take(
    cloud: &dyn Cloud,
    mut wanted: BTreeMap<Address, String>,
    scope: &Scope,
    schemas: &[&'static Schema],
) -> Inventory {
    let Claims { found, blind } = cloud.owned(scope).await;
    for claim in found {
        match wanted.get(&claim.address) {
            Some(physical) if *physical == claim.physical => {}
            // The spec gives the resource another name now; the old one is still ours.
            Some(_) => {
                wanted.insert(claim.address.former(&claim.physical), claim.physical);
            }
            None => {
                wanted.insert(claim.address, claim.physical);
            }
        }
    }
    let targets: Vec<Target> = wanted
        .into_iter()
        .filter_map(|(address, physical)| {
            let schema = schemas.iter().copied().find(|schema| schema.kind == address.kind())?;
            Some(Target { address, schema, scope: scope.clone(), physical, outputs: BTreeMap::new() })
        })
        .collect();
    let reads = targets.iter().map(|target| async move {
        (target.address.clone(), cloud.observe(&Target { address: target.address.tagged(), ..target.clone() }).await)
    });
    let seen = stream::iter(reads).buffer_unordered(READS_AT_ONCE).collect::<BTreeMap<_, _>>().await;
    Inventory {
        scope: scope.clone(),
        taken_at: cloud.now(),
        seen,
        blind,
        readers: BTreeMap::new(),
        quotas: Quotas::new(),
    }
}
