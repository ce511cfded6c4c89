//! What asks the program to stop: Ctrl-C, and the SIGTERM of CI runners and container platforms.

use std::io;

/// Hears the signals from the moment it was made: one that comes before anybody listens would end the program.
pub struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

/// A file that would grow beyond the system's limit (`ulimit -f`) raises SIGXFSZ, which ends a program without a word. Once it is heard the writing
/// fails instead, and is told as that of a full disk. Must be called within the runtime.
pub fn survive_limits() {
    #[cfg(unix)]
    {
        /// Its number on Linux and macOS.
        const SIGXFSZ: i32 = 25;
        // Where the system refuses the handler, it is as it was. Nothing is told: whoever listens may be on a full disk.
        drop(tokio::signal::unix::signal(tokio::signal::unix::SignalKind::from_raw(SIGXFSZ)));
    }
}

impl Signals {
    /// Must be called within the runtime.
    ///
    /// # Errors
    /// Where the system refuses a signal handler.
    pub fn listen() -> io::Result<Self> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    /// Waits for the next one; `false` means that none will come any more.
    pub async fn next(&mut self) -> bool {
        #[cfg(unix)]
        {
            let (interrupt, terminate) = (self.interrupt.recv(), self.terminate.recv());
            tokio::select! { heard = interrupt => heard.is_some(), heard = terminate => heard.is_some() }
        }
        #[cfg(not(unix))]
        tokio::signal::ctrl_c().await.is_ok()
    }
}
