//! What differs between clouds although it means the same, and how two texts differ.

/// The account of AWS's own examples, and of the local cloud.
const ACCOUNT: &str = "123456789012";
/// AWS's example of a key id.
const ID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";

/// What EC2 begins ids with, before 17 digits.
const PREFIXES: &[&str] = &["sg-", "vpce-"];
const DIGITS: &str = "0a1b2c3d4e5f67890";

/// The account and generated ids become AWS's examples, of the same length; of an apply's progress the results stay,
/// in the order of the alphabet and without seconds, since steps run in parallel.
pub fn normal(said: &str, account: &str) -> String {
    let said = ids(&said.replace(account, ACCOUNT));
    let said = PREFIXES.iter().fold(said, |said, prefix| numbered(&said, prefix));
    let mut lines: Vec<String> = Vec::new();
    let mut results: Vec<String> = Vec::new();
    for line in said.lines().filter(|line| !line.starts_with("  …  ")) {
        if line.starts_with("  ok   ") {
            results.push(without_time(line));
            continue;
        }
        results.sort();
        lines.append(&mut results);
        lines.push(line.trim_end().to_owned());
    }
    results.sort();
    lines.append(&mut results);
    lines.join("\n").trim_matches('\n').to_owned()
}

/// `  ok   created stream/a in 5 s  [1/2]` without the time and the counter.
fn without_time(line: &str) -> String {
    let line = line.rsplit_once("  [").map_or(line, |(line, _)| line);
    match line.rsplit_once(" in ") {
        Some((what, time)) if time.ends_with(" s") => what.to_owned(),
        _ => line.to_owned(),
    }
}

/// Every id that begins like this becomes the same one.
fn numbered(text: &str, prefix: &str) -> String {
    let mut parts = text.split(prefix);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let is_id = part.len() >= DIGITS.len() && part.bytes().take(DIGITS.len()).all(|c| c.is_ascii_hexdigit());
        let rest = if is_id { DIGITS.to_owned() + &part[DIGITS.len()..] } else { part.to_owned() };
        out += prefix;
        out += &rest;
    }
    out
}

/// Every UUID becomes the same one.
fn ids(text: &str) -> String {
    let shape = |at: usize, c: u8| if [8, 13, 18, 23].contains(&at) { c == b'-' } else { c.is_ascii_hexdigit() };
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_id = rest.len() >= ID.len() && rest.bytes().take(ID.len()).enumerate().all(|(at, c)| shape(at, c));
        if is_id {
            out.push_str(ID);
            rest = &rest[ID.len()..];
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    out
}

/// Line by line: `-` was expected, `+` was said.
pub fn difference(expected: &str, said: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), said.lines().collect());
    // Lengths of the longest common rest, from each pair of lines on.
    let mut common = vec![vec![0usize; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            let longest = common[i + 1][j].max(common[i][j + 1]);
            common[i][j] = if old[i] == new[j] { common[i + 1][j + 1] + 1 } else { longest };
        }
    }
    let (mut i, mut j, mut out) = (0, 0, String::new());
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            out += &format!("    {}\n", old[i]);
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || (i < old.len() && common[i + 1][j] >= common[i][j + 1]) {
            out += &format!("  - {}\n", old[i]);
            i += 1;
        } else {
            out += &format!("  + {}\n", new[j]);
            j += 1;
        }
    }
    out
}

#[test]
fn what_differs_between_clouds_is_made_equal() {
    let group = "in vpc-0/sg-name: sg-00112233445566778,";
    assert_eq!(normal(group, "000000000042"), format!("in vpc-0/sg-name: sg-{DIGITS},"));
    let said = "key 0a1b2c3d-0000-1111-2222-333344445555 of 000000000042\n  …    b is CREATING\n  ok   created b in 4 s  [1/2]\n  ok   created a  [2/2]\ndone\n";
    let same = format!("key {ID} of {ACCOUNT}\n  ok   created a\n  ok   created b\ndone");
    assert_eq!(normal(said, "000000000042"), same);
    assert_eq!(difference("a\nb\nc", "a\nd\nc"), "    a\n  - b\n  + d\n    c\n");
}
