use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use anstyle::{AnsiColor, Style};
use clap::ValueEnum;

use super::Exit;

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On terminals, unless NO_COLOR, TERM=dumb or CLICOLOR say otherwise.
    #[default]
    Auto,
    Always,
    Never,
}

/// Where output goes: results to standard output, everything else to standard error.
pub struct Out {
    color: Color,
    /// Say only results and mistakes.
    quiet: bool,
    /// Changes are asked for and have not begun: who does not see them out is told that nothing was done.
    will_change: AtomicBool,
    /// What has begun is finished, whether somebody reads the results or not.
    must_finish: AtomicBool,
    /// Results could not be written, and not because the reader had enough.
    lost: AtomicBool,
}

impl Out {
    pub fn new(color: Color) -> Self {
        let choice = match color {
            Color::Auto => anstream::ColorChoice::Auto,
            Color::Always => anstream::ColorChoice::Always,
            Color::Never => anstream::ColorChoice::Never,
        };
        choice.write_global();
        let no = || AtomicBool::new(false);
        Self { color, quiet: false, will_change: no(), must_finish: no(), lost: no() }
    }

    /// Without hints, notes and progress.
    pub fn hushed(self, quiet: bool) -> Self {
        Self { quiet, ..self }
    }

    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Whether results may be coloured.
    pub fn color(&self) -> bool {
        self.allows(anstream::AutoStream::choice(&std::io::stdout()))
    }

    pub fn color_errors(&self) -> bool {
        self.allows(anstream::AutoStream::choice(&std::io::stderr()))
    }

    fn allows(&self, choice: anstream::ColorChoice) -> bool {
        self.color == Color::Always || choice != anstream::ColorChoice::Never
    }

    /// Columns of the terminal; 80 where there is none, unless COLUMNS says otherwise.
    pub fn width(&self) -> usize {
        let terminal = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        let asked = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        terminal.or(asked).unwrap_or(80).clamp(40, 500)
    }

    /// A live view makes sense only where it can be redrawn, and where nobody keeps the results: `apply | tee log`
    /// has them line by line.
    pub fn is_live(&self) -> bool {
        !self.quiet
            && std::io::stdout().is_terminal()
            && std::io::stderr().is_terminal()
            && std::env::var_os("CI").is_none()
            && std::env::var("TERM").as_deref() != Ok("dumb")
    }

    /// Somebody can answer a question.
    pub fn can_ask(&self) -> bool {
        std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }

    /// From now on a reader who goes away is no success: what was asked for would be left undone without a word.
    pub fn is_to_change(&self) {
        self.will_change.store(true, Ordering::SeqCst);
    }

    /// From now on a reader who goes away ends nothing: changes are under way.
    pub fn finish_what_began(&self) {
        self.must_finish.store(true, Ordering::SeqCst);
    }

    /// Some results are lost, such as on a full disk.
    pub fn is_lost(&self) -> bool {
        self.lost.load(Ordering::SeqCst)
    }

    /// Writes a result. A closed pipe ends the program quietly, as for every tool in a pipeline, unless it is to change
    /// something or does so already; what cannot be written for another reason is a failure.
    pub fn text(&self, text: &str) {
        let mut stdout = anstream::stdout();
        let Err(error) = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) else { return };
        let closed = error.kind() == std::io::ErrorKind::BrokenPipe;
        if !self.must_finish.load(Ordering::SeqCst) {
            if closed && !self.will_change.load(Ordering::SeqCst) {
                std::process::exit(0);
            }
            let again =
                if closed { "let somebody read the plan, or write it to a file" } else { "make room and try again" };
            self.complain(&format!("writing the results: {error}"), Some(&format!("nothing was changed; {again}")));
            std::process::exit(Exit::Error.code().into());
        }
        if !closed && !self.lost.swap(true, Ordering::SeqCst) {
            self.complain(&format!("writing the results: {error}; what has begun goes on"), None);
        }
    }

    pub fn line(&self, line: &str) {
        self.text(&format!("{line}\n"));
    }

    /// Writes a message beside the results; if nobody listens there is nothing left to do.
    pub fn error(&self, line: &str) {
        let _ = writeln!(anstream::stderr(), "{}", line.trim_end_matches('\n'));
    }

    /// Writes what helps but is no result and no mistake.
    pub fn note(&self, line: &str) {
        if !self.quiet {
            self.error(line);
        }
    }

    /// `error: …` and `help: …`.
    pub fn complain(&self, what: &str, help: Option<&str>) {
        let red = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
        let cyan = Style::new().bold().fg_color(Some(AnsiColor::Cyan.into()));
        self.error(&format!("{red}error{red:#}: {what}"));
        if let Some(help) = help {
            self.error(&format!("{cyan}help{cyan:#}: {help}"));
        }
    }
}
