use std::error::Error;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::display::DisplayErrorContext;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::bounded;
use crate::cloud::{Class, Fault};
use crate::model::secret;

/// Sorts an SDK error by what the caller should do. The only place that reads AWS's error codes.
pub fn sort<E>(operation: &str, doing: &str, error: &SdkError<E, HttpResponse>) -> Fault
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let status = error.raw_response().map(|response| response.status().as_u16());
    let doing = format!("{doing} ({operation})");
    let Some(service) = error.as_service_error() else {
        return no_answer(doing, status, error);
    };
    let code = service.code().unwrap_or_default();
    let message = clean(service.message().unwrap_or_default());
    if let Some(status) = unavailable(status, is_html(error)).filter(|_| code.is_empty() || is_html(error)) {
        return busy_server(doing, status);
    }
    if code.is_empty() || is_html(error) {
        return no_code(doing, status, &message);
    }
    let class = classify(operation, code, &message, status);
    let help = help(&class, code, &message);
    let message = if message.is_empty() { code.to_owned() } else { format!("{message} ({code})") };
    Fault { class, doing, code: code.to_owned(), message, help }
}

fn classify(operation: &str, code: &str, message: &str, status: Option<u16>) -> Class {
    let creates = ["Create", "Register"].iter().any(|verb| operation.contains(verb));
    let lower = message.to_ascii_lowercase();
    if NOT_YET.iter().any(|text| lower.contains(text)) {
        return Class::NotYet;
    }
    match code {
        // For a minute after its deletion a queue's name is taken.
        _ if code.ends_with("QueueDeletedRecently") => Class::NotYet,
        // A consumer cannot be registered while its stream changes.
        "ResourceInUseException" if creates && !is_changing(&lower) => Class::Exists,
        _ if is_expired(code) || is_skewed(code, message) => Class::Caller,
        // Waiting does not help: somebody registered a consumer that the plan did not know.
        "ResourceInUseException" if lower.contains("consumers exist") => Class::Refused,
        "ResourceInUseException"
        | "ConcurrentModificationException"
        | "OperationAborted"
        | "ConcurrentModification" => Class::Busy,
        "EntityAlreadyExists"
        | "AlreadyExistsException"
        | "BucketAlreadyOwnedByYou"
        | "InvalidGroup.Duplicate"
        | "ResourceAlreadyExistsException"
        | "EntityAlreadyExistsException" => Class::Exists,
        // Kinesis answers the same code for a rate and for a quota; only a rate gets better within seconds.
        "LimitExceededException" if !lower.starts_with("rate exceeded") && is_quota(&lower) => Class::Refused,
        // "… exceed the limit on the number of On-Demand streams": those that are being created get fewer, these do not.
        "LimitExceededException" if lower.contains("limit on the number") && !lower.contains("simultaneously") => Class::Refused,
        "LimitExceededException"
        | "SlowDown"
        | "RequestLimitExceeded"
        | "TooManyRequestsException"
        | "ServiceUnavailableException"
        // Two writes of one item at once: the later one comes through a moment later.
        | "TransactionConflictException"
        | "TransactionInProgressException"
        | "ProvisionedThroughputExceededException"
        | "ServiceUnavailable" => Class::Throttled,
        "UnknownOperationException"
        | "NotImplemented"
        | "InvalidAction"
        | "NotImplementedException"
        | "UnsupportedOperation" => Class::Unsupported,
        "TransactionCanceledException" if lower.contains("transactionconflict") && !lower.contains("conditionalcheck") => {
            Class::Throttled
        }
        _ if code.contains("Throttl") => Class::Throttled,
        _ if is_absent(code) => Class::Absent,
        _ if is_denied(code) => Class::Denied { action: denied_action(message).unwrap_or(operation).to_owned() },
        _ if status.is_some_and(|status| status >= 500) => Class::Unreachable,
        _ => Class::Refused,
    }
}

/// Whether AWS creates as many of this kind as it does at once. That is a state and no rate: there is room when one of them is there.
pub fn is_full(operation: &str, code: &str) -> bool {
    code == "LimitExceededException" && matches!(operation, "kinesis:CreateStream" | "kinesis:RegisterStreamConsumer")
}

/// Words for a quota or a daily limit. Numbers alone say nothing: an account's id can hold any.
fn is_quota(lower: &str) -> bool {
    ["24 hour", "24-hour", "per day", "quota of", "quota for", "service quota", "shard limit"]
        .iter()
        .any(|words| lower.contains(words))
}

