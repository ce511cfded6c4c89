//! Security groups of VPC endpoints: HTTPS from the networks that the spec names, and nothing else.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{
    Filter, IpPermission, IpRange, Ipv6Range, ResourceType, SecurityGroup, Tag, TagSpecification,
};
use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::endpoint::EndpointSpec;
use super::wish::Fate;
use super::{Known, Name, ResourceKind, Tagged, Wish};
use crate::aws::{Aws, unknown_call};
use crate::cloud::{Class, Fault, Outputs, Target};
use crate::model::{
    Address, Attrs, Call, Compare, Desired, Field, PIPELINE, Path, Permit, Problem, RESOURCE, Resource, Schema, Scope,
    Shift, State, Value, When,
};

/// The security group that an endpoint asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GroupSpec {
    /// Make and manage the group; `true` is the only value that makes sense.
    #[schemars(example = true)]
    pub create: bool,
    /// The networks that may reach the endpoint by HTTPS, usually the VPC's own; IPv4 or IPv6.
    #[schemars(example = ["10.0.0.0/16"])]
    pub allow_from: Vec<String>,
}

/// The address of an endpoint's group.
pub fn address(endpoint: &Name) -> Address {
    Address::new(SCHEMA.kind, endpoint.as_str())
}

pub static SCHEMA: Schema = Schema {
    kind: "security-group",
    title: "EC2 security group",
    fields: &[
        Field::replace("vpc", "a group stays in its VPC", "The VPC."),
        Field::replace("description", "the API cannot change it", "What the group is for."),
        Field::in_place("ingress", "ec2:AuthorizeSecurityGroupIngress", "The networks that reach port 443 by TCP.")
            .default(|| Value::List(Vec::new()))
            .compare(Compare::Set),
        Field::tags("ec2:CreateTags", "ec2:DeleteTags").folded(),
    ],
    create: "ec2:CreateSecurityGroup",
    delete: "ec2:DeleteSecurityGroup",
    asynchronous: false,
    create_seconds: 2,
    arn: None,
    assigned: &["id", "arn"],
    found_by_tags: false,
    elsewhere: "choose another name",
    holds_data: None,
    creating_limit: None,
    calls,
    risks: Schema::no_risks,
    needs: Schema::no_needs,
    cost: Schema::free,
    permits: &[
        // EC2 knows no resource-level permissions for what only looks.
        Permit { when: When::Read, actions: &["ec2:DescribeSecurityGroups"], on: "*" },
        Permit {
            when: When::Create,
            actions: &["ec2:CreateSecurityGroup", "ec2:AuthorizeSecurityGroupIngress", "ec2:CreateTags"],
            on: GROUPS,
        },
        Permit {
            when: When::Create,
            actions: &["ec2:CreateSecurityGroup"],
            on: "arn:{partition}:ec2:{region}:{account}:vpc/*",
        },
        Permit {
            when: When::Update,
            actions: &[
                "ec2:AuthorizeSecurityGroupIngress",
                "ec2:RevokeSecurityGroupIngress",
                "ec2:CreateTags",
                "ec2:DeleteTags",
            ],
            on: GROUPS,
        },
        Permit { when: When::Delete, actions: &["ec2:DeleteSecurityGroup"], on: GROUPS },
    ],
};

/// Ids are assigned by AWS.
const GROUPS: &str = "arn:{partition}:ec2:{region}:{account}:security-group/*";

/// New networks are let in before old ones are shut out.
fn calls(schema: &Schema, shift: &Shift) -> Vec<Call> {
    let mut calls = Vec::new();
    for call in Schema::plain_calls(schema, shift) {
        let (Some(before), Some(wanted)) = (shift.before, call.set.get("ingress")) else {
            calls.push(call);
            continue;
        };
        let list = |value: Option<&Value>| value.and_then(Value::as_list).unwrap_or_default().to_vec();
        let (live, wanted) = (list(before.attrs.get("ingress")), list(Some(wanted)));
        let mut all = live.clone();
        all.extend(wanted.iter().filter(|network| !live.contains(network)).cloned());
        let step = |verb: &str, from: &[Value], to: &[Value]| {
            let operation = format!("ec2:{verb}SecurityGroupIngress");
            let call = Call::new(crate::model::Effect::Set, operation).with("ingress", Value::List(to.to_vec()));
            call.was("ingress", Some(&Value::List(from.to_vec())))
        };
        if all.len() > live.len() {
            calls.push(step("Authorize", &live, &all));
        }
        if all.len() > wanted.len() {
            calls.push(step("Revoke", &all, &wanted));
        }
    }
    calls
}

