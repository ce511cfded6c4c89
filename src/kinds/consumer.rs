//! Enhanced fan-out consumers of streams (`streams.*.fanOut`).

use std::collections::BTreeMap;

use aws_sdk_kinesis::types::{ConsumerDescription, ConsumerStatus};
use futures::future::BoxFuture;

use super::stream::text_map;
use super::wish::Fate;
use super::{Known, Name, ResourceKind, Tagged, Wish, stream};
use crate::aws::{Aws, unknown_call};
use crate::cloud::{Claim, Class, Fault, Outputs, Target};
use crate::model::{
    Address, Attrs, Call, Cost, Desired, Field, PARTS, PIPELINE, Path, Permit, Priced, RESOURCE, Resource, Schema,
    Scope, State, Value, When,
};

/// The address of a consumer, by the names in the spec.
pub fn address(stream: &Name, consumer: &Name) -> Address {
    Address::new(SCHEMA.kind, format!("{stream}/{consumer}"))
}

pub static SCHEMA: Schema = Schema {
    kind: "consumer",
    title: "Kinesis fan-out consumer",
    fields: &[
        Field::fixed("stream", "The stream that is read, by name."),
        Field::fixed("name", "The consumer's name."),
        Field::tags("kinesis:TagResource", "kinesis:UntagResource").folded(),
    ],
    create: "kinesis:RegisterStreamConsumer",
    delete: "kinesis:DeregisterStreamConsumer",
    create_seconds: 20,
    // It ends with the time of the registration.
    arn: None,
    assigned: &["arn"],
    found_by_tags: false,
    elsewhere: "choose another name",
    holds_data: None,
    asynchronous: true,
    creating_limit: Some(5),
    calls: Schema::plain_calls,
    risks: Schema::no_risks,
    needs: Schema::no_needs,
    cost,
    permits: &[
        Permit {
            when: When::Read,
            actions: &["kinesis:DescribeStreamConsumer", "kinesis:ListTagsForResource"],
            on: "arn:{partition}:kinesis:{region}:{account}:stream/{parent}/consumer/{part}:*",
        },
        Permit {
            when: When::Read,
            actions: &["kinesis:ListStreamConsumers"],
            on: "arn:{partition}:kinesis:{region}:{account}:stream/{parent}",
        },
        Permit {
            when: When::Create,
            actions: &["kinesis:RegisterStreamConsumer"],
            on: "arn:{partition}:kinesis:{region}:{account}:stream/{parent}",
        },
        Permit {
            when: When::Create,
            actions: &["kinesis:TagResource"],
            on: "arn:{partition}:kinesis:{region}:{account}:stream/{parent}/consumer/{part}:*",
        },
        Permit {
            when: When::Update,
            actions: &["kinesis:TagResource", "kinesis:UntagResource"],
            on: "arn:{partition}:kinesis:{region}:{account}:stream/{parent}/consumer/{part}:*",
        },
        Permit {
            when: When::Delete,
            actions: &["kinesis:DeregisterStreamConsumer"],
            on: "arn:{partition}:kinesis:{region}:{account}:stream/{parent}/consumer/{part}:*",
        },
    ],
};

/// Paid for each hour of each shard of a provisioned stream; on demand only by gigabyte.
fn cost(of: &Priced) -> Cost {
    let hours = of.parent.map_or(0.0, stream::shard_hours);
    let monthly_micros = of.prices.micros("kinesis.fanOutConsumerShardHour", hours);
    Cost { monthly_micros, usage: vec!["retrieval by GB".into()] }
}

pub struct Kind;

