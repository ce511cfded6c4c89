//! What the log is written through: the SDK tells what it got, and what it got may hold credentials.

use std::io::{self, Write};

use crate::model::secret;

/// Writes lines without the secrets in them. A line of the log comes in one piece.
pub struct Masked<W>(pub W);

impl<W: Write> Write for Masked<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.write_all(secret::hide(&String::from_utf8_lossy(line)).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
