//! Lambda functions that read a stream, as a spec names them (`streams.*.scaling.lambda`).

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};

use super::Scaling;
use crate::model::{PARALLELIZATION, Path, Problem};

/// Functions of one stream. Readers share a shard's five GetRecords calls a second: ten have one in two seconds each.
const MOST: usize = 10;
/// A function's name, and its ARN with a version or alias (Lambda, API reference of ListEventSourceMappings).
const LONGEST_NAME: usize = 64;
const LONGEST_ARN: usize = 140;
const PATTERN: &str =
    "^(arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]{1,64}(:[A-Za-z0-9_-]+)?|[A-Za-z0-9_-]{1,64})$";

/// A Lambda function that reads the stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LambdaReader {
    /// Its name, or its ARN; with the alias where several have a mapping to the stream.
    pub function: Function,
    /// The lowest and the highest ParallelizationFactor of its event source mapping. While it is late, `run` raises the factor
    /// first, and buys no shard for its lag before the factor is at `max`.
    #[schemars(example = serde_json::json!({ "min": 1, "max": 10 }))]
    pub parallelization: Parallelization,
}

/// A range of the parallelization factor: batches of one shard that a function works on at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Parallelization {
    /// 1 (AWS's default) to 10.
    #[serde(default = "least", skip_serializing_if = "is_least")]
    #[schemars(example = 1, range(min = 1, max = 10))]
    pub min: u32,
    /// `min` to 10.
    #[schemars(example = 10, range(min = 1, max = 10))]
    pub max: u32,
}

fn least() -> u32 {
    *PARALLELIZATION.start()
}

fn is_least(factor: &u32) -> bool {
    *factor == least()
}

/// A Lambda function by name or by ARN.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Function(String);

impl Function {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn parse(text: &str) -> Option<Self> {
        let is_word = |text: &str| {
            let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
            (1..=LONGEST_NAME).contains(&text.len()) && text.chars().all(fits)
        };
        let is_arn = || {
            let parts: Vec<&str> = text.split(':').collect();
            let [arn, partition, "lambda", region, account, "function", name @ ..] = &parts[..] else { return false };
            let named = (1..=2).contains(&name.len()) && name.iter().all(|part| is_word(part));
            let placed = partition.starts_with("aws") && !region.is_empty();
            let owned = account.len() == 12 && account.chars().all(|c| c.is_ascii_digit());
            *arn == "arn" && named && placed && owned && text.len() <= LONGEST_ARN
        };
        (is_word(text) || is_arn()).then(|| Self(text.to_owned()))
    }
}

impl fmt::Display for Function {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(&self.0)
    }
}

impl<'de> Deserialize<'de> for Function {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "`{text}` is no Lambda function; write its name (1 to {LONGEST_NAME} letters, digits, `-` and `_`) or its ARN, \
                 arn:aws:lambda:REGION:ACCOUNT:function:NAME, with :ALIAS where that is meant"
            ))
        })
    }
}

impl JsonSchema for Function {
    fn schema_name() -> Cow<'static, str> {
        "LambdaFunction".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A Lambda function: its name, or its ARN with or without an alias.",
            "examples": ["enrich", "arn:aws:lambda:eu-west-1:123456789012:function:enrich:live"],
            "type": "string",
            "pattern": PATTERN,
        })
    }
}

