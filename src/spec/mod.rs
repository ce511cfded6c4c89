//! The user's text: from bytes to a document whose every node knows its place, and from there to typed values.
//! Nothing here reads files or the environment; every mistake becomes a `Problem`.

mod bare;
mod cuts;
mod document;
mod explain;
mod hidden;
mod mapping;
mod nesting;
mod read;
mod scalar;
mod source;
mod syntax;
mod tree;
mod vars;

#[cfg(test)]
mod hostile;

pub use document::{Document, Entry, Node, NodeValue};
pub use nesting::yaml;
pub use read::{read, read_rest};
pub use source::{MAX_BYTES, Source};
pub use tree::{MAX_DEPTH, MAX_NODES};
pub use vars::{VarKind, exposed, substitute};
