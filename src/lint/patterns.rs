//! Regular expressions in policies. A wrong one matches nothing, and without a word: the rule would find nothing for ever.
//! Formats, of which a wrong one ends the program. And chance: what is found today must be found tomorrow.

use regorus::unstable::{Expr, Literal, Module, Query, Ref, Rule, RuleHead};

use super::bounded;
use super::guard::Refusal;

/// The engine refuses patterns that compile to more bytes (regorus 0.14.1, `builtins/regex.rs`).
const MOST_BYTES: usize = 100 * 1024;

/// Functions that take a pattern, and which of their arguments it is.
const FUNCTIONS: &[(&str, usize)] = &[
    ("regex.match", 0),
    ("regex.split", 0),
    ("regex.find_n", 0),
    ("regex.find_all_string_submatch_n", 0),
    ("regex.replace", 1),
    ("re_match", 0),
];

/// Whether a text is a regular expression that the engine takes.
pub fn is_pattern(text: &str) -> bool {
    why_not(text).is_none()
}

/// What is wrong with a regular expression, in one line.
fn why_not(text: &str) -> Option<String> {
    let error = regex::RegexBuilder::new(text).size_limit(MOST_BYTES).build().err()?;
    let told = error.to_string();
    let line = told.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    Some(line.trim().trim_start_matches("error: ").to_owned())
}

/// Looks at every pattern that is written out in a module.
pub fn check(module: &Module) -> Result<(), Refusal> {
    let mut found = None;
    for rule in &module.policy {
        if let Rule::Spec { head, bodies, .. } = &**rule {
            match head {
                RuleHead::Compr { assign: Some(assign), .. } | RuleHead::Func { assign: Some(assign), .. } => {
                    expr(&assign.value, &mut found);
                }
                RuleHead::Set { key: Some(key), .. } => expr(key, &mut found),
                _ => {}
            }
            for body in bodies {
                if let Some(assign) = &body.assign {
                    expr(&assign.value, &mut found);
                }
                query(&body.query, &mut found);
            }
        }
    }
    found.map_or(Ok(()), Err)
}

fn query(body: &Query, found: &mut Option<Refusal>) {
    for statement in &body.stmts {
        match &statement.literal {
            Literal::SomeVars { .. } => {}
            Literal::SomeIn { collection, .. } => expr(collection, found),
            Literal::Expr { expr: inner, .. } | Literal::NotExpr { expr: inner, .. } => expr(inner, found),
            Literal::Every { domain, query: inner, .. } => {
                expr(domain, found);
                query(inner, found);
            }
        }
    }
}

/// The text that is written out in an argument.
fn literal(argument: Option<&Ref<Expr>>) -> Option<&str> {
    match &**argument? {
        Expr::String { value, .. } | Expr::RawString { value, .. } => value.as_string().ok().map(|text| &**text),
        _ => None,
    }
}

/// The first refusal is the one that is told.
fn refuse(argument: Option<&Ref<Expr>>, message: String, found: &mut Option<Refusal>) {
    if let Some(span) = argument.map(|argument| argument.span()) {
        found.get_or_insert(Refusal { line: span.line as usize, column: span.col as usize, message });
    }
}

/// Its recursion is bounded by what the parser and `guard` let through.
fn expr(at: &Expr, found: &mut Option<Refusal>) {
    match at {
        Expr::Call { fcn, params, .. } => {
            let name = fcn.span().text();
            let pattern = FUNCTIONS.iter().find(|(known, _)| *known == name).and_then(|(_, nth)| params.get(*nth));
            if let Some(message) =
                literal(pattern).and_then(|text| Some(format!("this is no regular expression: {}", why_not(text)?)))
            {
                refuse(pattern, message, found);
            }
            let format = params.first().filter(|_| name == "sprintf");
            if let Some(message) = literal(format).and_then(bounded::wrong_format) {
                refuse(format, message, found);
            }
            if name == "rand.intn" {
                let message = "what it answers differs from run to run, and so would the findings; remove it";
                let first = if let Expr::RefDot { refr, .. } = &**fcn { refr } else { fcn };
                refuse(Some(first), message.to_owned(), found);
            }
            params.iter().for_each(|param| expr(param, found));
        }
        Expr::Array { items, .. } | Expr::Set { items, .. } => items.iter().for_each(|item| expr(item, found)),
        Expr::Object { fields, .. } => fields.iter().for_each(|(_, key, value)| {
            expr(key, found);
            expr(value, found);
        }),
        Expr::ArrayCompr { term, query: inner, .. } | Expr::SetCompr { term, query: inner, .. } => {
            expr(term, found);
            query(inner, found);
        }
        Expr::ObjectCompr { key, value, query: inner, .. } => {
            expr(key, found);
            expr(value, found);
            query(inner, found);
        }
        Expr::UnaryExpr { expr: inner, .. } => expr(inner, found),
        Expr::RefBrack { refr, index, .. } => {
            expr(refr, found);
            expr(index, found);
        }
        Expr::RefDot { refr, .. } => expr(refr, found),
        Expr::BinExpr { lhs, rhs, .. }
        | Expr::BoolExpr { lhs, rhs, .. }
        | Expr::ArithExpr { lhs, rhs, .. }
        | Expr::AssignExpr { lhs, rhs, .. } => {
            expr(lhs, found);
            expr(rhs, found);
        }
        Expr::Membership { value, collection, .. } => {
            expr(value, found);
            expr(collection, found);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_policies_are_written_with_is_known() {
        for pattern in [r"\b(AKIA|ASIA)[A-Z0-9]{16}\b", r"(?i)\bpassword\s*=\s*\S{8,}", r"^\d+\w*$", r"\p{Greek}"] {
            assert!(is_pattern(pattern), "{pattern}");
        }
        assert!(!is_pattern("(") && !is_pattern(r"\w{5000}"));
        assert_eq!(why_not("a("), Some("unclosed group".to_owned()));
    }

    #[test]
    fn wrong_patterns_are_told_with_their_line() {
        let told = |text: &str, wrong: &str| {
            let mut engine = regorus::Engine::new();
            engine.add_policy("x.rego".into(), format!("package x\n{text}\n")).unwrap();
            let refusal = check(engine.get_modules().last().unwrap()).unwrap_err();
            assert_eq!((refusal.line, refusal.column), (2, text.find(wrong).unwrap() + 1), "{text}");
        };
        told("a if { regex.match(`^[`, input.x) }", "^[");
        told("a contains x if { x := [y | some y in input; not regex.match(\"((\", y)] }", "((");
        told("f(x) := regex.replace(x, \"[[\", \"\")", "[[");
        told("a := sprintf(\"%123456d\", [1])", "%1");
        told("a if { rand.intn(\"x\", 2) == 1 }", "rand");
        let fine = ["a if { regex.match(input.pattern, `[`) }", "a if { regex.match(`[a-z]`, \"[\") }"];
        for text in fine {
            let mut engine = regorus::Engine::new();
            engine.add_policy("x.rego".into(), format!("package x\n{text}\n")).unwrap();
            assert_eq!(check(engine.get_modules().last().unwrap()), Ok(()), "{text}");
        }
    }
}
