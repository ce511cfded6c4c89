use std::collections::HashMap;
use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, Span, StructureStyle, Tag};

use super::bare::{self, Masked};
use super::document::{Node, NodeValue};
use super::mapping::{Key, Mapping};
use super::scalar;
use super::source::Source;
use super::syntax;
use crate::model::{Path, Problem, Segment};

/// The most values a document may have once aliases are expanded; a pipeline of 2,000 streams has about 14,000.
pub const MAX_NODES: usize = 200_000;
/// The deepest nesting of mappings and lists.
pub const MAX_DEPTH: usize = 64;
/// More problems than anybody reads; a bound, since a hostile file can have one in every few bytes.
const MAX_PROBLEMS: usize = 1_000;

/// Builds the tree of the only document in a text.
pub(super) fn build(source: &Source) -> (Option<Node>, Vec<Problem>) {
    let mut masked = Masked::new(source);
    let mut read_over = Vec::new();
    loop {
        let mut builder = Builder::new(source, &masked);
        let stopped = builder.run();
        let (root, mut problems) = (builder.root.take(), builder.problems);
        match stopped {
            Some(Stopped::AtVariable(span, problem)) if masked.mask(span.clone()) => read_over.push(*problem),
            Some(Stopped::AtVariable(_, problem) | Stopped::For(problem)) => {
                problems.truncate(MAX_PROBLEMS);
                problems.splice(0..0, read_over);
                problems.push(*problem);
                return (None, problems);
            }
            None => {
                problems.splice(0..0, read_over);
                let root = root.filter(|root| root.value != NodeValue::Null);
                if root.is_none() && problems.is_empty() {
                    problems.push(
                        Problem::new("empty-document", Path::root(), "the file says nothing")
                            .help("describe a pipeline in it")
                            .at(source.place(0..0)),
                    );
                }
                return (root, problems);
            }
        }
    }
}

/// Why the reading ended before the text does.
enum Stopped {
    /// At a variable that stands without quotes where it needs them.
    AtVariable(Range<usize>, Box<Problem>),
    For(Box<Problem>),
}

enum Flow {
    On,
    Stop,
}

/// A mapping or list that is not closed yet.
struct Frame {
    kind: Kind,
    span: Range<usize>,
    anchor: usize,
    /// Nodes and levels below, to bound what an alias of it may cost.
    size: usize,
    height: usize,
}

enum Kind {
    Seq(Vec<Node>),
    Map(Mapping),
}

/// A finished node with what it costs to copy it.
#[derive(Clone)]
struct Built {
    node: Node,
    size: usize,
    height: usize,
}

struct Builder<'s> {
    source: &'s Source,
    /// What the parser reads in its place.
    masked: &'s Masked,
    problems: Vec<Problem>,
    stack: Vec<Frame>,
    anchors: HashMap<usize, Built>,
    nodes: usize,
    documents: usize,
    root: Option<Node>,
}

impl<'s> Builder<'s> {
    fn new(source: &'s Source, masked: &'s Masked) -> Self {
        Self {
            source,
            masked,
            problems: Vec::new(),
            stack: Vec::new(),
            anchors: HashMap::new(),
            nodes: 0,
            documents: 0,
            root: None,
        }
    }

    /// Reads the text to its end, or as far as that goes.
    fn run(&mut self) -> Option<Stopped> {
        let mut options = granit_parser::options! {
            emit_unresolved_aliases: true,
            flow_nesting_limit: MAX_DEPTH,
            block_nesting_limit: MAX_DEPTH,
        };
        // Emitted comments are buffered by the parser, which refuses 97 comment lines in a row.
        options.set_emit_comments(false);
        for next in Parser::new_from_str_with_options(&self.masked.text, options) {
            match next.map(|(event, span)| self.take(event, span)) {
                Ok(Ok(Flow::On)) => {}
                Ok(Ok(Flow::Stop)) => break,
                Ok(Err(problem)) => return Some(Stopped::For(Box::new(problem))),
                Err(error) => {
                    let offset = error.marker().byte_offset().unwrap_or_default().min(self.source.text.len());
                    return Some(match bare::at(self.source, offset) {
                        Some(span) => {
                            let problem = bare::problem(self.source, self.path(), span.clone());
                            Stopped::AtVariable(span, Box::new(problem))
                        }
                        None => Stopped::For(Box::new(syntax::problem(self.source, self.path(), &error))),
                    });
                }
            }
        }
        None
    }

