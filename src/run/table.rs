//! The ledger in a DynamoDB table: several replicas share it, one acts for a pipeline, another takes over when it falls silent.
//!
//! Minutes of metrics are not written: CloudWatch keeps them for 15 days and gives them again for less than a write costs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use futures::future::{BoxFuture, FutureExt, join_all};

use super::file::minute;
use super::lease::{Keeper, Moment, Move};
use super::ledger::{Fence, Ledger, Take};
use crate::aws::table::{Line, Table};
use crate::cloud::{Class, Fault};
use crate::control::{Entry, Record};

/// Seconds after which an entry may go: the longest that a ledger in a file keeps one.
const KEPT: i64 = 31 * 86_400;
/// Signs of life in the time after which a silent holder loses its lease.
const BEATS: u32 = 4;

/// The ledger of one replica.
pub struct TableLedger {
    shared: Arc<Shared>,
    beating: tokio::task::JoinHandle<()>,
}

/// What the replica and its heart share.
struct Shared {
    table: Table,
    me: String,
    lasts: Duration,
    born: (Instant, SystemTime),
    pipelines: Mutex<BTreeMap<String, One>>,
    /// Why the newest sign of life did not get through.
    fault: Mutex<Option<String>>,
}

/// One pipeline.
struct One {
    partition: String,
    keeper: Keeper,
    /// The epoch whose beginning this replica has read the entries at.
    read: Option<i64>,
    /// Entries written in this epoch.
    written: (i64, u64),
}

impl TableLedger {
    /// Joins the replicas of these pipelines (name and partition of the table). `me` differs between any two processes;
    /// `lasts` is the time after which a silent replica loses its lease.
    ///
    /// # Errors
    /// The table cannot be read or written.
    pub async fn join(
        table: Table,
        pipelines: Vec<(String, String)>,
        me: String,
        lasts: Duration,
    ) -> Result<Self, Fault> {
        let one = |(pipeline, partition)| {
            (pipeline, One { partition, keeper: Keeper::new(me.clone(), lasts), read: None, written: (0, 0) })
        };
        let pipelines = Mutex::new(pipelines.into_iter().map(one).collect());
        let born = (Instant::now(), SystemTime::now());
        let shared = Arc::new(Shared { table, me: me.clone(), lasts, born, pipelines, fault: Mutex::default() });
        // A table that is missing or forbidden is told at once.
        shared.beat().await?;
        let heart = Arc::clone(&shared);
        let beating = tokio::spawn(async move {
            loop {
                tokio::time::sleep(heart.lasts / BEATS).await;
                let fault = heart.beat().await.err();
                let told =
                    fault.map(|fault| format!("{fault}: the lease cannot be kept, and nothing is resized without it"));
                *heart.fault.lock().unwrap_or_else(PoisonError::into_inner) = told;
            }
        });
        Ok(Self { shared, beating })
    }

    /// Where a pipeline's entries stand in the table.
    pub fn partition(pipeline: &str, account: &str, region: &str) -> String {
        format!("{account}/{region}/{pipeline}")
    }

    /// Reads entries without taking part: what the replicas have written so far.
    ///
    /// # Errors
    /// What DynamoDB answers.
    pub async fn peek(table: &Table, partition: &str, take: Take<'_>) -> Result<(), Fault> {
        for text in table.entries(partition, KEPT).await? {
            match serde_json::from_str(&text) {
                Ok(entry) => take(entry),
                Err(error) => tracing::warn!(%error, partition, "an entry of the ledger cannot be read"),
            }
        }
        Ok(())
    }
}

impl Drop for TableLedger {
    fn drop(&mut self) {
        self.beating.abort();
    }
}

