//! One test binary: it links once.

mod support {
    pub mod emulators;
}
mod tidy;
