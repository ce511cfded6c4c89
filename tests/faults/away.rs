//! Credentials that end, clocks that are wrong, regions that hang and endpoints that lack an operation: told in words, and continued.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::proxy::{Deed, Proxy};
use super::{continued, folder_with, gone, is_as_described, program, run, spec, words};
use crate::support::emulators;

fn ministack() -> &'static str {
    &emulators::ministack().url
}

fn json(code: &str, message: &str) -> Deed {
    let body = format!(r#"{{"__type":"{code}","message":"{message}"}}"#);
    Deed::Answer { status: 400, kind: "application/x-amz-json-1.1", body }
}

/// Session credentials end while an apply is under way: from some call on every call is refused.
#[test]
fn credentials_that_end_in_the_middle_are_told_and_continued() {
    let (name, account) = ("expired", "700000008021");
    let folder = folder_with(&spec(name));
    let made = Arc::new(AtomicUsize::new(0));
    let proxy = Proxy::with(ministack(), 1, 0, {
        let made = Arc::clone(&made);
        move |request| {
            let json_service = request.header("x-amz-target").is_some();
            let creates = ["Create", "Put", "Register"].iter().any(|verb| request.operation().starts_with(verb));
            let over = made.fetch_add(usize::from(creates), Ordering::SeqCst) >= 3;
            (over && json_service)
                .then(|| json("ExpiredTokenException", "The security token included in the request is expired"))
        }
    });
    let (code, said) = run(folder.path(), account, &proxy.url, &["apply", "-y"]);
    assert!(matches!(code, Some(1 | 4)), "{code:?}: {said}");
    let failed = said.split("  FAIL ").nth(1).unwrap_or_else(|| panic!("it names no step: {said}"));
    assert!(failed.contains("expired") && said.contains("the credentials have expired: sign in again"), "{said}");
    assert!(said.contains("Run the same command again"), "{said}");
    continued(folder.path(), account, name, "after new credentials");
    gone(folder.path(), account, name);
}

#[test]
fn a_wrong_clock_is_called_by_its_name() {
    let folder = folder_with(&spec("skewed"));
    for (kind, body) in [
        (
            "text/xml",
            "<ErrorResponse><Error><Type>Sender</Type><Code>SignatureDoesNotMatch</Code><Message>Signature expired: 20261125T190000Z is now earlier than 20261125T191500Z</Message></Error><RequestId>1</RequestId></ErrorResponse>",
        ),
        (
            "text/xml",
            "<ErrorResponse><Error><Type>Sender</Type><Code>RequestExpired</Code><Message>Request has expired</Message></Error><RequestId>1</RequestId></ErrorResponse>",
        ),
    ] {
        let proxy =
            Proxy::with(ministack(), 1, 0, move |_| Some(Deed::Answer { status: 403, kind, body: body.into() }));
        let (code, said) = run(folder.path(), "700000008022", &proxy.url, &["plan"]);
        assert_ne!(code, Some(0), "{said}");
        let words = words(&said);
        assert!(words.contains("this machine's clock is wrong by more than AWS accepts"), "{said}");
        assert_eq!(proxy.counts().0, 1, "a wrong clock does not mend itself: {said}");
    }
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
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
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
        Some(if late { Deed::Delay(Duration::from_secs(33)) } else { Deed::Pass })
    });
    let (code, said) = run(folder.path(), account, &proxy.url, &["apply", "-y"]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(proxy.counts().1, 1, "{said}");
    is_as_described(folder.path(), account, "after a late answer");
    gone(folder.path(), account, name);
}

/// A page in place of an answer: the endpoint lacks the operation, which no other attempt changes.
#[test]
fn an_operation_that_an_endpoint_lacks_is_asked_for_once() {
    let (name, account) = ("lacking", "700000008026");
    let folder = folder_with(&spec(name));
    let asked = Arc::new(AtomicUsize::new(0));
    let proxy = Proxy::with(ministack(), 1, 0, {
        let asked = Arc::clone(&asked);
        move |request| {
            if request.operation() != "CreateStream" {
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
    assert!(words.contains("FAIL create stream/clicks"), "{said}");
    assert!(words.contains("this endpoint does not support the call (HTTP 500"), "{said}");
    assert_eq!(asked.load(Ordering::SeqCst), 1, "{said}");
    let (code, said) = run(folder.path(), account, ministack(), &["apply", "-y"]);
    assert_eq!(code, Some(0), "{said}");
    gone(folder.path(), account, name);
}
