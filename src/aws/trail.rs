//! CloudTrail's event history: who called what in the last 90 days, some minutes late. It costs nothing and needs no trail.

use std::collections::BTreeSet;

use aws_sdk_cloudtrail::primitives::DateTime;
use aws_sdk_cloudtrail::types::{Event, LookupAttribute, LookupAttributeKey};
use serde_json::Value;

use super::clients::Aws;
use crate::cloud::Fault;
use crate::model::Made;

/// Pages of 50 events of one operation, at two a second. More than 1,000 resizes a day in one region are not read.
const MOST_PAGES: usize = 20;

impl Aws {
    /// The calls of these operations that Kinesis accepted since then, newest first within an operation.
    ///
    /// # Errors
    /// What CloudTrail answers.
    pub(super) async fn trail(&self, operations: &BTreeSet<&str>, since: i64) -> Result<Vec<Made>, Fault> {
        let mut found = Vec::new();
        for operation in operations {
            self.trail_of(operation, since, &mut found).await?;
        }
        Ok(found)
    }

    async fn trail_of(&self, operation: &str, since: i64, found: &mut Vec<Made>) -> Result<(), Fault> {
        let doing = format!("asking CloudTrail for calls of {operation}");
        let attribute = LookupAttribute::builder()
            .attribute_key(LookupAttributeKey::EventName)
            .attribute_value(operation)
            .build()
            .map_err(|error| Fault::new(crate::cloud::Class::Refused, &doing, "BadRequest", error.to_string()))?;
        let mut token: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let page = self
                .call("cloudtrail:LookupEvents", &doing, || {
                    let request = self.cloudtrail().lookup_events().lookup_attributes(attribute.clone());
                    request.start_time(DateTime::from_secs(since)).set_next_token(token.clone()).send()
                })
                .await?;
            found.extend(page.events().iter().filter_map(|event| made(event, operation)));
            token = page.next_token().map(ToOwned::to_owned);
            if token.is_none() {
                break;
            }
        }
        Ok(())
    }
}

/// A call that took effect: what Kinesis refused does not count there either.
fn made(event: &Event, operation: &str) -> Option<Made> {
    let whole: Value = serde_json::from_str(event.cloud_trail_event()?).ok()?;
    if event.event_source() != Some("kinesis.amazonaws.com")
        || whole.get("errorCode").is_some_and(|code| !code.is_null())
    {
        return None;
    }
    let parameters = whole.get("requestParameters")?;
    let of = |name: &str| parameters.get(name).and_then(Value::as_str);
    // Callers name the stream by either; AWS writes parameters down with a small first letter, emulators as they came.
    let name = of("streamName").or_else(|| of("StreamName"));
    let arn = || of("streamARN").or_else(|| of("StreamARN"))?.rsplit_once("stream/").map(|(_, name)| name);
    Some(Made {
        stream: name.or_else(arn)?.to_owned(),
        operation: operation.to_owned(),
        at: event.event_time()?.secs(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(whole: &str) -> Event {
        let event =
            Event::builder().event_source("kinesis.amazonaws.com").event_time(DateTime::from_secs(1_795_000_000));
        event.cloud_trail_event(whole).build()
    }

    #[test]
    fn what_took_effect_is_read_by_name_and_by_arn() {
        let read = |whole: &str| made(&event(whole), "UpdateShardCount").map(|made| made.stream);
        let clicks = Some("clicks".to_owned());
        assert_eq!(read(r#"{"requestParameters":{"streamName":"clicks","targetShardCount":4}}"#), clicks);
        let arn = r#"{"errorCode":null,"requestParameters":{"streamARN":"arn:aws:kinesis:eu-west-1:123456789012:stream/clicks"}}"#;
        assert_eq!(read(arn), clicks);
        assert_eq!(read(r#"{"errorCode":"LimitExceededException","requestParameters":{"streamName":"clicks"}}"#), None);
        assert_eq!(read("{}"), None);
        assert_eq!(read("no JSON"), None);
    }
}
