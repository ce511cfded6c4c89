//! The shards of a stream: ranges of the 128-bit hash key space that always tile it.

use serde::{Deserialize, Serialize};

/// One shard. Open while `closed_at` is none; a closed one stays readable until its records have expired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    pub number: u32,
    /// The shards whose ranges it took over: none, one (split) or two (merge).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parents: Vec<u32>,
    /// First hash key, inclusive.
    #[serde(with = "decimal")]
    pub start: u128,
    /// Last hash key, inclusive.
    #[serde(with = "decimal")]
    pub end: u128,
    /// Seconds since 1970.
    pub opened_at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<i64>,
}

impl Shard {
    /// The id as AWS writes it: `shardId-000000000007`.
    pub fn id(&self) -> String {
        format!("shardId-{:012}", self.number)
    }
}

/// Why a split or merge is impossible, in words for the user.
pub type Refusal = String;

/// All readable shards of one stream: the open ones in the order of their hash ranges, then the closed ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardMap {
    open: Vec<Shard>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    closed: Vec<Shard>,
    next: u32,
}

/// The first hash keys of `count` equal ranges, in order: `floor(i * 2^128 / count)`.
pub fn even_starts(count: u32) -> Vec<u128> {
    let count = u128::from(count.max(1));
    let (mut width, mut rest) = (u128::MAX / count, u128::MAX % count + 1);
    if rest == count {
        // Only powers of two divide 2^128. For 1 the width would be 2^128 itself, but then it is never multiplied by more than 0.
        (width, rest) = (width.wrapping_add(1), 0);
    }
    (0..count).map(|i| i * width + i * rest / count).collect()
}

impl ShardMap {
    /// A new stream: `count` shards of equal ranges.
    pub fn new(count: u32, now: i64) -> Self {
        let starts = even_starts(count);
        let ends = starts.iter().skip(1).map(|next| next - 1).chain([u128::MAX]);
        let open: Vec<Shard> = (0..)
            .zip(starts.iter().zip(ends))
            .map(|(number, (start, end))| Shard {
                number,
                parents: Vec::new(),
                start: *start,
                end,
                opened_at: now,
                closed_at: None,
            })
            .collect();
        Self { next: u32::try_from(open.len()).unwrap_or(u32::MAX), open, closed: Vec::new() }
    }

    pub fn open(&self) -> &[Shard] {
        &self.open
    }

    pub fn open_count(&self) -> u32 {
        u32::try_from(self.open.len()).unwrap_or(u32::MAX)
    }

    /// The number that the next new shard will have.
    pub fn next_number(&self) -> u32 {
        self.next
    }

    /// Open and closed shards by number, as `ListShards` answers.
    pub fn all(&self) -> Vec<Shard> {
        let mut all: Vec<Shard> = self.open.iter().chain(&self.closed).cloned().collect();
        all.sort_by_key(|shard| shard.number);
        all
    }

    /// Forgets closed shards whose last record is older than the retention, in seconds.
    pub fn expire(&mut self, retention: i64, now: i64) {
        self.closed.retain(|shard| shard.closed_at.is_none_or(|closed| closed + retention > now));
    }

    /// Uniform scaling: first every split that an even tiling needs, then every merge, as UpdateShardCount does.
    pub fn reshape(&mut self, to: u32, now: i64) {
        let starts = even_starts(to);
        let mut pieces = Vec::with_capacity(self.open.len() + starts.len());
        let mut wanted = starts.iter().copied().peekable();
        for mut shard in std::mem::take(&mut self.open) {
            while let Some(start) = wanted.next_if(|start| *start <= shard.end) {
                if start > shard.start {
                    let (left, right) = self.cut(shard, start, now);
                    pieces.push(left);
                    shard = right;
                }
            }
            pieces.push(shard);
        }
        let mut wanted = starts.into_iter().skip(1).peekable();
        for piece in pieces {
            let begins = piece.start == 0 || wanted.next_if_eq(&piece.start).is_some();
            match self.open.pop() {
                Some(left) if !begins => {
                    let joined = self.join(left, piece, now);
                    self.open.push(joined);
                }
                left => {
                    self.open.extend(left);
                    self.open.push(piece);
                }
            }
        }
    }

    /// SplitShard: `at` becomes the first hash key of the right child.
    pub fn split(&mut self, id: &str, at: u128, now: i64) -> Result<(), Refusal> {
        let position = self.position(id)?;
        let shard = &self.open[position];
        if at <= shard.start || at > shard.end {
            return Err(format!(
                "the new starting hash key {at} is not inside the range {} to {} of {id}",
                shard.start, shard.end
            ));
        }
        let shard = self.open.remove(position);
        let (left, right) = self.cut(shard, at, now);
        self.open.splice(position..position, [left, right]);
        Ok(())
    }

