//! Who does not answer. A plan asks ten services, most of them one after the other: where a region hangs, each would be waited for.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use tokio::time::Instant;

/// For so long, a service that has let a call time out is not asked again. Longer than all attempts of one call, so that what was
/// asked meanwhile finds it still silent.
const QUIET: Duration = Duration::from_secs(75);
/// So many services that take calls and answer none are a region that hangs.
const REGION: usize = 2;

/// How a call ended that had no answer in its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// Nobody took it: a service without an endpoint in a private network says nothing of the others.
    Unconnected,
    /// Somebody took it and said nothing.
    Hanging,
}

impl Unanswered {
    pub fn of<E>(error: &SdkError<E, HttpResponse>) -> Option<Self> {
        match error {
            SdkError::TimeoutError(_) => Some(Self::Hanging),
            SdkError::DispatchFailure(failure) if failure.is_timeout() => Some(Self::Unconnected),
            _ => None,
        }
    }
}

/// The services that have not answered lately. An answer of a service ends its silence.
#[derive(Debug, Default)]
pub struct Silence(Mutex<Heard>);

#[derive(Debug, Default)]
struct Heard {
    silent: BTreeMap<&'static str, (Instant, Unanswered)>,
    answered: Option<Instant>,
}

impl Silence {
    /// A call was given up.
    pub fn given_up(&self, operation: &'static str, how: Unanswered, now: Instant) {
        self.with(|heard| heard.silent.insert(service(operation), (now, how)));
    }

    /// A call was answered, whatever the answer says.
    pub fn answered(&self, operation: &'static str, now: Instant) {
        self.with(|heard| {
            heard.silent.remove(service(operation));
            heard.answered = Some(now);
        });
    }

    /// Who has let calls time out such that this one is not worth a try: its own service, or several, and none has answered since.
    pub fn over(&self, operation: &'static str, now: Instant) -> Option<String> {
        self.with(|heard| {
            let own = service(operation);
            let lately = |at: &Instant| now.duration_since(*at) < QUIET;
            if heard.silent.get(own).is_some_and(|(at, _)| lately(at)) {
                return Some(own.to_owned());
            }
            let hangs = heard.silent.iter().filter(|(_, (at, how))| {
                *how == Unanswered::Hanging && lately(at) && heard.answered.is_none_or(|answered| *at > answered)
            });
            let hanging: Vec<&str> = hangs.map(|(service, _)| *service).collect();
            (hanging.len() >= REGION).then(|| hanging.join(" and "))
        })
    }

    fn with<T>(&self, change: impl FnOnce(&mut Heard) -> T) -> T {
        // What a thread that panicked has left is a map like any other.
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// `kinesis` of `kinesis:ListStreams`.
fn service(operation: &'static str) -> &'static str {
    operation.split(':').next().unwrap_or(operation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_that_times_out_is_left_alone_and_two_are_a_region() {
        let silence = Silence::default();
        let began = Instant::now();
        let at = |seconds: u64| began + Duration::from_secs(seconds);
        silence.answered("sts:GetCallerIdentity", at(0));
        silence.given_up("tag:GetResources", Unanswered::Hanging, at(30));
        assert_eq!(silence.over("tag:GetResources", at(31)).as_deref(), Some("tag"));
        assert_eq!(silence.over("kinesis:ListStreams", at(31)), None);
        silence.given_up("kinesis:DescribeLimits", Unanswered::Hanging, at(31));
        assert_eq!(silence.over("iam:ListRoles", at(32)).as_deref(), Some("kinesis and tag"));
        assert_eq!(silence.over("iam:ListRoles", at(110)), None, "after a while each is asked again");
        silence.given_up("tag:GetResources", Unanswered::Hanging, at(110));
        silence.answered("iam:ListRoles", at(111));
        assert_eq!(silence.over("s3:ListBuckets", at(111)), None, "somebody has answered since");
        silence.given_up("kinesis:ListStreams", Unanswered::Hanging, at(111));
        assert!(silence.over("kinesis:ListStreams", at(112)).is_some());
        silence.answered("kinesis:ListStreams", at(112));
        assert_eq!(silence.over("kinesis:ListStreams", at(112)), None);
    }

    /// In a private network some services have no endpoint; that says nothing of those that have.
    #[test]
    fn services_that_nobody_reaches_are_no_region_that_hangs() {
        let (silence, now) = (Silence::default(), Instant::now());
        for operation in ["iam:ListRoles", "tag:GetResources", "ec2:DescribeVpcs"] {
            silence.given_up(operation, Unanswered::Unconnected, now);
            assert!(silence.over(operation, now).is_some());
        }
        assert_eq!(silence.over("kinesis:ListStreams", now), None);
    }
}
