//! Resource policies of streams: what other accounts may do (`streams.*.share`).

use std::collections::BTreeMap;

use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::consumer::has_part;
use super::role::{grants, is_account};
use super::{Known, Name, ResourceKind, Tagged, Wish, key, stream};
use crate::aws::{Aws, unknown_call};
use crate::cloud::{Claim, Fault, Outputs, Target};
use crate::model::{
    Address, Attrs, Call, Compare, Desired, Field, Path, Permit, Problem, Resource, Schema, Scope, State, Value, When,
};

/// Another account that may use a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Share {
    /// The account: twelve digits in quotes.
    #[schemars(example = &"210987654321")]
    pub account: String,
    /// What it may do.
    pub can: Can,
}

/// What another account may do with a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = &"read")]
pub enum Can {
    Read,
    Write,
    ReadWrite,
}

pub static SCHEMA: Schema = Schema {
    kind: "stream-policy",
    title: "Kinesis stream policy",
    fields: &[Field::in_place("policy", "kinesis:PutResourcePolicy", "What other accounts may do with the stream.")
        .folded()
        .compare(Compare::Document)],
    create: "kinesis:PutResourcePolicy",
    delete: "kinesis:DeleteResourcePolicy",
    create_seconds: 1,
    arn: None,
    assigned: &[],
    found_by_tags: false,
    elsewhere: "choose another name",
    holds_data: None,
    asynchronous: false,
    creating_limit: None,
    calls: Schema::plain_calls,
    risks: Schema::no_risks,
    needs: Schema::no_needs,
    cost: Schema::free,
    permits: &[
        Permit {
            when: When::Read,
            actions: &["kinesis:GetResourcePolicy"],
            on: "arn:{partition}:kinesis:{region}:{account}:stream/{name}",
        },
        Permit {
            when: When::Create,
            actions: &["kinesis:PutResourcePolicy"],
            on: "arn:{partition}:kinesis:{region}:{account}:stream/{name}",
        },
        Permit {
            when: When::Update,
            actions: &["kinesis:PutResourcePolicy"],
            on: "arn:{partition}:kinesis:{region}:{account}:stream/{name}",
        },
        Permit {
            when: When::Delete,
            actions: &["kinesis:DeleteResourcePolicy"],
            on: "arn:{partition}:kinesis:{region}:{account}:stream/{name}",
        },
    ],
};

pub struct Kind;

impl ResourceKind for Kind {
    fn schema(&self) -> &'static Schema {
        &SCHEMA
    }

    fn desire(&self, wish: &mut Wish) {
        let spec = wish.spec;
        for (name, described) in spec.streams.iter().filter(|(_, stream)| !stream.share.is_empty()) {
            let at = Path::of(["streams", name.as_str(), "share"]);
            let mut statements = Vec::new();
            for (index, share) in described.share.iter().enumerate() {
                check(share, &at.index(index), wish);
                let rights = rights(share.can);
                statements.extend(rights.iter().map(|right| statement(wish.scope, share, right, name)));
            }
            allow_key(wish, name, &described.share, &at);
            let physical = described.name.as_ref().unwrap_or(name).as_str();
            let desired = Desired::new(&SCHEMA, name.as_str(), physical, at)
                .part_of(&Address::new(stream::SCHEMA.kind, name.as_str()))
                .with("policy", grants::document(statements));
            wish.add(desired);
        }
    }

    fn list<'a>(
        &'a self,
        _aws: &'a Aws,
        _scope: &'a Scope,
        known: Known<'a>,
    ) -> BoxFuture<'a, Result<Vec<Tagged>, Fault>> {
        let marked = known.tagged.iter().filter(|tagged| has_part(tagged, SCHEMA.kind));
        let policies = marked.map(|stream| Tagged {
            claim: Claim {
                address: Address::new(SCHEMA.kind, stream.claim.address.name()),
                physical: stream.claim.physical.clone(),
            },
            tags: BTreeMap::new(),
        });
        let policies = policies.collect();
        Box::pin(async { Ok(policies) })
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

