//! What is refused before the engine sees a policy, because the engine would hang or die of it.
//!
//! Measured with regorus 0.14.1: the time to parse nested array and object literals doubles with each level;
//! a chain of thousands of operators, written over many lines, overflows the stack.

/// Nested `[` and `{` of a policy. Sixteen levels take half a second, and each more the double.
pub const MAX_DEPTH: usize = 10;
/// Operators in one expression.
pub const MAX_OPERATORS: usize = 200;
/// Bytes of a policy file.
pub const MAX_POLICY_BYTES: usize = 1 << 20;

/// Why a policy was refused, and where. Lines and columns count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub line: usize,
    pub column: usize,
    pub message: String,
}

/// Looks at the text of a policy without parsing it.
pub fn check(text: &str) -> Result<(), Refusal> {
    if text.len() > MAX_POLICY_BYTES {
        let message = format!("the policy has {} bytes; at most {MAX_POLICY_BYTES} are read", text.len());
        return Err(Refusal { line: 1, column: 1, message });
    }
    let mut depth = 0_usize;
    let mut chain = Chain::default();
    for token in Tokens::of(text) {
        let refuse = |message: String| Err(Refusal { line: token.line, column: token.column, message });
        match token.first {
            '[' | '{' => depth += 1,
            ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return refuse(format!("brackets are nested more than {MAX_DEPTH} deep"));
        }
        if chain.add(&token) > MAX_OPERATORS {
            return refuse(format!("an expression has more than {MAX_OPERATORS} operators"));
        }
    }
    Ok(())
}

/// Whether a policy can be of Rego before OPA 1.0, which knew `if` and `contains` only where they were imported.
pub fn may_be_older(text: &str) -> bool {
    let mut words = Tokens::of(text).map(|token| token.word);
    text.contains("future.keywords") || !words.any(|word| word == "if" || word == "contains")
}

/// Counts the operators of the expression that is being read.
#[derive(Default)]
struct Chain {
    operators: usize,
    line: usize,
    after_operator: bool,
}

impl Chain {
    fn add(&mut self, token: &Token) -> usize {
        let is_operator = "+-*/%|&<>=!:".contains(token.first) || token.word == "in";
        // An expression goes on in the next line only after or before an operator.
        let ends = ",;{}[]()".contains(token.first) || (token.line > self.line && !self.after_operator && !is_operator);
        if ends {
            self.operators = 0;
        }
        self.operators += usize::from(is_operator);
        self.after_operator = is_operator;
        self.line = token.line;
        self.operators
    }
}

/// One token, as far as this module needs to know it.
pub(super) struct Token<'a> {
    pub first: char,
    /// Of names and keywords, the whole; otherwise empty.
    pub word: &'a str,
    pub line: usize,
    pub column: usize,
}

/// Tokens of Rego without comments; the insides of texts are left out.
pub(super) struct Tokens<'a> {
    text: &'a str,
    at: usize,
    line: usize,
    line_start: usize,
}

impl<'a> Tokens<'a> {
    pub fn of(text: &'a str) -> Self {
        Self { text, at: 0, line: 1, line_start: 0 }
    }

    /// Goes on while `keep` holds, and over what it answers `true` for.
    fn skip(&mut self, keep: impl Fn(char) -> bool) {
        while let Some(c) = self.text[self.at..].chars().next().filter(|c| keep(*c)) {
            self.at += c.len_utf8();
            if c == '\n' {
                self.line += 1;
                self.line_start = self.at;
            }
        }
    }

    /// Behind the closing quote; a text in double quotes ends with its line and knows escapes.
    fn skip_text(&mut self, quote: char) {
        self.at += 1;
        loop {
            self.skip(|c| c != quote && c != '\\' && (c != '\n' || quote == '`'));
            match self.text[self.at..].chars().next() {
                Some('\\') if quote == '"' => {
                    self.at += 1;
                    let escaped = self.text[self.at..].chars().next().filter(|c| *c != '\n');
                    self.at += escaped.map_or(0, char::len_utf8);
                }
                Some(c) if c == quote || c == '\\' => {
                    self.at += 1;
                    if c == quote {
                        return;
                    }
                }
                _ => return,
            }
        }
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            self.skip(char::is_whitespace);
            if !self.text[self.at..].starts_with('#') {
                break;
            }
            self.skip(|c| c != '\n');
        }
        let first = self.text[self.at..].chars().next()?;
        let (line, column) = (self.line, self.text[self.line_start..self.at].chars().count() + 1);
        let start = self.at;
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        match first {
            '"' | '`' => self.skip_text(first),
            c if is_word(c) => self.skip(is_word),
            c => self.at += c.len_utf8(),
        }
        let word = if is_word(first) { &self.text[start..self.at] } else { "" };
        Some(Token { first, word, line, column })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deep_brackets_are_refused_where_they_are() {
        let text = |depth: usize| format!("package a\np := {}1{}\n", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(check(&text(10)), Ok(()));
        let refusal = check(&text(11)).unwrap_err();
        assert_eq!((refusal.line, refusal.column), (2, 16));
    }

    #[test]
    fn texts_and_comments_are_no_brackets() {
        let nest = "[".repeat(50);
        assert_eq!(check(&format!("# {nest}\np := \"{nest}\\\"{nest}\"\nq := `{nest}\n{nest}`\n")), Ok(()));
        assert!(check(&format!("p := \"\\\\\" {nest}")).is_err(), "the text ends before the brackets");
        assert!(check(&format!("p := `\\` {nest}")).is_err(), "raw texts know no escapes");
    }

    #[test]
    fn long_chains_are_refused_and_long_bodies_are_not() {
        assert!(check(&format!("p := {}1\n", "1 +\n".repeat(300))).is_err());
        assert!(check(&format!("p := 1\n{}", "+ 1\n".repeat(300))).is_err());
        assert_eq!(check(&format!("p if {{\n{}}}\n", "  x == 1\n".repeat(300))), Ok(()));
    }
}
