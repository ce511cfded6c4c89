//! VPC interface endpoints: the way to Kinesis without the internet, open to the roles that the spec names.

mod effects;

use std::collections::BTreeMap;

use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::security_group::{self, GroupSpec};
use super::wish::Fate;
use super::{Known, Name, ResourceKind, Tagged, Wish, role};
use crate::aws::Aws;
use crate::cloud::{Fault, Outputs, Target};
use crate::model::{
    Address, Call, Compare, Cost, Desired, Field, Path, Permit, Priced, Problem, Resource, Risk, Schema, Scope, Shift,
    Value, When,
};

/// Interface endpoints in one VPC, one for each service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EndpointSpec {
    /// The VPC.
    #[schemars(example = &"vpc-0a1b2c3d")]
    pub vpc: String,
    /// The subnets that get a network interface each, in different availability zones; each is paid by the hour.
    #[schemars(example = ["subnet-1a", "subnet-1b"])]
    pub subnets: Vec<String>,
    /// Existing security groups that decide who reaches the endpoints.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = ["sg-0a1b2c3d"])]
    pub security_groups: Vec<String>,
    /// A security group of the pipeline's own, in place of existing ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = serde_json::json!({ "create": true, "allowFrom": ["10.0.0.0/16"] }))]
    pub security_group: Option<GroupSpec>,
    /// The services: `kinesis-streams`, `kinesis-streams-fips`, `kinesis-firehose` or `monitoring`.
    #[schemars(example = ["kinesis-streams"])]
    pub services: Vec<Service>,
    /// The roles under `access` that may use the endpoints, each for exactly what its own policy allows.
    #[schemars(example = ["web-producer"])]
    pub allow: Vec<Name>,
    /// Answer to the service's public name inside the VPC, so that programs need no change: `true` (the default).
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    #[schemars(example = false)]
    #[schemars(extend("default" = true))]
    pub private_dns: bool,
    /// Tags besides the pipeline's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(example = serde_json::json!({ "team": "web" }))]
    pub tags: BTreeMap<String, String>,
}

fn yes() -> bool {
    true
}

fn is_yes(value: &bool) -> bool {
    *value
}

/// A service that an endpoint leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(example = &"kinesis-streams")]
pub enum Service {
    KinesisStreams,
    KinesisStreamsFips,
    KinesisFirehose,
    Monitoring,
}

impl Service {
    /// Its word in the YAML, and the end of its name in EC2.
    pub fn word(self) -> &'static str {
        match self {
            Self::KinesisStreams => "kinesis-streams",
            Self::KinesisStreamsFips => "kinesis-streams-fips",
            Self::KinesisFirehose => "kinesis-firehose",
            Self::Monitoring => "monitoring",
        }
    }

    /// What its IAM actions begin with.
    fn actions(self) -> &'static str {
        match self {
            Self::KinesisStreams | Self::KinesisStreamsFips => "kinesis:",
            Self::KinesisFirehose => "firehose:",
            Self::Monitoring => "cloudwatch:",
        }
    }
}

const MODIFY: &str = "ec2:ModifyVpcEndpoint";

pub static SCHEMA: Schema = Schema {
    kind: "endpoint",
    title: "VPC interface endpoint",
    fields: &[
        Field::replace("service", "an endpoint leads to one service", "The service, as EC2 names it."),
        Field::replace("vpc", "an endpoint stays in its VPC", "The VPC."),
        Field::fixed("type", "Always `Interface`."),
        Field::in_place("subnets", MODIFY, "The subnets with a network interface.")
            .folded()
            .compare(Compare::Set)
            .seconds(60),
        Field::in_place("securityGroups", MODIFY, "Who reaches the network interfaces.")
            .folded()
            .compare(Compare::Set)
            .seconds(10),
        Field::in_place("policy", MODIFY, "Who may do what through the endpoint.")
            .folded()
            .compare(Compare::Document)
            .seconds(10),
        Field::in_place("privateDns", MODIFY, "Whether it answers to the service's public name.").folded().seconds(60),
        Field::tags("ec2:CreateTags", "ec2:DeleteTags").folded(),
    ],
    create: "ec2:CreateVpcEndpoint",
    delete: "ec2:DeleteVpcEndpoints",
    asynchronous: true,
    create_seconds: 90,
    arn: None,
    assigned: &["id", "arn"],
    found_by_tags: true,
    elsewhere: "give it `privateDns: false`: in a VPC one endpoint alone can answer to a service's public name",
    holds_data: None,
    creating_limit: None,
    needs: Schema::no_needs,
    calls: Schema::plain_calls,
    risks,
    cost,
    permits: &[
        // EC2 knows no resource-level permissions for what only looks.
        Permit { when: When::Read, actions: &["ec2:DescribeVpcEndpoints"], on: "*" },
        Permit { when: When::Create, actions: &["ec2:CreateVpcEndpoint", "ec2:CreateTags"], on: ENDPOINTS },
        Permit {
            when: When::Create,
            actions: &["ec2:CreateVpcEndpoint"],
            on: "arn:{partition}:ec2:{region}:{account}:vpc/*",
        },
        Permit { when: When::Create, actions: &["ec2:CreateVpcEndpoint", "ec2:ModifyVpcEndpoint"], on: SUBNETS },
        Permit { when: When::Create, actions: &["ec2:CreateVpcEndpoint", "ec2:ModifyVpcEndpoint"], on: GROUPS },
        // A private name is a hosted zone that AWS keeps, made in the caller's name.
        Permit { when: When::Create, actions: &["route53:AssociateVPCWithHostedZone"], on: "*" },
        Permit {
            when: When::Update,
            actions: &["ec2:ModifyVpcEndpoint", "ec2:CreateTags", "ec2:DeleteTags"],
            on: ENDPOINTS,
        },
        Permit { when: When::Delete, actions: &["ec2:DeleteVpcEndpoints"], on: ENDPOINTS },
    ],
};

