use serde_json::{Value, json};

use super::{Answer, Tags, World, arn, tags_in, tags_out, text, unknown, wire};

pub struct Alarm {
    /// As it was put.
    settings: Value,
    pub tags: Tags,
}

const TAG: [&str; 2] = ["Key", "Value"];

pub fn play(world: &mut World, operation: &str, input: &Value) -> Answer {
    match operation {
        "PutMetricAlarm" => {
            let (name, tags) = (text(input, "AlarmName").to_owned(), tags_in(&input["Tags"], TAG));
            let mut settings = input.clone();
            settings["AlarmArn"] = arn("cloudwatch", &format!("alarm:{name}")).into();
            settings["StateValue"] = "OK".into();
            settings.as_object_mut().expect("an object").remove("Tags");
            world.alarms.insert(name, Alarm { settings, tags });
            Ok(json!({}))
        }
        "DescribeAlarms" => Ok(describe(world, input)),
        "GetMetricData" => metrics(input),
        "ListTagsForResource" | "TagResource" => {
            let asked = text(input, "ResourceARN");
            let alarm = asked.split_once(":alarm:").and_then(|(_, name)| world.alarms.get_mut(name));
            let Some(alarm) = alarm else { return Err(("ResourceNotFoundException", format!("{asked} is unknown"))) };
            alarm.tags.extend(tags_in(&input["Tags"], TAG));
            Ok(json!({ "Tags": tags_out(&alarm.tags, TAG) }))
        }
        other => unknown(&format!("cloudwatch:{other}")),
    }
}

fn describe(world: &World, input: &Value) -> Value {
    let from: usize = text(input, "NextToken").parse().unwrap_or(0);
    let in_state =
        |alarm: &&Alarm| input["StateValue"].is_null() || input["StateValue"] == alarm.settings["StateValue"];
    let found: Vec<&Alarm> = match input["AlarmNames"].as_array() {
        Some(names) => names.iter().filter_map(|name| world.alarms.get(name.as_str()?)).filter(in_state).collect(),
        None => {
            let named = world.alarms.iter().filter(|(name, _)| name.starts_with(text(input, "AlarmNamePrefix")));
            named.map(|(_, alarm)| alarm).filter(in_state).skip(from).take(101).collect()
        }
    };
    let token = (input["AlarmNames"].is_null() && found.len() > 100).then(|| (from + 100).to_string());
    // Fifty a page where nobody says how many (API reference of DescribeAlarms); names are never paged here.
    let page: Value = found.iter().take(100).map(|alarm| alarm.settings.clone()).collect();
    json!({ "MetricAlarms": page, "NextToken": token })
}

/// A load that rises and falls with the day, a little different for each stream; nothing refused. More than one call may ask for (API
/// reference of GetMetricData) is.
fn metrics(input: &Value) -> Answer {
    let asked = input["MetricDataQueries"].as_array().map_or(0, Vec::len);
    if asked > 500 {
        return Err(("ValidationError", format!("{asked} queries are more than the 500 of one call")));
    }
    let minute = |name: &str| input[name].as_f64().unwrap_or_default() as i64 / 60;
    let minutes: Vec<i64> = (minute("StartTime")..minute("EndTime")).rev().collect();
    let stamps: Value = minutes.iter().map(|minute| wire::time(minute * 60)).collect();
    let results = input["MetricDataQueries"].as_array().into_iter().flatten().map(|query| {
        let metric = &query["MetricStat"]["Metric"];
        let stream = metric["Dimensions"][0]["Value"].as_str().unwrap_or_default();
        let phase = stream.bytes().fold(7u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into())) % 1440;
        let value = |minute: &i64| {
            let turn = (minute + i64::from(phase)) as f64 / 1440.0 * std::f64::consts::TAU;
            match text(metric, "MetricName") {
                "IncomingRecords" => (40_000.0 * (1.2 + turn.sin())).round(),
                "IncomingBytes" => (40_000.0 * 300.0 * (1.2 + turn.sin())).round(),
                _ => 0.0,
            }
        };
        let values: Value = minutes.iter().map(value).collect();
        json!({ "Id": query["Id"], "StatusCode": "Complete", "Timestamps": stamps, "Values": values })
    });
    Ok(json!({ "MetricDataResults": results.collect::<Value>() }))
}
