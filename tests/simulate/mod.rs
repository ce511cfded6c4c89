//! `tidegate simulate` against programs that were not written with it.

mod history;
mod judge;
mod page;
