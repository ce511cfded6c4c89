//! One test binary: it links once.

mod emulators;
mod laws;
mod simulate;
mod stories;
mod support {
    pub mod emulators;
    pub mod hand;
    pub mod python;
}
mod tidy;
