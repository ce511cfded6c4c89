//! From the syntax tree of a rule to its premises.

use std::collections::{BTreeMap, BTreeSet};

use regorus::Value;
use regorus::unstable::{AssignOp, Expr, Literal, LiteralStmt, Module, Query, Ref, Rule, RuleHead};

use super::{Body, Premise, Step, Term};

impl Premise {
    /// The premises of a rule that fills a set; nothing where it is another sort of rule, or where the module may mean
    /// something else than the input by `input`.
    pub fn of(module: &Module, name: &str) -> Option<Self> {
        let mut bodies = Vec::new();
        for rule in &module.policy {
            match &**rule {
                Rule::Spec { head: RuleHead::Set { refr, .. }, bodies: these, .. } if is_variable(refr, name) => {
                    // A rule without a body always speaks.
                    if these.is_empty() {
                        return None;
                    }
                    let functions = functions(module);
                    bodies.extend(these.iter().map(|body| Reader::new(&functions).body(&body.query)));
                }
                Rule::Spec { head, .. } if begins_with(head, name) => return None,
                Rule::Default { refr, .. } if first(refr) == Some(name) => return None,
                _ => {}
            }
        }
        let renamed = module.imports.iter().any(|import| {
            let alias = import.r#as.as_ref().map(|alias| alias.text());
            alias == Some("input") || first(&import.refr) == Some("input")
        });
        (!bodies.is_empty() && !renamed).then_some(Self { bodies })
    }
}

fn is_variable(expr: &Expr, name: &str) -> bool {
    matches!(expr, Expr::Var { span, .. } if span.text() == name)
}

/// The first name of a reference.
fn first(mut expr: &Expr) -> Option<&str> {
    loop {
        match expr {
            Expr::Var { span, .. } => return Some(span.text()),
            Expr::RefDot { refr, .. } | Expr::RefBrack { refr, .. } => expr = refr,
            _ => return None,
        }
    }
}

fn begins_with(head: &RuleHead, name: &str) -> bool {
    let (RuleHead::Compr { refr, .. } | RuleHead::Set { refr, .. } | RuleHead::Func { refr, .. }) = head;
    first(refr) == Some(name)
}

/// The module's own functions, which may be called like those of the engine.
fn functions(module: &Module) -> BTreeSet<&str> {
    module
        .policy
        .iter()
        .filter_map(|rule| match &**rule {
            Rule::Spec { head: RuleHead::Func { refr, .. }, .. } => first(refr),
            _ => None,
        })
        .collect()
}

/// Reads one body. Statements count in the order in which they are written; what a later one defines is unknown to
/// those before it.
struct Reader<'a> {
    functions: &'a BTreeSet<&'a str>,
    variables: BTreeMap<String, usize>,
    count: usize,
}

impl<'a> Reader<'a> {
    fn new(functions: &'a BTreeSet<&'a str>) -> Self {
        Self { functions, variables: BTreeMap::new(), count: 0 }
    }

    fn body(mut self, query: &Query) -> Body {
        let steps = query.stmts.iter().filter_map(|statement| self.step(statement)).collect();
        Body { variables: self.count, steps }
    }

    fn step(&mut self, statement: &LiteralStmt) -> Option<Step> {
        if !statement.with_mods.is_empty() {
            return None;
        }
        match &statement.literal {
            Literal::SomeIn { key, value, collection, .. } => {
                let collection = self.term(collection);
                let key = key.as_ref().and_then(|key| self.define(key));
                let value = self.define(value);
                Some(Step::Each { key, value, collection })
            }
            Literal::Expr { expr, .. } => self.expression(expr),
            Literal::NotExpr { expr, .. } => Some(Step::Fails(self.term(expr))),
            Literal::SomeVars { .. } | Literal::Every { .. } => None,
        }
    }

