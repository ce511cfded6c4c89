//! The role of an archive: exactly what Firehose needs to read the stream and to write the objects.

use super::ArchiveSpec;
use crate::kinds::{Name, Wish};
use crate::model::{Address, Path, Value};

pub fn of(_wish: &mut Wish, name: &Name, _archive: &ArchiveSpec, _key: &Value, _at: &Path) -> Address {
    Address::new("role", format!("{name}-delivery"))
}
