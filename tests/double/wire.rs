//! The three protocols of AWS that the double speaks, as JSON values: what comes in, and what goes out.

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ciborium::value::Value as Cbor;
use serde_json::{Map, Value, json};

/// How a caller wants its answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Protocol {
    Json,
    Cbor,
    Query,
}

/// What a caller asks: `kinesis:DescribeStreamSummary` and its parameters.
pub struct Ask {
    pub protocol: Protocol,
    pub operation: String,
    pub input: Value,
}

/// A moment in seconds since 1970, which each protocol writes in its own way.
pub fn time(seconds: i64) -> Value {
    json!({ "$time": seconds })
}

/// Reads a request. `None`: none of the services that are played here.
pub fn read(path: &str, headers: &HeaderMap, body: &Bytes) -> Option<Ask> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some((target, operation)) = header("x-amz-target").and_then(|target| target.split_once('.')) {
        let service = match target {
            "Kinesis_20131202" => "kinesis",
            "TrentService" => "kms",
            "ResourceGroupsTaggingAPI_20170126" => "tag",
            "Firehose_20150804" => "firehose",
            "AmazonSQS" => "sqs",
            "AWSEvents" => "events",
            "Logs_20140328" => "logs",
            _ => return None,
        };
        let input = serde_json::from_slice(body).ok()?;
        return Some(Ask { protocol: Protocol::Json, operation: format!("{service}:{operation}"), input });
    }
    if header("smithy-protocol") == Some("rpc-v2-cbor") {
        let operation = path.rsplit('/').next()?;
        let input: Cbor = ciborium::from_reader(&body[..]).ok()?;
        return Some(Ask {
            protocol: Protocol::Cbor,
            operation: format!("cloudwatch:{operation}"),
            input: plain(input),
        });
    }
    let input = form(std::str::from_utf8(body).ok()?);
    let service = match input["Version"].as_str()? {
        "2011-06-15" => "sts",
        "2016-11-15" => "ec2",
        _ => "iam",
    };
    let operation = format!("{service}:{}", input["Action"].as_str()?);
    Some(Ask { protocol: Protocol::Query, operation, input })
}

/// Writes an answer, or an error as its code and message.
pub fn write(ask: &Ask, answer: Result<Value, (&str, String)>) -> Response {
    let (status, body) = match answer {
        Ok(body) => (StatusCode::OK, body),
        Err((code, message)) if ask.protocol == Protocol::Query => {
            (StatusCode::BAD_REQUEST, json!({ "Error": { "Code": code, "Message": message } }))
        }
        Err((code, message)) => (StatusCode::BAD_REQUEST, json!({ "__type": code, "message": message })),
    };
    match ask.protocol {
        Protocol::Json => {
            let kind = [(header::CONTENT_TYPE, "application/x-amz-json-1.1")];
            (status, kind, dated(body, &|at| at.into()).to_string()).into_response()
        }
        Protocol::Cbor => {
            let mut bytes = Vec::new();
            ciborium::into_writer(&cbor(body), &mut bytes).expect("it fits into memory");
            let headers = [("content-type", "application/cbor"), ("smithy-protocol", "rpc-v2-cbor")];
            (status, headers, bytes).into_response()
        }
        Protocol::Query => {
            let body = dated(body, &|at| jiff::Timestamp::from_second(at).expect("a moment").to_string().into());
            let operation = ask.operation.rsplit(':').next().unwrap_or_default();
            let mut text = String::new();
            if status == StatusCode::OK {
                xml(&json!({ format!("{operation}Response"): { format!("{operation}Result"): body } }), &mut text);
            } else {
                xml(&json!({ "ErrorResponse": body }), &mut text);
            }
            (status, [(header::CONTENT_TYPE, "text/xml")], text).into_response()
        }
    }
}

fn dated(value: Value, date: &dyn Fn(i64) -> Value) -> Value {
    match value {
        Value::Object(map) => match map.get("$time").and_then(Value::as_i64) {
            Some(at) => date(at),
            None => map.into_iter().map(|(name, value)| (name, dated(value, date))).collect::<Map<_, _>>().into(),
        },
        Value::Array(list) => list.into_iter().map(|value| dated(value, date)).collect(),
        other => other,
    }
}

fn plain(value: Cbor) -> Value {
    match value {
        Cbor::Integer(number) => i64::try_from(number).unwrap_or_default().into(),
        Cbor::Float(number) => number.into(),
        Cbor::Bool(flag) => flag.into(),
        Cbor::Text(text) => text.into(),
        Cbor::Tag(_, inner) => plain(*inner),
        Cbor::Array(list) => list.into_iter().map(plain).collect(),
        Cbor::Map(map) => {
            let pair = |(name, value): (Cbor, Cbor)| Some((name.into_text().ok()?, plain(value)));
            map.into_iter().filter_map(pair).collect::<Map<_, _>>().into()
        }
        _ => Value::Null,
    }
}

fn cbor(value: Value) -> Cbor {
    match value {
        Value::Null => Cbor::Null,
        Value::Bool(flag) => flag.into(),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => whole.into(),
            None => number.as_f64().unwrap_or_default().into(),
        },
        Value::String(text) => text.into(),
        Value::Array(list) => Cbor::Array(list.into_iter().map(cbor).collect()),
        Value::Object(map) => match map.get("$time").and_then(Value::as_i64) {
            Some(at) => Cbor::Tag(1, Box::new((at as f64).into())),
            None => Cbor::Map(map.into_iter().map(|(name, value)| (name.into(), cbor(value))).collect()),
        },
    }
}

/// `Tags.member.1.Key=a` as `{"Tags": [{"Key": "a"}]}`.
fn form(body: &str) -> Value {
    let mut root = Value::Object(Map::new());
    for (name, value) in body.split('&').filter_map(|pair| pair.split_once('=')) {
        let mut at = &mut root;
        for part in decoded(name).split('.').filter(|part| *part != "member") {
            at = match part.parse::<usize>() {
                Ok(number) => {
                    if !at.is_array() {
                        *at = Value::Array(Vec::new());
                    }
                    let list = at.as_array_mut().expect("a list");
                    list.resize(list.len().max(number), Value::Null);
                    &mut list[number - 1]
                }
                Err(_) => {
                    if !at.is_object() {
                        *at = Value::Object(Map::new());
                    }
                    &mut at[part]
                }
            };
        }
        *at = decoded(value).into();
    }
    root
}

fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        let hex = || u8::from_str_radix(text.get(at + 1..at + 3)?, 16).ok();
        match (bytes[at], hex()) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 3;
                continue;
            }
            (b'+', _) => out.push(b' '),
            (byte, _) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// As IAM writes policy documents.
pub fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(byte).collect()
}

fn xml(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            for (name, value) in map.iter().filter(|(_, value)| !value.is_null()) {
                out.push_str(&format!("<{name}>"));
                xml(value, out);
                out.push_str(&format!("</{name}>"));
            }
        }
        Value::Array(list) => list.iter().for_each(|value| xml(&json!({ "member": value }), out)),
        Value::String(text) => out.push_str(&text.replace('&', "&amp;").replace('<', "&lt;")),
        other => out.push_str(&other.to_string()),
    }
}
