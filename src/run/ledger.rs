use futures::future::{BoxFuture, FutureExt};

use crate::cloud::Fault;
use crate::control::Entry;

/// Where the controller writes down what must survive it.
pub trait Ledger: Send {
    /// Answers every entry that was written, oldest first.
    fn recall<'a>(&'a mut self, take: &'a mut (dyn FnMut(Entry) + Send)) -> BoxFuture<'a, Result<(), Fault>>;

    /// Appends entries. `durable`: they must survive a crash of the machine before this returns.
    fn write<'a>(&'a mut self, entries: &'a [Entry], durable: bool) -> BoxFuture<'a, Result<(), Fault>>;
}

/// Keeps nothing but what the process holds: the calls of the day are then known from the streams' tags alone.
#[derive(Debug, Default)]
pub struct Forgetful;

impl Ledger for Forgetful {
    fn recall<'a>(&'a mut self, _: &'a mut (dyn FnMut(Entry) + Send)) -> BoxFuture<'a, Result<(), Fault>> {
        async { Ok(()) }.boxed()
    }

    fn write<'a>(&'a mut self, _: &'a [Entry], _: bool) -> BoxFuture<'a, Result<(), Fault>> {
        async { Ok(()) }.boxed()
    }
}
