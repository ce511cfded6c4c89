//! One test binary: it links once.

mod corpus;
mod emulators;
mod laws;
mod lint;
mod stories;
mod support {
    pub mod emulators;
    pub mod hand;
}
mod tidy;