    /// MergeShards: the ranges must be neighbours.
    pub fn merge(&mut self, id: &str, adjacent: &str, now: i64) -> Result<(), Refusal> {
        let (a, b) = (self.position(id)?, self.position(adjacent)?);
        let (left, right) = (a.min(b), a.max(b));
        if right != left + 1 {
            return Err(format!("the hash ranges of {id} and {adjacent} are not adjacent"));
        }
        let right = self.open.remove(right);
        let first = self.open.remove(left);
        let joined = self.join(first, right, now);
        self.open.insert(left, joined);
        Ok(())
    }

    fn position(&self, id: &str) -> Result<usize, Refusal> {
        self.open.iter().position(|shard| shard.id() == id).ok_or_else(|| format!("the stream has no open shard {id}"))
    }

    fn cut(&mut self, shard: Shard, at: u128, now: i64) -> (Shard, Shard) {
        let left = self.child(vec![shard.number], shard.start, at - 1, now);
        let right = self.child(vec![shard.number], at, shard.end, now);
        self.close(shard, now);
        (left, right)
    }

    fn join(&mut self, left: Shard, right: Shard, now: i64) -> Shard {
        let joined = self.child(vec![left.number, right.number], left.start, right.end, now);
        self.close(left, now);
        self.close(right, now);
        joined
    }

    fn child(&mut self, parents: Vec<u32>, start: u128, end: u128, now: i64) -> Shard {
        let number = self.next;
        self.next += 1;
        Shard { number, parents, start, end, opened_at: now, closed_at: None }
    }

    fn close(&mut self, mut shard: Shard, now: i64) {
        shard.closed_at = Some(now);
        self.closed.push(shard);
    }
}

/// Hash keys as decimal text, as AWS writes them: JSON numbers lose digits in many readers.
mod decimal {
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub fn serialize<S: Serializer>(key: &u128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(key)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check_tiling(map: &ShardMap) {
        assert_eq!(map.open[0].start, 0);
        assert_eq!(map.open[map.open.len() - 1].end, u128::MAX);
        for pair in map.open.windows(2) {
            assert!(pair[0].start <= pair[0].end);
            assert_eq!(pair[0].end + 1, pair[1].start);
        }
        let all = map.all();
        assert!(all.windows(2).all(|pair| pair[0].number < pair[1].number), "numbers are unique");
    }

    #[test]
    fn a_new_stream_is_tiled_as_aws_does_it() {
        let map = ShardMap::new(2, 0);
        assert_eq!(map.open[0].end, 170141183460469231731687303715884105727);
        assert_eq!(map.open[1].id(), "shardId-000000000001");
        check_tiling(&ShardMap::new(1, 0));
    }

    #[test]
    fn a_uniform_change_makes_the_counted_number_of_splits_and_merges() {
        // Observed on AWS (risingwavelabs/risingwave#9961): 4 to 3 is 2 splits and 3 merges, 7 new shards.
        for (from, to, made) in [(4, 3, 7), (8, 16, 16), (8, 10, 22), (100, 50, 50), (1, 2, 2)] {
            let mut map = ShardMap::new(from, 0);
            map.reshape(to, 60);
            assert_eq!(map.next - from, made, "{from} to {to}");
            assert_eq!(map.open_count(), to);
            check_tiling(&map);
        }
    }

    #[test]
    fn only_neighbours_merge_and_only_inside_keys_split() {
        let mut map = ShardMap::new(3, 0);
        assert!(map.merge("shardId-000000000000", "shardId-000000000002", 1).unwrap_err().contains("not adjacent"));
        assert!(map.split("shardId-000000000000", 0, 1).unwrap_err().contains("not inside"));
        assert!(map.split("shardId-000000000009", 5, 1).unwrap_err().contains("no open shard"));
        map.merge("shardId-000000000001", "shardId-000000000000", 1).unwrap();
        assert_eq!(map.open[0].parents, [0, 1]);
        check_tiling(&map);
    }

    #[test]
    fn closed_shards_stay_until_the_retention_has_passed() {
        let mut map = ShardMap::new(1, 0);
        map.reshape(2, 100);
        map.expire(86_400, 86_499);
        assert_eq!(map.all().len(), 3);
        map.expire(86_400, 86_500);
        assert_eq!(map.all().len(), 2);
    }

    proptest! {
        #[test]
        fn ranges_tile_the_key_space_after_any_sequence(
            first in 1u32..40,
            steps in prop::collection::vec((0u8..3, 1u32..200, any::<u128>()), 0..12),
        ) {
            let mut map = ShardMap::new(first, 0);
            for (what, count, key) in steps {
                let at = usize::try_from(count).unwrap() % map.open.len();
                let id = map.open[at].id();
                let _ = match what {
                    0 => { map.reshape(count, 1); Ok(()) }
                    1 => map.split(&id, key, 1),
                    _ => { let next = map.open[(at + 1) % map.open.len()].id(); map.merge(&id, &next, 1) }
                };
                check_tiling(&map);
                if what == 0 {
                    prop_assert_eq!(map.open.iter().map(|s| s.start).collect::<Vec<_>>(), even_starts(count));
                }
            }
        }
    }
}