pub struct Kind;

impl ResourceKind for Kind {
    fn schema(&self) -> &'static Schema {
        &SCHEMA
    }

    fn arn_tells_name(&self) -> bool {
        false
    }

    fn desire(&self, wish: &mut Wish) {
        for (name, endpoint) in &wish.spec.endpoints {
            if let Some(group) = &endpoint.security_group {
                let at = Path::of(["endpoints", name.as_str()]);
                check(group, &at.key("securityGroup"), &mut wish.problems);
                desire(wish, name, endpoint, group, &at);
            }
        }
    }

    fn list<'a>(
        &'a self,
        aws: &'a Aws,
        scope: &'a Scope,
        known: Known<'a>,
    ) -> BoxFuture<'a, Result<Vec<Tagged>, Fault>> {
        Box::pin(list(aws, scope, known.tagged))
    }

    fn observe<'a>(&'a self, aws: &'a Aws, target: &'a Target) -> BoxFuture<'a, Result<Option<Resource>, Fault>> {
        Box::pin(observe(aws, target))
    }

    fn perform<'a>(
        &'a self,
        aws: &'a Aws,
        target: &'a Target,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<Outputs, Fault>> {
        Box::pin(perform(aws, target, call))
    }
}

fn desire(wish: &mut Wish, name: &Name, endpoint: &EndpointSpec, group: &GroupSpec, at: &Path) {
    let pipeline = wish.scope.pipeline.clone();
    // A group's name is unique in its VPC only, so the VPC is part of what it is called here.
    let physical = format!("{}/tidegate-{pipeline}-{name}", endpoint.vpc);
    let desired = Desired::new(&SCHEMA, name.as_str(), physical, at.key("securityGroup"));
    let tags = wish.tags(&desired.address, &endpoint.tags, Fate::REMADE, at);
    wish.add(
        desired
            .with("vpc", endpoint.vpc.as_str())
            .with("description", format!("Interface endpoints {name} of pipeline {pipeline}"))
            .with("ingress", Value::list(group.allow_from.iter().map(String::as_str)))
            .with("tags", tags),
    );
}

fn check(group: &GroupSpec, at: &Path, problems: &mut Vec<Problem>) {
    let mut wrong = |path: Path, message: String, help: &str| {
        problems.push(Problem::new("invalid-value", path, message).help(help));
    };
    if !group.create {
        let help = "write `create: true`, or name existing groups under `securityGroups`";
        wrong(at.key("create"), "a group that is not made is none".into(), help);
    }
    if group.allow_from.is_empty() {
        wrong(
            at.key("allowFrom"),
            "nobody could reach the endpoint".into(),
            "name the VPC's network, for example 10.0.0.0/16",
        );
    }
    for (index, network) in group.allow_from.iter().enumerate() {
        if !is_network(network) {
            let help = "write an address and the length of its prefix, without bits behind it, for example 10.0.0.0/16";
            wrong(at.key("allowFrom").index(index), format!("`{network}` is no network"), help);
        }
    }
}

/// An address and a prefix that covers all its bits: EC2 would silently clear the others, and the plan never end.
fn is_network(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else { return false };
    let Ok(length) = length.parse::<u32>() else { return false };
    let (bits, width) = match address.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(address)) => (u128::from(u32::from(address)), 32),
        Ok(std::net::IpAddr::V6(address)) => (u128::from(address), 128),
        Err(_) => return false,
    };
    length <= width && (width == length || bits.trailing_zeros() >= width - length || bits == 0)
}

