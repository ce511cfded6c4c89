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

impl Item {
    /// May it stand for more or less than one character?
    fn repeats(self) -> bool {
        matches!(self, Self::Any | Self::Name)
    }
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
        if self.is_pattern() { self.overlaps(&Self::literal(text)) } else { self.is_text(text) }
    }

    /// Is it this text, letter by letter?
    fn is_text(&self, text: &str) -> bool {
        let mut letters = text.chars();
        let same = self.0.iter().all(|item| letters.next().is_some_and(|letter| *item == Item::Char(letter)));
        same && letters.next().is_none()
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
        let Some((mine, theirs)) = self.between(other) else { return false };
        if mine.len() > LONGEST || theirs.len() > LONGEST {
            return mine == theirs;
        }
        // A cell says that what is read of mine covers the first j of theirs.
        table(mine, theirs, 0, |item, their, above, before, left| {
            let repeats = item.repeats();
            let fits = their.is_some_and(|their| fits(item, their));
            if repeats { above || (fits && left) } else { fits && before }
        })
    }

    /// What lies between the letters that both begin with and those that both end with; none where they part at a
    /// letter, as most ARNs do.
    fn between<'a>(&'a self, other: &'a Self) -> Option<(&'a [Item], &'a [Item])> {
        let same = |(a, b): &(&Item, &Item)| matches!((a, b), (Item::Char(a), Item::Char(b)) if a == b);
        let part = |a: Option<&Item>, b: Option<&Item>| matches!((a, b), (Some(Item::Char(_)), Some(Item::Char(_))));
        let skip = self.0.iter().zip(&other.0).take_while(same).count();
        let (mine, theirs) = (&self.0[skip..], &other.0[skip..]);
        if part(mine.first(), theirs.first()) {
            return None;
        }
        let skip = mine.iter().rev().zip(theirs.iter().rev()).take_while(same).count();
        let (mine, theirs) = (&mine[..mine.len() - skip], &theirs[..theirs.len() - skip]);
        (!part(mine.last(), theirs.last())).then_some((mine, theirs))
    }

    /// Walks both at once: a cell says that the first i of mine and the first j of theirs can match one text.
    fn walk(&self, other: &Self, fits: impl Fn(Item, Item) -> bool) -> bool {
        let Some((mine, theirs)) = self.between(other) else { return false };
        if mine.len() > LONGEST || theirs.len() > LONGEST {
            return true;
        }
        let leading = theirs.iter().take_while(|item| item.repeats()).count();
        table(mine, theirs, leading, |item, their, above, before, left| {
            let Some(their) = their else { return above && item.repeats() };
            let both = fits(item, their);
            match (item.repeats(), their.repeats()) {
                (true, true) => above || left,
                (true, false) => above || (both && left),
                (false, true) => left || (both && above),
                (false, false) => both && before,
            }
        })
    }
}

/// Fills a table of all beginnings of mine against all of theirs, row by row, and tells its last cell. In the first row
/// the cells up to `leading` are true. `cell` is given the items, the latter missing in the first column, and the cells
/// above, above to the left, and to the left. Of each row only what can be true is looked at, which is little where one
/// of the two has few wildcards.
fn table(
    mine: &[Item],
    theirs: &[Item],
    leading: usize,
    cell: impl Fn(Item, Option<Item>, bool, bool, bool) -> bool,
) -> bool {
    let (mut row, mut next) = (vec![false; theirs.len() + 1], vec![false; theirs.len() + 1]);
    row[..=leading].fill(true);
    // The first and the last cell of the row that are true.
    let (mut low, mut high) = (0, leading);
    for item in mine {
        let above = |at: usize| low <= at && at <= high && row[at];
        let (mut left, mut found) = (false, None);
        for (at, slot) in next.iter_mut().enumerate().skip(low) {
            let before = at.checked_sub(1);
            let their = before.map(|before| theirs[before]);
            let is = cell(*item, their, above(at), before.is_some_and(above), left);
            *slot = is;
            if is {
                found = Some((found.map_or(at, |(first, _)| first), at));
            } else if at > high {
                break;
            }
            left = is;
        }
        let Some(range) = found else { return false };
        (low, high) = range;
        std::mem::swap(&mut row, &mut next);
    }
    high == theirs.len()
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

    /// The whole table, every cell of it.
    fn whole(mine: &Glob, theirs: &Glob, covers: bool) -> bool {
        let mut row = vec![true];
        for their in &theirs.0 {
            row.push(!covers && row[row.len() - 1] && their.repeats());
        }
        for a in &mine.0 {
            let mut next = vec![row[0] && a.repeats()];
            for (j, b) in theirs.0.iter().enumerate() {
                let (above, before, left) = (row[j + 1], row[j], next[j]);
                let fits = match (a, b) {
                    (Item::Char(a), Item::Char(b)) => a == b,
                    (Item::Name, Item::Char(c)) => is_plain(*c),
                    (Item::Char(c), Item::Name) => !covers && is_plain(*c),
                    (Item::Any, _) => true,
                    (Item::One, Item::Char(_) | Item::One) => true,
                    (a, b) => !covers || a == b,
                };
                next.push(match (a.repeats(), b.repeats() && !covers) {
                    (true, true) => above || left,
                    (true, false) => above || (fits && left),
                    (false, true) => left || (fits && above),
                    (false, false) => fits && before,
                });
            }
            row = next;
        }
        row[theirs.0.len()]
    }

    #[test]
    fn a_part_of_the_table_says_what_the_whole_says() {
        let items = [Item::Char('a'), Item::Char('/'), Item::One, Item::Name, Item::Any];
        let mut all = vec![Glob(Vec::new())];
        for length in 0..4 {
            let longer = all.iter().filter(|glob| glob.0.len() == length);
            let longer = longer.flat_map(|glob| items.map(|item| Glob([glob.0.as_slice(), &[item]].concat())));
            all.extend(longer.collect::<Vec<_>>());
        }
        let long = |glob: &&Glob| glob.0.len() <= 3;
        for one in all.iter().filter(long) {
            for other in &all {
                assert_eq!(one.overlaps(other), whole(one, other, false), "{one:?} {other:?}");
                assert_eq!(one.covers(other), whole(one, other, true), "{one:?} covers {other:?}");
            }
        }
    }

    #[test]
    fn many_stars_take_no_time() {
        let stars = Glob::new(&"*a".repeat(1_000));
        assert!(!stars.matches(&"a".repeat(999)));
        assert!(stars.overlaps(&Glob::new(&"a*".repeat(1_000))));
    }
}
