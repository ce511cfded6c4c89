use super::*;

fn path(text: &str) -> Path {
    let segment = |part: &str| part.parse().map_or_else(|_| Segment::Key(part.into()), Segment::Index);
    Path(text.split('.').map(segment).collect())
}

fn mended(text: &str, edit: Edit) -> Option<String> {
    let fix = Fix { safe: true, edits: vec![edit] };
    apply(&Source::new("a.yaml", text).unwrap(), &fix).map(|source| source.text.to_string())
}

fn set(text: &str, at: &str, value: impl Into<Json>) -> Option<String> {
    mended(text, Edit::Set(path(at), value.into()))
}

fn remove(text: &str, at: &str) -> Option<String> {
    mended(text, Edit::Remove(path(at)))
}

#[test]
fn values_are_replaced_in_their_quotes() {
    assert_eq!(set("a: 7d # why\nb: 1\n", "a", "30d").unwrap(), "a: 30d # why\nb: 1\n");
    assert_eq!(set("a: { b: '7d' }\n", "a.b", "30d").unwrap(), "a: { b: '30d' }\n");
    assert_eq!(set("a: { b: { min: 4, max: 4 } }\n", "a.b", 4).unwrap(), "a: { b: 4 }\n");
    assert_eq!(set("a:\n  b:\n    min: 4\n    max: 4\n  c: 1\n", "a.b", 4).unwrap(), "a:\n  b: 4\n  c: 1\n");
    assert_eq!(set("a:\n  b:\n    min: 4 # four\n    max: 4\n", "a.b", 4), None, "the comment would be lost");
}

#[test]
fn fields_are_added_in_the_style_of_their_block() {
    assert_eq!(set("a:\n  b: 1 # one\nc: 2\n", "a.d", true).unwrap(), "a:\n  b: 1 # one\n  d: true\nc: 2\n");
    assert_eq!(set("a: { b: 1 }\n", "a.d", true).unwrap(), "a: { b: 1, d: true }\n");
    assert_eq!(set("a: {}\n", "a.d.e", "x").unwrap(), "a: { d: { e: x } }\n");
    assert_eq!(set("a:\nb: 1\n", "a.d", "x").unwrap(), "a: { d: x }\nb: 1\n");
    assert_eq!(set("a:\n  b: 1", "a.d", "x").unwrap(), "a:\n  b: 1\n  d: x\n");
    assert_eq!(
        set("a:\n  b: |\n    t\n    u\n\nc: 1\n", "a.d", "x").unwrap().lines().filter(|line| *line == "  d: x").count(),
        1
    );
}

#[test]
fn fields_and_items_are_removed_with_their_comma_or_line() {
    assert_eq!(remove("a: { b: 1, c: 2 }\n", "a.b").unwrap(), "a: { c: 2 }\n");
    assert_eq!(remove("a: { b: 1, c: 2 }\n", "a.c").unwrap(), "a: { b: 1 }\n");
    assert_eq!(remove("a: [x, y, z]\n", "a.1").unwrap(), "a: [x, z]\n");
    assert_eq!(remove("a:\n  b: 1\n  c: 2 # two\n  d: 3\n", "a.b").unwrap(), "a:\n  c: 2 # two\n  d: 3\n");
    assert_eq!(remove("a:\n  b: 1\n  c: 2 # two\n  d: 3\n", "a.c").unwrap(), "a:\n  b: 1\n  # two\n  d: 3\n");
    assert_eq!(remove("a:\n  - x\n  - y\n", "a.0").unwrap(), "a:\n  - y\n");
    assert_eq!(remove("a:\n  b: 1\nc: 2\n", "a.b").unwrap(), "a:\n  {}\nc: 2\n");
    assert_eq!(remove("a:\n  - x\nc: 2\n", "a.0").unwrap(), "a:\n  []\nc: 2\n");
    assert_eq!(remove("a:\n  - b: 1\n    c: 2\n", "a.0.b").unwrap(), "a:\n  - c: 2\n");
}

#[test]
fn anchors_and_what_they_repeat_are_left_alone() {
    let text = "x: &x { b: 1, c: 2 }\na: *x\nd: { <<: *x, e: 1 }\n";
    assert_eq!(set(text, "a.b", 2), None);
    assert_eq!(set(text, "d.b", 2), None);
    assert_eq!(remove(text, "x"), None);
    assert_eq!(set(text, "d.e", 2).unwrap(), text.replace("e: 1", "e: 2"));
    assert_eq!(set(text, "x.b", 2), None, "the others would change with it");
}

/// Whatever is tried: a look tells what comes out.
#[test]
fn a_look_tells_whether_a_fix_would_be_done() {
    let texts = [
        "a: 7d # why\nb: 1\n",
        "a: { b: '7d' }\n",
        "a:\n  b:\n    min: 4 # four\n    max: 4\n",
        "a:\n  b:\n    min: 4\n    max: 4\n  c: 1\n",
        "x: &x { b: 1, c: 2 }\na: *x\nd: { <<: *x, e: 1 }\n",
        "a: &a\n  b: 1\n  c: 2\nd: 3\n",
        "a:\n  - x\n  - b: 1\n    c: 2\n",
        "a: [x, { b: 1 }]\n",
        "a: { b: \"${var:B}\" }\n",
        "a:\nb: 1\n",
    ];
    let paths = ["a", "a.b", "a.0", "a.1", "a.1.b", "a.b.min", "a.d.e", "x.b", "d.b", "d.e", "b", "d"].map(path);
    let (mut done, mut refused) = (0, 0);
    for text in texts {
        let source = Source::new("a.yaml", text).unwrap();
        let mut document = Document::parse(source.clone()).0.unwrap();
        crate::spec::substitute(&mut document, &|_, _| Some("7".into()));
        for path in &paths {
            for edit in [Edit::Set(path.clone(), 9.into()), Edit::Remove(path.clone())] {
                let fix = Fix { safe: true, edits: vec![edit] };
                let applied = apply(&source, &fix).is_some();
                assert_eq!(can(&document, &fix), applied, "{text} {fix:?}");
                if applied { done += 1 } else { refused += 1 }
            }
        }
    }
    assert!(done > 30 && refused > 30, "{done} {refused}");
    assert_eq!(set("a: { b: \"${var:B}\" }\n", "a.b", 9), None, "a variable belongs to whoever gives it a value");
}
