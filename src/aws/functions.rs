//! How far Lambda functions are behind: their metric IteratorAge.

use aws_sdk_cloudwatch::types::{MetricDataQuery, MetricDataResult};

use super::clients::Aws;
use super::readings::{QUERIES, datapoints, in_namespace, is_failed, place};
use crate::model::IteratorAges;

/// Milliseconds from a record's arrival until the function gets it (Lambda guide, "Types of metrics").
const AGE: [(&str, &str); 1] = [("IteratorAge", "Maximum")];

impl Aws {
    pub(super) async fn read_iterator_ages(&self, functions: &[String], from: i64, to: i64) -> IteratorAges {
        let mut all = IteratorAges::default();
        for functions in functions.chunks(QUERIES) {
            let doing = format!("reading the iterator age of {} Lambda functions from CloudWatch", functions.len());
            let query = |(at, function): (usize, &String)| {
                in_namespace("AWS/Lambda", at, [("FunctionName", name(function))], &AGE)
            };
            let queries: Vec<MetricDataQuery> = functions.iter().enumerate().flat_map(query).collect();
            let mut found: Vec<Option<Vec<(i64, f64)>>> = vec![Some(Vec::new()); functions.len()];
            let mut take = |result: &MetricDataResult| {
                let Some(of) = result.id().and_then(place).and_then(|(at, _)| found.get_mut(at)) else { return };
                if is_failed(result) {
                    *of = None;
                }
                let minutes = datapoints(result).filter(|(minute, _)| (from..to).contains(minute));
                if let Some(of) = of {
                    of.extend(minutes);
                }
            };
            match self.data(&doing, &queries, (from, to), &mut take).await {
                Err(fault) => all.troubles.push(fault.to_string()),
                Ok(()) => {
                    for (function, minutes) in functions.iter().zip(found) {
                        let Some(mut minutes) = minutes else { continue };
                        minutes.sort_by_key(|(minute, _)| *minute);
                        minutes.dedup_by_key(|(minute, _)| *minute);
                        all.found.insert(function.clone(), minutes);
                    }
                }
            }
        }
        all
    }
}

/// The dimension FunctionName: the last part of an ARN, without a version or alias.
fn name(function: &str) -> &str {
    function.split(':').nth(6).unwrap_or(function)
}
