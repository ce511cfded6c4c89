//! The file of the local cloud, which somebody may have written by hand: looked at, planned against, changed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate::apply::{Limits, Stop, execute, look};
use tidegate::kinds::{self, Pipeline, SCHEMAS};
use tidegate::local::{Local, Options};
use tidegate::plan::{self, Consent, Question};
use tidegate::report::human;
use tidegate::spec::{Source, VarKind};

/// 2026-11-24T00:00:00Z
const NOW: i64 = 1_795_478_400;

fn no_variable(_: VarKind, _: &str) -> Option<String> {
    None
}

fn pipeline() -> Pipeline {
    let source = Source::new("a.yaml", include_str!("../../tests/laws/every_kind.yaml")).expect("text");
    tidegate::cli::read_spec(&source, &no_variable).0.expect("a spec").0
}

fuzz_target!(|bytes: &[u8]| {
    let options = Options { region: "eu-west-1".into(), ..Options::default() };
    let scope = tidegate::model::Scope { pipeline: "everything".into(), ..options.scope() };
    let Ok(cloud) = Local::read(bytes, SCHEMAS, options, NOW) else { return };
    let wishes = kinds::wish(&pipeline(), &scope);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let inventory = look(&cloud, &wishes.graph, &scope, SCHEMAS, false).await;
        let prices = tidegate::plan::price_table();
        let (consent, made_by) = (Consent::default(), "fuzz");
        let graph = &wishes.graph;
        let plan = plan::plan(&Question { graph, inventory: &inventory, schemas: SCHEMAS, prices: &prices, consent: &consent, made_by });
        human::plan(&plan, &human::Style::default());
        let limits = Limits { settle_seconds: 60, ..Limits::default() };
        execute(&cloud, &plan, SCHEMAS, limits, &Stop::default(), &|_| {}).await;
    });
});
