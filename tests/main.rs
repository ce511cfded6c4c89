//! One test binary: it links once.

mod cli;
mod connect;
mod control;
mod corpus;
mod deploy;
mod double;
mod emulators;
mod faults;
mod hostile;
mod laws;
mod lint;
mod scale;
mod serve;
mod simulate;
mod stories;
mod support {
    pub mod emulators;
    pub mod hand;
    pub mod python;
}
mod tidy;
