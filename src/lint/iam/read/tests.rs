use super::*;

fn said(text: &str) -> Vec<String> {
    let parsed = parse(&Source::new("p.json", text).unwrap(), None);
    let problems = parsed.problems.iter().map(|problem| {
        let at = problem.place.as_ref().map(|place| Source::new("", text).unwrap().line_col(place.start));
        format!("{at:?} {}", problem.message)
    });
    problems.chain(parsed.facts.iter().map(|fact| format!("{}: {}", fact.path, fact.message))).collect()
}

#[test]
fn only_json_is_read() {
    assert_eq!(said("{\"Statement\": [],}"), ["Some((1, 17)) this is no JSON: trailing comma"]);
    assert_eq!(said("{\n  // x\n}"), ["Some((2, 3)) this is no JSON: key must be a string"]);
    assert_eq!(said(""), ["Some((1, 1)) this is no JSON: EOF while parsing a value"]);
    assert_eq!(
        said("{\"Statement\": 1, \"Statement\": []}"),
        [
            "Some((1, 18)) the key `Statement` is defined twice",
            "Statement: a statement is an object, and this is a number"
        ]
    );
}

#[test]
fn tabs_and_single_statements_are_fine() {
    let text = "{\n\t\"Version\": \"2012-10-17\",\n\t\"Statement\":\t{\n\t\t\"Effect\": \"Allow\",\t\"Action\": \"kinesis:PutRecord\",\n\t\t\"Resource\": \"*\"\n\t}\n}\n";
    let parsed = parse(&Source::new("p.json", text).unwrap(), None);
    assert!(parsed.problems.is_empty() && parsed.facts.is_empty(), "{:?}", said(text));
    let policy = parsed.policy.unwrap();
    assert_eq!(policy.kind, Kind::Identity);
    assert_eq!(policy.statements[0].actions.items[0].path.to_string(), "Statement.Action");
    let squeezed: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    assert_eq!(policy.length, squeezed.len());
}

#[test]
fn the_statements_tell_what_the_document_is_for() {
    let kind = |statement: &str| {
        let text = format!("{{\"Statement\": [{{\"Effect\": \"Allow\", {statement}}}]}}");
        parse(&Source::new("p.json", &text).unwrap(), None).policy.unwrap().kind
    };
    assert_eq!(kind(r#""Action": "*", "Resource": "*""#), Kind::Identity);
    assert_eq!(kind(r#""Action": "sts:AssumeRole", "Principal": {"Service": "a.amazonaws.com"}"#), Kind::Trust);
    assert_eq!(kind(r#""Action": "kms:*", "Resource": "*", "Principal": "*""#), Kind::Resource);
    assert_eq!(kind(r#""Action": "*", "Resource": "*", "Principal": "*""#), Kind::Endpoint);
    assert_eq!(kind(r#""Action": "kinesis:ListStreams", "Resource": "*", "Principal": "*""#), Kind::Endpoint);
}

#[test]
fn a_files_name_tells_policies_of_endpoints_from_those_of_streams() {
    let kind = |file: &str, statement: &str| {
        let text = format!("{{\"Statement\": [{{\"Effect\": \"Allow\", {statement}}}]}}");
        parse(&Source::new(file, &text).unwrap(), None).policy.unwrap().kind
    };
    let put = r#""Action": "kinesis:PutRecord", "Resource": "arn:aws:kinesis:eu-west-1:123456789012:stream/a""#;
    let everybody = format!("\"Principal\": \"*\", {put}");
    assert_eq!(kind("iam/Endpoint-put.json", &everybody), Kind::Endpoint);
    assert_eq!(kind("endpoints/put.json", &everybody), Kind::Resource, "folders hold other policies as well");
    assert_eq!(kind("endpoint.json", put), Kind::Identity, "an endpoint's names principals");
    let assume = r#""Action": "sts:AssumeRole", "Principal": {"Service": "a.amazonaws.com"}"#;
    assert_eq!(kind("endpoint.json", assume), Kind::Trust);
}

#[test]
fn every_deviation_is_told() {
    let text = r#"{"version": "2012-10-17", "Statement": [
        {"Effect": "allow", "Action": "a:B", "Resource": "*"},
        {"Effect": "Allow", "Resource": []},
        {"Effect": "Allow", "Actions": "a:B", "NotAction": {}, "Resource": [1, null]},
        {"Action": "a:B", "NotAction": "a:C", "Resource": "*", "Condition": []},
        {"Effect": "Deny", "Action": "a:B", "Resource": "*", "Principal": "me", "Condition": {"Bool": "x"}},
        "x"
    ]}"#;
    insta::assert_snapshot!(said(text).join("\n"), @r"
    version: a policy has no element `version`
    Statement[0].Effect: `allow` is no effect
    Statement[1].Resource: an empty list matches nothing
    Statement[1]: the statement has no `Action`
    Statement[2].Actions: a statement has no element `Actions`
    Statement[2].NotAction: a text is expected, and this is an object
    Statement[2].Resource[1]: a text is expected, and this is null
    Statement[3].Condition: a condition is an object, and this is a list
    Statement[3].NotAction: a statement has either `Action` or `NotAction`
    Statement[3]: the statement has no `Effect`
    Statement[4].Principal: `me` is no principal
    Statement[4].Condition.Bool: below `Bool` stand condition keys, and this is a text
    Statement[5]: a statement is an object, and this is a text
    ");
}
