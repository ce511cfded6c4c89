//! A stream of the spec, for a simulated run: its bounds, its terms and the Lambda function that reads it.

use crate::cli::terms::Terms;
use crate::cli::{Common, Failure, look_further};
use crate::kinds::Pipeline;
use crate::kinds::stream::StreamSpec;
use crate::model::Prices;
use crate::scale::Bounds;
use crate::scale::lambda::Factors;

/// What the spec says of a stream.
pub struct Standing {
    pub bounds: Bounds,
    pub terms: Terms,
    /// The range of the parallelization factor of the Lambda function that reads it; of several, of the one that can do least.
    pub factors: Option<Factors>,
}

/// Of the stream of this name in the spec.
pub fn of_spec(common: &Common, name: &str, prices: &Prices, json: bool) -> Result<Standing, Failure> {
    let (specs, documents) = common.load(json)?;
    let mut problems = Vec::new();
    for (spec, document) in specs.iter().zip(&documents) {
        look_further(spec, document, common.region.as_deref(), &mut problems);
    }
    if !problems.is_empty() {
        let sources = documents.into_iter().map(|document| document.source).collect();
        return Err(Failure::Problems { problems, sources, json });
    }
    let named = |spec| streams(spec).filter(|(known, _)| *known == name).map(|(_, stream)| stream);
    let found: Vec<&StreamSpec> = specs.iter().flat_map(named).collect();
    let [stream] = found[..] else {
        let known: Vec<&str> = specs.iter().flat_map(|spec| streams(spec).map(|(known, _)| known)).collect();
        let (what, help) = match found.len() {
            0 => (format!("the spec has no stream `{name}`"), format!("its streams: {}", known.join(", "))),
            count => (format!("{count} specs have a stream `{name}`"), "name one of the files with -f".to_owned()),
        };
        return Err(Failure::refused(what, help));
    };
    let Some(shards) = stream.capacity.shards else {
        let what = format!("streams.{name} has no count of shards to change");
        let help = "write `shards: { min: 2, max: 64 }` under `capacity`, or leave out --stream";
        return Err(Failure::refused(what, help));
    };
    let (min, max) = shards.bounds();
    let readers = stream.scaling.iter().flat_map(|scaling| &scaling.lambda).map(|reader| reader.parallelization);
    let slowest = readers.min_by_key(|range| (range.max, range.min));
    let factors = slowest.map(|range| Factors { min: range.min, max: range.max });
    Ok(Standing { bounds: Bounds { min, max }, terms: Terms::of(stream, prices), factors })
}

fn streams(spec: &Pipeline) -> impl Iterator<Item = (&str, &StreamSpec)> {
    spec.streams.iter().map(|(name, stream)| (name.as_str(), stream))
}
