//! Alarms as EventBridge puts them into the wake-up queue.

use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message};

use super::clients::Aws;
use crate::cloud::{Class, Fault};

/// Seconds that one request waits for a message (API reference, ReceiveMessage: at most 20).
const WAIT: i32 = 20;
/// Messages of one answer (the same: at most 10).
const AT_ONCE: i32 = 10;

impl Aws {
    /// Waits for alarms that went off, at most 20 seconds, and takes them out of the queue of this address. Answers their names.
    ///
    /// # Errors
    /// What SQS answers.
    pub async fn alarms_heard(&self, url: &str) -> Result<Vec<String>, Fault> {
        let doing = format!("waiting for alarms in queue {url}");
        let answer = self
            .call("sqs:ReceiveMessage", &doing, || {
                let receive = self.sqs().receive_message().queue_url(url).wait_time_seconds(WAIT);
                receive.max_number_of_messages(AT_ONCE).send()
            })
            .await?;
        let messages = answer.messages();
        let names = messages.iter().filter_map(|message| alarm(message.body()?)).collect();
        // What cannot be read goes as well: it would come back for ever.
        let gone: Vec<_> = messages.iter().enumerate().filter_map(|(at, message)| entry(at, message)).collect();
        if !gone.is_empty() {
            let delete = self.call("sqs:DeleteMessageBatch", &doing, || {
                self.sqs().delete_message_batch().queue_url(url).set_entries(Some(gone.clone())).send()
            });
            if let Err(fault) = delete.await.map(drop)
                && fault.class != Class::Absent
            {
                tracing::warn!(%fault, "alarms that were heard come again");
            }
        }
        Ok(names)
    }
}

fn entry(at: usize, message: &Message) -> Option<DeleteMessageBatchRequestEntry> {
    DeleteMessageBatchRequestEntry::builder().id(at.to_string()).receipt_handle(message.receipt_handle()?).build().ok()
}

/// The name in an event "CloudWatch Alarm State Change" into ALARM (CloudWatch User Guide, "Alarm events and EventBridge").
fn alarm(body: &str) -> Option<String> {
    let event: serde_json::Value = serde_json::from_str(body).ok()?;
    let detail = event.get("detail")?;
    (detail.pointer("/state/value")?.as_str()? == "ALARM")
        .then(|| detail.get("alarmName")?.as_str().map(str::to_owned))?
}

#[cfg(test)]
mod tests {
    use super::alarm;

    #[test]
    fn alarms_that_went_off_are_read() {
        let event = |state: &str| {
            format!(
                r#"{{"detail-type":"CloudWatch Alarm State Change","detail":{{"alarmName":"shop-clicks-write-throttled","state":{{"value":"{state}"}}}}}}"#
            )
        };
        assert_eq!(alarm(&event("ALARM")).as_deref(), Some("shop-clicks-write-throttled"));
        assert_eq!(alarm(&event("OK")), None);
        assert_eq!(alarm("{}"), None);
        assert_eq!(alarm("no JSON"), None);
    }
}
