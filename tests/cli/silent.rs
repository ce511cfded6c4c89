//! A region that takes calls and does not answer them.

use std::time::{Duration, Instant};

use super::program;
use super::server::Server;

/// Who calls, as STS tells it.
pub const WHO: &str = "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
    <Arn>arn:aws:iam::123456789012:user/x</Arn><UserId>A</UserId><Account>123456789012</Account></GetCallerIdentityResult>\
    </GetCallerIdentityResponse>";

/// A call waits half a minute for its answer; ten services that are waited for one after another took five minutes and more, and
/// a plan for which nothing could be read ended as a success.
#[test]
fn a_region_that_hangs_is_told_within_two_waits_and_is_no_success() {
    let region = Server::start(|request| request.contains("Action=GetCallerIdentity").then(|| (200, WHO.to_owned())));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let spec = "apiVersion: tidegate/v1\npipeline: p\nregion: eu-west-1\nstreams: { s: {} }\n";
    std::fs::write(folder.path().join("tidegate.yaml"), spec).expect("a file");
    let run = |words: &str| {
        let mut command = program(folder.path());
        command.env("AWS_ACCESS_KEY_ID", "a").env("AWS_SECRET_ACCESS_KEY", "b").env("AWS_MAX_ATTEMPTS", "1");
        let began = Instant::now();
        let output = command.args(words.split(' ')).args(["--endpoint-url", region.url()]).output().expect("it starts");
        let all = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.code(), all, began.elapsed())
    };
    std::thread::scope(|scope| {
        let runs = [("plan", 1), ("plan --detailed-exitcode", 1), ("apply -y", 5), ("drift", 1), ("destroy -y", 5)]
            .map(|(words, code)| (words, code, scope.spawn(move || run(words))));
        for (words, expected, run) in runs {
            let (code, all, took) = run.join().expect("it ends");
            assert_eq!(code, Some(expected), "{words}: {all}");
            let told = all.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(told.contains("let calls time out just now"), "{words}: {all}");
            assert!(told.contains("Still waiting for AWS"), "{words}: {all}");
            assert!(took < Duration::from_secs(120), "{words} took {took:?}");
        }
    });
    // Who we are, and what is asked before two services have let it wait, five times.
    assert!(region.requests() <= 5 * 5, "{} calls", region.requests());
}
