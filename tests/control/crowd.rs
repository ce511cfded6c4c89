//! Several streams that want to grow at the same moment.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;

use super::program::{Shop, resizes};

fn crowd(streams: usize) -> Shop {
    let line = |n: usize| format!("  s{n}: {{ capacity: {{ mode: provisioned, shards: {{ min: 2, max: 64 }} }} }}\n");
    let lines: String = (0..streams).map(line).collect();
    Shop::of(&format!(
        "apiVersion: tidegate/v1\npipeline: shop\nregion: eu-west-1\nalarms: {{ off: true }}\nstreams:\n{lines}"
    ))
}

fn at(event: &Value) -> i64 {
    event["at"].as_i64().expect("a moment")
}

/// Streams and minutes in which each resize began and had settled.
fn reshards(events: &[Value]) -> Vec<(String, i64, i64)> {
    let ends = |stream: &Value, after: i64| {
        let ended = |event: &&Value| event["stream"] == *stream && event["verb"] == "settled" && at(event) > after;
        events.iter().find(ended).map_or(i64::MAX, at)
    };
    let began = resizes(events).into_iter().map(|resize| (&resize["stream"], at(resize)));
    began.map(|(stream, at)| (stream.to_string(), at, ends(stream, at))).collect()
}

#[test]
fn one_at_a_time_means_one_at_a_time_and_says_who_waits() {
    let shop = crowd(4);
    let events = shop.run(&["--traffic", "12", "--for", "2h", "--at-once", "1"]);
    let mut reshards = reshards(&events);
    reshards.sort_by_key(|(_, began, _)| *began);
    assert!(reshards.windows(2).all(|pair| pair[0].2 <= pair[1].1), "{reshards:?}");
    let streams: BTreeSet<&String> = reshards.iter().map(|(stream, ..)| stream).collect();
    assert_eq!(streams.len(), 4, "all have their turn: {reshards:?}");
    let waits = events.iter().find(|event| event["reason"] == "other-streams").expect("somebody waits");
    assert_eq!(waits["verb"], "hold");
    assert!(waits["because"].as_str().unwrap().contains("held: 1 streams reshard already"), "{waits}");
}

#[test]
fn the_slow_beat_takes_no_minutes_from_a_tick_over_many() {
    let shop = crowd(150);
    // The slow beat's quarter of an hour ends among them.
    let events = shop.run(&["--traffic", "1", "--ticks", "20"]);
    let moment =
        |event: &Value| event["time"].as_str().and_then(|time| time.parse::<Timestamp>().ok()).expect("a time");
    let took = moment(events.last().expect("an end")).duration_since(moment(&events[0]));
    assert!((18..=20).contains(&took.as_mins()), "twenty ticks took {took:?}");
    assert!(events.iter().any(|event| event["event"] == "drift"), "{events:#?}");
}
