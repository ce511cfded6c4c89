//! Looks at all streams at once. What fails is that stream's own trouble.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::stream::{self, StreamExt};

use super::Watch;
use crate::cloud::Cloud;
use crate::model::{Deliveries, FanOut, Glance, OpenShard, Readings};

/// Looks in flight at once; the rates of the API hold beside it.
const AT_ONCE: usize = 32;
/// Real time after which a look or a reading is given up, so that one that hangs holds up nobody.
const PATIENCE: Duration = Duration::from_secs(20);
/// Minutes of fan-out consumers that are read: those in which CloudWatch still corrects itself.
const NEWEST: i64 = 12;

/// A look that is due.
pub struct Look {
    pub at: usize,
    pub tags: bool,
}

/// Looks at streams; the answers in no order.
pub async fn looks(
    clouds: &[std::sync::Arc<dyn Cloud>],
    watches: &[Watch],
    due: &[Look],
) -> Vec<(usize, Result<Glance, String>)> {
    let all = due.iter().map(|look| async move {
        let watch = &watches[look.at];
        (look.at, glance(&*clouds[watch.cloud], watch, look.tags).await)
    });
    stream::iter(all).buffer_unordered(AT_ONCE).collect().await
}

/// The open shards of streams, for those that are to be split.
pub async fn shards(
    clouds: &[std::sync::Arc<dyn Cloud>],
    watches: &[Watch],
    wanted: &[usize],
) -> BTreeMap<usize, Result<Vec<OpenShard>, String>> {
    let all = wanted.iter().map(|at| async move {
        let watch = &watches[*at];
        let target = watch.target();
        let read = tokio::time::timeout(PATIENCE, clouds[watch.cloud].open_shards(&target, watch.loads)).await;
        let shards = match read {
            Ok(shards) => shards.map_err(|fault| fault.to_string()),
            Err(_) => Err(format!("listing its shards took more than {} s", PATIENCE.as_secs())),
        };
        (*at, shards)
    });
    stream::iter(all).buffer_unordered(AT_ONCE).collect().await
}

/// One look.
pub async fn glance(cloud: &dyn Cloud, watch: &Watch, tags: bool) -> Result<Glance, String> {
    match tokio::time::timeout(PATIENCE, cloud.glance(&watch.target(), tags)).await {
        Ok(glance) => glance.map_err(|fault| fault.to_string()),
        Err(_) => Err(format!("reading stream {} took more than {} s", watch.physical, PATIENCE.as_secs())),
    }
}

/// Reads metrics: streams that are asked from the same minute on together.
pub async fn metrics(cloud: &dyn Cloud, wanted: &BTreeMap<i64, Vec<String>>, to: i64) -> Readings {
    let mut all = Readings::default();
    for (from, streams) in wanted {
        // A fortnight of many streams is many calls, each with the patience of its own batch.
        let patience = PATIENCE * (1 + u32::try_from((to - from) / 1440).unwrap_or(14));
        let read = tokio::time::timeout(patience, cloud.readings(streams, *from, to)).await;
        let Readings { found, blind } = read.unwrap_or_else(|_| {
            let why = format!("CloudWatch took more than {} s", patience.as_secs());
            Readings {
                blind: streams.iter().map(|stream| (stream.clone(), why.clone())).collect(),
                ..Readings::default()
            }
        });
        all.found.extend(found);
        all.blind.extend(blind);
    }
    all
}

/// Reads the newest minutes of fan-out consumers.
pub async fn deliveries(cloud: &dyn Cloud, consumers: &[FanOut], to: i64) -> Deliveries {
    if consumers.is_empty() {
        return Deliveries::default();
    }
    let read = tokio::time::timeout(PATIENCE, cloud.deliveries(consumers, to - NEWEST, to)).await;
    read.unwrap_or_else(|_| {
        let trouble = format!("reading the metrics of fan-out consumers took more than {} s", PATIENCE.as_secs());
        Deliveries { troubles: vec![trouble], ..Deliveries::default() }
    })
}

/// Asks which alarms ring.
pub async fn alarms(cloud: &dyn Cloud, names: &[String]) -> Result<BTreeSet<String>, String> {
    if names.is_empty() {
        return Ok(BTreeSet::new());
    }
    match tokio::time::timeout(PATIENCE, cloud.ringing(names)).await {
        Ok(ringing) => ringing.map_err(|fault| fault.to_string()),
        Err(_) => Err(format!("reading alarms took more than {} s", PATIENCE.as_secs())),
    }
}
