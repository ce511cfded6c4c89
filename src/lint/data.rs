//! Data of policies: `data.json` and `data.yaml` in their folder, as OPA reads them. What lies in a folder below is found
//! under the folder's name.

use serde_json::{Map, Value as Json};

use super::policy::PolicyFailure;
use crate::spec::{self, Source};

/// Bytes of all files together: lists of teams and accounts take some thousand.
const MOST: usize = 4 << 20;

/// Everything that policies may read under `data`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Data {
    all: Map<String, Json>,
    bytes: usize,
}

/// Whether a file of this name holds data.
pub fn is_data(file: &str) -> bool {
    matches!(file, "data.json" | "data.yaml" | "data.yml")
}

impl Data {
    /// Reads a file; `folders` are those between the policies' folder and the file.
    ///
    /// # Errors
    /// It is no object of JSON or YAML, it is too much, or another file says something else.
    pub fn add(&mut self, folders: &[&str], source: &Source) -> Result<(), PolicyFailure> {
        let refuse = |line, column, message: String| PolicyFailure::new(&source.name, line, column, message);
        self.bytes = self.bytes.saturating_add(source.text.len());
        if self.bytes > MOST {
            return Err(refuse(1, 1, format!("data of policies have at most {} MiB together", MOST >> 20)));
        }
        let read: Json = if source.name.ends_with(".json") {
            serde_json::from_str(&source.text).map_err(|error| {
                refuse(error.line().max(1), error.column().max(1), format!("it is no JSON: {error}"))
            })?
        } else {
            spec::yaml(&source.text).map_err(|error| {
                let (line, column) = error.location().map_or((1, 1), |at| (at.line(), at.column()));
                refuse(line, column, format!("it is no YAML: {error}"))
            })?
        };
        let Json::Object(mut all) = read else {
            return Err(refuse(1, 1, "data of policies are an object: names, each with a value".into()));
        };
        for folder in folders.iter().rev() {
            all = [((*folder).to_owned(), Json::Object(all))].into_iter().collect();
        }
        merge(&mut self.all, all).map_err(|name| refuse(1, 1, format!("another file has `{name}` already")))
    }

    /// Whether there is something under `data.NAME`.
    pub fn has(&self, name: &str) -> bool {
        self.all.contains_key(name)
    }

    /// Whether a package, such as `data.a`, would lie within it: nobody could tell which of the two was meant.
    pub fn holds(&self, package: &str) -> bool {
        let mut here = &self.all;
        for part in package.split('.').skip(1) {
            match here.get(part) {
                None => return false,
                Some(Json::Object(below)) => here = below,
                Some(_) => return true,
            }
        }
        true
    }

    /// As plain data.
    pub fn json(&self) -> Json {
        Json::Object(self.all.clone())
    }
}

/// Adds names to names; the first that both have, unless both go on below it.
fn merge(into: &mut Map<String, Json>, from: Map<String, Json>) -> Result<(), String> {
    for (name, value) in from {
        match (into.get_mut(&name), value) {
            (None, value) => drop(into.insert(name, value)),
            (Some(Json::Object(into)), Json::Object(from)) => merge(into, from)?,
            (Some(_), _) => return Err(name),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn add(data: &mut Data, folders: &[&str], name: &str, text: &str) -> Result<(), String> {
        data.add(folders, &Source::new(name, text).unwrap()).map_err(|failure| failure.to_string())
    }

    #[test]
    fn files_are_put_together() {
        let mut data = Data::default();
        add(&mut data, &[], "data.json", "{\"settings\":\t{\"banned\": [\"a\"]}}").unwrap();
        add(&mut data, &["settings"], "settings/data.yaml", "allowed: [b]\n").unwrap();
        assert_eq!(data.json(), json!({"settings": {"banned": ["a"], "allowed": ["b"]}}));
        assert!(data.has("settings") && !data.has("banned"));
        assert!(
            data.holds("data.settings") && data.holds("data.settings.banned.x") && !data.holds("data.settings.rules")
        );
        let twice = add(&mut data, &[], "p/data.yml", "settings: { banned: [c] }\n");
        assert_eq!(twice.unwrap_err(), "p/data.yml:1:1: another file has `banned` already");
    }

    #[test]
    fn what_is_no_data_is_told() {
        let told = |name: &str, text: &str| add(&mut Data::default(), &[], name, text).unwrap_err();
        assert!(told("data.json", "{\n  \"a\": }").starts_with("data.json:2:8: it is no JSON"));
        assert!(told("data.yaml", "a: [\n").starts_with("data.yaml:2:1: it is no YAML"));
        assert!(told("data.yaml", "- a\n").contains("are an object"));
        // The time of the reader behind it grows with the square.
        assert!(told("data.yaml", &"[".repeat(100_000)).contains("nested more than"));
        let large = format!("a: {}\n", "x".repeat(MOST - 4));
        let mut data = Data::default();
        add(&mut data, &[], "data.yaml", &large).unwrap();
        assert!(add(&mut data, &["b"], "b/data.yaml", "c: 1\n").unwrap_err().contains("at most 4 MiB together"));
    }
}
