//! From a file's text to a pipeline, as far as that goes without a cloud.

use super::facts::{Known, NO_ACCOUNT};
use crate::kinds::{Pipeline, wish};
use crate::model::{Graph, Path, Problem, Scope};
use crate::spec::{Document, Source, VarKind, read, substitute};

/// What a file turned out to be.
pub struct Reading {
    /// The pipeline, if nothing is wrong with it.
    pub known: Option<(Document, Pipeline, Graph)>,
    pub problems: Vec<Problem>,
}

impl Reading {
    /// Reads a spec and derives what it asks for, with an account that nobody has.
    pub fn of(source: &Source, variable: &dyn Fn(VarKind, &str) -> Option<String>) -> Self {
        let (document, mut problems) = Document::parse(source.clone());
        let Some(mut document) = document.filter(|_| problems.is_empty()) else {
            return Self { known: None, problems };
        };
        problems.extend(substitute(&mut document, variable));
        if !problems.is_empty() {
            return Self { known: None, problems };
        }
        let spec = read::<Pipeline>(&document, &Path::root(), &mut problems);
        let Some(spec) = spec.filter(|_| problems.is_empty()) else { return Self { known: None, problems } };
        Self::derived(document, spec)
    }

    /// What a spec without mistakes of its own asks for.
    pub fn derived(document: Document, spec: Pipeline) -> Self {
        let mut wishes = wish(&spec, &scope(&spec));
        document.locate(&mut wishes.problems);
        let known = wishes.problems.is_empty().then_some((document, spec, wishes.graph));
        Self { known, problems: wishes.problems }
    }

    /// The pipeline for the facts, at the built-in prices.
    pub fn known(&self) -> Option<Known<'_>> {
        let prices = crate::plan::price_table;
        self.known.as_ref().map(|(document, spec, graph)| Known { document, spec, graph, prices: prices() })
    }
}

/// The account is unknown; the region too, if the spec does not say it, and then one stands for all.
pub fn scope(spec: &Pipeline) -> Scope {
    let region = spec.region.clone().unwrap_or_else(|| "us-east-1".into());
    let partition = match region.split('-').next() {
        Some("cn") => "aws-cn",
        Some("us") if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    };
    Scope {
        pipeline: spec.pipeline.as_str().to_owned(),
        partition: partition.to_owned(),
        region,
        account: NO_ACCOUNT.to_owned(),
    }
}

/// Whether a file found in a folder looks like a spec at all; folders hold other YAML as well.
pub fn looks_like_spec(source: &Source) -> bool {
    source.text.lines().any(|line| {
        line.trim_start()
            .strip_prefix("apiVersion:")
            .is_some_and(|version| version.trim_start().starts_with("tidegate/"))
    })
}