/// "Stream clicks under account 123456789012 is UPDATING" and its like.
fn is_changing(lower: &str) -> bool {
    ["updating", "creating", "deleting", "not active"].iter().any(|words| lower.contains(words))
}

/// Texts that AWS uses while a new role is not known everywhere yet.
const NOT_YET: &[&str] = &[
    "unable to assume role",
    "could not assume",
    "verify that the iam role has access",
    "security token included in the request is invalid",
    "does not have permissions to call",
];

fn is_absent(code: &str) -> bool {
    code.ends_with("NotFound")
        || code.ends_with("NotFoundException")
        || code.ends_with("NotFoundError")
        || code.starts_with("NoSuch")
        || code.ends_with("QueueDoesNotExist")
        || code.ends_with("NonExistentQueue")
}

fn is_denied(code: &str) -> bool {
    matches!(
        code,
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" | "AuthorizationError" | "Forbidden"
    )
}

/// "User: … is not authorized to perform: kinesis:CreateStream on resource: …"
fn denied_action(message: &str) -> Option<&str> {
    let rest = message.split("to perform: ").nth(1)?;
    rest.split([' ', ',']).next().filter(|action| action.contains(':'))
}

fn is_expired(code: &str) -> bool {
    code.starts_with("ExpiredToken")
}

/// AWS refuses signatures that are more than some minutes from its own time; each service says it in its own words.
fn is_skewed(code: &str, message: &str) -> bool {
    matches!(code, "RequestTimeTooSkewed" | "RequestExpired" | "RequestInTheFuture")
        || ["Signature expired", "Signature not yet current"].iter().any(|words| message.starts_with(words))
}

fn help(class: &Class, code: &str, message: &str) -> Option<String> {
    match class {
        Class::Denied { action } => {
            let on = message.split("on resource: ").nth(1).and_then(|rest| rest.split(' ').next());
            let on = on.map(|resource| format!(" on {resource}")).unwrap_or_default();
            // Only the controller changes how functions read.
            let who = if action.starts_with("lambda:") { "controller" } else { "deployer" };
            Some(format!("allow {action}{on}; `tidegate iam {who}` prints the whole policy that this spec needs"))
        }
        _ if is_expired(code) => Some(
            "the credentials have expired: sign in again (for example `aws sso login`), then run the same command"
                .into(),
        ),
        _ if is_skewed(code, message) => Some(
            "this machine's clock is wrong by more than AWS accepts: set it (`timedatectl set-ntp true`), then run the same command again"
                .into(),
        ),
        _ if matches!(code, "UnrecognizedClientException" | "InvalidClientTokenId" | "SignatureDoesNotMatch") => Some(
            "AWS does not accept these credentials: check AWS_PROFILE, the access key and this machine's clock".into(),
        ),
        _ if message.contains("onsumers exist") => Some(
            "find them with `aws kinesis list-stream-consumers`, deregister them, then run the same command again"
                .into(),
        ),
        Class::Busy => Some("another change is under way; run the same command again when it has settled".into()),
        Class::Throttled => Some("AWS throttles these calls; run the same command again in a minute".into()),
        _ => None,
    }
}

/// Where a failure is that of the caller, what that means for somebody who calls on and on, and what to do: no other call fares better.
pub fn of_the_caller(fault: &Fault) -> Option<String> {
    const SIGN_IN: &str = "nothing is read or resized until they are renewed: sign in again (for example `aws sso login`), or start \
                           `tidegate run` anew where its environment holds them";
    match (&fault.class, fault.code.as_str()) {
        (_, NO_CREDENTIALS) => Some(format!("no usable AWS credentials are found any more, and {SIGN_IN}")),
        (Class::Caller, code) if is_expired(code) => Some(format!("the AWS credentials have expired, and {SIGN_IN}")),
        (Class::Caller, _) => Some(
            "this machine's clock is wrong by more than AWS accepts, and nothing is read or resized until it is right: set it (`timedatectl \
             set-ntp true`)"
                .into(),
        ),
        _ => None,
    }
}

/// The code where the SDK has nothing to sign a call with.
const NO_CREDENTIALS: &str = "NoCredentials";

