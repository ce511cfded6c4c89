//! Which of a tick's wishes may go: there is room for so many shards in the account, and so many streams may reshard at once.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt};

use super::Watch;
use super::course::Course;
use crate::cloud::Cloud;
use crate::control::{Decision, Fleet};
use crate::kinds::stream::{SCHEMA, SHARDS};
use crate::scale::{Admission, Quota, Wish, admit};

/// Seconds after which an answer of DescribeLimits is asked for anew where something wants to grow.
const FRESH: i64 = 50;
/// Seconds for which it is decided by. After that streams that it held back wish again, and then it is asked for anew.
const KNOWN: i64 = 150;

/// Accounts that are asked at once.
const AT_ONCE: usize = 8;

/// What is known of the quotas of each cloud's account, and since when.
#[derive(Default)]
pub struct Room(BTreeMap<usize, (i64, Quota)>);

impl Room {
    /// Asks where something wants to grow and nothing fresh is known. Answers what failed: then AWS has the last word.
    pub async fn ask(
        &mut self,
        clouds: &[std::sync::Arc<dyn Cloud>],
        growing: &BTreeSet<usize>,
        course: &Course,
    ) -> Vec<String> {
        let mut troubles = Vec::new();
        let is_fresh =
            |at: &usize| self.0.get(at).is_some_and(|(asked, _)| (0..FRESH).contains(&(clouds[*at].now() - asked)));
        let stale: Vec<usize> = growing.iter().filter(|at| !is_fresh(at)).copied().collect();
        let kinds = &BTreeSet::from([SCHEMA.kind]);
        let asked = stale.iter().map(|at| async move {
            let now = clouds[*at].now();
            let answer = course.answer("reading the account's limit of shards", clouds[*at].quotas(kinds)).await;
            let answer = answer.map_err(|missed| missed.to_string());
            (at, now, answer.and_then(|quotas| quotas.map_err(|fault| fault.to_string())))
        });
        let answers: Vec<_> = stream::iter(asked).buffered(AT_ONCE).collect().await;
        for (at, now, answer) in answers {
            self.0.remove(at);
            match answer {
                Ok(quotas) => {
                    let count = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
                    let quota =
                        quotas.get(SHARDS).map(|quota| Quota { limit: count(quota.limit), open: count(quota.used) });
                    self.0.extend(quota.map(|quota| (*at, (now, quota))));
                }
                Err(why) => troubles.push(why),
            }
        }
        troubles
    }

    /// The newest answer while it is known well enough. What was opened since then AWS refuses.
    pub fn quota(&self, cloud: usize, now: i64) -> Option<Quota> {
        let (asked, quota) = self.0.get(&cloud)?;
        (0..KNOWN).contains(&(now - asked)).then_some(*quota)
    }
}

/// Whether each wish may go now, in their order. Streams that reshard already count, whoever asked for it.
pub fn admitted(
    fleet: &Fleet,
    watches: &[Watch],
    wishes: &[(usize, Decision)],
    room: &Room,
    now: &[i64],
) -> Vec<Admission> {
    let mut answers = vec![Admission::Go; wishes.len()];
    let clouds: BTreeSet<usize> = wishes.iter().map(|(at, _)| watches[*at].cloud).collect();
    for cloud in clouds {
        let places: Vec<usize> = (0..wishes.len()).filter(|wish| watches[wishes[*wish].0].cloud == cloud).collect();
        let here: Vec<Wish<'_>> = places
            .iter()
            .map(|wish| {
                let (at, decision) = &wishes[*wish];
                let fill = decision.numbers.demand.map(|demand| demand / f64::from(decision.from.max(1)));
                let split = decision.verb.is_single();
                Wish { stream: &watches[*at].physical, from: decision.from, to: decision.to, split, fill }
            })
            .collect();
        let streams = fleet.streams().iter().zip(watches);
        let running = streams.filter(|(stream, watch)| watch.cloud == cloud && stream.is_resharding()).count();
        let room = room.quota(cloud, now[cloud]).map(|quota| quota.limit.saturating_sub(quota.open));
        let admitted = admit(&here, running, fleet.rules.at_once, room);
        places.into_iter().zip(admitted).for_each(|(wish, admission)| answers[wish] = admission);
    }
    answers
}
