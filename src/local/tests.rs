//! The local cloud as a whole: each limit of AWS, states, ownership, faults, persistence.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;

use super::testing::{NOW, SCHEMAS, local, tags, target};
use super::*;
use crate::model::{Attrs, Ref, Value};

fn refused<T: std::fmt::Debug>(answer: Result<T, Fault>) -> (Class, String) {
    let fault = answer.unwrap_err();
    (fault.class, fault.code)
}

fn shards(count: i64) -> [(&'static str, Value); 1] {
    [("shards", Value::Int(count))]
}

#[test]
fn a_stream_is_created_with_defaults_and_settles() {
    let local = local();
    let outputs =
        local.create("stream", "clicks", &[("shards", Value::Int(2)), ("tags", tags("stream", "clicks"))]).unwrap();
    assert_eq!(outputs["arn"], "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks");
    assert_eq!(local.see("stream", "clicks").unwrap().state, State::Busy("CREATING".into()));
    local.wait(30);
    let seen = local.see("stream", "clicks").unwrap();
    assert_eq!(seen.state, State::Ready);
    assert_eq!(seen.attrs["retention"], Value::text("24h"));
    assert_eq!(seen.attrs["mode"], Value::text("provisioned"));
    assert_eq!(seen.attrs["shards"], Value::Int(2));
    assert_eq!(refused(local.create("stream", "clicks", &shards(1))), (Class::Exists, "ResourceInUseException".into()));
    assert_eq!(refused(local.create("stream", "empty", &[("mode", Value::text("provisioned"))])).0, Class::Refused);
}

#[test]
fn one_change_at_a_time() {
    let local = local();
    local.ready_stream("clicks", 2);
    local.set("clicks", "kinesis:UpdateShardCount", &shards(4)).unwrap();
    let second = local.set("clicks", "kinesis:IncreaseStreamRetentionPeriod", &[("retention", Value::text("7d"))]);
    assert_eq!(refused(second), (Class::Busy, "ResourceInUseException".into()));
    local.set("clicks", "kinesis:AddTagsToStream", &[("tags", Value::map([("team", "web")]))]).unwrap();
    assert_eq!(
        local.see("stream", "clicks").unwrap().attrs["shards"],
        Value::Int(2),
        "the old count serves until the end"
    );
    local.wait(200);
    let seen = local.see("stream", "clicks").unwrap();
    assert_eq!(seen.attrs["shards"], Value::Int(4));
    assert_eq!(seen.tag("team"), Some("web"));
    assert_eq!(local.shards("clicks").len(), 6);
    local.wait(90_000);
    assert_eq!(local.shards("clicks").len(), 4, "closed parents expire with the retention");
}

#[test]
fn the_tenth_reshard_is_the_last_of_a_day() {
    let local = local();
    local.ready_stream("clicks", 2);
    for round in 0..10 {
        local.set("clicks", "kinesis:UpdateShardCount", &shards(if round % 2 == 0 { 3 } else { 2 })).unwrap();
        local.wait(200);
    }
    let fault = local.set("clicks", "kinesis:UpdateShardCount", &shards(3)).unwrap_err();
    assert_eq!((fault.class, fault.code.as_str()), (Class::Refused, "LimitExceededException"));
    assert!(fault.message.contains("24 hours"), "{}", fault.message);
    local.wait(86_400 - 10 * 200);
    local.set("clicks", "kinesis:UpdateShardCount", &shards(3)).unwrap();
}

#[test]
fn limits_of_single_calls() {
    let local = local();
    local.ready_stream("clicks", 4);
    let reshard = |to: i64| local.set("clicks", "kinesis:UpdateShardCount", &shards(to));
    for to in [9, 1, 0, 10_001] {
        assert_eq!(refused(reshard(to)).0, Class::Refused, "{to}");
    }
    let retain = |verb: &str, to: &str| {
        local.set("clicks", &format!("kinesis:{verb}StreamRetentionPeriod"), &[("retention", Value::text(to))])
    };
    for (verb, to) in [("Increase", "23h"), ("Increase", "366d"), ("Decrease", "2d")] {
        assert_eq!(refused(retain(verb, to)), (Class::Refused, "InvalidArgumentException".into()), "{verb} {to}");
    }
    let many = Value::map((0..51).map(|i| (format!("k{i}"), "v")));
    assert_eq!(
        refused(local.set("clicks", "kinesis:AddTagsToStream", &[("tags", many)])).1,
        "InvalidArgumentException"
    );
    let gone = local.set("nothing", "kinesis:UpdateShardCount", &shards(2));
    assert_eq!(refused(gone), (Class::Absent, "ResourceNotFoundException".into()));
}

#[test]
fn mode_switches_keep_the_shards_and_are_two_a_day() {
    let local = local();
    local.ready_stream("clicks", 3);
    let switch = |mode: &str| local.set("clicks", "kinesis:UpdateStreamMode", &[("mode", Value::text(mode))]);
    switch("onDemand").unwrap();
    local.wait(60);
    let seen = local.see("stream", "clicks").unwrap();
    assert_eq!((seen.attrs.get("shards"), seen.fact("openShards")), (Some(&Value::Int(3)), Some(&Value::Int(3))));
    assert_eq!(refused(local.set("clicks", "kinesis:UpdateShardCount", &shards(4))).1, "InvalidArgumentException");
    switch("provisioned").unwrap();
    local.wait(60);
    assert_eq!(refused(switch("onDemand")), (Class::Refused, "LimitExceededException".into()));
}

#[test]
fn encryption_changes_are_25_a_day() {
    let local = local();
    local.ready_stream("clicks", 1);
    for _ in 0..25 {
        local.set("clicks", "kinesis:StartStreamEncryption", &[("encryption", Value::text("aws"))]).unwrap();
        local.wait(30);
    }
    let stop = local.set("clicks", "kinesis:StopStreamEncryption", &[("encryption", Value::text("none"))]);
    assert_eq!(refused(stop).1, "LimitExceededException");
}

#[test]
fn quotas_of_the_account() {
    let mut options = Options::default();
    options.limits.shards_of_the_account = 10;
    options.limits.on_demand_streams = 1;
    let local = Local::new(SCHEMAS, options, NOW);
    local.ready_stream("a", 6);
    assert_eq!(refused(local.create("stream", "b", &shards(5))).1, "LimitExceededException");
    local.create("stream", "b", &[]).unwrap();
    local.wait(60);
    assert_eq!(local.see("stream", "b").unwrap().fact("openShards"), Some(&Value::Int(4)));
    assert_eq!(refused(local.create("stream", "c", &[])).1, "LimitExceededException");
    // 6 to 7 shards needs 6 + 6 for a moment.
    assert_eq!(refused(local.set("a", "kinesis:UpdateShardCount", &shards(7))).1, "LimitExceededException");
    local.set("a", "kinesis:UpdateShardCount", &shards(3)).unwrap();
}

#[test]
fn five_streams_create_at_once() {
    let local = local();
    for i in 0..5 {
        local.create("stream", &format!("s{i}"), &shards(1)).unwrap();
    }
    assert_eq!(refused(local.create("stream", "s5", &shards(1))), (Class::Throttled, "LimitExceededException".into()));
    local.wait(30);
    local.create("stream", "s5", &shards(1)).unwrap();
}

#[test]
fn consumers_hold_their_stream() {
    let local = local();
    assert_eq!(refused(local.create("consumer", "clicks/fraud", &[])).0, Class::Absent);
    local.ready_stream("clicks", 1);
    let outputs = local.create("consumer", "clicks/fraud", &[]).unwrap();
    let created = NOW + 60;
    assert_eq!(
        outputs["arn"],
        format!("arn:aws:kinesis:eu-west-1:123456789012:stream/clicks/consumer/fraud:{created}")
    );
    for i in 1..5 {
        local.create("consumer", &format!("clicks/c{i}"), &[]).unwrap();
    }
    assert_eq!(refused(local.create("consumer", "clicks/c5", &[])).0, Class::Throttled);
    for i in 5..20 {
        local.wait(20);
        local.create("consumer", &format!("clicks/c{i}"), &[]).unwrap();
    }
    local.wait(20);
    assert_eq!(refused(local.create("consumer", "clicks/c20", &[])), (Class::Refused, "LimitExceededException".into()));
    assert_eq!(refused(local.delete("stream", "clicks")).1, "ResourceInUseException");
    let mut call = Call::new(Effect::Delete, "kinesis:DeleteStream");
    call.set.insert("enforceConsumerDeletion".into(), Value::Bool(true));
    local.make(&target("stream", "clicks"), &call).unwrap();
    assert_eq!(local.see("stream", "clicks").unwrap().state, State::Busy("DELETING".into()));
    local.wait(30);
    assert!(local.see("stream", "clicks").is_none() && local.see("consumer", "clicks/fraud").is_none());
    assert_eq!(refused(local.delete("stream", "clicks")).0, Class::Absent);
}

#[test]
fn splits_and_merges_are_checked_when_they_are_asked_for() {
    let local = local();
    local.ready_stream("clicks", 2);
    let text = |text: &str| Value::text(text);
    let split = |at: &str| {
        local.set(
            "clicks",
            "kinesis:SplitShard",
            &[("shard", text("shardId-000000000000")), ("newStartingHashKey", text(at))],
        )
    };
    assert_eq!(refused(split("0")).1, "InvalidArgumentException");
    split("1000").unwrap();
    assert_eq!(refused(split("1000")).0, Class::Busy);
    local.wait(30);
    assert_eq!(local.see("stream", "clicks").unwrap().attrs["shards"], Value::Int(3));
    let merge = [("shard", text("shardId-000000000002")), ("adjacent", text("shardId-000000000003"))];
    local.set("clicks", "kinesis:MergeShards", &merge).unwrap();
    local.wait(30);
    assert_eq!(local.see("stream", "clicks").unwrap().attrs["shards"], Value::Int(2));
}

#[test]
fn references_must_be_resolved_and_exist() {
    let local = local();
    local.ready_stream("clicks", 1);
    let encrypt = |value: Value| local.set("clicks", "kinesis:StartStreamEncryption", &[("encryption", value)]);
    let reference = Ref { address: "key/clicks".parse().unwrap(), output: "arn".into() };
    assert_eq!(refused(encrypt(Value::Ref(reference))).1, "UnresolvedReference");
    let missing = "arn:aws:kms:eu-west-1:123456789012:key/0000";
    assert_eq!(refused(encrypt(Value::text(missing))), (Class::Refused, "InvalidArgumentException".into()));
    encrypt(Value::text("arn:aws:kms:eu-west-1:999999999999:key/theirs")).unwrap();
    local.wait(30);
    let key = local.create("key", "clicks", &[]).unwrap()["arn"].clone();
    assert!(key.starts_with("arn:aws:kms:eu-west-1:123456789012:key/"));
    encrypt(Value::text(key)).unwrap();
}

#[test]
fn a_new_role_is_not_known_everywhere_at_once() {
    let local = local();
    let role = "arn:aws:iam::123456789012:role/delivers";
    let deliver = || local.create("delivery", "raw", &[("role", Value::text(role))]);
    assert_eq!(refused(deliver()), (Class::Refused, "ResourceNotFoundException".into()));
    local.create("role", "delivers", &[]).unwrap();
    let fault = deliver().unwrap_err();
    assert_eq!(fault.class, Class::NotYet);
    assert!(fault.message.contains("unable to assume role"), "as AWS says it");
    local.wait(8);
    deliver().unwrap();
    assert_eq!(local.see("delivery", "raw").unwrap().state, State::Busy("CREATING".into()));
}

#[test]
fn owned_are_the_tagged_and_what_hangs_on_them() {
    let local = local();
    local.put("stream", "acme-clicks", Attrs::from([("tags".to_owned(), tags("stream", "clicks"))])).unwrap();
    local.put("stream", "foreign", Attrs::new()).unwrap();
    local.create("consumer", "acme-clicks/fraud", &[]).unwrap();
    local.create("consumer", "foreign/fraud", &[]).unwrap();
    local.create("stream-policy", "acme-clicks", &[]).unwrap();
    local.create("role", "writer", &[("tags", tags("role", "writer"))]).unwrap();
    let claims = local.owned(&target("stream", "x").scope, &BTreeMap::new()).now_or_never().unwrap();
    let found: Vec<String> =
        claims.found.iter().map(|claim| format!("{} = {}", claim.address, claim.physical)).collect();
    assert_eq!(
        found,
        [
            "consumer/clicks/fraud = acme-clicks/fraud",
            "role/writer = writer",
            "stream/clicks = acme-clicks",
            "stream-policy/clicks = acme-clicks"
        ]
    );
}

#[test]
fn hooks_break_before_and_after_the_effect() {
    let at = Arc::new(Mutex::new(Moment::Before));
    let when = Arc::clone(&at);
    let lost = || Fault::new(Class::Unreachable, "calling", "Lost", "no answer");
    let local = local().with_hook(Arc::new(move |_, _, moment| (moment == *when.lock().unwrap()).then(lost)));
    assert_eq!(refused(local.create("role", "r", &[])).0, Class::Unreachable);
    assert!(local.see("role", "r").is_none() && local.journal().is_empty());
    *at.lock().unwrap() = Moment::After;
    assert_eq!(refused(local.create("role", "r", &[])).0, Class::Unreachable);
    assert!(local.see("role", "r").is_some());
    assert_eq!(local.journal(), [("role/r".parse().unwrap(), "iam:CreateRole".to_owned())]);
}

#[test]
fn trouble_by_hand() {
    let local = local();
    local.ready_stream("clicks", 2);
    local.tamper("stream", "clicks", "shards", Value::Int(7)).unwrap();
    local.tamper("stream", "clicks", "retention", Value::text("3d")).unwrap();
    let seen = local.see("stream", "clicks").unwrap();
    assert_eq!((&seen.attrs["shards"], &seen.attrs["retention"]), (&Value::Int(7), &Value::text("3d")));
    local.remove("stream", "clicks").unwrap();
    assert!(local.see("stream", "clicks").is_none());
    assert_eq!(refused(local.remove("stream", "clicks")).1, "NoSuchResource");
    assert_eq!(refused(local.put("cat", "tom", Attrs::new())).1, "UnknownKind");
    assert_eq!(local.journal().len(), 1);
}

#[test]
fn metrics_show_after_their_delay_and_only_where_there_was_traffic() {
    let local = local();
    local.ready_stream("clicks", 1);
    let first = local.now() / 60 + 1;
    let minutes = [(first, 30_000.0, 3e7), (first + 1, 90_000.0, 9e6)];
    local.offer("clicks", Load::series(minutes)).unwrap();
    let at = |seconds: i64| local.wait(u64::try_from(first * 60 + seconds - local.now()).unwrap());
    let records = || local.metrics("clicks", "IncomingRecords", first - 10, first + 100);
    at(119);
    assert_eq!(records(), []);
    at(120);
    assert_eq!(records(), [(first, 30_000.0)]);
    at(600);
    let throttled = local.metrics("clicks", "WriteProvisionedThroughputExceeded", first, first + 100);
    assert_eq!(throttled, [(first, 0.0), (first + 1, 30_000.0), (first + 2, 0.0)]);
    assert_eq!(records(), [(first, 30_000.0), (first + 1, 60_000.0), (first + 2, 30_000.0)], "the rejected came again");
    assert_eq!(local.shard_metrics("clicks", 0, "IncomingRecords", first, first + 9), [], "shard metrics are off");
}

#[test]
fn a_busy_on_demand_stream_is_split_by_aws() {
    let local = local();
    local.put("stream", "audit", Attrs::new()).unwrap();
    local.offer("audit", Load::synthetic(1, 3_600.0, 100.0)).unwrap();
    local.wait(3600 * 20);
    assert!(local.see("stream", "audit").unwrap().fact("openShards").and_then(Value::as_int).unwrap() > 4);
}

#[test]
fn the_same_seed_tells_the_same_story() {
    let story = || {
        let local = local();
        local.ready_stream("clicks", 2);
        local.offer("clicks", Load::synthetic(3, 2_500.0, 700.0).keys(Keys::zipf(40, 1.0, 9))).unwrap();
        for _ in 0..100 {
            local.wait(77);
            let _ = local.set("clicks", "kinesis:UpdateShardCount", &shards(3));
        }
        (local.truth("clicks"), local.shards("clicks"), local.create("key", "k", &[]).unwrap())
    };
    assert_eq!(story(), story());
}

#[test]
fn a_file_keeps_everything_and_the_clock() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cloud.json");
    let open = |now| Local::open(&path, SCHEMAS, Options::default(), now).unwrap();
    let first = open(NOW);
    assert!(!path.exists());
    first.ready_stream("clicks", 2);
    first.offer("clicks", Load::synthetic(3, 3_000.0, 700.0)).unwrap();
    first.set("clicks", "kinesis:UpdateShardCount", &shards(4)).unwrap();
    first.wait(600);
    let other = open(NOW);
    other.create("role", "r", &[]).unwrap();
    assert!(first.see("role", "r").is_some(), "another process's change is seen");
    let (truth, seen) = (first.truth("clicks"), first.see("stream", "clicks"));
    first.create("role", "s", &[]).unwrap();
    drop(first);
    drop(other);
    let again = open(NOW);
    assert_eq!(again.now(), NOW + 660);
    assert_eq!((again.truth("clicks"), again.see("stream", "clicks")), (truth, seen));
    again.wait(40);
    drop(again);
    assert_eq!(open(NOW + 1000).now(), NOW + 1700, "waiting counts, and so does the time in between");
}

