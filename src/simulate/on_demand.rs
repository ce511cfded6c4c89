use super::demand::Demand;
use super::run::{Minute, Run};
use crate::local::reference::{RETRY_MINUTES, Unread, consume, serve_capacity};
use crate::scale::baseline::on_demand::OnDemand;

/// An on-demand stream under the demand: the same producers and retries, AWS's own capacity.
pub fn run(demand: &Demand, mut stream: OnDemand, burst: f64) -> Run {
    let (mut retries, mut unread) = ([0.0; RETRY_MINUTES], Unread::default());
    let mut minutes = Vec::with_capacity(demand.load.len());
    for fresh in demand.load.iter().copied() {
        let capacity = stream.capacity();
        let (served, next) = serve_capacity(fresh, capacity, retries, burst);
        retries = next;
        // The reader is twice as fast as the whole shards of the capacity; AWS grows in small steps that nobody sees.
        let (age, rest) = consume(unread, served.accepted, capacity as u32, None);
        unread = rest;
        stream.pass(served.accepted);
        minutes.push(Minute {
            capacity,
            calls: 0,
            fresh,
            accepted: served.accepted,
            rejected: served.rejected,
            throttled: served.throttled,
            lost: served.lost,
            age,
        });
    }
    Run { start: demand.start, minutes, ..Run::default() }
}
