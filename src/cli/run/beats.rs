//! The two beats of a run, and what is tried again beside them.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use futures::FutureExt;
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::sync::Semaphore;

use super::super::start::{LeftOut, why};
use super::super::{Common, Failure, Out};
use super::tell::Teller;
use super::{Args, Asked, GRACE, Left, PARTING, Wanted};
use crate::aws::fenced;
use crate::cloud::Cloud;
use crate::control::Fleet;
use crate::run::{Controller, Fence, Reconciler, Told, locked};
use crate::serve::Pulse;

/// Time between an alarm and its tick, in which the others of the same moment come.
const CALM: Duration = Duration::from_secs(1);

/// Pipelines that are looked through for drift at once.
const DRIFTS_AT_ONCE: usize = 4;

/// Time between two attempts to start what was left out.
const AGAIN: Duration = Duration::from_secs(300);

/// The two beats of a run.
pub struct Beats<'a> {
    pub common: &'a Common,
    pub args: &'a Args,
    pub out: &'a Out,
    pub clock: &'a Arc<dyn Cloud>,
    pub asked: &'a Asked,
    pub pulse: &'a Pulse,
    pub reconcilers: Vec<Reconciler>,
    /// Specs that could not be started.
    pub left_out: Vec<LeftOut>,
    /// What was read anew and is to be taken up between two ticks.
    pub ready: Mutex<Option<Wanted>>,
    /// Whether a tick is under way, or what is done at once before and after it.
    pub ticking: AtomicBool,
}