/// One direction of a share. AWS takes no wildcards here, neither in actions nor in principals.
struct Right {
    word: &'static str,
    actions: &'static [&'static str],
    /// What the reader or writer does with a customer key.
    kms: &'static str,
}

const READ: Right = Right {
    word: "read",
    actions: &["kinesis:DescribeStreamSummary", "kinesis:ListShards", "kinesis:GetShardIterator", "kinesis:GetRecords"],
    kms: "kms:Decrypt",
};

const WRITE: Right = Right {
    word: "write",
    actions: &["kinesis:DescribeStreamSummary", "kinesis:ListShards", "kinesis:PutRecord", "kinesis:PutRecords"],
    kms: "kms:GenerateDataKey",
};

fn rights(can: Can) -> &'static [Right] {
    match can {
        Can::Read => &[READ],
        Can::Write => &[WRITE],
        Can::ReadWrite => &[READ, WRITE],
    }
}

/// The shares that a living policy grants; `None` where it says something that shares cannot say.
pub fn shares(policy: &Value, scope: &Scope) -> Option<Vec<Share>> {
    let statements = policy.get("Statement")?;
    let statements = statements.as_list().unwrap_or(std::slice::from_ref(statements));
    let mut found: BTreeMap<String, Vec<&'static str>> = BTreeMap::new();
    for statement in statements {
        let arn = statement.get("Principal")?.get("AWS")?.as_text()?;
        let account = arn.strip_prefix(&format!("arn:{}:iam::", scope.partition))?.strip_suffix(":root")?;
        let rights = [READ, WRITE].into_iter().find(|right| {
            let allowed = Value::list(right.actions.iter().copied());
            statement.get("Action").is_some_and(|actions| Compare::Document.same(&allowed, actions))
        })?;
        let known = ["Action", "Effect", "Principal", "Resource", "Sid"];
        let plain = statement.as_map()?.keys().all(|key| known.contains(&key.as_str()));
        if !plain || statement.get("Effect")?.as_text()? != "Allow" || !is_account(account) {
            return None;
        }
        found.entry(account.to_owned()).or_default().push(rights.word);
    }
    let can = |words: &[&str]| match (words.contains(&READ.word), words.contains(&WRITE.word)) {
        (true, true) => Can::ReadWrite,
        (false, true) => Can::Write,
        _ => Can::Read,
    };
    Some(found.into_iter().map(|(account, words)| Share { account, can: can(&words) }).collect())
}

fn check(share: &Share, at: &Path, wish: &mut Wish) {
    if !is_account(&share.account) {
        let message = format!("`{}` is not an account", share.account);
        wish.problem(Problem::new("invalid-value", at.key("account"), message).help("write twelve digits in quotes"));
    } else if share.account == wish.scope.account {
        let message = format!("the stream is in the account {} itself", share.account);
        wish.problem(
            Problem::new("invalid-value", at.key("account"), message)
                .help("roles of one's own account belong under `access`"),
        );
    }
}

fn principal(scope: &Scope, account: &str) -> Value {
    Value::map([("AWS", Value::text(format!("arn:{}:iam::{account}:root", scope.partition)))])
}

fn statement(scope: &Scope, share: &Share, right: &Right, stream: &Name) -> Value {
    let sid = format!("{} by {}", right.word, share.account);
    let statement = grants::allow(&sid, right.actions, vec![grants::stream_arn(stream)], None);
    with_principal(statement, principal(scope, &share.account))
}

fn with_principal(mut statement: Value, principal: Value) -> Value {
    if let Value::Map(map) = &mut statement {
        map.insert("Principal".into(), principal);
    }
    statement
}