#[tokio::test]
async fn others_have_the_time_of_a_run_before_it_is_saved() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cloud.json");
    let open = |now| Local::open(&path, SCHEMAS, Options::default(), now).unwrap();
    let (before, running) = (open(NOW), open(NOW));
    running.ready_stream("clicks", 2);
    running.pause(Duration::from_secs(60)).await;
    let saved = std::fs::read(&path).unwrap();
    running.pause(Duration::from_secs(36_000)).await;
    let after = open(NOW + 1);
    assert_eq!((after.now(), before.now()), (running.now(), running.now()));
    drop((before, after));
    assert!(std::fs::read(&path).unwrap() == saved, "the time is the run's to save");
    std::fs::remove_file(&path).unwrap();
    assert_eq!(open(NOW + 2).now(), NOW + 2, "a cloud that is gone takes its time with it");
}

#[test]
fn a_damaged_or_newer_file_is_refused_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cloud.json");
    for (text, code) in
        [("{\"format\":2,\"reg", "DamagedFile"), ("{\"format\":2}", "DamagedFile"), ("{\"format\":3}", "UnknownFormat")]
    {
        std::fs::write(&path, text).unwrap();
        let fault = Local::open(&path, SCHEMAS, Options::default(), NOW).map(|_| ()).unwrap_err();
        assert_eq!(fault.code, code);
        assert!(fault.help.is_some());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "the file is left alone");
    }
}

