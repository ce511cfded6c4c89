//! The controller's shell: looks, writes down, calls. What is to be done is decided in `control`.

mod act;
mod admit;
mod controller;
mod drift;
mod file;
mod lease;
mod ledger;
mod notify;
mod observe;
mod table;
mod turns;
mod wake;

pub use controller::{Controller, Told, Watch};
pub use drift::{Reconciler, Switches};
pub use file::{FileLedger, MISSING, minute};
pub use ledger::{Fence, Forgetful, Ledger, ReadOnly, Take};
pub use notify::{Notifier, Recipient, Untold};
pub use observe::{Beat, Patience};
pub use table::TableLedger;
pub use wake::{Heard, listen};
