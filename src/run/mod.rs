//! The controller's shell: looks, writes down, calls. What is to be done is decided in `control`.

mod act;
mod admit;
mod controller;
mod course;
mod drift;
mod file;
mod functions;
mod learn;
mod lease;
mod ledger;
mod metrics;
mod notify;
mod observe;
mod table;
mod turns;
mod wake;
mod watch;

pub use controller::{Controller, locked};
pub use course::{Beat, Patience, Sign};
pub use drift::{Reconciler, Switches};
pub use file::{FileLedger, Lost, MISSING, minute};
pub use ledger::{Fence, Forgetful, Ledger, ReadOnly, Take};
pub use notify::{Notifier, Recipient, Untold};
pub use table::TableLedger;
pub use wake::{Heard, listen};
pub use watch::{Told, Watch};
