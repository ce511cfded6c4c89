use std::collections::{BTreeMap, BTreeSet};

use super::clients::Aws;
use crate::cloud::{Claim, Claims, Class, Fault, Tags};
use crate::kinds::{self, Known, Tagged};
use crate::model::{Address, PIPELINE, RESOURCE, Scope};

/// Pages of 100; a pipeline with more than 20,000 resources is not one pipeline.
const MOST_PAGES: usize = 200;

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

/// A listing that does not come to an end within so many pages, or begins anew: what comes after them was not seen.
pub fn unended(doing: &str, pages: usize) -> Fault {
    Fault::new(Class::Refused, doing, "NoEnd", format!("{pages} pages and no end: what comes after them was not seen"))
}

async fn hints(aws: &Aws, scope: &Scope, found: &mut Vec<Tagged>) -> Result<(), Fault> {
    let doing = "listing what the pipeline owns";
    let filter =
        aws_sdk_resourcegroupstagging::types::TagFilter::builder().key(PIPELINE).values(&scope.pipeline).build();
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
        token = page.pagination_token().filter(|token| !token.is_empty()).map(str::to_owned);
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
