//! YAML that is no spec is read by a reader whose time grows with the square of the nesting: what nests too deep is refused before.

use serde::de::{DeserializeOwned, Error};

use super::{Document, Source};

/// Bytes in which nothing nests so deep that it takes a noticeable time.
const SHORT: usize = 4096;

/// Typed values of a text that is no spec.
///
/// # Errors
/// It is no YAML, has other fields, or nests too deep to be read.
pub fn yaml<T: DeserializeOwned>(text: &str) -> Result<T, serde_yaml::Error> {
    too_deep(text).map_or_else(|| serde_yaml::from_str(text), |why| Err(Error::custom(why)))
}

/// Why a text is not to be read, in words: its mappings and lists nest deeper, or it has more of them, than any file of ours.
fn too_deep(text: &str) -> Option<String> {
    if text.len() <= SHORT {
        return None;
    }
    let mistakes = Source::new("-", text).map_or_else(|problem| vec![problem], |source| Document::parse(source).1);
    let refused = |code: &str| matches!(code, "too-deep" | "too-large");
    mistakes.into_iter().find(|problem| refused(problem.code)).map(|problem| problem.message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nests_too_deep_is_told_apart_from_what_is_long() {
        let long: String = (0..2000).map(|at| format!("name{at}: [1, {{ b: 2 }}]\n")).collect();
        assert_eq!(too_deep(&long), None);
        for deep in ["[", "{ a: ", "- "] {
            let told = too_deep(&format!("a:\n  {}", deep.repeat(100_000))).expect("it is refused");
            assert!(told.contains("nested"), "{told}");
        }
    }
}