/// Records of an encrypted stream are of no use to another account unless the key's own policy lets it in.
fn allow_key(wish: &mut Wish, stream: &Name, shares: &[Share], at: &Path) {
    let encryption = wish
        .graph
        .get(&Address::new(stream::SCHEMA.kind, stream.as_str()))
        .and_then(|wanted| wanted.attrs.get("encryption").cloned());
    let key = match encryption {
        Some(Value::Text(text)) if text == "aws" => {
            let message = "other accounts cannot use the AWS-managed key that this stream is encrypted with";
            let help = "name a customer key, for example `encryption: { key: NAME }` with NAME under `keys:`";
            return wish.problem(Problem::new("unusable-share", at.clone(), message).help(help));
        }
        Some(Value::Ref(reference)) if reference.address.kind() == key::SCHEMA.kind => reference.address,
        // Not encrypted, or with a key whose policy is somebody else's.
        _ => return,
    };
    // As text: a reference would close a circle, since the stream needs the key first.
    let arn = wish.scope.fill(stream::SCHEMA.arn.unwrap_or_default(), grants::stream_physical(wish, stream));
    let only = Value::map([
        ("kms:ViaService", Value::text(grants::via_service(wish.scope, "kinesis"))),
        ("kms:EncryptionContext:aws:kinesis:arn", Value::text(arn)),
    ]);
    let only = Value::map([("StringEquals", only)]);
    let mut more = Vec::new();
    for share in shares {
        for right in rights(share.can) {
            let sid = format!("{} {stream} by {}", right.word, share.account);
            let statement = grants::allow(&sid, &[right.kms], vec!["*".into()], Some(only.clone()));
            more.push(with_principal(statement, principal(wish.scope, &share.account)));
        }
    }
    let Some(key) = wish.graph.get_mut(&key).filter(|key| !key.existing) else { return };
    if let Some(Value::Map(policy)) = key.attrs.get_mut("policy")
        && let Some(Value::List(statements)) = policy.remove("Statement")
        && let Value::Map(mut merged) = grants::document([statements, more].concat())
    {
        policy.extend(merged.remove("Statement").map(|statements| ("Statement".to_owned(), statements)));
    }
}

fn stream_arn(target: &Target) -> String {
    target.scope.fill(stream::SCHEMA.arn.unwrap_or_default(), &target.physical)
}

async fn observe(aws: &Aws, target: &Target) -> Result<Option<Resource>, Fault> {
    let doing = format!("reading the policy of stream {}", target.physical);
    let arn = stream_arn(target);
    let answer = aws
        .call("kinesis:GetResourcePolicy", &doing, || aws.kinesis().get_resource_policy().resource_arn(&arn).send())
        .await?;
    let text = answer.policy();
    let policy = serde_json::from_str(text).ok().and_then(|json| Value::from_json(&json).ok());
    let policy = policy.unwrap_or_else(|| Value::text(text));
    // AWS answers an empty document, or says that there is none.
    if text.is_empty() || policy.as_map().is_some_and(BTreeMap::is_empty) {
        return Ok(None);
    }
    Ok(Some(Resource {
        physical: target.physical.clone(),
        outputs: BTreeMap::new(),
        attrs: Attrs::from([("policy".to_owned(), policy)]),
        facts: Attrs::new(),
        state: State::Ready,
    }))
}

