//! Messages to an SNS topic.

use super::clients::Aws;
use crate::cloud::Fault;

/// Characters of a subject (API reference, Publish): ASCII without control characters.
const SUBJECT: usize = 99;

impl Aws {
    /// Publishes a message.
    ///
    /// # Errors
    /// What SNS answers.
    pub async fn publish(&self, topic: &str, subject: &str, text: &str) -> Result<(), Fault> {
        let subject = format!("tidegate {}", plain(subject));
        let subject: String = subject.chars().take(SUBJECT).collect();
        let doing = format!("publishing to topic {topic}");
        self.call("sns:Publish", &doing, || {
            self.sns().publish().topic_arn(topic).subject(&subject).message(text).send()
        })
        .await
        .map(drop)
    }
}

fn plain(text: &str) -> String {
    let arrow = text.replace('→', "to");
    arrow.chars().map(|c| if c.is_ascii() && !c.is_ascii_control() { c } else { '?' }).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_subject_is_ascii() {
        assert_eq!(super::plain("shop/clicks: 2 → 4 shärds\n"), "shop/clicks: 2 to 4 sh?rds?");
    }
}