/// Ids are assigned by AWS.
const ENDPOINTS: &str = "arn:{partition}:ec2:{region}:{account}:vpc-endpoint/*";
const SUBNETS: &str = "arn:{partition}:ec2:{region}:{account}:subnet/*";
const GROUPS: &str = "arn:{partition}:ec2:{region}:{account}:security-group/*";
/// Hours in a month, as AWS's price pages count them.
const MONTH: f64 = 730.0;
/// The Sid of a policy that lets nothing through.
const NOBODY: &str = "NoRoleUsesThisService";

fn cost(of: &Priced) -> Cost {
    let zones = of.attrs.get("subnets").and_then(Value::as_list).map_or(0, <[Value]>::len);
    Cost {
        monthly_micros: of.prices.micros("vpc.endpointZoneHour", zones as f64 * MONTH),
        usage: vec!["GB that pass".into()],
    }
}

/// With a private name the endpoint is the only way to the service in its VPC, and its policy applies to all who take
/// it (VPC user guide, "Private DNS for interface endpoints").
fn risks(shift: &Shift) -> Vec<Risk> {
    let mut risks = Vec::new();
    let text =
        |name: &str| shift.wanted.and_then(|wanted| wanted.get(name)).and_then(Value::as_text).unwrap_or_default();
    let nobody = |policy: &Value| policy.to_json().to_string().contains(NOBODY);
    if shift.changed.get("policy").is_some_and(nobody) {
        let why = "none of the roles in `allow` may call this service, so its endpoint lets nothing through";
        risks.push(Risk::new("access", why));
    }
    if shift.changed.get("privateDns") == Some(&Value::Bool(true)) {
        let vpc = text("vpc");
        let host = host(text("service"));
        let shut = shift.wanted.and_then(|wanted| wanted.get("policy")).is_some_and(nobody);
        let who = if shut { "which lets nobody through" } else { "which allows only the roles in `allow`" };
        let why = format!(
            "in {vpc} it takes over the name {host}: whatever calls it there, also Tidegate, comes under the \
             endpoint's policy, {who}; `privateDns: false` leaves the name alone"
        );
        risks.push(Risk::new("disruption", why));
    }
    if shift.before.is_some() && (shift.changed.contains_key("privateDns") || shift.changed.contains_key("subnets")) {
        let why = "clients in the VPC resolve the service's name anew; open connections may break";
        risks.push(Risk::new("disruption", why));
    }
    risks
}

/// The public name of a service: `com.amazonaws.eu-west-1.kinesis-streams` is `kinesis.eu-west-1.amazonaws.com`.
fn host(service: &str) -> String {
    let Some((start, word)) = service.rsplit_once('.') else { return service.to_owned() };
    let region = start.rsplit('.').next().unwrap_or_default();
    let name = match word {
        "kinesis-streams" => "kinesis",
        "kinesis-streams-fips" => "kinesis-fips",
        "kinesis-firehose" => "firehose",
        other => other,
    };
    let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("{name}.{region}.{suffix}")
}

pub struct Kind;