    /// Takes one event; an error ends the reading, since bounds are exceeded.
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<Flow, Problem> {
        let bytes = span.byte_range().unwrap_or_default();
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    let message = "the file holds several documents; only the first is read";
                    self.report(
                        Problem::new("several-documents", Path::root(), message)
                            .help("write one file for each pipeline, or remove the `---`")
                            .at(self.source.place(bytes)),
                    );
                    return Ok(Flow::Stop);
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.charge(1, &bytes)?;
                let node = self.scalar(&text, style, tag.as_deref(), bytes, &span);
                self.finish(Built { node, size: 1, height: 0 }, anchor)?;
            }
            Event::SequenceStart(style, anchor, tag) => {
                self.check_tag(tag.as_deref(), "seq", &span, &bytes);
                self.open(Kind::Seq(Vec::new()), style, anchor, bytes)?;
            }
            Event::MappingStart(style, anchor, tag) => {
                self.check_tag(tag.as_deref(), "map", &span, &bytes);
                self.open(Kind::Map(Mapping::default()), style, anchor, bytes)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(bytes)?,
            Event::Alias(id) => self.alias(id, bytes)?,
            Event::UnresolvedAlias(name) => {
                let message = format!("`*{name}` names an anchor that is not defined above");
                let help = format!("define it with `&{name}`, or quote the text if it is no alias");
                self.report(
                    Problem::new("unknown-anchor", self.path(), message)
                        .help(help)
                        .at(self.source.place(bytes.clone())),
                );
                self.charge(1, &bytes)?;
                self.finish(Built { node: null(bytes), size: 1, height: 0 }, 0)?;
            }
            _ => {}
        }
        Ok(Flow::On)
    }

    fn report(&mut self, problem: Problem) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(problem);
        }
    }

    /// The path of the node that comes next.
    fn path(&self) -> Path {
        path_of(&self.stack)
    }

    fn charge(&mut self, nodes: usize, bytes: &Range<usize>) -> Result<(), Problem> {
        // Keys are free: what they cost is bounded by the values beside them.
        if nodes == 1 && self.expects_key() {
            return Ok(());
        }
        self.nodes += nodes;
        if self.nodes <= MAX_NODES {
            return Ok(());
        }
        let message = format!("the document has more than {MAX_NODES} values once aliases are expanded");
        Err(Problem::new("too-large", self.path(), message)
            .help("split it into several pipelines, each with a file of its own")
            .at(self.source.place(bytes.clone())))
    }

    fn expects_key(&self) -> bool {
        matches!(self.stack.last(), Some(Frame { kind: Kind::Map(Mapping { key: None, .. }), .. }))
    }

    fn check_depth(&self, below: usize, bytes: &Range<usize>) -> Result<(), Problem> {
        if self.stack.len() + below <= MAX_DEPTH {
            return Ok(());
        }
        let (code, message, _) = syntax::too_deep();
        Err(Problem::new(code, self.path(), message).at(self.source.place(bytes.clone())))
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, bytes: Range<usize>, span: &Span) -> Node {
        let plain = style == ScalarStyle::Plain;
        // The parser writes `~` for a value that is not there.
        let text = if plain && bytes.is_empty() { "" } else { text };
        let written = self.masked.written(self.source, text, &bytes);
        let text = written.as_deref().unwrap_or(text);
        let shown = self.source.slice(&bytes).trim_end().len();
        let node = |value, quoted| Node::new(value, bytes.start..bytes.start + shown, quoted);
        let as_text = || NodeValue::Text(text.to_owned());
        let Some(tag) = tag else {
            return if plain { node(scalar::plain(text), false) } else { node(as_text(), true) };
        };
        let value = match (tag.core_suffix(), scalar::plain(text)) {
            (Some("str"), _) => return node(as_text(), true),
            (None, _) if tag.parts() == ("", "!") || tag.parts() == ("!", "") => return node(as_text(), true),
            (Some("float"), NodeValue::Int(number)) => NodeValue::Float(number as f64),
            (Some("int"), value @ NodeValue::Int(_))
            | (Some("float"), value @ NodeValue::Float(_))
            | (Some("bool"), value @ NodeValue::Bool(_))
            | (Some("null"), value @ NodeValue::Null) => value,
            (None, _) => {
                self.unknown_tag(tag, span, &bytes);
                as_text()
            }
            (Some(name), _) => {
                let message = format!("this value is no `!!{name}`");
                self.report(
                    Problem::new("unknown-tag", self.path(), message)
                        .help("remove the tag")
                        .at(self.source.place(tag_bytes(span, &bytes))),
                );
                as_text()
            }
        };
        node(value, true)
    }

    fn check_tag(&mut self, tag: Option<&Tag>, wanted: &str, span: &Span, bytes: &Range<usize>) {
        if let Some(tag) = tag.filter(|tag| tag.core_suffix() != Some(wanted) && tag.parts() != ("", "!")) {
            self.unknown_tag(tag, span, bytes);
        }
    }

    fn unknown_tag(&mut self, tag: &Tag, span: &Span, bytes: &Range<usize>) {
        let message = format!("the tag `{}` means nothing here", tag.original());
        self.report(
            Problem::new("unknown-tag", self.path(), message)
                .help("remove the tag, or quote the text if the `!` belongs to it")
                .at(self.source.place(tag_bytes(span, bytes))),
        );
    }

    fn open(&mut self, kind: Kind, style: StructureStyle, anchor: usize, bytes: Range<usize>) -> Result<(), Problem> {
        self.check_depth(1, &bytes)?;
        self.nodes += usize::from(self.expects_key());
        self.charge(1, &bytes)?;
        // A block's events have no bytes: its end is that of its last child.
        let end = if style == StructureStyle::Flow { bytes.end } else { bytes.start };
        self.stack.push(Frame { kind, span: bytes.start..end, anchor, size: 1, height: 1 });
        Ok(())
    }

    fn close(&mut self, bytes: Range<usize>) -> Result<(), Problem> {
        let Some(frame) = self.stack.pop() else { return Ok(()) };
        let end = frame.span.end.max(bytes.end * usize::from(!bytes.is_empty()));
        let value = match frame.kind {
            Kind::Seq(items) => NodeValue::Seq(items),
            Kind::Map(map) => {
                let (entries, problems) = map.close(self.source, &|| self.path());
                problems.into_iter().for_each(|problem| self.report(problem));
                NodeValue::Map(entries)
            }
        };
        let node = Node::new(value, frame.span.start..end, false);
        self.finish(Built { node, size: frame.size, height: frame.height }, frame.anchor)
    }

    fn alias(&mut self, id: usize, bytes: Range<usize>) -> Result<(), Problem> {
        let built = match self.anchors.get(&id) {
            Some(built) => {
                self.check_depth(built.height, &bytes)?;
                let (size, place) = (built.size, bytes.clone());
                self.charge(size, &place)?;
                let mut built = self.anchors.get(&id).cloned().unwrap_or_else(|| Built::leaf(null(bytes.clone())));
                built.node.span = bytes;
                built
            }
            None => {
                self.report(
                    Problem::new("alias-cycle", self.path(), "this alias stands inside the value that it repeats")
                        .help("write the value itself")
                        .at(self.source.place(bytes.clone())),
                );
                self.charge(1, &bytes)?;
                Built::leaf(null(bytes))
            }
        };
        self.finish(built, 0)
    }

    /// Hands a complete node to the mapping or list around it.
    fn finish(&mut self, built: Built, anchor: usize) -> Result<(), Problem> {
        if anchor != 0 {
            // The copy that waits for aliases is memory too.
            if built.size > 1 {
                self.charge(built.size, &built.node.span)?;
            }
            self.anchors.insert(anchor, built.clone());
        }
        let expects_key = self.expects_key();
        let Some(frame) = self.stack.last_mut() else {
            self.root = Some(built.node);
            return Ok(());
        };
        let Built { node, size, height } = built;
        frame.size += size;
        frame.height = frame.height.max(height + 1);
        frame.span.end = frame.span.end.max(node.span.end);
        let problem = match &mut frame.kind {
            Kind::Seq(items) => {
                items.push(node);
                None
            }
            Kind::Map(map) if expects_key => map.put_key(self.source, node),
            Kind::Map(map) => map.put(self.source, node),
        };
        if let Some(mut problem) = problem {
            // The mapping knows its own keys, and not what is around it.
            let mut path = path_of(&self.stack[..self.stack.len() - 1]);
            if path.0.len() + 1 == self.stack.len() {
                path.0.append(&mut problem.path.0);
            }
            problem.path = path;
            self.report(problem);
        }
        Ok(())
    }
}

/// The path of what comes next in the innermost frame, as far as there are keys that lead to it.
fn path_of(stack: &[Frame]) -> Path {
    let segments = stack.iter().map(|frame| match &frame.kind {
        Kind::Seq(items) => Some(Segment::Index(items.len())),
        Kind::Map(map) => match &map.key {
            Some(Key::Text(text, _)) => Some(Segment::Key(text.clone())),
            Some(Key::Merge(_)) => Some(Segment::Key("<<".to_owned())),
            Some(Key::Bad) | None => None,
        },
    });
    Path(segments.map_while(|segment| segment).collect())
}

impl Built {
    fn leaf(node: Node) -> Self {
        Self { node, size: 1, height: 0 }
    }
}

fn null(span: Range<usize>) -> Node {
    Node::new(NodeValue::Null, span, false)
}

fn tag_bytes(span: &Span, value: &Range<usize>) -> Range<usize> {
    span.tag_span().and_then(|tag| tag.byte_range()).unwrap_or_else(|| value.clone())
}

/// The beginning of a text, for messages.
pub(super) fn cut(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