fn no_answer<E>(doing: String, status: Option<u16>, error: &SdkError<E, HttpResponse>) -> Fault
where
    E: Error + Send + Sync + 'static,
{
    if let Some(what) = bounded::excess(error) {
        return Fault::new(Class::Refused, doing, "AnswerTooLarge", what).help(
            "something else answers: check --endpoint-url, the AWS_ENDPOINT_URL variables and the proxy settings",
        );
    }
    // The chain of causes, without the debug form that the SDK appends in brackets.
    let text = clean(&DisplayErrorContext(error).to_string());
    let forms = [" (DispatchFailure(", " (TimeoutError(", " (ResponseError(", " (ConstructionFailure("];
    let end = forms.iter().filter_map(|form| text.find(form)).min().unwrap_or(text.len());
    let text = &text[..end];
    if let Some(status) = unavailable(status, is_html(error)) {
        return busy_server(doing, status);
    }
    if is_html(error) || status.is_some_and(|status| (400..500).contains(&status)) {
        return no_code(doing, status, "");
    }
    if text.contains("credentials") && error.raw_response().is_none() {
        return Fault::new(Class::Refused, doing, NO_CREDENTIALS, "no usable AWS credentials were found").help(
            "set AWS_PROFILE, sign in (`aws sso login`), or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; \
                   to look around without an account run `tidegate demo`",
        );
    }
    let fault = Fault::new(Class::Unreachable, doing, "NoAnswer", format!("no answer from AWS: {text}"));
    if text.contains("invalid peer certificate") {
        return fault.help(
            "whoever answered is not known to this machine: where a proxy answers in AWS's place, name the file with its \
             authority's certificate by AWS_CA_BUNDLE; else install the package ca-certificates",
        );
    }
    fault.help(CHECK_NETWORK)
}

/// What to do where nobody answers.
const CHECK_NETWORK: &str =
    "check the network, the region's name and the proxy settings (HTTPS_PROXY), then run the same command again";

/// A call that was not sent, since `who` has just let others time out.
pub fn not_asked(operation: &str, doing: &str, who: &str) -> Fault {
    let what = format!("no answer from AWS: {who} let calls time out just now, so this one was not sent");
    Fault::new(Class::Unreachable, format!("{doing} ({operation})"), "NoAnswer", what).help(CHECK_NETWORK)
}

fn no_code(doing: String, status: Option<u16>, message: &str) -> Fault {
    if status == Some(TOO_MANY) {
        let said = if message.is_empty() { String::new() } else { format!(": {message}") };
        let what = format!("whoever answers there takes no more calls for the moment (HTTP {TOO_MANY}{said})");
        return Fault::new(Class::Throttled, doing, "TooManyRequests", what)
            .help("AWS, or a proxy in between, throttles these calls; run the same command again in a minute");
    }
    let status = status.map(|status| format!("HTTP {status}")).unwrap_or_else(|| "no status".into());
    let said = if message.is_empty() { String::new() } else { format!(": {message}") };
    Fault::new(
        Class::Unsupported,
        doing,
        "NotSupported",
        format!("this endpoint does not support the call ({status}{said})"),
    )
    .help(
        "it is no AWS endpoint for this service, or a proxy in between answers for it; check --endpoint-url, the AWS_ENDPOINT_URL \
         variables and the proxy settings (HTTPS_PROXY)",
    )
}

/// The status of HTTP for too many calls, whoever counts them.
const TOO_MANY: u16 = 429;

/// A server error that passes by. A page with status 500 does not: it is how emulators say that they lack an operation.
fn unavailable(status: Option<u16>, is_html: bool) -> Option<u16> {
    status.filter(|status| (500..600).contains(status) && (*status != 500 || !is_html))
}

fn busy_server(doing: String, status: u16) -> Fault {
    Fault::new(Class::Unreachable, doing, "Unavailable", format!("AWS answered HTTP {status} and nothing else"))
        .help("the service has trouble of its own (see health.aws.amazon.com); run the same command again in a minute")
}

/// A web page in place of an API answer: the endpoint lacks the operation, or a proxy answered.
fn is_html<E>(error: &SdkError<E, HttpResponse>) -> bool {
    let header = error.raw_response().and_then(|response| response.headers().get("content-type"));
    header.is_some_and(|kind| kind.starts_with("text/html"))
}

