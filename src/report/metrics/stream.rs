use super::text::{Behaviour, Exposition};
use crate::control::{Status, StreamStatus, Verb};
use crate::scale::Notice;

/// A gauge of every stream; `None` is not told.
type Of = fn(&StreamStatus) -> Option<f64>;

/// Name, help and value of each gauge.
const GAUGES: [(&str, &str, Of); 21] = [
    ("tidegate_stream_shards", "Open shards at the newest look.", |of| of.shards.map(f64::from)),
    ("tidegate_stream_shards_desired", "Shards that the policy wants inside the bounds.", |of| {
        of.desired.map(f64::from)
    }),
    ("tidegate_stream_shards_min", "The lower bound of the spec.", |of| Some(f64::from(of.min))),
    ("tidegate_stream_shards_max", "The upper bound of the spec.", |of| Some(f64::from(of.max))),
    ("tidegate_stream_demand_shards", "Demand by the policy's estimate, which decides; 1 fills one shard.", |of| {
        of.estimate.or(of.demand)
    }),
    (
        "tidegate_stream_attempted_shards",
        "Load of the newest minute, rejected and repeated writes included; 1 fills one shard.",
        |of| of.demand,
    ),
    ("tidegate_stream_rejected_shards", "Load of the newest minute that was rejected; 1 fills one shard.", |of| {
        of.rejected
    }),
    ("tidegate_stream_utilisation_ratio", "Accepted load over open shards; 1 is full.", |of| of.utilisation),
    ("tidegate_stream_iterator_age_seconds", "Iterator age: the maximum over shards and consumers.", |of| {
        of.age_seconds
    }),
    ("tidegate_stream_reads_refused", "GetRecords calls that were refused in the newest minute.", |of| {
        of.reads_refused
    }),
    ("tidegate_stream_metrics_timestamp_seconds", "The newest minute with metrics.", |of| {
        of.metrics_at.map(|at| at as f64)
    }),
    ("tidegate_stream_seen_timestamp_seconds", "When the stream itself was last seen.", |of| {
        of.seen_at.map(|at| at as f64)
    }),
    ("tidegate_stream_active", "1 if the stream is ACTIVE, 0 in any other state.", |of| {
        of.state.as_ref().map(|state| flag(state == "ACTIVE"))
    }),
    ("tidegate_stream_resize_calls_limit", "Calls of UpdateShardCount that count within 24 hours.", |of| {
        Some(f64::from(of.calls_a_day))
    }),
    ("tidegate_stream_resize_calls_left", "Calls of UpdateShardCount that are left of the rolling 24 hours.", |of| {
        Some(f64::from(of.calls_left))
    }),
    ("tidegate_stream_resize_call_back_timestamp_seconds", "When the oldest call stops to count.", |of| {
        of.call_back_at.map(|at| at as f64)
    }),
    ("tidegate_stream_pinned_shards", "The count that a person pinned.", |of| of.pin.map(|pin| f64::from(pin.shards))),
    ("tidegate_stream_paused", "1 if a person paused the controller for this stream.", |of| {
        Some(flag(of.pause.is_some()))
    }),
    ("tidegate_stream_hot_shard_load", "Load of the shard that is full while the stream is not; 1 fills it.", |of| {
        match of.hot.as_ref()? {
            Notice::HotKey { load, .. } | Notice::HotShard { load, .. } => Some(*load),
            _ => None,
        }
    }),
    ("tidegate_stream_alarms", "Alarms of the stream in state ALARM.", |of| Some(of.alarms.len() as f64)),
    ("tidegate_stream_decision_timestamp_seconds", "When the newest decision was made.", |of| {
        of.last.as_ref().map(|last| last.at as f64)
    }),
];

fn flag(is: bool) -> f64 {
    f64::from(u8::from(is))
}

/// All families that are about single streams.
pub fn all(streams: &[StreamStatus], into: &mut Exposition) {
    let name = "tidegate_stream_info";
    into.family(name, Behaviour::Gauge, "Where the stream is; always 1.");
    for stream in streams {
        let mut labels = Vec::from(labels(stream));
        labels.extend([
            ("physical", stream.physical.as_str()),
            ("account", &stream.account),
            ("region", &stream.region),
        ]);
        into.sample(name, &labels, 1.0);
    }
    for (name, help, of) in GAUGES {
        let mut known = streams.iter().filter_map(|stream| Some((stream, of(stream)?))).peekable();
        if known.peek().is_none() {
            continue;
        }
        into.family(name, Behaviour::Gauge, help);
        known.for_each(|(stream, value)| into.sample(name, &labels(stream), value));
    }
    functions(streams, into);
    conditions(streams, into);
    decisions(streams, into);
}

