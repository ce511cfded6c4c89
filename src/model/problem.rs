use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::Serialize;

use super::secret;

/// One step of a path into the user's text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    Key(String),
    Index(usize),
}

/// A path into the user's text, written `streams.clicks.fanOut[0]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(pub Vec<Segment>);

impl Path {
    pub fn root() -> Self {
        Self::default()
    }

    /// A path of keys: `Path::of(["streams", "clicks"])`.
    pub fn of<K: Into<String>>(keys: impl IntoIterator<Item = K>) -> Self {
        Self(keys.into_iter().map(|key| Segment::Key(key.into())).collect())
    }

    #[must_use]
    pub fn key(&self, key: impl Into<String>) -> Self {
        let mut path = self.clone();
        path.0.push(Segment::Key(key.into()));
        path
    }

    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        let mut path = self.clone();
        path.0.push(Segment::Index(index));
        path
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Key(key) if position == 0 => f.write_str(&secret::hide_name(key))?,
                Segment::Key(key) => write!(f, ".{}", secret::hide_name(key))?,
                Segment::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

impl Serialize for Path {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Bytes of a file that a message points at. The file's name is what the user typed, never made absolute.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub file: Arc<str>,
    pub start: usize,
    pub end: usize,
}

impl Place {
    pub fn new(file: &Arc<str>, span: Range<usize>) -> Self {
        Self { file: Arc::clone(file), start: span.start, end: span.end }
    }
}

/// A mistake in the user's text. Problems are collected, so that one run tells all of them;
/// failures of the world are `cloud::Fault`s and are returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// A stable slug: `unknown-field`, `dangling-name`.
    pub code: &'static str,
    /// Where in the document; the place is found from it when none is set.
    pub path: Path,
    /// What is wrong, in one sentence.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    pub place: Option<Box<Place>>,
    /// The value behind the key that stands at the place. Of a field that does not exist it may be anything, and is not shown.
    pub value: Option<Box<Place>>,
    /// Other places that matter, each with a label ("first defined here").
    pub related: Box<[(Place, String)]>,
}

impl Problem {
    pub fn new(code: &'static str, path: Path, message: impl Into<String>) -> Self {
        Self { code, path, message: message.into(), help: None, place: None, value: None, related: Box::default() }
    }

    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(Box::new(place));
        self
    }
}