/// EC2's filter for what carries the pipeline's tags, and the address if one is given.
pub fn tag_filters(scope: &Scope, address: Option<&Address>) -> Vec<Filter> {
    let filter = |key: &str, value: String| Filter::builder().name(format!("tag:{key}")).values(value).build();
    let mut filters = vec![filter(PIPELINE, scope.pipeline.clone())];
    filters.extend(address.map(|address| filter(RESOURCE, address.to_string())));
    filters
}

pub fn plain_tags(tags: &[Tag]) -> BTreeMap<String, String> {
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    tags.iter().map(|tag| (text(tag.key()), text(tag.value()))).collect()
}

pub fn sdk_tags(value: Option<&Value>) -> Vec<Tag> {
    let map = value.and_then(Value::as_map).into_iter().flatten();
    map.filter_map(|(key, value)| Some(Tag::builder().key(key).value(value.as_text()?).build())).collect()
}

/// Tags for a resource that the same call creates.
pub fn tagged(kind: ResourceType, call: &Call) -> Option<Vec<TagSpecification>> {
    let tags = sdk_tags(call.set.get("tags"));
    (!tags.is_empty()).then(|| vec![TagSpecification::builder().resource_type(kind).set_tags(Some(tags)).build()])
}

/// Writes and removes tags of an EC2 resource.
pub async fn retag(aws: &Aws, id: &str, call: &Call) -> Result<(), Fault> {
    let doing = format!("tagging {id}");
    if call.verb() == "CreateTags" {
        let tags = sdk_tags(call.set.get("tags"));
        let sent = aws.call("ec2:CreateTags", &doing, || {
            aws.ec2().create_tags().resources(id).set_tags(Some(tags.clone())).send()
        });
        return sent.await.map(drop);
    }
    let tags: Vec<Tag> = call.drop_tags.iter().map(|key| Tag::builder().key(key).build()).collect();
    let sent = aws
        .call("ec2:DeleteTags", &doing, || aws.ec2().delete_tags().resources(id).set_tags(Some(tags.clone())).send());
    sent.await.map(drop)
}

async fn groups(aws: &Aws, filters: Vec<Filter>) -> Result<Vec<SecurityGroup>, Fault> {
    let mut found = Vec::new();
    let mut token: Option<String> = None;
    for _ in 0..100 {
        let page = aws
            .call("ec2:DescribeSecurityGroups", "looking for security groups", || {
                let request = aws.ec2().describe_security_groups().set_filters(Some(filters.clone()));
                request.set_next_token(token.clone()).send()
            })
            .await?;
        found.extend(page.security_groups.unwrap_or_default());
        token = page.next_token.filter(|token| !token.is_empty());
        if token.is_none() {
            break;
        }
    }
    Ok(found)
}

/// What the tagging API tells of a group is its id; here it is called by its VPC and its name. Emulators leave groups
/// out of the tagging API altogether.
async fn list(aws: &Aws, scope: &Scope, found: &[Tagged]) -> Result<Vec<Tagged>, Fault> {
    if !aws.custom_endpoint && !found.iter().any(|hint| hint.claim.address.kind() == SCHEMA.kind) {
        return Ok(Vec::new());
    }
    let groups = groups(aws, tag_filters(scope, None)).await?;
    let claims = groups.iter().filter_map(|group| {
        let name = format!("{}/{}", group.vpc_id().unwrap_or_default(), group.group_name().unwrap_or_default());
        Tagged::of(SCHEMA.kind, scope, &name, plain_tags(group.tags()))
    });
    Ok(claims.collect())
}

/// Whoever has the name in the VPC: there is only one.
async fn find(aws: &Aws, target: &Target) -> Result<Option<SecurityGroup>, Fault> {
    let Some((vpc, name)) = target.physical.split_once('/') else { return Ok(None) };
    let filter = |name: &str, value: &str| Filter::builder().name(name).values(value).build();
    let named = groups(aws, vec![filter("group-name", name), filter("vpc-id", vpc)]).await?;
    Ok(named.into_iter().next())
}

