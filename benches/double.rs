//! The double of the test suite as a server of its own, for figures of scale: `cargo bench --bench double` prints its address and serves
//! until its standard input ends. `tests/figures_scale.py` drives it.

#[path = "../tests/double/mod.rs"]
mod double;

use std::io::Read;

use double::{Double, Manners};

fn main() -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let double = Double::new(Manners { rates: None, creating: std::time::Duration::ZERO });
    println!("{}", runtime.block_on(double.serve())?);
    std::io::stdin().read_to_end(&mut Vec::new()).map(drop)
}
