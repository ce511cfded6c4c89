//! One controller has a ledger at a time: a lock beside the file, whose name stays, and one on the file itself, which is the same under
//! each of its names.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{failed, is_same};
use crate::cloud::{Class, Fault};

/// Attempts to have a file, and the time between two.
const ATTEMPTS: u32 = 3;
const MOMENT: Duration = Duration::from_millis(20);

/// The lock beside the file of this place, which was given as `path`.
pub fn beside(path: &Path, place: &Path) -> Result<File, Fault> {
    let lock = File::options().create(true).truncate(false).write(true).open(name(place));
    let lock = lock.map_err(|error| failed(path, "locking", &error))?;
    let tried = attempts(|| match lock.try_lock() {
        Ok(()) => Some(Ok(())),
        Err(TryLockError::WouldBlock) => None,
        Err(TryLockError::Error(error)) => Some(Err(failed(path, "locking", &error))),
    });
    tried.ok_or_else(|| in_use(path))??;
    Ok(lock)
}

/// The lock on the file itself; `None` where there are none, or where they would keep its own readers from it.
pub fn itself(path: &Path, place: &Path) -> Result<Option<File>, Fault> {
    if !cfg!(unix) {
        return Ok(None);
    }
    let tried = attempts(|| {
        let file = match File::open(place) {
            Ok(file) => file,
            // Another one is putting its own in this place.
            Err(error) if error.kind() == ErrorKind::NotFound => return None,
            Err(error) => return Some(Err(failed(path, "opening", &error))),
        };
        match file.try_lock() {
            // Another one may have taken its place in between, and then is the ledger.
            Ok(()) => is_there(place, &file).then_some(Ok(Some(file))),
            Err(TryLockError::WouldBlock) => None,
            Err(TryLockError::Error(_)) => Some(Ok(None)),
        }
    });
    tried.unwrap_or_else(|| Err(in_use(path)))
}

/// Whether somebody has the one or the other.
pub fn is_held(place: &Path) -> bool {
    let is_locked = |file: File| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock));
    File::options().write(true).open(name(place)).is_ok_and(is_locked)
        || (cfg!(unix) && File::open(place).is_ok_and(is_locked))
}

fn is_there(place: &Path, file: &File) -> bool {
    let both = std::fs::metadata(place).and_then(|there| Ok((there, file.metadata()?)));
    both.is_ok_and(|(there, mine)| is_same(&there, &mine))
}

/// Who only asks whether it is held has it for a moment.
fn attempts<T>(mut attempt: impl FnMut() -> Option<T>) -> Option<T> {
    for at in 0..ATTEMPTS {
        if at > 0 {
            std::thread::sleep(MOMENT);
        }
        if let Some(had) = attempt() {
            return Some(had);
        }
    }
    None
}

fn in_use(path: &Path) -> Fault {
    let what = "another controller is running with it".to_owned();
    Fault::new(Class::Busy, format!("opening the ledger {}", path.display()), "LedgerInUse", what)
        .help("stop the other one, or give this one a file of its own (--ledger FILE)")
}

fn name(place: &Path) -> PathBuf {
    let mut name = place.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}