async fn observe(aws: &Aws, target: &Target) -> Result<Option<Resource>, Fault> {
    let Some(group) = find(aws, target).await? else { return Ok(None) };
    let id = group.group_id().unwrap_or_default().to_owned();
    let mut networks = Vec::new();
    let mut others = Vec::new();
    for rule in group.ip_permissions() {
        let https = rule.ip_protocol() == Some("tcp") && rule.from_port() == Some(443) && rule.to_port() == Some(443);
        let v4 = rule.ip_ranges().iter().filter_map(IpRange::cidr_ip);
        let v6 = rule.ipv6_ranges().iter().filter_map(Ipv6Range::cidr_ipv6);
        let pairs = rule.user_id_group_pairs().iter().filter_map(|pair| pair.group_id());
        let show = |source: &str| {
            let ports = format!("{}-{}", rule.from_port().unwrap_or(-1), rule.to_port().unwrap_or(-1));
            format!("{} {ports} {source}", rule.ip_protocol().unwrap_or_default())
        };
        let into = if https { &mut networks } else { &mut others };
        into.extend(v4.chain(v6).map(|network| if https { network.to_owned() } else { show(network) }));
        others.extend(pairs.map(show));
    }
    networks.sort();
    networks.dedup();
    let attrs = Attrs::from([
        ("vpc".to_owned(), Value::text(group.vpc_id().unwrap_or_default())),
        ("description".to_owned(), Value::text(group.description().unwrap_or_default())),
        ("ingress".to_owned(), Value::list(networks)),
        ("tags".to_owned(), Value::map(plain_tags(group.tags()))),
    ]);
    // Rules that the spec cannot say are somebody else's.
    let mut facts = Attrs::new();
    if !others.is_empty() {
        facts.insert("otherIngress".into(), Value::list(others));
    }
    let outputs = BTreeMap::from([("arn".to_owned(), arn(&target.scope, &id)), ("id".to_owned(), id)]);
    Ok(Some(Resource { physical: target.physical.clone(), outputs, attrs, facts, state: State::Ready }))
}

fn arn(scope: &Scope, id: &str) -> String {
    scope.fill("arn:{partition}:ec2:{region}:{account}:security-group/{name}", id)
}

async fn perform(aws: &Aws, target: &Target, call: &Call) -> Result<Outputs, Fault> {
    if call.verb() == "CreateSecurityGroup" {
        return create(aws, target, call).await;
    }
    let id = match target.outputs.get("id") {
        Some(id) => id.clone(),
        None => find(aws, target).await?.and_then(|group| group.group_id).ok_or_else(|| super::absent(target))?,
    };
    match call.verb() {
        "AuthorizeSecurityGroupIngress" => {
            for network in difference(call.set.get("ingress"), call.from.get("ingress")) {
                change_rule(aws, &id, &network, true).await?;
            }
        }
        "RevokeSecurityGroupIngress" => {
            for network in difference(call.from.get("ingress"), call.set.get("ingress")) {
                change_rule(aws, &id, &network, false).await?;
            }
        }
        "CreateTags" | "DeleteTags" => retag(aws, &id, call).await?,
        "DeleteSecurityGroup" => {
            let doing = format!("deleting security group {id}");
            let gone = aws
                .call("ec2:DeleteSecurityGroup", &doing, || aws.ec2().delete_security_group().group_id(&id).send())
                .await;
            gone.map(drop).map_err(|fault| match fault.code.as_str() {
                // The network interfaces of a deleted endpoint linger for minutes.
                "DependencyViolation" => Fault { class: Class::Busy, ..fault }
                    .help("something in the VPC still uses the group; run the same command again in some minutes"),
                _ => fault,
            })?;
        }
        _ => return Err(unknown_call(target, call)),
    }
    Ok(Outputs::new())
}

