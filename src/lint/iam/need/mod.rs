//! What somebody needs for his work with a stream, against what a policy grants.

mod compare;
mod edge;
mod grant;
mod infer;

pub use compare::{Reach, compare};
pub use edge::{Edge, Need, On, SOURCES, Stream, Use, Work, rows};
pub use grant::{Verdict, judge};
pub use infer::infer;

#[cfg(test)]
mod tests;
