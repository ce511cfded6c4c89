//! The election: from rules drawn at random to the source of a table.

#[path = "breed.rs"]
mod breed;
#[path = "dice.rs"]
mod dice;
#[path = "elect.rs"]
mod elect;
#[path = "nearest.rs"]
mod nearest;
#[path = "streams.rs"]
mod streams;

use dice::Dice;
use elect::{PRICES, elect, priors};
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use tidegate::scale::{History, Pace, Rule, Shadow, Signs, Terms};

const SEED: u64 = 1000;
/// Minutes per operation of the two paces that streams take in turns: reshards in parallel, and eight operations at a time.
const PACES: [f64; 2] = [0.01, 0.0625];
const CALLS_A_DAY: u32 = 10;
/// Age of the newest metrics, in minutes.
const LAG: usize = 3;

/// ln(capacity + price · throttled) by rule, stream and price.
type Costs = Vec<Vec<[f64; 3]>>;

/// How large an election is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub streams: usize,
    pub random_rules: usize,
    pub generations: usize,
    /// Children of each elected rule.
    pub children: usize,
    /// Seats for each price.
    pub seats: usize,
}

/// Holds an election and answers the source of its table. `told` hears of each generation.
pub fn hold(size: Size, told: impl Fn(usize, usize)) -> String {
    let mut dice = Dice::new(SEED);
    let mut rules: Vec<Rule> = (0..size.random_rules).map(|_| breed::random(&mut dice)).collect();
    let mut costs = judge(&rules, size.streams);
    for generation in 1..=size.generations {
        let mut children = Vec::new();
        for price in 0..PRICES.len() {
            for parent in elect(&costs, price, size.seats) {
                children.extend((0..size.children).map(|_| breed::child(&mut dice, &rules[parent])));
            }
        }
        costs.extend(judge(&children, size.streams));
        rules.extend(children);
        told(generation, rules.len());
    }
    let mut council: Vec<usize> = (0..PRICES.len()).flat_map(|price| elect(&costs, price, size.seats)).collect();
    council.sort_unstable();
    council.dedup();
    source(size, &rules, &council, &priors(&costs, &council))
}

/// Every rule on every stream, two streams at a time.
fn judge(rules: &[Rule], streams: usize) -> Costs {
    let (next, found) = (AtomicUsize::new(0), Mutex::new(vec![Vec::new(); streams]));
    let work = || loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= streams {
            break;
        }
        let costs = on_stream(number, rules);
        found.lock().expect("no thread panicked")[number] = costs;
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
    let found = found.into_inner().expect("no thread panicked");
    (0..rules.len()).map(|rule| found.iter().map(|stream| stream[rule]).collect()).collect()
}

fn on_stream(number: usize, rules: &[Rule]) -> Vec<[f64; 3]> {
    let load = streams::stream(SEED, number);
    let pace = Pace::of(PACES[number % PACES.len()]);
    let mut history = History::default();
    let signs: Vec<Signs> = load.iter().map(|load| history.take(*load)).collect();
    let first = (load[..60].iter().copied().fold(0.0, f64::max) / 0.7).ceil() as u32;
    let cost = |rule: &Rule| {
        let (mut shadow, mut capacity, mut throttled) = (Shadow::new(first), 0.0, 0.0);
        let terms = Terms { calls_a_day: CALLS_A_DAY, pace: &pace, nearest: nearest::cheap, heeds: 1.0 };
        for (minute, load) in load.iter().enumerate() {
            let known = minute.checked_sub(LAG).map(|then| &signs[then]);
            let bill = shadow.step(minute as i64, *load, rule, known, &terms);
            capacity += bill.capacity;
            throttled += bill.throttled;
        }
        PRICES.map(|price| f64::ln(capacity + price * throttled))
    };
    rules.iter().map(cost).collect()
}

fn source(size: Size, rules: &[Rule], council: &[usize], priors: &[[f64; 3]]) -> String {
    let mut text = format!(
        "//! Made by `cargo bench --bench council` from seed {SEED}: {} synthetic streams, {} rules. Do not edit.\n\n\
         use super::council::Member;\n\n\
         /// Members, each in the order of the fields of `Rule`, and what it cost on the training streams beyond the best member\n\
         /// at the prices 10, 100 and 1000.\n\
         #[rustfmt::skip]\n\
         #[expect(clippy::approx_constant, reason = \"drawn, not meant\")]\n\
         pub const MEMBERS: &[Member] = &[\n",
        size.streams,
        rules.len()
    );
    for (rule, prior) in council.iter().map(|at| &rules[*at]).zip(priors) {
        // Writing into a String cannot fail.
        let _ = writeln!(
            text,
            "    Member::new([{:?}, {:?}, {:?}], {}, {}, [{:?}, {:?}, {:?}], {}, {:?}, [{:.3}, {:.3}, {:.3}]),",
            rule.grow_above,
            rule.grow_to,
            rule.foresee,
            rule.sustained,
            rule.window,
            rule.shrink_to,
            rule.saving,
            rule.scarcity,
            rule.floor,
            rule.floor_to,
            prior[0],
            prior[1],
            prior[2],
        );
    }
    text + "];\n"
}
