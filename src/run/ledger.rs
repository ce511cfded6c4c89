use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt};

pub use crate::aws::Fence;
use crate::cloud::Fault;
use crate::control::Entry;

/// Takes entries in.
pub type Take<'a> = &'a mut (dyn FnMut(Entry) + Send);

/// Where the controller writes down what must survive it. A ledger that several replicas share says which pipelines are this
/// one's to act for.
pub trait Ledger: Send {
    /// Answers every entry that was written, oldest first, as far as this process may act for it from the start.
    fn recall<'a>(&'a mut self, take: Take<'a>) -> BoxFuture<'a, Result<(), Fault>>;

    /// Appends entries of one pipeline. `durable`: they must survive a crash of the machine before this returns.
    fn write<'a>(
        &'a mut self,
        pipeline: &'a str,
        entries: &'a [Entry],
        durable: bool,
    ) -> BoxFuture<'a, Result<(), Fault>>;

    /// Where what was written is found to be gone, writes all of it anew: `all` tells what this process knows. Answers whether it was.
    fn renew<'a>(&'a mut self, _all: &'a (dyn Fn(Take<'_>) + Sync)) -> BoxFuture<'a, Result<bool, Fault>> {
        async { Ok(false) }.boxed()
    }

    /// Pipelines that have come to this replica and whose entries it has not read since.
    fn gained(&self) -> Vec<String> {
        Vec::new()
    }

    /// Answers the entries of such a pipeline, oldest first. From then on it is this replica's.
    fn take_over<'a>(&'a mut self, _pipeline: &'a str, _take: Take<'a>) -> BoxFuture<'a, Result<(), Fault>> {
        async { Ok(()) }.boxed()
    }

    /// Whether this replica acts for the pipeline, asked at any later moment.
    fn fence(&self, _pipeline: &str) -> Fence {
        Arc::new(|| true)
    }

    /// Who acts for each pipeline, where that is not a matter of course: pipeline and owner.
    fn holders(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    /// Why it cannot be kept now, in a sentence.
    fn trouble(&self) -> Option<String> {
        None
    }

    /// Gives back what others may take over.
    fn close(&mut self) -> BoxFuture<'_, ()> {
        async {}.boxed()
    }
}

/// What was read once, and nothing is written: a dry run beside those that act.
#[derive(Debug, Default)]
pub struct ReadOnly(pub Vec<Entry>);

impl Ledger for ReadOnly {
    fn recall<'a>(&'a mut self, take: Take<'a>) -> BoxFuture<'a, Result<(), Fault>> {
        self.0.drain(..).for_each(take);
        async { Ok(()) }.boxed()
    }

    fn write<'a>(&'a mut self, _: &'a str, _: &'a [Entry], _: bool) -> BoxFuture<'a, Result<(), Fault>> {
        async { Ok(()) }.boxed()
    }
}

/// Keeps nothing but what the process holds: the calls of the day are then known from the streams' tags alone.
#[derive(Debug, Default)]
pub struct Forgetful;

impl Ledger for Forgetful {
    fn recall<'a>(&'a mut self, _: Take<'a>) -> BoxFuture<'a, Result<(), Fault>> {
        async { Ok(()) }.boxed()
    }

    fn write<'a>(&'a mut self, _: &'a str, _: &'a [Entry], _: bool) -> BoxFuture<'a, Result<(), Fault>> {
        async { Ok(()) }.boxed()
    }
}
