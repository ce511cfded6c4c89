//! What an endpoint answers, whatever was asked: the bytes are the body of every answer to the looks of every kind.
//! The first byte chooses the status, the second the kind.
#![no_main]

use std::cell::RefCell;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use libfuzzer_sys::fuzz_target;
use tidegate::aws::{Aws, Connect};
use tidegate::cloud::{Cloud, Target};
use tidegate::kinds::SCHEMAS;
use tidegate::model::{Address, Scope};

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
    Double { url, answer, runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime") }
}

fuzz_target!(|bytes: &[u8]| {
    let [status, kind, body @ ..] = bytes else { return };
    let schema = SCHEMAS[usize::from(*kind) % SCHEMAS.len()];
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
            api_rate: None,
        };
        double.runtime.block_on(async {
            // A new one each time: no call waits for the published rates.
            let Ok(aws) = Aws::connect(&connect).await else { return };
            let _ = aws.observe(&target).await;
            let _ = aws.state(&target).await;
        });
    });
});
