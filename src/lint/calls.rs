//! Which rule of a policy uses which: a function that calls itself would overflow the engine's stack and end the
//! program, before any time limit. So circles through functions, and very long chains, are refused beforehand. So are
//! calls of functions that nothing defines: the engine would notice only where one is made.

use std::collections::{BTreeMap, BTreeSet};

use regorus::unstable::{Expr, Literal, Module, Query, Ref, Rule, RuleHead};

use super::functions;
use super::guard::Refusal;

/// The longest chain of rules that use one another. 300 are fine in a stack of 8 MiB, 3,000 are not.
const MAX_CHAIN: usize = 200;

/// A refusal and the file that it is about.
pub type Located = (String, Refusal);

/// What is known besides the modules themselves.
pub struct Around<'a> {
    /// Whether there are data of a name.
    pub is_data: &'a dyn Fn(&str) -> bool,
    /// Whether a file of a package could not be used: of what is missing with it, it has told itself.
    pub is_lost: &'a dyn Fn(&str) -> bool,
}

/// Looks at all modules of an engine together, since they may call one another.
///
/// # Errors
/// The files that cannot be used, each with its first reason.
pub fn check(modules: &[Ref<Module>], around: &Around) -> Result<(), Vec<Located>> {
    let mut uses = Uses::default();
    let mut packages = BTreeSet::new();
    for module in modules {
        let scope = Scope::of(module);
        packages.extend(first(&scope.package).map(str::to_owned));
        for rule in &module.policy {
            uses.rule(&scope, rule);
        }
    }
    uses.judge().map_err(|located| vec![*located])?;
    uses.defined(&|name| packages.contains(name) || (around.is_data)(name)).map_err(|located| vec![*located])?;
    uses.called(around)
}

/// `a` of `data.a.b`.
fn first(full: &str) -> Option<&str> {
    full.strip_prefix("data.")?.split('.').next()
}

/// A rule and what its bodies mention.
#[derive(Default)]
struct Node {
    is_function: bool,
    mentions: BTreeSet<String>,
    file: String,
    line: usize,
    column: usize,
}

#[derive(Default)]
struct Uses {
    rules: BTreeMap<String, Node>,
    /// The whole names of all functions.
    functions: BTreeSet<String>,
    calls: Vec<Call>,
}

/// A call of a function, as it is written and with its whole name.
struct Call {
    name: String,
    full: String,
    file: String,
    line: usize,
    column: usize,
}

/// How names of a module are written out: `f` is `data.package.f`, unless it is imported.
struct Scope {
    package: String,
    imports: BTreeMap<String, String>,
}

impl Scope {
    fn of(module: &Module) -> Self {
        let package = format!("data.{}", dotted(&module.package.refr).unwrap_or_default());
        let imports = module.imports.iter().filter_map(|import| {
            let target = dotted(&import.refr)?;
            let alias = match &import.r#as {
                Some(alias) => alias.text().to_owned(),
                None => target.rsplit('.').next()?.to_owned(),
            };
            Some((alias, target))
        });
        Self { package, imports: imports.collect() }
    }

    fn full(&self, name: &str) -> String {
        let (first, rest) = name.split_once('.').map_or((name, None), |(first, rest)| (first, Some(rest)));
        if first == "data" {
            return name.to_owned();
        }
        match (self.imports.get(first), rest) {
            (Some(target), Some(rest)) => format!("{target}.{rest}"),
            (Some(target), None) => target.clone(),
            (None, _) => format!("{}.{first}", self.package),
        }
    }
}

impl Scope {
    /// The whole name of a function: of its own package, or of another that is imported.
    fn function(&self, name: &str) -> String {
        let (first, rest) = name.split_once('.').map_or((name, ""), |(first, _)| (first, &name[first.len()..]));
        match self.imports.get(first) {
            _ if first == "data" => name.to_owned(),
            Some(target) => format!("{target}{rest}"),
            None => format!("{}.{name}", self.package),
        }
    }
}

/// `a.b["c"]` as `a.b.c`, up to the first part that is no name.
fn dotted(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Var { span, .. } => Some(span.text().to_owned()),
        Expr::RefDot { refr, field, .. } => Some(format!("{}.{}", dotted(refr)?, field.0.text())),
        Expr::RefBrack { refr, index, .. } => match &**index {
            Expr::String { value, .. } => Some(format!("{}.{}", dotted(refr)?, value.as_string().ok()?)),
            _ => dotted(refr),
        },
        _ => None,
    }
}

