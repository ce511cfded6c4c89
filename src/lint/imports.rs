//! Imports of policies that the engine has a word for of its own on standard error, beside what it does: so it gets none of
//! them to see.

use regorus::unstable::{Expr, Module};

use super::guard::{Refusal, Tokens};

/// What a line begins with that imports keywords into a policy of before OPA 1.0.
const KEYWORDS: &str = "import future.keywords";

/// The text without imports of `input`, which has that name already; nothing where there is none. All else stays where it is.
pub fn without_input(text: &str, module: &Module) -> Option<String> {
    let mut out = text.to_owned();
    for import in module.imports.iter().filter(|import| import.r#as.is_none()) {
        let (start, end) = (import.span.start as usize, import.refr.span().end as usize);
        let names_input = matches!(&*import.refr, Expr::Var { span, .. } if span.text() == "input");
        if names_input && text.get(start..end).is_some_and(|import| import.starts_with("import")) {
            let blank: String = text[start..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
            out.replace_range(start..end, &blank);
        }
    }
    (out != text).then_some(out)
}

/// Where a policy of before OPA 1.0 writes `some … in` or `every` and does not import it.
pub fn missing(text: &str) -> Option<Refusal> {
    let imported = |word: &str| {
        let mut behind = text.lines().filter_map(|line| line.trim().strip_prefix(KEYWORDS));
        // `every` brings `in` along.
        behind.any(|rest| {
            let name = rest.split('#').next().unwrap_or_default().trim().trim_start_matches('.');
            name.is_empty() || name == word || name == "every"
        })
    };
    let mut after_some = false;
    for token in Tokens::of(text) {
        let word = match token.word {
            "some" => {
                after_some = true;
                continue;
            }
            "in" if after_some => "in",
            "every" => "every",
            // `some key, value in …`
            name if !name.is_empty() || token.first == ',' => continue,
            _ => {
                after_some = false;
                continue;
            }
        };
        after_some = false;
        if !imported(word) {
            let message = format!("`{word}` needs `{KEYWORDS}.{word}`, or `import rego.v1`");
            return Some(Refusal { line: token.line, column: token.column, message });
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_is_not_imported_and_nothing_moves() {
        let module = |text: &str| {
            let mut engine = regorus::Engine::new();
            engine.add_policy("x.rego".into(), text.into()).unwrap();
            without_input(text, engine.get_modules().last().unwrap())
        };
        let text = "package x\nimport input\nimport input as here # é\nimport input.a\nimport data.b\np := 1\n";
        let expected = text.replacen("import input\n", "            \n", 1);
        assert_eq!(module(text), Some(expected));
        assert_eq!(module("package x\nimport input.a as b\np := 1\n"), None);
    }

    #[test]
    fn keywords_that_are_not_imported_are_told() {
        let told = |text: &str| missing(text).map(|refusal| (refusal.line, refusal.column, refusal.message));
        let body = "deny[msg] { some key, x in input.a; msg := x }\n";
        let (line, column, message) = told(&format!("package x\n{body}")).unwrap();
        assert_eq!((line, column), (2, 25));
        assert_eq!(message, "`in` needs `import future.keywords.in`, or `import rego.v1`");
        for import in ["", ".in", ".every # é"] {
            assert_eq!(told(&format!("package x\nimport future.keywords{import}\n{body}")), None, "{import}");
        }
        assert!(
            told("package x\nimport future.keywords.in\np { every x in input.a { x } }\n")
                .unwrap()
                .2
                .contains("`every`")
        );
        for fine in ["deny[m] { some i; input.a[i] == 1; m := \"x in y, every z\" }", "f(in_use) = 1 # every"] {
            assert_eq!(told(fine), None, "{fine}");
        }
    }
}
