//! People are told: a webhook and an SNS topic, and no address stands in any output.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::program::{Shop, lines, resizes};
use crate::support::emulators::{self, REGION};
use crate::support::hand::config;

/// A chat that takes messages, the first attempt of each refused.
fn chat() -> (u16, Arc<Mutex<Vec<Value>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    let taken = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&taken);
    // The thread ends with the test process.
    std::thread::spawn(move || {
        let mut refused = false;
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut reader = BufReader::new(stream.try_clone().expect("a stream"));
            let mut length = 0;
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                let lower = line.to_ascii_lowercase();
                length = lower.strip_prefix("content-length:").map_or(length, |rest| rest.trim().parse().unwrap_or(0));
                line.clear();
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).expect("the body");
            let status = if refused { "200 OK" } else { "503 Busy" };
            if refused {
                into.lock().expect("messages").push(serde_json::from_slice(&body).expect("JSON"));
            }
            refused = true;
            let _ = write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        }
    });
    (port, taken)
}

#[test]
fn a_webhook_hears_of_every_resize() {
    let (port, taken) = chat();
    let shop = Shop::new();
    let mut command = shop.command(&["run", "--json", "--speed", "3000", "--traffic", "12", "--for", "4h", "-v"]);
    command.env("TIDEGATE_NOTIFY", format!("http://127.0.0.1:{port}/services/c4n4ry"));
    let output = command.output().expect("it starts");
    let (said, wrong) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{wrong}");
    assert!(!said.contains("c4n4ry") && !wrong.contains("c4n4ry"), "the address is a secret");
    let sent = lines(&said);
    let sent = resizes(&sent);
    let heard = taken.lock().expect("messages");
    let heard: Vec<&Value> = heard.iter().filter(|news| news["event"] == "resized").collect();
    assert!(!sent.is_empty() && heard.len() == sent.len(), "{sent:#?} {heard:#?}");
    let subject = format!("shop/clicks: {} → {} shards", sent[0]["from"], sent[0]["to"]);
    assert_eq!(heard[0]["subject"], subject);
    assert!(heard[0]["text"].as_str().is_some_and(|text| text.contains("demand")), "{heard:#?}");
}

#[test]
fn what_nobody_takes_before_the_end_is_counted_aloud() {
    // It takes connections and never answers.
    let deaf = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let hook = format!("http://{}/", deaf.local_addr().expect("its address"));
    let shop = Shop::new();
    let told = shop.run(&["--traffic", "12", "--for", "1h", "--notify", &hook]);
    let resized = resizes(&told).len();
    let trouble = told.iter().rfind(|event| event["event"] == "trouble").expect("a trouble");
    let said = trouble["message"].as_str().expect("text");
    let count = said.split(' ').next().and_then(|word| word.parse::<usize>().ok());
    assert!(said.contains("not delivered before the end") && count >= Some(resized) && resized > 0, "{said}");
    assert_eq!(told.last().map(|event| &event["event"]), Some(&"stopped".into()));
}

#[test]
fn an_address_that_is_none_is_refused_without_being_told() {
    let shop = Shop::new();
    let output =
        shop.command(&["run", "--ticks", "1", "--notify", "hooks.example.com/c4n4ry"]).output().expect("it starts");
    let wrong = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{wrong}");
    assert!(wrong.contains("begins with https://") && !wrong.contains("c4n4ry"), "{wrong}");
}

/// A topic, and a queue that hears what is published.
async fn topic(account: &str) -> (String, aws_sdk_sqs::Client, String) {
    let url = &emulators::ministack().url;
    let sns = aws_sdk_sns::Client::from_conf(config!(aws_sdk_sns, url, account).build());
    let sqs = aws_sdk_sqs::Client::from_conf(config!(aws_sdk_sqs, url, account).build());
    let arn = sns.create_topic().name("oncall").send().await.expect("a topic").topic_arn.expect("its ARN");
    let queue = sqs.create_queue().queue_name("oncall").send().await.expect("a queue").queue_url.expect("its URL");
    let endpoint = format!("arn:aws:sqs:{REGION}:{account}:oncall");
    sns.subscribe().topic_arn(&arn).protocol("sqs").endpoint(endpoint).send().await.expect("a subscription");
    (arn, sqs, queue)
}

#[test]
fn a_topic_hears_of_a_resize() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let account = "510000000051";
    let (arn, sqs, queue) = runtime.block_on(topic(account));
    let shop = Shop::new();
    let mut command = shop.command(&["run", "--speed", "3000", "--traffic", "12", "--for", "1h", "--notify", &arn]);
    command.envs(emulators::ministack().env()).env("AWS_ACCESS_KEY_ID", account);
    let output = command.output().expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let heard = runtime.block_on(async {
        let receive = sqs.receive_message().queue_url(queue).max_number_of_messages(10).wait_time_seconds(5);
        receive.send().await.expect("an answer").messages.unwrap_or_default()
    });
    let bodies: Vec<&str> = heard.iter().filter_map(|message| message.body()).collect();
    assert!(bodies.iter().any(|body| body.contains("tidegate shop/clicks: 2 to 4 shards")), "{bodies:#?}");
}
