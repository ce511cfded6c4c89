//! Premises: what must be so in the input for a rule to say anything. Most rules have nothing to say of most files, and
//! a look at the premises shows that in a hundredth of the time that the engine takes to find it out.
//!
//! Of a rule `deny contains … if { … }` those statements are understood that compare, count or iterate what stands in
//! the input. The others count as true. So a rule without a premise that holds finds nothing for certain; one whose
//! premises hold is asked. A law of the tests compares both ways over every spec that the project has.

mod read;

use std::collections::BTreeSet;

use regorus::Value;
use regorus::unstable::{ArithOp, BoolOp};

/// Elements that are looked at for one rule and one file; where there are more, the engine is asked.
const MOST_ELEMENTS: usize = 20_000;

/// The bodies of a rule; it speaks only if one of them can hold.
#[derive(Clone, Debug)]
pub struct Premise {
    bodies: Vec<Body>,
}

#[derive(Clone, Debug)]
struct Body {
    /// How many local variables it has.
    variables: usize,
    steps: Vec<Step>,
}

/// A statement that is understood.
#[derive(Clone, Debug)]
enum Step {
    /// `some key, value in collection`
    Each { key: Option<usize>, value: Option<usize>, collection: Term },
    /// `variable := term`
    Let(usize, Term),
    /// A term that must be true.
    Holds(Term),
    /// `not term`
    Fails(Term),
    /// A term that must have a value, whichever.
    Exists(Term),
}

#[derive(Clone, Debug)]
enum Term {
    Constant(Value),
    Input,
    Variable(usize),
    /// `base.key`, `base[key]`
    Get(Box<Term>, Box<Term>),
    List(Vec<Term>),
    Set(Vec<Term>),
    Count(Box<Term>),
    Compare(BoolOp, Box<Term>, Box<Term>),
    Calculate(ArithOp, Box<Term>, Box<Term>),
    /// `startswith`, `endswith` or `contains`
    Text(fn(&str, &str) -> bool, Box<Term>, Box<Term>),
    In(Box<Term>, Box<Term>),
    TrimSpace(Box<Term>),
    /// Whatever it is, it may be so.
    Unknown,
}

/// What is known of a term's value.
#[derive(Clone, Debug)]
enum Known<'a> {
    Unknown,
    Undefined,
    There(&'a Value),
    Made(Value),
}

impl Premise {
    /// Whether the rule may find something in this input; if not, it certainly finds nothing.
    pub fn may_hold<'a>(&'a self, input: &'a Value) -> bool {
        let mut look = Look { input, left: MOST_ELEMENTS };
        self.bodies.iter().any(|body| {
            let mut variables = vec![Known::Unknown; body.variables];
            look.may_hold(&body.steps, &mut variables)
        })
    }
}

/// A look at one input.
struct Look<'a> {
    input: &'a Value,
    /// Elements that may still be looked at.
    left: usize,
}

impl<'a> Look<'a> {
    fn may_hold(&mut self, steps: &'a [Step], variables: &mut Vec<Known<'a>>) -> bool {
        let Some((step, rest)) = steps.split_first() else { return true };
        let holds = match step {
            Step::Each { key, value, collection } => {
                let collection = self.value(collection, variables);
                return self.each((*key, *value), collection, rest, variables);
            }
            Step::Let(variable, term) => {
                variables[*variable] = self.value(term, variables);
                !matches!(variables[*variable], Known::Undefined)
            }
            Step::Exists(term) => !matches!(self.value(term, variables), Known::Undefined),
            Step::Holds(term) => !self.value(term, variables).is_false(),
            // Of null OPA and the engine may think what they like.
            Step::Fails(term) => match self.value(term, variables).get() {
                Some(value) => matches!(value, Value::Bool(false) | Value::Null),
                None => true,
            },
        };
        holds && self.may_hold(rest, variables)
    }

    /// Whether the rest may hold for an element of a collection.
    fn each(
        &mut self,
        (key, value): (Option<usize>, Option<usize>),
        collection: Known<'a>,
        rest: &'a [Step],
        variables: &mut Vec<Known<'a>>,
    ) -> bool {
        let mut one = |look: &mut Self, this: Known<'a>, element: Known<'a>| {
            let Some(left) = look.left.checked_sub(1) else { return true };
            look.left = left;
            for (variable, known) in [(key, this), (value, element)] {
                if let Some(variable) = variable {
                    variables[variable] = known;
                }
            }
            look.may_hold(rest, variables)
        };
        let index = |at: usize| Known::Made(Value::from(at));
        match collection {
            Known::Undefined => false,
            Known::Unknown => one(self, Known::Unknown, Known::Unknown),
            Known::There(Value::Array(items)) => {
                items.iter().enumerate().any(|(at, item)| one(self, index(at), Known::There(item)))
            }
            Known::There(Value::Object(map)) => {
                map.iter().any(|(key, item)| one(self, Known::There(key), Known::There(item)))
            }
            Known::There(Value::Set(items)) => items.iter().any(|item| one(self, Known::Unknown, Known::There(item))),
            Known::Made(Value::Array(items)) => {
                items.iter().enumerate().any(|(at, item)| one(self, index(at), Known::Made(item.clone())))
            }
            Known::Made(Value::Object(map)) => {
                map.iter().any(|(key, item)| one(self, Known::Made(key.clone()), Known::Made(item.clone())))
            }
            Known::Made(Value::Set(items)) => {
                items.iter().any(|item| one(self, Known::Unknown, Known::Made(item.clone())))
            }
            // The engine says what is wrong with anything else.
            Known::There(_) | Known::Made(_) => true,
        }
    }

