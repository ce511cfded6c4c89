//! `sprintf` as OPA has it, which is that of Go: a format never fails, and what is wrong with it stands in the text. The
//! engine's own gives no text then, and a finding would be gone without a word.
//!
//! As in OPA an argument is a whole number, a fraction or a text; all else is written out and counts as a text. Not done is
//! what no message needs: `%b` and `%x` of fractions, and `#` for them.

mod argument;
mod number;

use regorus::Value;

use argument::Argument;

/// The widest that is padded, and the most digits.
pub const WIDEST: usize = 999;
/// The longest text, in bytes.
pub const LONGEST: usize = 4 << 20;

/// What keeps a text from being made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    TooWide,
    TooLong,
}

/// The flags, the width and the precision of a directive.
#[derive(Clone, Copy, Debug, Default)]
struct Spec {
    plus: bool,
    minus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

impl Spec {
    /// Blanks around a text, or zeros before it.
    fn padded(&self, text: &str, zero: bool) -> String {
        let missing = self.width.unwrap_or(0).saturating_sub(text.chars().count());
        match (self.minus, zero) {
            (true, _) => format!("{text}{}", " ".repeat(missing)),
            (false, true) => format!("{}{text}", "0".repeat(missing)),
            (false, false) => format!("{}{text}", " ".repeat(missing)),
        }
    }
}

/// The text of a format and its arguments.
///
/// # Errors
/// It would be wider or longer than any message is.
pub fn printed<'a>(format: &str, arguments: impl IntoIterator<Item = &'a Value>) -> Result<String, Refused> {
    let arguments = arguments.into_iter().map(Argument::of).collect::<Result<Vec<_>, _>>()?;
    let mut printing = Printing { rest: format, arguments, next: 0, reordered: false, text: String::new() };
    while let Some((before, behind)) = printing.rest.split_once('%') {
        printing.text.push_str(before);
        printing.rest = behind;
        printing.directive()?;
        if printing.text.len() > LONGEST {
            return Err(Refused::TooLong);
        }
    }
    printing.text.push_str(printing.rest);
    printing.extra();
    Ok(printing.text)
}

struct Printing<'a> {
    rest: &'a str,
    arguments: Vec<Argument>,
    /// The argument whose turn it is.
    next: usize,
    /// Some directive names its argument, so none counts as left over.
    reordered: bool,
    text: String,
}

impl Printing<'_> {
    fn take(&mut self, wanted: char) -> bool {
        let taken = self.rest.strip_prefix(wanted);
        self.rest = taken.unwrap_or(self.rest);
        taken.is_some()
    }

    fn digits(&mut self) -> Option<&str> {
        let length = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.rest.split_at(length);
        self.rest = rest;
        Some(digits).filter(|digits| !digits.is_empty())
    }

    /// What stands behind a `%`.
    fn directive(&mut self) -> Result<(), Refused> {
        let mut spec = Spec::default();
        loop {
            match self.rest.as_bytes().first() {
                Some(b'+') => spec.plus = true,
                Some(b'-') => spec.minus = true,
                Some(b'#') => spec.sharp = true,
                Some(b' ') => spec.space = true,
                Some(b'0') => spec.zero = true,
                _ => break,
            }
            self.rest = &self.rest[1..];
        }
        let mut is_good = true;
        let mut indexed = self.index(&mut is_good);
        if self.take('*') {
            self.width_from_argument(&mut spec)?;
            indexed = false;
        } else if let Some(digits) = self.digits() {
            spec.width = Some(bounded(digits)?);
            is_good &= !indexed;
        }
        if self.take('.') {
            is_good &= !indexed;
            indexed = self.index(&mut is_good);
            if self.take('*') {
                self.precision_from_argument(&mut spec)?;
                indexed = false;
            } else {
                spec.precision = Some(self.digits().map_or(Ok(0), bounded)?);
            }
        }
        if !indexed {
            self.index(&mut is_good);
        }
        let Some(verb) = self.rest.chars().next() else {
            self.text.push_str("%!(NOVERB)");
            return Ok(());
        };
        self.rest = &self.rest[verb.len_utf8()..];
        match self.arguments.get(self.next) {
            _ if verb == '%' => self.text.push('%'),
            _ if !is_good => self.text.push_str(&format!("%!{verb}(BADINDEX)")),
            None => self.text.push_str(&format!("%!{verb}(MISSING)")),
            Some(argument) => {
                self.text.push_str(&argument.shown(verb, &spec));
                self.next += 1;
            }
        }
        Ok(())
    }

    /// `[3]`: the third argument is next. Whether that stands here.
    fn index(&mut self, is_good: &mut bool) -> bool {
        let Some(inside) = self.rest.strip_prefix('[') else { return false };
        self.reordered = true;
        let Some((number, behind)) = inside.split_once(']').filter(|_| self.rest.len() >= 3) else {
            self.rest = inside;
            *is_good = false;
            return false;
        };
        self.rest = behind;
        let named = number.parse::<usize>().ok().filter(|_| number.bytes().all(|byte| byte.is_ascii_digit()));
        match named.and_then(|named| named.checked_sub(1)).filter(|index| *index < self.arguments.len()) {
            Some(index) => {
                self.next = index;
                true
            }
            None => {
                *is_good = false;
                named.is_some()
            }
        }
    }

    /// The whole number whose turn it is; what is none takes its turn as well.
    fn number(&mut self) -> Result<Option<i64>, Refused> {
        let Some(argument) = self.arguments.get(self.next) else { return Ok(None) };
        self.next += 1;
        match argument {
            Argument::Whole(number) if number.unsigned_abs() > WIDEST as u128 => Err(Refused::TooWide),
            Argument::Whole(number) => Ok(i64::try_from(*number).ok()),
            _ => Ok(None),
        }
    }

    fn width_from_argument(&mut self, spec: &mut Spec) -> Result<(), Refused> {
        match self.number()? {
            None => self.text.push_str("%!(BADWIDTH)"),
            Some(width) => {
                spec.minus |= width < 0;
                spec.width = usize::try_from(width.unsigned_abs()).ok();
            }
        }
        Ok(())
    }

    fn precision_from_argument(&mut self, spec: &mut Spec) -> Result<(), Refused> {
        spec.precision = self.number()?.and_then(|number| usize::try_from(number).ok());
        if spec.precision.is_none() {
            self.text.push_str("%!(BADPREC)");
        }
        Ok(())
    }

    /// Arguments that no directive asks for.
    fn extra(&mut self) {
        let Some(left) = self.arguments.get(self.next..).filter(|left| !left.is_empty() && !self.reordered) else {
            return;
        };
        let told = left.iter().map(|one| format!("{}={}", one.sort(), one.shown('v', &Spec::default())));
        self.text.push_str(&format!("%!(EXTRA {})", told.collect::<Vec<_>>().join(", ")));
    }
}

fn bounded(digits: &str) -> Result<usize, Refused> {
    digits.parse().ok().filter(|number| *number <= WIDEST).ok_or(Refused::TooWide)
}

#[cfg(test)]
mod tests;
