//! What CloudWatch remembers of a stream's traffic.

use std::collections::BTreeMap;

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricStat};

use super::clients::Aws;
use crate::cloud::{Class, Fault};

/// Seconds of a window that is asked for at once: a day of minutes of three metrics is 4,320 datapoints.
const WINDOW: i64 = 86_400;
/// Pages of one window; more is a server that repeats itself.
const MOST_PAGES: usize = 100;

/// One minute of writes, as far as there are datapoints.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Writes {
    /// Records and bytes that the stream accepted.
    pub records: Option<f64>,
    pub bytes: Option<f64>,
    /// Records that it rejected, each attempt counted.
    pub rejected: Option<f64>,
}

const METRICS: [(&str, &str); 3] =
    [("records", "IncomingRecords"), ("bytes", "IncomingBytes"), ("rejected", "WriteProvisionedThroughputExceeded")];

impl Aws {
    /// The writes of a stream by minute since 1970, from `start` up to `end` (exclusive; minutes). CloudWatch keeps minutes
    /// for 15 days.
    ///
    /// # Errors
    /// What CloudWatch answers, with what we were doing.
    pub async fn writes(&self, stream: &str, start: i64, end: i64) -> Result<BTreeMap<i64, Writes>, Fault> {
        let doing = format!("reading the metrics of stream {stream} from CloudWatch");
        let mut found = BTreeMap::new();
        let mut from = start * 60;
        while from < end * 60 {
            let to = (from + WINDOW).min(end * 60);
            self.window(stream, &doing, (from, to), &mut found).await?;
            from = to;
        }
        Ok(found)
    }

    async fn window(
        &self,
        stream: &str,
        doing: &str,
        (from, to): (i64, i64),
        found: &mut BTreeMap<i64, Writes>,
    ) -> Result<(), Fault> {
        let mut token: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let page = self
                .call("cloudwatch:GetMetricData", doing, || {
                    let request = self.cloudwatch().get_metric_data().set_next_token(token.clone());
                    request
                        .set_metric_data_queries(Some(queries(stream)))
                        .start_time(DateTime::from_secs(from))
                        .end_time(DateTime::from_secs(to))
                        .send()
                })
                .await?;
            for result in page.metric_data_results() {
                let points = result.timestamps().iter().zip(result.values());
                for (at, value) in points.filter(|(at, _)| (from..to).contains(&at.secs())) {
                    let writes: &mut Writes = found.entry(at.secs().div_euclid(60)).or_default();
                    match result.id() {
                        Some("records") => writes.records = Some(*value),
                        Some("bytes") => writes.bytes = Some(*value),
                        Some("rejected") => writes.rejected = Some(*value),
                        _ => {}
                    }
                }
            }
            token = page.next_token().map(ToOwned::to_owned);
            if token.is_none() {
                return Ok(());
            }
        }
        Err(Fault::new(Class::Refused, doing.to_owned(), "TooManyPages", "CloudWatch's answer does not end")
            .help("try fewer --days"))
    }
}

fn queries(stream: &str) -> Vec<MetricDataQuery> {
    let dimension = Dimension::builder().name("StreamName").value(stream).build();
    let query = |(id, name): &(&str, &str)| {
        let metric =
            Metric::builder().namespace("AWS/Kinesis").metric_name(*name).dimensions(dimension.clone()).build();
        let stat = MetricStat::builder().metric(metric).period(60).stat("Sum").build();
        MetricDataQuery::builder().id(*id).metric_stat(stat).return_data(true).build()
    };
    METRICS.iter().map(query).collect()
}
