//! Patterns of IAM: `*` is any text, `?` any one character.
//!
//! Three questions are asked of them: does a text match, can two patterns match the same text, and does one match
//! everything that the other does. Each takes time proportional to the product of the lengths, whatever comes in.

/// The longest pattern that is compared; AWS's longest ARN has 2,048 characters. Longer ones count as matching.
pub const LONGEST: usize = 2_048;

/// One place of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Item {
    Char(char),
    One,
    /// Any text without `/` and `:`: a name in a template, such as the `${StreamName}` of a stream's ARN.
    Name,
    Any,
}

/// A pattern, ready to be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob(Vec<Item>);

/// Names that AWS allows neither `/` nor `:` in. Others, such as object keys and the names of roles with a path, may
/// hold any text.
const PLAIN_NAMES: &[&str] = &[
    "Partition",
    "Region",
    "Account",
    "StreamName",
    "StreamType",
    "ConsumerName",
    "DeliveryStreamName",
    "BucketName",
    "TableName",
    "QueueName",
    "KeyId",
];

/// Can a plain name hold it?
fn is_plain(c: char) -> bool {
    c != '/' && c != ':'
}

impl Glob {
    /// A pattern as it stands in a policy. A policy variable (`${aws:username}`) is any text.
    pub fn new(text: &str) -> Self {
        Self::read(text, |_| Item::Any)
    }

    /// An ARN template of AWS's: each `${Name}` is any text, or any plain name.
    pub fn template(text: &str) -> Self {
        Self::read(text, |name| if PLAIN_NAMES.contains(&name) { Item::Name } else { Item::Any })
    }

    /// A text without any wildcard.
    pub fn literal(text: &str) -> Self {
        Self(text.chars().map(Item::Char).collect())
    }

