//! Elects the council of `src/scale/priors.rs`: draws rules at random, judges them on streams that never were, breeds from the best,
//! and prints the few that together serve all streams well.
//!
//! ```text
//! cargo bench --bench council > priors.rs && mv priors.rs src/scale/priors.rs
//! ```
//!
//! No recorded trace has a part in it. The same sources print the same table, bit for bit.

mod breed;
mod dice;
mod elect;
mod nearest;
mod streams;

use dice::Dice;
use elect::{PRICES, elect, priors};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use tidegate::scale::{History, Pace, Rule, Shadow, Signs, Terms};

const SEED: u64 = 1000;
const STREAMS: usize = 90;
const RANDOM_RULES: usize = 1000;
const GENERATIONS: usize = 2;
/// Children of each elected rule.
const CHILDREN: usize = 8;
/// Seats for each price.
const SEATS: usize = 40;
/// Minutes per operation of the two paces that streams take in turns: reshards in parallel, and eight operations at a time.
const PACES: [f64; 2] = [0.01, 0.0625];
const CALLS_A_DAY: u32 = 10;
/// Age of the newest metrics, in minutes.
const LAG: usize = 3;

/// ln(capacity + price · throttled) by rule, stream and price.
type Costs = Vec<Vec<[f64; 3]>>;

fn main() {
    let mut dice = Dice::new(SEED);
    let mut rules: Vec<Rule> = (0..RANDOM_RULES).map(|_| breed::random(&mut dice)).collect();
    let mut costs = judge(&rules);
    for generation in 1..=GENERATIONS {
        let mut children = Vec::new();
        for price in 0..PRICES.len() {
            for parent in elect(&costs, price, SEATS) {
                children.extend((0..CHILDREN).map(|_| breed::child(&mut dice, &rules[parent])));
            }
        }
        costs.extend(judge(&children));
        rules.extend(children);
        eprintln!("generation {generation}: {} rules", rules.len());
    }
    let mut council: Vec<usize> = (0..PRICES.len()).flat_map(|price| elect(&costs, price, SEATS)).collect();
    council.sort_unstable();
    council.dedup();
    print(&rules, &council, &priors(&costs, &council));
}

/// Every rule on every stream, two streams at a time.
fn judge(rules: &[Rule]) -> Costs {
    let (next, found) = (AtomicUsize::new(0), Mutex::new(vec![Vec::new(); STREAMS]));
    let work = || loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= STREAMS {
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
        let terms = Terms { calls_a_day: CALLS_A_DAY, pace: &pace, nearest: nearest::cheap };
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

fn print(rules: &[Rule], council: &[usize], priors: &[[f64; 3]]) {
    println!(
        "//! Made by `cargo bench --bench council` from seed {SEED}: {STREAMS} synthetic streams, {} rules. Do not edit.",
        rules.len()
    );
    println!();
    println!("use super::council::Member;");
    println!();
    println!(
        "/// Members, each in the order of the fields of `Rule`, and what it cost on the training streams beyond the best member"
    );
    println!("/// at the prices 10, 100 and 1000.");
    println!("#[rustfmt::skip]");
    println!("pub const MEMBERS: &[Member] = &[");
    for (rule, prior) in council.iter().map(|at| &rules[*at]).zip(priors) {
        println!(
            "    Member::new([{:?}, {:?}, {:?}], {}, {}, [{:?}, {:?}, {:?}], {}, [{:?}, {:?}], [{:.3}, {:.3}, {:.3}]),",
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
            rule.season_to,
            prior[0],
            prior[1],
            prior[2],
        );
    }
    println!("];");
}