impl ResourceKind for Kind {
    fn schema(&self) -> &'static Schema {
        &SCHEMA
    }

    fn physical(&self, _arn: &str, address: &Address, _: &Scope) -> Option<String> {
        Some(address.name().to_owned())
    }

    fn desire(&self, wish: &mut Wish) {
        for (name, endpoint) in &wish.spec.endpoints {
            let at = Path::of(["endpoints", name.as_str()]);
            check(endpoint, &at, &mut wish.problems);
            let roles = roles(wish, endpoint, &at);
            for service in &endpoint.services {
                desire(wish, name, endpoint, *service, &roles, &at);
            }
        }
    }

    fn list<'a>(
        &'a self,
        aws: &'a Aws,
        scope: &'a Scope,
        _known: Known<'a>,
    ) -> BoxFuture<'a, Result<Vec<Tagged>, Fault>> {
        Box::pin(effects::list(aws, scope))
    }

    fn observe<'a>(&'a self, aws: &'a Aws, target: &'a Target) -> BoxFuture<'a, Result<Option<Resource>, Fault>> {
        Box::pin(effects::observe(aws, target))
    }

    fn perform<'a>(
        &'a self,
        aws: &'a Aws,
        target: &'a Target,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<Outputs, Fault>> {
        Box::pin(effects::perform(aws, target, call))
    }
}

/// The addresses of the roles that may use an endpoint.
fn roles(wish: &mut Wish, endpoint: &EndpointSpec, at: &Path) -> Vec<Address> {
    let spec = wish.spec;
    let mut roles = Vec::new();
    for (index, name) in endpoint.allow.iter().enumerate() {
        if wish.defined("access", &spec.access, name, &at.key("allow").index(index)) {
            roles.push(role::address(name.as_str()));
        }
    }
    roles
}

/// In a VPC one endpoint alone can answer to a service's public name (EC2 API, CreateVpcEndpoint), so that these two
/// name it. Endpoints without private DNS have no name but their tags.
fn only_one(vpc: &str, service: &str) -> String {
    format!("{vpc}/{service}")
}

fn desire(wish: &mut Wish, name: &Name, endpoint: &EndpointSpec, service: Service, roles: &[Address], at: &Path) {
    let part = format!("{name}/{}", service.word());
    let physical = if endpoint.private_dns { only_one(&endpoint.vpc, service.word()) } else { part.clone() };
    let desired = Desired::new(&SCHEMA, part, physical, at.clone());
    let tags = wish.tags(&desired.address, &endpoint.tags, Fate::REMADE, at);
    let groups = match &endpoint.security_group {
        Some(_) => vec![Value::reference(security_group::address(name), "id")],
        None => endpoint.security_groups.iter().map(|group| Value::text(group.as_str())).collect(),
    };
    let policy = policy(wish, service, roles);
    let full = wish.scope.fill("com.amazonaws.{region}.{name}", service.word());
    wish.add(
        desired
            .with("service", full)
            .with("vpc", endpoint.vpc.as_str())
            .with("type", "Interface")
            .with("subnets", Value::list(endpoint.subnets.iter().map(String::as_str)))
            .with("securityGroups", Value::List(groups))
            .with("policy", policy)
            .with("privateDns", endpoint.private_dns)
            .with("tags", tags),
    );
}

/// Lets each role do through the endpoint what its own policy allows on the service, and nobody anything else.
///
/// Endpoint policies match sessions by `aws:PrincipalArn`, which is the role's ARN; as a principal it would have to
/// exist before the policy is written, and a role that is made again would fall out of it.
fn policy(wish: &Wish, service: Service, roles: &[Address]) -> Value {
    let mut statements = Vec::new();
    for role in roles {
        let grants = wish.graph.get(role).and_then(|role| role.attrs.get("policy")?.get("Statement"));
        for grant in grants.and_then(Value::as_list).unwrap_or_default() {
            statements.extend(through(grant, service, role));
        }
    }
    if statements.is_empty() {
        statements.push(Value::map([
            ("Sid", Value::text(NOBODY)),
            ("Effect", Value::text("Deny")),
            ("Principal", Value::text("*")),
            ("Action", Value::text("*")),
            ("Resource", Value::text("*")),
        ]));
    }
    Value::map([("Version", Value::text("2012-10-17")), ("Statement", Value::List(statements))])
}

/// What a grant of a role means for the endpoint of a service; `None` if it is about other services.
fn through(grant: &Value, service: Service, role: &Address) -> Option<Value> {
    let of_service = |action: &&Value| action.as_text().is_some_and(|text| text.starts_with(service.actions()));
    let actions: Vec<Value> = match grant.get("Action")? {
        Value::List(actions) => actions.iter().filter(of_service).cloned().collect(),
        action => Some(action).filter(of_service).cloned().into_iter().collect(),
    };
    if actions.is_empty() || grant.get("Effect")?.as_text() != Some("Allow") {
        return None;
    }
    let mut condition = grant.get("Condition").and_then(Value::as_map).cloned().unwrap_or_default();
    let arns = Value::map([("aws:PrincipalArn", Value::List(vec![Value::reference(role.clone(), "arn")]))]);
    match condition.get_mut("ArnEquals") {
        Some(Value::Map(tests)) => tests.extend(arns.as_map().cloned().unwrap_or_default()),
        _ => drop(condition.insert("ArnEquals".into(), arns)),
    }
    Some(Value::map([
        ("Effect", Value::text("Allow")),
        ("Principal", Value::map([("AWS", "*")])),
        ("Action", Value::List(actions)),
        ("Resource", grant.get("Resource")?.clone()),
        ("Condition", Value::Map(condition)),
    ]))
}