/// AWS's words for a terminal: one line, no control characters, of bounded length, without secrets.
fn clean(text: &str) -> String {
    const MOST: usize = 600;
    let text = secret::hide(text);
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MOST).collect();
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_by_what_to_do() {
        let class = |operation, code, message| classify(operation, code, message, Some(400));
        assert_eq!(class("kinesis:CreateStream", "ResourceInUseException", ""), Class::Exists);
        assert_eq!(class("kinesis:UpdateShardCount", "ResourceInUseException", ""), Class::Busy);
        assert_eq!(
            class("kinesis:DescribeStreamSummary", "LimitExceededException", "Rate exceeded for stream x"),
            Class::Throttled
        );
        assert_eq!(
            class("kinesis:UpdateShardCount", "LimitExceededException", "more than 10 times in 24 hours"),
            Class::Refused
        );
        let rate = |account: u64| format!("Rate exceeded for stream quota-a under account {account}.");
        for text in [
            "This request would have exceed the limit on the number  of streams that can simultaneously be in CREATING or DELETING \
             for the account 1. Limit: 5.",
            "Rate exceeded for stream x under account 1.",
        ] {
            assert_eq!(class("kinesis:CreateStream", "LimitExceededException", text), Class::Throttled);
        }
        let quota = "This request would exceed the limit on the number of On-Demand streams for the account `1` in `eu-west-1`.";
        assert_eq!(class("kinesis:CreateStream", "LimitExceededException", quota), Class::Refused);
        assert!(is_full("kinesis:CreateStream", "LimitExceededException"));
        assert!(!is_full("kinesis:CreateStream", "ThrottlingException"));
        assert!(!is_full("kinesis:UpdateShardCount", "LimitExceededException"));
        for (code, message) in [
            ("ExpiredTokenException", "The security token included in the request is expired"),
            ("SignatureDoesNotMatch", "Signature expired: 20261125T190000Z is now earlier than 20261125T191500Z"),
            ("RequestTimeTooSkewed", "The difference is too large."),
        ] {
            assert_eq!(class("kinesis:CreateStream", code, message), Class::Caller, "{code}");
        }
        for account in [111_122_224_444, 111_133_335_555] {
            let sorted = classify("kinesis:CreateStream", "LimitExceededException", &rate(account), Some(400));
            assert_eq!(sorted, Class::Throttled);
        }
        let updating = "Stream clicks under account 123456789012 is UPDATING.";
        assert_eq!(class("kinesis:RegisterStreamConsumer", "ResourceInUseException", updating), Class::Busy);
        assert_eq!(class("s3:GetBucketPolicy", "NoSuchBucketPolicy", ""), Class::Absent);
        assert_eq!(
            class("firehose:CreateDeliveryStream", "InvalidArgumentException", "Firehose is unable to assume role arn"),
            Class::NotYet
        );
        assert_eq!(
            class(
                "kinesis:CreateStream",
                "AccessDeniedException",
                "User: arn:aws:iam::1:user/x is not authorized to perform: kinesis:AddTagsToStream on resource: arn:y because"
            ),
            Class::Denied { action: "kinesis:AddTagsToStream".into() }
        );
    }

    /// An answer that is none of AWS's, as a proxy gives it.
    fn answered(status: u16, kind: &'static str, body: &'static str) -> Fault {
        use aws_sdk_kms::operation::describe_key::DescribeKeyError;
        let generic = DescribeKeyError::generic(aws_smithy_types::error::ErrorMetadata::builder().build());
        let mut response = HttpResponse::new(status.try_into().unwrap(), body.into());
        response.headers_mut().insert("content-type", kind);
        sort("kms:DescribeKey", "reading key k", &SdkError::service_error(generic, response))
    }

    #[test]
    fn what_a_proxy_answers_is_sorted_by_its_status() {
        for (kind, body) in [("text/plain", "slow down"), ("text/html", "<html>slow down</html>")] {
            let fault = answered(429, kind, body);
            assert_eq!(fault.class, Class::Throttled, "{fault}");
            assert!(!fault.message.contains("does not support"), "{fault}");
        }
        let fault = answered(403, "text/html", "<html>no</html>");
        assert_eq!(fault.class, Class::Unsupported, "{fault}");
        assert!(fault.help.unwrap().contains("or a proxy in between answers for it"));
        assert_eq!(answered(503, "text/html", "<html>no</html>").class, Class::Unreachable);
    }

    #[test]
    fn what_no_other_call_would_do_better_says_what_to_do() {
        let told = |class, code: &str| of_the_caller(&Fault::new(class, "reading", code, "no"));
        let starts = |told: Option<String>, with: &str| told.is_some_and(|told| told.starts_with(with));
        assert!(starts(told(Class::Caller, "ExpiredTokenException"), "the AWS credentials have expired, and nothing"));
        assert!(starts(told(Class::Refused, NO_CREDENTIALS), "no usable AWS credentials are found any more"));
        assert!(starts(told(Class::Caller, "RequestExpired"), "this machine's clock is wrong"));
        assert_eq!(told(Class::Throttled, "Throttling"), None);
    }
}
