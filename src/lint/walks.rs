//! `[path, value] := walk(x)`: OPA goes through all pairs; the engine does so only for `walk(x, [path, value])` and finds
//! nothing in the other form, without a word. So the one is written as the other before the engine reads it.

use std::ops::Range;

use regorus::unstable::{Expr, Literal, Module, Query, Rule};

/// The text with every such assignment rewritten on its own lines, or nothing where there is none.
pub fn rewritten(text: &str, module: &Module) -> Option<String> {
    let mut found = Vec::new();
    for rule in &module.policy {
        if let Rule::Spec { bodies, .. } = &**rule {
            bodies.iter().for_each(|body| query(&body.query, &mut found));
        }
    }
    if found.is_empty() {
        return None;
    }
    found.sort_by_key(|(span, _)| span.start);
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for (span, call) in found.into_iter().filter(|(span, _)| text.get(span.clone()).is_some()) {
        if span.start >= at {
            out.push_str(&text[at..span.start]);
            out.push_str(&call);
            at = span.end;
        }
    }
    out.push_str(&text[at..]);
    Some(out)
}

/// Statements of a body, and of what is nested in them as far as rules nest bodies: `every` and comprehensions.
fn query(query: &Query, found: &mut Vec<(Range<usize>, String)>) {
    for statement in &query.stmts {
        match &statement.literal {
            Literal::Expr { expr, .. } => {
                found.extend(assignment(expr));
                comprehensions(expr, found);
            }
            Literal::Every { query: inner, .. } => self::query(inner, found),
            Literal::SomeIn { collection, .. } => comprehensions(collection, found),
            _ => {}
        }
    }
}

fn comprehensions(expr: &Expr, found: &mut Vec<(Range<usize>, String)>) {
    match expr {
        Expr::ArrayCompr { query, .. } | Expr::SetCompr { query, .. } | Expr::ObjectCompr { query, .. } => {
            self::query(query, found);
        }
        Expr::Call { params, .. } => params.iter().for_each(|param| comprehensions(param, found)),
        Expr::AssignExpr { lhs, rhs, .. } | Expr::BoolExpr { lhs, rhs, .. } => {
            comprehensions(lhs, found);
            comprehensions(rhs, found);
        }
        _ => {}
    }
}

/// The bytes of `PAIR := walk(X)` and what replaces them.
fn assignment(expr: &Expr) -> Option<(Range<usize>, String)> {
    let Expr::AssignExpr { lhs, rhs, span, .. } = expr else { return None };
    let Expr::Call { fcn, params, span: call, .. } = &**rhs else { return None };
    let [subject] = params.as_slice() else { return None };
    if fcn.span().text() != "walk" {
        return None;
    }
    let start = span.start.min(lhs.span().start) as usize;
    let end = span.end.max(call.end) as usize;
    Some((start..end, format!("walk({}, {})", subject.span().text(), lhs.span().text())))
}
