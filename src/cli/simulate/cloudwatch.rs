use super::input::Given;
use crate::cli::{Common, Failure};
use crate::simulate::{Reading, demand_of};

/// Days for which CloudWatch keeps one-minute datapoints.
const MOST_DAYS: u16 = 15;
/// Minutes until a minute's datapoints have arrived.
const DELAY: i64 = 3;
const DAY: i64 = 1440;

/// The demand of a living stream over the last days.
pub async fn read(common: &Common, stream: &str, days: u16) -> Result<Given, Failure> {
    if days > MOST_DAYS {
        let help = format!("CloudWatch keeps minutes for {MOST_DAYS} days");
        return Err(Failure::from(anyhow::anyhow!("--days {days} is too much for --from-cloudwatch; {help}")));
    }
    // A value of --profile that is a pace of resharding is no profile of AWS's configuration.
    let profile = common.profile.clone().filter(|name| super::pace(name).is_none());
    let aws = common.aws(profile).await?;
    let end = jiff::Timestamp::now().as_second().div_euclid(60) - DELAY;
    let start = end - i64::from(days) * DAY;
    let writes = aws.writes(stream, start, end).await?;
    let Some(first) = writes.keys().next().copied() else {
        let what =
            format!("CloudWatch has no datapoint of stream {stream} in {} in the last {days} days", aws.region());
        return Err(Failure::refused(what, "check the name and --region; metrics begin with the first record"));
    };
    // The stream's own time begins with its first datapoint.
    let readings: Vec<Reading> = (first..end)
        .map(|minute| {
            let writes = writes.get(&minute).copied().unwrap_or_default();
            let or_none = |value: Option<f64>| value.unwrap_or(0.0);
            Reading {
                records: or_none(writes.records),
                bytes: or_none(writes.bytes),
                rejected: or_none(writes.rejected),
            }
        })
        .collect();
    let demand = demand_of(first, &readings);
    Ok(Given { demand, title: format!("stream {stream}"), step: 1 })
}
