use std::sync::Arc;

use indicatif::{MultiProgress, ProgressDrawTarget};

/// The live view of a run on the terminal of standard error.
#[derive(Clone)]
pub struct Live {
    pub view: MultiProgress,
    echo: Arc<Echo>,
}

impl Live {
    pub fn new() -> Self {
        Self { view: MultiProgress::new(), echo: Arc::new(Echo::off()) }
    }

    /// Draws nothing any more and leaves the terminal as it was, for a program that ends at once.
    pub fn give_up(&self) {
        // If the terminal is gone, nobody misses it.
        let _ = self.view.clear();
        self.view.set_draw_target(ProgressDrawTarget::hidden());
        self.echo.restore();
    }
}

/// A terminal that does not echo what is typed. The view leaves the cursor at the right edge, where the echo of `^C`
/// would go on in the next line, and one line of the view would stay for ever.
struct Echo {
    #[cfg(unix)]
    before: Option<rustix::termios::Termios>,
}

impl Echo {
    #[cfg(unix)]
    fn off() -> Self {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
        let terminal = std::io::stderr();
        let before = tcgetattr(&terminal).ok();
        if let Some(mut modes) = before.clone() {
            modes.local_modes.remove(LocalModes::ECHO);
            // A terminal that refuses shows a line too many, and nothing worse.
            let _ = tcsetattr(&terminal, OptionalActions::Now, &modes);
        }
        Self { before }
    }

    #[cfg(unix)]
    fn restore(&self) {
        if let Some(before) = &self.before {
            let _ = rustix::termios::tcsetattr(std::io::stderr(), rustix::termios::OptionalActions::Now, before);
        }
    }

    #[cfg(not(unix))]
    fn off() -> Self {
        Self {}
    }

    #[cfg(not(unix))]
    fn restore(&self) {}
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.restore();
    }
}