#[test]
fn many_writers_of_one_file_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cloud.json");
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let path = &path;
            scope.spawn(move || {
                let local = Local::open(path, SCHEMAS, Options::default(), NOW).unwrap();
                (0..10).for_each(|i| drop(local.create("role", &format!("r{writer}-{i}"), &[]).unwrap()));
            });
        }
    });
    let local = Local::open(&path, SCHEMAS, Options::default(), NOW).unwrap();
    let count = local.look(|world, _| world.of_kind("role").count()).unwrap();
    assert_eq!(count, 40);
}

#[tokio::test]
async fn pauses_move_only_this_clock() {
    let local = local();
    local.pause(Duration::from_secs(3600)).await;
    assert_eq!(local.now(), NOW + 3600);
    assert_eq!(local.caller().await.unwrap().arn, "arn:aws:iam::123456789012:user/local");
}

/// Prints how long a day of one-minute steps and ten thousand looks take: `cargo test speed -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement, not a check"]
fn speed() {
    let local = local();
    local.ready_stream("clicks", 40);
    local.offer("clicks", Load::synthetic(3, 25_000.0, 700.0)).unwrap();
    let start = std::time::Instant::now();
    local.wait(86_400);
    assert_eq!(local.truth("clicks").len(), 1440);
    println!("a day on 40 shards: {:?}", start.elapsed());
    for i in 0..10_000 {
        local.put("stream", &format!("s{i}"), Attrs::new()).unwrap();
        local.put("consumer", &format!("s{i}/c"), Attrs::new()).unwrap();
    }
    let start = std::time::Instant::now();
    for i in 0..10_000 {
        assert!(local.see("stream", &format!("s{i}")).is_some());
    }
    println!("10,000 looks: {:?}", start.elapsed());
}

#[cfg(unix)]
#[test]
fn a_link_and_its_file_are_one_cloud_under_one_lock() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::os::unix::fs::symlink("real.json", at("link.json")).unwrap();
    let (mut real, mut link) = (Store::new(&at("real.json")), Store::new(&at("link.json")));
    let held = link.lock().unwrap();
    let other = std::fs::File::options().write(true).open(at("real.json.lock")).unwrap();
    assert!(other.try_lock().is_err(), "whoever names the file itself waits");
    link.save(&Saved { format: FORMAT, ..Saved::default() }).unwrap();
    drop(held);
    assert!(at("link.json").is_symlink() && !at("link.json.lock").exists());
    assert!(real.changed().unwrap().is_some(), "it is written where the link leads");
}
