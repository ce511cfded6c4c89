//! Credentials that end, clocks that are wrong, regions that hang and endpoints that lack an operation: told in words, and continued.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::proxy::{Deed, Proxy, Request, TOO_LATE};
use super::{continued, folder_with, gone, is_as_described, program, run, spec, words};
use crate::support::emulators;

fn ministack() -> &'static str {
    &emulators::ministack().url
}

/// The protocols that the program speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speaks {
    Json,
    /// IAM, STS and EC2.
    Query,
    /// CloudWatch.
    Cbor,
    S3,
}

fn protocol(request: &Request) -> Speaks {
    match () {
        () if request.header("x-amz-target").is_some() => Speaks::Json,
        () if request.header("smithy-protocol").is_some() => Speaks::Cbor,
        () if request.header("content-type").is_some_and(|kind| kind.contains("x-www-form-urlencoded")) => {
            Speaks::Query
        }
        () => Speaks::S3,
    }
}

/// A refusal as this protocol words it.
fn refusal(speaks: Speaks, code: &str, message: &str) -> Deed {
    let (status, kind, body) = match speaks {
        Speaks::Json => (400, "application/x-amz-json-1.1", format!(r#"{{"__type":"{code}","message":"{message}"}}"#)),
        Speaks::Query => {
            let error = format!("<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>");
            (403, "text/xml", format!("<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>"))
        }
        Speaks::S3 => {
            (403, "application/xml", format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>"))
        }
        Speaks::Cbor => panic!("nothing is refused in CBOR here"),
    };
    Deed::Answer { status, kind, body }
}

fn creates(request: &Request) -> bool {
    ["Create", "Put", "Register", "PUT "].iter().any(|verb| request.operation().starts_with(verb))
}

/// Session credentials end while an apply is under way: after three creating calls every call of a protocol is refused.
fn credentials_end(name: &str, account: &str, over: Speaks, code: &'static str) {
    let folder = folder_with(&spec(name));
    let made = Arc::new(AtomicUsize::new(0));
    let proxy = Proxy::with(ministack(), 1, 0, {
        let made = Arc::clone(&made);
        move |request| {
            let speaks = protocol(request);
            let ended = made.fetch_add(usize::from(creates(request)), Ordering::SeqCst) >= 3;
            (ended && speaks == over)
                .then(|| refusal(over, code, "The security token included in the request is expired"))
        }
    });
    let (code, said) = run(folder.path(), account, &proxy.url, &["apply", "-y"]);
    assert!(matches!(code, Some(1 | 4)), "{over:?}: {code:?}: {said}");
    let failed = said.split("  FAIL ").nth(1).unwrap_or_else(|| panic!("{over:?}: it names no step: {said}"));
    assert!(
        failed.contains("expired") && said.contains("the credentials have expired: sign in again"),
        "{over:?}: {said}"
    );
    assert!(said.contains("Run the same command again"), "{said}");
    let told = words(&said);
    assert!(
        told.contains("Stopped: the credentials have expired: sign in again") && told.contains(" not started."),
        "{said}"
    );
    // What was in flight may fail as well; nothing is begun after the first that did.
    let mut after = said.lines().skip_while(|line| !line.starts_with("  FAIL "));
    assert!(after.all(|line| !line.starts_with("  …    create ")), "{over:?}: {said}");
    assert!(proxy.counts().1 > 0, "{over:?}: nothing was refused");
    continued(folder.path(), account, "after new credentials");
    gone(folder.path(), account, name);
}

#[test]
fn credentials_that_end_in_the_middle_are_told_and_continued() {
    credentials_end("expired", "700000008021", Speaks::Json, "ExpiredTokenException");
}

#[test]
fn credentials_that_end_in_the_middle_of_roles_are_told_and_continued() {
    credentials_end("expiredroles", "700000008027", Speaks::Query, "ExpiredToken");
}

#[test]
fn credentials_that_end_in_the_middle_of_buckets_are_told_and_continued() {
    credentials_end("expiredbuckets", "700000008028", Speaks::S3, "ExpiredToken");
}

const EARLIER: &str = "Signature expired: 20261125T190000Z is now earlier than 20261125T191500Z";

/// What a wrong clock looks like: where, by which code, in which words, and who meets it.
const SKEWED: &[(Speaks, &str, &str, &[&str])] = &[
    // STS is asked first.
    (Speaks::Query, "SignatureDoesNotMatch", EARLIER, &["plan"]),
    (Speaks::Query, "RequestExpired", "Request has expired", &["plan"]),
    (Speaks::Query, "SignatureDoesNotMatch", EARLIER, &["apply", "-y"]),
    (Speaks::Json, "InvalidSignatureException", EARLIER, &["plan"]),
    (Speaks::Json, "InvalidSignatureException", EARLIER, &["apply", "-y"]),
    (
        Speaks::S3,
        "RequestTimeTooSkewed",
        "The difference between the request time and the current time is too large.",
        &["apply", "-y"],
    ),
];

#[test]
fn a_wrong_clock_is_called_by_its_name() {
    let folder = folder_with(&spec("skewed"));
    for (at, code, message, args) in SKEWED {
        let what = format!("{code} in {at:?}, {args:?}");
        let asked = Arc::new(Mutex::new(BTreeMap::new()));
        let proxy = Proxy::with(ministack(), 1, 0, {
            let asked = Arc::clone(&asked);
            move |request| {
                if protocol(request) != *at {
                    return Some(Deed::Pass);
                }
                *asked.lock().expect("no panic").entry(request.whole()).or_insert(0) += 1;
                Some(refusal(*at, code, message))
            }
        });
        let (code, said) = run(folder.path(), "700000008022", &proxy.url, args);
        assert!(code != Some(0) || said.contains("(not checked)"), "{what}: {code:?}: {said}");
        let words = words(&said);
        assert!(words.contains("this machine's clock is wrong by more than AWS accepts"), "{what}: {said}");
        let done = if *at == Speaks::S3 { "created bucket/" } else { "  ok   " };
        assert!(!said.contains(done), "{what}: it is done with a wrong clock: {said}");
        let asked = asked.lock().expect("no panic");
        let again: Vec<_> = asked.iter().filter(|(_, times)| **times > 1).collect();
        assert!(!asked.is_empty() && again.is_empty(), "{what}: a wrong clock does not mend itself: {again:?}");
    }
    // What one of them could still do elsewhere.
    gone(folder.path(), "700000008022", "skewed");
}

/// The region takes connections and never answers.
#[test]
fn a_region_that_hangs_is_told_within_a_minute_or_so() {
    let folder = folder_with(&spec("hanging"));
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", silent.local_addr().expect("its address"));
    let began = Instant::now();
    let mut command = program(folder.path(), "700000008023", &url, &["plan"]);
    let output = command.env("AWS_MAX_ATTEMPTS", "1").output().expect("it starts");
    let said = words(&String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("asking AWS who we are") && said.contains("no answer from AWS"), "{said}");
    assert!(said.contains("check the network, the region's name and the proxy settings"), "{said}");
    println!("told after {:?}", began.elapsed());
}

/// Nobody listens there at all.
#[test]
fn a_region_that_is_not_there_is_told_at_once() {
    let folder = folder_with(&spec("nobody"));
    let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
    let (code, said) = run(folder.path(), "700000008024", &format!("http://127.0.0.1:{port}"), &["plan"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("no answer from AWS"), "{said}");
}

/// One answer comes later than anybody waits: the call is made again, and its effect is not doubled.
#[test]
fn an_answer_that_comes_too_late_doubles_nothing() {
    let (name, account) = ("late", "700000008025");
    let folder = folder_with(&spec(name));
    let once = AtomicUsize::new(0);
    let proxy = Proxy::with(ministack(), 1, 0, move |request| {
        let late = request.operation() == "CreateAlias" && once.fetch_add(1, Ordering::SeqCst) == 0;
        Some(if late { Deed::Delay(TOO_LATE) } else { Deed::Pass })
    });
    let (code, said) = run(folder.path(), account, &proxy.url, &["apply", "-y"]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(proxy.counts().1, 1, "{said}");
    is_as_described(folder.path(), account, "after a late answer");
    gone(folder.path(), account, name);
}

/// A page in place of an answer: the endpoint lacks the operation, which no other attempt changes.
fn lacks(name: &str, account: &str, operation: &'static str, step: &str) {
    let folder = folder_with(&spec(name));
    let asked = Arc::new(AtomicUsize::new(0));
    let proxy = Proxy::with(ministack(), 1, 0, {
        let asked = Arc::clone(&asked);
        move |request| {
            if !request.operation().starts_with(operation) {
                return Some(Deed::Pass);
            }
            asked.fetch_add(1, Ordering::SeqCst);
            let body = "<html><head><title>500 Internal Server Error</title></head></html>".to_owned();
            Some(Deed::Answer { status: 500, kind: "text/html", body })
        }
    });
    let (code, said) = run(folder.path(), account, &proxy.url, &["apply", "-y"]);
    assert_eq!(code, Some(4), "{said}");
    let words = words(&said);
    assert!(words.contains(&format!("FAIL create {step}")), "{said}");
    assert!(words.contains("this endpoint does not support the call (HTTP 500"), "{said}");
    let failed = said.matches("this endpoint does not support the call").count();
    assert_eq!(asked.load(Ordering::SeqCst), failed, "once for each step that fails of it: {said}");
    continued(folder.path(), account, "after a better endpoint");
    gone(folder.path(), account, name);
}

#[test]
fn an_operation_that_an_endpoint_lacks_is_asked_for_once() {
    lacks("lacking", "700000008026", "CreateStream", "stream/clicks");
    lacks("lackingroles", "700000008029", "CreateRole", "role/producer");
    lacks("lackingbuckets", "700000008030", "PUT /acme-lackingbuckets-raw", "bucket/acme-lackingbuckets-raw");
}

/// A listing that leads in a circle is no listing: what it did not show is not taken for gone.
#[test]
fn a_listing_without_an_end_is_told() {
    let folder = folder_with(&spec("circling"));
    let proxy = Proxy::with(ministack(), 1, 0, |request| {
        let body = r#"{"PaginationToken":"again","ResourceTagMappingList":[]}"#.to_owned();
        let is_listing = request.operation() == "GetResources";
        Some(if is_listing {
            Deed::Answer { status: 200, kind: "application/x-amz-json-1.1", body }
        } else {
            Deed::Pass
        })
    });
    let (_, said) = run(folder.path(), "700000008037", &proxy.url, &["plan"]);
    let told = words(&said);
    assert!(
        told.contains("listing what the pipeline owns: 2 pages and no end: what comes after them was not seen"),
        "{said}"
    );
}
