//! The text of a policy as the engine takes it: of today's language or of that before, and rewritten where the engine
//! differs from OPA.

use regorus::unstable::{Module, Ref};

use super::super::apart::Shared;
use super::super::guard::{self, Refusal};
use super::super::policy::{PolicyFailure, PolicyFile};
use super::super::{imports, walks};

/// Adds a policy as Rego of today or, if it can be, as Rego before OPA 1.0.
pub(super) fn add_either(engine: &mut regorus::Engine, name: &str, text: &str) -> Result<(), String> {
    let Err(error) = engine.add_policy(name.into(), text.into()) else { return Ok(()) };
    if !guard::may_be_older(text) {
        return Err(error.to_string());
    }
    if let Some(Refusal { line, column, message }) = imports::missing(text) {
        return Err(format!("--> {name}:{line}:{column}\nerror: {message}"));
    }
    engine.set_rego_v0(true);
    let older = engine.add_policy(name.into(), text.into());
    engine.set_rego_v0(false);
    older.map(|_| ()).map_err(|older| told_of_both(name, &error.to_string(), &older.to_string()))
}

/// Of what is wrong with a policy as Rego of today and as Rego of before the one that its author means: that which got
/// further, and not the words that only the other form wants.
fn told_of_both(name: &str, today: &str, older: &str) -> String {
    let place = |error: &str| {
        let failure = PolicyFailure::told(name, error);
        (failure.line, failure.column)
    };
    let wants_a_word = ["`if` keyword is required", "`contains` keyword is required"];
    let is_older = place(older) > place(today) || wants_a_word.iter().any(|word| today.contains(word));
    if is_older { older.to_owned() } else { today.to_owned() }
}

/// The text with its imports and walks as the engine wants them, and with names of its own where other files have the
/// same; nothing where there is nothing to rewrite.
pub(super) fn rewritten(name: &str, text: &str, shared: &Shared, nth: usize) -> Option<String> {
    let mut new: Option<String> = None;
    let mut step = |wanted: bool, rewrite: &dyn Fn(&str, &Module) -> Option<String>| {
        let now = new.as_deref().unwrap_or(text);
        let next = if wanted { alone(name, now).and_then(|module| rewrite(now, &module)) } else { None };
        new = next.or(new.take());
    };
    step(text.contains("import input"), &imports::without_input);
    step(text.contains("walk("), &walks::rewritten);
    step(!shared.is_empty(), &|text, module| shared.apart(text, module, nth));
    new
}

/// A file by itself, as the engine reads it.
fn alone(name: &str, text: &str) -> Option<Ref<Module>> {
    let mut engine = regorus::Engine::new();
    add_either(&mut engine, name, text).ok()?;
    engine.get_modules().last().cloned()
}

/// What files define together. Ours have a package each.
pub(super) fn shared(files: &[&PolicyFile]) -> Shared {
    let theirs = files.iter().filter(|file| !file.source.text.contains("package tidegate."));
    let theirs: Vec<&&PolicyFile> = theirs.filter(|file| guard::check(&file.source.text).is_ok()).collect();
    if theirs.len() < 2 {
        return Shared::default();
    }
    let modules: Vec<Ref<Module>> =
        theirs.into_iter().filter_map(|file| alone(&file.source.name, &file.source.text)).collect();
    Shared::among(modules.iter().map(|module| &**module))
}
