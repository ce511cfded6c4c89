use std::collections::{BTreeMap, BTreeSet};

use super::clients::Aws;
use crate::cloud::{Claim, Claims, Class, Fault, Listed, Tags};
use crate::kinds::{self, Known, Tagged};
use crate::model::{Address, LEDGER, PAUSED, PIN, PIPELINE, RESOURCE, Scope};

/// Pages of 100; a pipeline with more than 20,000 resources is not one pipeline.
const MOST_PAGES: usize = 200;
/// Tags of streams that are kept of a listing: those that bear on sizing. Thousands of streams have others besides.
const READ: [&str; 5] = [PIPELINE, RESOURCE, PIN, PAUSED, LEDGER];

/// What carries the pipeline's tags. The tagging API is a hint: it lists ghosts, omits IAM roles and lags behind,
/// so each kind adds what it can list itself, and every hit is confirmed by observing it.
pub async fn list(aws: &Aws, scope: &Scope, wanted: &BTreeMap<Address, String>) -> Claims {
    let mut claims = Claims::default();
    let mut found: Vec<Tagged> = Vec::new();
    if let Err(fault) = hints(aws, scope, &mut found).await {
        claims.blind.push(fault.to_string());
    }
    claims.tags = tags(&found);
    for kind in kinds::KINDS {
        let more = kind.list(aws, scope, Known { tagged: &found, wanted }).await;
        found.retain(|hint| kind.arn_tells_name() || hint.claim.address.kind() != kind.schema().kind);
        match more {
            Ok(more) => found.extend(more),
            Err(fault) => claims.blind.push(fault.to_string()),
        }
    }
    claims.found = found.into_iter().map(|tagged| tagged.claim).collect();
    claims.found.sort();
    claims.found.dedup();
    claims
}

/// What the tagging API alone tells.
pub async fn listed(aws: &Aws, scope: &Scope) -> Result<BTreeMap<Claim, Tags>, Fault> {
    let mut found = Vec::new();
    hints(aws, scope, &mut found).await?;
    Ok(tags(&found))
}

/// What the tagging API tells of each resource. A deleted key and its successor have one name, and nothing tells whose tags are whose.
fn tags(hints: &[Tagged]) -> BTreeMap<Claim, Tags> {
    let mut tags = BTreeMap::new();
    let mut twice = BTreeSet::new();
    for hint in hints {
        if tags.insert(hint.claim.clone(), hint.tags.clone()).is_some() {
            twice.insert(hint.claim.clone());
        }
    }
    tags.retain(|claim, _| !twice.contains(claim));
    tags
}

/// The type of streams in the tagging API.
const STREAMS: &str = "kinesis:stream";

/// One page of the tags of the pipeline's streams, as far as the controller reads them.
pub async fn streams(aws: &Aws, scope: &Scope, after: Option<String>) -> Result<Listed, Fault> {
    let filter = filter(scope);
    let page = aws
        .call("tag:GetResources", "listing the tags of the pipeline's streams", || {
            let ask = aws.tagging().get_resources().tag_filters(filter.clone()).resource_type_filters(STREAMS);
            ask.set_pagination_token(after.clone()).send()
        })
        .await?;
    let mut listed = Listed { next: page.pagination_token().and_then(some), ..Listed::default() };
    for mapping in page.resource_tag_mapping_list() {
        let tags = mapping.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned()));
        let tags = tags.filter(|(key, _)| READ.contains(&key.as_str())).collect();
        let tagged = mapping.resource_arn().and_then(|arn| claim(arn, tags, scope));
        // A consumer's ARN begins with that of its stream.
        let stream = tagged.filter(|tagged| tagged.claim.address.kind() == kinds::stream::SCHEMA.kind);
        listed.tags.extend(stream.map(|tagged| (tagged.claim.physical, tagged.tags)));
    }
    Ok(listed)
}

fn some(token: &str) -> Option<String> {
    (!token.is_empty()).then(|| token.to_owned())
}

fn filter(scope: &Scope) -> aws_sdk_resourcegroupstagging::types::TagFilter {
    aws_sdk_resourcegroupstagging::types::TagFilter::builder().key(PIPELINE).values(&scope.pipeline).build()
}

/// A listing that does not come to an end within so many pages, or begins anew: what comes after them was not seen.
pub fn unended(doing: &str, pages: usize) -> Fault {
    Fault::new(Class::Refused, doing, "NoEnd", format!("{pages} pages and no end: what comes after them was not seen"))
}

async fn hints(aws: &Aws, scope: &Scope, found: &mut Vec<Tagged>) -> Result<(), Fault> {
    let doing = "listing what the pipeline owns";
    let filter = filter(scope);
    let mut token: Option<String> = None;
    for pages in 1..=MOST_PAGES {
        let page = aws
            .call("tag:GetResources", doing, || {
                aws.tagging().get_resources().tag_filters(filter.clone()).set_pagination_token(token.clone()).send()
            })
            .await?;
        for mapping in page.resource_tag_mapping_list() {
            let tags = mapping.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect();
            found.extend(mapping.resource_arn().and_then(|arn| claim(arn, tags, scope)));
        }
        let before = token;
        token = page.pagination_token().and_then(some);
        if token.is_none() {
            return Ok(());
        }
        // A token that comes again leads in a circle.
        if token == before {
            return Err(unended(doing, pages));
        }
    }
    Err(unended(doing, MOST_PAGES))
}

/// The claim that the tags make, if they are ours and the kind is known to this version.
fn claim(arn: &str, tags: Tags, scope: &Scope) -> Option<Tagged> {
    let address: Address = tags.get(RESOURCE)?.parse().ok()?;
    let kind = kinds::named(address.kind())?;
    let physical = kind.physical(arn, &address, scope)?;
    Some(Tagged { claim: Claim { address, physical }, tags })
}
