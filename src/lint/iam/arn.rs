//! Names of resources: `arn:partition:service:region:account:resource`, any of whose parts may hold wildcards.

/// An ARN taken apart, as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arn<'a> {
    pub partition: &'a str,
    pub service: &'a str,
    pub region: &'a str,
    pub account: &'a str,
    pub resource: &'a str,
}

/// What is wrong with a text that should be an ARN, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    pub message: String,
    pub help: String,
}

/// The partitions of AWS; those of isolated regions are not public knowledge in full, so `aws-iso…` is taken as it is.
const PARTITIONS: &[&str] = &["aws", "aws-cn", "aws-us-gov", "aws-eusc"];

/// Services whose ARNs name neither region nor account because their names are unique in a partition.
const GLOBAL_NAMES: &[&str] = &["s3"];

impl<'a> Arn<'a> {
    /// Takes the text apart where it has the shape of an ARN. `*` alone is none.
    pub fn split(text: &'a str) -> Option<Self> {
        let mut parts = [""; 6];
        let (mut rest, mut at) = (text, 0);
        // Colons inside a policy variable, as in `${aws:username}`, divide nothing.
        let (mut position, mut depth) = (0, 0_u32);
        while let Some(byte) = rest.as_bytes().get(position).filter(|_| at < 5) {
            match byte {
                b'{' if position > 0 && rest.as_bytes()[position - 1] == b'$' => depth += 1,
                b'}' => depth = depth.saturating_sub(1),
                b':' if depth == 0 => {
                    parts[at] = &rest[..position];
                    (rest, at, position) = (&rest[position + 1..], at + 1, 0);
                    continue;
                }
                _ => {}
            }
            position += 1;
        }
        parts[at] = rest;
        let [prefix, partition, service, region, account, resource] = parts;
        if prefix != "arn" || at < 5 {
            return None;
        }
        Some(Self { partition, service, region, account, resource })
    }

    /// Reads a resource of a policy, where a wildcard in a part may stand for the parts behind it too.
    pub fn check(text: &'a str) -> Result<Option<Self>, Wrong> {
        let wrong = |message: String, help: &str| Err(Wrong { message, help: help.to_owned() });
        let Some(rest) = text.strip_prefix("arn:") else {
            let help = "write it whole, for example arn:aws:kinesis:eu-west-1:123456789012:stream/clicks";
            return match text {
                "" => wrong("an empty text is no ARN".into(), "name the resource, or remove the entry"),
                _ if is_variable(text) || text.chars().all(|c| matches!(c, '*' | '?')) => Ok(None),
                _ if text.to_ascii_lowercase().starts_with("arn:") => {
                    wrong(format!("`{text}` does not begin with `arn:` in small letters"), "ARNs distinguish capitals")
                }
                _ if text.trim() != text => wrong(format!("`{text}` has spaces around it"), "remove them"),
                _ => wrong(format!("`{text}` is no ARN"), help),
            };
        };
        let Some(arn) = Self::split(text) else {
            if rest.contains('*') || text.contains("${") {
                return Ok(None);
            }
            let parts = text.split(':').count();
            let help =
                "its parts are arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE; parts that do not apply stay empty";
            return wrong(format!("`{text}` has {parts} of the 6 parts of an ARN"), help);
        };
        arn.parts().map(|()| Some(arn))
    }

    fn parts(&self) -> Result<(), Wrong> {
        let wrong = |message: String, help: &str| Err(Wrong { message, help: help.to_owned() });
        let is_open = |part: &str| part.contains(['*', '?']) || is_variable(part);
        let partition = self.partition;
        if !is_open(partition) && !PARTITIONS.contains(&partition) && !partition.starts_with("aws-iso") {
            return wrong(format!("`{partition}` is no partition of AWS"), "most often it is `aws`");
        }
        if self.service.is_empty() || self.service != self.service.to_ascii_lowercase() && !is_variable(self.service) {
            return wrong(
                format!("`{}` is no service in an ARN", self.service),
                "services are written in small letters",
            );
        }
        let region = self.region;
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let is_region = region.chars().all(fits) && region.contains('-');
        if !(region.is_empty() || is_open(region) || is_region) {
            return wrong(format!("`{region}` is no region"), "for example eu-west-1");
        }
        let account = self.account;
        let digits = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        if !account.is_empty() && !digits && account != "aws" && !is_open(account) {
            return wrong(format!("`{account}` is no account"), "an account has twelve digits");
        }
        if self.resource.is_empty() {
            return wrong("the ARN names no resource".into(), "its last part says which resource, `*` means all");
        }
        if GLOBAL_NAMES.contains(&self.service) && self.resource.starts_with("arn:") {
            return wrong("an ARN stands inside an ARN".into(), "write the bucket's name in the last part");
        }
        Ok(())
    }
}

/// Holds `${…}`, which AWS fills in when it judges a request.
pub fn is_variable(text: &str) -> bool {
    text.contains("${")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_arn_is_told() {
        let says = |text: &str| Arn::check(text).err().map(|wrong| wrong.message);
        for good in [
            "*",
            "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks",
            "arn:aws:s3:::acme-logs/*",
            "arn:*:kinesis:*:*:stream/*",
            "arn:aws:kinesis:*",
            "arn:${AWS::Partition}:s3:::x",
            "arn:aws:iam::aws:policy/ReadOnlyAccess",
            "arn:aws-cn:kms:cn-north-1:123456789012:key/1",
        ] {
            assert_eq!(says(good), None, "{good}");
        }
        for (bad, message) in [
            ("", "an empty text is no ARN"),
            ("clicks", "`clicks` is no ARN"),
            ("ARN:aws:s3:::x", "`ARN:aws:s3:::x` does not begin with `arn:` in small letters"),
            ("arn:aws:s3:x", "`arn:aws:s3:x` has 4 of the 6 parts of an ARN"),
            ("arn:aws:kinesis:eu-west-1:12345:stream/x", "`12345` is no account"),
            ("arn:aws:kinesis:Ireland:123456789012:stream/x", "`Ireland` is no region"),
            ("arn:amazon:s3:::x", "`amazon` is no partition of AWS"),
            ("arn:aws:Kinesis:eu-west-1:123456789012:stream/x", "`Kinesis` is no service in an ARN"),
            ("arn:aws:s3:::", "the ARN names no resource"),
        ] {
            assert_eq!(says(bad).as_deref(), Some(message), "{bad}");
        }
    }
}
