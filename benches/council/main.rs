//! Elects the council of `src/scale/priors.rs`: draws rules at random, judges them on streams that never were, breeds from the best,
//! and prints the few that together serve all streams well.
//!
//! ```text
//! cargo bench --bench council > priors.rs && mv priors.rs src/scale/priors.rs
//! ```
//!
//! No recorded trace has a part in it. The same sources print the same table, bit for bit.

mod election;

use election::Size;

fn main() {
    let size = Size { streams: 90, random_rules: 1000, generations: 2, children: 8, seats: 40 };
    print!("{}", election::hold(size, |generation, rules| eprintln!("generation {generation}: {rules} rules")));
}