    fn value(&self, term: &'a Term, variables: &[Known<'a>]) -> Known<'a> {
        let value = |term: &'a Term| self.value(term, variables);
        match term {
            Term::Constant(constant) => Known::There(constant),
            Term::Input => Known::There(self.input),
            Term::Variable(variable) => variables[*variable].clone(),
            Term::Get(base, key) => get(value(base), &value(key)),
            Term::List(items) => all(items.iter().map(value), Value::from),
            Term::Set(items) => {
                all(items.iter().map(value), |items| Value::from(items.into_iter().collect::<BTreeSet<_>>()))
            }
            Term::Count(of) => with(value(of), |of| match of {
                Value::Array(items) => Some(Value::from(items.len())),
                Value::Object(map) => Some(Value::from(map.len())),
                _ => None,
            }),
            Term::TrimSpace(text) => with(value(text), |text| Some(Value::from(text.as_string().ok()?.trim()))),
            Term::Compare(op, one, other) => with_two(value(one), value(other), |one, other| {
                Some(Value::Bool(match op {
                    BoolOp::Eq => one == other,
                    BoolOp::Ne => one != other,
                    BoolOp::Lt => one < other,
                    BoolOp::Le => one <= other,
                    BoolOp::Gt => one > other,
                    BoolOp::Ge => one >= other,
                }))
            }),
            Term::Calculate(op, one, other) => {
                with_two(value(one), value(other), |one, other| calculate(op, one.as_i64().ok()?, other.as_i64().ok()?))
            }
            Term::Text(holds, one, other) => with_two(value(one), value(other), |one, other| {
                Some(Value::Bool(holds(one.as_string().ok()?, other.as_string().ok()?)))
            }),
            Term::In(one, other) => with_two(value(one), value(other), |one, other| match other {
                Value::Array(items) => Some(Value::Bool(items.contains(one))),
                Value::Set(items) => Some(Value::Bool(items.contains(one))),
                _ => None,
            }),
            Term::Unknown => Known::Unknown,
        }
    }
}

impl Known<'_> {
    fn get(&self) -> Option<&Value> {
        match self {
            Known::There(value) => Some(value),
            Known::Made(value) => Some(value),
            Known::Unknown | Known::Undefined => None,
        }
    }

    fn is_false(&self) -> bool {
        matches!(self, Known::Undefined) || matches!(self.get(), Some(Value::Bool(false)))
    }
}

/// A member of an object or an item of a list; of anything else, as for the engine, there is none.
fn get<'a>(base: Known<'a>, key: &Known<'a>) -> Known<'a> {
    let Some(at) = key.get() else { return if let Known::Undefined = base { base } else { key.clone() } };
    let member = match &base {
        Known::There(Value::Set(_)) | Known::Made(Value::Set(_)) => return Known::Unknown,
        Known::There(value) => Known::There(&value[at]),
        Known::Made(value) => Known::Made(value[at].clone()),
        Known::Unknown | Known::Undefined => return base,
    };
    if member.get() == Some(&Value::Undefined) { Known::Undefined } else { member }
}

fn with<'a>(one: Known<'a>, make: impl Fn(&Value) -> Option<Value>) -> Known<'a> {
    match one {
        Known::Unknown | Known::Undefined => one,
        _ => one.get().and_then(make).map_or(Known::Unknown, Known::Made),
    }
}

fn with_two<'a>(one: Known<'a>, other: Known<'a>, make: impl Fn(&Value, &Value) -> Option<Value>) -> Known<'a> {
    match (&one, &other) {
        (Known::Undefined, _) | (_, Known::Undefined) => Known::Undefined,
        _ => one.get().zip(other.get()).and_then(|(one, other)| make(one, other)).map_or(Known::Unknown, Known::Made),
    }
}

fn all<'a>(items: impl Iterator<Item = Known<'a>>, make: impl Fn(Vec<Value>) -> Value) -> Known<'a> {
    let mut values = Vec::new();
    for item in items {
        match item.get() {
            Some(value) => values.push(value.clone()),
            None => return item.clone(),
        }
    }
    Known::Made(make(values))
}

/// Whole numbers only; with fractions the engine is asked.
fn calculate(op: &ArithOp, one: i64, other: i64) -> Option<Value> {
    let result = match op {
        ArithOp::Add => one.checked_add(other),
        ArithOp::Sub => one.checked_sub(other),
        ArithOp::Mul => one.checked_mul(other),
        ArithOp::Div if other != 0 && one % other == 0 => one.checked_div(other),
        ArithOp::Div | ArithOp::Mod => None,
    };
    result.map(Value::from)
}

#[cfg(test)]
mod tests;
