use sha2::{Digest, Sha256};

/// The fewest characters of a token: what is shorter can be guessed.
const SHORTEST: usize = 16;
/// The most characters of a token: headers have a bound.
const LONGEST: usize = 1024;

/// What a caller must know. Only its digest is kept.
pub struct Token(Sha256Digest);

type Sha256Digest = [u8; 32];

fn digest(bytes: &[u8]) -> Sha256Digest {
    Sha256::digest(bytes).into()
}

impl Token {
    /// A token as it stands in a file or a variable; white space around it is not part of it.
    ///
    /// # Errors
    /// It is too short, too long, or cannot stand in a header.
    pub fn new(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if !(SHORTEST..=LONGEST).contains(&text.len()) {
            return Err(format!("it has {} characters; {SHORTEST} to {LONGEST} are taken", text.len()));
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("it has white space or other characters that cannot stand in a header".into());
        }
        Ok(Self(digest(text.as_bytes())))
    }

    /// Whether this value of the header `Authorization` has the token: as a bearer's token, or as the password of any user, so
    /// that browsers can ask for it. The time it takes does not depend on how much of it is right.
    pub fn is_in(&self, authorization: &str) -> bool {
        let Some((scheme, rest)) = authorization.trim().split_once(' ') else { return false };
        let offered = if scheme.eq_ignore_ascii_case("bearer") {
            Some(rest.trim().as_bytes().to_vec())
        } else if scheme.eq_ignore_ascii_case("basic") {
            password(rest.trim())
        } else {
            None
        };
        offered.is_some_and(|offered| {
            let pairs = digest(&offered).into_iter().zip(self.0);
            pairs.fold(0, |differs, (left, right)| differs | (left ^ right)) == 0
        })
    }
}

/// What follows the user and the colon.
fn password(encoded: &str) -> Option<Vec<u8>> {
    let both = decoded(encoded)?;
    let colon = both.iter().position(|byte| *byte == b':')?;
    Some(both[colon + 1..].to_vec())
}

/// Bytes of base64 in the usual alphabet, with padding or without.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 3);
    let (mut held, mut bits) = (0_u32, 0);
    for letter in text.trim_end_matches('=').bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        held = (held << 6 | u32::from(value)) & 0xFFFF;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits & 0xFF) as u8);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bearers_and_passwords_are_let_in() {
        let token = Token::new(" 0123456789abcdef\n").unwrap();
        // The third is `me:0123456789abcdef`, the fourth has no user.
        for good in [
            "Bearer 0123456789abcdef",
            "bearer  0123456789abcdef ",
            "Basic bWU6MDEyMzQ1Njc4OWFiY2RlZg==",
            "Basic OjAxMjM0NTY3ODlhYmNkZWY",
        ] {
            assert!(token.is_in(good), "{good}");
        }
        // The last two are `0123456789abcdef:me` and bytes without a colon.
        for bad in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer 0123456789abcdeF",
            "Bearer 0123456789abcdef0",
            "0123456789abcdef",
            "Digest 0123456789abcdef",
            "Basic \u{e9}",
            "Basic MDEyMzQ1Njc4OWFiY2RlZjptZQ==",
            "Basic MDEyMzQ1Njc4OWFiY2RlZg==",
        ] {
            assert!(!token.is_in(bad), "{bad}");
        }
    }

    #[test]
    fn weak_and_broken_tokens_are_refused_without_telling_them() {
        for bad in ["", "short", "0123456789 abcdef", "0123456789abcd\u{e9}f", &"x".repeat(1025)] {
            let why = Token::new(bad).err().unwrap();
            assert!(bad.is_empty() || !why.contains(bad), "{why}");
        }
    }
}
