//! Which rules get a seat, and how far each is trusted before it has served.

pub const PRICES: [f64; 3] = [10.0, 100.0, 1000.0];
/// How much worse than the best of a set a rule may be and still help on a stream: a tenth.
const SOFTNESS: f64 = 0.1;

/// The set of rules, grown one by one, that is cheapest if on every stream the better ones of the set are followed.
pub fn elect(costs: &[Vec<[f64; 3]>], price: usize, seats: usize) -> Vec<usize> {
    let streams = costs[0].len();
    let (mut elected, mut merit) = (Vec::new(), vec![0.0; streams]);
    let worth = |rule: usize, stream: usize| {
        // Relative to the first rule, since only differences count and sums of exponentials must not vanish.
        ((costs[0][stream][price] - costs[rule][stream][price]) / SOFTNESS).exp()
    };
    while elected.len() < seats {
        let value = |rule: &usize| (0..streams).map(|stream| (merit[stream] + worth(*rule, stream)).ln()).sum::<f64>();
        let open = (0..costs.len()).filter(|rule| !elected.contains(rule));
        let Some(best) = open.max_by(|a, b| value(a).total_cmp(&value(b))) else { break };
        merit.iter_mut().enumerate().for_each(|(stream, merit)| *merit += worth(best, stream));
        elected.push(best);
    }
    elected
}

/// Mean over the streams of cost / cost of the best member − 1, at each price.
pub fn priors(costs: &[Vec<[f64; 3]>], council: &[usize]) -> Vec<[f64; 3]> {
    let streams = costs[0].len();
    let best = |stream: usize, price: usize| {
        council.iter().map(|rule| costs[*rule][stream][price]).fold(f64::INFINITY, f64::min)
    };
    let excess = |rule: usize, price: usize| {
        let over = (0..streams).map(|stream| (costs[rule][stream][price] - best(stream, price)).exp() - 1.0);
        over.sum::<f64>() / streams as f64
    };
    council.iter().map(|rule| [0, 1, 2].map(|price| excess(*rule, price))).collect()
}
