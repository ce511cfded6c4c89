//! From the text of a spec to a pipeline, such that one mistake hides no other.

use crate::kinds::{self, Pipeline};
use crate::model::{Path, Problem, Scope, Segment};
use crate::spec::{Document, NodeValue, Source, VarKind, exposed, read_rest, substitute};

/// A stand-in for the account while a text with mistakes is looked through: no check depends on its digits.
const ANY_ACCOUNT: &str = "000000000000";
const ANY_REGION: &str = "eu-west-1";
/// What every spec must say; while one of them is mistaken, the rest is read as if it said this.
const STAND_INS: &[(&str, &str)] = &[("apiVersion", "tidegate/v1"), ("pipeline", "pipeline")];

/// Reads a text; with mistakes there is what is left without the mistaken parts.
pub fn read(
    source: &Source,
    lookup: &dyn Fn(VarKind, &str) -> Option<String>,
) -> (Option<(Pipeline, Document)>, Vec<Problem>) {
    let (document, mut problems) = Document::parse(source.clone());
    let Some(mut document) = document else { return (None, problems) };
    document.hide(&mut problems);
    add(&mut problems, substitute(&mut document, lookup));
    add(&mut problems, exposed(&document, &is_public));
    let mut mistakes = Vec::new();
    let spec = read_rest::<Pipeline>(&document, &Path::root(), STAND_INS, &mut mistakes);
    super::example::add(&mut mistakes);
    add(&mut problems, mistakes);
    document.hide(&mut problems);
    (spec.map(|spec| (spec, document)), problems)
}

/// Adds what only the whole can show, such as names that nothing defines, of a text that has mistakes.
pub fn look_further(spec: &Pipeline, document: &Document, region: Option<&str>, problems: &mut Vec<Problem>) {
    let scope = Scope {
        pipeline: spec.pipeline.as_str().to_owned(),
        partition: "aws".into(),
        region: spec.region.as_deref().or(region).unwrap_or(ANY_REGION).to_owned(),
        account: ANY_ACCOUNT.into(),
    };
    let paths = |doubled: bool| -> Vec<Path> {
        let here = problems.iter().filter(|problem| is_in(problem, document));
        here.filter(|one| (one.code == "duplicate-key") == doubled).map(|one| one.path.clone()).collect()
    };
    let (mine, doubled) = (paths(false), paths(true));
    let left_out = |section: &str, name: &str| {
        let section = Path::of(section.split('.'));
        let written = document.get(&section).is_some_and(|node| match &node.value {
            NodeValue::Map(entries) => entries.iter().any(|entry| entry.key == name),
            NodeValue::Seq(items) => items.iter().any(|item| item.value == NodeValue::Text(name.to_owned())),
            _ => false,
        });
        // Of what stands twice only the first was kept; the name may be in the other.
        written || doubled.iter().any(|path| section.0.starts_with(&path.0))
    };
    let mut more = kinds::mistakes(spec, &scope, &left_out);
    more.retain(|problem| !mine.iter().any(|path| touches(path, &problem.path)));
    document.locate(&mut more);
    problems.extend(more);
}

fn is_in(problem: &Problem, document: &Document) -> bool {
    problem.place.as_ref().is_some_and(|place| place.file == document.source.name)
}

/// Adds the mistakes of a later step, without those that only follow from an earlier one.
fn add(problems: &mut Vec<Problem>, later: Vec<Problem>) {
    let before: Vec<Path> =
        problems.iter().filter(|one| one.code != "duplicate-key").map(|one| one.path.clone()).collect();
    problems.extend(later.into_iter().filter(|problem| !before.iter().any(|path| touches(path, &problem.path))));
}

/// One of the two lies in the other.
fn touches(one: &Path, other: &Path) -> bool {
    one.0.starts_with(&other.0) || other.0.starts_with(&one.0)
}

