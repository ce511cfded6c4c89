//! `tidegate simulate` against programs that were not written with it.

mod bench;
mod history;
mod judge;
mod page;
mod readme;
mod scenarios;
mod spec;