    fn expression(&mut self, expr: &Expr) -> Option<Step> {
        match expr {
            Expr::AssignExpr { op: AssignOp::ColEq, lhs, rhs, .. } => {
                let term = self.term(rhs);
                Some(match self.define(lhs) {
                    Some(variable) => Step::Let(variable, term),
                    None => Step::Exists(term),
                })
            }
            Expr::AssignExpr { .. } => None,
            // What it walks must be there; what it finds is unknown.
            Expr::Call { fcn, params, .. } if is_variable(fcn, "walk") && !self.functions.contains("walk") => {
                params.first().map(|walked| Step::Exists(self.term(walked)))
            }
            _ => Some(Step::Holds(self.term(expr))),
        }
    }

    /// A new local variable, if the expression is one.
    fn define(&mut self, expr: &Expr) -> Option<usize> {
        // `_` is another one wherever it stands.
        let Expr::Var { span, .. } = expr else { return None };
        if span.text() == "_" {
            return None;
        }
        let variable = self.count;
        self.count += 1;
        self.variables.insert(span.text().to_owned(), variable);
        Some(variable)
    }

    fn term(&self, expr: &Expr) -> Term {
        let boxed = |expr: &Expr| Box::new(self.term(expr));
        match expr {
            Expr::String { value, .. }
            | Expr::RawString { value, .. }
            | Expr::Number { value, .. }
            | Expr::Bool { value, .. }
            | Expr::Null { value, .. } => Term::Constant(value.clone()),
            Expr::Var { span, .. } => match self.variables.get(span.text()) {
                Some(variable) => Term::Variable(*variable),
                None if span.text() == "input" => Term::Input,
                // Another rule, or a variable of a later statement.
                None => Term::Unknown,
            },
            Expr::RefDot { refr, field, .. } => {
                Term::Get(boxed(refr), Box::new(Term::Constant(Value::from(field.0.text()))))
            }
            Expr::RefBrack { refr, index, .. } => Term::Get(boxed(refr), boxed(index)),
            Expr::Array { items, .. } => Term::List(items.iter().map(|item| self.term(item)).collect()),
            Expr::Set { items, .. } => set(items.iter().map(|item| self.term(item)).collect()),
            Expr::BoolExpr { op, lhs, rhs, .. } => Term::Compare(op.clone(), boxed(lhs), boxed(rhs)),
            Expr::ArithExpr { op, lhs, rhs, .. } => Term::Calculate(op.clone(), boxed(lhs), boxed(rhs)),
            Expr::Membership { key: None, value, collection, .. } => Term::In(boxed(value), boxed(collection)),
            Expr::Call { fcn, params, .. } => self.call(fcn, params),
            _ => Term::Unknown,
        }
    }

    fn call(&self, fcn: &Expr, params: &[Ref<Expr>]) -> Term {
        let Expr::Var { span, .. } = fcn else { return Term::Unknown };
        let name = span.text();
        if self.functions.contains(name) || self.variables.contains_key(name) {
            return Term::Unknown;
        }
        let boxed = |at: usize| Box::new(self.term(&params[at]));
        match (name, params.len()) {
            ("trim_space", 1) => Term::TrimSpace(boxed(0)),
            ("count", 1) => Term::Count(boxed(0)),
            ("startswith", 2) => Term::Text(|text, part| text.starts_with(part), boxed(0), boxed(1)),
            ("endswith", 2) => Term::Text(|text, part| text.ends_with(part), boxed(0), boxed(1)),
            ("contains", 2) => Term::Text(|text, part| text.contains(part), boxed(0), boxed(1)),
            _ => Term::Unknown,
        }
    }
}

/// A set that is always the same is made once.
fn set(items: Vec<Term>) -> Term {
    let constants: Option<BTreeSet<Value>> = items.iter().map(constant).collect();
    constants.map_or(Term::Set(items), |constants| Term::Constant(Value::from(constants)))
}

fn constant(term: &Term) -> Option<Value> {
    match term {
        Term::Constant(value) => Some(value.clone()),
        _ => None,
    }
}