async fn create(aws: &Aws, target: &Target, call: &Call) -> Result<Outputs, Fault> {
    let name = target.physical.split_once('/').map_or(target.physical.as_str(), |(_, name)| name);
    let doing = format!("creating security group {name}");
    let text = |field: &str| call.text(field).map(str::to_owned);
    let answer = aws
        .call("ec2:CreateSecurityGroup", &doing, || {
            let request = aws.ec2().create_security_group().group_name(name).set_vpc_id(text("vpc"));
            let request = request.set_description(text("description"));
            request.set_tag_specifications(tagged(ResourceType::SecurityGroup, call)).send()
        })
        .await?;
    let id = answer.group_id.unwrap_or_default();
    Ok(Outputs::from([("arn".to_owned(), arn(&target.scope, &id)), ("id".to_owned(), id)]))
}

/// The networks of `all` that are not in `without`.
fn difference(all: Option<&Value>, without: Option<&Value>) -> Vec<String> {
    let list = |value: Option<&Value>| value.and_then(Value::as_list).unwrap_or_default().to_vec();
    let without = list(without);
    let missing = list(all).into_iter().filter(|item| !without.contains(item));
    missing.filter_map(|item| item.as_text().map(str::to_owned)).collect()
}

/// One rule a call: EC2 refuses all rules of a call if one of them is there already.
async fn change_rule(aws: &Aws, id: &str, network: &str, allow: bool) -> Result<(), Fault> {
    let rule = IpPermission::builder().ip_protocol("tcp").from_port(443).to_port(443);
    let rule = if network.contains(':') {
        rule.ipv6_ranges(Ipv6Range::builder().cidr_ipv6(network).build()).build()
    } else {
        rule.ip_ranges(IpRange::builder().cidr_ip(network).build()).build()
    };
    let ec2 = aws.ec2();
    let sent = if allow {
        let doing = format!("letting {network} into security group {id}");
        let request = || ec2.authorize_security_group_ingress().group_id(id).ip_permissions(rule.clone()).send();
        aws.call("ec2:AuthorizeSecurityGroupIngress", &doing, request).await.map(drop)
    } else {
        let doing = format!("shutting {network} out of security group {id}");
        let request = || ec2.revoke_security_group_ingress().group_id(id).ip_permissions(rule.clone()).send();
        aws.call("ec2:RevokeSecurityGroupIngress", &doing, request).await.map(drop)
    };
    match sent {
        // An earlier attempt whose answer was lost has done it.
        Err(fault) if matches!(fault.code.as_str(), "InvalidPermission.Duplicate" | "InvalidPermission.NotFound") => {
            Ok(())
        }
        sent => sent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_no_bits_behind_its_prefix() {
        for text in ["10.0.0.0/16", "0.0.0.0/0", "10.1.2.3/32", "2001:db8::/32", "::/0"] {
            assert!(is_network(text), "{text}");
        }
        for text in ["10.0.0.1/16", "10.0.0.0", "10.0.0.0/33", "ten/8", "2001:db8::1/32"] {
            assert!(!is_network(text), "{text}");
        }
    }

    #[test]
    fn new_networks_are_let_in_before_old_ones_are_shut_out() {
        let mut live = Resource::default();
        live.attrs.insert("ingress".into(), Value::list(["10.0.0.0/16", "10.1.0.0/16"]));
        let wanted = Attrs::from([("ingress".to_owned(), Value::list(["10.1.0.0/16", "10.2.0.0/16"]))]);
        let shift = Shift { before: Some(&live), wanted: Some(&wanted), changed: wanted.clone(), now: 0 };
        let calls = calls(&SCHEMA, &shift);
        let operations: Vec<&str> = calls.iter().map(Call::verb).collect();
        assert_eq!(operations, ["AuthorizeSecurityGroupIngress", "RevokeSecurityGroupIngress"]);
        assert_eq!(difference(calls[0].set.get("ingress"), calls[0].from.get("ingress")), ["10.2.0.0/16"]);
        assert_eq!(difference(calls[1].from.get("ingress"), calls[1].set.get("ingress")), ["10.0.0.0/16"]);
    }
}
