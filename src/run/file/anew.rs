//! A ledger's file is made anew: without what is old, where it was taken away, and where it was cut short.

use std::io::{BufWriter, Error, ErrorKind, Seek as _, Write as _};

use tempfile::NamedTempFile;

use super::lines::{Form, HEADER, Packer, read};
use super::{AHEAD, FileLedger, failed, is_kept, is_same, minute, nameless, reopened, synced};
use crate::cloud::{Class, Fault};
use crate::control::Record;
use crate::disk;
use crate::run::ledger::Take;

const COMPACTING: &str = "leaving out what is old in";
/// What became of the file under the running controller.
const TAKEN: &str = "was taken away";
const CUT: &str = "was cut short";

impl FileLedger {
    /// Writes the file anew beside itself, without what is old, and takes its place in one step.
    pub(super) fn compact(&mut self) -> Result<(), Fault> {
        let newest = self.newest.min(self.minute() + AHEAD);
        let failed = |error: Error| failed(&self.path, COMPACTING, &nameless(error));
        let mut out = self.begun().map_err(failed)?;
        let (mut packer, mut trouble) = (Packer::default(), None);
        read((&self.place, &self.path), &mut |entry, line| {
            if is_kept(&entry.record, newest) {
                packer.push(&entry, Some(line));
                trouble = trouble.take().or_else(|| out.write_all(packer.take().as_bytes()).err());
            }
        })?;
        trouble.map_or(Ok(()), Err).map_err(failed)?;
        out.write_all(packer.end().as_bytes()).map_err(failed)?;
        self.take_place(out).map_err(|error| self::failed(&self.path, COMPACTING, &nameless(error)))
    }

    /// Where the file has been cut short under the running controller, writes it anew of what is known. Answers whether it was.
    pub(super) fn renew(&mut self, all: &(dyn Fn(Take<'_>) + Sync)) -> Result<bool, Fault> {
        let failed = |error: Error| failed(&self.path, "writing", &nameless(error));
        if self.file.metadata().map_err(failed)?.len() >= self.length {
            return Ok(false);
        }
        self.stand()?;
        let failed = |error: Error| self::failed(&self.path, "writing anew what was cut off of", &nameless(error));
        let mut out = self.begun().map_err(failed)?;
        let (mut packer, mut trouble, mut newest) = (Packer::default(), None, i64::MIN);
        all(&mut |entry| {
            if matches!(entry.record, Record::Sample { .. }) {
                return;
            }
            newest = newest.max(minute(&entry.record));
            packer.push(&entry, None);
            trouble = trouble.take().or_else(|| out.write_all(packer.take().as_bytes()).err());
        });
        trouble.map_or(Ok(()), Err).map_err(failed)?;
        out.write_all(packer.end().as_bytes()).map_err(failed)?;
        self.take_place(out).map_err(|error| self::failed(&self.path, "writing anew", &nameless(error)))?;
        (self.is_torn, self.is_renewed, self.newest) = (false, true, newest);
        self.tell(CUT);
        Ok(true)
    }

    /// A new file with its first line.
    fn begun(&self) -> std::io::Result<BufWriter<NamedTempFile>> {
        let mut out = BufWriter::new(self.beside()?);
        writeln!(out, "{HEADER}")?;
        Ok(out)
    }

    /// Puts a new file in the place of this one.
    fn take_place(&mut self, out: BufWriter<NamedTempFile>) -> std::io::Result<()> {
        let beside = out.into_inner().map_err(|error| error.into_error())?;
        beside.as_file().sync_all()?;
        let file = reopened(beside.path())?;
        let size = file.metadata()?.len();
        // It is under a lock already, which is the file's own from now on.
        let own = beside.persist(&self.place).map_err(|error| error.error)?;
        (self.file, self.own, self.form) = (file, Some(own), Form::Packed);
        (self.size, self.length, self.appended) = (size, size, 0);
        synced(&self.place)
    }

    fn tell(&mut self, what: &'static str) {
        self.restored = Some(((self.clock)(), what));
        tracing::warn!(ledger = %self.path.display(), "the ledger {what}, and is written anew");
    }

    /// A new file beside this one, for whom this one is for: others may be meant to read it.
    fn beside(&self) -> std::io::Result<NamedTempFile> {
        let beside = disk::beside(&self.place, false)?;
        beside.as_file().set_permissions(self.file.metadata()?.permissions())?;
        Ok(beside)
    }

    /// Whoever removes the file under a running controller loses nothing: it is written anew from the open one.
    pub(super) fn stand(&mut self) -> Result<(), Fault> {
        let failed = |error: Error| failed(&self.path, "writing", &nameless(error));
        let mine = self.file.metadata().map_err(failed)?;
        match std::fs::metadata(&self.place) {
            Ok(there) if is_same(&there, &mine) => return Ok(()),
            Ok(_) => {
                let doing = format!("writing the ledger {}", self.path.display());
                let what = "another file was put in its place".to_owned();
                return Err(Fault::new(Class::Refused, doing, "LedgerReplaced", what).help(
                    "put the old one back, or start the controller anew: it then goes on with the file that is there",
                ));
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        let restore = || -> std::io::Result<(std::fs::File, std::fs::File)> {
            let mut beside = self.beside()?;
            let mut from = &self.file;
            from.rewind()?;
            std::io::copy(&mut from, beside.as_file_mut())?;
            beside.as_file().sync_all()?;
            let file = reopened(beside.path())?;
            let own = beside.persist_noclobber(&self.place).map_err(|error| error.error)?;
            synced(&self.place)?;
            Ok((file, own))
        };
        let (file, own) = restore().map_err(failed)?;
        (self.file, self.own) = (file, Some(own));
        self.tell(TAKEN);
        Ok(())
    }
}
