//! Event source mappings: how Lambda functions read a stream. They belong to whoever made the function; of theirs only the
//! parallelization factor is changed, where a spec gives it a range.

use aws_sdk_lambda::types::EventSourceMappingConfiguration;

use crate::aws::Aws;
use crate::cloud::{Class, Fault, Target};
use crate::model::{Call, Mapping, PARALLELIZATION};

/// Pages of a list, 100 mappings each; a function has a handful on one stream.
const PAGES: usize = 10;

/// The one mapping of a function (a name or an ARN) to the stream itself, not to one of its fan-out consumers.
///
/// # Errors
/// There is none, there are several, or Lambda does not answer.
pub async fn find(aws: &Aws, target: &Target, function: &str, uuid: Option<&str>) -> Result<Mapping, Fault> {
    let doing = format!("reading how Lambda function {function} reads stream {}", target.physical);
    if let Some(uuid) = uuid {
        let get = || aws.lambda().get_event_source_mapping().uuid(uuid).send();
        match aws.call("lambda:GetEventSourceMapping", &doing, get).await {
            // Somebody made it anew.
            Err(fault) if fault.is_absent() => {}
            answer => {
                let found = answer?;
                return Ok(mapping(found.uuid(), found.parallelization_factor(), found.state()));
            }
        }
    }
    let found = list(aws, target, function, &doing).await?;
    match &found[..] {
        [one] => Ok(mapping(one.uuid(), one.parallelization_factor(), one.state())),
        [] => {
            let help = "name a function that reads the stream itself by an event source mapping, or take it out of `scaling.lambda`";
            Err(Fault::new(Class::Absent, doing, "NoMapping", "it has no event source mapping to the stream")
                .help(help))
        }
        several => {
            let message = format!("{} of its versions and aliases have an event source mapping to it", several.len());
            let help = "write the ARN of the alias that is meant in `scaling.lambda`";
            Err(Fault::new(Class::Refused, doing, "SeveralMappings", message).help(help))
        }
    }
}

async fn list(
    aws: &Aws,
    target: &Target,
    function: &str,
    doing: &str,
) -> Result<Vec<EventSourceMappingConfiguration>, Fault> {
    let (mut found, mut marker) = (Vec::new(), None::<String>);
    for _ in 0..PAGES {
        let page = aws
            .call("lambda:ListEventSourceMappings", doing, || {
                let request = aws.lambda().list_event_source_mappings().event_source_arn(target.arn());
                request.function_name(function).set_marker(marker.clone()).send()
            })
            .await?;
        // An endpoint may take no notice of what was asked for.
        let is_of_it = |one: &&EventSourceMappingConfiguration| {
            one.event_source_arn().is_none_or(|arn| arn == target.arn())
                && one.function_arn().is_none_or(|arn| is_named(arn, function))
        };
        found.extend(page.event_source_mappings().iter().filter(is_of_it).cloned());
        marker = page.next_marker().filter(|marker| !marker.is_empty()).map(ToOwned::to_owned);
        if marker.is_none() {
            break;
        }
    }
    Ok(found)
}

/// Whether the ARN is of the function: of any version or alias for a name, of that very one for an ARN with it.
fn is_named(arn: &str, function: &str) -> bool {
    let parts = |arn: &str| -> Vec<String> { arn.split(':').map(ToOwned::to_owned).collect() };
    let (arn, asked) = (parts(arn), parts(function));
    match asked.len() {
        1 => arn.get(6) == asked.first(),
        _ => arn.starts_with(&asked),
    }
}

fn mapping(uuid: Option<&str>, factor: Option<i32>, state: Option<&str>) -> Mapping {
    let factor = factor.and_then(|factor| u32::try_from(factor).ok()).unwrap_or(*PARALLELIZATION.start());
    Mapping { uuid: uuid.unwrap_or_default().into(), factor, state: state.unwrap_or("Enabled").into() }
}

/// UpdateEventSourceMapping. It sets a value, so that it may be sent again.
pub async fn perform(aws: &Aws, call: &Call, doing: &str) -> Result<(), Fault> {
    let factor = call.int("parallelizationFactor").and_then(|factor| i32::try_from(factor).ok());
    let uuid = call.text("uuid").unwrap_or_default();
    aws.call("lambda:UpdateEventSourceMapping", doing, || {
        aws.lambda().update_event_source_mapping().uuid(uuid).set_parallelization_factor(factor).send()
    })
    .await
    .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_means_every_alias_and_an_arn_the_one_that_it_names() {
        let arn = |rest: &str| format!("arn:aws:lambda:eu-west-1:123456789012:function:{rest}");
        let all = [arn("enrich"), arn("enrich:live"), arn("enrich2")];
        let found = |asked: &str| all.iter().map(|arn| is_named(arn, asked)).collect::<Vec<_>>();
        assert_eq!(found("enrich"), [true, true, false]);
        assert_eq!(found(&arn("enrich")), [true, true, false]);
        assert_eq!(found(&arn("enrich:live")), [false, true, false]);
    }
}