    fn read(text: &str, variable: impl Fn(&str) -> Item) -> Self {
        let mut items = Vec::new();
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            let name = rest.strip_prefix("${").and_then(|after| after.split_once('}'));
            let (item, after) = match (next, name) {
                // AWS writes a wildcard that is meant as itself like a variable.
                (_, Some(("*" | "?" | "$", after))) => (Item::Char(rest.as_bytes()[2] as char), after),
                (_, Some((name, after))) => (variable(name), after),
                ('*', None) => (Item::Any, &rest[1..]),
                ('?', None) => (Item::One, &rest[1..]),
                (other, None) => (Item::Char(other), &rest[other.len_utf8()..]),
            };
            if !(item == Item::Any && items.last() == Some(&Item::Any)) {
                items.push(item);
            }
            rest = after;
        }
        Self(items)
    }

    /// Has it any wildcard?
    pub fn is_pattern(&self) -> bool {
        self.0.iter().any(|item| !matches!(item, Item::Char(_)))
    }

    /// Matches every text.
    pub fn is_any(&self) -> bool {
        self.0 == [Item::Any]
    }

    pub fn matches(&self, text: &str) -> bool {
        // Most texts part from the pattern at its first letter, before anything is made of them.
        if let (Some(Item::Char(mine)), first) = (self.0.first(), text.chars().next())
            && first != Some(*mine)
        {
            return false;
        }
        self.overlaps(&Self::literal(text))
    }

    /// Is there a text that both match?
    pub fn overlaps(&self, other: &Self) -> bool {
        self.walk(other, |a, b| match (a, b) {
            (Item::Char(a), Item::Char(b)) => a == b,
            (Item::Char(c), Item::Name) | (Item::Name, Item::Char(c)) => is_plain(c),
            _ => true,
        })
    }

    /// Does it match everything that the other matches? May say no where the other's wildcards are needed to see it,
    /// as in `a*` against `a?*`; never says yes wrongly.
    pub fn covers(&self, other: &Self) -> bool {
        let fits = |a: Item, b: Item| match (a, b) {
            (Item::Any, _) => true,
            (Item::Name, Item::Char(c)) => is_plain(c),
            (Item::Name, Item::Name) => true,
            (Item::One, Item::Char(_) | Item::One) => true,
            (a, b) => a == b,
        };
        let Some((mine, theirs)) = self.behind_prefix(other) else { return false };
        if mine.len() > LONGEST || theirs.len() > LONGEST {
            return mine == theirs;
        }
        // `row[j]`: what is read of mine covers the first j of theirs.
        let (mut row, mut next) = (vec![false; theirs.len() + 1], vec![false; theirs.len() + 1]);
        row[0] = true;
        for item in mine {
            let repeats = matches!(item, Item::Any | Item::Name);
            next[0] = repeats && row[0];
            for (j, their) in theirs.iter().enumerate() {
                let fits = fits(*item, *their);
                next[j + 1] = if repeats { row[j + 1] || (fits && next[j]) } else { fits && row[j] };
            }
            if !next.contains(&true) {
                return false;
            }
            std::mem::swap(&mut row, &mut next);
        }
        row[theirs.len()]
    }

    /// What follows the letters that both begin with; none where they part at a letter, as most ARNs do.
    fn behind_prefix<'a>(&'a self, other: &'a Self) -> Option<(&'a [Item], &'a [Item])> {
        let same = |(a, b): &(&Item, &Item)| matches!((a, b), (Item::Char(a), Item::Char(b)) if a == b);
        let skip = self.0.iter().zip(&other.0).take_while(same).count();
        let (mine, theirs) = (&self.0[skip..], &other.0[skip..]);
        let part = matches!((mine.first(), theirs.first()), (Some(Item::Char(_)), Some(Item::Char(_))));
        (!part).then_some((mine, theirs))
    }

    /// Walks both at once: `row[j]` says that the first i of mine and the first j of theirs can match one text.
    fn walk(&self, other: &Self, fits: impl Fn(Item, Item) -> bool) -> bool {
        let Some((mine, theirs)) = self.behind_prefix(other) else { return false };
        if mine.len() > LONGEST || theirs.len() > LONGEST {
            return true;
        }
        let repeats = |item: &Item| matches!(item, Item::Any | Item::Name);
        let (mut row, mut next) = (vec![false; theirs.len() + 1], vec![false; theirs.len() + 1]);
        row[0] = true;
        for j in 0..theirs.len() {
            row[j + 1] = row[j] && repeats(&theirs[j]);
        }
        for item in mine {
            next[0] = row[0] && repeats(item);
            for (j, their) in theirs.iter().enumerate() {
                let both = fits(*item, *their);
                next[j + 1] = match (repeats(item), repeats(their)) {
                    (true, true) => row[j + 1] || next[j],
                    (true, false) => row[j + 1] || (both && next[j]),
                    (false, true) => next[j] || (both && row[j + 1]),
                    (false, false) => both && row[j],
                };
            }
            if !next.contains(&true) {
                return false;
            }
            std::mem::swap(&mut row, &mut next);
        }
        row[theirs.len()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_match_patterns() {
        for (pattern, text, yes) in [
            ("*", "", true),
            ("kinesis:Put*", "kinesis:PutRecord", true),
            ("kinesis:Put?ecord", "kinesis:PutRecord", true),
            ("kinesis:Put?ecord", "kinesis:Putecord", false),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxbyy", false),
            ("${aws:username}/x", "anna/x", true),
            ("a${*}b", "a*b", true),
            ("a${*}b", "axb", false),
            ("é?", "éü", true),
        ] {
            assert_eq!(Glob::new(pattern).matches(text), yes, "{pattern} {text}");
        }
    }

    #[test]
    fn a_name_in_a_template_holds_no_slash() {
        let stream = Glob::template("arn:${Partition}:kinesis:${Region}:${Account}:stream/${StreamName}");
        let consumer =
            "arn:${Partition}:kinesis:${Region}:${Account}:${StreamType}/${StreamName}/consumer/${ConsumerName}:${T}";
        let consumer = Glob::template(consumer);
        let role = Glob::template("arn:${Partition}:iam::${Account}:role/${RoleNameWithPath}");
        let on = |text: &str| Glob::new(text);
        assert!(stream.overlaps(&on("arn:aws:kinesis:r:1:stream/a")) && stream.overlaps(&on("*")));
        assert!(stream.overlaps(&on("arn:aws:kinesis:*")));
        assert!(!stream.overlaps(&on("arn:aws:kinesis:r:1:stream/a/consumer/b:1")));
        assert!(!consumer.overlaps(&on("arn:aws:kinesis:r:1:stream/a")));
        assert!(consumer.overlaps(&on("arn:aws:kinesis:r:1:stream/a/consumer/b:*")));
        assert!(consumer.overlaps(&on("arn:aws:kinesis:r:1:stream/a*")), "the star may hold a slash");
        let bucket = Glob::template("arn:${Partition}:s3:::${BucketName}");
        assert!(bucket.overlaps(&on("arn:aws:s3:::acme-*")) && !bucket.overlaps(&on("arn:aws:s3:::acme/*")));
        assert!(role.overlaps(&on("arn:aws:iam::1:role/tidegate/shop/web")));
    }

    #[test]
    fn a_pattern_covers_what_it_always_matches() {
        let covers = |a: &str, b: &str| Glob::new(a).covers(&Glob::new(b));
        assert!(covers("*", "*") && covers("kinesis:*", "kinesis:Put*") && covers("a*c", "ab*c") && covers("a?", "ab"));
        assert!(!covers("kinesis:Put*", "kinesis:*") && !covers("a?", "a*") && !covers("ab", "a?"));
        assert!(Glob::template("x/${StreamName}").covers(&Glob::new("x/a")));
        assert!(!Glob::template("x/${StreamName}").covers(&Glob::new("x/*")));
    }

    #[test]
    fn many_stars_take_no_time() {
        let stars = Glob::new(&"*a".repeat(1_000));
        assert!(!stars.matches(&"a".repeat(999)));
        assert!(stars.overlaps(&Glob::new(&"a*".repeat(1_000))));
    }
}