fn check(endpoint: &EndpointSpec, at: &Path, problems: &mut Vec<Problem>) {
    let mut wrong = |path: Path, message: String, help: &str| {
        problems.push(Problem::new("invalid-value", path, message).help(help));
    };
    let ids = |ids: &[String], field: &str| -> Vec<(Path, String)> {
        ids.iter().enumerate().map(|(index, id)| (at.key(field).index(index), id.clone())).collect()
    };
    let mut named = vec![(at.key("vpc"), endpoint.vpc.clone(), "vpc-")];
    named.extend(ids(&endpoint.subnets, "subnets").into_iter().map(|(path, id)| (path, id, "subnet-")));
    named.extend(ids(&endpoint.security_groups, "securityGroups").into_iter().map(|(path, id)| (path, id, "sg-")));
    for (path, id, start) in named {
        if !id
            .strip_prefix(start)
            .is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_ascii_alphanumeric()))
        {
            wrong(path, format!("`{id}` is no id of the right kind"), &format!("AWS's ids begin with {start} here"));
        }
    }
    let lists =
        [("subnets", endpoint.subnets.len()), ("services", endpoint.services.len()), ("allow", endpoint.allow.len())];
    for (field, _) in lists.into_iter().filter(|(_, length)| *length == 0) {
        wrong(at.key(field), format!("`{field}` is empty"), "name at least one");
    }
    match (&endpoint.security_group, endpoint.security_groups.is_empty()) {
        (None, true) => wrong(
            at.clone(),
            "no security group is named, and the VPC's default one would decide".into(),
            "name `securityGroups: [sg-…]`, or write `securityGroup: { create: true, allowFrom: [10.0.0.0/16] }`",
        ),
        (Some(_), false) => wrong(
            at.key("securityGroup"),
            "both `securityGroup` and `securityGroups` are named".into(),
            "keep one: a group of the pipeline's own, or existing ones",
        ),
        _ => {}
    }
    let services: Vec<&str> = endpoint.services.iter().map(|service| service.word()).collect();
    let allow: Vec<&str> = endpoint.allow.iter().map(Name::as_str).collect();
    let subnets: Vec<&str> = endpoint.subnets.iter().map(String::as_str).collect();
    let groups: Vec<&str> = endpoint.security_groups.iter().map(String::as_str).collect();
    for (field, names) in [("services", services), ("allow", allow), ("subnets", subnets), ("securityGroups", groups)] {
        for (index, name) in names.iter().enumerate().filter(|(index, name)| names[..*index].contains(*name)) {
            wrong(at.key(field).index(index), format!("`{name}` is named twice"), "remove one");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Attrs;

    fn told(service: &str, allowed: bool, private: bool) -> Vec<String> {
        let sid = if allowed { "Write" } else { NOBODY };
        let wanted = Attrs::from([
            ("service".to_owned(), Value::text(service)),
            ("vpc".to_owned(), Value::text("vpc-1")),
            ("policy".to_owned(), Value::map([("Sid", sid)])),
            ("privateDns".to_owned(), Value::Bool(private)),
        ]);
        let shift = Shift { before: None, wanted: Some(&wanted), changed: wanted.clone(), now: 0 };
        risks(&shift).into_iter().map(|risk| format!("{}: {}", risk.flag, risk.why)).collect()
    }

    #[test]
    fn a_new_endpoint_says_whom_it_cuts_off() {
        for (service, host) in [
            ("com.amazonaws.eu-west-1.kinesis-streams", "kinesis.eu-west-1.amazonaws.com"),
            ("com.amazonaws.us-east-1.kinesis-streams-fips", "kinesis-fips.us-east-1.amazonaws.com"),
            ("com.amazonaws.cn-north-1.kinesis-firehose", "firehose.cn-north-1.amazonaws.com.cn"),
            ("com.amazonaws.eu-west-1.monitoring", "monitoring.eu-west-1.amazonaws.com"),
        ] {
            let said = told(service, true, true);
            assert_eq!(said.len(), 1, "{said:?}");
            assert!(said[0].starts_with(&format!("disruption: in vpc-1 it takes over the name {host}: ")), "{said:?}");
            assert!(said[0].contains("only the roles in `allow`"), "{said:?}");
        }
        let said = told("com.amazonaws.eu-west-1.monitoring", false, true);
        assert!(said[0].starts_with("access: ") && said[1].contains("lets nobody through"), "{said:?}");
        assert_eq!(told("com.amazonaws.eu-west-1.monitoring", true, false), Vec::<String>::new());
    }
}
