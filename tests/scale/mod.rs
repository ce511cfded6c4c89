//! How many calls a plan takes, seen by the double that counts them.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use crate::double::{ACCOUNT, Double, Manners, REGION};
use crate::support::emulators::{self, Endpoint};

const STREAMS: usize = 60;

/// A pipeline of streams, each with a key, a role and alarms.
pub fn spec(streams: usize, with_all: bool) -> String {
    let mut spec = format!("apiVersion: tidegate/v1\npipeline: scale\nregion: {REGION}\n");
    let each = |line: &dyn Fn(usize) -> String| (0..streams).map(line).collect::<String>();
    if !with_all {
        spec += "alarms: { off: true }\n";
    }
    let key = |n: usize| if with_all { format!(", encryption: {{ key: k{n} }}") } else { String::new() };
    spec += "streams:\n";
    spec += &each(&|n| {
        format!("  s{n}: {{ capacity: {{ mode: provisioned, shards: {{ min: 1, max: 8 }} }}{} }}\n", key(n))
    });
    if with_all {
        spec += &format!("keys:\n{}", each(&|n| format!("  k{n}: {{}}\n")));
        let role = |n: usize| {
            format!("  w{n}: {{ trust: {{ service: ecs-tasks.amazonaws.com }}, can: [{{ write: s{n} }}] }}\n")
        };
        spec += &format!("access:\n{}", each(&role));
    }
    spec
}

/// A pipeline that stands on a double.
pub struct Made {
    folder: tempfile::TempDir,
    pub double: Arc<Double>,
    pub endpoint: Endpoint,
    _runtime: tokio::runtime::Runtime,
}

impl Made {
    pub fn of(spec: &str) -> Self {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let double: Arc<Double> = Double::new(Manners { rates: None, creating: Duration::ZERO });
        let url = runtime.block_on(double.serve()).expect("a port");
        let endpoint = Endpoint { url, region: REGION, account: ACCOUNT };
        let made = Self { folder: tempfile::tempdir().expect("a folder"), double, endpoint, _runtime: runtime };
        made.write(spec);
        made.says(&["apply", "-y", "-q", "--api-rate", "100000"]);
        made
    }

    fn write(&self, spec: &str) {
        std::fs::write(self.folder.path().join("tidegate.yaml"), spec).expect("written");
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The program beside the spec.
    pub fn command(&self) -> Command {
        let (mut command, folder) = (Command::new(env!("CARGO_BIN_EXE_tidegate")), self.folder.path());
        command.current_dir(folder).env_clear().env("HOME", folder).env("NO_COLOR", "1").stdin(Stdio::null());
        command.envs(self.endpoint.env());
        command
    }

    pub fn says(&self, args: &[&str]) -> String {
        emulators::says(&mut self.command(), args)
    }
}

/// Makes the pipeline, then plans it again within AWS's rates; answers the calls of that plan.
fn planned_again(with_all: bool) -> BTreeMap<String, (u64, u64)> {
    let made = Made::of(&spec(STREAMS, with_all));
    // Ten times the published rates, so that the suite does not wait for them. Four tenths of them are asked for: what a busy machine holds up
    // for a second and lets go together is not refused.
    made.double.behave(Manners { rates: Some(10), creating: Duration::ZERO });
    let said = made.says(&["plan", "--api-rate", "4"]);
    assert!(said.contains("No changes. scale is as described.\n"), "{said}");
    made.double.calls()
}

#[test]
fn a_plan_of_streams_asks_once_for_each_and_is_never_throttled() {
    let calls = planned_again(false);
    let (made, refused) = calls.values().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    assert_eq!(refused, 0, "{calls:?}");
    assert!(made * 5 <= 6 * STREAMS as u64, "more than 1.2 calls for a stream: {calls:?}");
}

/// Each is read back when it is made; the last look at all of them takes one listing.
#[test]
fn making_many_streams_reads_the_tags_of_each_once() {
    let made = Made::of(&spec(STREAMS, false));
    let calls = made.double.calls();
    assert_eq!(calls["kinesis:CreateStream"].0, STREAMS as u64, "{calls:?}");
    assert_eq!(calls["kinesis:ListTagsForStream"].0, STREAMS as u64, "{calls:?}");
}

#[test]
fn keys_and_alarms_take_their_tags_from_the_listing_and_alarms_come_by_the_hundred() {
    let calls = planned_again(true);
    let made = |operation: &str| calls.get(operation).map_or(0, |one| one.0);
    let each = STREAMS as u64;
    assert_eq!(calls.values().map(|one| one.1).sum::<u64>(), 0, "{calls:?}");
    assert_eq!(made("kinesis:DescribeStreamSummary"), each);
    for operation in ["kinesis:ListTagsForStream", "kms:ListResourceTags", "cloudwatch:ListTagsForResource"] {
        assert_eq!(made(operation), 0, "{operation}");
    }
    // A key is described once, for itself and for its stream.
    assert_eq!(made("kms:DescribeKey"), each);
    assert!(made("cloudwatch:DescribeAlarms") <= each.div_ceil(20), "{calls:?}");
}

#[test]
fn what_differs_is_looked_at_again_with_its_own_tags() {
    let made = Made::of(&spec(3, false));
    made.write(&spec(3, false).replacen("min: 1", "min: 2", 1));
    made.double.behave(Manners { rates: None, creating: Duration::ZERO });
    let said = made.says(&["plan", "--api-rate", "100000"]);
    assert!(said.contains("s0"), "{said}");
    let calls = made.double.calls();
    assert_eq!(calls["kinesis:ListTagsForStream"].0, 1, "{calls:?}");
    assert_eq!(calls["kinesis:DescribeStreamSummary"].0, 4, "{calls:?}");
}
