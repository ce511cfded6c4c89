//! Single shards: which there are, and the calls that split and merge them.

use aws_sdk_kinesis::types::{ShardFilter, ShardFilterType};

use crate::aws::Aws;
use crate::cloud::{Class, Fault, Target};
use crate::model::{Call, OpenShard};

/// Pages of 1,000 shards; AWS allows 20,000 in the largest regions.
const PAGES: usize = 100;

/// The open shards, and what each of them took lately where that is asked for.
pub async fn open_shards(aws: &Aws, target: &Target, loads: bool) -> Result<Vec<OpenShard>, Fault> {
    let doing = format!("listing the shards of stream {}", target.physical);
    let mut open = Vec::new();
    let mut token: Option<String> = None;
    for _ in 0..PAGES {
        let page = aws
            .call("kinesis:ListShards", &doing, || {
                let request = aws.kinesis().list_shards().max_results(1000);
                match token.clone() {
                    // A token stands for the stream and the filter.
                    Some(token) => request.next_token(token).send(),
                    None => request.stream_name(&target.physical).set_shard_filter(latest()).send(),
                }
            })
            .await?;
        open.extend(page.shards().iter().filter_map(opened));
        token = page.next_token().map(ToOwned::to_owned);
        if token.is_none() {
            if loads {
                aws.read_loads(&target.physical, &mut open).await;
            }
            return Ok(open);
        }
    }
    Err(Fault::new(Class::Refused, doing, "TooManyPages", "the list of shards does not end"))
}

fn latest() -> Option<ShardFilter> {
    ShardFilter::builder().r#type(ShardFilterType::AtLatest).build().ok()
}

/// Endpoints that do not know the filter list the closed ones as well: those have an end.
fn opened(shard: &aws_sdk_kinesis::types::Shard) -> Option<OpenShard> {
    if shard.sequence_number_range()?.ending_sequence_number().is_some() {
        return None;
    }
    let keys = shard.hash_key_range()?;
    Some(OpenShard {
        id: shard.shard_id().to_owned(),
        parent: shard.parent_shard_id().map(ToOwned::to_owned),
        start: keys.starting_hash_key().parse().ok()?,
        end: keys.ending_hash_key().parse().ok()?,
        ..OpenShard::default()
    })
}

/// SplitShard and MergeShards. Without an answer they are not sent again: what they name would be gone.
pub async fn perform(aws: &Aws, target: &Target, call: &Call, doing: &str) -> Result<(), Fault> {
    let (name, text) = (&target.physical, |name: &str| call.text(name).map(str::to_owned));
    let kinesis = aws.kinesis();
    if call.verb() == "SplitShard" {
        return aws
            .call_once("kinesis:SplitShard", doing, || {
                let request = kinesis.split_shard().stream_name(name).set_shard_to_split(text("shard"));
                request.set_new_starting_hash_key(text("newStartingHashKey")).send()
            })
            .await
            .map(drop);
    }
    aws.call_once("kinesis:MergeShards", doing, || {
        let request = kinesis.merge_shards().stream_name(name).set_shard_to_merge(text("shard"));
        request.set_adjacent_shard_to_merge(text("adjacent")).send()
    })
    .await
    .map(drop)
}