fn labels(stream: &StreamStatus) -> [(&'static str, &str); 2] {
    [("pipeline", &stream.pipeline), ("stream", &stream.stream)]
}

/// The Lambda functions that a spec names; at most ten a stream.
fn functions(streams: &[StreamStatus], into: &mut Exposition) {
    let name = "tidegate_stream_parallelization_factor";
    let known = |stream: &StreamStatus| stream.functions.iter().any(|function| function.factor.is_some());
    if !streams.iter().any(known) {
        return;
    }
    into.family(name, Behaviour::Gauge, "Batches of one shard that a Lambda function works on at once.");
    for stream in streams {
        for function in &stream.functions {
            let [pipeline, stream] = labels(stream);
            let labels = [pipeline, stream, ("function", function.function.as_str())];
            function.factor.iter().for_each(|factor| into.sample(name, &labels, f64::from(*factor)));
        }
    }
}

/// Each condition as a state set: of its three statuses exactly one is 1.
fn conditions(streams: &[StreamStatus], into: &mut Exposition) {
    let name = "tidegate_stream_condition";
    into.family(name, Behaviour::Gauge, "Conditions of the stream: 1 for the status that it has, 0 for the others.");
    for stream in streams {
        for condition in &stream.conditions {
            let kind = format!("{:?}", condition.kind);
            for status in [Status::True, Status::False, Status::Unknown] {
                let [pipeline, stream] = labels(stream);
                let labels = [pipeline, stream, ("type", kind.as_str()), ("status", &format!("{status:?}"))];
                into.sample(name, &labels, flag(condition.status == status));
            }
        }
    }
}

/// The newest decision of each stream. One series a stream, whose labels are from short lists.
fn decisions(streams: &[StreamStatus], into: &mut Exposition) {
    let name = "tidegate_stream_decision_info";
    into.family(name, Behaviour::Gauge, "What was decided last and the slug of its reason; always 1.");
    for stream in streams {
        let Some(last) = &stream.last else { continue };
        let verb = match last.verb {
            Verb::Hold => "hold",
            Verb::Resize => "resize",
            Verb::Split => "split",
            Verb::Merge => "merge",
            Verb::Settled => "settled",
            Verb::Foreign => "foreign",
            Verb::Parallelize => "parallelize",
            Verb::Watch => "watch",
            Verb::Unwatch => "unwatch",
        };
        let [pipeline, stream] = labels(stream);
        into.sample(name, &[pipeline, stream, ("verb", verb), ("reason", slug(&last.reason))], 1.0);
    }
}

/// A reason may come from a ledger that another version wrote; what is no slug would be a label without bounds.
fn slug(reason: &str) -> &str {
    let plain = reason.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    if plain && (1..=32).contains(&reason.len()) { reason } else { "other" }
}

#[cfg(test)]
mod tests {
    use super::super::{Durations, Process, fleet, process};
    use crate::control::{
        Condition, ConditionKind, Decision, DriftStatus, FunctionStatus, Numbers, Report, Series, Status, StreamStatus,
        Verb,
    };

    fn clicks() -> StreamStatus {
        StreamStatus {
            pipeline: "shop".into(),
            stream: "cli\"cks".into(),
            physical: "clicks".into(),
            account: "123456789012".into(),
            region: "eu-west-1".into(),
            min: 2,
            max: 64,
            shards: Some(4),
            desired: None,
            state: Some("ACTIVE".into()),
            seen_at: Some(100),
            metrics_at: None,
            demand: Some(2.5),
            estimate: Some(2.5),
            utilisation: Some(0.625),
            rejected: None,
            age_seconds: Some(1.5),
            reads_refused: None,
            calls_a_day: 10,
            calls_left: 7,
            call_back_at: None,
            pin: None,
            pause: None,
            alarms: Vec::new(),
            functions: vec![FunctionStatus { function: "enrich".into(), factor: Some(4), ..FunctionStatus::default() }],
            hot: None,
            watched: None,
            conditions: vec![Condition {
                kind: ConditionKind::Healthy,
                status: Status::Unknown,
                reason: "no-metrics".into(),
                message: "there are none".into(),
                since: 60,
            }],
            last: Some(Decision {
                at: 120,
                verb: Verb::Hold,
                reason: "Something that\nanother version wrote".into(),
                from: 4,
                to: 4,
                desired: 4,
                because: "a secret sentence".into(),
                outcome: None,
                woken_by: "tick".into(),
                lambda: None,
                numbers: Numbers::default(),
            }),
            decisions: Vec::new(),
            series: Series::default(),
        }
    }

    #[test]
    fn what_is_known_is_told_and_nothing_else() {
        let drift = DriftStatus { pipeline: "shop".into(), at: 90, found: 2, ..DriftStatus::default() };
        let report = Report { streams: vec![clicks()], drift: vec![drift], version: "1.2".into(), ..Report::default() };
        let text = fleet(&report);
        for line in [
            "tidegate_build_info{version=\"1.2\"} 1",
            "tidegate_stream_shards{pipeline=\"shop\",stream=\"cli\\\"cks\"} 4",
            "tidegate_stream_utilisation_ratio{pipeline=\"shop\",stream=\"cli\\\"cks\"} 0.625",
            "tidegate_stream_condition{pipeline=\"shop\",stream=\"cli\\\"cks\",type=\"Healthy\",status=\"Unknown\"} 1",
            "tidegate_stream_condition{pipeline=\"shop\",stream=\"cli\\\"cks\",type=\"Healthy\",status=\"True\"} 0",
            "tidegate_stream_decision_info{pipeline=\"shop\",stream=\"cli\\\"cks\",verb=\"hold\",reason=\"other\"} 1",
            "tidegate_drift_differences{pipeline=\"shop\"} 2",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
        // What is not known is left out, its family too; sentences are not told.
        for absent in ["shards_desired", "rejected_shards", "pinned", "secret"] {
            assert!(!text.contains(absent), "{absent}");
        }
    }

    #[test]
    fn every_family_stands_once_and_together() {
        let report = Report { streams: vec![clicks(), clicks()], ..Report::default() };
        let text =
            fleet(&report) + &process(&Process { resident_bytes: Some(5), started_at: 1 }, &Durations::default());
        let mut families: Vec<&str> = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| line.split(['{', ' ']).next().unwrap_or_default())
            .collect();
        families.dedup();
        let mut once = families.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), families.len(), "{families:?}");
        assert!(families.contains(&"tidegate_tick_duration_seconds_bucket"));
    }
}