/// What cannot work, with the remedy. `at`: the path of `scaling`.
pub fn check(scaling: &Scaling, at: &Path, problems: &mut Vec<Problem>) {
    let at = at.key("lambda");
    let mut wrong = |path: Path, message: String, help: &str| {
        problems.push(Problem::new("invalid-value", path, message).help(help));
    };
    if scaling.lambda.len() > MOST {
        let message = format!("{} functions read the stream; more than {MOST} starve each other", scaling.lambda.len());
        wrong(at.clone(), message, "name those whose lag matters");
    }
    for (index, reader) in scaling.lambda.iter().enumerate() {
        let (at, Parallelization { min, max }) = (at.index(index), reader.parallelization);
        if scaling.lambda[..index].iter().any(|other| other.function == reader.function) {
            wrong(at.key("function"), format!("{} is named twice", reader.function), "leave one of them");
        }
        let range = at.key("parallelization");
        for (name, factor) in [("min", min), ("max", max)] {
            if !PARALLELIZATION.contains(&factor) {
                let (least, most) = (PARALLELIZATION.start(), PARALLELIZATION.end());
                let message = format!("{factor} is no parallelization factor; AWS takes {least} to {most}");
                wrong(range.key(name), message, "for example { min: 1, max: 10 }");
            }
        }
        if min > max {
            wrong(range.key("min"), format!("min {min} is above max {max}"), "for example { min: 1, max: 10 }");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::stream::{StreamSpec, scaling};

    const RANGE: &str = "capacity: { mode: provisioned, shards: { min: 2, max: 64 } }\n";

    fn problems(lambda: &str) -> Vec<String> {
        let stream: StreamSpec = serde_yaml::from_str(&format!("{RANGE}scaling: {{ lambda: {lambda} }}")).unwrap();
        let mut problems = Vec::new();
        scaling::check(&stream, &Path::of(["streams", "a"]), &mut problems);
        problems.iter().map(|problem| format!("{}: {}", problem.path, problem.message)).collect()
    }

    #[test]
    fn a_function_is_a_name_or_an_arn() {
        let arn = "arn:aws:lambda:eu-west-1:123456789012:function:enrich";
        let live = format!("{arn}:live");
        let pattern = regex::Regex::new(PATTERN).unwrap();
        for name in ["enrich", "a_1-B", arn, &live] {
            assert_eq!(Function::parse(name).unwrap().to_string(), name);
            assert!(pattern.is_match(name), "{name}");
        }
        let long = "a".repeat(65);
        let foreign = arn.replace("lambda", "sqs");
        for name in ["", "en rich", "enrich:live", &long, &foreign, "arn:aws:lambda:eu-west-1:1:function:x"] {
            assert!(Function::parse(name).is_none() && !pattern.is_match(name), "{name}");
        }
        let told = serde_yaml::from_str::<Function>("en rich").unwrap_err().to_string();
        assert!(told.contains("`en rich` is no Lambda function; write its name"), "{told}");
    }

    #[test]
    fn what_cannot_work_is_said_with_its_place() {
        assert_eq!(problems("[{ function: enrich, parallelization: { max: 10 } }]"), [""; 0]);
        let found = problems(
            "[{ function: a, parallelization: { min: 4, max: 2 } }, { function: a, parallelization: { min: 0, max: 11 } }]",
        );
        assert_eq!(
            found,
            [
                "streams.a.scaling.lambda[0].parallelization.min: min 4 is above max 2",
                "streams.a.scaling.lambda[1].function: a is named twice",
                "streams.a.scaling.lambda[1].parallelization.min: 0 is no parallelization factor; AWS takes 1 to 10",
                "streams.a.scaling.lambda[1].parallelization.max: 11 is no parallelization factor; AWS takes 1 to 10",
            ]
        );
        let many: Vec<String> =
            (0..11).map(|at| format!("{{ function: f{at}, parallelization: {{ max: 2 }} }}")).collect();
        let found = problems(&format!("[{}]", many.join(", ")));
        assert_eq!(found, ["streams.a.scaling.lambda: 11 functions read the stream; more than 10 starve each other"]);
    }

    #[test]
    fn it_comes_back_as_it_was_written() {
        let text =
            format!("{RANGE}scaling:\n  lambda: [{{ function: enrich, parallelization: {{ min: 2, max: 10 }} }}]\n");
        let read: StreamSpec = serde_yaml::from_str(&text).unwrap();
        assert_eq!(serde_yaml::from_str::<StreamSpec>(&serde_yaml::to_string(&read).unwrap()).unwrap(), read);
    }
}
