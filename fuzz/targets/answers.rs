//! What an endpoint answers, whatever was asked: the bytes are the body of every answer to the looks of every kind and to everything else that is
//! asked: who we are, what is ours, who reads, quotas, the log of calls, metrics, alarms, the table of the books, the wake-up queue, a topic.
//! The first byte chooses the status, the second what is asked.
#![no_main]

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use libfuzzer_sys::fuzz_target;
use tidegate::aws::table::{Lease, Line, Table};
use tidegate::aws::{Aws, Connect};
use tidegate::cloud::{Cloud, Target};
use tidegate::kinds::SCHEMAS;
use tidegate::model::{Address, FanOut, Scope};

/// Answers with what was last laid down.
struct Double {
    url: String,
    answer: Arc<Mutex<(u16, Vec<u8>)>>,
    runtime: tokio::runtime::Runtime,
}

thread_local! {
    static DOUBLE: RefCell<Option<Double>> = const { RefCell::new(None) };
}

fn serve(mut stream: TcpStream, answer: &Mutex<(u16, Vec<u8>)>) {
    let mut request = Vec::new();
    let mut piece = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut piece) {
        request.extend_from_slice(&piece[..count]);
        let Some(head) = request.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let header = String::from_utf8_lossy(&request[..head]).to_ascii_lowercase();
        let length = header.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
        if request.len() < head + 4 + length.unwrap_or(0_usize) {
            continue;
        }
        request.clear();
        let (status, body) = answer.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let head = format!("HTTP/1.1 {status} Said\r\ncontent-length: {}\r\n\r\n", body.len());
        if stream.write_all(&[head.as_bytes(), &body].concat()).is_err() {
            return;
        }
    }
}

fn double() -> Double {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let answer = Arc::new(Mutex::new((200, Vec::new())));
    let shared = Arc::clone(&answer);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || serve(stream, &shared));
        }
    });
    Double {
        url,
        answer,
        runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime"),
    }
}

/// 2026-11-24T00:00:00Z, in minutes since 1970.
const NOW: i64 = 29_924_640;
/// Questions beside the looks of the kinds.
const OTHERS: usize = 12;

/// Everything that is asked beside the looks of the kinds; what is answered does not matter, only that it ends.
async fn ask(number: usize, aws: Arc<Aws>, target: &Target) {
    let names = ["clicks".to_owned(), "orders".to_owned()];
    let consumers = [FanOut { stream: "clicks".into(), consumer: "fraud".into() }];
    let table = Table::new(Arc::clone(&aws), "books");
    match number {
        0 => drop(aws.caller().await),
        1 => drop(aws.owned(&target.scope, &BTreeMap::new()).await),
        2 => drop(aws.readers(target).await),
        3 => drop(aws.quotas(&SCHEMAS.iter().map(|schema| schema.kind).collect::<BTreeSet<_>>()).await),
        4 => drop(aws.made(&["UpdateShardCount", "UpdateStreamMode"].into(), NOW * 60).await),
        5 => drop((aws.glance(target, true).await, aws.open_shards(target, true).await)),
        6 => drop((aws.readings(&names, NOW - 30, NOW).await, aws.deliveries(&consumers, NOW - 30, NOW).await)),
        7 => drop(aws.ringing(&names).await),
        8 => drop((table.lease("shop").await, table.entries("shop", i64::MAX).await, table.partitions().await)),
        9 => {
            let lease = Lease { owner: "me".into(), epoch: 1, beat: 1 };
            drop((table.claim("shop", Some(&lease), &lease).await, table.renew("shop", "me", 1, false).await));
            let line = Line { sort: "a".into(), text: "b".into(), expires: NOW * 60 };
            drop(table.append("shop", "me", 1, &[line]).await);
        }
        10 => drop(aws.alarms_heard("https://sqs.eu-west-1.amazonaws.com/123456789012/wake-up").await),
        _ => {
            drop(aws.publish("arn:aws:sns:eu-west-1:123456789012:oncall", "a", "b").await);
            drop(aws.writes("clicks", NOW - 30, NOW).await);
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let [status, kind, body @ ..] = bytes else { return };
    let asked = usize::from(*kind) % (SCHEMAS.len() + OTHERS);
    let stream = SCHEMAS.iter().find(|schema| schema.kind == "stream");
    let Some(schema) = SCHEMAS.get(asked).or(stream).copied() else { return };
    let scope = Scope {
        pipeline: "everything".into(),
        partition: "aws".into(),
        region: "eu-west-1".into(),
        account: "123456789012".into(),
    };
    let Ok(address) = format!("{}/clicks", schema.kind).parse::<Address>() else { return };
    let target = Target { address, schema, scope, physical: "clicks".into(), outputs: [].into(), listed: None };
    DOUBLE.with_borrow_mut(|made| {
        let double = made.get_or_insert_with(double);
        let status = [200, 400, 404, 403][usize::from(*status) % 4];
        *double.answer.lock().unwrap_or_else(PoisonError::into_inner) = (status, body.to_vec());
        let connect = Connect {
            profile: None,
            region: Some("eu-west-1".into()),
            endpoint_url: Some(double.url.clone()),
            static_keys: Some(("test".into(), "test".into())),
            // Nor does a page of many wait for AWS's published rates.
            api_rate: Some(1e6),
        };
        double.runtime.block_on(async {
            // A new one each time: nothing is known from the answers before.
            let Ok(aws) = Aws::connect(&connect).await else { return };
            match asked.checked_sub(SCHEMAS.len()) {
                None => drop((aws.observe(&target).await, aws.state(&target).await)),
                Some(other) => ask(other, Arc::new(aws), &target).await,
            }
        });
    });
});