impl Uses {
    fn rule(&mut self, scope: &Scope, rule: &Rule) {
        let (span, head, bodies) = match rule {
            Rule::Spec { span, head, bodies } => (span, head, bodies),
            Rule::Default { refr, args, .. } => {
                if !args.is_empty() {
                    self.functions.extend(dotted(refr).map(|name| format!("{}.{name}", scope.package)));
                }
                return;
            }
        };
        let (refr, is_function) = match head {
            RuleHead::Func { refr, .. } => (refr, true),
            RuleHead::Compr { refr, .. } | RuleHead::Set { refr, .. } => (refr, false),
        };
        let name = dotted(refr).unwrap_or_default();
        if is_function {
            self.functions.insert(format!("{}.{name}", scope.package));
        }
        let node = self.rules.entry(scope.full(&name)).or_default();
        node.is_function |= is_function;
        if node.file.is_empty() {
            node.file.clone_from(span.source.file());
            (node.line, node.column) = (span.line as usize, span.col as usize);
        }
        let mut walk = Walk { scope, mentions: &mut node.mentions, calls: &mut self.calls };
        match head {
            RuleHead::Compr { refr, assign, .. } => {
                walk.indices(refr);
                walk.optional(assign.as_ref().map(|assign| &assign.value));
            }
            RuleHead::Set { refr, key, .. } => {
                walk.indices(refr);
                walk.optional(key.as_ref());
            }
            RuleHead::Func { assign, .. } => walk.optional(assign.as_ref().map(|assign| &assign.value)),
        }
        for body in bodies {
            walk.optional(body.assign.as_ref().map(|assign| &assign.value));
            walk.query(&body.query);
        }
    }

    /// Rules that mention a whole package mention every rule in it.
    fn targets<'a>(&'a self, mention: &'a str) -> impl Iterator<Item = &'a str> {
        let exact = self.rules.get_key_value(mention).into_iter().map(|(name, _)| name.as_str());
        let longer = self.rules.keys().filter(move |name| {
            name.strip_prefix(mention).is_some_and(|rest| rest.starts_with('.'))
                || mention.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('.'))
        });
        exact.chain(longer.map(String::as_str))
    }

    fn judge(&self) -> Result<(), Box<Located>> {
        let mut order = Order { uses: self, depth: BTreeMap::new() };
        for name in self.rules.keys() {
            order.visit(name)?;
        }
        Ok(())
    }

    /// What nothing defines is never true, and its opposite always: the rule would judge by what is not there.
    fn defined(&self, is_known: &dyn Fn(&str) -> bool) -> Result<(), Box<Located>> {
        for (rule, node) in &self.rules {
            let unknown = node.mentions.iter().filter_map(|mention| first(mention)).find(|name| !is_known(name));
            if let Some(name) = unknown {
                let message = format!(
                    "nothing defines `data.{name}`: no policy here is of that package, and no data.json or data.yaml in \
                     their folder has it"
                );
                return Err(self.refuse(rule, message));
            }
        }
        Ok(())
    }

    /// Every call leads to a function of a policy or to one that is built in.
    fn called(&self, around: &Around) -> Result<(), Vec<Located>> {
        let mut refused: Vec<Located> = Vec::new();
        for call in &self.calls {
            let is_lost = first(&call.full).is_some_and(|package| (around.is_lost)(package));
            let leads = is_lost || self.functions.contains(&call.full) || functions::is_built_in(&call.name);
            if leads || refused.iter().any(|(file, _)| *file == call.file) {
                continue;
            }
            // As they would be written there: those of its own package without it.
            let package = call.full.strip_suffix(&call.name);
            let near = self.functions.iter().map(|one| package.and_then(|of| one.strip_prefix(of)).unwrap_or(one));
            let message = functions::told(&call.name, near);
            refused.push((call.file.clone(), Refusal { line: call.line, column: call.column, message }));
        }
        if refused.is_empty() { Ok(()) } else { Err(refused) }
    }

    fn refuse(&self, name: &str, message: String) -> Box<Located> {
        let (file, line, column) =
            self.rules.get(name).map_or((String::new(), 1, 1), |node| (node.file.clone(), node.line, node.column));
        Box::new((file, Refusal { line, column, message }))
    }
}

/// Visits every rule after those it uses, without recursion of our own.
struct Order<'a> {
    uses: &'a Uses,
    /// The longest chain below each visited rule; `None` while it is being visited.
    depth: BTreeMap<&'a str, Option<usize>>,
}

impl<'a> Order<'a> {
    fn visit(&mut self, start: &'a str) -> Result<(), Box<Located>> {
        let mut path: Vec<(&'a str, Vec<&'a str>)> = Vec::new();
        self.enter(start, &mut path);
        while let Some((name, waiting)) = path.last_mut() {
            let name = *name;
            let Some(next) = waiting.pop() else {
                let longest = self.below(name).map(|below| below.map_or(0, |below| below.unwrap_or(0) + 1)).max();
                let longest = longest.unwrap_or(0);
                if longest > MAX_CHAIN {
                    let message = format!("rules use one another more than {MAX_CHAIN} deep");
                    return Err(self.uses.refuse(name, message));
                }
                self.depth.insert(name, Some(longest));
                path.pop();
                continue;
            };
            match self.depth.get(next) {
                Some(Some(_)) => {}
                // Rules without arguments that need one another are told by the engine.
                Some(None) => {
                    let circle: Vec<&str> =
                        path.iter().map(|(name, _)| *name).skip_while(|name| *name != next).collect();
                    let function = circle.iter().find(|name| self.uses.rules[**name].is_function);
                    if let Some(function) = function {
                        let message = format!("the function `{}` calls itself", function.trim_start_matches("data."));
                        return Err(self.uses.refuse(function, message));
                    }
                }
                None => self.enter(next, &mut path),
            }
        }
        Ok(())
    }

