//! Realistic plans for the tests of the reports, made by the real planner.

use std::collections::BTreeMap;

use crate::kinds;
use crate::model::{
    Address, Attrs, Compare, Graph, Inventory, LEDGER, ON_REMOVAL, Observed, Resource, Schema, Scope, State, Value,
};
use crate::plan::{self, Consent, Drift, FieldChange, Plan, Question, Verb};

/// A stream with its key, as most specs begin.
pub const SPEC: &str = "
apiVersion: tidegate/v1
pipeline: clickstream
alarms: { off: true }
tags: { team: web, cost-centre: '4711' }
keys:
  clicks: {}
streams:
  clicks:
    capacity: { mode: provisioned, shards: { min: 2, max: 64 } }
    retention: 7d
    encryption: { key: clicks }
  audit: {}
";

/// When the samples look at AWS: a morning in November 2026.
const NOW: i64 = 1_795_000_000;

pub fn scope() -> Scope {
    Scope {
        pipeline: "clickstream".into(),
        partition: "aws".into(),
        region: "eu-west-1".into(),
        account: "123456789012".into(),
    }
}

/// A spec with one stream of these settings.
pub fn one_stream(settings: &str) -> String {
    format!(
        "{{apiVersion: tidegate/v1, pipeline: clickstream, alarms: {{off: true}}, streams: {{clicks: {{{settings}}}}}}}"
    )
}

fn graph(yaml: &str) -> Graph {
    let spec: kinds::Pipeline = serde_yaml::from_str(yaml).unwrap();
    let wishes = kinds::wish(&spec, &scope());
    assert!(wishes.problems.is_empty(), "{:?}", wishes.problems);
    wishes.graph
}

/// Everything that the spec asks for, as if it had been applied.
fn applied(yaml: &str) -> BTreeMap<Address, Observed> {
    let outputs = |schema: &Schema, physical: &str| -> BTreeMap<String, String> {
        let arn = schema.arn.unwrap_or("arn:{partition}:kms:{region}:{account}:key/0a1b2c3d-4e5f");
        [("arn".to_owned(), scope().fill(arn, physical)), ("id".to_owned(), "0a1b2c3d-4e5f".to_owned())].into()
    };
    let graph = graph(yaml);
    let live = graph.iter().map(|desired| {
        let known = |reference: &crate::model::Ref| {
            let target = graph.get(&reference.address)?;
            outputs(target.schema, &target.physical).get(&reference.output).cloned()
        };
        let mut attrs: Attrs =
            desired.attrs.iter().map(|(name, value)| (name.clone(), value.resolved(&known))).collect();
        for field in desired.schema.fields.iter().filter(|field| field.compare == Compare::Within) {
            let low = attrs.get(field.name).and_then(|range| range.get("min")).cloned();
            attrs.extend(low.map(|low| (field.name.to_owned(), low)));
        }
        let resource = Resource {
            physical: desired.physical.clone(),
            outputs: outputs(desired.schema, &desired.physical),
            attrs,
            facts: Attrs::new(),
            state: State::Ready,
        };
        (desired.address.clone(), Observed::Present(Box::new(resource)))
    });
    live.collect()
}

/// From one spec that was applied to another, with a chance to meddle with what is there.
pub fn between(was: &str, is: &str, consent: &Consent, meddle: impl FnOnce(&mut Inventory)) -> Plan {
    let graph = graph(is);
    let inventory = inventory(was, &graph, meddle);
    let (prices, schemas) = (plan::price_table(), kinds::SCHEMAS);
    plan::plan(&Question { graph: &graph, inventory: &inventory, schemas, prices: &prices, consent, made_by: "0.1.0" })
}

fn inventory(was: &str, graph: &Graph, meddle: impl FnOnce(&mut Inventory)) -> Inventory {
    let mut seen = applied(was);
    for desired in graph.iter() {
        seen.entry(desired.address.clone()).or_insert(Observed::Absent);
    }
    let mut inventory = Inventory {
        scope: scope(),
        taken_at: NOW,
        seen,
        blind: Vec::new(),
        readers: Default::default(),
        quotas: Default::default(),
    };
    meddle(&mut inventory);
    inventory
}

pub fn live<'a>(inventory: &'a mut Inventory, address: &str) -> &'a mut Resource {
    match inventory.seen.get_mut(&address.parse().unwrap()) {
        Some(Observed::Present(resource)) => resource,
        other => panic!("{address} is {other:?}"),
    }
}

fn tags(resource: &mut Resource) -> &mut BTreeMap<String, Value> {
    match resource.attrs.get_mut("tags") {
        Some(Value::Map(tags)) => tags,
        other => panic!("{other:?}"),
    }
}

const NOTHING: &str = "{apiVersion: tidegate/v1, pipeline: clickstream}";

pub fn creation() -> Plan {
    between(NOTHING, SPEC, &Consent::default(), |_| {})
}

pub fn unchanged() -> Plan {
    between(SPEC, SPEC, &Consent::default(), |_| {})
}