impl ResourceKind for Kind {
    fn schema(&self) -> &'static Schema {
        &SCHEMA
    }

    fn physical(&self, arn: &str, _address: &Address, _scope: &Scope) -> Option<String> {
        let (stream, consumer) = arn.split_once(":stream/")?.1.split_once("/consumer/")?;
        Some(format!("{stream}/{}", consumer.split(':').next()?))
    }

    fn desire(&self, wish: &mut Wish) {
        let spec = wish.spec;
        for (stream, described) in &spec.streams {
            let physical = described.name.as_ref().unwrap_or(stream);
            for (index, name) in described.fan_out.iter().enumerate() {
                let at = Path::of(["streams", stream.as_str(), "fanOut"]).index(index);
                let address = address(stream, name);
                // Tags of the consumer are the pipeline's; mistakes in them were told there.
                let tags = wish.tags(&address, &BTreeMap::new(), Fate::REMADE, &at);
                let desired = Desired::new(&SCHEMA, address.name(), format!("{physical}/{name}"), at)
                    .part_of(&Address::new(stream::SCHEMA.kind, stream.as_str()))
                    .with("stream", physical.as_str())
                    .with("name", name.as_str())
                    .with("tags", tags);
                wish.add(desired);
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

    fn state<'a>(&'a self, aws: &'a Aws, target: &'a Target) -> BoxFuture<'a, Result<State, Fault>> {
        Box::pin(async { describe(aws, target).await.map(|consumer| state_of(&consumer)) })
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

/// The ARN of the stream, and the consumer's name.
fn parts(target: &Target) -> (String, &str) {
    let (stream, consumer) = target.physical.split_once('/').unwrap_or((&target.physical, ""));
    (stream_arn(&target.scope, stream), consumer)
}

fn stream_arn(scope: &Scope, stream: &str) -> String {
    scope.fill(stream::SCHEMA.arn.unwrap_or_default(), stream)
}

async fn describe(aws: &Aws, target: &Target) -> Result<ConsumerDescription, Fault> {
    let (stream, consumer) = parts(target);
    let doing = format!("reading consumer {}", target.physical);
    let answer = aws
        .call("kinesis:DescribeStreamConsumer", &doing, || {
            aws.kinesis().describe_stream_consumer().stream_arn(&stream).consumer_name(consumer).send()
        })
        .await?;
    answer.consumer_description.ok_or_else(|| super::absent(target))
}

fn state_of(consumer: &ConsumerDescription) -> State {
    match consumer.consumer_status() {
        ConsumerStatus::Active => State::Ready,
        status => State::Busy(status.as_str().to_owned()),
    }
}

/// The tags of a consumer; `None` where the endpoint cannot tell.
async fn tags(aws: &Aws, arn: &str) -> Result<Option<BTreeMap<String, String>>, Fault> {
    let doing = format!("reading the tags of {arn}");
    let answer = aws
        .call("kinesis:ListTagsForResource", &doing, || aws.kinesis().list_tags_for_resource().resource_arn(arn).send())
        .await;
    match answer {
        Ok(answer) => Ok(Some(
            answer
                .tags()
                .iter()
                .map(|tag| (tag.key().to_owned(), tag.value().unwrap_or_default().to_owned()))
                .collect(),
        )),
        Err(fault) if fault.class == Class::Unsupported => Ok(None),
        Err(fault) => Err(fault),
    }
}

async fn observe(aws: &Aws, target: &Target) -> Result<Option<Resource>, Fault> {
    let consumer = describe(aws, target).await?;
    let (stream, name) = target.physical.split_once('/').unwrap_or((&target.physical, ""));
    let mut attrs = Attrs::from([("stream".to_owned(), Value::text(stream)), ("name".to_owned(), Value::text(name))]);
    if let Some(tags) = tags(aws, consumer.consumer_arn()).await? {
        attrs.insert("tags".into(), Value::map(tags));
    }
    Ok(Some(Resource {
        physical: target.physical.clone(),
        outputs: BTreeMap::from([("arn".to_owned(), consumer.consumer_arn().to_owned())]),
        attrs,
        facts: Attrs::new(),
        state: state_of(&consumer),
    }))
}

/// Nothing promises that the tagging API lists consumers, so the streams that are marked to have some are asked.
async fn list(aws: &Aws, scope: &Scope, found: &[Tagged]) -> Result<Vec<Tagged>, Fault> {
    let mut ours = Vec::new();
    for stream in found.iter().filter(|tagged| has_part(tagged, SCHEMA.kind)) {
        for (name, arn) in consumers(aws, scope, &stream.claim.physical).await? {
            let physical = format!("{}/{name}", stream.claim.physical);
            let Some(tags) = tags(aws, &arn).await? else {
                // Its stream is ours.
                let address = Address::new(SCHEMA.kind, format!("{}/{name}", stream.claim.address.name()));
                ours.push(Tagged { claim: Claim { address, physical }, tags: BTreeMap::new() });
                continue;
            };
            if tags.get(PIPELINE) == Some(&scope.pipeline)
                && let Some(Ok(address)) = tags.get(RESOURCE).map(|text| text.parse())
            {
                ours.push(Tagged { claim: Claim { address, physical }, tags });
            }
        }
    }
    Ok(ours)
}

/// Is it a stream of ours with parts of this kind?
pub fn has_part(tagged: &Tagged, kind: &str) -> bool {
    tagged.claim.address.kind() == stream::SCHEMA.kind
        && tagged.tags.get(PARTS).is_some_and(|parts| parts.split(' ').any(|part| part == kind))
}

/// Names and ARNs of a stream's consumers; none where the stream is only a ghost of the tagging API.
async fn consumers(aws: &Aws, scope: &Scope, stream: &str) -> Result<Vec<(String, String)>, Fault> {
    let doing = format!("listing the consumers of stream {stream}");
    let arn = stream_arn(scope, stream);
    let mut all = Vec::new();
    let mut token: Option<String> = None;
    // A stream takes 50 consumers at most, which is one page of AWS's.
    for _ in 0..50 {
        let page = aws
            .call("kinesis:ListStreamConsumers", &doing, || {
                aws.kinesis().list_stream_consumers().stream_arn(&arn).set_next_token(token.clone()).send()
            })
            .await;
        let page = match page {
            Err(fault) if fault.is_absent() => break,
            page => page?,
        };
        all.extend(page.consumers().iter().map(|one| (one.consumer_name().to_owned(), one.consumer_arn().to_owned())));
        token = page.next_token().map(str::to_owned);
        if token.is_none() {
            break;
        }
    }
    Ok(all)
}

/// All consumers of a stream, whoever registered them.
pub async fn readers(aws: &Aws, stream: &Target) -> Result<Vec<Claim>, Fault> {
    let claim = |(name, _): (String, String)| Claim {
        address: Address::new(SCHEMA.kind, format!("{}/{name}", stream.address.name())),
        physical: format!("{}/{name}", stream.physical),
    };
    Ok(consumers(aws, &stream.scope, &stream.physical).await?.into_iter().map(claim).collect())
}

async fn perform(aws: &Aws, target: &Target, call: &Call) -> Result<Outputs, Fault> {
    let kinesis = aws.kinesis();
    let (stream, name) = parts(target);
    let doing = format!("changing consumer {}", target.physical);
    match call.verb() {
        "RegisterStreamConsumer" => {
            let tags = text_map(call.set.get("tags"));
            let answer = aws
                .call("kinesis:RegisterStreamConsumer", &doing, || {
                    let request = kinesis.register_stream_consumer().stream_arn(&stream).consumer_name(name);
                    request.set_tags(Some(tags.clone())).send()
                })
                .await?;
            return Ok(answer
                .consumer()
                .map(|one| ("arn".to_owned(), one.consumer_arn().to_owned()))
                .into_iter()
                .collect());
        }
        "TagResource" => {
            let arn = arn(aws, target).await?;
            let tags = text_map(call.set.get("tags"));
            aws.call("kinesis:TagResource", &doing, || {
                kinesis.tag_resource().resource_arn(&arn).set_tags(Some(tags.clone())).send()
            })
            .await
            .map(drop)?;
        }
        "UntagResource" => {
            let arn = arn(aws, target).await?;
            aws.call("kinesis:UntagResource", &doing, || {
                kinesis.untag_resource().resource_arn(&arn).set_tag_keys(Some(call.drop_tags.clone())).send()
            })
            .await
            .map(drop)?;
        }
        "DeregisterStreamConsumer" => {
            // By ARN alone, so that a consumer that somebody registered again by this name is not taken.
            let arn = arn(aws, target).await?;
            aws.call("kinesis:DeregisterStreamConsumer", &doing, || {
                kinesis.deregister_stream_consumer().consumer_arn(&arn).send()
            })
            .await
            .map(drop)?;
        }
        _ => return Err(unknown_call(target, call)),
    }
    Ok(Outputs::new())
}

async fn arn(aws: &Aws, target: &Target) -> Result<String, Fault> {
    match target.outputs.get("arn") {
        Some(arn) => Ok(arn.clone()),
        None => describe(aws, target).await.map(|consumer| consumer.consumer_arn().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_found_in_an_arn_with_and_without_its_time() {
        let scope = Scope { pipeline: "p".into(), partition: "aws".into(), region: "r".into(), account: "1".into() };
        let at = Address::new("consumer", "clicks/fraud");
        for arn in [
            "arn:aws:kinesis:r:1:stream/acme/consumer/fraud:1700000000",
            "arn:aws:kinesis:r:1:stream/acme/consumer/fraud",
        ] {
            assert_eq!(Kind.physical(arn, &at, &scope).as_deref(), Some("acme/fraud"));
        }
        assert_eq!(Kind.physical("arn:aws:kinesis:r:1:stream/acme", &at, &scope), None);
        assert_eq!(scope.fill(SCHEMA.permits[0].on, "acme/fraud"), "arn:aws:kinesis:r:1:stream/acme/consumer/fraud:*");
    }
}
