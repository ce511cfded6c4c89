//! Many streams at once: whose wish comes first.

use super::reshard::splits;

/// One stream's decision to resize.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wish<'a> {
    pub stream: &'a str,
    pub from: u32,
    pub to: u32,
    /// A single shard is split, or two are merged: no other is opened for a while.
    pub split: bool,
    /// Demand over capacity, if it is known: the fullest stream grows first.
    pub fill: Option<f64>,
}

/// What becomes of a wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    Go,
    /// As many streams as may are resharding.
    OtherStreams,
    /// Its short-lived shards have no room in the account beside those of the others.
    Quota,
}

/// Lets at most `most` streams reshard at once, of which `running` already do, with room for `room` more open shards in
/// the account. Growing comes before shrinking, the fullest stream first, then the one that gives back most; the same wishes
/// in another order get the same answers, in the order in which they were asked.
pub fn admit(wishes: &[Wish<'_>], running: usize, most: usize, room: Option<u32>) -> Vec<Admission> {
    let mut order: Vec<usize> = (0..wishes.len()).filter(|at| wishes[*at].from != wishes[*at].to).collect();
    let urgency = |wish: &Wish<'_>| {
        let grows = wish.to > wish.from;
        let fill = wish.fill.filter(|fill| fill.is_finite()).unwrap_or(0.0);
        if grows { (true, fill) } else { (false, f64::from(wish.from.saturating_sub(wish.to))) }
    };
    order.sort_by(|a, b| {
        let (a, b) = (&wishes[*a], &wishes[*b]);
        let ((grows, weight), (other_grows, other)) = (urgency(a), urgency(b));
        other_grows.cmp(&grows).then(other.total_cmp(&weight)).then(a.stream.cmp(b.stream))
    });
    let (mut free, mut room) = (most.saturating_sub(running), room.unwrap_or(u32::MAX));
    let mut answers = vec![Admission::Go; wishes.len()];
    for at in order {
        let Wish { from, to, split, .. } = wishes[at];
        let needs = if split { to.saturating_sub(from) } else { splits(from, to) };
        answers[at] = if free == 0 {
            Admission::OtherStreams
        } else if needs > room {
            Admission::Quota
        } else {
            free -= 1;
            room -= needs;
            Admission::Go
        };
    }
    answers
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wish(stream: &str, from: u32, to: u32, fill: f64) -> Wish<'_> {
        Wish { stream, from, to, fill: Some(fill), split: false }
    }

    #[test]
    fn the_fullest_grow_first_and_those_that_shrink_come_last() {
        use Admission::{Go, OtherStreams, Quota};
        let wishes = [
            wish("a", 9, 5, 0.1),
            wish("b", 4, 6, 0.9),
            wish("c", 4, 8, 1.4),
            wish("d", 4, 4, 0.5),
            wish("e", 40, 20, 0.1),
        ];
        assert_eq!(admit(&wishes, 0, 2, None), [OtherStreams, Go, Go, Go, OtherStreams]);
        assert_eq!(admit(&wishes, 1, 4, None), [OtherStreams, Go, Go, Go, Go]);
        assert_eq!(admit(&wishes, 0, 9, Some(4)), [Quota, Quota, Go, Go, Go]);
    }

    proptest! {
        #[test]
        fn never_more_than_so_many_and_never_beyond_the_quota(
            counts in proptest::collection::vec((1u32..200, 1u32..200, 0.0f64..3.0), 0..20),
            running in 0usize..5, most in 0usize..8, room in 0u32..300, turn in 0usize..20,
        ) {
            let names: Vec<String> = (0..counts.len()).map(|at| format!("s{at:02}")).collect();
            let mut wishes: Vec<Wish<'_>> =
                names.iter().zip(&counts).map(|(name, (from, to, fill))| wish(name, *from, *to, *fill)).collect();
            let answers = admit(&wishes, running, most, Some(room));
            let went: Vec<&Wish<'_>> =
                wishes.iter().zip(&answers).filter(|(wish, answer)| wish.from != wish.to && **answer == Admission::Go).map(|(wish, _)| wish).collect();
            prop_assert!(went.is_empty() || went.len() + running <= most);
            prop_assert!(went.iter().map(|wish| splits(wish.from, wish.to)).sum::<u32>() <= room);
            if !wishes.is_empty() {
                let turn = turn % wishes.len();
                let mut turned = answers;
                turned.rotate_left(turn);
                wishes.rotate_left(turn);
                prop_assert_eq!(admit(&wishes, running, most, Some(room)), turned);
            }
        }
    }
}
