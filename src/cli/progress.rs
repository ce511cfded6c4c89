use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::Out;
use crate::apply::Event;
use crate::plan::{Plan, Verb};

/// Tells a run while it goes on: redrawn on a terminal, one line an event elsewhere, JSON if asked for.
pub struct Progress<'a> {
    out: &'a Out,
    json: bool,
    pipeline: String,
    total: usize,
    done: Mutex<usize>,
    live: Option<Live>,
}

/// Columns of the spinner and the time that stand before a message.
const BEFORE_MESSAGE: usize = 10;
/// Columns that stay free at the end.
const SPARE: usize = 2;

/// One line for each running step, with its elapsed time.
struct Live {
    view: MultiProgress,
    bars: Mutex<BTreeMap<usize, ProgressBar>>,
    width: usize,
}

impl<'a> Progress<'a> {
    /// `view` is where a live view is drawn, if there is one.
    pub fn new(plan: &Plan, json: bool, view: Option<&MultiProgress>, out: &'a Out) -> Self {
        let live = view.map(|view| Live { view: view.clone(), bars: Mutex::default(), width: out.width() });
        Self { out, json, pipeline: plan.scope.pipeline.clone(), total: plan.steps.len(), done: Mutex::new(0), live }
    }

    pub fn tell(&self, event: &Event) {
        if self.json {
            // An event is plain data: it always has a JSON form.
            let mut event = serde_json::to_value(event).unwrap_or_default();
            event["pipeline"] = self.pipeline.as_str().into();
            event["at"] = jiff::Timestamp::now().to_string().into();
            self.out.line(&event.to_string());
            return;
        }
        if let Some(live) = &self.live {
            live.follow(event);
        }
        if let Some(line) = self.line(event) {
            match &self.live {
                Some(live) => {
                    // If the terminal is gone the run still goes on.
                    let _ = live.view.println(line);
                }
                None => self.out.line(&line),
            }
        }
    }

    pub fn finish(&self) {
        if let Some(live) = &self.live {
            let _ = live.view.clear();
        }
    }

    fn line(&self, event: &Event) -> Option<String> {
        let quiet = self.live.is_some() || self.out.is_quiet();
        match event {
            Event::Started { address, verb, .. } if !quiet => Some(format!("  …    {} {address}", doing(*verb))),
            Event::Waiting { address, status, .. } if !quiet => Some(format!("  …    {address} is {status}")),
            Event::Done { address, verb, seconds, .. } => {
                let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
                *done += 1;
                if self.out.is_quiet() {
                    return None;
                }
                let took = if *seconds > 0 { format!(" in {seconds} s") } else { String::new() };
                Some(format!("  ok   {} {address}{took}  [{}/{}]", past(*verb), *done, self.total))
            }
            Event::Failed { address, verb, error, help, .. } | Event::Lost { address, verb, error, help, .. } => {
                let help = help.as_ref().map(|help| format!("\n       help: {help}")).unwrap_or_default();
                Some(format!("  FAIL {} {address}\n       {error}{help}", doing(*verb)))
            }
            Event::Skipped { address, verb, because, .. } => {
                Some(format!("  skip {} {address}: {because}", doing(*verb)))
            }
            _ => None,
        }
    }
}

impl Live {
    /// A line never fills the terminal: what wraps could not be drawn over.
    fn short(&self, message: &str) -> String {
        message.chars().take(self.width.saturating_sub(BEFORE_MESSAGE + SPARE)).collect()
    }

    fn follow(&self, event: &Event) {
        let mut bars = self.bars.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Started { step, address, verb } => {
                let style = ProgressStyle::with_template("  {spinner} {elapsed:>4}  {msg}");
                let bar = self.view.add(ProgressBar::new_spinner());
                bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
                bar.set_message(self.short(&format!("{} {address}", doing(*verb))));
                bar.enable_steady_tick(Duration::from_millis(100));
                bars.insert(*step, bar);
            }
            Event::Calling { step, address, operation } => {
                if let Some(bar) = bars.get(step) {
                    bar.set_message(self.short(&format!("{address}  {operation}")));
                }
            }
            Event::Waiting { step, address, status } => {
                if let Some(bar) = bars.get(step) {
                    bar.set_message(self.short(&format!("{address}  {status}")));
                }
            }
            Event::Done { step, .. } | Event::Failed { step, .. } => {
                if let Some(bar) = bars.remove(step) {
                    bar.finish_and_clear();
                }
            }
            Event::Skipped { .. } | Event::Lost { .. } => {}
        }
    }
}

pub fn doing(verb: Verb) -> &'static str {
    match verb {
        Verb::Create => "create",
        Verb::Update => "update",
        Verb::Replace => "replace",
        Verb::Adopt => "adopt",
        Verb::Delete => "delete",
    }
}

fn past(verb: Verb) -> &'static str {
    match verb {
        Verb::Create => "created",
        Verb::Update => "updated",
        Verb::Replace => "replaced",
        Verb::Adopt => "adopted",
        Verb::Delete => "deleted",
    }
}
