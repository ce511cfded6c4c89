//! The controller: a seeded simulation with faults and judges outside of it, and the program itself.

mod books;
mod clocks;
mod crowd;
mod cut;
mod fences;
mod functions;
mod hot;
mod hung;
mod limits;
mod many;
mod owed;
mod paused;
mod program;
mod readers;
mod replicas;
mod rough;
mod secrets;
mod seeds;
mod several;
mod splits;
mod starts;
mod switches;
mod told;
mod watch;
mod words;

pub use functions::behind;
pub use program::{lines, put_load, put_load_at, resizes};
pub use replicas::make as make_table;
