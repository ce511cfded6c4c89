//! Which troubles are worth telling: what lasts is the same trouble however often it is met, and has an end.

use std::collections::BTreeMap;

/// Seconds in which a trouble that comes back is not told again, and how many are remembered.
const TOLD: i64 = 3600;
const MOST: usize = 1000;
/// Seconds without it after which a trouble is over: one that comes and goes is one.
const OVER: i64 = 300;
/// Letters from which on a word of hexadecimal digits is an id.
const ID: usize = 8;

/// Troubles that were told, by their kinds.
#[derive(Debug, Default)]
pub struct Troubles {
    /// Whether what lasts is told once an hour, and not once alone.
    repeats: bool,
    /// When each was told last.
    told: BTreeMap<String, i64>,
    /// Those that were told and are not over.
    lasting: BTreeMap<String, Lasting>,
}

#[derive(Debug)]
struct Lasting {
    message: String,
    /// When it was met last.
    met: i64,
}

impl Troubles {
    /// For a log: what lasts is told once an hour, as holds are.
    pub fn repeating() -> Self {
        Self { repeats: true, ..Self::default() }
    }

    /// Whether this is to be told at `now`, in seconds since 1970.
    pub fn is_news(&mut self, trouble: &str, now: i64) -> bool {
        self.told.retain(|_, told| (0..TOLD).contains(&(now - *told)));
        let kind = kind(trouble);
        let is_news = !self.told.contains_key(&kind) && (self.repeats || !self.lasting.contains_key(&kind));
        if is_news && self.told.len() < MOST {
            self.told.insert(kind, now);
        }
        is_news
    }

    /// Takes in the troubles of a tick that ended at `now`, after they were told. Answers those that are over since.
    pub fn over(&mut self, troubles: &[String], now: i64) -> Vec<String> {
        for message in troubles {
            let kind = kind(message);
            if let Some(lasting) = self.lasting.get_mut(&kind) {
                lasting.met = now;
            } else if self.told.get(&kind) == Some(&now) {
                self.lasting.insert(kind, Lasting { message: message.clone(), met: now });
            }
        }
        let is_over = |lasting: &Lasting| !(0..OVER).contains(&(now - lasting.met));
        let over = self.lasting.extract_if(.., |_, lasting| is_over(lasting));
        over.map(|(_, lasting)| lasting.message).collect()
    }
}

/// The message without what is another each time it is told: numbers and ids.
fn kind(message: &str) -> String {
    let word = |word: &str| {
        let core = word.trim_matches(|c: char| !c.is_alphanumeric());
        let is_number = !core.is_empty() && core.chars().all(|c| c.is_ascii_digit() || ".,:-TZ".contains(c));
        let is_hex = core.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
        let is_id = core.len() >= ID && is_hex && core.contains(|c: char| c.is_ascii_digit());
        if is_number || is_id { "#".to_owned() } else { word.to_owned() }
    };
    message.split_whitespace().map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const DENIED: &str = "reading alarms: denied";

    #[test]
    fn a_trouble_that_lasts_is_told_once_an_hour_in_a_log() {
        let mut troubles = Troubles::repeating();
        let mut told = 0;
        for minute in 0..180 {
            told += usize::from(troubles.is_news(DENIED, minute * 60));
            assert!(troubles.over(&[DENIED.to_owned()], minute * 60).is_empty());
        }
        assert_eq!(told, 3);
        assert!(troubles.is_news("another", 179 * 60) && troubles.is_news(DENIED, 0), "a clock that went back");
        let many = (0..2 * MOST).filter(|one| troubles.is_news(&format!("trouble in x{one}"), 0)).count();
        assert_eq!((many, troubles.told.len()), (2 * MOST, MOST));
    }

    #[test]
    fn people_are_told_once_and_of_the_end() {
        let mut troubles = Troubles::default();
        let mut tick = |minute: i64, there: bool| {
            let now = minute * 60;
            let met: Vec<String> = there.then(|| DENIED.to_owned()).into_iter().collect();
            let told = met.iter().filter(|one| troubles.is_news(one, now)).count();
            (told, troubles.over(&met, now))
        };
        let nothing = (0, Vec::new());
        assert_eq!(tick(0, true), (1, Vec::new()));
        // For hours, and with holes.
        assert!((1..200).all(|minute| tick(minute, minute % 4 > 0) == nothing));
        assert!((200..204).all(|minute| tick(minute, false) == nothing));
        assert_eq!(tick(204, false), (0, vec![DENIED.to_owned()]));
        // What comes back after the hour is told again; what comes back within it is not, and then has no end either.
        assert_eq!(tick(205, true), (1, Vec::new()));
        assert_eq!(tick(210, false), (0, vec![DENIED.to_owned()]));
        assert!((211..220).all(|minute| tick(minute, minute == 211) == nothing));
    }

    #[test]
    fn numbers_and_ids_make_no_other_trouble() {
        let mut troubles = Troubles::default();
        for (at, trouble) in [
            "reading stream clicks took more than 20 s",
            "reading stream clicks took more than 19 s",
            "denied (request 4f1c-22aa-9b1e0d), since 2026-11-26T12:20:02Z",
            "denied (request 0b77-11aa-9b1e0d), since 2026-11-26T12:21:02Z",
            "nothing is resized in shop-1",
            "nothing is resized in shop-2",
        ]
        .iter()
        .enumerate()
        {
            assert_eq!(troubles.is_news(trouble, 0), [0, 2, 4, 5].contains(&at), "{trouble}");
        }
    }
}
