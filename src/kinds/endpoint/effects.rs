//! The AWS calls of an interface endpoint, and the only ones.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{Filter, ResourceType, State as Phase, VpcEndpoint, VpcEndpointType};

use super::super::{Tagged, absent, security_group};
use super::{SCHEMA, only_one};
use crate::aws::{Aws, unknown_call};
use crate::cloud::{Class, Fault, Outputs, Target};
use crate::model::{Attrs, Call, PIPELINE, RESOURCE, Resource, Scope, State, Value};

async fn endpoints(aws: &Aws, filters: Vec<Filter>) -> Result<Vec<VpcEndpoint>, Fault> {
    let mut found = Vec::new();
    let mut token: Option<String> = None;
    for _ in 0..100 {
        let page = aws
            .call("ec2:DescribeVpcEndpoints", "looking for VPC endpoints", || {
                let request = aws.ec2().describe_vpc_endpoints().set_filters(Some(filters.clone()));
                request.set_next_token(token.clone()).send()
            })
            .await?;
        found.extend(page.vpc_endpoints.unwrap_or_default());
        token = page.next_token.filter(|token| !token.is_empty());
        if token.is_none() {
            break;
        }
    }
    // What is being deleted stays visible for a while, and there is no way back.
    found.retain(|endpoint| !matches!(phase(endpoint).as_str(), "deleting" | "deleted"));
    Ok(found)
}

/// Its state in lower case: the service writes `available`, the API's own table `Available`.
fn phase(endpoint: &VpcEndpoint) -> String {
    endpoint.state().map(Phase::as_str).unwrap_or("available").to_ascii_lowercase()
}

/// Emulators leave endpoints out of the tagging API.
pub async fn list(aws: &Aws, scope: &Scope) -> Result<Vec<Tagged>, Fault> {
    if !aws.custom_endpoint {
        return Ok(Vec::new());
    }
    let found = endpoints(aws, security_group::tag_filters(scope, None)).await?;
    let claims = found.iter().filter_map(|endpoint| {
        let tags = security_group::plain_tags(endpoint.tags());
        let mut tagged = Tagged::of(SCHEMA.kind, scope, "", tags)?;
        tagged.claim.physical = only_one_of(endpoint).unwrap_or_else(|| tagged.claim.address.name().to_owned());
        Some(tagged)
    });
    Ok(claims.collect())
}

/// What names it where it answers to its service's public name.
fn only_one_of(endpoint: &VpcEndpoint) -> Option<String> {
    let word = endpoint.service_name()?.rsplit('.').next()?;
    endpoint
        .private_dns_enabled()
        .filter(|answers| *answers)
        .map(|_| only_one(endpoint.vpc_id().unwrap_or_default(), word))
}

/// The one that carries our tags; else, since there can be no second one, whichever answers to the service's public
/// name in this VPC.
async fn find(aws: &Aws, target: &Target) -> Result<Option<VpcEndpoint>, Fault> {
    let found = endpoints(aws, security_group::tag_filters(&target.scope, Some(&target.address))).await?;
    // Some endpoints of this API ignore filters.
    let ours = |endpoint: &VpcEndpoint| {
        let tags = security_group::plain_tags(endpoint.tags());
        tags.get(PIPELINE) == Some(&target.scope.pipeline) && tags.get(RESOURCE) == Some(&target.address.to_string())
    };
    if let Some(ours) = found.into_iter().find(ours) {
        return Ok(Some(ours));
    }
    let vpc = match target.physical.split_once('/') {
        Some((vpc, _)) if target.physical != target.address.name() => vpc,
        _ => return Ok(None),
    };
    let found = endpoints(aws, vec![Filter::builder().name("vpc-id").values(vpc).build()]).await?;
    Ok(found.into_iter().find(|endpoint| only_one_of(endpoint).as_ref() == Some(&target.physical)))
}

pub async fn observe(aws: &Aws, target: &Target) -> Result<Option<Resource>, Fault> {
    let Some(endpoint) = find(aws, target).await? else { return Ok(None) };
    let id = endpoint.vpc_endpoint_id().unwrap_or_default().to_owned();
    let state = match phase(&endpoint).as_str() {
        "available" => State::Ready,
        "failed" | "rejected" | "expired" => State::Failed(phase(&endpoint)),
        // `pendingAcceptance` does not occur with AWS's own services.
        other => State::Busy(other.to_owned()),
    };
    let groups = endpoint.groups().iter().filter_map(|group| group.group_id());
    let kind = endpoint.vpc_endpoint_type().map_or("Interface", VpcEndpointType::as_str);
    let mut attrs = Attrs::from([
        ("service".to_owned(), Value::text(endpoint.service_name().unwrap_or_default())),
        ("vpc".to_owned(), Value::text(endpoint.vpc_id().unwrap_or_default())),
        ("type".to_owned(), Value::text(kind)),
        ("subnets".to_owned(), Value::list(endpoint.subnet_ids().iter().map(String::as_str))),
        ("securityGroups".to_owned(), Value::list(groups)),
        ("privateDns".to_owned(), Value::Bool(endpoint.private_dns_enabled().unwrap_or(false))),
        ("tags".to_owned(), Value::map(security_group::plain_tags(endpoint.tags()))),
    ]);
    if let Some(text) = endpoint.policy_document() {
        let tree = serde_json::from_str(text).ok().and_then(|json| Value::from_json(&json).ok());
        attrs.insert("policy".into(), tree.unwrap_or_else(|| Value::text(text)));
    }
    let outputs = BTreeMap::from([("arn".to_owned(), arn(&target.scope, &id)), ("id".to_owned(), id)]);
    // Told from what is there, so that the same endpoint has the same name under its former address.
    let physical = only_one_of(&endpoint).unwrap_or_else(|| target.physical.clone());
    Ok(Some(Resource { physical, outputs, attrs, facts: Attrs::new(), state }))
}

