//! An endpoint whose answers never end: a clear error, after a bounded amount.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{KEYS, SPEC};
use crate::faults::proxy::{Deed, Proxy};
use crate::support::emulators;

/// Kilobytes of address space: the program comes through with some 600,000, and not with an answer that it keeps whole.
const ROOM: u32 = 1_500_000;

/// Answers every request with a head and a body without end, and counts the body's bytes.
fn endless(head: &'static str) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("its address"));
    let sent = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&sent);
    // The thread ends with the test process.
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut lines = BufReader::new(stream.try_clone().expect("a second handle")).lines();
            while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            let _ = write!(stream, "HTTP/1.1 {head}\r\n\r\n");
            let piece = vec![b' '; 1 << 16];
            while stream.write_all(&piece).is_ok() {
                counted.fetch_add(piece.len(), Ordering::Relaxed);
            }
        }
    });
    (url, sent)
}

#[test]
fn an_answer_without_end_is_told_and_not_kept() {
    for head in [
        "200 OK\r\ncontent-type: text/xml",
        "200 OK\r\ncontent-type: text/xml\r\ncontent-length: 1099511627776",
        "400 Bad Request\r\ncontent-type: text/xml",
        "503 Service Unavailable\r\ncontent-type: text/html",
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("tidegate.yaml"), SPEC).expect("the spec can be written");
        let (url, sent) = endless(head);
        let mut command = Command::new("sh");
        command.current_dir(folder.path()).env_clear().env("HOME", folder.path()).envs(KEYS);
        command.env("AWS_EC2_METADATA_DISABLED", "true").env("AWS_REGION", "eu-west-1").env("AWS_ENDPOINT_URL", url);
        command.args(["-c", &format!("ulimit -v {ROOM}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_tidegate"), "plan"]);
        let output = command.output().expect("it starts");
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert_eq!(output.status.code(), Some(1), "{head}: {said}");
        assert!(said.contains("the answer has more than 32 MiB"), "{head}: {said}");
        assert!(said.contains("check --endpoint-url"), "{head}: {said}");
        // One attempt, and what the sockets' buffers hold besides.
        let sent = sent.load(Ordering::Relaxed);
        assert!((32 << 20..64 << 20).contains(&sent), "{head}: {sent} bytes were taken");
    }
}

/// The SDK passes over what it does not know by a function that calls itself for each level, on a stack of two megabytes.
#[test]
fn an_answer_that_nests_without_end_is_told() {
    for deep in ["[".repeat(40_000), "{\"a\":".repeat(40_000)] {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("tidegate.yaml"), SPEC).expect("the spec can be written");
        let body = format!("{{\"unknown\":{deep}");
        let proxy = Proxy::with(&emulators::ministack().url, 1, 0, move |request| {
            let looks = request.operation() == "DescribeStreamSummary";
            looks.then(|| Deed::Answer { status: 200, kind: "application/x-amz-json-1.1", body: body.clone() })
        });
        let mut command = emulators::program(folder.path(), "700000008071");
        let output = command.env("AWS_ENDPOINT_URL", &proxy.url).arg("plan").output().expect("it starts");
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert_eq!(output.status.code(), Some(0), "{said}");
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains("(not checked)") && said.contains("nests more than 128 deep"), "{said}");
    }
}
