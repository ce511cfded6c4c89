//! AWS's rates per operation: a call that comes too soon is refused in the words of its service.

use std::collections::BTreeMap;

use super::limits::Refusal;
use crate::cloud::Class;
use crate::model::published_rate;

/// A bucket of one second's calls for each operation.
#[derive(Debug, Default)]
pub struct Rates {
    /// When a full bucket would have been emptied by the calls so far, in milliseconds since 1970.
    drained: BTreeMap<String, i64>,
}

/// A call that came too soon.
#[derive(Debug, PartialEq, Eq)]
pub struct TooSoon {
    pub refusal: Refusal,
    /// Milliseconds after which it would be let through.
    pub wait_ms: i64,
}

impl Rates {
    /// Lets the call through, or says when it may come again. `now` in milliseconds since 1970.
    pub fn admit(&mut self, operation: &str, now: i64) -> Result<(), TooSoon> {
        let rate = i64::from(published_rate(operation).max(1));
        // Rates above a thousand a second would need a finer clock; none is published.
        let share = 1000 / rate;
        let drained = self.drained.entry(operation.to_owned()).or_insert(0);
        let ahead = (*drained).max(now) - now;
        let wait_ms = ahead + share - 1000;
        if wait_ms > 0 {
            let message = format!("Rate exceeded: AWS takes {rate} {operation} calls a second");
            return Err(TooSoon { refusal: Refusal::new(Class::Throttled, code(operation), message), wait_ms });
        }
        *drained = now + ahead + share;
        Ok(())
    }
}

/// The error name by which the service says it.
fn code(operation: &str) -> &'static str {
    match operation.split_once(':').map_or("", |(service, _)| service) {
        "kinesis" | "firehose" => "LimitExceededException",
        "s3" => "SlowDown",
        "ec2" => "RequestLimitExceeded",
        "iam" | "cloudwatch" => "Throttling",
        _ => "ThrottlingException",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holds_as_many_calls_as_aws_publishes() {
        let mut rates = Rates::default();
        let create = "kinesis:CreateStream";
        let let_through = (0..8).filter(|_| rates.admit(create, 10_000).is_ok()).count();
        assert_eq!(let_through, 5);
        let refused = rates.admit(create, 10_000).unwrap_err();
        assert_eq!((refused.refusal.code, refused.wait_ms), ("LimitExceededException", 200));
        assert!(rates.admit(create, 10_199).is_err() && rates.admit(create, 10_200).is_ok());
        assert!(rates.admit("kinesis:DeleteStream", 10_200).is_ok(), "each operation has its own");
        assert_eq!((0..9).filter(|_| rates.admit(create, 60_000).is_ok()).count(), 5, "and no more after a long rest");
    }
}