    fn enter(&mut self, name: &'a str, path: &mut Vec<(&'a str, Vec<&'a str>)>) {
        self.depth.entry(name).or_insert(None);
        let uses = self.uses;
        let waiting = uses.rules.get(name).into_iter().flat_map(|node| &node.mentions);
        path.push((name, waiting.flat_map(|mention| uses.targets(mention)).collect()));
    }

    fn below(&self, name: &'a str) -> impl Iterator<Item = Option<&Option<usize>>> {
        let uses = self.uses;
        let mentions = uses.rules.get(name).into_iter().flat_map(|node| &node.mentions);
        mentions.flat_map(|mention| uses.targets(mention)).map(|target| self.depth.get(target))
    }
}

/// Collects what an expression mentions. Its recursion is bounded by what the parser and `guard` let through.
struct Walk<'a> {
    scope: &'a Scope,
    mentions: &'a mut BTreeSet<String>,
    calls: &'a mut Vec<Call>,
}

impl Walk<'_> {
    fn optional(&mut self, expr: Option<&Ref<Expr>>) {
        if let Some(expr) = expr {
            self.expr(expr);
        }
    }

    /// Of a rule's head only what stands in brackets is evaluated.
    fn indices(&mut self, refr: &Expr) {
        match refr {
            Expr::RefBrack { refr, index, .. } => {
                self.indices(refr);
                self.expr(index);
            }
            Expr::RefDot { refr, .. } => self.indices(refr),
            _ => {}
        }
    }

    fn query(&mut self, query: &Query) {
        for statement in &query.stmts {
            match &statement.literal {
                Literal::SomeVars { .. } => {}
                Literal::SomeIn { key, value, collection, .. } => {
                    self.optional(key.as_ref());
                    self.expr(value);
                    self.expr(collection);
                }
                Literal::Expr { expr, .. } | Literal::NotExpr { expr, .. } => self.expr(expr),
                Literal::Every { domain, query, .. } => {
                    self.expr(domain);
                    self.query(query);
                }
            }
            for with in &statement.with_mods {
                self.expr(&with.refr);
                self.expr(&with.r#as);
            }
        }
    }

    fn call(&mut self, function: &Expr) {
        let mut first = function;
        while let Expr::RefDot { refr, .. } | Expr::RefBrack { refr, .. } = first {
            first = refr;
        }
        let span = first.span();
        self.calls.extend(dotted(function).map(|name| Call {
            full: self.scope.function(&name),
            name,
            file: span.source.file().clone(),
            line: span.line as usize,
            column: span.col as usize,
        }));
    }

    fn expr(&mut self, expr: &Expr) {
        if let Some(name) = dotted(expr) {
            self.mentions.insert(self.scope.full(&name));
        }
        match expr {
            Expr::Array { items, .. } | Expr::Set { items, .. } => items.iter().for_each(|item| self.expr(item)),
            Expr::Object { fields, .. } => fields.iter().for_each(|(_, key, value)| {
                self.expr(key);
                self.expr(value);
            }),
            Expr::ArrayCompr { term, query, .. } | Expr::SetCompr { term, query, .. } => {
                self.expr(term);
                self.query(query);
            }
            Expr::ObjectCompr { key, value, query, .. } => {
                self.expr(key);
                self.expr(value);
                self.query(query);
            }
            Expr::Call { fcn, params, .. } => {
                self.call(fcn);
                self.expr(fcn);
                params.iter().for_each(|param| self.expr(param));
            }
            Expr::UnaryExpr { expr, .. } => self.expr(expr),
            Expr::RefDot { .. } => self.indices(expr),
            Expr::RefBrack { .. } => self.indices(expr),
            Expr::BinExpr { lhs, rhs, .. }
            | Expr::BoolExpr { lhs, rhs, .. }
            | Expr::ArithExpr { lhs, rhs, .. }
            | Expr::AssignExpr { lhs, rhs, .. } => {
                self.expr(lhs);
                self.expr(rhs);
            }
            Expr::Membership { key, value, collection, .. } => {
                self.optional(key.as_ref());
                self.expr(value);
                self.expr(collection);
            }
            _ => {}
        }
    }
}