impl Beats<'_> {
    /// Ticks until it is asked to stop, has done what it was to do, or has read the specs again.
    pub async fn go(&self, mut controller: Controller, left: &mut Left, teller: &Teller<'_>) -> Option<Wanted> {
        let tick = i64::try_from(self.args.tick.seconds()).unwrap_or(i64::MAX).max(1);
        let fleet = controller.fleet();
        let fences = self.reconcilers.iter().map(|one| controller.fence(&one.scope.pipeline)).collect();
        let slow = self.slow(&fleet, teller, fences);
        let tried = self.try_again();
        tokio::pin!(slow, tried);
        let ticks = async {
            // The tick that looks at all streams: a storm of alarms neither puts it off nor adds to it.
            let mut due = self.clock.now();
            while !self.asked.stop.is_asked() {
                if let Some(again) = self.reread(teller, &fleet).await.or_else(|| self.taken_up()) {
                    return Some(again);
                }
                let began = std::time::Instant::now();
                // Where the clock went back, it is due as well.
                if !(due - tick..due).contains(&self.clock.now()) {
                    controller.tick(&|told| teller.tell(&told)).await;
                    // On the minute, so that metrics are as new as they can be.
                    let now = self.clock.now();
                    due = now - now.rem_euclid(tick) + tick;
                } else {
                    controller.woken(&|told| teller.tell(&told)).await;
                }
                self.pulse.ticked(began.elapsed());
                teller.look(&fleet);
                if left.ticked(self.clock.now()) {
                    break;
                }
                let wait = due - self.clock.now();
                if wait <= 0 {
                    // A tick that took all of its time, virtual time too: the others have their turn without a pause of ours.
                    self.let_by().await;
                }
                tokio::select! {
                    // First, so that it stands among those who wait before the others go on: a pause of the slow beat that stood
                    // there alone would take virtual time with it, past all ticks until its own end.
                    biased;
                    () = self.clock.pause(Duration::from_secs(u64::try_from(wait).unwrap_or(0))) => {}
                    () = async { self.let_by().await; self.asked.woken.notified().await } => {
                        // Many alarms at once are one wake-up.
                        self.clock.pause(CALM).await;
                    }
                }
                self.ticking.store(true, Ordering::SeqCst);
            }
            None
        };
        let again = tokio::select! {
            again = ticks => again,
            () = &mut slow => None,
            () = &mut tried => None,
            // What does not end in time is dropped: its calls are in the books already.
            () = self.overdue() => None,
        };
        // Another replica need not wait until it runs out.
        if tokio::time::timeout(PARTING, controller.end()).await.is_err() {
            tracing::warn!("the lease is not given back in time; it runs out by itself");
        }
        again
    }

    /// Lets what goes on between ticks alone go on.
    async fn let_by(&self) {
        self.ticking.store(false, Ordering::SeqCst);
        // It may have been polled before.
        tokio::task::yield_now().await;
    }

    /// Reads the specs again if that was asked for. Where they cannot be used, what was read before holds.
    async fn reread(&self, teller: &Teller<'_>, fleet: &Mutex<Fleet>) -> Option<Wanted> {
        if !self.asked.reread.swap(false, Ordering::SeqCst) {
            return None;
        }
        let failed = |failure: Failure| {
            failure.tell(self.out);
            why(&failure, &self.common.specs()[0].display().to_string())
        };
        let why = match Wanted::read(self.common, self.args, false).await {
            // Nothing that is kept now is let go for a mistake.
            Ok(wanted) if !is_part(&wanted.left_out, &self.left_out) => {
                let is_new = |left: &&LeftOut| !is_part(std::slice::from_ref(left), &self.left_out);
                // Those that were left out before are told with each tick; the streams of the others are sized as before.
                let mistaken = wanted.left_out.iter().filter(is_new);
                let mistaken: Vec<String> = mistaken.map(|left| format!("{}: {}", left.spec, left.why)).collect();
                let what = |one: &String| self.out.complain(&format!("{one}; what was read of it before holds"), None);
                mistaken.iter().for_each(what);
                mistaken.join("; ")
            }
            // What is held now is given up for a ledger that can be reached, or not at all.
            Ok(wanted) => {
                match self.args.ledger.reach(&self.common.at_home(wanted.home.as_ref()), &wanted.jobs).await {
                    Ok(()) => return Some(wanted),
                    Err(failure) => failed(failure),
                }
            }
            Err(failure) => failed(failure),
        };
        let message = format!("the specs that were read again cannot be used, and those read before hold: {why}");
        // What is told once is forgotten, and the file is found to be mistaken by the next start.
        locked(fleet).outdated = Some(message.clone());
        teller.tell(&Told::Trouble { at: self.clock.now(), message });
        None
    }

    fn taken_up(&self) -> Option<Wanted> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Tries now and then to start what was left out; it never ends by itself. Where some of it can be used, all is taken up anew:
    /// what is known of the others is in the ledger.
    async fn try_again(&self) {
        while !self.left_out.is_empty() {
            self.between(self.clock.pause(AGAIN)).await;
            let Ok(wanted) = Wanted::read(self.common, self.args, false).await else { continue };
            let is_better = is_part(&wanted.left_out, &self.left_out) && wanted.left_out.len() < self.left_out.len();
            if is_better
                && self.args.ledger.reach(&self.common.at_home(wanted.home.as_ref()), &wanted.jobs).await.is_ok()
            {
                *self.ready.lock().unwrap_or_else(PoisonError::into_inner) = Some(wanted);
            }
        }
        std::future::pending().await
    }

    /// Ends some time after the run was asked to stop.
    async fn overdue(&self) {
        while !self.asked.stop.is_asked() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        tokio::time::sleep(GRACE).await;
    }

    /// The slow beat; it never ends by itself. `fences`: which replica acts for each reconciler's pipeline; another does nothing.
    async fn slow(&self, fleet: &Mutex<Fleet>, teller: &Teller<'_>, fences: Vec<Fence>) {
        let every = self.args.drift.seconds();
        if every == 0 {
            return std::future::pending().await;
        }
        let slots = &Semaphore::new(DRIFTS_AT_ONCE);
        let mut running = FuturesUnordered::new();
        let mut busy = BTreeSet::new();
        loop {
            {
                let mut rest = pin!(self.between(self.clock.pause(Duration::from_secs(every))));
                loop {
                    // A pipeline whose look hangs holds up itself alone.
                    tokio::select! {
                        biased;
                        Some(at) = running.next() => drop(busy.remove(&at)),
                        () = &mut rest => break,
                    }
                }
            }
            for (at, (reconciler, fence)) in self.reconcilers.iter().zip(&fences).enumerate() {
                if busy.insert(at) {
                    running.push(async move {
                        // It is never closed.
                        let _slot = slots.acquire().await;
                        if fence() {
                            fenced(Arc::clone(fence), self.reconcile(reconciler, fleet, teller)).await;
                        }
                        at
                    });
                }
            }
        }
    }

    /// Lets a pause go on between ticks alone: virtual time, which passes by pauses, would else run away under a tick of many looks.
    async fn between(&self, mut pause: impl Future<Output = ()> + Unpin) {
        poll_fn(|context| match self.ticking.load(Ordering::SeqCst) {
            true => Poll::Pending,
            false => pause.poll_unpin(context),
        })
        .await;
    }

    /// One pipeline's turn on the slow beat.
    async fn reconcile(&self, reconciler: &Reconciler, fleet: &Mutex<Fleet>, teller: &Teller<'_>) {
        let paused = locked(fleet).paused(&reconciler.scope.pipeline);
        self.count(reconciler, fleet).await;
        let status = reconciler.beat(&self.asked.stop, &paused).await;
        let mut fleet = locked(fleet);
        let is_news = status.is_news(fleet.drift.get(&status.pipeline));
        fleet.drift.insert(status.pipeline.clone(), status.clone());
        drop(fleet);
        if is_news {
            teller.tell(&Told::Drift(status));
        }
    }

    /// Changes of the count by others are resizes, unless CloudTrail knows better.
    async fn count(&self, reconciler: &Reconciler, fleet: &Mutex<Fleet>) {
        let (pipeline, now) = (&reconciler.scope.pipeline, reconciler.cloud.now());
        if !locked(fleet).asks_trail(pipeline, now) {
            return;
        }
        if let Some(made) = reconciler.resizes().await {
            locked(fleet).heed_trail(pipeline, &made, now);
        }
    }
}

/// Whether each of these was left out before.
fn is_part(now: &[LeftOut], before: &[LeftOut]) -> bool {
    now.iter().all(|left| before.iter().any(|before| before.spec == left.spec))
}