pub fn reshard() -> Plan {
    let (two, ten) = (
        "capacity: {mode: provisioned, shards: 2}, retention: 7d",
        "capacity: {mode: provisioned, shards: 10}, retention: 7d",
    );
    between(&one_stream(two), &one_stream(ten), &Consent::default(), |inventory| {
        // Two resizes, ten and six hours before `NOW`, in minutes since 1970 to the base 36.
        tags(live(inventory, "stream/clicks")).insert(LEDGER.into(), Value::text("r ht7du ht7ki"));
    })
}

pub fn shorter_retention() -> Plan {
    between(&one_stream("retention: 7d"), &one_stream("retention: 24h, tags: {team: web}"), &Consent::default(), |_| {})
}

pub fn mode_switch() -> Plan {
    let fixed = one_stream("capacity: {mode: provisioned, shards: {min: 4, max: 16}}");
    between(&one_stream(""), &fixed, &Consent::default(), |inventory| {
        live(inventory, "stream/clicks").attrs.insert("shards".into(), Value::Int(1));
    })
}

pub fn foreign() -> Plan {
    between(SPEC, SPEC, &Consent::default(), |inventory| {
        let audit = live(inventory, "stream/audit");
        audit.attrs.insert("tags".into(), Value::Map(BTreeMap::new()));
        let why = "kms:DescribeKey was denied for arn:aws:kms:eu-west-1:123456789012:key/0a1b2c3d-4e5f; allow it to the role deployer";
        inventory.seen.insert(Address::new("key", "clicks"), Observed::Unreadable(why.into()));
        inventory
            .blind
            .push("roles below /tidegate/clickstream/: iam:ListRoles was denied; allow it to the role deployer".into());
    })
}

pub fn adopted() -> Plan {
    let consent = Consent { adopt: [Address::new("stream", "clicks")].into(), ..Consent::default() };
    between(&one_stream("retention: 24h"), &one_stream("retention: 7d"), &consent, |inventory| {
        live(inventory, "stream/clicks").attrs.insert("tags".into(), Value::Map(BTreeMap::new()));
    })
}

pub fn removed() -> Plan {
    let consent = Consent { data_loss: [Address::new("stream", "clicks")].into(), ..Consent::default() };
    between(SPEC, NOTHING, &consent, |inventory| {
        for address in ["stream/clicks", "key/clicks"] {
            tags(live(inventory, address)).insert(ON_REMOVAL.into(), Value::text("delete"));
        }
    })
}

/// No kind of today is replaced for a field, but a stream that failed for good is.
pub fn replacement() -> Plan {
    let consent = Consent { data_loss: [Address::new("stream", "clicks")].into(), ..Consent::default() };
    between(SPEC, SPEC, &consent, |inventory| {
        let clicks = live(inventory, "stream/clicks");
        clicks.state = State::Failed("CREATING_FAILED".into());
        clicks.attrs.insert("retention".into(), Value::text("24h"));
    })
}

pub fn drift() -> Vec<Drift> {
    let spec = format!("{SPEC}  late: {{}}\n");
    let graph = graph(&spec);
    let inventory = inventory(&spec, &graph, |inventory| {
        let clicks = live(inventory, "stream/clicks");
        clicks.attrs.insert("retention".into(), Value::text("24h"));
        tags(clicks).insert("team".into(), Value::text("ops"));
        tags(clicks).insert("touched-by".into(), Value::text("bob"));
        inventory.seen.insert(Address::new("stream", "late"), Observed::Absent);
        let mut old = live(inventory, "stream/clicks").clone();
        old.physical = "old".into();
        tags(&mut old).insert(crate::model::RESOURCE.into(), Value::text("stream/old"));
        tags(&mut old).insert(crate::model::ON_REMOVAL.into(), Value::text("delete"));
        inventory.seen.insert(Address::new("stream", "old"), Observed::Present(Box::new(old)));
        let denied = "kinesis:DescribeStreamSummary was denied".to_owned();
        inventory.seen.insert(Address::new("stream", "audit"), Observed::Unreadable(denied));
        inventory.blind.push("roles below /tidegate/clickstream/: iam:ListRoles was denied".into());
    });
    let (prices, consent) = (plan::price_table(), Consent::default());
    let schemas = kinds::SCHEMAS;
    plan::drift(&Question {
        graph: &graph,
        inventory: &inventory,
        schemas,
        prices: &prices,
        consent: &consent,
        made_by: "0.1.0",
    })
}

/// A plan of this many updates, whose texts are as long and hostile as `text`.
pub fn huge(steps: usize, text: &str) -> Plan {
    let mut plan = reshard();
    let Some(mut step) = plan.steps.pop() else { return plan };
    for id in 0..steps {
        step.id = id;
        step.address = Address::new("stream", format!("{text}{id}"));
        step.physical = text.to_owned();
        step.verb = [Verb::Create, Verb::Update, Verb::Replace, Verb::Adopt, Verb::Delete][id % 5];
        let change = FieldChange {
            field: text.to_owned(),
            before: Some(Value::text(text)),
            after: Some(Value::list([text; 3])),
            after_unknown: false,
            replaces: Some(text.to_owned()),
        };
        step.changes.truncate(1);
        step.changes.push(change);
        step.because = text.to_owned();
        step.risks.iter_mut().for_each(|risk| risk.why = text.to_owned());
        plan.steps.push(step.clone());
    }
    plan
}