fn arn(scope: &Scope, id: &str) -> String {
    scope.fill("arn:{partition}:ec2:{region}:{account}:vpc-endpoint/{name}", id)
}

pub async fn perform(aws: &Aws, target: &Target, call: &Call) -> Result<Outputs, Fault> {
    if call.verb() == "CreateVpcEndpoint" {
        return create(aws, target, call).await;
    }
    let id = match target.outputs.get("id") {
        Some(id) => id.clone(),
        None => find(aws, target).await?.and_then(|found| found.vpc_endpoint_id).ok_or_else(|| absent(target))?,
    };
    match call.verb() {
        "ModifyVpcEndpoint" => modify(aws, &id, call).await?,
        "CreateTags" | "DeleteTags" => security_group::retag(aws, &id, call).await?,
        "DeleteVpcEndpoints" => delete(aws, &id).await?,
        _ => return Err(unknown_call(target, call)),
    }
    Ok(Outputs::new())
}

fn texts(value: Option<&Value>) -> Vec<String> {
    let items = value.and_then(Value::as_list).unwrap_or_default().iter();
    items.filter_map(|item| item.as_text().map(str::to_owned)).collect()
}

fn policy(call: &Call) -> Option<String> {
    call.set.get("policy").map(|policy| policy.to_json().to_string())
}

async fn create(aws: &Aws, target: &Target, call: &Call) -> Result<Outputs, Fault> {
    let doing = format!("creating the endpoint {}", target.physical);
    let text = |field: &str| call.text(field).map(str::to_owned);
    // An answer that is lost makes `Aws::call` ask again; with the token that does not make a second endpoint.
    let token = format!("tidegate-{:032x}", fastrand::u128(..));
    let answer = aws
        .call("ec2:CreateVpcEndpoint", &doing, || {
            aws.ec2()
                .create_vpc_endpoint()
                .client_token(&token)
                .vpc_endpoint_type(VpcEndpointType::Interface)
                .set_vpc_id(text("vpc"))
                .set_service_name(text("service"))
                .set_subnet_ids(Some(texts(call.set.get("subnets"))))
                .set_security_group_ids(Some(texts(call.set.get("securityGroups"))))
                .set_policy_document(policy(call))
                .set_private_dns_enabled(call.flag("privateDns"))
                .set_tag_specifications(security_group::tagged(ResourceType::VpcEndpoint, call))
                .send()
        })
        .await?;
    let id = answer.vpc_endpoint.and_then(|endpoint| endpoint.vpc_endpoint_id).unwrap_or_default();
    Ok(Outputs::from([("arn".to_owned(), arn(&target.scope, &id)), ("id".to_owned(), id)]))
}

/// The ids to add and to remove on the way from one list to another; `None` where there are none.
fn moves(call: &Call, field: &str) -> (Option<Vec<String>>, Option<Vec<String>>) {
    let Some(wanted) = call.set.get(field) else { return (None, None) };
    let (wanted, live) = (texts(Some(wanted)), texts(call.from.get(field)));
    let without = |all: &[String], other: &[String]| {
        let rest: Vec<String> = all.iter().filter(|id| !other.contains(id)).cloned().collect();
        (!rest.is_empty()).then_some(rest)
    };
    (without(&wanted, &live), without(&live, &wanted))
}

async fn modify(aws: &Aws, id: &str, call: &Call) -> Result<(), Fault> {
    let doing = format!("changing the endpoint {id}");
    let (more_subnets, fewer_subnets) = moves(call, "subnets");
    let (more_groups, fewer_groups) = moves(call, "securityGroups");
    aws.call("ec2:ModifyVpcEndpoint", &doing, || {
        aws.ec2()
            .modify_vpc_endpoint()
            .vpc_endpoint_id(id)
            .set_add_subnet_ids(more_subnets.clone())
            .set_remove_subnet_ids(fewer_subnets.clone())
            .set_add_security_group_ids(more_groups.clone())
            .set_remove_security_group_ids(fewer_groups.clone())
            .set_policy_document(policy(call))
            .set_private_dns_enabled(call.flag("privateDns"))
            .send()
    })
    .await
    .map(drop)
}

/// EC2 answers 200 and tells what it did not delete in the answer.
async fn delete(aws: &Aws, id: &str) -> Result<(), Fault> {
    let doing = format!("deleting the endpoint {id}");
    let answer = aws
        .call("ec2:DeleteVpcEndpoints", &doing, || aws.ec2().delete_vpc_endpoints().vpc_endpoint_ids(id).send())
        .await?;
    let Some(error) = answer.unsuccessful().first().and_then(|item| item.error()) else { return Ok(()) };
    let code = error.code().unwrap_or("DeleteFailed");
    let class = if code.ends_with("NotFound") { Class::Absent } else { Class::Refused };
    Err(Fault::new(class, doing, code, error.message().unwrap_or_default()))
}