async fn perform(aws: &Aws, target: &Target, call: &Call) -> Result<Outputs, Fault> {
    let doing = format!("changing the policy of stream {}", target.physical);
    let arn = stream_arn(target);
    match call.verb() {
        "PutResourcePolicy" => {
            let text = call.set.get("policy").map(|policy| policy.to_json().to_string()).unwrap_or_default();
            aws.call("kinesis:PutResourcePolicy", &doing, || {
                aws.kinesis().put_resource_policy().resource_arn(&arn).policy(&text).send()
            })
            .await
            .map(drop)?;
        }
        "DeleteResourcePolicy" => {
            aws.call("kinesis:DeleteResourcePolicy", &doing, || {
                aws.kinesis().delete_resource_policy().resource_arn(&arn).send()
            })
            .await
            .map(drop)?;
        }
        _ => return Err(unknown_call(target, call)),
    }
    Ok(Outputs::new())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::{Pipeline, Wishes, wish};

    fn derived(streams: &str) -> Wishes {
        let text = format!("{{ apiVersion: tidegate/v1, pipeline: shop, keys: {{ k: {{}} }}, streams: {streams} }}");
        let spec: Pipeline = serde_yaml::from_str(&text).unwrap();
        let text = |text: &str| text.to_owned();
        let (region, account) = (text("eu-west-1"), text("123456789012"));
        wish(&spec, &Scope { pipeline: text("shop"), partition: text("aws"), region, account })
    }

    fn statements(wishes: &Wishes, address: &str) -> String {
        let wanted = wishes.graph.get(&address.parse().unwrap()).unwrap();
        let all = wanted.attrs["policy"].get("Statement").and_then(Value::as_list).unwrap();
        all.iter().map(|one| one.to_json().to_string()).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn shares_name_accounts_actions_and_the_stream_and_open_the_key() {
        let wishes = derived(
            "{ clicks: { name: acme, encryption: { key: k }, share: [{ account: '210987654321', can: read }, { account: '310987654321', can: readWrite }] } }",
        );
        assert!(wishes.problems.is_empty(), "{:?}", wishes.problems);
        insta::assert_snapshot!(statements(&wishes, "stream-policy/clicks"), @r#"
        {"Action":["kinesis:DescribeStreamSummary","kinesis:ListShards","kinesis:GetShardIterator","kinesis:GetRecords"],"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::210987654321:root"},"Resource":{"$ref":"stream/clicks#arn"},"Sid":"ReadBy210987654321"}
        {"Action":["kinesis:DescribeStreamSummary","kinesis:ListShards","kinesis:GetShardIterator","kinesis:GetRecords"],"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::310987654321:root"},"Resource":{"$ref":"stream/clicks#arn"},"Sid":"ReadBy310987654321"}
        {"Action":["kinesis:DescribeStreamSummary","kinesis:ListShards","kinesis:PutRecord","kinesis:PutRecords"],"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::310987654321:root"},"Resource":{"$ref":"stream/clicks#arn"},"Sid":"WriteBy310987654321"}
        "#);
        insta::assert_snapshot!(statements(&wishes, "key/k"), @r#"
        {"Action":"kms:*","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Resource":"*","Sid":"AccountDelegatesByIam"}
        {"Action":"kms:Decrypt","Condition":{"StringEquals":{"kms:EncryptionContext:aws:kinesis:arn":"arn:aws:kinesis:eu-west-1:123456789012:stream/acme","kms:ViaService":"kinesis.eu-west-1.amazonaws.com"}},"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::210987654321:root"},"Resource":"*","Sid":"ReadClicksBy210987654321"}
        {"Action":"kms:Decrypt","Condition":{"StringEquals":{"kms:EncryptionContext:aws:kinesis:arn":"arn:aws:kinesis:eu-west-1:123456789012:stream/acme","kms:ViaService":"kinesis.eu-west-1.amazonaws.com"}},"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::310987654321:root"},"Resource":"*","Sid":"ReadClicksBy310987654321"}
        {"Action":"kms:GenerateDataKey","Condition":{"StringEquals":{"kms:EncryptionContext:aws:kinesis:arn":"arn:aws:kinesis:eu-west-1:123456789012:stream/acme","kms:ViaService":"kinesis.eu-west-1.amazonaws.com"}},"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::310987654321:root"},"Resource":"*","Sid":"WriteClicksBy310987654321"}
        "#);
    }

    #[test]
    fn what_cannot_be_shared_is_told() {
        for (share, path) in [
            ("{ s: { share: [{ account: '210987654321', can: read }] } }", "streams.s.share"),
            (
                "{ s: { encryption: { key: none }, share: [{ account: '2109', can: read }] } }",
                "streams.s.share[0].account",
            ),
            (
                "{ s: { encryption: { key: k }, share: [{ account: '123456789012', can: write }] } }",
                "streams.s.share[0].account",
            ),
        ] {
            let paths: Vec<String> = derived(share).problems.iter().map(|problem| problem.path.to_string()).collect();
            assert_eq!(paths, [path]);
        }
    }
}
