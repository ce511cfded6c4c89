use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Address;

/// The attributes of one resource by field name. Sorted, so that everything made from them is deterministic.
pub type Attrs = BTreeMap<String, Value>;

/// An output of another resource: a value and, at the same time, the edge of the graph.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ref {
    pub address: Address,
    /// `arn`, `id`, …
    pub output: String,
}

impl fmt::Display for Ref {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.address, self.output)
    }
}

/// One attribute: plain data, or a reference that is resolved against the inventory before anything is compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    Bool(bool),
    Int(i64),
    Text(String),
    List(Vec<Value>),
    Map(BTreeMap<String, Value>),
    Ref(Ref),
}

impl Value {
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub fn reference(address: Address, output: impl Into<String>) -> Self {
        Self::Ref(Ref { address, output: output.into() })
    }

    pub fn list<V: Into<Value>>(items: impl IntoIterator<Item = V>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }

    pub fn map<K: Into<String>, V: Into<Value>>(entries: impl IntoIterator<Item = (K, V)>) -> Self {
        Self::Map(entries.into_iter().map(|(k, v)| (k.into(), v.into())).collect())
    }

    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            _ => None,
        }
    }

    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(yes) => Some(*yes),
            _ => None,
        }
    }

    pub fn as_list(&self) -> Option<&[Value]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    pub fn as_map(&self) -> Option<&BTreeMap<String, Value>> {
        match self {
            Self::Map(map) => Some(map),
            _ => None,
        }
    }

    /// Whether it is a text, a list or a map that holds nothing.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::List(items) => items.is_empty(),
            Self::Map(map) => map.is_empty(),
            Self::Bool(_) | Self::Int(_) | Self::Ref(_) => false,
        }
    }

    /// The member `name` of a map.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.as_map()?.get(name)
    }

    /// Every reference inside, at any depth.
    pub fn refs<'a>(&'a self, out: &mut Vec<&'a Ref>) {
        match self {
            Self::Ref(reference) => out.push(reference),
            Self::List(items) => items.iter().for_each(|item| item.refs(out)),
            Self::Map(map) => map.values().for_each(|item| item.refs(out)),
            Self::Bool(_) | Self::Int(_) | Self::Text(_) => {}
        }
    }

    /// Every text in the value, however deep.
    pub fn texts(&self, out: &mut Vec<String>) {
        match self {
            Self::Text(text) => out.push(text.clone()),
            Self::List(items) => items.iter().for_each(|item| item.texts(out)),
            Self::Map(map) => map.values().for_each(|item| item.texts(out)),
            Self::Bool(_) | Self::Int(_) | Self::Ref(_) => {}
        }
    }

    /// The same value with every reference replaced that `known` can answer; the others stay references.
    pub fn resolved(&self, known: &dyn Fn(&Ref) -> Option<String>) -> Value {
        match self {
            Self::Ref(reference) => known(reference).map_or_else(|| self.clone(), Self::Text),
            Self::List(items) => Self::List(items.iter().map(|item| item.resolved(known)).collect()),
            Self::Map(map) => Self::Map(map.iter().map(|(k, v)| (k.clone(), v.resolved(known))).collect()),
            plain => plain.clone(),
        }
    }

    /// The same data as JSON; a reference becomes `{"$ref": "key/clicks#arn"}`.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Bool(yes) => (*yes).into(),
            Self::Int(number) => (*number).into(),
            Self::Text(text) => text.clone().into(),
            Self::List(items) => items.iter().map(Self::to_json).collect::<Vec<_>>().into(),
            Self::Map(map) => serde_json::Value::Object(map.iter().map(|(k, v)| (k.clone(), v.to_json())).collect()),
            Self::Ref(reference) => serde_json::json!({ "$ref": reference.to_string() }),
        }
    }

    /// Reads what `to_json` wrote. Null and fractions have no place in attributes.
    pub fn from_json(json: &serde_json::Value) -> Result<Self, String> {
        use serde_json::Value as Json;
        Ok(match json {
            Json::Bool(yes) => Self::Bool(*yes),
            Json::Number(number) => {
                Self::Int(number.as_i64().ok_or_else(|| format!("{number} is not a whole number"))?)
            }
            Json::String(text) => Self::Text(text.clone()),
            Json::Array(items) => Self::List(items.iter().map(Self::from_json).collect::<Result<_, _>>()?),
            Json::Object(map) => match map.get("$ref") {
                Some(Json::String(text)) if map.len() == 1 => {
                    let (address, output) = text.rsplit_once('#').ok_or_else(|| format!("`{text}` is no reference"))?;
                    Self::reference(address.parse()?, output)
                }
                _ => Self::Map(
                    map.iter().map(|(k, v)| Ok((k.clone(), Self::from_json(v)?))).collect::<Result<_, String>>()?,
                ),
            },
            Json::Null => return Err("null is not an attribute".into()),
        })
    }
}

/// The same as `to_json`, without a tree in between.
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Bool(yes) => serializer.serialize_bool(*yes),
            Self::Int(number) => serializer.serialize_i64(*number),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(items) => serializer.collect_seq(items),
            Self::Map(map) => serializer.collect_map(map),
            Self::Ref(reference) => serializer.collect_map([("$ref", reference.to_string())]),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_json(&serde_json::Value::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl From<bool> for Value {
    fn from(yes: bool) -> Self {
        Self::Bool(yes)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Int(number.into())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_the_tree() {
        let value = Value::map([
            ("list", Value::list(["a", "\"\n\u{1}é"])),
            ("number", Value::Int(i64::MIN)),
            ("yes", Value::Bool(true)),
            ("key", Value::reference(Address::new("key", "clicks"), "arn")),
            ("empty", Value::map::<String, Value>([])),
        ]);
        assert_eq!(serde_json::to_string(&value).unwrap(), value.to_json().to_string());
        assert_eq!(serde_json::to_value(&value).unwrap(), value.to_json());
    }
}