/// Whether everybody who sees the account sees the value: tags and descriptions.
fn is_public(path: &Path) -> bool {
    let is = |segment: &Segment, word: &str| matches!(segment, Segment::Key(key) if key == word);
    let above = path.0.len().saturating_sub(1);
    path.0[..above].iter().any(|segment| is(segment, "tags"))
        || path.0.last().is_some_and(|last| is(last, "tags") || is(last, "description"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The mistakes of a text: where, what, and the remedy.
    fn told(text: &str) -> Vec<String> {
        let text = format!("apiVersion: tidegate/v1\npipeline: shop\n{text}");
        let source = Source::new("a.yaml", &text).unwrap();
        let lookup = |kind: VarKind, name: &str| match (kind, name) {
            (VarKind::Var, "N") => Some("4".to_owned()),
            (VarKind::Var, "YES") => Some("true".to_owned()),
            (VarKind::Var, "BIG") => Some("99999".to_owned()),
            (VarKind::Env, "TOKEN") => Some("hunter2!".to_owned()),
            _ => None,
        };
        let (read, mut problems) = read(&source, &lookup);
        if let Some((spec, document)) = read {
            look_further(&spec, &document, None, &mut problems);
        }
        assert!(problems.iter().all(|problem| problem.place.is_some()), "{problems:?}");
        let line = |one: &Problem| format!("{}: {} ({})", one.path, one.message, one.help.clone().unwrap_or_default());
        problems.iter().map(line).collect()
    }

    #[test]
    fn one_mistake_hides_no_other() {
        let text = "\
streams:
  clicks: { retention: 25 }
  clicks: {}
  audit: { fanOut: [x, x], capacity: { mode: provisioned, shards: ${n} } }
  good: {}
access:
  web: { trust: { service: ecs-tasks.amazonaws.com }, can: [{ write: clicks }, { write: nowhere }, { read: good, via: y }] }
";
        insta::assert_snapshot!(told(&text.replace("${n}", "many")).join("\n"), @r#"
        streams.clicks: the key `clicks` is defined twice (remove one of the two)
        streams.clicks.retention: `25` needs a unit (write one of d, h, m, s behind it, for example 25h)
        streams.audit.capacity.shards: expected a number of shards, or { min: 2, max: 64 }, found the text "many" (write `shards: 4`)
        streams.audit.fanOut[1]: `x` is named twice (remove one)
        access.web.can[1].write: `nowhere` is not defined under `streams` (defined there: audit, clicks, good)
        access.web.can[2].via: `y` is not defined under `streams.good.fanOut` (add it under `streams.good.fanOut:`)
        "#);
        let doubled = "streams: { clicks: {} }\nstreams: { audit: {} }\naccess: { web: { trust: { service: ecs-tasks.amazonaws.com }, can: [{ write: audit }] } }\n";
        assert_eq!(told(doubled), ["streams: the key `streams` is defined twice (remove one of the two)"]);
    }

    /// The mistakes of a text that says everything itself.
    fn told_of_whole(text: &str) -> Vec<String> {
        let source = Source::new("a.yaml", text).unwrap();
        let (read, mut problems) = read(&source, &|_, _| None);
        if let Some((spec, document)) = read {
            look_further(&spec, &document, None, &mut problems);
        }
        problems.iter().map(|one| format!("{}: {}", one.path, one.message)).collect()
    }

    #[test]
    fn a_mistaken_name_hides_nothing() {
        let rest = "streams: { clicks: { retention: 25 }, audit: { fanOut: [x, x] } }\narchives: { raw: { from: nowhere, s3: { bucket: acme-raw } } }\n";
        let others = told(rest).iter().map(|line| line.split(" (").next().unwrap_or_default().to_owned()).collect();
        let others: Vec<String> = others;
        assert_eq!(others.len(), 3, "{others:?}");
        for (head, first) in [
            ("apiVersion: tidegate/v1\npipeline: Shop Floor!\n", "pipeline: `Shop Floor!` cannot be a name"),
            ("apiVersion: tidegate/v1\npipeline: [shop]\n", "pipeline: expected a text, found a list"),
            ("apiVersion: tidegate/v1\n", "pipeline: `pipeline` is missing"),
            ("apiVersion: tidegate/v9\npipeline: shop\n", "apiVersion: `tidegate/v9` is not one of the allowed values"),
            ("pipeline: shop\n", "apiVersion: `apiVersion` is missing"),
        ] {
            let told = told_of_whole(&format!("{head}{rest}"));
            assert!(told.iter().any(|one| one.starts_with(first)), "{first}: {told:?}");
            assert!(others.iter().all(|other| told.contains(other)), "{head}: {told:?}");
            assert_eq!(told.len(), 4, "{told:?}");
        }
    }

    #[test]
    fn a_character_that_looks_like_a_blank_is_named() {
        let told = told("streams:\n\u{a0}\u{a0}clicks: {}\n").join("\n");
        assert!(told.contains("the name `clicks` comes with the character U+00A0, which looks like a blank"), "{told}");
        assert!(told.contains("(write blanks in its place, also as indentation)"), "{told}");
    }

    #[test]
    fn a_part_that_is_left_out_makes_no_mistakes_of_its_own() {
        let text = "streams:\n  clicks: { capacity: { mode: provisioned, shards: \"${var:NONE}\" } }\naccess:\n  web: { trust: 3, can: [{ write: clicks }] }\nendpoints:\n  one: { vpc: vpc-1, subnets: [subnet-1], securityGroups: 7, services: [kinesis-streams], allow: [web] }\n";
        insta::assert_snapshot!(told(text).join("\n"), @"
        streams.clicks.capacity.shards: `${var:NONE}` is not set (pass --var NONE=VALUE)
        access.web.trust: expected a mapping, found the number 3 (write `trust: { service: ecs-tasks.amazonaws.com }`)
        endpoints.one.securityGroups: expected a list, found the number 7 (write `securityGroups: [sg-0a1b2c3d]`)
        ");
    }

    #[test]
    fn a_variable_alone_is_what_the_field_wants() {
        for quote in ["", "\""] {
            let var = |name: &str| format!("{quote}${{var:{name}}}{quote}");
            let text = format!(
                "streams:\n  clicks:\n    protect: {}\n    tags:\n      a: {}\n      b: {}\n    capacity:\n      mode: provisioned\n      shards: {}\n",
                var("YES"),
                var("N"),
                var("YES"),
                var("N")
            );
            assert_eq!(told(&text), [""; 0], "{text}");
            let many = "streams:\n  clicks:\n    capacity:\n      mode: provisioned\n      shards: ".to_owned();
            let said = told(&(many + &var("YES") + "\n")).join("\n");
            assert!(said.contains("streams.clicks.capacity.shards: expected a number of shards"), "{said}");
            let text = format!("streams:\n  clicks:\n    retention: {}\n", var("BIG"));
            let said = told(&text).join("\n");
            assert!(said.contains("needs a unit") && !said.contains("99999"), "{said}");
        }
        let flow =
            "streams: { clicks: { protect: \"${var:YES}\", capacity: { mode: provisioned, shards: \"${var:N}\" } } }\n";
        assert_eq!(told(flow), [""; 0]);
    }

    #[test]
    fn a_value_of_the_environment_is_never_told() {
        let text = "\
tags: { note: \"${env:TOKEN}\" }
defaults: { notify: [\"${env:TOKEN}\"] }
region: eu-west-1
streams:
  clicks: { tags: { note: \"x ${env:TOKEN}\" }, retention: \"${env:TOKEN}\", encryption: { key: \"${env:TOKEN}\" } }
access:
  web: { trust: { account: \"${env:TOKEN}\" }, description: \"${env:TOKEN}\", can: [{ write: \"${env:TOKEN}\" }] }
";
        let said = told(text);
        assert!(!said.join("\n").contains("hunter2"), "{said:?}");
        assert_eq!(said.iter().filter(|one| one.contains("may be a secret")).count(), 3, "{said:?}");
        for path in ["defaults.notify[0]: ", "streams.clicks.retention: ", "access.web.trust.account: "] {
            assert!(said.iter().any(|one| one.starts_with(path)), "{path}: {said:?}");
        }
    }

    #[test]
    fn the_first_words_that_come_to_mind_are_answered() {
        assert_eq!(told("alarms: off\n"), ["alarms: alarms are switched in a block (write `alarms: { off: true }`)"]);
        assert_eq!(
            told("streams: { s: { retention: 25 } }\n"),
            ["streams.s.retention: `25` needs a unit (write one of d, h, m, s behind it, for example 25h)"]
        );
        let zero =
            told("streams: { s: {}, t: {} }\nalarms: { iteratorAge: { over: 0s }, writeThrottled: { over: 0 } }\n");
        assert_eq!(zero.len(), 1, "{zero:?}");
        assert!(zero[0].starts_with("alarms.iteratorAge.over: the alarm would always ring"), "{zero:?}");
        let twice = "endpoints: { one: { vpc: vpc-1, subnets: [subnet-1, subnet-1], securityGroups: [sg-1, sg-1], services: [monitoring], allow: [web, web] } }\naccess: { web: { trust: { account: '210987654321' } } }\n";
        assert_eq!(told(twice).iter().filter(|one| one.contains("is named twice")).count(), 3, "{:?}", told(twice));
    }
}