impl Shared {
    fn now(&self) -> Moment {
        let (steady, wall) = self.born;
        Moment { steady: steady.elapsed(), wall: wall.elapsed().unwrap_or_default() }
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<String, One>> {
        self.pipelines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One sign of life for each pipeline that is held, one look at each that is not.
    async fn beat(&self) -> Result<(), Fault> {
        let all: Vec<(String, String)> =
            self.locked().iter().map(|(pipeline, one)| (pipeline.clone(), one.partition.clone())).collect();
        let beats = all.iter().map(|(pipeline, partition)| self.beat_one(pipeline, partition));
        join_all(beats).await.into_iter().collect()
    }

    async fn beat_one(&self, pipeline: &str, partition: &str) -> Result<(), Fault> {
        let seen = self.table.lease(partition).await?;
        let sent = self.now();
        let next = match self.locked().get_mut(pipeline) {
            Some(one) => one.keeper.next(seen.as_ref(), sent),
            None => return Ok(()),
        };
        let (got, epoch) = match next {
            Move::Wait => return Ok(()),
            Move::Claim { next } => (self.table.claim(partition, seen.as_ref(), &next).await?, next.epoch),
            Move::Renew { epoch } => (self.table.renew(partition, &self.me, epoch, false).await?, epoch),
        };
        if let Some(one) = self.locked().get_mut(pipeline) {
            if got {
                one.keeper.beaten(epoch, sent);
            } else {
                one.keeper.lost();
            }
        }
        Ok(())
    }

    /// The epoch in which this replica may act, if it may.
    fn acting(&self, pipeline: &str) -> Option<i64> {
        let now = self.now();
        let all = self.locked();
        let one = all.get(pipeline)?;
        one.keeper.epoch(now).filter(|epoch| one.read == Some(*epoch))
    }

    /// The lines to write, and under which epoch; `None` where another replica acts.
    fn lines(&self, pipeline: &str, entries: &[Entry]) -> Option<(String, i64, Vec<Line>)> {
        let epoch = self.acting(pipeline)?;
        let mut all = self.locked();
        let one = all.get_mut(pipeline)?;
        if one.written.0 != epoch {
            one.written = (epoch, 0);
        }
        let kept = entries.iter().filter(|entry| !matches!(entry.record, Record::Sample { .. }));
        let lines = kept.map(|entry| {
            one.written.1 += 1;
            Line {
                sort: format!("e{epoch:012}#{:012}", one.written.1),
                // An entry is plain data: it always has a JSON form.
                text: serde_json::to_string(entry).unwrap_or_default(),
                expires: minute(&entry.record) * 60 + KEPT,
            }
        });
        let lines = lines.collect();
        Some((one.partition.clone(), epoch, lines))
    }
}

impl Ledger for TableLedger {
    fn recall<'a>(&'a mut self, _: Take<'a>) -> BoxFuture<'a, Result<(), Fault>> {
        // What is held from the start is taken over in the first tick, like all that comes later.
        async { Ok(()) }.boxed()
    }

    fn write<'a>(&'a mut self, pipeline: &'a str, entries: &'a [Entry], _: bool) -> BoxFuture<'a, Result<(), Fault>> {
        async move {
            let lost = || {
                let doing = format!("writing the ledger of {pipeline}");
                Fault::new(Class::Refused, doing, "LeaseLost", "another replica acts for it by now")
            };
            let (partition, epoch, lines) = self.shared.lines(pipeline, entries).ok_or_else(lost)?;
            if lines.is_empty() || self.shared.table.append(&partition, &self.shared.me, epoch, &lines).await? {
                return Ok(());
            }
            if let Some(one) = self.shared.locked().get_mut(pipeline) {
                one.keeper.lost();
            }
            Err(lost())
        }
        .boxed()
    }

    fn gained(&self) -> Vec<String> {
        let now = self.shared.now();
        let all = self.shared.locked();
        let news = all.iter().filter(|(_, one)| one.keeper.epoch(now).is_some_and(|epoch| one.read != Some(epoch)));
        news.map(|(pipeline, _)| pipeline.clone()).collect()
    }

    fn take_over<'a>(&'a mut self, pipeline: &'a str, take: Take<'a>) -> BoxFuture<'a, Result<(), Fault>> {
        async move {
            let now = self.shared.now();
            let held = self.shared.locked().get(pipeline).map(|one| (one.partition.clone(), one.keeper.epoch(now)));
            let Some((partition, Some(epoch))) = held else { return Ok(()) };
            // From this epoch on nobody else can have appended: whatever stands there is all there is.
            Self::peek(&self.shared.table, &partition, take).await?;
            if let Some(one) = self.shared.locked().get_mut(pipeline) {
                one.read = Some(epoch);
            }
            Ok(())
        }
        .boxed()
    }

    fn fence(&self, pipeline: &str) -> Fence {
        let (shared, pipeline) = (Arc::clone(&self.shared), pipeline.to_owned());
        Arc::new(move || shared.acting(&pipeline).is_some())
    }

    fn holders(&self) -> Vec<(String, String)> {
        let all = self.shared.locked();
        all.iter()
            .map(|(pipeline, one)| {
                // Between a gain and the reading of its entries nobody acts.
                let is_unread = one.keeper.held().is_some_and(|epoch| one.read != Some(epoch));
                (pipeline.clone(), if is_unread { String::new() } else { one.keeper.holder().to_owned() })
            })
            .collect()
    }

    fn trouble(&self) -> Option<String> {
        self.shared.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn close(&mut self) -> BoxFuture<'_, ()> {
        async move {
            self.beating.abort();
            let now = self.shared.now();
            let held: Vec<(String, i64)> = {
                let mut all = self.shared.locked();
                let held = all.values_mut().filter_map(|one| {
                    let epoch = one.keeper.epoch(now)?;
                    // Nothing is done under it from here on.
                    one.keeper.lost();
                    Some((one.partition.clone(), epoch))
                });
                held.collect()
            };
            for (partition, epoch) in held {
                if let Err(fault) = self.shared.table.renew(&partition, &self.shared.me, epoch, true).await {
                    tracing::warn!(%fault, "the lease is not given back; it runs out by itself");
                }
            }
        }
        .boxed()
    }
}
