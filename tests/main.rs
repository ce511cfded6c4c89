//! One test binary: it links once.

mod emulators;
mod support {
    pub mod emulators;
}
